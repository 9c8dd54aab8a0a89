"""The egress guard over real sockets: a trap listens at every way out, and gets no key."""

import asyncio
import ssl

import pytest
import trustme

from agent.base_url import check_url, place
from agent.catalog.custom import CUSTOM
from agent.catalog.kimi import KIMI
from agent.errors import ConfigurationError, EgressRefused, HermesError, ProxyFailed
from agent.keys import ApiKey
from agent.live_list import read_models
from agent.transport.egress import permit
from agent.transport.http import Http, HttpRequest, request_sent
from agent.transport.network import Network
from tests.support.trap import Trap

CANARY = "sk-kimi-canary-egress-0001"
KEY = ApiKey(CANARY, hosts=frozenset({"api.kimi.com", "127.0.0.1"}))
TUNNEL = b"HTTP/1.1 200 Connection established\r\n\r\n"


def send(url: str, network: Network | None = None, key: ApiKey = KEY) -> int:
    """Ask once with the key; return the answer's status."""

    async def ask() -> int:
        request = HttpRequest("POST", url, body=b"{}", key=key)
        async with Http(network or Network()) as http, http.send(request) as answer:
            return answer.status

    return asyncio.run(ask())


LOOK_ALIKES = [
    "https://api.kimi.com.evil.invalid/",
    "https://evil.invalid/api.kimi.com",
    "https://evil.invalid#@api.kimi.com/",
    "https://evil.invalid?api.kimi.com",
    "https://xapi.kimi.com/",
    "https://api-kimi.com/",
    "https://kimi.com/",
    "https://api.kimi.com.:443/",
    "https://api.kimi.com./coding/v1",
    "https://api..kimi.com/",
    "https://api.k\u0456mi.com/",
    "https://api.ki\uff4di.com/",
    "https://api.kimi\u3002com/",
    "https://xn--api-kmi-9wf.com/",
    "https://api.kimi.com%2f.evil.invalid/",
    "https://api.kimi.com%00.evil.invalid/",
    "https://api.kimi.com@evil.invalid/",
    "https://api.kimi.com:443@evil.invalid/",
    "https://user:canary@api.kimi.com/",
    "https://api.kimi.com\\@evil.invalid/",
    "https://evil.invalid\\.api.kimi.com/",
    "https://api.kimi.com\t.evil.invalid/",
    "https://api.kimi.com\r\nHost: evil.invalid/",
    "https://[::ffff:1.2.3.4]/",
    "https://[::1%25evil]/",
    "https://api.kimi.com:port/",
    "https://api.kimi.com:0/",
    "//api.kimi.com/",
    "file://api.kimi.com/etc/passwd",
    "ws://api.kimi.com/",
    "http://api.kimi.com/coding/v1",
    "http://127.0.0.1.evil.invalid/",
    "http://2130706433/",
    "http://0x7f.1/",
]


@pytest.mark.parametrize("url", LOOK_ALIKES)
def test_no_look_alike_of_the_keys_host_gets_it(url: str) -> None:
    """Refused before anything is opened, and neither key nor password is repeated."""
    with pytest.raises(ConfigurationError) as caught:
        send(url)

    assert caught.value.exit_code == 3
    assert "canary" not in caught.value.message + caught.value.remedy


@pytest.mark.parametrize(
    "url",
    ["https://api.kimi.com/x", "https://API.KIMI.com:443/", "https://api.kimi.com:8443/coding"],
)
def test_case_and_port_do_not_make_another_host(url: str) -> None:
    """A host is its name: the key's own host is taken in any spelling of it."""
    assert permit(url, KEY, "Authorization")[1] == f"Bearer {CANARY}"
    assert permit(url, None, "Authorization")[1] == ""


@pytest.mark.parametrize(
    "base",
    ["https://api.k\u0456mi.com/coding/v1", "https://api.kimi.com./coding/v1", "https://a%2eb.com"],
)
def test_a_base_url_that_may_be_read_as_another_is_no_base_url(base: str) -> None:
    """Told when it is set, since its name would look right in every list."""
    for row in (KIMI, CUSTOM):
        with pytest.raises(ConfigurationError, match="host that is not made of"):
            place(base, row)
    assert check_url("https://xn--bcher-kva.example/v1").hostname == "xn--bcher-kva.example"


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_no_redirect_leads_anywhere(status: int) -> None:
    """Acceptance 15: to another port of the same host neither; the trap stays untouched."""
    with Trap() as trap:
        head = f"HTTP/1.1 {status} X\r\nLocation: {trap.url}/\r\nContent-Length: 0\r\n\r\n"
        with Trap(head.encode()) as endpoint:
            assert send(f"{endpoint.url}/v1/chat/completions") == status

    assert not trap.was_reached
    assert endpoint.connections == 1


def test_a_proxy_is_asked_to_connect_and_sees_no_key() -> None:
    """CONNECT, then ciphertext for a host it is not: neither key nor body reaches it."""
    with Trap(TUNNEL) as trap:
        impatient = Network(proxy_url=trap.url, connect_seconds=0.2)
        with pytest.raises(HermesError):
            send("https://api.kimi.com/coding/v1", impatient)

    head, _, rest = trap.received.partition(b"\r\n\r\n")
    assert head.split(b"\r\n")[0] == b"CONNECT api.kimi.com:443 HTTP/1.1"
    assert b"uthorization" not in head
    assert rest.startswith(b"\x16\x03")  # a TLS handshake
    assert b"canary" not in trap.received


