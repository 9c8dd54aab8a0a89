"""`hermes doctor` as a process: one story with status and chat, a terminal, the support file."""

import json
import socket
import stat
import sys
from pathlib import Path

import pytest

from kimi_mock.server import KimiMock
from tests.conftest import PLAN_KEY, PLATFORM_KEY
from tests.support.process import Hermes
from tests.support.terminal import ENTER, Terminal

CANARY = "sk-kimi-canary0123456789canary"
USER, PROMPT, GATEWAY = "canarina", "my canary prompt of the night", "gateway.canary-corp.invalid"
PROXY = "proxy.canary-corp.invalid"


def put(hermes: Hermes, name: str, text: str, mode: int = 0o600) -> Path:
    """Write a file of the home."""
    hermes.home.mkdir(mode=0o700, exist_ok=True)
    path = hermes.home / name
    path.write_text(text)
    path.chmod(mode)
    return path


def test_status_doctor_and_chat_tell_one_story(hermes: Hermes, kimi: KimiMock) -> None:
    """Acceptance 30: endpoint, fingerprint and model are those of the request that goes out."""
    put(hermes, ".env", f"KIMI_CODING_API_KEY={PLATFORM_KEY}\n")

    doctor = json.loads(hermes("doctor", "--json").stdout)
    status = json.loads(hermes("status", "--json").stdout)
    kimi.seen.clear()
    hermes("chat", "-q", "hi")

    for name in ("provider", "key", "endpoint", "base_url", "wire", "model", "model_id_sent"):
        assert doctor["route"][name] == status["route"][name]
    [request] = kimi.seen
    assert request.surface == doctor["route"]["endpoint"]["id"]
    assert request.json["model"] == doctor["route"]["model_id_sent"]
    assert request.headers["Authorization"] == f"Bearer {PLATFORM_KEY}"


def test_in_a_terminal_it_is_wrapped_coloured_and_mends_after_a_yes(hermes: Hermes) -> None:
    """At 80 columns every line fits, red is red, and `--fix` waits for an answer."""
    env_file = put(hermes, ".env", "KIMI_API_KEY=sk-kimi-not-a-key-of-the-mock\n", 0o644)
    argv = [*hermes.argv, "doctor", "--fix"]
    with Terminal(argv, hermes.env(), columns=80, directory=hermes.home.parent) as terminal:
        shown = terminal.read_until("Mend it? [y/N]")
        assert env_file.stat().st_mode & 0o777 == 0o644
        terminal.send("y" + ENTER)
        assert terminal.wait() == 3

        assert "\x1b[31mbroken   answer" in terminal.raw
        assert "done: chmod 600 ~/.hermes/.env" in terminal.text
    lines = [line for line in shown.splitlines() if "looking" not in line]
    assert all(len(line) <= 80 for line in lines), max(lines, key=len)
    assert env_file.stat().st_mode & 0o777 == 0o600


def canary_environment(hermes: Hermes, kimi: KimiMock) -> dict[str, str]:
    """Return an environment, and fill a home, in which everything private is a canary."""
    put(hermes, "keys.toml", f'[kimi-coding.canarykey]\nkey = "{CANARY}"\n')
    put(
        hermes,
        "config.toml",
        f'provider = "kimi-coding"\nmodel = "{USER}-model"\nsk-canary-setting = 1\n'
        f'[providers.kimi-coding]\nbase_url = "https://{GATEWAY}/v1"\n'
        f'granted_hosts = ["grant.canary-corp.invalid"]\n'
        f'[providers.canary-own]\nbase_url = "https://own.{socket.gethostname()}.invalid/v1"\n',
    )
    return {
        "USER": USER,
        "LOGNAME": USER,
        "HTTPS_PROXY": f"http://{USER}:hunter2canary@{PROXY}:8080",
        "https_proxy": f"http://{USER}:hunter2canary@{PROXY}:8080",
        "SSL_CERT_FILE": str(kimi.certificate_file),
        "PYTHONWARNINGS": "error",
    }


def test_the_support_file_names_nobody(hermes: Hermes, kimi: KimiMock) -> None:
    """Key, prompt, user, machine, hosts, proxy and paths are not in it; what helps is."""
    asked = hermes("chat", "-q", PROMPT, key=PLAN_KEY)
    assert asked.code == 0, asked.stderr
    env = canary_environment(hermes, kimi)

    result = hermes("doctor", "--bundle", "support.txt", "--yes", "--all", env=env)

    file = hermes.home.parent / "support.txt"
    text = file.read_text()
    assert result.code == 0, result.stderr
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert text in result.stdout + "\n"
    private = ("canar", PROMPT, "hunter2", str(hermes.home.parent), str(kimi.certificate_file))
    for word in (*private, CANARY, socket.gethostname()):
        assert word.lower() not in text.lower(), word
    for word in ("HOST-1", "Python 3.", "kimi-coding", "NAME-1", "broken   proxy"):
        assert word in text


def test_the_support_file_is_never_written_over_and_never_without_a_yes(offline: Hermes) -> None:
    """A file of that name stays as it is; without a terminal `--yes` is the answer."""
    there = offline.home.parent / "support.txt"
    there.write_text("mine")

    taken = offline("doctor", "--offline", "--bundle", "support.txt", "--yes", key=PLAN_KEY)
    unasked = offline("doctor", "--offline", "--bundle", key=PLAN_KEY)

    assert (taken.code, there.read_text()) == (2, "mine")
    assert "is there already" in taken.stderr
    assert (unasked.stdout, unasked.code) == ("", 2)
    assert "`hermes doctor --bundle --yes`" in unasked.stderr
    assert [path.name for path in offline.home.parent.iterdir()] == ["support.txt"]


@pytest.mark.parametrize(("answer", "saved", "code"), [("y", True, 0), ("n", False, 1)])
def test_a_person_sees_the_support_file_before_it_is_saved(
    offline: Hermes, answer: str, saved: bool, code: int
) -> None:
    """The whole text stands on the screen when the question comes."""
    argv = [sys.executable, "-m", "hermes_cli", "doctor", "--offline", "--bundle", "x.txt"]
    environment = offline.env(key=PLAN_KEY)
    with Terminal(argv, environment, directory=offline.home.parent) as terminal:
        shown = terminal.read_until("Save this as x.txt? [y/N]")
        terminal.send(answer + ENTER)
        assert terminal.wait() == code
    assert "== Route ==" in shown
    assert (offline.home.parent / "x.txt").exists() is saved
