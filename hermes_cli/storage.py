"""The home's files on disk: their grammar, and changes that keep every other byte."""

import errno
import os
import re
import stat
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

from agent.errors import BrokenFile, ConfigurationError
from hermes_cli.dotenv import BOM, check_value

if TYPE_CHECKING:
    from tomlkit.container import Container

Setting = str | Sequence[str] | None
"""What a setting can be: a text, a list of texts, or None, which removes it."""

LOCK_NAME = ".hermes-kimi.lock"
_TEMPORARY = ".hermes-kimi-"
_LOCK_SECONDS = 10.0
# Nobody's settings are this long; a device or a dump under our name would fill the memory.
_LIMIT_BYTES = 1024 * 1024


def shown(path: Path) -> str:
    """Return the path as the user would type it: with `~` where it is in their home."""
    with suppress(RuntimeError, ValueError):
        return str(Path("~") / path.relative_to(Path.home()))
    return str(path)


def shell_path(path: Path) -> str:
    """Return the path as a word for the shell, quoted where it must be."""
    text = shown(path)
    if re.fullmatch(r"[~A-Za-z0-9_./:\\-]+", text):
        return text
    if sys.platform == "win32":
        return f'"{path}"'
    import shlex

    return shlex.quote(str(path))


def edit_line(path: Path) -> str:
    """Return the command that opens the file in an editor."""
    editor = "notepad" if sys.platform == "win32" else "${EDITOR:-vi}"
    return f"{editor} {shell_path(path)}"


def look_line(path: Path) -> str:
    """Return the command that shows whose the path is and who may do what with it."""
    command = "icacls" if sys.platform == "win32" else "ls -ld"
    return f"{command} {shell_path(path)}"


def read_text(path: Path) -> str:
    """
    Return a file's text with its line ends as they are; a missing file is empty.

    Raises BrokenFile for one that cannot be read, is no UTF-8, or is longer than 1 MiB, and
    for a pipe, which nobody may ever write into.
    """
    try:
        if stat.S_ISFIFO(path.stat().st_mode):
            raise _no_plain_file(path)
        with path.open("rb") as file:
            content = file.read(_LIMIT_BYTES + 1)
    except FileNotFoundError:
        return ""
    except OSError as error:
        raise BrokenFile(
            f"{shown(path)} cannot be read: {reason(error)}.",
            remedy=f"`{look_line(path)}` shows who may read it.",
        ) from error
    if len(content) > _LIMIT_BYTES:
        raise BrokenFile(
            f"{shown(path)} is longer than 1 MiB, so it was not read.",
            remedy=f"`{look_line(path)}` shows what it is.",
        )
    try:
        return content.decode()
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        raise BrokenFile(
            f"{shown(path)} is not UTF-8 text: line {line} holds a byte that cannot be read.",
            remedy=f"`{edit_line(path)}` opens it: save it as UTF-8.",
        ) from error


def _no_plain_file(path: Path) -> BrokenFile:
    return BrokenFile(
        f"{shown(path)} is no plain file.", remedy=f"`{look_line(path)}` shows what it is."
    )


def reason(error: OSError) -> str:
    """Return what the operating system said, without the number and the path."""
    return error.strerror or str(error) or type(error).__name__


# --- config.toml --------------------------------------------------------------------------


def parse_settings(text: str, path: Path) -> dict[str, Any]:
    """
    Return the tables of a `config.toml`; `path` is where the text came from.

    Raises BrokenFile with the line and column where it cannot be parsed.
    """
    if not text.strip():
        return {}
    import tomllib

    try:
        return tomllib.loads(text.removeprefix(BOM))
    except (tomllib.TOMLDecodeError, RecursionError) as error:
        raise BrokenFile(
            f"{shown(path)} cannot be parsed: {error}.",
            remedy=f"`{edit_line(path)}` opens it; it was left untouched.",
        ) from error


def settings_line(text: str, wanted: Sequence[str]) -> int:
    """
    Return the line of a setting, or of a table, in a `config.toml` that parses, counted from 1.

    0 where it is not found: the text is scanned line by line, and a key inside a
    multi-line value can hide another.
    """
    table: tuple[str, ...] = ()
    for number, line in enumerate(text.removeprefix(BOM).split("\n"), start=1):
        stripped = line.strip()
        if stripped.startswith("["):
            table = _keys_of(stripped)
            if table == tuple(wanted):
                return number
        elif "=" in stripped:
            path = table + _keys_of(stripped.partition("=")[0] + "=0")
            if len(path) > len(table) and path == tuple(wanted[: len(path)]):
                return number
    return 0


