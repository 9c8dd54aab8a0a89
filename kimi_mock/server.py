"""The mock as a whole: three listeners on loopback, in a thread, behind one context manager."""

import asyncio
import contextlib
import signal
import socket
import ssl
import tempfile
import threading
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from types import TracebackType
from typing import Any

import h11
import trustme
import uvicorn
from uvicorn.protocols.http.h11_impl import H11Protocol
from uvicorn.server import ServerState

from kimi_mock.app import KimiApplication
from kimi_mock.loops import LOOPBACK, LoopThread, listening, loopback_listener
from kimi_mock.proxy import MockProxy
from kimi_mock.state import KimiState
from kimi_mock.surfaces import LOOPBACK_SURFACES, SURFACES, Wire, find_surface


class NotingConnection(h11.Connection):
    """Keeps the last request's headers as they were written; uvicorn passes lower case on."""

    sent_headers: list[tuple[bytes, bytes]]

    def next_event(self) -> h11.Event | type[h11.NEED_DATA] | type[h11.PAUSED]:
        """Return the next event, and note the headers if it is a request."""
        event = super().next_event()
        if isinstance(event, h11.Request):
            self.sent_headers = list(event.headers.raw_items())
        return event


class NotingProtocol(H11Protocol):
    """Tells the application what was sent, and lets it hang up, in `scope["state"]`."""

    def __init__(self, *arguments: Any, **named: Any) -> None:
        super().__init__(*arguments, **named)
        self.conn = connection = NotingConnection(h11.SERVER)
        self.lost = asyncio.Event()
        application = self.app

        async def noting(scope: Any, receive: Any, send: Any) -> None:
            scope["state"]["sent_headers"] = connection.sent_headers
            scope["state"]["abort"] = self.transport.abort
            await application(scope, receive, send)

        self.app = noting

    def connection_lost(self, exc: Exception | None) -> None:
        """Let the server know that nothing is open here any more."""
        super().connection_lost(exc)
        self.lost.set()


class KimiMock(KimiState):
    """
    A loopback Kimi: `with KimiMock() as kimi:` serves from a thread until the block ends.

    Plain HTTP at `address`; the same surfaces under their real names through `proxy_url`, with
    certificates of `certificate_file`. `port` 0 takes a free one; a port in use raises OSError
    on entering.
    """

    def __init__(self, port: int = 0) -> None:
        super().__init__()
        self._wanted_port = port
        self._open = contextlib.ExitStack()
        self._certificate_file = Path()
        self._plain: tuple[str, int] = (LOOPBACK, 0)
        self._tls: tuple[str, int] = (LOOPBACK, 0)
        self._proxy: tuple[str, int] = (LOOPBACK, 0)

    def __enter__(self) -> "KimiMock":
        """Bind the ports, make a certificate authority, and serve."""
        with contextlib.ExitStack() as opening:
            plain = opening.enter_context(loopback_listener(self._wanted_port))
            tls = opening.enter_context(loopback_listener())
            proxy = opening.enter_context(loopback_listener())
            self._plain, self._tls = plain.getsockname(), tls.getsockname()
            self._proxy = proxy.getsockname()
            folder = Path(opening.enter_context(tempfile.TemporaryDirectory(prefix="kimi-mock-")))
            self._certificate_file = folder / "authority.pem"
            context = _server_context(self._certificate_file)
            thread = LoopThread(lambda: self._serving(plain, tls, proxy, context))
            thread.start()
            opening.callback(thread.stop)
            self._open = opening.pop_all()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        failure: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Cut every connection, join the thread, remove the certificate."""
        self._open.close()

    @property
    def port(self) -> int:
        """The port of the plain listener."""
        return self._plain[1]

    @property
    def address(self) -> str:
        """The plain listener's URL, without a path."""
        return f"http://{LOOPBACK}:{self.port}"

    @property
    def proxy_url(self) -> str:
        """The URL of the HTTP proxy."""
        return f"http://{LOOPBACK}:{self._proxy[1]}"

    @property
    def tls_address(self) -> tuple[str, int]:
        """Host and port of the listener that speaks TLS under the four names."""
        return LOOPBACK, self._tls[1]

    @property
    def certificate_file(self) -> Path:
        """The throwaway authority's certificate, PEM."""
        return self._certificate_file

    def base_url(self, surface_id: str, wire: Wire = "chat") -> str:
        """
        Return a surface's base URL on loopback, as a client would configure it.

        Raises KeyError for an id that is none of the four.
        """
        surface = find_surface(surface_id)
        if surface is None:
            raise KeyError(surface_id)
        base = surface.chat_base if wire == "chat" else surface.messages_base
        place = "" if surface in LOOPBACK_SURFACES else f"/at/{surface.id}"
        return f"{self.address}{place}{base}"

    def environment(self) -> dict[str, str]:
        """Return the variables that lead a client's every request to the mock."""
        proxies = dict.fromkeys(("HTTPS_PROXY", "HTTP_PROXY", "ALL_PROXY"), self.proxy_url)
        variables = {**proxies, "NO_PROXY": ""}
        lower = {name.lower(): value for name, value in variables.items()}
        return {**variables, **lower, "SSL_CERT_FILE": str(self.certificate_file)}

    @contextlib.asynccontextmanager
    async def _serving(
        self,
        plain: socket.socket,
        tls: socket.socket,
        proxy: socket.socket,
        context: ssl.SSLContext,
    ) -> AsyncIterator[None]:
        """Serve on the three sockets until the context is left."""
        application = KimiApplication(self)
        handle = MockProxy(self, self.tls_address).handle
        async with (
            _http(application, plain, None),
            _http(application, tls, context),
            listening(proxy, handle),
        ):
            yield


@contextlib.asynccontextmanager
async def _http(
    application: KimiApplication, listener: socket.socket, context: ssl.SSLContext | None
) -> AsyncIterator[None]:
    """
    Serve HTTP on the socket; on leaving, cut what is open.

    uvicorn's protocol without its Server, whose shutdown takes a tenth of a second or more and
    waits for kept-alive connections.
    """
    config = uvicorn.Config(
        application,
        http=NotingProtocol,
        ws="none",
        lifespan="off",
        log_config=None,
        log_level="critical",
        access_log=False,
        proxy_headers=False,
    )
    config.load()
    state = ServerState()
    server = await asyncio.get_running_loop().create_server(
        lambda: NotingProtocol(config=config, server_state=state, app_state={}),
        sock=listener,
        ssl=context,
    )
    try:
        yield
    finally:
        server.close()
        cut = [each for each in state.connections if isinstance(each, NotingProtocol)]
        for connection in cut:
            connection.transport.abort()
        tasks = list(state.tasks)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        for connection in cut:
            await connection.lost.wait()
        await server.wait_closed()


def _server_context(certificate_file: Path) -> ssl.SSLContext:
    """Write a new authority's certificate and return a context with one for the four hosts."""
    authority = trustme.CA()
    authority.cert_pem.write_to_path(str(certificate_file))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert(*(surface.host for surface in SURFACES)).configure_cert(context)
    return context


def run(port: int, on_ready: Callable[[KimiMock], None]) -> None:
    """
    Serve until Ctrl-C or SIGTERM, and return; `on_ready` is called once, when it serves.

    For the main thread. Raises OSError if the port is taken.
    """
    before = signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        with contextlib.suppress(KeyboardInterrupt), KimiMock(port) as kimi:
            on_ready(kimi)
            threading.Event().wait()
    finally:
        signal.signal(signal.SIGTERM, before)
