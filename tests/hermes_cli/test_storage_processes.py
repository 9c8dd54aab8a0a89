"""Writing as it happens: several processes, other users, a umask, a kill, a full or locked home."""

import os
import signal
import stat
import subprocess
import sys
import tempfile
import time
import tomllib
from collections.abc import Iterator
from pathlib import Path

import filelock
import pytest

from agent.errors import ConfigurationError
from hermes_cli.dotenv import parse_variables
from hermes_cli.storage import LOCK_NAME, rewrite

NOBODY = 65534
WRITERS = 4
ROUNDS = 25

as_root = pytest.mark.skipif(
    sys.platform == "win32" or os.geteuid() != 0, reason="only root can start a process of nobody"
)


@pytest.fixture
def open_home() -> Iterator[Path]:
    """Return a home that other users can reach; pytest's directories are its user's alone."""
    with tempfile.TemporaryDirectory() as directory:
        Path(directory).chmod(0o755)
        home = Path(directory) / "home"
        home.mkdir(mode=0o755)
        yield home


def mode(path: Path) -> int:
    """Return the permission bits of a path."""
    return stat.S_IMODE(path.stat().st_mode)


def start(script: str, home: Path, *arguments: str) -> subprocess.Popen[str]:
    """Start a Python process with `home` as its home and pipes for its output."""
    return subprocess.Popen(
        [sys.executable, "-c", script, *arguments],
        env={"HERMES_HOME": str(home), "HOME": str(home.parent)},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def run(script: str, home: Path, *arguments: str) -> str:
    """Run a Python process to its end and return what it printed."""
    with start(script, home, *arguments) as process:
        output, errors = process.communicate(timeout=30)
    assert process.returncode == 0, errors
    return output


def run_as_nobody(script: str, home: Path) -> str:
    """
    Run a Python process as another user and return what it printed.

    The interpreter may lie where that user cannot read, so modules are imported first.
    """
    prepare = (
        "import os, tomllib, tomlkit, filelock, encodings.idna, shlex;"
        "from hermes_cli.config import *;"
        "from agent.errors import *;"
        f"filelock.FileLock('x'); os.setgid({NOBODY}); os.setuid({NOBODY});\n"
    )
    return run(prepare + script, home)


def test_processes_that_write_at_once_lose_nothing(tmp_path: Path) -> None:
    """Four writers of different settings, in both files: every one of their last words stays."""
    home = tmp_path / "home"
    script = (
        "import sys; from hermes_cli.config import write_settings, write_variables\n"
        f"for number in range({ROUNDS}):\n"
        "    write_variables({f'A_{sys.argv[1]}': str(number), f'B{number}_{sys.argv[1]}': 'x'})\n"
        "    write_settings({('providers', sys.argv[1], 'wire'): str(number)})\n"
    )
    writers = [start(script, home, f"w{writer}") for writer in range(WRITERS)]
    for writer in writers:
        with writer:
            _, errors = writer.communicate(timeout=60)
        assert writer.returncode == 0, errors

    assignments, bad_lines = parse_variables((home / ".env").read_text())
    assert len(assignments) == WRITERS * (ROUNDS + 1)
    assert bad_lines == []
    settings = tomllib.loads((home / "config.toml").read_text())
    assert settings["providers"] == {
        f"w{writer}": {"wire": str(ROUNDS - 1)} for writer in range(WRITERS)
    }
    assert sorted(path.name for path in home.iterdir()) == [".env", LOCK_NAME, "config.toml"]


def test_a_kill_in_the_middle_leaves_a_whole_file(tmp_path: Path) -> None:
    """Whenever the writer dies, the file is an old one or a new one, and the next writer works."""
    home = tmp_path / "home"
    script = (
        "from itertools import count; from hermes_cli.config import write_variables\n"
        "for number in count():\n"
        "    write_variables({'A': f'{number}' * 5000, 'B': f'{number}'})\n"
        "    if number == 0: print('started', flush=True)\n"
    )
    for attempt in range(4):
        with start(script, home) as process:
            assert process.stdout
            assert process.stdout.readline() == "started\n"
            time.sleep(0.003 * attempt)
            process.send_signal(signal.SIGKILL)
        assignments, bad_lines = parse_variables((home / ".env").read_text())
        values = {assignment.name: assignment.value for assignment in assignments}
        assert values["A"] == values["B"] * 5000
        assert bad_lines == []

    leftover = home / "..env.hermes-kimi-1-dead"
    leftover.write_text("KIMI_API_KEY=sk-kimi-canary")
    rewrite(home / ".env", lambda text: text + "# last\n")
    assert sorted(path.name for path in home.iterdir()) == [".env", LOCK_NAME]


@pytest.mark.parametrize("umask", ["0o000", "0o022", "0o177"])
def test_the_files_are_the_owners_alone_whatever_the_umask(tmp_path: Path, umask: str) -> None:
    """0700 and 0600, also where the file was open before; a home that exists keeps its mode."""
    home = tmp_path / "a" / "home"
    script = (
        "import os; from hermes_cli.config import *\n"
        f"os.makedirs({str(home.parent)!r}, exist_ok=True); os.umask({umask})\n"
        "write_variables({'KIMI_API_KEY': 'x'}); write_settings({('model',): 'x'})\n"
    )
    run(script, home)
    assert mode(home) == 0o700
    assert {mode(path) for path in home.iterdir()} == {0o600}

    home.chmod(0o755)
    (home / ".env").chmod(0o666)
    run(script.replace("'x'", "'y'"), home)
    assert mode(home) == 0o755
    assert mode(home / ".env") == 0o600


def test_writing_what_is_there_writes_nothing(tmp_path: Path) -> None:
    """The file is the same file, not an equal one."""
    path = tmp_path / ".env"
    path.write_text("A=1\n")
    before = path.stat()

    rewrite(path, lambda text: text)

    after = path.stat()
    assert (after.st_ino, after.st_mtime_ns) == (before.st_ino, before.st_mtime_ns)


def test_a_symbolic_link_is_written_through(tmp_path: Path) -> None:
    """A `.env` kept with the dotfiles stays there, and the link stays a link."""
    home = tmp_path / "home"
    kept = tmp_path / "dotfiles"
    home.mkdir()
    kept.mkdir()
    (kept / "hermes.env").write_text("A=1\n")
    (home / ".env").symlink_to("../dotfiles/hermes.env")

    rewrite(home / ".env", lambda text: text + "B=2\n")

    assert (home / ".env").is_symlink()
    assert (kept / "hermes.env").read_text() == "A=1\nB=2\n"
    assert [path.name for path in kept.iterdir()] == ["hermes.env"]


def test_a_link_that_leads_nowhere_or_to_a_device_is_a_sentence(tmp_path: Path) -> None:
    """A loop, and `/dev/null`, which root could otherwise replace by a file with a key."""
    looped = tmp_path / ".env"
    looped.symlink_to(".env")
    with pytest.raises(ConfigurationError, match=r"\.env .*loop|levels of symbolic links"):
        rewrite(looped, lambda _: "A=1\n")

    device = tmp_path / "config.toml"
    device.symlink_to("/dev/null")
    with pytest.raises(ConfigurationError, match="is no plain file"):
        rewrite(device, lambda _: "a = 1\n")


def test_a_lock_that_is_held_is_a_sentence(tmp_path: Path) -> None:
    """The lock file is named, and nothing was written."""
    with (
        filelock.FileLock(tmp_path / LOCK_NAME),
        pytest.raises(ConfigurationError, match="nothing was written") as refused,
    ):
        rewrite(tmp_path / ".env", lambda _: "A=1\n", timeout_seconds=0.1)

    assert LOCK_NAME in refused.value.message
    assert not (tmp_path / ".env").exists()


def test_a_failure_while_writing_leaves_the_file_and_nothing_else(tmp_path: Path) -> None:
    """A disk that is full (here: a limit on file size) is a sentence; the old file is whole."""
    home = tmp_path / "home"
    home.mkdir(mode=0o700)
    (home / ".env").write_text("A=1\n")
    script = (
        "import resource, signal; from hermes_cli.config import *; from agent.errors import *\n"
        "import filelock; signal.signal(signal.SIGXFSZ, signal.SIG_IGN)\n"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (1000, 1000))\n"
        "try: write_variables({'B': 'x' * 5000})\n"
        "except ConfigurationError as error: print(error.message, error.remedy, error.exit_code)\n"
    )

    said = run(script, home)

    assert said.startswith("~/home/.env could not be written: File too large. `ls -ld ~/home`")
    assert said.endswith("3\n")
    assert (home / ".env").read_text() == "A=1\n"
    assert sorted(path.name for path in home.iterdir()) == [".env", LOCK_NAME]


