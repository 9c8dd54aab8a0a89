"""Several keys of one provider: who rests, who takes the place, and who never does."""

import time
from pathlib import Path

import pytest

from agent import errors
from agent.keys import ApiKey
from agent.learnt import Cooling, KeyState
from hermes_cli.auth import Flags
from hermes_cli.models import open_learnt, read_facts
from hermes_cli.rotation import LONGEST_SECONDS, PACE_SECONDS, USED_UP_SECONDS, rest_after
from kimi_mock.server import KimiMock
from tests.conftest import CHINA_KEY, PLAN_KEY, PLATFORM_KEY
from tests.turn.pooling import (
    DEAD_KEY,
    PLAN_TWIN,
    SECOND_KEY,
    THIRD_KEY,
    Here,
    changes,
    entered,
    key_in,
)
from tests.turn.test_detours import EMPTY, OVERLOADED, RATE, refused, text

USED_UP = refused(403, "You've reached your 5-hour usage limit.", "access_terminated_error")


@pytest.fixture
def here(home: Path, kimi: KimiMock, monkeypatch: pytest.MonkeyPatch) -> Here:
    """An empty home, and the mock."""
    return entered(home, kimi, monkeypatch)


def moved(seconds: float) -> Cooling:
    """Return a rest of a minute that began so many seconds from now."""
    at = time.time() + seconds
    return Cooling(until=at + 60, at=at, reason="takes no more requests for the moment")


def test_a_limited_platform_key_rests_and_the_next_one_answers(here: Here) -> None:
    """One hop, told with both ends; the rest is stored for every process of this home."""
    here.key(PLATFORM_KEY)
    here.stored(second=SECOND_KEY)
    here.kimi.replies += [refused(429, *RATE), text("Hello.")]
    asked = here.ask()
    assert asked.shown == "Hello."
    assert here.keys_seen == [PLATFORM_KEY, SECOND_KEY]
    [change] = changes(asked)
    assert change.from_endpoint == change.to_endpoint == "moonshot"
    [(place, rest)] = read_facts().cooling.items()
    assert place == ("https://api.moonshot.ai/v1", ApiKey(PLATFORM_KEY).digest)
    assert rest.until - rest.at == 7.0
    assert "no more requests" in rest.reason


def test_a_resting_key_is_passed_over_at_the_start(here: Here) -> None:
    """The next run begins with the other key, one request, and says who rests until when."""
    here.key(PLATFORM_KEY)
    here.stored(second=SECOND_KEY)
    here.kimi.replies += [refused(429, *RATE), text("a"), text("b")]
    here.ask()
    route = here.route()
    assert route.key is not None
    assert route.key.name == "second"
    [sentence] = [each for each in route.notices if "rests until" in each]
    assert "KIMI_API_KEY" in sentence
    assert "stored key second" in sentence
    assert PLATFORM_KEY not in sentence
    assert here.ask().shown == "b"
    assert here.keys_seen[2:] == [SECOND_KEY]


@pytest.mark.parametrize("seconds", [-61.0, 3_600.0])
def test_a_rest_ends_by_the_clock_and_by_a_clock_set_back(here: Here, seconds: float) -> None:
    """What is over is over, and a clock that was set back freezes no key."""
    here.key(PLATFORM_KEY)
    here.stored(second=SECOND_KEY)
    before = here.route()
    open_learnt().remember_cooling(before.chat_base_url, before.key_digest, moved(seconds))
    assert here.route().key == before.key


def test_a_single_key_is_used_though_it_rests(here: Here) -> None:
    """There is nothing else: the endpoint decides."""
    here.key(PLATFORM_KEY)
    route = here.route()
    open_learnt().remember_cooling(route.chat_base_url, route.key_digest, moved(0))
    assert here.route() == route
    assert here.ask().error is None


def test_every_key_is_asked_once_and_then_it_waits(here: Here) -> None:
    """Three limited keys are three requests before the first pause, not a circle."""
    here.key(PLATFORM_KEY)
    here.stored(second=SECOND_KEY, third=THIRD_KEY)
    here.kimi.replies += [refused(429, *RATE) for _ in range(4)] + [text("x")]
    asked = here.ask()
    assert here.keys_seen == [PLATFORM_KEY, SECOND_KEY, THIRD_KEY, THIRD_KEY, THIRD_KEY]
    assert asked.waits == [7.0, 7.0]
    assert asked.shown == "x"


def test_an_empty_balance_goes_on_with_the_other_account(here: Here) -> None:
    """Money that is used up is one request; the key rests for the stated hour."""
    here.key(PLATFORM_KEY)
    here.stored(second=SECOND_KEY)
    here.kimi.replies += [refused(429, *EMPTY), text("x")]
    assert here.ask().shown == "x"
    [rest] = read_facts().cooling.values()
    assert rest.until - rest.at == USED_UP_SECONDS


