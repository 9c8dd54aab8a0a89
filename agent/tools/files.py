"""Files of a workspace: which may be touched, whether they changed, and writing them whole."""

import asyncio
import difflib
import errno
import os
import stat
import sys
import threading
from collections.abc import Callable
from contextlib import suppress
from hashlib import sha256
from pathlib import Path
from secrets import token_hex
from typing import TypeVar

from agent.tools.base import ToolError, Workspace
from agent.tools.text import Text, decoded, kind_of, named

LARGEST_TEXT_BYTES = 16 * 1024 * 1024
"""What is changed in memory; a larger file is a program's to change."""

HASHED_BYTES = 64 * 1024 * 1024
"""A larger file's digest is of its size and times: its bytes would take too long."""

_CHUNK_BYTES = 1024 * 1024
_FULL = {errno.ENOSPC, errno.EFBIG, errno.EDQUOT}

T = TypeVar("T")
Stopped = Callable[[], bool]
"""Says whether what is being done in a thread should end."""


async def in_thread(work: Callable[[Stopped], T]) -> T:
    """Do what may take long, in a thread; cancelled, it is told to stop and not waited for."""
    stop = threading.Event()
    try:
        return await asyncio.to_thread(work, stop.is_set)
    finally:
        stop.set()


def reachable(workspace: Workspace, text: str) -> Path:
    """
    Return the resolved path of what a model named. Raises ToolError for what it may never see.

    That is what is in a private directory, our own scratch files excepted, and what the kernel
    shows of processes: their environment holds keys.
    """
    path = workspace.path(text)
    if is_private(workspace, path):
        raise ToolError(f"{named(text)} is private: tools never touch it.")
    return path


def is_private(workspace: Workspace, path: Path) -> bool:
    """Say whether a resolved path is one that tools never touch."""
    if path.is_relative_to(workspace.scratch):
        return False
    if path.parts[1:2] == ("proc",) and len(path.parts) > 2:
        of_process = path.parts[2]
        return of_process.isdigit() or of_process in ("self", "thread-self")
    return any(path.is_relative_to(directory) for directory in workspace.private)


def status(path: Path, shown: str) -> os.stat_result:
    """Return what the kernel says of a path. Raises ToolError, with names like a missing one."""
    try:
        return path.stat()
    except FileNotFoundError as error:
        raise ToolError(f"There is no {shown}.{_names_like(path)}") from error
    except OSError as error:
        raise ToolError(f"{shown} cannot be read: {error.strerror}.") from error


def is_there(path: Path, shown: str) -> bool:
    """Say whether a file is there. Raises ToolError if it is no file, or nobody can tell."""
    try:
        mode = path.stat().st_mode
    except FileNotFoundError:
        return False
    except NotADirectoryError as error:
        above = next(each for each in path.parents if each.exists())
        raise ToolError(f"{shown} cannot be there: {named(str(above))} is no directory.") from error
    except OSError as error:
        raise ToolError(f"{shown} cannot be read: {error.strerror}.") from error
    check_regular(mode, shown)
    return True


def check_regular(mode: int, shown: str) -> None:
    """Raise ToolError for what is neither a file nor a link to one: reading it may never end."""
    if stat.S_ISDIR(mode):
        raise ToolError(f"{shown} is a directory.")
    if not stat.S_ISREG(mode):
        raise ToolError(f"{shown} is no file but a device, a pipe or a socket.")


def digest(path: Path) -> str:
    """Return what changes when a file's bytes change. Raises OSError."""
    with path.open("rb") as file:
        known = os.fstat(file.fileno())
        if known.st_size > HASHED_BYTES:
            return f"{known.st_ino}:{known.st_size}:{known.st_mtime_ns}"
        hashed = sha256()
        while chunk := file.read(_CHUNK_BYTES):
            hashed.update(chunk)
    return hashed.hexdigest()


def check_unchanged(workspace: Workspace, path: Path) -> None:
    """Raise ToolError if a file has changed since it was read or written here."""
    known = workspace.read.get(path)
    shown = named(workspace.shown(path))
    if known is None or not is_there(path, shown):
        return
    try:
        now = digest(path)
    except OSError as error:
        raise ToolError(f"{shown} cannot be read: {error.strerror}.") from error
    if now != known:
        raise ToolError(
            f"{shown} has changed since it was read here, not by read, write or edit. "
            "Nothing was done. Read it again first."
        )


def load(path: Path, shown: str) -> tuple[bytes, Text]:
    """Return a file's bytes and text. Raises ToolError if it is none, or too large to change."""
    check_regular(status(path, shown).st_mode, shown)
    try:
        with path.open("rb") as file:
            content = file.read(LARGEST_TEXT_BYTES + 1)
    except OSError as error:
        raise ToolError(f"{shown} cannot be read: {error.strerror}.") from error
    if len(content) > LARGEST_TEXT_BYTES:
        raise ToolError(
            f"{shown} is larger than {LARGEST_TEXT_BYTES >> 20} MiB; change it by a program."
        )
    text = decoded(content)
    if text is None:
        raise ToolError(f"{shown} is {kind_of(content)}, {len(content):,} bytes, and no text.")
    return content, text


def store(path: Path, content: bytes, shown: str) -> None:
    """
    Write a file whole or not at all, with its directories; mode and owner stay as they are.

    A new file beside it takes its place, so its other hard links keep the old bytes. `path`
    has its links followed. Raises ToolError; what was there is there still then.
    """
    temporary = path.with_name(f".hermes-{token_hex(8)}")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with temporary.open("xb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        _take_owner_and_mode(temporary, path)
        temporary.replace(path)
    except OSError as error:
        reason = "the disk is full" if error.errno in _FULL else error.strerror
        raise ToolError(f"{shown} cannot be written: {reason}. Nothing was changed.") from error
    finally:
        with suppress(OSError):
            temporary.unlink()


def _take_owner_and_mode(new: Path, old: Path) -> None:
    """Give a new file the owner and mode of the one it replaces, if there is one."""
    try:
        known = old.stat()
    except FileNotFoundError:
        return
    if sys.platform != "win32":
        # Only root may give a file away.
        with suppress(PermissionError):
            os.chown(new, known.st_uid, known.st_gid)
    new.chmod(stat.S_IMODE(known.st_mode))


def _names_like(path: Path) -> str:
    """Return a sentence with the names beside a missing path that are like its own."""
    try:
        beside = [each.name for each in path.parent.iterdir()]
    except OSError:
        return ""
    like = difflib.get_close_matches(path.name, beside, n=3)
    return f" There is {', '.join(named(name) for name in like)}." if like else ""
