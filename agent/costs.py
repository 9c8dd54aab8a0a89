"""
What answers cost: money from a row's prices, the share that came from the cache, totals.

Money is a Decimal: prices are decimal numbers, thousands of small amounts are added up, and
the sum on the screen must be the sum of its parts to the last digit.
"""

from collections.abc import Sequence
from decimal import Decimal

import msgspec

from agent.catalog.rows import EndpointRow, ModelRow
from agent.messages import Message, Usage

_MILLION = 1_000_000
_ZERO = Decimal(0)


class Cost(msgspec.Struct, frozen=True):
    """
    The money of one answer or of several, in `currency` (`USD`, `CNY`).

    `covered` says that the row's price is 0: the plan has paid for it, or nobody has to.
    """

    currency: str
    amount: Decimal
    covered: bool = False


class Totals(msgspec.Struct, frozen=True):
    """
    What the answers of a conversation used together.

    `costs` has one entry a currency; `unpriced` counts answers whose price nobody knows, and
    `untold` those for which the endpoint told no usage.
    """

    answers: int = 0
    usage: Usage = msgspec.field(default_factory=Usage)
    costs: tuple[Cost, ...] = ()
    unpriced: int = 0
    untold: int = 0

    def plus(self, usage: Usage | None, cost: Cost | None) -> "Totals":
        """Return the totals with one more answer."""
        sums = self.usage
        if usage is not None:
            sums = Usage(
                prompt_tokens=sums.prompt_tokens + usage.prompt_tokens,
                completion_tokens=sums.completion_tokens + usage.completion_tokens,
                cached_tokens=sums.cached_tokens + usage.cached_tokens,
                reasoning_tokens=sums.reasoning_tokens + usage.reasoning_tokens,
            )
        return Totals(
            answers=self.answers + 1,
            usage=sums,
            costs=_added(self.costs, cost) if cost else self.costs,
            unpriced=self.unpriced + (usage is not None and cost is None),
            untold=self.untold + (usage is None),
        )


class Sent(msgspec.Struct, frozen=True):
    """The messages of a request, and what its answer used."""

    messages: tuple[Message, ...]
    usage: Usage


class CacheFall(msgspec.Struct, frozen=True):
    """
    The cached share of a prompt fell from `before` to `after`, each 0 to 1.

    `changed` is the index of the first message that is not what it was in the request before;
    None if all of them are, and the endpoint itself no longer had them.
    """

    before: float
    after: float
    changed: int | None


def priced_row(endpoint: EndpointRow, *, served: str, asked: str) -> ModelRow | None:
    """Return the row whose prices hold: of the id that served there, else of the one sent."""
    return endpoint.model(served) or endpoint.model(asked)


def cost_of(usage: Usage | None, row: ModelRow | None) -> Cost | None:
    """
    Return what the tokens cost at the row's prices, to the last digit; None if it is not known.

    Cached tokens have their own price; where it is not known and there are some, the cost is
    not known either. Reasoning is part of the completion and priced as such.
    """
    if usage is None or row is None or row.price_in is None or row.price_out is None:
        return None
    if row.price_cached is None and usage.cached_tokens:
        return None
    fresh = usage.prompt_tokens - usage.cached_tokens
    amount = (
        _decimal(row.price_in) * max(fresh, 0)
        + _decimal(row.price_cached or 0) * usage.cached_tokens
        + _decimal(row.price_out) * usage.completion_tokens
    ) / _MILLION
    return Cost(row.currency, amount, covered=not (row.price_in or row.price_out))


def cached_share(usage: Usage | None) -> float | None:
    """Return the part of the prompt that came from the cache, 0 to 1; None without a prompt."""
    if usage is None or not usage.prompt_tokens:
        return None
    return min(usage.cached_tokens / usage.prompt_tokens, 1.0)


def first_change(before: Sequence[Message], after: Sequence[Message]) -> int | None:
    """
    Return the index of the first message of `before` that `after` does not have as it was.

    From there on the endpoint cannot use its cache. None if `after` begins with all of
    `before`: then nothing that was sent has changed.
    """
    for index, message in enumerate(before):
        if index >= len(after) or after[index] != message:
            return index
    return None


def cache_fall(before: Sent, after: Sent) -> CacheFall | None:
    """
    Return how the cached share fell from one request to the next, or None if it did not.

    A share that is smaller only because much was added is no fall: then nothing changed, and
    no less came from the cache.
    """
    was, now = cached_share(before.usage), cached_share(after.usage)
    if was is None or now is None or now >= was:
        return None
    changed = first_change(before.messages, after.messages)
    if changed is None and after.usage.cached_tokens >= before.usage.cached_tokens:
        return None
    return CacheFall(was, now, changed)


def _added(costs: tuple[Cost, ...], cost: Cost) -> tuple[Cost, ...]:
    found = {entry.currency: entry for entry in costs}
    old = found.get(cost.currency, Cost(cost.currency, _ZERO, covered=True))
    found[cost.currency] = Cost(
        cost.currency, old.amount + cost.amount, covered=old.covered and cost.covered
    )
    return tuple(found.values())


def _decimal(price: float) -> Decimal:
    """Return a price as it was written in its row, not as binary fractions hold it."""
    return Decimal(str(price))
