"""`hermes why`: what a status or an error text means, from the same rows, without a network."""

import os
import stat
import sys
from typing import Any

import click

from agent.atlas.hints import Told
from agent.atlas.pasted import Recognised, recognise
from agent.atlas.rows import NetworkRow, Row
from agent.errors import UsageError
from hermes_cli.report import JSON_OPTION, aligned
from hermes_cli.ui.style import print_json, say
from hermes_cli.ui.table import print_table

UNKNOWN = 1
_MOST_BYTES = 1024 * 1024
_COLUMNS = ("row", "class", "retried", "meaning")
_NOBODY_KNOWS = (
    "Unknown: no row of the atlas has this text, so nothing is guessed.",
    "What Hermes says itself is no endpoint's answer: the line under it names the command.",
    "`hermes chat --debug` shows the whole exchange; docs/errors.md lists what is known.",
)


@click.command("why", context_settings={"ignore_unknown_options": True})
@JSON_OPTION
@click.argument("text", nargs=-1)
def command(text: tuple[str, ...], as_json: bool) -> None:
    """Tell what an error means: a status, or any text that was printed.

    TEXT may be `429`, an error body, a sentence, or a whole line of hermes; without TEXT it is
    read from a pipe or a file on standard input. Nothing is sent, and nothing of TEXT is shown.
    """
    found = recognise(" ".join(text) if text else _standard_input())
    if as_json:
        print_json(_document(found))
    else:
        _tell(found)
    if not found.known:
        raise click.exceptions.Exit(UNKNOWN)


def _standard_input() -> str:
    """Return what a pipe or a file holds; a terminal is not waited for."""
    if sys.stdin is not None:
        mode = os.fstat(sys.stdin.fileno()).st_mode
        if stat.S_ISFIFO(mode) or stat.S_ISREG(mode) or stat.S_ISSOCK(mode):
            pasted = sys.stdin.buffer.read(_MOST_BYTES).decode("utf-8", "replace")
            if pasted.strip():
                return pasted
    raise UsageError(
        "There is no text to explain.",
        remedy='Name a status or paste an error: `hermes why 429`, `hermes why "TEXT"`.',
    )


def _tell(found: Recognised) -> None:
    if found.failure is not None:
        _say_all(_lines(found.failure, f"{found.failure.meaning}.", found.failure.remedy))
    elif len(found.answers) == 1:
        [answer] = found.answers
        if not found.known:
            say(f"{_NOBODY_KNOWS[0]} The status alone says:")
        wait = found.retry_after_seconds
        _say_all(_lines(answer.row, _sentence(answer), answer.remedy, wait))
    elif found.answers:
        _tell_candidates(found)
    else:
        for line in _NOBODY_KNOWS:
            say(line)


def _tell_candidates(found: Recognised) -> None:
    """Print the rows that the text does not tell apart."""
    what = str(found.status) if found.status else found.kind
    rows = [
        (each.row.id, each.row.error.__name__, each.row.retried, _sentence(each))
        for each in found.answers
    ]
    print_table(f"{what} has {len(rows)} meanings", _COLUMNS, rows)
    say("The text beside it tells which: `hermes why TEXT` takes the whole answer.")


def _lines(row: Row, meaning: str, remedy: str, wait: float | None = None) -> list[tuple[str, str]]:
    retried = f"yes, after {wait:g} s" if wait is not None else row.retried
    return [
        ("Class", row.error.__name__),
        ("Meaning", meaning),
        ("Retried", retried),
        ("Exit code", str(row.error.exit_code)),
        ("Next", remedy),
        ("Row", row.id),
        ("Source", row.source),
    ]


def _say_all(lines: list[tuple[str, str]]) -> None:
    for line in aligned(lines):
        say(line)


def _sentence(answer: Told) -> str:
    return f"The endpoint {answer.meaning.rstrip(',')}."


def _document(found: Recognised) -> dict[str, Any]:
    meanings = [_meaning(each.row, _sentence(each), each.remedy) for each in found.answers]
    if found.failure is not None:
        meanings = [_meaning(found.failure, f"{found.failure.meaning}.", found.failure.remedy)]
    return {
        "known": found.known,
        "status": found.status or None,
        "type": found.kind,
        "retry_after_seconds": found.retry_after_seconds,
        "meanings": meanings,
    }


def _meaning(row: Row, meaning: str, remedy: str) -> dict[str, Any]:
    return {
        "row": row.id,
        "class": row.error.__name__,
        "meaning": meaning,
        "retryable": row.error.retryable,
        "retried": row.retried,
        "exit_code": row.error.exit_code,
        "remedy": remedy,
        "source": row.source,
        "below_http": isinstance(row, NetworkRow),
    }
