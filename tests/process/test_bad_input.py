"""Bad input at the command line: one clear sentence, the documented exit code, nothing lost."""

import subprocess
import sys
from pathlib import Path

import pytest

from kimi_mock.server import KimiMock
from tests.conftest import PLAN_KEY
from tests.support.commands import Here
from tests.support.process import Hermes, Result
from tests.support.socks import SocksServer

pytestmark = pytest.mark.here

ASK = ("chat", "-q", "hi")


def is_a_sentence(result: Result, code: int, *words: str) -> None:
    """Check the exit code, the words on standard error, and that nothing broke or leaked."""
    assert (result.code, result.stdout) == (code, "")
    for word in words:
        assert word in result.stderr
    assert "Traceback" not in result.stderr
    assert PLAN_KEY not in result.stderr


BASE_URLS = {
    "not a url": (2, "a blank"),
    "gateway.invalid/v1": (2, "not an http or https URL"),
    "ftp://gateway.invalid/v1": (2, "not an http or https URL"),
    "http://gateway.invalid/v1": (2, "Plain http"),
    "https://me:hush@gateway.invalid/v1": (2, "user name or password"),
    "https://api.kimi.com/v1": (2, "https://api.kimi.com/coding/v1"),
}


@pytest.mark.parametrize("url", BASE_URLS)
def test_a_base_url_that_cannot_be_one_is_refused(hermes: Hermes, kimi: KimiMock, url: str) -> None:
    """As an option it is a usage error; nothing is sent, and no password is repeated."""
    code, words = BASE_URLS[url]
    result = hermes(*ASK, "--base-url", url, key=PLAN_KEY)
    is_a_sentence(result, code, words, "--base-url")
    assert "hush" not in result.stderr
    assert kimi.seen == []


def test_a_base_url_in_the_environment_is_a_wrong_setting(hermes: Hermes) -> None:
    """The same text in a variable is exit 3, with the variable and the command that drops it."""
    result = hermes.process(*ASK, key=PLAN_KEY, env={"KIMI_BASE_URL": "http://gateway.invalid/v1"})
    is_a_sentence(result, 3, "KIMI_BASE_URL", "Plain http", "`hermes config unset KIMI_BASE_URL`")


OPTIONS = [
    ("chat", "--nope"),
    ("nope",),
    ("chat", "-q"),
    ("config", "set", "provider"),
    ("config", "set", "nope", "x"),
]


@pytest.mark.parametrize("arguments", OPTIONS)
def test_an_unknown_option_is_exit_2(offline: Hermes, arguments: tuple[str, ...]) -> None:
    """The command line's own errors have the documented code."""
    is_a_sentence(offline(*arguments), 2)


QUESTIONS = {
    ("explain this",): "A question goes after `chat -q`, in quotes.",
    ("chatt",): "There is no command of that name. Is `hermes chat` meant?",
    ("hello",): "There is no command of that name.",
    ("chat", "hi"): "A question goes after -q, in quotes.",
    ("chat", "-q", "explain", "this"): "A question goes after -q, in quotes.",
}


@pytest.mark.parametrize("arguments", QUESTIONS, ids=" ".join)
def test_a_question_in_the_wrong_place_is_told_its_own(
    home: Path, arguments: tuple[str, ...]
) -> None:
    """The command line's bare "No such command" was all there was; now it says what to type."""
    result = Here(home)(*arguments)
    is_a_sentence(result, 2, f"Error: {QUESTIONS[arguments]}\n", '`hermes chat -q "TEXT"`')


def test_an_unknown_provider_lists_what_exists(offline: Hermes) -> None:
    """A name that is none is answered with the names there are."""
    is_a_sentence(offline(*ASK, "--provider", "kimmi"), 3, "`kimmi`", "kimi-coding, zai")
    is_a_sentence(offline(*ASK, "--provider", "a-name-too-long-to-be-one"), 3, "of that name")


PROXIES = {
    "ftp://proxy.invalid:1": "ftp",
    "http://": "https_proxy",
    "http://me:hush@:80": "https_proxy",
}


@pytest.mark.parametrize("proxy", PROXIES)
def test_a_proxy_that_cannot_be_one_is_exit_3(hermes: Hermes, kimi: KimiMock, proxy: str) -> None:
    """The variable is named, and its password is not."""
    result = hermes(*ASK, key=PLAN_KEY, env={"HTTPS_PROXY": proxy, "https_proxy": proxy})
    is_a_sentence(result, 3, PROXIES[proxy])
    assert "hush" not in result.stderr
    assert kimi.seen == []


