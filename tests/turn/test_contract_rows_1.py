"""What users met elsewhere: rows 1 to 17 of the contract's section 10, each ours to get right."""

import copy
from pathlib import Path
from typing import Any

import pytest

from agent import errors
from agent.catalog.kimi import KIMI
from agent.choice import Origin
from agent.compaction import drop_oldest_tool_output
from agent.estimate import tokens_at_most
from agent.events import BudgetRaised
from agent.identity import PRODUCT, USER_AGENT
from agent.messages import (
    Message,
    Options,
    Part,
    TextPart,
    ThinkPart,
    Tool,
    ToolResult,
    calls_of,
    user,
)
from agent.sessions import Sessions
from kimi_mock.replies import Reply
from kimi_mock.server import KimiMock
from tests.conftest import CHINA_KEY, PLAN_KEY, PLATFORM_KEY
from tests.turn.asking import ask, route
from tests.turn.rows import CALL, NOW, WIRES, listed, result_of, says, tool

ALWAYS_THINKS = "kimi-k2.7-code"
SAMPLING = {"temperature", "top_p", "top_k", "n", "presence_penalty", "frequency_penalty", "seed"}
OVERLOADED = {"error": {"message": "overloaded", "type": "engine_overloaded_error"}}
OPEN_MODELS = [
    (endpoint, row)
    for endpoint in KIMI.endpoints
    for row in endpoint.models
    if not row.last_day and endpoint.id in ("kimi-code", "moonshot")
]
REQUESTED = {
    "kimi-coding": 200_000,
    "kimi-latest": 200_000,
    "kimi-k2.5": 262_144,
    "kimi-k2-thinking": 262_144,
    "kimi-k2-turbo-preview": 262_144,
    "kimi-k2-0905-preview": 262_144,
}


@pytest.mark.parametrize("key", [PLAN_KEY, PLATFORM_KEY])
def test_row_01_the_live_number_then_the_table(kimi: KimiMock, key: str) -> None:
    """hermes#966: each of its six ids has a number, and what the endpoint lists beats it."""
    for model, tokens in REQUESTED.items():
        shipped = route(key, model=model)
        window = shipped.window
        assert (window.value, window.origin, model in window.where) == (tokens, Origin.ROW, True)
        sent = shipped.model_id_sent
        kimi.models[shipped.endpoint.id] = [{"id": sent, "context_length": 123_456}]
        live = route(key, model=model, facts=listed(kimi, shipped)).window
        assert (live.value, live.origin, live.beaten[0].value) == (123_456, Origin.LIVE, tokens)


def test_row_02_the_prefix_routes_and_the_name_is_ours(kimi: KimiMock) -> None:
    """hermes#635, #1039: a plan key goes to the plan; at its gate our name stays our own."""
    asked = ask(kimi, route(PLAN_KEY))

    assert asked.shown == "Hello from Kimi."
    assert [(seen.surface, seen.path) for seen in kimi.seen] == [
        ("kimi-code", "/coding/v1/chat/completions"),
        ("kimi-code", "/coding/v1/messages"),
    ]
    assert {seen.headers["User-Agent"] for seen in kimi.seen} == {USER_AGENT}
    assert USER_AGENT.startswith("hermes-kimi/")


@pytest.mark.parametrize(
    ("key", "stored", "right"),
    [
        (PLAN_KEY, "https://api.moonshot.ai/v1", "https://api.kimi.com/coding/v1"),
        (PLATFORM_KEY, "https://api.kimi.com/coding/v1", "https://api.moonshot.ai/v1"),
    ],
)
def test_row_03_a_stored_url_that_contradicts_the_key_is_named(
    kimi: KimiMock, key: str, stored: str, right: str
) -> None:
    """hermes#43617, #68239: it is honoured, announced beforehand, and the 401 names the cause."""
    where = route(key, url=stored)

    [notice] = where.notices
    assert "--base-url" in notice
    assert right in notice
    asked = ask(kimi, where)
    assert isinstance(asked.error, errors.KeyRefused)
    assert right in asked.error.remedy
    assert len(kimi.seen) == 1


def test_row_04_a_401_names_the_other_region(kimi: KimiMock) -> None:
    """
    Keys of both regions look alike, so the hint names the other one, and an override is kept.

    hermes#8096, #8856; oh-my-pi#2883, #6052, #6504; opencodex#728; loushang#241; OpenKB#196.
    """
    for key, url, other in (
        (CHINA_KEY, "", "`hermes chat --probe` asks api.moonshot.cn"),
        (PLATFORM_KEY, "https://api.moonshot.cn/v1", "--base-url https://api.moonshot.ai/v1`"),
    ):
        asked = ask(kimi, route(key, url=url))
        assert isinstance(asked.error, errors.KeyRefused)
        assert other in asked.error.remedy
    kimi.seen.clear()

    assert ask(kimi, route(CHINA_KEY, url="https://api.moonshot.cn/v1")).error is None
    assert [seen.surface for seen in kimi.seen] == ["moonshot-cn"]


