"""What users met elsewhere: rows 18 to 35 of the contract's section 10, each ours to get right."""

import asyncio
import re
import sys
from pathlib import Path
from typing import Any

import pytest

from agent import errors
from agent.catalog.kimi import KIMI
from agent.choice import Origin
from agent.client import Client
from agent.estimate import tokens_at_most
from agent.events import (
    Event,
    Finished,
    Resumed,
    Retrying,
    TextDelta,
    ThinkDelta,
    ToolCallReady,
    WireMoved,
)
from agent.identity import USER_AGENT
from agent.messages import (
    ImagePart,
    Message,
    TextPart,
    ThinkPart,
    ToolCall,
    ToolResult,
    Usage,
    calls_of,
    user,
)
from agent.model_metadata import get_model_context_length
from agent.route import Route
from agent.transport.network import Network
from agent.usage import PlanUsage, read_plan
from hermes_cli.models import picker
from kimi_mock.replies import Reply
from kimi_mock.server import KimiMock
from tests.conftest import PLAN_KEY, PLATFORM_KEY
from tests.support.commands import Here
from tests.turn import test_contract_rows_1
from tests.turn.asking import ask, network, route
from tests.turn.rows import CALL, WIRES, listed, result_of, says, tool

SHEET = Path(__file__).parents[3] / "shared" / "kimi-contract.md"
PNG = ImagePart(b"\x89PNG\r\n\x1a\n" + bytes(16), "image/jpeg")


def plan_of(kimi: KimiMock) -> PlanUsage:
    """Ask what is left of the plan."""
    where = route(PLAN_KEY)

    async def run() -> bytes:
        async with Client(where, network(kimi)) as client:
            return await client.fetch(where.endpoint.usage_path)

    return read_plan(asyncio.run(run()))


def test_row_18_the_endpoints_own_number_wins(kimi: KimiMock) -> None:
    """hermes#24268, #24166: no other catalogue's 32K for K2.6, offline or from the live list."""
    where = route(model="kimi-k2.6")
    assert (where.window.value, where.window.origin) == (262_144, Origin.ROW)
    facts = listed(kimi, where)
    kimi.models["moonshot"] = [{"id": "kimi-k2.6", "context_length": 400_000}]
    live = route(model="kimi-k2.6", facts=listed(kimi, where)).window

    assert route(model="kimi-k2.6", facts=facts).window.origin is Origin.LIVE
    assert (live.value, live.origin) == (400_000, Origin.LIVE)
    for endpoint in KIMI.endpoints:
        for row in endpoint.models:
            url = endpoint.base_urls[0][1]
            assert get_model_context_length(row.id, url) == row.context_tokens


@pytest.mark.parametrize(
    ("key", "model", "right"),
    [
        (PLAN_KEY, "kimi-k3", "`k3`"),
        (PLAN_KEY, "k3[1m]", "`k3`"),
        (PLATFORM_KEY, "k3", "`kimi-k3`"),
        (PLATFORM_KEY, "kimi-k2.7-code[1M]", "`kimi-k2.7-code`"),
    ],
)
def test_row_19_a_wrong_id_is_no_bad_key(kimi: KimiMock, key: str, model: str, right: str) -> None:
    """
    The right id of this endpoint is told, before sending where our rows know it, and after.

    hermes#105650, #105664, #73464; openclaw#111561, #113918.
    """
    where = route(key, model=model)
    if "[" not in model:
        assert where.model_error is not None
        assert right in where.model_error.message
    error = ask(kimi, where).error

    assert isinstance(error, errors.ModelNotFound)
    assert right in f"{error.message} {error.remedy}"
    assert "hermes setup" not in error.remedy


def test_row_20_the_picker_shows_what_this_endpoint_has(kimi: KimiMock) -> None:
    """hermes#65835, #65969, #68108: K3 is there at once, a new id when it is listed."""
    ours = {row.id for row in KIMI.models}
    for key, model in ((PLAN_KEY, "k3"), (PLATFORM_KEY, "kimi-k3")):
        where = route(key)
        shipped = {row.id for row in picker(where)}
        assert model in shipped
        assert shipped - ours <= {row.id for row in where.endpoint.models}
        kimi.models[where.endpoint.id].append({"id": "k9", "context_length": 9_000_000})
        facts = listed(kimi, where)
        live = {row.id: row for row in picker(route(key, facts=facts), facts)}
        assert set(live) - ours == {row["id"] for row in kimi.models[where.endpoint.id]}
        assert live["k9"].context_tokens == 9_000_000


