"""A stream that breaks anywhere: nothing is lost, nothing is shown twice, on both wires."""

import contextlib
from collections.abc import Iterator

import pytest

from agent.errors import HermesError
from agent.events import Resumed, Retrying, ToolCallReady
from agent.messages import Message, Options, TextPart, ThinkPart, ToolCall, text_of
from agent.transport.sse import SseParser
from agent.turn import joined
from agent.wire.chat_stream import ChatReader
from kimi_mock.recorded import Recorded
from kimi_mock.rendering import Asked as AskedOf
from kimi_mock.rendering import chat_events, frame, message_events
from kimi_mock.replies import Answer, Reply
from kimi_mock.server import KimiMock
from tests.turn.asking import Asked, ask, route
from tests.turn.rows import WIRES, tool

REASONING = "Hm, 思い: 🦊\u2028 grün.\n"
TEXT = "\nÅ jazz fox 🦊🦊\r\n\n\u0085 says: 「日本語のテキスト」\u2028 data: [DONE] \x00 end. "
WHOLE = Message("assistant", (ThinkPart(REASONING), TextPart(TEXT)))
RECORDED = Recorded(REASONING, TEXT, piece_chars=5)
AGAIN = Recorded(REASONING, TEXT, piece_chars=3)
STREAM = {"content-type": "text/event-stream"}
CALLING = Reply.calling(
    ("read_file", {"path": "日本.txt"}), ("read_file", {}), text="Two 🦊. ", reasoning="Hm. "
)


def frames(reply: Reply, wire: str) -> list[bytes]:
    """Return an answer's events as the mock writes them on a wire."""
    answer = reply.content
    assert isinstance(answer, Answer)
    asked = AskedOf(model="kimi-k3", number=1, include_usage=True)
    events = chat_events if wire == "chat" else message_events
    return [frame(event, answer) for event in events(answer, asked)]


def boundaries(pieces: list[bytes]) -> Iterator[int]:
    """Yield the number of bytes after each event, and the one before the first."""
    total = 0
    yield total
    for piece in pieces:
        total += len(piece)
        yield total


def scattered(count: int, size: int) -> list[int]:
    """Return so many places below `size`, spread without order: the same in every run."""
    return sorted({number * 7_919 % size for number in range(1, count + 1)})


def continue_from(asked: Asked) -> list[bool]:
    """Return for each break that was told whether the answer went on where it stopped."""
    told = asked.of(Resumed) + asked.of(Retrying)
    return [isinstance(event, Resumed) and event.continued for event in told]


def assert_whole(asked: Asked, place: object) -> None:
    """Fail unless the recorded answer was shown once, and kept as it was recorded."""
    assert asked.error is None, place
    assert (asked.shown, asked.thought) == (TEXT, REASONING), place
    assert asked.finished.message == WHOLE, place


@pytest.mark.parametrize("wire", WIRES)
def test_a_cut_at_every_event_loses_and_repeats_nothing(kimi: KimiMock, wire: str) -> None:
    """The connection breaks after each event in turn; the second answer comes in other pieces."""
    pieces = frames(RECORDED.whole(), wire)
    last = sum(map(len, pieces))
    where = route(model="kimi-k3", wire=wire)
    for place in boundaries(pieces):
        kimi.reset()
        kimi.replies, kimi.script, kimi.cut_points = [RECORDED.whole()], AGAIN, [place]
        asked = ask(kimi, where)
        assert_whole(asked, place)
        assert len(kimi.seen) == (1 if place == last else 2), place
        assert len(continue_from(asked)) == len(kimi.seen) - 1, place


@pytest.mark.parametrize("wire", WIRES)
@pytest.mark.parametrize("broken", [True, False], ids=["cut", "ended"])
def test_a_cut_at_scattered_bytes_loses_and_repeats_nothing(
    kimi: KimiMock, wire: str, broken: bool
) -> None:
    """
    Inside events, JSON, characters and the end mark; the body breaks off, or ends too soon.

    30 places of each stream here; every byte of it, without sockets, below.
    """
    content = b"".join(frames(RECORDED.whole(), wire))
    where = route(model="kimi-k3", wire=wire)
    for place in [*scattered(24, len(content)), *range(len(content) - 12, len(content) - 6)]:
        kimi.reset()
        kimi.replies.append(Reply.raw(200, STREAM, [content[:place]], cut=broken))
        kimi.script = AGAIN
        assert_whole(ask(kimi, where), place)
        assert len(kimi.seen) <= 2, place


