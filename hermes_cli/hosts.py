"""Host names that a user grants a key to, checked; no I/O."""

import ipaddress
import re

from agent.errors import UsageError

_LABEL = r"[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9_])?"


def checked_host(text: str) -> str:
    """
    Return a bare host name or address in lower case, as a base URL's host is compared.

    No scheme, port, path, user or wildcard, and ASCII alone: two names that look alike must
    not be one grant. Raises UsageError, which never repeats the text: it may be a key.
    """
    host = text.strip().lower().removeprefix("[").removesuffix("]")
    if re.fullmatch(rf"{_LABEL}(?:\.{_LABEL})*", host) and len(host) <= 253:
        return host
    try:
        return str(ipaddress.ip_address(host))
    except ValueError:
        raise UsageError(
            "That is no bare host name: it has no `https://`, no port, no path and no `*`, and "
            "is ASCII. Nothing was written.",
            remedy="`hermes key grant gateway.example` is how it looks.",
        ) from None
