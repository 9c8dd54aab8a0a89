"""Time for the store."""

import time


def now_seconds() -> float:
    """Return the time in seconds, of a clock that only goes forward."""
    return time.monotonic()
