"""Some lines of a file, however large it is, without the rest in memory."""

import codecs
import io
from typing import BinaryIO

import msgspec

from agent.tools.files import Stopped
from agent.tools.text import LATIN_1, UTF_8, Encoding

LINE_CHARACTERS = 2000
"""What is shown of a line."""

STRETCH_CHARACTERS = 30_000
"""What is shown of a file at once."""

COUNTED_BYTES = 64 * 1024 * 1024
"""How far the lines after a stretch are counted."""

_LINE_BYTES = LINE_CHARACTERS * 4
_CHUNK_BYTES = 1024 * 1024


class Stretch(msgspec.Struct):
    """
    Lines of a file, from the line `first` (1 is the file's first), without their ends.

    `total` is the number of lines in the file, or None if that was not counted to the end.
    `line_ends` are those that were seen.
    `ends_with_line` says that the file's last byte is a line end; it is True where unknown.
    """

    first: int
    lines: list[str] = msgspec.field(default_factory=list)
    total: int | None = None
    line_ends: set[str] = msgspec.field(default_factory=set)
    encoding: Encoding = UTF_8
    ends_with_line: bool = True

    @property
    def last(self) -> int:
        """The number of the last line that is shown."""
        return self.first + len(self.lines) - 1


def in_utf_8(file: BinaryIO, encoding: Encoding) -> BinaryIO:
    """Return the rest of a file as UTF-8; one in UTF-16 is held in memory. Closes nothing."""
    if encoding.codec == "utf-8":
        return file
    return io.BytesIO(file.read().decode(encoding.codec, errors="replace").encode())


def read_stretch(file: BinaryIO, first: int, limit: int, stopped: Stopped) -> Stretch:
    """
    Return at most `limit` lines from the line `first`, at most STRETCH_CHARACTERS in all.

    `file` is in UTF-8 or, which is found out, in Latin-1, and stands at its first line. A file
    with fewer lines gives none, and `total`. Raises OSError.
    """
    shown = Stretch(first)
    before = _skip_lines(file, first - 1, stopped)
    if before < first - 1:
        shown.total = before
        return shown
    characters = 0
    while len(shown.lines) < limit and not stopped():
        began = file.tell()
        line = file.readline(_LINE_BYTES)
        if not line:
            break
        length, ended = _rest_of_line(file, line, stopped)
        text = _line(shown, line, whole=length == len(line))
        if len(text) > LINE_CHARACTERS or length > len(line):
            text = f"{text[:LINE_CHARACTERS]}… (the line has {length:,} bytes)"
        characters += len(text) + 1
        if characters > STRETCH_CHARACTERS:
            file.seek(began)
            break
        shown.lines.append(text)
        shown.ends_with_line = ended
    _count_rest(file, shown, stopped)
    return shown


def _skip_lines(file: BinaryIO, wanted: int, stopped: Stopped) -> int:
    """Go behind the given number of lines; return how many there were, at most that."""
    seen = 0
    ended = True
    while seen < wanted and not stopped():
        began = file.tell()
        chunk = file.read(_CHUNK_BYTES)
        if not chunk:
            return seen if ended else seen + 1
        found = chunk.count(b"\n")
        ended = chunk.endswith(b"\n")
        if seen + found < wanted:
            seen += found
            continue
        at = 0
        while seen < wanted:
            at = chunk.index(b"\n", at) + 1
            seen += 1
        file.seek(began + at)
    return seen


def _line(shown: Stretch, line: bytes, *, whole: bool) -> str:
    """Return the text of a line, or of its first bytes, without its end."""
    if line.endswith(b"\n"):
        end = b"\r\n" if line.endswith(b"\r\n") else b"\n"
        shown.line_ends.add(end.decode())
        line = line[: -len(end)]
    text = ""
    if shown.encoding is UTF_8:
        try:
            text = codecs.getincrementaldecoder("utf-8")().decode(line, final=whole)
        except UnicodeDecodeError:
            shown.encoding = LATIN_1
    if shown.encoding is LATIN_1:
        text = line.decode("latin-1")
    return text


def _rest_of_line(file: BinaryIO, line: bytes, stopped: Stopped) -> tuple[int, bool]:
    """Go on to a line's end; return its length in bytes, and whether it has an end."""
    length = len(line)
    while line and not line.endswith(b"\n") and not stopped():
        line = file.readline(_CHUNK_BYTES)
        length += len(line)
    return length, line.endswith(b"\n")


def _count_rest(file: BinaryIO, shown: Stretch, stopped: Stopped) -> None:
    total = shown.last
    last = b"\n" if shown.ends_with_line else b""
    counted = 0
    while counted < COUNTED_BYTES and not stopped():
        chunk = file.read(_CHUNK_BYTES)
        if not chunk:
            shown.ends_with_line = last == b"\n"
            shown.total = total + (counted > 0 and last != b"\n")
            return
        counted += len(chunk)
        total += chunk.count(b"\n")
        last = chunk[-1:]
