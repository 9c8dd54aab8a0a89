"""A listener nobody should reach, on loopback: it keeps every byte and never asks for one."""

import asyncio
import contextlib
import ssl
from collections.abc import AsyncIterator
from types import TracebackType

from kimi_mock.loops import LOOPBACK, LoopThread, listening, loopback_listener


class Trap:
    """
    Takes connections from a thread of its own: `with Trap() as trap:`.

    `answer` is sent to each connection after its first bytes; without one it is closed then.
    `context` makes it speak TLS. `received` is all that came over every connection, and
    `connections` counts them.
    """

    def __init__(self, answer: bytes = b"", *, context: ssl.SSLContext | None = None) -> None:
        self.received = b""
        self.connections = 0
        self._answer = answer
        self._context = context
        self._listener = loopback_listener()
        self.port: int = self._listener.getsockname()[1]
        self._thread = LoopThread(self._serving)

    def __enter__(self) -> "Trap":
        """Listen."""
        self._thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        failure: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Cut every connection and join the thread."""
        self._thread.stop()

    @property
    def url(self) -> str:
        """The trap as the base of a plain http URL."""
        return f"http://{LOOPBACK}:{self.port}"

    @property
    def was_reached(self) -> bool:
        """Whether anybody connected."""
        return self.connections > 0

    @contextlib.asynccontextmanager
    async def _serving(self) -> AsyncIterator[None]:
        async with listening(self._listener, self._handle):
            yield

    async def _handle(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        if self._context is not None:
            await writer.start_tls(self._context)
        self.received += await reader.read(65_536)
        if not self._answer:
            return
        writer.write(self._answer)
        await writer.drain()
        while piece := await reader.read(65_536):
            self.received += piece
