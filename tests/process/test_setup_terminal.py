"""`hermes setup` in a real pseudo-terminal: what is typed hidden is never on the screen."""

import subprocess
import sys
from collections.abc import Iterator

import pytest

from tests.support.process import Hermes
from tests.support.terminal import CTRL_C, CTRL_D, ENTER, Terminal

PLAN_KEY = "sk-kimi-abcdefgh0123456789"
CODE = "https://api.kimi.com/coding/v1"
SAVED = f"✓ Kimi API key saved (Kimi Coding endpoint: {CODE})"


@pytest.fixture
def terminal(offline: Hermes) -> Iterator[Terminal]:
    """A terminal in which `hermes setup` was started."""
    with Terminal([*offline.argv, "setup"], offline.environment) as terminal:
        yield terminal


def paste(text: str) -> str:
    """Return what a terminal sends for a paste."""
    return f"\x1b[200~{text}\x1b[201~"


def test_a_key_is_pasted_hidden(terminal: Terminal, offline: Hermes) -> None:
    """Stars stand for the key, Enter takes endpoint and model, and the files hold both."""
    before = terminal.read_until("Key (hidden):")
    assert CODE in before
    assert "https://api.moonshot.ai/v1" in before
    terminal.send(paste(f'"{PLAN_KEY}"'))
    terminal.read_until("****")
    terminal.send(ENTER)
    terminal.read_until("Taken off the paste: quotes around it.")
    terminal.read_until("  api.kimi.com  mainland\n  api.kimi.ai   global\n")
    terminal.read_until("Ask both which one knows this key? [Y/n]:")
    terminal.send(ENTER)
    terminal.read_until("api.kimi.ai   could not be asked")
    terminal.read_until("the key begins with sk-kimi-.")
    terminal.read_until("or a URL]:")
    terminal.send(ENTER)
    terminal.read_until("or an id]:")
    terminal.send(ENTER)
    terminal.read_until(SAVED)
    terminal.read_until('Next: hermes chat -q "hello"')

    assert terminal.wait() == 0
    assert PLAN_KEY[8:] not in terminal.raw
    assert (offline.home / ".env").read_text() == f"KIMI_API_KEY={PLAN_KEY}\n"


@pytest.mark.parametrize(("key", "code", "words"), [(CTRL_C, 130, "Interrupted"), (CTRL_D, 1, "")])
def test_leaving_half_way_changes_nothing(offline: Hermes, key: str, code: int, words: str) -> None:
    """Ctrl-C and Ctrl-D at the last question leave both files byte for byte."""
    offline.home.mkdir(mode=0o700)
    for name, text in ((".env", "KIMI_API_KEY=sk-older0123456789"), ("config.toml", "# mine\n")):
        (offline.home / name).write_text(text)
        (offline.home / name).chmod(0o600)
    with Terminal([*offline.argv, "setup", "--unchecked"], offline.environment) as terminal:
        terminal.read_until("keeps the one that is set):")
        terminal.send(PLAN_KEY + ENTER)
        terminal.read_until("or a URL]:")
        terminal.send(ENTER)
        terminal.read_until("or an id]:")
        terminal.send(key)
        terminal.read_until(f"{words or 'Input ended'}; nothing was changed.")
        assert terminal.wait() == code
    assert (offline.home / ".env").read_text() == "KIMI_API_KEY=sk-older0123456789"
    assert (offline.home / "config.toml").read_text() == "# mine\n"
    assert sorted(path.name for path in offline.home.iterdir()) == [".env", "config.toml"]


@pytest.mark.parametrize("marked", [True, False])
def test_two_lines_pasted_are_refused_and_asked_again(
    terminal: Terminal, offline: Hermes, marked: bool
) -> None:
    """Also where the terminal does not mark a paste: the second line is no visible answer."""
    two = f"{PLAN_KEY}\nsk-second-abcdefgh"
    terminal.read_until("Key (hidden):")
    terminal.send((paste(two) if marked else two.replace("\n", ENTER)) + ENTER)
    terminal.read_until("2 lines were pasted, and a key is one line. (2 more tries)")
    terminal.read_until("Key (hidden):")
    terminal.send(CTRL_C)

    assert terminal.wait() == 130
    assert "abcdefgh" not in terminal.raw
    assert not offline.home.exists()


def test_a_simple_terminal_hides_the_key_too(offline: Hermes) -> None:
    """With `TERM=dumb`, where prompt_toolkit would show it, the terminal's echo is off."""
    environment = {**offline.environment, "TERM": "dumb"}
    with Terminal([*offline.argv, "setup", "--unchecked"], environment) as terminal:
        terminal.read_until("Key (hidden):")
        terminal.send(PLAN_KEY + ENTER)
        terminal.read_until("or a URL]:")
        terminal.send(ENTER)
        terminal.read_until("or an id]:")
        terminal.send(ENTER)
        terminal.read_until(SAVED)
        assert terminal.wait() == 0
        assert PLAN_KEY[8:] not in terminal.raw


def test_a_key_is_typed_hidden_while_the_output_is_a_pipe(offline: Hermes) -> None:
    """`hermes setup | cat`: no full terminal, so the plain questions, and still no echo."""
    command = f"{sys.executable} -m hermes_cli setup | cat"
    with Terminal(["/bin/sh", "-c", command], offline.environment) as terminal:
        terminal.read_until("Key (hidden):")
        terminal.send(PLAN_KEY + ENTER)
        terminal.read_until("or a URL]:")
        terminal.send(ENTER)
        terminal.read_until("or an id]:")
        terminal.send(ENTER)
        terminal.read_until(SAVED)
        assert terminal.wait() == 0
        assert PLAN_KEY[8:] not in terminal.raw


def test_a_key_from_a_terminal_does_not_go_past_the_question(offline: Hermes) -> None:
    """`--key-stdin` at a terminal would echo: exit 2 before anything can be typed."""
    with Terminal([*offline.argv, "setup", "--key-stdin"], offline.environment) as terminal:
        terminal.read_until("--key-stdin reads a pipe or a file")
        assert terminal.wait() == 2


def test_a_reader_that_left_is_no_traceback(offline: Hermes) -> None:
    """`hermes setup | head -1`: the wizard ends in silence."""
    command = f"printf '{PLAN_KEY}\\n\\n\\n' | {sys.executable} -m hermes_cli setup | head -1"
    done = subprocess.run(
        ["/bin/sh", "-c", command],
        env=offline.environment,
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    )
    assert done.stderr == ""
    assert len(done.stdout.splitlines()) == 1
