"""What a client notes down of what endpoints tell it, for the next Route."""

import contextlib
from collections.abc import Generator
from datetime import UTC, datetime

from agent.catalog.rows import Wire
from agent.errors import BrokenFile
from agent.learnt import KeyState, Learnt, LearntLimit
from agent.route import Route


class Recorder:
    """
    Writes into the store of what was learnt, or nowhere if there is none.

    What cannot be written is learnt again the next time: an answer is worth more. Whoever
    reads the store at the next start tells what is wrong with it.
    """

    def __init__(self, learnt: Learnt | None) -> None:
        self._learnt = learnt
        self._noted: set[tuple[str, str]] = set()

    def window(self, route: Route, tokens: int) -> LearntLimit:
        """Note the window in tokens that an error named for the Route's model, and return it."""
        told = route.live.model(route.model_id_sent) if route.live else None
        limit = LearntLimit(tokens, told.context_tokens if told else None, now())
        with self._store() as learnt:
            if learnt is not None and route.key is not None:
                learnt.remember_limit(
                    route.chat_base_url, route.key_digest, route.model_id_sent, limit
                )
        return limit

    def wire(self, route: Route, before: Wire) -> None:
        """Note the wire that the endpoint took us on, if it is another than we began with."""
        with self._store() as learnt:
            if learnt is not None and route.wire.value != before:
                learnt.remember_wire(route.chat_base_url, route.wire.value, at=now())

    def accepted(self, route: Route) -> None:
        """Note that the key was good for an answer, unless that is known: once a key."""
        place = (route.chat_base_url, route.key_digest)
        state = route.state
        known = state is not None and (state.verdict, state.how) == ("accepted", "chat")
        if known or place in self._noted or not _is_issued(route):
            return
        self._noted.add(place)
        with self._store() as learnt:
            if learnt is not None:
                learnt.remember_state(*place, KeyState("accepted", "chat", now()))

    def refused(self, route: Route) -> None:
        """Note that the key was refused where it was thought to belong."""
        if not _is_issued(route):
            return
        with self._store() as learnt:
            if learnt is not None:
                state = KeyState("refused", "chat", now())
                learnt.remember_state(route.chat_base_url, route.key_digest, state)
                learnt.doubt_place(route.key_digest)

    @contextlib.contextmanager
    def _store(self) -> Generator[Learnt | None]:
        with contextlib.suppress(BrokenFile):
            yield self._learnt


def _is_issued(route: Route) -> bool:
    """Say whether somebody issued the key: that of the embedded model is made at each start."""
    return route.key is not None and not route.provider.value.runs_here


def now() -> str:
    """Return the time as the store keeps it: ISO, in UTC."""
    return datetime.now(UTC).isoformat(timespec="seconds")
