"""What confines a command here, and what a confined command may do."""

import os
import subprocess
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path
from shutil import which
from typing import Literal

import msgspec

from agent import confined
from agent.confined import Spec, landlock_abi
from agent.errors import ConfigurationError

LIFTED_BY = "hermes config set sandbox off"
"""The command with which a person, never a model, lifts the sandbox."""

_PROBE_SECONDS = 3.0
_KNOWS_TRUNCATION = 3
"""The first ABI of Landlock that can forbid to truncate a file."""

_KNOWS_SIGNALS = 6
"""The first ABI of Landlock that keeps signals inside."""

_RESTS = "and use the network as you do"


class Area(msgspec.Struct, frozen=True, kw_only=True):
    """
    What a confined command may touch; absolute paths with links followed.

    It writes below `writable`, reads what is not below `private`, and what is below `readable`
    though it be below `private`.
    """

    writable: tuple[Path, ...]
    readable: tuple[Path, ...] = ()
    private: tuple[Path, ...] = ()

    def may_write(self, path: Path) -> bool:
        """Say whether a resolved path can be written."""
        return any(path.is_relative_to(folder) for folder in self.writable)

    def may_read(self, path: Path) -> bool:
        """Say whether a resolved path can be read."""
        return (
            self.may_write(path)
            or any(path.is_relative_to(folder) for folder in self.readable)
            or not any(path.is_relative_to(folder) for folder in self.private)
        )


class Sandbox(msgspec.Struct, frozen=True, kw_only=True):
    """
    What confines commands on this machine.

    `none` is a machine that has neither Landlock nor a bubblewrap that works; `off` is the
    user's wish. `abi` is Landlock's version. `program` is bubblewrap's path.

    Landlock (Linux 5.13 and later) does not stop truncation of files before ABI 3, and signals
    to processes outside before ABI 6. Neither kind, with no ABI up to 7, stops a connection to a
    socket that has a path, such as Docker's. In bubblewrap processes outside cannot be seen, and
    private directories are there, and empty.
    """

    kind: Literal["landlock", "bubblewrap", "none", "off"]
    abi: int = 0
    program: str = ""

    @property
    def confines(self) -> bool:
        """Say whether commands are confined at all."""
        return self.kind in ("landlock", "bubblewrap")

    @property
    def keeps_signals(self) -> bool:
        """Say whether a command can send signals only to what it started."""
        return self.kind == "bubblewrap" or (self.kind == "landlock" and self.abi >= _KNOWS_SIGNALS)

    @property
    def name(self) -> str:
        """What it is, in a few words."""
        match self.kind:
            case "off":
                return "off (setting `sandbox`)"
            case "none":
                return "none: this machine has neither Landlock nor a bubblewrap that works"
            case "landlock":
                return f"Landlock (ABI {self.abi})"
            case "bubblewrap":
                return f"bubblewrap ({self.program})"

    def describe(self) -> str:
        """Return what it lets a command do, as a line."""
        if not self.confines:
            return f"{self.name}; commands do all that you may do"
        blunt = self.kind == "landlock" and self.abi < _KNOWS_TRUNCATION
        late = " but cannot be kept from truncating files" if blunt else ""
        return (
            f"{self.name}: commands write only in the session's directory and a temporary one"
            f"{late}, read all but Hermes's own files, {_RESTS}"
        )

    def spec(
        self, command: Iterable[str], directory: Path, environment: dict[str, str], area: Area
    ) -> Spec:
        """Return what the launcher is to start, confined to an area if that can be."""
        wrapped = self.kind == "bubblewrap"
        return Spec(
            command=list(command),
            directory=str(directory),
            environment=environment,
            within=bubblewrap_command(self.program, area) if wrapped else [],
            landlock=self.kind == "landlock",
            writable=[str(path) for path in area.writable],
            readable=[str(path) for path in area.readable],
            private=[str(path) for path in area.private],
        )


