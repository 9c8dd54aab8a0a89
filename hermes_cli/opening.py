"""From a Route to a client that asks it, with this machine's way out."""

from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from agent.route import Route
from agent.transport.network import Network
from hermes_cli.config import read_network
from hermes_cli.models import open_learnt

if TYPE_CHECKING:
    from agent.client import Client
    from agent.compaction import Compaction
    from agent.detour import Detour


def open_client(
    route: Route,
    *,
    retries: int | None = None,
    remembers: bool = True,
    detour: "Detour | None" = None,
    compact: "Compaction | None" = None,
) -> "Client":
    """
    Return a client for a Route, with this machine's way out.

    `retries` is how often a request is tried again; None leaves it to the client.
    `remembers` is False for a client that is to store nothing of what it learns. `detour` is
    who knows where else its turns can go, `compact` leaves out what a window is too small for;
    None is the client's own way. Raises ConfigurationError.
    """
    from agent.client import Client
    from agent.compaction import drop_oldest_tool_output
    from agent.transport.retry import Patience

    network = network_of(route)
    patience = None if retries is None else Patience(most_tries=retries + 1)
    learnt = open_learnt() if remembers else None
    return Client(
        route,
        network,
        learnt=learnt,
        detour=detour,
        patience=patience,
        compact=compact or drop_oldest_tool_output,
    )


def network_of(route: Route) -> Network:
    """Return this machine's way out to a Route's host. Raises ConfigurationError."""
    return read_network(urlsplit(route.base_url.value).hostname or "")
