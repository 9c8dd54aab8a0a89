"""`python -m evals`: the tasks, each solved by its recorded session, and who may be asked."""

import subprocess
import sys
from collections import Counter
from pathlib import Path

import pytest

from evals.tasks import read_tasks
from kimi_mock.server import KimiMock
from tests.conftest import PLAN_KEY
from tests.support.process import Hermes, Result

ROOT = Path(__file__).resolve().parents[2]


def evaluate(hermes: Hermes, *arguments: str, key: str = "", seconds: float = 60) -> Result:
    """Run the tasks as `make eval` does, from the repository, and with a home of our own."""
    done = subprocess.run(
        [sys.executable, "-m", "evals", *arguments],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        env=hermes.env(key=key),
        cwd=ROOT,
        timeout=seconds,
        check=False,
    )
    return Result(done.stdout, done.stderr, done.returncode)


def rows(report: str) -> dict[str, list[str]]:
    """Return the cells of a report's lines by the first of each."""
    lines = [line for line in report.splitlines() if line.startswith("| ")]
    cells = [[cell.strip() for cell in line.strip("|").split("|")] for line in lines]
    return {line[0]: line[1:] for line in cells}


def test_there_are_twenty_tasks_in_several_languages_and_one_reading() -> None:
    """Each has a check, and its tests are files of its repository that are put back."""
    reading, *tasks = read_tasks()

    assert reading.name == "00-reading"
    assert len(tasks) == 20
    languages = Counter(task.language for task in tasks)
    assert len(languages) >= 8
    for task in tasks:
        assert task.tests, task.name
        assert all((task.repository / name).is_file() for name in task.tests), task.name


def test_the_recorded_sessions_solve_every_task(offline: Hermes) -> None:
    """
    Without a key and a network: each check fails before, and passes after the session.

    The sessions go by what the tools gave, so a tool that gives something else shows here.
    Tasks of languages that this machine lacks are skipped, and said to be.
    """
    result = evaluate(offline, "--recorded", "--at-once", "3")

    assert result.code == 0, result.stderr
    tasks = read_tasks()
    found = rows(result.stdout)
    for task in tasks:
        assert found[task.name][1] == ("skipped" if task.missing() else "yes"), result.stdout
    tried = [task for task in tasks if not task.missing()]
    total = found[f"{len(tried)} tried"]
    assert total[1] == f"{len(tried)} of {len(tried)}"
    assert total[4] == "0", "a call of a recorded session failed"
    # The prefix stays the same to the byte, so most of it comes from the cache.
    assert int(total[6].removesuffix("%")) > 50
    assert not offline.home.exists()


def test_a_memberships_endpoint_is_refused(hermes: Hermes, kimi: KimiMock) -> None:
    """Plans are for interactive personal use: nothing is sent without `--plan`."""
    result = evaluate(hermes, key=PLAN_KEY)

    assert (result.code, result.stdout) == (2, "")
    assert "for interactive personal use" in result.stderr
    assert "`python -m evals --plan --only reading` tries one task all the same" in result.stderr
    assert kimi.seen == []


def test_a_plan_is_used_if_that_is_wanted(hermes: Hermes, kimi: KimiMock, tmp_path: Path) -> None:
    """
    The gate moves the session to the messages wire, where it is solved as well.

    The task that nobody recorded is not solved: the report says what its check said last. The
    session is not left in the user's list, the report is left where it was wanted.
    """
    kimi.sessions += [task.recorded() for task in read_tasks(["slug"])]
    options = ("--plan", "--only", "slug", "--only", "shares", "--results", str(tmp_path))

    result = evaluate(hermes, *options, key=PLAN_KEY)

    assert result.code == 0, result.stderr
    assert kimi.seen[-1].path == "/coding/v1/messages"
    found = rows(result.stdout)
    assert found["01-slug"][1] == "yes"
    assert found["02-shares"][1] == "NO"
    assert "- 02-shares: AssertionError" in result.stdout
    assert found["2 tried"][1] == "1 of 2"
    [report] = tmp_path.glob("*.md")
    assert report.read_text() == result.stdout
    assert hermes("sessions", "--all").stdout == "There is no conversation yet.\n"


@pytest.mark.local_model
def test_the_embedded_model_reads(offline: Hermes, tmp_path: Path) -> None:
    """A real model, without a key: it calls `read`, and answers with what the file says."""
    options = ("--provider", "local", "--only", "reading", "--results", str(tmp_path))

    result = evaluate(offline, *options, seconds=240)

    assert result.code == 0, result.stderr
    assert rows(result.stdout)["00-reading"][1] == "yes", result.stdout
