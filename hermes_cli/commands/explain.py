"""`hermes explain`: every value in use, where it came from, why, and what it beat."""

from collections.abc import Callable
from typing import Any, TypeVar
from urllib.parse import urlsplit

import click

from agent.base_url import hide_password
from agent.choice import Candidate, Chosen, Origin
from agent.errors import ConfigurationError
from agent.identity import USER_AGENT
from agent.route import Route
from agent.transport.network import Network
from hermes_cli import storage
from hermes_cli.auth import Flags, model_file
from hermes_cli.config import (
    Settings,
    get_config_path,
    get_env_path,
    get_hermes_home,
    get_state_path,
    read_network,
    read_settings,
)
from hermes_cli.fallback import chain_of
from hermes_cli.models import read_facts
from hermes_cli.report import (
    aligned,
    error_document,
    files_document,
    key_words,
    output_budget,
    place_of,
    route_document,
    route_options,
    route_to_show,
    shown_base_url,
    shown_url,
    tell_notices,
    told,
)
from hermes_cli.ui.style import print_error, print_json, say

T = TypeVar("T")
Pairs = list[tuple[str, str]]

ORDER = ", ".join(origin.value for origin in Origin)
"""The order of sources, strongest first."""


@click.command("explain")
@route_options
def command(provider: str, model: str, base_url: str, as_json: bool) -> int:
    """Show every value in use, where it came from and what it beat.

    A conflict is told and is no failure: the exit code is 0 unless something cannot work.
    """
    settings = read_settings()
    flags = Flags(provider=provider, model=model, base_url=base_url)
    route = route_to_show(flags, settings, read_facts())
    network, trouble = _network(route)
    chain = chain_of(settings)
    tell_notices(route, settings)
    if as_json:
        print_json(
            {
                "route": route_document(route),
                "model_file": _model_file_document(route, settings),
                "fallback": told(chain) if chain else None,
                "network": _network_document(network, trouble),
                "home": _home(settings),
                "files": files_document(),
                "user_agent": USER_AGENT,
                "order_of_sources": [origin.value for origin in Origin],
                "notices": [*route.notices, *settings.notices],
            }
        )
    else:
        pairs = [*_route_pairs(route), *_model_file_pairs(route, settings), *_chain_pairs(chain)]
        pairs += [*_network_pairs(network, trouble), *_home_pairs(settings)]
        for line in aligned(pairs):
            say(line)
    errors = [e for e in (route.egress_error, route.model_error, trouble) if e is not None]
    for error in errors:
        print_error(error)
    return max((error.exit_code for error in errors), default=0)


def _network(route: Route) -> tuple[Network | None, ConfigurationError | None]:
    """Return the way out to the Route's host, or why there is none."""
    try:
        return read_network(urlsplit(route.base_url.value).hostname or ""), None
    except ConfigurationError as error:
        return None, error


# --- words --------------------------------------------------------------------------------


def _route_pairs(route: Route) -> Pairs:
    row = route.provider.value
    endpoint = route.endpoint
    sent = "as asked for"
    if route.is_alias and route.model_row is not None:
        sent = f"{route.model.value} is an alias of ours: shipped row {route.model_row.id}"
    budget = output_budget(route)
    pairs = _pairs("Provider", f"{row.name} ({row.id})", route.provider, lambda r: r.id)
    if route.key is None:
        pairs.append(("Key", key_words(route)))
    else:
        shown = route.key.value.fingerprint
        pairs += _pairs("Key", shown, route.key, lambda key: key.fingerprint)
    pairs.append(("Endpoint", f"{endpoint.name} ({endpoint.id})"))
    pairs.append(("", "follows from the base URL"))
    pairs += _pairs("Base URL", shown_base_url(route), route.base_url, shown_url)
    pairs += _pairs("Wire", route.wire.value, route.wire, str)
    pairs += _pairs("Model", route.model.value or "none", route.model, str)
    pairs += [("Model sent", route.model_id_sent or "none"), ("", sent)]
    pairs += _pairs("Window", f"{route.window.value:,} tokens", route.window, _tokens)
    if budget is None:
        return [*pairs, ("Output", "no budget is named: this model's limit is not known")]
    return [*pairs, *_pairs("Output", f"{budget.value:,} tokens", budget, _tokens)]


