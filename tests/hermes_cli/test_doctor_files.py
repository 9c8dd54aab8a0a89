"""`hermes doctor` and the home's files: permissions, leftovers, locks, SQLite, and `--fix`."""

import contextlib
import json
import os
import signal
import sqlite3
import subprocess
import sys
import tempfile
from pathlib import Path

import filelock
import pytest

from hermes_cli.storage import LOCK_NAME
from tests.conftest import PLAN_KEY
from tests.hermes_cli.test_doctor import PLAN, looked, of_level
from tests.support.commands import Here


def open_to_others(here: Here) -> None:
    """Make a home as a careless `chmod -R` leaves it."""
    here.write(".env", f"KIMI_API_KEY={PLAN_KEY}\n").chmod(0o644)
    here.write("config.toml", 'model = "k3"\n').chmod(0o666)
    here.home.chmod(0o755)


def modes(home: Path) -> list[int]:
    """Return the permissions of the home, `.env` and `config.toml`."""
    return [path.stat().st_mode & 0o777 for path in (home, home / ".env", home / "config.toml")]


def test_open_files_are_warned_of_and_mended_after_a_yes(here: Here) -> None:
    """Each `chmod` is listed before it is done, and the next look has nothing to say."""
    open_to_others(here)

    before = looked(here, env={})
    result = here("doctor", "--offline", "--fix", "--yes")

    assert [each["fix"] for each in before["findings"] if each["fix"]] == [
        "chmod 700 ~/.hermes",
        "chmod 600 ~/.hermes/.env",
        "chmod 600 ~/.hermes/config.toml",
    ]
    assert before["exit_code"] == 1
    assert result.code == 0
    assert "done: chmod 700 ~/.hermes" in result.stderr
    assert modes(here.home) == [0o700, 0o600, 0o600]
    assert looked(here, env={})["exit_code"] == 0


def test_fixes_need_somebody_who_says_yes(here: Here) -> None:
    """Without a terminal nothing is mended, and the remedy names the answer for scripts."""
    open_to_others(here)

    result = here("doctor", "--offline", "--fix")

    assert (result.stdout, result.code) == ("", 2)
    assert "`hermes doctor --fix --yes`" in result.stderr
    assert modes(here.home) == [0o755, 0o644, 0o666]


def test_with_json_the_document_tells_what_is_left(here: Here) -> None:
    """What was mended is in order in the document, and the exit code goes by the rest."""
    open_to_others(here)
    here.write("config.toml", 'modle = "k3"\n')

    result = here("doctor", "--offline", "--fix", "--yes", "--json")

    document = json.loads(result.stdout)
    assert (result.code, document["exit_code"]) == (1, 1)
    assert "mended: chmod 700 ~/.hermes" in of_level(document, "ok")
    assert {each["fix"] for each in document["findings"]} == {None}


KILLED_WRITER = """
import resource, signal
from hermes_cli.config import write_variables
signal.signal(signal.SIGXFSZ, signal.SIG_DFL)
resource.setrlimit(resource.RLIMIT_FSIZE, (16, 16))
write_variables({"KIMI_API_KEY": "sk-kimi-a-key-that-is-longer-than-sixteen"})
"""


def test_what_a_killed_writer_left_is_found_and_removed(here: Here) -> None:
    """A writer that the kernel killed in the middle leaves a file that may hold a key."""
    here.write(".env", "")
    killed = subprocess.run(
        [sys.executable, "-c", KILLED_WRITER],
        env={"HERMES_HOME": str(here.home)},
        check=False,
    )
    assert killed.returncode == -signal.SIGXFSZ
    [left] = [path.name for path in here.home.iterdir() if ".hermes-kimi-" in path.name]

    document = looked(here)
    here("doctor", "--offline", "--fix", "--yes", env=PLAN)

    [sentence] = of_level(document, "warning")
    assert left in sentence
    assert not (here.home / left).exists()
    assert looked(here)["exit_code"] == 0


def test_a_lock_that_is_held_is_told_and_nothing_else_is_touched(here: Here) -> None:
    """Somebody writes just now: their temporary file is no leftover."""
    here.write(".env", "")
    here.write("..env.hermes-kimi-1-0", "")
    with filelock.FileLock(here.home / LOCK_NAME):
        held = of_level(looked(here), "warning")
    free = of_level(looked(here), "warning")

    assert len(held) == len(free) == 1
    assert "is held by a process that writes just now" in held[0]
    assert "..env.hermes-kimi-1-0" in free[0]


