"""`hermes sessions`: listed, searched, shown, exported, deleted; two processes and one of them."""

import json
import signal
import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import pytest

from agent.errors import UsageError
from agent.messages import (
    ImagePart,
    Message,
    TextPart,
    ThinkPart,
    ToolCall,
    ToolResult,
    Usage,
    user,
)
from agent.sessions import Made, Sessions
from hermes_cli.session_lease import Lease, begin, go_on
from hermes_cli.ui.line_editor import LineHistory
from tests.support.commands import Here
from tests.support.process import Hermes
from tests.support.terminal import Terminal

AT, LATER = "2026-11-22T10:00:00+00:00", "2026-11-22T11:00:00+00:00"
CALL = ToolCall("read:0", "read", '{"path": "notes.txt"}')
OUTPUT = "\n".join(f"line {number}" for number in range(30))
MESSAGES = (
    user("Read the notes\nplease"),
    Message("assistant", (ThinkPart("Hm."), TextPart("I read."), CALL)),
    Message("tool", (ToolResult("read:0", "read", (TextPart(OUTPUT),)),)),
    Message("user", (TextPart("and \x1b[31mthis ``` image"), ImagePart(b"x" * 9, "image/png"))),
)
HOLDER = """
import sys
from hermes_cli.session_lease import Lease

first, lease = Lease(), Lease()
assert first.take(sys.argv[1])
assert not lease.take(sys.argv[1])
assert lease.take("another")
print("held", flush=True)
sys.stdin.read()
"""


@pytest.fixture
def here(home: Path, monkeypatch: pytest.MonkeyPatch) -> Here:
    """Command lines in this process, in an empty home, working in the directory around it."""
    home.parent.mkdir(parents=True)
    monkeypatch.chdir(home.parent)
    return Here(home)


def stored(home: Path, session_id: str = "", *, directory: Path | None = None) -> Sessions:
    """Store a conversation of the directory around a home."""
    home.mkdir(mode=0o700, exist_ok=True)
    sessions = Sessions(home / "hermes-kimi.db")
    made_id = sessions.create(
        directory=directory or home.parent,
        provider="a-provider",
        base_url="https://k.invalid/v1",
        model="m",
        at=AT,
        session_id=session_id,
    )
    for message in MESSAGES:
        made = Made(usage=Usage(prompt_tokens=3), model="served")
        is_answer = message.role == "assistant"
        sessions.append(made_id, message, at=LATER, made=made if is_answer else Made())
    return sessions


def test_the_conversations_of_this_directory_are_listed(here: Here) -> None:
    """Those of others with `--all`; without any, the way on is named."""
    assert "`hermes sessions --all`" in here("sessions").stdout
    assert here("sessions", "--all").stdout == "There is no conversation yet.\n"
    assert not here.home.exists()
    stored(here.home, "aaaa1111bbbb2222")
    stored(here.home, "cccc", directory=Path("/srv/else\udcff"))

    listed = here("sessions")
    everywhere = here("sessions", "list", "--all")
    document = here.json("sessions", "--all")

    assert (listed.code, listed.stderr) == (0, "")
    assert "aaaa1111bbbb  2026-11-22" in listed.stdout
    assert "bbbb2" not in listed.stdout
    assert "m      Read the notes" in listed.stdout
    assert "cccc" not in listed.stdout
    assert "/srv/else" in everywhere.stdout
    assert document["schema"] == 1
    assert document["sessions"][1] == {
        "id": "aaaa1111bbbb2222",
        "title": "Read the notes",
        "directory": str(here.home.parent),
        "provider": "a-provider",
        "base_url": "https://k.invalid/v1",
        "model": "m",
        "begun_at": AT,
        "used_at": LATER,
        "forked_from": "",
        "messages": 4,
    }


def test_what_was_said_is_found(here: Here) -> None:
    """With the conversation and the number of the message, which `show` takes."""
    stored(here.home, "aaaa")
    stored(here.home, "cccc", directory=Path("/srv/else"))

    found = here("sessions", "search", "line", "29")
    [hit] = here.json("sessions", "search", "line 29")["hits"]

    assert "aaaa  2026-11-22" in found.stdout
    assert "[2] …" in found.stdout
    assert "cccc" not in found.stdout
    assert (hit["session"]["id"], hit["position"]) == ("aaaa", 2)
    assert "cccc" in here("sessions", "search", "--all", "line", "29").stdout
    nothing = here("sessions", "search", "nowhere")
    assert (nothing.code, "`--all`" in nothing.stdout) == (0, True)


