"""One line of the doctor's report: what was looked at, how it stands, and what to do."""

import re
from collections.abc import Callable, Iterable
from enum import Enum
from typing import Literal

import msgspec

from agent.errors import ConfigurationError, HermesError

Part = Literal["key", "route", "network", "endpoint", "account", "files", "versions"]
PARTS: tuple[Part, ...] = (
    "key",
    "route",
    "network",
    "endpoint",
    "account",
    "files",
    "versions",
)
"""The parts, in the order of a request's way; then what stands around it."""
PARTS_AROUND: tuple[Part, ...] = ("files", "versions")
"""The parts that are about no request."""

_EXPLAIN = "`hermes explain` shows every value, and what it beat."
# Everything up to the last full stop behind which a command stands, and the rest.
_WITH_COMMAND = re.compile(r"(.*\.) ([^`]*`[^`]+`.*)", re.DOTALL)

WARNED = 1
"""The exit code with warnings and nothing broken."""


class Level(Enum):
    """How something stands."""

    OK = "ok"
    WARNING = "warning"
    BROKEN = "broken"
    SKIPPED = "skipped"


class Fix(msgspec.Struct, frozen=True):
    """
    What `--fix` can do about a finding: `words` for the user, and the doing.

    `apply` raises OSError, or a HermesError, if it cannot be done.
    """

    words: str
    apply: Callable[[], None]


class Finding(msgspec.Struct, frozen=True, kw_only=True):
    """
    What was found of one subject.

    `remedy` holds a command in backquotes wherever the level is a warning or broken. `kind`
    is the class of the error it comes from, `endpoint` the chat base URL it is about; each
    may be empty.
    """

    part: Part
    subject: str
    level: Level
    sentence: str
    remedy: str = ""
    kind: str = ""
    endpoint: str = ""
    fix: Fix | None = None


def found(part: Part, subject: str, sentence: str, *, endpoint: str = "") -> Finding:
    """Return what is in order."""
    return Finding(part=part, subject=subject, level=Level.OK, sentence=sentence, endpoint=endpoint)


def warned(part: Part, subject: str, sentence: str, remedy: str, *, endpoint: str = "") -> Finding:
    """Return what works and should be looked at."""
    return Finding(
        part=part,
        subject=subject,
        level=Level.WARNING,
        sentence=sentence,
        remedy=remedy,
        endpoint=endpoint,
    )


def broken(part: Part, subject: str, sentence: str, remedy: str, *, endpoint: str = "") -> Finding:
    """Return what keeps requests from being answered."""
    return Finding(
        part=part,
        subject=subject,
        level=Level.BROKEN,
        sentence=sentence,
        remedy=remedy,
        endpoint=endpoint,
    )


def skipped(part: Part, subject: str, sentence: str, *, endpoint: str = "") -> Finding:
    """Return what was not looked at, and why."""
    return Finding(
        part=part, subject=subject, level=Level.SKIPPED, sentence=sentence, endpoint=endpoint
    )


def failed(
    part: Part,
    subject: str,
    error: HermesError,
    *,
    level: Level = Level.BROKEN,
    endpoint: str = "",
) -> Finding:
    """Return an error as a finding, in its own words and with its own remedy."""
    return Finding(
        part=part,
        subject=subject,
        level=level,
        sentence=error.message,
        remedy=error.remedy or _EXPLAIN,
        kind=type(error).__name__,
        endpoint=endpoint,
    )


def of_notice(part: Part, subject: str, notice: str) -> Finding:
    """Return a notice as a warning: its last sentence is the remedy if it holds a command."""
    parts = _WITH_COMMAND.fullmatch(notice)
    sentence, remedy = parts.groups() if parts else (notice, _EXPLAIN)
    return warned(part, subject, sentence, remedy)


def count(findings: Iterable[Finding], level: Level) -> int:
    """Return how many findings are of a level."""
    return sum(finding.level is level for finding in findings)


def exit_code(findings: Iterable[Finding]) -> int:
    """Return 3 if anything is broken, else 1 with a warning, else 0."""
    levels = {finding.level for finding in findings}
    if Level.BROKEN in levels:
        return ConfigurationError.exit_code
    return WARNED if Level.WARNING in levels else 0
