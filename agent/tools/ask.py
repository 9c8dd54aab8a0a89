"""The tool that asks the person a question."""

from collections.abc import Awaitable, Callable

import msgspec

from agent.messages import Tool
from agent.tools.base import Action, BaseTool, Outcome, ToolError

Answerer = Callable[[str, tuple[str, ...]], Awaitable[str]]
"""Shows a question and choices, which may be none, and gives what the person answers."""

NOBODY = "Nobody is there to ask: decide yourself, and say in the end what you decided."


class AskArguments(msgspec.Struct):
    """A question, and answers to choose from; the person may give another."""

    question: str
    choices: tuple[str, ...] = ()


class Ask(BaseTool[AskArguments]):
    """Asks a person; `answer` is None where nobody is there."""

    tool = Tool(
        name="ask",
        description="Ask the user.",
        parameters={
            "type": "object",
            "properties": {
                "question": {"type": "string"},
                "choices": {"type": "array", "items": {"type": "string"}},
            },
            "required": ["question"],
        },
    )
    arguments = AskArguments

    def __init__(self, answer: Answerer | None = None) -> None:
        self._answer = answer

    def action(self, arguments: AskArguments) -> Action:
        """It touches nothing. Raises ToolError for a question without words."""
        if not arguments.question.strip():
            raise ToolError("`question` is empty.")
        return Action(kind="talk", preview=arguments.question)

    async def run(self, arguments: AskArguments) -> Outcome:
        """Ask and wait. Raises ToolError if nobody is there."""
        if self._answer is None:
            raise ToolError(NOBODY)
        answer = (await self._answer(arguments.question, arguments.choices)).strip()
        if not answer:
            return Outcome.of("(The user gave no answer: decide yourself.)", summary="no answer")
        return Outcome.of(answer, summary=answer.partition("\n")[0])
