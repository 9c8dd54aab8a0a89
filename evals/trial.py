"""One task, tried once: a copy of its repository, the agent in it, its check before and after."""

import asyncio
import shutil
import tempfile
import time
from contextlib import aclosing
from dataclasses import dataclass, field
from pathlib import Path

from agent.costs import Totals
from agent.errors import RequestRefused
from agent.loop import Loop
from agent.loop_events import StepBegan, ToolEnded, TurnEnded
from agent.messages import text_of, user
from agent.permission import Mode
from agent.route import Route
from agent.sandbox import Area, Sandbox
from agent.sessions import Sessions
from agent.tools.jobs import Job
from evals.tasks import Task
from hermes_cli.agent_session import Wanted, open_session
from hermes_cli.auth import key_variables
from hermes_cli.config import Settings, child_environment, get_hermes_home, get_state_path
from hermes_cli.opening import open_client

CHECK_SECONDS = 60.0
"""How long a check may take."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Bounds:
    """How far the agent may go in one trial: requests, and seconds in all."""

    steps: int
    seconds: float


@dataclass(kw_only=True, slots=True)
class Trial:
    """
    What came of a task.

    `skipped` says that it could not be tried here. `why` is a sentence where it was not solved,
    and may be empty. `calls` are the tools' calls, `failed_calls` those with an error as result;
    `seconds` is the agent's time without the checks.
    """

    task: Task
    solved: bool = False
    skipped: bool = False
    steps: int = 0
    calls: int = 0
    failed_calls: int = 0
    seconds: float = 0.0
    totals: Totals = field(default_factory=Totals)
    why: str = ""


async def attempt(
    task: Task, route: Route, settings: Settings, sandbox: Sandbox, bounds: Bounds
) -> Trial:
    """
    Let the agent try a task in a copy, in the mode `auto`, and check what it did.

    Raises what ends every trial: no key, a key that is refused, no network.
    """
    trial = Trial(task=task)
    if lacking := task.missing():
        trial.skipped, trial.why = True, f"This machine has no {' and no '.join(lacking)}."
        return trial
    with tempfile.TemporaryDirectory(prefix="hermes-eval-") as place:
        copy = _Copy(task, place, sandbox)
        if not await copy.fault():
            trial.why = "Its check passes before anything was done."
            return trial
        wanted = Wanted(directory=copy.repository, with_tools=True, mode=Mode.AUTO)
        session = open_session(open_client(route), settings, wanted)
        compact = session.shortener.compact
        try:
            async with open_client(route, compact=compact) as client:
                session.use(client)
                await _work(trial, session.loop, bounds)
        finally:
            session.close()
            # Its directory is gone in a moment, and the user's list of sessions is no place for it.
            Sessions(get_state_path()).delete(session.id)
        copy.answer.write_text(_last_words(session.loop), "utf-8")
        fault = await copy.fault()
        trial.solved, trial.why = not fault, fault and (trial.why or fault)
    return trial


async def _work(trial: Trial, loop: Loop, bounds: Bounds) -> None:
    """Run one turn, and note what it took and why it ended early, if it did."""
    loop.say(user(trial.task.prompt))
    began = time.monotonic()
    try:
        async with asyncio.timeout(bounds.seconds), aclosing(loop.run()) as events:
            async for event in events:
                match event:
                    case StepBegan(step) if step > bounds.steps:
                        trial.why = f"It was stopped after {bounds.steps} steps."
                        break
                    case StepBegan(step):
                        trial.steps = step
                    case ToolEnded(outcome=outcome):
                        trial.calls += 1
                        trial.failed_calls += outcome.is_error
                    case TurnEnded(stopped=stopped):
                        trial.why = stopped
                    case _:
                        pass
    except TimeoutError:
        trial.why = f"It was stopped after {bounds.seconds:g} seconds."
    except RequestRefused as error:
        trial.why = error.message
    trial.seconds = time.monotonic() - began
    trial.totals = loop.session.totals


def _last_words(loop: Loop) -> str:
    answers = [message for message in loop.messages if message.role == "assistant"]
    return text_of(answers[-1]) if answers else ""


class _Copy:
    """
    A copy of a task's repository, and a file beside it for the agent's last words.

    Its check runs what a model wrote, so it is confined as the model's own commands are.
    """

    def __init__(self, task: Task, folder: str, sandbox: Sandbox) -> None:
        place = Path(folder).resolve()
        self.repository = place / task.name
        self.answer = place / "answer.txt"
        self._task = task
        self._output = place / "check.txt"
        self._temporary = place / "tmp"
        self._temporary.mkdir()
        self._sandbox = sandbox
        shutil.copytree(task.repository, self.repository)
        self.answer.touch()

    async def fault(self) -> str:
        """Put the tests back, run the check, and return the last it said; empty if it passes."""
        for name in self._task.tests:
            path = self.repository / name
            path.unlink(missing_ok=True)
            path.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(self._task.repository / name, path)
        environment = {
            **child_environment(key_variables()),
            "ANSWER": str(self.answer),
            "TMPDIR": str(self._temporary),
            "PYTHONDONTWRITEBYTECODE": "1",
        }
        area = Area(
            writable=(self.repository, self._temporary), private=(get_hermes_home().resolve(),)
        )
        command = ["/bin/sh", "-c", self._task.check]
        spec = self._sandbox.spec(command, self.repository, environment, area)
        job = Job(self._task.check, spec, self._output)
        try:
            await job.wait(CHECK_SECONDS)
        finally:
            job.close()
            job.output.drop()
        if job.ending is not None and job.ending.code == 0:
            return ""
        return (job.output.text().strip().splitlines() or [f"The check ended: {job.ending}."])[-1]
