"""A key from a program of the user's: no shell, a time limit, and its output in no message."""

import os
import re
import subprocess
from collections.abc import Mapping
from pathlib import Path
from threading import Thread
from typing import IO

from agent.catalog import PROVIDERS
from agent.choice import Candidate
from agent.errors import AuthError
from agent.keys import ApiKey, clean_setting

SECONDS = 10.0
"""How long the program may take; a person may have to touch a device meanwhile."""

_LONGEST_OUTPUT = 64 * 1024
_LONGEST_COMPLAINT = 200


class _Pipe(Thread):
    """Drains one stream of a child to its end and keeps the first 64 KiB."""

    def __init__(self, stream: IO[bytes]) -> None:
        super().__init__(daemon=True)
        self._stream = stream
        self._kept = bytearray()

    def run(self) -> None:
        """Read until nobody holds the other end any more."""
        with self._stream:
            while chunk := os.read(self._stream.fileno(), _LONGEST_OUTPUT):
                self._kept += chunk[: _LONGEST_OUTPUT - len(self._kept)]

    def text(self) -> str:
        """Return what came; a grandchild that keeps the stream open is not waited for."""
        self.join(0.5)
        return bytes(self._kept).decode(errors="replace")


def ask_command(
    words: Candidate[tuple[str, ...]],
    environment: Mapping[str, str],
    *,
    seconds: float = SECONDS,
) -> ApiKey:
    """
    Run a program and return the key in the first line it prints.

    `words` are the program and its arguments, and where they are set. It has the
    `environment` and no input. Raises AuthError if it is not there, takes longer than
    `seconds`, fails, or prints nothing: with the last line of its standard error, and never
    with what it printed.
    """
    program = _program(words)
    try:
        process = subprocess.Popen(  # noqa: S603 - the user's own setting, and no shell
            [program, *words.value[1:]],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            env=dict(environment),
        )
    except (OSError, ValueError) as error:
        said = error.strerror if isinstance(error, OSError) else "a word of it is no text"
        raise _failure(words, f"could not be started: {said}") from None
    printed, complaint = _Pipe(_opened(process.stdout)), _Pipe(_opened(process.stderr))
    printed.start()
    complaint.start()
    try:
        code = process.wait(seconds)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
        raise _failure(words, f"did not end within {seconds:g} seconds") from None
    text = printed.text()
    if code != 0:
        why = _shown(complaint.text(), text)
        raise _failure(words, f"ended with exit code {code}" + (f": {why}" if why else ""))
    lines = [clean_setting(line) for line in text.splitlines()]
    key = next(filter(None, lines), "")
    if not key:
        raise _failure(words, "printed nothing")
    return ApiKey(key)


def _opened(stream: IO[bytes] | None) -> IO[bytes]:
    if stream is None:
        raise ValueError("the child has no such stream")
    return stream


def _program(words: Candidate[tuple[str, ...]]) -> str:
    """Return the program; a path that depends on the working directory is refused."""
    program = words.value[0]
    if program.startswith("~/"):
        return str(Path(program).expanduser())
    if Path(program).name != program and not Path(program).is_absolute():
        # A cloned repository could hold a program at that place.
        raise _failure(words, "is a relative path, and was not started: name it in full")
    return program


def _shown(complaint: str, printed: str) -> str:
    """Return the last line of a complaint without anything that may be a key, and cut."""
    lines = [line.strip() for line in complaint.splitlines() if line.strip()]
    last = "".join(c for c in lines[-1] if c.isprintable()) if lines else ""
    for secret in sorted(filter(None, printed.split()), key=len, reverse=True):
        last = last.replace(secret, "…")
    marks = {prefix for row in PROVIDERS for prefix in (row.usual_key_prefix, *_foreign(row.id))}
    for mark in marks - {""}:
        last = re.sub(re.escape(mark) + r"\S+", "…", last, flags=re.IGNORECASE)
    return last[:_LONGEST_COMPLAINT].rstrip(".")


def _foreign(provider: str) -> tuple[str, ...]:
    return tuple(
        prefix for row in PROVIDERS if row.id == provider for prefix, _ in row.foreign_prefixes
    )


def _failure(words: Candidate[tuple[str, ...]], what: str) -> AuthError:
    # Its arguments may hold a secret: the program's name is enough.
    name = Path(words.value[0]).name
    return AuthError(
        f"`{name}`, which {words.where} names as {words.name}, {what}. Nothing was sent.",
        remedy=f"Try the command by itself; {words.drop} drops the setting.",
    )
