"""Odd things in the home: each is a sentence with a remedy and an exit code; nothing is lost."""

import sqlite3
import threading
import time
from pathlib import Path

import pytest

from agent.errors import CorruptFile
from agent.learnt import Cooling, Learnt
from hermes_cli.config import read_settings, write_variables
from hermes_cli.models import open_learnt, read_facts
from hermes_cli.state_file import read_soundly
from hermes_cli.storage import LOCK_NAME
from tests.conftest import PLAN_KEY, PLATFORM_KEY
from tests.support.commands import Here

NO_DATABASE = b"no database, though it is long enough to be looked at"


@pytest.fixture
def here(home: Path) -> Here:
    """The command line in this process, in an empty home that is there."""
    home.mkdir(parents=True, mode=0o700)
    return Here(home)


def is_a_sentence(stderr: str, *words: str) -> None:
    """Check that an error is a sentence, then a remedy with a command."""
    sentence, remedy = stderr.splitlines()[-2:]
    assert sentence.startswith("Error: ")
    assert "`" in remedy
    for word in words:
        assert word in stderr


@pytest.mark.parametrize("name", [".env", "config.toml", "keys.toml", "hermes-kimi.db"])
def test_a_directory_in_place_of_a_file_is_a_sentence(here: Here, name: str) -> None:
    """Reading and writing say so with the path, exit 3; the directory keeps what is in it."""
    (here.home / name).mkdir()
    (here.home / name / "mine").write_text("mine")
    env = {"KIMI_API_KEY": PLAN_KEY}
    for command in (("status",), ("models",), ("config", "set", "model", "k3")):
        result = here(*command, env=env)
        assert result.code == 3, command
        is_a_sentence(result.stderr, f".hermes/{name}", "`ls -ld ")
    assert (here.home / name / "mine").read_text() == "mine"
    assert [path.name for path in here.home.iterdir()] == [name]


def test_a_directory_in_place_of_the_lock_is_a_sentence(here: Here) -> None:
    """Reading needs no lock; writing names it, with the command that removes it."""
    (here.home / LOCK_NAME).mkdir()
    assert here("status", env={"KIMI_API_KEY": PLAN_KEY}).code == 0

    result = here("config", "set", "model", "k3", env={"KIMI_API_KEY": PLAN_KEY})

    assert result.code == 3
    is_a_sentence(result.stderr, LOCK_NAME, "is a directory", "`rmdir ")
    assert not (here.home / "config.toml").exists()


def test_a_lock_file_that_a_dead_process_left_holds_nothing(here: Here) -> None:
    """The lock is the operating system's: it goes with its process, and the file may stay."""
    here.write(LOCK_NAME, "99999999")
    begun = time.monotonic()

    assert here("config", "set", "model", "k3", env={"KIMI_API_KEY": PLAN_KEY}).code == 0
    assert time.monotonic() - begun < 5


def test_an_env_file_that_is_a_link_stays_one(here: Here, tmp_path: Path) -> None:
    """A `.env` kept with the dotfiles is written through, and read through by the next command."""
    kept = tmp_path / "dotfiles.env"
    kept.write_text(f"# mine\nKIMI_API_KEY={PLATFORM_KEY}\n")
    kept.chmod(0o600)
    (here.home / ".env").symlink_to(kept)

    result = here("config", "set", "KIMI_BASE_URL", "https://gateway.invalid/v1")

    assert result.code == 0
    assert (here.home / ".env").is_symlink()
    assert kept.read_text() == (
        f"# mine\nKIMI_API_KEY={PLATFORM_KEY}\nKIMI_BASE_URL=https://gateway.invalid/v1\n"
    )
    assert "https://gateway.invalid/v1" in here("status").stdout


def test_a_link_to_a_place_that_is_not_there_is_shown(here: Here, tmp_path: Path) -> None:
    """The remedy shows the link: whoever looked at the home found nothing wrong with it."""
    (here.home / ".env").symlink_to(tmp_path / "unmounted" / "env")

    result = here("config", "set", "KIMI_BASE_URL", "https://gateway.invalid/v1")

    assert result.code == 3
    is_a_sentence(result.stderr, ".env could not be written: No such", "`ls -ld ~/.hermes/.env`")


