"""Base URLs that people type or paste, made canonical or refused with the fix; no I/O."""

import ipaddress
import re
from urllib.parse import SplitResult, urlsplit

import msgspec

from agent.catalog.custom import endpoint_at
from agent.catalog.rows import EndpointRow, ProviderRow, Wire
from agent.errors import ConfigurationError, EgressRefused

REQUEST_PATHS: dict[Wire, str] = {"chat": "/chat/completions", "messages": "/v1/messages"}
"""What follows the base URL of a wire in a request for an answer."""

_REMEDY = "A base URL looks like `https://HOST/v1`; `hermes explain` shows this one's place."
_PASTED_TAILS: tuple[tuple[str, Wire | None], ...] = (
    ("/chat/completions", "chat"),
    ("/messages", "messages"),
    ("/models", None),
)
# A name or password may hold a slash or an @ that should have been escaped: what could be secret,
# up to the last @, is taken for it.
_USER_PART = re.compile(
    r"\A(?P<before>(?:[^:/?#]*://)?+)"
    r"(?:(?P<name>[^:]*:)(?!@)(?P<password>.*)|(?P<token>[^/?#]*?):?)@",
    re.DOTALL,
)


class Placed(msgspec.Struct, frozen=True):
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


def check_url(text: str, *, may_be_plain: bool = False) -> SplitResult:
    """
    Return the parts of an http(s) URL that a key may travel to.

    Raises ConfigurationError, with the fix, for what is no such URL or holds a user or
    password, and EgressRefused for plain http to another machine, unless it `may_be_plain`
    since no key travels. A password is never repeated.
    """
    # urlsplit drops tabs and line ends in silence, and other parsers read a backslash as a
    # slash: a host on which two parsers disagree is a way to carry a key elsewhere.
    if "\\" in text or " " in text or not text.isprintable():
        raise _refusal(f"{_shown(text)} has a blank, a backslash or an invisible character.")
    try:
        parts = urlsplit(text)
        host, port = parts.hostname, parts.port
    except ValueError:
        raise _refusal(f"{_shown(text)} is not a URL.") from None
    if parts.scheme not in ("http", "https") or not host:
        raise _refusal(f"{_shown(text)} is not an http or https URL.")
    if "@" in parts.netloc:
        raise _refusal(f"The URL of {host} has a user name or password inside.")
    if not _is_plain(host):
        raise _refusal(
            f"{_shown(text)} has a host that is not made of letters, digits, `-` and single dots. "
            "A name in another script is written as `xn--…`."
        )
    if parts.scheme == "http" and not (may_be_plain or is_loopback(host)):
        raise EgressRefused(
            f"Plain http to {host} would show the key to everybody on the way.",
            remedy=f"Use https. {_REMEDY}",
        )
    if port == 0:
        raise _refusal(f"{_shown(text)} has port 0, where nobody can listen.")
    return parts


def hide_password(url: str) -> str:
    """
    Return the URL with its password, if it has one, shown as `…`; never raises.

    A name without a password is taken for a token, and hidden too.
    """
    return _USER_PART.sub(lambda found: f"{found['before']}{found['name'] or ''}…@", url)


def secret_in(url: str) -> str:
    """Return what `hide_password` hides of a URL, or an empty text; never raises."""
    found = _USER_PART.match(url)
    return (found["password"] or found["token"] or "") if found else ""


def place(text: str, provider: ProviderRow) -> Placed:
    """
    Return the endpoint of a base URL: one of the provider's rows, or a row of its own.

    A trailing slash, a missing `/v1` and a pasted request path are mended for hosts we
    know; there, any other path is refused with the right one. At other hosts the path
    stays as it was typed, apart from slashes at its end and a pasted request path.
    Raises ConfigurationError.
    """
    parts = check_url(text.strip())
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
    return Placed(endpoint_at(f"{parts.scheme}://{host}{path}", wires, provider), wire)


def _is_plain(host: str) -> bool:
    """
    Say whether nobody can take a host for another one.

    Letters of other scripts look like ours, a name with a dot at its end is the name without
    it to DNS and not to a certificate, and a `%2f` or a `%00` is read by some parsers and not
    by others.
    """
    if ":" in host:
        try:
            return bool(ipaddress.IPv6Address(host))
        except ValueError:
            return False
    return re.fullmatch(r"[a-z0-9_-]+(?:\.[a-z0-9_-]+)*", host) is not None


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
    """
    Return a text for a message: cut, and without anything before an `@`.

    What is no URL at all is not shown: it may be a key that was put in the wrong place.
    """
    if "://" not in text:
        return "The value"
    shown = text.strip().rpartition("@")[2]
    return f"`{''.join(c if c.isprintable() else '?' for c in shown)[:80]}`"


def _refusal(sentence: str) -> ConfigurationError:
    return ConfigurationError(sentence, remedy=_REMEDY)
