"""A person at a terminal who is asked in the middle of `hermes chat -q`."""

import sys

from prompt_toolkit import PromptSession
from prompt_toolkit.output import create_output
from prompt_toolkit.output.vt100 import Vt100_Output

from agent.loop_events import ApprovalWanted
from hermes_cli.approval import Decision, choices, decision_of
from hermes_cli.config import color_wanted
from hermes_cli.ui.screen import Screen, Sink
from hermes_cli.ui.tool_lines import diff_lines, question_lines


class Person:
    """Asks on standard error, where the answer of the model does not go."""

    def __init__(self, screen: Screen, err: Sink) -> None:
        self._screen = screen
        self._err = err

    async def decide(self, event: ApprovalWanted) -> Decision:
        """Show what a call would do, and return what the person decides; Ctrl-D is no."""
        self._screen.end()
        first, *rest = question_lines(event)
        self._put(first, "bold")
        if event.action.kind == "write":
            for line in diff_lines(event.action.preview, colours=color_wanted()):
                self._err.write_drawn(f"{line}\n")
        else:
            self._put(event.action.preview, "")
        for line in rest:
            self._put(line, "magenta")
        while True:
            answer = await self._line(f"{choices(event.rule)} ")
            decision = (
                Decision(allowed=False) if answer is None else decision_of(answer, event.rule)
            )
            if decision is not None:
                return decision

    async def answer(self, question: str, offered: tuple[str, ...]) -> str:
        """Return the answer to a question of the model; empty if there is none."""
        self._screen.end()
        self._put(question, "bold")
        for number, choice in enumerate(offered, 1):
            self._put(f"  {number} {choice}", "")
        answer = (await self._line("Answer: ") or "").strip()
        if answer.isdecimal() and 0 < int(answer) <= len(offered):
            return offered[int(answer) - 1]
        return answer

    def _put(self, text: str, style: str) -> None:
        self._err.write(text, style=style)
        self._err.write("\n")

    async def _line(self, message: str) -> str | None:
        """Return a line, or None at Ctrl-D."""
        output = create_output(sys.stderr)
        if isinstance(output, Vt100_Output):
            output.enable_cpr = False
        session: PromptSession[str] = PromptSession(message, output=output)
        try:
            return await session.prompt_async()
        except EOFError:
            return None