@pytest.mark.parametrize("wire", WIRES)
def test_row_05_no_path_sends_a_sampling_field(kimi: KimiMock, wire: str) -> None:
    """
    Not with tools, not in the retry, not in the resumed or larger request, on no model.

    hermes#9125, #11764 to #12835, #53455; litellm#29687; CountBot#61.
    """
    for model in ("kimi-k3", ALWAYS_THINKS, "kimi-k2.6"):
        kimi.replies += [
            Reply.error(429, OVERLOADED),
            Reply.streaming({"content": "Half "}, done=False),
            Reply.streaming({"content": "Half an answer."}),
            Reply.streaming({"reasoning_content": "Hm"}, finish_reason="length"),
        ]
        assert ask(kimi, route(model=model, wire=wire), tools=[tool()]).error is None
        asked = ask(kimi, route(model=model, wire=wire))
        assert asked.of(BudgetRaised)
    assert len(kimi.seen) == 15
    assert [seen for seen in kimi.seen if SAMPLING & set(seen.json)] == []


@pytest.mark.parametrize("wire", WIRES)
def test_row_06_nor_with_thinking_off(kimi: KimiMock, wire: str) -> None:
    """inspect_ai#5156: the pinned temperature is another one there, so none is sent either."""
    asked = ask(kimi, route(model="kimi-k2.6", wire=wire), options=Options(effort="off"))

    assert asked.error is None
    [seen] = kimi.seen
    assert seen.json["thinking"] == {"type": "disabled"}
    assert not SAMPLING & set(seen.json)


@pytest.mark.parametrize(("first", "then"), [(a, b) for a in WIRES for b in WIRES])
def test_row_07_reasoning_survives_disk_compaction_and_a_switch(
    kimi: KimiMock, tmp_path: Path, first: str, then: str
) -> None:
    """
    A strict endpoint takes the history after a resume, a compaction and on the other wire.

    hermes#13848, #14018, #71691; continue#11600, #11711; opencode#16318; mastra#12592;
    Kimi-K2.5#13; picoclaw#588; nanobot#1014; deer-flow#3043.
    """
    kimi.replay = "empty-is-missing"
    kimi.replies.append(Reply.calling(("read_file", {"path": "a"}), reasoning="Hm.\n 思 "))
    answer = ask(kimi, route(wire=first), tools=[tool()]).finished.message
    assert answer.parts[0] == ThinkPart("Hm.\n 思 ")
    sessions = Sessions(tmp_path / "x.db")
    name = sessions.create(directory=tmp_path, provider="p", base_url="u", model="m", at=NOW)
    [call] = calls_of(answer)
    for message in (user("go"), answer, result_of(call, "x" * 9_000), user("and?")):
        sessions.append(name, message, at=NOW)
    kimi.seen.clear()

    compacted = drop_oldest_tool_output(sessions.load(name), 1_000)
    asked = ask(kimi, route(wire=then), compacted, tools=[tool()])

    assert (asked.error, len(kimi.seen)) == (None, 1)
    sent = kimi.seen[0].json["messages"][1]
    thought = sent["content"][0]["thinking"] if then == "messages" else sent["reasoning_content"]
    assert thought == "Hm.\n 思 "
    assert len(kimi.seen[0].body) < 2_000


@pytest.mark.parametrize("wire", WIRES)
@pytest.mark.parametrize("model", ["kimi-k3", "kimi-k2.6"])
@pytest.mark.parametrize(
    ("replay", "parts", "requests"),
    [
        ("lenient", (), 1),
        ("strict", (), 2),
        ("empty-is-missing", (ThinkPart(""),), 2),
    ],
)
def test_row_08_missing_reasoning_is_mended_when_it_is_asked_for(
    kimi: KimiMock, wire: str, model: str, replay: Any, parts: tuple[Part, ...], requests: int
) -> None:
    """pi#4178, llmgateway#2093: nothing is made up before the 400; one more request heals it."""
    kimi.replay = replay
    history = (*says(user("go"), *parts, CALL), result_of(CALL))

    asked = ask(kimi, route(model=model, wire=wire), history, tools=[tool()])

    assert (asked.error, asked.shown) == (None, "Hello from Kimi.")
    assert len(kimi.seen) == requests
    assert '" "' not in kimi.seen[0].body.decode()


