"""What a tool is: a short definition, what a call would do, and doing it; and where it works."""

from abc import ABC, abstractmethod
from collections.abc import Callable
from pathlib import Path
from typing import Generic, Literal, TypeVar

import msgspec

from agent.messages import ImagePart, TextPart, Tool, ToolCall, ToolResult
from agent.session_rows import STORED

A = TypeVar("A", bound=msgspec.Struct)

ActionKind = Literal["read", "write", "run", "fetch", "talk"]


class ToolError(Exception):
    """
    A call that cannot be done, in words for the model, which can mend it and call again.

    The message says what is wrong and what would be right; it never holds a key.
    """


class Action(msgspec.Struct, frozen=True, kw_only=True):
    """
    What a call would do, for a permission to judge before anything is done.

    `paths` are absolute, with every symbolic link followed; for `run` the one path is the
    directory where the command starts, which may have moved. `preview` is what a person is
    shown: a unified diff for `write`, the command for `run`, the URL for `fetch`. `talk`
    touches nothing outside the conversation.
    """

    kind: ActionKind
    paths: tuple[Path, ...] = ()
    command: str = ""
    url: str = ""
    preview: str = ""


class Outcome(msgspec.Struct, frozen=True, kw_only=True):
    """
    What a call gave: the parts that go to the model, and one line for a person.

    `is_error` says that it failed; `diff` is the unified diff of what was changed, if anything.
    """

    parts: tuple[TextPart | ImagePart, ...]
    summary: str = ""
    diff: str = ""
    is_error: bool = False

    @classmethod
    def of(
        cls, text: str, *, summary: str = "", diff: str = "", is_error: bool = False
    ) -> "Outcome":
        """Return an outcome of one text."""
        return cls(parts=(TextPart(text),), summary=summary, diff=diff, is_error=is_error)

    def result(self, call: ToolCall) -> ToolResult:
        """Return the result of a call for the conversation."""
        return ToolResult(call.id, call.name, self.parts, self.is_error)


class Workspace(msgspec.Struct):
    """
    Where tools work, for one session: mutable.

    `root` is the directory of the session, with links followed. `private` are directories
    whose files are never shown to a model (`$HERMES_HOME`). `scratch` is a directory of our own
    for what is too long to show. `environment` is the whole environment of a child process,
    without keys. `read` holds, for each file that was read or written here, the digest of its
    bytes then: a file that has changed since is not changed by us unread. `stored` gives the
    text at a position of the conversation, which a model names `stored:POSITION`; None is none.
    """

    root: Path
    scratch: Path
    private: tuple[Path, ...] = ()
    environment: dict[str, str] = msgspec.field(default_factory=dict)
    read: dict[Path, str] = msgspec.field(default_factory=dict)
    stored: Callable[[int], str | None] | None = None

    def path(self, text: str) -> Path:
        """
        Return the absolute path of what a model named, relative to the root, links followed.

        Raises ToolError for a text that cannot be a path. The file may be missing.
        """
        if not text or "\0" in text:
            raise ToolError("A path is empty or holds a zero byte.")
        try:
            return self._stored(text) or (self.root / Path(text).expanduser()).resolve()
        except (OSError, RuntimeError) as error:
            raise ToolError(f"{text!r} cannot be followed: {str(error).rstrip('.')}.") from error

    def _stored(self, text: str) -> Path | None:
        """Return a scratch file with what a name of STORED stands for, or None. Raises OSError."""
        number = text.removeprefix(STORED)
        if self.stored is None or number == text or not (number.isascii() and number.isdecimal()):
            return None
        content = self.stored(int(number))
        if content is None:
            return None
        path = self.scratch / f"stored-{number}.txt"
        path.write_bytes(content.encode("utf-8", "replace"))
        return path.resolve()

    def shown(self, path: Path) -> str:
        """Return a path as the model should name it: relative to the root where it is inside."""
        return str(path.relative_to(self.root)) if self.contains(path) else str(path)

    def contains(self, path: Path) -> bool:
        """Say whether a resolved path is the root or below it."""
        return path.is_relative_to(self.root)


class BaseTool(ABC, Generic[A]):
    """
    A tool in a session.

    `tool` is what the model is told, as short as it bears; `arguments` the type its JSON is
    decoded to. `reads_only` says that calls change nothing, so several may run at once.
    """

    tool: Tool
    arguments: type[A]
    reads_only: bool = False

    @abstractmethod
    def action(self, arguments: A) -> Action:
        """Return what a call would do. Raises ToolError if it cannot be done at all."""

    @abstractmethod
    async def run(self, arguments: A) -> Outcome:
        """
        Do it. Raises ToolError.

        A cancellation ends everything it started, at once, and leaves files whole.
        """

    def close(self) -> None:
        """End what the tool has left running; again is harmless."""
