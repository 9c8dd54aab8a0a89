"""What a command prints, kept without filling memory or disk, and as text for a model."""

import codecs
import os
import re
from collections.abc import Iterator
from pathlib import Path
from threading import Lock

SHOWN_CHARACTERS = 15_000
"""How much of the head, and of the tail, is shown."""

KEPT_BYTES = 8 * 1024 * 1024
"""How much of the head, and of the tail, is kept on disk."""

_IN_MEMORY_BYTES = 4 * SHOWN_CHARACTERS
# ECMA-48: control sequences, strings up to their end (OSC, DCS, …), and other escapes.
_ESCAPES = re.compile(
    r"\x1b\[[0-?]*[ -/]*[@-~]"
    r"|\x1b[\]PX^_][^\x07\x1b]*(?:\x07|\x1b\\|$)"
    r"|\x1b[ -/]*[0-~]?"
)
_CONTROLS = re.compile(r"[\x00-\x08\x0b-\x1f\x7f]")


class Capture:
    """
    The output of one command, while it comes and after.

    The first and the last KEPT_BYTES are in `path` when it is finished, and a line between them
    says how many are missing. `total` counts all bytes. `full` says that the disk took no more:
    what is shown is right, the file is not whole. Threads may add and read at once.
    """

    def __init__(self, path: Path, *, kept_bytes: int = KEPT_BYTES) -> None:
        self.path = path
        self.total = 0
        self.full = False
        self._kept_bytes = kept_bytes
        self._head = bytearray()
        self._tail = bytearray()
        self._ring_path = path.with_suffix(".tail")
        self._file = os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
        self._ring = -1
        self._lock = Lock()

    def add(self, piece: bytes) -> None:
        """Take what came. Never raises: a full disk is noted in `full`."""
        with self._lock:
            if len(self._head) < _IN_MEMORY_BYTES:
                self._head += piece[: _IN_MEMORY_BYTES - len(self._head)]
            self._tail += piece[-_IN_MEMORY_BYTES:]
            if len(self._tail) > 2 * _IN_MEMORY_BYTES:
                del self._tail[:-_IN_MEMORY_BYTES]
            if not self.full:
                try:
                    self._keep(piece)
                except OSError:
                    self.full = True
            self.total += len(piece)

    def finish(self) -> None:
        """Put the last bytes into the file and close it; again is harmless."""
        with self._lock:
            if self._file < 0:
                return
            try:
                if self._ring >= 0:
                    self._put_together()
            except OSError:
                self.full = True
            finally:
                for descriptor in (self._file, self._ring):
                    if descriptor >= 0:
                        os.close(descriptor)
                self._file = self._ring = -1
                self._ring_path.unlink(missing_ok=True)

    def drop(self) -> None:
        """Remove the file of what was shown whole."""
        self.finish()
        self.path.unlink(missing_ok=True)

    @property
    def is_whole(self) -> bool:
        """Say whether `text` is all there is."""
        return self.total <= len(self._head) and len(_plain(self._head)) <= 2 * SHOWN_CHARACTERS

    def text(self) -> str:
        """Return what a model is shown: all of it, or head and tail and where the whole is."""
        with self._lock:
            head, tail = bytes(self._head), bytes(self._tail[-_IN_MEMORY_BYTES:])
        if self.is_whole:
            return _plain(head)
        # Where all is in memory the two halves are of one text; else they may overlap, which
        # only happens just above the limit, and does no harm.
        where = f"the whole is in {self.path}"
        if self.total > 2 * self._kept_bytes:
            kept = f"{self._kept_bytes >> 20} MiB" if self._kept_bytes >> 20 else "bytes"
            where = f"the first and last {kept} are in {self.path}"
        if self.full:
            where = "the disk is full, and the rest was not kept"
        note = f"[… {self.total:,} bytes in all; the middle is left out; {where} …]"
        return f"{_plain(head)[:SHOWN_CHARACTERS]}\n{note}\n{_plain(tail)[-SHOWN_CHARACTERS:]}"

    def since(self, offset: int, limit_bytes: int) -> tuple[str, int, int]:
        """
        Return text from a byte offset on, and the offsets of its first byte and after its last.

        What is no longer kept is skipped: the first offset is then above the one asked for.
        """
        with self._lock:
            offset = min(max(0, offset), self.total)
            oldest = max(self._kept_bytes, self.total - self._kept_bytes)
            if self._kept_bytes <= offset < oldest:
                offset = oldest
            limit = self._kept_bytes if offset < self._kept_bytes else self.total
            wanted = min(limit_bytes, max(limit, offset) - offset, self.total - offset)
            found = b"".join(self._read(offset, wanted))
            # A character of which a part has come waits for the rest.
            at_end = self._file < 0 and offset + len(found) == self.total
        text, used = codecs.utf_8_decode(found, "replace", at_end)
        return plain(text), offset, offset + used

    def _keep(self, piece: bytes) -> None:
        if self._file < 0:
            return
        room = max(0, self._kept_bytes - self.total)
        _write(self._file, piece[:room], self.total)
        rest = piece[room:][-self._kept_bytes :]
        if not rest:
            return
        if self._ring < 0:
            flags = os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC
            self._ring = os.open(self._ring_path, flags, 0o600)
        at = (self.total + len(piece) - len(rest)) % self._kept_bytes
        first = rest[: self._kept_bytes - at]
        _write(self._ring, first, at)
        _write(self._ring, rest[len(first) :], 0)

    def _read(self, offset: int, wanted: int) -> Iterator[bytes]:
        """Yield what is kept of a stretch that lies in the head or in the tail."""
        if self._file < 0:
            yield from self._read_finished(offset, wanted)
        elif offset < self._kept_bytes:
            yield os.pread(self._file, wanted, offset)
        elif self._ring >= 0:
            at = offset % self._kept_bytes
            first = os.pread(self._ring, min(wanted, self._kept_bytes - at), at)
            yield first
            yield os.pread(self._ring, wanted - len(first), 0)

    def _read_finished(self, offset: int, wanted: int) -> Iterator[bytes]:
        try:
            with self.path.open("rb") as file:
                # The tail stands at the file's end, after the line that says what is missing.
                beyond = offset >= self._kept_bytes
                file.seek(offset - self.total if beyond else offset, 2 if beyond else 0)
                yield file.read(wanted)
        except OSError:
            return

    def _put_together(self) -> None:
        tail_bytes = min(self._kept_bytes, self.total - self._kept_bytes)
        missing = self.total - self._kept_bytes - tail_bytes
        at = self._kept_bytes
        if missing:
            note = f"\n[… {missing:,} bytes were not kept …]\n".encode()
            _write(self._file, note, at)
            at += len(note)
        for piece in self._read(self.total - tail_bytes, tail_bytes):
            _write(self._file, piece, at)
            at += len(piece)


def excerpt(text: str, path: Path) -> str:
    """Return a text, or its head and tail with the whole in a file. Raises OSError."""
    if len(text) <= 2 * SHOWN_CHARACTERS:
        return text
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8", errors="replace")
    left_out = len(text) - 2 * SHOWN_CHARACTERS
    note = f"[… {left_out:,} characters are left out; the whole is in {path} …]"
    return f"{text[:SHOWN_CHARACTERS]}\n{note}\n{text[-SHOWN_CHARACTERS:]}"


def plain(text: str) -> str:
    """
    Return a text as a screen would leave it, without what only a screen understands.

    Escape sequences and other controls go; of a line that was printed over, as progress is,
    the last print stays.
    """
    lines = _ESCAPES.sub("", text).split("\n")
    printed = "\n".join(line.rstrip("\r").rpartition("\r")[2] for line in lines)
    return _CONTROLS.sub("", printed)


def _plain(content: bytes | bytearray) -> str:
    return plain(content.decode(errors="replace"))


def _write(descriptor: int, piece: bytes, at: int) -> None:
    while piece:
        written = os.pwrite(descriptor, piece, at)
        piece, at = piece[written:], at + written
