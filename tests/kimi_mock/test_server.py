"""How the mock is reached and what it keeps: names, proxies, records, beginning and end."""

import importlib
import pkgutil
import signal
import socket
import ssl
import subprocess
import sys
import threading
from pathlib import Path

import httpx2
import pytest

import kimi_mock
from kimi_mock.replies import Reply
from kimi_mock.server import KimiMock
from kimi_mock.state import KimiState
from kimi_mock.switches import SWITCH_NAMES
from tests.support.socks import SocksServer

KEY = {"Authorization": "Bearer sk-kimi-mock-code-0001"}
BODY = {"model": "k3", "messages": [{"role": "user", "content": "hi"}], "stream": True}


def test_a_request_is_recorded_as_it_was_sent(kimi: KimiMock, by_name: httpx2.Client) -> None:
    """Surface, path, header names in their own case, body, and that it came by the proxy."""
    headers = {**KEY, "User-Agent": "kimi-code-cli/9", "X-Own-NAME": "1"}

    by_name.post("https://api.kimi.com/coding/v1/chat/completions", headers=headers, json=BODY)

    [seen] = kimi.seen
    assert (seen.surface, seen.method) == ("kimi-code", "POST")
    assert seen.path == "/coding/v1/chat/completions"
    assert seen.proxied
    assert seen.headers["Host"] == "api.kimi.com"
    assert seen.headers["x-own-name"] == "1"
    assert "X-Own-NAME" in list(seen.headers)
    assert "Cookie" not in seen.headers
    assert seen.json == BODY
    assert kimi.connects == ["api.kimi.com:443"]


def test_the_surfaces_on_loopback(kimi: KimiMock, direct: httpx2.Client) -> None:
    """By path for two of them, by `/at/<id>` for all four; the path seen is the surface's own."""
    paths = ["/coding/v1/models", "/v1/models", "/at/moonshot-cn/v1/models"]
    for path in [*paths, "/at/kimi-code-global/coding/v1/models", "/at/moonshot/v1/models"]:
        direct.get(kimi.address + path)

    assert [(seen.surface, seen.path, seen.proxied) for seen in kimi.seen] == [
        ("kimi-code", "/coding/v1/models", False),
        ("moonshot", "/v1/models", False),
        ("moonshot-cn", "/v1/models", False),
        ("kimi-code-global", "/coding/v1/models", False),
        ("moonshot", "/v1/models", False),
    ]


def test_base_urls(kimi: KimiMock) -> None:
    """Two surfaces have loopback paths of their own, two stand behind `/at/<id>`."""
    here = kimi.address

    assert kimi.base_url("kimi-code") == f"{here}/coding/v1"
    assert kimi.base_url("kimi-code", "messages") == f"{here}/coding"
    assert kimi.base_url("moonshot") == f"{here}/v1"
    assert kimi.base_url("moonshot-cn", "messages") == f"{here}/at/moonshot-cn/anthropic"
    assert kimi.base_url("kimi-code-global") == f"{here}/at/kimi-code-global/coding/v1"


def test_the_environment_is_enough(kimi: KimiMock, monkeypatch: pytest.MonkeyPatch) -> None:
    """With these variables and nothing else a client reaches the mock under a real name."""
    for name, value in kimi.environment().items():
        monkeypatch.setenv(name, value)

    with httpx2.Client() as client:
        answer = client.get("https://api.kimi.com/coding/v1/models", headers=KEY)

    assert answer.status_code == 200
    assert kimi.seen[0].proxied


def test_the_proxy_connects_nothing_else(kimi: KimiMock, by_name: httpx2.Client) -> None:
    """Another host, or another port of ours, gets 502 and is written down."""
    for url in ("https://elsewhere.invalid/", "https://api.kimi.com:8443/"):
        with pytest.raises(httpx2.ProxyError, match="502"):
            by_name.get(url)

    assert kimi.connects == ["elsewhere.invalid:443", "api.kimi.com:8443"]
    assert kimi.seen == []


def test_plain_requests_to_the_proxy_are_recorded(kimi: KimiMock, by_name: httpx2.Client) -> None:
    """What would have left in the clear is kept with its headers and answered with 502."""
    answer = by_name.post("http://api.kimi.com/coding/v1/chat?x=1", headers=KEY, json=BODY)

    assert answer.status_code == 502
    [plain] = kimi.plain_proxied
    assert (plain.method, plain.host, plain.path) == ("POST", "api.kimi.com", "/coding/v1/chat?x=1")
    assert plain.headers["authorization"] == "Bearer sk-kimi-mock-code-0001"
    assert kimi.seen == []


def test_a_client_without_the_authority_refuses_the_certificate(kimi: KimiMock) -> None:
    """The certificate is worth nothing outside the tests."""
    with (
        httpx2.Client(proxy=kimi.proxy_url, trust_env=False) as client,
        pytest.raises(httpx2.ConnectError, match="CERTIFICATE_VERIFY_FAILED"),
    ):
        client.get("https://api.moonshot.ai/v1/models")

    assert kimi.seen == []


def test_reset_forgets_everything(kimi: KimiMock, by_name: httpx2.Client) -> None:
    """After it the mock is as it was on entering."""
    kimi.gate_allows.add("someone")
    kimi.accept_any_model = True
    kimi.models.clear()
    by_name.get("http://api.kimi.com/")

    kimi.reset()

    fresh = KimiMock()
    for name in (*KimiState.__annotations__, *SWITCH_NAMES):
        assert getattr(kimi, name) == getattr(fresh, name), name


