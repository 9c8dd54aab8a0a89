"""Requests and answers over real sockets."""

import asyncio
import gzip
import ssl
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest
import trustme

from agent.errors import AnswerCutShort, ConfigurationError, EgressRefused
from agent.events import AnswerBegan, RequestSent
from agent.identity import USER_AGENT
from agent.keys import ApiKey
from agent.transport.http import Http, HttpAnswer, HttpRequest, request_sent
from agent.transport.network import Network
from tests.agent.http_server import Served, sends, serving, silent
from tests.support.socks import SocksServer

KEY = ApiKey("sk-secret-12345", hosts=frozenset({"127.0.0.1"}))
OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"
STREAM = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"


async def fetched(url: str, network: Network | None = None) -> bytes:
    """Return the body of one GET."""
    async with Http(network or Network()) as http, http.send(HttpRequest("GET", url)) as answer:
        return await answer.read()


def test_what_leaves_is_exactly_this() -> None:
    """Our name, bytes as they are, the wire's headers, the key, the body, and nothing else."""

    async def talk() -> None:
        async with serving(sends(OK)) as served, Http(Network()) as http:
            url = f"http://127.0.0.1:{served.port}/v1/chat?a=b"
            headers = (("Accept", "text/event-stream"), ("User-Agent", "somebody-else/1"))
            request = HttpRequest("POST", url, headers, "{“}".encode(), KEY)
            async with http.send(request) as answer:
                assert await answer.read() == b"ok"
        assert served.requests[0].decode() == (
            "POST /v1/chat?a=b HTTP/1.1\r\n"
            f"Host: 127.0.0.1:{served.port}\r\n"
            f"User-Agent: {USER_AGENT}\r\n"
            "Accept-Encoding: identity\r\n"
            "Accept: text/event-stream\r\n"
            "Authorization: Bearer sk-secret-12345\r\n"
            "Content-Length: 5\r\n"
            "\r\n"
            "{“}"
        )

    asyncio.run(talk())


