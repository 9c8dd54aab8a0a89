"""Diffs that are what was changed, names on one line, and what counts as text."""

import re
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent.tools.text import decoded, named, unified_diff

LINES = st.text(alphabet="ab\n", max_size=60)
HEAD = re.compile(r"@@ -(\d+),(\d+) \+(\d+),(\d+) @@\n")


def _applied(before: str, diff: str) -> str:
    """Return a text with a unified diff applied, strictly."""
    old = before.splitlines(keepends=True)
    # The remark is on the line before it, which loses its end.
    lines = diff.replace("\n\\ No newline at end of file\n", "\0\n").splitlines(keepends=True)[2:]
    new: list[str] = []
    at = 0
    for line in lines:
        head = HEAD.fullmatch(line)
        if head:
            start, length = int(head[1]), int(head[2])
            first = start - 1 if length else start
            new += old[at:first]
            at = first
            assert len(new) == int(head[3]) - bool(int(head[4]))
            continue
        text = line[1:].replace("\0\n", "")
        if line[0] != "+":
            assert old[at] == text
            at += 1
        if line[0] != "-":
            new.append(text)
    return "".join(new + old[at:])


@given(LINES, LINES)
def test_a_diff_applied_is_the_new_text(before: str, after: str) -> None:
    """Whatever is changed, what a person is shown is exactly that."""
    diff = unified_diff(before, after, "a")

    assert (diff == "") == (before == after)
    if diff:
        assert _applied(before, diff) == after


def test_a_diff_of_a_long_file_is_short_and_quick() -> None:
    """One line of a hundred thousand; and a file of which every line changed."""
    before = "".join(f"line {number}\n" for number in range(100_000))
    after = before.replace("line 50000\n", "changed\n")
    began = time.monotonic()

    assert unified_diff(before, after, "a") == (
        "--- a\n+++ a\n@@ -49998,7 +49998,7 @@\n line 49997\n line 49998\n line 49999\n"
        "-line 50000\n+changed\n line 50001\n line 50002\n line 50003\n"
    )
    whole = unified_diff(before, before.replace("line", "row"), "a")
    assert whole.startswith("--- a\n+++ a\n@@ -1,100000 +1,100000 @@\n-line 0\n")
    assert time.monotonic() - began < 5


@pytest.mark.parametrize(
    ("name", "shown"),
    [
        ("src/é b.py", "src/é b.py"),
        ("a\nb", '"a\\nb"'),
        ("a\x1b[31m", '"a\\u001b[31m"'),
        ("a\udcff", '"a\\udcff"'),
    ],
)
def test_a_name_stays_on_its_line(name: str, shown: str) -> None:
    """A file's name cannot draw on the terminal or pose as other lines of a result."""
    assert named(name) == shown


@given(st.binary(max_size=60))
def test_what_is_text_comes_back_to_the_byte(content: bytes) -> None:
    """No encoding is guessed that would lose a byte of the file."""
    text = decoded(content)

    assert text is None or text.encoded() == content
