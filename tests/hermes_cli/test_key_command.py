"""A key from a program: what is taken of its output, and what never is shown."""

import os
import time
import traceback
from pathlib import Path

import pytest

from agent.choice import Candidate, Origin
from agent.errors import AuthError
from agent.keys import ApiKey
from hermes_cli.key_command import ask_command

KEY = "sk-canary-0123456789"
PATH = {"PATH": os.defpath}


def words(*texts: str) -> Candidate[tuple[str, ...]]:
    """Return a command as `config.toml` names it."""
    return Candidate(
        texts, Origin.CONFIG, "~/.hermes/config.toml line 2", "providers.kimi-coding.key_command"
    )


def shell(script: str) -> Candidate[tuple[str, ...]]:
    """Return a command of several; the shell is this test's own, we start none."""
    return words("/bin/sh", "-c", script)


@pytest.mark.parametrize(
    "script",
    [
        f"echo {KEY}",
        f"echo; echo '  {KEY} '; echo login: me",
        f"echo '\"{KEY}\"'",
        f"printf {KEY}",
        f"echo careful >&2; echo {KEY}",
        f"echo {KEY}; head -c 300000 /dev/zero",
    ],
)
def test_the_first_line_with_text_is_the_key(script: str) -> None:
    """As password managers print it: the secret first, notes below; blanks and quotes go."""
    assert ask_command(shell(script), PATH) == ApiKey(KEY)


def test_a_child_that_stays_behind_is_not_waited_for() -> None:
    """An agent that a helper starts keeps our pipe open for as long as it lives."""
    before = time.monotonic()

    assert ask_command(shell(f"sleep 30 & echo {KEY}"), PATH) == ApiKey(KEY)
    assert time.monotonic() - before < 20


FAILURES = {
    f"echo {KEY}; exit 3": "`sh`, which ~/.hermes/config.toml line 2 names as "
    "providers.kimi-coding.key_command, ended with exit code 3. Nothing was sent.",
    f"echo {KEY}; echo first >&2; echo the store is locked. >&2; exit 1": "ended with exit code "
    "1: the store is locked. Nothing",
    f"echo {KEY}; echo no {KEY} for you >&2; exit 1": "exit code 1: no … for you. Nothing",
    "echo bad sk-other-0123 >&2; exit 1": "exit code 1: bad …. Nothing",
    "printf 'a\\033[31mb' >&2; exit 1": "exit code 1: a[31mb. Nothing",
    "head -c 4000 /dev/zero | tr '\\0' x >&2; exit 1": f"exit code 1: {'x' * 200}. Nothing",
    "kill -9 $$": "ended with exit code -9. Nothing",
    "true": "printed nothing. Nothing was sent.",
    "echo; echo ' '": "printed nothing.",
    "cat": "printed nothing.",
    f"echo {KEY}; exec sleep 5": "did not end within 0.3 seconds. Nothing was sent.",
    "exec yes": "did not end within 0.3 seconds.",
}


@pytest.mark.parametrize("script", FAILURES)
def test_a_failure_is_a_sentence_without_the_output(script: str) -> None:
    """The exit code and the last complaint, cut; the key is in no message, cause or context."""
    with pytest.raises(AuthError) as caught:
        ask_command(shell(script), PATH, seconds=0.3)

    assert FAILURES[script] in caught.value.message
    assert caught.value.exit_code == 3
    assert "`hermes config unset providers.kimi-coding.key_command` drops" in caught.value.remedy
    assert "canary" not in caught.value.message + caught.value.remedy
    told = traceback.format_exception(caught.value)
    assert not [line for line in told if KEY in line and "echo" not in line]


def test_no_shell_reads_the_words() -> None:
    """What a shell would expand or run stays a word of its own."""
    assert ask_command(words("/bin/echo", "sk-$HOME;exit 1|x"), PATH) == ApiKey("sk-$HOME;exit 1|x")


@pytest.mark.parametrize(
    ("program", "sentence"),
    [
        ("no-such-program-of-ours", "could not be started: No such file or directory"),
        ("./key", "is a relative path, and was not started"),
        ("bin/key", "is a relative path, and was not started"),
        ("/", "could not be started: Permission denied"),
        ("a\0b", "could not be started"),
    ],
)
def test_a_program_that_cannot_be_started_is_told(program: str, sentence: str) -> None:
    """A path of the working directory is none: a cloned repository could hold a program there."""
    with pytest.raises(AuthError, match=sentence):
        ask_command(words(program, KEY), PATH)


def test_a_program_of_the_users_home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """`~/` is the one thing that is expanded."""
    monkeypatch.setenv("HOME", str(tmp_path))
    program = tmp_path / "key"
    program.write_text(f"#!/bin/sh\necho {KEY}\n")
    program.chmod(0o700)

    assert ask_command(words("~/key"), PATH) == ApiKey(KEY)
