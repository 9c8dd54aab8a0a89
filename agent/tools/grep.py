"""The tool that searches files for a regular expression."""

import stat

import msgspec

from agent.messages import Tool
from agent.tools import ripgrep
from agent.tools.base import Action, BaseTool, Outcome, Workspace
from agent.tools.files import check_regular, reachable, status
from agent.tools.records import SECONDS
from agent.tools.ripgrep import Line
from agent.tools.search import Found, Wanted, search
from agent.tools.text import counted, named

MOST_CHARACTERS = 30_000
MOST_CONTEXT = 20


class GrepArguments(msgspec.Struct):
    """A regular expression, where to search, and how many lines to show around a match."""

    pattern: str
    path: str = "."
    glob: str = ""
    context: int = 0
    ignore_case: bool = False


class Grep(BaseTool[GrepArguments]):
    """
    Searches files that `.gitignore` leaves, line by line, in the order of their paths.

    Files that are no text, and those for keys (`.env`) unless they are named, are left out.
    A pattern that would take for ever is ended after `seconds`. `program` is the path of `rg`,
    empty for our own search; by default the one on the workspace's PATH, if there is one.
    """

    tool = Tool(
        name="grep",
        description="Search files by regex, line by line, not those in .gitignore.",
        parameters={
            "type": "object",
            "properties": {
                "pattern": {"type": "string"},
                "path": {"type": "string"},
                "glob": {"type": "string"},
                "context": {"type": "integer", "description": "lines around"},
                "ignore_case": {"type": "boolean"},
            },
            "required": ["pattern"],
        },
    )
    arguments = GrepArguments
    reads_only = True

    def __init__(
        self, workspace: Workspace, *, program: str | None = None, seconds: float = SECONDS
    ) -> None:
        self._workspace = workspace
        self._seconds = seconds
        self._program = ripgrep.installed(workspace) if program is None else program

    def action(self, arguments: GrepArguments) -> Action:
        """Name the file or directory, with links followed."""
        return Action(kind="read", paths=(reachable(self._workspace, arguments.path),))

    async def run(self, arguments: GrepArguments) -> Outcome:
        """Search. Raises ToolError for a pattern or glob that is none, or a missing path."""
        start = reachable(self._workspace, arguments.path)
        shown = named(self._workspace.shown(start))
        mode = status(start, shown).st_mode
        if not stat.S_ISDIR(mode):
            check_regular(mode, shown)
        wanted = Wanted(
            workspace=self._workspace,
            start=start,
            is_directory=stat.S_ISDIR(mode),
            pattern=arguments.pattern,
            glob=arguments.glob,
            context=min(max(arguments.context, 0), MOST_CONTEXT),
            ignore_case=arguments.ignore_case,
            program=self._program,
            seconds=self._seconds,
        )
        report = _Report(self._workspace, wanted)
        report.add_all(await search(wanted))
        matches, files = counted(report.matches, "line"), counted(report.files, "file")
        summary = f"{named(arguments.pattern)} in {shown}: {matches} of {files}"
        return Outcome.of("\n".join(report.lines), summary=summary)


class _Report:
    """
    Lines by file: a file's path, then its lines, each with its number, then notes.

    A match has `:` behind its number, a line beside one `-`; `--` stands for lines left out.
    """

    def __init__(self, workspace: Workspace, wanted: Wanted) -> None:
        self.lines: list[str] = []
        self.matches = 0
        self.files = 0
        self._workspace = workspace
        self._wanted = wanted
        self._characters = 0
        self._path = ""
        self._next = 0

    def add_all(self, found: Found) -> None:
        """Add lines as far as there is room, and what a reader must know of the rest."""
        room = all(map(self._add, found.lines))
        pattern = self._wanted.pattern
        notes = []
        if found.full or not room:
            notes.append("more matches are not shown: narrow the pattern, path or glob")
        if found.late:
            seconds = f"{self._wanted.seconds:g} seconds"
            notes.append(f"stopped after {seconds}: give a simpler pattern, a path or a glob")
        if found.large:
            notes.append(f"too large to search: {', '.join(map(named, found.large[:5]))}")
        if not self.matches and ("\n" in pattern or r"\n" in pattern):
            notes.append("a pattern matches within one line")
        if not self.matches and not notes:
            notes.append("no match")
        self.lines += [f"({note})" for note in notes]

    def _add(self, line: Line) -> bool:
        """Add a line; say whether there was room."""
        lines = []
        if line.path != self._path:
            lines.append(named(self._workspace.shown(self._wanted.base / line.path)))
        elif self._wanted.context and line.number != self._next:
            lines.append("--")
        mark = ":" if line.kind == "match" else "-"
        lines.append(f"{line.number}{mark}{line.text}")
        self._characters += sum(len(each) + 1 for each in lines)
        if self._characters > MOST_CHARACTERS:
            return False
        self.lines += lines
        self.files += line.path != self._path
        self.matches += line.kind == "match"
        self._path, self._next = line.path, line.number + 1
        return True
