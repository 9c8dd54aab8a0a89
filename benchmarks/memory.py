"""
Memory while a very long answer is streamed: it should grow by the answer and nothing else.

`python -m benchmarks.memory [--chunks N]` starts a server in a process of its own and a client
in another; the client reads the growth of its resident memory between the thousandth chunk
and the last. It keeps no event. The answer's own text is what `Finished` holds.
"""

import argparse
import asyncio
import json
import subprocess
import sys
import time
from pathlib import Path

from benchmarks.sse_server import HEAD, WORDS, chunk
from benchmarks.table import Line, failed

CHUNKS = 1_000_000
MOST_MEGABYTES = 8.0
"""What may be gained beside the answer: the allocator's own slack, whatever the length."""

BLOCK = 1_000
"""Chunks that the server writes at once."""

ROOT = Path(__file__).resolve().parent.parent
_STATM = Path("/proc/self/statm")


def main() -> None:
    """Print the growth, or be the server or the client of the measurement."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--chunks", type=int, default=CHUNKS)
    parser.add_argument("--serve", action="store_true")
    parser.add_argument("--port", type=int, default=0)
    options = parser.parse_args()
    if options.serve:
        asyncio.run(_serve(options.chunks))
    elif options.port:
        print(json.dumps(asyncio.run(_grown(options.port))))
    else:
        line = memory_line(options.chunks)
        print(line.name, line.value, line.detail)


def memory_line(chunks: int = CHUNKS) -> Line:
    """Return the line of the growth beside the answer's own text, in megabytes."""
    name = f"memory while {chunks:,} chunks stream, MB"
    if not _STATM.exists():
        return failed(name, MOST_MEGABYTES, "this system has no /proc/self/statm")
    command = [sys.executable, "-m", "benchmarks.memory"]
    server = subprocess.Popen(
        [*command, "--serve", "--chunks", str(chunks)],
        cwd=ROOT,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    with server:
        port = server.stdout.readline().strip() if server.stdout else ""
        began = time.monotonic()
        done = subprocess.run(
            [*command, "--port", port], cwd=ROOT, capture_output=True, text=True, check=False
        )
        seconds = time.monotonic() - began
        server.communicate()
    if done.returncode:
        return failed(name, MOST_MEGABYTES, (done.stderr.strip().splitlines() or [""])[-1])
    found = json.loads(done.stdout)
    beside = found["grown"] - found["answer"]
    return Line(
        name=name,
        value=f"{beside:.1f}",
        limit=f"{MOST_MEGABYTES:g}",
        over=beside > MOST_MEGABYTES,
        detail=f"grown by {found['grown']:.1f} MB, of which the answer is {found['answer']:.1f}; "
        f"{seconds:.0f} s",
    )


async def _grown(port: int) -> dict[str, float]:
    from agent.client import Client
    from agent.events import Finished, TextDelta
    from agent.library import route_for_key
    from agent.messages import text_of, user
    from agent.transport.network import Network

    place = f"http://127.0.0.1:{port}/v1"
    route = route_for_key("", provider="custom", base_url=place, model="bench")
    pieces, before, grown, answer = 0, 0.0, 0.0, ""
    async with Client(route, Network()) as client:
        async for event in client.stream([user("hi")]):
            match event:
                case TextDelta():
                    pieces += 1
                    if pieces == BLOCK:
                        before = _resident_megabytes()
                    elif not pieces % BLOCK:
                        grown = _resident_megabytes() - before
                case Finished():
                    answer = text_of(event.message)
                case _:
                    pass
    # What a Python string of this text takes: 1, 2 or 4 bytes a character.
    return {"grown": grown, "answer": sys.getsizeof(answer) / 1e6}


def _resident_megabytes() -> float:
    return int(_STATM.read_text().split()[1]) * 4096 / 1e6


async def _serve(chunks: int) -> None:
    events = [chunk({"content": WORDS[place % len(WORDS)]}) for place in range(BLOCK)]
    block = b"".join(b"%x\r\n%s\r\n" % (len(event), event) for event in events)
    end = chunk({}, "stop") + b"data: [DONE]\n\n"

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = await reader.readuntil(b"\r\n\r\n")
        _, _, length = head.lower().partition(b"content-length:")
        await reader.readexactly(int(length.partition(b"\r\n")[0] or 0))
        writer.write(HEAD)
        for _ in range(chunks // BLOCK):
            writer.write(block)
            await writer.drain()
        writer.write(b"%x\r\n%s\r\n0\r\n\r\n" % (len(end), end))
        await writer.drain()
        writer.close()

    server = await asyncio.start_server(answer, "127.0.0.1", 0)
    async with server:
        print(server.sockets[0].getsockname()[1], flush=True)
        await asyncio.get_running_loop().run_in_executor(None, sys.stdin.read)


if __name__ == "__main__":
    main()
