"""Ask, act, repeat, stop: the agent itself; events out, and no word about provider or screen."""

import time
from collections.abc import AsyncGenerator, Callable, Sequence
from contextlib import aclosing
from typing import Any, Protocol

import msgspec

from agent.acting import Acting, Keeper
from agent.client import Client
from agent.costs import cost_of, priced_row
from agent.errors import ContextOverflow, RequestTooLarge
from agent.events import Event, Finished, RequestSent
from agent.limits import TURN, Limits, Reached, Spent
from agent.loop_events import (
    Compacted,
    LoopEvent,
    MessageAdded,
    StepBegan,
    ToolEnded,
    TurnEnded,
)
from agent.messages import Message, Options, TextPart, ToolCall, calls_of, text_of
from agent.permission import Permission
from agent.tools.base import BaseTool
from agent.tools.under_way import UnderWay
from agent.window import Compactor


class Journal(Protocol):
    """Where a conversation is kept as it happens."""

    def add(self, message: Message, answer: Finished | None = None) -> None:
        """Keep a message; `answer` is the end of the answer it is, if it is one."""

    def replace(self, messages: Sequence[Message], how: str) -> None:
        """Note that the conversation goes on from `messages`; what was before stays stored."""


class Work(msgspec.Struct, frozen=True, kw_only=True):
    """
    What an agent works with, for a whole session.

    `system` is the system prompt, the same to the byte in every request. `limits` are those of
    a turn and of the session. `keeper` and `compactor` may be missing.
    """

    tools: tuple[BaseTool[Any], ...]
    permission: Permission
    system: str
    limits: tuple[Limits, Limits] = (TURN, Limits())
    keeper: Keeper | None = None
    compactor: Compactor | None = None


