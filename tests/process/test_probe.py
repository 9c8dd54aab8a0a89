"""`hermes chat --probe`: a refused key, the one command that looks for its region, and after it."""

import json
from pathlib import Path

import pytest

from agent.learnt import Learnt
from kimi_mock.server import KimiMock
from tests.conftest import CHINA_KEY, GLOBAL_KEY, PLAN_KEY, PLATFORM_KEY
from tests.support.process import Hermes

pytestmark = pytest.mark.here


def asked(kimi: KimiMock) -> list[tuple[str, str]]:
    """Return who was asked for what since the last call."""
    seen = [(each.surface, each.path) for each in kimi.seen]
    kimi.seen.clear()
    return seen


def test_the_command_of_the_401_finds_the_region(kimi: KimiMock, hermes: Hermes) -> None:
    """
    Acceptance 3: a key of the China platform, from the 401 to the start without any flag.

    One request a platform host, none to the plan's, and no probe at the second start.
    """
    refused = hermes.process("chat", "-q", "hi", key=CHINA_KEY)
    assert refused.code == 4
    assert "`hermes chat --probe` asks api.moonshot.cn too, and remembers" in refused.stderr
    assert asked(kimi) == [("moonshot", "/v1/chat/completions")]

    found = hermes.process("chat", "-q", "hi", "--probe", key=CHINA_KEY)
    assert (found.code, found.stdout) == (0, "Hello from Kimi.\n")
    assert "api.moonshot.ai does not take it and api.moonshot.cn takes it" in found.stderr
    *probes, turn = asked(kimi)
    assert sorted(probes) == [("moonshot", "/v1/models"), ("moonshot-cn", "/v1/models")]
    assert turn == ("moonshot-cn", "/v1/chat/completions")

    again = hermes.process("chat", "-q", "hi", key=CHINA_KEY)
    assert (again.code, again.stdout) == (0, "Hello from Kimi.\n")
    assert "asked" not in again.stderr
    assert asked(kimi) == [("moonshot-cn", "/v1/chat/completions")]
    assert {host.partition(":")[0] for host in kimi.connects} == {
        "api.moonshot.ai",
        "api.moonshot.cn",
    }


def test_a_key_of_the_global_plan_is_found_and_shown(kimi: KimiMock, hermes: Hermes) -> None:
    """Acceptance 4: since August 2026 there are plans on kimi.ai; no platform host is asked."""
    assert hermes("chat", "-q", "hi", "--probe", key=GLOBAL_KEY).code == 0
    assert {surface for surface, _ in asked(kimi)} == {"kimi-code", "kimi-code-global"}

    status = json.loads(hermes("status", "--json", key=GLOBAL_KEY).stdout)
    assert status["route"]["endpoint"]["id"] == "kimi-code-global"
    assert status["route"]["endpoint"]["region"] == "global"
    assert status["route"]["base_url"]["origin"] == "remembered"
    assert kimi.seen == []


def test_a_refusal_is_followed_by_a_new_search(kimi: KimiMock, hermes: Hermes) -> None:
    """Asked again only after a 401: the remembered yes is enough for the search then."""
    hermes("chat", "-q", "hi", "--probe", key=CHINA_KEY)
    kimi.keys["moonshot-cn"].clear()
    kimi.keys["moonshot"].add(CHINA_KEY)
    asked(kimi)

    refused = hermes("chat", "-q", "hi", key=CHINA_KEY)
    assert refused.code == 4
    assert "api.moonshot.cn did not take the key, which it took before (401" in refused.stderr
    assert asked(kimi) == [("moonshot-cn", "/v1/chat/completions")]

    found = hermes("chat", "-q", "hi", key=CHINA_KEY)
    assert (found.code, found.stdout) == (0, "Hello from Kimi.\n")
    assert sorted(asked(kimi)) == [
        ("moonshot", "/v1/chat/completions"),
        ("moonshot", "/v1/models"),
        ("moonshot-cn", "/v1/models"),
    ]


def test_an_entitlement_401_is_no_reason_to_search(kimi: KimiMock, hermes: Hermes) -> None:
    """Acceptance 24: the plan lacks the model, and the key stays as good as it was."""
    hermes("chat", "-q", "hi", "--probe", key=PLAN_KEY)
    before = states(hermes.home)
    kimi.tier = "free"
    asked(kimi)

    lacking = hermes("chat", "-q", "hi", "-m", "k3", key=PLAN_KEY)
    assert lacking.code == 4
    assert "its plan does not have this model" in lacking.stderr
    assert "--probe" not in lacking.stderr
    assert len(asked(kimi)) == 1
    assert states(hermes.home) == before

    hermes("chat", "-q", "hi", "-m", "kimi-for-coding", key=PLAN_KEY)
    assert len(asked(kimi)) == 1


def states(home: Path) -> list[str]:
    """Return what the endpoints said last, and whether a place is doubted."""
    facts = Learnt(home / "hermes-kimi.db").read()
    verdicts = [state.verdict for state in facts.states.values()]
    return verdicts + [str(place.doubted) for place in facts.places.values()]


@pytest.mark.parametrize("key", [PLATFORM_KEY, PLAN_KEY])
def test_a_setting_says_yes_for_every_start(kimi: KimiMock, hermes: Hermes, key: str) -> None:
    """`probe = "always"`: the first start asks once, with `--json` too, whose output stays JSON."""
    hermes("config", "set", "providers.kimi-coding.probe", "always")
    first = hermes("chat", "-q", "hi", "--json", key=key)
    assert first.code == 0
    assert [json.loads(line)["event"] for line in first.stdout.splitlines()][-1] == "turn_ended"
    assert len([path for _, path in asked(kimi) if path.endswith("/models")]) == 2

    hermes("chat", "-q", "hi", key=key)
    assert not [path for _, path in asked(kimi) if path.endswith("/models")]
