"""One request, one streamed answer: the only module that knows the HTTP library."""

import asyncio
import ssl
from collections.abc import AsyncGenerator, AsyncIterable, AsyncIterator, Iterator, Mapping
from contextlib import asynccontextmanager, contextmanager, suppress
from typing import Any, Protocol, Self, cast

import httpcore2
import httpx2
import msgspec

from agent.base_url import hide_password, is_loopback
from agent.errors import ConfigurationError, EgressRefused, NetworkError
from agent.events import AnswerBegan, RequestSent
from agent.identity import USER_AGENT
from agent.keys import ApiKey
from agent.transport.connections import EXPLAIN_PROXY, plain_pool, secure_pool
from agent.transport.egress import permit
from agent.transport.failures import Failure, Layer, named
from agent.transport.network import Network

READ_LIMIT_BYTES = 1024 * 1024
DRAIN_SECONDS = 0.1
_SECRET_HEADERS = frozenset({"authorization", "cookie", "proxy-authorization", "x-api-key"})
# Set here and nowhere else: our own name, the key, and bytes as they are.
_OUR_HEADERS = frozenset({"accept-encoding", "authorization", "host", "user-agent"})
_THEIRS = (
    httpcore2.NetworkError,
    httpcore2.ProtocolError,
    httpcore2.ProxyError,
    httpcore2.TimeoutException,
    httpx2.DecodingError,
    ssl.SSLError,
)
_EXPLAIN = "`hermes explain` shows the address and where it comes from."


class HttpRequest(msgspec.Struct, frozen=True):
    """
    A request without its key: `key`, if any, is put into the headers as it leaves.

    `may_be_plain` lets one without a key go to another machine over plain http.
    """

    method: str
    url: str
    headers: tuple[tuple[str, str], ...] = ()
    body: bytes = b""
    key: ApiKey | None = None
    key_header: str = "Authorization"
    may_be_plain: bool = False


class HttpAnswer:
    """
    The head of an answer, and its body while it comes.

    `headers` have lower-case names, in the order in which they came. Redirects are not
    followed: a 3xx is an answer like any other. Headers, and a body that is `read`, never
    hold the `key` of the request, should the endpoint quote it.
    """

    def __init__(self, response: httpx2.Response, attempt: "_Attempt", key: ApiKey | None) -> None:
        self._key = key or ApiKey("")
        self.status = response.status_code
        self.headers = tuple(
            (name.lower(), self._key.hide_in(value))
            for name, value in response.headers.multi_items()
        )
        self._response = response
        self._attempt = attempt
        self._body: AsyncGenerator[bytes] | None = None

    @property
    def began(self) -> AnswerBegan:
        """The event that says so."""
        return AnswerBegan(status=self.status, headers=self.headers)

    def header(self, name: str) -> str:
        """Return the first header of that name, in any case, or an empty text."""
        return next((value for key, value in self.headers if key == name.lower()), "")

    def connection_fact(self, name: str) -> Any:
        """Return `ssl_object` or `server_addr` of the connection; None if it has none."""
        return self._response.extensions["network_stream"].get_extra_info(name)

    def chunks(self) -> AsyncIterator[bytes]:
        """
        Return the body's bytes as they arrive; can be called once.

        Raises AnswerCutShort, AnswerSilent or TlsFailed while it is iterated.
        """
        self._body = self._chunks()
        return self._body

    async def read(self, limit_bytes: int = READ_LIMIT_BYTES) -> bytes:
        """Return the body up to `limit_bytes`; what lies beyond is not read."""
        pieces: list[bytes] = []
        total = 0
        async for chunk in self.chunks():
            pieces.append(chunk)
            total += len(chunk)
            if total >= limit_bytes:
                break
        return self._key.hide_in(b"".join(pieces))[:limit_bytes]

    async def drain(self) -> None:
        """
        Read on to the body's end, for a tenth of a second at most; what comes is dropped.

        A connection whose body was read to its end can be used again; one whose end mark
        alone was read is closed, and the next turn pays for a new handshake.
        """
        if self._body is not None:
            with suppress(TimeoutError, NetworkError):
                async with asyncio.timeout(DRAIN_SECONDS):
                    async for _ in self._body:
                        pass

    async def close(self) -> None:
        """Close the body and, unless it was read to its end, the connection."""
        if self._body is not None:
            await self._body.aclose()
        await self._response.aclose()

    async def _chunks(self) -> AsyncGenerator[bytes]:
        # We ask for `identity`; a middlebox that packs the answer all the same is undone here.
        packed = self.header("content-encoding").lower() not in ("", "identity")
        # The transport's own stream, past the client's layer: 0.3 of 7 µs a chunk (2026-11).
        stream = cast("AsyncIterable[bytes]", self._response.stream)
        self._attempt.layer = Layer.BODY
        with self._attempt.failures_named():
            async for chunk in self._response.aiter_bytes() if packed else stream:
                yield chunk


