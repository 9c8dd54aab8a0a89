"""The one SQLite file of a home: how it is opened, and what is said when it cannot be."""

import contextlib
import os
import shlex
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
# SQLite's own numbers for them; its module is not loaded yet.
_IO_ERROR, _DISK_FULL = 10, 13
_FULL = (_IO_ERROR, _DISK_FULL)


class _ForeignValueError(ValueError):
    """A row holds a value of a kind that we never write."""


@contextlib.contextmanager
def opened(
    path: Path, schema: str, *, wait_seconds: float = LOCK_SECONDS
) -> "Iterator[sqlite3.Connection]":
    """
    Give a connection with the tables of `schema` there; commit at the end, or undo on an error.

    `schema` creates what is missing and nothing else. The file (0600) and its directory
    (0700) are made if they are not there; one that may not be written can be read. Writers
    wait for each other, for `wait_seconds` at most; readers wait for nobody. Raises BrokenFile,
    also for what the caller's own statements run into, and CorruptFile if the file is damaged;
    it is left as it is.
    """
    import sqlite3  # here, so that a start without a file does not load it

    failure: Exception | None = None
    try:
        connection, failure = _prepared(path, schema, wait_seconds)
        try:
            with connection:
                yield connection
        finally:
            connection.close()
    # The library decodes its own complaint about a damaged name, and fails at that with a
    # UnicodeDecodeError (seen with Python 3.11, 2026-11-22).
    except (sqlite3.Error, OSError, UnicodeDecodeError, _ForeignValueError) as error:
        kind = CorruptFile if _is_damage(error) else BrokenFile
        cause = failure if failure and _code(error) == sqlite3.SQLITE_READONLY else error
        said = (isinstance(cause, OSError) and cause.strerror) or cause
        raise kind(f"{path} cannot be used: {said}.", remedy=_remedy(path, cause)) from error


def _prepared(
    path: Path, schema: str, wait_seconds: float
) -> "tuple[sqlite3.Connection, sqlite3.Error | None]":
    """Return a connection with all tables, and why it only reads a file that we may write."""
    import sqlite3

    failure: sqlite3.Error | None = None
    if not path.is_file() or _may_write(path):
        connection = _connect(path, wait_seconds)
        try:
            _write_ahead(connection)
            connection.executescript(schema)
        except sqlite3.Error as error:
            connection.close()
            # Even for reading, files are made beside it. An empty one has nothing to be read.
            if _code(error) not in _FULL or not path.stat().st_size:
                raise
            failure = error
        else:
            return connection, None
    connection = connect_reading(path, wait_seconds)
    try:
        _stand_in(connection, schema)
    except BaseException:
        connection.close()
        raise
    return connection, failure


def connect_reading(path: Path, wait_seconds: float) -> "sqlite3.Connection":
    """
    Return a connection that reads and never writes, also where nobody may.

    Raises sqlite3.Error.
    """
    import sqlite3

    address = f"{path.absolute().as_uri()}?mode=ro"
    connection = sqlite3.connect(address, timeout=wait_seconds, uri=True)
    try:
        connection.execute("pragma schema_version").close()
    except sqlite3.OperationalError:
        # Beside a file with a write-ahead log stands its index, which cannot be made here. A
        # file whose log is empty is whole: nobody is writing (SQLite 3.40, 2026-11).
        connection.close()
        log = path.with_name(path.name + _COMPANIONS[0])
        if log.exists() and log.stat().st_size:
            raise
        return sqlite3.connect(f"{address}&immutable=1", uri=True)
    except sqlite3.Error:
        connection.close()
        raise
    return connection


def _stand_in(connection: "sqlite3.Connection", schema: str) -> None:
    """Put empty tables in the place of those that a file lacks which may not be written."""
    import sqlite3

    query = "select name, sql from sqlite_master where type = 'table' and name not like 'sqlite_%'"
    connection.execute("pragma temp_store = memory")
    there = dict(connection.execute(query))
    with contextlib.closing(sqlite3.connect(":memory:")) as whole:
        whole.executescript(schema)
        for name, statement in whole.execute(query):
            if name not in there:
                connection.execute(statement.replace("CREATE TABLE", "CREATE TEMP TABLE", 1))
    # What is put into them is refused as it is for the others: nothing of it would be kept.
    connection.execute("pragma query_only = on")


def _connect(path: Path, wait_seconds: float) -> "sqlite3.Connection":
    """Return a connection that writes; the file is made if it is not there."""
    import sqlite3

    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    path.touch(mode=0o600)
    return sqlite3.connect(path, timeout=wait_seconds)


def _may_write(path: Path) -> bool:
    """Say whether we may write a file, and beside it."""
    return os.access(path, os.W_OK) and os.access(path.parent, os.W_OK)


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

    folder, file = shlex.quote(str(path.parent)), shlex.quote(str(path))
    if isinstance(error, OSError):
        return f"`ls -ld {folder} {file}` shows who may write there."
    primary = _code(error)
    if primary in (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED):
        return f"Another process holds it: `fuser -v {file}` names it. Then try again."
    if primary in _FULL:
        return f"`df -h {folder}` shows how full the disk is."
    if primary in (sqlite3.SQLITE_READONLY, sqlite3.SQLITE_CANTOPEN, sqlite3.SQLITE_PERM):
        return f"`ls -ld {folder} {file}` shows who may write there."
    return (
        f"It holds conversations, the lines you typed and what endpoints told us: move it away "
        f"with `mv {file} {shlex.quote(f'{path}.broken')}`, and a new one is made."
    )
