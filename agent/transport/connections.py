"""Connections over one way out of this machine, with the chunks of answers merged."""

import ssl
from collections.abc import Iterable
from contextlib import suppress
from typing import Any

import httpcore2
import httpx2

from agent.errors import ConfigurationError
from agent.transport.chunks import ChunkMerger
from agent.transport.failures import own_words
from agent.transport.network import Network

KEPT_SECONDS = 5.0
MOST_CONNECTIONS = 100
EXPLAIN_PROXY = "`hermes explain` shows the proxy and where it comes from."


def plain_pool(network: Network) -> httpcore2.AsyncConnectionPool:
    """
    Return the connections of plain http over a way out; they are not kept.

    Raises ConfigurationError for a proxy that cannot be used.
    """
    # An empty context trusts nobody and costs 1 ms instead of 18: only a proxy over TLS uses one.
    secure = network.proxy_url.startswith("https:")
    context = _trust(network) if secure else ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    return _pool(network, context, keep=False)


def secure_pool(network: Network, *, keep: bool) -> httpcore2.AsyncConnectionPool:
    """
    Return the connections of https over a way out; `keep` leaves them open for a while.

    Raises ConfigurationError for a proxy that cannot be used and certificates that cannot be read.
    """
    return _pool(network, _trust(network), keep=keep)


def _pool(
    network: Network, context: ssl.SSLContext, *, keep: bool
) -> httpcore2.AsyncConnectionPool:
    return httpcore2.AsyncConnectionPool(
        ssl_context=context,
        proxy=_proxy(network, context),
        max_connections=MOST_CONNECTIONS,
        max_keepalive_connections=None if keep else 0,
        keepalive_expiry=KEPT_SECONDS,
        network_backend=_Backend(network.addresses),
    )


def _proxy(network: Network, context: ssl.SSLContext) -> httpcore2.Proxy | None:
    if not network.proxy_url:
        return None
    unusable = ConfigurationError(
        f"The proxy in {network.proxy_origin or 'the settings'} is not one that can be used: "
        "it takes http, https, socks5 or socks5h, and a host.",
        remedy=EXPLAIN_PROXY,
    )
    try:
        # Parsed by the library above, which knows names, passwords and percent signs.
        proxy = httpx2.Proxy(network.proxy_url)
    except (ValueError, httpx2.InvalidURL) as error:
        raise unusable from error
    url = proxy.url
    if not url.host:
        raise unusable
    secure = url.scheme == "https"
    return httpcore2.Proxy(
        url=httpcore2.URL(scheme=url.raw_scheme, host=url.raw_host, port=url.port, target=b"/"),
        auth=proxy.raw_auth,
        ssl_context=context if secure else None,
    )


def _trust(network: Network) -> ssl.SSLContext:
    """Return what is trusted: the named certificates, else the machine's own."""
    file, folder = network.certificate_file or None, network.certificate_dir or None
    if file is None and folder is None:
        return httpx2.create_ssl_context(trust_env=False)
    try:
        return ssl.create_default_context(cafile=file, capath=folder)
    except OSError as error:
        raise ConfigurationError(
            f"{file or folder} holds no certificates that can be read ({own_words(error)}).",
            remedy="`hermes explain` shows which certificates are in use, and why.",
        ) from error


class _Backend(httpcore2.AnyIOBackend):
    """Connects as the library does, but to `addresses`, if there are any, whatever the name."""

    def __init__(self, addresses: tuple[str, ...]) -> None:
        self._addresses = addresses

    async def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,  # noqa: ASYNC109 - the library's own signature
        local_address: str | None = None,
        socket_options: Iterable[httpcore2.SOCKET_OPTION] | None = None,
    ) -> httpcore2.AsyncNetworkStream:
        """Return a connection to the first address that takes one, or to the host by its name."""
        *others, last = self._addresses or (host,)
        how = (port, timeout, local_address, socket_options)
        for address in others:
            with suppress(httpcore2.ConnectError, httpcore2.ConnectTimeout):
                return _Stream(await super().connect_tcp(address, *how))
        return _Stream(await super().connect_tcp(last, *how))


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
