"""The tool that shows a file by lines, a directory's names, or an image."""

import stat
from pathlib import Path

import msgspec

from agent.messages import ImagePart, TextPart, Tool
from agent.tools.base import Action, BaseTool, Outcome, ToolError, Workspace
from agent.tools.files import (
    LARGEST_TEXT_BYTES,
    Stopped,
    check_regular,
    digest,
    in_thread,
    reachable,
    status,
)
from agent.tools.stretch import STRETCH_CHARACTERS, Stretch, in_utf_8, read_stretch
from agent.tools.text import HEAD_BYTES, LATIN_1, UTF_8, counted, is_text, kind_of, named
from agent.tools.text import marked_encoding as announced
from agent.wire.media import LARGEST_IMAGE_BYTES, image_type

DEFAULT_LINES = 2000
LARGEST_LISTING = 500
"""How many of a directory's names are shown."""


class ReadArguments(msgspec.Struct):
    """A path, and the lines of it that are wanted: `limit` of them from the line `offset`."""

    path: str
    offset: int = 1
    limit: int = DEFAULT_LINES


class Read(BaseTool[ReadArguments]):
    """
    Shows files. Lines carry their number and a tab; the last line says what was left out.

    `images` says that the model takes images; otherwise they are refused like all that is no
    text. What was shown of a text file is remembered, so that a change to it is noticed.
    """

    tool = Tool(
        name="read",
        description="Show a file (lines numbered), directory or image.",
        parameters={
            "type": "object",
            "properties": {
                "path": {"type": "string"},
                "offset": {"type": "integer", "description": "first line"},
                "limit": {"type": "integer"},
            },
            "required": ["path"],
        },
    )
    arguments = ReadArguments
    reads_only = True

    def __init__(self, workspace: Workspace, *, images: bool = False) -> None:
        self._workspace = workspace
        self._images = images

    def action(self, arguments: ReadArguments) -> Action:
        """Name the file, with links followed."""
        return Action(kind="read", paths=(reachable(self._workspace, arguments.path),))

    async def run(self, arguments: ReadArguments) -> Outcome:
        """Show it. Raises ToolError for what is missing, or neither text, image nor directory."""
        path = reachable(self._workspace, arguments.path)
        outcome, seen = await in_thread(lambda stopped: self._read(path, arguments, stopped))
        if seen:
            self._workspace.read[path] = seen
        return outcome

    def _read(self, path: Path, arguments: ReadArguments, stopped: Stopped) -> tuple[Outcome, str]:
        """Return what is shown and, for a text, its digest from before it was read."""
        shown = named(self._workspace.shown(path))
        mode = status(path, shown).st_mode
        try:
            if stat.S_ISDIR(mode):
                return _listed(path, shown), ""
            check_regular(mode, shown)
            with path.open("rb") as file:
                head = file.read(HEAD_BYTES)
            if is_text(head):
                return self._lines(path, shown, arguments, stopped)
            return self._image(path, shown, head), ""
        except OSError as error:
            raise ToolError(f"{shown} cannot be read: {error.strerror}.") from error

    def _lines(
        self, path: Path, shown: str, arguments: ReadArguments, stopped: Stopped
    ) -> tuple[Outcome, str]:
        seen = digest(path)
        first = max(1, arguments.offset)
        limit = arguments.limit if arguments.limit > 0 else DEFAULT_LINES
        with path.open("rb") as file:
            encoding = announced(file.read(4)) or UTF_8
            file.seek(len(encoding.mark))
            if encoding.codec != "utf-8" and path.stat().st_size > LARGEST_TEXT_BYTES:
                raise ToolError(f"{shown} is in UTF-16 and too large to be shown.")
            found = read_stretch(in_utf_8(file, encoding), first, limit, stopped)
        if encoding is not UTF_8 and found.encoding is UTF_8:
            found.encoding = encoding
        if not found.lines and found.total and first > 1:
            raise ToolError(
                f"{shown} has {counted(found.total, 'line')}; {first} is behind its end."
            )
        text = _numbered(found)
        return Outcome.of(text, summary=f"{shown}: {_about(found)}"), seen

    def _image(self, path: Path, shown: str, head: bytes) -> Outcome:
        kind, size = image_type(head), path.stat().st_size
        if not kind or not self._images:
            unseen = " This model cannot see images." if kind else ""
            raise ToolError(f"{shown} is {kind_of(head)}, {size:,} bytes, and no text.{unseen}")
        if size > LARGEST_IMAGE_BYTES:
            raise ToolError(
                f"{shown} is an image of {size:,} bytes; at most {LARGEST_IMAGE_BYTES:,} can be "
                "shown. Make a smaller copy."
            )
        said = f"{shown}: {kind}, {size:,} bytes"
        return Outcome(parts=(TextPart(said), ImagePart(path.read_bytes(), kind)), summary=said)


def _numbered(found: Stretch) -> str:
    """Return the lines with their numbers, and a last line about the file."""
    lines = [f"{number}\t{line}" for number, line in enumerate(found.lines, found.first)]
    return "\n".join([*lines, f"({_about(found)})"])


def _about(found: Stretch) -> str:
    if not found.lines:
        return "an empty file"
    notes = []
    if found.total is not None and found.last >= found.total:
        notes.append(counted(found.total, "line"))
    else:
        total = "many" if found.total is None else f"{found.total:,}"
        notes.append(
            f"lines {found.first}-{found.last} of {total}; offset {found.last + 1} goes on"
        )
    if not found.ends_with_line:
        notes.append("no newline at the end")
    if "\r\n" in found.line_ends:
        mixed = " in part" if "\n" in found.line_ends else ""
        notes.append(f"line ends are CRLF{mixed}, which edit keeps")
    if found.encoding is LATIN_1:
        notes.append("no UTF-8, shown as Latin-1")
    elif found.encoding is not UTF_8:
        notes.append(found.encoding.name)
    return "; ".join(notes)


def _listed(path: Path, shown: str) -> Outcome:
    names = [_entry(each) for each in sorted(path.iterdir())]
    listing, size = [], 0
    for name in names[:LARGEST_LISTING]:
        size += len(name) + 1
        if size > STRETCH_CHARACTERS:
            break
        listing.append(name)
    if len(listing) < len(names):
        listing.append(f"(and {len(names) - len(listing):,} more; find takes a pattern)")
    summary = f"{shown}: {len(names):,} " + ("entry" if len(names) == 1 else "entries")
    return Outcome.of("\n".join(listing) or "(an empty directory)", summary=summary)


def _entry(path: Path) -> str:
    if path.is_symlink():
        return f"{named(path.name)} -> {named(str(path.readlink()))}"
    return named(path.name) + ("/" if path.is_dir() else "")
