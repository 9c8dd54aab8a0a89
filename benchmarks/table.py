"""One measured line: two sides, their ratio, and the limit it is held against."""

import statistics
from collections.abc import Callable, Sequence
from dataclasses import dataclass

Measure = Callable[[], float]
"""Runs one side once and returns what it took."""


@dataclass(frozen=True, kw_only=True)
class Line:
    """
    A line of the table.

    `value` is a ratio, or a size or count; `limit` is in the same unit, and a value at
    the limit is ok. `detail` names both sides as they were measured.
    """

    name: str
    value: str
    limit: str
    over: bool
    detail: str

    @property
    def verdict(self) -> str:
        """`ok` or `over`."""
        return "over" if self.over else "ok"


def failed(name: str, limit: float, reason: str) -> Line:
    """Return the line of something that could not be measured, which counts as over."""
    return Line(name=name, value="failed", limit=f"{limit:g}", over=True, detail=reason)


def paired(ours: Measure, floor: Measure, runs: int) -> tuple[float, float, float]:
    """
    Return the medians of ours, of the floor, and of their ratio in each round.

    The two take turns, so that a machine which slows down slows both; one round before
    the first is not counted, since it fills the caches of the disk and of bytecode.
    """
    ours(), floor()
    rounds = [(ours(), floor()) for _ in range(runs)]
    taken, least = zip(*rounds, strict=True)
    ratio = statistics.median(mine / bare for mine, bare in rounds)
    return statistics.median(taken), statistics.median(least), ratio


def printed(lines: Sequence[Line]) -> str:
    """Return the lines as a Markdown table, padded so that a terminal shows it straight."""
    heads = ("measured", "value", "limit", "", "as")
    cells = [(line.name, line.value, line.limit, line.verdict, line.detail) for line in lines]
    widths = [max(len(row[column]) for row in (heads, *cells)) for column in range(len(heads))]
    rule = tuple("-" * width for width in widths)
    return "\n".join(
        f"| {' | '.join(cell.ljust(width) for cell, width in zip(row, widths, strict=True))} |"
        for row in (heads, rule, *cells)
    )
