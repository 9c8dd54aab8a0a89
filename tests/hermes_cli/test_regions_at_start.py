"""The start of a run: when a key's region is asked for, by whom it is found, what is remembered."""

from contextlib import ExitStack
from datetime import UTC, datetime

import pytest

from agent import errors
from agent.catalog.kimi import KIMI
from agent.route import Route
from hermes_cli.auth import Flags, route_for
from hermes_cli.check import check, knows_region, remember
from hermes_cli.config import read_settings
from hermes_cli.models import open_learnt, read_facts
from hermes_cli.runtime_provider import running_route
from kimi_mock.server import KimiMock
from tests.conftest import CHINA_KEY, GLOBAL_KEY, PLAN_KEY, PLATFORM_KEY
from tests.support.commands import Here

pytestmark = pytest.mark.usefixtures("entered")

KEYS = {
    "kimi-code": PLAN_KEY,
    "kimi-code-global": GLOBAL_KEY,
    "moonshot": PLATFORM_KEY,
    "moonshot-cn": CHINA_KEY,
}


def run_of(key: str, monkeypatch: pytest.MonkeyPatch, *, probe: bool = False) -> Route:
    """Return the Route of a run with a key in the environment."""
    monkeypatch.setenv("KIMI_API_KEY", key)
    with ExitStack() as stack:
        return stack.enter_context(running_route(Flags(probe=probe), read_settings()))


@pytest.mark.parametrize("home_of_key", KEYS)
@pytest.mark.parametrize("wish", ["", "ask", "never"])
def test_without_a_yes_nobody_is_asked_at_a_start(
    online: KimiMock, here: Here, monkeypatch: pytest.MonkeyPatch, home_of_key: str, wish: str
) -> None:
    """The default is no extra request, for any key, and the rule decides."""
    if wish:
        here.write("config.toml", f'[providers.kimi-coding]\nprobe = "{wish}"\n')
    used = run_of(KEYS[home_of_key], monkeypatch)

    assert (online.seen, online.connects) == ([], [])
    assert used.endpoint.id == home_of_key.removesuffix("-global").removesuffix("-cn")


@pytest.mark.parametrize("home_of_key", KEYS)
def test_with_a_yes_a_key_is_looked_for_once(
    online: KimiMock, here: Here, monkeypatch: pytest.MonkeyPatch, home_of_key: str
) -> None:
    """Acceptance 3 and 4: found in its region, remembered by its digest, not asked again."""
    here.write("config.toml", '[providers.kimi-coding]\nprobe = "always"\n')
    first = run_of(KEYS[home_of_key], monkeypatch)
    asked = len(online.seen)
    second = run_of(KEYS[home_of_key], monkeypatch)

    assert (asked, len(online.seen)) == (2, 2)
    assert first.endpoint.id == second.endpoint.id == home_of_key
    assert f"It goes to {min(first.endpoint.hosts)}." in first.notices[0]
    assert second.notices == ()
    assert second.live is not None
    assert KEYS[home_of_key].encode() not in (here.home / "hermes-kimi.db").read_bytes()


def test_the_flag_is_a_yes_that_is_remembered(
    online: KimiMock, here: Here, monkeypatch: pytest.MonkeyPatch
) -> None:
    """After `--probe` the next key of the product is looked for without it; `never` ends that."""
    run_of(PLATFORM_KEY, monkeypatch, probe=True)
    assert run_of(CHINA_KEY, monkeypatch).endpoint.id == "moonshot-cn"
    assert set(online.connects) == {"api.moonshot.ai:443", "api.moonshot.cn:443"}
    assert run_of(GLOBAL_KEY, monkeypatch).endpoint.id == "kimi-code"

    here.write("config.toml", '[providers.kimi-coding]\nprobe = "never"\n')
    online.keys["moonshot-cn"].add("sk-new-0123456789")
    assert run_of("sk-new-0123456789", monkeypatch).endpoint.id == "moonshot"


@pytest.mark.parametrize(
    ("one", "other", "key"),
    [("kimi-code", "kimi-code-global", PLAN_KEY), ("moonshot", "moonshot-cn", PLATFORM_KEY)],
)
def test_a_key_that_both_take_goes_to_the_default_with_a_notice(
    online: KimiMock, monkeypatch: pytest.MonkeyPatch, one: str, other: str, key: str
) -> None:
    """Acceptance 4: one login was seen to open both (ai-usagebar#199); it is told once."""
    online.keys[other].add(key)
    first = run_of(key, monkeypatch, probe=True)
    second = run_of(key, monkeypatch)

    assert first.endpoint.id == second.endpoint.id == one
    [sentence] = first.notices
    url = KIMI.endpoint(other).base_urls[0][1]
    assert f"`hermes config set providers.kimi-coding.base_url {url}` takes the other" in sentence
    assert second.notices == ()
    assert len(online.seen) == 2


