"""What the tests of the contract's rows are made of: messages, tools, and a fetched model list."""

import asyncio
from typing import Any

from agent.client import Client
from agent.exchange import key_of
from agent.learnt import Facts, LiveList
from agent.messages import Message, Part, TextPart, Tool, ToolCall, ToolResult
from agent.route import Route
from kimi_mock.server import KimiMock
from tests.turn.asking import network

WIRES = ("chat", "messages")
NOW = "2026-11-22T00:00:00+00:00"
CALL = ToolCall("read_file:0", "read_file", "{}")


def says(message: Message, *parts: Part) -> tuple[Message, ...]:
    """Return a message with the assistant's answer after it."""
    return (message, Message("assistant", parts))


def tool(name: str = "read_file", **parameters: Any) -> Tool:
    """Return a tool; its parameters are a whole schema, or an empty object's."""
    return Tool(name=name, description="A tool.", parameters=parameters or {"type": "object"})


def result_of(call: ToolCall, text: str = "content") -> Message:
    """Return what a tool gave for a call."""
    return Message("tool", (ToolResult(call.id, call.name, (TextPart(text),)),))


def listed(kimi: KimiMock, where: Route) -> Facts:
    """Ask the endpoint for its models, and return the answer as what was learnt."""

    async def run() -> LiveList:
        async with Client(where, network(kimi)) as client:
            return LiveList(await client.list_models(), NOW)

    key = key_of(where)
    assert key is not None
    return Facts(lists={(where.chat_base_url, key.digest): asyncio.run(run())})
