"""Conversations on disk, byte for byte, in the SQLite file of the home; each has an id."""

import os
import uuid
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec
from msgspec.structs import replace

from agent.costs import Totals
from agent.errors import BrokenFile, UsageError
from agent.messages import Message
from agent.session_rows import (
    ENTRY_COLUMNS,
    SUMMARY,
    Entry,
    Made,
    Session,
    decoded,
    encoded,
    entry_of,
    row_of,
    storable,
)
from agent.session_search import Found, forget_index, found_in
from agent.session_tables import note_words, open_tables

if TYPE_CHECKING:
    import sqlite3

__all__ = ["Entry", "Found", "Made", "Session", "Sessions"]

_COLUMNS = (
    "id, directory, provider, base_url, model, begun_at, used_at, title, forked_from,"
    " (select count(*) from session_messages where session_id = id and role != 'summary')"
)
_INSERT = f"insert into session_messages (session_id, {ENTRY_COLUMNS}) values (?{', ?' * 10})"  # noqa: S608
_NOTHING_MADE = Made()
_LIST = "`hermes sessions --all` lists them; `hermes` begins a new one."


class Shown(msgspec.Struct, frozen=True, array_like=True):
    """
    A message of a view: where it is stored, and what stands there instead, if anything.

    A view is a conversation as it goes on after it was made shorter. `content` is a message as
    the table of messages holds it.
    """

    position: int
    content: bytes | None = None


_VIEW = msgspec.json.Decoder(tuple[Shown, ...])


