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


# What stands in for a sign where the output's encoding has none (a C locale, a code page).
_STAND_INS = {"✓": "OK:", "✗": "NO:", "…": "...", "→": "->", "·": "-"}

# They turn the direction of what follows around, so that a command reads as another one.
_TURNING = dict.fromkeys(range(0x202A, 0x202F), "\ufffd") | dict.fromkeys(
    range(0x2066, 0x206A), "\ufffd"
)


def printable(text: str) -> str:
    """
    Return text from outside without control characters, newline and tab apart.

    What turns the direction of writing around becomes U+FFFD.
    """
    if text.isprintable():
        return text
    kept = "".join(c for c in text if c in "\n\t" or unicodedata.category(c) != "Cc")
    return kept.translate(_TURNING)


def writable(text: str, stream: TextIO | None = None) -> str:
    """Return the text in the signs that a stream, else standard output, can write."""
    stream = stream or sys.stdout
    encoding = (stream.encoding if stream else None) or "utf-8"
    for sign, stand_in in _STAND_INS.items():
        if sign in text and not _fits(sign, encoding):
            text = text.replace(sign, stand_in)
    return text if _fits(text, encoding) else text.encode(encoding, "replace").decode(encoding)


def _fits(text: str, encoding: str) -> bool:
    try:
        text.encode(encoding)
    except UnicodeEncodeError:
        return False
    return True


def say(text: str = "", *, style: str = "", error: bool = False) -> None:
    """
    Print a line on standard output, or on standard error.

    `style` is `dim`, `red`, `green`, `magenta` or `bold`, shown only on a terminal that
    takes colours: yellow does not read on white. Control characters go if the stream is a
    terminal, and signs that its encoding lacks have stand-ins.
    """
    stream: TextIO | None = sys.stderr if error else sys.stdout
    if stream is None:  # closed before we started, as with `>&-`
        return
    if stream.isatty():
        text = printable(text)
        text = styled(text, style) if style and color_wanted() else text
    stream.write(writable(text, stream) + "\n")
    stream.flush()


def styled(text: str, style: str) -> str:
    """Return the text with ANSI codes for a style."""
    if style in ("dim", "bold"):
        return click.style(text, dim=style == "dim" or None, bold=style == "bold" or None)
    return click.style(text, fg=style)


def notice(text: str) -> None:
    """Print a sentence about the run on standard error, coloured on a terminal."""
    say(wrapped(text), style="magenta", error=True)


def print_json(document: dict[str, Any]) -> None:
    """Print a JSON document with its schema number as the first field; no sign of it is lost."""
    document = {"schema": SCHEMA, **document}
    text = json.dumps(document, indent=2, ensure_ascii=False)
    say(text if writable(text) == text else json.dumps(document, indent=2))


def print_error(error: HermesError) -> None:
    """Print what happened and, on its own line, what to do, on standard error."""
    say(wrapped(f"Error: {error.message}"), style="red", error=True)
    if error.remedy:
        say(wrapped(error.remedy), error=True)


def wrapped(sentence: str) -> str:
    """Return a sentence for standard error: broken between words on a terminal, else whole."""
    if not is_terminal(sys.stderr):
        return sentence
    from hermes_cli.ui.wrapping import between_words  # here: a pipe does without it

    return between_words(sentence, sys.stderr)


def is_terminal(stream: TextIO | None) -> bool:
    """Say whether a standard stream is there and is a terminal."""
    return stream is not None and not stream.closed and stream.isatty()
