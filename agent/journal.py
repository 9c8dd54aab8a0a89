"""A conversation kept as it happens: what the loop says goes to the disk, and its places back."""

from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import TypeVar

import msgspec

from agent.cleaning import cleaned, maker
from agent.costs import cost_of, priced_row
from agent.errors import BrokenFile, HermesError, UsageError
from agent.estimate import Counted
from agent.events import Finished
from agent.messages import Message, ToolResult
from agent.route import Route
from agent.session_export import plain
from agent.session_rows import STORED, Entry, Made, MadeBy, title_of
from agent.sessions import Sessions

T = TypeVar("T")


def iso_now() -> str:
    """Return the time as an ISO text (UTC), so fine that no two writings have the same."""
    return datetime.now(UTC).isoformat(timespec="microseconds")


class _Kept(msgspec.Struct, frozen=True):
    """
    A message of the conversation as it goes on.

    `message` is the object that the loop has, `stored` the one that is stored for it, or would
    be if the file took it: then `position` is None. `replaced` says that this is not what was
    said at the position, `by` who made it.
    """

    message: Message
    stored: Message
    position: int | None
    replaced: bool = False
    by: MadeBy | None = None


_Replaced = tuple[_Kept | None, Message, Message | None]
"""What a message was, None if it is new; the message; what is stored in the older one's place."""


