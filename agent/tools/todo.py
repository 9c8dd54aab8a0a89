"""The tool that keeps the plan of the work, for the model and for the person who watches."""

from typing import Literal

import msgspec

from agent.messages import Tool
from agent.tools.base import Action, BaseTool, Outcome
from agent.tools.text import counted

State = Literal["open", "doing", "done"]

_MARKS: dict[State, str] = {"open": "[ ]", "doing": "[>]", "done": "[x]"}


class Item(msgspec.Struct, frozen=True):
    """A step of the plan."""

    text: str
    state: State = "open"


class TodoArguments(msgspec.Struct):
    """The whole plan: it replaces the one before."""

    items: tuple[Item, ...]


class Todo(BaseTool[TodoArguments]):
    """Keeps the plan; `items` is what it is now."""

    tool = Tool(
        name="todo",
        description="Replace the plan the user sees.",
        parameters={
            "type": "object",
            "properties": {
                "items": {
                    "type": "array",
                    "items": {
                        "type": "object",
                        "properties": {
                            "text": {"type": "string"},
                            "state": {"type": "string", "enum": ["open", "doing", "done"]},
                        },
                        "required": ["text", "state"],
                    },
                }
            },
            "required": ["items"],
        },
    )
    arguments = TodoArguments

    def __init__(self) -> None:
        self.items: tuple[Item, ...] = ()

    def action(self, arguments: TodoArguments) -> Action:
        """It touches nothing."""
        return Action(kind="talk", preview=_drawn(arguments.items))

    async def run(self, arguments: TodoArguments) -> Outcome:
        """Replace the plan; the summary says how far it is and what is being done."""
        self.items = arguments.items
        done = sum(item.state == "done" for item in self.items)
        summary = f"Plan: {done} of {counted(len(self.items), 'step')} done"
        doing = [item.text for item in self.items if item.state == "doing"]
        if doing:
            summary += f", now {', '.join(doing)}"
        return Outcome.of(_drawn(self.items), summary=summary)


def _drawn(items: tuple[Item, ...]) -> str:
    return "\n".join(f"{_MARKS[item.state]} {item.text}" for item in items) or "(no plan)"
