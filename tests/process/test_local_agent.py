"""The agent on a real model without a key: the embedded one reads a file and says what it holds."""

import asyncio
import json
from pathlib import Path

import pytest
from msgspec.structs import replace

from agent.catalog.local import LOCAL
from agent.choice import Chosen, Origin
from agent.client import Client
from agent.errors import LocalModelMissing
from agent.events import RequestSent
from agent.learnt import Facts
from agent.local_server import LocalServer, find_model
from agent.loop import Loop, Work
from agent.loop_events import LoopEvent, TurnEnded
from agent.messages import Message, calls_of, text_of, user
from agent.prompt import Place, system_prompt
from agent.route import Wishes, resolve
from agent.sandbox import Sandbox
from agent.toolbox import tools_for
from agent.tools.base import Workspace
from agent.transport.network import Network
from tests.turn.acting import ByName, events_of, of

# The words of a small model depend on every byte before them: nothing of this run is in them.
PROMPT = system_prompt(Place(root=Path("/workspace"), system="Linux", day="2026-11-22"))


# Reading the descriptions is most of its time; `hermes chat --tools` offers it all of them.
OFFERED = ("read", "write")


@pytest.mark.local_model
def test_the_embedded_model_reads_a_file_and_says_what_it_holds(tmp_path: Path) -> None:
    """Two tools are offered: it calls `read` with the path, and answers from the result."""
    (tmp_path / "notes.txt").write_text("The meeting is on Friday at ten.\n")
    try:
        model_file = find_model()
    except LocalModelMissing as missing:
        pytest.skip(f"{missing.message} {missing.remedy}")
    route = resolve(Chosen(LOCAL, Origin.DEFAULT, "test"), Wishes(), Facts())
    workspace = Workspace(root=tmp_path.resolve(), scratch=tmp_path)
    every = tools_for(workspace, sandbox=Sandbox(kind="off"), network_for=lambda _: Network())
    tools = tuple(each for each in every if each.tool.name in OFFERED)

    async def run(server: LocalServer) -> tuple[list[LoopEvent], list[Message]]:
        endpoint = replace(route.endpoint, base_urls=(("chat", server.base_url),))
        url = Chosen(server.base_url, Origin.DEFAULT, "test")
        key = Chosen(server.key, Origin.DEFAULT, "test")
        async with Client(replace(route, endpoint=endpoint, base_url=url, key=key)) as client:
            loop = Loop(client, Work(tools=tools, permission=ByName(), system=PROMPT))
            loop.say(user("Read the file notes.txt."))
            events = await events_of(loop)
            loop.close()
            return events, loop.messages

    window = route.window.value
    with LocalServer.start(model_file, environment={}, context_tokens=window) as server:
        events, messages = asyncio.run(run(server))
    [call] = calls_of(messages[1])
    assert (call.name, json.loads(call.arguments)) == ("read", {"path": "notes.txt"})
    assert "Friday at ten" in text_of(messages[-1])
    assert events[-1] == TurnEnded(steps=2)
    bodies = [json.loads(event.body) for event in of(events, RequestSent)]
    assert [body["temperature"] for body in bodies] == [0.0, 0.0]