def test_an_answer_is_given_as_it_comes() -> None:
    """Each flushed piece arrives before the next is sent; the head is known before the body."""

    async def talk() -> None:
        taken = asyncio.Event()

        async def answer(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            writer.write(STREAM + b"3\r\none\r\n")
            await taken.wait()
            writer.write(b"3\r\ntwo\r\n0\r\n\r\n")
            await writer.drain()

        async with serving(answer) as served, Http(Network()) as http:
            url = f"http://127.0.0.1:{served.port}/"
            async with http.send(HttpRequest("GET", url)) as got:
                assert got.status == 200
                assert got.header("Transfer-Encoding") == "chunked"
                assert got.header("missing") == ""
                assert got.began == AnswerBegan(
                    status=200, headers=(("transfer-encoding", "chunked"),)
                )
                pieces = []
                async for chunk in got.chunks():
                    pieces.append(chunk)
                    taken.set()
                assert pieces == [b"one", b"two"]

    asyncio.run(talk())


@pytest.mark.parametrize("status", [302, 307, 401, 503])
def test_no_status_is_an_error_here_and_no_redirect_is_followed(status: int) -> None:
    """A redirect to another port gets neither the key nor a connection."""

    async def talk() -> None:
        async with serving(sends(OK)) as trap:
            to = f"Location: http://127.0.0.1:{trap.port}/\r\n"
            head = f"HTTP/1.1 {status} X\r\n{to}Content-Length: 4\r\n\r\n"
            async with serving(sends(head.encode() + b"body")) as served:
                url = f"http://127.0.0.1:{served.port}/"
                request = HttpRequest("POST", url, key=KEY)
                async with Http(Network()) as http, http.send(request) as answer:
                    assert (answer.status, await answer.read()) == (status, b"body")
            assert trap.connections == 0

    asyncio.run(talk())


def test_a_long_error_body_is_read_up_to_its_limit() -> None:
    """What lies beyond is left, and the connection is closed without reading it."""

    async def talk() -> None:
        endless = b"HTTP/1.1 500 X\r\nContent-Length: 1000000000\r\n\r\n" + b"x" * 4000
        async with serving(sends(endless)) as served, Http(Network()) as http:
            url = f"http://127.0.0.1:{served.port}/"
            async with http.send(HttpRequest("GET", url)) as answer:
                assert await answer.read(limit_bytes=10) == b"xxxxxxxxxx"

    asyncio.run(talk())


def test_a_packed_answer_is_unpacked() -> None:
    """We ask for bytes as they are; a gateway that packs them all the same is understood."""
    packed = gzip.compress(b"data: x\n\n")
    head = "HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: {}\r\n\r\n"

    async def talk(body: bytes) -> bytes:
        async with serving(sends(head.format(len(body)).encode() + body)) as served:
            return await fetched(f"http://127.0.0.1:{served.port}/")

    assert asyncio.run(talk(packed)) == b"data: x\n\n"
    with pytest.raises(AnswerCutShort, match="broke off"):
        asyncio.run(talk(b"not packed at all"))


def test_connections_to_loopback_are_not_kept() -> None:
    """The embedded server drops a kept connection without saying so."""

    async def talk() -> None:
        async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            writer.write(OK)
            await reader.read()

        async with serving(answer) as served, Http(Network()) as http:
            for _ in range(2):
                request = HttpRequest("GET", f"http://127.0.0.1:{served.port}/")
                async with http.send(request) as got:
                    await got.read()
            assert served.connections == 2

    asyncio.run(talk())


async def _whole_head(answer: HttpAnswer) -> None:
    await answer.read()


async def _first_piece(answer: HttpAnswer) -> None:
    async for _ in answer.chunks():
        await asyncio.sleep(60)


@pytest.mark.parametrize(
    ("piece", "then"),
    [(b"", _whole_head), (STREAM, _whole_head), (STREAM + b"1\r\na\r\n", _first_piece)],
    ids=["before the head", "before the body", "in the body"],
)
def test_a_cancelled_request_closes_its_connection_at_once(
    piece: bytes, then: Callable[[HttpAnswer], Awaitable[None]]
) -> None:
    """Ctrl-C stops the endpoint too, wherever the answer is; nothing else is raised."""

    async def talk() -> None:
        begun, closed = asyncio.Event(), asyncio.Event()

        async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            writer.write(piece)
            await writer.drain()
            begun.set()
            await silent(reader, writer)
            closed.set()

        async with serving(answer) as served, Http(Network()) as http:

            async def ask() -> None:
                request = HttpRequest("GET", f"http://127.0.0.1:{served.port}/")
                async with http.send(request) as got:
                    await then(got)

            task = asyncio.create_task(ask())
            await begun.wait()
            await asyncio.sleep(0.05)
            task.cancel()
            with pytest.raises(asyncio.CancelledError):
                await task
            await asyncio.wait_for(closed.wait(), 1)

    asyncio.run(talk())


def test_a_cancelled_handshake_closes_its_connection_at_once() -> None:
    """Ctrl-C while TLS is being agreed on leaves no open socket behind."""

    async def talk() -> None:
        begun, closed = asyncio.Event(), asyncio.Event()

        async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            begun.set()
            await silent(reader, writer)
            closed.set()

        async with serving(answer, reads_request=False) as served:
            task = asyncio.create_task(fetched(f"https://127.0.0.1:{served.port}/"))
            await begun.wait()
            await asyncio.sleep(0.05)
            task.cancel()
            with pytest.raises(asyncio.CancelledError):
                await task
            await asyncio.wait_for(closed.wait(), 1)

    asyncio.run(talk())


def test_a_key_goes_to_its_own_hosts_only() -> None:
    """Another host is refused before a connection is opened."""
    foreign = ApiKey("sk-secret-12345", hosts=frozenset({"endpoint.invalid"}))

    async def talk() -> Served:
        async with serving(sends(OK)) as served, Http(Network()) as http:
            request = HttpRequest("POST", f"http://127.0.0.1:{served.port}/", key=foreign)
            with pytest.raises(EgressRefused, match=r"does not belong to 127\.0\.0\.1"):
                async with http.send(request):
                    pass
            return served

    assert asyncio.run(talk()).connections == 0


def test_plain_http_never_goes_through_a_proxy() -> None:
    """A proxy would see the key in the clear: refused before anything is opened."""

    async def talk() -> Served:
        async with serving(sends(OK)) as proxy:
            network = Network(proxy_url=f"http://127.0.0.1:{proxy.port}")
            with pytest.raises(EgressRefused, match="proxy"):
                await fetched("http://127.0.0.1:1/", network)
            return proxy

    assert asyncio.run(talk()).connections == 0


@pytest.mark.parametrize("text", ["sk-sécret-12345", "sk-secret\n-12345", "sk-\x00secret"])
def test_a_key_that_no_header_can_carry_is_not_quoted(text: str) -> None:
    """The library's own error would show it."""
    key = ApiKey(text, hosts=frozenset({"127.0.0.1"}))

    async def talk() -> None:
        request = HttpRequest("GET", "http://127.0.0.1:1/", key=key)
        async with Http(Network()) as http, http.send(request):
            pass

    with pytest.raises(ConfigurationError, match="Authorization") as raised:
        asyncio.run(talk())
    assert "cret" not in raised.value.message
    assert raised.value.__cause__ is None


def test_what_debug_shows_holds_no_secret() -> None:
    """The key becomes its fingerprint, other secrets are hidden, the proxy keeps its name."""
    headers = (("Accept", "text/event-stream"), ("X-Api-Key", "hush"))
    request = HttpRequest("POST", "https://endpoint.invalid/v1", headers, b"{}", KEY)
    network = Network(proxy_url="http://me:hush@proxy.invalid:3128")
    assert request_sent(request, network) == RequestSent(
        method="POST",
        url="https://endpoint.invalid/v1",
        headers=(
            ("User-Agent", USER_AGENT),
            ("Accept-Encoding", "identity"),
            ("Accept", "text/event-stream"),
            ("X-Api-Key", "(hidden)"),
            ("Authorization", f"Bearer {KEY.fingerprint}"),
        ),
        body=b"{}",
        proxy="http://me:…@proxy.invalid:3128",
    )


def test_a_named_authority_is_trusted_over_tls_and_through_socks(tmp_path: Path) -> None:
    """`SSL_CERT_FILE` is enough; a SOCKS proxy gets the name, and the endpoint its own time."""
    authority = trustme.CA()
    authority.cert_pem.write_to_path(str(tmp_path / "authority.pem"))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("127.0.0.1", "endpoint.invalid").configure_cert(context)

    async def answer(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await asyncio.sleep(0.4)
        writer.write(OK)
        await writer.drain()

    async def talk() -> None:
        file = str(tmp_path / "authority.pem")
        async with serving(answer, context=context) as served:
            direct = Network(certificate_file=file)
            assert await fetched(f"https://127.0.0.1:{served.port}/", direct) == b"ok"
            route = {f"endpoint.invalid:{served.port}": ("127.0.0.1", served.port)}
            with SocksServer(route) as socks:
                # The answer takes longer than a connection may: it is the endpoint's silence.
                through = Network(certificate_file=file, proxy_url=socks.url, connect_seconds=0.3)
                url = f"https://endpoint.invalid:{served.port}/"
                assert await fetched(url, through) == b"ok"
                assert socks.targets == [f"endpoint.invalid:{served.port}"]

    asyncio.run(talk())
