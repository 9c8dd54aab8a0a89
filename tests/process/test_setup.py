"""`hermes setup` as a process over a pipe: with questions, and with the key alone."""

import os
import signal
import stat
import subprocess
from pathlib import Path

import pytest

from tests.support.process import Hermes
from tests.support.script import put

pytestmark = pytest.mark.here

PLAN_KEY = "sk-kimi-abcdefgh0123456789"
PLATFORM_KEY = "sk-abcdefgh0123456789"
CODE, MOONSHOT = "https://api.kimi.com/coding/v1", "https://api.moonshot.ai/v1"
SAVED = f"✓ Kimi API key saved (Kimi Coding endpoint: {CODE})"
CONFIG = 'provider = "kimi-coding"\nmodel = "kimi-coding"\n'


def files(home: Path) -> dict[str, bytes]:
    """Return name → content of everything in the home but the lock."""
    kept = (path for path in home.glob("*") if path.suffix != ".lock")
    return {path.name: path.read_bytes() for path in kept}


def test_the_wizard_runs_over_a_pipe(offline: Hermes) -> None:
    """A line an answer: the key, Enter, Enter; the file is the owner's alone whatever the umask."""
    before = os.umask(0)
    try:
        result = offline.process("setup", stdin=f"{PLAN_KEY}\n\n\n")
    finally:
        os.umask(before)

    assert result.code == 0
    assert SAVED in result.stdout.splitlines()
    assert result.stdout.splitlines()[-1] == 'Next: hermes chat -q "hello"'
    assert result.stderr == ""
    assert PLAN_KEY not in result.stdout
    assert files(offline.home) == {
        ".env": f"KIMI_API_KEY={PLAN_KEY}\n".encode(),
        "config.toml": CONFIG.encode(),
    }
    assert stat.S_IMODE((offline.home / ".env").stat().st_mode) == 0o600
    assert stat.S_IMODE(offline.home.stat().st_mode) == 0o700


@pytest.mark.parametrize("answers", ["", f"{PLAN_KEY}\n", f"{PLAN_KEY}\n\n"])
def test_the_end_of_input_changes_nothing(offline: Hermes, answers: str) -> None:
    """Wherever the pipe ends: exit 1, a sentence, and not even a home."""
    result = offline("setup", stdin=answers)

    assert result.code == 1
    assert "Input ended; nothing was changed." in result.stderr
    assert not offline.home.exists()
    assert PLAN_KEY not in result.stdout + result.stderr


def test_a_refused_key_ends_the_wizard_over_a_pipe(offline: Hermes) -> None:
    """Nobody is there to be asked again: exit 3, and what follows is not taken for a key."""
    for pasted in (f"{PLAN_KEY} {PLATFORM_KEY}", "sk-ant-abcdefgh", "abcdefgh01234567\nn"):
        result = offline("setup", stdin=f"{pasted}\n{PLAN_KEY}\n\n\n")
        assert result.code == 3
        assert "abcdefgh" not in result.stdout + result.stderr
        assert not offline.home.exists()


def test_the_key_alone_is_enough(offline: Hermes) -> None:
    """`--key-stdin` asks nothing; without `--model` the default stays unwritten."""
    result = offline.process(
        "setup", "--provider", "kimi-coding", "--key-stdin", stdin=f"{PLAN_KEY}\n"
    )

    assert (result.code, result.stderr) == (0, "")
    assert result.stdout.splitlines()[0] == SAVED
    assert files(offline.home) == {
        ".env": f"KIMI_API_KEY={PLAN_KEY}\n".encode(),
        "config.toml": b'provider = "kimi-coding"\n',
    }


def test_flags_are_written_with_the_key(offline: Hermes) -> None:
    """`--model` and `--base-url` are kept; a base URL of another product is announced."""
    arguments = ("--model", "kimi-k3", "--base-url", "https://api.moonshot.ai")
    result = offline("setup", "--key-stdin", *arguments, stdin=PLAN_KEY)

    assert result.code == 0
    assert f"✓ Kimi API key saved (Moonshot endpoint: {MOONSHOT})" in result.stdout.splitlines()
    assert f"looks like a Kimi Code key, which belongs to {CODE}" in result.stdout
    assert files(offline.home) == {
        ".env": f"KIMI_BASE_URL={MOONSHOT}\nKIMI_API_KEY={PLAN_KEY}\n".encode(),
        "config.toml": b'provider = "kimi-coding"\nmodel = "kimi-k3"\n',
    }


