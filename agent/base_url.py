"""Base URLs that people type or paste, made canonical or refused with the fix; no I/O."""

import ipaddress
from dataclasses import dataclass
from urllib.parse import SplitResult, urlsplit

from agent.catalog.custom import endpoint_at
from agent.catalog.rows import EndpointRow, ProviderRow, Wire
from agent.errors import ConfigurationError

REQUEST_PATHS: dict[Wire, str] = {"chat": "/chat/completions", "messages": "/v1/messages"}
"""What follows the base URL of a wire in a request for an answer."""

_PASTED_TAILS: tuple[tuple[str, Wire | None], ...] = (
    ("/chat/completions", "chat"),
    ("/messages", "messages"),
    ("/models", None),
)


@dataclass(frozen=True, slots=True)
class Placed:
    """A base URL's endpoint, and the wire its path speaks of, if it speaks of one."""

    endpoint: EndpointRow
    wire: Wire | None


def is_loopback(host: str) -> bool:
    """Say whether a host name or address (without brackets) is this machine."""
    if host.lower() == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def check_url(text: str) -> SplitResult:
    """
    Return the parts of an http(s) URL that a key may travel to.

    Raises ConfigurationError, with the fix, for anything else: no URL, another scheme,
    no host, a user or password inside, plain http to another machine.
    """
    try:
        parts = urlsplit(text.strip())
        host, port = parts.hostname, parts.port
    except ValueError as error:
        raise _refusal(f"{_shown(text)} is not a URL: {error}.") from None
    if parts.scheme not in ("http", "https") or not host or any(c.isspace() for c in text.strip()):
        raise _refusal(f"{_shown(text)} is not an http or https URL.")
    if parts.username is not None or parts.password is not None:
        raise _refusal(f"The URL of {host} has a user name or password inside.")
    if parts.scheme == "http" and not is_loopback(host):
        raise _refusal(f"Plain http to {host} would show the key to everybody on the way.")
    if port == 0:
        raise _refusal(f"{_shown(text)} has port 0, where nobody can listen.")
    return parts


def place(text: str, provider: ProviderRow) -> Placed:
    """
    Return the endpoint of a base URL: one of the provider's rows, or a row of its own.

    A trailing slash, a missing `/v1` and a pasted request path are mended for hosts we
    know; there, any other path is refused with the right one. At other hosts the path
    stays as it was typed, apart from slashes at its end and a pasted request path.
    Raises ConfigurationError.
    """
    parts = check_url(text)
    if parts.query or parts.fragment:
        raise _refusal(f"{_shown(text)} has a `?` or `#`, which a base URL does not have.")
    path, wire = _without_tail(parts.path)
    host = _host_and_port(parts)
    known = [row for row in provider.endpoints if host in row.hosts and parts.scheme == "https"]
    for row in known:
        for row_wire, url in row.base_urls:
            if _without_version(path) == _without_version(urlsplit(url).path):
                return Placed(row, wire or (None if row_wire == row.wires[0] else row_wire))
    if known:
        right = " or ".join(url for row in known for _, url in row.base_urls)
        raise _refusal(f"{host} does not answer at {path or '/'}: its base URL is {right}.")
    if path.endswith("/v1/v1"):
        raise _refusal(f"{_shown(text)} has /v1 twice.")
    wires: tuple[Wire, ...] = ("messages", "chat") if wire == "messages" else ("chat", "messages")
    return Placed(endpoint_at(f"{parts.scheme}://{host}{path}", wires), wire)


def _without_tail(path: str) -> tuple[str, Wire | None]:
    """Return a path without slashes at its end and without a pasted request path."""
    path = path.rstrip("/")
    for tail, wire in _PASTED_TAILS:
        if path.endswith(tail):
            return path.removesuffix(tail).rstrip("/"), wire
    return path, None


def _without_version(path: str) -> str:
    return path.removesuffix("/v1")


def _host_and_port(parts: SplitResult) -> str:
    host = parts.hostname or ""
    host = f"[{host}]" if ":" in host else host
    default = 443 if parts.scheme == "https" else 80
    return host if parts.port in (None, default) else f"{host}:{parts.port}"


def _shown(text: str) -> str:
    """Return the text for a message, cut, and without anything before an `@`."""
    shown = text.strip().rpartition("@")[2]
    printable = "".join(c if c.isprintable() else "?" for c in shown)
    return f"`{printable[:80]}`"


def _refusal(sentence: str) -> ConfigurationError:
    return ConfigurationError(
        sentence,
        remedy="A base URL looks like `https://HOST/v1`; `hermes config unset` drops a wrong one.",
    )
