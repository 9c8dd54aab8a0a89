"""What several tests of the agent's modules share."""

from pathlib import Path

import pytest

from agent.sessions import Sessions


@pytest.fixture
def sessions(tmp_path: Path) -> Sessions:
    """The conversations of a home that does not exist yet."""
    return Sessions(tmp_path / "home" / "x.db")
