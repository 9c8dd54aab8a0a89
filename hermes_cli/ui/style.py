"""Text for a terminal or a pipe: safe, dimmed where that helps, as lines or as JSON."""

import json
import sys
import unicodedata
from typing import Any, TextIO

import click

from agent.errors import HermesError
from hermes_cli.config import color_wanted

SCHEMA = 1
"""The version of every JSON document we print."""


def printable(text: str) -> str:
    """Return text from outside without control characters, newline and tab apart."""
    if text.isprintable():
        return text
    return "".join(c for c in text if c in "\n\t" or unicodedata.category(c) != "Cc")


def say(text: str = "", *, style: str = "", error: bool = False) -> None:
    """
    Print a line on standard output, or on standard error.

    `style` is `dim`, `red`, `green`, `yellow` or `bold`, shown only on a terminal that
    takes colours. Control characters go if the stream is a terminal.
    """
    stream: TextIO | None = sys.stderr if error else sys.stdout
    if stream is None:  # closed before we started, as with `>&-`
        return
    if stream.isatty():
        text = printable(text)
        text = styled(text, style) if style and color_wanted() else text
    stream.write(text + "\n")
    stream.flush()


def styled(text: str, style: str) -> str:
    """Return the text with ANSI codes for a style."""
    if style in ("dim", "bold"):
        return click.style(text, dim=style == "dim" or None, bold=style == "bold" or None)
    return click.style(text, fg=style)


def notice(text: str) -> None:
    """Print a line about the run on standard error, dimmed on a terminal."""
    say(text, style="yellow", error=True)


def print_json(document: dict[str, Any]) -> None:
    """Print a JSON document with its schema number as the first field."""
    say(json.dumps({"schema": SCHEMA, **document}, indent=2, ensure_ascii=False))


def print_error(error: HermesError) -> None:
    """Print what happened and, on its own line, what to do, on standard error."""
    say(f"Error: {error.message}", style="red", error=True)
    if error.remedy:
        say(error.remedy, error=True)


def is_terminal(stream: TextIO | None) -> bool:
    """Say whether a standard stream is there and is a terminal."""
    return stream is not None and not stream.closed and stream.isatty()
