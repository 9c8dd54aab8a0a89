"""Whose a key in another program's file is: by its mark, its host, its variable or its name."""

from urllib.parse import urlsplit

from agent.catalog import PROVIDERS, find
from agent.catalog.rows import EndpointRow, ProviderRow
from agent.key_hosts import marked_owner
from agent.keys import ApiKey
from agent.route import foreign_vendor

_KEY_ENDINGS = ("_API_KEY", "_KEY")
# aider's, ours and hermes-agent's, goose's.
_BASE_ENDINGS = ("_API_BASE", "_BASE_URL", "_HOST")


def owner_of(key: ApiKey, *, base_url: str, names: tuple[str, ...]) -> ProviderRow | None:
    """
    Return the provider that a key belongs to, or None if nobody of ours.

    Its own mark goes first. Then the host it is sent to: the key goes nowhere else by being
    taken. Then what the other program calls it, and a mark that another vendor's keys have.
    """
    marked = marked_owner(key)
    named = (row for name in names if (row := known_name(name)))
    return (
        (marked[0] if marked else None) or row_at(base_url) or next(named, _row_of(vendor_of(key)))
    )


def vendor_of(key: ApiKey) -> str:
    """Return the vendor whose mark a key bears by the rows' lists of foreign marks, or nothing."""
    return next(filter(None, (foreign_vendor(row, key) for row in PROVIDERS)), "")


def _row_of(vendor: str) -> ProviderRow | None:
    return next((row for row in _takers() if row.name == vendor), None)


def row_at(base_url: str) -> ProviderRow | None:
    """Return the provider that answers at the host of a base URL, or None; never raises."""
    at = endpoint_at_host(base_url)
    return at[0] if at else None


def endpoint_at_host(base_url: str) -> tuple[ProviderRow, EndpointRow] | None:
    """Return the shipped endpoint at the host of a base URL, whatever its path; never raises."""
    try:
        host = urlsplit(base_url.strip()).hostname or ""
    except ValueError:
        return None
    for row in _takers():
        for endpoint in row.endpoints:
            if host in endpoint.hosts:
                return row, endpoint
    return None


def known_name(name: str) -> ProviderRow | None:
    """Return the provider of a name or variable that we or other programs use, or None."""
    row = find(name) or row_of_variable(name)
    if row is None and (known := known_endpoint(name)):
        row = known[0]
    return row if row in _takers() else None


def known_endpoint(name: str) -> tuple[ProviderRow, EndpointRow] | None:
    """Return the endpoint that other programs mean by a name or a variable, or None."""
    for row in _takers():
        for endpoint in row.endpoints:
            if name in endpoint.known_as:
                return row, endpoint
    return None


def row_of_variable(name: str) -> ProviderRow | None:
    """Return the provider whose key stands in a variable, in any program, or None."""
    for row in _takers():
        if name in row.key_variables:
            return row
    known = known_endpoint(name) if name.isupper() else None
    return known[0] if known else None


def base_variables(name: str) -> tuple[str, ...]:
    """Return the variables in which programs look for the base URL of a key's variable."""
    own = [row.base_url_variable for row in _takers() if name in row.key_variables]
    stem = next((name.removesuffix(end) for end in _KEY_ENDINGS if name.endswith(end)), name)
    return tuple(dict.fromkeys((*(stem + ending for ending in _BASE_ENDINGS), *own)))


def every_variable() -> tuple[str, ...]:
    """Return the variables that a key of ours can stand in, and those of their base URLs."""
    known = [row.key_variables for row in _takers()]
    known += [endpoint.known_as for row in _takers() for endpoint in row.endpoints]
    keys = [name for names in known for name in names if name.isupper()]
    return tuple(dict.fromkeys((*keys, *(base for key in keys for base in base_variables(key)))))


def _takers() -> tuple[ProviderRow, ...]:
    """Return the providers that take API keys at an address we know."""
    return tuple(row for row in PROVIDERS if row.auth_type == "api_key" and row.default_endpoint)
