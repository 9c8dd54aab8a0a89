"""What a test can change in the mock, and what the mock remembers for it."""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from kimi_mock.recorded_turns import RecordedSession
from kimi_mock.replies import Reply
from kimi_mock.surfaces import SURFACES
from kimi_mock.switches import Switches
from kimi_mock.tokens import PrefixCache


class SentHeaders(Mapping[str, str]):
    """
    Headers with their names as they were sent, found in any case.

    `pairs` keeps all of them in order; a name that came twice is found with its first value.
    """

    def __init__(self, pairs: tuple[tuple[str, str], ...]) -> None:
        self.pairs = pairs

    def __getitem__(self, name: str) -> str:
        """Return the first value sent under this name."""
        for sent, value in self.pairs:
            if sent.lower() == name.lower():
                return value
        raise KeyError(name)

    def __iter__(self) -> Iterator[str]:
        """Yield each name once, as it was first sent."""
        return iter({name.lower(): name for name, _ in reversed(self.pairs)}.values())

    def __len__(self) -> int:
        """Count the names, repeated ones once."""
        return len({name.lower() for name, _ in self.pairs})

    def __contains__(self, name: object) -> bool:
        """Say whether the name was sent, in any case."""
        return isinstance(name, str) and any(sent.lower() == name.lower() for sent, _ in self.pairs)

    def __repr__(self) -> str:
        """Show the pairs."""
        return f"SentHeaders({self.pairs!r})"


@dataclass(frozen=True, kw_only=True)
class SeenRequest:
    """
    A request that reached a surface, answered or refused.

    `path` is the one on the surface, without `/at/<id>`, `query` what followed `?`. `proxied`
    says that it came through the proxy, over TLS and under a real host name.
    """

    surface: str
    method: str
    path: str
    query: str
    headers: SentHeaders
    body: bytes
    proxied: bool

    @property
    def json(self) -> Any:
        """The body, decoded; raises ValueError if it is not JSON."""
        return json.loads(self.body)


@dataclass(frozen=True, kw_only=True)
class PlainRequest:
    """A request that came to the proxy in the clear; `host` may carry a port."""

    method: str
    host: str
    path: str
    headers: SentHeaders


class KimiState(Switches):
    """
    The switches, the four surfaces' keys, their next answers, and all that they have seen.

    `keys` is by surface id. `replies` are used up in order by turns, before `script` and the
    default answer; `replies_to_models` by `GET /models`; both after every check was passed.
    `sessions` are agents' sessions, each for the conversations that begin with its prompt; they
    come after `replies`. `connects` are the `host:port` that the proxy was asked to connect.
    """

    keys: dict[str, set[str]]
    replies: list[Reply]
    replies_to_models: list[Reply]
    sessions: list[RecordedSession]
    seen: list[SeenRequest]
    connects: list[str]
    plain_proxied: list[PlainRequest]
    prefixes: PrefixCache

    def __init__(self) -> None:
        super().__init__()
        self.reset()

    def reset(self) -> None:
        """Restore every default and forget every request."""
        Switches.__init__(self)
        self.keys = {surface.id: {surface.key} for surface in SURFACES}
        self.replies = []
        self.replies_to_models = []
        self.sessions = []
        self.seen = []
        self.connects = []
        self.plain_proxied = []
        self.prefixes = PrefixCache()