@pytest.mark.parametrize("key", [PLATFORM_KEY, CHINA_KEY])
def test_row_09_preserved_thinking_is_always_asked_for(kimi: KimiMock, key: str) -> None:
    """oh-my-pi#1838, #1839, #2114: K2.6 falls silent between tools without `keep`."""
    url = "https://api.moonshot.cn/v1" if key == CHINA_KEY else ""
    history = (*says(user("go"), ThinkPart("Hm"), CALL), result_of(CALL))
    for messages in ((user("hi"),), history):
        assert ask(kimi, route(key, url=url, model="kimi-k2.6"), messages).error is None
    for seen in kimi.seen:
        assert seen.json["thinking"] == {"type": "enabled", "keep": "all"}


def test_row_10_never_both_thinking_and_effort(kimi: KimiMock) -> None:
    """nanobot#3939, hermes#34794: for each open model and effort, at most one of the two."""
    kimi.gate_allows.add(PRODUCT)
    kimi.thinking_on_k3 = "refused"
    for endpoint, row in OPEN_MODELS:
        key = PLAN_KEY if endpoint.product == "Kimi Code" else PLATFORM_KEY
        efforts = ["", *row.efforts, *(["off"] if row.thinking == "both" else [])]
        for effort in efforts:
            asked = ask(kimi, route(key, model=row.id), options=Options(effort=effort))
            assert asked.error is None, (row.id, effort)
            assert not {"thinking", "reasoning_effort"} <= set(kimi.seen[-1].json), row.id


@pytest.mark.parametrize("wire", WIRES)
def test_row_11_thinking_is_not_turned_off_where_it_cannot_be(kimi: KimiMock, wire: str) -> None:
    """Kimi-K2#141: a helper call must not disable it; asking for that sends nothing."""
    off = ask(kimi, route(model=ALWAYS_THINKS, wire=wire), options=Options(effort="off"))
    assert isinstance(off.error, errors.UsageError)
    assert ALWAYS_THINKS in off.error.message
    assert kimi.seen == []

    forced = Options(tool_choice="required")
    asked = ask(kimi, route(model=ALWAYS_THINKS, wire=wire), tools=[tool()], options=forced)
    assert asked.error is None
    assert "disabled" not in kimi.seen[0].body.decode()


@pytest.mark.parametrize("wire", WIRES)
@pytest.mark.parametrize("choice", ["required", "read_file", "none"])
def test_row_12_a_forced_tool_is_asked_for_as_the_model_takes_it(
    kimi: KimiMock, wire: str, choice: str
) -> None:
    """
    Thinking off for the turn where it can be, a word that K3 takes, or a sentence: never a 400.

    oh-my-pi#827, #1077, #1078; AstrBot#7805; big-AGI#1161; llmgateway#2090.
    """
    for model in ("kimi-k3", "kimi-k3.1-pro", ALWAYS_THINKS, "kimi-k2.6"):
        asked = ask(
            kimi,
            route(model=model, wire=wire),
            tools=[tool(), tool("write_file")],
            options=Options(tool_choice=choice),
        )
        assert asked.error is None, model
        body = kimi.seen[-1].json
        demanded = body.get("tool_choice") or body["messages"][-1]
        assert demanded != {"role": "user", "content": "hi"}, model
    assert len(kimi.seen) == 4


SCHEMAS: tuple[dict[str, Any], ...] = (
    {},
    {"type": "object", "properties": {"a": {"type": "string", "anyOf": [{"minLength": 1}]}}},
    {"type": "object", "properties": {"a": {"anyOf": [{"type": "string"}, {"const": 1}]}}},
    {"type": "object", "properties": {"a": {"oneOf": [{"type": "null"}, {"enum": [1, "b"]}]}}},
    {"type": "object", "properties": {"a": {"type": ["string", "null"], "nullable": True}}},
    {"type": "object", "properties": {"a": {"type": "array", "items": [{"type": "string"}]}}},
    {"type": "object", "properties": {"a": {"enum": [None, ""]}}, "required": ["a", "b", "a"]},
    {"type": "object", "properties": {"required": {}, "$ref": {}}, "required": None},
    {"$schema": "x", "properties": {"a": {"format": "uri", "exclusiveMinimum": 1, "type": "int"}}},
    {
        "type": "object",
        "properties": {"a": {"$ref": "#/definitions/t", "type": "object"}},
        "definitions": {"t": {"properties": {"next": {"$ref": "#/definitions/t"}}}},
    },
    {"type": "array", "items": {"type": "string"}},
    {"allOf": [{"properties": {"a": {}}}, {"if": {}, "then": {"required": ["a"]}}]},
)


