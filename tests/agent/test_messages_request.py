"""Messages → whole bodies of the messages wire, compared as literals."""

import pytest

from agent.messages import Message, TextPart, ThinkPart, user
from agent.wire.base import Shape
from agent.wire.messages_request import messages_body, messages_headers


def test_one_prompt_is_the_smallest_body() -> None:
    """No sampling field, no system, and the budget that the wire demands."""
    body = messages_body([user("hi")], Shape(model="m", budget_tokens=32000)).decode()
    assert body == (
        '{"model":"m","max_tokens":32000,'
        '"messages":[{"role":"user","content":[{"type":"text","text":"hi"}]}],"stream":true}'
    )


def test_a_conversation_keeps_thinking_blocks_and_moves_system_up() -> None:
    """Thinking goes back in its place with its signature, or with an empty one."""
    messages = [
        Message("system", (TextPart("Be brief."),)),
        user("hi"),
        Message("assistant", (ThinkPart("Greet.", "c2ln"), TextPart("Hello."), ThinkPart("So."))),
        Message("system", (TextPart("Be kind."),)),
        user("再见 👋"),
    ]
    shape = Shape(model="m", budget_tokens=1, quirks=frozenset({"replay-reasoning"}))
    body = messages_body(messages, shape).decode()
    assert body == (
        '{"model":"m","max_tokens":1,"system":"Be brief.\\n\\nBe kind.","messages":['
        '{"role":"user","content":[{"type":"text","text":"hi"}]},'
        '{"role":"assistant","content":['
        '{"type":"thinking","thinking":"Greet.","signature":"c2ln"},'
        '{"type":"text","text":"Hello."},'
        '{"type":"thinking","thinking":"So.","signature":""}]},'
        '{"role":"user","content":[{"type":"text","text":"再见 👋"}]}],"stream":true}'
    )


def test_unsigned_reasoning_stays_here_where_signatures_are_checked() -> None:
    """Reasoning that came over the chat wire, or of another endpoint, would be a 400 there."""
    messages = [
        user("a"),
        Message("assistant", (ThinkPart("hm"), ThinkPart("so", "c2ln"), TextPart("b"))),
    ]
    body = messages_body(messages, Shape(model="m", budget_tokens=1)).decode()
    assert body == (
        '{"model":"m","max_tokens":1,"messages":['
        '{"role":"user","content":[{"type":"text","text":"a"}]},'
        '{"role":"assistant","content":[{"type":"thinking","thinking":"so","signature":"c2ln"},'
        '{"type":"text","text":"b"}]}],"stream":true}'
    )


def test_a_shape_without_a_budget_is_a_mistake_of_ours() -> None:
    """The wire demands one, and none is invented here."""
    with pytest.raises(ValueError, match="budget"):
        messages_body([user("a")], Shape(model="m"))


def test_turns_of_one_speaker_become_one() -> None:
    """The wire wants speakers to alternate; a turn without text between two is left out."""
    messages = [
        user("a"),
        Message("assistant", (ThinkPart("hm"),)),
        Message("user", (TextPart("b"), TextPart(""), TextPart("c"))),
    ]
    body = messages_body(messages, Shape(model="m", budget_tokens=1)).decode()
    assert body == (
        '{"model":"m","max_tokens":1,"messages":[{"role":"user","content":['
        '{"type":"text","text":"a"},{"type":"text","text":"b"},{"type":"text","text":"c"}]}],'
        '"stream":true}'
    )


def test_half_an_emoji_from_a_terminal_is_replaced() -> None:
    """A lone surrogate must not end the conversation."""
    messages = [Message("system", (TextPart("\ud83d"),)), user("\udce9")]
    body = messages_body(messages, Shape(model="m", budget_tokens=1)).decode()
    assert '"system":"\ufffd"' in body
    assert '"text":"\ufffd"' in body


def test_the_headers_of_the_wire() -> None:
    """The version is the wire's own; our name and the key are the transport's."""
    assert messages_headers() == (
        ("Content-Type", "application/json"),
        ("Accept", "text/event-stream"),
        ("anthropic-version", "2023-06-01"),
    )
