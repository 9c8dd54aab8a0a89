"""Searching what was said: words, their beginnings, other scripts, and without an index."""

import contextlib
import sqlite3
from pathlib import Path
from typing import Any

import pytest

from agent.messages import Message, TextPart, ThinkPart, ToolCall, ToolResult, user
from agent.session_rows import SCHEMA
from agent.session_search import MOST_HITS, found_in
from agent.sessions import Sessions
from tests.agent.test_sessions import AT, begun


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


@pytest.mark.parametrize(
    ("words", "found"),
    [
        (["C++"], [0]),
        (["my_function"], [2]),
        (["foo.py"], [4]),
        (["FUNCTION", "my_"], [2]),
        (["say", "\u89e3"], [6]),
        (["cafe\u0301"], [7]),
    ],
)
def test_signs_in_a_word_count(sessions: Sessions, words: list[str], found: list[int]) -> None:
    """The index knows letters only: `C++` is not every word that begins with a c."""
    session_id = begun(sessions)
    texts = ("in C++ here", "cat c", "my_function", "my function", "foo.py", "foo python")
    for text in (*texts, "say \u89e3\u6790", "Caf\u00e9"):
        sessions.append(session_id, user(text), at=AT)

    assert places(sessions, *words) == found


def test_other_directories_take_no_places(sessions: Sessions) -> None:
    """What was said here is found though hundreds of newer messages elsewhere hold it too."""
    here = begun(sessions)
    sessions.append(here, user("needle"), at=AT)
    sessions.append(here, user("=>"), at=AT)
    elsewhere = sessions.create(
        directory=Path("/srv/else\udcff"), provider="p", base_url="u", model="m", at=AT
    )
    with sqlite3.connect(sessions.path) as database:
        database.executemany(
            "insert into session_texts (session_id, position, text) values (?, ?, 'needle =>')",
            [(elsewhere, position) for position in range(MOST_HITS + 1)],
        )
    database.close()

    directory = sessions.find(here).directory
    assert [hit.position for hit in sessions.search(["needle"], directory)] == [0]
    assert [hit.position for hit in sessions.search(["=>"], directory)] == [1]
    assert len(sessions.search(["needle"], Path("/srv/else\udcff"))) == MOST_HITS


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


@pytest.mark.parametrize("indexed", [True, False])
def test_a_file_that_may_not_be_written_is_searched(sessions: Sessions, indexed: bool) -> None:
    """Line by line: the index, which may be there and old, cannot be brought up to date."""
    session_id = begun(sessions)
    sessions.append(session_id, user("red"), at=AT)
    assert not indexed or sessions.search(["red"])
    sessions.append(session_id, user("green"), at=AT)
    with contextlib.closing(sqlite3.connect(sessions.path)) as database:
        database.execute("pragma query_only = on")
        [hit] = found_in(database, ["GREEN"])

    assert hit.position == 1


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
