"""
`python -m benchmarks`, which is `make bench`: every limit of ours in one table.

Each ratio is paired within one run, so that it holds on any machine. The exit code is 0
whatever the figures are; a figure above its limit is marked `over`.
"""

import argparse
import datetime
import os
import platform
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

from benchmarks import streaming
from benchmarks.first_byte import first_byte_lines
from benchmarks.installation import Installation, size_lines
from benchmarks.startup import startup_lines
from benchmarks.table import Line, failed, printed

CHUNKS = 20_000


def main() -> None:
    """Measure, then print the machine and the table."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("--runs", type=int, default=15, help="rounds of each pair (default 15)")
    parser.add_argument("--stream-runs", type=int, default=9, help="rounds of streaming")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="hermes-bench-") as place:
        lines = list(measured(Path(place), options.runs, options.stream_runs))
    print(machine(options.runs, options.stream_runs))
    print(printed(lines))


def measured(place: Path, runs: int, stream_runs: int) -> Iterator[Line]:
    """Install the core below `place`, then yield the lines as they are measured."""
    _say("building the wheel and installing it")
    installed, home = Installation(place), place / "home"
    home.mkdir()
    _say(f"start-up, {runs} rounds")
    yield from startup_lines(installed, home, runs)
    _say(f"first byte, {runs} rounds")
    yield from first_byte_lines(installed, home, runs)
    _say(f"streaming, {stream_runs} rounds of {CHUNKS:,} chunks")
    yield _streaming_line(stream_runs)
    yield from size_lines(installed)


def machine(runs: int, stream_runs: int) -> str:
    """Return what it was measured on, and when."""
    day = datetime.datetime.now(datetime.UTC).date()
    return (
        f"{day}: {os.cpu_count()} cores, {_processor()}, load {os.getloadavg()[0]:.1f} at the "
        f"end; {platform.system()}, {platform.python_implementation()} "
        f"{platform.python_version()}; medians of {runs} rounds, streaming of {stream_runs}\n"
    )


def _processor() -> str:
    listed = Path("/proc/cpuinfo")
    if listed.exists():
        for line in listed.read_text().splitlines():
            name, _, value = line.partition(":")
            if name.strip() == "model name":
                return value.strip()
    return platform.processor() or platform.machine()


def _streaming_line(runs: int) -> Line:
    name = f"streaming {CHUNKS:,} chunks to events, CPU"
    try:
        ours, floor = streaming.compared(CHUNKS, runs)
    except subprocess.CalledProcessError as error:
        return failed(name, streaming.LIMIT, (error.stderr.strip().splitlines() or [""])[-1])
    ratio = ours / floor
    return Line(
        name=name,
        value=f"{ratio:.2f} x",
        limit=f"{streaming.LIMIT:g} x",
        over=ratio > streaming.LIMIT,
        detail=f"{ours:.1f} µs a chunk against {floor:.1f} µs of a bare socket with json.loads",
    )


def _say(what: str) -> None:
    print(f"… {what}", file=sys.stderr, flush=True)


if __name__ == "__main__":
    main()