def test_the_chat_wire_goes_on_where_text_has_come(kimi: KimiMock) -> None:
    """Resumed, not repeated: what the second request holds and what its answer adds are all."""
    content = b"".join(frames(RECORDED.whole(), "chat"))
    for place in scattered(12, len(content)):
        kimi.reset()
        kimi.replies.append(Reply.raw(200, STREAM, [content[:place]], cut=True))
        kimi.script = AGAIN
        asked = ask(kimi, route(model="kimi-k3"))
        last = kimi.seen[-1].json["messages"][-1]
        begun = last.get("content", "") if last.get("partial") else ""
        assert TEXT.startswith(begun)
        assert continue_from(asked) == [bool(begun.strip())]


@pytest.mark.parametrize("wire", WIRES)
def test_cuts_in_a_row_lose_and_repeat_nothing(kimi: KimiMock, wire: str) -> None:
    """Up to three broken streams before the one that ends, each cut at another place."""
    size = sum(map(len, frames(RECORDED.whole(), wire)))
    for first, second, third in zip(
        scattered(16, size), scattered(32, size)[::2], scattered(48, size)[::-3], strict=True
    ):
        kimi.reset()
        kimi.replies, kimi.script = [RECORDED.whole()], AGAIN
        kimi.cut_points = [first, second, third]
        assert_whole(ask(kimi, route(model="kimi-k3", wire=wire)), (first, second, third))


@pytest.mark.parametrize("wire", WIRES)
def test_a_cut_around_a_tool_call_runs_it_once(kimi: KimiMock, wire: str) -> None:
    """Inside a call there is nothing to go on from: it is asked anew, and each call comes once."""
    tools = [tool()]
    calls = [
        ToolCallReady(ToolCall("read_file:0", "read_file", '{"path":"日本.txt"}')),
        ToolCallReady(ToolCall("read_file:1", "read_file", "{}")),
    ]
    pieces = frames(CALLING, wire)
    for place in boundaries(pieces):
        kimi.reset()
        rest = Reply.calling(("read_file", {"path": "日本.txt"}), ("read_file", {}))
        kimi.replies, kimi.cut_points = [CALLING], [place]
        begun = b"".join(pieces)[:place]
        # The mock has no script for calls: it goes on from text, or repeats the whole.
        continued = wire == "chat" and "🦊. ".encode() in begun and b"tool_calls" not in begun
        kimi.replies.append(rest if continued else CALLING)
        asked = ask(kimi, route(model="kimi-k3", wire=wire), tools=tools)
        assert asked.error is None, place
        assert (asked.shown, asked.thought) == ("Two 🦊. ", "Hm. "), place
        assert asked.of(ToolCallReady) == calls, place


def test_a_shaped_answer_is_asked_anew(kimi: KimiMock) -> None:
    """Partial mode does not go with `json_object` (contract 3.6), so the whole is asked again."""
    options = Options(response_format={"type": "json_object"})
    size = sum(map(len, frames(RECORDED.whole(), "chat")))
    for place in scattered(8, size):
        kimi.reset()
        kimi.replies, kimi.script, kimi.cut_points = [RECORDED.whole()], AGAIN, [place]
        asked = ask(kimi, route(model="kimi-k3"), options=options)
        assert_whole(asked, place)
        assert continue_from(asked) == [False]


def came_of(content: bytes) -> Message:
    """Return what a reader of the chat wire has of a stream that stops here."""
    parser, reader = SseParser(), ChatReader()
    reader.read_all(parser.feed(content))
    with contextlib.suppress(HermesError):
        reader.read_all(parser.finish())
    return reader.partial()


def test_a_cut_at_every_byte_joins_to_the_whole() -> None:
    """Without sockets: what came of any beginning, and the rest from there, are the recording."""
    content = b"".join(frames(RECORDED.whole(), "chat"))
    joins: dict[Message, Message] = {}
    for place in range(len(content) + 1):
        came = came_of(content[:place])
        if came not in joins:
            thought = "".join(part.text for part in came.parts if isinstance(part, ThinkPart))
            rest = AGAIN.rest_after(thought, text_of(came))
            assert rest is not None, place
            joins[came] = joined(came, came_of(b"".join(frames(rest, "chat"))))
    assert len(joins) == len(frames(RECORDED.whole(), "chat")) - 3
    assert set(joins.values()) == {WHOLE}
