"""Several keys of one provider: which rests, for how long, and which one takes its place."""

import time
from collections.abc import Iterator
from datetime import UTC, datetime
from urllib.parse import urlsplit

from msgspec.structs import replace

from agent.choice import Candidate, Origin
from agent.errors import ConfigurationError, HermesError, ProviderError
from agent.keys import ApiKey
from agent.learnt import Cooling, Facts
from agent.route import Route, Wishes, resolve
from hermes_cli.config import Settings
from hermes_cli.key_sources import every_key

PACE_SECONDS = 60.0
"""How long a key rests that met a limit of pace and was told no time: one minute's window."""

USED_UP_SECONDS = 3_600.0
"""How long a key rests whose money or quota is used up: nobody tells when it comes back."""

LONGEST_SECONDS = 86_400.0
"""How long a key rests at most, whatever the endpoint asked for."""


def rest_after(error: HermesError, now: float) -> Cooling:
    """Return the rest that a key needs after an error of its own limit; `now` in Unix seconds."""
    asked = error.retry_after_seconds if isinstance(error, ProviderError) else None
    usual = PACE_SECONDS if error.retryable else USED_UP_SECONDS
    seconds = usual if asked is None else min(asked, LONGEST_SECONDS)
    from agent.atlas import ROWS  # only here: most starts never need it

    row = error.row if isinstance(error, ProviderError) else ""
    reason = next((each.meaning for each in ROWS if each.id == row), "has set a limit")
    return Cooling(until=now + seconds, at=now, reason=reason)


def resting(route: Route, facts: Facts, now: float) -> Cooling | None:
    """Return the rest of a Route's key at its endpoint, if it is on."""
    found = facts.cooling.get((route.chat_base_url, route.key_digest))
    return found if found is not None and found.is_on(now) else None


def siblings(route: Route, settings: Settings, facts: Facts) -> Iterator[Route]:
    """
    Yield a Route for each other key that may take the place of a Route's, in their order.

    None where the endpoint does not rotate keys, or where `--key` names the key. Each is at
    its own key's endpoint, which rotates keys too and has the model; a base URL that the user
    set is kept to. A key that its endpoint has refused is left out. `facts` hold the places of
    stored keys too.
    """
    if route.key is None or not route.endpoint.rotates_keys or route.key.origin is Origin.FLAG:
        return
    for key in every_key(route.provider.value, settings):
        if key.value == route.key.value:
            continue
        other = _with_key(route, key, facts)
        kept = other is not None and (
            other.endpoint == route.endpoint or not route.base_url.origin.is_users
        )
        if other is not None and kept and other.endpoint.rotates_keys and _is_usable(other):
            yield other


def _with_key(route: Route, key: Candidate[ApiKey], facts: Facts) -> Route | None:
    """Return the Route of another key with the same model and wire; None if there is none."""
    models = () if route.model.origin is Origin.DEFAULT else (route.model,)
    wire = route.wire
    is_set = wire.origin is Origin.CONFIG
    wires = (Candidate[str](wire.value, wire.origin, wire.where, wire.name),) if is_set else ()
    try:
        return resolve(route.provider, Wishes(keys=(key,), models=models, wires=wires), facts)
    except ConfigurationError:
        return None  # the wire that is set is none of that endpoint's


def _is_usable(route: Route) -> bool:
    refused = route.state is not None and route.state.verdict == "refused"
    return not refused and route.model_error is None


def awake(route: Route, settings: Settings, facts: Facts) -> Route:
    """
    Return the Route, or one with the first key that does not rest, if its own does.

    The new Route tells so in its notices. Where every key rests, the Route stays.
    """
    now = time.time()
    rest = resting(route, facts, now)
    if rest is None or route.key is None:
        return route
    for other in siblings(route, settings, facts):
        if other.key is not None and resting(other, facts, now) is None:
            told = (
                f"{rest_sentence(route, rest)} {other.key.where} is used meanwhile "
                f"({other.key.value.fingerprint})."
            )
            key = replace(other.key, beaten=(route.key,))
            return replace(other, key=key, notices=(*other.notices, told))
    return route


def rest_sentence(route: Route, rest: Cooling) -> str:
    """Return who rests until when, and why."""
    key = f"{route.key.where} ({route.key.value.fingerprint})" if route.key else "The key"
    host = urlsplit(route.chat_base_url).netloc
    key = key[:1].upper() + key[1:]
    return f"{key} rests until {clock_time(rest.until)}: {host} {rest.reason}."


def clock_time(moment: float) -> str:
    """Return a moment, in Unix seconds, as the local time of day; with its day if not today."""
    local = datetime.fromtimestamp(moment, UTC).astimezone()
    today = datetime.now(UTC).astimezone().date()
    return local.strftime("%H:%M:%S" if local.date() == today else "%Y-%m-%d %H:%M")
