"""The loop over the loopback Kimi: ask, act, repeat, stop; what goes into which request."""

import asyncio
import json
from collections.abc import Sequence
from typing import Any

import pytest

from agent.client import Client
from agent.errors import KeyRefused, UsageError
from agent.events import Finished
from agent.loop_events import (
    Compacted,
    LoopEvent,
    StepBegan,
    ToolBegan,
    ToolEnded,
    TurnEnded,
)
from agent.messages import ImagePart, Message, ToolCall, text_of, user
from kimi_mock.replies import Reply
from kimi_mock.server import KimiMock
from tests.conftest import PLATFORM_KEY
from tests.turn.acting import (
    SYSTEM,
    Doing,
    Notes,
    calling,
    events_of,
    looping,
    of,
    results,
    upper,
    work,
)
from tests.turn.asking import route

DONE = Reply.streaming({"content": "Done."})


def sent(kimi: KimiMock, index: int = -1) -> list[dict[str, Any]]:
    """Return the messages of a request, without the system prompt."""
    messages: list[dict[str, Any]] = json.loads(kimi.seen[index].body)["messages"]
    return [message for message in messages if message["role"] != "system"]


def test_a_turn_asks_acts_and_asks_again(kimi: KimiMock) -> None:
    """The second request has the call, its reasoning and its result; events come in order."""
    kimi.replies += [calling(("shout", "hey"), text="Now.", reasoning="Hm."), DONE]
    notes = Notes()

    async def run() -> tuple[list[LoopEvent], list[Message]]:
        async with looping(kimi, work(Doing("shout", upper)), journal=notes) as loop:
            loop.say(user("Shout hey."))
            return await events_of(loop), loop.messages

    events, messages = asyncio.run(run())
    first, second = (json.loads(request.body) for request in kimi.seen)
    assert first["messages"] == [
        {"role": "system", "content": SYSTEM},
        {"role": "user", "content": "Shout hey."},
    ]
    assert [tool["function"]["name"] for tool in first["tools"]] == ["shout"]
    assert second["messages"][:2] == first["messages"]
    assert second["tools"] == first["tools"]
    call = {"name": "shout", "arguments": '{"text":"hey"}'}
    assert second["messages"][2:] == [
        {
            "role": "assistant",
            "reasoning_content": "Hm.",
            "content": "Now.",
            "tool_calls": [{"id": "shout:0", "type": "function", "function": call}],
        },
        {"role": "tool", "tool_call_id": "shout:0", "name": "shout", "content": "HEY"},
    ]
    kinds = (StepBegan, Finished, ToolBegan, ToolEnded, TurnEnded)
    assert [type(event) for event in of(events, *kinds)] == [
        StepBegan,
        Finished,
        ToolBegan,
        ToolEnded,
        StepBegan,
        Finished,
        TurnEnded,
    ]
    assert events[-1] == TurnEnded(steps=2)
    assert [message for message, _ in notes.kept] == messages
    assert [answer is not None for _, answer in notes.kept] == [False, True, False, True]


def test_the_messages_wire_says_the_same(kimi: KimiMock) -> None:
    """Calls and results are blocks there, and the loop knows nothing of it."""
    kimi.replies += [calling(("shout", "hey"), ("shout", "ho")), DONE]

    async def run() -> None:
        where = route(PLATFORM_KEY, wire="messages")
        async with looping(kimi, work(Doing("shout", upper)), where=where) as loop:
            loop.say(user("Shout."))
            await events_of(loop)

    asyncio.run(run())
    body = json.loads(kimi.seen[-1].body)
    assert SYSTEM in json.dumps(body["system"])
    _, answer, given = body["messages"]
    assert [block["type"] for block in answer["content"]] == ["tool_use", "tool_use"]
    assert [block["type"] for block in given["content"]] == ["tool_result", "tool_result"]
    assert "HEY" in json.dumps(given["content"][0])
    assert "HO" in json.dumps(given["content"][1])


def test_calls_that_only_read_run_at_once_and_answer_in_their_order(kimi: KimiMock) -> None:
    """Each waits for the other; the second ends first, and the results keep the calls' order."""
    kimi.replies += [calling(("look", "a"), ("look", "b")), DONE]

    async def run() -> tuple[list[LoopEvent], list[Message]]:
        meeting, second_is_done = asyncio.Barrier(2), asyncio.Event()

        async def look(text: str) -> str:
            await meeting.wait()
            if text == "a":
                await second_is_done.wait()
            second_is_done.set()
            return f"saw {text}"

        async with looping(kimi, work(Doing("look", look, kind="read"))) as loop:
            loop.say(user("Look."))
            return await events_of(loop), loop.messages

    events, given = asyncio.run(run())
    assert [event.call.id for event in of(events, ToolEnded)] == ["look:1", "look:0"]
    assert results(*given) == [("saw a", False), ("saw b", False)]


def test_calls_that_change_something_keep_their_place(kimi: KimiMock) -> None:
    """What is read before a change is read before it, and what is read after it after."""
    kimi.replies += [
        calling(("look", "1"), ("change", "2"), ("change", "3"), ("look", "4"), ("look", "5")),
        DONE,
    ]
    log: list[str] = []

    async def slow(text: str) -> str:
        log.append(f"{text} began")
        await asyncio.sleep(0.01)
        log.append(f"{text} ended")
        return text

    async def run() -> None:
        tools = (Doing("look", slow, kind="read"), Doing("change", slow, kind="write"))
        async with looping(kimi, work(*tools)) as loop:
            loop.say(user("Go."))
            await events_of(loop)

    asyncio.run(run())
    assert log[:6] == ["1 began", "1 ended", "2 began", "2 ended", "3 began", "3 ended"]
    assert log[6:8] == ["4 began", "5 began"]


