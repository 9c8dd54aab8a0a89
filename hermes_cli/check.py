"""Asking endpoints about a key: which of its product's hosts takes it, and what is left there."""

import asyncio
from collections.abc import AsyncGenerator, Sequence
from contextlib import asynccontextmanager, suppress
from datetime import UTC, datetime
from enum import Enum
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import msgspec

from agent.catalog.rows import EndpointRow
from agent.choice import Candidate, Origin
from agent.errors import (
    AccessRefused,
    BrokenFile,
    ConnectTimedOut,
    EntitlementRefused,
    HermesError,
    KeyRefused,
    MembershipMissing,
    NetworkError,
    ProviderError,
    QuotaExhausted,
)
from agent.learnt import Facts, KeyState, LearntPlan, LiveModel, PlanWindow
from agent.route import Route, Wishes, resolve
from agent.usage import Balance, PlanUsage, read_balance, read_plan
from hermes_cli.config import Settings
from hermes_cli.models import open_learnt
from hermes_cli.opening import open_client
from hermes_cli.probe_wish import probe_wish

if TYPE_CHECKING:
    from agent.client import Client

SECONDS = 3.0
"""How long one endpoint may take to answer."""


class Verdict(Enum):
    """What an endpoint's answer says of a key."""

    ACCEPTED = "accepted"
    REFUSED = "refused"
    UNREACHED = "could not be asked"


class Answer(msgspec.Struct, frozen=True):
    """
    What one endpoint said to a key; `route` is the one that asked.

    `models` are those it listed. `error` is why it did not: a refusal, a failure below
    HTTP, or a limit of the account, which proves the key too. `notice` is a sentence about
    addresses that the answer proposed and we refused, or empty.
    """

    route: Route
    models: tuple[LiveModel, ...] = ()
    error: HermesError | None = None
    notice: str = ""

    @property
    def endpoint(self) -> EndpointRow:
        """The endpoint that was asked."""
        return self.route.endpoint

    @property
    def host(self) -> str:
        """The host that was asked, with its port if it has one."""
        return urlsplit(self.route.chat_base_url).netloc

    @property
    def words(self) -> str:
        """The host and what it said of the key, as a part of a sentence."""
        match self.verdict:
            case Verdict.ACCEPTED:
                return f"{self.host} takes it"
            case Verdict.REFUSED:
                return f"{self.host} does not take it"
            case Verdict.UNREACHED:
                return f"{self.host} could not be asked"

    @property
    def verdict(self) -> Verdict:
        """
        What the answer says of the key; a busy or broken endpoint says nothing.

        One whose plan or money lacks something has been taken: the endpoint knows whose it is.
        """
        match self.error:
            case None | QuotaExhausted() | EntitlementRefused() | MembershipMissing():
                return Verdict.ACCEPTED
            case KeyRefused() | AccessRefused():
                return Verdict.REFUSED
            case _:
                return Verdict.UNREACHED


class Checked(msgspec.Struct, frozen=True):
    """What every endpoint that was asked said, in their order, at `at`, an ISO time (UTC)."""

    answers: tuple[Answer, ...]
    at: str

    @property
    def accepted(self) -> tuple[Answer, ...]:
        """Those who took the key."""
        return tuple(each for each in self.answers if each.verdict is Verdict.ACCEPTED)

    @property
    def verdict(self) -> Verdict:
        """Accepted if anybody took it, refused if everybody refused it, else not known."""
        verdicts = {each.verdict for each in self.answers}
        if Verdict.ACCEPTED in verdicts:
            return Verdict.ACCEPTED
        return Verdict.REFUSED if verdicts == {Verdict.REFUSED} else Verdict.UNREACHED

    @property
    def words(self) -> str:
        """What every host said of the key, as a part of a sentence."""
        return " and ".join(answer.words for answer in self.answers)

    @property
    def notices(self) -> tuple[str, ...]:
        """A sentence for each answer that proposed addresses, which we refused."""
        return tuple(each.notice for each in self.answers if each.notice)


def may_probe(route: Route, settings: Settings, facts: Facts) -> bool:
    """Say whether every region of the key's product may be asked without another question."""
    wish = probe_wish(route.provider.value, settings)
    return wish == "always" or (wish != "never" and route.endpoint.product in facts.consents)


def knows_region(route: Route) -> bool:
    """
    Say whether the region of a Route's key is known.

    What its endpoint last said to the key counts, and else where the key was found to
    belong: after a refusal it is to be looked for again.
    """
    if route.state is not None:
        return route.state.verdict == "accepted"
    return route.place is not None and not route.place.doubted


def regions(route: Route) -> tuple[EndpointRow, ...]:
    """
    Return the endpoints that a Route's key can belong to, the Route's own first.

    It is the Route's alone if the user named its base URL, or if there is no twin.
    """
    twins = route.provider.value.of_product(route.endpoint.product)
    if route.base_url.origin.is_users:
        twins = ()
    return (route.endpoint, *(twin for twin in twins if twin is not route.endpoint))


def at_endpoints(route: Route, endpoints: Sequence[EndpointRow]) -> tuple[Route, ...]:
    """Return a whole Route for the same key at each endpoint; the Route's own as it is."""
    return tuple(
        route if endpoint == route.endpoint else _at(route, endpoint) for endpoint in endpoints
    )


