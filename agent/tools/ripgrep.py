"""ripgrep, where it is installed: the same files and the same answers as our own search."""

import os
from base64 import b64decode
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Literal

import msgspec

from agent.sandbox import program_outside
from agent.tools.base import Workspace
from agent.tools.records import Program
from agent.tools.tree import in_repository

# What our own walk leaves out, and nothing by the user's settings or a file of ripgrep's own.
_SAME_FILES = (
    "--no-config",
    "--no-messages",
    "--hidden",
    "--no-ignore-global",
    "--no-ignore-dot",
    "--glob=!.git",
)


class Line(msgspec.Struct, frozen=True):
    """A line that matched, or beside one that did: its file's path, number and text."""

    kind: str
    path: str
    number: int
    text: str
    at: int = 0
    """The index of the first character that matched."""


class _Text(msgspec.Struct):
    text: str | None = None
    base64: str = msgspec.field(default="", name="bytes")

    def bare(self) -> bytes:
        """Return the bytes: text where they are UTF-8, else base64."""
        return b64decode(self.base64) if self.text is None else self.text.encode()


class _Part(msgspec.Struct):
    start: int = 0


class _Found(msgspec.Struct):
    path: _Text = msgspec.field(default_factory=_Text)
    lines: _Text = msgspec.field(default_factory=_Text)
    line_number: int | None = None
    binary_offset: int | None = None
    submatches: list[_Part] = msgspec.field(default_factory=list)


class _Record(msgspec.Struct):
    type: Literal["begin", "match", "context", "end", "summary"]
    data: _Found


def installed(workspace: Workspace) -> str:
    """Return the path of `rg` on the workspace's PATH, but not in it, or an empty text."""
    return program_outside(workspace.root, "rg", workspace.environment.get("PATH"))


def listing(program: str, workspace: Workspace, start: Path) -> Program:
    """Return the program that prints the files below a directory, each with a zero byte behind."""
    return Program(
        command=(program, "--files", "--null", *_same_files(start)),
        directory=start,
        environment=workspace.environment,
        end=b"\0",
    )


def searching(
    program: str, start: Path, options: Sequence[str], paths: Sequence[str]
) -> tuple[str, ...]:
    """
    Return the command that prints what matches, for `lines`.

    `paths` are files, or the directory `start` itself, relative to it.
    """
    ours = ("--json", "--crlf", "--sort=path", "--max-filesize=32M", *_same_files(start))
    return (program, *ours, *options, "--", *paths)


def _same_files(start: Path) -> tuple[str, ...]:
    # With the option it would go on above the top of a repository.
    return _SAME_FILES if in_repository(start) else ("--no-require-git", *_SAME_FILES)


def lines(records: Iterable[bytes]) -> list[Line]:
    """Return the lines that records tell of, by their paths; none of a file that is no text."""
    found: dict[str, list[Line]] = {}
    for record in records:
        try:
            read = msgspec.json.decode(record, type=_Record)
        except msgspec.DecodeError:
            continue
        path = os.fsdecode(read.data.path.bare()).removeprefix("./")
        if read.type == "end" and read.data.binary_offset is not None:
            # A file that is named to it, `rg` searches up to its first zero byte.
            found.pop(path, None)
        elif read.type in ("match", "context"):
            found.setdefault(path, []).append(_line(read, path))
    return [line for path in sorted(found, key=_parts) for line in found[path]]


def _line(read: _Record, path: str) -> Line:
    content = read.data.lines.bare()
    start = read.data.submatches[0].start if read.data.submatches else 0
    text, before = _decoded(content), _decoded(content[:start])
    return Line(read.type, path, read.data.line_number or 0, text.rstrip("\r\n"), len(before))


def _parts(path: str) -> list[str]:
    """Return what paths are put in order by: a directory's files stay together."""
    return path.split("/")


def _decoded(content: bytes) -> str:
    try:
        return content.decode()
    except UnicodeDecodeError:
        return content.decode("latin-1")