@pytest.mark.parametrize("wire", WIRES)
def test_row_13_any_schema_becomes_one_that_is_taken(kimi: KimiMock, wire: str) -> None:
    """
    What MCP servers bring passes the strictest level; our own copy of it is left as it was.

    opencode#37496, #41276; kimi-cli#2061; GitNexus#2554, #2703; hermes#66835, #66853;
    vercel/ai#18921.
    """
    kimi.schemas, kimi.untyped_schemas = "ultra", "refused"
    brought = [
        Tool(name=f"tool_{number}", description="A tool.", parameters=copy.deepcopy(schema))
        for number, schema in enumerate(SCHEMAS)
    ]
    assert ask(kimi, route(wire=wire), tools=brought).error is None
    assert tuple(each.parameters for each in brought) == SCHEMAS

    sent = kimi.seen[0].json["tools"]
    schemas = [
        each["input_schema"] if wire == "messages" else each["function"]["parameters"]
        for each in sent
    ]
    again = [tool(f"tool_{number}", **schema) for number, schema in enumerate(schemas)]
    assert ask(kimi, route(wire=wire), tools=again).error is None
    assert kimi.seen[1].json["tools"] == sent


@pytest.mark.parametrize("wire", WIRES)
def test_row_14_any_tool_name_is_mapped_both_ways(kimi: KimiMock, wire: str) -> None:
    """kimi-cli#2531: a leading digit was a 400; the endpoint gets a legal name, we our own."""
    kimi.short_tool_names = "refused"
    names = ["3d_print", "a", "web.search", "ein Werkzeug für Größen", "x" * 90, "x" * 89 + "y"]
    tools = [tool(name) for name in names]
    assert ask(kimi, route(wire=wire), tools=tools).error is None
    sent = [each.get("name") or each["function"]["name"] for each in kimi.seen[0].json["tools"]]
    kimi.replies.append(Reply.calling(*((name, {}) for name in sent), reasoning="Hm"))

    answer = ask(kimi, route(wire=wire), tools=tools).finished.message

    assert [call.name for call in calls_of(answer)] == names
    history = (user("hi"), answer, *(result_of(call) for call in calls_of(answer)))
    assert ask(kimi, route(wire=wire), history, tools=tools).error is None


@pytest.mark.parametrize("wire", WIRES)
def test_row_15_blank_turns_of_an_old_session_are_healed(kimi: KimiMock, wire: str) -> None:
    """AstrBot#7200, lobehub#8419, kimi-code#1985, litellm#42186: none of them reaches the wire."""
    history = (
        Message("system", (TextPart(" "),)),
        *says(user("one"), ThinkPart("only reasoning")),
        *says(user("two"), TextPart(" \n")),
        *says(user("three")),
        *says(Message("user", (TextPart(""), TextPart("four"))), TextPart(""), CALL),
        Message("tool", (ToolResult(CALL.id, CALL.name, ()),)),
        user("five"),
    )
    asked = ask(kimi, route(wire=wire), history, tools=[tool()])

    assert (asked.error, len(kimi.seen)) == (None, 1)
    assert '"text":""' not in kimi.seen[0].body.decode()
    [turn] = [each for each in kimi.seen[0].json["messages"] if each["role"] == "assistant"]
    assert "content" not in turn or [block["type"] for block in turn["content"]] == ["tool_use"]


@pytest.mark.parametrize("wire", WIRES)
@pytest.mark.parametrize("model", ["kimi-k2.6", ALWAYS_THINKS])
def test_row_16_the_budget_has_room_for_reasoning(kimi: KimiMock, wire: str, model: str) -> None:
    """hermes#13168: at least 16,000 tokens; an empty answer with `length` gets more, once."""
    kimi.replies.append(Reply.streaming({"reasoning_content": "Hm"}, finish_reason="length"))
    asked = ask(kimi, route(model=model, wire=wire))

    assert asked.shown == "Hello from Kimi."
    name = "max_tokens" if wire == "messages" else "max_completion_tokens"
    first, second = (seen.json[name] for seen in kimi.seen)
    assert 16_000 <= first < second
    thinking = [route(model=row.id).output_tokens for _, row in OPEN_MODELS if row.thinking != "no"]
    assert min(tokens for tokens in thinking if tokens is not None) >= 16_000


def test_row_17_prompt_and_budget_fit_the_window(kimi: KimiMock) -> None:
    """kimi-cli#2011: the budget is what is left; the 400 is an overflow, with its number."""
    long = (user("word " * 120_000),)
    where = route(model="kimi-k2.6")
    assert ask(kimi, where, long).error is None
    budget = kimi.seen[0].json["max_completion_tokens"]
    assert tokens_at_most(long) + budget == where.window.value

    kimi.window_limits["kimi-k2.6"] = 50_000
    error = ask(kimi, where, long).error
    assert isinstance(error, errors.ContextOverflow)
    assert (error.tokens, error.requested > 50_000, len(kimi.seen)) == (50_000, True, 3)
