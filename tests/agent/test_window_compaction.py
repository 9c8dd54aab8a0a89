"""A conversation made shorter against the server: old output first, then a summary, to the byte."""

import asyncio
import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from msgspec.structs import replace

from agent.choice import Chosen, Origin
from agent.client import Client
from agent.events import Finished
from agent.journal import SessionJournal
from agent.loop import Loop, Work
from agent.loop_events import Compacted, LoopEvent
from agent.messages import (
    Message,
    Options,
    TextPart,
    ThinkPart,
    ToolCall,
    ToolResult,
    Usage,
    text_of,
    user,
)
from agent.permission import Answer, Judgement
from agent.route import Route
from agent.sessions import Sessions
from agent.tools.base import Action
from agent.transport.retry import Patience
from agent.window import Shortener
from kimi_mock.replies import Reply
from kimi_mock.server import KimiMock
from tests.conftest import PLATFORM_KEY
from tests.turn.asking import network, route
from tests.turn.rows import WIRES, tool

SYSTEM = "You are an agent."
WINDOW = 20_000
TOOLS = (tool("read"),)


def step(number: int, characters: int, *, text: str = "") -> tuple[Message, Message]:
    """Return an answer with a call, and its result."""
    call = ToolCall(f"read:{number}", "read", "{}")
    said = (TextPart(text),) if text else ()
    result = ToolResult(call.id, "read", (TextPart("x" * characters),))
    return Message("assistant", (ThinkPart("Hm."), *said, call)), Message("tool", (result,))


OUTPUT = (
    user("Fix the bug."),
    *(message for number in range(6) for message in step(number, 8_000)),
)
TALK = (
    user("Fix the bug."),
    *(message for number in range(6) for message in step(number, 10, text="word " * 1_600)),
    user("And the other bug in {b}.py?"),
    *(message for number in range(3) for message in step(number, 10, text="word " * 1_600)),
)


def small(wire: str = "chat", window: int = WINDOW) -> Route:
    """Return a Route whose window is small."""
    return replace(
        route(PLATFORM_KEY, wire=wire), window=Chosen(window, Origin.CONFIG, "the test says so")
    )


@dataclass
class Shortened:
    """What came of a conversation; the requests after it are the mock's last."""

    messages: tuple[Message, ...] = ()
    event: Compacted | None = None
    again: tuple[tuple[Message, ...], Compacted] | None = None
    answers: list[Message] = field(default_factory=list)


def shortened(
    kimi: KimiMock,
    where: Route,
    messages: Sequence[Message],
    shortener: Shortener,
    *,
    force: bool = False,
) -> Shortened:
    """Ask before and after with the same client, as a loop does; try to shorten it twice."""
    done = Shortened()

    async def ask(client: Client, some: Sequence[Message]) -> None:
        whole = (Message("system", (TextPart(SYSTEM),)), *some)
        async for event in client.stream(whole, TOOLS, options=Options(cache_key="one")):
            if isinstance(event, Finished):
                done.answers.append(event.message)

    async def run() -> None:
        patience = Patience(most_tries=1)
        async with Client(where, network(kimi), patience=patience) as client:
            await ask(client, messages)
            result = await shortener.shorten(client, SYSTEM, messages, force=force)
            if result is not None:
                done.messages, done.event = result
                done.again = await shortener.shorten(client, SYSTEM, done.messages)
                await ask(client, done.messages)

    asyncio.run(run())
    return done


class Nothing:
    """A permission that is never asked: there are no tools."""

    def judge(self, tool: str, action: Action) -> Judgement:
        """Refuse."""
        return Judgement(answer=Answer.REFUSE, reason=f"{tool} {action.kind}")

    def allow(self, rule: str) -> None:
        """Remember nothing."""


def plain(**named: object) -> Shortener:
    """Return a shortener of a conversation that is not stored."""
    return Shortener(TOOLS, options=Options(cache_key="one"), **named)  # type: ignore[arg-type]


def common(one: bytes, other: bytes) -> bytes:
    """Return what the messages of two bodies begin with, whose budgets may differ."""
    one, other = (body.partition(b'"messages":')[2] for body in (one, other))
    pairs = enumerate(zip(one, other, strict=False))
    end = next((place for place, (a, b) in pairs if a != b), min(len(one), len(other)))
    return one[:end]


