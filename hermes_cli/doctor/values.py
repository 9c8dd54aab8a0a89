"""The Route as the resolver gives it: its key, its endpoint, its model, and what they beat."""

from collections.abc import Callable
from typing import TypeVar

from msgspec.structs import replace

from agent.choice import Candidate, Chosen, Origin
from agent.errors import ConfigurationError
from agent.keys import ApiKey
from agent.local_server import find_model
from agent.route import Route
from hermes_cli.auth import model_file
from hermes_cli.config import Settings
from hermes_cli.doctor.findings import Finding, Part, broken, failed, found, of_notice, warned
from hermes_cli.report import (
    key_words,
    lacks_key,
    model_words,
    place_of,
    shown_base_url,
    shown_url,
    window_words,
)

T = TypeVar("T")


# What users set and forget; a stored key beside another one is there on purpose.
_FORGOTTEN = (Origin.ENVIRONMENT, Origin.DOTENV, Origin.CONFIG)


def look_at_key(route: Route, *, asked: bool) -> list[Finding]:
    """
    Return where the key comes from, or that there is none, and the keys it beat.

    If it is `asked` about now, what is remembered of it is left out.
    """
    row = route.provider.value
    if lacks_key(route):
        names = ", ".join(row.key_variables)
        missing = f"There is no key for {row.name}: none of {names} is set."
        return [broken("key", "key", missing, "`hermes setup` takes one.")]
    if route.key is None:
        return [found("key", "key", key_words(route))]
    bare = f"{route.key.value.fingerprint} from {place_of(route.key)}"
    return [
        found("key", "key", bare if asked else key_words(route)),
        *_of_beaten_keys(route, route.key),
    ]


def _of_beaten_keys(route: Route, key: Chosen[ApiKey]) -> list[Finding]:
    """Return the keys that this one beat; where keys rotate, those of one place are a pool."""
    fate = "is not"
    if route.endpoint.rotates_keys:
        fate = "only when that one is at its limit"
        elsewhere = tuple(loser for loser in key.beaten if loser.origin is not key.origin)
        key = replace(key, beaten=elsewhere)
    return _conflicts("key", "key", key, _fingerprint, route.notices, fate=fate)


def _fingerprint(key: ApiKey) -> str:
    return key.fingerprint


def look_at_route(route: Route) -> list[Finding]:
    """Return who is asked where, and every setting that contradicts another one."""
    url = route.base_url
    place = url.why or place_of(url)
    findings = [
        found("route", "endpoint", f"{route.endpoint.name}: {shown_base_url(route)} ({place})"),
        *(of_notice("route", "conflict", notice) for notice in route.notices),
        *_conflicts("route", "provider", route.provider, lambda row: row.id, route.notices),
        *_conflicts("route", "base URL", url, shown_url, route.notices),
        *_conflicts("route", "wire", route.wire, str, route.notices),
        *_conflicts("route", "model", route.model, str, route.notices),
    ]
    if route.egress_error is not None:
        findings.append(failed("route", "egress", route.egress_error))
    if route.wire.value != route.endpoint.wires[0]:
        told = f"{route.wire.value} ({place_of(route.wire)})"
        findings.append(found("route", "wire", told))
    return findings


def look_at_model(route: Route) -> list[Finding]:
    """Return whether the endpoint is known to have the model, and who told its window."""
    endpoint = route.chat_base_url
    if route.model_error is not None:
        return [failed("endpoint", "model", route.model_error, endpoint=endpoint)]
    listed = route.live is not None and route.live.model(route.model_id_sent) is not None
    known = f", listed by the endpoint on {route.live.at[:10]}" if route.live and listed else ""
    window = route.window
    beaten = [f"{loser.value:,} ({loser.where})" for loser in window.beaten if _told(loser)]
    others = f", before {', '.join(beaten)}" if beaten else ""
    told = found("endpoint", "window", window_words(route) + others, endpoint=endpoint)
    if window.origin is Origin.DEFAULT:
        told = warned(
            "endpoint",
            "window",
            f"Nobody told the window of {route.model.value}: {window.value:,} tokens are taken.",
            "`hermes models --refresh` asks the endpoint for it.",
            endpoint=endpoint,
        )
    return [found("endpoint", "model", model_words(route) + known, endpoint=endpoint), told]


def look_at_embedded(settings: Settings) -> Finding:
    """Return whether the model that runs on this machine is there."""
    named = model_file(settings)
    try:
        find_model(named.value if named else "")
    except ConfigurationError as error:
        return failed("endpoint", "model file", error)
    where = f" ({place_of(named)})" if named else ""
    return found("endpoint", "model file", f"it and its runtime are installed{where}")


def _told(loser: Candidate[int]) -> bool:
    return loser.origin is not Origin.DEFAULT


def _conflicts(
    part: Part,
    subject: str,
    chosen: Chosen[T],
    show: Callable[[T], str],
    notices: tuple[str, ...],
    *,
    fate: str = "is not",
) -> list[Finding]:
    """Return what the user set in two places, differently, unless a notice tells it already."""
    if chosen.origin not in _FORGOTTEN:
        return []
    losers = [
        loser
        for loser in chosen.beaten
        if loser.origin in _FORGOTTEN
        and loser.value != chosen.value
        and not any(loser.where in notice for notice in notices)
    ]
    return [
        warned(
            part,
            subject,
            f"{show(chosen.value)} from {place_of(chosen)} is used, and {show(loser.value)} from "
            f"{place_of(loser)} {fate}.",
            f"To use the other one: {chosen.drop}.",
        )
        for loser in losers
    ]
