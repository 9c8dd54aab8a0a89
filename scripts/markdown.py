"""Markdown that the generated pages share."""

from collections.abc import Iterable, Iterator


def table(heads: tuple[str, ...], rows: Iterable[tuple[str, ...]]) -> Iterator[str]:
    """Yield the lines of a table; a bar inside a cell is escaped."""
    yield _line(heads)
    yield _line("---" for _ in heads)
    for row in rows:
        yield _line(row)


def _line(cells: Iterable[str]) -> str:
    return f"| {' | '.join(cell.replace('|', chr(92) + '|') for cell in cells)} |"
