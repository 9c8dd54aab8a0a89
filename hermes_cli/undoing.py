"""Taking a turn's file changes back: where they are kept, and what it would do in lines."""

import difflib
from collections.abc import Sequence
from pathlib import Path

from agent.snapshots import Change, Recorded, Snapshots
from hermes_cli.config import get_hermes_home
from hermes_cli.ui.style import printable

NOT_COVERED = "What commands changed is not covered: only files that were written or edited."
_LARGEST_COUNTED = 500_000


def open_snapshots() -> Snapshots:
    """Return where the files of this home are kept as they were."""
    return Snapshots(get_hermes_home() / "undo")


def told_turn(recorded: Recorded) -> str:
    """Return the sentence over the list: which turn it is."""
    turn = recorded.turn
    what = "the last `hermes undo`" if turn.undone else "the last turn"
    return f"Takes back what {what} did to files, {turn.at.replace('T', ' ')[:16]} UTC:"


def told_changes(changes: Sequence[Change], project: Path) -> list[str]:
    """Return a line for each file: what becomes of it, in lines more and fewer."""
    shown = [printable(_shown(change, project)).replace("\n", " ") for change in changes]
    width = max(map(len, shown), default=0)
    return [
        f"  {name:<{width}}  {_what(change)}" + (f"  ! {change.problem}" if change.problem else "")
        for name, change in zip(shown, changes, strict=True)
    ]


def _shown(change: Change, project: Path) -> str:
    path = change.kept.place
    return str(path.relative_to(project) if path.is_relative_to(project) else path)


def _what(change: Change) -> str:
    if change.then is None and change.now is None:
        return "stays as it is"
    if change.then is None:
        return "is removed"
    if change.now is None:
        return "comes back"
    if change.then == change.now:
        return "has this text already"
    return _count(change.now, change.then)


def _count(now: bytes, then: bytes) -> str:
    """Return how many lines come and go; bytes where it is no text or very long."""
    if b"\0" in now + then or len(now) + len(then) > _LARGEST_COUNTED:
        return f"{len(now):,} → {len(then):,} bytes"
    before, after = (text.decode("utf-8", "replace").splitlines() for text in (now, then))
    found = list(difflib.unified_diff(before, after, n=0, lineterm=""))[2:]
    more = sum(line.startswith("+") for line in found)
    fewer = sum(line.startswith("-") for line in found)
    return f"+{more} -{fewer}"
