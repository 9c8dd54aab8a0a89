"""`hermes` in a real pseudo-terminal: a conversation, its commands, its ends."""

import time
from collections.abc import Iterator
from contextlib import contextmanager

from kimi_mock.replies import Reply
from kimi_mock.server import KimiMock
from tests.conftest import PLAN_KEY, PLATFORM_KEY
from tests.support.process import Hermes
from tests.support.terminal import CTRL_C, CTRL_D, ENTER, Terminal

# prompt_toolkit moves the cursor instead of drawing the blank after it.
PROMPT = "\n>"
HELP = "/help shows the commands; Ctrl-D leaves."
UP, CTRL_J, ALT_ENTER = "\x1b[A", "\n", "\x1b\r"
PASTE = "\x1b[200~{}\x1b[201~"


@contextmanager
def talk(hermes: Hermes, *arguments: str, key: str = PLATFORM_KEY) -> Iterator[Terminal]:
    """Hold a conversation: give its terminal at the first prompt."""
    with started(hermes, *arguments, key=key) as terminal:
        terminal.read_until(HELP)
        terminal.read_until(PROMPT)
        yield terminal


def started(hermes: Hermes, *arguments: str, key: str = "") -> Terminal:
    """Start `hermes` in a terminal of its own; use it with `with`."""
    return Terminal([*hermes.argv, *arguments], hermes.env(key=key), directory=hermes.home.parent)


def say(terminal: Terminal, line: str, until: str = "tokens in") -> str:
    """Send a line, wait for `until` and the next prompt, and return what was drawn."""
    terminal.send(line + ENTER)
    drawn = terminal.read_until(until)
    return drawn + terminal.read_until(PROMPT)


def leave(terminal: Terminal) -> int:
    """Press Ctrl-D and return the exit code."""
    terminal.send(CTRL_D)
    return terminal.wait()


def contents(kimi: KimiMock) -> list[list[str]]:
    """Return the texts of the messages of each request, after the system prompt."""
    return [[message["content"] for message in seen.json["messages"][1:]] for seen in kimi.seen]


def test_a_conversation_remembers_and_replays(kimi: KimiMock, hermes: Hermes) -> None:
    """Two prompts are two requests; the second carries answer and reasoning of the first."""
    with talk(hermes) as terminal:
        assert kimi.connects == []
        first = say(terminal, "one")
        say(terminal, "two")

        assert leave(terminal) == 0
    assert "Hello from Kimi." in first
    assert [len(seen.json["messages"]) for seen in kimi.seen] == [2, 4]
    assert kimi.seen[1].json["messages"][1:] == [
        {"role": "user", "content": "one"},
        {"role": "assistant", "reasoning_content": "Hm. ", "content": "Hello from Kimi."},
        {"role": "user", "content": "two"},
    ]


def test_the_greeting_names_model_endpoint_and_window(kimi: KimiMock, hermes: Hermes) -> None:
    """Three lines at the start tell who will answer; the alias is told once, beside them."""
    del kimi
    with started(hermes, key=PLAN_KEY) as terminal:
        greeting = terminal.read_until(HELP)
        terminal.read_until(PROMPT)
        leave(terminal)

        assert terminal.text.count("is our name") == 1
    assert (
        "hermes-kimi · kimi-coding · Kimi Coding endpoint\nhttps://api.kimi.com/coding/v1 · "
        "200,000 tokens (shipped row kimi-coding)" in greeting
    )


def test_the_wire_that_was_taken_stays_for_the_conversation(kimi: KimiMock, hermes: Hermes) -> None:
    """The gate costs one request more, once: the next prompt goes to the other wire at once."""
    with talk(hermes, "chat", key=PLAN_KEY) as terminal:
        first = say(terminal, "one")
        second = say(terminal, "two")
        leave(terminal)

    assert "does not take hermes-kimi" in first
    assert "does not take hermes-kimi" not in second
    assert [seen.path for seen in kimi.seen] == [
        "/coding/v1/chat/completions",
        "/coding/v1/messages",
        "/coding/v1/messages",
    ]


def test_another_model_is_another_route(kimi: KimiMock, hermes: Hermes) -> None:
    """`/model` shows the model, refuses one the endpoint lacks, and takes one it has."""
    with talk(hermes, "chat", "--model", "kimi-k3") as terminal:
        shown = say(terminal, "/model", "tokens (")
        refused = say(terminal, "/model k3", "`hermes models --refresh`")
        say(terminal, "one")
        taken = say(terminal, "/model kimi-k2.6", "tokens (")
        say(terminal, "two")
        leave(terminal)

    assert "kimi-k3 · Moonshot endpoint" in shown
    assert "Error: The Moonshot endpoint does not have the model `k3`" in refused
    assert "kimi-k2.6 · Moonshot endpoint" in taken
    assert [seen.json["model"] for seen in kimi.seen] == ["kimi-k3", "kimi-k2.6"]
    assert contents(kimi)[1] == ["one", "Hello from Kimi.", "two"]


