"""What several tests of whole runs share."""

import pytest

from kimi_mock.server import KimiMock
from tests.support.keys import Keys
from tests.support.process import Hermes


@pytest.fixture
def keys(hermes: Hermes, kimi: KimiMock) -> Keys:
    """Command lines in the home that `hermes` has, for what needs no process of its own."""
    return Keys(hermes.home, kimi.environment())
