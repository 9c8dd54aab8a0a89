"""Building the request of a long conversation, against one `msgspec` encode of its messages."""

import argparse
import time
from collections.abc import Callable

import msgspec

from agent.exchange import Exchange
from agent.library import route_for_key
from agent.messages import Message, Options
from agent.turn import Turn
from agent.wire.base import Shape
from agent.wire.chat_request import chat_body
from agent.wire.turns import Memory
from benchmarks.history import READ, history, tool_turn
from benchmarks.startup import KEY
from benchmarks.table import Line, paired

TOKENS = 1_000_000
WHOLE_LIMIT, TURN_LIMIT = 1.5, 0.5
_OPTIONS = Options(cache_key="bench")
_ROUTE = route_for_key(KEY, wire="chat")


def building_lines(runs: int) -> list[Line]:
    """Return the lines of a whole body, of one more turn, and of all that a client does."""
    messages = history(TOKENS)
    megabytes = len(msgspec.json.encode(messages)) / 1e6
    longer = [*messages, *tool_turn(len(messages))]

    def encode() -> float:
        return _seconds(lambda: msgspec.json.encode(messages))

    def whole() -> float:
        return _seconds(lambda: _body(messages, Memory()))

    def one_more() -> float:
        memory = Memory()
        _body(messages, memory)
        return _seconds(lambda: _body(longer, memory))

    def client() -> float:
        return _seconds(lambda: _request(messages, Memory()))

    def client_one_more() -> float:
        memory = Memory()
        _request(messages, memory)
        return _seconds(lambda: _request(longer, memory))

    return [
        _line(f"body of {TOKENS:,} tokens, {megabytes:.1f} MB", paired(whole, encode, runs)),
        _line("the same, by `Exchange`", paired(client, encode, runs)),
        _line("body of one tool turn more", paired(one_more, encode, runs), TURN_LIMIT),
        _line("the same, by `Exchange`", paired(client_one_more, encode, runs), TURN_LIMIT),
    ]


def _body(messages: list[Message], memory: Memory) -> bytes:
    shape = Shape(model=_ROUTE.model_id_sent, row=_ROUTE.row_sent, quirks=_ROUTE.endpoint.quirks)
    return chat_body(messages, shape, tools=(READ,), options=_OPTIONS, memory=memory)


def _request(messages: list[Message], memory: Memory) -> bytes:
    """Return the body as a client makes it: with the budget that the window leaves."""
    return Exchange(_ROUTE, Turn(messages, (READ,), _OPTIONS), memory).request.body


def _seconds(build: Callable[[], bytes]) -> float:
    before = time.process_time()
    build()
    return time.process_time() - before


def _line(name: str, measured: tuple[float, float, float], limit: float = WHOLE_LIMIT) -> Line:
    taken, least, ratio = measured
    return Line(
        name=name,
        value=f"{ratio:.2f} x",
        limit=f"{limit:g} x",
        over=ratio > limit,
        detail=f"{taken * 1e3:.1f} ms against {least * 1e3:.1f} ms of one msgspec encode",
    )


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=int, default=9)
    for line in building_lines(parser.parse_args().runs):
        print(line.name, line.value, line.detail)
