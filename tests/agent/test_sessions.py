"""Conversations on disk: byte for byte, whatever kills the process, however many write."""

import signal
import sqlite3
import subprocess
import sys
import tempfile
from decimal import Decimal
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from agent.costs import Cost, Totals
from agent.database import opened
from agent.errors import BrokenFile, UsageError
from agent.learnt import Learnt
from agent.messages import (
    ImagePart,
    Message,
    Part,
    TextPart,
    ThinkPart,
    ToolCall,
    ToolResult,
    Usage,
    VideoPart,
    user,
)
from agent.sessions import Made, Sessions

AT, LATER = "2026-11-22T10:00:00+00:00", "2026-11-22T11:00:00+00:00"
HERE = Path("/srv/work")

# Every code point, halves of surrogate pairs and NUL among them.
TEXTS = st.text(st.characters(codec=None))
SEEN: st.SearchStrategy[TextPart | ImagePart | VideoPart] = (
    TEXTS.map(TextPart)
    | st.builds(ImagePart, st.binary(), TEXTS)
    | st.builds(VideoPart, st.binary(), TEXTS)
)
PARTS: st.SearchStrategy[Part] = (
    SEEN
    | st.builds(ThinkPart, TEXTS, TEXTS)
    | st.builds(ToolCall, TEXTS, TEXTS, TEXTS, TEXTS)
    | st.builds(ToolResult, TEXTS, TEXTS, st.lists(SEEN).map(tuple), st.booleans())
)
MESSAGES = st.builds(
    Message,
    st.sampled_from(("system", "user", "assistant", "tool")),
    st.lists(PARTS).map(tuple),
)

WRITER = """
import sys
from pathlib import Path
from agent.messages import user
from agent.sessions import Sessions

path, session_id, name, count = sys.argv[1:]
for number in range(int(count)):
    Sessions(Path(path)).append(session_id, user(f"{name} {number}"), at="2026-11-22T10:00:00")
    print(number, flush=True)
"""


def begun(sessions: Sessions, *, directory: Path = HERE, at: str = AT) -> str:
    """Begin a conversation."""
    return sessions.create(
        directory=directory, provider="a-provider", base_url="https://k.invalid", model="m", at=at
    )


def writer(sessions: Sessions, session_id: str, name: str, count: int) -> subprocess.Popen[bytes]:
    """Start a process that appends messages and says each number when it is kept."""
    command = [sys.executable, "-c", WRITER, str(sessions.path), session_id, name, str(count)]
    root = Path(__file__).parent.parent.parent
    return subprocess.Popen(command, stdout=subprocess.PIPE, cwd=root)


@settings(max_examples=60, deadline=None)
@given(st.lists(MESSAGES, max_size=4))
def test_what_is_loaded_is_what_was_appended(messages: list[Message]) -> None:
    """Reasoning, calls, images and every odd character come back, so that replay is exact."""
    with tempfile.TemporaryDirectory() as home:
        sessions = Sessions(Path(home) / "x.db")
        session_id = begun(sessions)
        for message in messages:
            sessions.append(session_id, message, at=AT)

        assert Sessions(sessions.path).load(session_id) == tuple(messages)


def test_halves_of_an_emoji_stay_halves(sessions: Sessions) -> None:
    """Two halves in two code points are not joined to one on the way, nor is NUL an end."""
    odd = Message("assistant", (ThinkPart("\ud83d\ude00\0x", "sig"), TextPart("\ude00")))
    session_id = begun(sessions)
    sessions.append(session_id, odd, at=AT)

    [loaded] = sessions.load(session_id)

    assert loaded == odd
    assert len(loaded.parts[0].text) == 4  # type: ignore[union-attr]


def test_reading_makes_no_file_and_writing_makes_one_of_the_owners(sessions: Sessions) -> None:
    """A home without a conversation stays as it is; one with a conversation is private."""
    assert sessions.list() == ()
    assert sessions.last(HERE) is None
    assert not sessions.delete("none")
    assert not sessions.path.parent.exists()

    begun(sessions)

    assert sessions.path.stat().st_mode & 0o777 == 0o600
    assert sessions.path.parent.stat().st_mode & 0o777 == 0o700


def test_the_last_conversation_of_a_directory_is_found(sessions: Sessions) -> None:
    """Used last counts, not begun last; a directory may have any name a disk can hold."""
    odd = Path("/srv/\udcff caf\u00e9")
    first, second = begun(sessions, directory=odd), begun(sessions, directory=odd)
    elsewhere = begun(sessions, at=LATER)

    assert [found.id for found in sessions.list()] == [elsewhere, second, first]
    sessions.append(first, user("hi"), at=LATER)

    last = sessions.last(odd)
    assert last is not None
    assert (last.id, last.directory, last.message_count) == (first, odd, 1)
    assert (last.begun_at, last.used_at) == (AT, LATER)
    assert (last.provider, last.base_url, last.model) == ("a-provider", "https://k.invalid", "m")
    assert len(first) == 32


