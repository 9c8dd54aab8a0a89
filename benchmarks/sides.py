"""
One side of the streaming comparison, in an interpreter of its own.

`python -m benchmarks.sides SIDE PORT STREAMS` opens STREAMS answers of the server on PORT
at once, reads them to their ends, and prints one JSON object: the seconds of CPU (user and
system) that this took, and how many pieces came. Before that it reads the head of one
answer, so that what is loaded late is loaded. Sides: `client` is our `Client.stream`,
`parts` our transport, parser and reader without it, `openai` the vendor's package,
`transport` the HTTP library alone, and `floor` bare sockets with `json.loads`.
"""

import argparse
import asyncio
import json
import resource
import selectors
import socket
from collections.abc import Awaitable, Callable, Coroutine

One = Callable[[bool], Awaitable[int]]
"""Reads one answer, whole or only its beginning, and returns how many pieces came."""

REQUEST = b"POST /v1/chat/completions HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\n\r\n"


def main() -> None:
    """Measure one side and print what it took."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("side", choices=(*_SIDES, "floor"))
    parser.add_argument("port", type=int)
    parser.add_argument("streams", type=int)
    options = parser.parse_args()
    if options.side == "floor":
        seconds, pieces = _floor(options.port, options.streams)
    else:
        measured = _SIDES[options.side](options.port, options.streams)
        seconds, pieces = asyncio.run(measured)
    print(json.dumps({"seconds": seconds, "pieces": pieces}))


def cpu_seconds() -> float:
    """Return the user and system time of this process so far."""
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime


async def _timed(one: One, streams: int) -> tuple[float, int]:
    await one(False)
    before = cpu_seconds()
    pieces = await asyncio.gather(*(one(True) for _ in range(streams)))
    return cpu_seconds() - before, sum(pieces)


async def _client(port: int, streams: int) -> tuple[float, int]:
    from contextlib import AsyncExitStack, aclosing

    from agent.client import Client
    from agent.events import TextDelta, ThinkDelta
    from agent.library import route_for_key
    from agent.messages import user
    from agent.transport.network import Network

    place = f"http://127.0.0.1:{port}/v1"
    route = route_for_key("", provider="custom", base_url=place, model="bench")
    async with AsyncExitStack() as stack:
        ready = [
            await stack.enter_async_context(Client(route, Network())) for _ in range(streams + 1)
        ]

        async def one(whole: bool) -> int:
            pieces = 0
            async with aclosing(ready.pop().stream([user("hi")])) as events:
                async for event in events:
                    if isinstance(event, TextDelta | ThinkDelta):
                        pieces += 1
                        if not whole:
                            break
            return pieces

        return await _timed(one, streams)


async def _parts(port: int, streams: int) -> tuple[float, int]:
    from agent.messages import user
    from agent.transport.http import Http, HttpRequest
    from agent.transport.network import Network
    from agent.transport.sse import SseParser
    from agent.wire.base import Shape
    from agent.wire.chat_request import chat_body, chat_headers
    from agent.wire.chat_stream import ChatReader

    body = chat_body([user("hi")], Shape(model="bench"))
    url = f"http://127.0.0.1:{port}/v1/chat/completions"
    request = HttpRequest("POST", url, chat_headers(), body)

    async with Http(Network()) as http:

        async def one(whole: bool) -> int:
            parser, reader, pieces = SseParser(), ChatReader(), 0
            async with http.send(request) as answer:
                async for chunk in answer.chunks():
                    for _ in reader.read_all(parser.feed(chunk)):
                        pieces += 1
                    if not whole:
                        return pieces
            reader.finish()
            return pieces

        return await _timed(one, streams)


async def _transport(port: int, streams: int) -> tuple[float, int]:
    from agent.transport.http import Http, HttpRequest
    from agent.transport.network import Network

    url = f"http://127.0.0.1:{port}/v1/chat/completions"
    request = HttpRequest("POST", url)

    async with Http(Network()) as http:

        async def one(whole: bool) -> int:
            pieces = 0
            async with http.send(request) as answer:
                async for _ in answer.chunks():
                    pieces += 1
                    if not whole:
                        break
            return pieces

        return await _timed(one, streams)


async def _openai(port: int, streams: int) -> tuple[float, int]:
    from openai import AsyncOpenAI

    place = f"http://127.0.0.1:{port}/v1"
    async with AsyncOpenAI(api_key="none", base_url=place, max_retries=0) as client:

        async def one(whole: bool) -> int:
            pieces = 0
            stream = await client.chat.completions.create(
                model="bench", messages=[{"role": "user", "content": "hi"}], stream=True
            )
            async with stream:
                async for chunk in stream:
                    delta = chunk.choices[0].delta if chunk.choices else None
                    if delta and (delta.content or getattr(delta, "reasoning_content", None)):
                        pieces += 1
                        if not whole:
                            break
            return pieces

        return await _timed(one, streams)


def _floor(port: int, streams: int) -> tuple[float, int]:
    _received(port, 1)
    before = cpu_seconds()
    pieces = _received(port, streams)
    return cpu_seconds() - before, pieces


def _received(port: int, streams: int) -> int:
    """Read so many answers from bare sockets, whichever has bytes, and return the pieces."""
    pieces = 0
    rests: dict[int, bytes] = {}
    with selectors.DefaultSelector() as ready:
        for _ in range(streams):
            connection = socket.create_connection(("127.0.0.1", port))
            connection.sendall(REQUEST)
            ready.register(connection, selectors.EVENT_READ, connection)
        while ready.get_map():
            for key, _ in ready.select():
                connection = key.data
                piece = connection.recv(65536)
                if not piece:
                    ready.unregister(connection)
                    connection.close()
                    continue
                *lines, rests[key.fd] = (rests.get(key.fd, b"") + piece).split(b"\n")
                pieces += sum(_is_piece(line) for line in lines if line.startswith(b"data: {"))
    return pieces


def _is_piece(line: bytes) -> bool:
    delta = json.loads(line[6:])["choices"][0]["delta"]
    return bool(delta.get("content") or delta.get("reasoning_content"))


_SIDES: dict[str, Callable[[int, int], Coroutine[None, None, tuple[float, int]]]] = {
    "client": _client,
    "parts": _parts,
    "transport": _transport,
    "openai": _openai,
}

if __name__ == "__main__":
    main()
