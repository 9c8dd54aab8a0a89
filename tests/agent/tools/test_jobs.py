"""Background jobs: started, read by offset, awaited, stopped, and ended with their session."""

import asyncio
from pathlib import Path

import pytest

from agent.sandbox import Sandbox
from agent.tools.base import ToolError
from agent.tools.shell import Shell, ShellArguments
from tests.agent.tools.sandboxes import HERE
from tests.agent.tools.shells import running_in, shell_in, text_of


async def told(shell: Shell, **arguments: object) -> str:
    """Return what a model is told of a call."""
    return text_of(await shell.run(ShellArguments(**arguments)))  # type: ignore[arg-type]


async def begun_in(shell: Shell) -> None:
    """Wait until a job's command runs."""
    async with asyncio.timeout(30):
        while not running_in(shell):  # noqa: ASYNC110 - other processes set no event
            await asyncio.sleep(0.01)


@pytest.mark.parametrize("sandbox", HERE)
def test_a_job_runs_on_while_others_work(tmp_path: Path, sandbox: Sandbox) -> None:
    """Its number comes at once; its output is read on from where it was, or from an offset."""
    shell = shell_in(tmp_path, sandbox)

    async def session() -> None:
        command = "echo one; while [ ! -e go ]; do sleep 0.01; done; echo two"
        started = await told(shell, command=command, background=True)
        assert started.startswith("job 1 (running, ")
        while "[output 0-4 of 4 bytes]\none\n" not in started:
            started = await told(shell, job=1, offset=0, timeout=0.1)
        assert await told(shell, command="touch go; echo meanwhile") == "meanwhile\n"
        ended = await told(shell, job=1, timeout=60)
        assert ended.startswith("job 1 (exit 0, ")
        assert ended.endswith("[output 4-8 of 8 bytes]\ntwo\n")
        again = await told(shell, job=1, offset=2)
        assert again.endswith("[output 2-8 of 8 bytes]\ne\ntwo\n")

    asyncio.run(session())
    shell.close()


@pytest.mark.parametrize("sandbox", HERE)
def test_a_job_is_stopped_with_all_its_processes(tmp_path: Path, sandbox: Sandbox) -> None:
    """Stopping ends the tree, and the list says how each job ended."""
    shell = shell_in(tmp_path, sandbox)

    async def session() -> None:
        await told(shell, command="echo $$; sleep 1000", background=True)
        await begun_in(shell)
        stopped = await told(shell, job=1, stop=True)
        assert stopped.startswith("job 1 (killed by SIGTERM, ")
        assert running_in(shell) == []
        assert (await told(shell)).startswith("job 1 (killed by SIGTERM, ")

    asyncio.run(session())
    shell.close()


@pytest.mark.parametrize("sandbox", HERE)
def test_closing_ends_the_jobs(tmp_path: Path, sandbox: Sandbox) -> None:
    """At the end of a session, without an event loop, nothing runs on; again is harmless."""
    shell = shell_in(tmp_path, sandbox)
    command = "trap '' TERM; while :; do sleep 1; done"
    asyncio.run(told(shell, command=command, background=True))
    asyncio.run(begun_in(shell))

    shell.close()
    shell.close()

    assert running_in(shell) == []


def test_a_job_that_fails_at_once_says_so_at_once(tmp_path: Path) -> None:
    """A server whose port is taken is not believed to run."""
    shell = shell_in(tmp_path)

    started = asyncio.run(told(shell, command="echo no port; exit 1", background=True))

    assert started.startswith("job 1 (exit 1, ")
    assert started.endswith("no port\n")
    shell.close()


def test_an_unknown_job_is_answered_with_those_that_are(tmp_path: Path) -> None:
    """The model can mend its call."""
    shell = shell_in(tmp_path)

    with pytest.raises(ToolError, match=r"There is no job 7\. There are no background jobs\."):
        asyncio.run(told(shell, job=7))
    assert asyncio.run(told(shell)) == "There are no background jobs."
