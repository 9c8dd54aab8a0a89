"""Broken ways out, over real sockets: each is named by its layer, at once."""

import asyncio
import re
import socket
import ssl
import time
from pathlib import Path

import pytest
import trustme

from agent.errors import (
    AnswerCutShort,
    AnswerSilent,
    ConfigurationError,
    ConnectionRefused,
    ConnectTimedOut,
    HermesError,
    NameNotResolved,
    ProxyFailed,
    TlsFailed,
)
from agent.keys import ApiKey
from agent.transport.http import Http, HttpRequest
from agent.transport.network import Network
from tests.agent.http_server import Answer, sends, serving, silent, untrusted

SCRIPT = "xn--80aa1agjdchj.invalid"
"""A name in Cyrillic letters that look like ours, as a certificate and a setting have it."""
CHUNKED = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"


def failed(url: str, network: Network) -> HermesError:
    """Return what one request with a key raises, checking what holds for all of them."""

    async def ask() -> None:
        hosts = frozenset({"127.0.0.1", "::1", "localhost", "endpoint.invalid", SCRIPT})
        key = ApiKey("sk-hush-12345", hosts=hosts)
        request = HttpRequest("POST", url, body=b"{}", key=key)
        async with Http(network) as http, http.send(request) as answer:
            await answer.read()

    begun = time.monotonic()
    with pytest.raises(HermesError) as raised:
        asyncio.run(ask())
    error = raised.value
    assert time.monotonic() - begun < 4
    assert "key" not in error.message.lower()
    assert "hush" not in error.message
    assert error.message.endswith(".")
    assert re.search(r"`hermes \w+", error.remedy)
    return error


def failed_at(
    answer: Answer,
    url: str = "http://127.0.0.1:{port}/",
    *,
    context: ssl.SSLContext | None = None,
    reads_request: bool = True,
    proxy: str = "",
) -> HermesError:
    """Return what a request raises whose endpoint, or proxy, answers so."""

    async def ask() -> HermesError:
        async with serving(answer, context=context, reads_request=reads_request) as served:
            network = Network(
                proxy_url=proxy.format(port=served.port),
                proxy_origin="HTTPS_PROXY" if proxy else "",
                connect_seconds=0.3,
                silence_seconds=0.3,
            )
            return await asyncio.to_thread(failed, url.format(port=served.port), network)

    return asyncio.run(ask())


def closed_port() -> int:
    """Return a port of 127.0.0.1 on which nobody listens."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost"])
def test_a_closed_port(host: str) -> None:
    """One address or several: the system's own words are given, not the library's."""
    port = closed_port()
    error = failed(f"http://{host}:{port}/", Network())
    assert type(error) is ConnectionRefused
    assert error.message == f"Nobody answers at {host}:{port} (TCP: Connection refused)."
    assert not error.retryable


def test_a_name_without_an_address() -> None:
    """No network and a wrong name look alike, and the sentence says both."""
    error = failed("https://endpoint.invalid/v1", Network())
    assert type(error) is NameNotResolved
    assert "endpoint.invalid" in error.message
    assert "(DNS: " in error.message


def test_a_name_is_told_as_it_is_asked_for() -> None:
    """Not in the letters it stands for, which look like another host's; an address in brackets."""
    error = failed(f"https://{SCRIPT}/", Network())
    assert error.message.startswith(f"The name {SCRIPT} has no address")
    assert failed("https://[::1]:9/", Network()).message.startswith("Nobody answers at [::1]:9 (")
    proxied = failed("https://endpoint.invalid/", Network(proxy_url="http://[::1]:9"))
    assert proxied.message.startswith("The proxy [::1]:9 could not be reached")


def test_a_certificate_that_nobody_vouches_for() -> None:
    """The remedy is the variable that names another authority."""
    error = failed_at(sends(), "https://127.0.0.1:{port}/", context=untrusted())
    assert type(error) is TlsFailed
    assert "is not accepted (TLS: " in error.message
    assert "SSL_CERT_FILE=" in error.remedy


def test_a_certificate_of_another_authority_names_the_file(tmp_path: Path) -> None:
    """Whoever set `SSL_CERT_FILE` learns that it is what is being used."""
    file = tmp_path / "authority.pem"
    trustme.CA().cert_pem.write_to_path(str(file))

    async def ask() -> HermesError:
        async with serving(sends(), context=untrusted()) as served:
            url = f"https://127.0.0.1:{served.port}/"
            return await asyncio.to_thread(failed, url, Network(certificate_file=str(file)))

    error = asyncio.run(ask())
    assert type(error) is TlsFailed
    assert f"with the authorities in {file}" in error.message


@pytest.mark.parametrize("answer", [b"HTTP/1.1 400 Bad Request\r\n\r\n", b""])
def test_a_port_that_does_not_speak_tls(answer: bytes) -> None:
    """Plain http behind an https address, or a server that hangs up, is TLS's failure."""
    error = failed_at(sends(answer), "https://127.0.0.1:{port}/", reads_request=False)
    assert type(error) is TlsFailed
    assert "handshake failed (TLS: " in error.message


def test_a_handshake_that_is_never_answered() -> None:
    """The limit is the one for connecting."""
    error = failed_at(silent, "https://127.0.0.1:{port}/", reads_request=False)
    assert type(error) is ConnectTimedOut
    assert "within 0.3 s (TLS: " in error.message


def test_a_file_without_certificates(tmp_path: Path) -> None:
    """A broken setting is the configuration's fault: exit 3, and nothing is sent."""
    (tmp_path / "empty.pem").write_text("nothing")
    for name in ("empty.pem", "missing.pem"):
        file = str(tmp_path / name)
        error = failed("https://endpoint.invalid/", Network(certificate_file=file))
        assert type(error) is ConfigurationError
        assert file in error.message


