"""Event loops in threads, and the plumbing of small servers that live in them."""

import asyncio
import contextlib
import socket
import threading
from collections.abc import AsyncIterator, Awaitable, Callable
from concurrent.futures import Future
from contextlib import AbstractAsyncContextManager

Handler = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]
LOOPBACK = "127.0.0.1"
PIECE_BYTES = 65_536


def loopback_listener(port: int = 0) -> socket.socket:
    """
    Return a listening TCP socket on loopback; port 0 takes a free one, a taken one is an OSError.

    The protocol number is said aloud, unlike in `socket.create_server`: without it asyncio
    leaves Nagle's algorithm on, and an answer of two writes took 40 ms (seen 2026-11-22).
    """
    listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind((LOOPBACK, port))
        listener.listen()
    except OSError:
        listener.close()
        raise
    return listener


class LoopThread:
    """
    Holds an asynchronous context open in a thread of its own.

    `start` returns when the context has been entered and raises what entering it raised;
    `stop` returns when it has been left and the thread is gone.
    """

    def __init__(self, opened: Callable[[], AbstractAsyncContextManager[None]]) -> None:
        self._opened = opened
        self._stopping: Callable[[], object] | None = None
        self._ready: Future[None] = Future()
        self._thread = threading.Thread(target=self._run, daemon=True)

    def start(self) -> None:
        """Start the thread and wait until the context is open."""
        self._thread.start()
        self._ready.result()

    def stop(self) -> None:
        """Leave the context and wait for the thread."""
        if self._stopping is not None:
            self._stopping()
        self._thread.join()

    def _run(self) -> None:
        try:
            asyncio.run(self._hold())
        except BaseException as failure:
            if self._ready.done():
                raise
            self._ready.set_exception(failure)

    async def _hold(self) -> None:
        loop, stop = asyncio.get_running_loop(), asyncio.Event()
        self._stopping = lambda: loop.call_soon_threadsafe(stop.set)
        async with self._opened():
            self._ready.set_result(None)
            await stop.wait()


@contextlib.asynccontextmanager
async def listening(listener: socket.socket, handle: Handler) -> AsyncIterator[None]:
    """Give every connection to `handle`; on leaving, cut those that are still open."""
    running: set[asyncio.Task[None]] = set()

    async def guarded(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        if task is not None:
            running.add(task)
            task.add_done_callback(running.discard)
        try:
            await handle(reader, writer)
            writer.close()
        except (OSError, EOFError, asyncio.LimitOverrunError, asyncio.CancelledError):
            # The peer left early, or we are closing. Python 3.11's streams report a cancelled
            # handler as an unhandled failure, so the cancellation, which is ours, ends here.
            writer.transport.abort()

    server = await asyncio.start_server(guarded, sock=listener)
    try:
        yield
    finally:
        server.close()
        await asyncio.sleep(0)  # a connection that was just taken gets its handler, to be cut
        cut = list(running)
        for task in cut:
            task.cancel()
        await asyncio.gather(*cut, return_exceptions=True)
        await server.wait_closed()


async def tunnel(
    reader: asyncio.StreamReader, writer: asyncio.StreamWriter, address: tuple[str, int]
) -> None:
    """Carry bytes both ways between a client and `address` until either side ends."""
    far_reader, far_writer = await asyncio.open_connection(*address)
    pumps = [
        asyncio.create_task(_pump(reader, far_writer)),
        asyncio.create_task(_pump(far_reader, writer)),
    ]
    try:
        await asyncio.wait(pumps, return_when=asyncio.FIRST_COMPLETED)
    finally:
        # Closed before anything is awaited: a cancellation that comes now would skip it.
        far_writer.close()
        for pump in pumps:
            pump.cancel()
        await asyncio.gather(*pumps, return_exceptions=True)


async def _pump(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    while piece := await reader.read(PIECE_BYTES):
        writer.write(piece)
        await writer.drain()