def test_what_is_typed_meanwhile_goes_into_the_next_request(kimi: KimiMock) -> None:
    """After the results of the tool, and also where the model had nothing more to do."""
    kimi.replies += [calling(("shout", "a")), DONE, Reply.streaming({"content": "Both."})]

    async def run() -> list[LoopEvent]:
        async with looping(kimi, work(Doing("shout", upper))) as loop:
            loop.say(user("Go."))

            def typing(event: LoopEvent) -> None:
                if isinstance(event, ToolBegan):
                    loop.put(user("Quietly!"))
                if isinstance(event, Finished) and text_of(event.message) == "Done.":
                    loop.put(user("And again."))

            return await events_of(loop, typing)

    events = asyncio.run(run())
    assert [message["role"] for message in sent(kimi, 1)] == ["user", "assistant", "tool", "user"]
    assert sent(kimi, 1)[-1]["content"] == "Quietly!"
    assert [message["content"] for message in sent(kimi, 2)[-2:]] == ["Done.", "And again."]
    assert events[-1] == TurnEnded(steps=3)


# --- going on -----------------------------------------------------------------------------


def test_a_killed_turn_goes_on_without_the_lost_result(kimi: KimiMock) -> None:
    """A conversation that ends in a call can be continued: the call has no result, and says so."""
    call = ToolCall("shout:0", "shout", '{"text":"a"}')
    kimi.replies.append(DONE)

    async def run() -> None:
        before = [user("Go."), Message("assistant", (call,))]
        async with looping(kimi, work(Doing("shout", upper)), messages=before) as loop:
            loop.say(user("go on"))
            await events_of(loop)

    asyncio.run(run())
    assert [message["role"] for message in sent(kimi)] == ["user", "assistant", "tool", "user"]
    assert "interrupted" in sent(kimi)[2]["content"]


def test_a_failure_is_raised_and_the_next_message_goes_on(kimi: KimiMock) -> None:
    """Nothing of the answer before is taken for what came of the one that failed."""
    refusal = Reply.error(401, {"error": {"message": "Invalid Authentication", "type": "x"}})
    kimi.replies += [DONE, refusal, DONE]

    async def run() -> list[Message]:
        async with looping(kimi, work()) as loop:
            loop.say(user("one"))
            await events_of(loop)
            loop.say(user("two"))
            with pytest.raises(KeyRefused):
                await events_of(loop)
            loop.say(user("three"))
            await events_of(loop)
            return loop.messages

    messages = asyncio.run(run())
    texts = ["one", "Done.", "two", "three", "Done."]
    assert [text_of(message) for message in messages] == texts


def test_what_the_client_refuses_to_send_leaves_no_copy_of_the_last_answer(
    kimi: KimiMock,
) -> None:
    """Before a request is sent the client still holds the answer before: it is not said twice."""
    kimi.replies.append(DONE)

    async def run() -> list[Message]:
        async with looping(kimi, work()) as loop:
            loop.say(user("one"))
            await events_of(loop)
            loop.say(Message("user", (ImagePart(b"II*", "image/tiff"),)))
            with pytest.raises(UsageError):
                await events_of(loop)
            return loop.messages

    assert [text_of(message) for message in asyncio.run(run())] == ["one", "Done.", ""]
    assert len(kimi.seen) == 1


def test_a_conversation_that_fills_the_window_is_shortened_between_steps(kimi: KimiMock) -> None:
    """What the compactor returns is what is sent; the journal is told, and so is the user."""
    kimi.replies += [calling(("shout", "a")), DONE]
    notes, told = Notes(), Compacted(before_tokens=9, after_tokens=5, how="Cut.")

    class Cutting:
        async def shorten(
            self,
            client: Client,
            system: str,
            messages: Sequence[Message],
            *,
            refused: bool = False,
        ) -> tuple[tuple[Message, ...], Compacted] | None:
            assert (client.route.wire.value, system, refused) == ("chat", SYSTEM, False)
            if len(messages) < 3:
                return None
            return (user("Short."), *messages[-2:]), told

    async def run() -> tuple[list[LoopEvent], list[Message]]:
        with_work = work(Doing("shout", upper), compactor=Cutting())
        async with looping(kimi, with_work, journal=notes) as loop:
            loop.say(user("A long story."))
            return await events_of(loop), loop.messages

    events, messages = asyncio.run(run())
    assert of(events, Compacted) == [told]
    assert sent(kimi)[0] == {"role": "user", "content": "Short."}
    assert notes.replaced == [(tuple(messages[:3]), "Cut.")]


def test_closing_ends_what_tools_have_left(kimi: KimiMock) -> None:
    """Each tool of the session is closed."""
    tools = (Doing("one", upper), Doing("two", upper))

    async def run() -> None:
        async with looping(kimi, work(*tools)):
            pass

    asyncio.run(run())
    assert [tool.closed for tool in tools] == [True, True]