def test_the_next_write_takes_what_a_killed_writer_left(here: Here, tmp_path: Path) -> None:
    """Of whichever of our files: it may hold a key. A stranger's file beside a link stays."""
    kept = tmp_path / "dotfiles"
    kept.mkdir()
    (kept / "env").write_text("A=1\n")
    (here.home / ".env").symlink_to(kept / "env")
    for leftover in (".config.toml.hermes-kimi-1-dead", ".keys.toml.hermes-kimi-2-dead"):
        here.write(leftover, PLAN_KEY)
    (kept / ".env.hermes-kimi-3-dead").write_text("ours")
    (kept / ".other.hermes-kimi-4-live").write_text("another home's")

    with here.environment({}):
        write_variables({"B": "2"})

    assert sorted(path.name for path in here.home.iterdir()) == [".env", LOCK_NAME]
    assert sorted(path.name for path in kept.iterdir()) == [".other.hermes-kimi-4-live", "env"]


# --- clocks -------------------------------------------------------------------------------


def test_a_clock_that_jumps_freezes_nothing(here: Here) -> None:
    """Days of the future in the store are read and shown; a key's rest ends when time goes back."""
    now = time.time()
    rest = Cooling(until=now + 600, at=now, reason="rate limit")
    assert rest.is_on(now + 1)
    assert not rest.is_on(now - 3600)
    assert not rest.is_on(now + 86_400)

    with here.environment({"KIMI_API_KEY": PLAN_KEY}):
        settings = read_settings()
        learnt = open_learnt()
        learnt.remember_wire("https://api.kimi.com/coding/v1", "messages", at="2099-01-01T00:00:00")
        learnt.remember_consent("Kimi Code", at="not a day")
        assert settings.notices == ()
        assert read_facts().consents == {"Kimi Code": "not a day"}
    result = here("status", "--json", env={"KIMI_API_KEY": PLAN_KEY})
    assert result.code == 0
    assert "2099-01-01" in result.stdout


# --- SQLite -------------------------------------------------------------------------------


def test_a_damaged_store_is_set_aside_and_the_command_goes_on(here: Here) -> None:
    """Its bytes are kept under a name with the time, the notice says so, and status answers."""
    path = here.write("hermes-kimi.db", "")
    path.write_bytes(NO_DATABASE)

    first = here("status", env={"KIMI_API_KEY": PLAN_KEY})
    second = here("status", env={"KIMI_API_KEY": PLAN_KEY})

    assert (first.code, second.code) == (0, 0)
    assert first.stdout == second.stdout
    [kept] = here.home.glob("hermes-kimi.db.broken-????????-??????")
    assert kept.read_bytes() == NO_DATABASE
    assert f"It was set aside as ~/.hermes/{kept.name}" in first.stderr
    assert second.stderr == ""


def test_many_that_meet_a_damaged_store_set_it_aside_once(here: Here) -> None:
    """Nobody moves the new file away that another has begun: what it learnt stays."""
    path = here.home / "hermes-kimi.db"
    path.write_bytes(NO_DATABASE)
    path.chmod(0o600)
    failures: list[Exception] = []

    def meet(number: int) -> None:
        learnt = Learnt(path)
        try:
            read_soundly(path, learnt.read)
            learnt.remember_place(f"digest{number}", "an-endpoint", at="2026-11-22")
        except Exception as error:  # noqa: BLE001 - shown by the test below
            failures.append(error)

    threads = [threading.Thread(target=meet, args=(number,)) for number in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert failures == []
    assert len(list(here.home.glob("hermes-kimi.db.broken-*"))) == 1
    assert set(Learnt(path).read().places) == {f"digest{number}" for number in range(6)}


def test_a_store_that_is_locked_or_of_another_make_stays(here: Here) -> None:
    """What is not damaged is not set aside: a whole database of somebody else's is named."""
    path = here.write("hermes-kimi.db", "")
    with sqlite3.connect(path) as database:
        database.execute("create table wires (other text)")
    database.close()

    result = here("status", env={"KIMI_API_KEY": PLAN_KEY})

    assert result.code == 3
    is_a_sentence(result.stderr, "no such column", f"`mv {path}")
    assert [each.name for each in here.home.iterdir() if "broken" in each.name] == []


def test_a_store_that_cannot_be_set_aside_is_a_sentence(here: Here) -> None:
    """The lock's place is taken by a directory: nothing is moved, and both are named."""
    path = here.write("hermes-kimi.db", "")
    path.write_bytes(NO_DATABASE)
    (here.home / LOCK_NAME).mkdir()

    result = here("status", env={"KIMI_API_KEY": PLAN_KEY})

    assert result.code == 3
    is_a_sentence(result.stderr, LOCK_NAME, "`rmdir ")
    assert path.read_bytes() == NO_DATABASE
    with pytest.raises(CorruptFile):
        Learnt(path).read()