def test_how_long_a_key_rests() -> None:
    """What the endpoint asked for, at most a day; else a minute for pace and an hour for money."""
    pace, money = errors.RateLimited("."), errors.EmptyBalance(".")
    assert rest_after(pace, 5.0) == Cooling(5.0 + PACE_SECONDS, 5.0, "has set a limit")
    assert rest_after(money, 5.0).until == 5.0 + USED_UP_SECONDS
    pace.retry_after_seconds = 3.0
    assert rest_after(pace, 5.0).until == 8.0
    pace.retry_after_seconds = 10.0**9
    assert rest_after(pace, 5.0).until == 5.0 + LONGEST_SECONDS


def test_a_key_of_the_other_region_goes_to_its_own_host(here: Here) -> None:
    """Each hop is a Route of the one resolver: the stored key's own endpoint, and no other."""
    here.key(PLATFORM_KEY)
    here.stored(china=f"{CHINA_KEY}@moonshot-cn")
    here.kimi.replies += [refused(429, *RATE), text("x")]
    asked = here.ask(Flags(model="kimi-k3"))
    assert asked.shown == "x", asked.error
    assert [(seen.surface, key_in(seen)) for seen in here.kimi.seen] == [
        ("moonshot", PLATFORM_KEY),
        ("moonshot-cn", CHINA_KEY),
    ]


def test_a_base_url_that_the_user_set_is_kept(here: Here) -> None:
    """A key of another region does not move a run away from the URL it was told."""
    here.key(PLATFORM_KEY)
    here.patch.setenv("KIMI_BASE_URL", "https://api.moonshot.ai/v1")
    here.stored(china=f"{CHINA_KEY}@moonshot-cn")
    here.kimi.replies += [refused(429, *EMPTY)]
    assert isinstance(here.ask().error, errors.EmptyBalance)
    assert here.keys_seen == [PLATFORM_KEY]


def test_a_plan_key_is_never_replaced_by_another_one(here: Here) -> None:
    """A membership's limit is not evaded; the error names the command that decides it."""
    here.key(PLAN_KEY)
    here.stored(twin=PLAN_TWIN, paid=SECOND_KEY)
    here.kimi.gate_allows.add("hermes-kimi")
    here.kimi.replies.append(USED_UP)
    asked = here.ask()
    assert isinstance(asked.error, errors.QuotaExhausted)
    assert "`hermes key use twin`" in asked.error.remedy
    assert here.keys_seen == [PLAN_KEY]
    assert read_facts().cooling == {}
    assert here.route().key_digest == ApiKey(PLAN_KEY).digest


def test_a_key_that_was_named_is_not_rotated_away(here: Here) -> None:
    """`--key NAME` is a wish: the error says what to leave out."""
    here.stored(second=SECOND_KEY, first=PLATFORM_KEY)
    here.kimi.replies.append(refused(429, *EMPTY))
    asked = here.ask(Flags(key="first"))
    assert isinstance(asked.error, errors.EmptyBalance)
    assert "`--key first`" in asked.error.remedy
    assert here.keys_seen == [PLATFORM_KEY]


def test_a_key_known_to_be_refused_is_not_taken(here: Here) -> None:
    """A dead key in the file takes nobody's place."""
    here.key(PLATFORM_KEY)
    here.stored(dead=DEAD_KEY)
    before = here.route()
    dead = here.route(Flags(key="dead"))
    state = KeyState("refused", "chat", "2026-11-20T00:00:00+00:00")
    open_learnt().remember_state(dead.chat_base_url, dead.key_digest, state)
    here.kimi.replies += [refused(429, *RATE), text("x")]
    asked = here.ask()
    assert asked.shown == "x"
    assert here.keys_seen == [PLATFORM_KEY] * 2
    assert here.route().key == before.key


def test_a_dead_key_further_down_costs_no_answer(here: Here) -> None:
    """
    The limited key had seconds to wait: after the 401 of the next one it is asked again, then.

    It was once asked at once, which is a request that can only be refused.
    """
    here.key(PLATFORM_KEY)
    here.stored(dead=DEAD_KEY)
    pace = refused(429, "please try again after 59 seconds", "rate_limit_reached_error")
    here.kimi.replies += [pace, text("x")]
    asked = here.ask()
    assert asked.shown == "x", asked.error
    assert here.keys_seen == [PLATFORM_KEY, DEAD_KEY, PLATFORM_KEY]
    _, back = changes(asked)
    assert any("s to wait" in each for each in back.notices)
    [wait] = asked.waits
    assert 0 < wait <= 59


def test_two_dead_keys_are_passed_one_after_the_other(here: Here) -> None:
    """After a refused key the next one is tried, before the first is asked again."""
    here.key(PLATFORM_KEY)
    here.stored(dead=DEAD_KEY, third=THIRD_KEY)
    here.kimi.replies += [refused(429, *EMPTY), text("x")]
    assert here.ask().shown == "x"
    assert here.keys_seen == [PLATFORM_KEY, DEAD_KEY, THIRD_KEY]


def test_an_overload_costs_no_key_its_turn(here: Here) -> None:
    """The engine is busy for everybody: no rest, no other key."""
    here.key(PLATFORM_KEY)
    here.stored(second=SECOND_KEY)
    here.kimi.replies += [refused(429, *OVERLOADED), text("x")]
    assert here.ask().shown == "x"
    assert here.keys_seen == [PLATFORM_KEY] * 2
    assert read_facts().cooling == {}
