"""The tools of a session, in one order, so that what the model is told of them never changes."""

from collections.abc import Callable
from typing import Any

from agent.messages import Tool
from agent.sandbox import Sandbox
from agent.tools.ask import Answerer, Ask
from agent.tools.base import BaseTool, Workspace
from agent.tools.edit import Edit
from agent.tools.fetch import Fetch
from agent.tools.find import Find
from agent.tools.grep import Grep
from agent.tools.read import Read
from agent.tools.shell import Shell
from agent.tools.todo import Todo
from agent.tools.write import Write
from agent.transport.network import Network


def tools_for(
    workspace: Workspace,
    *,
    sandbox: Sandbox,
    network_for: Callable[[str], Network],
    images: bool = False,
    answer: Answerer | None = None,
    allow_private: bool = False,
) -> tuple[BaseTool[Any], ...]:
    """
    Return the tools of a session; close each at its end.

    `images` says that the model takes images. `answer` asks the person in front, None where
    there is none. `network_for` gives the way out to a host, and `allow_private` lets pages of
    this machine and the local network be fetched.
    """
    return (
        Read(workspace, images=images),
        Write(workspace),
        Edit(workspace),
        Shell(workspace, sandbox),
        Find(workspace),
        Grep(workspace),
        Fetch(workspace, network_for, allow_private=allow_private),
        Todo(),
        Ask(answer),
    )


def definitions(tools: tuple[BaseTool[Any], ...]) -> tuple[Tool, ...]:
    """Return what the model is told of tools, in their order."""
    return tuple(tool.tool for tool in tools)