def test_status_in_a_conversation_is_status(kimi: KimiMock, hermes: Hermes) -> None:
    """`/status` prints the lines of `hermes status`, and asks nobody."""
    lines = hermes("status", key=PLATFORM_KEY).stdout.splitlines()
    with talk(hermes) as terminal:
        shown = say(terminal, "/status", lines[-1])
        leave(terminal)

    assert all(line in shown for line in lines)
    assert kimi.connects == []


def test_small_commands_do_what_they_say(kimi: KimiMock, hermes: Hermes) -> None:
    """`/help` lists, an unknown one is told, a path is text, `/clear` forgets, `/exit` leaves."""
    with talk(hermes) as terminal:
        helped = say(terminal, "/help", "Enter sends")
        unknown = say(terminal, "/nothing", "/help shows them.")
        for wrong in ("/last x", "/last 0"):
            say(terminal, wrong, "`/last 2` the one before it.")
        say(terminal, "/thinking maybe", "`/thinking on` shows all")
        say(terminal, "/etc/hosts is a file")
        say(terminal, "/clear", "forgotten.")
        say(terminal, "two")
        terminal.send("/exit" + ENTER)

        assert terminal.wait() == 0
    for name in ("/model [ID]", "/status", "/clear", "/help", "/exit"):
        assert name in helped
    assert "There is no command /nothing" in unknown
    assert contents(kimi) == [["/etc/hosts is a file"], ["two"]]


def test_ctrl_c_stops_an_answer_and_keeps_what_came(kimi: KimiMock, hermes: Hermes) -> None:
    """The stopped answer stays on the screen and in the conversation, and the next one works."""
    kimi.replies.append(
        Reply.streaming({"content": "Once upon"}, {"content": " a time"}, pause_seconds=0.7)
    )
    with talk(hermes) as terminal:
        terminal.send("tell" + ENTER)
        terminal.read_until("Once upon")
        terminal.send(CTRL_C)
        stopped = terminal.read_until("Stopped; what came is kept.")
        terminal.read_until(PROMPT)
        say(terminal, "go on")

        assert leave(terminal) == 0
    assert "a time" not in stopped
    assert contents(kimi)[1] == ["tell", "Once upon", "go on"]


def test_ctrl_c_before_anything_came_takes_the_message_back(kimi: KimiMock, hermes: Hermes) -> None:
    """A message that got no answer is not sent again with the next one."""
    kimi.replies.append(Reply.streaming({"content": "late"}, stall_seconds=30))
    with talk(hermes) as terminal:
        terminal.send("tell" + ENTER)
        deadline = time.monotonic() + 10
        while not kimi.seen and time.monotonic() < deadline:
            time.sleep(0.01)
        terminal.send(CTRL_C)
        terminal.read_until("Stopped; nothing came, so your message was taken back")
        terminal.read_until(PROMPT)
        say(terminal, "two")
        leave(terminal)

    assert contents(kimi) == [["tell"], ["two"]]


def test_an_error_in_a_turn_does_not_end_the_conversation(kimi: KimiMock, hermes: Hermes) -> None:
    """A refusal is told with its remedy; the message is taken back, and the next one is asked."""
    body = {"error": {"message": "Organization Rate limit exceeded", "type": "x"}}
    kimi.replies.append(Reply.error(429, body))
    with talk(hermes, "chat", "--retries", "0") as terminal:
        refused = say(terminal, "one", "was taken back")
        say(terminal, "two")

        assert leave(terminal) == 0
    assert "Organization Rate limit exceeded" in refused
    assert contents(kimi) == [["one"], ["two"]]


def test_a_cut_answer_stays_in_the_conversation(kimi: KimiMock, hermes: Hermes) -> None:
    """What came of an answer that broke off is part of the next request."""
    kimi.replies.append(Reply.streaming({"content": "Half an"}, done=False))
    with talk(hermes, "chat", "--retries", "0") as terminal:
        cut = say(terminal, "one", "In the conversation, what came is kept.")
        say(terminal, "two")
        leave(terminal)

    assert "Half an" in cut
    assert "Error: " in cut
    assert contents(kimi)[1] == ["one", "Half an", "two"]


