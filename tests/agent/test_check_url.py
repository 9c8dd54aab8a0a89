"""Which addresses a request may go to; values only."""

import pytest

from agent.base_url import check_url, is_loopback
from agent.errors import ConfigurationError, EgressRefused


@pytest.mark.parametrize(
    ("url", "host", "port"),
    [
        ("https://endpoint.invalid/v1", "endpoint.invalid", None),
        ("https://ENDPOINT.invalid:8443/v1", "endpoint.invalid", 8443),
        ("http://localhost:8080/v1", "localhost", 8080),
        ("http://127.0.0.1:8080", "127.0.0.1", 8080),
        ("http://127.9.9.9", "127.9.9.9", None),
        ("http://[::1]:8080/v1", "::1", 8080),
    ],
)
def test_https_anywhere_and_plain_http_to_this_machine(
    url: str, host: str, port: int | None
) -> None:
    """The parts come back, the host in lower case and without brackets."""
    parts = check_url(url)
    assert (parts.hostname, parts.port) == (host, port)


@pytest.mark.parametrize(
    "url",
    [
        "http://endpoint.invalid/v1",
        "http://10.0.0.1/v1",
        "http://0.0.0.0/v1",
        "http://127.0.0.1.endpoint.invalid/",
        "http://localhost.endpoint.invalid/",
        "http://[::2]/",
    ],
)
def test_plain_http_to_another_machine_is_refused(url: str) -> None:
    """A key in the clear is a key lost; names that only look like loopback are others'."""
    with pytest.raises(EgressRefused, match="Plain http") as raised:
        check_url(url)
    assert "`hermes explain`" in raised.value.remedy


@pytest.mark.parametrize(
    "url",
    [
        "",
        "endpoint.invalid/v1",
        "ftp://endpoint.invalid",
        "file:///etc/passwd",
        "https://",
        "https:///v1",
        "https://:443/",
        "https://me:hush@endpoint.invalid/",
        "https://hush@endpoint.invalid/",
        "https://endpoint.invalid:port/",
        "https://endpoint.invalid:99999/",
        "https://[::1/",
        "https://trusted.invalid\\@endpoint.invalid/",
        "https://endpoint.\ninvalid/",
        "https://endpoint.invalid/a b",
        "https://endpoint.invalid/\u200b",
    ],
)
def test_what_is_no_address_is_refused_without_repeating_it(url: str) -> None:
    """Exit 3, a remedy, and never the password that stood in it."""
    with pytest.raises(ConfigurationError) as raised:
        check_url(url)
    assert "hush" not in raised.value.message
    assert "`hermes " in raised.value.remedy


@pytest.mark.parametrize("host", ["localhost", "LOCALHOST", "127.0.0.1", "127.1.2.3", "::1"])
def test_loopback(host: str) -> None:
    """Every spelling that cannot leave this machine."""
    assert is_loopback(host)


@pytest.mark.parametrize("host", ["", "localhost.invalid", "128.0.0.1", "127.1", "::"])
def test_not_loopback(host: str) -> None:
    """A name that DNS decides on, or an address that leaves, is not loopback."""
    assert not is_loopback(host)
