"""The lines that were typed, kept for all conversations, and what Ctrl-C makes of one."""

import contextlib
import sqlite3
from collections.abc import Callable, Iterable
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Protocol

from prompt_toolkit.history import History

from agent.database import opened
from agent.errors import BrokenFile

KEPT_LINES = 1_000
"""How many lines the history holds."""

_SCHEMA = "create table if not exists typed_lines (id integer primary key, text text not null)"
_LOCK_SECONDS = 2.0


class Dropped(Protocol):
    """Makes the exception that Ctrl-C raises."""

    def __call__(self, *, had_text: bool) -> Exception:
        """Return the exception; `had_text` says whether something was typed."""


class LineHistory(History):
    """
    The lines typed in all conversations, in a table of our SQLite file.

    Read once, when it is made; raises BrokenFile if the file is there and cannot be read.
    Each line is written when it is sent, so that two conversations lose none. `kept_as` says
    what is kept of a line; empty is nothing.
    """

    def __init__(self, path: Path) -> None:
        super().__init__()
        self.kept_as: Callable[[str], str] = str
        self._path = path
        self._newest_first = self._read() if path.exists() else []

    def load_history_strings(self) -> Iterable[str]:
        """Return the lines, the newest first."""
        return self._newest_first

    def append_string(self, string: str) -> None:
        """Keep what is to be kept of a line."""
        kept = self.kept_as(string)
        if kept:
            super().append_string(kept)

    def store_string(self, string: str) -> None:
        """Keep a line, and drop the oldest beyond the limit."""
        line = storable(string)
        # A full or locked disk must not take the line that was just typed: it is sent, and
        # stays in this conversation's memory.
        with contextlib.suppress(BrokenFile), self._open() as database:
            newest = "select text from typed_lines order by id desc limit 1"
            if database.execute(newest).fetchone() == (line,):
                return
            database.execute("insert into typed_lines (text) values (?)", (line,))
            database.execute(
                "delete from typed_lines where id <= (select max(id) from typed_lines) - ?",
                (KEPT_LINES,),
            )

    def _read(self) -> list[str]:
        with self._open() as database:
            lines = database.execute("select text from typed_lines order by id desc")
            return [text for (text,) in lines]

    def _open(self) -> AbstractContextManager[sqlite3.Connection]:
        return opened(self._path, _SCHEMA, wait_seconds=_LOCK_SECONDS)


def forget_lines(path: Path, lines: Iterable[str]) -> None:
    """Take lines out of the history, and out of the file. Raises BrokenFile."""
    with opened(path, _SCHEMA, wait_seconds=_LOCK_SECONDS) as database:
        # Without this they would stay in the unused parts of the file.
        database.execute("pragma secure_delete = on")
        said = [(storable(line),) for line in lines]
        database.executemany("delete from typed_lines where text = ?", said)


def storable(text: str) -> str:
    """Return the text as it can be put into UTF-8: bytes that were none become U+FFFD."""
    return text.encode("utf-8", "surrogateescape").decode("utf-8", "replace")
