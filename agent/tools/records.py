"""What a short program prints, as records, within a time limit; it never outlives the call."""

import asyncio
from asyncio.subprocess import DEVNULL, PIPE, Process
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path

import msgspec

from agent.tools.base import ToolError

SECONDS = 10.0
"""How long a search may take."""

MOST_BYTES = 16 * 1024 * 1024
"""How much of what a program prints is taken."""


class Printed(msgspec.Struct):
    """
    The records that a program printed, without their ends.

    `code` is its exit code, None if it was ended because there were too many records or, which
    `late` says, because its time was over.
    """

    records: list[bytes]
    code: int | None = None
    late: bool = False


class Program(msgspec.Struct, frozen=True, kw_only=True):
    """
    A program, its arguments, and what it is given on its standard input.

    It runs in `directory` with `environment` as its whole environment. After `most` records it
    is ended; `end` is the byte behind each.
    """

    command: Sequence[str]
    directory: Path
    environment: Mapping[str, str]
    sent: bytes = b""
    end: bytes = b"\n"
    most: int = 1_000_000
    seconds: float = SECONDS


async def printed(program: Program) -> Printed:
    """Run a program and return what it printed. Raises ToolError if it cannot be started."""
    try:
        process = await asyncio.create_subprocess_exec(
            *program.command,
            stdin=PIPE,
            stdout=PIPE,
            stderr=DEVNULL,
            cwd=program.directory,
            env=program.environment,
            start_new_session=True,
        )
    except OSError as error:
        raise ToolError(f"The search cannot be started: {error.strerror}.") from error
    taken = Printed([])
    feeding = asyncio.create_task(_feed(process, program.sent))
    try:
        async with asyncio.timeout(program.seconds):
            if await _take(process, program, taken):
                taken.code = await process.wait()
    except TimeoutError:
        taken.late = True
    finally:
        feeding.cancel()
        await _end(process)
    return taken


async def _take(process: Process, program: Program, taken: Printed) -> bool:
    """Read records; say whether they were read to the end."""
    assert process.stdout is not None  # noqa: S101 - it is a pipe
    size, rest = 0, [b""]
    while chunk := await process.stdout.read(65_536):
        size += len(chunk)
        if program.end in chunk:
            *whole, last = b"".join([*rest, chunk]).split(program.end)
            taken.records += whole
            rest = [last]
        else:
            rest.append(chunk)
        if len(taken.records) >= program.most or size > MOST_BYTES:
            return False
    return True


async def _feed(process: Process, sent: bytes) -> None:
    """Give the program its input; one that ends without reading it is not at fault."""
    assert process.stdin is not None  # noqa: S101 - it is a pipe
    with suppress(BrokenPipeError, ConnectionResetError):
        process.stdin.write(sent)
        await process.stdin.drain()
    process.stdin.close()


async def _end(process: Process) -> None:
    assert process.stdout is not None  # noqa: S101 - it is a pipe
    if process.returncode is None:
        with suppress(ProcessLookupError):
            process.kill()
    # The transport is closed only when the pipe has been read to its end.
    await process.stdout.read()
    await process.wait()