def test_row_21_one_name_on_every_path(kimi: KimiMock) -> None:
    """
    Chat, its move, a retry, a resumed stream, the model list and usage: our name, nobody else's.

    hermes#74739, #83176; CLIProxyAPI#1327; cline#10307; continue#10847; kimi-code#413 to #418.
    """
    kimi.overloaded_calls = 1
    kimi.cut_points = [600]
    asked = ask(kimi, route(PLAN_KEY), tools=[tool()])
    assert asked.error is None
    kinds = {type(event) for event in asked.events}
    assert {WireMoved, Retrying, Resumed} <= kinds
    listed(kimi, route(PLAN_KEY))
    plan_of(kimi)

    assert len(kimi.seen) == 6
    for seen in kimi.seen:
        assert seen.headers["User-Agent"] == USER_AGENT
        strangers = [name for name in seen.headers if re.match(r"(?i)x-|referer|http-", name)]
        assert strangers == []


@pytest.mark.parametrize("wire", WIRES)
def test_row_22_a_ban_ends_the_turn(kimi: KimiMock, wire: str) -> None:
    """Kilo#3434: 403 `Access terminated.` is one request, and a sentence that says so."""
    kimi.banned = True
    asked = ask(kimi, route(PLAN_KEY, wire=wire))

    assert isinstance(asked.error, errors.Banned)
    assert "ended this account's access" in asked.error.message
    assert (len(kimi.seen), asked.waits) == (1, [])


@pytest.mark.parametrize("wire", WIRES)
@pytest.mark.parametrize(
    "quota", ["5-hour", "weekly", "cycle", "cycle-upsell", "period", "monthly"]
)
def test_row_23_a_quota_is_told_from_ban_and_key(kimi: KimiMock, wire: str, quota: Any) -> None:
    """openclaw#142524, #142656; kimi-code#3951: one request; `/usages` knows when it ends."""
    kimi.gate_allows.add("hermes-kimi")
    kimi.quota = quota
    asked = ask(kimi, route(PLAN_KEY, wire=wire))

    assert type(asked.error) is errors.QuotaExhausted
    assert "`hermes usage` shows when" in asked.error.remedy
    assert (len(kimi.seen), asked.waits) == (1, [])
    assert all(window.resets_at for window in plan_of(kimi).windows)


@pytest.mark.parametrize("wire", WIRES)
def test_row_24_an_overload_that_stays_is_given_up(kimi: KimiMock, wire: str) -> None:
    """pawwork#740, Kimi-K2#127, kimi-cli#2209, kimi-code#1252, #3176: bounded; what it may be."""
    kimi.overloaded_calls = 1_000
    asked = ask(kimi, route(PLAN_KEY, wire="messages") if wire == "messages" else route())

    assert isinstance(asked.error, errors.Overloaded)
    assert asked.waits == [0.5, 1.0, 2.0, 4.0]
    assert len(kimi.seen) == 5
    assert "plan's own limit or too high an effort" in asked.error.remedy


def test_row_25_three_kinds_of_429(kimi: KimiMock) -> None:
    """opencode#24462, agents-exe#336: an empty wallet, a rate with its seconds, an overload."""
    kimi.balance = 0
    poor = ask(kimi, route())
    kimi.balance, kimi.rate_limited_calls, kimi.rate_limit_seconds = 1, 1, 7
    fast = ask(kimi, route())
    kimi.overloaded_calls = 1
    busy = ask(kimi, route())

    assert isinstance(poor.error, errors.EmptyBalance)
    assert [asked.waits for asked in (poor, fast, busy)] == [[], [7.0], [0.5]]
    assert (fast.error, busy.error, len(kimi.seen)) == (None, None, 5)


@pytest.mark.parametrize("place", ["choice", "top", "both", "none"])
def test_row_26_usage_is_found_and_counted_once(kimi: KimiMock, place: Any) -> None:
    """AstrBot#6614, pi#2017, Cogtrix#2376: in the last choice, on top, in both, or nowhere."""
    kimi.usage_place = place
    expected = Usage(prompt_tokens=21, completion_tokens=9, cached_tokens=5)

    assert ask(kimi, route()).finished.usage == (None if place == "none" else expected)
    assert kimi.seen[0].json["stream_options"] == {"include_usage": True}


