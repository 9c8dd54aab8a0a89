"""Payloads of the messages wire → the same events as the chat wire gives."""

import json

import pytest

from agent.errors import AnswerCutShort, ServerFailed
from agent.events import Event, Finished, TextDelta, ThinkDelta
from agent.messages import Message, TextPart, ThinkPart, Usage
from agent.wire.base import StreamError, StreamReader
from agent.wire.chat_stream import ChatReader
from agent.wire.messages_stream import MessagesReader

STOP = {"type": "message_stop"}


def delta(index: int, kind: str, **fields: str) -> dict[str, object]:
    """Return one content_block_delta."""
    return {
        "type": "content_block_delta",
        "index": index,
        "delta": {"type": f"{kind}_delta", **fields},
    }


def read(reader: StreamReader, *payloads: object) -> list[Event]:
    """Give a reader some events as JSON."""
    return reader.read_all([json.dumps(payload).encode() for payload in payloads])


def answered(*payloads: object) -> tuple[list[Event], Event]:
    """Return the events of a whole stream and its end."""
    reader = MessagesReader()
    return read(reader, *payloads), reader.finish()


ANSWER: list[object] = [
    {
        "type": "message_start",
        "message": {
            "id": "msg_1",
            "role": "assistant",
            "model": "served",
            "content": [],
            "stop_reason": None,
            "usage": {"input_tokens": 5, "cache_read_input_tokens": 4, "output_tokens": 1},
        },
    },
    {"type": "content_block_start", "index": 0, "content_block": {"type": "thinking"}},
    {"type": "ping"},
    delta(0, "thinking", thinking="Hm. "),
    delta(0, "thinking", thinking="So:\n"),
    delta(0, "signature", signature="c2"),
    delta(0, "signature", signature="ln"),
    {"type": "content_block_stop", "index": 0},
    {"type": "content_block_start", "index": 1, "content_block": {"type": "text", "text": ""}},
    delta(1, "text", text="Hel"),
    delta(1, "text", text="lo. 👋"),
    {"type": "content_block_stop", "index": 1},
    {
        "type": "message_delta",
        "delta": {"stop_reason": "end_turn", "stop_sequence": None},
        "usage": {"output_tokens": 5},
    },
    STOP,
]


def test_an_answer_as_the_wire_streams_it() -> None:
    """Thinking keeps its signature; cached tokens are counted into the prompt's."""
    events, finished = answered(*ANSWER)
    assert events == [
        ThinkDelta("Hm. "),
        ThinkDelta("So:\n"),
        TextDelta("Hel"),
        TextDelta("lo. 👋"),
    ]
    assert finished == Finished(
        message=Message("assistant", (ThinkPart("Hm. So:\n", "c2ln"), TextPart("Hello. 👋"))),
        finish_reason="stop",
        model="served",
        usage=Usage(prompt_tokens=9, completion_tokens=5, cached_tokens=4),
    )


def test_both_wires_give_the_same_events() -> None:
    """The screen, the loop and the store cannot tell which wire an answer came over."""
    without_signature = [
        payload for payload in ANSWER if "signature_delta" not in json.dumps(payload)
    ]
    usage = {"prompt_tokens": 9, "completion_tokens": 5, "cached_tokens": 4}
    chat = ChatReader()
    events = read(
        chat,
        {"model": "served", "choices": [{"delta": {"reasoning_content": "Hm. "}}]},
        {"choices": [{"delta": {"reasoning_content": "So:\n"}}]},
        {"choices": [{"delta": {"content": "Hel"}}]},
        {"choices": [{"delta": {"content": "lo. 👋"}, "finish_reason": "stop"}], "usage": usage},
    )
    chat.read_all([b"[DONE]"])
    assert answered(*without_signature) == (events, chat.finish())


@pytest.mark.parametrize(
    ("theirs", "ours"),
    [
        ("end_turn", "stop"),
        ("stop_sequence", "stop"),
        ("max_tokens", "length"),
        ("refusal", "content_filter"),
        ("tool_use", "tool_calls"),
        ("pause_turn", "pause_turn"),
        (None, ""),
    ],
)
def test_reasons_are_said_in_the_chat_wires_words(theirs: str | None, ours: str) -> None:
    """A word that we do not know is passed on as it is."""
    _, finished = answered({"type": "message_delta", "delta": {"stop_reason": theirs}}, STOP)
    assert isinstance(finished, Finished)
    assert finished.finish_reason == ours


def test_each_thinking_block_keeps_its_own_signature() -> None:
    """Two blocks in a row stay two parts, and a signature alone is a part; text is merged."""
    _, finished = answered(
        delta(0, "thinking", thinking="a"),
        delta(0, "signature", signature="1"),
        {"type": "content_block_stop", "index": 0},
        delta(1, "signature", signature="2"),
        {"type": "content_block_stop", "index": 1},
        delta(2, "text", text="x"),
        {"type": "content_block_stop", "index": 2},
        {"type": "content_block_start", "index": 3, "content_block": {"type": "text", "text": "y"}},
        STOP,
    )
    assert isinstance(finished, Finished)
    assert finished.message.parts == (ThinkPart("a", "1"), ThinkPart("", "2"), TextPart("xy"))


def test_token_counts_are_running_totals() -> None:
    """A gateway that knows the prompt only at the end is believed, and its zeros are not."""
    _, finished = answered(
        {"type": "message_start", "message": {"usage": {"input_tokens": 0, "output_tokens": 0}}},
        {
            "type": "message_delta",
            "delta": {},
            "usage": {
                "input_tokens": 7,
                "cache_creation_input_tokens": 2,
                "cache_read_input_tokens": 3,
                "output_tokens": 4,
            },
        },
        {"type": "message_delta", "delta": {}, "usage": {"input_tokens": 0, "output_tokens": 6}},
        STOP,
    )
    assert isinstance(finished, Finished)
    assert finished.usage == Usage(prompt_tokens=12, completion_tokens=6, cached_tokens=3)


def test_odd_events_do_no_harm() -> None:
    """Unknown events, tool input, nulls and what follows the end pass without an event."""
    events, finished = answered(
        {"type": "unheard_of", "index": None, "delta": None},
        {"type": "content_block_start", "content_block": {"type": "tool_use", "input": {}}},
        delta(0, "input_json", partial_json='{"a"'),
        STOP,
        delta(0, "text", text="too late"),
    )
    assert events == []
    assert finished == Finished(
        message=Message("assistant", ()), finish_reason="", model="", usage=None
    )


def test_a_missing_end_mark_is_an_incomplete_answer() -> None:
    """Even after a stop reason; what came is kept."""
    reader = MessagesReader()
    read(reader, *ANSWER[:-1])
    with pytest.raises(AnswerCutShort, match=r"message_stop.*kept"):
        reader.finish()
    parts = (ThinkPart("Hm. So:\n", "c2ln"), TextPart("Hello. 👋"))
    assert reader.partial() == Message("assistant", parts)


def test_an_error_event_is_given_to_the_client() -> None:
    """What it means is not for the wire to say."""
    error = {"type": "overloaded_error", "message": "Overloaded"}
    with pytest.raises(StreamError) as raised:
        answered({"type": "error", "error": error})
    assert (raised.value.said, raised.value.kind) == ("Overloaded", "overloaded_error")


def test_what_cannot_be_read_is_shown() -> None:
    """The sentence holds the beginning of what the endpoint sent."""
    with pytest.raises(ServerFailed, match="cannot be read: '<html>'"):
        MessagesReader().read_all([b"<html>"])
