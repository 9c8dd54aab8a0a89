"""Where a turn of this run can go on: at another key of its provider, else down the chain."""

import asyncio
import contextlib
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from typing import Self

from msgspec.structs import replace

from agent.choice import Origin
from agent.detour import Hop
from agent.errors import (
    BrokenFile,
    ConfigurationError,
    HermesError,
    ProviderError,
    UnknownModel,
)
from agent.learnt import Facts
from agent.route import Route, resolve
from agent.turn import Left
from hermes_cli.auth import Flags, route_for, wishes
from hermes_cli.config import Settings
from hermes_cli.fallback import Entry, read_chain
from hermes_cli.key_sources import every_key, with_stored_places
from hermes_cli.models import open_learnt, read_facts
from hermes_cli.opening import network_of
from hermes_cli.rotation import PACE_SECONDS, rest_after, rest_sentence, resting, siblings
from hermes_cli.runtime_provider import require_key, running_route


class Pool:
    """
    The detour of a run (`agent.detour.Detour`), and a context manager.

    A key at its own limit rests, in every process of this home, and another one of the
    provider takes its place where the endpoint rotates keys: never that of a membership.
    Where no key helps, the next entry of the fallback chain does, each a whole Route by the
    one resolver. A model on this machine that was started for it runs until the end.
    """

    def __init__(self, flags: Flags, settings: Settings) -> None:
        """Raise ConfigurationError if an entry of the chain is none."""
        self._settings = settings
        self._chain = read_chain(settings) if flags.fallback else ()
        self._running = ExitStack()
        self._started: dict[str, Route] = {}

    def __enter__(self) -> Self:
        """Return itself; nothing is opened before it is needed."""
        return self

    def __exit__(self, *_: object) -> None:
        """End what was started."""
        self._running.close()

    async def after(self, left: Sequence[Left], error: HermesError, *, final: bool) -> Hop | None:
        """Return where the turn goes on, or None with advice added to the error's remedy."""
        # In a thread: it reads files, may start a model and may ask for a key's region.
        return await asyncio.to_thread(self._after, tuple(left), error, final=final)

    def _after(self, left: tuple[Left, ...], error: HermesError, *, final: bool) -> Hop | None:
        asked = [each.route for each in left if each.error is not None]
        facts = self._facts(asked[-1])
        try:
            if not final:
                facts = self._with_rest(asked[-1], error, facts)
                return self._rotated(left, asked[-1], facts)
            hop = self._after_refused_sibling(left, asked, error, facts)
        except ConfigurationError:
            return None  # The error that brought us here is the one to tell.
        notices: list[str] = []
        hop = hop or self._chained(left, notices)
        if hop is None:
            advice = self._advice(asked[-1]) if error.another_key_helps else ""
            error.remedy = " ".join(filter(None, (error.remedy, advice, *notices)))
        return hop

    def _facts(self, route: Route) -> Facts:
        facts = Facts()
        with contextlib.suppress(BrokenFile):  # told at the start of the run
            facts = read_facts()
        return with_stored_places(facts, self._settings, route.provider.value)

    # --- another key ----------------------------------------------------------------------

    def _with_rest(self, route: Route, error: HermesError, facts: Facts) -> Facts:
        """Let the key rest if keys rotate at its endpoint, and return the facts after that."""
        if route.key is None or not route.endpoint.rotates_keys:
            return facts
        rest = rest_after(error, time.time())
        with contextlib.suppress(BrokenFile):
            open_learnt().remember_cooling(route.chat_base_url, route.key_digest, rest)
        return self._facts(route)

    def _rotated(self, left: Sequence[Left], failed: Route, facts: Facts) -> Hop | None:
        """Return a Hop to the first other key that neither rests nor was tried in this turn."""
        tried = {each.route.key_digest for each in left}
        now = time.time()
        for other in siblings(failed, self._settings, facts):
            if other.key_digest not in tried and resting(other, facts, now) is None:
                return Hop(route=other, network=network_of(other))
        return None

    def _after_refused_sibling(
        self, left: Sequence[Left], asked: Sequence[Route], error: HermesError, facts: Facts
    ) -> Hop | None:
        """
        Return a Hop for a turn whose key was at its limit and whose next key was refused.

        It is the next key, or else, once, the one that had only a short time to wait, after that
        time: a dead key further down must not cost an answer that a second would have brought.
        """
        of_key = isinstance(error, ProviderError) and not (
            error.another_key_helps or error.another_model_helps
        )
        failed = asked[-1]
        before = [route for route in asked[:-1] if _are_siblings(route, failed)]
        if not of_key or not before:
            return None
        digests = [route.key_digest for route in asked]
        waiting = [
            (rest.until, route)
            for route in before
            if (rest := facts.cooling.get((route.chat_base_url, route.key_digest)))
            and rest.until - rest.at <= PACE_SECONDS
            and digests.count(route.key_digest) == 1
        ]
        if (hop := self._rotated(left, failed, facts)) or not waiting:
            return hop
        until, first = min(waiting, key=lambda each: each[0])
        wait = max(until - time.time(), 0.0)
        told = (f"It has {wait:.0f} s to wait.",) if wait >= 1 else ()
        return Hop(route=first, network=network_of(first), notices=told, wait_seconds=wait)

    def _advice(self, route: Route) -> str:
        """Return what the user can do with another key of the provider that was not taken."""
        keys = every_key(route.provider.value, self._settings)
        others = [key for key in keys if route.key and key.value != route.key.value]
        if others and route.key is not None and route.key.origin is Origin.FLAG:
            return f"`{route.key.name}` names this key, so no other one was taken: leave it out."
        named = [key.name for key in others if key.origin is Origin.STORED]
        if not named or route.endpoint.rotates_keys:
            return ""
        return f"`hermes key use {named[0]}` takes another of your keys; that is yours to decide."

    # --- the chain ------------------------------------------------------------------------

    def _chained(self, left: Sequence[Left], notices: list[str]) -> Hop | None:
        """
        Return a Hop to the first entry of the chain that can be asked, if there is one.

        Why others were passed over is added to `notices`.
        """
        for entry in self._chain:
            try:
                route = self._opened(entry, left)
                if route is not None:
                    network = network_of(route)
                    return Hop(route=route, network=network, notices=tuple(notices))
            except HermesError as failure:
                notices.append(f"{entry.text} was passed over: {failure.message}")
        return None

    def _opened(self, entry: Entry, left: Sequence[Left]) -> Route | None:
        """
        Return the Route of an entry, and start what it needs; None if the turn was there.

        It is that of the provider's strongest key, or else of the first other one that can be
        used: after a membership's key, one that is paid by use. Raises HermesError with the
        reason for which the entry is passed over.
        """
        flags = Flags(provider=entry.provider, model=entry.model)
        strongest = route_for(flags, self._settings, read_facts())
        facts = self._facts(strongest)
        reasons: list[HermesError] = []
        for route in (strongest, *self._with_other_keys(strongest, flags, facts)):
            if any(_is_same(route, other.route) for other in left):
                continue
            try:
                _check(route, left, facts)
            except HermesError as reason:
                reasons.append(reason)
                continue
            return self._running_route(entry, flags) if route is strongest else route
        if reasons:
            # What else stands against a key says more than that its endpoint lacks the model.
            raise min(reasons, key=lambda reason: isinstance(reason, UnknownModel))
        return None

    def _with_other_keys(self, route: Route, flags: Flags, facts: Facts) -> Iterator[Route]:
        row = route.provider.value
        asked = wishes(row, flags, self._settings)
        for key in every_key(row, self._settings):
            if route.key is not None and key.value != route.key.value:
                other = resolve(route.provider, replace(asked, keys=(key,)), facts)
                if other.state is None or other.state.verdict != "refused":
                    yield other

    def _running_route(self, entry: Entry, flags: Flags) -> Route:
        if entry.text in self._started:
            return self._started[entry.text]
        running = self._running.enter_context(running_route(flags, self._settings))
        if running.provider.value.runs_here:
            self._started[entry.text] = running
        return running


