"""The SQLite file when something is wrong with it: damage is told apart from all the rest."""

import random
import re
import shlex
import sqlite3
from pathlib import Path

import pytest

from agent.database import opened, rows, set_aside
from agent.errors import BrokenFile, CorruptFile
from agent.learnt import Cooling, Facts, KeyState, Learnt, LearntLimit, LiveModel

DAY = "2026-11-22T10:00:00+00:00"
SCHEMA = "create table if not exists things (name text, size integer);"
DAMAGED_FILES = 400


def filled(path: Path) -> bytes:
    """Return the bytes of a file with a little of everything in it."""
    store = Learnt(path)
    for number in range(4):
        url = f"https://host-{number}.invalid/v1"
        store.remember_list(url, "aaaa", [LiveModel(f"m{n}", n, True) for n in range(9)], at=DAY)
        store.remember_wire(url, "messages", at=DAY)
        store.remember_state(url, "aaaa", KeyState("accepted", "models", DAY))
        store.remember_cooling(url, "aaaa", Cooling(2e9, 1e9, "rate limit"))
        store.remember_place(f"digest{number}", "an-endpoint", at=DAY)
        store.remember_limit(url, "aaaa", "m1", LearntLimit(5, None, DAY))
    with sqlite3.connect(path) as database:
        database.execute("pragma wal_checkpoint(truncate)")
    database.close()
    return path.read_bytes()


def test_whatever_bytes_are_damaged_it_is_read_or_told(tmp_path: Path) -> None:
    """
    Of some hundred damaged files each is read, or named as damaged; none is anything else.

    Python's sqlite3 turned damaged names into a UnicodeDecodeError (seen 2026-11-22).
    """
    path = tmp_path / "x.db"
    sound = filled(path)
    chance = random.Random(4)  # noqa: S311 - which bytes are damaged is no secret
    damage, strange = [], []
    for _ in range(DAMAGED_FILES):
        content = bytearray(sound)
        for _ in range(chance.choice((1, 8, 60))):
            content[chance.randrange(len(content))] = chance.randrange(256)
        for old in tmp_path.iterdir():
            old.unlink()
        path.write_bytes(content)
        try:
            assert isinstance(Learnt(path).read(), Facts)
        except CorruptFile as error:
            damage.append(error.message)
        except BrokenFile as error:
            strange.append(error.message)
    assert len(damage) > DAMAGED_FILES / 10
    assert [told for told in damage if "cannot be used" not in told] == []
    # A letter of a column's name: such a file is whole, and not ours.
    assert [told for told in strange if "no such column" not in told] == []


def test_a_value_of_another_kind_is_damage(tmp_path: Path) -> None:
    """We never write a text where a number belongs, so nothing may calculate with it."""
    path = tmp_path / "x.db"
    with opened(path, SCHEMA) as database:
        database.execute("insert into things values ('a', 'many')")
    with pytest.raises(CorruptFile, match="a column holds str"), opened(path, SCHEMA) as database:
        list(rows(database, "select name, size from things", str, int))


def test_what_is_no_database_is_damage(tmp_path: Path) -> None:
    """Text under our name, and a database whose header alone is left."""
    path = tmp_path / "x.db"
    sound = filled(tmp_path / "sound.db")
    for content in (b"only text, though it is long enough", sound[:5000]):
        path.write_bytes(content)
        with pytest.raises(CorruptFile):
            Learnt(path).read()
        assert path.read_bytes() == content


def test_a_file_of_another_make_is_no_damage(tmp_path: Path) -> None:
    """A whole database without our columns is told, with the command that moves it away."""
    path = tmp_path / "x.db"
    with opened(path, "create table wires (other text);"):
        pass
    with pytest.raises(BrokenFile, match="no such column") as told:
        Learnt(path).read()
    assert not isinstance(told.value, CorruptFile)
    assert f"`mv {path}" in told.value.remedy


def test_the_command_can_be_pasted_whatever_the_path(tmp_path: Path) -> None:
    """A blank and a quote in a name end no word of it."""
    path = tmp_path / "my agent's" / "x.db"
    with opened(path, "create table wires (other text);"):
        pass
    with pytest.raises(BrokenFile) as told:
        Learnt(path).read()
    [command] = re.findall("`([^`]+)`", told.value.remedy)
    assert shlex.split(command) == ["mv", str(path), f"{path}.broken"]


def test_a_locked_or_missing_place_is_no_damage(tmp_path: Path) -> None:
    """Another process, or a directory under our name: nothing may be moved away for that."""
    path = tmp_path / "x.db"
    with opened(path, SCHEMA) as database:
        database.execute("insert into things values ('a', 1)")
        with (
            pytest.raises(BrokenFile, match="locked") as told,
            opened(path, SCHEMA, wait_seconds=0.01) as other,
        ):
            other.execute("insert into things values ('b', 2)")
    assert not isinstance(told.value, CorruptFile)
    (tmp_path / "folder.db").mkdir()
    with pytest.raises(BrokenFile, match="unable to open") as refused:
        Learnt(tmp_path / "folder.db").read()
    assert not isinstance(refused.value, CorruptFile)


def test_what_is_set_aside_keeps_its_bytes_and_its_companions(tmp_path: Path) -> None:
    """The write-ahead file holds data too; a name that is taken gets a number."""
    path = tmp_path / "x.db"
    for round_ in ("one", "two"):
        path.write_text(round_)
        (tmp_path / "x.db-wal").write_text(f"{round_} wal")
        (tmp_path / "x.db-shm").write_text(f"{round_} shm")
        set_aside(path, "broken-1")

    assert {file.name: file.read_text() for file in tmp_path.iterdir()} == {
        "x.db.broken-1": "one",
        "x.db.broken-1-wal": "one wal",
        "x.db.broken-1-shm": "one shm",
        "x.db.broken-1-2": "two",
        "x.db.broken-1-2-wal": "two wal",
        "x.db.broken-1-2-shm": "two shm",
    }
