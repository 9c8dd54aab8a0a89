"""The one SQLite file of a home: how it is opened, and what is said when it cannot be."""

import contextlib
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from agent.errors import BrokenFile

if TYPE_CHECKING:
    import sqlite3

LOCK_SECONDS = 10.0
"""How long another process may hold the file before we give up."""


@contextlib.contextmanager
def opened(
    path: Path, schema: str, *, wait_seconds: float = LOCK_SECONDS
) -> "Iterator[sqlite3.Connection]":
    """
    Give a connection with the tables of `schema` there; commit at the end, or undo on an error.

    `schema` creates what is missing and nothing else. The file (0600) and its directory
    (0700) are made if they are not there. Writers wait for each other, for `wait_seconds` at
    most; readers wait for nobody. Raises BrokenFile, also for what the caller's own statements
    run into; the file is left as it is.
    """
    import sqlite3  # here, so that a start without a file does not load it

    try:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        path.touch(mode=0o600)
        connection = sqlite3.connect(path, timeout=wait_seconds)
        try:
            _write_ahead(connection)
            with connection:
                connection.executescript(schema)
                yield connection
        finally:
            connection.close()
    except (sqlite3.Error, OSError) as error:
        raise BrokenFile(f"{path} cannot be used: {error}.", remedy=_remedy(path, error)) from error


def _write_ahead(connection: "sqlite3.Connection") -> None:
    """Let readers go on while somebody writes, from the first time on; the file remembers it."""
    import sqlite3

    [mode] = connection.execute("pragma journal_mode").fetchone()
    if mode == "wal":
        return
    # The change wants the file for itself and does not wait (seen with SQLite 3.40); without
    # it everything holds too, only slower, and the next to open the file tries again.
    with contextlib.suppress(sqlite3.OperationalError):
        connection.execute("pragma journal_mode = wal")


def _remedy(path: Path, error: Exception) -> str:
    """Return what to do about an error: only a file that is no database is to be moved away."""
    import sqlite3

    if isinstance(error, OSError):
        return f"`ls -ld {path.parent} {path}` shows who may write there."
    code = getattr(error, "sqlite_errorcode", None)
    primary = code & 0xFF if code is not None else None
    if primary in (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED):
        return f"Another process holds it: `fuser -v {path}` names it. Then try again."
    if primary == sqlite3.SQLITE_FULL:
        return f"`df -h {path.parent}` shows how full the disk is."
    if primary in (sqlite3.SQLITE_READONLY, sqlite3.SQLITE_CANTOPEN, sqlite3.SQLITE_PERM):
        return f"`ls -ld {path.parent} {path}` shows who may write there."
    return (
        f"It holds conversations, the lines you typed and what endpoints told us: move it away "
        f"with `mv {path} {path}.broken`, and a new one is made."
    )
