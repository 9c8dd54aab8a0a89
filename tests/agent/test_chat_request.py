"""Messages → whole bodies of the chat wire, compared as literals."""

from agent.messages import Message, TextPart, ThinkPart, user
from agent.wire.base import Shape
from agent.wire.chat_request import chat_body, chat_headers

REPLAY = Shape(model="m", quirks=frozenset({"replay-reasoning"}))
ANSWERED = [
    Message("system", (TextPart("Be brief."),)),
    user("hi"),
    Message("assistant", (ThinkPart("Greet "), ThinkPart("back.\n"), TextPart("Hello."))),
    user("再见 👋"),
]


def test_one_prompt_is_the_smallest_body() -> None:
    """No sampling field, no budget unless one is asked for, usage asked for."""
    body = chat_body([user("hi")], REPLAY).decode()
    assert body == (
        '{"model":"m","messages":[{"role":"user","content":"hi"}],'
        '"stream":true,"stream_options":{"include_usage":true}}'
    )


def test_a_conversation_replays_its_reasoning_byte_for_byte() -> None:
    """Reasoning goes back joined and untouched; text that is not ASCII stays UTF-8."""
    body = chat_body(
        ANSWERED, Shape(model="m", quirks=frozenset({"replay-reasoning"}), budget_tokens=32000)
    ).decode()
    assert body == (
        '{"model":"m","messages":['
        '{"role":"system","content":"Be brief."},'
        '{"role":"user","content":"hi"},'
        '{"role":"assistant","reasoning_content":"Greet back.\\n","content":"Hello."},'
        '{"role":"user","content":"再见 👋"}],'
        '"max_completion_tokens":32000,"stream":true,"stream_options":{"include_usage":true}}'
    )


def test_reasoning_stays_here_where_it_is_not_wanted() -> None:
    """An endpoint without the replay quirk gets the text alone."""
    body = chat_body(ANSWERED[1:3], Shape(model="m")).decode()
    assert body == (
        '{"model":"m","messages":[{"role":"user","content":"hi"},'
        '{"role":"assistant","content":"Hello."}],'
        '"stream":true,"stream_options":{"include_usage":true}}'
    )


def test_an_assistant_turn_without_text_is_left_out() -> None:
    """An answer stopped while it was thinking would make every later turn a 400."""
    stopped = [
        user("a"),
        Message("assistant", (ThinkPart("hm"), TextPart(""), TextPart(" \n"))),
        Message("assistant", ()),
        user("b"),
    ]
    body = chat_body(stopped, REPLAY)
    assert body.decode() == (
        '{"model":"m","messages":[{"role":"user","content":"a"},{"role":"user","content":"b"}],'
        '"stream":true,"stream_options":{"include_usage":true}}'
    )


def test_half_an_emoji_from_a_terminal_is_replaced() -> None:
    """A lone surrogate cannot be UTF-8 and must not end the conversation; a pair is joined."""
    text = "caf\udce9 \ud83d\udc4b \ud83d"
    body = chat_body([user(text)], REPLAY)
    assert '"content":"caf\ufffd 👋 \ufffd"' in body.decode()


def test_the_headers_of_the_wire() -> None:
    """Our name and the key are not here: the transport adds them to every request."""
    assert chat_headers() == (
        ("Content-Type", "application/json"),
        ("Accept", "text/event-stream"),
    )