class SessionJournal:
    """
    The journal of one conversation, which is stored from its first message on.

    `session_id` is its id, and changes with `fork`. `route` gives the Route in use, which says
    who made an answer and what it cost. `counted` is what the endpoint last counted of the
    conversation as it is, or None. `failure` is why the file did not take something: from then
    on nothing is written, since a conversation with a hole in it would be told wrongly, and the
    rest is kept in memory only. What a user asks raises BrokenFile if the file cannot be used.
    """

    failure: HermesError | None = None

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
        self._is_cut = False

    # --- what the loop says ---------------------------------------------------------------

    def add(self, message: Message, answer: Finished | None = None) -> None:
        """Keep a message; `answer` is the end of the answer it is, if it is one."""
        made = Made(by=maker(self._route())) if message.role == "assistant" else Made()
        if answer is not None:
            made = self._made(answer)
        position = self._written(lambda: self._append(message, made))
        self._live.append(_Kept(message, message, position, by=made.by))
        if made.usage is not None:
            tokens = made.usage.prompt_tokens + made.usage.completion_tokens
            self.counted = None if self._is_cut else Counted(tokens, len(self._live))
            self._is_cut = False

    def replace(self, messages: Sequence[Message], how: str) -> None:
        """Note that the conversation goes on from `messages`; what was before stays stored."""
        found = self._paired(messages)
        positions = self._written(lambda: self._shorten(found, how))
        self._live = [
            _Kept(new, instead or old.stored, old.position, instead is not None, old.by)
            if old
            else _Kept(new, new, positions[place] if positions else None)
            for place, (old, new, instead) in enumerate(found)
        ]
        self.counted = self._summary = None

    # --- what a compactor asks ------------------------------------------------------------

    def pointer(self, message: Message) -> str:
        """
        Return the path under which a tool shows a message as it was said, or an empty text.

        Not a command: `hermes` reads what no command of a model may read.
        """
        for kept in self._live:
            if kept.message is message and kept.position is not None:
                return f"{STORED}{kept.position}"
        return ""

    def text_at(self, position: int) -> str | None:
        """Return what was said at a position, as text; None if nothing can be read there."""
        try:
            entries = self._sessions.entries(self.session_id)
        except (BrokenFile, UsageError):
            return None
        parts = [
            "\n".join(plain(part))
            for entry in entries
            if entry.position == position
            for part in entry.message.parts
        ]
        if len(parts) > 1:
            parts = [f"--- {n} of {len(parts)} ---\n{part}" for n, part in enumerate(parts, 1)]
        return "\n".join(parts) if parts else None

    def note_summary(self, answer: Finished) -> None:
        """Take note of what the summary has used that the next `replace` brings."""
        self._summary = self._made(answer)

    def note_cut(self) -> None:
        """Take note that the next request leaves out more, so that its count is of no use."""
        self._is_cut = True

    # --- what a user asks -----------------------------------------------------------------

    def messages_for(self, route: Route) -> tuple[Message, ...]:
        """
        Return the stored conversation as it goes on over a Route, cleaned for it.

        To be called when a conversation is resumed and whenever the Route becomes another one:
        it begins from what was said, so that what one endpoint could not take is there again
        for the next; after a failure from what is in memory. Raises UsageError if nothing is
        stored.
        """
        self.counted = None
        if self.failure is None:
            try:
                self._read(maker(route))
            except BrokenFile as error:
                if not self._live:
                    raise
                self.failure = error
        stored = [kept.stored for kept in self._live]
        messages = cleaned(stored, [kept.by for kept in self._live], route)
        self._live = [
            msgspec.structs.replace(kept, message=message)
            for kept, message in zip(self._live, messages, strict=True)
        ]
        return messages

    def turns(self) -> tuple[tuple[int, str], ...]:
        """Return the position and first line of everything the user said: where to rewind to."""
        if not self._begun:
            return ()
        self._need_file()
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
        self._need_file()
        old = self.session_id
        self.session_id = self._sessions.fork(old, at=self._clock(), before=before)
        return old

    def rewind(self, position: int) -> str:
        """
        Take back a position and all after it; return the id of a copy that has everything.

        `messages_for` then gives what is left.
        """
        self._need_something()
        self._need_file()
        return self._sessions.rewind(self.session_id, position, at=self._clock())

    # --- inside ---------------------------------------------------------------------------

    def _written(self, write: Callable[[], T]) -> T | None:
        """Return what a writing gives, as long as none has failed."""
        if self.failure is None:
            try:
                return write()
            # The disk is full, or another file stands there by now.
            except (BrokenFile, UsageError) as error:
                self.failure = error
        return None

    def _read(self, here: MadeBy) -> None:
        """Take the conversation from the file."""
        entries = self._sessions.conversation(self.session_id)
        self._begun = True
        self._live = [
            _Kept(
                each.message, each.message, each.position, each.standing == "replaced", each.made.by
            )
            for each in entries
        ]
        self.counted = _last_count(entries, here)

    def _append(self, message: Message, made: Made) -> int:
        if not self._begun:
            first = message if message.role == "user" else None
            self._begin(first)
            if first is not None:
                return 0
        return self._sessions.append(self.session_id, message, at=self._clock(), made=made)

    def _shorten(self, found: Sequence[_Replaced], how: str) -> tuple[int, ...]:
        if not self._begun:
            self._begin()
        return self._sessions.shorten(
            self.session_id,
            [(old.position, instead) if old else (None, new) for old, new, instead in found],
            how=how,
            at=self._clock(),
            made=self._summary or Made(),
        )

    def _begin(self, first: Message | None = None) -> None:
        """Store the conversation, with what the user said first: the file is written once."""
        route = self._route()
        self._sessions.create(
            directory=self._directory,
            provider=route.provider.value.id,
            base_url=route.chat_base_url,
            model=route.model.value,
            at=self._clock(),
            session_id=self.session_id,
            first=first,
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

    def _need_file(self) -> None:
        if self.failure is not None:
            raise BrokenFile(
                f"This conversation is not kept on disk any more: {self.failure.message}",
                remedy=self.failure.remedy,
            )

    def _paired(self, messages: Sequence[Message]) -> list[_Replaced]:
        """Return, for each message, the one it was, and what is to stand for it."""
        found: list[_Replaced] = []
        end = len(self._live)
        # From the end, where nothing is missing: ids of calls repeat, and the last of them is
        # meant when an earlier one went into a summary.
        for message in reversed(messages):
            for place in reversed(range(end)):
                kept = self._live[place]
                if kept.message is message or _same_results(kept.message, message):
                    found.append((kept, message, _instead(kept, message)))
                    end = place
                    break
            else:
                found.append((None, message, None))
        return found[::-1]


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