def test_ctrl_c_at_the_prompt_drops_the_line_and_says_how_to_leave(
    kimi: KimiMock, hermes: Hermes
) -> None:
    """With text it clears the line; without, it names the ways out; it never leaves."""
    with talk(hermes) as terminal:
        terminal.send("never sent")
        terminal.read_until("sent")
        terminal.send(CTRL_C)
        terminal.read_until(PROMPT)
        terminal.send(CTRL_C)
        terminal.read_until("Ctrl-D or /exit leaves; Ctrl-C stops an answer.")
        terminal.read_until(PROMPT)
        say(terminal, "two")

        assert leave(terminal) == 0
    assert contents(kimi) == [["two"]]


EDITED = {
    f"one{CTRL_J}two": "one\ntwo",
    f"one{ALT_ENTER}two": "one\ntwo",
    PASTE.format("one\r\ntwo\r"): "one\ntwo\n",
    "onw\x7fe": "one",
    "wo\x01t": "two",
}
"""What is typed, with Ctrl-J, Alt-Enter, a paste, backspace and Ctrl-A → the message it makes."""


def test_lines_are_edited_before_they_are_sent(kimi: KimiMock, hermes: Hermes) -> None:
    """New lines, pastes and corrections: one message goes out, as it stood when Enter came."""
    with talk(hermes) as terminal:
        for keys in EDITED:
            say(terminal, keys)
        leave(terminal)

    assert [said[-1] for said in contents(kimi)] == list(EDITED.values())


def test_the_history_outlives_the_conversation(kimi: KimiMock, hermes: Hermes) -> None:
    """The up arrow brings a line of an earlier run; no file is made but our own."""
    with talk(hermes) as terminal:
        say(terminal, "first words")
        leave(terminal)
    with talk(hermes) as terminal:
        say(terminal, UP)
        leave(terminal)

    assert contents(kimi) == [["first words"], ["first words"]]
    assert sorted(path.name for path in hermes.home.iterdir()) == ["hermes-kimi.db", "sessions"]
    assert list((hermes.home / "sessions").iterdir()) == []
    assert (hermes.home / "hermes-kimi.db").stat().st_mode & 0o777 == 0o600


def test_a_broken_store_is_set_aside_at_the_start(kimi: KimiMock, hermes: Hermes) -> None:
    """A file that is no database is kept under another name, and the conversation begins."""
    hermes.home.mkdir(mode=0o700)
    store = hermes.home / "hermes-kimi.db"
    store.write_text("not a database, but long enough to be looked at " * 20)
    store.chmod(0o600)
    with started(hermes, key=PLATFORM_KEY) as terminal:
        terminal.read_until(PROMPT)
        assert "It was set aside as " in terminal.text
        assert leave(terminal) == 0
    [kept] = hermes.home.glob("hermes-kimi.db.broken-*")
    assert kept.read_text().startswith("not a database")
    assert kimi.connects == []


def test_without_a_key_the_setup_is_offered(kimi: KimiMock, hermes: Hermes) -> None:
    """A person without a key is asked; who declines is told both commands and leaves with 3."""
    with started(hermes) as terminal:
        terminal.read_until("Set up a key now?")
        terminal.send("n" + ENTER)

        assert terminal.wait() == 3
        assert "`hermes chat --provider local`" in terminal.text
        assert "`hermes setup`" in terminal.text
    assert kimi.connects == []


def test_the_setup_that_was_offered_leads_into_the_conversation(
    kimi: KimiMock, hermes: Hermes
) -> None:
    """Yes, a key, Enter for everything else: the prompt is there, and the key is used."""
    with started(hermes) as terminal:
        terminal.read_until("Set up a key now?")
        terminal.send(ENTER)
        terminal.read_until("Key (hidden)")
        terminal.send(PLATFORM_KEY + ENTER)
        terminal.read_until("Ask both which one knows this key?")
        terminal.send("n" + ENTER)
        terminal.read_until("Endpoint [")
        terminal.send(ENTER)
        terminal.read_until("Model [")
        terminal.send(ENTER)
        terminal.read_until(HELP)
        terminal.read_until(PROMPT)
        say(terminal, "one")

        assert leave(terminal) == 0
        assert PLATFORM_KEY not in terminal.text
    assert kimi.seen[0].headers["Authorization"] == f"Bearer {PLATFORM_KEY}"


def test_a_wrong_start_never_reaches_the_prompt(kimi: KimiMock, hermes: Hermes) -> None:
    """A provider nobody knows is an error also in a terminal, without any offer."""
    with started(hermes, "chat", "--provider", "nobody") as terminal:
        assert terminal.wait() == 3
        assert "There is no provider `nobody`" in terminal.text
        assert "Set up a key now?" not in terminal.text
    assert kimi.connects == []
