"""Markdown that grows: which of it is finished, so that no later text can change it."""

import re

_FENCE = re.compile(r" {0,3}(`{3,}|~{3,})")


class Blocks:
    """
    An answer as it grows: blocks that no later text can change, and the rest.

    A block ends where a line that is not set in follows a blank one, or where a fence closes.
    """

    def __init__(self) -> None:
        self.rest = ""

    def add(self, text: str) -> list[str]:
        """Take a piece of text and return the blocks that it finished."""
        begins_line = not self.rest or self.rest.endswith("\n")
        self.rest += text
        if "\n" not in text and not begins_line:
            return []
        blocks, at = [], 0
        for end in _ends(self.rest):
            blocks.append(self.rest[at:end])
            at = end
        self.rest = self.rest[at:]
        return [block for block in blocks if block.strip()]

    def end(self) -> str:
        """Return the rest, which is finished now, and begin anew."""
        rest, self.rest = self.rest, ""
        return rest if rest.strip() else ""


def _ends(text: str) -> list[int]:
    """Return the offsets at which a finished block of the text ends."""
    ends: list[int] = []
    fence, was_blank, at = "", False, 0
    for line in text.splitlines(keepends=True):
        opening = _FENCE.match(line)
        is_whole = line.endswith("\n")
        if fence:
            closes = opening is not None and is_whole and _closes(line, fence)
            if closes:
                fence = ""
                ends.append(at + len(line))
        elif was_blank and line.strip() and line[0] not in " \t" and at not in (0, *ends[-1:]):
            ends.append(at)
        if not fence and opening is not None and not (ends and ends[-1] == at + len(line)):
            fence = opening[1]
        was_blank = not fence and is_whole and not line.strip()
        at += len(line)
    return ends


def _closes(line: str, fence: str) -> bool:
    text = line.strip()
    return set(text) == {fence[0]} and len(text) >= len(fence)