class Sessions:
    """
    The conversations in a SQLite file, which is made when one is first begun.

    Every method opens the file, does one thing whole, and closes it: a process that is killed
    loses at most the message it was writing, and any number of processes write at once. Where
    a method takes `at`, it is the ISO time (UTC). All methods raise BrokenFile if the file
    cannot be used, and UsageError for an id that is not there.
    """

    def __init__(self, path: Path) -> None:
        self.path = path

    # --- writing --------------------------------------------------------------------------

    def create(
        self,
        *,
        directory: Path,
        provider: str,
        base_url: str,
        model: str,
        at: str,
        session_id: str = "",
        first: Message | None = None,
    ) -> str:
        """
        Begin a conversation and return its id: a new one, unless one is given.

        With `first`, its first message, both are stored at once or not at all.
        """
        session_id = session_id or uuid.uuid4().hex
        facts = [storable(text) for text in (provider, base_url, model, at, at)]
        with self._open() as database:
            database.execute(
                "insert into sessions"
                " (id, directory, provider, base_url, model, begun_at, used_at)"
                " values (?, ?, ?, ?, ?, ?, ?)",
                (session_id, os.fsencode(directory), *facts),
            )
            if first is not None:
                _add(database, session_id, first.role, first, at=at, made=_NOTHING_MADE)
        return session_id

    def append(
        self, session_id: str, message: Message, *, at: str, made: Made = _NOTHING_MADE
    ) -> int:
        """Add a message at the end and return its position; it is on the disk by then."""
        with self._open() as database:
            # The update comes first: it takes the lock, so that nobody writes in between.
            _touch(database, session_id, at)
            return _add(database, session_id, message.role, message, at=at, made=made)

    def shorten(
        self,
        session_id: str,
        view: Sequence[tuple[int | None, Message | None]],
        *,
        how: str,
        at: str,
        made: Made = _NOTHING_MADE,
    ) -> tuple[int, ...]:
        """
        Let a conversation go on from other messages than were said; those stay stored.

        `view` has, for each message, the position where it is stored and, if something else
        stands in its place, that. A position of None stores the message as a new one, a
        summary, whose making is `made`. Returns all positions. `how` is a sentence.
        """
        with self._open() as database:
            _touch(database, session_id, at)
            shown: list[Shown] = []
            for position, message in view:
                if position is None and message is not None:
                    new = _add(database, session_id, SUMMARY, message, at=at, made=made)
                    shown.append(Shown(new))
                elif position is not None:
                    shown.append(Shown(position, encoded(message) if message else None))
            database.execute(
                "insert into session_views (session_id, ends, at, how, items)"
                " values (?, ?, ?, ?, ?)",
                (
                    session_id,
                    _length(database, session_id),
                    at,
                    storable(how),
                    msgspec.json.encode(shown).decode(),
                ),
            )
        return tuple(each.position for each in shown)

    def fork(self, session_id: str, *, at: str, before: int | None = None) -> str:
        """Copy a conversation, or its messages before a position; return the copy's id."""
        with self._open() as database:
            _touch(database, session_id, None)
            return _copied(database, session_id, at=at, before=before)

    def rewind(self, session_id: str, position: int, *, at: str) -> str:
        """
        Take back a position and all after it; return the id of a copy that has everything.

        Where the conversation had been made shorter after that position, it is whole again.
        """
        with self._open() as database:
            # The copy may be deleted later; what was taken back must be nowhere else then.
            database.execute("pragma secure_delete = on")
            used_at = _touch(database, session_id, None)
            kept = _copied(database, session_id, at=used_at, before=None)
            _touch(database, session_id, at)
            cut = (session_id, position)
            database.execute(
                "delete from session_messages where session_id = ? and position >= ?", cut
            )
            database.execute(
                "delete from session_texts where session_id = ? and position >= ?", cut
            )
            database.execute("delete from session_views where session_id = ? and ends > ?", cut)
            _forget_title(database, session_id)
        return kept

    def delete(self, session_id: str) -> bool:
        """Delete a conversation with all its messages; False if there was none."""
        if not self.path.exists():
            return False
        with self._open() as database:
            # Without this, what was said would stay in the unused parts of the file.
            database.execute("pragma secure_delete = on")
            key = (storable(session_id),)
            forget_index(database)
            for table in ("session_messages", "session_texts", "session_views"):
                database.execute(f"delete from {table} where session_id = ?", key)  # noqa: S608
            return database.execute("delete from sessions where id = ?", key).rowcount > 0

    # --- reading --------------------------------------------------------------------------

    def load(self, session_id: str) -> tuple[Message, ...]:
        """Return the messages that the conversation goes on from, in order."""
        return tuple(entry.message for entry in self.conversation(session_id))

    def conversation(self, session_id: str) -> tuple[Entry, ...]:
        """Return what the conversation goes on from: the last view, and what was said since."""
        query = "select ends, items from session_views where session_id = ? order by number desc"
        with self._of(session_id) as (database, key):
            entries = self._entries(database, key)
            last = database.execute(f"{query} limit 1", (key,)).fetchone()
        if last is None:
            return tuple(entry for entry in entries if entry.role != SUMMARY)
        ends, items = last
        by_position = {entry.position: entry for entry in entries}
        try:
            before = [_as_shown(by_position[each.position], each) for each in _VIEW.decode(items)]
        except (msgspec.DecodeError, ValueError, KeyError) as error:
            raise self._unreadable(session_id, error) from error
        return (*before, *(entry for entry in entries if entry.position >= ends))

    def entries(self, session_id: str) -> tuple[Entry, ...]:
        """Return all that is stored of a conversation, in order, summaries too."""
        with self._of(session_id) as (database, key):
            return self._entries(database, key)

    def totals(self, session_id: str) -> Totals:
        """Return what its answers and summaries used together."""
        totals = Totals()
        for entry in self.entries(session_id):
            if entry.made.usage is not None or entry.role == "assistant":
                totals = totals.plus(entry.made.usage, entry.made.cost)
        return totals

    def list(self, directory: Path | None = None) -> tuple[Session, ...]:
        """Return all conversations, or those begun in a directory, the last used one first."""
        if directory is None:
            return self._found("")
        return self._found("where directory = ?", os.fsencode(directory))

    def last(self, directory: Path) -> Session | None:
        """Return the conversation that was last used of those begun in a directory, or None."""
        found = self.list(directory)
        return found[0] if found else None

    def find(self, beginning: str) -> Session:
        """Return the one conversation whose id begins so. Raises UsageError unless there is one."""
        wanted = beginning.strip().lower()
        found = [each for each in self._found("") if wanted and each.id.startswith(wanted)]
        exact = [each for each in found if each.id == wanted]
        if len(exact or found) == 1:
            return (exact or found)[0]
        if not found:
            raise unknown(beginning)
        raise UsageError(
            f"{len(found)} conversations begin with {beginning!r}: "
            f"{', '.join(each.id[:12] for each in found[:5])}{' …' if len(found) > 5 else ''}.",
            remedy="Name more of the id; `hermes sessions --all` lists them.",
        )

    def search(self, words: Sequence[str], directory: Path | None = None) -> tuple[Found, ...]:
        """Return the newest messages, of all conversations or a directory's, with every word."""
        if not self.path.exists():
            return ()
        begun_in = None if directory is None else os.fsencode(directory)
        with self._open() as database:
            return found_in(database, [storable(word) for word in words], begun_in)

    def _found(self, where: str, *values: bytes) -> tuple[Session, ...]:
        if not self.path.exists():
            return ()
        query = f"select {_COLUMNS} from sessions {where} order by used_at desc, number desc"  # noqa: S608
        with self._open() as database:
            rows = database.execute(query, values).fetchall()
        return tuple(
            Session(session_id, Path(os.fsdecode(directory)), *others)
            for session_id, directory, *others in rows
        )

    @contextmanager
    def _of(self, session_id: str) -> "Iterator[tuple[sqlite3.Connection, str]]":
        """Give a connection and the id as it is stored, of a conversation that is there."""
        key = storable(session_id)
        if not self.path.exists():
            raise unknown(session_id)
        with self._open() as database:
            if not database.execute("select 1 from sessions where id = ?", (key,)).fetchone():
                raise unknown(session_id)
            yield database, key

    def _entries(self, database: "sqlite3.Connection", session_id: str) -> tuple[Entry, ...]:
        query = f"select {ENTRY_COLUMNS} from session_messages where session_id = ?"  # noqa: S608
        rows = database.execute(f"{query} order by position", (session_id,)).fetchall()
        try:
            return tuple(map(entry_of, rows))
        except (msgspec.DecodeError, ValueError) as error:
            raise self._unreadable(session_id, error) from error

    def _open(self) -> "AbstractContextManager[sqlite3.Connection]":
        return open_tables(self.path)

    def _unreadable(self, session_id: str, error: Exception) -> BrokenFile:
        return BrokenFile(
            f"A message of the conversation {session_id} in {self.path} cannot be read: {error}.",
            remedy="A newer version may have written it: `hermes --version` tells this one's.",
        )


