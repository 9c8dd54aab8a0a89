"""A Route as words and as JSON: what every command says of it, said in one place."""

from collections.abc import Callable
from typing import Any, TypeVar
from urllib.parse import urlsplit

import click

from agent.catalog import PROVIDERS
from agent.catalog.rows import ModelRow, ProviderRow
from agent.choice import Candidate, Chosen, Origin
from agent.errors import AuthError, HermesError
from agent.keys import ApiKey
from agent.learnt import Facts, KeyState
from agent.route import Route, resolve
from agent.sandbox import Sandbox
from hermes_cli import storage
from hermes_cli.auth import Flags, route_for, wishes
from hermes_cli.config import (
    Settings,
    get_config_path,
    get_env_path,
    get_hermes_home,
    get_keys_path,
    get_state_path,
    read_settings,
)
from hermes_cli.models import read_facts
from hermes_cli.ui.style import notice
from hermes_cli.ui.wrapping import hanging, output_columns
from hermes_cli.user_providers import every_provider

T = TypeVar("T")
Command = TypeVar("Command", bound=Callable[..., Any])

JSON_OPTION = click.option("--json", "as_json", is_flag=True, help="Print one JSON document.")
"""The option of every command that tells something; docs/json.md has its fields."""


def route_options(command: Command) -> Command:
    """Add `--provider`, `--model`, `--base-url` and `--json` to a command."""
    for option in (
        JSON_OPTION,
        click.option("--base-url", default="", metavar="URL", help="Instead of the key's own."),
        click.option("--model", "-m", default="", metavar="ID", help="Instead of the chosen one."),
        click.option("--provider", default="", metavar="ID", help="Instead of the chosen one."),
    ):
        command = option(command)
    return command


# --- the Route to tell of -----------------------------------------------------------------


def route_to_show(flags: Flags, settings: Settings, facts: Facts) -> Route:
    """
    Return the Route in use or, where no provider has a key yet, the first provider's.

    Raises as `route_for` does for everything else.
    """
    try:
        return route_for(flags, settings, facts)
    except AuthError:
        configured = settings.setting("provider")
        named = (flags.provider, configured.value if configured else "")
        if any(name.strip().lower() not in ("", "auto") for name in named):
            raise
        if any(settings.variables(row.key_variables) for row in every_provider(settings)):
            raise
    first = PROVIDERS[0]
    chosen = Chosen(first, Origin.DEFAULT, "no provider has a key yet")
    return resolve(chosen, wishes(first, flags, settings), facts)


def tell_notices(route: Route, settings: Settings) -> None:
    """Print on standard error what the user must see, a contradicted key first."""
    for sentence in (*route.notices, *settings.notices):
        notice(sentence)


def tell_conflicts() -> None:
    """Print the notices of the Route in use, for a command that tells of something else."""
    try:
        route = route_to_show(Flags(), read_settings(), read_facts())
    except HermesError:
        return  # the command has its own subject, and may be the one that mends this
    for sentence in route.notices:
        notice(sentence)


def checked_model(model_id: str) -> None:
    """Raise the Route's UsageError, after its notices, if the endpoint lacks the model."""
    route = route_to_show(Flags(model=model_id), read_settings(), read_facts())
    if route.model_error is not None:
        # A base URL of another product is a reason why the endpoint does not have it.
        for sentence in route.notices:
            notice(sentence)
        raise route.model_error


def lacks_key(route: Route) -> bool:
    """Say whether the Route needs a key and has none."""
    return route.key is None and route.provider.value.key_needed


# --- words --------------------------------------------------------------------------------


def place_of(candidate: Candidate[T]) -> str:
    """Return where a value stands, with the variable or setting it stands in."""
    if candidate.name and candidate.name not in candidate.where:
        return f"{candidate.name} in {candidate.where}"
    return candidate.where


def shown_url(text: str) -> str:
    """Return a base URL that may be wrong without what could be secret in it; never raises."""
    scheme, mark, rest = text.strip().partition("://")
    if not mark:
        return "(not a URL)"
    before, at, host = rest.rpartition("@")
    return f"{scheme}://{'…@' if before or at else ''}{host.partition('?')[0].partition('#')[0]}"


def shown_base_url(route: Route) -> str:
    """Return the Route's base URL in words: a server of our own has its port only while it runs."""
    parts = urlsplit(route.base_url.value)
    if parts.port == 0:
        return f"on a free port of {parts.hostname} while it runs"
    return route.base_url.value


def key_words(route: Route) -> str:
    """Return the key's fingerprint, origin and how it was checked; or how to set one."""
    if route.key is None:
        if route.provider.value.key_needed:
            names = ", ".join(route.provider.value.key_variables)
            return f"none ({names}): `hermes setup` takes one"
        return "none needed"
    return f"{route.key.value.fingerprint} from {place_of(route.key)}, {state_words(route)}"


def key_state(route: Route) -> KeyState | None:
    """Return what the endpoint last said to the key, also in a model list alone; or None."""
    state, live = route.state, route.live
    if route.key is None or live is None:
        return state if route.key else None
    if state is None or (state.verdict == "refused" and state.at < live.at):
        return KeyState("accepted", "models", live.at)
    return state


