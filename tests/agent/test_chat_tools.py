"""Tools, calls and results → whole bodies of the chat wire, compared as literals."""

import json

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
    user,
)
from agent.wire.base import Shape
from agent.wire.chat_request import chat_body
from agent.wire.flavored_schema import flavored
from agent.wire.tools import names_read
from agent.wire.turns import Memory

TAIL = '"stream":true,"stream_options":{"include_usage":true}}'
PLAIN = Shape(model="m")
KIMI = Shape(model="m", quirks=frozenset({"replay-reasoning", "flavored-schema"}))
READ = Tool(
    name="read",
    description="Read a file.",
    parameters={"type": "object", "properties": {"path": {"type": "string"}}},
)
PNG = b"\x89PNG\r\n\x1a\nrest"


def asks(*calls: ToolCall, text: str = "") -> Message:
    """Return an assistant's message of calls."""
    return Message("assistant", (TextPart(text), *calls))


def gives(*results: ToolResult) -> Message:
    """Return a tool message."""
    return Message("tool", results)


def result(call_id: str, text: str, name: str = "read") -> ToolResult:
    """Return a result of one text."""
    return ToolResult(call_id, name, (TextPart(text),))


def messages_of(body: bytes) -> str:
    """Return what stands in `messages` of a body without tools and options."""
    text = body.decode()
    assert text.startswith('{"model":"m","messages":[')
    assert text.endswith("]," + TAIL)
    return text.removeprefix('{"model":"m","messages":[').removesuffix("]," + TAIL)


def test_a_turn_with_tools_has_them_after_what_a_plain_turn_has() -> None:
    """The prefix of the body is the same with and without tools; every field has its place."""
    options = Options(
        tool_choice="none",
        effort="high",
        response_format={"type": "json_object"},
        cache_key="session-1",
    )
    body = chat_body([user("hi")], PLAIN, tools=[READ], options=options).decode()
    assert body == (
        '{"model":"m","messages":[{"role":"user","content":"hi"}],' + TAIL[:-1] + ","
        '"tools":[{"type":"function","function":{"name":"read","description":"Read a file.",'
        '"parameters":{"type":"object","properties":{"path":{"type":"string"}}}}}],'
        '"tool_choice":"none","reasoning_effort":"high",'
        '"response_format":{"type":"json_object"},"prompt_cache_key":"session-1"}'
    )


def test_a_tool_turn_goes_back_as_it_came() -> None:
    """Blank content is omitted, reasoning and arguments and ids are untouched, extras too."""
    messages = [
        user("a"),
        Message(
            "assistant",
            (
                ThinkPart(" hm\n"),
                TextPart(" \n"),
                ToolCall("read:0", "read", '{"path": "x"}', '{"extras":{"k": [1]}}'),
                ToolCall("read:1", "read", ""),
            ),
        ),
        gives(result("read:1", "two")),
        gives(result("read:0", "one")),
        Message("assistant", (TextPart("Done."),)),
    ]
    assert messages_of(chat_body(messages, KIMI)) == (
        '{"role":"user","content":"a"},'
        '{"role":"assistant","reasoning_content":" hm\\n","tool_calls":['
        '{"id":"read:0","type":"function","function":{"name":"read",'
        '"arguments":"{\\"path\\": \\"x\\"}"},"extras":{"k": [1]}},'
        '{"id":"read:1","type":"function","function":{"name":"read","arguments":"{}"}}]},'
        '{"role":"tool","tool_call_id":"read:1","name":"read","content":"two"},'
        '{"role":"tool","tool_call_id":"read:0","name":"read","content":"one"},'
        '{"role":"assistant","content":"Done."}'
    )


def test_every_call_has_its_result_right_after() -> None:
    """A missing one says so, orphans and second ones are dropped, an empty one has a word."""
    messages = [
        gives(result("z", "before everything")),
        asks(ToolCall("a", "read", "{}"), ToolCall("b", "read", "{}"), text="I look."),
        gives(result("a", ""), result("a", "again"), result("c", "orphan")),
        user("go on"),
        gives(result("b", "too late")),
    ]
    calls = ",".join(
        f'{{"id":"{name}","type":"function","function":{{"name":"read","arguments":"{{}}"}}}}'
        for name in "ab"
    )
    assert messages_of(chat_body(messages, PLAIN)) == (
        f'{{"role":"assistant","content":"I look.","tool_calls":[{calls}]}},'
        '{"role":"tool","tool_call_id":"a","name":"read","content":"(no output)"},'
        '{"role":"tool","tool_call_id":"b","name":"read",'
        '"content":"(no result: the call was interrupted)"},'
        '{"role":"user","content":"go on"}'
    )


def test_ids_that_repeat_are_paired_by_count() -> None:
    """Kimi counts its ids anew in each turn, and a gateway may repeat one within a turn."""
    messages = [
        asks(ToolCall("", "read", "{}"), ToolCall("", "read", "{}")),
        gives(result("", "1"), result("", "2"), result("", "3")),
    ]
    body = messages_of(chat_body(messages, PLAIN))
    assert body.count('"role":"tool"') == 2
    assert body.index('"content":"1"') < body.index('"content":"2"')