class Http:
    """
    Requests over one way out of this machine; an asynchronous context manager.

    Connections are kept for a few seconds for the next request, except to loopback: the
    embedded server drops a kept connection without saying so (seen 2026-11).
    """

    def __init__(self, network: Network) -> None:
        self._network = network
        self._secure: httpcore2.AsyncConnectionPool | None = None
        self._plain: httpcore2.AsyncConnectionPool | None = None

    async def __aenter__(self) -> Self:
        """Return itself; nothing is opened before the first request."""
        return self

    async def __aexit__(self, *_: object) -> None:
        """Close every connection."""
        for connections in (self._secure, self._plain):
            if connections is not None:
                await connections.aclose()

    @asynccontextmanager
    async def send(self, request: HttpRequest) -> AsyncGenerator[HttpAnswer]:
        """
        Send a request and give the answer's head; its body is read inside the block.

        Leaving the block, by an error or a cancellation too, closes what was not read to
        its end. Raises ConfigurationError or EgressRefused before anything is opened, and
        a NetworkError that names the layer; nothing is tried twice.
        """
        prepared = _prepared(request)
        connections = self._connections(prepared.url, request)
        attempt = _Attempt(prepared.url, self._network)
        try:
            with attempt.failures_named():
                response = await connections.handle_async_request(
                    _for_pool(prepared, attempt.extensions)
                )
        except BaseException:
            await attempt.abandon()
            raise
        headers, told = response.headers, response.extensions
        answer = HttpAnswer(
            httpx2.Response(
                response.status, headers=headers, stream=_Body(response), extensions=told
            ),
            attempt,
            request.key,
        )
        try:
            yield answer
        finally:
            await answer.close()

    def _connections(self, url: httpx2.URL, request: HttpRequest) -> httpcore2.AsyncConnectionPool:
        if url.scheme == "http":
            open_to_all = request.may_be_plain and request.key is None
            if self._network.proxy_url and not open_to_all:
                raise EgressRefused(
                    f"Plain http to {url.host} does not go through a proxy: it would show the key.",
                    remedy=EXPLAIN_PROXY,
                )
            self._plain = self._plain or plain_pool(self._network)
            return self._plain
        self._secure = self._secure or secure_pool(self._network, keep=not is_loopback(url.host))
        return self._secure


class _Closable(Protocol):
    async def aclose(self) -> None: ...


