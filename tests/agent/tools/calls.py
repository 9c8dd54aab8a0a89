"""Calls of tools as the loop makes them: arguments read, the action named, then done."""

import asyncio
from pathlib import Path
from typing import Any

import msgspec
import pytest

from agent.messages import TextPart, ToolCall
from agent.tools.arguments import decode
from agent.tools.base import Action, BaseTool, Outcome, ToolError, Workspace


def place(directory: Path) -> Workspace:
    """Return a workspace in a directory, with a private home and a scratch beside it."""
    root, private, scratch = (directory / name for name in ("work", "private", "private/scratch"))
    for each in (root, private, scratch):
        each.mkdir(exist_ok=True)
    return Workspace(root=root.resolve(), scratch=scratch.resolve(), private=(private.resolve(),))


def action(tool: BaseTool[Any], **members: object) -> Action:
    """Return what a call would do."""
    return tool.action(_arguments(tool, members))


def done(tool: BaseTool[Any], **members: object) -> Outcome:
    """Make a call and return its outcome."""
    arguments = _arguments(tool, members)
    tool.action(arguments)
    return asyncio.run(tool.run(arguments))


def said(tool: BaseTool[Any], **members: object) -> str:
    """Make a call and return its text."""
    parts = done(tool, **members).parts
    return "".join(part.text for part in parts if isinstance(part, TextPart))


def refusal(tool: BaseTool[Any], **members: object) -> str:
    """Make a call that must fail and return what the model is told."""
    with pytest.raises(ToolError) as raised:
        done(tool, **members)
    return str(raised.value)


def _arguments(tool: BaseTool[Any], members: dict[str, object]) -> Any:
    text = msgspec.json.encode(members).decode()
    return decode(ToolCall("call-1", tool.tool.name, text), tool)