def change_settings(text: str, changes: Mapping[tuple[str, ...], Setting], path: Path) -> str:
    """
    Return a TOML file's text with the settings set, or removed where the value is None.

    A path such as `("providers", "kimi-coding", "base_url")` names tables and a key; a value
    is a text or a list of texts. Comments and order stay; a table left with nothing in it
    goes. Raises BrokenFile if the text cannot be parsed, and ConfigurationError for a value
    with control characters, for a path through or to something that is no such thing, and
    for a text that cannot be changed without touching another setting.
    """
    import tomlkit
    from tomlkit.exceptions import TOMLKitError

    expected = parse_settings(text, path)
    for keys, value in changes.items():
        name = ".".join(keys)
        for part in (*keys, *_texts(value)):
            check_value(name, part)
        _change(expected, keys, value, path)
    mark = BOM if text.startswith(BOM) else ""
    try:
        document = tomlkit.parse(text.removeprefix(BOM))
        for keys, value in changes.items():
            _change_document(document, keys, value)
        changed = tomlkit.dumps(document)
        as_expected = _without_empty(parse_settings(changed, path)) == _without_empty(expected)
    except (TOMLKitError, BrokenFile, LookupError, TypeError, AttributeError) as error:
        raise _too_difficult(path) from error
    if not as_expected:
        raise _too_difficult(path)
    return mark + changed


def _texts(value: Setting) -> Sequence[str]:
    if value is None:
        return ()
    return (value,) if isinstance(value, str) else value


def _keys_of(line: str) -> tuple[str, ...]:
    # The parser reads one line better than a pattern would: quoted keys may hold dots.
    import tomllib

    try:
        found: object = tomllib.loads(line)
    except tomllib.TOMLDecodeError:
        return ()
    keys: list[str] = []
    while found and isinstance(found, dict | list):
        if isinstance(found, list):
            found = found[0]
        else:
            key, found = next(iter(found.items()))
            keys.append(key)
    return tuple(keys)


def _change(tables: dict[str, Any], keys: Sequence[str], value: Setting, path: Path) -> None:
    name = ".".join(keys)
    for key in keys[:-1]:
        inner = tables.get(key, {})
        if not isinstance(inner, dict):
            raise ConfigurationError(
                f"{name} cannot be changed: {key} is a value in {path.name}, and no table.",
                remedy="`hermes config path` shows where the file is.",
            )
        if value is not None:
            tables[key] = inner
        tables = inner
    if isinstance(tables.get(keys[-1]), dict):
        raise ConfigurationError(
            f"{name} is a table of settings in {path.name}, and no single one.",
            remedy=f"`hermes config get {name}` shows it; name one setting in it.",
        )
    if value is None:
        tables.pop(keys[-1], None)
    else:
        tables[keys[-1]] = value if isinstance(value, str) else list(value)


def _change_document(document: "Container", keys: Sequence[str], value: Setting) -> None:
    import tomlkit

    tables: list[Any] = [document]
    for depth, key in enumerate(keys[:-1], start=1):
        if key not in tables[-1]:
            if value is None:
                return
            tables[-1][key] = tomlkit.table(is_super_table=depth < len(keys) - 1)
        tables.append(tables[-1][key])
    if value is not None:
        # An equal value keeps its own spelling, quotes included.
        wanted = value if isinstance(value, str) else list(value)
        if tables[-1].get(keys[-1]) != wanted:
            tables[-1][keys[-1]] = wanted
        return
    if keys[-1] not in tables[-1]:
        return
    del tables[-1][keys[-1]]
    for depth in range(len(keys) - 1, 0, -1):
        emptied = tables[depth]
        if len(emptied) or emptied.as_string().strip(" \t\r\n{}"):
            return
        del tables[depth - 1][keys[depth - 1]]


def _without_empty(tables: dict[str, Any]) -> dict[str, Any]:
    kept = {k: _without_empty(v) if isinstance(v, dict) else v for k, v in tables.items()}
    return {key: value for key, value in kept.items() if value != {}}


def _too_difficult(path: Path) -> ConfigurationError:
    return ConfigurationError(
        f"{shown(path)} is written in a way that cannot be changed here without risk to its "
        "other settings: it was left untouched.",
        remedy=f"`{edit_line(path)}` opens it.",
    )


# --- writing ------------------------------------------------------------------------------