class _Attempt:
    """
    Where one request stands, as the library's trace tells it, and what its failure means.

    Until a proxy has built the tunnel, the proxy gets the seconds of a connection; the
    seconds of silence are the endpoint's. The library has one number for both, which is
    changed as the request moves on.
    """

    def __init__(self, url: httpx2.URL, network: Network) -> None:
        self.layer = Layer.HEAD
        self._opened: _Closable | None = None
        self._network = network
        # As it is asked for: a name in another script can look like another host's.
        self._target = url.netloc.decode()
        if url.port is None:
            self._target += ":443" if url.scheme == "https" else ":80"
        self._limits: dict[str, float | None] = {
            "connect": network.connect_seconds,
            "read": network.silence_seconds,
            "write": network.silence_seconds,
            "pool": None,
        }
        self.extensions = {"timeout": self._limits, "trace": self._note}

    @contextmanager
    def failures_named(self) -> Iterator[None]:
        """Turn what the library and the TLS layer raise into a NetworkError."""
        try:
            yield
        except Exception as error:
            # What a broken SOCKS server provokes comes unwrapped: socksio.ProtocolError.
            theirs = isinstance(error, _THEIRS)
            if not theirs and self.layer is not Layer.PROXY:
                raise
            raise named(
                Failure(
                    error=error,
                    layer=Layer.PROXY if isinstance(error, httpcore2.ProxyError) else self.layer,
                    timed_out=isinstance(error, httpcore2.TimeoutException),
                    target=self._target,
                    network=self._network,
                )
            ) from error

    async def abandon(self) -> None:
        """
        Close the connection of a request that never got its answer.

        httpcore2 2.16 leaves it open after a failed SOCKS handshake, and when a handshake
        of either kind is cancelled (seen 2026-11).
        """
        if self._opened is not None:
            await self._opened.aclose()

    async def _note(self, name: str, details: Mapping[str, Any]) -> None:
        proxied = bool(self._network.proxy_url)
        match name.split("."):
            case [_, "connect_tcp", "complete"]:
                self._opened = details["return_value"]
            case [_, "connect_tcp", "started"]:
                self.layer = Layer.PROXY if proxied else Layer.TCP
                if proxied:
                    self._limits["read"] = self._network.connect_seconds
            # With a proxy, `connection.start_tls` is the handshake with the proxy itself.
            case [part, "start_tls", "started"] if part != "connection" or not proxied:
                self.layer = Layer.TLS
            case [part, "start_tls", "complete"] if part != "connection" or not proxied:
                self.layer = Layer.HEAD
                self._limits["read"] = self._network.silence_seconds
            case ["http11", "send_request_headers", "started"] if self.layer is Layer.TCP:
                self.layer = Layer.HEAD


def request_sent(request: HttpRequest, network: Network) -> RequestSent:
    """Return the event that shows a request, with fingerprints where the secrets are."""
    shown = "" if request.key is None else request.key.shown_in(request.key_header)
    return RequestSent(
        method=request.method,
        url=request.url,
        headers=tuple(
            (name, "(hidden)" if name.lower() in _SECRET_HEADERS and value != shown else value)
            for name, value in _headers(request, shown)
        ),
        body=request.key.hide_in(request.body) if request.key else request.body,
        proxy=hide_password(network.proxy_url) if network.proxy_url else "",
    )


def _headers(request: HttpRequest, authorization: str) -> list[tuple[str, str]]:
    headers = [("User-Agent", USER_AGENT), ("Accept-Encoding", "identity")]
    headers += [
        (name, value) for name, value in request.headers if name.lower() not in _OUR_HEADERS
    ]
    if authorization:
        headers.append((request.key_header, authorization))
    return headers


def _prepared(request: HttpRequest) -> httpx2.Request:
    parts, authorization = permit(
        request.url, request.key, request.key_header, may_be_plain=request.may_be_plain
    )
    host = parts.hostname or ""
    headers = _headers(request, authorization)
    for name, value in headers:
        # The library's own error for these would quote the value, and with it the key.
        if not (value.isascii() and value.isprintable()):
            raise ConfigurationError(
                f"The value for the header {name} holds characters that no header can carry.",
                remedy="If it is the key: `hermes setup` takes it anew.",
            )
    try:
        prepared = httpx2.Request(
            request.method, request.url, headers=headers, content=request.body or None
        )
    except httpx2.InvalidURL as error:
        raise ConfigurationError("The endpoint's address is not a URL.", remedy=_EXPLAIN) from error
    if host.isascii() and prepared.url.raw_host.decode() != host:
        raise EgressRefused(
            f"The endpoint's address can be read as two hosts, {host} and {prepared.url.host}.",
            remedy=_EXPLAIN,
        )
    return prepared


class _Body(httpx2.AsyncByteStream):
    """The body of the pool's answer, as the library above it wants it."""

    def __init__(self, response: httpcore2.Response) -> None:
        self._response = response

    async def __aiter__(self) -> AsyncGenerator[bytes]:
        """Yield the body's pieces as they come."""
        async for piece in self._response.aiter_stream():
            yield piece

    async def aclose(self) -> None:
        """Close what was not read to its end."""
        await self._response.aclose()


def _for_pool(request: httpx2.Request, extensions: dict[str, Any]) -> httpcore2.Request:
    url = request.url
    return httpcore2.Request(
        method=request.method,
        url=httpcore2.URL(
            scheme=url.raw_scheme, host=url.raw_host, port=url.port, target=url.raw_path
        ),
        headers=request.headers.raw,
        content=request.content,
        extensions=extensions,
    )
