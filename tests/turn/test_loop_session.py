"""A recorded session with the real tools: it reads, edits, runs and ends, in a real directory."""

import asyncio
import json
import os
from contextlib import closing
from itertools import pairwise
from pathlib import Path

import pytest

from agent.loop_events import LoopEvent, ToolEnded, TurnEnded
from agent.messages import Message, text_of, user
from agent.prompt import Place, system_prompt
from agent.sandbox import Sandbox
from agent.toolbox import tools_for
from agent.tools.base import Workspace
from agent.transport.network import Network
from kimi_mock.replies import Reply
from kimi_mock.server import KimiMock
from tests.turn.acting import events_of, looping, of, results, work
from tests.turn.asking import route

PRICE = "total() { echo $(($1 - $2)); }\n"
CHECK = '. ./price.sh; [ "$(total 2 3)" = 5 ] && echo passed || { echo failed; exit 1; }\n'
SESSION = (
    Reply.calling(("read", {"path": "price.sh"}), ("read", {"path": "check.sh"}), text="I look."),
    Reply.calling(("shell", {"command": "sh check.sh"}), reasoning="It subtracts."),
    Reply.calling(
        ("edit", {"path": "price.sh", "edits": [{"old": "$1 - $2", "new": "$1 + $2"}]}),
        ("shell", {"command": "sh check.sh"}),
    ),
    Reply.streaming({"content": "`total` subtracted; it adds now, and the check passes."}),
)


@pytest.mark.parametrize("wire", ["chat", "messages"])
def test_a_bug_is_found_mended_and_the_check_passes(
    kimi: KimiMock, tmp_path: Path, wire: str
) -> None:
    """Four requests; every prefix is that of the request before, and the file is right."""
    root, scratch = tmp_path / "shop", tmp_path / "scratch"
    root.mkdir()
    scratch.mkdir()
    (root / "price.sh").write_text(PRICE)
    (root / "check.sh").write_text(CHECK)
    kimi.replies += SESSION
    workspace = Workspace(root=root, scratch=scratch, environment={"PATH": os.defpath})
    tools = tools_for(workspace, sandbox=Sandbox(kind="off"), network_for=lambda _: Network())
    prompt = system_prompt(Place(root=root, system="Linux", day="2026-11-22"))

    async def run() -> tuple[list[LoopEvent], list[Message]]:
        with_work = work(*tools, system=prompt)
        async with looping(kimi, with_work, where=route(wire=wire)) as loop:
            with closing(loop):
                loop.say(user("The check fails. Mend it."))
                return await events_of(loop), loop.messages

    events, messages = asyncio.run(run())
    assert events[-1] == TurnEnded(steps=4)
    assert (root / "price.sh").read_text() == PRICE.replace("-", "+")
    failures = [event.outcome.is_error for event in of(events, ToolEnded)]
    assert len(failures) == 5
    assert not any(failures[index] for index in (0, 1, 3, 4))
    told = results(*messages)
    assert "total()" in told[0][0]
    assert "passed" in told[1][0]
    assert "failed" in told[2][0]
    assert "passed" in told[4][0]
    assert text_of(messages[-1]).endswith("the check passes.")
    bodies = [json.loads(request.body) for request in kimi.seen]
    assert len(bodies) == 4
    for earlier, later in pairwise(bodies):
        assert later["tools"] == earlier["tools"]
        assert later.get("system") == earlier.get("system")
        assert later["messages"][: len(earlier["messages"]) - 1] == earlier["messages"][:-1]
