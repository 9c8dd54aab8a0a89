"""The one SQLite file of a home: how it is opened, and what is said when it cannot be."""

import contextlib
from collections.abc import Iterator
from pathlib import Path
from types import UnionType
from typing import TYPE_CHECKING, Any

from agent.errors import BrokenFile, CorruptFile

if TYPE_CHECKING:
    import sqlite3

LOCK_SECONDS = 10.0
"""How long another process may hold the file before we give up."""

_COMPANIONS = ("-wal", "-shm")


class _ForeignValueError(ValueError):
    """A row holds a value of a kind that we never write."""


@contextlib.contextmanager
def opened(
    path: Path, schema: str, *, wait_seconds: float = LOCK_SECONDS
) -> "Iterator[sqlite3.Connection]":
    """
    Give a connection with the tables of `schema` there; commit at the end, or undo on an error.

    `schema` creates what is missing and nothing else. The file (0600) and its directory
    (0700) are made if they are not there. Writers wait for each other, for `wait_seconds` at
    most; readers wait for nobody. Raises BrokenFile, also for what the caller's own statements
    run into, and CorruptFile if the file is damaged; it is left as it is.
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
    # The library decodes its own complaint about a damaged name, and fails at that with a
    # UnicodeDecodeError (seen with Python 3.11, 2026-11-22).
    except (sqlite3.Error, OSError, UnicodeDecodeError, _ForeignValueError) as error:
        kind = CorruptFile if _is_damage(error) else BrokenFile
        raise kind(f"{path} cannot be used: {error}.", remedy=_remedy(path, error)) from error


def rows(
    connection: "sqlite3.Connection",
    query: str,
    *kinds: type | UnionType,
    values: tuple[str, ...] = (),
) -> Iterator[tuple[Any, ...]]:
    """
    Yield the rows of a query, whose columns are of these kinds; `values` fill its marks.

    Inside of `opened`, a value of another kind, which only damage can have put there, ends
    in CorruptFile.
    """
    for row in connection.execute(query, values):
        for value, kind in zip(row, kinds, strict=True):
            if not isinstance(value, kind):
                raise _ForeignValueError(f"a column holds {type(value).__name__}, which it cannot")
        yield row


def set_aside(path: Path, mark: str) -> Path:
    """
    Rename the file, and what SQLite keeps beside it, to `NAME.MARK`; return the new path.

    A name that is taken gets a number. The caller sees to it that nobody else does the same
    at the same time. Raises OSError.
    """
    wanted = aside = path.with_name(f"{path.name}.{mark}")
    number = 1
    while aside.exists():
        number += 1
        aside = wanted.with_name(f"{wanted.name}-{number}")
    # The file itself goes last: a new one must not find what stood beside the old.
    for suffix in _COMPANIONS:
        beside = path.with_name(path.name + suffix)
        with contextlib.suppress(FileNotFoundError):
            beside.rename(aside.with_name(aside.name + suffix))
    return path.rename(aside)


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


def _is_damage(error: Exception) -> bool:
    """Say whether an error means that the bytes of the file are wrong, whoever wrote them."""
    import sqlite3

    if isinstance(error, sqlite3.Error):
        # "Could not decode to UTF-8 column …" is the one error of a query without a code.
        undecodable = isinstance(error, sqlite3.OperationalError)
        code = _code(error)
        damage = (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB)
        return undecodable if code is None else code in damage
    return not isinstance(error, OSError)


def _code(error: Exception) -> int | None:
    """Return SQLite's primary code of an error, if it has one."""
    code = getattr(error, "sqlite_errorcode", None)
    return None if code is None else int(code) & 0xFF


def _remedy(path: Path, error: Exception) -> str:
    """Return what to do about an error: only a file that is no database is to be moved away."""
    import sqlite3

    if isinstance(error, OSError):
        return f"`ls -ld {path.parent} {path}` shows who may write there."
    primary = _code(error)
    if primary in (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED):
        return f"Another process holds it: `fuser -v {path}` names it. Then try again."
    if primary in (sqlite3.SQLITE_FULL, sqlite3.SQLITE_IOERR):
        return f"`df -h {path.parent}` shows how full the disk is."
    if primary in (sqlite3.SQLITE_READONLY, sqlite3.SQLITE_CANTOPEN, sqlite3.SQLITE_PERM):
        return f"`ls -ld {path.parent} {path}` shows who may write there."
    return (
        f"It holds conversations, the lines you typed and what endpoints told us: move it away "
        f"with `mv {path} {path}.broken`, and a new one is made."
    )
