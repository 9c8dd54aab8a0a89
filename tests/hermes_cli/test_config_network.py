"""Which proxy and which certificates count, and what is refused."""

from pathlib import Path

import pytest

from agent.base_url import hide_password
from agent.errors import ConfigurationError
from agent.transport.network import Network
from hermes_cli.config import read_network

HOST = "api.example.invalid"


@pytest.fixture(autouse=True)
def plain_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """Start without any proxy or certificate variable, whatever the machine has."""
    for name in ("HTTPS_PROXY", "HTTP_PROXY", "ALL_PROXY", "NO_PROXY"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.lower(), raising=False)
    for name in ("SSL_CERT_FILE", "SSL_CERT_DIR"):
        monkeypatch.delenv(name, raising=False)


def test_without_variables_the_way_out_is_direct() -> None:
    """Nothing set, nothing used."""
    assert read_network(HOST) == Network()


@pytest.mark.parametrize(
    ("variables", "url", "origin"),
    [
        ({"HTTPS_PROXY": "http://p.invalid:1"}, "http://p.invalid:1", "HTTPS_PROXY"),
        ({"https_proxy": "p.invalid:1"}, "http://p.invalid:1", "https_proxy"),
        ({"ALL_PROXY": "socks5h://u:p@p.invalid:1"}, "socks5h://u:p@p.invalid:1", "ALL_PROXY"),
        ({"HTTPS_PROXY": "http://a:1", "https_proxy": "http://b:1"}, "http://b:1", "https_proxy"),
        ({"all_proxy": "http://a:1", "HTTPS_PROXY": "http://b:1"}, "http://b:1", "HTTPS_PROXY"),
        ({"HTTP_PROXY": "http://a:1"}, "", ""),
        ({"HTTPS_PROXY": "http://a:1", "NO_PROXY": "x.invalid, example.invalid"}, "", ""),
        ({"ALL_PROXY": "ftp://a:1", "no_proxy": "*"}, "", ""),
        ({"HTTPS_PROXY": "  "}, "", ""),
    ],
)
def test_the_proxy_is_the_standard_librarys_choice(
    monkeypatch: pytest.MonkeyPatch, variables: dict[str, str], url: str, origin: str
) -> None:
    """HTTPS_PROXY before ALL_PROXY, lower case first, NO_PROXY honoured, origin as spelled."""
    for name, value in variables.items():
        monkeypatch.setenv(name, value)

    network = read_network(HOST)

    assert (network.proxy_url, network.proxy_origin) == (url, origin)


@pytest.mark.parametrize(
    "host", ["localhost", "LOCALHOST", "127.0.0.1", "127.9.9.9", "::1", "[::1]"]
)
def test_loopback_never_goes_through_a_proxy(monkeypatch: pytest.MonkeyPatch, host: str) -> None:
    """A model on this machine is reached directly: a proxy would see the key in the clear."""
    for name in ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY"):
        monkeypatch.setenv(name, "ftp://user:secret@proxy.invalid:1")

    assert read_network(host) == Network()


@pytest.mark.parametrize(
    "value",
    ["ftp://user:canary@p:1", "socks4://p:1", "http://", "http://user:canary@p:port", "://"],
)
def test_a_proxy_that_cannot_be_one_is_a_sentence(
    monkeypatch: pytest.MonkeyPatch, value: str
) -> None:
    """Exit 3, with the variable and the line that drops it, and never its password."""
    monkeypatch.setenv("https_proxy", value)

    with pytest.raises(
        ConfigurationError, match="variable https_proxy asks for the pro"
    ) as refused:
        read_network(HOST)

    assert refused.value.exit_code == 3
    assert refused.value.remedy == "`unset https_proxy` drops it."
    assert "canary" not in refused.value.message


def test_certificates_are_passed_on(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """A file and a directory that are there count; of several directories one is enough."""
    bundle = tmp_path / "ca.pem"
    bundle.touch()
    directories = f"{tmp_path / 'missing'}:{tmp_path}"
    monkeypatch.setenv("SSL_CERT_FILE", str(bundle))
    monkeypatch.setenv("SSL_CERT_DIR", directories)

    network = read_network(HOST)

    assert (network.certificate_file, network.certificate_dir) == (str(bundle), directories)


@pytest.mark.parametrize("name", ["SSL_CERT_FILE", "SSL_CERT_DIR"])
@pytest.mark.parametrize("kind", ["missing", "other"])
def test_certificates_that_are_not_there_are_a_sentence(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, name: str, kind: str
) -> None:
    """Exit 3 with the variable, rather than a handshake that fails over something else."""
    wrong = tmp_path / "wrong"
    if kind == "other" and name == "SSL_CERT_FILE":
        wrong.mkdir()
    elif kind == "other":
        wrong.touch()
    monkeypatch.setenv(name, str(wrong))

    with pytest.raises(ConfigurationError, match=f"variable {name} names {wrong}") as refused:
        read_network(HOST)

    assert refused.value.exit_code == 3
    assert refused.value.remedy == f"`unset {name}` drops it."


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("http://user:secret@p.invalid:80/x", "http://user:…@p.invalid:80/x"),
        ("http://p.invalid:80", "http://p.invalid:80"),
        ("https://p.invalid/a@b", "https://p.invalid/a@b"),
        ("http://[::1]:80", "http://[::1]:80"),
        ("user:secret@p.invalid:80", "user:…@p.invalid:80"),
        # A name without a password is a token, with many a proxy.
        ("http://secret@p.invalid:80/x", "http://…@p.invalid:80/x"),
        ("http://secret:@p.invalid:80", "http://…@p.invalid:80"),
        ("secret@p.invalid:80", "…@p.invalid:80"),
        ("https://p.invalid/a/@b", "https://p.invalid/a/@b"),
        ("http://user:se/cr?et@@p.invalid", "http://user:…@p.invalid"),
        ("http://me@work.invalid:secret@p.invalid", "http://me@work.invalid:…@p.invalid"),
        ("", ""),
    ],
)
def test_a_password_in_a_url_is_hidden(url: str, shown: str) -> None:
    """Also one with characters that should have been escaped."""
    assert hide_password(url) == shown