def state_words(route: Route) -> str:
    """Return what is proven of the Route's key, how and on which day."""
    state = key_state(route)
    if state is None:
        return "not checked yet"
    day = state.at[:10]
    if state.verdict == "refused":
        return f"refused on {day}"
    return (
        f"used in a chat on {day}"
        if state.how == "chat"
        else f"accepted on {day} (listed its models)"
    )


def model_words(route: Route) -> str:
    """Return the model in use, the id that is sent if it is another, and who named it."""
    sent = f", sent as {route.model_id_sent}" if route.is_alias else ""
    return f"{route.model.value or 'none'}{sent} ({place_of(route.model)})"


def window_words(route: Route) -> str:
    """Return the context window in tokens and where the number comes from."""
    return f"{route.window.value:,} tokens ({route.window.where})"


def lines(route: Route, sandbox: Sandbox) -> list[tuple[str, str]]:
    """Return a Route, and what confines commands, in about eight pairs; never the key."""
    row = route.provider.value
    told = [
        ("Provider", f"{row.name} ({row.id}), {place_of(route.provider)}"),
        ("Key", key_words(route)),
        ("Endpoint", f"{route.endpoint.name}: {shown_base_url(route)}"),
        ("", route.base_url.why or place_of(route.base_url)),
    ]
    if route.wire.value != route.endpoint.wires[0]:
        told.append(("Wire", f"{route.wire.value} ({place_of(route.wire)})"))
    told += [("Model", model_words(route)), ("Window", window_words(route))]
    told.append(("Settings", storage.shown(get_config_path())))
    told.append(("Sandbox", sandbox.name))
    return told


def aligned(pairs: list[tuple[str, str]]) -> list[str]:
    """
    Return pairs of a label and a text as lines with the texts under each other.

    They fit the terminal where there is one; for a pipe each pair is one line.
    """
    width = max(len(label) for label, _ in pairs)
    columns = output_columns()
    return [
        line.rstrip()
        for label, text in pairs
        for line in hanging(f"{label:<{width}}  ", text, columns)
    ]


# --- JSON ---------------------------------------------------------------------------------


def _as_it_is(value: Any) -> Any:
    return value


def told(candidate: Candidate[T], show: Callable[[T], Any] = _as_it_is) -> dict[str, Any]:
    """Return a value for JSON with its origin and place and, for a winner, what it beat."""
    document = {
        "value": show(candidate.value),
        "origin": candidate.origin.value,
        "where": candidate.where,
        "name": candidate.name,
    }
    if isinstance(candidate, Chosen):
        document["why"] = candidate.why
        document["beaten"] = [told(loser, show) for loser in candidate.beaten]
    return document


def key_document(key: ApiKey) -> dict[str, str]:
    """Return what may be shown of a key."""
    return {"fingerprint": key.fingerprint, "digest": key.digest}


def _state_document(route: Route) -> dict[str, str] | None:
    state = key_state(route)
    return {"verdict": state.verdict, "how": state.how, "at": state.at} if state else None


def _place_document(route: Route) -> dict[str, Any] | None:
    known = route.place
    if known is None:
        return None
    return {"endpoint": known.endpoint, "at": known.at, "doubted": known.doubted}


def _provider_document(row: ProviderRow) -> dict[str, str]:
    return {"id": row.id, "name": row.name}


def output_budget(route: Route) -> Chosen[int] | None:
    """Return the tokens a request names for an answer, with the row they come from."""
    tokens = route.output_tokens
    row: ModelRow | None = route.endpoint.model(route.model_id_sent) or route.model_row
    if tokens is None or row is None:
        return None
    return Chosen(tokens, Origin.ROW, f"shipped row {row.id}")


def error_document(error: HermesError | None) -> dict[str, Any] | None:
    """Return an error's sentence and remedy for JSON."""
    if error is None:
        return None
    return {
        "class": type(error).__name__,
        "message": error.message,
        "remedy": error.remedy,
        "exit_code": error.exit_code,
    }


def route_document(route: Route) -> dict[str, Any]:
    """Return a Route for JSON, value by value, each with its source and what it beat."""
    budget = output_budget(route)
    endpoint = route.endpoint
    return {
        "provider": told(route.provider, _provider_document),
        "key": told(route.key, key_document) if route.key else None,
        "key_needed": route.provider.value.key_needed,
        "key_accepted_at": route.live.at if route.live and route.key else None,
        "key_state": _state_document(route),
        "key_place": _place_document(route),
        "endpoint": {
            "id": endpoint.id,
            "name": endpoint.name,
            "product": endpoint.product,
            "region": endpoint.region,
        },
        "base_url": told(route.base_url, shown_url),
        "wire": told(route.wire),
        "model": told(route.model),
        "model_id_sent": route.model_id_sent,
        "window_tokens": told(route.window),
        "output_tokens": told(budget) if budget else None,
        "notices": list(route.notices),
        "egress_error": error_document(route.egress_error),
        "model_error": error_document(route.model_error),
    }


def files_document() -> dict[str, str]:
    """Return the paths of the home and of our four files in it; they may be missing."""
    return {
        "home": str(get_hermes_home()),
        "env": str(get_env_path()),
        "config": str(get_config_path()),
        "keys": str(get_keys_path()),
        "state": str(get_state_path()),
    }
