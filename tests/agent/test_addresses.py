"""Where a request without a key may go: to addresses looked at before, and over plain http."""

import asyncio
import ssl
from pathlib import Path

import pytest
import trustme

from agent.errors import EgressRefused
from agent.keys import ApiKey
from agent.transport.egress import permit
from agent.transport.http import Http, HttpRequest
from agent.transport.network import Network
from tests.agent.http_server import Served, sends, serving

OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: close\r\n\r\nok"
KEY = ApiKey("sk-secret-000000000012345", hosts=frozenset({"127.0.0.1", "page.invalid"}))
HERE = ("127.0.0.1",)


async def fetched(url: str, network: Network, key: ApiKey | None = None) -> bytes:
    """Return the body of a page that may be asked over plain http."""
    request = HttpRequest("GET", url, key=key, may_be_plain=True)
    async with Http(network) as http, http.send(request) as answer:
        return await answer.read()


def test_only_the_addresses_given_are_asked_whatever_the_name(tmp_path: Path) -> None:
    """A name that DNS gives another address a moment later leads nowhere else; TLS keeps it."""
    authority = trustme.CA()
    authority.cert_pem.write_to_path(str(tmp_path / "authority.pem"))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("page.invalid").configure_cert(context)

    async def talk() -> Served:
        network = Network(addresses=HERE, certificate_file=str(tmp_path / "authority.pem"))
        async with serving(sends(OK), context=context) as served:
            assert await fetched(f"https://page.invalid:{served.port}/", network) == b"ok"
            return served

    served = asyncio.run(talk())
    assert f"Host: page.invalid:{served.port}\r\n".encode() in served.requests[0]


def test_an_address_that_takes_no_connection_gives_way_to_the_next() -> None:
    """As a name with several addresses does: `localhost` is the IPv6 one first on many."""

    async def talk() -> None:
        async with serving(sends(OK)) as served:
            network = Network(addresses=("::1", "127.0.0.2", *HERE))
            assert await fetched(f"http://page.invalid:{served.port}/", network) == b"ok"

    asyncio.run(talk())


@pytest.mark.parametrize("may_be_plain", [False, True])
def test_plain_http_to_another_machine_takes_no_key(may_be_plain: bool) -> None:
    """Whatever the request says of itself, and without a key only where it says so."""
    with pytest.raises(EgressRefused, match="would show the key"):
        permit("http://page.invalid/", KEY, "Authorization", may_be_plain=may_be_plain)
    if may_be_plain:
        assert permit("http://page.invalid/", None, "Authorization", may_be_plain=True)[1] == ""
    else:
        with pytest.raises(EgressRefused):
            permit("http://page.invalid/", None, "Authorization")


def test_a_key_for_this_machine_goes_through_no_proxy_in_the_clear() -> None:
    """Not even where the request says that it may be plain."""

    async def talk() -> Served:
        async with serving(sends(OK)) as proxy:
            network = Network(proxy_url=f"http://127.0.0.1:{proxy.port}")
            with pytest.raises(EgressRefused, match="proxy"):
                await fetched("http://127.0.0.1:1/", network, KEY)
            return proxy

    assert asyncio.run(talk()).connections == 0
