"""Who goes on with a conversation: one process at a time, and another goes on in a copy."""

import os
import uuid
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Self

import msgspec

from agent.errors import ConfigurationError, UsageError
from agent.sessions import Session, Sessions
from hermes_cli.config import get_hermes_home
from hermes_cli.storage import reason, shown

if TYPE_CHECKING:
    import filelock

DIRECTORY = "sessions"
"""Below the home: an empty file for each conversation that a process has open."""


class Lease:
    """
    Holds a conversation for as long as the process lives, however it ends.

    The kernel lets go of it with the process, kill -9 included: a file that was left behind
    holds nothing.
    """

    def __init__(self) -> None:
        self._lock: filelock.BaseFileLock | None = None

    def __enter__(self) -> Self:
        """Return itself."""
        return self

    def __exit__(self, *_: object) -> None:
        """Let go."""
        self.release()

    def take(self, session_id: str) -> bool:
        """
        Hold a conversation instead of the one before; False if another process has it.

        Then the one before is held on. Raises ConfigurationError if the home cannot be used.
        """
        import filelock

        path = get_hermes_home() / DIRECTORY / f"{session_id}.lock"
        lock = filelock.FileLock(path, timeout=0, mode=0o600)
        try:
            path.parent.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            path.parent.mkdir(mode=0o700, exist_ok=True)
            lock.acquire()
        except filelock.Timeout:
            return False
        except OSError as error:
            raise ConfigurationError(
                f"{shown(path)} cannot be used: {reason(error)}.",
                remedy=f"`ls -ld {shown(path.parent)}` shows who may write there.",
            ) from error
        self.release()
        self._lock = lock
        return True

    def release(self) -> None:
        """Let go of what is held; again is harmless."""
        lock, self._lock = self._lock, None
        if lock is not None:
            # While it is held: who waits for it finds the file gone, and makes a new one.
            with suppress(OSError):
                os.unlink(lock.lock_file)  # noqa: PTH108 - it is a text
            lock.release()


class Opened(msgspec.Struct, frozen=True):
    """
    The conversation a process goes on with, and the lease of it.

    `resumed` says that something is stored of it. `notice` is a sentence the user must see,
    or empty.
    """

    session_id: str
    lease: Lease
    resumed: bool = False
    notice: str = ""


def begin() -> Opened:
    """Return a new conversation, of which nothing is stored before its first message."""
    session_id, lease = uuid.uuid4().hex, Lease()
    lease.take(session_id)
    return Opened(session_id, lease)


def go_on(
    sessions: Sessions, directory: Path, *, clock: Callable[[], str], beginning: str = ""
) -> Opened:
    """
    Return the last conversation of a directory, or the one whose id begins so.

    If another process has it, this one goes on in a copy, which is told. Raises UsageError if
    there is none.
    """
    session = sessions.find(beginning) if beginning else _last(sessions, directory)
    lease = Lease()
    if lease.take(session.id):
        return Opened(session.id, lease, resumed=True)
    copy = sessions.fork(session.id, at=clock())
    lease.take(copy)
    notice = (
        f"The conversation {session.id[:12]} is open in another process: this one goes on in a "
        f"copy of it, {copy[:12]}."
    )
    return Opened(copy, lease, resumed=True, notice=notice)


def _last(sessions: Sessions, directory: Path) -> Session:
    session = sessions.last(directory)
    if session is None:
        raise UsageError(
            f"No conversation was begun in {shown(directory)}.",
            remedy="`hermes sessions --all` lists those of all directories.",
        )
    return session
