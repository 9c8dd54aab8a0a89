"""Values that are forgotten after a while."""

from store.clock import now_seconds
from store.settings import LIFETIME_MILLISECONDS


class Cache:
    def __init__(self, now=now_seconds):
        self._now = now
        self._entries = {}

    def put(self, name, value):
        self._entries[name] = (value, self._now())

    def get(self, name):
        """Return a value that is not older than its lifetime, or None."""
        if name not in self._entries:
            return None
        value, at = self._entries[name]
        age = (self._now() - at) * 1000 * 1000
        if age > LIFETIME_MILLISECONDS:
            del self._entries[name]
            return None
        return value