@pytest.mark.parametrize("wire", WIRES)
def test_old_output_goes_first_and_nothing_is_asked(kimi: KimiMock, wire: str) -> None:
    """The oldest results make way; up to the first of them the request is the same to the byte."""
    done = shortened(kimi, small(wire), OUTPUT, plain())

    assert done.event is not None
    assert (done.event.how, done.again) == ("Old tool output was left out.", None)
    assert done.event.after_tokens <= WINDOW * 0.6 < WINDOW * 0.85 < done.event.before_tokens
    assert done.messages[-2:] == OUTPUT[-2:]
    before, after = (seen.body for seen in kimi.seen)
    assert kimi.seen[0].json.get("system") == kimi.seen[1].json.get("system")
    same = common(before, after).decode()
    assert "Fix the bug." in same
    assert "read:0" in same
    assert "xxx" not in same
    assert len(after) < len(before) * 0.7


@pytest.mark.parametrize("wire", WIRES)
def test_a_summary_stands_for_the_older_part(kimi: KimiMock, wire: str) -> None:
    """Asked with all that was sent before, to the byte; beginning and end stay as they are."""
    kimi.replay = "strict"
    kimi.replies += [
        Reply.streaming({"content": "One."}),
        Reply.streaming({"reasoning_content": "Hm."}, {"content": "Task: fix {bugs}."}),
        Reply.streaming({"content": "Two."}),
    ]

    done = shortened(kimi, small(wire), TALK, plain())

    assert done.event is not None
    assert done.event.how.startswith("A summary stands for ")
    first, summary, *tail = done.messages
    assert first == TALK[0]
    assert "Task: fix {bugs}." in text_of(summary)
    assert "And the other bug in {b}.py?" in text_of(summary)
    assert tuple(tail) == TALK[-len(tail) :]
    assert tail[0].role == "assistant"
    assert [text_of(answer) for answer in done.answers] == ["One.", "Two."]
    before, asked, after = kimi.seen
    sent = before.json["messages"]
    assert asked.json["messages"][: len(sent) // 2] == sent[: len(sent) // 2]
    assert asked.json["tools"] == before.json["tools"]
    choice = asked.json["tool_choice"]
    assert choice == ("none" if wire == "chat" else {"type": "none"})
    assert "Next steps" in json.dumps(asked.json["messages"][-1])
    same = common(before.body, after.body).decode()
    assert "Fix the bug." in same
    assert "word" not in same


def test_nothing_is_done_below_the_share(kimi: KimiMock) -> None:
    """A conversation that fits is left alone, and costs no request; a lower share is heeded."""
    fits = small(window=40_000)
    assert shortened(kimi, fits, OUTPUT, plain()).event is None
    assert len(kimi.seen) == 1
    assert shortened(kimi, fits, OUTPUT, plain(share=0.3)).event is not None


def test_what_the_endpoint_counted_decides(kimi: KimiMock, tmp_path: Path) -> None:
    """An estimate is too high for prose: where the endpoint said less, nothing is left out yet."""
    where = small()
    journal = SessionJournal(
        Sessions(tmp_path / "x.db"), "one", directory=tmp_path, route=lambda: where
    )
    answer = Message("assistant", (TextPart("So."),))
    for message in OUTPUT:
        journal.add(message)
    usage = Usage(prompt_tokens=9_000, completion_tokens=9)
    journal.add(answer, Finished(message=answer, finish_reason="stop", model="m", usage=usage))
    messages = (*OUTPUT, answer)

    assert shortened(kimi, where, messages, plain(record=journal)).event is None
    done = shortened(kimi, where, messages, plain(record=journal, share=0.4))

    assert done.event is not None
    assert done.event.before_tokens == 9_009
    assert "stored:2" in str(done.messages[2])


@pytest.mark.parametrize(
    ("reply", "said"),
    [
        (Reply.error(400, {"error": {"message": "no", "type": "x"}}), "The summary failed: "),
        (Reply.streaming({"reasoning_content": "Hm."}, {"content": " "}), "wrote no summary"),
        (Reply.calling(("read", {})), "wrote no summary"),
    ],
)
def test_without_a_summary_only_output_is_left_out(kimi: KimiMock, reply: Reply, said: str) -> None:
    """A refusal, or a model that writes nothing or calls: the user is told; nothing is lost."""
    messages = (*TALK[:3], *step(9, 4_000), *TALK[3:])
    kimi.replies += [Reply.streaming({"content": "One."}), reply]

    done = shortened(kimi, small(), messages, plain())

    assert done.event is not None
    assert said in done.event.how
    assert [message.role for message in done.messages] == [message.role for message in messages]
    assert done.messages[:4] == messages[:4]
    assert done.messages[4] != messages[4]
    assert done.again is None


def test_what_cannot_be_helped_is_not_tried_at_every_step(kimi: KimiMock) -> None:
    """A first message that fills the window alone: one summary at most, then the model goes on."""
    messages = (user("word " * 10_000), *TALK[1:])

    done = shortened(kimi, small(), messages, plain())

    assert done.event is not None
    assert done.again is None
    assert len(kimi.seen) == 3


def test_one_result_that_is_too_long_loses_its_middle(kimi: KimiMock) -> None:
    """The last output alone is more than a small window holds: its beginning and end stay."""
    messages = (user("go"), *step(0, 60_000))

    done = shortened(kimi, small(), messages, plain())

    assert done.event is not None
    assert done.event.after_tokens < WINDOW * 0.3
    assert "58,000 characters" in str(done.messages[-1])


def test_asked_for_a_summary_is_written_however_much_fits(kimi: KimiMock, tmp_path: Path) -> None:
    """`/compact`: kept with what it cost, and resumed as it went on; too little stays as it is."""
    where = small(window=1_000_000)
    sessions = Sessions(tmp_path / "x.db")
    journal = SessionJournal(sessions, "one", directory=tmp_path, route=lambda: where)
    messages = (*TALK, user("word " * 300_000))
    for message in messages:
        journal.add(message)

    done = shortened(kimi, where, messages, plain(record=journal), force=True)
    assert done.event is not None
    journal.replace(done.messages, done.event.how)

    assert len(done.messages) == 3
    assert journal.messages_for(where) == done.messages
    assert sessions.entries("one")[-1].made.usage is not None
    assert shortened(kimi, where, TALK[:3], plain(), force=True).event is None


def test_a_client_asks_it_when_the_window_was_smaller(kimi: KimiMock) -> None:
    """The endpoint names its true window: old output goes, and the next step knows the window."""
    shortener = plain()
    kimi.replies.append(
        Reply.error(
            400,
            {
                "error": {
                    "message": "Invalid request: Your request exceeded model token limit: 12000 "
                    "(requested: 20000)",
                    "type": "invalid_request_error",
                }
            },
        )
    )

    async def run() -> tuple[tuple[Message, ...], Compacted] | None:
        where = small(window=100_000)
        async with Client(where, network(kimi), compact=shortener.compact) as client:
            assert await shortener.shorten(client, SYSTEM, OUTPUT) is None
            whole = (Message("system", (TextPart(SYSTEM),)), *OUTPUT)
            async for _ in client.stream(whole, TOOLS):
                pass
            assert client.route.window.value == 12_000
            return await shortener.shorten(client, SYSTEM, OUTPUT)

    assert asyncio.run(run()) is not None
    assert len(kimi.seen) == 2
    assert len(kimi.seen[1].body) < len(kimi.seen[0].body) * 0.6


def test_a_loop_goes_on_after_it_and_so_does_a_resumed_one(kimi: KimiMock, tmp_path: Path) -> None:
    """Stored, shortened between two requests, resumed: the next request repeats the last."""
    where = small()
    sessions = Sessions(tmp_path / "x.db")

    def journal() -> SessionJournal:
        return SessionJournal(sessions, "one", directory=tmp_path, route=lambda: where)

    first = journal()
    for message in TALK[:-1]:
        first.add(message)
    kimi.replies += [
        Reply.streaming({"content": "Task: fix."}),
        Reply.streaming({"content": "Fixed."}),
        Reply.streaming({"content": "Welcome."}),
    ]

    async def turn(text: str, kept: SessionJournal) -> list[LoopEvent]:
        messages = kept.messages_for(where)
        work = Work(
            tools=(),
            permission=Nothing(),
            system=SYSTEM,
            compactor=Shortener((), options=Options(cache_key="one"), record=kept),
        )
        async with Client(where, network(kimi)) as client:
            loop = Loop(client, work, journal=kept, messages=messages)
            loop.say(user(text))
            return [event async for event in loop.run()]

    events = asyncio.run(turn("And?", first))
    asyncio.run(turn("Thanks.", journal()))

    assert [event for event in events if isinstance(event, Compacted)]
    asked, answered, resumed = (seen.json["messages"] for seen in kimi.seen)
    assert len(asked) > len(answered)
    assert resumed[: len(answered)] == answered
    assert [spoken["content"] for spoken in resumed[len(answered) :]] == ["Fixed.", "Thanks."]
    assert len(sessions.entries("one")) == len(TALK) - 1 + 5
