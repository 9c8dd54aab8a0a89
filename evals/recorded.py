"""The loopback Kimi as the endpoint, with the recorded sessions: no key and no network."""

import os
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from agent.catalog import PROVIDERS
from evals.tasks import Task
from kimi_mock.server import KimiMock
from kimi_mock.surfaces import KIMI_CODE, MOONSHOT


@contextmanager
def playing(tasks: Sequence[Task], *, plan: bool) -> Iterator[None]:
    """
    Lead this process to a loopback Kimi that plays the tasks' sessions, with a home of its own.

    `plan` takes the plan's key and not the open platform's. The environment is put back at the
    end.
    """
    surface = KIMI_CODE if plan else MOONSHOT
    before = dict(os.environ)
    with tempfile.TemporaryDirectory(prefix="hermes-eval-home-") as home, KimiMock() as kimi:
        kimi.sessions += [task.recorded() for task in tasks]
        kimi.count_tokens = True
        for row in PROVIDERS:
            for name in (*row.key_variables, row.base_url_variable):
                os.environ.pop(name, None)
        os.environ.update(kimi.environment())
        os.environ["HERMES_HOME"] = str(Path(home) / ".hermes")
        os.environ[PROVIDERS[0].key_variables[0]] = surface.key
        try:
            yield
        finally:
            os.environ.clear()
            os.environ.update(before)