def test_a_damaged_database_is_told_and_left_for_the_next_command(here: Here) -> None:
    """The doctor looks and touches nothing; a whole file is told as whole."""
    path = here.write("hermes-kimi.db", "")
    sqlite3.connect(path).executescript("create table a (b)")
    whole = looked(here)
    content = path.read_bytes()[:100] + b"\xff" * 4_000
    path.write_bytes(content)

    damaged = looked(here)

    assert "SQLite finds hermes-kimi.db whole" in of_level(whole, "ok")
    assert any("is damaged: " in sentence for sentence in of_level(damaged, "broken"))
    assert path.read_bytes() == content


@pytest.mark.parametrize("name", [".env", "keys.toml", "config.toml", "hermes-kimi.db"])
def test_a_directory_where_a_file_should_be(here: Here, name: str) -> None:
    """One line with the command that shows it, and exit 3."""
    here.home.mkdir(mode=0o700, parents=True)
    (here.home / name).mkdir()

    document = looked(here)

    assert any(f"~/.hermes/{name}" in sentence for sentence in of_level(document, "broken"))
    assert document["exit_code"] == 3


def test_a_directory_in_the_place_of_the_lock(here: Here) -> None:
    """It was told as a process that writes just now, with a command that finds nobody."""
    here.write(".env", "")
    (here.home / LOCK_NAME).mkdir()

    document = looked(here)

    [finding] = [each for each in document["findings"] if each["level"] == "warning"]
    assert f"~/.hermes/{LOCK_NAME} is a directory" in finding["sentence"]
    assert f"`rmdir ~/.hermes/{LOCK_NAME}`" in finding["remedy"]


def test_links_that_lead_in_a_circle(here: Here) -> None:
    """One line with the command that shows it, and no crash."""
    here.home.mkdir(mode=0o700, parents=True)
    (here.home / ".env").symlink_to(".env")

    document = looked(here)

    assert any("~/.hermes/.env" in sentence for sentence in of_level(document, "broken"))
    assert document["exit_code"] == 3


def test_a_database_that_no_command_can_use_is_told(here: Here) -> None:
    """What `hermes status` stops at is broken for the doctor too, though SQLite finds it whole."""
    path = here.write("hermes-kimi.db", "")
    with contextlib.closing(sqlite3.connect(path)) as database:
        database.executescript("create table wires (of_another_make text)")

    document = looked(here)
    status = here("status", env=PLAN)

    assert status.code == document["exit_code"] == 3
    [sentence] = of_level(document, "broken")
    assert f"Error: {sentence}" in status.stderr


def test_a_home_whose_name_is_no_text(tmp_path: Path) -> None:
    """A directory made elsewhere may have bytes in its name that are no UTF-8."""
    here = Here(Path(os.fsdecode(bytes(tmp_path) + b"/home-\xff/.hermes")))
    with contextlib.closing(sqlite3.connect(here.write("hermes-kimi.db", ""))) as database:
        database.executescript("create table a (b)")

    assert "SQLite finds hermes-kimi.db whole" in of_level(looked(here), "ok")


SOMEBODY_ELSE = """
import os, sys
from hermes_cli.main import run
run(["doctor", "--offline"])
os.setgid(65534), os.setuid(65534)
run(["doctor", "--offline"])
os.environ["HERMES_HOME"] += "-closed"
sys.exit(run(["doctor", "--offline"]))
"""


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can become somebody else")
def test_a_home_of_somebody_else_is_told_as_that() -> None:
    """Who cannot write there learns whose it is, before a setting is lost."""
    with tempfile.TemporaryDirectory() as directory:
        home = Path(directory) / ".hermes"
        home.mkdir(mode=0o755)
        (home.parent / ".hermes-closed").mkdir(mode=0o700)
        for path in (home, home.parent):
            path.chmod(0o755)
        done = subprocess.run(
            # Modules may lie where that user cannot read: the first run imports them.
            [sys.executable, "-c", SOMEBODY_ELSE],
            env={"HERMES_HOME": str(home), "HOME": directory, **PLAN},
            capture_output=True,
            text=True,
            check=False,
        )

    assert "You may not read and write ~/.hermes," in done.stdout, done.stderr
    assert "`ls -ld ~/.hermes`" in done.stdout
    assert "You may not read and write ~/.hermes-closed," in done.stdout, done.stderr
    assert "Traceback" not in done.stderr
    assert done.returncode == 3
