"""Keys and providers that take over, as a user sees it: processes, a home, what is printed."""

import json
from pathlib import Path

import pytest

from kimi_mock.replies import Reply
from kimi_mock.server import KimiMock
from tests.conftest import PLAN_KEY, PLATFORM_KEY
from tests.support.process import Hermes
from tests.support.script import put

SECOND_KEY = "sk-mock-platform-second"
RATE = {"message": "Organization Rate limit exceeded", "type": "rate_limit_reached_error"}
STORED = '[kimi-coding.second]\nkey = "{}"\nadded = "2026-11-20"\n'


def write(home: Path, name: str, text: str) -> None:
    """Write a file of the home."""
    home.mkdir(mode=0o700, exist_ok=True)
    put(home / name, text)


def test_a_limited_key_rests_for_every_process(hermes: Hermes, kimi: KimiMock) -> None:
    """The first run goes on with the second key; the next one begins with it, and says why."""
    write(hermes.home, "keys.toml", STORED.format(SECOND_KEY))
    kimi.keys["moonshot"].add(SECOND_KEY)
    kimi.replies += [Reply.error(429, {"error": RATE})]
    first = hermes("chat", "-q", "hi", key=PLATFORM_KEY)
    assert (first.code, first.stdout) == (0, "Hello from Kimi.\n")
    assert "Going on with kimi-coding at api.moonshot.ai with the key …cond" in first.stderr
    second = hermes("chat", "-q", "hi", key=PLATFORM_KEY)
    assert second.code == 0
    assert "rests until" in second.stderr
    status = json.loads(hermes("status", "--json", key=PLATFORM_KEY).stdout)
    assert status["route"]["key"]["name"] == "second"
    sent = [seen.headers["Authorization"].rpartition(" ")[2] for seen in kimi.seen]
    assert sent == [PLATFORM_KEY, SECOND_KEY, SECOND_KEY]
    for run in (first, second):
        assert PLATFORM_KEY not in run.stderr
        assert SECOND_KEY not in run.stderr


@pytest.mark.here
def test_a_hop_down_the_chain_is_an_event(hermes: Hermes, kimi: KimiMock) -> None:
    """The plan is used up, and the platform's key is paid by use: one JSON line tells it."""
    write(hermes.home, "keys.toml", STORED.format(PLATFORM_KEY))
    write(hermes.home, "config.toml", 'fallback = ["kimi-coding/kimi-k3"]\n')
    kimi.gate_allows.add("hermes-kimi")
    kimi.quota = "weekly"
    run = hermes("chat", "-q", "hi", "--json", key=PLAN_KEY)
    assert run.code == 0
    events = [json.loads(line) for line in run.stdout.splitlines()]
    [changed] = [event for event in events if event["event"] == "route_changed"]
    assert changed["from_endpoint"] == "kimi-code"
    assert (changed["to_endpoint"], changed["to_model"]) == ("moonshot", "kimi-k3")
    assert "weekly" in changed["reason"]
    assert changed["key"].startswith("…0003 (")
    finished = events[-2]
    assert (finished["event"], finished["model"]) == ("finished", "kimi-k3")
    assert finished["cost"]["covered"] is False
    assert "Going on with kimi-k3" in run.stderr

    kimi.seen.clear()
    alone = hermes("chat", "-q", "hi", "--no-fallback", key=PLAN_KEY)
    assert alone.code == 4
    assert "`hermes key use second`" in alone.stderr
    assert len(kimi.seen) == 1


@pytest.mark.here
def test_a_wrong_chain_is_told_before_anything_is_sent(hermes: Hermes, kimi: KimiMock) -> None:
    """`chat` and `explain` end with 3, and the line; a right chain stands in `explain`."""
    write(hermes.home, "config.toml", '\nfallback = ["local", "deepseek"]\n')
    for arguments in (("chat", "-q", "hi"), ("explain",)):
        run = hermes(*arguments, key=PLATFORM_KEY)
        assert (run.code, run.stdout) == (3, "")
        assert "config.toml line 2: entry 2 of `fallback`" in run.stderr
        assert "PROVIDER/MODEL" in run.stderr
    write(hermes.home, "config.toml", '\nfallback = ["local", "kimi/k3"]\n')
    explained = json.loads(hermes("explain", "--json", key=PLATFORM_KEY).stdout)
    assert explained["fallback"]["value"] == ["local/smollm2-135m-instruct", "kimi-coding/k3"]
    assert kimi.seen == []
