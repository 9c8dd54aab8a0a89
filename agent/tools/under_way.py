"""A call on its way from the model's words to its result."""

from collections.abc import Callable, Collection
from difflib import get_close_matches
from typing import Any

from agent.errors import HermesError
from agent.messages import ToolCall, ToolResult
from agent.tools.arguments import decode
from agent.tools.base import Action, BaseTool, Outcome, ToolError

INTERRUPTED = "(interrupted by the user before it was done)"
OTHERWISE = (
    "Not done: a file or a link has changed since this call was judged, and it would do something "
    "else now. Look again, and make it again if need be."
)


class UnderWay:
    """
    A call: what it is, what it would do, and what came of it.

    `arguments` and `action` are set by `prepare` where they can be read, `outcome` at its end;
    `seconds` is how long it ran.
    """

    def __init__(self, call: ToolCall, tool: BaseTool[Any] | None) -> None:
        self.call = call
        self.tool = tool
        self.arguments: Any = None
        self.action: Action | None = None
        self.outcome: Outcome | None = None
        self.seconds = 0.0

    @property
    def reads_only(self) -> bool:
        """Say whether it changes nothing."""
        return self.tool is not None and self.tool.reads_only

    def prepare(self, known: Collection[str]) -> None:
        """Read the arguments; what is wrong with them is the call's outcome."""
        if self.tool is None:
            self.fail(_unknown(self.call.name, known))
            return
        try:
            self.arguments = decode(self.call, self.tool)
            self.action = self.tool.action(self.arguments)
        except (ToolError, OSError) as error:
            self.fail(str(error))

    def fail(self, reason: str) -> None:
        """Let it end with an error in words for the model."""
        self.outcome = Outcome.of(reason, is_error=True, summary=reason.partition("\n")[0])

    async def run(self, clock: Callable[[], float]) -> None:
        """
        Do it; the outcome is set also if it fails, unless it is cancelled.

        What the machine or the network refuses is told to the model, too: it may try otherwise.
        Only what was judged and shown is done: a person may take minutes over it, and what a
        command left running can put a link in the place of a file meanwhile.
        """
        assert self.tool is not None  # noqa: S101 - `prepare` found it
        began = clock()
        try:
            if self.tool.action(self.arguments) == self.action:
                self.outcome = await self.tool.run(self.arguments)
            else:
                self.fail(OTHERWISE)
        except (ToolError, HermesError, OSError) as error:
            self.fail(str(error))
        finally:
            self.seconds = clock() - began

    def result(self) -> ToolResult:
        """Return its result for the conversation; one that never ended was interrupted."""
        outcome = self.outcome or Outcome.of(INTERRUPTED, is_error=True)
        return outcome.result(self.call)


def _unknown(name: str, known: Collection[str]) -> str:
    near = get_close_matches(name.lower(), known, 1)
    meant = f" Did you mean `{near[0]}`?" if near else ""
    return f"There is no tool `{name}`.{meant} There are: {', '.join(known) or 'none'}."