def rewrite(
    path: Path, edit: Callable[[str], str], *, timeout_seconds: float = _LOCK_SECONDS
) -> None:
    """
    Replace a file of the home by `edit(its text)`, in one step and for the owner alone.

    The home is made if it is missing, and locked from the reading to the writing, so two
    processes lose nothing of each other. A reader sees the old file or the new one, never a
    part. A symbolic link stays, and what it names is replaced. If nothing changes, nothing
    is written. Raises ConfigurationError with what the operating system said, or if the
    lock is not free within `timeout_seconds`; the file is then as it was.
    """
    try:
        if not path.parent.exists() and not edit(""):
            return
        _make_home(path.parent)
        with locked(path.parent, timeout_seconds):
            target = resolved(path)
            if target.exists() and not target.is_file():
                raise _no_plain_file(path)
            before = read_text(target)
            after = edit(before)
            if after != before:
                _sweep(path.parent, ".")
                _sweep(target.parent, f".{target.name}{_TEMPORARY}")
                _replace(target, after.encode())
    except OSError as error:
        full = error.errno in (errno.ENOSPC, errno.EDQUOT)
        look = look_line(path if path.is_symlink() else path.parent)
        look = f"df -h {shell_path(path.parent)}" if full else look
        raise ConfigurationError(
            f"{shown(path)} could not be written: {reason(error)}.",
            remedy=f"`{look}` shows why; the variable HERMES_HOME names another directory.",
        ) from error


def resolved(path: Path) -> Path:
    """Return where the path leads; OSError if its symbolic links form a loop."""
    try:
        return path.resolve()
    except RuntimeError as error:  # what Python before 3.13 makes of it
        raise OSError(errno.ELOOP, "its symbolic links form a loop") from error


def _make_home(home: Path) -> None:
    if home.is_dir():
        return
    with suppress(FileExistsError):
        home.mkdir(mode=0o700, parents=True)
        home.chmod(0o700)  # whatever the umask took away


@contextmanager
def locked(home: Path, timeout_seconds: float = _LOCK_SECONDS) -> Iterator[None]:
    """
    Hold the home, so that no other process changes its files meanwhile.

    A lock file that a dead process left holds nothing. Raises ConfigurationError if another
    process has it for `timeout_seconds`, and OSError.
    """
    import filelock

    if (home / LOCK_NAME).is_dir():
        raise ConfigurationError(
            f"{shown(home / LOCK_NAME)} is a directory, and should be our lock: nothing can be "
            "written.",
            remedy=f"`rmdir {shell_path(home / LOCK_NAME)}` removes it.",
        )
    lock = filelock.FileLock(home / LOCK_NAME, timeout=timeout_seconds, mode=0o600)
    try:
        lock.acquire()
    except filelock.Timeout as error:
        raise ConfigurationError(
            f"Another process has held {shown(home / LOCK_NAME)} for {timeout_seconds:g} seconds: "
            "nothing was written.",
            remedy="Run the command again when the other `hermes` has ended.",
        ) from error
    try:
        yield
    finally:
        lock.release()


def _sweep(directory: Path, beginning: str) -> None:
    """Remove what writers left that were killed: it may hold a key. We have the home's lock."""
    for neighbour in directory.iterdir():
        if neighbour.name.startswith(beginning) and _TEMPORARY in neighbour.name:
            neighbour.unlink(missing_ok=True)


def _replace(target: Path, content: bytes) -> None:
    temporary = target.with_name(f".{target.name}{_TEMPORARY}{os.getpid()}-{os.urandom(4).hex()}")
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | getattr(os, "O_BINARY", 0)
    descriptor = os.open(temporary, flags, 0o600)
    try:
        with os.fdopen(descriptor, "wb") as file:
            if sys.platform != "win32":
                _settle_owner(descriptor, target)
            file.write(content)
            file.flush()
            os.fsync(descriptor)
        temporary.replace(target)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise
    if sys.platform != "win32":
        _sync_directory(target.parent)


def _settle_owner(descriptor: int, target: Path) -> None:
    os.fchmod(descriptor, 0o600)
    if os.geteuid() == 0:
        # `sudo hermes config set` must not take the file from the one whose home it is.
        owner = (target if target.exists() else target.parent).stat()
        with suppress(OSError):
            os.fchown(descriptor, owner.st_uid, owner.st_gid)


def _sync_directory(directory: Path) -> None:
    # Some file systems do not take fsync for a directory; the rename stands without it.
    with suppress(OSError):
        descriptor = os.open(directory, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
