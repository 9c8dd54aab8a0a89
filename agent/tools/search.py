"""Lines of files that match a regular expression: by ripgrep, or by a program of our own."""

import json
import sys
from collections.abc import Iterable, Iterator, Sequence
from itertools import accumulate, groupby
from pathlib import Path

import msgspec

from agent.tools import ripgrep
from agent.tools.base import ToolError, Workspace
from agent.tools.files import is_private
from agent.tools.find import listed
from agent.tools.records import SECONDS, Program, printed
from agent.tools.ripgrep import Line
from agent.tools.searching_child import cut
from agent.tools.secret_names import holds_secrets
from agent.tools.tree import matcher, ripgrep_agrees

MOST_MATCHES = 200
"""How many matching lines are kept."""

# A command line may have 2 MiB on Linux, its environment included.
_ARGUMENT_BYTES = 500_000
_CHILD = Path(__file__).with_name("searching_child.py")


class Wanted(msgspec.Struct, frozen=True, kw_only=True):
    """
    What is searched for, and where.

    `start` is a resolved path: a file, or a directory below which the files that `glob` (if any)
    matches are searched, save those for keys. `context` is in lines. `program` is the path of
    `rg`, or empty. `seconds` is how long a program may take.
    """

    workspace: Workspace
    start: Path
    is_directory: bool
    pattern: str
    glob: str = ""
    context: int = 0
    ignore_case: bool = False
    program: str = ""
    seconds: float = SECONDS

    @property
    def base(self) -> Path:
        """The directory to which the paths of lines are relative."""
        return self.start if self.is_directory else self.start.parent

    @property
    def is_whole(self) -> bool:
        """Say whether `rg` can be told the directory, and need not be told each file in it."""
        whole = self.is_directory and not self.glob
        return whole and ripgrep_agrees(self.start, self.workspace.root)


class Found(msgspec.Struct):
    """
    Lines that match, or stand beside one, by the order of their paths.

    `large` are files that were left out. `full` says that there may be more, `late` that the
    time was over before the end.
    """

    lines: list[Line] = msgspec.field(default_factory=list)
    large: list[str] = msgspec.field(default_factory=list)
    full: bool = False
    late: bool = False

    def keep_most(self) -> None:
        """Leave out what comes after MOST_MATCHES."""
        counts = accumulate(line.kind == "match" for line in self.lines)
        kept = sum(count <= MOST_MATCHES for count in counts)
        self.full = self.full or kept < len(self.lines)
        del self.lines[kept:]


async def search(wanted: Wanted) -> Found:
    """
    Return what matches. What `rg` cannot read as an expression is searched by our own.

    Raises ToolError for a pattern or glob that is none.
    """
    found = await _by_ripgrep(wanted) if wanted.program else None
    if found is None:
        found = await _by_ourselves(wanted)
    found.keep_most()
    return found


async def _files(wanted: Wanted) -> tuple[list[str], bool]:
    """Return the files that are to be searched, relative to the base, and if time was over."""
    if not wanted.is_directory:
        return [wanted.start.name], False
    matches = matcher(wanted.glob.removeprefix(f"{wanted.start}/")) if wanted.glob else None
    below, late = await listed(wanted.workspace, wanted.start, wanted.program)
    files = [path for path in below if not holds_secrets(path)]
    return [path for path in files if matches is None or matches(path)], late


async def _by_ripgrep(wanted: Wanted) -> Found | None:
    """Return what `rg` finds, or None if it cannot read the pattern."""
    options = [f"--regexp={wanted.pattern}", f"--context={wanted.context}"]
    if wanted.ignore_case:
        options.append("--ignore-case")
    found = Found()
    batches: Sequence[Sequence[str]] = [["./"]]
    if not wanted.is_whole:
        # A glob of `rg` itself would bring back what is ignored.
        files, found.late = await _files(wanted)
        batches = list(_batches(files))
    for batch in batches:
        program = Program(
            command=ripgrep.searching(wanted.program, wanted.base, options, batch),
            directory=wanted.base,
            environment=wanted.workspace.environment,
            # With what it says of each file that has one match, and in the end.
            most=MOST_MATCHES * (2 * wanted.context + 3) + 2,
            seconds=wanted.seconds,
        )
        output = await printed(program)
        if output.code == 2 and not output.records:
            return None
        found.lines += _allowed(wanted, ripgrep.lines(output.records))
        found.late = found.late or output.late
        found.full = output.code is None and not output.late
        if output.code is None or len(found.lines) > MOST_MATCHES * (2 * wanted.context + 1):
            break
    return found


def _batches(files: Sequence[str]) -> Iterator[list[str]]:
    """Yield the files in lists that fit a command line."""
    sizes = accumulate(len(path.encode(errors="surrogateescape")) + 16 for path in files)
    pairs = zip(files, sizes, strict=True)
    for _, batch in groupby(pairs, key=lambda pair: pair[1] // _ARGUMENT_BYTES):
        yield [f"./{path}" for path, _ in batch]


def _allowed(wanted: Wanted, lines: Iterable[Line]) -> Iterator[Line]:
    """Yield the lines of files that may be shown, cut to what is shown."""
    for path, of_file in groupby(lines, key=lambda line: line.path):
        if wanted.is_directory and holds_secrets(path):
            continue
        if not is_private(wanted.workspace, wanted.base / path):
            for line in of_file:
                yield Line(line.kind, path, line.number, cut(line.text, line.at))


async def _by_ourselves(wanted: Wanted) -> Found:
    """Return what our own program finds, which is ended when its time is over."""
    files, late = await _files(wanted)
    asked = {
        "pattern": wanted.pattern,
        "ignore_case": wanted.ignore_case,
        "context": wanted.context,
        "most": MOST_MATCHES + 1,
        "paths": files,
    }
    program = Program(
        command=(sys.executable, "-I", "-S", str(_CHILD)),
        directory=wanted.base,
        environment=wanted.workspace.environment,
        sent=json.dumps(asked).encode(),
        seconds=wanted.seconds,
    )
    output = await printed(program)
    found = Found(late=late or output.late)
    for record in output.records:
        kind, *rest = json.loads(record)
        match kind:
            case "error":
                raise ToolError(f"The pattern is no regular expression: {rest[0]}.")
            case "large":
                found.large += rest
            case _:
                found.lines.append(Line(kind, *rest))
    return found
