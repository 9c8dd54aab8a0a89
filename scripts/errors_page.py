"""
Print `docs/errors.md`: the rows of `agent.atlas` as a page for people.

`make errors-page` writes it; a test compares the file with what is printed here. Whatever
stands on the page is read from a row: to mend the page, mend the row.
"""

from collections.abc import Iterable, Iterator, Sequence
from itertools import groupby

from agent.atlas.below_http import BELOW_HTTP
from agent.atlas.leftovers import IN_STREAM, LEFTOVERS
from agent.atlas.refusals import ACCESS, DERIVED, PACE
from agent.atlas.requests import REQUESTS
from agent.atlas.rows import BodyRow, NetworkRow, Row
from scripts.markdown import table

COMMAND = "make errors-page"
HEADS = ("Row", "Known by", "Class", "Meaning", "Retried", "Exit", "Next")


def main() -> None:
    """Print the page."""
    print(page(), end="")


def page() -> str:
    """Return the whole page, which ends with one line end."""
    sections = (
        _head(),
        _answers("The key, its plan, the model", ACCESS),
        _answers("The request", REQUESTS),
        _answers("Quota, money, pace, and the server", PACE),
        _derived(),
        _answers("What is left", (IN_STREAM, *LEFTOVERS)),
        _below_http(),
    )
    return "\n".join("\n".join(section) + "\n" for section in sections)


def _head() -> Iterator[str]:
    yield "# What an error means"
    yield ""
    yield f"<!-- Generated from the rows in agent/atlas by `{COMMAND}`: edit the rows. -->"
    yield ""
    yield f"This page is generated from the rows in `agent/atlas` by `{COMMAND}`; do not edit it."
    yield '`hermes why "TEXT"` finds the row of a status or a pasted error, without a network.'
    yield ""
    yield "The first row that fits is taken: its status first, then its error type or one of its"
    yield "texts, whatever their case; a row with neither takes its status alone. No error type of"
    yield "those that stand in brackets is enough alone: it is shared by several rows. What no row"
    yield "knows is called unknown, shown whole, and never taken for its nearest likeness."


def _answers(title: str, rows: Sequence[BodyRow]) -> Iterator[str]:
    yield f"## {title}"
    yield ""
    yield from table(HEADS, map(_cells, rows))
    yield ""
    yield from _sources(rows)


def _derived() -> Iterator[str]:
    yield "## The same bodies, with what else is known"
    yield ""
    yield "A body does not tell these: the endpoint that was asked, the key's prefix and the day in"
    yield "the row of the model do (`docs/kimi.md`)."
    yield ""
    yield from table(HEADS, map(_cells, DERIVED))
    yield ""
    yield from _sources(DERIVED)


def _below_http() -> Iterator[str]:
    yield "## Below HTTP"
    yield ""
    yield "No answer came, or not all of it. The layer is known where it failed; the words are"
    yield "those that `hermes why` looks for."
    yield ""
    yield from table(HEADS, map(_network_cells, BELOW_HTTP))


def _cells(row: BodyRow) -> tuple[str, ...]:
    kinds = [f"`{kind}`" if row.by_kind else f"[`{kind}`]" for kind in row.kinds]
    known_by = ", ".join([_statuses(row.statuses), *kinds, *_quoted(row.says)])
    remedy = f"{row.console.format('the console')} {row.remedy}" if row.console else row.remedy
    return _line_of(row, known_by, row.meaning.rstrip(","), remedy)


def _network_cells(row: NetworkRow) -> tuple[str, ...]:
    return _line_of(row, ", ".join(_quoted(row.says)), row.meaning, row.remedy)


def _line_of(row: Row, known_by: str, meaning: str, remedy: str) -> tuple[str, ...]:
    error = row.error
    return (
        f"`{row.id}`",
        known_by,
        f"`{error.__name__}`",
        f"{meaning}.",
        row.retried,
        str(error.exit_code),
        remedy,
    )


def _quoted(says: Iterable[str]) -> list[str]:
    return [f"“{text}”" for text in says]


def _statuses(statuses: Sequence[int]) -> str:
    """Return statuses in words: single ones, or a range of a hundred."""
    if len(statuses) >= 1000:
        return "any"
    if len(statuses) == 100:
        return f"{statuses[0]} to {statuses[-1]}"
    return ", ".join(map(str, statuses))


def _sources(rows: Iterable[BodyRow]) -> Iterator[str]:
    yield "Sources:"
    yield ""
    for source, group in groupby(rows, key=lambda row: row.source):
        yield f"- {', '.join(f'`{row.id}`' for row in group)}: {source}"


if __name__ == "__main__":
    main()
