"""Money to the last digit, cached shares, and the message that broke the cache."""

from decimal import Decimal

import pytest
from msgspec.structs import replace

from agent.catalog.custom import endpoint_at
from agent.catalog.kimi import KIMI, KIMI_CODE, MOONSHOT, MOONSHOT_CN
from agent.catalog.kimi_models import CN_K3, CN_K27_CODE, CODE_K3, K3, K31_PRO_HIGHSPEED
from agent.costs import (
    CacheFall,
    Cost,
    Sent,
    Totals,
    cache_fall,
    cached_share,
    cost_of,
    first_change,
    priced_row,
)
from agent.messages import Usage, user

USAGE = Usage(prompt_tokens=1_000, cached_tokens=600, completion_tokens=100, reasoning_tokens=40)
A, B, C = user("a"), user("b"), user("c")


def test_cached_and_fresh_tokens_have_their_own_prices() -> None:
    """400 fresh at 3, 600 cached at 0.3, 100 out at 15 dollars a million: reasoning is in them."""
    assert cost_of(USAGE, K3) == Cost("USD", Decimal("0.00288"))
    assert cost_of(USAGE, CN_K27_CODE) == Cost("CNY", Decimal("0.00608"))
    assert cost_of(Usage(), K3) == Cost("USD", Decimal(0))


def test_a_plan_covers_what_its_models_use() -> None:
    """A price of 0 is no money, and is told apart from an answer that used nothing."""
    assert cost_of(USAGE, CODE_K3) == Cost("USD", Decimal(0), covered=True)


def test_what_is_not_known_is_not_made_up() -> None:
    """No usage, no row, no price: no cost; a cached price matters once something was cached."""
    assert cost_of(None, K3) is None
    assert cost_of(USAGE, None) is None
    assert cost_of(USAGE, CN_K3) is None
    assert cost_of(USAGE, K31_PRO_HIGHSPEED) is None
    uncached = Usage(prompt_tokens=1_000, completion_tokens=100)
    assert cost_of(uncached, K31_PRO_HIGHSPEED) == Cost("USD", Decimal("0.006"))


def test_the_served_models_price_holds() -> None:
    """Another model may answer than was asked; an id nobody knows costs what was asked for."""
    assert priced_row(MOONSHOT, served="kimi-k2.6", asked="kimi-k3") == MOONSHOT.model("kimi-k2.6")
    assert priced_row(MOONSHOT, served="kimi-k3-0716", asked="kimi-k3") == K3
    assert priced_row(MOONSHOT_CN, served="", asked="kimi-k3") == CN_K3
    assert priced_row(KIMI_CODE, served="k3", asked="kimi-for-coding") == CODE_K3
    elsewhere = endpoint_at("https://gateway.invalid/v1", ("chat",), KIMI)
    assert priced_row(elsewhere, served="kimi-k3", asked="kimi-k3") is None


def test_totals_are_the_sum_of_their_parts() -> None:
    """Ten times a tenth is one; currencies stay apart; the unknown is counted."""
    tenth = Cost("USD", Decimal("0.1"))
    totals = Totals()
    for _ in range(10):
        totals = totals.plus(USAGE, tenth)
    totals = totals.plus(USAGE, Cost("CNY", Decimal(2))).plus(USAGE, None).plus(None, None)

    assert totals.costs == (Cost("USD", Decimal("1.0")), Cost("CNY", Decimal(2)))
    assert (totals.answers, totals.unpriced, totals.untold) == (13, 1, 1)
    assert totals.usage.prompt_tokens == 12_000
    assert cached_share(totals.usage) == 0.6


def test_a_total_is_covered_only_if_all_of_it_is() -> None:
    """One answer that cost money makes the sum money."""
    covered, paid = Cost("USD", Decimal(0), covered=True), Cost("USD", Decimal(1))

    assert Totals().plus(USAGE, covered).plus(USAGE, covered).costs == (covered,)
    assert Totals().plus(USAGE, covered).plus(USAGE, paid).costs == (paid,)


def test_a_share_needs_a_prompt() -> None:
    """Nothing is divided by nothing, and no endpoint's slip makes more than all."""
    assert cached_share(None) is None
    assert cached_share(Usage()) is None
    assert cached_share(Usage(prompt_tokens=4, cached_tokens=9)) == 1.0


@pytest.mark.parametrize(
    ("before", "after", "expected"),
    [
        ((), (), None),
        ((A, B), (A, B), None),
        ((A, B), (A, B, C), None),
        ((A, B, C), (A, C, C), 1),
        ((A, B), (A,), 1),
        ((A,), (B, A), 0),
    ],
)
def test_the_first_message_that_changed_is_found(
    before: tuple[object, ...], after: tuple[object, ...], expected: int | None
) -> None:
    """What was added at the end is no change; what is missing is one."""
    assert first_change(before, after) == expected  # type: ignore[arg-type]


def test_a_fall_of_the_cached_share_names_its_cause() -> None:
    """A long new message is no fall; a changed message is, and so is a cache gone cold."""
    before = Sent((A, B), Usage(prompt_tokens=100, cached_tokens=80))
    same = Sent((A, B, C), before.usage)
    grown = Sent((A, B, C), Usage(prompt_tokens=1_000, cached_tokens=80))
    cold = Sent((A, B, C), Usage(prompt_tokens=100, cached_tokens=10))
    changed = Sent((A, C, B), Usage(prompt_tokens=100, cached_tokens=10))

    assert cache_fall(before, same) is None
    assert cache_fall(before, grown) is None
    assert cache_fall(before, cold) == CacheFall(0.8, 0.1, None)
    assert cache_fall(before, changed) == CacheFall(0.8, 0.1, 1)
    assert cache_fall(replace(before, usage=Usage()), cold) is None
