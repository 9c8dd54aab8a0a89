"""What the tests of the loop need: tools that note what they do, a permission by name, a run."""

import asyncio
from collections.abc import AsyncGenerator, Callable, Mapping, Sequence
from contextlib import aclosing, asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import msgspec

from agent.client import Client
from agent.events import Finished
from agent.loop import Loop, Work
from agent.loop_events import LoopEvent
from agent.messages import Message, Tool, ToolResult
from agent.permission import Answer, Judgement
from agent.route import Route
from agent.tools.base import Action, ActionKind, BaseTool, Outcome, ToolError
from kimi_mock.replies import Reply
from kimi_mock.server import KimiMock
from tests.turn.asking import IMPATIENT, network, route

SYSTEM = "You are under test."
SCHEMA = {"type": "object", "properties": {"text": {"type": "string"}}, "required": ["text"]}

Does = Callable[[str], Any]


class Words(msgspec.Struct):
    """The arguments of every tool here."""

    text: str


class Doing(BaseTool[Words]):
    """A tool that does what it is given, which may be a coroutine function, and returns it."""

    arguments = Words

    def __init__(self, name: str, does: Does, *, kind: ActionKind = "run") -> None:
        self.tool = Tool(name=name, description=f"Does {name}.", parameters=SCHEMA)
        self.reads_only = kind == "read"
        self.closed = False
        self._does = does
        self._kind: ActionKind = kind

    def action(self, arguments: Words) -> Action:
        """Return an action of its kind over the path that is its text."""
        if arguments.text == "nonsense":
            raise ToolError("`nonsense` is not done here.")
        return Action(kind=self._kind, paths=(Path(f"/{arguments.text}"),))

    async def run(self, arguments: Words) -> Outcome:
        """Do it."""
        did = self._does(arguments.text)
        return Outcome.of(str(await did if asyncio.iscoroutine(did) else did))

    def close(self) -> None:
        """Note that it was closed."""
        self.closed = True


@dataclass
class ByName:
    """A permission whose answers go by the tool's name; what it does not know is allowed."""

    answers: Mapping[str, Answer] = field(default_factory=dict)
    allowed: list[str] = field(default_factory=list)

    def judge(self, tool: str, action: Action) -> Judgement:
        """Return the answer for a tool, with a reason and a rule."""
        answer = self.answers.get(tool, Answer.ALLOW)
        return Judgement(answer=answer, reason=f"A {action.kind} here.", rule=f"{tool}: *")

    def allow(self, rule: str) -> None:
        """Note the rule."""
        self.allowed.append(rule)


@dataclass
class Notes:
    """A journal in memory."""

    kept: list[tuple[Message, Finished | None]] = field(default_factory=list)
    replaced: list[tuple[tuple[Message, ...], str]] = field(default_factory=list)

    def add(self, message: Message, answer: Finished | None = None) -> None:
        """Keep a message."""
        self.kept.append((message, answer))

    def replace(self, messages: Sequence[Message], how: str) -> None:
        """Keep what it goes on from."""
        self.replaced.append((tuple(messages), how))


def work(*tools: BaseTool[Any], **other: Any) -> Work:
    """Return what an agent works with; everything is allowed unless `permission` says more."""
    given: dict[str, Any] = {"permission": ByName(), "system": SYSTEM} | other
    return Work(tools=tools, **given)


@asynccontextmanager
async def looping(
    kimi: KimiMock, with_work: Work, *, where: Route | None = None, **other: Any
) -> AsyncGenerator[Loop]:
    """Give a loop over a client of the mock that never tries again."""
    async with Client(where or route(), network(kimi), patience=IMPATIENT) as client:
        loop = Loop(client, with_work, **other)
        try:
            yield loop
        finally:
            loop.close()


async def events_of(
    loop: Loop, answers: Callable[[LoopEvent], None] = lambda _: None
) -> list[LoopEvent]:
    """Return the events of a turn; `answers` is called with each before the next is taken."""
    events: list[LoopEvent] = []
    async with aclosing(loop.run()) as happening:
        async for event in happening:
            events.append(event)
            answers(event)
    return events


def results(*messages: Message) -> list[tuple[str, bool]]:
    """Return the texts of the tools' results in messages, and whether each is an error."""
    found = []
    for message in messages:
        for part in message.parts:
            if isinstance(part, ToolResult):
                texts = [inner.text for inner in part.parts if not hasattr(inner, "data")]
                found.append(("".join(texts), part.is_error))
    return found


def upper(text: str) -> str:
    """Do something that can be seen."""
    return text.upper()


def calling(*calls: tuple[str, str], **manner: Any) -> Reply:
    """Return an answer that calls tools with a text each."""
    return Reply.calling(*((name, {"text": text}) for name, text in calls), **manner)


def of(events: Sequence[LoopEvent], *kinds: type) -> list[Any]:
    """Return the events of some classes."""
    return [event for event in events if isinstance(event, kinds)]
