"""Commands in a shell whose directory and environment last from call to call."""

import os
import re
import shlex
import sys
from collections.abc import Iterator
from itertools import count
from pathlib import Path
from shutil import which

import msgspec

from agent.command_parts import READ_OTHERWISE
from agent.messages import Tool
from agent.sandbox import LIFTED_BY, Area, Sandbox
from agent.tools.base import Action, BaseTool, Outcome, ToolError, Workspace
from agent.tools.jobs import Ending, Job, Jobs

DEFAULT_SECONDS = 120.0
MOST_SECONDS = 600.0

_LONGEST_COMMAND_BYTES = 100_000
# Linux gives one variable 128 KiB and refuses to start anything with a longer one.
_LONGEST_VARIABLE_BYTES = 64_000
_LARGEST_ENVIRONMENT_BYTES = 512_000
_JOB_OUTPUT_BYTES = 30_000
_EARLY_SECONDS = 0.3
# A bare terminal, no pager and no question, so that nothing waits for a person.
_QUIET = {
    "TERM": "dumb",
    "NO_COLOR": "1",
    "PAGER": "cat",
    "GIT_PAGER": "cat",
    "GIT_TERMINAL_PROMPT": "0",
}
# Caches without which these fail where their usual place cannot be written (2026-11).
_CACHES = (("GOCACHE", "go-build"), ("npm_config_cache", "npm"), ("UV_CACHE_DIR", "uv"))
# A pipe in its place is not waited for. (Windows has no such flags, and no shell here.)
_READ_PLAIN = os.O_RDONLY | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_NONBLOCK", 0)
# The shell's own, which it makes anew, and those by which a line would not be as it was judged.
_NOT_KEPT = frozenset({"_", "SHLVL", "PWD"}) | READ_OTHERWISE
_DENIED = re.compile(
    r"permission denied|read-only file system|operation not permitted|\bE(?:ACCES|PERM|ROFS)\b",
    re.IGNORECASE,
)
# What looks like a path in a complaint: from the root, or by way of a directory above.
_SPOKEN_PATH = re.compile(r"(?<![\w./])(?:\.\.)?/[^\s'\"`:;,)\]]*")
_KILL_DENIED = re.compile(r"\bkill\b.*operation not permitted", re.IGNORECASE)
# In bubblewrap private files, and processes of others, are not there at all.
_MISSING = re.compile(r"no such file or directory|\bENOENT\b", re.IGNORECASE)
_NO_PROCESS = re.compile(r"\bkill\b\D*(\d+)\D*no such process", re.IGNORECASE)


class ShellArguments(msgspec.Struct):
    """A command to run, or, without one, a background job to look at."""

    command: str = ""
    timeout: float | None = None
    background: bool = False
    job: int | None = None
    offset: int | None = None
    stop: bool = False


