"""What confines a command here, and what a confined command may do."""

import subprocess
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from shutil import which
from typing import Literal

from agent.confined import Spec, landlock_abi
from agent.errors import ConfigurationError

LIFTED_BY = "hermes config set sandbox off"
"""The command with which a person, never a model, lifts the sandbox."""

_PROBE_SECONDS = 3.0
_KNOWS_TRUNCATION = 3
"""The first ABI of Landlock that can forbid to truncate a file."""
_RESTS = "and use the network as you do"


@dataclass(frozen=True, kw_only=True, slots=True)
class Area:
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


@dataclass(frozen=True, kw_only=True, slots=True)
class Sandbox:
    """
    What confines commands on this machine.

    `none` is a machine that has neither Landlock nor a bubblewrap that works; `off` is the
    user's wish. `abi` is Landlock's version. `program` is bubblewrap's path.

    Landlock (Linux 5.13 and later) does not stop truncation of files before ABI 3, and signals
    to processes outside before ABI 6; no ABI up to 7 stops a connection to a socket that has a
    path, such as Docker's.
    """

    kind: Literal["landlock", "bubblewrap", "none", "off"]
    abi: int = 0
    program: str = ""

    @property
    def confines(self) -> bool:
        """Say whether commands are confined at all."""
        return self.kind in ("landlock", "bubblewrap")

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
        words = list(command)
        if self.kind == "bubblewrap":
            words = [*bubblewrap_command(self.program, directory, area), *words]
        return Spec(
            command=words,
            directory=str(directory),
            environment=environment,
            landlock=self.kind == "landlock",
            writable=[str(path) for path in area.writable],
            readable=[str(path) for path in area.readable],
            private=[str(path) for path in area.private],
        )


def find_sandbox(setting: str = "auto", *, search_path: str | None = None) -> Sandbox:
    """
    Return what confines commands here, by the setting `sandbox` (`auto` or `off`).

    Landlock first: it needs no program and is what we test; then bubblewrap, if one in
    `search_path` (default: the process's) can start anything. Raises ConfigurationError for
    another setting.
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
    program = which("bwrap", path=search_path)
    if program is not None and _works(program):
        return Sandbox(kind="bubblewrap", program=program)
    return Sandbox(kind="none")


def bubblewrap_command(program: str, directory: Path, area: Area) -> list[str]:
    """
    Return the words before a command that confine it with bubblewrap.

    Everything is bound read-only, and over that, parents first, what may be written, an empty
    directory for each private one, and what may be read inside. Not run by our tests: their
    machine has no bubblewrap.
    """
    mounts = [
        *((path, ["--bind", str(path)]) for path in area.writable),
        *((path, ["--ro-bind", str(path)]) for path in area.readable),
        *((path, ["--tmpfs"]) for path in area.private if path.is_dir()),
    ]
    words = [program, "--ro-bind", "/", "/", "--dev", "/dev", "--unshare-pid", "--proc", "/proc"]
    for path, how in sorted(mounts, key=lambda mount: len(mount[0].parts)):
        words += [*how, str(path)]
    return [*words, "--die-with-parent", "--chdir", str(directory), "--"]


def _works(program: str) -> bool:
    """Say whether a bubblewrap can start anything: many containers forbid it."""
    area = Area(writable=())
    command = [*bubblewrap_command(program, Path("/"), area), "true"]
    try:
        done = subprocess.run(  # noqa: S603 - the user's own bubblewrap, no shell
            command, stdin=subprocess.DEVNULL, capture_output=True, timeout=_PROBE_SECONDS
        )
    except (OSError, subprocess.TimeoutExpired):
        return False
    return done.returncode == 0
