"""How many requests each command sends: the table of docs/security.md, run row by row."""

import re
from pathlib import Path

from hermes_cli.main import COMMANDS
from kimi_mock.server import KimiMock
from tests.conftest import PLAN_KEY
from tests.support.commands import Here
from tests.support.process import Hermes

PAGE = Path(__file__).resolve().parents[2] / "docs" / "security.md"
ROWS = re.findall(r"^\| `hermes ([^`]+)` \| (\d+) \|", PAGE.read_text(), re.MULTILINE)
READS_INPUT = ("--key-stdin", "--stdin", "-")


def test_the_page_counts_right(hermes: Hermes, kimi: KimiMock) -> None:
    """With a good plan key, in the order of the page; nothing else is even connected to."""
    counted = []
    for line, _ in ROWS:
        arguments = line.split()
        before = len(kimi.seen)
        if set(arguments) & set(READS_INPUT) or arguments[0] in ("chat", "doctor"):
            result = hermes(*arguments, key=PLAN_KEY, stdin=PLAN_KEY)
        else:
            env = hermes.env(key=PLAN_KEY)
            result = Here(hermes.home)(*arguments, env=env)
        assert result.code in (0, 1), (line, result)
        counted.append((line, str(len(kimi.seen) - before)))

    assert counted == ROWS
    assert {line.split()[0] for line, _ in ROWS} == set(COMMANDS) - {"mock"}
    assert {host.partition(":")[0] for host in kimi.connects} == {"api.kimi.com", "api.kimi.ai"}
