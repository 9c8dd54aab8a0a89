"""How answers come: tool calls, errors inside streams, cuts, a script to resume, counted usage."""

import json
from typing import Any

import httpx2
import pytest

from kimi_mock.recorded import Recorded
from kimi_mock.replies import Reply
from kimi_mock.server import KimiMock
from tests.kimi_mock.asking import USER, Asker

OVERLOADED = {
    "message": "The engine is currently overloaded, please try again later",
    "type": "engine_overloaded_error",
}


def events(answer: httpx2.Response) -> list[Any]:
    """Return the JSON payloads of a stream."""
    lines = answer.content.decode().split("\n")
    texts = [line.removeprefix("data: ") for line in lines if line.startswith("data: {")]
    return [json.loads(text) for text in texts]


def said(answer: httpx2.Response, name: str = "content") -> str:
    """Return the pieces of a chat stream called `name`, joined."""
    deltas = [choice["delta"] for event in events(answer) for choice in event["choices"]]
    return "".join(delta.get(name) or "" for delta in deltas)


def test_tool_calls_in_a_stream(kimi: KimiMock, asker: Asker) -> None:
    """Id, type and name in the first delta of a call, pieces of arguments after it."""
    kimi.replies.append(Reply.calling(("look", {"at": "here"}), ("listen", "{}"), text="I look."))

    sent = events(asker.post(stream=True))

    calls = [
        call
        for event in sent
        for choice in event["choices"]
        for call in choice["delta"].get("tool_calls", [])
    ]
    assert calls == [
        {
            "index": 0,
            "id": "look:0",
            "type": "function",
            "function": {"name": "look", "arguments": ""},
        },
        {"index": 0, "function": {"arguments": '{"at":"h'}},
        {"index": 0, "function": {"arguments": 'ere"}'}},
        {
            "index": 1,
            "id": "listen:1",
            "type": "function",
            "function": {"name": "listen", "arguments": ""},
        },
        {"index": 1, "function": {"arguments": "{}"}},
    ]
    assert sent[-1]["choices"][0]["finish_reason"] == "tool_calls"


def test_tool_calls_in_one_piece(kimi: KimiMock, asker: Asker) -> None:
    """Whole answers carry them on both wires; broken arguments stay broken where they can."""
    kimi.replies += [Reply.calling(("look", '{"at":'))] * 2

    message = asker.post().json()["choices"][0]["message"]
    blocks = asker.post("moonshot", "messages").json()

    function = {"name": "look", "arguments": '{"at":'}
    assert message["tool_calls"] == [{"id": "look:0", "type": "function", "function": function}]
    assert blocks["content"] == [{"type": "tool_use", "id": "look:0", "name": "look", "input": {}}]
    assert blocks["stop_reason"] == "tool_use"


def test_two_chunks_that_finish(kimi: KimiMock, asker: Asker) -> None:
    """The second says `stop` after `tool_calls`, as was seen on a routed K2.6."""
    kimi.second_finish = True
    kimi.replies.append(Reply.calling(("look", {})))

    sent = events(asker.post(stream=True))

    reasons = [choice["finish_reason"] for event in sent for choice in event["choices"]]
    assert [reason for reason in reasons if reason] == ["tool_calls", "stop"]


def test_an_error_inside_a_stream(kimi: KimiMock, asker: Asker) -> None:
    """After so many pieces an error object comes, and nothing after it."""
    kimi.error_after = 2

    chat = asker.post(stream=True)
    blocks = asker.post("moonshot", "messages", stream=True)

    assert events(chat)[-1] == {"error": OVERLOADED}
    assert "[DONE]" not in chat.text
    assert events(blocks)[-1] == {
        "type": "error",
        "error": {**OVERLOADED, "type": "rate_limit_error"},
    }


def test_switches_beat_the_reply(kimi: KimiMock, asker: Asker) -> None:
    """What a reply leaves or says is overruled for every answer, until `reset`."""
    kimi.space, kimi.comments, kimi.done, kimi.usage_place = False, True, False, "none"
    kimi.newline = "\r\n"

    text = asker.post(stream=True, stream_options={"include_usage": True}).text

    assert ":keep-alive\r\n\r\ndata:{" in text
    assert "[DONE]" not in text
    assert "usage" not in text
    kimi.reset()
    assert "[DONE]" in asker.post(stream=True).text


def test_a_stall_in_the_middle(kimi: KimiMock, asker: Asker) -> None:
    """Silence lies before the event of the switch, and what came before it has arrived."""
    kimi.stall_at, kimi.stall_seconds = 2, 30

    came = asker.arrived()

    assert came.count(b"data: ") == 2
    assert came.endswith(b"\n\n")


def test_usage_with_details(kimi: KimiMock, asker: Asker) -> None:
    """Some captures have `prompt_tokens_details`, some have not."""
    kimi.usage_details = True

    assert asker.post().json()["usage"] == {
        "prompt_tokens": 21,
        "completion_tokens": 9,
        "total_tokens": 30,
        "cached_tokens": 5,
        "prompt_tokens_details": {"cached_tokens": 5},
    }


