"""Conversations that an older version kept: they are listed, searched and gone on with."""

import sqlite3
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import msgspec
import pytest

from agent.messages import Message, TextPart, user
from agent.sessions import Sessions

# The tables of 0.1.0 before titles, forks and searching.
SCHEMA = """
create table sessions (
    number integer primary key, id text not null unique, directory blob not null,
    provider text not null, base_url text not null, model text not null,
    begun_at text not null, used_at text not null);
create table session_messages (
    session_id text not null, position integer not null, at text not null, role text not null,
    message blob not null, model text not null, usage blob,
    currency text, amount text, covered integer,
    primary key (session_id, position));
"""
AT = "2026-11-01T10:00:00+00:00"
SAID = (user("Why does the parser fail?"), Message("assistant", (TextPart("It is empty."),)))


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """A file as the older version left it, with one message that cannot be read."""
    path = tmp_path / "x.db"
    database = sqlite3.connect(path)
    with database:
        database.executescript(SCHEMA)
        for session_id, directory in (("old", b"/srv/work"), ("torn", b"/srv/other")):
            database.execute(
                "insert into sessions values (null, ?, ?, 'p', 'https://x.example', 'm', ?, ?)",
                (session_id, directory, AT, AT),
            )
        rows = [("old", *each) for each in enumerate(map(msgspec.json.encode, SAID))]
        for session_id, position, content in (*rows, ("torn", 0, b"{")):
            role = "assistant" if position else "user"
            database.execute(
                "insert into session_messages values (?, ?, ?, ?, ?, '', null, null, null, null)",
                (session_id, position, AT, role, content),
            )
    database.close()
    return path


def test_an_older_conversation_is_as_good_as_a_new_one(path: Path) -> None:
    """Title and words are there, nothing is said twice, and it goes on where it stood."""
    sessions = Sessions(path)

    assert [(each.id, each.title) for each in sessions.list()] == [
        ("torn", ""),
        ("old", "Why does the parser fail?"),
    ]
    assert [(hit.session_id, hit.position) for hit in sessions.search(["empty"])] == [("old", 1)]
    assert [hit.position for hit in sessions.search(["parser"])] == [0]
    assert sessions.load("old") == SAID
    assert sessions.append("old", user("and?"), at=AT) == 2
    assert sessions.load(sessions.fork("old", at=AT)) == (*SAID, user("and?"))


def test_an_older_file_is_opened_by_two_at_once(path: Path) -> None:
    """One brings it up to date, the other waits; both go on, and no word is stored twice."""
    with ThreadPoolExecutor(4) as threads:
        found = list(threads.map(lambda _: Sessions(path).list(), range(8)))

    assert [len(each) for each in found] == [2] * 8
    assert len(Sessions(path).search(["parser"])) == 1
