"""Commands that end, never end, flood, read, kill, and leave others behind: real processes."""

import asyncio
import re
import resource
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from agent.confined import GRACE_SECONDS
from agent.tools.base import ToolError
from agent.tools.shell import Shell, ShellArguments
from tests.agent.tools.shells import (
    OFF,
    done,
    held,
    is_running,
    numbers_in,
    running_in,
    said,
    shell_in,
    text_of,
)


def test_a_command_says_what_it_printed_and_how_it_ended(shell: Shell) -> None:
    """Both outputs come together, the exit code is told, and a failing command is no error."""
    assert said(shell, "echo out; echo error >&2") == "out\nerror\n"
    assert said(shell, "true") == "(no output)\n"
    failed = done(shell, "echo why; exit 3")
    assert text_of(failed) == "why\n(exit 3)"
    assert failed.summary.startswith("exit 3, ")
    assert not failed.is_error
    assert not any(shell.workspace.scratch.glob("*.txt"))


def test_directory_and_exports_last(shell: Shell, tmp_path: Path) -> None:
    """They outlive `exit`, `set -e`, a line end in a value, and a name that is gone."""
    awkward = tmp_path / "work" / "it's\na dir"
    awkward.mkdir()

    answer = said(
        shell, "cd it*; export A=$'two\\nlines' B='=x=' UNSET=1; unset UNSET; set -e; false"
    )
    assert answer == f"(now in {awkward})\n(exit 1)"
    assert said(shell, 'echo "$A$B$UNSET"; pwd; exit 0') == f"two\nlines=x=\n{awkward}\n"
    awkward.rmdir()
    answer = said(shell, "pwd; echo $A")
    assert answer == f"{tmp_path}/work\ntwo lines\n({awkward} is gone; this ran in {tmp_path}/work)"


def test_a_killed_shell_leaves_the_state_as_it_was(shell: Shell) -> None:
    """Kill -9 takes nothing but the changes of that one command."""
    said(shell, "export A=kept")

    assert said(shell, "cd /; export A=lost; kill -9 $$") == "(killed by SIGKILL)"
    assert said(shell, "echo $A; pwd") == f"kept\n{shell.workspace.root}\n"


def test_an_export_that_is_too_long_does_not_break_the_next_call(shell: Shell) -> None:
    """Linux starts nothing with a variable of 128 KiB: it is left behind, and that is told."""
    answer = said(shell, "export LONG=$(head -c 100000 /dev/zero | tr '\\0' x) SHORT=s")

    assert answer == "(LONG: too long to last for the next call)"
    assert said(shell, "echo ${#LONG} $SHORT") == "0 s\n"


def test_standard_input_is_empty(shell: Shell) -> None:
    """What reads it gets its end at once, and nobody waits."""
    assert said(shell, "cat; read line; echo $?; python3 -c 'input()' 2>&1 | tail -1") == (
        "1\nEOFError: EOF when reading a line\n"
    )


def test_nothing_waits_for_a_person(shell: Shell) -> None:
    """No pager, no colour, no question of git's; temporary files have a place."""
    place = shell.workspace.scratch / "tmp"

    answer = said(shell, "echo $PAGER $GIT_TERMINAL_PROMPT $TERM; cd $(dirname $(mktemp)) && pwd")

    assert answer == f"cat 0 dumb\n{place}\n(now in {place})"


def test_a_command_that_never_ends_is_ended(shell: Shell) -> None:
    """At its limit all its processes go, what came is kept, and the limit is told."""
    outcome = done(shell, "echo begun; sleep 1000 & sleep 1000", timeout=1)

    assert text_of(outcome) == ("begun\n(the time limit of 1 s was reached, and the command ended)")
    assert outcome.is_error
    assert outcome.summary.startswith("killed by SIGTERM, ")


def test_a_command_that_will_not_end_is_killed(shell: Shell) -> None:
    """One that is deaf to TERM has two seconds, and is gone after them."""
    outcome = done(shell, "trap '' TERM; while :; do sleep 0.2; done", timeout=1)

    assert outcome.summary.startswith("killed by SIGKILL, ")
    assert running_in(shell) == []


def test_a_cancellation_ends_everything_at_once(shell: Shell) -> None:
    """Ctrl-C: also what is deaf to TERM, and what has left the group, is gone in no time."""
    pids = shell.workspace.root / "pids"
    command = f"trap '' TERM; setsid sleep 1000 & echo $$ $! >{pids}; sleep 1000"

    async def interrupted() -> float:
        task = asyncio.create_task(shell.run(ShellArguments(command=command)))
        await asyncio.to_thread(numbers_in, pids)
        began = time.monotonic()
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        return time.monotonic() - began

    assert asyncio.run(interrupted()) < GRACE_SECONDS
    assert running_in(shell) == []


def test_children_left_behind_are_ended(shell: Shell) -> None:
    """In the background, in another session, orphaned twice: none holds us up, none stays."""
    answer = said(
        shell,
        "sleep 1000 & echo $!; setsid sleep 1000 & echo $!; "
        "(setsid sh -c 'echo $$; exec sleep 1000' &); sleep 0.1",
    )

    assert "(processes it left running were ended; background: true keeps" in answer
    assert sum(line.isdecimal() for line in answer.splitlines()) == 3
    assert running_in(shell) == []


