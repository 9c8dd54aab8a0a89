"""`hermes` inside the test's own process: the same command line, for tables of many cases."""

import contextlib
import io
import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from agent.catalog import PROVIDERS
from hermes_cli.main import run
from tests.support.process import Result

VARIABLES = (
    *(name for row in PROVIDERS for name in (*row.key_variables, row.base_url_variable) if name),
    "HERMES_LOCAL_MODEL",
    "SSL_CERT_FILE",
    "SSL_CERT_DIR",
)


class Here:
    """
    Runs a command line in this process, in one home; call it with the arguments.

    `env` is set for the one run; no variable of ours is set otherwise. Standard output and
    standard error are no terminals.
    """

    def __init__(self, home: Path) -> None:
        self.home = home

    @contextlib.contextmanager
    def environment(self, env: Mapping[str, str]) -> Iterator[None]:
        """Set the variables, and none of the others that we read."""
        with pytest.MonkeyPatch.context() as patch:
            for name in VARIABLES:
                patch.delenv(name, raising=False)
            for name, value in {**self._own(), **env}.items():
                patch.setenv(name, value)
            yield

    def __call__(self, *arguments: str, env: Mapping[str, str] | None = None) -> Result:
        """Run to the end and return what was printed."""
        out, error = io.StringIO(), io.StringIO()
        with (
            self.environment(env or {}),
            contextlib.redirect_stdout(out),
            contextlib.redirect_stderr(error),
        ):
            code = run(arguments)
        return Result(out.getvalue(), error.getvalue(), code)

    def json(self, *arguments: str, env: Mapping[str, str] | None = None) -> dict[str, Any]:
        """Run with `--json` and return the document."""
        document: dict[str, Any] = json.loads(self(*arguments, "--json", env=env).stdout)
        return document

    def write(self, name: str, text: str) -> Path:
        """Write a file of the home, which is the owner's alone."""
        self.home.mkdir(mode=0o700, parents=True, exist_ok=True)
        path = self.home / name
        path.write_text(text)
        path.chmod(0o600)
        return path

    def _own(self) -> dict[str, str]:
        return {"HOME": str(self.home.parent), "HERMES_HOME": str(self.home)}
