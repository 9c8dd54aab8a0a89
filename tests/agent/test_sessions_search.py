"""Searching what was said: words, their beginnings, other scripts, and without an index."""

import sqlite3
from pathlib import Path
from typing import Any

import pytest

from agent.messages import Message, TextPart, ThinkPart, ToolCall, ToolResult, user
from agent.session_rows import SCHEMA
from agent.session_search import found_in
from agent.sessions import Sessions
from tests.agent.test_sessions import AT, begun


@pytest.fixture
def sessions(tmp_path: Path) -> Sessions:
    """The conversations of a home that does not exist yet."""
    return Sessions(tmp_path / "x.db")


def places(sessions: Sessions, *words: str) -> list[int]:
    """Return the positions that hold the words, the newest first."""
    return [hit.position for hit in sessions.search(words)]


def test_text_calls_and_output_are_searched_and_reasoning_is_not(sessions: Sessions) -> None:
    """Reasoning is the model's own; what it did with it can be found."""
    session_id = begun(sessions)
    call = ToolCall("read:0", "read", '{"path": "parser.py"}')
    result = ToolResult("read:0", "read", (TextPart("def tokenize(): ..."),))
    for message in (
        user("Why does Caf\u00e9 fail?"),
        Message("assistant", (ThinkPart("secretly"), TextPart("I look."), call)),
        Message("tool", (result,)),
    ):
        sessions.append(session_id, message, at=AT)

    assert places(sessions, "cafe") == [0]
    assert places(sessions, "parser.py") == [1]
    assert places(sessions, "token") == [2]
    assert places(sessions, "secretly") == []
    assert places(sessions) == []


def test_every_word_has_to_be_there(sessions: Sessions) -> None:
    """Words may stand anywhere and be the beginnings of longer ones; the newest is first."""
    session_id = begun(sessions)
    for text in ("red green", "green blue", "greenish redder"):
        sessions.append(session_id, user(text), at=AT)

    assert places(sessions, "green") == [2, 1, 0]
    assert places(sessions, "GREEN", "red") == [2, 0]
    assert places(sessions, "green", "yellow") == []


@pytest.mark.parametrize(
    ("word", "found"),
    [
        ("\u89e3\u6790", [1]),
        ("\ub2e4", [2]),
        ("=>", [3]),
        ("100%", [3]),
        ("_", []),
        ('a"b', [4]),
        ("AND", [4]),
        ("*", []),
        ("\ud83d", []),
    ],
)
def test_any_text_can_be_searched_for(sessions: Sessions, word: str, found: list[int]) -> None:
    """Chinese has no blanks between words, and signs mean nothing to the search itself."""
    session_id = begun(sessions)
    texts = ("plain", "\u8bf7\u4fee\u590d\u89e3\u6790\u5668", "\uac11\ub2c8\ub2e4", "x => 100%")
    for text in (*texts, 'say a"b AND c'):
        sessions.append(session_id, user(text), at=AT)

    assert places(sessions, word) == found


def test_what_was_added_since_is_found_and_what_was_deleted_is_not(sessions: Sessions) -> None:
    """The index follows; of a deleted conversation no word is left anywhere in the file."""
    first, second = begun(sessions), begun(sessions)
    sessions.append(first, user("xylophone one"), at=AT)
    assert len(sessions.search(["xylophone"])) == 1
    sessions.append(second, user("xylophone two"), at=AT)
    assert len(sessions.search(["xylophone"])) == 2

    sessions.delete(first)
    [left] = sessions.search(["xylophone"])
    assert left.session_id == second
    sessions.delete(second)

    assert sessions.search(["xylophone"]) == ()
    files = sessions.path.parent.glob("x.db*")
    assert not [file for file in files if b"xylophone" in file.read_bytes()]


def test_the_excerpt_shows_what_is_around(sessions: Sessions) -> None:
    """One line, cut at both sides."""
    session_id = begun(sessions)
    sessions.append(session_id, user(f"{'a ' * 300}\nneedle\n{'b ' * 300}"), at=AT)

    [hit] = sessions.search(["Needle"])

    assert hit.excerpt.startswith("…a a")
    assert "a needle b" in hit.excerpt
    assert hit.excerpt.endswith("…")
    assert len(hit.excerpt) <= 122


class Without(sqlite3.Connection):
    """A connection of an SQLite that was built without the full-text index."""

    def execute(self, sql: str, *values: Any) -> sqlite3.Cursor:
        """Run a statement, or refuse it as such a build does."""
        if "session_words" in sql:
            raise sqlite3.OperationalError("no such module: fts5")
        return super().execute(sql, *values)


def test_without_an_index_it_goes_line_by_line(sessions: Sessions) -> None:
    """A Python whose SQLite lacks FTS5 finds the same, only slower."""
    session_id = begun(sessions)
    sessions.append(session_id, user("red green"), at=AT)
    database = sqlite3.connect(sessions.path, factory=Without)
    try:
        database.executescript(SCHEMA)
        [hit] = found_in(database, ["GREEN", "red"])
    finally:
        database.close()

    assert (hit.session_id, hit.position, hit.excerpt) == (session_id, 0, "red green")
