"""Where a request may go: https anywhere, plain http to this machine only."""

import ipaddress
from urllib.parse import SplitResult, urlsplit

from agent.errors import ConfigurationError, EgressRefused

_REMEDY = "`hermes explain` shows where the address comes from; `--base-url URL` gives another."


def is_loopback(host: str) -> bool:
    """
    Say whether `host` is this machine: `localhost`, 127.0.0.0/8 or `::1`, without brackets.

    Other names are not looked up: what a name means is for DNS to say, and DNS is not ours.
    """
    if host.lower() == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def check_url(url: str) -> SplitResult:
    """
    Return the parts of a URL that a request may go to.

    Raises ConfigurationError for what is no http URL, has no host, or carries a user name
    or password, and EgressRefused for plain http to another machine. The message never
    repeats a password.
    """
    parts = _split(url)
    if parts.scheme not in ("http", "https"):
        raise ConfigurationError(
            "An endpoint's address begins with https://, and the one given does not.",
            remedy=_REMEDY,
        )
    if "@" in parts.netloc:
        raise ConfigurationError(
            f"The address of {parts.hostname} holds a user name or password; keys are kept apart.",
            remedy="Leave out what stands before the @; `hermes setup` takes the key.",
        )
    if not parts.hostname:
        raise ConfigurationError("The endpoint's address names no host.", remedy=_REMEDY)
    if parts.scheme == "http" and not is_loopback(parts.hostname):
        raise EgressRefused(
            f"Plain http to {parts.hostname} would show the key to the network: nothing was sent.",
            remedy=f"Use https; {_REMEDY}",
        )
    return parts


def without_password(url: str) -> str:
    """Return a proxy's URL with its password, if it has one, replaced by `…`."""
    try:
        parts = urlsplit(url)
    except ValueError:
        return "(not a URL)"
    before, at, host = parts.netloc.rpartition("@")
    user, colon, _ = before.partition(":")
    shown = f"{user}:…" if colon else user
    return f"{parts.scheme}://{shown}{at}{host}"


def _split(url: str) -> SplitResult:
    # urlsplit drops tabs and line ends in silence, and other parsers read a backslash as a
    # slash: a host on which two parsers disagree is a way to carry a key elsewhere.
    if "\\" in url or any(character.isspace() or not character.isprintable() for character in url):
        raise ConfigurationError(
            "The endpoint's address holds a blank, a backslash or an invisible character.",
            remedy=_REMEDY,
        )
    try:
        parts = urlsplit(url)
        _ = parts.port
    except ValueError as error:
        # The library's own text may quote the address, and with it a password.
        raise ConfigurationError("The endpoint's address is not a URL.", remedy=_REMEDY) from error
    return parts
