"""
`python -m benchmarks`, which is `make bench`: every limit of ours in one table.

Each ratio is paired within one run, so that it holds on any machine. The exit code is 0
whatever the figures are; a figure above its limit is marked `over`.
"""

import argparse
import datetime
import os
import platform
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

from benchmarks.building import building_lines
from benchmarks.first_byte import first_byte_lines
from benchmarks.installation import Installation, size_lines
from benchmarks.memory import memory_line
from benchmarks.prefix import prefix_lines
from benchmarks.startup import startup_lines
from benchmarks.streaming import streaming_lines
from benchmarks.table import Line, printed


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
    _say(f"streaming, {stream_runs} rounds of two shapes and three sides")
    yield from streaming_lines(stream_runs)
    _say(f"building requests, {runs} rounds")
    yield from building_lines(runs)
    _say("memory of a long stream")
    yield memory_line()
    _say("the prefix of a long conversation")
    yield from prefix_lines()
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


def _say(what: str) -> None:
    print(f"… {what}", file=sys.stderr, flush=True)


if __name__ == "__main__":
    main()
