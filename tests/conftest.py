"""The levers a person has, as fixtures: a home, a key in the environment, a server that answers."""

import os
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest

from kimi_mock.server import KimiMock
from tests.support.commands import Here, HermesHere
from tests.support.process import NO_NETWORK, Hermes, bare_environment

PLAN_KEY = "sk-kimi-mock-code-0001"
GLOBAL_KEY = "sk-kimi-mock-global-0002"
PLATFORM_KEY = "sk-mock-platform-0003"
CHINA_KEY = "sk-mock-china-0004"


@pytest.fixture(scope="session", autouse=True)
def _no_live_host() -> Iterator[None]:
    """Nothing in the test process itself reaches a live host either: the proxy is a closed port."""
    before = {name: os.environ.get(name) for name in NO_NETWORK}
    os.environ.update(NO_NETWORK)
    yield
    for name, value in before.items():
        if value is None:
            del os.environ[name]
        else:
            os.environ[name] = value


@pytest.fixture(scope="session", autouse=True)
def _interruptible() -> Iterator[None]:
    """A run in the background of a shell ignores Ctrl-C, and its children would inherit that."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


@pytest.fixture(autouse=True)
def _one_core(request: pytest.FixtureRequest, worker_id: str) -> Iterator[None]:
    """Give the embedded model one core: on a busy machine more threads only wait for each other."""
    wanted = request.node.get_closest_marker("local_model") and hasattr(os, "sched_setaffinity")
    if not wanted:
        yield
        return
    cores = os.sched_getaffinity(0)
    number = int(worker_id.removeprefix("gw")) if worker_id.startswith("gw") else 0
    os.sched_setaffinity(0, {sorted(cores)[number % len(cores)]})
    yield
    os.sched_setaffinity(0, cores)


@pytest.fixture(scope="session")
def running_mock() -> Iterator[KimiMock]:
    """One loopback Kimi for the whole run of a worker."""
    with KimiMock() as mock:
        yield mock


@pytest.fixture
def kimi(running_mock: KimiMock) -> KimiMock:
    """The loopback Kimi with nothing seen and all its defaults."""
    running_mock.reset()
    return running_mock


@pytest.fixture
def home(tmp_path: Path) -> Path:
    """The path of a `$HERMES_HOME` that does not exist yet."""
    return tmp_path / "home" / ".hermes"


@pytest.fixture
def here(home: Path) -> Here:
    """Command lines in this process, in that home: quick, for tables of many cases."""
    return Here(home)


@pytest.fixture
def offline(home: Path, request: pytest.FixtureRequest) -> Hermes:
    """`hermes` without a network: a process each run, or none where the mark `here` says so."""
    home.parent.mkdir(parents=True)
    kind = HermesHere if request.node.get_closest_marker("here") else Hermes
    return kind(home, bare_environment(home))


@pytest.fixture
def hermes(offline: Hermes, kimi: KimiMock) -> Hermes:
    """The same, with the loopback Kimi under the four real host names."""
    offline.environment.update(kimi.environment())
    return offline
