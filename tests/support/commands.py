"""`hermes` inside the test's own process: the same command line, for tables of many cases."""

import contextlib
import io
import json
import os
import sys
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from agent.catalog import PROVIDERS
from hermes_cli.main import run
from tests.support.process import Hermes, Result

VARIABLES = (
    *(name for row in PROVIDERS for name in (*row.key_variables, row.base_url_variable) if name),
    "HERMES_LOCAL_MODEL",
    "SSL_CERT_FILE",
    "SSL_CERT_DIR",
)


class Here:
    """
    Runs a command line in this process, in one home; call it with the arguments.

    `env` is set for the one run; no variable of ours is set otherwise. Standard input is empty;
    standard output and standard error are no terminals.
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
        with self.environment(env or {}):
            return run_here(arguments)

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


class HermesHere(Hermes):
    """
    A `Hermes` that runs in this process, where environment, directory and streams are as in one.

    Nobody is at a terminal, and nothing can interrupt a run. `start` starts a process as ever.
    """

    @property
    def process(self) -> Hermes:
        """The same home and environment, with a process for every run."""
        return Hermes(self.home, self.environment, self.argv)

    def __call__(
        self,
        *arguments: str,
        key: str = "",
        env: Mapping[str, str] | None = None,
        stdin: str | bytes | None = None,
        seconds: float = 30,  # noqa: ARG002 - nobody ends a run of this process
    ) -> Result:
        """Run to the end in this process; without `stdin`, standard input is empty and closed."""
        with pytest.MonkeyPatch.context() as patch, contextlib.chdir(self.home.parent):
            for name in os.environ:  # noqa: TID251 - nothing of the test's own is left
                patch.delenv(name)
            for name, value in self.env(env, key=key).items():
                patch.setenv(name, value)
            return run_here(arguments, stdin.encode() if isinstance(stdin, str) else stdin or b"")


def run_here(arguments: Sequence[str], stdin: bytes = b"") -> Result:
    """Run a command line in this process: a pipe to read from, and files to write to."""
    with tempfile.TemporaryFile() as out, tempfile.TemporaryFile() as error:
        with _piped(stdin), _streams(out, error):
            code = run(arguments)
        printed = []
        for file in (out, error):
            file.seek(0)
            printed.append(file.read().decode("utf-8", "surrogateescape"))
    return Result(printed[0], printed[1], code)


@contextlib.contextmanager
def _streams(out: Any, error: Any) -> Iterator[None]:
    """Write to the two files what goes to standard output and standard error."""
    texts = [io.TextIOWrapper(file, encoding="utf-8", newline="\n") for file in (out, error)]
    try:
        with contextlib.redirect_stdout(texts[0]), contextlib.redirect_stderr(texts[1]):
            yield
    finally:
        for text in texts:
            text.flush()
            text.detach()


@contextlib.contextmanager
def _piped(content: bytes) -> Iterator[None]:
    """Let standard input be a pipe with this content and an end."""
    reading, writing = os.pipe()
    before = sys.stdin
    with ThreadPoolExecutor(1) as writer:
        sent = writer.submit(_send, writing, content)
        try:
            with os.fdopen(reading, encoding="utf-8") as sys.stdin:
                yield
        finally:
            sys.stdin = before
            sent.result()


def _send(descriptor: int, content: bytes) -> None:
    """Write everything to a pipe and close it; nobody need read it."""
    with contextlib.suppress(BrokenPipeError), os.fdopen(descriptor, "wb") as pipe:
        pipe.write(content)
