"""The kinds of file that other programs keep keys in, read as text, JSON, TOML or `.env`."""

import errno
import json
import re
import stat
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from agent.errors import BrokenFile
from hermes_cli import storage
from hermes_cli.dotenv import BOM, parse_variables

# A string stays as it is, so that `//` in a URL is no comment. What is never closed is matched
# too: a search that began anew at every quote would take hours.
_STRING = r'"(?:\\.|[^"\\\n])*+"?'
_COMMENT = re.compile(rf"({_STRING})|//[^\n]*+|/\*(?:[^*]|\*(?!/))*+(?:\*/)?")
_LAST_COMMA = re.compile(rf"({_STRING})|,(?=\s*[}}\]])")
# tomllib took a minute for a dotted key of 900,000 characters (Python 3.11, 2026-11-22).
_LONGEST_LINE = 20_000
_MISSING = (errno.ENOENT, errno.ENOTDIR)


def read_file(path: Path) -> str | None:
    """
    Return the text of another program's file, without a byte order mark; None if it is missing.

    Raises BrokenFile for what is no plain file, cannot be read, is longer than 1 MiB or is not
    UTF-8. Nothing is written, and a pipe is never waited for.
    """
    try:
        mode = path.stat().st_mode
    except (OSError, ValueError) as error:
        if isinstance(error, OSError) and error.errno in _MISSING:
            return None
        said = storage.reason(error) if isinstance(error, OSError) else "its name cannot be one"
        raise _broken(path, f"cannot be read: {said}") from error
    if not stat.S_ISREG(mode):
        raise _broken(path, "is no plain file")
    return storage.read_text(path).removeprefix(BOM)


def is_there(path: Path) -> bool:
    """Say whether something has this name, even if it cannot be looked at; never raises."""
    try:
        return path.is_symlink() or path.exists()
    except OSError:
        return True


def parse_json(text: str, path: Path) -> Mapping[str, Any]:
    """
    Return the object in a JSON text, which may have comments and commas before a closing bracket.

    Raises BrokenFile with the line, and never with a piece of the text.
    """
    plain = _LAST_COMMA.sub(r"\1", _COMMENT.sub(_blank, text))
    try:
        found = json.loads(plain)
    except json.JSONDecodeError as error:
        raise _broken(path, f"is no JSON: line {error.lineno} cannot be read") from None
    except (ValueError, RecursionError):
        raise _broken(path, "is no JSON that can be read here") from None
    if not isinstance(found, Mapping):
        raise _broken(path, "holds no JSON object")
    return found


def parse_toml(text: str, path: Path) -> Mapping[str, Any]:
    """Return the tables of a TOML text. Raises BrokenFile with the line alone."""
    for number, content in enumerate(text.split("\n"), start=1):
        if len(content) > _LONGEST_LINE:
            raise _broken(path, f"is too long in line {number} to be settings")
    try:
        return tomllib.loads(text)
    except (ValueError, RecursionError) as error:
        line = re.search(r"at line (\d+)", str(error))
        place = f": line {line[1]} cannot be read" if line else ""
        raise _broken(path, f"is no TOML{place}") from None


def parse_dotenv(text: str) -> dict[str, tuple[str, int]]:
    """Return variable → (value, line) of a `.env`; the last line of a name counts."""
    assignments, _ = parse_variables(text)
    return {each.name: (each.value, each.line) for each in assignments}


def table(found: object, *names: str) -> Mapping[str, Any]:
    """Return the table at a path of names in a parsed file; empty if there is none."""
    for name in names:
        found = found.get(name) if isinstance(found, Mapping) else None
    return found if isinstance(found, Mapping) else {}


def _blank(match: re.Match[str]) -> str:
    """Return a string as it is, and a comment as the line ends in it, so that lines count."""
    return match[1] or "\n" * match[0].count("\n")


def _broken(path: Path, problem: str) -> BrokenFile:
    return BrokenFile(
        f"{storage.shown(path)} {problem}.", remedy=f"`{storage.look_line(path)}` shows what it is."
    )
