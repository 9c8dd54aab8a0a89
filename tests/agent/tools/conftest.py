"""What several tests of the tools share."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from agent.tools.shell import Shell
from tests.agent.tools.sandboxes import HERE
from tests.agent.tools.shells import shell_in


@pytest.fixture(params=HERE)
def shell(tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[Shell]:
    """A shell, confined as this machine can and by bubblewrap, closed at the end."""
    found = shell_in(tmp_path, request.param)
    yield found
    found.close()