def test_an_override_survives_a_new_key(offline: Hermes) -> None:
    """`--key-stdin` never erases `KIMI_BASE_URL`: it says where the key now goes, and why."""
    put(offline.home / ".env", f"KIMI_BASE_URL={MOONSHOT}\n")
    result = offline("setup", "--key-stdin", stdin=PLAN_KEY)

    assert result.code == 0
    assert f"✓ Kimi API key saved (Moonshot endpoint: {MOONSHOT})" in result.stdout.splitlines()
    assert "`hermes config unset KIMI_BASE_URL`" in result.stdout
    env = files(offline.home)[".env"]
    assert env == f"KIMI_BASE_URL={MOONSHOT}\nKIMI_API_KEY={PLAN_KEY}\n".encode()


@pytest.mark.parametrize(
    ("arguments", "code", "words"),
    [
        (("--model", "kimi-k3"), 2, "Here it is `k3`."),
        (("--model", PLAN_KEY), 2, "A key is never taken as an argument"),
        (("--base-url", "ftp://example.invalid"), 2, "is not an http or https URL"),
        (("--base-url", "http://example.invalid/v1"), 2, "Plain http"),
        (("--base-url", PLAN_KEY), 2, "A key is never taken as an argument"),
        (("--base-url", "api.kimi.com"), 2, "That is no URL"),
        (("--probe", "--unchecked"), 2, "--unchecked nobody"),
        (("--provider", "nobody"), 3, "There is no provider `nobody`"),
        (("--provider", "local"), 2, "needs no key"),
        (("--surprise",), 2, "No such option"),
    ],
)
def test_a_wrong_flag_saves_nothing(
    offline: Hermes, arguments: tuple[str, ...], code: int, words: str
) -> None:
    """Each is a sentence and an exit code, and the key is not kept either."""
    result = offline("setup", "--key-stdin", *arguments, stdin=PLAN_KEY)

    assert result.code == code
    assert words in result.stderr
    assert not offline.home.exists()
    assert PLAN_KEY not in result.stdout + result.stderr


def test_a_key_without_the_usual_beginning_needs_a_flag(offline: Hermes) -> None:
    """Exit 3 names `--any-key`, which takes it; another vendor's key is refused even so."""
    refused = offline("setup", "--key-stdin", stdin="abcdefgh01234567")
    assert refused.code == 3
    assert "`hermes setup --key-stdin --any-key < FILE`" in refused.stderr
    foreign = offline("setup", "--key-stdin", "--any-key", stdin="gsk_abcdefgh01234567")
    assert foreign.code == 3
    assert not offline.home.exists()

    taken = offline("setup", "--key-stdin", "--any-key", stdin="abcdefgh01234567")
    assert taken.code == 0
    assert f"✓ Kimi API key saved (Moonshot endpoint: {MOONSHOT})" in taken.stdout
    assert offline("setup", "--any-key").code == 2


@pytest.mark.parametrize(
    "arguments",
    [("--key", PLAN_KEY), (f"--key={PLAN_KEY}",), ("--key",), (PLAN_KEY,), ("--keys", PLAN_KEY)],
)
def test_a_key_is_never_taken_as_an_argument(offline: Hermes, arguments: tuple[str, ...]) -> None:
    """Exit 2 explains who else could read it, and does not repeat it."""
    result = offline("setup", *arguments, stdin=PLAN_KEY)

    assert result.code == 2
    if arguments[0] != "--keys":
        assert "every process on this machine can read" in result.stderr
        assert "--key-stdin" in result.stderr
    assert PLAN_KEY not in result.stdout + result.stderr
    assert not offline.home.exists()


def test_files_in_the_current_directory_are_not_ours(offline: Hermes) -> None:
    """A `.env` or `config.toml` of a cloned repository is neither read nor written."""
    here = offline.home.parent
    (here / ".env").write_text("KIMI_BASE_URL=https://evil.invalid/v1\n")
    (here / "config.toml").write_text('model = "evil"\n')

    result = offline("setup", stdin=f"{PLAN_KEY}\n\n\n")

    assert SAVED in result.stdout.splitlines()
    assert "evil" not in result.stdout
    assert (here / ".env").read_text() == "KIMI_BASE_URL=https://evil.invalid/v1\n"
    assert (here / "config.toml").read_text() == 'model = "evil"\n'


def test_a_broken_file_is_named_and_left_alone(offline: Hermes) -> None:
    """Before anything is asked: exit 3 and the line, with both files as they were."""
    put(offline.home / ".env", "KIMI_API_KEY=sk-abcdefgh\n")
    put(offline.home / "config.toml", "provider = \n")
    before = files(offline.home)
    for arguments in ((), ("--key-stdin",)):
        result = offline("setup", *arguments, stdin=f"{PLAN_KEY}\n\n\n")
        assert result.code == 3
        assert "line 1" in result.stderr
        assert files(offline.home) == before