class Shell(BaseTool[ShellArguments]):
    """
    Runs commands with bash, or with sh where there is no bash, in a process group of their own.

    Directory and exported variables last: the shell writes them down when it ends, by `exit` and
    `set -e` too; one that is killed, or sets a trap on EXIT itself, leaves them as they were.
    Functions that are not exported, aliases and shell options do not last. Standard input is
    empty. What a command leaves running is ended with it, unless it is a background job; those
    are ended by `close`. On Windows it refuses, and names WSL.
    """

    tool = Tool(
        name="shell",
        description=(
            "Run a bash command. cd and export last for later calls; stdin is empty; what it "
            "leaves running is ended. background: returns a job number at once. With job instead "
            "of command: that job's new output (or from offset); stop ends it. Neither: lists jobs."
        ),
        parameters={
            "type": "object",
            "properties": {
                "command": {"type": "string"},
                "timeout": {"type": "number", "description": "seconds, default 120, at most 600"},
                "background": {"type": "boolean"},
                "job": {"type": "integer"},
                "offset": {"type": "integer", "description": "byte"},
                "stop": {"type": "boolean"},
            },
        },
    )
    arguments = ShellArguments

    def __init__(self, workspace: Workspace, sandbox: Sandbox) -> None:
        self.workspace = workspace
        self.sandbox = sandbox
        self.directory = workspace.root
        self._numbers = count(1)
        self._jobs = Jobs()
        self._temporary = (workspace.scratch / "tmp").resolve()
        self._shell = which("bash", path=workspace.environment.get("PATH")) or "/bin/sh"
        self._area = _area(workspace, self._temporary)
        self._environment = self._first_environment()

    def action(self, arguments: ShellArguments) -> Action:
        """
        Return what a call would do; `paths` holds the directory it would run in.

        Looking at a job, or stopping one, touches nothing outside the conversation.
        """
        if not arguments.command.strip():
            return Action(kind="talk")
        if arguments.job is not None or arguments.stop:
            raise ToolError("Either a command is run, or a job is looked at: two calls.")
        command = arguments.command
        if "\0" in command or len(os.fsencode(command)) > _LONGEST_COMMAND_BYTES:
            raise ToolError(
                f"The command has a zero byte or more than {_LONGEST_COMMAND_BYTES:,} bytes; "
                "write long text to a file first."
            )
        if arguments.timeout is not None and not arguments.timeout > 0:
            raise ToolError("The timeout is above 0 seconds.")
        return Action(kind="run", command=command, preview=command, paths=(self.directory,))

    async def run(self, arguments: ShellArguments) -> Outcome:
        """Run a command, start a job, or look at one. Raises ToolError."""
        self.action(arguments)
        if not arguments.command.strip():
            return await self._look(arguments)
        if sys.platform == "win32":
            raise ToolError("There is no POSIX shell here: the user can run hermes in WSL.")
        if arguments.background:
            return await self._start(arguments)
        return await self._finish(arguments)

    def close(self) -> None:
        """End the background jobs."""
        self._jobs.close()

    # --- a command, waited for ------------------------------------------------------------

    async def _finish(self, arguments: ShellArguments) -> Outcome:
        limit = min(arguments.timeout or DEFAULT_SECONDS, MOST_SECONDS)
        number = next(self._numbers)
        state = self._temporary / f".state-{number}"
        notes = self._mend_directory()
        state.unlink(missing_ok=True)  # whatever was put there, no shell of ours wrote it
        job = self._job(number, f"{_farewell(state)}\n{arguments.command}", arguments.command)
        try:
            in_time = await job.wait(limit)
            if not in_time:
                await job.stop()
        finally:
            if job.ending is None:
                await job.stop(at_once=True)
        notes += self._take_state(state)
        notes += self._ending_notes(job, limit if not in_time else None)
        text = job.output.text()
        if job.output.is_whole:
            job.output.drop()
        ending = job.ending or Ending(-9)
        said = f"{text.rstrip()}\n" if text.strip() else "(no output)\n" if not notes else ""
        return Outcome.of(
            said + "\n".join(notes),
            summary=f"{ending}, {job.seconds:.1f} s" + ("" if in_time else ", over its time limit"),
            is_error=not in_time,
        )

    def _ending_notes(self, job: Job, limit: float | None) -> list[str]:
        ending = job.ending
        notes = []
        if limit is not None:
            notes.append(f"(the time limit of {limit:g} s was reached, and the command ended)")
        elif ending is None or ending.code:
            notes.append(f"({ending or 'it could not be ended'})")
        if ending is not None and ending.left:
            notes.append(
                "(processes it left running were ended; background: true keeps a command running)"
            )
        if self._was_denied(job.output.text()):
            notes.append(self._refusal())
        return notes

    # --- jobs -----------------------------------------------------------------------------

    async def _start(self, arguments: ShellArguments) -> Outcome:
        self._jobs.check_room()
        notes = self._mend_directory()
        number = next(self._numbers)
        job = self._job(number, arguments.command, arguments.command)
        self._jobs.add(number, job)
        try:
            await job.wait(_EARLY_SECONDS)
        except BaseException:
            job.end(at_once=True)
            raise
        text = self._jobs.read(number, None, _JOB_OUTPUT_BYTES)
        return Outcome.of("\n".join([*notes, text]), summary=f"job {number}")

    async def _look(self, arguments: ShellArguments) -> Outcome:
        if arguments.job is None:
            return Outcome.of(self._jobs.listing(), summary="jobs")
        job = self._jobs.get(arguments.job)
        if arguments.stop:
            await job.stop()
        elif arguments.timeout:
            await job.wait(min(arguments.timeout, MOST_SECONDS))
        text = self._jobs.read(arguments.job, arguments.offset, _JOB_OUTPUT_BYTES)
        if self._was_denied(text):
            text = f"{text.rstrip()}\n{self._refusal()}"
        return Outcome.of(text, summary=f"job {arguments.job}: {job.ending or 'running'}")

    def _job(self, number: int, script: str, command: str) -> Job:
        try:
            self._temporary.mkdir(mode=0o700, parents=True, exist_ok=True)
        except OSError as error:
            raise ToolError(f"There is no temporary directory: {error}.") from error
        # The last word is $0: complaints begin with it, and are read for the paths they name.
        words = [self._shell, "-c", script, Path(self._shell).name]
        spec = self.sandbox.spec(words, self.directory, self._environment, self._area)
        return Job(command, spec, self.workspace.scratch / f"shell-{number}.txt")

    # --- what lasts -----------------------------------------------------------------------

    def _first_environment(self) -> dict[str, str]:
        temporary = str(self._temporary)
        given = self.workspace.environment
        environment = {name: given[name] for name in given.keys() - READ_OTHERWISE} | _QUIET
        environment.update(TMPDIR=temporary, TMP=temporary, TEMP=temporary)
        if self.sandbox.confines:
            for name, folder in _CACHES:
                environment.setdefault(name, str(self._temporary / folder))
        return environment

    def _mend_directory(self) -> list[str]:
        """Go back to the root if the directory is gone."""
        if self.directory.is_dir():
            return []
        gone, self.directory = self.directory, self.workspace.root
        if not self.directory.is_dir():
            raise ToolError(f"The directory of the session, {self.directory}, is gone.")
        return [f"({gone} is gone; this ran in {self.directory})"]

    def _take_state(self, state: Path) -> list[str]:
        """Take over the directory and the environment that a shell wrote down, if it did."""
        try:
            # No link is followed: one to /proc/self/environ would be our own, with its keys.
            with open(os.open(state, _READ_PLAIN), "rb") as file:  # noqa: PTH123 - open already
                content = file.read(_LARGEST_ENVIRONMENT_BYTES + 1)
            state.unlink()
        except OSError:
            return []
        directory, *variables = content.split(b"\0")
        notes = []
        if len(content) > _LARGEST_ENVIRONMENT_BYTES:
            notes.append("(the exported variables are too long to last for the next call)")
        elif variables:
            self._environment, dropped = _kept(variables)
            if dropped:
                notes.append(f"({', '.join(dropped)}: too long to last for the next call)")
        now = Path(os.fsdecode(directory))
        if now.is_absolute() and now.resolve() != self.directory.resolve() and now.is_dir():
            self.directory = now.resolve()
            notes.append(f"(now in {self.directory})")
        return notes

    # --- the sandbox ----------------------------------------------------------------------

    def _was_denied(self, text: str) -> bool:
        """Say whether a refusal in the output is the sandbox's own: we ourselves might do it."""
        if not self.sandbox.confines:
            return False
        return any(map(self._is_refusal, text.splitlines()))

    def _is_refusal(self, line: str) -> bool:
        if _KILL_DENIED.search(line):
            return self.sandbox.keeps_signals
        if _DENIED.search(line):
            return any(map(self._is_outside, self._paths_in(line)))
        if self.sandbox.kind == "bubblewrap":
            return self._is_hidden(line)
        return False

    def _is_hidden(self, line: str) -> bool:
        """Say whether what a line calls missing is there for us."""
        if _MISSING.search(line):
            return any(not self._area.may_read(path) for path in self._paths_in(line))
        gone = _NO_PROCESS.search(line)
        try:
            return gone is not None and Path("/proc", gone[1]).stat().st_uid == os.getuid()
        except OSError:
            return False

    def _paths_in(self, line: str) -> Iterator[Path]:
        """Yield the paths in a line of output; the directory itself where there is none."""
        spoken = _SPOKEN_PATH.findall(line)
        yield from (self.directory / each.rstrip(".") for each in spoken or ["."])

    def _is_outside(self, path: Path) -> bool:
        path = Path(os.path.normpath(path))
        if not self._area.may_read(path):
            return True
        if self._area.may_write(path):
            return False
        there = next((each for each in (path, *path.parents) if each.exists()), path)
        return os.access(there, os.W_OK)

    def _refusal(self) -> str:
        places = " and ".join(str(path) for path in self._area.writable)
        private = ", ".join(str(path) for path in self._area.private)
        return (
            f"(the sandbox lets commands write only in {places}"
            + (f", not read {private}," if private else "")
            + (" and signal only what they started" if self.sandbox.keeps_signals else "")
            + f"; the user can lift it: `{LIFTED_BY}`)"
        )