def find_sandbox(setting: str = "auto", *, root: Path | None = None) -> Sandbox:
    """
    Return what confines commands here, by the setting `sandbox` (`auto` or `off`).

    Landlock first: it needs no program and no privilege; then a bubblewrap that can start
    anything. `root` is where the commands work. Raises ConfigurationError for another setting.
    """
    if setting not in ("auto", "off"):
        raise ConfigurationError(
            f"The setting `sandbox` is `auto` or `off`, not {setting!r}.",
            remedy="`hermes config set sandbox auto` sets it right.",
        )
    if setting == "off":
        return Sandbox(kind="off")
    if abi := landlock_abi():
        return Sandbox(kind="landlock", abi=abi)
    program = find_bubblewrap(root)
    return Sandbox(kind="bubblewrap" if program else "none", program=program)


def find_bubblewrap(root: Path | None, search_path: str | None = None) -> str:
    """Return the path of a bubblewrap that can start anything, or an empty text."""
    program = program_outside(root, "bwrap", search_path)
    return program if program and _works(program) else ""


def program_outside(root: Path | None, name: str, search_path: str | None = None) -> str:
    """
    Return the path of the first program of a name that does not lie in a workspace, or "".

    One that does, or a link there, may be a repository's own, or a command may have put it there
    (`.venv/bin/rg`), and we start it without asking and outside of the sandbox. Where the whole
    system is the workspace, all its programs are the user's. `search_path` is the process's
    where it is None; a directory on it that is not whole counts as none.
    """
    if root is not None and root == root.parent:
        root = None
    folders = os.get_exec_path() if search_path is None else search_path.split(os.pathsep)
    for folder in filter(os.path.isabs, folders):
        found = which(name, path=folder)
        if found is None:
            continue
        places = (Path(folder).resolve(), Path(found).resolve())
        if root is None or not any(place.is_relative_to(root) for place in places):
            return found
    return ""


def bubblewrap_command(program: str, area: Area) -> list[str]:
    """
    Return the words before those of a program that confine it with bubblewrap.

    Everything is bound read-only, and over that, parents first, what may be written, an empty
    directory for each private one, and what may be read inside. What lies on the way from a
    writable directory to a private one is bound onto itself: a mount cannot be renamed, and a
    private directory that moved would be private no more for the next command.

    `/proc` is read-only as a whole: bubblewrap 0.11 leaves `/proc/sys` to root to write, where
    `core_pattern` names a program that the kernel starts outside (seen 2026-11-22). No option is
    newer than 0.4: Ubuntu 20.04, a system without Landlock, has that one.
    """
    private = [path for path in area.private if path.is_dir()]
    mounts = dict.fromkeys(area.readable, "--ro-bind") | dict.fromkeys(area.writable, "--bind")
    mounts |= dict.fromkeys(_ways(area.writable, private), "--bind")
    mounts |= dict.fromkeys(private, "--tmpfs") | dict.fromkeys(_own_files(private), "--ro-bind")
    root = mounts.pop(Path("/"), "--ro-bind")
    words = [program, "--die-with-parent", "--unshare-pid", root, "/", "/"]
    words += ["--dev", "/dev", "--proc", "/proc", "--remount-ro", "/proc"]
    for path in sorted(mounts, key=lambda path: len(path.parts)):
        how = mounts[path]
        words += [how, str(path)] if how == "--tmpfs" else [how, str(path), str(path)]
    for path in private:
        words += ["--remount-ro", str(path)]
    return [*words, "--"]


def _ways(writable: Iterable[Path], private: Iterable[Path]) -> Iterator[Path]:
    """Yield the directories between a writable one and a private one below it."""
    for hidden in private:
        for folder in writable:
            if folder in hidden.parents:
                between = hidden.parents[: len(hidden.parts) - len(folder.parts) - 1]
                yield from between


def _own_files(private: Iterable[Path]) -> Iterator[Path]:
    """Yield what the launcher is made of, where that was installed among private files."""
    for place in (sys.prefix, sys.base_prefix, confined.__file__):
        path = Path(place).resolve()
        if any(folder in path.parents for folder in private):
            yield path


def _works(program: str) -> bool:
    """Say whether a bubblewrap can start anything: many containers forbid it."""
    words = bubblewrap_command(program, Area(writable=()))
    try:
        done = subprocess.run(  # noqa: S603 - the user's own bubblewrap, no shell
            # Its environment is empty, as a launcher's is: ours holds keys.
            [*words, sys.executable, "-I", "-S", "-c", ""],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=_PROBE_SECONDS,
            cwd="/",
            env={},
        )
    except (OSError, subprocess.TimeoutExpired):
        return False
    return done.returncode == 0
