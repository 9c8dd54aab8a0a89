"""What several tests of the command line's modules share."""

import pytest

from kimi_mock.server import KimiMock
from tests.support.commands import Here


@pytest.fixture
def online(here: Here, kimi: KimiMock, monkeypatch: pytest.MonkeyPatch) -> KimiMock:
    """The loopback Kimi under the four real host names, for this process."""
    assert not here.home.exists()
    for name, value in kimi.environment().items():
        monkeypatch.setenv(name, value)
    return kimi
