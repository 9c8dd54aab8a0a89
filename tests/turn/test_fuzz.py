"""Broken bytes of every kind: our own errors, no hang, and what came before the fault is kept."""

import asyncio
from collections.abc import Iterable, Iterator
from datetime import datetime
from itertools import pairwise
from pathlib import Path
from typing import Any

import msgspec
import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from agent.client import Client
from agent.errors import HermesError
from agent.events import Event, Finished, TextDelta, ThinkDelta, ToolCallReady
from agent.learnt import Learnt, LiveModel
from agent.messages import Message, ThinkPart, ToolCall, calls_of, text_of
from agent.transport.sse import SseParser
from agent.usage import read_balance, read_plan
from agent.wire.base import StreamError, StreamReader
from agent.wire.chat_stream import ChatReader
from agent.wire.messages_stream import MessagesReader
from hermes_cli.ui.usage_lines import balance_lines, plan_lines
from kimi_mock.replies import Reply
from kimi_mock.server import KimiMock
from tests.conftest import PLATFORM_KEY
from tests.turn.asking import IMPATIENT, ask, network, route
from tests.turn.rows import NOW, WIRES, tool
from tests.turn.test_resume import CALLING, STREAM, frames

ODD = Reply.calling(
    ("read_file", '{"path": "日本'),
    ("read_file", {}),
    text="Two 🦊\u2028\u0085. data: x\r\n\n",
    reasoning="Hm.\n\n",
    model="kimi-k2.6",
    comments=True,
    newline="\r\n",
    space=False,
)
RECORDED = {wire: [b"".join(frames(reply, wire)) for reply in (CALLING, ODD)] for wire in WIRES}
SLOW_MILLISECONDS = 5_000
HERE = settings(
    max_examples=100,
    derandomize=True,
    deadline=SLOW_MILLISECONDS,
    database=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
OVER_SOCKETS = settings(HERE, max_examples=60)
FEWER = settings(HERE, max_examples=40)


def reader_of(wire: str) -> StreamReader:
    """Return a new reader."""
    return ChatReader() if wire == "chat" else MessagesReader()


def thought_of(message: Message) -> str:
    """Return the reasoning of a message."""
    return "".join(part.text for part in message.parts if isinstance(part, ThinkPart))


class Seen:
    """What events have told: text, reasoning and calls."""

    def __init__(self) -> None:
        self.text = ""
        self.thought = ""
        self.calls: list[ToolCall] = []

    def add(self, events: Iterable[Event]) -> None:
        """Take note of some events."""
        for event in events:
            if isinstance(event, TextDelta):
                self.text += event.text
            elif isinstance(event, ThinkDelta):
                self.thought += event.text
            elif isinstance(event, ToolCallReady):
                self.calls.append(event.call)

    def is_in(self, message: Message) -> bool:
        """Say whether a message holds all that was told, and nothing else."""
        told = (self.text, self.thought, tuple(self.calls))
        return told == (text_of(message), thought_of(message), calls_of(message))


def read_whole(wire: str, chunks: Iterable[bytes]) -> tuple[Seen, Message]:
    """Read a stream event by event; a fault may be one of ours. Returns what came before it."""
    parser, reader, seen = SseParser(), reader_of(wire), Seen()

    def payloads() -> Iterator[bytes]:
        for chunk in chunks:
            yield from parser.feed(chunk)
        yield from parser.finish()

    try:
        for payload in payloads():
            seen.add(reader.read_all([payload]))
        finished = reader.finish()
    except (HermesError, StreamError):
        return seen, reader.partial()
    assert isinstance(finished, Finished)
    assert finished.message == reader.partial()
    return seen, finished.message


def cut(content: bytes, places: Iterable[int]) -> list[bytes]:
    """Return the bytes in chunks that end at some places."""
    ends = sorted({0, len(content), *(place % (len(content) + 1) for place in places)})
    return [content[start:end] for start, end in pairwise(ends)]


@st.composite
def mutants(draw: st.DrawFn, wire: str) -> tuple[bytes, int]:
    """Return a recorded stream with one to four changes, and where the first of them lies."""
    content = draw(st.sampled_from(RECORDED[wire]))
    first = len(content)
    for _ in range(draw(st.integers(1, 4))):
        start = draw(st.integers(0, len(content)))
        length = draw(st.integers(0, 40) | st.integers(0, len(content)))
        piece = content[start : start + length]
        other = draw(st.integers(0, len(content)))
        kind = draw(st.sampled_from(["replace", "drop", "insert", "again", "end", "zero", "flip"]))
        changed = {
            "replace": draw(st.binary(max_size=8)),
            "drop": b"",
            "insert": draw(st.sampled_from(JUNK)) + piece,
            "again": piece + piece,
            "end": b"",
            "zero": bytes(len(piece)),
            "flip": bytes(byte ^ 1 << other % 8 for byte in piece),
        }[kind]
        rest = b"" if kind == "end" else content[start + length :]
        content = content[:start] + changed + rest
        first = min(first, start)
    return content, first


JUNK = (
    b"\n\n",
    b"\r",
    b"\r\n\r\n",
    b"\x00",
    b"\xff\xfe",
    b"\xef\xbb\xbf",
    b"\xed\xa0\x80",
    b"data: [DONE]\n\n",
    b"data: {}\n\n",
    b"data: null\n\n",
    b"data: []\n\n",
    b'data: {"error":"x"}\n\n',
    b'data: {"error":{"code":7}}\n\n',
    b'data: {"choices":[null]}\n\n',
    b'data: {"choices":[{"delta":{"content":7}}]}\n\n',
    b'data: {"choices":[{"delta":{"content":"\\ud83d"}}]}\n\n',
    b'data: {"choices":[{"delta":{"tool_calls":[{"index":1e99}]}}]}\n\n',
    b'data: {"usage":{"prompt_tokens":-1e400}}\n\n',
    b'data: {"type":"message_stop"}\n\n',
    b'data: {"type":"content_block_start","content_block":{"type":"tool_use","name":"x"}}\n\n',
    b"data: " + b"[" * 3_000 + b"\n\n",
    b"event: error\nid: \x00\nretry: x\n\n",
    b"HTTP/1.1 200 OK\r\n\r\n",
    b"0\r\n\r\n",
)


@pytest.mark.parametrize("wire", WIRES)
@HERE
@given(st.data())
def test_no_mutant_crashes_a_reader_or_loses_what_came(wire: str, data: st.DataObject) -> None:
    """Changed bytes in any chunks: what was told is what is kept, and the part before is whole."""
    content, first = data.draw(mutants(wire))
    places = data.draw(st.lists(st.integers(0, 10_000), max_size=5))

    seen, kept = read_whole(wire, cut(content, places))

    assert seen.is_in(kept)
    before = Seen()
    parser, reader = SseParser(), reader_of(wire)
    before.add(reader.read_all(parser.feed(content[:first])))
    assert seen.text.startswith(before.text)
    assert seen.thought.startswith(before.thought)
    assert seen.calls[: len(before.calls)] == before.calls


@pytest.mark.parametrize("wire", WIRES)
@HERE
@given(st.lists(st.binary(max_size=60) | st.sampled_from(JUNK), max_size=8))
def test_no_bytes_at_all_crash_a_reader(wire: str, chunks: list[bytes]) -> None:
    """Bytes that were never a stream end in one of our errors too."""
    seen, kept = read_whole(wire, chunks)
    assert seen.is_in(kept)


@pytest.mark.parametrize("wire", WIRES)
@HERE
@given(st.lists(st.integers(0, 10_000), max_size=40))
def test_no_packets_change_an_answer(wire: str, places: list[int]) -> None:
    """A recorded stream in any chunks gives the same message."""
    for content in RECORDED[wire]:
        assert read_whole(wire, cut(content, places))[1] == read_whole(wire, [content])[1]


@pytest.mark.parametrize("wire", WIRES)
@OVER_SOCKETS
@given(st.data())
def test_no_mutant_crashes_a_turn_or_loses_what_came(
    kimi: KimiMock, wire: str, data: st.DataObject
) -> None:
    """The same through a real socket in one piece: what is shown is what the client keeps."""
    kimi.reset()
    content, _ = data.draw(mutants(wire))
    broken = data.draw(st.booleans())
    kimi.replies.append(Reply.raw(200, STREAM, [content], cut=broken))

    asked = ask(kimi, route(model="kimi-k3", wire=wire), tools=[tool()], patience=IMPATIENT)

    if asked.error is not None:
        check_sentence(asked.error)
    kept = asked.client.partial()
    assert (asked.shown, asked.thought) == (text_of(kept), thought_of(kept))
    if asked.error is None:
        assert asked.finished.message == kept


JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.sampled_from([10**30, -(10**30), 2**63, -1, 0, 1e300, 0.5])
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(max_size=12)
    | st.sampled_from(["1e999999", "1E-999999", "NaN", "-Infinity", "9" * 5_000, "½", "\x00"]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=6), inner),
    max_leaves=4,
)


