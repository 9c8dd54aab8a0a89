"""The tool that replaces exact passages of a file, all or none of them."""

from pathlib import Path

import msgspec
from msgspec.structs import replace

from agent.messages import Tool
from agent.tools.base import Action, BaseTool, Outcome, ToolError, Workspace
from agent.tools.files import check_unchanged, is_there, load, reachable
from agent.tools.matching import absent, double, line_of, places, replaced, without_numbers
from agent.tools.text import Text, named, unified_diff, unix_lines
from agent.tools.write import Change, applied


class Replacement(msgspec.Struct):
    """A passage as it is in the file, and what is to stand there; `all` takes every one."""

    old: str
    new: str
    all: bool = False


class EditArguments(msgspec.Struct):
    """
    A path, and replacements in their order.

    Models also give one replacement without the list; `old`, `new` and `all` take it.
    """

    path: str
    edits: tuple[Replacement, ...] = ()
    old: str | None = None
    new: str | None = None
    all: bool = False

    def replacements(self) -> tuple[Replacement, ...]:
        """Return the replacements, however they were given. Raises ToolError without any."""
        if self.edits:
            return self.edits
        if self.old is None or self.new is None:
            raise ToolError('`edits` is empty. It takes [{"old": text, "new": text}, ...].')
        return (Replacement(self.old, self.new, self.all),)


class Edit(BaseTool[EditArguments]):
    """
    Replaces passages that match exactly; encoding, line ends, mode and all else stay.

    A passage must be there once, unless all are meant. The replacements are done in their
    order, each on what the one before left, and if one fails none is done. A file that changed
    since it was read here is refused. An empty `old` fills a new or empty file.
    """

    tool = Tool(
        name="edit",
        description=(
            "Replace passages of a file, in order, all or none. old must match exactly, "
            "without line numbers, and be unique unless all. Empty old makes a new file."
        ),
        parameters={
            "type": "object",
            "properties": {
                "path": {"type": "string"},
                "edits": {
                    "type": "array",
                    "items": {
                        "type": "object",
                        "properties": {
                            "old": {"type": "string"},
                            "new": {"type": "string"},
                            "all": {"type": "boolean"},
                        },
                        "required": ["old", "new"],
                    },
                },
            },
            "required": ["path", "edits"],
        },
    )
    arguments = EditArguments

    def __init__(self, workspace: Workspace) -> None:
        self._workspace = workspace

    def action(self, arguments: EditArguments) -> Action:
        """
        Show the diff. Raises ToolError if it cannot be done.

        What is wrong with a file that the model was not shown is told only when it is run: the
        nearest passage is a piece of the file, which nobody has allowed it to see yet.
        """
        path = reachable(self._workspace, arguments.path)
        check_unchanged(self._workspace, path)
        try:
            change, _ = self._change(path, arguments)
        except ToolError as error:
            if path in self._workspace.read:
                raise
            preview = f"(This edit will fail: {str(error).partition(chr(10))[0]})"
            return Action(kind="write", paths=(path,), preview=preview)
        return Action(kind="write", paths=(path,), preview=change.diff)

    async def run(self, arguments: EditArguments) -> Outcome:
        """Do it, at once: an interruption comes before or after. Raises ToolError."""
        path = reachable(self._workspace, arguments.path)
        check_unchanged(self._workspace, path)
        change, lines = self._change(path, arguments)
        if len(lines) > 20:
            where = f"{len(lines)} places"
        else:
            where = ("line " if len(lines) == 1 else "lines ") + ", ".join(map(str, lines))
        return applied(
            self._workspace, change, f"Edited {named(self._workspace.shown(path))}: {where}."
        )

    def _change(self, path: Path, arguments: EditArguments) -> tuple[Change, list[int]]:
        """Return the change and the lines at which replacements were made, as they came."""
        shown = named(self._workspace.shown(path))
        replacements = arguments.replacements()
        before = Text("")
        if is_there(path, shown):
            _, before = load(path, shown)
        elif replacements[0].old:
            raise ToolError(f"There is no {shown}. An empty `old` makes a new file.")
        after, lines = before, []
        for number, each in enumerate(replacements, 1):
            try:
                after, touched = _edited(after, each)
            except ToolError as error:
                which = f"Edit {number} of {len(replacements)}: " if len(replacements) > 1 else ""
                raise ToolError(f"{which}{error} Nothing was changed.") from error
            lines += touched
        try:
            content = after.encoded()
        except UnicodeEncodeError as error:
            raise ToolError(
                f"{shown} is in {before.encoding.name}, which has no "
                f"{error.object[error.start]!a}; write of the whole file makes it UTF-8."
            ) from error
        diff = unified_diff(unix_lines(before.text), unix_lines(after.text), shown)
        return Change(path, content, diff), lines


def _edited(text: Text, each: Replacement) -> tuple[Text, list[int]]:
    """Return the text after a replacement, and the lines at which it was made."""
    old, new = unix_lines(each.old), unix_lines(each.new)
    if not old:
        if text.text:
            raise ToolError("`old` is empty, and the file is not.")
        return replace(text, text=each.new), [1]
    if old == new:
        raise ToolError("`old` and `new` are the same.")
    found = places(text.text, old)
    if not found and without_numbers(old) != old:
        old, new = without_numbers(old), without_numbers(new)
        found = places(text.text, old)
    if not found:
        raise absent(text.text, old)
    if len(found) > 1 and not each.all:
        raise double(text.text, found)
    written = new.replace("\n", text.line_end)
    lines = [line_of(text.text, place.start) for place in found]
    return replace(text, text=replaced(text.text, found, written)), lines
