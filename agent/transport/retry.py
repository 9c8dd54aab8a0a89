"""When to ask again: arithmetic over numbers; the clock and the waiting are the caller's."""

from email.utils import parsedate_to_datetime

import msgspec


class Patience(msgspec.Struct, frozen=True, kw_only=True):
    """
    How often and how long a request is tried again; times in seconds.

    The wait is `first_seconds`, doubled with each try, at most `cap_seconds`, and up to
    `jitter` of it longer, so that many clients do not come back at once. A wait that the
    endpoint asked for is taken as it is. `total_seconds` limits the sum of all waits.
    """

    most_tries: int = 5
    first_seconds: float = 0.5
    cap_seconds: float = 32.0
    jitter: float = 0.25
    total_seconds: float = 120.0


def wait_seconds(
    patience: Patience, *, tries: int, waited: float, asked: float | None, chance: float
) -> float | None:
    """
    Return how long to wait before the next try, or None to give up.

    `tries` counts the requests that failed in a row, from 1; `waited` is what was waited
    for them so far; `asked` is what the endpoint asked for, if it did; `chance` is a random
    number from 0 to 1. Seconds throughout.

    Source: the official client's backoff, MoonshotAI/kimi-code retry.ts, 2026-08.
    """
    if tries >= patience.most_tries:
        return None
    wait = min(patience.first_seconds * 2 ** (tries - 1), patience.cap_seconds)
    wait *= 1 + patience.jitter * chance
    if asked is not None:
        wait = max(asked, 0.0)
    return wait if waited + wait <= patience.total_seconds else None


def retry_after_seconds(header: str, *, now: float) -> float | None:
    """
    Return the seconds that a `Retry-After` header asks us to wait, or None.

    `header` holds seconds or an HTTP date; `now` is Unix time in seconds. A date in the
    past gives 0.0. Never raises: a header nobody can read asks for nothing.

    Source: RFC 9110, section 10.2.3.
    """
    text = header.strip()
    if text.isascii() and text.isdigit():
        return float(text)
    try:
        return max(parsedate_to_datetime(text).timestamp() - now, 0.0)
    except (ValueError, OverflowError):
        return None
