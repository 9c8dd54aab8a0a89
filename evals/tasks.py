"""The tasks: small repositories of ours with a failing check, and how each was solved once."""

import shutil
import tomllib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from agent.errors import UsageError
from kimi_mock.recorded_turns import RecordedAnswer, RecordedSession

FOLDER = Path(__file__).with_name("tasks")


@dataclass(frozen=True, kw_only=True, slots=True)
class Task:
    """
    One repository and what is to be done in it.

    `check` is a line for `sh` that succeeds once it is done; its `$ANSWER` names a file with
    the agent's last words. `tests` are the files that are put back before the check, so that
    nobody passes by changing them. `needs` are programs without which it cannot be tried.
    """

    name: str
    folder: Path
    language: str
    prompt: str
    check: str
    tests: tuple[str, ...] = ()
    needs: tuple[str, ...] = ()

    @property
    def repository(self) -> Path:
        """The directory that is copied for every trial."""
        return self.folder / "repository"

    def missing(self) -> tuple[str, ...]:
        """Return the programs that this machine lacks for it."""
        return tuple(program for program in self.needs if shutil.which(program) is None)

    def recorded(self) -> RecordedSession:
        """Return the session in which it was solved, for the loopback Kimi."""
        answers = _read(self.folder / "recorded.toml")["answers"]
        return RecordedSession(
            prompt=self.prompt, answers=tuple(_recorded_answer(each) for each in answers)
        )


def read_tasks(wanted: Sequence[str] = ()) -> tuple[Task, ...]:
    """
    Return the tasks in order: all, or those with one of the wanted words in their names.

    Raises UsageError for a word that is in none.
    """
    tasks = tuple(_task(folder) for folder in sorted(FOLDER.iterdir()) if folder.is_dir())
    for word in wanted:
        if not any(word in task.name for task in tasks):
            raise UsageError(
                f"No task is called {word}.", remedy="`python -m evals --list` shows them."
            )
    return tuple(task for task in tasks if not wanted or any(word in task.name for word in wanted))


def _task(folder: Path) -> Task:
    fields = _read(folder / "task.toml")
    tests, needs = (tuple(fields.pop(name, ())) for name in ("tests", "needs"))
    return Task(name=folder.name, folder=folder, tests=tests, needs=needs, **fields)


def _recorded_answer(fields: dict[str, Any]) -> RecordedAnswer:
    """Return an answer; each of its calls is written as one tool's name and its arguments."""
    calls = tuple(call for each in fields.pop("calls", ()) for call in each.items())
    return RecordedAnswer(after=tuple(fields.pop("after", ())), calls=calls, **fields)


def _read(path: Path) -> dict[str, Any]:
    return tomllib.loads(path.read_text("utf-8"))
