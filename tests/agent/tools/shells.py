"""A shell in a workspace of its own, for the tests of what commands may do."""

import asyncio
import threading
import time
from pathlib import Path

from agent.messages import TextPart
from agent.sandbox import Sandbox, find_sandbox
from agent.tools.base import Outcome, Workspace
from agent.tools.jobs import THREAD_NAME
from agent.tools.shell import Shell, ShellArguments

OFF = Sandbox(kind="off")
HIDDEN = "what nobody may see"


def workspace_in(base: Path) -> Workspace:
    """Return a workspace beside a private directory with a secret in it."""
    root, private = base / "work", base / "home" / ".hermes"
    root.mkdir()
    private.mkdir(parents=True)
    (private / "keys.toml").write_text(HIDDEN)
    environment = {"PATH": "/usr/bin:/bin", "HOME": str(base / "home")}
    return Workspace(
        root=root, scratch=private / "scratch", private=(private,), environment=environment
    )


def shell_in(base: Path, sandbox: Sandbox | None = None) -> Shell:
    """Return a shell, confined as this machine can."""
    return Shell(workspace_in(base), sandbox or find_sandbox())


def done(shell: Shell, command: str = "", timeout: float | None = None) -> Outcome:
    """Run a command to its end."""
    return asyncio.run(shell.run(ShellArguments(command=command, timeout=timeout)))


def said(shell: Shell, command: str) -> str:
    """Return what a model is told of a command."""
    return text_of(done(shell, command))


def text_of(outcome: Outcome) -> str:
    """Return the text of an outcome."""
    return "".join(part.text for part in outcome.parts if isinstance(part, TextPart))


def numbers_in(path: Path) -> list[int]:
    """Return the process ids that a command writes to a file, when it has written its line."""
    deadline = time.monotonic() + 5
    while not (path.exists() and path.read_text().endswith("\n")):
        assert time.monotonic() < deadline
        time.sleep(0.01)
    return [int(each) for each in path.read_text().split()]


def is_running(process: int) -> bool:
    """Say whether a process is alive."""
    try:
        return ") Z " not in Path(f"/proc/{process}/stat").read_text()
    except OSError:
        return False


def running_in(shell: Shell) -> list[int]:
    """
    Return what runs of the commands of a shell, known by the temporary directory they are given.

    In a namespace of its own a process has another number than here.
    """
    mark = b"TMPDIR=" + bytes(shell.workspace.scratch.resolve() / "tmp")
    found = []
    for place in Path("/proc").glob("[0-9]*"):
        try:
            if mark in (place / "environ").read_bytes().split(b"\0"):
                found.append(int(place.name))
        except OSError:
            continue
    return found


def held() -> tuple[int, int]:
    """
    Return how many descriptors this process has, and how many threads that follow a command.

    Such a thread says that its command ended before it ends itself: it is waited for.
    """
    deadline = time.monotonic() + 20
    while (following := _following()) and time.monotonic() < deadline:
        time.sleep(0.01)
    return len(list(Path("/proc/self/fd").iterdir())), following


def _following() -> int:
    return sum(thread.name == THREAD_NAME for thread in threading.enumerate())
