"""What is said where nobody was there to be asked: the flag that would have allowed it."""

import asyncio

import pytest

from agent.errors import HermesError
from agent.loop_events import ApprovalWanted
from agent.messages import ToolCall
from agent.permission import Mode
from agent.tools.base import Action
from hermes_cli.approval import Nobody


@pytest.mark.parametrize(
    ("modes", "said"),
    [
        ([Mode.EDIT], "`--yes-edits` allows"),
        ([Mode.AUTO], "`--yes-all` allows these"),
        ([Mode.EDIT, Mode.AUTO], "`--yes-all` allows these"),
        ([Mode.AUTO, None], "`--yes-all` allows a part of these"),
        ([None], "no flag allows these"),
    ],
)
def test_the_flag_that_allows_it_is_named(modes: list[Mode | None], said: str) -> None:
    """`rm x` was refused with "no flag allows these", though `--yes-all` does it."""
    nobody = Nobody()
    for mode in modes:
        asked = ApprovalWanted(
            call=ToolCall("1", "shell", '{"command": "rm x"}'),
            action=Action(kind="run", command="rm x"),
            reason="`rm x` would be run.",
            rule="",
            allowed_in=mode,
        )
        assert not asyncio.run(nobody.decide(asked)).allowed

    with pytest.raises(HermesError) as told:
        nobody.check()

    assert said in told.value.remedy