@pytest.mark.parametrize("arguments", [(), ("--key-stdin",)])
def test_an_output_without_the_sign_gets_another(
    offline: Hermes, arguments: tuple[str, ...]
) -> None:
    """In ASCII the check mark is written `OK:`; nothing is a traceback."""
    ascii_only = {"PYTHONIOENCODING": "ascii"}
    result = offline.process("setup", *arguments, stdin=f"{PLAN_KEY}\n\n\n", env=ascii_only)
    assert f"OK: Kimi API key saved (Kimi Coding endpoint: {CODE})" in result.stdout
    assert (result.code, result.stderr) == (0, "")


def test_a_bad_file_mode_and_the_neighbour_are_told(offline: Hermes) -> None:
    """With `--key-stdin` both are notices on standard error; theirs is not touched."""
    put(offline.home / ".env", "# theirs\nTERMINAL_ENV=local\n")
    (offline.home / ".env").chmod(0o644)
    (offline.home / "config.yaml").write_text("model: theirs\n")

    result = offline("setup", "--key-stdin", stdin=PLAN_KEY)

    assert "shared with NousResearch's hermes-agent" in result.stderr
    assert "chmod 600 ~/.hermes/.env" in result.stderr
    kept = f"# theirs\nTERMINAL_ENV=local\nKIMI_API_KEY={PLAN_KEY}\n"
    assert files(offline.home)[".env"] == kept.encode()
    assert stat.S_IMODE((offline.home / ".env").stat().st_mode) == 0o600


def test_ctrl_c_over_a_pipe_changes_nothing(offline: Hermes) -> None:
    """An interrupt while the endpoint is asked for: exit 130 and no home."""
    with subprocess.Popen(
        [*offline.argv, "setup"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env=offline.environment,
    ) as process:
        assert process.stdin
        assert process.stdout
        assert process.stderr
        process.stdin.write(f"{PLAN_KEY}\n".encode())
        process.stdin.flush()
        while b"Endpoint [" not in process.stdout.readline():
            assert process.poll() is None
        process.send_signal(signal.SIGINT)
        assert process.wait(10) == 130
        assert process.stderr.read().strip() == b"Interrupted; nothing was changed."
    assert not offline.home.exists()


def test_what_stands_against_a_new_key_is_told(offline: Hermes) -> None:
    """A model of the other product, and shell variables that win: said, with what drops them."""
    put(offline.home / "config.toml", 'provider = "kimi"\nmodel = "kimi-k3"\n')
    shell = {"KIMI_BASE_URL": MOONSHOT, "KIMI_API_KEY": PLATFORM_KEY}
    result = offline("setup", "--key-stdin", "--base-url", CODE, stdin=PLAN_KEY, env=shell)

    assert result.stdout.splitlines()[0] == SAVED
    assert "KIMI_BASE_URL is set in this shell to another base URL" in result.stdout
    assert "`unset KIMI_BASE_URL`" in result.stdout
    assert "`unset KIMI_API_KEY`" in result.stdout
    assert "Here it is `k3`." in result.stdout
    assert result.stdout.splitlines()[-1] == 'Next: hermes chat --model ID -q "hello"'
    assert files(offline.home) == {
        ".env": f"KIMI_API_KEY={PLAN_KEY}\n".encode(),
        "config.toml": b'provider = "kimi"\nmodel = "kimi-k3"\n',
    }


def test_the_advice_names_the_provider_that_was_asked_for(offline: Hermes) -> None:
    """`hermes setup` alone would ask for a Kimi key, and take a key of theirs for one."""
    for text, options in (("", ()), ("sk-proj-0123456789", ("--base-url", "nowhere"))):
        refused = offline("setup", "--provider", "openai", "--key-stdin", *options, stdin=text)

        assert refused.code in (2, 3)
        assert "`hermes setup --provider openai`" in refused.stderr


def test_a_pipe_that_switches_the_provider_is_told_so(offline: Hermes) -> None:
    """The old provider and its model go out of use, with the line and the way back."""
    put(offline.home / "config.toml", 'provider = "openai"\nmodel = "gpt"\n')

    result = offline("setup", "--key-stdin", "--unchecked", stdin=PLAN_KEY)

    sentence = (
        "The provider in use was openai (~/.hermes/config.toml line 1), and its model was gpt; "
        "now it is kimi-coding. `hermes config set provider openai` takes it back."
    )
    assert sentence in result.stdout.splitlines()
    again = offline("setup", "--key-stdin", "--unchecked", stdin=PLAN_KEY)
    assert "was openai" not in again.stdout
