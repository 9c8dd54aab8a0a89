"""The ways a turn can go on where its Route cannot: another key, another provider; no I/O."""

from collections.abc import Sequence
from typing import Protocol

import msgspec

from agent.errors import HermesError, UsageError
from agent.events import RouteChanged
from agent.messages import Options
from agent.route import Route
from agent.transport.network import Network
from agent.turn import Left
from agent.wire.steering import fitting_effort


class Hop(msgspec.Struct, frozen=True, kw_only=True):
    """
    Another Route, whole, and the way out to it.

    `notices` are sentences the user must see: what was passed over before it was found. It is
    asked after `wait_seconds`.
    """

    route: Route
    network: Network
    notices: tuple[str, ...] = ()
    wait_seconds: float = 0.0


class Detour(Protocol):
    """Who knows where else a turn can go."""

    async def after(self, left: Sequence[Left], error: HermesError, *, final: bool) -> Hop | None:
        """
        Return where the turn goes on after an error, or None.

        `left` are the Routes that the turn cannot go on over; the last of them that was asked
        failed just now, with `error`. With `final` nothing else can be done; without it the
        same request could wait and go out again, so that only another key is of use. It is
        asked only where the error's class says that it may help, and must end: a turn goes on
        for as long as Hops are given. Never raises.
        """


def options_for(route: Route, options: Options) -> tuple[Options, tuple[str, ...]]:
    """Return the options that a Route's model and wire take, and sentences about the others."""
    row, model = route.row_sent, route.model.value
    changes: dict[str, object] = {}
    dropped: list[str] = []
    try:
        fitting_effort(row, options.effort)
    except UsageError as error:
        changes["effort"] = ""
        dropped.append(f"{error.message} So it thinks as it does by itself.")
    if options.response_format is not None and route.wire.value != "chat":
        changes["response_format"] = None
        dropped.append(f"{model} is not asked for a response format: its wire has none.")
    most = row.output_tokens if row else None
    if most is not None and (options.budget_tokens or 0) > most:
        changes["budget_tokens"] = None
        dropped.append(f"{model} answers with at most {most:,} tokens.")
    return msgspec.structs.replace(options, **changes), tuple(dropped)


def route_changed(
    before: Route, error: HermesError, hop: Hop, dropped: Sequence[str]
) -> RouteChanged:
    """Return the event that tells of a hop and of the options that were `dropped` for it."""
    route = hop.route
    return RouteChanged(
        reason=error.message,
        from_endpoint=before.endpoint.id,
        from_model=before.model.value,
        to_endpoint=route.endpoint.id,
        to_model=route.model.value,
        url=route.url,
        key=route.key.value.fingerprint if route.key else "",
        notices=(*hop.notices, *(n for n in route.notices if n not in before.notices), *dropped),
    )
