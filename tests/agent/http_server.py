"""A small real server for the tests of the transport: it keeps what it was sent."""

import asyncio
import ssl
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field

import trustme

Answer = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


@dataclass
class Served:
    """A listening server: its port, its connections, and the requests it has read."""

    port: int = 0
    connections: int = 0
    requests: list[bytes] = field(default_factory=list)


def sends(*pieces: bytes) -> Answer:
    """Return an answer of these bytes, each flushed alone, and then the end."""

    async def answer(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        for piece in pieces:
            writer.write(piece)
            await writer.drain()

    return answer


def untrusted() -> ssl.SSLContext:
    """Return a server's context whose authority nobody trusts."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    trustme.CA().issue_cert("127.0.0.1").configure_cert(context)
    return context


async def silent(reader: asyncio.StreamReader, _: asyncio.StreamWriter) -> None:
    """Say nothing until the other side leaves."""
    await reader.read()


@asynccontextmanager
async def serving(
    answer: Answer, *, context: ssl.SSLContext | None = None, reads_request: bool = True
) -> AsyncGenerator[Served]:
    """
    Listen on a free port of 127.0.0.1 and give `answer` each connection.

    The request is read and kept first, unless `reads_request` is off.
    """
    served = Served()
    tasks: set[asyncio.Task[None]] = set()

    async def connected(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        served.connections += 1
        task = asyncio.current_task()
        if task is not None:
            tasks.add(task)
        with suppress(OSError, asyncio.IncompleteReadError, asyncio.CancelledError):
            if reads_request:
                served.requests.append(await _request(reader))
            await answer(reader, writer)
        writer.close()
        with suppress(OSError, asyncio.CancelledError):
            await writer.wait_closed()

    server = await asyncio.start_server(connected, "127.0.0.1", 0, ssl=context)
    served.port = server.sockets[0].getsockname()[1]
    try:
        yield served
    finally:
        server.close()
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


async def _request(reader: asyncio.StreamReader) -> bytes:
    head = await reader.readuntil(b"\r\n\r\n")
    _, _, length = head.lower().partition(b"content-length:")
    return head + await reader.readexactly(int(length.partition(b"\r\n")[0] or 0))
