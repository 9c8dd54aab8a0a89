"""Commands that run: each under a launcher of its own, with a thread that takes what it prints."""

import asyncio
import marshal
import os
import select
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import msgspec

from agent import confined
from agent.confined import Spec
from agent.tools.base import ToolError
from agent.tools.capture import Capture

THREAD_NAME = "hermes-job"
"""The name of the threads that follow a command."""

_PIECE_BYTES = 64 * 1024
# After the end, what is in the pipe is read; something that got away must not hold us up.
_MOST_DRAINED_BYTES = 4 * 1024 * 1024
_SECONDS_TO_END = confined.GRACE_SECONDS + 3.0


class Ending(msgspec.Struct, frozen=True):
    """
    How a command ended.

    `code` is its exit code, or the negative number of a signal; `left` is how many processes it
    had left running, which were ended.
    """

    code: int
    left: int = 0

    def __str__(self) -> str:
        """Say it in two or three words."""
        if self.code >= 0:
            return f"exit {self.code}"
        with suppress(ValueError):
            return f"killed by {signal.Signals(-self.code).name}"
        return f"killed by signal {-self.code}"


class Job:
    """
    A command under way, or one that has ended: `ending` is None until then.

    `began` and `ended` are seconds of a monotonic clock. Its methods may be called from any
    thread, with or without an event loop.
    """

    def __init__(self, command: str, spec: Spec, path: Path) -> None:
        """Start it; its output is kept at `path`. Raises ToolError."""
        self.command = command
        self.ending: Ending | None = None
        self.began = time.monotonic()
        self.ended = 0.0
        self._callbacks: set[Callable[[], None]] = set()
        self._lock = threading.Lock()
        try:
            self.output = Capture(path)
        except OSError as error:
            raise ToolError(f"The output has no place to go: {error}.") from error
        self._control, theirs = socket.socketpair()
        self._pipe, write_end = os.pipe()
        try:
            self._process = _launch(spec, theirs, write_end)
        except OSError as error:
            self._control.close()
            os.close(self._pipe)
            self.output.drop()
            raise ToolError(f"The command was not started: {error}.") from error
        finally:
            theirs.close()
            os.close(write_end)
        self._thread = threading.Thread(target=self._follow, daemon=True, name=THREAD_NAME)
        self._thread.start()

    @property
    def seconds(self) -> float:
        """How long it has run."""
        return (self.ended if self.ending else time.monotonic()) - self.began

    async def wait(self, seconds: float) -> bool:
        """Wait for its end, so long at most; say whether it has ended."""
        loop = asyncio.get_running_loop()
        ended = asyncio.Event()

        def tell() -> None:
            with suppress(RuntimeError):  # that loop is gone, and nobody waits
                loop.call_soon_threadsafe(ended.set)

        with self._lock:
            if self.ending is not None:
                return True
            self._callbacks.add(tell)
        try:
            async with asyncio.timeout(seconds):
                await ended.wait()
        except TimeoutError:
            return False
        finally:
            with self._lock:
                self._callbacks.discard(tell)
        return True

    def end(self, *, at_once: bool = False) -> None:
        """Ask for the end of all its processes: politely first, or at once; do not wait."""
        with self._lock, suppress(OSError):
            if self.ending is None:
                self._control.send(b"k" if at_once else b"t")

    async def stop(self, *, at_once: bool = False) -> None:
        """End all its processes and wait for that, a few seconds at most."""
        self.end(at_once=at_once)
        if not await self.wait(_SECONDS_TO_END):
            self._give_up()
            await self.wait(1.0)

    def close(self) -> None:
        """End all its processes at once and wait for that, a few seconds at most."""
        self.end(at_once=True)
        self._thread.join(_SECONDS_TO_END)
        if self._thread.is_alive():
            self._give_up()
            self._thread.join(1.0)

    def _give_up(self) -> None:
        """End the launcher itself: something below it cannot be ended, or has stopped it."""
        with suppress(OSError):
            self._process.kill()

    def _follow(self) -> None:
        """Take what comes until the launcher ends; then the rest, without waiting for it."""
        said = b""
        poll = select.poll()
        poll.register(self._control, select.POLLIN)
        poll.register(self._pipe, select.POLLIN)
        over = False
        while not over:
            for descriptor, _ in poll.poll():
                if descriptor == self._pipe:
                    piece = os.read(self._pipe, _PIECE_BYTES)
                    self.output.add(piece)
                    if not piece:
                        poll.unregister(self._pipe)
                else:
                    word = self._hear()
                    said, over = said + word, not word
        self._process.wait()
        self._drain()
        self._finish(_ending(said))

    def _hear(self) -> bytes:
        try:
            return self._control.recv(4096)
        except OSError:
            return b""

    def _drain(self) -> None:
        os.set_blocking(self._pipe, False)
        drained = 0
        with suppress(OSError):
            while drained < _MOST_DRAINED_BYTES:
                piece = os.read(self._pipe, _PIECE_BYTES)
                if not piece:
                    return
                self.output.add(piece)
                drained += len(piece)

    def _finish(self, ending: Ending) -> None:
        os.close(self._pipe)
        self.output.finish()
        with self._lock:
            self._control.close()
            self.ended = time.monotonic()
            self.ending = ending
            callbacks = tuple(self._callbacks)
        for tell in callbacks:
            tell()


