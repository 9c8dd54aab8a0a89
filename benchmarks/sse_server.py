"""
A loopback endpoint that streams a long chat completion as fast as the client takes it.

Run as `python benchmarks/sse_server.py CHUNKS`; prints its port and serves until its
standard input closes. Every event is an HTTP chunk of its own, as a server that flushes
sends it, and all of them are built beforehand, so that the client is what is measured.
"""

import asyncio
import json
import sys

WORDS = (" the", " file", " return", "\n    ", " value", "()", ",", " 模型", ' "x"', " é", " →")
HEAD = (
    b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n"
    b"Connection: close\r\nTransfer-Encoding: chunked\r\n\r\n"
)


def chunk(delta: dict[str, str], finish_reason: str | None = None, **beside: object) -> bytes:
    """Return one event: `data: {json}` and a blank line."""
    value = {
        "id": "chatcmpl-0123456789abcdef01234567",
        "object": "chat.completion.chunk",
        "created": 1760000000,
        "model": "bench",
        "choices": [{"index": 0, "delta": delta, "finish_reason": finish_reason}],
        "system_fingerprint": "fpv0_bench",
        **beside,
    }
    text = json.dumps(value, ensure_ascii=False, separators=(",", ":"))
    return b"data: " + text.encode() + b"\n\n"


def answer(chunks: int) -> bytes:
    """Return the whole HTTP answer: a third reasoning, the rest text, usage, `[DONE]`."""
    events = [
        chunk({("reasoning_content" if i * 3 < chunks else "content"): WORDS[i % len(WORDS)]})
        for i in range(chunks - 1)
    ]
    usage = {"prompt_tokens": 1200, "completion_tokens": chunks, "cached_tokens": 1024}
    events += [chunk({}, "stop", usage=usage), b"data: [DONE]\n\n"]
    framed = (b"%x\r\n%s\r\n" % (len(event), event) for event in events)
    return HEAD + b"".join(framed) + b"0\r\n\r\n"


class Endpoint(asyncio.Protocol):
    """Answers one request a connection, whatever it is."""

    whole = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Keep the connection."""
        self._transport = transport
        self._seen = b""

    def data_received(self, data: bytes) -> None:
        """Answer when the request is whole: closing over unread bytes resets the connection."""
        self._seen += data
        head, blank, body = self._seen.partition(b"\r\n\r\n")
        _, _, length = head.lower().partition(b"content-length:")
        expected = int(length.partition(b"\r\n")[0] or 0)
        if blank and len(body) >= expected and isinstance(self._transport, asyncio.Transport):
            self._transport.write(self.whole)
            self._transport.close()


async def serve(chunks: int) -> None:
    """Serve on a free port of this machine until standard input closes."""
    Endpoint.whole = answer(chunks)
    loop = asyncio.get_running_loop()
    server = await loop.create_server(Endpoint, "127.0.0.1", 0)
    async with server:
        print(server.sockets[0].getsockname()[1], flush=True)
        await loop.run_in_executor(None, sys.stdin.read)


if __name__ == "__main__":
    asyncio.run(serve(int(sys.argv[1])))