def test_a_result_keeps_its_images() -> None:
    """A screenshot stays a part: as text it cost one user 100,000 tokens (contract 10.35)."""
    shot = ToolResult("a", "read", (TextPart("seen:"), TextPart(" "), ImagePart(PNG, "image/x")))
    body = messages_of(chat_body([asks(ToolCall("a", "read", "{}")), gives(shot)], PLAIN))
    assert body.endswith(
        '{"role":"tool","tool_call_id":"a","name":"read","content":[{"type":"text","text":"seen:"},'
        '{"type":"image_url","image_url":{"url":"data:image/png;base64,iVBORw0KGgpyZXN0"}}]}'
    )


def test_what_a_tool_gives_and_cannot_be_sent_is_said_in_words() -> None:
    """The loop goes on: the model reads why it does not see the file."""
    shot = ToolResult("a", "read", (ImagePart(b"BM..", "image/bmp"),))
    body = messages_of(chat_body([asks(ToolCall("a", "read", "{}")), gives(shot)], PLAIN))
    assert '"content":"(These 4 bytes are no image that can be sent' in body


def test_names_that_the_endpoint_refuses_are_renamed_both_ways() -> None:
    """kimi-cli#2531: a leading digit is a 400; calls in the history follow, gone tools too."""
    odd = Tool(name="2fa.code", description="", parameters={"type": "object"})
    call = ToolCall("x", "2fa.code", "{}")
    gone = ToolCall("y", "a b c", "{}")
    messages = [
        asks(call, gone),
        gives(result("x", "1", "2fa.code"), result("y", "2", "a b c")),
    ]
    body = chat_body(messages, KIMI, tools=[odd, READ]).decode()
    names = names_read([odd, READ], KIMI)
    [(sent, own)] = names.items()
    assert own == "2fa.code"
    assert body.count(f'"name":"{sent}"') == 3
    assert "2fa.code" not in body
    assert "a b c" not in body
    assert names_read([odd, READ], PLAIN) == {}


def test_half_an_emoji_in_a_call_is_replaced() -> None:
    """Nothing a tool or a model gives can make the body impossible."""
    messages = [
        asks(ToolCall("a", "read", '{"x":"\udce9"}', '{"e":"\ud83d"}')),
        gives(ToolResult("a", "read", (TextPart("\ud83d"), ImagePart(PNG, "image/png")))),
    ]
    tool = Tool(name="read", description="\ud83d", parameters={})
    body = chat_body(messages, PLAIN, tools=[tool]).decode()
    assert body.count("\ufffd") == 4
    assert "iVBORw0KGgpyZXN0" in body


def test_extras_that_somebody_broke_do_not_break_the_body() -> None:
    """A session file can be edited by hand."""
    calls = (ToolCall("a", "read", "{}", "{broken"), ToolCall("b", "read", "{}", "[1]"))
    body = chat_body([asks(*calls)], PLAIN).decode()
    assert "broken" not in body


def test_an_answer_is_continued_through_partial_mode() -> None:
    """Its beginning is the last message, with its reasoning and every byte of its text."""
    came = Message("assistant", (ThinkPart("hm"), TextPart("Hel "), TextPart("l ")))
    body = messages_of(chat_body([user("a")], PLAIN, continue_from=came))
    assert body == (
        '{"role":"user","content":"a"},'
        '{"role":"assistant","reasoning_content":"hm","content":"Hel l ","partial":true}'
    )


def test_a_response_format_is_in_the_endpoints_dialect() -> None:
    """The schema of `json_schema` goes the same way as a tool's; ours stays untouched."""
    schema = {"type": "object", "oneOf": [{"type": "object"}], "properties": {}}
    wanted = {"type": "json_schema", "json_schema": {"name": "x", "schema": schema}}
    options = Options(response_format=wanted)
    sent = json.loads(chat_body([user("a")], KIMI, options=options))["response_format"]
    assert sent["json_schema"] == {"name": "x", "schema": flavored(schema)}
    assert json.loads(chat_body([user("a")], PLAIN, options=options))["response_format"] == wanted
    assert wanted["json_schema"] == {"name": "x", "schema": schema}


def test_a_name_that_no_tool_has_cannot_be_forced() -> None:
    """The sentence lists what there is."""
    with pytest.raises(UsageError, match=r"no tool named 'write'; it has read\."):
        chat_body([user("a")], PLAIN, tools=[READ], options=Options(tool_choice="write"))


def test_a_memory_gives_the_same_bytes() -> None:
    """Whatever changes from turn to turn: more, fewer, other messages, tools and settings."""
    call = asks(ToolCall("a", "read", "{}"), ToolCall("b", "read", "{}"))
    first, second = gives(result("a", "1")), gives(result("b", "2"))
    grown = [user("x"), call, first, second, Message("assistant", (TextPart("y"),)), user("z")]
    other = Tool(name="other", description="", parameters={})
    memory = Memory()
    for messages, shape, tools in (
        ([], PLAIN, ()),
        (grown[:1], PLAIN, ()),
        (grown[:3], PLAIN, (READ,)),
        (grown[:4], PLAIN, (READ,)),
        (grown, PLAIN, (READ, other)),
        (grown, KIMI, (READ,)),
        (grown[2:], KIMI, (READ,)),
        ([*grown[:1], *grown[4:]], KIMI, ()),
        (grown[:2], KIMI, ()),
    ):
        once = chat_body(messages, shape, tools=tools)
        assert chat_body(messages, shape, tools=tools, memory=memory) == once
