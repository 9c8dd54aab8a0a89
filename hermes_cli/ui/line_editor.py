"""The prompt of a conversation: editing, several lines, and a history that outlives it."""

import contextlib
import sqlite3
from collections.abc import Iterable
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Protocol

from prompt_toolkit import PromptSession
from prompt_toolkit.history import History
from prompt_toolkit.key_binding import KeyBindings, KeyPressEvent
from prompt_toolkit.output import create_output
from prompt_toolkit.output.vt100 import Vt100_Output

from agent.database import opened
from agent.errors import BrokenFile

KEPT_LINES = 1_000
"""How many lines the history holds."""

_SCHEMA = "create table if not exists typed_lines (id integer primary key, text text not null)"
_PROMPT = "> "
_LOCK_SECONDS = 2.0


class Dropped(Protocol):
    """Makes the exception that Ctrl-C raises."""

    def __call__(self, *, had_text: bool) -> Exception:
        """Return the exception; `had_text` says whether something was typed."""


class _Interrupted(Exception):
    """Ctrl-C was pressed."""


class LineHistory(History):
    """
    The lines typed in all conversations, in a table of our SQLite file.

    Read once, when it is made; raises BrokenFile if the file is there and cannot be read.
    Each line is written when it is sent, so that two conversations lose none.
    """

    def __init__(self, path: Path) -> None:
        super().__init__()
        self._path = path
        self._newest_first = self._read() if path.exists() else []

    def load_history_strings(self) -> Iterable[str]:
        """Return the lines, the newest first."""
        return self._newest_first

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


class TerminalEditor:
    """A prompt on this terminal."""

    def __init__(self, history: History, dropped: Dropped) -> None:
        self._dropped = dropped
        output = create_output()
        if isinstance(output, Vt100_Output):
            # Nothing here needs the cursor's place, and terminals that do not answer the question
            # cost two seconds and a warning.
            output.enable_cpr = False
        self._session: PromptSession[str] = PromptSession(
            _PROMPT,
            multiline=True,
            prompt_continuation=" " * len(_PROMPT),
            history=history,
            key_bindings=_key_bindings(),
            interrupt_exception=_Interrupted,
            output=output,
        )

    async def read(self) -> str:
        """Return what was typed; raises EOFError at Ctrl-D and `dropped` at Ctrl-C."""
        try:
            return storable(await self._session.prompt_async())
        except _Interrupted:
            raise self._dropped(had_text=bool(self._session.default_buffer.text)) from None


def open_line_editor(path: Path, *, dropped: Dropped) -> TerminalEditor:
    """
    Return a prompt whose history is kept in the SQLite file `path`.

    `dropped` makes the exception for Ctrl-C. Raises BrokenFile.
    """
    return TerminalEditor(LineHistory(path), dropped)


def storable(text: str) -> str:
    """Return the text as it can be put into UTF-8: bytes that were none become U+FFFD."""
    return text.encode("utf-8", "surrogateescape").decode("utf-8", "replace")


def _key_bindings() -> KeyBindings:
    bindings = KeyBindings()

    @bindings.add("enter")
    def _send(event: KeyPressEvent) -> None:
        event.current_buffer.validate_and_handle()

    @bindings.add("escape", "enter")
    @bindings.add("c-j")
    def _new_line(event: KeyPressEvent) -> None:
        event.current_buffer.insert_text("\n")

    return bindings
