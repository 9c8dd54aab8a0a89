"""`hermes chat -q` in a real pseudo-terminal: what is drawn beside the answer, and what is not."""

import pytest

from kimi_mock.replies import Reply
from kimi_mock.server import KimiMock
from tests.conftest import PLAN_KEY, PLATFORM_KEY
from tests.support.process import Hermes
from tests.support.terminal import CTRL_D, Terminal

ASKED = ("chat", "-q", "hi", "--model", "kimi-k3")


def in_terminal(
    hermes: Hermes, *arguments: str, key: str = PLATFORM_KEY, columns: int = 120
) -> Terminal:
    """Start `hermes` in a terminal of its own; use it with `with`."""
    command, environment = [*hermes.argv, *arguments], hermes.env(key=key)
    return Terminal(command, environment, directory=hermes.home.parent, columns=columns)


def test_a_terminal_shows_thinking_and_usage_dimmed(kimi: KimiMock, hermes: Hermes) -> None:
    """To a person, reasoning comes before the answer and one line of usage after it."""
    del kimi
    with in_terminal(hermes, *ASKED) as terminal:
        code = terminal.wait()

        assert terminal.raw == (
            "\x1b[2mHm. \x1b[0m\r\nHello from Kimi.\r\n"
            "\x1b[2mkimi-k3 · 21 tokens in (23 % cached), 9 out · $0.0002\x1b[0m\r\n"
        )
    assert code == 0


def test_a_terminal_gets_no_control_character_from_outside(kimi: KimiMock, hermes: Hermes) -> None:
    """Escapes in an answer, its reasoning and a model's name are harmless text."""
    evil = "\x1b]0;owned\x07\x9b31m\b"
    kimi.replies.append(
        Reply.streaming({"reasoning_content": evil}, {"content": evil}, model=f"k{evil}")
    )
    with in_terminal(hermes, *ASKED) as terminal:
        terminal.wait()

        drawn = terminal.raw
        for ours in ("\x1b[2m", "\x1b[35m", "\x1b[0m"):
            drawn = drawn.replace(ours, "")
    assert "]0;owned31m" in drawn
    assert not set("\x1b\x07\x08\x9b") & set(drawn)


def test_a_sentence_is_broken_between_words(kimi: KimiMock, hermes: Hermes) -> None:
    """At 80 columns no word is cut, in a notice or an error, and no command that gets copied."""
    del kimi
    with in_terminal(hermes, "chat", "-q", "hi", key=PLAN_KEY, columns=80) as terminal:
        assert terminal.wait() == 0
        moved = terminal.text.splitlines()
    with in_terminal(hermes, *ASKED, key=PLAN_KEY, columns=80) as terminal:
        assert terminal.wait() == 2
        refused = terminal.text.splitlines()

    assert max(map(len, moved + refused)) <= 80
    assert " Roo Code, Kilo Code, etc.), so this goes over " in " ".join(moved)
    assert "the model `kimi-k3`: it is an id of the Moonshot endpoint." in " ".join(refused)
    assert "`hermes models --refresh` asks the endpoint." in refused[-1]


def test_an_error_body_is_harmless_in_a_terminal(kimi: KimiMock, hermes: Hermes) -> None:
    """What an endpoint says in a refusal is quoted without its control characters."""
    body = {"error": {"message": "no \x1b]0;owned\x07", "type": "permission_error"}}
    kimi.replies.append(Reply.error(403, body))
    with in_terminal(hermes, *ASKED) as terminal:
        code = terminal.wait()

        assert "]0;owned" in terminal.raw
        assert "\x1b]0" not in terminal.raw
        assert "\x07" not in terminal.raw
    assert code == 4


def test_a_terminal_is_never_read_as_standard_input(kimi: KimiMock, hermes: Hermes) -> None:
    """With `-q` the keyboard is left alone: the answer comes without a Ctrl-D."""
    with in_terminal(hermes, *ASKED) as terminal:
        assert terminal.wait() == 0

    assert kimi.seen[0].json["messages"][1]["content"] == "hi"


def test_a_silent_pipe_is_told_to_a_terminal(kimi: KimiMock, hermes: Hermes) -> None:
    """After a second without text a line says what is waited for, and how to go on without."""
    command = 'cat | "$0" -m hermes_cli chat -q hi --model kimi-k3'
    argv = ["/bin/sh", "-c", command, hermes.argv[0]]
    with Terminal(argv, hermes.env(key=PLATFORM_KEY), directory=hermes.home.parent) as terminal:
        terminal.read_until("Waiting for text on standard input")
        terminal.send(f"more\n{CTRL_D}")
        terminal.read_until("Hello from Kimi.")
        terminal.wait()

        assert terminal.text.count("Waiting for text") == 1
    assert kimi.seen[0].json["messages"][1]["content"] == "hi\n\nmore\n"


@pytest.mark.parametrize("variable", ["NO_COLOR", "TERM"])
def test_a_terminal_without_colours_gets_none(
    kimi: KimiMock, hermes: Hermes, variable: str
) -> None:
    """`NO_COLOR` and a dumb terminal see the same lines without any escape sequence."""
    del kimi
    hermes.environment[variable] = "dumb"
    with in_terminal(hermes, *ASKED) as terminal:
        terminal.wait()

        assert "\x1b" not in terminal.raw
        assert "Hm. \r\nHello from Kimi.\r\n" in terminal.raw
