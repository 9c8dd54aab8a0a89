"""`hermes` as a user runs it: a process of its own, in an empty home, with a bare environment."""

import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

CLOSED_PORT = "http://127.0.0.1:9"
"""A proxy that nobody runs: what must not reach the network fails there at once."""

NO_NETWORK = {
    name: CLOSED_PORT
    for upper in ("HTTPS_PROXY", "HTTP_PROXY", "ALL_PROXY")
    for name in (upper, upper.lower())
}


@dataclass(frozen=True)
class Result:
    """What a process left behind; `code` is its exit code."""

    stdout: str
    stderr: str
    code: int


@dataclass
class Hermes:
    """
    Runs `hermes` in one home; call it with the arguments.

    `environment` is the whole environment of every run; a run's own `env` and `key`
    (as `KIMI_API_KEY`) come on top.
    """

    home: Path
    environment: dict[str, str] = field(default_factory=dict)
    argv: list[str] = field(default_factory=lambda: [sys.executable, "-m", "hermes_cli"])

    @property
    def process(self) -> "Hermes":
        """The same home and environment, with a process for every run."""
        return self

    def env(self, extra: Mapping[str, str] | None = None, *, key: str = "") -> dict[str, str]:
        """Return the environment of a run."""
        given = {"KIMI_API_KEY": key} if key else {}
        return {**self.environment, **given, **(extra or {})}

    def __call__(
        self,
        *arguments: str,
        key: str = "",
        env: Mapping[str, str] | None = None,
        stdin: str | bytes | None = None,
        seconds: float = 30,
    ) -> Result:
        """Run to the end; without `stdin`, standard input is empty and closed."""
        text = stdin.encode() if isinstance(stdin, str) else stdin
        done = subprocess.run(
            [*self.argv, *arguments],
            input=text or b"",
            capture_output=True,
            env=self.env(env, key=key),
            cwd=self.home.parent,
            timeout=seconds,
            check=False,
        )
        return Result(
            done.stdout.decode("utf-8", "surrogateescape"),
            done.stderr.decode("utf-8", "surrogateescape"),
            done.returncode,
        )

    def start(
        self, *arguments: str, key: str = "", env: Mapping[str, str] | None = None
    ) -> subprocess.Popen[bytes]:
        """Start without waiting, with pipes; the caller ends it (use `with`)."""
        return subprocess.Popen(
            [*self.argv, *arguments],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            env=self.env(env, key=key),
            cwd=self.home.parent,
        )


def bare_environment(home: Path) -> dict[str, str]:
    """Return an environment with a home, a path, and no way to the network."""
    return {
        "HOME": str(home.parent),
        "HERMES_HOME": str(home),
        "PATH": "/usr/bin:/bin",
        "LANG": "C.UTF-8",
        "TERM": "xterm-256color",
        "PYTHONWARNINGS": "error",
        **NO_NETWORK,
    }
