"""How many requests each command sends: the table of docs/security.md, run row by row."""

import re
from pathlib import Path

import pytest

from hermes_cli.main import COMMANDS
from kimi_mock.server import KimiMock
from tests.conftest import PLAN_KEY
from tests.support.process import Hermes

pytestmark = pytest.mark.here

PAGE = Path(__file__).resolve().parents[2] / "docs" / "security.md"
ROWS = re.findall(r"^\| `hermes ([^`]+)` \| (\d+) \|", PAGE.read_text(), re.MULTILINE)


def test_the_page_counts_right(hermes: Hermes, kimi: KimiMock) -> None:
    """With a good plan key, in the order of the page; nothing else is even connected to."""
    counted = []
    for line, _ in ROWS:
        before = len(kimi.seen)
        result = hermes(*line.split(), key=PLAN_KEY, stdin=PLAN_KEY)
        assert result.code in (0, 1), (line, result)
        counted.append((line, str(len(kimi.seen) - before)))

    assert counted == ROWS
    assert {line.split()[0] for line, _ in ROWS} == set(COMMANDS) - {"mock"}
    assert {host.partition(":")[0] for host in kimi.connects} == {"api.kimi.com", "api.kimi.ai"}
