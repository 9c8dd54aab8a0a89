"""What stops a loop: a person, a limit, the same failure again and again; and the way on."""

import asyncio
from collections.abc import Callable, Iterator
from contextlib import aclosing
from decimal import Decimal
from itertools import count
from typing import Any

import pytest

from agent.events import Finished, TextDelta
from agent.limits import TURN, Limits
from agent.loop import Loop
from agent.loop_events import LoopEvent, ToolBegan, TurnEnded
from agent.messages import Message, text_of, user
from agent.tools.base import ToolError
from agent.tools.under_way import INTERRUPTED
from kimi_mock.replies import Reply
from kimi_mock.server import KimiMock
from tests.turn.acting import Doing, Notes, calling, events_of, looping, results, work
from tests.turn.asking import route

DONE = Reply.streaming({"content": "Done."})


async def interrupted(loop: Loop, when: Callable[[LoopEvent], bool]) -> list[LoopEvent]:
    """Run a turn in a task that is cancelled when an event comes, as Ctrl-C does it."""
    events: list[LoopEvent] = []
    is_time = asyncio.Event()

    def look(event: LoopEvent) -> None:
        events.append(event)
        if when(event):
            is_time.set()

    task = asyncio.create_task(events_of(loop, look))
    await is_time.wait()
    await asyncio.sleep(0)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    return events


@pytest.mark.parametrize("wire", ["chat", "messages"])
def test_an_answer_is_stopped_and_what_came_is_kept(kimi: KimiMock, wire: str) -> None:
    """The next message goes on from there; the piece of an answer is in its request."""
    pieces = ({"reasoning_content": "Hm."}, {"content": "One, "}, {"content": "two, "})
    kimi.replies += [Reply.streaming(*pieces, *pieces, pause_seconds=0.03), DONE]
    notes = Notes()

    async def run() -> list[Message]:
        async with looping(kimi, work(), where=route(wire=wire), journal=notes) as loop:
            loop.say(user("Count."))
            events = await interrupted(loop, lambda event: isinstance(event, TextDelta))
            assert not any(isinstance(event, Finished) for event in events)
            loop.say(user("Go on."))
            await events_of(loop)
            return loop.messages

    messages = asyncio.run(run())
    assert [message.role for message in messages] == ["user", "assistant", "user", "assistant"]
    assert text_of(messages[1]).startswith("One, ")
    assert [message for message, _ in notes.kept] == messages
    assert b"One, " in kimi.seen[-1].body
    assert b"Go on." in kimi.seen[-1].body


def test_an_answer_stopped_before_its_first_word_leaves_nothing(kimi: KimiMock) -> None:
    """Reasoning alone is no answer, and a call that is not whole was never made."""
    call = {"index": 0, "id": "a:0", "type": "function", "function": {"name": "a", "arguments": ""}}
    reply = Reply.streaming(
        {"reasoning_content": "Hm."}, {"tool_calls": [call]}, stall_at=2, stall_seconds=30
    )
    kimi.replies += [reply, DONE]

    async def run() -> list[Message]:
        async with looping(kimi, work(Doing("a", str))) as loop:
            loop.say(user("one"))
            await interrupted(loop, lambda event: type(event).__name__ == "ThinkDelta")
            loop.say(user("two"))
            await events_of(loop)
            return loop.messages

    assert [text_of(message) for message in asyncio.run(run())] == ["one", "two", "Done."]


def test_a_tool_is_stopped_at_once_and_its_call_says_so(kimi: KimiMock) -> None:
    """What was done before keeps its result, what was never begun is interrupted as well."""
    kimi.replies += [calling(("quick", "a"), ("endless", "b"), ("quick", "c")), DONE]
    ended: list[str] = []

    async def endless(text: str) -> str:
        try:
            await asyncio.sleep(60)
        finally:
            ended.append(text)
        return text

    async def run() -> list[Message]:
        async with looping(kimi, work(Doing("quick", str), Doing("endless", endless))) as loop:
            loop.say(user("Go."))
            await interrupted(
                loop, lambda event: isinstance(event, ToolBegan) and event.call.name == "endless"
            )
            assert ended == ["b"]
            loop.put(user("typed before"))
            loop.say(user("What now?"))
            await events_of(loop)
            return loop.messages

    messages = asyncio.run(run())
    assert results(*messages) == [("a", False), (INTERRUPTED, True), (INTERRUPTED, True)]
    assert [text_of(message) for message in messages[5:]] == ["typed before", "What now?", "Done."]


def test_a_result_is_kept_before_the_next_call_begins(kimi: KimiMock) -> None:
    """Killed in the second call, a session still has what the first one gave."""
    kimi.replies.append(calling(("quick", "a"), ("quick", "b")))
    notes = Notes()

    async def run() -> list[Message]:
        async with looping(kimi, work(Doing("quick", str)), journal=notes) as loop:
            loop.say(user("Go."))
            async with aclosing(loop.run()) as happening:
                async for event in happening:
                    if isinstance(event, ToolBegan) and event.call.id == "quick:1":
                        return [message for message, _ in notes.kept]
        raise AssertionError("the second call never began")

    assert results(*asyncio.run(run())) == [("a", False)]


def test_leaving_the_iteration_stops_too(kimi: KimiMock) -> None:
    """Whoever closes the generator has what a cancelled one has."""
    kimi.replies.append(calling(("quick", "a"), ("quick", "b")))

    async def run() -> list[Message]:
        async with looping(kimi, work(Doing("quick", str))) as loop:
            loop.say(user("Go."))
            happening = loop.run()
            async for event in happening:
                if isinstance(event, ToolBegan):
                    break
            await happening.aclose()
            return loop.messages

    assert results(*asyncio.run(run())) == [(INTERRUPTED, True), (INTERRUPTED, True)]


