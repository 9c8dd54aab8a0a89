"""What several tests of the command line's modules share."""

from collections.abc import Iterator

import pytest

from kimi_mock.server import KimiMock
from tests.support.commands import Here


@pytest.fixture
def entered(here: Here) -> Iterator[Here]:
    """The home of this process itself: for functions that read the environment."""
    with here.environment({}):
        yield here


@pytest.fixture
def online(entered: Here, kimi: KimiMock, monkeypatch: pytest.MonkeyPatch) -> KimiMock:
    """The loopback Kimi under the four real host names, for this process."""
    assert not entered.home.exists()
    for name, value in kimi.environment().items():
        monkeypatch.setenv(name, value)
    return kimi
