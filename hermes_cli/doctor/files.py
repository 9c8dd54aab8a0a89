"""The home on disk: who may read it, what killed writers left there, whether SQLite is whole."""

import contextlib
import os
import stat
import sys
from pathlib import Path

from agent.database import connect_reading
from agent.errors import BrokenFile, ConfigurationError, CorruptFile
from hermes_cli import storage
from hermes_cli.config import get_config_path, get_env_path, get_keys_path, get_state_path
from hermes_cli.doctor.findings import Finding, Fix, Level, broken, failed, found, warned
from hermes_cli.file_notices import open_paths

_LOCK_SECONDS = 2.0
"""How long a look at SQLite, or a fix, waits for another writer."""

_OTHERS = 0o077
_SETS_ASIDE = "`hermes status` sets it aside under another name and begins a new one."


def look_at_files(home: Path) -> list[Finding]:
    """Return what is found of the home and of our files in it; nothing is changed."""
    if not home.exists():
        return [found("files", "home", f"{storage.shown(home)} is not there yet")]
    if not os.access(home, os.R_OK | os.W_OK | os.X_OK):
        return [_forbidden(home, "home")]
    is_open = {path: (mode, complaint) for path, mode, complaint in open_paths(home)}
    files = (get_env_path(), get_keys_path(), get_config_path(), get_state_path())
    findings = [_of_path(path, is_open.get(path)) for path in (home, *files) if path.exists()]
    return [*findings, *_of_lock(home), *_of_database(get_state_path())]


def _of_path(path: Path, is_open: tuple[int, str] | None) -> Finding:
    """Return how one path stands: what it is, who may read it, whether we may write it."""
    subject = "home" if path.is_dir() and path == get_env_path().parent else path.name
    if subject != "home" and not path.is_file():
        return broken(
            "files",
            subject,
            f"{storage.shown(path)} is no plain file.",
            f"`{storage.look_line(path)}` shows what it is.",
        )
    # Other files are replaced, for which the home's permission counts; SQLite writes in place.
    if not os.access(path, os.R_OK | (os.W_OK if path == get_state_path() else 0)):
        return _forbidden(path, subject)
    mode = stat.S_IMODE(path.stat().st_mode)
    if path == get_state_path() and mode & _OTHERS and sys.platform != "win32":
        is_open = (0o600, "holds conversations and is open to others on this machine")
    if is_open is not None:
        return _open(path, subject, *is_open)
    return found("files", subject, f"{storage.shown(path)} ({mode:o})")


def _forbidden(path: Path, subject: str) -> Finding:
    return warned(
        "files",
        subject,
        f"You may not read and write {storage.shown(path)}, so nothing is saved there.",
        f"`{storage.look_line(path)}` shows whose it is.",
    )


def _open(path: Path, subject: str, mode: int, complaint: str) -> Finding:
    command = f"chmod {mode:o} {storage.shell_path(path)}"
    return Finding(
        part="files",
        subject=subject,
        level=Level.WARNING,
        sentence=f"{storage.shown(path)} {complaint}.",
        remedy=f"`{command}` closes it.",
        fix=Fix(command, lambda: path.chmod(mode)),
    )


# --- writers ------------------------------------------------------------------------------


def _of_lock(home: Path) -> list[Finding]:
    """Return who holds the lock, or what killed writers left beside it."""
    lock = home / storage.LOCK_NAME
    try:
        with storage.locked(home, 0) if lock.exists() else contextlib.nullcontext():
            left = _leftovers()
    except ConfigurationError as error:
        if lock.is_dir():
            return [failed("files", "lock", error, level=Level.WARNING)]
        return [
            warned(
                "files",
                "lock",
                f"{storage.shown(lock)} is held by a process that writes just now.",
                f"`fuser -v {storage.shell_path(lock)}` names it.",
            )
        ]
    except OSError:  # nobody can write here, which is told of the home
        left = _leftovers()
    if not left:
        return []
    names = ", ".join(path.name for path in left[:3]) + (", ..." if len(left) > 3 else "")
    files = "a file" if len(left) == 1 else f"{len(left)} files"
    return [
        Finding(
            part="files",
            subject="leftovers",
            level=Level.WARNING,
            sentence=f"A writer that was killed left {files} in {storage.shown(home)}, which may "
            f"hold keys: {names}.",
            remedy="`hermes doctor --fix` removes that; so does the next change.",
            fix=Fix(f"remove {names}", lambda: _remove_leftovers(home)),
        )
    ]


def _leftovers() -> list[Path]:
    found_paths: list[Path] = []
    for path in (get_env_path(), get_keys_path(), get_config_path()):
        with contextlib.suppress(OSError):  # links in a circle, which reading the file tells
            target = storage.resolved(path)
            found_paths += target.parent.glob(f".{target.name}.hermes-kimi-*")
    return sorted(found_paths)


def _remove_leftovers(home: Path) -> None:
    with storage.locked(home, _LOCK_SECONDS):
        for path in _leftovers():
            path.unlink(missing_ok=True)


# --- SQLite -------------------------------------------------------------------------------


def _of_database(path: Path) -> list[Finding]:
    """Return whether the SQLite file is whole, as SQLite's own check says."""
    if not path.is_file():
        return []
    import sqlite3

    shown = storage.shown(path)
    try:
        with contextlib.closing(connect_reading(path, _LOCK_SECONDS)) as database:
            [(said,)] = database.execute("pragma quick_check(1)").fetchall()
    except sqlite3.OperationalError as error:
        look = f"`{storage.look_line(path)}` shows who may read it."
        return [warned("files", "database", f"{shown} could not be looked at: {error}.", look)]
    except sqlite3.DatabaseError as error:
        said = str(error)
    if said == "ok":
        return [found("files", "database", f"SQLite finds {path.name} whole")]
    return [
        broken(
            "files",
            "database",
            f"{shown} is damaged: {said}. It holds conversations and what endpoints told us.",
            _SETS_ASIDE,
        )
    ]


def unread(error: BrokenFile) -> Finding:
    """Return that nobody can read what endpoints told us, though SQLite finds the file whole."""
    if isinstance(error, CorruptFile):
        return broken("files", "database", error.message, _SETS_ASIDE)
    return failed("files", "database", error)
