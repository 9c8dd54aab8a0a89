"""The SQLite file of the home, when it is damaged: set aside with a notice, never deleted."""

from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import TypeVar

from agent.database import set_aside
from agent.errors import CorruptFile
from hermes_cli import storage
from hermes_cli.ui.style import notice

T = TypeVar("T")


def read_soundly(path: Path, read: Callable[[], T]) -> T:
    """
    Return what `read` reads of our SQLite file.

    A file that is damaged is set aside as `NAME.broken-YYYYMMDD-HHMMSS` (UTC), which is told
    on standard error at once, and `read` is called again. Raises what `read` raises, and
    CorruptFile if the file cannot be moved away.
    """
    try:
        return read()
    except CorruptFile as damage:
        try:
            _mend(path, read)
        except OSError:
            raise damage from None
    return read()


def _mend(path: Path, read: Callable[[], object]) -> None:
    """Set the file aside, unless another process has done so in the meantime."""
    with storage.locked(path.parent):
        try:
            read()
        except CorruptFile as damage:
            kept = set_aside(path, f"broken-{datetime.now(UTC):%Y%m%d-%H%M%S}")
            notice(
                f"{damage.message} It was set aside as {storage.shown(kept)}, with the "
                "conversations, typed lines and model lists in it, and a new one is begun."
            )