def test_a_conversation_is_shown_folded_and_a_message_whole(here: Here) -> None:
    """Reasoning is counted and long output cut; `--message` gives what a pointer promised."""
    stored(here.home, "aaaa1111")

    shown = here("sessions", "show", "aaaa").stdout
    whole = here("sessions", "show", "aaaa", "--message", "2").stdout
    answer = here("sessions", "show", "aaaa", "--message", "1").stdout
    missing = here("sessions", "show", "aaaa", "--message", "9")

    assert "[0] User · 2026-11-22" in shown
    assert "(thought 3 characters)" in shown
    assert '→ read {"path": "notes.txt"}' in shown
    assert "… 20 more lines" in shown
    assert "(image/png, 9 bytes)" in shown
    assert whole == f"{OUTPUT}\n"
    assert answer == 'Hm.\nI read.\nread {"path": "notes.txt"}\n'
    assert (missing.code, "from 0 to 3" in missing.stderr) == (2, True)
    unknown = here("sessions", "show", "zzz")
    assert (unknown.code, "`hermes sessions --all`" in unknown.stderr) == (2, True)


def test_a_terminal_is_not_told_what_to_do(offline: Hermes) -> None:
    """What was said may hold control characters; a terminal gets none of them, a pipe all."""
    stored(offline.home, "aaaa")
    argv = [*offline.argv, "sessions", "show", "aaaa", "--message", "3"]

    with Terminal(argv, offline.env()) as terminal:
        assert terminal.wait() == 0
        assert "and [31mthis" in terminal.text
    assert "and \x1b[31mthis" in offline("sessions", "show", "aaaa", "--message", "3").stdout


def test_a_conversation_is_exported_whole(here: Here) -> None:
    """As Markdown that nothing inside breaks, and as JSON lines that hold every byte."""
    sessions = stored(here.home, "aaaa")
    half = Message("assistant", (TextPart("half \ud83d"),))
    sessions.append("aaaa", half, at=LATER)
    file = here.home.parent / "talk.jsonl"

    text = here("sessions", "export", "aaaa").stdout
    written = here("sessions", "export", "aaaa", "--format", "jsonl", "-o", str(file))
    again = here("sessions", "export", "aaaa", "-o", str(file))

    assert text.startswith("# Read the notes\n\n- id: aaaa\n")
    assert "## Assistant (served)\n\nReasoning:\n\n```\nHm.\n```\n\nI read.\n" in text
    assert "Result of `read`:\n\n```\nline 0\n" in text
    assert (written.code, file.stat().st_mode & 0o777) == (0, 0o600)
    head, *lines = [json.loads(line) for line in file.read_text("utf-8").splitlines()]
    assert (head["schema"], head["session"]["id"]) == (1, "aaaa")
    assert [line["position"] for line in lines] == [0, 1, 2, 3, 4]
    assert lines[1]["parts"][0] == {"type": "think", "text": "Hm.", "signature": ""}
    assert (lines[1]["model"], lines[1]["usage"]["prompt_tokens"]) == ("served", 3)
    assert lines[4]["parts"][0]["text"] == "half \ud83d"
    assert (again.code, "never replaced" in again.stderr) == (2, True)
    assert len(file.read_text("utf-8").splitlines()) == 6


def test_conversations_are_deleted_by_their_beginnings(here: Here) -> None:
    """All that are named or, if one of them is not there, none."""
    for name in ("aaaa", "bbbb", "cccc"):
        stored(here.home, name)

    assert here("sessions", "delete", "aa", "zz").code == 2
    assert len(here.json("sessions")["sessions"]) == 3
    result = here("sessions", "delete", "aa", "bb")

    assert result.stdout == "Deleted aaaa  Read the notes\nDeleted bbbb  Read the notes\n"
    assert [each["id"] for each in here.json("sessions")["sessions"]] == ["cccc"]