def unknown(session_id: str) -> UsageError:
    """Return the error for an id that no conversation has."""
    return UsageError(f"There is no conversation {session_id!r}.", remedy=_LIST)


def _as_shown(entry: Entry, shown: Shown) -> Entry:
    if shown.content is None:
        return replace(entry, standing="kept")
    return replace(entry, message=decoded(shown.content), standing="replaced")


def _touch(database: "sqlite3.Connection", session_id: str, at: str | None) -> str:
    """Take the lock, note that it is used, and return when it was used last."""
    key = storable(session_id)
    found = database.execute(
        "update sessions set used_at = coalesce(?, used_at) where id = ?", (at, key)
    )
    if not found.rowcount:
        raise unknown(session_id)
    [used_at] = database.execute("select used_at from sessions where id = ?", (key,)).fetchone()
    return str(used_at)


def _forget_title(database: "sqlite3.Connection", session_id: str) -> None:
    """Let the next message of the user give the title where none of theirs is left."""
    database.execute(
        "update sessions set title = '' where id = ? and not exists"
        " (select 1 from session_messages where session_id = sessions.id and role = 'user')",
        (session_id,),
    )


def _length(database: "sqlite3.Connection", session_id: str) -> int:
    """Return the position that the next message gets."""
    query = "select coalesce(max(position) + 1, 0) from session_messages where session_id = ?"
    [length] = database.execute(query, (session_id,)).fetchone()
    return int(length)


def _add(
    database: "sqlite3.Connection", session_id: str, role: str, message: Message, **facts: Any
) -> int:
    """Store a message at the end; `facts` are `at` and `made`. The lock is held."""
    entry = Entry(position=_length(database, session_id), role=role, message=message, **facts)
    database.execute(_INSERT, (session_id, *row_of(entry)))
    note_words(database, session_id, entry.position, role, message)
    return entry.position


def _copied(database: "sqlite3.Connection", session_id: str, *, at: str, before: int | None) -> str:
    """Copy a conversation up to a position; every message keeps its own. The lock is held."""
    new = uuid.uuid4().hex
    database.execute(
        "insert into sessions (id, directory, provider, base_url, model, begun_at, used_at,"
        " title, forked_from) select ?, directory, provider, base_url, model, begun_at, ?,"
        " title, id from sessions where id = ?",
        (new, at, session_id),
    )
    end = _length(database, session_id) if before is None else before
    for table, columns, place in (
        ("session_messages", ENTRY_COLUMNS, "position <"),
        ("session_texts", "position, text", "position <"),
        ("session_views", "ends, at, how, items", "ends <="),
    ):
        order = "number" if table != "session_messages" else "position"
        database.execute(
            f"insert into {table} (session_id, {columns}) select ?, {columns} from {table}"  # noqa: S608
            f" where session_id = ? and {place} ? order by {order}",
            (new, session_id, end),
        )
    return new