@as_root
def test_a_home_that_may_not_be_written_is_a_sentence(open_home: Path) -> None:
    """Another user's home, and one that cannot be made: what the system said, and a command."""
    home = open_home
    script = (
        "try: write_variables({'A': '1'})\n"
        "except ConfigurationError as error: print(error.message, error.remedy, error.exit_code)\n"
    )

    said = run_as_nobody(script, home)
    assert "/.env could not be written: Permission denied. `ls -ld " in said
    assert said.endswith("3\n")
    assert list(home.iterdir()) == []

    said = run_as_nobody(script, home / "inner")
    assert "could not be written: Permission denied." in said


@as_root
def test_a_file_that_may_not_be_read_is_a_sentence(open_home: Path) -> None:
    """Root's own `.env` in a shared home: named with the command that shows whose it is."""
    home = open_home
    (home / ".env").write_text("A=1\n")
    (home / ".env").chmod(0o600)
    script = (
        "try: read_settings()\n"
        "except BrokenFile as error: print(error.message, error.remedy, error.exit_code)\n"
    )

    said = run_as_nobody(script, home)

    assert "/.env cannot be read: Permission denied. `ls -ld " in said
    assert said.endswith("3\n")

    home.chmod(0o700)
    assert "Permission denied" in run_as_nobody(script.replace("BrokenFile", "HermesError"), home)


@as_root
def test_root_does_not_take_the_file_from_its_owner(tmp_path: Path) -> None:
    """After `sudo hermes config set` the owner of the home can still read the file."""
    home = tmp_path / "home"
    home.mkdir(mode=0o700)
    os.chown(home, NOBODY, NOBODY)

    rewrite(home / ".env", lambda _: "A=1\n")
    rewrite(home / ".env", lambda text: text + "B=2\n")

    assert (home / ".env").stat().st_uid == NOBODY
    assert mode(home / ".env") == 0o600
