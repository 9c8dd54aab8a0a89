"""Closed intervals of whole numbers."""

Interval = tuple[int, int]


def merge(intervals: list[Interval]) -> list[Interval]:
    """Return the same numbers as the fewest intervals, in order; the argument stays as it is."""
    intervals.sort()
    merged: list[Interval] = []
    for first, last in intervals:
        if merged and first < merged[-1][1]:
            merged[-1] = (merged[-1][0], last)
        else:
            merged.append((first, last))
    return merged
