"""Lines as wide as the terminal, broken between words; whole for a pipe."""

import shutil
import sys
import textwrap
from typing import TextIO

from hermes_cli.ui.style import is_terminal

_NARROWEST = 40
"""Below so many columns a text is not wrapped: the terminal does it as well."""


def output_columns() -> int:
    """Return how many columns standard output has; 0 if it is no terminal."""
    return _columns(sys.stdout)


def between_words(sentence: str, stream: TextIO | None) -> str:
    """Return a sentence in lines as wide as a terminal, none in a word or a command."""
    columns = _columns(stream)
    return "\n".join(row for line in sentence.split("\n") for row in hanging("", line, columns))


def _columns(stream: TextIO | None) -> int:
    return shutil.get_terminal_size().columns if is_terminal(stream) else 0


def set_in(line: str) -> list[str]:
    """Return a line as it fits the terminal, its continuation set in; whole for a pipe."""
    columns = output_columns()
    indent = len(line) - len(line.lstrip())
    return _broken(line, columns, " " * (indent and indent + 4)) if columns else [line]


def hanging(head: str, text: str, columns: int) -> list[str]:
    """
    Return a text behind its head, its further lines set in as far; a command stays whole.

    With 0 `columns` it is one line, for a pipe.
    """
    if columns - len(head) < _NARROWEST:
        return [head + text]
    # A blank inside of backquotes is no place for a line to end: the command gets copied.
    kept = "`".join(
        part.replace(" ", "\0") if number % 2 else part
        for number, part in enumerate(text.split("`"))
    )
    rows = [row.replace("\0", " ") for row in _broken(kept, columns - len(head))]
    return [head + rows[0], *(" " * len(head) + row for row in rows[1:])]


def _broken(text: str, columns: int, further: str = "") -> list[str]:
    """Return a text in lines with no word broken, the later ones behind `further`."""
    return textwrap.wrap(
        text,
        columns,
        subsequent_indent=further,
        break_long_words=False,
        break_on_hyphens=False,
    ) or [""]
