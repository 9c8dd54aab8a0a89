"""Tool calls in a chat stream → calls in order, byte for byte."""

import json

import pytest

from agent.errors import AnswerCutShort
from agent.events import Event, Finished, TextDelta, ThinkDelta, ToolCallReady
from agent.messages import Message, TextPart, ThinkPart, ToolCall
from agent.wire.chat_stream import ChatReader

END = b"[DONE]"


def piece(index: int | None = None, arguments: str | None = None, **first: object) -> object:
    """Return a piece of a call; its first one has `id` and `name`."""
    function: dict[str, object] = {} if arguments is None else {"arguments": arguments}
    if "name" in first:
        function = {"name": first.pop("name"), **function}
    shaped: dict[str, object] = {} if index is None else {"index": index}
    return {**shaped, **first, "function": function}


def chunk(*pieces: object, finish: str | None = None, **delta: object) -> bytes:
    """Return a chunk with pieces of calls."""
    if pieces:
        delta["tool_calls"] = list(pieces)
    return json.dumps({"choices": [{"delta": delta, "finish_reason": finish}]}).encode()


def answered(*payloads: bytes, names: dict[str, str] | None = None) -> tuple[list[Event], Finished]:
    """Return the events of a whole stream and its end."""
    reader = ChatReader(names or {})
    return reader.read_all(payloads), reader.finish()


def calls_in(events: list[Event]) -> list[ToolCall]:
    """Return the calls that were announced."""
    return [event.call for event in events if isinstance(event, ToolCallReady)]


def test_a_tool_turn_as_kimi_streams_it() -> None:
    """Reasoning, text, then two calls whose ids are echoed; the message keeps the order."""
    events, finished = answered(
        chunk(role="assistant", content=""),
        chunk(reasoning_content="hm"),
        chunk(content="I look."),
        chunk(piece(0, "", id="read:0", type="function", name="read")),
        chunk(piece(0, '{"path"')),
        chunk(piece(0, ': "é"}')),
        chunk(piece(1, "", id="list:1", type="function", name="list")),
        chunk(finish="tool_calls"),
        chunk(finish="stop"),
        END,
    )
    first, second = ToolCall("read:0", "read", '{"path": "é"}'), ToolCall("list:1", "list", "{}")
    assert events == [
        ThinkDelta("hm"),
        TextDelta("I look."),
        ToolCallReady(first),
        ToolCallReady(second),
    ]
    assert finished.message == Message(
        "assistant", (ThinkPart("hm"), TextPart("I look."), first, second)
    )
    assert finished.finish_reason == "tool_calls"


def test_parallel_calls_whose_pieces_are_mixed() -> None:
    """Pieces belong to their index, several in one chunk; the order is that of the beginnings."""
    events, _ = answered(
        chunk(piece(1, '{"b"', id="b", name="two"), piece(0, '{"a"', id="a", name="one")),
        chunk(piece(0, ":1}"), piece(1, ":2}"), finish="tool_calls"),
        END,
    )
    assert calls_in(events) == [ToolCall("b", "two", '{"b":2}'), ToolCall("a", "one", '{"a":1}')]


@pytest.mark.parametrize("index", [None, 0])
def test_gateways_that_do_not_count_are_told_by_the_id(index: int | None) -> None:
    """Every call at index 0, or at none; a piece without an id belongs to the last."""
    events, _ = answered(
        chunk(piece(index, "{", id="a", name="one")),
        chunk(piece(index, "}", id="a")),
        chunk(piece(index, "[", id="b", name="two")),
        chunk(piece(index, "]")),
        END,
    )
    assert calls_in(events) == [ToolCall("a", "one", "{}"), ToolCall("b", "two", "[]")]


def test_a_call_without_an_id_gets_none() -> None:
    """Ids are the endpoint's; an invented one would be an orphan there."""
    events, _ = answered(chunk(piece(0, "{}", name="one"), piece(1, "{}", name="two")), END)
    assert calls_in(events) == [ToolCall("", "one", "{}"), ToolCall("", "two", "{}")]


def test_unknown_fields_of_a_call_are_kept_byte_for_byte() -> None:
    """Kimi's own client sends them back (`extras`); they may come with any piece."""
    first = (
        b'{"choices":[{"delta":{"tool_calls":[{"index":0,"id":"a","type":"function",'
        b'"extras":{"k": [1.0]},"function":{"name":"one","arguments":""}}]}}]}'
    )
    events, _ = answered(first, chunk({"index": 0, "sign": "x"}), END)
    [call] = calls_in(events)
    assert call.extras == '{"extras":{"k": [1.0]},"sign":"x"}'


def test_names_are_given_back_as_the_tools_own() -> None:
    """The endpoint knows a name of ours that it allows; the loop knows its tool's."""
    events, _ = answered(
        chunk(piece(0, "{}", id="a", name="_2fa"), piece(1, "{}", id="b", name="other")),
        END,
        names={"_2fa": "2fa"},
    )
    assert [call.name for call in calls_in(events)] == ["2fa", "other"]


def test_a_name_comes_once_whatever_is_repeated() -> None:
    """Some gateways send id and name with every piece."""
    again = [chunk(piece(0, text, id="a", type="function", name="one")) for text in ("{", "}")]
    events, _ = answered(*again, END)
    assert calls_in(events) == [ToolCall("a", "one", "{}")]


def test_the_old_function_call_and_nameless_pieces_are_no_calls() -> None:
    """`function_call` was replaced years ago; a piece after the finish belongs to nothing."""
    events, finished = answered(
        chunk(function_call={"name": "x", "arguments": "{}"}),
        chunk({"index": 3, "function": None}),
        chunk(piece(0, "{}", id="a", name="one"), finish="tool_calls"),
        chunk(piece(0, "late")),
        END,
    )
    assert calls_in(events) == [ToolCall("a", "one", "{}")]
    assert finished.message.parts == (ToolCall("a", "one", "{}"),)


def test_half_an_emoji_in_arguments_is_replaced() -> None:
    """Within the arguments and beside them."""
    events, _ = answered(
        b'{"choices":[{"delta":{"tool_calls":[{"index":0,"id":"a","e":"\\ud83d",'
        b'"function":{"name":"one","arguments":"\\ud83d"}}]}}]}',
        END,
    )
    [call] = calls_in(events)
    assert call.arguments == "\ufffd"


def test_a_call_that_was_cut_is_left_out_of_what_came() -> None:
    """Half a call cannot be run, and sent back it would be refused."""
    reader = ChatReader()
    events = reader.read_all(
        [chunk(content="a"), chunk(piece(0, '{"x', id="a", name="one"))],
    )
    assert events == [TextDelta("a")]
    with pytest.raises(AnswerCutShort):
        reader.finish()
    assert reader.partial() == Message("assistant", (TextPart("a"),))