def bodies(**fields: st.SearchStrategy[Any]) -> st.SearchStrategy[bytes]:
    """Return bodies: bytes of any kind, JSON of any kind, and objects with some of the fields."""
    shaped = st.fixed_dictionaries({}, optional=fields)
    return st.binary(max_size=80) | JSON.map(encoded) | shaped.map(encoded)


def check_sentence(error: HermesError) -> None:
    """Fail unless an error has a message, a remedy with a command, and no key in either."""
    assert error.message
    assert "`" in error.remedy
    assert PLATFORM_KEY not in error.message + error.remedy


def encoded(value: object) -> bytes:
    """Return JSON."""
    return msgspec.json.encode(value)


@OVER_SOCKETS
@given(
    st.sampled_from([201, 204, 300, 307, 400, 401, 402, 403, 404, 413, 418, 422, 451, 500, 529]),
    bodies(error=JSON, message=JSON, type=JSON),
)
def test_every_refusal_is_a_sentence(kimi: KimiMock, status: int, body: bytes) -> None:
    """Any status with any body becomes an error of ours, with a command and without the key."""
    kimi.reset()
    kimi.replies.append(Reply.raw(status, {"content-length": str(len(body))}, [body]))
    if status == 204:
        kimi.replies[0] = Reply.raw(status, {}, [])
    asked = ask(kimi, route(), patience=IMPATIENT)

    assert asked.error is not None
    check_sentence(asked.error)
    assert len(kimi.seen) == 1


