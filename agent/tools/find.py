"""The tool that finds files by a glob."""

import asyncio
import os
import stat
from pathlib import Path

import msgspec

from agent.messages import Tool
from agent.tools import ripgrep
from agent.tools.base import Action, BaseTool, Outcome, ToolError, Workspace
from agent.tools.files import in_thread, is_private, reachable, status
from agent.tools.records import MOST_BYTES, SECONDS, printed
from agent.tools.text import counted, named
from agent.tools.tree import files_below, matcher, ripgrep_agrees

MOST_RESULTS = 200


class FindArguments(msgspec.Struct):
    """A glob, and the directory below which its files are wanted."""

    pattern: str = "*"
    path: str = "."


class Find(BaseTool[FindArguments]):
    """
    Finds files that `.gitignore` leaves, in the order of their paths.

    Of more than MOST_RESULTS the newest are shown. `program` is the path of `rg`, empty for our
    own walk; by default the one on the workspace's PATH, if there is one.
    """

    tool = Tool(
        name="find",
        description="List files by glob (*.py, src/**/test_*), not those in .gitignore.",
        parameters={
            "type": "object",
            "properties": {"pattern": {"type": "string"}, "path": {"type": "string"}},
            "required": ["pattern"],
        },
    )
    arguments = FindArguments
    reads_only = True

    def __init__(self, workspace: Workspace, *, program: str | None = None) -> None:
        self._workspace = workspace
        self._program = ripgrep.installed(workspace) if program is None else program

    def action(self, arguments: FindArguments) -> Action:
        """Name the directory, with links followed."""
        return Action(kind="read", paths=(reachable(self._workspace, arguments.path),))

    async def run(self, arguments: FindArguments) -> Outcome:
        """Find them. Raises ToolError for a directory that is none, or a glob that is none."""
        start = reachable(self._workspace, arguments.path)
        shown = named(self._workspace.shown(start))
        if not stat.S_ISDIR(status(start, shown).st_mode):
            raise ToolError(f"{shown} is no directory; read shows it.")
        matches = matcher(_below(arguments.pattern, start))
        below, late = await listed(self._workspace, start, self._program)
        found = [path for path in below if matches(path)]
        told = self._told([start / path for path in found])
        if late:
            most = f"{SECONDS:g} seconds or {MOST_BYTES >> 20} MiB of names"
            told += f"\n(not all: stopped after {most}; give a path further down)"
        summary = f"{named(arguments.pattern)} in {shown}: {counted(len(found), 'file')}"
        return Outcome.of(told, summary=summary)

    def _told(self, found: list[Path]) -> str:
        if not found:
            return "(no file)"
        newest = sorted(found, key=_changed, reverse=True)[:MOST_RESULTS]
        lines = [named(self._workspace.shown(path)) for path in sorted(newest)]
        if len(found) > len(newest):
            left = len(found) - len(newest)
            lines.append(f"(the newest; {left:,} more: narrow the pattern or the path)")
        return "\n".join(lines)


async def listed(workspace: Workspace, start: Path, program: str) -> tuple[list[str], bool]:
    """
    Return the files below a directory, relative to it, and whether there may be more of them.

    There may be where time was over before the end, or the names were too many. `program` is the
    path of `rg`, or empty. Raises ToolError if that cannot be started.
    """
    if program and ripgrep_agrees(start, workspace.root):
        found = await printed(ripgrep.listing(program, workspace, start))
        paths = [os.fsdecode(record) for record in found.records]
        if workspace.private:
            paths = [path for path in paths if not is_private(workspace, start / path)]
        return paths, found.code is None
    collected: list[str] = []
    try:
        async with asyncio.timeout(SECONDS):
            await in_thread(
                lambda stopped: collected.extend(files_below(workspace, start, stopped))
            )
    except TimeoutError:
        return list(collected), True
    return collected, False


def _below(pattern: str, start: Path) -> str:
    """Return a glob relative to the directory, also if it names the directory itself."""
    return pattern.removeprefix(f"{start}/") or "*"


def _changed(path: Path) -> float:
    try:
        return path.lstat().st_mtime
    except OSError:
        return 0.0
