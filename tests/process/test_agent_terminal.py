"""The agent in a real pseudo-terminal: approvals, interruptions, typing meanwhile, drawing."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from agent.messages import user
from agent.sessions import Sessions
from kimi_mock.replies import Reply
from kimi_mock.server import KimiMock
from tests.conftest import PLATFORM_KEY
from tests.process.test_conversation import HELP, PASTE, PROMPT, leave, say
from tests.support.process import Hermes
from tests.support.terminal import CTRL_C, CTRL_D, ENTER, Terminal

BEFORE, AFTER = "def add(a, b):\n    return a - b\n", "def add(a, b):\n    return a + b\n"
EDIT = ("edit", {"path": "main.py", "edits": [{"old": "a - b", "new": "a + b"}]})
QUESTION = "[n REASON] no"
ESCAPE, TAB, CTRL_O, CTRL_T = "\x1b", "\t", "\x0f", "\x14"
USED = "tokens in"


@contextmanager
def talk(hermes: Hermes, *arguments: str, columns: int = 80) -> Iterator[Terminal]:
    """Hold a conversation where a file has a bug: give its terminal at the first prompt."""
    path = hermes.home.parent / "main.py"
    if not path.exists():
        path.write_text(BEFORE)
    with Terminal(
        [*hermes.argv, *(arguments or ("chat", "--model", "kimi-k3"))],
        hermes.env(key=PLATFORM_KEY),
        directory=hermes.home.parent,
        columns=columns,
        rows=30,
    ) as terminal:
        terminal.read_until(HELP)
        terminal.read_until(PROMPT)
        yield terminal


def main_file(hermes: Hermes) -> Path:
    """Return the path of the file with the bug."""
    return hermes.home.parent / "main.py"


def told(kimi: KimiMock, request: int = -1) -> list[str]:
    """Return what the model was told of its calls in a request."""
    messages = kimi.seen[request].json["messages"]
    return [message["content"] for message in messages if message["role"] == "tool"]


def test_the_diff_comes_before_the_yes_and_the_file_after_it(
    kimi: KimiMock, hermes: Hermes
) -> None:
    """An edit waits for `y`; what was done is a line; `/last` unfolds it, `/undo` takes it back."""
    kimi.replies += [Reply.calling(EDIT, reasoning="Hm."), Reply.streaming({"content": "Mended."})]
    with talk(hermes) as terminal:
        terminal.send("mend it" + ENTER)
        asked = terminal.read_until(QUESTION)
        assert main_file(hermes).read_text() == BEFORE
        done = say(terminal, "y", USED)
        assert main_file(hermes).read_text() == AFTER
        terminal.send(CTRL_O)
        terminal.read_until("Edited main.py")
        terminal.send(CTRL_T)
        terminal.read_until("Hm.")
        terminal.send("/undo" + ENTER)
        terminal.read_until("[y/n]")
        say(terminal, "y", "Taken back: 1.")
        raw = terminal.raw

        assert leave(terminal) == 0
    assert "-    return a - b" in asked
    assert "always `write: main.py`" in asked
    assert "✓ edit main.py" in done
    assert "Mended." in done
    assert "\x1b[31m-    return a - b\x1b[0m" in raw
    assert main_file(hermes).read_text() == BEFORE


def test_no_with_a_reason_goes_to_the_model(kimi: KimiMock, hermes: Hermes) -> None:
    """What was being typed when the question came is back at the prompt, and was no answer."""
    kimi.replies += [
        Reply.calling(EDIT, stall_seconds=0.6),
        Reply.streaming({"content": "As you wish."}),
    ]
    with talk(hermes) as terminal:
        terminal.send("mend it" + ENTER)
        terminal.read_until("Esc stops")
        terminal.send("yes please")
        terminal.read_until(QUESTION)
        terminal.send("n add a test first" + ENTER)
        terminal.read_until("As you wish.")
        terminal.read_until("> yes please")
        terminal.read_until(USED)
        terminal.send(CTRL_C)

        assert leave(terminal) == 0
    assert main_file(hermes).read_text() == BEFORE
    assert "The user did not allow this: add a test first" in told(kimi)[0]


def test_ctrl_d_at_a_question_is_no(kimi: KimiMock, hermes: Hermes) -> None:
    """It answers what was asked; only at the prompt it leaves."""
    kimi.replies += [Reply.calling(EDIT), Reply.streaming({"content": "As you wish."})]
    with talk(hermes) as terminal:
        terminal.send("mend it" + ENTER)
        terminal.read_until(QUESTION)
        say(terminal, CTRL_D, "As you wish.")

        assert leave(terminal) == 0
    assert main_file(hermes).read_text() == BEFORE
    assert "The user did not allow this" in told(kimi)[0]


def test_always_is_kept_for_the_project(kimi: KimiMock, hermes: Hermes) -> None:
    """After `a` the same is not asked again, in another conversation either."""
    kimi.replies += [Reply.calling(EDIT), Reply.streaming({"content": "Done."})] * 2
    with talk(hermes) as terminal:
        terminal.send("mend it" + ENTER)
        terminal.read_until(QUESTION)
        say(terminal, "a", USED)
        leave(terminal)
    main_file(hermes).write_text(BEFORE)
    with talk(hermes) as terminal:
        again = say(terminal, "mend it", USED)
        leave(terminal)

    assert QUESTION not in again
    assert main_file(hermes).read_text() == AFTER


@pytest.mark.parametrize("key", [ESCAPE, CTRL_C], ids=["escape", "ctrl-c"])
def test_a_command_is_stopped_with_its_children(kimi: KimiMock, hermes: Hermes, key: str) -> None:
    """Within a second the prompt is back; the next message goes on, and the model knows."""
    kimi.replies.append(Reply.calling(("shell", {"command": "echo begun; sleep 60"})))
    with talk(hermes, "chat", "--model", "kimi-k3", "--yes-all") as terminal:
        terminal.send("run" + ENTER)
        terminal.read_until("shell echo begun; sleep 60 ·")
        terminal.send(key)
        terminal.read_until("Stopped; what came is kept.", seconds=3)
        terminal.read_until(PROMPT)
        say(terminal, "go on", "Hello from Kimi.")

        assert leave(terminal) == 0
    assert "interrupted by the user" in told(kimi)[0]


def test_what_is_typed_meanwhile_goes_into_the_next_request(kimi: KimiMock, hermes: Hermes) -> None:
    """The message stands after the results, in the same turn; commands that look work, too."""
    kimi.replies += [
        Reply.calling(("read", {"path": "main.py"}), stall_seconds=1.0),
        Reply.streaming({"content": "Both read."}),
    ]
    with talk(hermes) as terminal:
        terminal.send("read it" + ENTER)
        terminal.read_until("Esc stops")
        terminal.send("and say why" + ENTER)
        terminal.read_until("1 to be sent next")
        terminal.send("/clear" + ENTER)
        terminal.read_until("/clear waits for the end of the work")
        terminal.send("/mode" + ENTER)
        terminal.read_until("Mode ask: ")
        terminal.read_until("Both read.")
        terminal.read_until("2 requests")

        assert leave(terminal) == 0
    roles = [message["role"] for message in kimi.seen[1].json["messages"]]
    assert roles == ["system", "user", "assistant", "tool", "user"]
    assert kimi.seen[1].json["messages"][-1]["content"] == "and say why"


def test_a_question_of_the_model_is_answered(kimi: KimiMock, hermes: Hermes) -> None:
    """Its choices are numbered; a number is the choice."""
    question = {"question": "Which colour?", "choices": ["red", "blue"]}
    kimi.replies.append(Reply.calling(("ask", question)))
    with talk(hermes) as terminal:
        terminal.send("choose" + ENTER)
        drawn = terminal.read_until("Answer:")
        say(terminal, "2", "Hello from Kimi.")
        leave(terminal)

    assert "  1 red\n  2 blue\n" in drawn
    assert told(kimi) == ["blue"]


def test_a_command_of_the_users_own_is_put_into_the_conversation(
    kimi: KimiMock, hermes: Hermes
) -> None:
    """
    `!` runs it in the shell that the tool has, without asking; one that is stopped is gone.

    A conversation that begins with it is called by the command. `!` alone asks nobody.
    """
    with talk(hermes) as terminal:
        terminal.send("!echo $((40 + 2)); sleep 60" + ENTER)
        terminal.read_until("Esc stops")
        terminal.send(ESCAPE)
        terminal.read_until("Stopped; its output is not kept.")
        terminal.read_until(PROMPT)
        say(terminal, "!", "A command stands behind the `!`")
        say(terminal, "!cat main.py | wc -l", "2\n")
        assert kimi.seen == []
        say(terminal, "why?", USED)
        leave(terminal)

    ran, asked = [message["content"] for message in kimi.seen[0].json["messages"][1:]]
    assert ran.startswith("I ran this here: $ cat main.py | wc -l\n\n2")
    assert asked == "why?"
    [stored] = Sessions(hermes.home / "hermes-kimi.db").list()
    assert stored.title == "I ran this here: $ cat main.py | wc -l"


def test_a_long_paste_is_folded_where_it_is_typed_and_sent_in_full(
    kimi: KimiMock, hermes: Hermes
) -> None:
    """Forty lines are a few words at the prompt; Tab completes a command and a file."""
    text = "\n".join(f"line {number}" for number in range(40))
    with talk(hermes) as terminal:
        terminal.send("look: " + PASTE.format(text))
        terminal.read_until("[pasted 40 lines #1]")
        say(terminal, "", USED)
        terminal.send("/conte" + TAB)
        terminal.read_until("xt")  # what was typed may be drawn before, by itself
        shown = say(terminal, "", "/compact makes")
        terminal.send("see @mai" + TAB)
        terminal.read_until("n.py")
        say(terminal, "", USED)
        leave(terminal)

    assert kimi.seen[0].json["messages"][1]["content"] == f"look: {text}"
    assert kimi.seen[1].json["messages"][-1]["content"] == "see @main.py"
    assert "tool output" in shown


def test_an_image_goes_along(kimi: KimiMock, hermes: Hermes) -> None:
    """`@` before the path of an image sends it beside the text."""
    image = b"\x89PNG\r\n\x1a\n" + b"\0" * 30
    (hermes.home.parent / "shot.png").write_bytes(image)
    with talk(hermes) as terminal:
        say(terminal, "see @shot.png", USED)
        leave(terminal)

    content = kimi.seen[0].json["messages"][1]["content"]
    assert [part["type"] for part in content] == ["text", "image_url"]


def test_markdown_is_drawn_once_whole_and_live_before(kimi: KimiMock, hermes: Hermes) -> None:
    """At 80 columns: a finished block is written once; no line is longer than the terminal."""
    words = "word " * 40
    text = f"# Head\n\n{words}with `code`.\n\n```python\nprint('x')\n```\n\nThe end."
    pieces = [{"content": text[at : at + 9]} for at in range(0, len(text), 9)]
    kimi.replies.append(Reply.streaming(*pieces, pause_seconds=0.01))
    with talk(hermes) as terminal:
        say(terminal, "go", USED)
        drawn = terminal.text
        raw = terminal.raw
        leave(terminal)

    assert drawn.count("with code.") == 1
    assert "\x1b[35mcode\x1b[0m" in raw
    assert "\x1b[6n" not in raw  # the terminal is never asked where its cursor is


def test_the_help_breaks_its_lines_between_words(hermes: Hermes) -> None:
    """At 40 columns no line of it is longer, and no word is cut."""
    with talk(hermes, columns=40) as terminal:
        shown = say(terminal, "/help", "@IMAGE sends").partition("/model")[2]
        leave(terminal)

    lines = shown.splitlines()
    assert all(len(line) <= 40 for line in lines)
    assert {"directory,", "Ctrl-E", "meanwhile"} <= set(shown.split())


def test_without_colours_there_are_none(kimi: KimiMock, hermes: Hermes) -> None:
    """`NO_COLOR`: the same lines, and no colour, weight or dimness in any of them."""
    hermes.environment["NO_COLOR"] = "1"
    kimi.replies += [Reply.calling(EDIT), Reply.streaming({"content": "# Done\n\n`x`"})]
    with talk(hermes) as terminal:
        terminal.send("mend it" + ENTER)
        terminal.read_until(QUESTION)
        say(terminal, "y", USED)
        raw = terminal.raw
        leave(terminal)

    styles = {
        part.partition("m")[0]
        for part in raw.split("\x1b[")[1:]
        if part.lstrip("0123456789;")[:1] == "m"
    }
    assert styles <= {"0", ""}


def test_the_conversation_goes_on_after_a_restart(kimi: KimiMock, hermes: Hermes) -> None:
    """`hermes -c` says where it was; `/fork`, `/rewind` and `/sessions` find their way."""
    with talk(hermes) as terminal:
        say(terminal, "first words", USED)
        say(terminal, "second words", USED)
        leave(terminal)
    with talk(hermes, "-c") as terminal:
        assert "Going on after 4 messages" in terminal.text
        assert "> second words" in terminal.text
        say(terminal, "/fork", "stays as it is")
        listed = say(terminal, "/rewind", "takes back")
        say(terminal, "/rewind 2", "Taken back;")
        sessions = say(terminal, "/sessions", "goes on with one")
        say(terminal, "third words", USED)
        leave(terminal)

    assert "1  first words" in listed
    assert sessions.count("first words") == 3
    texts = [message["content"] for message in kimi.seen[-1].json["messages"][1:]]
    assert texts == ["first words", "Hello from Kimi.", "third words"]


def test_another_conversation_is_gone_on_with_as_carefully(kimi: KimiMock, hermes: Hermes) -> None:
    """
    `/sessions` has a line for each, cut to the terminal, in local times.

    `/sessions ID` keeps the mode; one's own is refused in a sentence.
    """
    hermes.environment["TZ"] = "Etc/GMT-14"
    sessions = Sessions(hermes.home / "hermes-kimi.db")
    other = sessions.create(
        directory=hermes.home.parent,
        provider="kimi-coding",
        base_url="https://k.invalid/v1",
        model="kimi-k3",
        at="2020-11-22T12:00:00+00:00",
    )
    sessions.append(other, user("long ago " * 12), at="2020-11-22T12:00:00+00:00")
    with talk(hermes) as terminal:
        say(terminal, "here", USED)
        own = next(each.id for each in sessions.list() if each.id != other)
        listed = say(terminal, "/sessions", "goes on with one")
        say(terminal, f"/sessions {own[:8]}", "This is that conversation.")
        say(terminal, "/mode plan", "nothing is changed")
        say(terminal, f"/sessions {other[:8]}", "Going on after 1 message.")
        say(terminal, "/mode", "Mode plan")
        leave(terminal)

    [row] = [line for line in listed.splitlines() if other[:12] in line]
    assert row.startswith(f"  {other[:12]}  2020-11-23 02:00     1  long ago")
    assert row.endswith("…")
    assert len(row) < 80
    assert len(kimi.seen) == 1


def test_there_is_nothing_to_sum_up_of_a_short_conversation(kimi: KimiMock, hermes: Hermes) -> None:
    """`/compact` asks nobody where the last fifth of the window holds all that was said."""
    with talk(hermes) as terminal:
        say(terminal, "one", USED)
        say(terminal, "/compact", "There is nothing to sum up yet.")
        leave(terminal)

    assert len(kimi.seen) == 1


def test_a_terminal_without_movements_is_enough(kimi: KimiMock, hermes: Hermes) -> None:
    """`TERM=dumb`: plain lines, a question, and Ctrl-C that stops the answer alone."""
    hermes.environment["TERM"] = "dumb"
    kimi.replies += [
        Reply.calling(EDIT),
        Reply.streaming({"content": "Mended."}),
        Reply.calling(("shell", {"command": "sleep 60"})),
    ]
    with talk(hermes) as terminal:
        terminal.send("mend it" + ENTER)
        terminal.read_until(QUESTION)
        say(terminal, "y", "2 requests")
        terminal.send("run" + ENTER)
        _wait_for(kimi, 3)
        terminal.send(CTRL_C)
        terminal.read_until("Stopped; what came is kept.")
        terminal.read_until(PROMPT)

        assert leave(terminal) == 0
    assert main_file(hermes).read_text() == AFTER


def _wait_for(kimi: KimiMock, requests: int) -> None:
    """Wait until so many requests have come, and a little for the answer."""
    deadline = time.monotonic() + 10
    while len(kimi.seen) < requests and time.monotonic() < deadline:
        time.sleep(0.02)
    time.sleep(0.3)
