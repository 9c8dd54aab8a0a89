"""A fault of ours: one sentence, a report, and where it happened without any key."""

import subprocess
from pathlib import Path

import pytest

from agent.keys import ApiKey
from kimi_mock.server import KimiMock
from tests.support.process import Hermes, Result

IN_SHELL = "sk-kimi-in-the-shell-000011"
IN_ENV = "sk-in-the-dotenv-0000222"
IN_KEYS = "sk-kimi-in-keys-toml-000333"
KEYS = (IN_SHELL, IN_ENV, IN_KEYS)
LOOK_ALIKES = "sk-kimi-in-the-shell-000012 sk-… sk-kimi- sk-abcdefghijklmnop0123456789"


@pytest.fixture
def broken(offline: Hermes, tmp_path: Path) -> Hermes:
    """`hermes` with keys in three places, and a `filelock` that is broken and talks of them."""
    offline.home.mkdir(mode=0o700)
    for name, text in (
        (".env", f"MOONSHOT_API_KEY='{IN_ENV}' # mine\n"),
        ("keys.toml", f'[kimi-coding.work]\nkey = "{IN_KEYS}"\nendpoint = "kimi-code"\n'),
    ):
        (offline.home / name).touch(mode=0o600)
        (offline.home / name).write_text(text)
    words = f"{' '.join(KEYS)} and {LOOK_ALIKES}"
    package = tmp_path / "packages"
    package.mkdir()
    for name in ("filelock", "httpx2"):
        (package / f"{name}.py").write_text(f"raise RuntimeError({words!r})\n")
    offline.environment |= {"PYTHONPATH": str(package), "KIMI_API_KEY": IN_SHELL}
    return offline


def is_told(result: Result) -> None:
    """Check the sentence and its remedy, the exit code, and that no key is anywhere."""
    assert (result.code, result.stdout) == (1, "")
    sentence, remedy = result.stderr.splitlines()[-2:]
    assert sentence.startswith("Error: Hermes broke in ")
    assert sentence.endswith("The fault is ours.")
    assert "`hermes doctor --bundle`" in remedy
    for key in KEYS:
        assert key not in result.stderr
        assert ApiKey(key).fingerprint in result.stderr


def test_a_crash_is_a_sentence(broken: Hermes) -> None:
    """What broke, where, that it is our fault, and the command that shows more; no traceback."""
    result = broken("config", "set", "model", "k3")

    is_told(result)
    assert "Traceback" not in result.stderr
    assert "RuntimeError" in result.stderr
    assert "`hermes --debug config`" in result.stderr


def test_with_debug_the_place_is_shown_and_keys_are_not(broken: Hermes) -> None:
    """Before the command; every key is its fingerprint, and look-alikes stay as they are."""
    result = broken("--debug", "config", "set", "model", "k3")

    is_told(result)
    assert "Traceback (most recent call last)" in result.stderr
    assert "hermes_cli/storage.py" in result.stderr
    assert LOOK_ALIKES in result.stderr
    assert "--debug" not in result.stderr.splitlines()[-1]


def test_the_chats_own_debug_shows_it_too(broken: Hermes) -> None:
    """`hermes chat --debug` is what people are asked for; its crash is held to the same."""
    result = broken("chat", "-q", "hi", "--debug")

    is_told(result)
    assert "Traceback (most recent call last)" in result.stderr
    assert "agent/transport/http.py" in result.stderr
    assert LOOK_ALIKES in result.stderr


def test_a_crash_over_a_file_that_cannot_be_parsed_shows_no_key(broken: Hermes) -> None:
    """The keys of a broken `keys.toml` are hidden too: the file may be why it broke."""
    (broken.home / "keys.toml").write_text(f"[[[\nkey = '{IN_KEYS}'\n")
    # `click` is needed to get anywhere at all; `tomllib` reads the files.
    packages = Path(broken.environment["PYTHONPATH"])
    (packages / "tomllib.py").write_text((packages / "filelock.py").read_text())

    result = broken("--debug", "status")

    is_told(result)
    assert "Traceback" in result.stderr


def test_debug_changes_nothing_when_nothing_breaks(hermes: Hermes, kimi: KimiMock) -> None:
    """The option is there for every command, and an error of the user's stays a sentence."""
    kimi.keys["kimi-code"].add(IN_SHELL)
    assert hermes("--debug", "status", key=IN_SHELL).code == 0
    refused = hermes("--debug", "status", "--provider", "nobody", key=IN_SHELL)
    assert refused.code == 3
    assert "Traceback" not in refused.stderr


def test_a_directory_that_was_removed_is_no_fault_of_ours(offline: Hermes, tmp_path: Path) -> None:
    """Git takes a worktree away under a shell: a sentence, and the support file needs none."""
    gone = tmp_path / "gone"
    command = 'cd "$1" && rmdir "$1" && shift && exec "$@"'
    for arguments, code in (
        (("sessions",), 1),
        (("doctor", "--offline", "--bundle", str(tmp_path / "bundle"), "--yes"), 0),
    ):
        gone.mkdir()
        done = subprocess.run(
            ["sh", "-c", command, "sh", str(gone), *offline.argv, *arguments],
            env={**offline.env(key=IN_SHELL), "PYTHONPATH": str(Path(__file__).parents[2])},
            capture_output=True,
            text=True,
            check=False,
        )
        assert (done.returncode, "Hermes broke" in done.stderr) == (code, False), done.stderr
        if code:
            assert done.stderr.splitlines() == [
                "Error: The directory that you are in is not there any more.",
                "`cd ~` leaves it; then run the command again.",
            ]