def test_a_proxy_on_a_closed_port() -> None:
    """It is the proxy that is named, with the variable it came from and without its password."""
    port = closed_port()
    for scheme in ("http", "socks5", "socks5h"):
        network = Network(
            proxy_url=f"{scheme}://me:hush@127.0.0.1:{port}", proxy_origin="HTTPS_PROXY"
        )
        error = failed("https://endpoint.invalid/", network)
        assert type(error) is ProxyFailed
        assert error.message == (
            f"The proxy 127.0.0.1:{port} (from HTTPS_PROXY) could not be reached "
            "(TCP: Connection refused)."
        )


def test_a_proxy_whose_name_has_no_address() -> None:
    """Not the endpoint's name: with a proxy, the endpoint's is never looked up here."""
    error = failed("https://endpoint.invalid/", Network(proxy_url="http://proxy.invalid:3128"))
    assert type(error) is ProxyFailed
    assert "proxy.invalid:3128 has a name without an address (DNS: " in error.message


@pytest.mark.parametrize(
    ("said", "words"),
    [
        (b"HTTP/1.1 407 Proxy Authentication Required\r\n\r\n", "407 Proxy Authentication"),
        (b"HTTP/1.1 502 Bad Gateway\r\n\r\n", "502 Bad Gateway"),
        (b"", "disconnected"),
        (b"SSH-2.0\r\n\r\n", "illegal"),
    ],
)
def test_a_proxy_that_does_not_connect_us(said: bytes, words: str) -> None:
    """Its own status is given, and a proxy that hangs up is not a cut answer."""
    error = failed_at(sends(said), "https://endpoint.invalid/", proxy="http://127.0.0.1:{port}")
    assert type(error) is ProxyFailed
    assert "did not connect us to endpoint.invalid:443 (proxy: " in error.message
    assert words in error.message


@pytest.mark.parametrize("scheme", ["http", "https", "socks5"])
def test_a_proxy_that_never_answers(scheme: str) -> None:
    """It has the seconds of a connection, not those of a thinking model."""
    error = failed_at(
        silent,
        "https://endpoint.invalid/",
        reads_request=False,
        proxy=f"{scheme}://127.0.0.1:{{port}}",
    )
    assert type(error) is ProxyFailed
    assert "within 0.3 s" in error.message


@pytest.mark.parametrize(
    "said", [b"HTTP/1.1 400 Bad Request\r\n\r\n", b"", b"\x05", b"\x05\xff"], ids=repr
)
def test_a_socks_proxy_that_is_none(said: bytes) -> None:
    """What the library lets through unwrapped is a proxy's failure too, and no socket leaks."""
    error = failed_at(
        sends(said),
        "https://endpoint.invalid/",
        reads_request=False,
        proxy="socks5://127.0.0.1:{port}",
    )
    assert type(error) is ProxyFailed


def test_a_proxy_with_an_untrusted_certificate() -> None:
    """The handshake that failed was the one with the proxy."""
    error = failed_at(
        sends(),
        "https://endpoint.invalid/",
        context=untrusted(),
        proxy="https://127.0.0.1:{port}",
    )
    assert type(error) is ProxyFailed
    assert "could not be trusted (TLS: " in error.message


def test_a_tunnel_that_leads_to_no_tls() -> None:
    """Behind the proxy the endpoint is named again."""
    established = b"HTTP/1.1 200 Connection established\r\n\r\n"
    error = failed_at(
        sends(established, b"nonsense"),
        "https://endpoint.invalid/",
        proxy="http://127.0.0.1:{port}",
    )
    assert type(error) is TlsFailed
    assert "endpoint.invalid:443" in error.message


@pytest.mark.parametrize("proxy", ["gopher://127.0.0.1:1", "http://127.0.0.1:hush", "http://"])
def test_a_proxy_that_cannot_be_one(proxy: str) -> None:
    """A broken setting is the configuration's fault: exit 3, and its text is not repeated."""
    error = failed("https://endpoint.invalid/", Network(proxy_url=proxy, proxy_origin="ALL_PROXY"))
    assert type(error) is ConfigurationError
    assert "ALL_PROXY" in error.message


@pytest.mark.parametrize("head", [b"", CHUNKED, CHUNKED + b"1\r\na\r\n"])
def test_silence(head: bytes) -> None:
    """Before the head or within the body, after the seconds of silence."""

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(head)
        await silent(reader, writer)

    error = failed_at(answer)
    assert type(error) is AnswerSilent
    assert "for 0.3 s" in error.message
    assert error.retryable


@pytest.mark.parametrize(
    ("said", "words"),
    [
        (b"", "gave no answer"),
        (b"SSH-2.0\r\n\r\n", "gave no answer"),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nabc", "broke off"),
        (CHUNKED + b"3\r\nabc\r\n", "broke off"),
        (CHUNKED + b"zz\r\nabc\r\n", "broke off"),
    ],
)
def test_an_answer_that_is_cut(said: bytes, words: str) -> None:
    """Before the head or within the body; what came of it is kept by whoever read it."""
    error = failed_at(sends(said))
    assert type(error) is AnswerCutShort
    assert words in error.message
    assert error.retryable


def test_a_connection_that_is_reset_in_the_answer() -> None:
    """The system's own words are given."""

    async def answer(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(CHUNKED)
        await writer.drain()
        await asyncio.sleep(0.05)
        writer.get_extra_info("socket").setsockopt(
            socket.SOL_SOCKET, socket.SO_LINGER, b"\x01\0\0\0\0\0\0\0"
        )

    error = failed_at(answer)
    assert type(error) is AnswerCutShort
    assert "(HTTP: Connection reset by peer)" in error.message