def test_a_child_that_ends_by_itself_is_no_child_left_behind(shell: Shell) -> None:
    """A process substitution may outlive its command by a moment: its output is not lost."""
    assert said(shell, "echo in > >(sleep 0.02; cat)") == "in\n"


def test_a_gigabyte_fills_neither_memory_nor_disk(shell: Shell) -> None:
    """The first and last 8 MiB are kept, and the model is told so."""
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss

    answer = said(shell, "echo first; head -c 1000000000 /dev/zero; echo last")

    [kept] = shell.workspace.scratch.glob("*.txt")
    assert kept.stat().st_size < 17 * 1024 * 1024
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 100 * 1024  # KiB
    assert answer.startswith("first\n")
    assert answer.endswith("last\n")
    assert "1,000,000,011 bytes in all; the middle is left out; " in answer
    assert f"the first and last 8 MiB are in {kept}" in answer


def test_a_command_cannot_kill_hermes(tmp_path: Path) -> None:
    """Its parent is a launcher; without a sandbox that dies, and the command with it."""
    shell = shell_in(tmp_path, OFF)

    assert said(shell, "kill -9 $PPID; sleep 1000") == "(killed by SIGKILL)"
    assert said(shell, "kill $PPID; kill -HUP $PPID; kill 0; echo no").startswith("(killed by SIG")
    assert said(shell, "echo fine") == "fine\n"


def test_when_hermes_is_killed_its_commands_end(tmp_path: Path) -> None:
    """Kill -9 of the process that runs a shell leaves nothing of its commands."""
    program = (
        "import sys; from pathlib import Path; from tests.agent.tools.shells import *\n"
        "done(shell_in(Path(sys.argv[1])), 'setsid sleep 1000 & echo $$ $! >pids; sleep 1000')"
    )
    child = subprocess.Popen([sys.executable, "-c", program, str(tmp_path)])
    pids = tmp_path / "work" / "pids"
    left = numbers_in(pids)

    child.send_signal(signal.SIGKILL)
    child.wait()

    deadline = time.monotonic() + 3
    while any(map(is_running, left)):
        assert time.monotonic() < deadline
        time.sleep(0.02)


def test_a_full_disk_is_told_and_the_command_goes_on(tmp_path: Path) -> None:
    """Where the file takes no more, what is shown is right all the same."""
    shell = shell_in(tmp_path)
    with files_of_at_most(50_000):
        answer = said(shell, "seq 1 20000")

    assert answer.startswith("1\n2\n")
    assert answer.rstrip().endswith("20000")
    assert "the disk is full, and the rest was not kept" in answer


@contextmanager
def files_of_at_most(size: int) -> Iterator[None]:
    """Let this process write no file above a size: what a full disk does, as the kernel can."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


@pytest.mark.parametrize(
    ("arguments", "why"),
    [
        (ShellArguments(command="ls", job=1), "two calls"),
        (ShellArguments(command="a\0b"), "zero byte"),
        (ShellArguments(command="x" * 100_001), "write long text to a file"),
        (ShellArguments(command="ls", timeout=-1), "above 0"),
        (ShellArguments(command="ls", timeout=float("nan")), "above 0"),
    ],
)
def test_a_call_that_cannot_be_is_told_why(
    shell: Shell, arguments: ShellArguments, why: str
) -> None:
    """The model learns what would be right before anything is run."""
    with pytest.raises(ToolError, match=re.escape(why)):
        shell.action(arguments)


def test_a_permission_sees_the_command_and_where_it_runs(shell: Shell) -> None:
    """The directory is that of the last `cd`; looking at jobs touches nothing."""
    said(shell, "mkdir sub; cd sub")

    action = shell.action(ShellArguments(command="rm -r x"))

    assert (action.kind, action.command, action.preview) == ("run", "rm -r x", "rm -r x")
    assert action.paths == (shell.workspace.root / "sub",)
    assert shell.action(ShellArguments(job=1)).kind == "talk"


def test_what_a_command_exports_runs_only_inside(shell: Shell) -> None:
    """The launcher, which is not confined, never sees LD_PRELOAD or PYTHON* of a command."""
    said(shell, "export LD_PRELOAD=/nowhere.so PYTHONPATH=/nowhere PYTHONSTARTUP=x")

    answer = said(shell, "echo ran")

    assert answer.count("/nowhere.so") <= 2  # bash and env complain, the launcher does not
    assert "ran" in answer


def test_a_shell_of_plain_sh_keeps_its_state_too(tmp_path: Path) -> None:
    """Where there is no bash, sh does: directory and exports last there as well."""
    shell = shell_in(tmp_path)
    shell.workspace.environment["PATH"] = str(tmp_path)
    plain_shell = Shell(shell.workspace, shell.sandbox)

    answer = said(plain_shell, "cd /usr; export PATH=/usr/bin A=b; exit 2")

    assert answer == "(now in /usr)\n(exit 2)"
    assert said(plain_shell, "pwd; echo $A $BASH_VERSION") == "/usr\nb\n"


def test_no_descriptor_and_no_thread_stays(shell: Shell) -> None:
    """After many commands this process holds no more than after the first."""
    said(shell, "true")
    descriptors, following = held()
    assert following == 0

    for _ in range(5):
        said(shell, "true")

    now, following = held()
    assert now <= descriptors
    assert following == 0
