"""Tools, calls and results → whole bodies of the messages wire, compared as literals."""

import pytest

from agent.errors import UsageError
from agent.messages import (
    ImagePart,
    Message,
    Options,
    TextPart,
    ThinkPart,
    Tool,
    ToolCall,
    ToolResult,
    VideoPart,
    user,
)
from agent.wire.base import Shape
from agent.wire.messages_request import messages_body
from agent.wire.turns import Memory

SHAPE = Shape(model="m", budget_tokens=9, quirks=frozenset({"replay-reasoning"}))
READ = Tool(name="read", description="Read.", parameters={"type": "object", "properties": {}})


def turns_of(messages: list[Message]) -> str:
    """Return what stands in `messages` of the body."""
    body = messages_body(messages, SHAPE).decode()
    head, tail = '{"model":"m","max_tokens":9,"messages":[', '],"stream":true}'
    assert body.startswith(head)
    assert body.endswith(tail)
    return body.removeprefix(head).removesuffix(tail)


def test_a_turn_with_tools_has_them_after_what_a_plain_turn_has() -> None:
    """The messages stand where they stood; an effort is asked in two fields."""
    options = Options(tool_choice="none", effort="high", cache_key="session-1")
    body = messages_body([user("hi")], SHAPE, tools=[READ], options=options).decode()
    assert body == (
        '{"model":"m","max_tokens":9,'
        '"messages":[{"role":"user","content":[{"type":"text","text":"hi"}]}],"stream":true,'
        '"tools":[{"name":"read","description":"Read.",'
        '"input_schema":{"type":"object","properties":{}}}],"tool_choice":{"type":"none"},'
        '"thinking":{"type":"adaptive"},"output_config":{"effort":"high"}}'
    )


def test_calls_and_results_are_blocks() -> None:
    """Thinking leads, input is the model's own JSON, results open the user's next turn."""
    messages = [
        user("a"),
        Message(
            "assistant",
            (
                ThinkPart("hm"),
                TextPart(" "),
                ToolCall("t1", "read", '{"path": "x"}'),
                ToolCall("t2", "read", ""),
            ),
        ),
        Message("tool", (ToolResult("t2", "read", (TextPart("no"),), is_error=True),)),
        Message("tool", (ToolResult("t1", "read", (TextPart(""), TextPart("yes"))),)),
        user("b"),
    ]
    assert turns_of(messages) == (
        '{"role":"user","content":[{"type":"text","text":"a"}]},'
        '{"role":"assistant","content":['
        '{"type":"thinking","thinking":"hm","signature":""},'
        '{"type":"tool_use","id":"t1","name":"read","input":{"path": "x"}},'
        '{"type":"tool_use","id":"t2","name":"read","input":{}}]},'
        '{"role":"user","content":['
        '{"type":"tool_result","tool_use_id":"t2",'
        '"content":[{"type":"text","text":"no"}],"is_error":true},'
        '{"type":"tool_result","tool_use_id":"t1","content":[{"type":"text","text":"yes"}]},'
        '{"type":"text","text":"b"}]}'
    )


def test_a_missing_result_is_an_error_and_an_orphan_is_dropped() -> None:
    """Every tool_use has its tool_result in the next turn, and no result is without one."""
    messages = [
        Message("tool", (ToolResult("z", "read", (TextPart("before"),)),)),
        Message("assistant", (ToolCall("t1", "read", "{}"),)),
        Message("tool", (ToolResult("t9", "read", (TextPart("orphan"),)),)),
    ]
    assert turns_of(messages) == (
        '{"role":"assistant","content":['
        '{"type":"tool_use","id":"t1","name":"read","input":{}}]},'
        '{"role":"user","content":[{"type":"tool_result","tool_use_id":"t1","content":['
        '{"type":"text","text":"(no result: the call was interrupted)"}],"is_error":true}]}'
    )


@pytest.mark.parametrize("arguments", ['{"a":', "[1]", "words", "null", '{"a":1}x'])
def test_arguments_that_are_no_object_go_back_as_a_text(arguments: str) -> None:
    """The wire takes only an object; the model sees what it wrote (opencode#1111)."""
    turns = turns_of([Message("assistant", (ToolCall("t", "read", arguments),))])
    as_text = arguments.replace('"', '\\"')
    assert f'"input":{{"unreadable_arguments":"{as_text}"}}' in turns


def test_images_stay_images_in_a_result_and_the_rest_is_said_in_words() -> None:
    """What the wire cannot carry does not end the conversation."""
    parts = (ImagePart(b"GIF89a", ""), VideoPart(b"\x00\x00\x01\xba", ""))
    messages = [
        Message("assistant", (ToolCall("t", "read", "{}"),)),
        Message("tool", (ToolResult("t", "read", parts),)),
    ]
    assert turns_of(messages).endswith(
        '"content":[{"type":"image","source":{"type":"base64","media_type":"image/gif",'
        '"data":"R0lGODlh"}},{"type":"text","text":"(The messages wire takes no videos.)"}]}]}'
    )


def test_a_result_without_content_has_a_word() -> None:
    """An empty content is a 400 at some endpoints."""
    messages = [
        Message("assistant", (ToolCall("t", "read", "{}"),)),
        Message("tool", (ToolResult("t", "read", ()),)),
    ]
    assert '"content":[{"type":"text","text":"(no output)"}]' in turns_of(messages)


def test_half_an_emoji_in_a_call_is_replaced() -> None:
    """Nothing a tool or a model gives can make the body impossible."""
    turns = turns_of([Message("assistant", (ToolCall("t", "read", '{"a":"\udce9"}'),))])
    assert '"input":{"a":"\ufffd"}' in turns


def test_a_response_format_is_refused() -> None:
    """The wire has none, and to leave it out in silence would be a lie."""
    options = Options(response_format={"type": "json_object"})
    with pytest.raises(UsageError, match="no response format"):
        messages_body([user("a")], SHAPE, options=options)


def test_a_memory_gives_the_same_bytes() -> None:
    """Growing by a turn, falling back by one, and with a system message that comes late."""
    messages = [
        user("x"),
        Message("assistant", (ToolCall("a", "read", "{}"),)),
        Message("tool", (ToolResult("a", "read", (TextPart("1"),)),)),
        user("y"),
        Message("system", (TextPart("late"),)),
        Message("assistant", (TextPart("z"),)),
    ]
    memory = Memory()
    for end in (1, 2, 3, 4, 6, 3, 5):
        once = messages_body(messages[:end], SHAPE, tools=[READ])
        assert messages_body(messages[:end], SHAPE, tools=[READ], memory=memory) == once
