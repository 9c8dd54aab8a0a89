"""
`python -m evals`, which is `make eval`: the agent on small repositories with a failing test each.

The report goes to standard output and to evals/results/, what happens meanwhile to standard
error. Nothing is read from this repository but the tasks; each is tried in a temporary copy.
"""

import argparse
import asyncio
import os
import platform
import sys
from collections.abc import Sequence
from contextlib import ExitStack
from datetime import UTC, datetime
from pathlib import Path

from agent.errors import HermesError, UsageError
from agent.identity import PRODUCT, VERSION
from agent.route import Route
from agent.sandbox import Sandbox
from evals.recorded import playing
from evals.report import costs, table
from evals.tasks import Task, read_tasks
from evals.trial import Bounds, Trial, attempt
from hermes_cli.auth import Flags
from hermes_cli.config import Settings, read_settings
from hermes_cli.runtime_provider import require_key, running_route
from hermes_cli.sandbox import read_sandbox

RESULTS = Path(__file__).with_name("results")
RECORDED = "Recorded answers: this shows that the loop and its tools work, and nothing of a model."


def main(arguments: Sequence[str] | None = None) -> int:
    """Try the tasks and report; return the exit code."""
    options = _parser().parse_args(arguments)
    try:
        tasks = read_tasks(options.only)
        if options.list:
            print("\n".join(f"{task.name:20} {task.language}" for task in tasks))
            return 0
        with ExitStack() as resources:
            if options.recorded:
                resources.enter_context(playing(tasks, plan=options.plan))
            return _evaluate(tasks, options)
    except HermesError as error:
        _say(f"Error: {error.message}")
        if error.remedy:
            _say(error.remedy)
        return error.exit_code


def check_interactive(route: Route, *, allowed: bool) -> None:
    """Raise UsageError for an endpoint that is for interactive use, unless that is allowed."""
    if route.endpoint.interactive_only and not allowed:
        raise UsageError(
            f"{route.endpoint.name} belongs to a membership for interactive personal use, and "
            "twenty tasks in a row are none. Nothing was sent.",
            remedy="`python -m evals --plan --only reading` tries one task all the same; without "
            "`--only` it is all of them.",
        )


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m evals", description=__doc__)
    parser.add_argument("--provider", default="", metavar="ID", help="whom to ask")
    parser.add_argument("--model", default="", metavar="ID", help="which model")
    parser.add_argument("--base-url", default="", metavar="URL", help="where to ask")
    parser.add_argument("--key", default="", metavar="NAME", help="which stored key")
    parser.add_argument(
        "--only", action="append", default=[], metavar="WORD", help="only tasks with it in the name"
    )
    parser.add_argument("--plan", action="store_true", help="use a membership's endpoint, too")
    parser.add_argument(
        "--recorded", action="store_true", help="play recorded answers: no key, no network"
    )
    parser.add_argument("--at-once", type=int, default=1, metavar="N", help="tasks at a time")
    parser.add_argument("--steps", type=int, default=40, metavar="N", help="requests a task")
    parser.add_argument("--seconds", type=float, default=600.0, metavar="N", help="a task")
    parser.add_argument("--results", type=Path, default=RESULTS, metavar="DIR", help="for reports")
    parser.add_argument("--list", action="store_true", help="show the tasks and end")
    return parser


def _evaluate(tasks: Sequence[Task], options: argparse.Namespace) -> int:
    """Try the tasks, print the report and write it; return the exit code."""
    # `python3` is this one, whatever the machine has in its path.
    os.environ["PATH"] = os.pathsep.join((str(Path(sys.executable).parent), os.environ["PATH"]))
    settings = read_settings()
    flags = Flags(
        provider=options.provider,
        model=options.model,
        base_url=options.base_url,
        key=options.key,
        fallback=False,
    )
    bounds = Bounds(steps=options.steps, seconds=options.seconds)
    trials: list[Trial] = []
    failure: HermesError | None = None
    with running_route(flags, settings) as route:
        if route.model_error is not None:
            raise route.model_error
        require_key(route)
        check_interactive(route, allowed=options.plan)
        sandbox = read_sandbox(settings)
        began = datetime.now(UTC)
        running = _Run(route, settings, sandbox, bounds)
        try:
            asyncio.run(running.all(tasks, trials, at_once=max(1, options.at_once)))
        except KeyboardInterrupt:
            _say("Stopped; what is done is reported.")
        except HermesError as error:
            failure = error
    if trials:
        trials.sort(key=lambda trial: trial.task.name)
        heading = RECORDED if options.recorded else _heading(route, sandbox, began, trials)
        report = f"{heading}\n\n{table(trials)}"
        print(report, end="")
        if not options.recorded:
            _write(report, options.results / f"{began:%Y%m%d-%H%M%S}-{_plain(route)}.md")
    if failure is not None:
        raise failure
    return int(options.recorded and not all(trial.solved or trial.skipped for trial in trials))


class _Run:
    """The trials of one Route, some at a time."""

    def __init__(self, route: Route, settings: Settings, sandbox: Sandbox, bounds: Bounds) -> None:
        self._route = route
        self._settings = settings
        self._sandbox = sandbox
        self._bounds = bounds

    async def all(self, tasks: Sequence[Task], trials: list[Trial], *, at_once: int) -> None:
        """Try tasks and add what came of each; the first error that ends all ends the rest."""
        free = asyncio.Semaphore(at_once)

        async def one(task: Task) -> None:
            async with free:
                trial = await attempt(
                    task, self._route, self._settings, self._sandbox, self._bounds
                )
            trials.append(trial)
            _say(_line(trial))

        try:
            async with asyncio.TaskGroup() as group:
                for task in tasks:
                    group.create_task(one(task))
        except* HermesError as errors:
            first = errors.exceptions[0]
            assert isinstance(first, HermesError)  # noqa: S101 - TaskGroup nests none
            raise first from None


def _line(trial: Trial) -> str:
    if trial.skipped:
        return f"{trial.task.name}: skipped. {trial.why}"
    state = "solved" if trial.solved else "not solved"
    why = "" if trial.solved or not trial.why else f" {trial.why}"
    return f"{trial.task.name}: {state}, {trial.steps} steps, {trial.seconds:.1f} s.{why}"


def _heading(route: Route, sandbox: Sandbox, began: datetime, trials: Sequence[Trial]) -> str:
    """Return what was asked where and when, and what it cost."""
    place = f"{route.endpoint.name} {route.base_url.value} ({route.wire.value})"
    lines = [
        f"{began:%Y-%m-%d %H:%M} UTC: {PRODUCT} {VERSION}, {route.model_id_sent} at {place};",
        f"{platform.system()}, Python {platform.python_version()}; sandbox: {sandbox.kind}.",
    ]
    if cost := costs(trials):
        lines.append(f"Cost: {cost}.")
    return "\n".join(lines)


def _plain(route: Route) -> str:
    """Return the model's id as a part of a file's name."""
    return "".join(letter if letter.isalnum() else "-" for letter in route.model_id_sent)


def _write(report: str, path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(report, "utf-8")
    _say(f"Written to {path}.")


def _say(what: str) -> None:
    print(what, file=sys.stderr, flush=True)


if __name__ == "__main__":
    sys.exit(main())
