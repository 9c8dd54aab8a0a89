"""Tool calls in a stream of the messages wire → the same events as on the chat wire."""

import pytest

from agent.events import Event, Finished, ToolCallReady
from agent.messages import Message, TextPart, ThinkPart, ToolCall
from agent.wire.chat_stream import ChatReader
from agent.wire.messages_stream import MessagesReader
from tests.agent.test_messages_stream import read

STOP = {"type": "message_stop"}
ENDED = {"type": "message_delta", "delta": {"stop_reason": "tool_use"}}


def begins(index: int, **block: object) -> dict[str, object]:
    """Return the beginning of a block."""
    return {"type": "content_block_start", "index": index, "content_block": block}


def grows(index: int, text: str) -> dict[str, object]:
    """Return a piece of a call's input."""
    delta = {"type": "input_json_delta", "partial_json": text}
    return {"type": "content_block_delta", "index": index, "delta": delta}


def stops(index: int) -> dict[str, object]:
    """Return the end of a block."""
    return {"type": "content_block_stop", "index": index}


def answered(*payloads: object, names: dict[str, str] | None = None) -> tuple[list[Event], Event]:
    """Return the events of a whole stream and its end."""
    reader = MessagesReader(names or {})
    return read(reader, *payloads), reader.finish()


def test_both_wires_give_the_same_calls() -> None:
    """Reasoning, text and two calls; ids, arguments and the order are equal."""
    ours = answered(
        begins(0, type="thinking", thinking="hm"),
        stops(0),
        begins(1, type="text", text="I look."),
        stops(1),
        begins(2, type="tool_use", id="a", name="read", input={}),
        grows(2, ""),
        grows(2, '{"path"'),
        grows(2, ': "é"}'),
        stops(2),
        begins(3, type="tool_use", id="b", name="sent", input={}),
        stops(3),
        ENDED,
        STOP,
        names={"sent": "own"},
    )
    chat = ChatReader({"sent": "own"})
    first = {"index": 0, "id": "a", "function": {"name": "read", "arguments": '{"path": "é"}'}}
    second = {"index": 1, "id": "b", "function": {"name": "sent", "arguments": ""}}
    events = read(
        chat,
        {"choices": [{"delta": {"reasoning_content": "hm"}}]},
        {"choices": [{"delta": {"content": "I look."}}]},
        {"choices": [{"delta": {"tool_calls": [first, second]}, "finish_reason": "tool_calls"}]},
    )
    chat.read_all([b"[DONE]"])
    assert ours == (events, chat.finish())
    assert isinstance(ours[1], Finished)
    assert ours[1].message == Message(
        "assistant",
        (
            ThinkPart("hm"),
            TextPart("I look."),
            ToolCall("a", "read", '{"path": "é"}'),
            ToolCall("b", "own", "{}"),
        ),
    )


@pytest.mark.parametrize(
    ("block", "arguments"),
    [
        ({"input": {"a": 1}}, '{"a": 1}'),
        ({"input": None}, "{}"),
        ({"input": "words"}, "{}"),
        ({}, "{}"),
    ],
)
def test_input_that_is_not_streamed_comes_with_the_beginning(
    block: dict[str, object], arguments: str
) -> None:
    """Some gateways send it whole, some send nothing."""
    events, _ = answered(begins(0, type="tool_use", id="a", name="read", **block), STOP)
    assert events == [ToolCallReady(ToolCall("a", "read", arguments))]


def test_a_call_ends_with_whatever_comes_after_it() -> None:
    """Missing block ends lose no call: the next one, the stop reason or the end closes it."""
    events, finished = answered(
        begins(0, type="tool_use", id="a", name="one"),
        grows(0, '{"a":1}'),
        begins(1, type="tool_use", id="b", name="two"),
        grows(1, '{"b":2}'),
        ENDED,
        begins(2, type="tool_use", name="three"),
        begins(3, type="tool_use", id="nameless"),
        STOP,
    )
    expected = [
        ToolCall("a", "one", '{"a":1}'),
        ToolCall("b", "two", '{"b":2}'),
        ToolCall("", "three", "{}"),
    ]
    assert events == [ToolCallReady(call) for call in expected]
    assert isinstance(finished, Finished)
    assert finished.message.parts == tuple(expected)
    assert finished.finish_reason == "tool_calls"


def test_a_call_of_the_servers_own_is_none_of_ours() -> None:
    """`server_tool_use` is run there; its input is not a call for us."""
    events, _ = answered(
        begins(0, type="server_tool_use", id="s", name="web_search"),
        grows(0, '{"q":1}'),
        stops(0),
        begins(1, type="tool_use", id="a", name="one"),
        stops(1),
        STOP,
    )
    assert events == [ToolCallReady(ToolCall("a", "one", "{}"))]


def test_a_call_that_was_cut_is_left_out_of_what_came() -> None:
    """The one before it was whole and stays."""
    reader = MessagesReader()
    read(
        reader,
        begins(0, type="tool_use", id="a", name="one"),
        stops(0),
        begins(1, type="tool_use", id="b", name="two"),
        grows(1, '{"x'),
    )
    assert reader.partial() == Message("assistant", (ToolCall("a", "one", "{}"),))