@FEWER
@given(
    bodies(
        data=st.lists(
            st.fixed_dictionaries({}, optional={"id": JSON, "context_length": JSON}) | JSON,
            max_size=3,
        )
    )
)
@example(encoded({"data": [{"id": "a", "context_length": 10**30}]}))
@example(encoded({"data": [{"id": "a", "context_length": -5}]}))
@example(encoded({"data": [{"id": "a\x00b", "context_length": 5}, {"id": "a\x00b"}]}))
@example(b'{"data":[{"id":"\\ud800","context_length":5}]}')
def test_every_model_list_is_kept_or_refused(kimi: KimiMock, tmp_path: Path, body: bytes) -> None:
    """What a list says is stored and read back, with windows above zero; or it is an error."""
    kimi.reset()
    kimi.replies_to_models.append(Reply.raw(200, {"content-length": str(len(body))}, [body]))
    where = route()
    store = Learnt(tmp_path / "x.db")

    async def run() -> tuple[LiveModel, ...]:
        async with Client(where, network(kimi)) as client:
            return await client.list_models()

    try:
        models = asyncio.run(run())
        store.remember_list(where.chat_base_url, "k", models, at=NOW)
    except HermesError as error:
        check_sentence(error)
        return
    [kept] = store.read().lists.values()
    assert {model.id for model in kept.models} == {model.id for model in models}
    assert all(model.context_tokens is None or model.context_tokens > 0 for model in kept.models)


AMOUNT = (
    st.sampled_from([None, "", "12.5", 0, -3, 10**28, "1E-999999", "1e999999", "9" * 5_000, True])
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
)
WINDOW = st.fixed_dictionaries(
    {"limit": AMOUNT, "used": AMOUNT, "used_ratio": AMOUNT},
    optional={"remaining": AMOUNT, "resetTime": AMOUNT, "reset_time": AMOUNT},
)
SPAN = st.fixed_dictionaries(
    {"duration": AMOUNT, "timeUnit": st.sampled_from(["TIME_UNIT_MINUTE", "WEEK", "", 7])}
)
LONG_SPAN = {"duration": 10**28, "timeUnit": "TIME_UNIT_DAY"}


@HERE
@given(
    bodies(
        usage=WINDOW,
        limits=st.lists(st.fixed_dictionaries({"window": SPAN, "detail": WINDOW}), max_size=2),
        usages=st.dictionaries(st.sampled_from(["limit_5h", "limit_7d", "limit_x"]), WINDOW),
        boosterWallet=st.fixed_dictionaries({"balance": st.fixed_dictionaries({}) | JSON}),
        data=st.fixed_dictionaries({"available_balance": AMOUNT}),
    )
)
@example(encoded({"usage": {"limit": "1E-999999", "used": "1e999999"}}))
@example(encoded({"usage": {"limit": "1e999999", "remaining": "-9e999999"}}))
@example(encoded({"limits": [{"window": LONG_SPAN, "detail": {"limit": 1}}]}))
@example(encoded({"usages": {"limit_5h": {"used_ratio": "1e999999", "reset_time": 10**30}}}))
def test_every_usage_answer_is_read_or_refused(body: bytes) -> None:
    """A plan or a balance with any numbers becomes lines, or the error that shows the answer."""
    now = datetime.fromisoformat(NOW)
    try:
        assert plan_lines(read_plan(body), now=now)
    except HermesError as error:
        check_sentence(error)
    try:
        assert balance_lines(read_balance(body), "USD")
    except HermesError as error:
        check_sentence(error)
