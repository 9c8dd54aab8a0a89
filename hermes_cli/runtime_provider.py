"""From settings to something that can be asked: the Route of this run and its credentials."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TypedDict

from msgspec.structs import replace

from agent.catalog.rows import Wire
from agent.choice import Chosen, Origin
from agent.errors import AuthError, BrokenFile, KeyRefused
from agent.keys import plain_text
from agent.learnt import Facts, KeyPlace
from agent.route import Route
from hermes_cli.auth import Flags, key_variables, model_file, route_for
from hermes_cli.check import (
    Checked,
    at_endpoints,
    check,
    knows_region,
    may_probe,
    refused_by_all,
    regions,
    remember,
)
from hermes_cli.config import Settings, child_environment, read_settings
from hermes_cli.models import open_learnt, read_facts
from hermes_cli.opening import open_client

__all__ = [
    "API_MODES",
    "RuntimeProvider",
    "open_client",
    "require_key",
    "resolve_runtime_provider",
    "running_route",
]

API_MODES: dict[Wire, str] = {"chat": "chat_completions", "messages": "anthropic_messages"}


class RuntimeProvider(TypedDict):
    """Everything a program needs to ask a model by itself; the key in the clear."""

    provider: str
    api_mode: str
    base_url: str
    api_key: str
    source: str
    requested_provider: str


def require_key(route: Route) -> None:
    """Raise AuthError with a remedy if the Route needs a key and has none."""
    row = route.provider.value
    if route.key is None and row.key_needed:
        raise AuthError(
            f"There is no key for {row.name}: none of {', '.join(row.key_variables)} is set.",
            remedy="Run `hermes setup`, or try `hermes chat --provider local` without a key.",
        )


def resolve_runtime_provider(requested: str | None = None) -> RuntimeProvider:
    """
    Return the provider, wire, base URL and key to use; `requested` is an id or alias.

    Raises AuthError, with a remedy, if a key is needed and there is none.
    """
    route = route_for(Flags(provider=requested or ""), read_settings(), read_facts())
    require_key(route)
    key = route.key
    return {
        "provider": route.provider.value.id,
        "api_mode": API_MODES[route.wire.value],
        "base_url": route.base_url.value,
        "api_key": plain_text(key.value) if key else "",
        "source": key.name if key else "default",
        "requested_provider": requested or "auto",
    }


@contextmanager
def running_route(flags: Flags, settings: Settings) -> Iterator[Route]:
    """
    Give the Route of this run; where the model runs on this machine, it runs meanwhile.

    The region of a key is asked for once, where the user has said yes to that. Raises as
    `route_for` does, KeyRefused if no region takes the key, and LocalModelMissing with the
    commands that install it.
    """
    facts = read_facts()
    route = route_for(flags, settings, facts)
    if not route.provider.value.runs_here or route.model_error is not None:
        yield _in_its_region(route, flags, settings, facts)
        return
    from agent.local_server import LocalServer, find_model

    file = model_file(settings)
    with LocalServer.start(
        find_model(file.value if file else ""),
        environment=child_environment(key_variables()),
        context_tokens=route.window.value,
        model_id=route.model_id_sent,
    ) as server:
        key = Chosen(server.key, Origin.DEFAULT, "made for this run")
        url = Chosen(server.base_url, Origin.DEFAULT, "started for this run")
        endpoint = replace(route.endpoint, base_urls=((route.wire.value, server.base_url),))
        yield replace(route, endpoint=endpoint, base_url=url, key=key)


# --- the region of the key ----------------------------------------------------------------


def _in_its_region(route: Route, flags: Flags, settings: Settings, facts: Facts) -> Route:
    """
    Return the Route at the region that takes its key, which is asked for if it may be.

    Nobody is asked if the region is known, if the user named the base URL, or without a yes.
    Where nobody can be asked, the Route stays. Raises KeyRefused if every region refuses and
    no fallback is set.
    """
    endpoints = regions(route)
    if flags.probe and route.base_url.origin.is_users:
        named = f"{route.base_url.name} ({route.base_url.where})"
        sentence = f"Nobody was asked about the key's region: {named} says where it goes."
        return replace(route, notices=(*route.notices, sentence))
    if route.key is None or route.model_error is not None or len(endpoints) == 1:
        return route
    if knows_region(route) or not (flags.probe or may_probe(route, settings, facts)):
        return route
    checked = check(at_endpoints(route, endpoints))
    facts = _remembered(checked, flags, facts)
    is_refused = all(isinstance(answer.error, KeyRefused) for answer in checked.answers)
    # With a fallback chain the turn itself has to meet the refusal, to go on elsewhere.
    if is_refused and not (flags.fallback and settings.texts("fallback")):
        consoles = " or ".join(answer.endpoint.console for answer in checked.answers)
        raise refused_by_all(
            checked,
            "`hermes setup` takes another key; `hermes explain` shows where this one came from. "
            f"Keys are issued at {consoles}.",
        )
    sentence = _region_sentence(checked, route.key.value.fingerprint)
    notices = (sentence, *checked.notices, *facts.notices)
    return route_for(flags, settings, replace(facts, notices=notices))


def _remembered(checked: Checked, flags: Flags, facts: Facts) -> Facts:
    """Return what is known now; it is stored, too, or a notice says why it is not."""
    home = checked.accepted[0].endpoint if checked.accepted else None
    route = checked.answers[0].route
    try:
        if flags.probe:
            open_learnt().remember_consent(route.endpoint.product, at=checked.at)
        remember(checked, home)
        return read_facts()
    except BrokenFile as error:
        places = dict(facts.places)
        if home is not None:
            where = "the key was found there just now"
            places[route.key_digest] = KeyPlace(home.id, checked.at, where=where)
        notice = f"What was found could not be stored: {error.message} {error.remedy}"
        return replace(facts, places=places, notices=(*facts.notices, notice))


def _region_sentence(checked: Checked, key: str) -> str:
    """Return what was found about the region of a key, by its fingerprint, and what follows."""
    found = f"The regions of the key {key} were asked: {checked.words}."
    if not checked.accepted:
        return f"{found} It goes to {checked.answers[0].host}, as without asking."
    first, *others = checked.accepted
    if others:
        provider = first.route.provider.value.id
        url = others[0].route.chat_base_url
        return (
            f"{found} It goes to {first.host}; "
            f"`hermes config set providers.{provider}.base_url {url}` takes the other."
        )
    return f"{found} It goes to {first.host}."
