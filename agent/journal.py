"""A conversation kept as it happens: what the loop says goes to the disk, and its places back."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import msgspec

from agent.cleaning import cleaned, maker
from agent.costs import cost_of, priced_row
from agent.errors import UsageError
from agent.estimate import Counted
from agent.events import Finished
from agent.messages import Message, ToolResult
from agent.route import Route
from agent.session_rows import Entry, Made, MadeBy, title_of
from agent.sessions import Sessions


def iso_now() -> str:
    """Return the time as an ISO text (UTC), to the second."""
    return datetime.now(UTC).isoformat(timespec="seconds")


@dataclass(frozen=True, slots=True)
class _Kept:
    """
    A message of the conversation as it goes on.

    `message` is the object that the loop has, `stored` the one that is stored for it, and
    `replaced` says that this is not what was said at the position.
    """

    message: Message
    stored: Message
    position: int
    replaced: bool = False


class SessionJournal:
    """
    The journal of one conversation, which is stored from its first message on.

    `session_id` is its id, and changes with `fork`. `route` gives the Route in use, which says
    who made an answer and what it cost. `counted` is what the endpoint last counted of the
    conversation as it is, or None. Methods raise BrokenFile if the file cannot be used.
    """

    def __init__(
        self,
        sessions: Sessions,
        session_id: str,
        *,
        directory: Path,
        route: Callable[[], Route],
        clock: Callable[[], str] = iso_now,
    ) -> None:
        self.session_id = session_id
        self.counted: Counted | None = None
        self._sessions = sessions
        self._directory = directory
        self._route = route
        self._clock = clock
        self._begun = False
        self._live: list[_Kept] = []
        self._summary: Made | None = None

    # --- what the loop says ---------------------------------------------------------------

    def add(self, message: Message, answer: Finished | None = None) -> None:
        """Keep a message; `answer` is the end of the answer it is, if it is one."""
        if not self._begun:
            self._begin()
        made = Made(by=maker(self._route())) if message.role == "assistant" else Made()
        if answer is not None:
            made = self._made(answer)
        position = self._sessions.append(self.session_id, message, at=self._clock(), made=made)
        self._live.append(_Kept(message, message, position))
        if made.usage is not None:
            tokens = made.usage.prompt_tokens + made.usage.completion_tokens
            self.counted = Counted(tokens, len(self._live))

    def replace(self, messages: Sequence[Message], how: str) -> None:
        """Note that the conversation goes on from `messages`; what was before stays stored."""
        if not self._begun:
            self._begin()
        found = list(self._paired(messages))
        positions = self._sessions.shorten(
            self.session_id,
            [(old.position, _instead(old, new)) if old else (None, new) for old, new in found],
            how=how,
            at=self._clock(),
            made=self._summary or Made(),
        )
        self._live = [
            _Kept(new, _instead(old, new) or old.stored, position, _instead(old, new) is not None)
            if old
            else _Kept(new, new, position)
            for (old, new), position in zip(found, positions, strict=True)
        ]
        self.counted = self._summary = None

    # --- what a compactor asks ------------------------------------------------------------

    def pointer(self, message: Message) -> str:
        """Return the command that shows a message as it was said, or an empty text."""
        for kept in self._live:
            if kept.message is message:
                return f"hermes sessions show {self.session_id[:12]} --message {kept.position}"
        return ""

    def note_summary(self, answer: Finished) -> None:
        """Take note of what the summary has used that the next `replace` brings."""
        self._summary = self._made(answer)

    # --- what a user asks -----------------------------------------------------------------

    def messages_for(self, route: Route) -> tuple[Message, ...]:
        """
        Return the stored conversation as it goes on over a Route, cleaned for it.

        To be called when a conversation is resumed and whenever the Route becomes another one:
        it begins from what was said, so that what one endpoint could not take is there again
        for the next. Raises UsageError if nothing is stored.
        """
        entries = self._sessions.conversation(self.session_id)
        self._begun = True
        makers = [entry.made.by for entry in entries]
        messages = cleaned([entry.message for entry in entries], makers, route)
        self._live = [
            _Kept(message, entry.message, entry.position, entry.standing == "replaced")
            for message, entry in zip(messages, entries, strict=True)
        ]
        self.counted = _last_count(entries, maker(route))
        return messages

    def turns(self) -> tuple[tuple[int, str], ...]:
        """Return the position and first line of everything the user said: where to rewind to."""
        if not self._begun:
            return ()
        entries = self._sessions.entries(self.session_id)
        return tuple(
            (entry.position, title_of(entry.message)) for entry in entries if entry.role == "user"
        )

    def fork(self, before: int | None = None) -> str:
        """
        Go on in a copy, of all or of the messages before a position; return the old id.

        `messages_for` then gives what the copy holds.
        """
        self._need_something()
        old = self.session_id
        self.session_id = self._sessions.fork(old, at=self._clock(), before=before)
        return old

    def rewind(self, position: int) -> str:
        """
        Take back a position and all after it; return the id of a copy that has everything.

        `messages_for` then gives what is left.
        """
        self._need_something()
        return self._sessions.rewind(self.session_id, position, at=self._clock())

    # --- inside ---------------------------------------------------------------------------

    def _begin(self) -> None:
        route = self._route()
        self._sessions.create(
            directory=self._directory,
            provider=route.provider.value.id,
            base_url=route.chat_base_url,
            model=route.model.value,
            at=self._clock(),
            session_id=self.session_id,
        )
        self._begun = True

    def _made(self, answer: Finished) -> Made:
        route = self._route()
        row = priced_row(route.endpoint, served=answer.model, asked=route.model_id_sent)
        cost = cost_of(answer.usage, row)
        return Made(usage=answer.usage, model=answer.model, cost=cost, by=maker(route))

    def _need_something(self) -> None:
        if not self._begun:
            raise UsageError(
                "Nothing was said yet in this conversation.",
                remedy="`hermes sessions` lists earlier ones; `hermes -c` goes on with the last.",
            )

    def _paired(self, messages: Sequence[Message]) -> list[tuple[_Kept | None, Message]]:
        """Return, for each message, the one it was, in order; None for what is new."""
        pairs: list[tuple[_Kept | None, Message]] = []
        start = 0
        for message in messages:
            for place in range(start, len(self._live)):
                kept = self._live[place]
                if kept.message is message or _same_results(kept.message, message):
                    pairs.append((kept, message))
                    start = place + 1
                    break
            else:
                pairs.append((None, message))
        return pairs


def _last_count(entries: Sequence[Entry], here: MadeBy) -> Counted | None:
    """Return what this endpoint and model counted last, if nothing was left out since."""
    for place in reversed(range(len(entries))):
        made = entries[place].made
        if entries[place].standing != "said":
            return None
        if made.usage is not None:
            tokens = made.usage.prompt_tokens + made.usage.completion_tokens
            return Counted(tokens, place + 1) if made.by == here else None
    return None


def _same_results(one: Message, other: Message) -> bool:
    """Say whether two tool messages answer the same calls."""
    if not one.role == other.role == "tool":
        return False
    ids = [[each.call_id for each in _results(message)] for message in (one, other)]
    return ids[0] == ids[1]


def _results(message: Message) -> list[ToolResult]:
    return [part for part in message.parts if isinstance(part, ToolResult)]


def _instead(old: _Kept, new: Message) -> Message | None:
    """Return what is stored to stand for a message, under the ids of its calls, or None."""
    if new is old.message:
        return old.stored if old.replaced else None
    ids = iter([each.call_id for each in _results(old.stored)])
    parts = [
        msgspec.structs.replace(part, call_id=next(ids, part.call_id))
        if isinstance(part, ToolResult)
        else part
        for part in new.parts
    ]
    return Message(new.role, tuple(parts))
