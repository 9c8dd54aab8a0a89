"""The plan and the question: tools that touch nothing but the conversation; and all their sizes."""

import asyncio
from typing import Any

import msgspec
import pytest

from agent.messages import TextPart, Tool
from agent.tools.ask import NOBODY, Ask
from agent.tools.base import BaseTool
from agent.tools.edit import Edit
from agent.tools.find import Find
from agent.tools.grep import Grep
from agent.tools.read import Read
from agent.tools.todo import Item, Todo
from agent.tools.write import Write
from agent.wire.flavored_schema import flavored
from tests.agent.tools.calls import action, done, refusal, said


def test_a_plan_replaces_the_one_before() -> None:
    """It is shown with its states, and one line says how far it is."""
    todo = Todo()
    done(todo, items=[{"text": "old"}])

    items = [
        {"text": "read", "state": "done"},
        {"text": "mend", "state": "doing"},
        {"text": "test"},
    ]
    outcome = done(todo, items=items)

    assert said(todo, items=items) == "[x] read\n[>] mend\n[ ] test"
    assert outcome.summary == "Plan: 1 of 3 steps done, now mend"
    assert todo.items == (Item("read", "done"), Item("mend", "doing"), Item("test"))
    assert action(todo, items=items).kind == "talk"
    assert said(todo, items=[]) == "(no plan)"
    assert "`items[0].state`" in refusal(todo, items=[{"text": "a", "state": "odd"}])


def test_a_question_is_answered_by_the_person() -> None:
    """What was asked and the choices reach them; what they say goes to the model."""
    seen: list[tuple[str, tuple[str, ...]]] = []

    async def answer(question: str, choices: tuple[str, ...]) -> str:
        await asyncio.sleep(0)
        seen.append((question, choices))
        return " tabs \n"

    outcome = done(Ask(answer), question="Tabs or spaces?", choices=["tabs", "spaces"])

    assert seen == [("Tabs or spaces?", ("tabs", "spaces"))]
    assert outcome.summary == "tabs"
    assert outcome.parts == (TextPart("tabs"),)


def test_without_a_person_the_model_decides() -> None:
    """In a script nobody answers; and an empty question is no question."""
    assert refusal(Ask(), question="Which?") == NOBODY
    assert refusal(Ask(), question=" ") == "`question` is empty."


SIZES = ((Read, 300), (Write, 300), (Edit, 500), (Find, 300), (Grep, 400), (Todo, 350), (Ask, 250))


@pytest.mark.parametrize(("tool", "most_bytes"), SIZES)
def test_a_definition_is_short(tool: type[BaseTool[Any]], most_bytes: int) -> None:
    """As the chat wire sends it: all tools and the prompt share 6,000 bytes."""
    sent: Tool = tool.tool
    function = {
        "name": sent.name,
        "description": sent.description,
        "parameters": flavored(sent.parameters),
    }

    assert len(msgspec.json.encode({"type": "function", "function": function})) <= most_bytes