class Jobs:
    """The background jobs of a session, by number; numbers are not used again."""

    MOST_RUNNING = 16

    def __init__(self) -> None:
        self._jobs: dict[int, Job] = {}
        self._shown: dict[int, int] = {}

    def add(self, number: int, job: Job) -> None:
        """Keep a job."""
        self._jobs[number] = job
        self._shown[number] = 0

    def check_room(self) -> None:
        """Raise ToolError if too many jobs run."""
        running = [number for number, job in self._jobs.items() if job.ending is None]
        if len(running) >= self.MOST_RUNNING:
            raise ToolError(f"{len(running)} jobs are running; stop one first.")

    def get(self, number: int) -> Job:
        """Return a job. Raises ToolError with those that are."""
        job = self._jobs.get(number)
        if job is None:
            raise ToolError(f"There is no job {number}. {self.listing()}")
        return job

    def listing(self) -> str:
        """Return a line for each job."""
        if not self._jobs:
            return "There are no background jobs."
        return "\n".join(_line(number, job) for number, job in self._jobs.items())

    def read(self, number: int, offset: int | None, limit_bytes: int) -> str:
        """Return a job's state and its output from an offset, by default what was not yet read."""
        job = self.get(number)
        state = _line(number, job)
        wanted = self._shown[number] if offset is None else offset
        text, start, end = job.output.since(wanted, limit_bytes)
        self._shown[number] = end
        total = job.output.total
        skipped = f", {start - wanted:,} bytes before are no longer kept" if start > wanted else ""
        more = f"; read on from offset {end}" if end < total else ""
        return f"{state}\n[output {start}-{end} of {total} bytes{skipped}{more}]\n{text}"

    def close(self) -> None:
        """End all jobs at once."""
        for job in self._jobs.values():
            job.end(at_once=True)
        for job in self._jobs.values():
            job.close()


def _line(number: int, job: Job) -> str:
    state = str(job.ending) if job.ending else "running"
    first, _, more = job.command.strip().partition("\n")
    return f"job {number} ({state}, {job.seconds:.1f} s): {first[:200]}{' …' if more else ''}"


def _launch(spec: Spec, control: socket.socket, output: int) -> subprocess.Popen[bytes]:
    """Start a launcher. Raises OSError."""
    with tempfile.TemporaryFile() as file:
        marshal.dump(dict[str, Any](spec), file)
        file.seek(0)
        # Its environment is almost empty: what a command exports must not run outside (LD_PRELOAD).
        return subprocess.Popen(  # noqa: S603 - our own interpreter and file, no shell
            [
                *spec["within"],
                *(sys.executable, "-I", "-S", confined.__file__, str(file.fileno())),
            ],
            stdin=control.fileno(),
            stdout=output,
            stderr=output,
            pass_fds=(file.fileno(),),
            cwd="/",
            env={},
            start_new_session=True,
        )


def _ending(said: bytes) -> Ending:
    """
    Return what the launcher said of the end.

    One that said nothing at all was not started: the reason is in the output. One that said
    nothing of the end was killed; what it had started is ended as far as it can be.
    """
    if not said:
        return Ending(confined.NOT_STARTED)
    child = 0
    for line in said.decode().splitlines():
        match line.split():
            case ["pid", number]:
                child = int(number)
            case ["exit", code, left]:
                return Ending(int(code), int(left))
            case _:
                continue
    if child:
        with suppress(OSError):
            os.killpg(child, signal.SIGKILL)
    return Ending(-signal.SIGKILL)
