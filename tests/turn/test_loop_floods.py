"""Answers that are made to overwhelm or to deceive: many calls, ids that repeat, huge results."""

import asyncio
from contextlib import aclosing

from agent.acting import AT_ONCE, MOST_CALLS, MOST_CHARACTERS, Acting
from agent.loop_events import ApprovalWanted
from agent.messages import ToolCall
from agent.permission import Answer
from agent.tools.under_way import UnderWay
from tests.turn.acting import ByName, Doing


def call(name: str, text: str, call_id: str = "x") -> ToolCall:
    """Return a call."""
    return ToolCall(call_id, name, f'{{"text": "{text}"}}')


def acting_with(*tools: Doing, **answers: Answer) -> Acting:
    """Return what does the calls, with a permission by the tools' names."""
    return Acting(tools, ByName(answers), None, lambda: 0.0)


async def done(acting: Acting, *calls: ToolCall, say: list[bool] | None = None) -> list[UnderWay]:
    """Do the calls; each question is answered with the next of `say`, and none when it is empty."""
    under_way = acting.under_way(calls)
    async with aclosing(acting.do(under_way)) as doing:
        async for event in doing:
            if isinstance(event, ApprovalWanted) and say:
                acting.decide(event.call.id, allowed=say.pop(0), reason="")
    return under_way


def test_a_yes_is_for_one_call() -> None:
    """Two calls with one id, and a yes said twice to the first: the second is asked about anew."""
    ran: list[str] = []
    acting = acting_with(Doing("do", ran.append), do=Answer.ASK)

    asyncio.run(done(acting, call("do", "a"), call("do", "b"), say=[True]))
    acting.decide("x", allowed=True, reason="")
    asyncio.run(done(acting, call("do", "c")))

    assert ran == ["a"]


def test_a_thousand_calls_are_not_done_at_once() -> None:
    """So many are done, a few at a time; the rest are told, so that the model can make them."""
    running, most = 0, 0

    async def does(text: str) -> str:
        nonlocal running, most
        running += 1
        most = max(most, running)
        await asyncio.sleep(0)
        running -= 1
        return text

    acting = acting_with(Doing("look", does, kind="read"))
    calls = [call("look", f"{number}", f"{number}") for number in range(1000)]

    under_way = asyncio.run(done(acting, *calls))

    outcomes = [each.outcome for each in under_way if each.outcome is not None]
    assert len(outcomes) == 1000
    assert [each.is_error for each in outcomes] == [False] * MOST_CALLS + [True] * (
        1000 - MOST_CALLS
    )
    assert most == AT_ONCE


def test_huge_results_end_the_answer_and_not_the_window() -> None:
    """When the results of one answer are enough, the calls after them are not done, and say so."""
    acting = acting_with(Doing("look", lambda _: "x" * 30_000, kind="read"))
    calls = [call("look", f"{number}") for number in range(50)]

    under_way = asyncio.run(done(acting, *calls))
    again = asyncio.run(done(acting, calls[-1]))

    outcomes = [each.outcome for each in under_way if each.outcome is not None]
    shown = sum(not each.is_error for each in outcomes)
    assert MOST_CHARACTERS <= shown * 30_000 <= MOST_CHARACTERS + AT_ONCE * 30_000
    assert "fewer calls at once" in outcomes[-1].summary
    assert again[0].outcome is not None
    assert not again[0].outcome.is_error
