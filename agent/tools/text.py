"""Bytes of a file as text and back: encodings, line ends, what is no text, what a name shows."""

import codecs
import difflib
import json
import re
from collections.abc import Iterator

import msgspec

HEAD_BYTES = 8192
"""How much of a file's beginning tells whether it is text."""

LARGEST_DIFF_LINES = 4000
"""Changed regions longer than this are shown as all the old lines, then all the new ones."""


class Encoding(msgspec.Struct, frozen=True):
    """How a file's text is written: a name for people, Python's codec, and the mark before it."""

    name: str
    codec: str
    mark: bytes = b""


UTF_8 = Encoding("UTF-8", "utf-8")
LATIN_1 = Encoding("Latin-1", "latin-1")
_MARKED = (
    Encoding("UTF-8 with a mark", "utf-8", codecs.BOM_UTF8),
    Encoding("UTF-16", "utf-16-le", codecs.BOM_UTF16_LE),
    Encoding("UTF-16", "utf-16-be", codecs.BOM_UTF16_BE),
)
# Backspace, tab, the line ends, form feed and escape stand in texts; other controls do not.
_CONTROLS = re.compile(rb"[\x00-\x07\x0b\x0e-\x1a\x1c-\x1f]")
_KINDS = (
    (b"\x89PNG", "a PNG image"),
    (b"\xff\xd8\xff", "a JPEG image"),
    (b"GIF8", "a GIF image"),
    (b"%PDF", "a PDF"),
    (b"PK\x03\x04", "a zip archive, or a document or package that is one"),
    (b"\x1f\x8b", "gzip data"),
    (b"\x28\xb5\x2f\xfd", "zstd data"),
    (b"\xfd7zXZ", "xz data"),
    (b"\x7fELF", "a program or library"),
    (b"MZ", "a program or library"),
    (b"SQLite format 3", "an SQLite database"),
)


class Text(msgspec.Struct, frozen=True):
    """A file's text, its line ends as they are, and how it is written."""

    text: str
    encoding: Encoding = UTF_8

    @property
    def line_end(self) -> str:
        """The line end that most lines have; `\\n` where there is none."""
        windows = self.text.count("\r\n")
        return "\r\n" if windows * 2 > self.text.count("\n") else "\n"

    def encoded(self) -> bytes:
        """Return the file's bytes. Raises UnicodeEncodeError if the encoding lacks a character."""
        return self.encoding.mark + self.text.encode(self.encoding.codec)


def marked_encoding(head: bytes) -> Encoding | None:
    """Return the encoding that a file's first bytes announce, if they do."""
    return next((each for each in _MARKED if head.startswith(each.mark)), None)


def is_text(head: bytes) -> bool:
    """Say whether a file that begins so is text, in an encoding that is known here."""
    encoding = marked_encoding(head)
    if encoding is not None and encoding.codec != "utf-8":
        # An odd byte may be cut off at the end; UTF-32 shows as zeros.
        return "\0" not in head[2:].decode(encoding.codec, errors="replace")
    return not _CONTROLS.search(head)


def kind_of(head: bytes) -> str:
    """Return what a file that is no text seems to be, by its first bytes."""
    return next((kind for mark, kind in _KINDS if head.startswith(mark)), "binary")


def decoded(content: bytes) -> Text | None:
    """
    Return the text of a whole file, or None if it is none.

    Bytes that are no UTF-8 and announce nothing are taken as Latin-1, which loses none.
    """
    if not is_text(content[:HEAD_BYTES]):
        return None
    encoding = marked_encoding(content) or UTF_8
    try:
        return Text(content[len(encoding.mark) :].decode(encoding.codec), encoding)
    except UnicodeDecodeError:
        return Text(content.decode("latin-1"), LATIN_1) if not encoding.mark else None


def unix_lines(text: str) -> str:
    """Return the text with `\\n` for each `\\r\\n`."""
    return text.replace("\r\n", "\n")


def named(name: str) -> str:
    """
    Return a file's name for a model: as it is, or as a JSON string if a line cannot hold it.

    That is so for line ends and other controls, and for bytes that are no UTF-8.
    """
    return name if name.isprintable() else json.dumps(name)


def shortened(text: str, limit: int) -> str:
    """Return at most `limit` characters of a text, with a note of how many were left out."""
    left_out = len(text) - limit
    return text if left_out <= 0 else f"{text[:limit]}… ({left_out} more characters)"


def counted(number: int, noun: str) -> str:
    """Return `1 line`, `2 lines`."""
    return f"{number:,} {noun}" + ("" if number == 1 else "s")


def unified_diff(before: str, after: str, name: str) -> str:
    """
    Return a unified diff with three lines of context, empty where nothing changed.

    `name` is the file's, in both heads; an empty `before` is a new file. Time is linear in what
    is equal at both ends; a region above LARGEST_DIFF_LINES is shown as replaced whole.
    """
    old, new = _diff_lines(before), _diff_lines(after)
    if old == new:
        return ""
    first = _equal_lines(old, new)
    last = _equal_lines(old[first:][::-1], new[first:][::-1])
    first, last = max(0, first - 3), max(0, last - 3)
    old, new = old[first : len(old) - last], new[first : len(new) - last]
    if len(old) + len(new) > LARGEST_DIFF_LINES:
        hunks = _replaced_whole(old, new, first)
    else:
        hunks = _hunks(old, new, first)
    source = name if before else "/dev/null"
    return f"--- {source}\n+++ {name}\n" + "".join(hunks)


def _diff_lines(text: str) -> list[str]:
    lines = [f"{line}\n" for line in text.split("\n")]
    if lines[-1] == "\n":
        return lines[:-1]
    lines[-1] += "\\ No newline at end of file\n"
    return lines


def _equal_lines(old: list[str], new: list[str]) -> int:
    pairs = zip(old, new, strict=False)
    return next((at for at, (a, b) in enumerate(pairs) if a != b), min(len(old), len(new)))


def _replaced_whole(old: list[str], new: list[str], first: int) -> Iterator[str]:
    yield f"@@ -{first + bool(old)},{len(old)} +{first + bool(new)},{len(new)} @@\n"
    yield from (f"-{line}" for line in old)
    yield from (f"+{line}" for line in new)


def _hunks(old: list[str], new: list[str], first: int) -> Iterator[str]:
    """Yield the hunks of two lists of lines that begin after `first` equal lines."""
    for group in difflib.SequenceMatcher(None, old, new).get_grouped_opcodes(3):
        _, old_from, _, new_from, _ = group[0]
        _, _, old_to, _, new_to = group[-1]
        old_length, new_length = old_to - old_from, new_to - new_from
        yield (
            f"@@ -{first + old_from + bool(old_length)},{old_length}"
            f" +{first + new_from + bool(new_length)},{new_length} @@\n"
        )
        for tag, i1, i2, j1, j2 in group:
            if tag == "equal":
                yield from (f" {line}" for line in old[i1:i2])
                continue
            yield from (f"-{line}" for line in old[i1:i2])
            yield from (f"+{line}" for line in new[j1:j2])
