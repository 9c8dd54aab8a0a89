"""Conversations that an endpoint or a smaller model finds too long, and go on shorter."""

import asyncio
import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from agent.client import Client
from agent.errors import ContextOverflow
from agent.events import Finished, WindowLearnt
from agent.journal import SessionJournal
from agent.loop import Loop, Work
from agent.loop_events import Compacted, LoopEvent
from agent.messages import Message, Options, Usage, text_of, user
from agent.route import Route
from agent.sessions import Sessions
from agent.window import Shortener
from kimi_mock.replies import Reply
from kimi_mock.server import KimiMock
from tests.agent.test_window_compaction import (
    OUTPUT,
    SYSTEM,
    TALK,
    Nothing,
    plain,
    shortened,
    small,
)
from tests.turn.asking import network


def refused(said: str) -> Reply:
    """Return the refusal of a request that is too long, in these words."""
    return Reply.error(400, {"error": {"message": said, "type": "invalid_request_error"}})


@dataclass
class Kept:
    """A stored conversation that goes on turn by turn, each over a client of its own."""

    where: Route
    journal: SessionJournal
    messages: tuple[Message, ...]
    loops: list[Loop] = field(default_factory=list)

    @classmethod
    def begun(cls, where: Route, path: Path, messages: Sequence[Message]) -> "Kept":
        """Store a conversation."""
        journal = SessionJournal(Sessions(path), "one", directory=path.parent, route=lambda: where)
        for message in messages:
            journal.add(message)
        return cls(where, journal, tuple(messages))

    def turn(self, kimi: KimiMock, text: str) -> list[LoopEvent]:
        """Say something and return what happens."""
        shortener = Shortener((), options=Options(cache_key="one"), record=self.journal)
        work = Work(tools=(), permission=Nothing(), system=SYSTEM, compactor=shortener)

        async def run() -> list[LoopEvent]:
            client = Client(self.where, network(kimi), compact=shortener.compact)
            async with client:
                loop = Loop(client, work, journal=self.journal, messages=self.messages)
                self.loops.append(loop)
                loop.say(user(text))
                events = [event async for event in loop.run()]
                self.where, self.messages = client.route, tuple(loop.messages)
            return events

        return asyncio.run(run())


@pytest.mark.parametrize(
    "said",
    [
        "Invalid request: Input token length too long",
        "total message size 2100000 exceeds limit 2097152",
        "Your request exceeded model token limit : 12000",
    ],
)
def test_whatever_is_too_long_is_summed_up_and_asked_once_more(
    kimi: KimiMock, tmp_path: Path, said: str
) -> None:
    """Also where the endpoint names no number, and where there is no output to leave out."""
    kept = Kept.begun(small(window=100_000), tmp_path / "x.db", TALK[:-1])
    tries = 2 if "limit :" in said else 1
    kimi.replies += [refused(said)] * tries
    kimi.replies += [
        Reply.streaming({"content": "Task: fix."}),
        Reply.streaming({"content": "Fixed."}),
    ]

    events = kept.turn(kimi, "And?")

    [compacted] = [event for event in events if isinstance(event, Compacted)]
    assert compacted.how.startswith("A summary stands for ")
    assert [text_of(each.message) for each in events if isinstance(each, Finished)] == ["Fixed."]
    *_, refusal, asked, answered = (seen.body for seen in kimi.seen)
    assert len(kimi.seen) == tries + 2
    assert len(answered) < len(asked) < len(refusal)
    assert "And?" in json.dumps(kimi.seen[-1].json["messages"][-1])
    assert kept.journal.messages_for(kept.where) == kept.messages


def test_what_stays_too_long_is_the_endpoints_own_error(kimi: KimiMock, tmp_path: Path) -> None:
    """One summary and one more request; where nothing can be left out, not even those."""
    kept = Kept.begun(small(window=100_000), tmp_path / "x.db", TALK[:-1])
    kimi.replies += [
        refused("Input token length too long"),
        Reply.streaming({"content": "Task: fix."}),
        refused("Input token length too long"),
    ]
    with pytest.raises(ContextOverflow):
        kept.turn(kimi, "And?")
    assert len(kimi.seen) == 3

    short = Kept.begun(small(window=100_000), tmp_path / "y.db", ())
    kimi.replies.append(refused("Input token length too long"))
    with pytest.raises(ContextOverflow):
        short.turn(kimi, "And?")
    assert len(kimi.seen) == 4


def test_what_a_client_left_out_is_left_out_for_good(kimi: KimiMock, tmp_path: Path) -> None:
    """
    What was counted of the shorter request says nothing of the whole conversation.

    Seen in a reading of 2026-11-22: the small count was taken for the whole's, so that every
    later request was refused once before it went out shorter.
    """
    kept = Kept.begun(small(window=100_000), tmp_path / "x.db", OUTPUT)
    kimi.replies.append(refused("Your request exceeded model token limit: 12000"))

    first = kept.turn(kimi, "One?")
    second = kept.turn(kimi, "Two?")

    assert [event for event in first if isinstance(event, WindowLearnt)]
    assert not [event for event in first if isinstance(event, Compacted)]
    assert [event for event in second if isinstance(event, Compacted)]
    assert len(kimi.seen) == 3
    assert len(kimi.seen[2].body) < len(kimi.seen[0].body) * 0.6


def test_what_a_smaller_model_cannot_read_at_once_is_summed_up_too(kimi: KimiMock) -> None:
    """Resumed with a window that not even the older part fits into: what fits is asked about."""
    giant = user("word " * 20_000)
    messages = (giant, *TALK[1:4], giant, *TALK[4:])
    kimi.replies += [
        Reply.streaming({"content": "One."}),
        Reply.streaming({"content": "Task: fix."}),
        Reply.streaming({"content": "Two."}),
    ]

    done = shortened(kimi, small(window=8_000), messages, plain())

    assert done.event is not None
    assert done.event.how.startswith("A summary stands for ")
    assert "Not all of them fitted" in done.event.how
    assert done.event.after_tokens < 8_000 * 0.85
    assert [text_of(answer) for answer in done.answers] == ["One.", "Two."]
    asked = kimi.seen[1].json["messages"]
    assert len(json.dumps(asked)) < 8_000 * 3
    assert "left out here" in json.dumps(asked)
    calls = [call["id"] for each in asked for call in each.get("tool_calls", ())]
    assert calls == [each["tool_call_id"] for each in asked if each["role"] == "tool"]
    assert done.messages[-2:] == messages[-2:]


def test_a_summary_counts_for_the_limits(kimi: KimiMock, tmp_path: Path) -> None:
    """Its tokens are of the turn and the session, as those of any answer."""
    kept = Kept.begun(small(), tmp_path / "x.db", TALK[:-1])
    kimi.replies.append(Reply.streaming({"content": "Task: fix."}))

    events = kept.turn(kimi, "And?")

    [compacted] = [event for event in events if isinstance(event, Compacted)]
    assert compacted.answer is not None
    assert compacted.answer.usage == Usage(prompt_tokens=21, completion_tokens=9, cached_tokens=5)
    [loop] = kept.loops
    assert loop.session.totals.answers == 2
    assert loop.session.totals.usage.prompt_tokens == 42