def test_a_proxy_that_answers_for_the_endpoint_is_not_believed() -> None:
    """It has a certificate for the name, of an authority that nobody trusts."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    trustme.CA().issue_cert("api.kimi.com").configure_cert(context)

    async def talk() -> bytes:
        received = b""

        async def handle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            nonlocal received
            await reader.readuntil(b"\r\n\r\n")
            writer.write(TUNNEL)
            try:
                await writer.start_tls(context)
                received += await reader.read(65_536)
            except OSError:
                writer.transport.abort()

        server = await asyncio.start_server(handle, "127.0.0.1", 0)
        port = server.sockets[0].getsockname()[1]
        request = HttpRequest("POST", "https://api.kimi.com/coding/v1", body=b"{}", key=KEY)
        async with server, Http(Network(proxy_url=f"http://127.0.0.1:{port}")) as http:
            with pytest.raises(HermesError, match="TLS"):
                async with http.send(request):
                    pass
        return received

    assert asyncio.run(talk()) == b""


@pytest.mark.parametrize(
    "answer", [b"HTTP/1.1 302 X\r\nLocation: http://127.0.0.1:9/\r\n\r\n", b""]
)
def test_a_proxy_that_does_not_connect_gets_nothing_more(answer: bytes) -> None:
    """A redirect of the proxy's own is no way either, and its password is in no sentence."""
    with Trap(answer) as trap:
        proxy = trap.url.replace("://", "://user:hush-hush@")
        with pytest.raises(ProxyFailed) as caught:
            send("https://api.kimi.com/coding/v1", Network(proxy_url=proxy, proxy_origin="P"))

    assert trap.received.startswith(b"CONNECT ")
    assert b"canary" not in trap.received
    assert "hush" not in caught.value.message + caught.value.remedy


def test_plain_http_never_goes_through_a_proxy() -> None:
    """A loopback endpoint with a proxy set is refused: the proxy would read the key."""
    with Trap() as endpoint, Trap() as proxy:
        network = Network(proxy_url=proxy.url)
        with pytest.raises(EgressRefused, match="does not go through a proxy"):
            send(endpoint.url, network)

    assert not endpoint.was_reached
    assert not proxy.was_reached


@pytest.mark.parametrize("inside", ["\r\nX-Evil: 1", "\nHost: evil.invalid", "\x00", "\u2028", "é"])
def test_a_key_with_a_line_end_forges_no_header(inside: str) -> None:
    """Nothing leaves, and the sentence does not hold the key."""
    key = ApiKey(CANARY + inside, hosts=KEY.hosts)
    with Trap() as trap, pytest.raises(ConfigurationError, match="no header can carry") as caught:
        send(trap.url, key=key)

    assert not trap.was_reached
    assert "canary" not in caught.value.message


def test_what_is_shown_of_a_request_has_no_secret() -> None:
    """`--debug` shows fingerprints in place of the key, and a proxy without its password."""
    network = Network(proxy_url="http://user:hush-hush@127.0.0.1:9", proxy_origin="HTTPS_PROXY")
    request = HttpRequest("GET", "https://api.kimi.com/", (("X-Api-Key", CANARY),), key=KEY)

    shown = repr(request_sent(request, network))

    assert "hush" not in shown
    assert CANARY not in shown
    assert KEY.fingerprint in shown


POISONED = [
    (b'{"data":[{"id":"k3"}]}', ()),
    (b'{"data":[{"id":"k3","base_url":"https://evil.invalid"}]}', ("base_url",)),
    (b'{"data":[{"id":"k3","API_BASE":"x"},{"id":"k4","api-base":"y"}]}', ("API_BASE", "api-base")),
    (b'{"data":[{"id":"k3","base_url":""}],"endpoint":{"url":"x"}}', ("endpoint",)),
    (b'{"data":[{"id":"k3","meta":[{"proxyUrl":"http://x"}]}]}', ("proxyUrl",)),
    (b'{"data":[{"id":"k3","host":"a"},{"id":"k4","host":"b"}]}', ("host",)),
    (b'{"data":[{"id":"k3","protocol":"anthropic","owned_by":"x","url_count":1}]}', ()),
]


@pytest.mark.parametrize(("body", "refused"), POISONED)
def test_a_model_list_adds_facts_and_never_hosts(body: bytes, refused: tuple[str, ...]) -> None:
    """Acceptance 6: fields that propose an address are named once, and their values nowhere."""
    told = read_models(body, "api.kimi.com")

    assert told.refused == refused
    assert told.models[0].id == "k3"
    notice = told.notice("api.kimi.com")
    assert bool(notice) == bool(refused)
    assert all(f"`{name}`" in notice for name in refused)
    assert "evil" not in repr(told)


def test_a_list_nested_beyond_reason_is_still_read() -> None:
    """Only so deep is looked for addresses; deeper ones are not taken either."""
    deep = b'{"a":' * 200 + b"1" + b"}" * 200
    assert read_models(b'{"data":[{"id":"k3","x":' + deep + b"}]}", "h").refused == ()