class Loop:
    """
    A conversation with a model that may act, over one client.

    `messages` are without the system prompt and may be read at any time. `say` begins a turn,
    `run` does it, `put` adds a message before the turn's next request, `decide` answers an
    ApprovalWanted. Cancelling the task that runs it stops the answer or the tool at once: what
    came is kept, and the next `say` goes on from there. Iterate `run` within `aclosing`, so that
    leaving it early ends it too.
    """

    def __init__(
        self,
        client: Client,
        work: Work,
        *,
        journal: Journal | None = None,
        messages: Sequence[Message] = (),
        options: Options | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.client = client
        self.work = work
        self.messages = list(messages)
        self.session = Spent(clock())
        self._rests_since = self.session.began
        self._definitions = tuple(tool.tool for tool in work.tools)
        self._journal = journal
        self._options = options or Options()
        self._clock = clock
        self._typed: list[Message] = []
        self._acting = Acting(work.tools, work.permission, work.keeper, clock)

    def say(self, message: Message) -> None:
        """Add the user's message that the next `run` answers, after what was typed before."""
        self._take_typed()
        self._add(message)

    def put(self, message: Message) -> None:
        """Add a message before the next request of the turn that runs."""
        self._typed.append(message)

    def decide(self, call_id: str, *, allowed: bool, reason: str = "", rule: str = "") -> None:
        """
        Answer an ApprovalWanted; `reason` is told to the model where it is refused.

        `rule` is allowed for good, if one is given.
        """
        self._acting.decide(call_id, allowed=allowed, reason=reason)
        if allowed and rule:
            self.work.permission.allow(rule)

    async def run(self) -> AsyncGenerator[LoopEvent]:
        """
        Work on what was said until the model has nothing more to do or a limit is reached.

        The last event is a TurnEnded. Raises what the client raises; what came is kept then.
        """
        spent = Spent(self._clock())
        self.session.began += spent.began - self._rests_since
        self._acting.begin_turn()
        try:
            async with aclosing(self._steps(spent)) as steps:
                async for event in steps:
                    yield event
        finally:
            self._rests_since = self._clock()

    def go_on_shorter(
        self, messages: Sequence[Message], event: Compacted, *accounts: Spent
    ) -> None:
        """Go on from what a compactor has made; its answer counts for the session, and more."""
        self.messages[:] = messages
        if event.answer is not None:
            self._count(event.answer, self.session, *accounts)
        if self._journal is not None:
            self._journal.replace(messages, event.how)

    def close(self) -> None:
        """End what tools have left running."""
        for tool in self.work.tools:
            tool.close()

    # --- the turn -------------------------------------------------------------------------

    async def _steps(self, spent: Spent) -> AsyncGenerator[LoopEvent]:
        while True:
            for added in self._take_typed():
                yield added
            stopped = self._stopped(spent)
            if stopped is not None:
                yield TurnEnded(steps=spent.steps, stopped=stopped.what, remedy=stopped.remedy)
                return
            shortened = await self._compacted(spent)
            if shortened is not None:
                yield shortened
            spent.steps += 1
            self.session.steps += 1
            yield StepBegan(spent.steps)
            async with aclosing(self._ask(spent)) as asked:
                async for event in asked:
                    yield event
            calls = calls_of(self.messages[-1])
            if calls:
                async with aclosing(self._act(calls)) as acting:
                    async for happening in acting:
                        yield happening
            elif not self._typed:
                yield TurnEnded(steps=spent.steps)
                return

    # --- asking ---------------------------------------------------------------------------

    async def _ask(self, spent: Spent) -> AsyncGenerator[Event | Compacted]:
        """Send the conversation; where it is found too long, once more after it is shorter."""
        length = len(self.messages)
        try:
            async with aclosing(self._ask_once(spent)) as events:
                async for event in events:
                    yield event
        except (ContextOverflow, RequestTooLarge):
            nothing_came = len(self.messages) == length
            shortened = await self._compacted(spent, refused=True) if nothing_came else None
            if shortened is None:
                raise
        else:
            return
        yield shortened
        async with aclosing(self._ask_once(spent)) as events:
            async for event in events:
                yield event

    async def _ask_once(self, spent: Spent) -> AsyncGenerator[Event]:
        """Send the conversation and keep the answer, or what came of it."""
        system = self.work.system
        first = (Message("system", (TextPart(system),)),) if system else ()
        whole = (*first, *self.messages)
        sent = kept = False
        try:
            stream = self.client.stream(whole, self._definitions, options=self._options)
            async with aclosing(stream) as events:
                async for event in events:
                    sent = sent or isinstance(event, RequestSent)
                    if isinstance(event, Finished):
                        self._keep_answer(event, spent)
                        kept = True
                    yield event
        finally:
            # Before anything is sent the client still holds the answer before this one.
            if sent and not kept:
                self._keep_part()

    def _keep_answer(self, answer: Finished, spent: Spent) -> None:
        self._count(answer, spent, self.session)
        self._acting.is_cut = answer.finish_reason == "length"
        self._add(answer.message, answer)

    def _count(self, answer: Finished, *accounts: Spent) -> None:
        route = self.client.route
        row = priced_row(route.endpoint, served=answer.model, asked=route.model_id_sent)
        cost = cost_of(answer.usage, row)
        for spent in accounts:
            spent.add(answer.usage, cost)

    def _keep_part(self) -> None:
        """Keep what came of an answer that broke off, if it has text; its calls never ran."""
        came = self.client.partial()
        parts = tuple(part for part in came.parts if not isinstance(part, ToolCall))
        if text_of(came).strip():
            self._add(Message("assistant", parts))

    async def _act(self, calls: Sequence[ToolCall]) -> AsyncGenerator[LoopEvent]:
        """
        Do the calls of an answer, and keep each result as it comes, the rest at the end.

        They are kept in the order of the calls: where ids repeat, that order alone says whose
        result is whose, and the same session makes the same request.
        """
        waiting = self._acting.under_way(calls)
        try:
            async with aclosing(self._acting.do(tuple(waiting))) as doing:
                async for event in doing:
                    while isinstance(event, ToolEnded) and waiting and waiting[0].outcome:
                        self._keep_result(waiting.pop(0))
                    yield event
        finally:
            for each in waiting:
                self._keep_result(each)

    def _keep_result(self, ended: UnderWay) -> None:
        self._add(Message("tool", (ended.result(),)))

    # --- the conversation -----------------------------------------------------------------

    def _add(self, message: Message, answer: Finished | None = None) -> None:
        self.messages.append(message)
        if self._journal is not None:
            self._journal.add(message, answer)

    def _take_typed(self) -> list[MessageAdded]:
        typed, self._typed = self._typed, []
        for message in typed:
            self._add(message)
        return [MessageAdded(message) for message in typed]

    async def _compacted(self, spent: Spent, *, refused: bool = False) -> Compacted | None:
        """Make the conversation shorter where it fills too much of the window."""
        if self.work.compactor is None:
            return None
        done = await self.work.compactor.shorten(
            self.client, self.work.system, self.messages, refused=refused
        )
        if done is None:
            return None
        self.go_on_shorter(*done, spent)
        return done[1]

    def _stopped(self, spent: Spent) -> Reached | None:
        """Return why the turn must stop, if it must."""
        of_turn, of_session = self.work.limits
        now = self._clock()
        return (
            self._acting.stuck()
            or spent.over(of_turn, now=now, what="turn")
            or self.session.over(of_session, now=now, what="session")
        )
