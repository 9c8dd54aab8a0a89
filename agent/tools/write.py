"""The tool that writes a whole file."""

from pathlib import Path

import msgspec
from msgspec.structs import replace

from agent.messages import Tool
from agent.tools.base import Action, BaseTool, Outcome, ToolError, Workspace
from agent.tools.files import check_unchanged, digest, is_there, load, reachable, store
from agent.tools.text import UTF_8, Text, counted, named, unified_diff, unix_lines


class WriteArguments(msgspec.Struct):
    """A path, and all that its file is to hold."""

    path: str
    content: str


class Change(msgspec.Struct, frozen=True):
    """A file as it is to be: its bytes, the diff from what it was, and notes for the model."""

    path: Path
    content: bytes
    diff: str
    notes: tuple[str, ...] = ()


class Write(BaseTool[WriteArguments]):
    """
    Writes a file whole or not at all, with its directories.

    A file that is there is replaced only if it is empty, or was read or written here and has
    not changed since. It keeps its mode, its encoding and, if the content has none, its CRLF
    line ends.
    """

    tool = Tool(
        name="write",
        description="Create a file, or replace one that was read.",
        parameters={
            "type": "object",
            "properties": {"path": {"type": "string"}, "content": {"type": "string"}},
            "required": ["path", "content"],
        },
    )
    arguments = WriteArguments

    def __init__(self, workspace: Workspace) -> None:
        self._workspace = workspace

    def action(self, arguments: WriteArguments) -> Action:
        """Show the diff. Raises ToolError if the file may not be replaced."""
        change = self._change(arguments)
        return Action(kind="write", paths=(change.path,), preview=change.diff)

    async def run(self, arguments: WriteArguments) -> Outcome:
        """Write it, at once: an interruption comes before or after. Raises ToolError."""
        change = self._change(arguments)
        lines = counted(len(arguments.content.splitlines()), "line")
        said = f"Wrote {named(self._workspace.shown(change.path))}: {lines}."
        return applied(self._workspace, change, said)

    def _change(self, arguments: WriteArguments) -> Change:
        path = reachable(self._workspace, arguments.path)
        shown = named(self._workspace.shown(path))
        before, notes = Text(""), []
        if is_there(path, shown) and path.stat().st_size:
            check_unchanged(self._workspace, path)
            if path not in self._workspace.read:
                raise ToolError(f"{shown} is there and was not read. Read it first, or edit it.")
            _, before = load(path, shown)
        after = replace(before, text=arguments.content)
        if before.line_end == "\r\n" and "\r" not in arguments.content:
            after = replace(after, text=arguments.content.replace("\n", "\r\n"))
            notes.append("its line ends stay CRLF")
        try:
            content = after.encoded()
        except UnicodeEncodeError:
            content = _in_utf_8(arguments.content)
            notes.append(f"it is in UTF-8 now, not in {before.encoding.name}")
        diff = unified_diff(unix_lines(before.text), unix_lines(arguments.content), shown)
        return Change(path, content, diff, tuple(notes))


def applied(workspace: Workspace, change: Change, said: str) -> Outcome:
    """Store a change and remember the file as it is now. Raises ToolError."""
    shown = named(workspace.shown(change.path))
    check_unchanged(workspace, change.path)
    store(change.path, change.content, shown)
    try:
        workspace.read[change.path] = digest(change.path)
    except OSError:
        # Somebody took it away at once: the next call will see it.
        workspace.read.pop(change.path, None)
    notes = f" ({'; '.join(change.notes)})" if change.notes else ""
    return Outcome.of(said + notes, summary=said.rstrip("."), diff=change.diff)


def _in_utf_8(text: str) -> bytes:
    try:
        return text.encode(UTF_8.codec)
    except UnicodeEncodeError as error:
        raise ToolError("The content holds half of a surrogate pair, which no file can.") from error