def _tokens(count: int) -> str:
    return f"{count:,} tokens"


def _pairs(label: str, value: str, chosen: Chosen[T], show: Callable[[T], str]) -> Pairs:
    """Return a value's line, the line of its source, and one for each loser."""
    why = f": {chosen.why}" if chosen.why else ""
    pairs = [(label, value), ("", f"from {_source(chosen)}{why}")]
    pairs += [("", f"beat {show(loser.value)} from {_source(loser)}") for loser in chosen.beaten]
    return pairs


def _source(candidate: Candidate[T]) -> str:
    """Return the kind of source and the place, the kind left out where the place says it."""
    place = place_of(candidate)
    kind = candidate.origin.value
    return place if kind in place else f"{kind}: {place}"


def _model_file_pairs(route: Route, settings: Settings) -> Pairs:
    named = model_file(settings) if route.provider.value.runs_here else None
    if named is None:
        return []
    return [("Model file", named.value), ("", f"from {_source(named)}")]


def _chain_pairs(chain: Candidate[list[str]] | None) -> Pairs:
    if chain is None:
        return []
    return [("Fallback", ", then ".join(chain.value)), ("", f"from {_source(chain)}")]


def _network_pairs(network: Network | None, trouble: ConfigurationError | None) -> Pairs:
    if network is None:
        return [("Network", trouble.message if trouble else "")]
    proxy = "none for this host"
    if network.proxy_url:
        proxy = f"{hide_password(network.proxy_url)} from {network.proxy_origin}"
    certificates = [
        f"{place} from {name}"
        for place, name in (
            (network.certificate_file, "SSL_CERT_FILE"),
            (network.certificate_dir, "SSL_CERT_DIR"),
        )
        if place
    ]
    return [
        ("Proxy", proxy),
        ("Certificates", " and ".join(certificates) or "the usual authorities"),
        (
            "Time limits",
            f"{network.connect_seconds:g} s to connect, {network.silence_seconds:g} s of silence",
        ),
    ]


def _home(settings: Settings) -> dict[str, str]:
    """Return the home and what named it."""
    exported = [c for c in settings.variable("HERMES_HOME") if c.origin is Origin.ENVIRONMENT]
    return {
        "value": str(get_hermes_home()),
        "origin": (exported[0].origin if exported else Origin.DEFAULT).value,
        "where": exported[0].where if exported else "default",
    }


def _home_pairs(settings: Settings) -> Pairs:
    files = [get_env_path(), get_config_path(), get_state_path()]
    pairs = [
        ("Home", f"{storage.shown(get_hermes_home())} from {_home(settings)['where']}"),
        *(
            ("", f"{storage.shown(path)}{'' if path.exists() else ' (not there)'}")
            for path in files
        ),
    ]
    if settings.neighbour:
        pairs.append(("", settings.neighbour))
    order = f"{ORDER}: the first one wins"
    named = "of keys, one chosen by `hermes key use NAME` goes before .env"
    return [*pairs, ("User-Agent", USER_AGENT), ("Order", order), ("", named)]


# --- JSON ---------------------------------------------------------------------------------


def _model_file_document(route: Route, settings: Settings) -> dict[str, Any] | None:
    named = model_file(settings) if route.provider.value.runs_here else None
    return told(named) if named else None


def _network_document(
    network: Network | None, trouble: ConfigurationError | None
) -> dict[str, Any]:
    way = network or Network()
    proxy = {"url": hide_password(way.proxy_url), "name": way.proxy_origin}
    return {
        "proxy": proxy if way.proxy_url else None,
        "certificate_file": way.certificate_file or None,
        "certificate_dir": way.certificate_dir or None,
        "connect_seconds": way.connect_seconds,
        "silence_seconds": way.silence_seconds,
        "error": error_document(trouble),
    }
