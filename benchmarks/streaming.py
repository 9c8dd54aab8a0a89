"""
CPU per streamed chunk: our client, against bare sockets with `json.loads` and `openai`.

`python -m benchmarks.streaming [--runs N] [--streams N --chunks N] [--sides ...]` starts a
loopback server in a process of its own, then runs the sides in turn, each in a fresh
interpreter (`benchmarks/sides.py`), and prints the medians. Ratios are those of a round,
since seconds differ between machines. Limits: 3 x the floor, and 7 x less than `openai`.
"""

import argparse
import json
import statistics
import subprocess
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

from benchmarks.table import Line, failed

MOST_OF_FLOOR, LEAST_OF_OPENAI = 3.0, 7.0
OURS, FLOOR, THEIRS = "client", "floor", "openai"
SHAPES = ((1, 20_000), (64, 500))
"""Streams at once, and chunks of each."""

ROOT = Path(__file__).resolve().parent.parent


def main() -> None:
    """Compare the sides that were asked for, and print microseconds a chunk."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--streams", type=int, default=1)
    parser.add_argument("--chunks", type=int, default=20_000)
    parser.add_argument("--runs", type=int, default=9)
    parser.add_argument("--sides", nargs="+", default=[OURS, FLOOR, THEIRS])
    options = parser.parse_args()
    rounds = compared(options.sides, options.streams, options.chunks, options.runs)
    for side, taken in rounds.items():
        middle = statistics.median(taken)
        print(f"{side:10} {middle:6.2f} µs a chunk ({min(taken):.2f} to {max(taken):.2f})")


def streaming_lines(runs: int) -> Iterator[Line]:
    """Yield, for each shape, the line against the floor and the one against `openai`."""
    for streams, chunks in SHAPES:
        name = f"streaming {streams} x {chunks:,} chunks to events, CPU"
        try:
            rounds = compared((OURS, FLOOR, THEIRS), streams, chunks, runs)
        except subprocess.CalledProcessError as error:
            yield failed(name, MOST_OF_FLOOR, (error.stderr.strip().splitlines() or [""])[-1])
            continue
        yield _against_floor(name, rounds[OURS], rounds[FLOOR])
        yield _against_openai(name, rounds[OURS], rounds[THEIRS])


def compared(sides: Sequence[str], streams: int, chunks: int, runs: int) -> dict[str, list[float]]:
    """Return each side's microseconds of CPU a chunk, round by round."""
    rounds: dict[str, list[float]] = {side: [] for side in sides}
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
            for side, taken in rounds.items():
                taken.append(_in_fresh_interpreter(side, port, streams, chunks))
        server.communicate()
    return rounds


def _in_fresh_interpreter(side: str, port: str, streams: int, chunks: int) -> float:
    command = [sys.executable, "-m", "benchmarks.sides", side, port, str(streams)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)
    found = json.loads(done.stdout)
    # The last of an answer's chunks holds usage and no text.
    if side != "transport" and found["pieces"] != streams * (chunks - 1):
        raise SystemExit(f"{side} saw {found['pieces']} pieces of {streams * (chunks - 1)}")
    return float(found["seconds"]) * 1e6 / (streams * chunks)


def _against_floor(name: str, ours: list[float], floor: list[float]) -> Line:
    ratio = _median_ratio(ours, floor)
    return Line(
        name=name,
        value=f"{ratio:.2f} x",
        limit=f"{MOST_OF_FLOOR:g} x",
        over=ratio > MOST_OF_FLOOR,
        detail=f"{statistics.median(ours):.1f} µs a chunk against {statistics.median(floor):.1f} "
        "µs of bare sockets with json.loads",
    )


def _against_openai(name: str, ours: list[float], theirs: list[float]) -> Line:
    ratio = _median_ratio(theirs, ours)
    return Line(
        name=f"{name}, times less than `openai`",
        value=f"{ratio:.1f} x",
        limit=f"at least {LEAST_OF_OPENAI:g} x",
        over=ratio < LEAST_OF_OPENAI,
        detail=f"{statistics.median(theirs):.1f} µs a chunk in the `openai` package",
    )


def _median_ratio(above: list[float], below: list[float]) -> float:
    return statistics.median(a / b for a, b in zip(above, below, strict=True))


if __name__ == "__main__":
    main()