def test_a_deleted_conversation_is_gone_and_the_others_stay(sessions: Sessions) -> None:
    """Deleting twice is told apart; a writer who does not know yet gets a sentence."""
    kept, gone = begun(sessions), begun(sessions)
    for session_id in (kept, gone):
        sessions.append(session_id, user(session_id), at=AT)

    assert sessions.delete(gone)
    assert not sessions.delete(gone)
    assert sessions.load(kept) == (user(kept),)
    for ask in (sessions.load, sessions.totals):
        with pytest.raises(UsageError, match="There is no conversation"):
            ask(gone)
    with pytest.raises(UsageError, match="There is no conversation"):
        sessions.append(gone, user("more"), at=AT)
    with opened(sessions.path, "") as database:
        [left] = database.execute("select count(*) from session_messages").fetchone()
    assert left == 1


def test_what_answers_used_is_added_up(sessions: Sessions) -> None:
    """Money to the last digit, by currency; what nobody told is counted as such."""
    session_id = begun(sessions)
    answer = Message("assistant", (TextPart("a"),))
    usage = Usage(prompt_tokens=10, completion_tokens=2, cached_tokens=4, reasoning_tokens=1)
    tenth = Cost("USD", Decimal("0.1"))
    for cost in (tenth, tenth, tenth, Cost("CNY", Decimal("0.0000001")), None):
        sessions.append(session_id, user("q"), at=AT)
        sessions.append(
            session_id, answer, at=AT, made=Made(usage=usage, model="served", cost=cost)
        )
    sessions.append(session_id, answer, at=AT)

    assert sessions.totals(session_id) == Totals(
        answers=6,
        usage=Usage(prompt_tokens=50, completion_tokens=10, cached_tokens=20, reasoning_tokens=5),
        costs=(Cost("USD", Decimal("0.3")), Cost("CNY", Decimal("0.0000001"))),
        unpriced=1,
        untold=1,
    )


def test_two_processes_write_one_conversation_and_lose_nothing(sessions: Sessions) -> None:
    """Each message has a place of its own, in the order of its writer."""
    session_id = begun(sessions)
    with writer(sessions, session_id, "a", 25) as one, writer(sessions, session_id, "b", 25) as two:
        assert (one.wait(30), two.wait(30)) == (0, 0)

    texts = [message.parts[0].text for message in sessions.load(session_id)]  # type: ignore[union-attr]
    assert len(texts) == 50
    for name in "ab":
        own = [text for text in texts if text.startswith(name)]
        assert own == [f"{name} {number}" for number in range(25)]


def test_a_killed_process_loses_at_most_what_it_was_writing(sessions: Sessions) -> None:
    """SIGKILL in the middle of writing: all that was acknowledged is there, in order."""
    session_id = begun(sessions)
    with writer(sessions, session_id, "a", 100_000) as process:
        assert process.stdout is not None
        said = [process.stdout.readline() for _ in range(5)]
        process.send_signal(signal.SIGKILL)
        said += process.stdout.readlines()

    texts = [message.parts[0].text for message in sessions.load(session_id)]  # type: ignore[union-attr]
    acknowledged = len([line for line in said if line.endswith(b"\n")])
    assert acknowledged <= len(texts) <= acknowledged + 1
    assert texts == [f"a {number}" for number in range(len(texts))]


def test_a_reader_is_not_kept_waiting_by_a_writer(sessions: Sessions) -> None:
    """A long write elsewhere does not stop a conversation from being read; a second write waits."""
    session_id = begun(sessions)
    other = sqlite3.connect(sessions.path, isolation_level=None)
    try:
        other.execute("begin immediate")
        assert sessions.load(session_id) == ()
        with (
            pytest.raises(BrokenFile, match="locked") as caught,
            opened(sessions.path, "", wait_seconds=0.05) as database,
        ):
            database.execute("delete from sessions")
    finally:
        other.close()
    assert f"fuser -v {sessions.path}" in caught.value.remedy
    assert sessions.list()


def test_one_file_holds_what_was_learnt_and_what_was_said(sessions: Sessions) -> None:
    """Both have tables of their own in it, whoever came first."""
    Learnt(sessions.path).remember_wire("https://k.invalid", "messages", at=AT)
    session_id = begun(sessions)
    sessions.append(session_id, user("hi"), at=AT)

    assert set(Learnt(sessions.path).read().wires) == {"https://k.invalid"}
    assert sessions.load(session_id) == (user("hi"),)


def test_a_message_of_a_newer_version_is_a_sentence(sessions: Sessions) -> None:
    """A part that this version does not know is told, and the conversation is left alone."""
    session_id = begun(sessions)
    sessions.append(session_id, user("hi"), at=AT)
    with opened(sessions.path, "") as database:
        newer = b'{"role":"user","parts":[{"type":"smell","text":"x"}]}'
        database.execute("update session_messages set message = ?", (newer,))

    with pytest.raises(BrokenFile, match="cannot be read") as caught:
        sessions.load(session_id)
    assert "`hermes --version`" in caught.value.remedy


def test_only_a_file_that_is_no_database_is_to_be_moved_away(tmp_path: Path) -> None:
    """What to do differs: a directory in its place or a full disk is not mended by `mv`."""
    (tmp_path / "text.db").write_bytes(b"this is no database, only text that is long enough")
    (tmp_path / "folder.db").mkdir()

    with pytest.raises(BrokenFile) as text:
        Sessions(tmp_path / "text.db").list()
    with pytest.raises(BrokenFile) as folder:
        Sessions(tmp_path / "folder.db").list()

    assert f"mv {tmp_path}/text.db" in text.value.remedy
    assert f"ls -ld {tmp_path}" in folder.value.remedy