def test_of_what_is_deleted_no_word_is_left(here: Here) -> None:
    """Also not among the lines that the up arrow brings, nor of what was taken back before."""
    sessions = stored(here.home, "aaaa")
    history = LineHistory(sessions.path)
    for line in ("zebra one\nof two", "zebra", "another"):
        history.store_string(line)
        sessions.append("aaaa", user(line), at=LATER)
    history.store_string("yet another")
    kept = sessions.rewind("aaaa", 5, at=LATER)
    assert here("sessions", "search", "zebra").stdout.count("zebra") == 3

    assert here("sessions", "delete", "aaaa", kept).code == 0

    assert list(LineHistory(sessions.path).load_history_strings()) == ["yet another"]
    files = [path.read_bytes() for path in here.home.iterdir() if path.is_file()]
    assert not any(b"zebra" in content for content in files)


def test_a_conversation_that_cannot_be_read_can_be_deleted(here: Here) -> None:
    """Damage must not keep it there."""
    sessions = stored(here.home, "aaaa")
    with closing(sqlite3.connect(sessions.path)) as database, database:
        database.execute("update session_messages set message = x'00' where position = 1")
    assert here("sessions", "show", "aaaa").code == 3

    assert here("sessions", "delete", "aaaa").code == 0
    assert here.json("sessions")["sessions"] == []


def test_an_export_that_fails_leaves_no_part(offline: Hermes) -> None:
    """On a full disk: a sentence, and no file that could be taken for the whole."""
    stored(offline.home, "aaaa")
    command = [*offline.argv, "sessions", "export", "aaaa", "-o", "talk.md"]
    done = subprocess.run(
        ["sh", "-c", 'ulimit -f 0; exec "$@"', "sh", *command],
        env=offline.env(),
        cwd=offline.home.parent,
        capture_output=True,
        text=True,
        check=False,
    )

    assert (done.returncode, "talk.md cannot be written: File too large." in done.stderr) == (2, 1)
    assert not (offline.home.parent / "talk.md").exists()


@pytest.mark.parametrize(
    ("said", "closed"),
    [
        ("```python\nx = 1", "```python\nx = 1\n```\n"),
        ("````\n```\nx", "````\n```\nx\n````\n"),
        ("~~~\n```\n~~~", "~~~\n```\n~~~\n"),
        ("```\nx\n```", "```\nx\n```\n"),
        ("``` x ``` in a line", "``` x ``` in a line\n"),
    ],
)
def test_a_fence_that_was_left_open_ends_with_its_message(
    here: Here, said: str, closed: str
) -> None:
    """An answer that was cut in its code must not take in the rest of the export."""
    sessions = stored(here.home, "aaaa")
    sessions.append("aaaa", Message("assistant", (TextPart(said),)), at=LATER)
    sessions.append("aaaa", user("next"), at=LATER)

    assert f"\n\n{closed}\n## User\n\nnext\n" in here("sessions", "export", "aaaa").stdout


def test_two_processes_do_not_share_a_conversation(here: Here) -> None:
    """The second goes on in a copy and is told; kill -9 lets go, and leaves nothing held."""
    sessions = stored(here.home, "aaaa")
    directory = here.home.parent
    with here.environment({}):
        command = [sys.executable, "-c", HOLDER, "aaaa"]
        root = Path(__file__).parent.parent.parent
        with subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, cwd=root
        ) as process:
            assert process.stdout is not None
            assert process.stdout.readline() == b"held\n"
            deleted = here("sessions", "delete", "aaaa")
            opened = go_on(sessions, directory, clock=lambda: LATER)
            process.send_signal(signal.SIGKILL)

        assert (deleted.code, "open in another process" in deleted.stderr) == (2, True)
        assert opened.resumed
        assert opened.session_id != "aaaa"
        assert "open in another process" in opened.notice
        assert opened.session_id[:12] in opened.notice
        assert sessions.load(opened.session_id) == MESSAGES
        with go_on(sessions, directory, clock=lambda: LATER, beginning="aa").lease as lease:
            assert not Lease().take("aaaa")
            assert lease.take("bbbb")
            assert Lease().take("aaaa")
        opened.lease.release()


def test_two_new_conversations_are_two(here: Here) -> None:
    """Each has an id before anything is stored; nothing is left behind by one that ends."""
    with here.environment({}):
        one, other = begin(), begin()

        assert one.session_id != other.session_id
        assert (one.resumed, one.notice) == (False, "")
        with pytest.raises(UsageError, match="No conversation was begun in"):
            go_on(Sessions(here.home / "x.db"), here.home.parent, clock=lambda: AT)
        one.lease.release()
        one.lease.release()
        other.lease.release()

    assert list((here.home / "sessions").iterdir()) == []
