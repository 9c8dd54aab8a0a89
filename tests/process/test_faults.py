"""The machine's faults as they happen: kills, a full disk, a home that may not be written."""

import json
import os
import subprocess
import sys
import tempfile
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest

from hermes_cli.dotenv import parse_variables
from hermes_cli.storage import LOCK_NAME, rewrite
from kimi_mock.server import KimiMock
from tests.conftest import PLAN_KEY
from tests.support.process import Hermes, bare_environment

NOBODY = 65534
WRITES = 1000

as_root = pytest.mark.skipif(
    sys.platform == "win32" or os.geteuid() != 0, reason="only root can start a process of nobody"
)


@pytest.fixture
def open_home() -> Iterator[Path]:
    """Return root's home that others can read; pytest's own directories are its user's alone."""
    with tempfile.TemporaryDirectory() as directory:
        Path(directory).chmod(0o755)
        home = Path(directory) / ".hermes"
        home.mkdir(mode=0o755)
        (home / ".env").write_text(f"KIMI_API_KEY={PLAN_KEY}\n")
        (home / ".env").chmod(0o644)
        yield home


def test_nothing_reported_is_lost_when_writers_are_killed(tmp_path: Path) -> None:
    """
    Eight writers, a thousand writes to both files, a kill every few milliseconds.

    Every file parses, every number that was reported written is there (or the next, which
    was written and not reported), and the next write leaves no temporary file.
    """
    home = tmp_path / "home"
    done = subprocess.run(
        [sys.executable, "-m", "tests.support.killed_writers", str(WRITES)],
        env={"HERMES_HOME": str(home), "HOME": str(tmp_path)},
        cwd=Path(__file__).parents[2],
        capture_output=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, done.stderr.decode()
    report = json.loads(done.stdout)
    assert report["killed"] > 20

    assignments, bad_lines = parse_variables((home / ".env").read_text())
    assert bad_lines == []
    found = {f"env:{each.name}": int(each.value) for each in assignments}
    for table in tomllib.loads((home / "config.toml").read_text())["providers"].values():
        found |= {f"toml:{name}": int(number) for name, number in table.items()}
    lost = {
        name: (number, found.get(name))
        for name, number in report["reported"].items()
        if found.get(name, -1) < number
    }
    assert lost == {}

    rewrite(home / ".env", lambda text: text + "# last\n")
    assert sorted(path.name for path in home.iterdir()) == [".env", LOCK_NAME, "config.toml"]


@pytest.mark.parametrize("used", [False, True])
def test_a_full_disk_loses_nothing(kimi: KimiMock, hermes: Hermes, used: bool) -> None:
    """
    No file may grow by a byte: what is written is told, and an answer is still an answer.

    So too in a home that was used before: SQLite wants to make a file for reading (2026-11-22).
    """
    hermes.home.mkdir(mode=0o700)
    env_file = hermes.home / ".env"
    env_file.touch(mode=0o600)
    env_file.write_text(f"KIMI_API_KEY={PLAN_KEY}\n")
    kimi.gate_allows.add("hermes-kimi")
    if used:
        assert hermes("chat", "-q", "hello").code == 0
    store = hermes.home / "hermes-kimi.db"
    stored = store.read_bytes() if used else b""

    def run(*arguments: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            ["sh", "-c", 'ulimit -f 0; exec "$@"', "sh", *hermes.argv, *arguments],
            env=hermes.env(),
            capture_output=True,
            text=True,
            check=False,
        )

    answer = run("chat", "-q", "hi")
    assert (answer.returncode, answer.stdout) == (0, "Hello from Kimi.\n")
    for command, file in (
        (("config", "set", "model", "k3"), "config.toml could not be written: File too large."),
        (("models", "--refresh"), "hermes-kimi.db cannot be used: disk I/O error."),
    ):
        told = run(*command)
        assert told.returncode == 3
        assert file in told.stderr
        assert "`" in told.stderr.splitlines()[-1]
    assert ("used in a chat on" in run("status").stdout) is used
    assert env_file.read_text() == f"KIMI_API_KEY={PLAN_KEY}\n"
    left = {path.name: path.stat().st_size for path in hermes.home.iterdir()}
    assert left.pop("hermes-kimi.db", 0) == len(stored)
    assert not used or store.read_bytes() == stored
    assert {left.pop(f"hermes-kimi.db-{name}", 0) for name in ("wal", "shm")} == {0}
    left.pop("sessions")  # a directory for the locks of those that are open
    assert left == {".env": env_file.stat().st_size, LOCK_NAME: 0}


def test_a_pipe_in_place_of_a_file_is_a_sentence(offline: Hermes) -> None:
    """Nobody writes into it, so reading it would wait for ever."""
    offline.home.mkdir(mode=0o700)
    os.mkfifo(offline.home / "config.toml", 0o600)

    told = offline("doctor", "--offline", key=PLAN_KEY)

    assert told.code == 3
    assert "~/.hermes/config.toml is no plain file." in told.stdout
    assert "`ls -ld ~/.hermes/config.toml`" in told.stdout


def test_an_output_that_takes_no_more_is_not_our_fault(offline: Hermes) -> None:
    """`hermes status > FILE` on a full disk: one sentence, exit 1, no traceback."""
    for arguments in ("status", "--version"):
        done = subprocess.run(
            ["sh", "-c", f'"{sys.executable}" -m hermes_cli {arguments} > /dev/full'],
            env=offline.env(key=PLAN_KEY),
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 1
        assert done.stderr.splitlines() == [
            "Error: Not everything could be written: No space left on device.",
            "`df -h` shows whether a disk is full.",
        ]


@as_root
@pytest.mark.parametrize("used", [False, True])
def test_a_home_that_may_not_be_written_can_be_read(
    kimi: KimiMock, open_home: Path, used: bool
) -> None:
    """
    Another user's home: a chat is answered, a setting is refused with the reason, exit 3.

    So too in a home that was used before: nothing could be asked of one that was mounted
    read-only, since SQLite was opened for writing where there was nothing to write (2026-11-22).
    """
    kimi.gate_allows.add("hermes-kimi")
    environment = bare_environment(open_home) | kimi.environment()
    if used:
        assert Hermes(open_home, environment)("chat", "-q", "hello").code == 0
        (open_home / "hermes-kimi.db").chmod(0o644)
        (open_home / "sessions").chmod(0o755)
    before = {path.name: path.stat().st_mtime_ns for path in open_home.iterdir()}
    # The interpreter may lie where that user cannot read, so modules are imported first.
    script = (
        "import os, sys, json, filelock, tomlkit, shlex, encodings.idna, urllib.request, sqlite3\n"
        "import pathlib\n"
        "import agent.client, httpx2, anyio._backends._asyncio, importlib, pkgutil\n"
        "import hermes_cli.conversation\n"
        "import hermes_cli.commands as commands\n"
        "for found in pkgutil.walk_packages(commands.__path__, 'hermes_cli.commands.'):\n"
        "    importlib.import_module(found.name)\n"
        "from hermes_cli.main import run\n"
        "context = __import__('ssl').create_default_context(cafile=os.environ['SSL_CERT_FILE'])\n"
        f"os.setgid({NOBODY}); os.setuid({NOBODY})\n"
        "for command in json.loads(sys.argv[1]):\n"
        "    code = run(command)\n"
        "    sys.stderr.write(f'code {code}\\n')\n"
    )
    certificates = open_home.parent / "authority.pem"
    certificates.write_bytes(kimi.certificate_file.read_bytes())
    certificates.chmod(0o644)
    commands = [["chat", "-q", "hi"], ["config", "set", "model", "k3"], ["status"], ["key", "list"]]
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", script, json.dumps(commands)],
        env=environment | {"SSL_CERT_FILE": str(certificates)},
        cwd=open_home.parent,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert "Traceback" not in done.stderr, done.stderr
    assert [line for line in done.stderr.splitlines() if line.startswith("code ")] == [
        "code 0",
        "code 3",
        "code 0",
        "code 0",
    ]
    assert done.stdout.startswith("Hello from Kimi.\n")
    assert "config.toml could not be written: Permission denied. " in done.stderr.replace("\n", " ")
    assert done.stderr.count("not kept on disk") == 1, done.stderr  # it was once said twice
    assert ("used in a chat on" in done.stdout) is used
    assert {path.name: path.stat().st_mtime_ns for path in open_home.iterdir()} == before
