"""
CPU per streamed chunk: our path, against a bare socket with `json.loads`.

`python -m benchmarks.streaming [--chunks N] [--runs N]` starts a loopback server in a
process of its own, then runs both in turn, each in a fresh interpreter, and prints the
medians and their ratio. CPU is user and system time of one whole stream, after the head
of another one, which loads what is loaded late. A ratio, since seconds differ between
machines; the limit is 3.0.
"""

import argparse
import asyncio
import json
import resource
import socket
import statistics
import subprocess
import sys
from pathlib import Path

LIMIT = 3.0
ROOT = Path(__file__).resolve().parent.parent


def main() -> None:
    """Run the comparison, or, with `--measure`, one side of it."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--chunks", type=int, default=20_000)
    parser.add_argument("--runs", type=int, default=9)
    parser.add_argument("--measure", choices=("ours", "floor"))
    parser.add_argument("--port", type=int, default=0)
    options = parser.parse_args()
    if options.measure:
        measure = _ours if options.measure == "ours" else _floor
        print(measure(options.port))
        return
    ours, floor = compared(options.chunks, options.runs)
    print(
        f"streaming {options.chunks:,} chunks: {ours:.1f} µs/chunk, floor {floor:.1f} µs, "
        f"ratio {ours / floor:.2f} (limit {LIMIT})"
    )


def compared(chunks: int, runs: int) -> tuple[float, float]:
    """Return the medians of both, in microseconds of CPU a chunk: ours, the floor."""
    seconds: dict[str, list[float]] = {"ours": [], "floor": []}
    server = subprocess.Popen(
        [sys.executable, "-m", "benchmarks.sse_server", str(chunks)],
        cwd=ROOT,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    with server:
        port = server.stdout.readline().strip() if server.stdout else ""
        for _ in range(runs):
            for side, taken in seconds.items():
                taken.append(_in_fresh_interpreter(side, port))
        server.communicate()
    ours, floor = (statistics.median(seconds[side]) * 1e6 / chunks for side in ("ours", "floor"))
    return ours, floor


def _in_fresh_interpreter(side: str, port: str) -> float:
    command = [sys.executable, "-m", "benchmarks.streaming", "--measure", side, "--port", port]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)
    return float(done.stdout)


def _cpu_seconds() -> float:
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime


def _ours(port: int) -> float:
    from agent.messages import user
    from agent.transport.http import Http, HttpRequest
    from agent.transport.network import Network
    from agent.transport.sse import SseParser
    from agent.wire.chat_request import chat_body, chat_headers
    from agent.wire.chat_stream import ChatReader

    body = chat_body([user("hi")], model="bench", max_completion_tokens=None, replay_reasoning=True)
    request = HttpRequest("POST", f"http://127.0.0.1:{port}/v1/chat", chat_headers(), body)

    async def stream(http: Http, *, whole: bool) -> int:
        parser, reader, events = SseParser(), ChatReader(), 0
        async with http.send(request) as answer:
            async for chunk in answer.chunks():
                for _ in reader.read_all(parser.feed(chunk)):
                    events += 1
                if not whole:
                    return events
        reader.finish()
        return events

    async def both() -> float:
        async with Http(Network()) as http:
            await stream(http, whole=False)
            before = _cpu_seconds()
            await stream(http, whole=True)
            return _cpu_seconds() - before

    return asyncio.run(both())


def _floor(port: int) -> float:
    _received(port, whole=False)
    before = _cpu_seconds()
    _received(port, whole=True)
    return _cpu_seconds() - before


def _received(port: int, *, whole: bool) -> int:
    characters = 0
    with socket.create_connection(("127.0.0.1", port)) as connection:
        connection.sendall(b"POST /v1/chat HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\n\r\n")
        rest = b""
        while piece := connection.recv(65536):
            *lines, rest = (rest + piece).split(b"\n")
            for line in lines:
                if line.startswith(b"data: {"):
                    delta = json.loads(line[6:])["choices"][0]["delta"]
                    characters += len(delta.get("content") or delta.get("reasoning_content") or "")
            if not whole:
                break
    return characters


if __name__ == "__main__":
    main()