def _area(workspace: Workspace, temporary: Path) -> Area:
    private = tuple(path.resolve() for path in workspace.private)
    root = workspace.root.resolve()
    hidden = any(root.is_relative_to(path) for path in private)
    return Area(
        writable=(temporary,) if hidden else (root, temporary),
        readable=(workspace.scratch.resolve(),),
        private=private,
    )


def _farewell(state: Path) -> str:
    """Return the line by which a shell, bash or not, writes its state down when it ends."""
    program = which("env", path="/usr/bin:/bin") or "env"
    # The name is spelled out: a command can set any variable, and so where this is written.
    save = f'{{ printf "%s\\0" "$PWD"; {program} -0; }} >|{shlex.quote(str(state))} 2>/dev/null'
    return f"trap {shlex.quote(save)} EXIT"


def _kept(variables: list[bytes]) -> tuple[dict[str, str], list[str]]:
    """Return the variables that last, and the names of those that are too long for it."""
    kept: dict[str, str] = {}
    dropped: list[str] = []
    for variable in variables:
        name, equals, value = os.fsdecode(variable).partition("=")
        if not equals or not name or name in _NOT_KEPT:
            continue
        if len(variable) > _LONGEST_VARIABLE_BYTES:
            dropped.append(name)
        else:
            kept[name] = value
    return kept, dropped
