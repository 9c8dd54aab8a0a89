"""The control endpoint and the table of switches behind it and behind `hermes mock --set`."""

import json
from pathlib import Path
from typing import Any

import httpx2
import pytest

from kimi_mock import switches
from kimi_mock.server import KimiMock
from tests.kimi_mock.asking import Asker

KEY = "sk-mock-platform-0003"
PAGE = Path(__file__).parents[2] / "docs" / "mock.md"


def order(kimi: KimiMock, client: httpx2.Client, **fields: Any) -> httpx2.Response:
    """Post a control request."""
    return client.post(f"{kimi.address}/__mock__/state", json=fields)


def test_switches_are_set_and_seen(kimi: KimiMock, direct: httpx2.Client, asker: Asker) -> None:
    """A program in any language turns a switch, queues replies and reads what was asked."""
    answer = order(
        kimi,
        direct,
        switches={"tier": "free", "gate_allows": ["mine"], "cut_points": [5, None]},
        replies=[
            {"status": 418, "body": {"error": {"message": "tea"}}},
            {"tool_calls": [{"name": "look", "arguments": {}}]},
            {"deltas": [{"content": "x"}], "finish_reason": "length"},
        ],
    )

    assert answer.json()["switches"]["tier"] == "free"
    assert (kimi.tier, kimi.gate_allows, kimi.cut_points) == ("free", {"mine"}, [5, None])
    assert asker.post().status_code == 418
    choices = [asker.post().json()["choices"][0] for _ in range(2)]
    assert [choice["finish_reason"] for choice in choices] == ["tool_calls", "length"]

    state = direct.get(f"{kimi.address}/__mock__/state").json()
    assert [seen["path"] for seen in state["seen"]] == ["/v1/chat/completions"] * 3
    assert state["seen"][0]["body"]["model"] == "kimi-k3"
    headers = dict(state["seen"][0]["headers"])
    assert headers["Authorization"] == "Bearer …0003 (48f46cec)"
    assert KEY not in json.dumps(state)

    assert order(kimi, direct, reset=True).json()["seen"] == []
    assert kimi.tier == "allegretto"


def test_requests_can_be_forgotten(kimi: KimiMock, direct: httpx2.Client, asker: Asker) -> None:
    """`forget` keeps the switches; a list's own replies and a hang-up can be queued too."""
    kimi.tier = "free"
    asker.post()

    state = order(
        kimi,
        direct,
        forget=True,
        replies=[{"hang_up": True}],
        replies_to_models=[{"status": 503, "body": "down", "headers": {"Retry-After": "1"}}],
    ).json()

    assert (state["seen"], state["replies"], state["replies_to_models"]) == ([], 1, 1)
    assert kimi.tier == "free"
    assert asker.get("/models").headers["Retry-After"] == "1"
    with pytest.raises((httpx2.RemoteProtocolError, httpx2.ReadError)):
        asker.post()


def test_a_script_is_a_switch(kimi: KimiMock, direct: httpx2.Client, asker: Asker) -> None:
    """An object with the script's fields is taken for one, and shown as one."""
    script = {"reasoning": "Hm.", "text": "Hello.", "piece_chars": 2}

    state = order(kimi, direct, switches={"script": script}).json()

    assert state["switches"]["script"] == script
    assert asker.post().json()["choices"][0]["message"]["content"] == "Hello."


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({"switches": {"tear": 1}}, "no switch is called tear; there are: gate_allows,"),
        ({"switches": {"tier": "gold"}}, "one of free, moderato, allegretto"),
        ({"switches": {"tier": "free", "balance": "much"}}, "balance: "),
        ({"switches": 5}, "`switches` must be an object"),
        ({"swatches": {}}, "unknown: swatches"),
        ({"replies": 5}, "`replies` must be a list"),
        ({"replies": [5]}, "a reply must be an object"),
        ({"replies": [{"deltas": [], "colour": 1}]}, "unknown: colour"),
        ({"replies": [{"deltas": [], "done": "maybe"}]}, "a reply cannot be read"),
        ({"replies": [{"tool_calls": [{}]}]}, "a reply cannot be read"),
    ],
)
def test_a_wrong_order_changes_nothing(
    kimi: KimiMock, direct: httpx2.Client, fields: dict[str, Any], said: str
) -> None:
    """It is a 400 with a sentence, and the switches beside the wrong one stay as they were."""
    answer = order(kimi, direct, **fields)

    assert answer.status_code == 400
    assert said in answer.json()["error"]
    assert kimi.tier == "allegretto"


def test_only_programs_here_may_ask(kimi: KimiMock, direct: httpx2.Client) -> None:
    """A page in a browser, another host name and another path get no conversations to read."""
    url = f"{kimi.address}/__mock__/state"

    assert direct.get(url, headers={"Origin": "https://evil.invalid"}).status_code == 403
    assert direct.get(url, headers={"Host": "evil.invalid"}).status_code == 403
    assert direct.get(f"{kimi.address}/__mock__/other").status_code == 404
    assert direct.delete(url).status_code == 404
    assert direct.post(url, content=b"{").status_code == 400
    assert direct.post(url, content=b"[]").status_code == 400
    assert kimi.seen == []


def test_it_is_not_there_under_a_real_name(by_name: httpx2.Client) -> None:
    """Through the proxy the path is as unknown as at Kimi."""
    answer = by_name.get("https://api.moonshot.ai/__mock__/state")

    assert answer.status_code == 404
    assert answer.json()["error"]["type"] == "resource_not_found_error"


@pytest.mark.parametrize(
    ("name", "text", "value"),
    [
        ("tier", "free", "free"),
        ("gate_outage", "on", True),
        ("gate_outage", "false", False),
        ("concurrency_limit", "1", 1),
        ("concurrency_limit", "none", None),
        ("balance", "0", 0.0),
        ("retry_after", "7", "7"),
        ("cut_points", "[10, null]", [10, None]),
        ("window_limits", '{"k3": 5}', {"k3": 5}),
        ("gate_allows", '["a"]', {"a"}),
        ("newline", '"\\r\\n"', "\r\n"),
        ("space", "off", False),
        ("stall_seconds", "0.5", 0.5),
    ],
)
def test_values_on_a_command_line(name: str, text: str, value: object) -> None:
    """Words as they are, everything else as JSON."""
    assert switches.parse(name, text) == value


def test_every_switch_can_be_shown_and_set_again(kimi: KimiMock) -> None:
    """The state that is shown is one that can be posted."""
    shown = json.loads(json.dumps(switches.as_json(kimi)))

    for name, value in shown.items():
        assert switches.convert(name, value) == getattr(kimi, name), name
    assert tuple(shown) == switches.SWITCH_NAMES


def test_the_page_lists_every_switch() -> None:
    """docs/mock.md has one row a switch, in order, in the words of the table in the code."""
    rows = [line for line in PAGE.read_text("utf-8").split("\n") if line.startswith("| `")]
    named = [row.split("|")[1].strip(" `") for row in rows]

    assert [name for name in named if name in switches.SWITCH_NAMES] == list(switches.SWITCH_NAMES)
    for row, name in zip(rows, named, strict=True):
        if name in switches.SWITCH_NAMES:
            assert row.split("|")[-2].strip() == switches.MEANINGS[name]
