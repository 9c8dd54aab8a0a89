"""Conversations on disk, byte for byte, in the SQLite file of the home; each has an id."""

import json
import os
import uuid
from collections.abc import Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec

from agent.costs import Cost, Totals
from agent.database import opened
from agent.errors import BrokenFile, UsageError
from agent.messages import Message, Usage

if TYPE_CHECKING:
    import sqlite3

_SCHEMA = """
create table if not exists sessions (
    number integer primary key, id text not null unique, directory blob not null,
    provider text not null, base_url text not null, model text not null,
    begun_at text not null, used_at text not null);
create table if not exists session_messages (
    session_id text not null, position integer not null, at text not null, role text not null,
    message blob not null, model text not null, usage blob,
    currency text, amount text, covered integer,
    primary key (session_id, position));
"""
_COLUMNS = (
    "id, directory, provider, base_url, model, begun_at, used_at,"
    " (select count(*) from session_messages where session_id = id)"
)


@dataclass(frozen=True, slots=True)
class Session:
    """
    A conversation without its messages.

    `id` is also the `prompt_cache_key` of its requests. `directory` is where it was begun,
    `base_url` the chat base URL it was begun at, `model` the id as asked for; `begun_at` and
    `used_at` are ISO times (UTC) of its first and last writing.
    """

    id: str
    directory: Path
    provider: str
    base_url: str
    model: str
    begun_at: str
    used_at: str
    message_count: int


class Sessions:
    """
    The conversations in a SQLite file, which is made when one is first begun.

    Every method opens the file, does one thing whole, and closes it: a process that is killed
    loses at most the message it was writing, and any number of processes write at once. All
    methods raise BrokenFile if the file cannot be used.
    """

    def __init__(self, path: Path) -> None:
        self.path = path

    def create(self, *, directory: Path, provider: str, base_url: str, model: str, at: str) -> str:
        """Begin a conversation and return its id; `at` is the ISO time (UTC)."""
        session_id = uuid.uuid4().hex
        facts = [_storable(text) for text in (provider, base_url, model, at, at)]
        with self._open() as database:
            database.execute(
                "insert into sessions"
                " (id, directory, provider, base_url, model, begun_at, used_at)"
                " values (?, ?, ?, ?, ?, ?, ?)",
                (session_id, os.fsencode(directory), *facts),
            )
        return session_id

    def append(
        self,
        session_id: str,
        message: Message,
        *,
        at: str,
        usage: Usage | None = None,
        model: str = "",
        cost: Cost | None = None,
    ) -> None:
        """
        Add a message at the end; it is on the disk when this returns.

        `at` is the ISO time (UTC); `usage`, `model` (the id that served) and `cost` are an
        answer's. Raises UsageError if there is no such conversation.
        """
        money = (cost.currency, str(cost.amount), cost.covered) if cost else (None, None, None)
        with self._open() as database:
            # The update comes first: it takes the lock, so that nobody writes in between.
            found = database.execute(
                "update sessions set used_at = ? where id = ?", (at, _storable(session_id))
            )
            if not found.rowcount:
                raise _unknown(session_id)
            database.execute(
                "insert into session_messages select"
                " ?1, coalesce(max(position) + 1, 0), ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9"
                " from session_messages where session_id = ?1",
                (
                    session_id,
                    at,
                    message.role,
                    _encoded(message),
                    _storable(model),
                    None if usage is None else msgspec.json.encode(usage),
                    *money,
                ),
            )

    def load(self, session_id: str) -> tuple[Message, ...]:
        """Return the messages in order, equal to what was appended; UsageError if there is none."""
        rows = self._rows(session_id, "message")
        try:
            return tuple(_decoded(content) for (content,) in rows)
        except (msgspec.DecodeError, ValueError) as error:
            raise BrokenFile(
                f"A message of the conversation {session_id} in {self.path} cannot be read: "
                f"{error}.",
                remedy="A newer version may have written it: `hermes --version` tells this one's.",
            ) from error

    def totals(self, session_id: str) -> Totals:
        """Return what its answers used together; UsageError if there is no such conversation."""
        totals = Totals()
        columns = "role, usage, currency, amount, covered"
        for role, usage, currency, amount, covered in self._rows(session_id, columns):
            if usage is None and role != "assistant":
                continue
            cost = Cost(currency, Decimal(amount), bool(covered)) if currency else None
            told = None if usage is None else msgspec.json.decode(usage, type=Usage)
            totals = totals.plus(told, cost)
        return totals

    def list(self) -> tuple[Session, ...]:
        """Return all conversations, the last used one first; none if there is no file."""
        return self._found("")

    def last(self, directory: Path) -> Session | None:
        """Return the conversation that was last used of those begun in a directory, or None."""
        found = self._found("where directory = ?", os.fsencode(directory))
        return found[0] if found else None

    def delete(self, session_id: str) -> bool:
        """Delete a conversation with all its messages; False if there was none."""
        if not self.path.exists():
            return False
        with self._open() as database:
            key = (_storable(session_id),)
            database.execute("delete from session_messages where session_id = ?", key)
            return database.execute("delete from sessions where id = ?", key).rowcount > 0

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

    def _rows(self, session_id: str, columns: str) -> Sequence[tuple[Any, ...]]:
        """Return columns of a conversation's messages in order; UsageError if there is none."""
        if not self.path.exists():
            raise _unknown(session_id)
        key = (_storable(session_id),)
        with self._open() as database:
            if not database.execute("select 1 from sessions where id = ?", key).fetchone():
                raise _unknown(session_id)
            query = f"select {columns} from session_messages where session_id = ? order by position"  # noqa: S608
            return database.execute(query, key).fetchall()

    def _open(self) -> "AbstractContextManager[sqlite3.Connection]":
        return opened(self.path, _SCHEMA)


def _encoded(message: Message) -> bytes:
    """Return a message as JSON; lone surrogates, which UTF-8 has not, as three bytes each."""
    try:
        return msgspec.json.encode(message)
    except UnicodeEncodeError:
        text = json.dumps(msgspec.to_builtins(message), ensure_ascii=False)
        return text.encode("utf-8", "surrogatepass")


def _decoded(content: bytes) -> Message:
    """Return the message of `_encoded`. Raises msgspec.DecodeError or ValueError."""
    try:
        return msgspec.json.decode(content, type=Message)
    except (msgspec.DecodeError, UnicodeDecodeError):
        document = json.loads(content.decode("utf-8", "surrogatepass"))
        return msgspec.convert(document, type=Message)


def _storable(text: str) -> str:
    """Return the text as it can be put into UTF-8: half an emoji becomes a question mark."""
    return text.encode("utf-8", "replace").decode()


def _unknown(session_id: str) -> UsageError:
    return UsageError(
        f"There is no conversation {session_id!r}.", remedy="`hermes` begins a new one."
    )
