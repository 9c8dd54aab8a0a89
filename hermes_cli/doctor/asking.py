"""One `GET /models` at an endpoint, with what its connection and its answer's head tell."""

import asyncio
import time
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import msgspec
from msgspec.structs import replace

from agent.errors import ConfigurationError, ConnectTimedOut, HermesError, NetworkError
from agent.learnt import Facts
from agent.route import Route, resolve
from agent.transport.network import Network
from hermes_cli.auth import Flags, route_for, wishes
from hermes_cli.check import Answer, Verdict
from hermes_cli.config import Settings, read_network
from hermes_cli.key_sources import every_key, keys_of
from hermes_cli.report import lacks_key
from hermes_cli.user_providers import every_provider

if TYPE_CHECKING:
    from agent.transport.http import HttpAnswer, HttpRequest

STEP_SECONDS = 3.0
"""How long a connection, its handshake or an answer may each take."""

_STEPS = 1.5
"""How many times that all of it may take."""


class Head(msgspec.Struct):
    """What was seen before the body: the peer's address, its certificate, its clock."""

    address: str = ""
    certificate: Mapping[str, Any] = msgspec.field(default_factory=dict)
    date: str = ""


class Asked(msgspec.Struct, frozen=True, kw_only=True):
    """
    What one endpoint answered, and over what.

    `network` is None if no way out could be read. `at` is when the answer came (UTC), and
    `seconds` how long it took.
    """

    answer: Answer
    network: Network | None
    head: Head
    at: datetime
    seconds: float

    @property
    def route(self) -> Route:
        """The Route that was asked."""
        return self.answer.route

    @property
    def host(self) -> str:
        """The host that was asked, without its port."""
        return urlsplit(self.route.models_url).hostname or ""

    @property
    def reached(self) -> bool:
        """Whether the endpoint itself said something."""
        return not isinstance(self.answer.error, (NetworkError, ConfigurationError))

    @property
    def accepted(self) -> bool:
        """Whether it took the key."""
        return self.answer.verdict is Verdict.ACCEPTED


def ask(routes: Sequence[Route], *, seconds: float = STEP_SECONDS) -> tuple[Asked, ...]:
    """
    Ask each Route's endpoint once, in parallel, for the models of its key.

    Each step of the way may take `seconds`.

    Nothing is tried twice and nothing is remembered. Never raises for what an endpoint, the
    network or a setting of the network does: it is in the answers.
    """
    return asyncio.run(_ask_all(routes, seconds))


async def _ask_all(routes: Sequence[Route], seconds: float) -> tuple[Asked, ...]:
    return tuple(await asyncio.gather(*(_ask(route, seconds) for route in routes)))


async def _ask(route: Route, seconds: float) -> Asked:
    begun = time.monotonic()
    head = Head()
    network: Network | None = None
    try:
        network = _way_out(route, seconds)
        answer = await _list(route, network, head)
    except HermesError as error:
        answer = Answer(route, error=error)
    return Asked(
        answer=answer,
        network=network,
        head=head,
        at=datetime.now(UTC),
        seconds=time.monotonic() - begun,
    )


def _way_out(route: Route, seconds: float) -> Network:
    """Return the way out with our own limits. Raises ConfigurationError."""
    host = urlsplit(route.models_url).hostname or ""
    return replace(read_network(host), connect_seconds=seconds, silence_seconds=seconds)


async def _list(route: Route, network: Network, head: Head) -> Answer:
    """Return what it listed; `head` is filled as soon as an answer begins. Raises HermesError."""
    from agent.client import MODEL_LIST_BYTES
    from agent.exchange import refusal
    from agent.live_list import read_models
    from agent.transport.http import Http

    place = urlsplit(route.models_url).netloc
    longest = _STEPS * network.connect_seconds
    try:
        async with (
            asyncio.timeout(longest),
            Http(network) as http,
            http.send(_request(route)) as answer,
        ):
            _note(answer, head)
            body = await answer.read(MODEL_LIST_BYTES)
            if answer.status != 200:
                raise refusal(route, answer, body)
    except TimeoutError as error:
        raise ConnectTimedOut(
            f"{place} did not answer within {longest:g} seconds.",
            remedy="`hermes explain` shows the address and where it comes from.",
        ) from error
    told = read_models(body, place)
    return Answer(route, models=told.models, notice=told.notice(place))


def _request(route: Route) -> "HttpRequest":
    from agent.transport.http import HttpRequest

    key = route.key.value if route.key else None
    return HttpRequest("GET", route.models_url, key=key, key_header=route.endpoint.key_header)


def _note(answer: "HttpAnswer", head: Head) -> None:
    head.date = answer.header("date")
    address = answer.connection_fact("server_addr")
    secured = answer.connection_fact("ssl_object")
    head.address = str(address[0]) if isinstance(address, tuple) else ""
    head.certificate = (secured.getpeercert() or {}) if secured is not None else {}


# --- whom to ask --------------------------------------------------------------------------


def routes_to_ask(
    route: Route, flags: Flags, settings: Settings, facts: Facts, *, everything: bool
) -> tuple[list[Route], list[tuple[str, HermesError]]]:
    """
    Return a Route for each configured endpoint, each endpoint once, the one in use first.

    They are those of the keys of the provider in use; with `everything`, those of every
    provider that has a key. The second list has the providers that give no Route, and why.
    """
    routes = [route, *_of_other_keys(route, flags, settings, facts)]
    failures: list[tuple[str, HermesError]] = []
    for provider in _other_providers(route, settings) if everything else ():
        try:
            routes.append(route_for(Flags(provider=provider), settings, facts))
        except HermesError as error:
            failures.append((provider, error))
    distinct: dict[str, Route] = {}
    for each in routes:
        distinct.setdefault(each.chat_base_url, each)
    return list(distinct.values()), failures


def can_be_asked(route: Route) -> bool:
    """Say whether a Route has what a request needs, and lists its models."""
    return route.endpoint.lists_models and not lacks_key(route) and route.egress_error is None


def _of_other_keys(route: Route, flags: Flags, settings: Settings, facts: Facts) -> Iterator[Route]:
    """Yield where the provider's other keys would go."""
    row = route.provider.value
    asked = wishes(row, flags, settings)
    for key in every_key(row, settings):
        if route.key is None or key.value != route.key.value:
            yield resolve(route.provider, replace(asked, keys=(key,)), facts)


def _other_providers(route: Route, settings: Settings) -> Iterator[str]:
    """Yield the ids of the other providers that have a key, or need none and have a place."""
    for row in every_provider(settings):
        if row.id == route.provider.value.id or row.runs_here:
            continue
        has_key = bool(settings.variables(row.key_variables) or keys_of(row, settings))
        has_place = bool(row.defined_in or settings.setting("providers", row.id, "base_url"))
        named = settings.variable(row.base_url_variable) if row.base_url_variable else ()
        if has_key or (not row.key_needed and (has_place or named)):
            yield row.id
