"""The calls of an answer, done: in parallel where they only read, else in their order."""

import asyncio
from collections import Counter
from collections.abc import AsyncGenerator, Callable, Sequence
from contextlib import aclosing
from itertools import groupby
from pathlib import Path
from typing import Any, Protocol

from agent.errors import HermesError
from agent.limits import Reached
from agent.loop_events import ApprovalWanted, ToolBegan, ToolEnded
from agent.messages import TextPart, ToolCall
from agent.permission import Answer, Permission
from agent.tools.base import Action, BaseTool
from agent.tools.under_way import UnderWay

SAME_FAILURES = 5
"""How often one call may fail, while nothing else changes, before the turn is stopped."""

AT_ONCE = 8
"""How many calls that only read are done at the same time."""

MOST_CALLS = 64
"""How many calls of one answer are done; the rest are told to the model as not done."""

MOST_CHARACTERS = 200_000
"""How much text the results of one answer may hold before no more of its calls are done."""

CUT_CALL = (
    "Not done: the answer ended at its limit of tokens in the middle of this call. "
    "Make smaller calls."
)


class Keeper(Protocol):
    """Keeps files as they were, so that a turn can be taken back."""

    def before_change(self, path: Path) -> None:
        """Keep a file that is about to change."""


class Acting:
    """
    Does calls with a session's tools, as far as the permission and the person let it.

    `is_cut` says that the answer ended at its budget, so that its last call is not whole.
    """

    def __init__(
        self,
        tools: Sequence[BaseTool[Any]],
        permission: Permission,
        keeper: Keeper | None,
        clock: Callable[[], float],
    ) -> None:
        self.is_cut = False
        self._tools = {tool.tool.name: tool for tool in tools}
        self._permission = permission
        self._keeper = keeper
        self._clock = clock
        self._decisions: dict[str, tuple[bool, str]] = {}
        self._shown_characters = 0
        self._failures: Counter[tuple[str, str]] = Counter()

    def begin_turn(self) -> None:
        """Forget what failed and what was decided before."""
        self._failures.clear()
        self._decisions.clear()

    def decide(self, call_id: str, *, allowed: bool, reason: str) -> None:
        """Note a person's answer to the ApprovalWanted of a call."""
        self._decisions[call_id] = (allowed, reason)

    def stuck(self) -> Reached | None:
        """Return the sentence about a call that fails again and again, or None."""
        for (name, _), count in self._failures.items():
            if count >= SAME_FAILURES:
                return Reached(
                    f"The same call of `{name}` failed {count} times.",
                    "Say what it should do instead, or `go on`.",
                )
        return None

    def under_way(self, calls: Sequence[ToolCall]) -> list[UnderWay]:
        """Return the calls of an answer, to be done."""
        each_call = [UnderWay(call, self._tools.get(call.name)) for call in calls]
        self._shown_characters = 0
        for each in each_call[MOST_CALLS:]:
            each.fail(f"Not done: an answer may hold {MOST_CALLS} calls. Make it again if need be.")
        if self.is_cut:
            each_call[-1].fail(CUT_CALL)
        return each_call

    async def do(
        self, under_way: Sequence[UnderWay]
    ) -> AsyncGenerator[ApprovalWanted | ToolBegan | ToolEnded]:
        """Do calls; one that reads after one that writes sees what was written."""
        for reads_only, group in groupby(under_way, key=lambda each: each.reads_only):
            batch = list(group)
            for some in [batch] if reads_only else [[each] for each in batch]:
                async with aclosing(self._do(some)) as doing:
                    async for event in doing:
                        yield event

    async def _do(
        self, batch: Sequence[UnderWay]
    ) -> AsyncGenerator[ApprovalWanted | ToolBegan | ToolEnded]:
        """Ask for permission where that is needed, and run a batch at once."""
        for each in batch:
            if each.outcome is None:
                each.prepare(self._tools)
            if each.action is not None and each.outcome is None:
                wanted = self._judged(each, each.action)
                if wanted is not None:
                    # Ids may repeat: what was said of another call is no answer to this one.
                    self._decisions.pop(each.call.id, None)
                    yield wanted
                    self._decided(each)
            yield ToolBegan(call=each.call, action=each.action)
        room = asyncio.Semaphore(AT_ONCE)
        tasks = {asyncio.create_task(self._run(each, room)): each for each in batch}
        try:
            for done in asyncio.as_completed(tasks):
                each = await done
                assert each.outcome is not None  # noqa: S101 - it ran
                self._count_failure(each, failed=each.outcome.is_error)
                yield ToolEnded(call=each.call, outcome=each.outcome, seconds=each.seconds)
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

    async def _run(self, each: UnderWay, room: asyncio.Semaphore) -> UnderWay:
        async with room:
            if self._shown_characters >= MOST_CHARACTERS and each.outcome is None:
                each.fail(
                    f"Not done: the results of this answer hold {self._shown_characters:,} "
                    "characters already. Make it again, with fewer calls at once."
                )
            if each.outcome is None and each.action is not None and self._kept(each, each.action):
                await each.run(self._clock)
                assert each.outcome is not None  # noqa: S101 - it ran
                parts = each.outcome.parts
                lengths = [len(part.text) for part in parts if isinstance(part, TextPart)]
                self._shown_characters += sum(lengths)
        return each

    def _kept(self, each: UnderWay, action: Action) -> bool:
        """Keep the files that a call changes; a change that could not be undone is not made."""
        if self._keeper is None or action.kind != "write":
            return True
        try:
            for path in action.paths:
                self._keeper.before_change(path)
        except (OSError, HermesError) as error:
            each.fail(f"Not done: the file could not be kept for `hermes undo`: {error}")
            return False
        return True

    def _judged(self, each: UnderWay, action: Action) -> ApprovalWanted | None:
        """Refuse a call, let it pass, or return the question about it."""
        judgement = self._permission.judge(each.call.name, action)
        match judgement.answer:
            case Answer.ALLOW:
                return None
            case Answer.REFUSE:
                each.fail(f"Refused: {judgement.reason}")
                return None
            case Answer.ASK:
                return ApprovalWanted(
                    call=each.call,
                    action=action,
                    reason=judgement.reason,
                    rule=judgement.rule,
                    allowed_in=judgement.allowed_in,
                )

    def _decided(self, each: UnderWay) -> None:
        allowed, reason = self._decisions.pop(each.call.id, (False, ""))
        if not allowed:
            each.fail(f"The user did not allow this{f': {reason}' if reason else '.'}")

    def _count_failure(self, each: UnderWay, *, failed: bool) -> None:
        if failed:
            self._failures[each.call.name, each.call.arguments] += 1
        elif each.action is not None and each.action.kind in ("write", "run"):
            # Something is different now: the tests that failed may be run again.
            self._failures.clear()
