"""What a user should know of the home's files: bad lines, repetitions, open doors, neighbours."""

import stat
import sys
from collections.abc import Sequence
from pathlib import Path

from hermes_cli import storage
from hermes_cli.dotenv import Assignment


def bad_line_notices(path: Path, bad_lines: Sequence[int]) -> list[str]:
    """Return a sentence about the lines of a `.env` that are none; at most five are named."""
    if not bad_lines:
        return []
    numbers = ", ".join(str(number) for number in bad_lines[:5])
    more = f" and {len(bad_lines) - 5} more" if len(bad_lines) > 5 else ""
    return [
        f"{storage.shown(path)}: not NAME=value, so skipped: line {numbers}{more}. "
        f"`{storage.edit_line(path)}` opens the file."
    ]


def repetition_notices(path: Path, assignments: Sequence[Assignment]) -> list[str]:
    """Return a sentence for each line of a `.env` whose variable is set again below."""
    last = {assignment.name: assignment.line for assignment in assignments}
    return [
        f"{storage.shown(path)} line {assignment.line}: {assignment.name} is set again in line "
        f"{last[assignment.name]}, and the last one counts."
        for assignment in assignments
        if assignment.line != last[assignment.name]
    ]


def permission_notices(home: Path) -> list[str]:
    """Return a sentence, with the `chmod`, for each file of the home that is open to others."""
    return [
        f"{storage.shown(path)} {complaint}. `chmod {mode:o} {storage.shell_path(path)}` closes it."
        for path, mode, complaint in open_paths(home)
    ]


def open_paths(home: Path) -> list[tuple[Path, int, str]]:
    """Return each path of the home that is open to others, the mode it should have, and how."""
    if sys.platform == "win32":
        return []
    keys = "holds keys and is open to others on this machine"
    # Others may read settings, but one who writes `base_url` there moves the key.
    checks = (
        (home, 0o077, 0o700, "is open to others on this machine"),
        (home / ".env", 0o077, 0o600, keys),
        (home / "keys.toml", 0o077, 0o600, keys),
        (home / "config.toml", 0o022, 0o600, "can be changed by others on this machine"),
    )
    found = []
    for path, bits, mode, complaint in checks:
        try:
            is_open = stat.S_IMODE(path.stat().st_mode) & bits
        except OSError:
            continue
        if is_open:
            found.append((path, mode, complaint))
    return found


def neighbour_notice(home: Path) -> str:
    """Return a sentence about another program that shares the home, or an empty text."""
    if not (home / "config.yaml").exists():
        return ""
    return (
        f"{storage.shown(home / '.env')} is shared with NousResearch's hermes-agent, whose "
        "config.yaml stands beside it: only the lines you confirm are changed."
    )