def test_a_recorded_reply_breaks_off(kimi: KimiMock, asker: Asker) -> None:
    """After so many characters of reasoning and text the connection closes."""
    kimi.replies.append(Reply.recorded("Hello there.", "Hm. ", cut_at=9))

    with pytest.raises(httpx2.RemoteProtocolError):
        asker.post(stream=True)

    kimi.replies.append(Reply.recorded("Hello there.", "Hm. "))
    assert said(asker.post(stream=True)) == "Hello there."


@pytest.mark.parametrize("cut", range(400, 1_400, 83))
def test_a_cut_stream_is_resumed(kimi: KimiMock, asker: Asker, cut: int) -> None:
    """What came before any cut, and what partial mode answers after it, make up the script."""
    kimi.script = Recorded("Erst denken.", "Grüße aus 北京, in ganzen Sätzen.", piece_chars=3)
    kimi.cut_points = [cut, None]
    came = asker.arrived()
    whole_events = came.rpartition(b"\n\n")[0].decode() + "\n\n"
    first = httpx2.Response(200, content=whole_events)
    begun = {
        "role": "assistant",
        "content": said(first),
        "reasoning_content": said(first, "reasoning_content"),
        "partial": True,
    }

    second = asker.post(stream=True, messages=[USER, begun])

    assert len(came) == cut
    assert said(first) + said(second) == kimi.script.text
    reasoning = "reasoning_content"
    both = said(first, reasoning) + said(second, reasoning)
    assert both == kimi.script.reasoning


def test_a_cut_inside_a_character(kimi: KimiMock, asker: Asker) -> None:
    """The cut falls between the bytes of one character, if that is where it is asked to."""
    kimi.script = Recorded("", "Grüße.")
    whole = asker.post(stream=True).content
    kimi.cut_points = [whole.index("ü".encode()) + 1]

    came = asker.arrived()

    assert came == whole.replace(b"mock-0001", b"mock-0002")[: len(came)]
    with pytest.raises(UnicodeDecodeError):
        came.decode()


def test_a_wrong_beginning_is_refused(kimi: KimiMock, asker: Asker) -> None:
    """A partial message that the script does not begin with is a 400, and so is a lost blank."""
    kimi.script = Recorded("", "One two.")

    def asked(content: str) -> str:
        begun = {"role": "assistant", "content": content, "partial": True}
        return asker.refused(messages=[USER, begun])

    assert asked("One ") == ""
    assert "no beginning of the recorded answer" in asked("Onetwo")
    assert said(asker.post(stream=True)) == "One two."
    assert "json_object" in asker.refused(
        messages=[USER, {"role": "assistant", "content": "One", "partial": True}],
        response_format={"type": "json_object"},
    )


def test_usage_is_counted_and_cached(kimi: KimiMock, asker: Asker) -> None:
    """A prompt's tokens are its bytes // 4, and what it shares with an earlier one is cached."""
    kimi.count_tokens = True
    first = [{"role": "user", "content": "x" * 400}]
    grown = [*first, {"role": "assistant", "content": "Hello"}, USER]
    prefix_bytes = len(json.dumps(first, separators=(",", ":"))) - 1

    def usage(surface: str = "kimi-code", **fields: Any) -> dict[str, int]:
        counted: dict[str, int] = asker.post(surface, **fields).json()["usage"]
        return counted

    assert usage(messages=first, prompt_cache_key="a") == {
        "prompt_tokens": (prefix_bytes + 1) // 4,
        "completion_tokens": len("Hm. Hello from Kimi.") // 4,
        "total_tokens": (prefix_bytes + 1) // 4 + 5,
        "cached_tokens": 0,
    }
    assert usage(messages=grown, prompt_cache_key="a")["cached_tokens"] == prefix_bytes // 4
    assert usage(messages=grown, prompt_cache_key="b")["cached_tokens"] == 0
    assert usage(messages=grown)["cached_tokens"] == 0
    assert usage(messages=grown)["cached_tokens"] == 0
    changed = usage(messages=grown, prompt_cache_key="a", reasoning_effort="low")
    assert changed["cached_tokens"] == 0
    assert usage("moonshot", messages=first)["cached_tokens"] == 0
    assert usage("moonshot", messages=first)["cached_tokens"] == (prefix_bytes + 1) // 4


def test_counting_on_the_messages_wire(kimi: KimiMock, asker: Asker) -> None:
    """The cached part is left out of `input_tokens` and stands beside it; the key is enough."""
    kimi.count_tokens = True
    fields: dict[str, Any] = {"system": "Be brief. " * 40, "max_tokens": 99}

    def usage(**more: Any) -> tuple[int, int]:
        counted = asker.post("kimi-code", "messages", **fields, **more).json()["usage"]
        return counted["input_tokens"], counted["cache_read_input_tokens"]

    first, again = usage(), usage()

    assert first[1] == 0
    assert again == (0, first[0])
    assert usage(metadata={"user_id": "other"}) == first


def test_a_reply_with_usage_keeps_it(kimi: KimiMock, asker: Asker) -> None:
    """Counting does not overrule what a test wrote down."""
    kimi.count_tokens = True
    kimi.replies.append(Reply.streaming({"content": "x"}, usage={"prompt_tokens": 1}))

    assert asker.post().json()["usage"] == {"prompt_tokens": 1}