def _at(route: Route, endpoint: EndpointRow) -> Route:
    url = Candidate(endpoint.base_urls[0][1], Origin.ROW, f"shipped row {endpoint.id}")
    keys = (route.key,) if route.key else ()
    return resolve(route.provider, Wishes(keys=keys, base_urls=(url,)), Facts())


def check(routes: Sequence[Route], *, seconds: float = SECONDS) -> Checked:
    """
    Ask each Route's endpoint once, in parallel, for the models of its key; store nothing.

    One `GET /models` a Route, `seconds` each, tried once. Never raises for what an endpoint
    or the network does: it is in the answers. Raises ConfigurationError for this machine's
    way out.
    """
    at = datetime.now(UTC).isoformat(timespec="seconds")
    return Checked(asyncio.run(_ask_all(routes, seconds)), at)


async def _ask_all(routes: Sequence[Route], seconds: float) -> tuple[Answer, ...]:
    return tuple(await asyncio.gather(*(_ask(route, seconds) for route in routes)))


async def _ask(route: Route, seconds: float) -> Answer:
    try:
        async with _asking(route, seconds) as client:
            told = await client.model_list()
            host = urlsplit(route.models_url).netloc
            return Answer(route, models=told.models, notice=told.notice(host))
    except (ProviderError, NetworkError) as error:
        return Answer(route, error=error)


@asynccontextmanager
async def _asking(route: Route, seconds: float) -> AsyncGenerator["Client"]:
    """Give a client that has `seconds` in all. Raises ConnectTimedOut after them."""
    try:
        async with (
            asyncio.timeout(seconds),
            open_client(route, retries=0, remembers=False) as client,
        ):
            yield client
    except TimeoutError as error:
        host = urlsplit(route.chat_base_url).netloc
        raise ConnectTimedOut(
            f"{host} did not answer within {seconds:g} seconds.",
            remedy="`hermes doctor` tells where it stops.",
        ) from error


def refused_by_all(checked: Checked, remedy: str) -> KeyRefused | AccessRefused:
    """Return the error of a key that everybody who was asked has refused."""
    first = checked.answers[0]
    message = first.error.message if first.error else ""
    if len(checked.answers) > 1:
        hosts = " and ".join(answer.host for answer in checked.answers)
        key = first.route.key.value.fingerprint if first.route.key else ""
        message = f"No region of {first.endpoint.product} takes the key {key}: {hosts} were asked."
    kind = AccessRefused if isinstance(first.error, AccessRefused) else KeyRefused
    status = first.error.status if isinstance(first.error, ProviderError) else 0
    return kind(message, remedy=remedy, status=status)


def remember(checked: Checked, home: EndpointRow | None = None) -> None:
    """
    Store what was learnt: models, the key's state, and where it belongs.

    That is `home` or, without one, the endpoint that took it if only one did. A refusal
    where it was known to belong is a reason to ask again. Raises BrokenFile if nothing can
    be stored.
    """
    learnt = open_learnt()
    for answer in checked.answers:
        route = answer.route
        verdict = answer.verdict
        if verdict is Verdict.UNREACHED:
            continue
        accepted = verdict is Verdict.ACCEPTED
        state = KeyState("accepted" if accepted else "refused", "models", checked.at)
        learnt.remember_state(route.chat_base_url, route.key_digest, state)
        if not accepted and route.place and route.place.endpoint == answer.endpoint.id:
            learnt.doubt_place(route.key_digest)
        if answer.models:
            learnt.remember_list(
                route.chat_base_url, route.key_digest, answer.models, at=checked.at
            )
    if home is None and len(checked.accepted) == 1:
        home = checked.accepted[0].endpoint
    if home is not None and home.product:
        learnt.remember_place(checked.answers[0].route.key_digest, home.id, at=checked.at)


def remember_left(route: Route, left: PlanUsage | Balance, *, at: datetime) -> None:
    """Store what a plan has left, told at `at`: a conversation shows it without asking."""
    if isinstance(left, Balance):
        return
    windows = tuple(
        PlanWindow(
            window.name,
            float(window.used_share),
            window.resets_at.astimezone(UTC).isoformat() if window.resets_at else "",
        )
        for window in left.windows
        if window.used_share is not None
    )
    plan = LearntPlan(windows, at.astimezone(UTC).isoformat(timespec="seconds"))
    # What cannot be kept is missing from a status line, and nowhere else.
    with suppress(BrokenFile):
        open_learnt().remember_plan(route.chat_base_url, route.key_digest, plan)


def ask_quota(route: Route) -> PlanUsage | Balance | None:
    """
    Ask a Route's endpoint once what is left; None where nobody tells.

    Raises ProviderError and NetworkError; ConnectTimedOut after `SECONDS`.
    """
    if not route.endpoint.usage_path:
        return None
    body = asyncio.run(_fetch(route))
    return read_plan(body) if route.endpoint.usage_shape == "plan" else read_balance(body)


async def _fetch(route: Route) -> bytes:
    async with _asking(route, SECONDS) as client:
        return await client.fetch(route.endpoint.usage_path)