def test_row_27_the_first_of_two_finishes_counts(kimi: KimiMock) -> None:
    """CCS streaming.rs: a routed K2.6 sent `stop` after `tool_calls`; the call is kept."""
    kimi.second_finish = True
    kimi.replies.append(Reply.calling(("read_file", {"path": "a"}), reasoning="Hm"))
    asked = ask(kimi, route(), tools=[tool()])

    assert asked.finished.finish_reason == "tool_calls"
    call = ToolCall("read_file:0", "read_file", '{"path":"a"}')
    assert asked.of(ToolCallReady) == [ToolCallReady(call)]


@pytest.mark.parametrize("wire", WIRES)
@pytest.mark.parametrize("newline", ["\n", "\r\n", "\r"])
def test_row_28_the_blank_after_data_is_not_needed(kimi: KimiMock, wire: str, newline: Any) -> None:
    """jcode#46: `data:{...}` is the same event, with comments between and any end of line."""
    kimi.space, kimi.comments, kimi.newline = False, True, newline
    assert ask(kimi, route(wire=wire)).shown == "Hello from Kimi."


@pytest.mark.parametrize("wire", WIRES)
def test_row_29_thinking_and_answer_are_two_channels(kimi: KimiMock, wire: str) -> None:
    """opencode#32800: no piece of one gets into the other, also when it goes back."""
    kimi.replies.append(
        Reply.streaming(
            {"reasoning_content": "<answer>no"}, {"content": "<think>yes"}, {"content": "</think>"}
        )
    )
    asked = ask(kimi, route(wire=wire))

    assert asked.of(ThinkDelta) == [ThinkDelta("<answer>no")]
    assert asked.of(TextDelta) == [TextDelta("<think>yes"), TextDelta("</think>")]
    answer = asked.finished.message
    assert answer.parts == (ThinkPart("<answer>no"), TextPart("<think>yes</think>"))
    ask(kimi, route(wire=wire), (user("hi"), answer, user("and?")))
    sent = kimi.seen[1].json["messages"][1]
    text = sent["content"] if wire == "chat" else sent["content"][1]["text"]
    assert text == "<think>yes</think>"


@pytest.mark.parametrize("wire", WIRES)
def test_row_30_images_go_inline_where_the_model_sees(kimi: KimiMock, wire: str) -> None:
    """goose#11814, Roo#11304: base64 with its true type; never a web address; else a refusal."""
    question = Message("user", (TextPart("what is it?"), PNG))
    for model in ("kimi-k3", "kimi-k2.6", "kimi-k2.7-code"):
        assert ask(kimi, route(model=model, wire=wire), (question,)).error is None
        body = kimi.seen[-1].body.decode()
        assert "iVBORw0KGgo" in body
        assert "image/png" in body
        assert "image/jpeg" not in body
    kimi.seen.clear()

    blind = ask(kimi, route(model="kimi-k2-thinking", wire=wire), (question,))
    assert isinstance(blind.error, errors.UsageError)
    assert kimi.seen == []


def test_row_31_a_model_list_proves_the_key_and_no_more(kimi: KimiMock, tmp_path: Path) -> None:
    """kodus#1257, Cogtrix#2363: `accepted on` a day, while the first turn fails for money."""
    here = Here(tmp_path / "home" / ".hermes")
    environment = {**kimi.environment(), "KIMI_API_KEY": PLATFORM_KEY}
    kimi.balance = 0
    assert here("models", "--refresh", env=environment).code == 0

    status = here("status", env=environment)
    [key] = [line for line in status.stdout.splitlines() if line.startswith("Key")]
    assert re.search(r", accepted on \d{4}-\d\d-\d\d \(listed its models\)$", key)
    assert not re.search(r"(?i)ready|valid|works|logged|verified", status.stdout)
    assert isinstance(ask(kimi, route()).error, errors.EmptyBalance)


def body_at(kimi: KimiMock, where: Route) -> Any:
    """Ask with a tool and a history that has reasoning, and return the request's body."""
    unusual = tool("ab", type="object", properties={"a": {"type": "string", "format": "uri"}})
    history = (*says(user("hi"), ThinkPart("Hm"), CALL), result_of(CALL))
    way_out = Network() if where.endpoint.id == "custom" else network(kimi)

    async def run() -> list[Event]:
        async with Client(where, way_out) as client:
            return [event async for event in client.stream(history, [unusual])]

    assert isinstance(asyncio.run(run())[-1], Finished)
    return kimi.seen[-1].json


