"""The tables of the conversations: opened, and brought up to date if an older version made them."""

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

from agent.database import opened
from agent.messages import Message
from agent.session_rows import SCHEMA, SUMMARY, decoded, title_of, words_of

if TYPE_CHECKING:
    import sqlite3

# What files from before titles, forks and searching lack (0.1.0, until 2026-11-22).
_LATER_COLUMNS = (
    ("sessions", "title", "text not null default ''"),
    ("sessions", "forked_from", "text not null default ''"),
    ("session_messages", "made_by", "text"),
)


@contextmanager
def open_tables(path: Path) -> "Iterator[sqlite3.Connection]":
    """Give a connection as `opened` does, with every column there. Raises BrokenFile."""
    with opened(path, SCHEMA) as database:
        if _missing(database):
            _bring_up_to_date(database)
        yield database


def note_words(
    database: "sqlite3.Connection", session_id: str, position: int, role: str, message: Message
) -> None:
    """Store what can be searched for in a message, and the conversation's title if it has none."""
    text = words_of(message)
    if text and role not in (SUMMARY, "system"):
        database.execute(
            "insert into session_texts (session_id, position, text) values (?, ?, ?)",
            (session_id, position, text),
        )
    if role == "user":
        database.execute(
            "update sessions set title = ? where id = ? and title = ''",
            (title_of(message), session_id),
        )


def _missing(database: "sqlite3.Connection") -> list[tuple[str, str, str]]:
    """Return the columns that are not there."""
    query = "select name from pragma_table_info(?)"
    there = {
        (table, name)
        for table in {table for table, *_ in _LATER_COLUMNS}
        for (name,) in database.execute(query, (table,))
    }
    return [each for each in _LATER_COLUMNS if each[:2] not in there]


def _bring_up_to_date(database: "sqlite3.Connection") -> None:
    """Add the columns, and note what was said before there were any; all of it, or nothing."""
    database.execute("begin immediate")
    missing = _missing(database)  # once more: another process may have been at it
    for table, column, kind in missing:
        database.execute(f"alter table {table} add column {column} {kind}")
    if missing:
        query = "select session_id, position, role, message from session_messages order by rowid"
        for session_id, position, role, content in database.execute(query).fetchall():
            # A message that cannot be read is told where it is asked for.
            with suppress(msgspec.DecodeError, ValueError):
                note_words(database, session_id, position, role, decoded(content))
    database.commit()
