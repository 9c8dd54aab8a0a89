"""
The core as a user installs it: a wheel in an environment of its own.

The editable install of a checkout starts more slowly, and so does every Python in its
environment; what is measured here is what people get.
"""

import os
import re
import shutil
import subprocess
import sys
import venv
from pathlib import Path

from benchmarks.table import Line

ROOT = Path(__file__).resolve().parent.parent
MOST_MEGABYTES, MOST_PACKAGES = 20.0, 20
PARTS = ("agent", "hermes_cli", "kimi_mock", "pyproject.toml", "README.md", "LICENSE")
"""What a wheel is built from, copied: setuptools leaves its own files beside the source."""


class Installation:
    """An environment with the core's wheel, its dependencies, and nothing else."""

    def __init__(self, place: Path) -> None:
        """Build the wheel and install it below `place`; takes some ten seconds, and pip."""
        source, self._environment = place / "source", place / "environment"
        source.mkdir()
        for name in PARTS:
            _copy(ROOT / name, source / name)
        venv.create(self._environment, with_pip=False, symlinks=True)
        subprocess.run(
            [sys.executable, "-m", "pip", f"--python={self.python}", "install", "-qq", source],
            cwd=place,
            env={**os.environ, "PIP_CONSTRAINT": str(ROOT / "constraints.txt")},
            check=True,
        )

    @property
    def python(self) -> Path:
        """The environment's interpreter."""
        return self._environment / "bin" / "python"

    @property
    def hermes(self) -> Path:
        """The installed command."""
        return self._environment / "bin" / "hermes"

    def packages(self) -> list[str]:
        """Return the names of the installed distributions, ours among them."""
        return sorted(
            re.split(r"-\d", place.name)[0] for place in self._library().glob("*.dist-info")
        )

    def size(self) -> int:
        """Return the bytes of all installed files without bytecode."""
        files = (place for place in self._library().rglob("*") if place.is_file())
        return sum(place.stat().st_size for place in files if place.suffix != ".pyc")

    def own_size(self) -> int:
        """Return the bytes of our own packages without bytecode."""
        own = (self._library() / name for name in PARTS)
        files = (place for part in own for place in part.rglob("*") if place.is_file())
        return sum(place.stat().st_size for place in files if place.suffix != ".pyc")

    def _library(self) -> Path:
        return next(self._environment.glob("lib/python*/site-packages"))


def size_lines(installed: Installation) -> list[Line]:
    """Return the lines of size and number of packages."""
    megabytes, packages = installed.size() / 1e6, installed.packages()
    return [
        Line(
            name="wheel install, MB without bytecode",
            value=f"{megabytes:.1f}",
            limit=f"{MOST_MEGABYTES:g}",
            over=megabytes >= MOST_MEGABYTES,
            detail=f"ours {installed.own_size() / 1e6:.2f} MB, the rest dependencies",
        ),
        Line(
            name="wheel install, packages",
            value=str(len(packages)),
            limit=str(MOST_PACKAGES),
            over=len(packages) > MOST_PACKAGES,
            detail=f"ours and {len(packages) - 1} dependencies",
        ),
    ]


def _copy(source: Path, target: Path) -> None:
    if source.is_dir():
        shutil.copytree(source, target, ignore=shutil.ignore_patterns("__pycache__"))
    else:
        shutil.copy(source, target)
