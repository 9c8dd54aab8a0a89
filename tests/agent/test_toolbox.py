"""The tools of a session: how many bytes they and the system prompt cost on each wire."""

import json
from pathlib import Path
from typing import Any

import pytest

from agent.catalog.kimi import KIMI
from agent.messages import Message, TextPart, Tool, user
from agent.prompt import Place, system_prompt
from agent.sandbox import Sandbox
from agent.toolbox import definitions, tools_for
from agent.tools.base import BaseTool, Workspace
from agent.transport.network import Network
from agent.wire.base import Shape
from agent.wire.chat_request import chat_body
from agent.wire.messages_request import messages_body

MOST_BYTES = 6_000
PLACE = Place(root=Path("/home/somebody/projects/a-project"), system="Linux", day="2026-11-22")


def direct(_: str) -> Network:
    """Return the way out without a proxy."""
    return Network()


@pytest.fixture
def tools(tmp_path: Path) -> tuple[BaseTool[Any], ...]:
    """The tools of a session in an empty directory."""
    workspace = Workspace(root=tmp_path, scratch=tmp_path)
    return tools_for(workspace, sandbox=Sandbox(kind="off"), network_for=direct)


def request(wire: str, tools: tuple[Tool, ...], endpoint_quirks: frozenset[str]) -> dict[str, Any]:
    """Return the body of a first request."""
    conversation = (Message("system", (TextPart(system_prompt(PLACE)),)), user("hi"))
    body = chat_body if wire == "chat" else messages_body
    shape = Shape(model="m", quirks=endpoint_quirks, budget_tokens=1_024)
    sent: dict[str, Any] = json.loads(body(conversation, shape, tools=tools))
    return sent


def compact(value: object) -> bytes:
    """Return JSON as it stands in the body."""
    return json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode()


@pytest.mark.parametrize("wire", ["chat", "messages"])
@pytest.mark.parametrize("endpoint", KIMI.endpoints, ids=lambda endpoint: endpoint.id)
def test_prompt_and_tools_are_within_their_bytes(
    tools: tuple[BaseTool[Any], ...], wire: str, endpoint: Any
) -> None:
    """As they stand in the body, in each endpoint's dialect of schemas: at most 6,000 bytes."""
    sent = request(wire, definitions(tools), endpoint.quirks)
    prompt = sent["messages"][0] if wire == "chat" else sent["system"]
    cost = len(compact(sent["tools"])) + len(compact(prompt))
    assert len(sent["tools"]) == 9
    assert 2_000 < cost <= MOST_BYTES


def test_the_order_and_the_words_never_change(
    tools: tuple[BaseTool[Any], ...], tmp_path: Path
) -> None:
    """Another session's tools are told to the model in the same bytes: its cache holds."""
    workspace = Workspace(root=tmp_path / "other", scratch=tmp_path)
    other = tools_for(workspace, sandbox=Sandbox(kind="none"), network_for=direct, images=True)
    assert definitions(other) == definitions(tools)
    names = ["read", "write", "edit", "shell", "find", "grep", "fetch", "todo", "ask"]
    assert [tool.name for tool in definitions(tools)] == names
    for tool in [*tools, *other]:
        tool.close()