def test_addresses_in_an_answer_are_told(online: KimiMock, monkeypatch: pytest.MonkeyPatch) -> None:
    """Acceptance 6: a list that names a host moves nothing, and the start says so."""
    online.models["moonshot"][0] |= {"endpoint": "https://evil.example"}

    used = run_of(PLATFORM_KEY, monkeypatch, probe=True)

    assert used.base_url.value == "https://api.moonshot.ai/v1"
    assert "The model list of api.moonshot.ai proposes addresses in `endpoint`" in used.notices[1]


def test_where_nobody_can_be_asked_the_rule_holds(monkeypatch: pytest.MonkeyPatch) -> None:
    """Offline, a start goes on, says so, and looks again the next time."""
    used = run_of(CHINA_KEY, monkeypatch, probe=True)

    assert used.endpoint.id == "moonshot"
    assert (
        "api.moonshot.ai could not be asked and api.moonshot.cn could not be asked"
        in (used.notices[0])
    )
    assert not knows_region(used)


def test_one_silent_region_proves_nothing_of_the_other(
    online: KimiMock, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Refused here, not asked there: the rule holds, and nothing is remembered as its place."""
    monkeypatch.setenv("NO_PROXY", "api.moonshot.cn")
    monkeypatch.setenv("no_proxy", "api.moonshot.cn")
    used = run_of(CHINA_KEY, monkeypatch, probe=True)

    assert used.endpoint.id == "moonshot"
    assert used.place is None
    assert {seen.surface for seen in online.seen} == {"moonshot"}


def test_a_key_that_every_region_refuses_ends_the_start(
    online: KimiMock, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A third request could only be refused too; both hosts and both consoles are named."""
    with pytest.raises(errors.KeyRefused) as refused:
        run_of("sk-nobody-0123456789", monkeypatch, probe=True)

    assert "api.moonshot.ai and api.moonshot.cn were asked" in refused.value.message
    assert "platform.kimi.ai or https://platform.kimi.com" in refused.value.remedy
    assert len(online.seen) == 2


def test_a_refused_key_with_a_fallback_chain_meets_the_refusal_in_its_turn(
    online: KimiMock, here: Here, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A start that failed would never come to the chain; the turn goes on over it."""
    here.write("config.toml", 'fallback = ["local"]\n')
    used = run_of("sk-nobody-0123456789", monkeypatch, probe=True)

    assert used.endpoint.id == "moonshot"
    assert "It goes to api.moonshot.ai, as without asking." in used.notices[0]
    assert len(online.seen) == 2


@pytest.mark.usefixtures("online")
def test_a_home_that_cannot_be_written_is_no_hindrance(monkeypatch: pytest.MonkeyPatch) -> None:
    """What was found holds for this run, and the sentence says that it is not kept."""
    monkeypatch.setenv("HERMES_HOME", "/proc/no-such-home")
    used = run_of(GLOBAL_KEY, monkeypatch, probe=True)

    assert used.endpoint.id == "kimi-code-global"
    assert any("could not be stored" in sentence for sentence in used.notices)


def test_a_named_base_url_makes_the_flag_idle(
    online: KimiMock, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Who says where the key goes is not contradicted; that nobody was asked is told."""
    monkeypatch.setenv("KIMI_BASE_URL", "https://api.moonshot.ai/v1")
    used = run_of(CHINA_KEY, monkeypatch, probe=True)

    assert (online.seen, used.endpoint.id) == ([], "moonshot")
    assert "KIMI_BASE_URL (shell variable KIMI_BASE_URL) says where it goes" in used.notices[-1]


def test_a_model_that_is_not_there_is_told_before_anybody_is_asked(
    online: KimiMock, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Acceptance 17 keeps its zero requests, with a yes too."""
    monkeypatch.setenv("KIMI_API_KEY", PLATFORM_KEY)
    flags = Flags(model="k3", probe=True)
    with running_route(flags, read_settings()) as used:
        assert used.model_error is not None
    assert online.seen == []


def test_a_refusal_at_its_own_place_is_a_reason_to_look_again(
    online: KimiMock, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The key moved: its remembered region refuses it, so both are asked, and it is found."""
    run_of(CHINA_KEY, monkeypatch, probe=True)
    online.keys["moonshot"].add(CHINA_KEY)
    online.keys["moonshot-cn"].clear()
    used = route_for(Flags(), read_settings(), read_facts())
    remember(check([used]))

    doubted = route_for(Flags(), read_settings(), read_facts())
    assert doubted.endpoint.id == "moonshot-cn"
    assert doubted.place is not None
    assert doubted.place.doubted
    assert run_of(CHINA_KEY, monkeypatch).endpoint.id == "moonshot"


@pytest.mark.usefixtures("online")
def test_a_consent_has_its_day(monkeypatch: pytest.MonkeyPatch) -> None:
    """The yes is stored for the product, with the time it was given."""
    run_of(PLAN_KEY, monkeypatch, probe=True)

    [(product, at)] = open_learnt().read().consents.items()
    assert product == "Kimi Code"
    assert datetime.fromisoformat(at).tzinfo == UTC
