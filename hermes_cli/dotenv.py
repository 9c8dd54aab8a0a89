"""The grammar of `.env`: text to assignments, and changes that keep every other byte; no I/O."""

import re
from collections.abc import Mapping

import msgspec

from agent.errors import ConfigurationError

BOM = "\ufeff"

_ASSIGNMENT = re.compile(
    r"""
    (?P<head> [ \t]*+ (?:export[ \t]++)? (?P<name>[A-Za-z_][A-Za-z0-9_]*+) [ \t]*+ = [ \t]*+ )
    (?P<token>
        '[^']*+'
      | "(?:[^"\\]|\\.)*+"
      | (?!['"]) (?!(?<=[ \t])\#) .+?
      |
    )
    (?P<tail> [ \t]*+ (?: (?<=[ \t])\# .* )? )
    """,
    re.VERBOSE,
)
_CONTROL = re.compile(r"[\x00-\x08\x0a-\x1f\x7f]")
# What every reader of such a file, shells included, takes as it stands and without quotes.
_PLAIN = r"[A-Za-z0-9_./:@%+-][A-Za-z0-9_./:@%+,=-]*"
_REFUSED_IN_VALUES = r"[\x00-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff]"


class Assignment(msgspec.Struct, frozen=True):
    """
    One `NAME=value` of a `.env` file.

    `line` counts from 1. `head` and `tail` are the text of the line before and after the
    value. `repr` never shows the value.
    """

    name: str
    value: str
    line: int
    head: str
    tail: str

    def __repr__(self) -> str:
        """Return the name and the line; the value may be a key."""
        return f"<{self.name} in line {self.line}>"


def parse_variables(text: str) -> tuple[list[Assignment], list[int]]:
    """
    Return the assignments of a `.env` file in their order, and the lines that are none.

    A line is `NAME=value`, with `export ` before it or not, a value in single quotes (as it
    stands), in double quotes (a backslash escapes `\\`, `"`, `$` and a backquote), or bare
    (up to a ` #`); or a comment, or blank. Nothing is expanded and no value spans lines.
    Lines count from 1. A byte order mark and CRLF are taken for what they are.
    """
    assignments: list[Assignment] = []
    bad_lines: list[int] = []
    for number, line in enumerate(text.removeprefix(BOM).split("\n"), start=1):
        body = line.removesuffix("\r")
        match = _ASSIGNMENT.fullmatch(body)
        if match and not _CONTROL.search(body):
            head, name, token, tail = match.group("head", "name", "token", "tail")
            assignments.append(Assignment(name, _unquote(token), number, head, tail))
        elif body.strip() and not body.lstrip().startswith("#"):
            bad_lines.append(number)
    return assignments, bad_lines


def change_variables(text: str, changes: Mapping[str, str | None]) -> str:
    """
    Return a `.env` file's text with the variables set, or removed where the value is None.

    Setting replaces the value of the name's last assignment and drops earlier ones, or
    appends a line. Every other byte stays. Raises ConfigurationError for a name that is
    none, and for a value with line breaks or control characters.
    """
    mark = BOM if text.startswith(BOM) else ""
    lines: list[str | None] = list(re.findall(r"[^\n]*\n|[^\n]+", text.removeprefix(BOM)))
    line_end = "\r\n" if "\r\n" in text else "\n"
    assignments, _ = parse_variables(text)
    added: list[str] = []
    for name, value in changes.items():
        _check_name(name)
        own = [assignment for assignment in assignments if assignment.name == name]
        for assignment in own if value is None else own[:-1]:
            lines[assignment.line - 1] = None
        if value is None:
            continue
        check_value(name, value)
        if not own:
            added.append(f"{name}={_quote(value)}{line_end}")
        elif own[-1].value != value:
            last = own[-1]
            line = lines[last.line - 1] or ""
            ending = line[len(line.rstrip("\r\n")) :]
            # After an empty value the blank before a comment was counted to the head.
            gap = " " if last.tail.startswith("#") else ""
            lines[last.line - 1] = f"{last.head}{_quote(value)}{gap}{last.tail}{ending}"
    kept = "".join(line for line in lines if line is not None)
    if added and kept and not kept.endswith("\n"):
        kept += "\n" if kept.endswith("\r") else line_end
    if not mark and kept.startswith(BOM):
        kept = line_end + kept  # it stood further down, and must not begin to count as the mark
    return mark + kept + "".join(added)


def check_value(name: str, value: str) -> None:
    """Raise ConfigurationError if the value holds a line break or a control character."""
    if re.search(_REFUSED_IN_VALUES, value):
        raise ConfigurationError(
            f"The value for {name} holds a line break or a control character: it was not saved.",
            remedy="Give it again as one line; `hermes setup` asks for it.",
        )


def _check_name(name: str) -> None:
    if not re.fullmatch(r"[A-Za-z_][A-Za-z0-9_]*", name):
        raise ConfigurationError(
            "The name of a variable is letters, digits and underscores, and begins with no digit.",
            remedy="`hermes providers` lists the variables that are read.",
        )


def _unquote(token: str) -> str:
    if token.startswith("'"):
        return token[1:-1]
    if token.startswith('"'):
        return re.sub(r'\\([\\"$`])', r"\1", token[1:-1])
    return token


def _quote(value: str) -> str:
    if not value or re.fullmatch(_PLAIN, value):
        return value
    if "'" not in value:
        return f"'{value}'"
    return '"' + re.sub(r'([\\"$`])', r"\\\1", value) + '"'
