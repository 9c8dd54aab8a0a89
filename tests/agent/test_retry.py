"""When to ask again, as arithmetic."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent.transport.retry import Patience, retry_after_seconds, wait_seconds

CALM = Patience(most_tries=10, total_seconds=1_000)


@pytest.mark.parametrize(
    ("tries", "seconds"), [(1, 0.5), (2, 1.0), (3, 2.0), (6, 16.0), (7, 32.0), (9, 32.0)]
)
def test_the_wait_doubles_up_to_its_cap(tries: int, seconds: float) -> None:
    """Half a second, then twice as long each time, never above 32 s."""
    assert wait_seconds(CALM, tries=tries, waited=0, asked=None, chance=0) == seconds


def test_jitter_makes_it_longer_by_a_quarter_at_most() -> None:
    """Many clients do not come back in the same instant."""
    assert wait_seconds(CALM, tries=1, waited=0, asked=None, chance=1) == 0.625


def test_what_the_endpoint_asked_for_is_taken_as_it_is() -> None:
    """`Retry-After` and `try again after N seconds` override, without jitter or cap."""
    assert wait_seconds(CALM, tries=1, waited=0, asked=50, chance=1) == 50
    assert wait_seconds(CALM, tries=1, waited=0, asked=0, chance=1) == 0
    assert wait_seconds(CALM, tries=1, waited=0, asked=-5, chance=1) == 0


def test_tries_and_time_have_an_end() -> None:
    """Neither an endless loop nor an overnight retry."""
    patience = Patience(most_tries=3, total_seconds=10)
    assert wait_seconds(patience, tries=3, waited=0, asked=None, chance=0) is None
    assert wait_seconds(patience, tries=1, waited=0, asked=11, chance=0) is None
    assert wait_seconds(patience, tries=2, waited=9.5, asked=None, chance=0) is None


@given(st.floats(0, 100), st.lists(st.floats(0, 1), max_size=20))
def test_the_waits_never_exceed_the_total(total: float, chances: list[float]) -> None:
    """Whatever chance says, the sum of all waits stays inside the limit."""
    patience = Patience(most_tries=30, total_seconds=total)
    waited = 0.0
    for tries, chance in enumerate(chances, start=1):
        wait = wait_seconds(patience, tries=tries, waited=waited, asked=None, chance=chance)
        if wait is None:
            break
        waited += wait
    assert waited <= total


RETRY_AFTER = {
    "3": 3.0,
    " 120 ": 120.0,
    "0": 0.0,
    "Sun, 22 Nov 2026 00:00:30 GMT": 30.0,
    "Sat, 21 Nov 2026 00:00:00 GMT": 0.0,
    "": None,
    "soon": None,
    "-5": None,
    "1.5": None,
    "\u0663": None,
    "Sun, 99 Nov 2026 00:00:30 GMT": None,
}


@pytest.mark.parametrize("header", RETRY_AFTER)
def test_retry_after_is_seconds_or_a_date(header: str) -> None:
    """RFC 9110, section 10.2.3; what nobody can read asks for nothing."""
    midnight = 1_795_305_600.0
    assert retry_after_seconds(header, now=midnight) == RETRY_AFTER[header]


@given(st.text(max_size=60))
def test_no_header_crashes_the_reader(header: str) -> None:
    """A header is text from outside."""
    seconds = retry_after_seconds(header, now=0.0)
    assert seconds is None or seconds >= 0
