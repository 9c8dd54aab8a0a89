"""Every key there is, with its endpoint, what is known of it, and where it stands."""

import time
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import msgspec
from msgspec.structs import replace

from agent.catalog.rows import ProviderRow
from agent.choice import Candidate, Chosen, Origin
from agent.errors import ConfigurationError, HermesError
from agent.keys import ApiKey
from agent.learnt import Cooling, Facts
from agent.route import Route, resolve
from hermes_cli.auth import Flags, route_for, wishes_but_keys
from hermes_cli.config import Settings
from hermes_cli.key_sources import fault_of, key_line, known_sources, with_stored_places
from hermes_cli.report import error_document, key_document, key_state, state_words, told
from hermes_cli.ui.usage_lines import moment_words
from hermes_cli.user_providers import every_provider

COLUMNS = ("name", "key", "provider", "endpoint", "state", "from")


class KeyLine(msgspec.Struct, frozen=True, kw_only=True):
    """
    A key that is set somewhere; `row` is its provider.

    `route` is where it would go; None with an `error` where it cannot go anywhere.
    `cooling` is its rest at that endpoint, if it rests. `in_use` marks the one that the
    next request carries.
    """

    row: ProviderRow
    key: Candidate[ApiKey]
    route: Route | None = None
    cooling: Cooling | None = None
    error: HermesError | None = None
    in_use: bool = False


def key_lines(settings: Settings, facts: Facts) -> tuple[list[KeyLine], HermesError | None]:
    """
    Return every key of every provider, the one in use first, and why none is in use, if so.

    A command or a keyring is asked only where the next request would ask it too. Of stored
    keys without a provider `orphan_notices` tells.
    """
    route, failure = _in_use(settings, facts)
    lines = [
        _line(row, key, route, settings, facts)
        for row in every_provider(settings)
        for key in known_sources(row, settings)
    ]
    return sorted(lines, key=lambda line: not line.in_use), failure


def orphan_notices(settings: Settings) -> tuple[str, ...]:
    """Return a sentence for each stored key of a provider that does not exist (any more)."""
    known = {row.id for row in every_provider(settings)}
    return tuple(
        f"{key_line(settings, named)}: the key {named.name} is of a provider that does not exist, "
        f"so it is not used. `hermes key remove {named.name}` drops it."
        for named in settings.stored_keys
        if named.provider not in known
    )


def _in_use(settings: Settings, facts: Facts) -> tuple[Route | None, HermesError | None]:
    try:
        return route_for(Flags(), settings, facts), None
    except ConfigurationError as error:
        return None, error


def _line(
    row: ProviderRow,
    key: Candidate[ApiKey],
    in_use: Route | None,
    settings: Settings,
    facts: Facts,
) -> KeyLine:
    if in_use is not None and _is_key_of(in_use, row, key):
        return KeyLine(row=row, key=key, route=in_use, cooling=_rest(in_use, facts), in_use=True)
    fault = fault_of(row, key)
    if fault is not None:
        return KeyLine(row=row, key=key, error=fault)
    chosen = Chosen(row, Origin.FLAG, "the list of keys")
    try:
        asked = replace(wishes_but_keys(row, Flags(), settings), keys=(key,))
        route = resolve(chosen, asked, with_stored_places(facts, settings, row))
    except ConfigurationError as error:
        return KeyLine(row=row, key=key, error=error)
    return KeyLine(row=row, key=key, route=route, cooling=_rest(route, facts))


def _is_key_of(route: Route, row: ProviderRow, key: Candidate[ApiKey]) -> bool:
    used = route.key
    same = used is not None and (used.value, used.where) == (key.value, key.where)
    return same and route.provider.value.id == row.id


def _rest(route: Route, facts: Facts) -> Cooling | None:
    found = facts.cooling.get((route.chat_base_url, route.key_digest))
    return found if found is not None and found.is_on(time.time()) else None


# --- words and JSON -----------------------------------------------------------------------


def cells(line: KeyLine) -> tuple[str, ...]:
    """Return a line of the table, in the order of `COLUMNS`."""
    endpoint = line.route.endpoint.id if line.route else "none"
    mark = " (in use)" if line.in_use else ""
    return (
        f"{line.key.name}{mark}",
        line.key.value.fingerprint,
        line.row.id,
        endpoint,
        ", ".join(_states(line)),
        _place(line.key),
    )


def block(line: KeyLine) -> list[tuple[str, str]]:
    """Return a key as pairs of its name and a text, where a table would be too wide."""
    _, fingerprint, provider, endpoint, state, place = cells(line)
    mark = ", in use" if line.in_use else ""
    where = f"at {endpoint}" if line.route else "nowhere"
    return [
        (line.key.name, f"{fingerprint} of {provider} {where}{mark}"),
        ("", f"{state}; from {place}" if line.error is None else state),
    ]


def _place(key: Candidate[ApiKey]) -> str:
    """Return where a key stands without its name, which is in the first column."""
    if key.origin is Origin.ENVIRONMENT:
        return "the shell"
    return key.where.rpartition(", ")[2]


def _states(line: KeyLine) -> Iterator[str]:
    """Yield what is known of a key, as parts of a sentence."""
    if line.error is not None:
        yield f"cannot be used: {line.error.message}"
        return
    if line.route is not None:
        yield state_words(line.route)
    if line.cooling is not None:
        until = datetime.fromtimestamp(line.cooling.until, UTC)
        rest = moment_words(until, now=datetime.now(UTC))
        yield f"rests until {rest}: {line.cooling.reason}"


def document(line: KeyLine) -> dict[str, Any]:
    """Return a key for JSON, as docs/json.md has it."""
    route, cooling = line.route, line.cooling
    state = key_state(route) if route else None
    return {
        **told(line.key, key_document),
        "provider": line.row.id,
        "in_use": line.in_use,
        "endpoint": route.endpoint.id if route else None,
        "base_url": route.base_url.value if route else None,
        "model": route.model.value if route else None,
        "state": ({"verdict": state.verdict, "how": state.how, "at": state.at} if state else None),
        "rests": (
            {
                "until": datetime.fromtimestamp(cooling.until, UTC).isoformat(timespec="seconds"),
                "reason": cooling.reason,
            }
            if cooling
            else None
        ),
        "error": error_document(line.error),
    }
