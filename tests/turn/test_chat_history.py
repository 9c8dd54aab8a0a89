"""The history of typed lines, in a real SQLite file."""

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from agent.errors import BrokenFile
from agent.learnt import Facts, Learnt
from hermes_cli.ui.line_editor import KEPT_LINES, LineHistory


def lines(path: Path) -> list[str]:
    """Return the kept lines, the newest first."""
    return list(LineHistory(path).load_history_strings())


def test_reading_makes_no_file(tmp_path: Path) -> None:
    """A history that holds nothing leaves nothing on the disk."""
    assert lines(tmp_path / "home" / "store.db") == []
    assert list(tmp_path.iterdir()) == []


def test_lines_are_kept_in_order_and_for_the_owner_alone(tmp_path: Path) -> None:
    """Each line is on the disk at once, several lines as one entry, a repetition once."""
    path = tmp_path / "home" / "store.db"
    history = LineHistory(path)
    for line in ("one", "two\nlines", "two\nlines", "one"):
        history.append_string(line)

    assert lines(path) == ["one", "two\nlines", "one"]
    assert path.stat().st_mode & 0o777 == 0o600
    assert path.parent.stat().st_mode & 0o777 == 0o700


def test_two_conversations_lose_no_line(tmp_path: Path) -> None:
    """Both write to one table; neither overwrites what the other typed."""
    path = tmp_path / "store.db"
    first, second = LineHistory(path), LineHistory(path)
    first.append_string("one")
    second.append_string("two")

    assert lines(path) == ["two", "one"]


def test_the_oldest_lines_go(tmp_path: Path) -> None:
    """The history has a limit, so that the file does not grow for ever."""
    path = tmp_path / "store.db"
    LineHistory(path).append_string("oldest")
    with closing(sqlite3.connect(path)) as database, database:
        database.executemany(
            "insert into typed_lines (text) values (?)",
            [(f"line {number}",) for number in range(KEPT_LINES)],
        )
    LineHistory(path).append_string("newest")

    kept = lines(path)
    assert len(kept) == KEPT_LINES
    assert (kept[0], kept[-1]) == ("newest", "line 1")


def test_a_byte_that_was_no_text_is_kept_as_a_replacement(tmp_path: Path) -> None:
    """A terminal can pass bytes that are not UTF-8; SQLite takes none of them."""
    path = tmp_path / "store.db"
    LineHistory(path).append_string("a\udcffb")

    assert lines(path) == ["a\ufffdb"]


def test_the_file_is_shared_with_what_was_learnt(tmp_path: Path) -> None:
    """One file, two tables: neither disturbs the other."""
    path = tmp_path / "store.db"
    LineHistory(path).append_string("one")
    Learnt(path).remember_wire("https://kimi.invalid", "messages", at="2026-11-22")

    assert lines(path) == ["one"]
    assert Learnt(path).read() != Facts()


def test_a_line_is_sent_though_it_cannot_be_kept(tmp_path: Path) -> None:
    """A store that broke meanwhile costs the history, not the line that was typed."""
    path = tmp_path / "store.db"
    history = LineHistory(path)
    path.mkdir()
    history.append_string("one")

    assert history.get_strings() == ["one"]


def test_a_file_that_is_no_database_is_named(tmp_path: Path) -> None:
    """What cannot be read is an error with the command that moves it away."""
    path = tmp_path / "store.db"
    path.write_text("not a database, but long enough to be looked at " * 20)

    with pytest.raises(BrokenFile, match="cannot be used") as caught:
        LineHistory(path)
    assert f"mv {path} {path}.broken" in caught.value.remedy
