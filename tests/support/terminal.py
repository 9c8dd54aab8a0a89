"""A real pseudo-terminal around a process: what it draws is read, what is typed is sent."""

import contextlib
import fcntl
import os
import pty
import re
import select
import struct
import subprocess
import termios
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import TracebackType

_ESCAPES = re.compile(r"\x1b\[[0-?]*[ -/]*[@-~]|\x1b\][^\x07\x1b]*(?:\x07|\x1b\\)|\x1b[@-Z\\^_=>]")
_POSITION_REQUEST = b"\x1b[6n"

# The shell opens the terminal as a session leader, which makes it the controlling one: Ctrl-C
# then reaches the process as it does for a person.
_OPEN_TERMINAL = 'terminal=$1; shift; exec "$@" <"$terminal" >"$terminal" 2>&1'

CTRL_C, CTRL_D, ENTER = "\x03", "\x04", "\r"


class Terminal:
    """
    A process in a pseudo-terminal of its own: `with Terminal(argv, environment) as terminal:`.

    `environment` is the whole environment, and `TERM` is set unless it holds one. Requests for
    the cursor's position are answered as a terminal answers them. Nothing is read between the
    calls, so a process that draws more than the kernel's buffer waits for the next one. A blank
    before the cursor may be drawn as a movement: wait for `Key:` and not for `Key: `.
    """

    def __init__(
        self,
        argv: Sequence[str],
        environment: Mapping[str, str],
        *,
        directory: Path | None = None,
        rows: int = 50,
        columns: int = 120,
    ) -> None:
        self._leader, follower = pty.openpty()
        try:
            size = struct.pack("HHHH", rows, columns, 0, 0)
            fcntl.ioctl(follower, termios.TIOCSWINSZ, size)
            self._process = subprocess.Popen(
                ["/bin/sh", "-c", _OPEN_TERMINAL, "sh", os.ttyname(follower), *argv],
                env={"TERM": "xterm-256color", **environment},
                cwd=directory,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
                start_new_session=True,
            )
        except BaseException:
            os.close(self._leader)
            raise
        finally:
            self._follower: int | None = follower
        # The bottom row: a program that knows how much room is below it draws no blank lines.
        self._position = f"\x1b[{rows};1R".encode()
        self._received = b""
        self._consumed = 0

    @property
    def raw(self) -> str:
        """Everything the process wrote so far, escape sequences included."""
        return self._received.decode(errors="replace")

    @property
    def text(self) -> str:
        """Everything the process wrote so far, without escape sequences and carriage returns."""
        return _ESCAPES.sub("", self.raw).replace("\r", "")

    def send(self, text: str) -> None:
        """Type the text; `ENTER`, `CTRL_C` and `CTRL_D` are keys."""
        os.write(self._leader, text.encode())

    def read_until(self, text: str, seconds: float = 10.0) -> str:
        """
        Return what was drawn since the last call, up to and with `text`.

        Raises TimeoutError if it does not come in time, EOFError if the process ends before.
        Both show what was drawn instead.
        """
        deadline = time.monotonic() + seconds
        while (at := self.text.find(text, self._consumed)) < 0:
            left = deadline - time.monotonic()
            drawn = self.text[self._consumed :]
            if left <= 0:
                raise TimeoutError(f"{text!r} was not drawn in {seconds:g} s, but: {drawn!r}")
            if not self._receive(left):
                raise EOFError(f"the process ended before it drew {text!r}, after: {drawn!r}")
        found = self.text[self._consumed : at + len(text)]
        self._consumed = at + len(text)
        return found

    def wait(self, seconds: float = 10.0) -> int:
        """Read to the end and return the exit code. Raises TimeoutError."""
        deadline = time.monotonic() + seconds
        while (left := deadline - time.monotonic()) > 0 and self._receive(left):
            pass
        if left <= 0:
            raise TimeoutError(f"no end after {seconds:g} s, but: {self.text[-500:]!r}")
        return self._process.wait(timeout=max(left, 1.0))

    def close(self) -> None:
        """Hang up: the process is killed if it still runs, and the terminal is closed."""
        if self._process.poll() is None:
            self._process.kill()
        self._process.wait()
        for descriptor in (self._follower, self._leader):
            if descriptor is not None:
                with contextlib.suppress(OSError):
                    os.close(descriptor)
        self._follower = None

    def __enter__(self) -> "Terminal":
        """Return the terminal; its process runs already."""
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        failure: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Hang up."""
        self.close()

    def _receive(self, seconds: float) -> bool:
        """Read what is there within the time; False once the process has closed the terminal."""
        ready, _, _ = select.select([self._leader], [], [], min(seconds, 0.05))
        if not ready:
            if self._process.poll() is None or self._follower is None:
                return True
            # Nobody else holds the terminal now; without our end, reading comes to its end.
            os.close(self._follower)
            self._follower = None
            return True
        try:
            received = os.read(self._leader, 65_536)
        except OSError:
            return False  # Linux answers EIO once the last process has closed the terminal
        answered = self._received.count(_POSITION_REQUEST)
        self._received += received
        for _ in range(self._received.count(_POSITION_REQUEST) - answered):
            os.write(self._leader, self._position)
        return bool(received)