def test_row_32_kimis_rules_are_for_kimis_hosts(kimi: KimiMock) -> None:
    """hermes#28868, #26438: a gateway with an OpenRouter id gets none of them, our hosts all."""
    kimi.accept_any_model, kimi.schemas = True, "unchecked"
    gateway = route(url=f"{kimi.address}/at/moonshot/v1", model="moonshotai/kimi-k2.6")
    theirs = body_at(kimi, gateway)
    assert (gateway.endpoint.id, gateway.window.origin) == ("custom", Origin.DEFAULT)
    assert "thinking" not in theirs
    assert "reasoning_content" not in theirs["messages"][1]
    [function] = [each["function"] for each in theirs["tools"]]
    assert (function["name"], function["parameters"]["properties"]["a"]["format"]) == ("ab", "uri")

    for model in ("kimi-k2.6", "kimi-k9"):
        ours = body_at(kimi, route(model=model))
        assert ours["messages"][1]["reasoning_content"] == "Hm"
        [function] = [each["function"] for each in ours["tools"]]
        assert function["name"] != "ab"
        assert "format" not in function["parameters"]["properties"]["a"]


@pytest.mark.parametrize(
    ("shape", "told"),
    [
        ("classic", {"5 hours": "counts", "7 days": "counts"}),
        ("ratios", {"5 hours": "ratios", "7 days": "ratios"}),
        ("both", {"5 hours": "counts", "7 days": "counts"}),
    ],
)
def test_row_33_usage_is_read_in_every_shape(
    kimi: KimiMock, shape: Any, told: dict[str, str]
) -> None:
    """ai-usagebar#199, quota-axi#201: the shape of September 2026, the one before, and both."""
    kimi.usages_shape = shape
    windows = {window.name: window for window in plan_of(kimi).windows}

    assert {name: windows[name].shape for name in told} == told
    assert float(windows["5 hours"].used_share or 0) == pytest.approx(0.12)
    assert float(windows["7 days"].used_share or 0) == pytest.approx(0.34)


@pytest.mark.parametrize("wire", WIRES)
@pytest.mark.parametrize(
    "broken", ['{"path": "a', "no JSON", '["a"]', '{"a":1}{"a":2}', '"\\ud83d']
)
def test_row_34_broken_arguments_arrive_as_they_are(kimi: KimiMock, wire: str, broken: str) -> None:
    """opencode#1111, #20650: the model's slip is whole in the call, and its history is taken."""
    kimi.replies.append(Reply.calling(("read_file", broken), reasoning="Hm"))
    asked = ask(kimi, route(wire=wire), tools=[tool()])

    [call] = calls_of(asked.finished.message)
    assert (call.name, call.arguments) == ("read_file", broken)
    history = (user("go"), asked.finished.message, result_of(call, "cannot be read"))
    assert ask(kimi, route(wire=wire), history, tools=[tool()]).error is None


@pytest.mark.parametrize("wire", WIRES)
def test_row_35_a_screenshot_stays_an_image(kimi: KimiMock, wire: str) -> None:
    """CCS CHANGELOG: parts of a tool's result are parts on the wire, no text of JSON."""
    large = ImagePart(PNG.data + bytes(300_000), "image/png")
    shot = ToolResult(CALL.id, CALL.name, (TextPart("a window"), large))
    history = (*says(user("go"), ThinkPart("Hm"), CALL), Message("tool", (shot,)))
    assert ask(kimi, route(wire=wire), history, tools=[tool()]).error is None

    last = kimi.seen[0].json["messages"][-1]
    content = last["content"] if wire == "chat" else last["content"][0]["content"]
    assert [part["type"] for part in content] == [
        "text",
        "image_url" if wire == "chat" else "image",
    ]
    assert tokens_at_most(history) < 5_000


def test_every_row_has_one_test_that_names_its_issues() -> None:
    """All 35 rows of section 10; each docstring has every issue number of its row."""
    modules = (test_contract_rows_1, sys.modules[__name__])
    found = [
        (int(name[9:11]), str(test.__doc__))
        for module in modules
        for name, test in vars(module).items()
        if re.match(r"test_row_\d\d_", name)
    ]
    assert sorted(number for number, _ in found) == list(range(1, 36))
    if not SHEET.exists():
        return
    section = SHEET.read_text().split("\n## 10.")[1].split("\n## 11.")[0]
    rows = re.findall(r"^\| (\d+) \| ([^|]+) \|", section, re.MULTILINE)
    wanted = {int(number): set(re.findall(r"#\d+", issues)) for number, issues in rows}
    assert len(wanted) == 35
    missing = {number: wanted[number] - set(re.findall(r"#\d+", told)) for number, told in found}
    assert {number: issues for number, issues in missing.items() if issues} == {}