@pytest.mark.parametrize("name", ["SSL_CERT_FILE", "SSL_CERT_DIR"])
def test_certificates_that_are_not_there_are_exit_3(hermes: Hermes, name: str) -> None:
    """A path that names nothing is told before anything is sent."""
    is_a_sentence(hermes(*ASK, key=PLAN_KEY, env={name: "/nowhere"}), 3, name, "/nowhere")


def test_a_home_that_is_a_file_is_exit_3(offline: Hermes, tmp_path: Path) -> None:
    """The file stays as it is."""
    file = tmp_path / "file"
    file.write_text("mine")
    is_a_sentence(offline.process("status", env={"HERMES_HOME": str(file)}), 3, "file")
    assert file.read_text() == "mine"


def test_a_broken_config_is_named_with_its_line_and_left_alone(offline: Hermes) -> None:
    """Every command says the same, and the file keeps its bytes."""
    offline.home.mkdir(mode=0o700, parents=True)
    file = offline.home / "config.toml"
    file.touch(mode=0o600)
    file.write_text('model = "k3"\nprovider = \n')
    for command in (("status",), ASK, ("model", "k3-256k")):
        is_a_sentence(offline(*command, key=PLAN_KEY), 3, "config.toml", "line 2")
    assert file.read_text() == 'model = "k3"\nprovider = \n'


def test_bad_lines_of_the_key_file_are_named_and_skipped(hermes: Hermes, kimi: KimiMock) -> None:
    """The good lines count, the bad one is a number, and its content is not shown."""
    hermes.home.mkdir(mode=0o700, parents=True)
    file = hermes.home / ".env"
    file.touch(mode=0o600)
    file.write_text(f"# mine\nthis is sk-no-assignment\nKIMI_API_KEY={PLAN_KEY}\n")
    kimi.gate_allows.add("hermes-kimi")
    result = hermes(*ASK)
    assert (result.code, result.stdout) == (0, "Hello from Kimi.\n")
    assert "line 2" in result.stderr
    assert "sk-no-assignment" not in result.stderr


FOREIGN = ["sk-ant-abcdefgh12345", "sk-or-abcdefgh12345", "AIzaabcdefgh12345", "gsk_abcdefgh12345"]


@pytest.mark.parametrize("key", [*FOREIGN, "short", "sk-with a blank", "sk-kimi-\u0441yrillic-key"])
def test_a_key_that_cannot_be_kimis_never_leaves(hermes: Hermes, kimi: KimiMock, key: str) -> None:
    """From the environment: exit 3, nothing sent, nothing repeated."""
    result = hermes(*ASK, key=key)
    is_a_sentence(result, 3, "KIMI_API_KEY", "`hermes setup`")
    assert key not in result.stderr
    assert kimi.seen == []


def test_streams_that_are_closed_from_the_start_are_no_traceback(offline: Hermes) -> None:
    """`>&-` and `2>&-` are legal; the exit code is what it would be."""
    for redirection in (">&-", "2>&-", ">&- 2>&-", "<&-"):
        shell = f'"{sys.executable}" -m hermes_cli status {redirection}'
        done = subprocess.run(
            ["sh", "-c", shell], capture_output=True, env=offline.env(key=PLAN_KEY), check=False
        )
        assert done.returncode == 0, redirection
        assert b"Traceback" not in done.stderr


@pytest.mark.parametrize("command", ["status", "models", "providers", "explain", "config path"])
def test_a_reader_that_left_is_no_traceback(offline: Hermes, command: str) -> None:
    """`| head -0` ends every command in silence, with 0."""
    shell = f'("{sys.executable}" -m hermes_cli {command}; echo "code $?" >&2) | true'
    done = subprocess.run(
        ["sh", "-c", shell], capture_output=True, env=offline.env(key=PLAN_KEY), check=False
    )
    assert done.stderr == b"code 0\n"


def test_a_socks_proxy_works(hermes: Hermes, kimi: KimiMock) -> None:
    """The third kind of proxy, under the real host name."""
    kimi.gate_allows.add("hermes-kimi")
    with SocksServer(routes={"api.kimi.com:443": kimi.tls_address}) as socks:
        env = dict.fromkeys(("HTTPS_PROXY", "https_proxy"), socks.url)
        result = hermes.process(*ASK, key=PLAN_KEY, env=env)
        assert socks.connections == 1
    assert (result.code, result.stdout) == (0, "Hello from Kimi.\n")