def test_many_requests_at_once(kimi: KimiMock, direct: httpx2.Client) -> None:
    """Threads may ask together; each request is recorded once."""
    url = f"{kimi.base_url('kimi-code', 'messages')}/v1/messages"
    statuses: list[int] = []

    def ask() -> None:
        statuses.append(direct.post(url, headers=KEY, json=BODY).status_code)

    threads = [threading.Thread(target=ask) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert statuses == [200] * 8
    assert len(kimi.seen) == 8


def test_leaving_cuts_whatever_is_open() -> None:
    """A stalled answer, an idle tunnel and a half-done handshake do not hold the end up."""
    earlier = set(threading.enumerate())
    with KimiMock() as kimi:
        kimi.replies.append(Reply.streaming({"content": "x"}, stall_seconds=60))
        proxy = kimi.proxy_url.rpartition(":")[2]
        client = httpx2.Client(trust_env=False)
        idle = socket.create_connection(("127.0.0.1", int(proxy)))
        idle.sendall(b"CONNECT api.kimi.com:443 HTTP/1.1\r\n\r\n")
        assert idle.recv(100).startswith(b"HTTP/1.1 200")
        url = f"{kimi.base_url('kimi-code', 'messages')}/v1/messages"
        request = client.build_request("POST", url, headers=KEY, json=BODY)
        stalled = client.send(request, stream=True)
        certificate = kimi.certificate_file
        (serving,) = set(threading.enumerate()) - earlier

    assert not serving.is_alive()
    assert idle.recv(100) == b""
    with pytest.raises((httpx2.RemoteProtocolError, httpx2.ReadError)):
        stalled.read()
    assert not certificate.exists()
    idle.close()
    client.close()


def test_a_port_in_use(kimi: KimiMock) -> None:
    """The second mock on a port fails at once, with the system's own error."""
    with pytest.raises(OSError, match="Address already in use"), KimiMock(kimi.port):
        pass


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_run_ends_cleanly_on_a_signal(number: signal.Signals, tmp_path: Path) -> None:
    """`run` says when it serves, and leaves with 0, no words and no files behind it."""
    program = (
        "from kimi_mock.server import run\nrun(0, lambda kimi: print(kimi.address, flush=True))\n"
    )
    with subprocess.Popen(
        [sys.executable, "-W", "error", "-c", program],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env={"TMPDIR": str(tmp_path)},
        text=True,
    ) as process:
        assert process.stdout is not None
        address = process.stdout.readline().strip()
        assert httpx2.get(f"{address}/v1/models", trust_env=False).status_code == 401
        process.send_signal(number)
        rest, complaints = process.communicate(timeout=10)

    assert (process.returncode, rest, complaints) == (0, "", "")
    assert list(tmp_path.iterdir()) == []


def test_the_package_imports_neither_agent_nor_command_line() -> None:
    """A mistake of the client cannot hide in the mock, which shares no line with it."""
    names = [module.name for module in pkgutil.iter_modules(kimi_mock.__path__, "kimi_mock.")]
    program = (
        "import importlib, sys\n"
        f"for name in {names!r}: importlib.import_module(name)\n"
        "found = sorted({name.partition('.')[0] for name in sys.modules})\n"
        "sys.exit(' '.join({'agent', 'hermes_cli'} & set(found)))\n"
    )
    for name in names:
        importlib.import_module(name)

    result = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)

    assert len(names) >= 7
    assert result.stderr.strip() == ""


def test_a_socks_server_can_lead_to_the_mock(kimi: KimiMock) -> None:
    """The real name goes through SOCKS to the mock's TLS, and loopback goes where it is."""
    context = ssl.create_default_context(cafile=kimi.certificate_file)
    with (
        SocksServer({"api.kimi.com:443": kimi.tls_address}) as socks,
        httpx2.Client(proxy=socks.url, verify=context, trust_env=False) as client,
    ):
        answer = client.get("https://api.kimi.com/coding/v1/models", headers=KEY)
        plain = client.get(f"{kimi.address}/v1/models")

    assert (answer.status_code, plain.status_code) == (200, 401)
    assert socks.connections == 2
    assert socks.targets == ["api.kimi.com:443", f"127.0.0.1:{kimi.port}"]


@pytest.mark.parametrize(
    ("asked", "answered"),
    [
        (b"\x05\x01\x00\x03\x11elsewhere.invalid\x01\xbb", 2),
        (b"\x05\x01\x00\x01\x09\x09\x09\x09\x01\xbb", 2),
        (b"\x05\x02\x00\x01\x7f\x00\x00\x01\x01\xbb", 7),
        (b"\x05\x01\x00\x09", 8),
    ],
)
def test_the_socks_server_reaches_nothing_else(asked: bytes, answered: int) -> None:
    """A name without a route, a live address, BIND, and no address at all are refused."""
    with SocksServer() as socks:
        # Not through httpx2 2.16: it leaves its socket open when a SOCKS proxy refuses.
        port = int(socks.url.rpartition(":")[2])
        with socket.create_connection(("127.0.0.1", port), timeout=5) as client:
            client.sendall(b"\x05\x01\x00")
            assert client.recv(2) == b"\x05\x00"
            client.sendall(asked)

            assert client.recv(10) == bytes((5, answered, 0, 1)) + bytes(6)
