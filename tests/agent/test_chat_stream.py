"""Payloads of the chat wire → events and the whole answer."""

import json

import pytest

from agent.errors import AnswerCutShort, ServerFailed
from agent.events import Event, Finished, TextDelta, ThinkDelta
from agent.messages import Message, TextPart, ThinkPart, Usage
from agent.wire.base import StreamError
from agent.wire.chat_stream import ChatReader

END = b"[DONE]"


def chunk(delta: object = None, finish: str | None = None, **beside: object) -> bytes:
    """Return the payload of one chunk, shaped as Moonshot sends it."""
    choice = {"index": 0, "delta": delta, "finish_reason": finish}
    return json.dumps({"id": "c", "model": "served", "choices": [choice], **beside}).encode()


def answered(*payloads: bytes) -> tuple[list[Event], Finished]:
    """Return the events of a whole stream and its end."""
    reader = ChatReader()
    return reader.read_all(payloads), reader.finish()


def test_an_answer_as_moonshot_streams_it() -> None:
    """Reasoning stays apart from text, usage sits in the last choice, the model is the served."""
    usage = {"prompt_tokens": 9, "completion_tokens": 5, "total_tokens": 14, "cached_tokens": 4}
    last = {"index": 0, "delta": {}, "finish_reason": "stop", "usage": usage}
    events, finished = answered(
        chunk({"role": "assistant", "content": ""}),
        chunk({"reasoning_content": "Hm. "}),
        chunk({"reasoning_content": "So:\n", "content": None}),
        chunk({"content": "Hel"}),
        chunk({"content": "lo. 👋"}),
        json.dumps({"model": "served", "choices": [last]}).encode(),
        END,
    )
    assert events == [
        ThinkDelta("Hm. "),
        ThinkDelta("So:\n"),
        TextDelta("Hel"),
        TextDelta("lo. 👋"),
    ]
    assert finished == Finished(
        message=Message("assistant", (ThinkPart("Hm. So:\n"), TextPart("Hello. 👋"))),
        finish_reason="stop",
        model="served",
        usage=Usage(prompt_tokens=9, completion_tokens=5, cached_tokens=4),
    )


@pytest.mark.parametrize(
    ("in_choice", "on_top", "expected"),
    [
        (None, None, None),
        ({"prompt_tokens": 3}, None, Usage(prompt_tokens=3)),
        (None, {"prompt_tokens": 4, "cached_tokens": 2}, Usage(prompt_tokens=4, cached_tokens=2)),
        ({"prompt_tokens": 4}, {"prompt_tokens": 4}, Usage(prompt_tokens=4)),
        ({"prompt_tokens": 3}, {"prompt_tokens": 4}, Usage(prompt_tokens=4)),
        (None, {"prompt_tokens_details": {"cached_tokens": 7}}, Usage(cached_tokens=7)),
        (
            None,
            {"cached_tokens": 7, "prompt_tokens_details": {"cached_tokens": 7}},
            Usage(cached_tokens=7),
        ),
        (None, {"prompt_tokens": None, "prompt_tokens_details": None}, Usage()),
        (
            None,
            {"completion_tokens": 9, "completion_tokens_details": {"reasoning_tokens": 5}},
            Usage(completion_tokens=9, reasoning_tokens=5),
        ),
        (None, {"completion_tokens_details": {"reasoning_tokens": None}}, Usage()),
    ],
)
def test_usage_is_found_wherever_it_sits(
    in_choice: object, on_top: object, expected: Usage | None
) -> None:
    """The top level is preferred and never added to the choice's."""
    choice = {"delta": {}, "finish_reason": "stop", "usage": in_choice}
    _, finished = answered(
        json.dumps({"choices": [choice]}).encode(),
        json.dumps({"choices": [], "usage": on_top}).encode(),
        END,
    )
    assert finished.usage == expected


def test_the_first_finish_reason_counts() -> None:
    """A second chunk with `stop` after `tool_calls` was seen on a routed model."""
    _, finished = answered(chunk({}, "tool_calls"), chunk({}, "stop"), END)
    assert finished.finish_reason == "tool_calls"


def test_odd_chunks_do_no_harm() -> None:
    """Nulls, missing choices, unknown fields and nameless calls pass without an event."""
    events, finished = answered(
        b"{}",
        b'{"choices":null,"model":null,"usage":null,"error":null}',
        b'{"choices":[{}]}',
        chunk(None),
        chunk({"tool_calls": [{"index": 0, "function": {"arguments": "{"}}]}),
        chunk({"content": "a"}, system_fingerprint="x"),
        END,
        b"what comes after the end is not read",
    )
    assert events == [TextDelta("a")]
    assert finished.message == Message("assistant", (TextPart("a"),))
    assert (finished.finish_reason, finished.model, finished.usage) == ("", "served", None)


def test_half_an_emoji_in_a_chunk_is_replaced() -> None:
    """A server that cuts an escaped pair in two, or sends broken UTF-8, does not end the answer."""
    events, _ = answered(
        b'{"choices":[{"delta":{"content":"a\\ud83d"}}]}',
        b'{"choices":[{"delta":{"content":"b\xff"}}]}',
        END,
    )
    assert events == [TextDelta("a\ufffd"), TextDelta("b\ufffd")]


def test_a_missing_end_mark_is_an_incomplete_answer() -> None:
    """Even after a finish reason; what came is kept."""
    reader = ChatReader()
    reader.read_all([chunk({"reasoning_content": "hm"}), chunk({"content": "Hel"}, "stop")])
    assert not reader.ended
    with pytest.raises(AnswerCutShort, match=r"\[DONE\].*kept") as raised:
        reader.finish()
    assert "`hermes " in raised.value.remedy
    assert reader.partial() == Message("assistant", (ThinkPart("hm"), TextPart("Hel")))


def test_a_payload_that_stops_in_its_middle_is_an_incomplete_answer() -> None:
    """A connection that ends between two packets leaves half an event, at any byte."""
    whole = chunk({"content": "é"}).decode().replace("\\u00e9", "é").encode()
    for end in range(1, len(whole)):
        with pytest.raises(AnswerCutShort, match="in the middle of an event"):
            ChatReader().read_all([whole[:end]])


@pytest.mark.parametrize("payload", [b"<html>", b"[1]", b'{"choices":5}', b"nonsense" * 100])
def test_what_cannot_be_read_is_shown(payload: bytes) -> None:
    """The sentence holds the beginning of what the endpoint sent, and not megabytes of it."""
    with pytest.raises(ServerFailed, match="cannot be read") as raised:
        ChatReader().read_all([payload])
    assert payload[:8].decode() in raised.value.message
    assert len(raised.value.message) < 400
    assert "`hermes " in raised.value.remedy


@pytest.mark.parametrize(
    ("error", "said", "kind"),
    [
        ({"message": "overloaded", "type": "engine_overloaded_error"}, "overloaded", "engine_"),
        ({"message": "no", "code": 500}, "no", "500"),
        ({"message": None, "type": None}, "", ""),
        ("it broke", "it broke", ""),
    ],
)
def test_an_error_object_in_the_stream_is_given_to_the_client(
    error: object, said: str, kind: str
) -> None:
    """What came before it is kept; what it means is not for the wire to say."""
    reader = ChatReader()
    reader.read_all([chunk({"content": "Hel"})])
    with pytest.raises(StreamError) as raised:
        reader.read_all([json.dumps({"error": error}).encode()])
    assert raised.value.said == said
    assert raised.value.kind.startswith(kind)
    assert reader.partial() == Message("assistant", (TextPart("Hel"),))
