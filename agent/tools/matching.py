"""Replacing exact passages of a text, and what to say where there is none, or more than one."""

import difflib
import json
import re
from collections.abc import Sequence
from typing import NamedTuple

from agent.tools.base import ToolError
from agent.tools.text import counted, shortened, unix_lines

LINES_SHOWN = 12
"""How much of the nearest passage is shown."""

_CANDIDATES = 200
_NUMBERED = re.compile(r"^ *\d+\t", re.MULTILINE)


class Place(NamedTuple):
    """Where a passage is: the indices of its first character and of that behind its last."""

    start: int
    end: int


def places(text: str, old: str) -> list[Place]:
    """
    Return where a passage is in a text; they do not overlap.

    A line end of `old`, which has `\\n` only, stands for `\\r\\n` too.
    """
    if "\n" in old and "\r\n" in text:
        pattern = "\r?\n".join(re.escape(line) for line in old.split("\n"))
        return [Place(*match.span()) for match in re.finditer(pattern, text)]
    found = []
    at = text.find(old)
    while at >= 0:
        found.append(Place(at, at + len(old)))
        at = text.find(old, at + len(old))
    return found


def replaced(text: str, found: Sequence[Place], new: str) -> str:
    """Return the text with each place's passage replaced."""
    parts, at = [], 0
    for place in found:
        parts += [text[at : place.start], new]
        at = place.end
    return "".join([*parts, text[at:]])


def line_of(text: str, at: int) -> int:
    """Return the number of the line in which a character stands, from 1."""
    return text.count("\n", 0, at) + 1


def without_numbers(old: str) -> str:
    """Return a passage without the numbers that `read` puts before lines, if each line has one."""
    stripped = _NUMBERED.sub("", old)
    numbered = len(_NUMBERED.findall(old)) == len(old.rstrip("\n").split("\n"))
    return stripped if numbered and stripped else old


def double(text: str, found: Sequence[Place]) -> ToolError:
    """Return what to say of a passage that is there more than once."""
    lines = [str(line_of(text, place.start)) for place in found[:20]]
    more = f" and {len(found) - 20} more" if len(found) > 20 else ""
    return ToolError(
        f"`old` is there {len(found)} times, from the lines {', '.join(lines)}{more}. "
        'Give more of the text around the one you mean, or "all": true.'
    )


def absent(text: str, old: str) -> ToolError:
    """Return what to say of a passage that is not there: the nearest, and how it differs."""
    lines, wanted = unix_lines(text).split("\n"), old.strip("\n").split("\n")
    first = _nearest(lines, wanted)
    if first is None:
        return ToolError("`old` is not in the file, nor anything like it. Read it again.")
    passage = lines[first : first + len(wanted)]
    shown = [
        f"{number}\t{shortened(line, 300)}"
        for number, line in enumerate(passage[:LINES_SHOWN], first + 1)
    ]
    if len(passage) > LINES_SHOWN:
        shown.append(f"({counted(len(passage) - LINES_SHOWN, 'more line')})")
    difference = _difference(passage, wanted, first + 1)
    return ToolError(
        "`old` is not in the file. The nearest passage:\n" + "\n".join(shown) + f"\n{difference}"
    )


def _nearest(lines: Sequence[str], wanted: Sequence[str]) -> int | None:
    """Return the index of the first line of the passage that is most like what is wanted."""
    starts = _same_lines(lines, wanted) or _similar_lines(lines, wanted)
    if not starts:
        return None
    target = "\n".join(line.strip() for line in wanted)[:4000]

    def likeness(first: int) -> float:
        passage = lines[first : first + len(wanted)]
        text = "\n".join(line.strip() for line in passage)[:4000]
        return difflib.SequenceMatcher(None, text, target, autojunk=False).quick_ratio()

    return max(starts, key=likeness)


def _same_lines(lines: Sequence[str], wanted: Sequence[str]) -> list[int]:
    """Return where passages may begin that share a line with what is wanted, spaces apart."""
    at: dict[str, int] = {}
    for index, line in enumerate(wanted):
        if len(line.strip()) > 3:
            at.setdefault(line.strip(), index)
    starts: dict[int, None] = {}
    for number, line in enumerate(lines):
        if line.strip() in at:
            starts[max(0, number - at[line.strip()])] = None
    return list(starts)[:_CANDIDATES]


def _similar_lines(lines: Sequence[str], wanted: Sequence[str]) -> list[int]:
    """Return where passages may begin that share a similar line with what is wanted."""
    longest = max(range(len(wanted)), key=lambda index: len(wanted[index]))
    target = wanted[longest].strip()[:500]
    words = set(re.findall(r"\w{3,}", target))
    sharing = [
        (len(words.intersection(re.findall(r"\w{3,}", line[:1000]))), number)
        for number, line in enumerate(lines)
    ]
    best = sorted((pair for pair in sharing if pair[0]), reverse=True)[:_CANDIDATES]
    compared = difflib.SequenceMatcher(b=target, autojunk=False)
    starts = []
    for _, number in best:
        compared.set_seq1(lines[number].strip()[:500])
        if compared.quick_ratio() >= 0.5 and compared.ratio() >= 0.5:
            starts.append(max(0, number - longest))
    return starts


def _difference(passage: Sequence[str], wanted: Sequence[str], first: int) -> str:
    """Return a sentence on the first line that differs."""
    for number, (have, want) in enumerate(zip(passage, wanted, strict=False), first):
        if have != want:
            spaces = " only in its spaces" if have.split() == want.split() else ""
            return (
                f"Line {number} differs{spaces}: the file has {_quoted(have)}, "
                f"`old` has {_quoted(want)}."
            )
    if len(passage) < len(wanted):
        return f"The file ends there; `old` goes on with {_quoted(wanted[len(passage)])}."
    return "It differs in the empty lines or spaces around it."


def _quoted(line: str) -> str:
    return json.dumps(shortened(line, 300), ensure_ascii=False)
