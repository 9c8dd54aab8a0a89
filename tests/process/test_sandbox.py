"""What confines commands on machines of other kinds: without Landlock, with and without bwrap."""

import stat
from pathlib import Path

import pytest

from kimi_mock.replies import Reply
from kimi_mock.server import KimiMock
from tests.agent.tools.sandboxes import BUBBLEWRAP, needs_bubblewrap
from tests.conftest import PLATFORM_KEY
from tests.support.no_landlock import without_landlock
from tests.support.process import Hermes, Result

NONE = "none: this machine has neither Landlock nor a bubblewrap that works"
ESCAPE = """\
from pathlib import Path
for path in ("../beside", ".hermes/seen"):
    try:
        Path(path).write_text("x")
    except OSError as error:
        print(error)
"""


@pytest.fixture
def work(hermes: Hermes) -> Path:
    """A directory with a script that writes where it should not, on a machine without Landlock."""
    hermes.argv = without_landlock(hermes.argv)
    work = hermes.home.parent
    (work / "escape.py").write_text(ESCAPE)
    hermes.home.mkdir(mode=0o700)
    return work


def run_escape(hermes: Hermes, kimi: KimiMock) -> tuple[Result, str]:
    """Let the model run the script; return what came of it, and what the model was told."""
    call = ("shell", {"command": "python3 escape.py"})
    kimi.replies += [Reply.calling(call), Reply.streaming({"content": "Done."})]
    result = hermes("chat", "-q", "run it", "--yes-all", "--model", "kimi-k3", key=PLATFORM_KEY)
    messages = kimi.seen[-1].json["messages"]
    [told] = [message["content"] for message in messages if message["role"] == "tool"]
    return result, str(told)


@pytest.mark.parametrize("program", ["", "#!/bin/sh\nenv >>{record}\nexit 1\n"])
def test_a_machine_with_neither_says_so_and_works(
    hermes: Hermes, kimi: KimiMock, work: Path, program: str
) -> None:
    """A bwrap that cannot start anything is none; trying it shows it no key."""
    record = work / "environment"
    if program:
        bwrap = work.parent / "bin" / "bwrap"
        bwrap.parent.mkdir()
        bwrap.write_text(program.format(record=record))
        bwrap.chmod(stat.S_IRWXU)
        hermes.environment["PATH"] = f"{bwrap.parent}:{hermes.environment['PATH']}"

    status = hermes("status", key=PLATFORM_KEY)
    result, told = run_escape(hermes, kimi)

    assert f"Sandbox   {NONE}\n" in status.stdout
    assert (result.code, told) == (0, "(no output)\n")
    assert (work.parent / "beside").read_text() == "x"
    assert record.exists() == bool(program)
    assert not program or PLATFORM_KEY not in record.read_text()


@needs_bubblewrap
def test_without_landlock_bubblewrap_confines(hermes: Hermes, kimi: KimiMock, work: Path) -> None:
    """`hermes status` names it, and a command in it is told of the sandbox that refused."""
    folder = Path(BUBBLEWRAP.program).parent
    hermes.environment["PATH"] = f"{folder}:{hermes.environment['PATH']}"

    status = hermes("status", key=PLATFORM_KEY)
    result, told = run_escape(hermes, kimi)

    assert f"Sandbox   bubblewrap ({BUBBLEWRAP.program})\n" in status.stdout
    assert result.code == 0
    assert told.count("Read-only file system") == 2
    assert "`hermes config set sandbox off`" in told
    assert not (work.parent / "beside").exists()
    assert not (work / ".hermes" / "seen").exists()
