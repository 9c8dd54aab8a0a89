"""
Writers of one home, killed at random moments: `python -m tests.support.killed_writers WRITES`.

Eight processes write settings and variables, each its own names with rising numbers, and say so
after each. One of them dies every few milliseconds and another takes its place. Standard output
is JSON: how many died, and the last number that was reported written under each name.
"""

import contextlib
import json
import os
import random
import select
import signal
import sys
from dataclasses import dataclass, field

import filelock  # noqa: F401 - imported once, before the writers are forked
import tomlkit  # noqa: F401

from hermes_cli.config import write_settings, write_variables

WRITERS = 8
NAMES = 3
MOST_SECONDS_BETWEEN_KILLS = 0.03


@dataclass
class Writer:
    """A process, the end of its pipe, and what of a line has come."""

    process_id: int
    pipe: int
    rest: bytes = b""


@dataclass
class Nursery:
    """The writers that live, and what they have reported; `numbers` is each one's next."""

    chance: random.Random
    writers: dict[int, Writer] = field(default_factory=dict)
    reported: dict[str, int] = field(default_factory=dict)
    numbers: dict[int, int] = field(default_factory=dict)
    writes: int = 0
    killed: int = 0

    def start(self, place: int) -> None:
        """Fork the writer of a place; it begins where the last one can have been."""
        reading, writing = os.pipe()
        number = self.numbers.get(place, 0)
        process_id = os.fork()
        if process_id == 0:
            os.close(reading)
            write_on(place, number, writing)
        os.close(writing)
        self.writers[place] = Writer(process_id, reading)

    def listen(self, seconds: float) -> None:
        """Take what the writers report, for a while."""
        pipes = {writer.pipe: place for place, writer in self.writers.items()}
        ready, _, _ = select.select(list(pipes), [], [], seconds)
        for pipe in ready:
            self._take(pipes[pipe])

    def kill(self, place: int) -> None:
        """Kill the writer of a place, and take what it had reported."""
        writer = self.writers[place]
        os.kill(writer.process_id, signal.SIGKILL)
        os.waitpid(writer.process_id, 0)
        while self._take(place):
            pass
        os.close(writer.pipe)
        self.killed += 1
        # One more may have been written and not reported.
        self.numbers[place] = self.numbers.get(place, 0) + 1

    def _take(self, place: int) -> bool:
        writer = self.writers[place]
        came = os.read(writer.pipe, 65536)
        *lines, writer.rest = (writer.rest + came).split(b"\n")
        for line in lines:
            name, number = line.decode().split()
            self.reported[name] = int(number)
            self.numbers[place] = int(number) + 1
            self.writes += 1
        return bool(came)


def write_on(place: int, number: int, pipe: int) -> None:
    """Write rising numbers until killed, and report each that is written."""
    while True:
        name = f"W{place}_{number % NAMES}"
        if number % 4:
            write_variables({name: str(number)})
        else:
            write_settings({("providers", f"w{place}", name): str(number)})
        os.write(pipe, f"{'env' if number % 4 else 'toml'}:{name} {number}\n".encode())
        number += 1


def main(wanted: int) -> None:
    """Let writers write, and die, until so many writes are reported."""
    nursery = Nursery(random.Random(7))  # noqa: S311 - when one dies is no secret
    for place in range(WRITERS):
        nursery.start(place)
    while nursery.writes < wanted:
        nursery.listen(nursery.chance.uniform(0, MOST_SECONDS_BETWEEN_KILLS))
        if nursery.chance.random() < 0.1:
            place = nursery.chance.randrange(WRITERS)
            nursery.kill(place)
            nursery.start(place)
    for place in range(WRITERS):
        nursery.kill(place)
    report = {"killed": nursery.killed, "reported": nursery.reported}
    with contextlib.suppress(BrokenPipeError):
        sys.stdout.write(json.dumps(report))


if __name__ == "__main__":
    main(int(sys.argv[1]))
