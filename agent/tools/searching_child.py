"""
A program of its own: searches files for a regular expression, and may be killed at any moment.

Python's expressions can take for ever, and hold the interpreter's lock meanwhile, so that no
thread could end them. It is run by its path without anything of ours around it. Standard input
is one JSON object: `pattern`, `ignore_case`, `context` (lines), `most` (matching lines) and
`paths`. It prints JSON lists, one a line: `["match" | "context", path, line, text]`,
`["large", path]` for a file that is not searched, or `["error", sentence]`.
"""

import json
import re
import sys
from collections.abc import Iterator, Sequence

LARGEST_BYTES = 32 * 1024 * 1024
SHOWN_CHARACTERS = 300


def text_of(content: bytes) -> str:
    """Return a file's text, empty if it is none."""
    if content.startswith((b"\xff\xfe", b"\xfe\xff")):
        return content.decode("utf-16", errors="replace")
    if b"\0" in content[:8192]:
        return ""
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError:
        return content.decode("latin-1")


def cut(line: str, at: int) -> str:
    """Return the part of a line around an index that is shown."""
    if len(line) <= SHOWN_CHARACTERS:
        return line
    first = max(0, min(at - SHOWN_CHARACTERS // 3, len(line) - SHOWN_CHARACTERS))
    last = first + SHOWN_CHARACTERS
    return ("…" if first else "") + line[first:last] + ("…" if last < len(line) else "")


def found_in(
    lines: Sequence[str], pattern: re.Pattern[str], context: int, most: int
) -> Iterator[tuple[str, int, str]]:
    """Yield the kind, number and text of lines that match or stand beside one that does."""
    shown, matches = 0, 0
    for number, line in enumerate(lines):
        match = pattern.search(line)
        if match is None:
            continue
        for beside in range(max(shown, number - context), number):
            yield "context", beside + 1, cut(lines[beside], 0)
        yield "match", number + 1, cut(line, match.start())
        shown = number + 1
        matches += 1
        if matches == most:
            return
        # The lines after a match are shown until the next one that matches.
        for beside in range(shown, min(len(lines), number + 1 + context)):
            if pattern.search(lines[beside]):
                break
            yield "context", beside + 1, cut(lines[beside], 0)
            shown = beside + 1


def say(*record: object) -> None:
    """Print a record at once: a kill must not lose it."""
    sys.stdout.write(json.dumps(record) + "\n")
    sys.stdout.flush()


def search(path: str, pattern: re.Pattern[str], context: int, most: int) -> int:
    """Print what matches in a file; return how many lines did."""
    try:
        with open(path, "rb") as file:  # noqa: PTH123 - a name may be no valid text
            content = file.read(LARGEST_BYTES + 1)
    except OSError:
        return 0
    if len(content) > LARGEST_BYTES:
        say("large", path)
        return 0
    text = text_of(content).replace("\r\n", "\n")
    lines = text.removesuffix("\n").split("\n") if text else []
    matches = 0
    for kind, number, line in found_in(lines, pattern, context, most):
        say(kind, path, number, line)
        matches += kind == "match"
    return matches


def main() -> None:
    """Search as standard input says."""
    wanted = json.load(sys.stdin)
    try:
        pattern = re.compile(wanted["pattern"], re.IGNORECASE if wanted["ignore_case"] else 0)
    except (re.error, OverflowError, RecursionError) as error:
        say("error", str(error))
        return
    left = wanted["most"]
    for path in wanted["paths"]:
        left -= search(path, pattern, wanted["context"], left)
        if left <= 0:
            return


if __name__ == "__main__":
    main()
