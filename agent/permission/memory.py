"""What a person allowed for good in a project, in the SQLite file of the home."""

import os
from collections.abc import Callable
from contextlib import AbstractContextManager
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from agent.database import opened, rows
from agent.permission.rules import Rule, WrongRule, parse_rule

if TYPE_CHECKING:
    import sqlite3

_SCHEMA = """
create table if not exists permissions (
    project blob not null, rule text not null, at text not null, primary key (project, rule));
"""


def _now() -> datetime:
    return datetime.now(UTC)


class Memory:
    """
    The rules that were allowed in one project, a directory; nothing is read from it.

    `path` is the SQLite file, which is made with the first rule. All methods raise BrokenFile
    if it cannot be used.
    """

    def __init__(self, path: Path, project: Path, *, clock: Callable[[], datetime] = _now) -> None:
        self._path = path
        self._project = os.fsencode(project)
        self._clock = clock

    def rules(self) -> tuple[Rule, ...]:
        """Return the rules, oldest first; what no longer can be read is left out."""
        if not self._path.exists():
            return ()
        query = "select project, rule from permissions order by at, rule"
        with self._open() as database:
            found = [
                text
                for project, text in rows(database, query, bytes, str)
                if project == self._project
            ]
        kept = []
        for text in found:
            try:
                kept.append(parse_rule(text))
            except WrongRule:
                continue
        return tuple(kept)

    def add(self, rule: Rule) -> None:
        """Keep a rule."""
        at = self._clock().isoformat(timespec="seconds")
        with self._open() as database:
            database.execute(
                "insert or ignore into permissions (project, rule, at) values (?, ?, ?)",
                (self._project, str(rule), at),
            )

    def forget(self, rule: Rule | None = None) -> int:
        """Drop a rule, or all of them; return how many there were."""
        if not self._path.exists():
            return 0
        with self._open() as database:
            done = database.execute(
                "delete from permissions where project = ? and (? is null or rule = ?)",
                (self._project, rule and str(rule), rule and str(rule)),
            )
            return done.rowcount

    def _open(self) -> "AbstractContextManager[sqlite3.Connection]":
        return opened(self._path, _SCHEMA)
