"""Connections as the HTTP library's pool makes them, with the chunks of answers merged."""

import ssl
from collections.abc import Iterable
from typing import Any

import httpcore2

from agent.transport.chunks import ChunkMerger

KEPT_SECONDS = 5.0
MOST_CONNECTIONS = 100


def pool(
    context: ssl.SSLContext, *, keep: bool, proxy: httpcore2.Proxy | None = None
) -> httpcore2.AsyncConnectionPool:
    """Return a pool over one way out; `keep` leaves connections open for the next request."""
    return httpcore2.AsyncConnectionPool(
        ssl_context=context,
        proxy=proxy,
        max_connections=MOST_CONNECTIONS,
        max_keepalive_connections=None if keep else 0,
        keepalive_expiry=KEPT_SECONDS,
        network_backend=_Backend(),
    )


class _Backend(httpcore2.AnyIOBackend):
    async def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,  # noqa: ASYNC109 - the library's own signature
        local_address: str | None = None,
        socket_options: Iterable[httpcore2.SOCKET_OPTION] | None = None,
    ) -> httpcore2.AsyncNetworkStream:
        """Connect as the library does."""
        return _Stream(
            await super().connect_tcp(host, port, timeout, local_address, socket_options)
        )


class _Stream(httpcore2.AsyncNetworkStream):
    """
    A connection whose answers come in fewer chunks than were sent.

    TLS over it is another one, with a merger of its own: ciphertext is not HTTP.
    """

    def __init__(self, inner: httpcore2.AsyncNetworkStream) -> None:
        self._inner = inner
        self._merger = ChunkMerger()

    async def read(self, max_bytes: int, timeout: float | None = None) -> bytes:  # noqa: ASYNC109
        while data := await self._inner.read(max_bytes, timeout):
            if merged := self._merger.feed(data):
                return merged
        return b""

    async def write(self, buffer: bytes, timeout: float | None = None) -> None:  # noqa: ASYNC109
        self._merger.next_answer()
        await self._inner.write(buffer, timeout)

    async def aclose(self) -> None:
        await self._inner.aclose()

    async def start_tls(
        self,
        ssl_context: ssl.SSLContext,
        server_hostname: str | None = None,
        timeout: float | None = None,  # noqa: ASYNC109
    ) -> httpcore2.AsyncNetworkStream:
        return _Stream(await self._inner.start_tls(ssl_context, server_hostname, timeout))

    def get_extra_info(self, info: str) -> Any:
        return self._inner.get_extra_info(info)
