"""CPU of a whole process: commands that should cost little more than Python itself."""

import os
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path

from benchmarks.installation import Installation
from benchmarks.table import Line, failed, paired

VERSION_LIMIT, STATUS_LIMIT = 1.5, 2.5
KEY = "sk-kimi-benchmark-00000000"
"""Belongs to nobody; it is read, and sent to loopback only."""


class CommandFailed(Exception):
    """A measured command ended with another exit code than 0."""


def environment(home: Path) -> dict[str, str]:
    """Return the environment of a measured process: a home, a key, and nothing else."""
    return {
        "HOME": str(home),
        "HERMES_HOME": str(home / ".hermes"),
        "KIMI_API_KEY": KEY,
        "PATH": "/usr/bin:/bin",
        "LANG": "C.UTF-8",
    }


def cpu_seconds(argv: Sequence[str], env: Mapping[str, str]) -> float:
    """Run a command to its end and return its user and system time in seconds."""
    process = subprocess.Popen(
        argv,
        env=env,
        cwd=env["HOME"],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    _, status, used = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise CommandFailed(f"`{' '.join(argv[1:])}` left with {process.returncode}")
    return used.ru_utime + used.ru_stime


def startup_lines(installed: Installation, home: Path, runs: int) -> list[Line]:
    """Return the lines of `hermes --version` and of `hermes status` with a key, empty home."""
    env = environment(home)
    floor = [str(installed.python), "-c", "import asyncio"]

    def against(argument: str, limit: float) -> Line:
        name = f"`hermes {argument}`, CPU"
        try:
            ours, least, ratio = paired(
                lambda: cpu_seconds([str(installed.hermes), argument], env),
                lambda: cpu_seconds(floor, env),
                runs,
            )
        except CommandFailed as error:
            return failed(name, limit, str(error))
        detail = f"{ours * 1e3:.0f} ms against {least * 1e3:.0f} ms of `import asyncio`"
        return Line(
            name=name,
            value=f"{ratio:.2f} x",
            limit=f"{limit:g} x",
            over=ratio > limit,
            detail=detail,
        )

    return [against("--version", VERSION_LIMIT), against("status", STATUS_LIMIT)]
