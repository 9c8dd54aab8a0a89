"""From settings to something that can be asked: the Route of this run and its credentials."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import TYPE_CHECKING, TypedDict
from urllib.parse import urlsplit

from agent.catalog.rows import Wire
from agent.choice import Chosen, Origin
from agent.errors import AuthError
from agent.keys import plain_text
from agent.route import Route
from hermes_cli.auth import Flags, key_variables, model_file, route_for
from hermes_cli.config import Settings, child_environment, read_network, read_settings
from hermes_cli.models import open_learnt, read_facts

if TYPE_CHECKING:
    from agent.client import Client

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

    Raises as `route_for` does, and LocalModelMissing with the commands that install it.
    """
    route = route_for(flags, settings, read_facts())
    if not route.provider.value.runs_here or route.model_error is not None:
        yield route
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


def open_client(route: Route, *, retries: int | None = None) -> "Client":
    """
    Return a client for a Route, with this machine's way out.

    `retries` is how often a request is tried again; None leaves it to the client. Raises
    ConfigurationError.
    """
    from agent.client import Client
    from agent.transport.retry import Patience

    network = read_network(urlsplit(route.base_url.value).hostname or "")
    patience = None if retries is None else Patience(most_tries=retries + 1)
    return Client(route, network, learnt=open_learnt(), patience=patience)
