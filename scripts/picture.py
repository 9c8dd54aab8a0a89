"""
Take the README's pictures from the real thing: the setup and the agent, in 80 columns.

Runs `hermes` in tmux against the loopback Kimi under its real host names, with a throwaway home
and key, and writes `docs/setup-and-chat.svg` and `docs/agent.svg`. Needs tmux and the extra
`serve`.
"""

import contextlib
import os
import re
import shlex
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from rich.console import Console
from rich.text import Text

from evals.tasks import read_tasks
from kimi_mock.replies import Reply
from kimi_mock.server import KimiMock

PICTURES = Path(__file__).parent.parent / "docs"
COLUMNS, LINES = 80, 60
ANSWER = (
    "A key opens a door; an API key opens an endpoint. Yours begins with sk-kimi-, "
    "so it opens api.kimi.com."
)


def tmux(*arguments: str) -> str:
    """Run tmux on a server of our own and return what it printed."""
    done = subprocess.run(
        ["tmux", "-L", "hermes-picture", *arguments], capture_output=True, text=True, check=True
    )
    return done.stdout


@contextlib.contextmanager
def terminal(environment: dict[str, str], folder: Path) -> Iterator[None]:
    """Open a terminal with a plain prompt and these variables."""
    settings = [f"{name}={shlex.quote(value)}" for name, value in environment.items()]
    shell = ["env", "-i", *settings, "bash", "--norc", "--noprofile"]
    tmux("-f", "/dev/null", "new-session", "-d", "-x", str(COLUMNS), "-y", str(LINES),
         "-c", str(folder), " ".join(shell))  # fmt: skip
    try:
        yield
    finally:
        tmux("kill-server")


def type_line(text: str, wait_for: str, *, seconds: float = 15) -> None:
    """Type a line and wait until the screen shows a pattern below it."""
    tmux("send-keys", "-l", text)
    tmux("send-keys", "Enter")
    wait(wait_for, seconds=seconds)


def wait(pattern: str, *, seconds: float = 15) -> None:
    """Wait until the screen shows a pattern; give up with the screen in the error."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        screen = tmux("capture-pane", "-p")
        if re.search(pattern, screen):
            return
        time.sleep(0.1)
    sys.exit(f"The screen never showed {pattern!r}:\n{screen}")


@dataclass(frozen=True, slots=True)
class Scene:
    """What is played: its file below docs, its place, and the variables of its terminal."""

    picture: str
    folder: Path
    environment: dict[str, str]


def scene(kimi: KimiMock, picture: str, folder: Path) -> Scene:
    """Return a scene in a throwaway home, with the loopback Kimi under its real names."""
    environment = {
        **kimi.environment(),
        "HOME": str(folder),
        "PATH": f"{Path(sys.executable).parent}{os.pathsep}/usr/bin:/bin",
        "TERM": "xterm-256color",
        "LANG": "C.UTF-8",
        "PS1": "$ ",
        "HISTFILE": "/dev/null",
    }
    return Scene(picture, folder, environment)


def setup_and_chat(kimi: KimiMock, folder: Path) -> None:
    """Play the setup with a plan key and one question."""
    kimi.replies += [
        Reply.streaming({"reasoning_content": "A short answer. "}, {"content": ANSWER})
    ]
    key = next(iter(kimi.keys["kimi-code"]))
    played = scene(kimi, "setup-and-chat.svg", folder)
    with terminal(played.environment, folder):
        wait(r"\$\s*$")
        tmux("send-keys", "clear", "Enter")
        type_line("hermes setup", r"Key.*:")
        type_line(key, r"\[Y/n\]:\s*$")
        type_line("", r"Endpoint.*:\s*$")
        type_line("", r"Model.*:\s*$")
        type_line("", r"\[y/N\]:\s*$")
        type_line("", r"(?s)saved \(.*\$\s*$")
        type_line('hermes chat -q "What does a key open?"', r"(?s)endpoint\. Yours.*\$\s*$")
        take(played)


def agent(kimi: KimiMock, folder: Path) -> None:
    """Play a recorded session that mends a bug: read, edit after a yes, run the test."""
    [task] = read_tasks(("01-slug",))
    kimi.sessions.append(task.recorded())
    project = folder / "slug"
    shutil.copytree(task.repository, project)
    key = next(iter(kimi.keys["moonshot"]))
    played = scene(kimi, "agent.svg", project)
    played.environment.update(HOME=str(folder), KIMI_API_KEY=key)
    with terminal(played.environment, project):
        wait(r"\$\s*$")
        tmux("send-keys", "clear", "Enter")
        type_line("hermes", r"Ctrl-D leaves")
        type_line(task.prompt, r"\[y\] yes")
        answer("y")
        wait(r"(?s)\[n REASON\] no y.*\[y\] yes")
        answer("y")
        wait(r"(?s)The test passes.*requests")
        take(played)


def answer(key: str) -> None:
    """Press a key at a question, once it has stood there for as long as it takes to be read."""
    time.sleep(1)
    tmux("send-keys", key)


def take(played: Scene) -> None:
    """Write the screen as a picture."""
    screen = tmux("capture-pane", "-e", "-p").rstrip()
    console = Console(width=COLUMNS, record=True, file=open(os.devnull, "w"))  # noqa: PTH123, SIM115
    console.print(Text.from_ansi(screen))
    console.save_svg(str(PICTURES / played.picture), title="hermes")


def main() -> None:
    """Play each scene and write its picture."""
    for play in (setup_and_chat, agent):
        with KimiMock() as kimi, tempfile.TemporaryDirectory() as name:
            play(kimi, Path(name))


if __name__ == "__main__":
    main()