# --- limits -------------------------------------------------------------------------------


def clock_by(seconds: float) -> Callable[[], float]:
    """Return a clock that is `seconds` later each time it is read."""
    ticks: Iterator[int] = count()
    return lambda: next(ticks) * seconds


@pytest.mark.parametrize(
    ("limits", "steps", "words"),
    [
        (Limits(steps=3), 3, "3 steps"),
        (Limits(tokens=60), 2, "60 tokens"),
        (Limits(money=Decimal("0.0002")), 2, "0.0002 USD"),
        (Limits(seconds=30), 3, "30 seconds"),
        (Limits(steps=0), 0, "0 steps"),
    ],
)
@pytest.mark.parametrize("of_session", [False, True])
def test_each_limit_stops_with_a_sentence_and_a_way_on(
    kimi: KimiMock, limits: Limits, steps: int, words: str, of_session: bool
) -> None:
    """Steps, tokens, money and time, of a turn and of a session; nothing more is asked."""
    kimi.replies += [calling(("quick", str(step))) for step in range(5)]
    both = (TURN, limits) if of_session else (limits, Limits())

    async def run() -> list[LoopEvent]:
        clock = clock_by(3) if limits.seconds else clock_by(0)
        async with looping(kimi, work(Doing("quick", str), limits=both), clock=clock) as loop:
            loop.say(user("Go."))
            return await events_of(loop)

    ended = asyncio.run(run())[-1]
    what, name = ("session" if of_session else "turn"), words.rpartition(" ")[2]
    name = {"USD": "money"}.get(name, name)
    assert isinstance(ended, TurnEnded)
    assert ended.stopped == f"The limit of {words} for this {what} is reached."
    assert f"`hermes config set limits.{what}_{name} NUMBER`" in ended.remedy
    assert ("`go on`" in ended.remedy) is not of_session
    assert (ended.steps, len(kimi.seen)) == (steps, steps)


def test_after_a_turns_limit_the_next_message_goes_on(kimi: KimiMock) -> None:
    """The last result was kept, and a new turn has its own steps; a session's are counted on."""
    kimi.replies += [calling(("quick", "a")), DONE]
    limits = (Limits(steps=1), Limits(steps=2))

    async def run() -> tuple[list[LoopEvent], list[LoopEvent], list[LoopEvent]]:
        async with looping(kimi, work(Doing("quick", str), limits=limits)) as loop:
            loop.say(user("Go."))
            first = await events_of(loop)
            loop.say(user("go on"))
            second = await events_of(loop)
            loop.say(user("more"))
            return first, second, await events_of(loop)

    first, second, third = (events[-1] for events in asyncio.run(run()))
    assert "for this turn" in str(first)
    assert second == TurnEnded(steps=1)
    assert "for this session" in str(third)
    assert len(kimi.seen) == 2


def test_a_session_does_not_count_the_time_between_its_turns(kimi: KimiMock) -> None:
    """A limit in seconds is one of work, however long a person thinks."""
    kimi.replies += [DONE, DONE]
    now = [0.0]

    async def run() -> LoopEvent:
        limits = (TURN, Limits(seconds=100))
        async with looping(kimi, work(limits=limits), clock=lambda: now[0]) as loop:
            for said in ("one", "two"):
                now[0] += 1_000
                loop.say(user(said))
                last = (await events_of(loop))[-1]
            return last

    assert asyncio.run(run()) == TurnEnded(steps=1)


def test_the_same_failing_call_stops_the_turn(kimi: KimiMock) -> None:
    """Five times, however much is read between; the model is not asked a sixth time."""
    kimi.replies += [calling(("broken", "a"), ("look", str(step))) for step in range(8)]

    async def run() -> list[LoopEvent]:
        tools = (Doing("broken", fail), Doing("look", str, kind="read"))
        async with looping(kimi, work(*tools)) as loop:
            loop.say(user("Go."))
            return await events_of(loop)

    ended = asyncio.run(run())[-1]
    assert isinstance(ended, TurnEnded)
    assert ended.stopped == "The same call of `broken` failed 5 times."
    assert "`go on`" in ended.remedy
    assert len(kimi.seen) == 5


def test_a_word_between_makes_no_failure_news(kimi: KimiMock) -> None:
    """A model that wrote its plan anew after each failure went on to the limit of steps."""
    kimi.replies += [calling(("broken", "a"), ("plan", str(step))) for step in range(8)]

    async def run() -> LoopEvent:
        tools = (Doing("broken", fail), Doing("plan", str, kind="talk"))
        async with looping(kimi, work(*tools)) as loop:
            loop.say(user("Go."))
            return (await events_of(loop))[-1]

    ended = asyncio.run(run())
    assert isinstance(ended, TurnEnded)
    assert ended.stopped == "The same call of `broken` failed 5 times."


def test_failing_tests_may_be_run_again_after_a_change(kimi: KimiMock) -> None:
    """Where something else has been done since, the same failure is news."""
    kimi.replies += [calling(("change", str(step)), ("broken", "a")) for step in range(7)]
    kimi.replies.append(DONE)

    async def run() -> list[LoopEvent]:
        tools = (Doing("broken", fail), Doing("change", str, kind="write"))
        async with looping(kimi, work(*tools)) as loop:
            loop.say(user("Go."))
            return await events_of(loop)

    assert asyncio.run(run())[-1] == TurnEnded(steps=8)


def fail(text: str) -> Any:
    """Fail always in the same way."""
    raise ToolError(f"{text} is broken.")