def _check(route: Route, left: Sequence[Left], facts: Facts) -> None:
    """Raise HermesError with the reason if a turn cannot go on over a Route."""
    if route.model_error is not None:
        raise route.model_error
    require_key(route)
    _check_turn(route, left)
    rest = resting(route, facts, time.time())
    if rest is not None:
        raise ConfigurationError(rest_sentence(route, rest))


def _check_turn(route: Route, left: Sequence[Left]) -> None:
    """Raise ConfigurationError if the turn's earlier Routes forbid this one."""
    place = (route.chat_base_url, route.key_digest)
    failed = [each for each in left if each.error and not each.error.another_model_helps]
    if any(place == (each.route.chat_base_url, each.route.key_digest) for each in failed):
        raise ConfigurationError("it has the same key at the same endpoint.")
    product = route.endpoint.product
    if any(
        other.endpoint.product == product and other.key_digest != route.key_digest
        for other in (each.route for each in left)
        if product and not (other.endpoint.rotates_keys or other.provider.value.runs_here)
    ):
        raise ConfigurationError(
            "it has another key of the same membership, which is taken only when you say so."
        )


def _are_siblings(one: Route, other: Route) -> bool:
    """Say whether a turn can have come from one Route to the other by taking another key."""
    return (
        one.provider.value.id == other.provider.value.id
        and one.endpoint.rotates_keys
        and other.endpoint.rotates_keys
        and one.key_digest != other.key_digest
    )


def _is_same(one: Route, other: Route) -> bool:
    """Say whether two Routes ask the same model with the same key at the same place."""
    if (one.provider.value.id, one.model.value) != (other.provider.value.id, other.model.value):
        return False
    # The embedded model has another address and key at each start.
    here = one.provider.value.runs_here
    return here or (one.chat_base_url, one.key_digest) == (other.chat_base_url, other.key_digest)
