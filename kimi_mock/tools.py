"""What tools may be: how many, how named, with which schemas."""

import re
from typing import Any

from kimi_mock import flavored
from kimi_mock.refusals import invalid, invalid_request
from kimi_mock.turn import Turn

MOST_TOOLS = 128
NAME = re.compile(r"[a-zA-Z_][a-zA-Z0-9-_]{0,63}")
SHORTEST_DOCUMENTED_NAME = 3
# kimi-cli#1773, 2026-04-07.
NAME_INVALID = (
    "function name is invalid, must start with a letter and can contain letters, numbers,"
    " underscores, and dashes"
)
NOT_FLAVORED = "tools.function.parameters is not a valid moonshot flavored json schema, details:"
ROOT_NOT_OBJECT = 'tools.function.parameters.type is required and must be "object"'


def check_tools(turn: Turn) -> None:
    """Raise Refused for the first tool that is not allowed; contract 3.5 and 3.8."""
    tools = turn.all_tools
    if len(tools) > MOST_TOOLS:
        raise invalid_request(f"tools must have at most {MOST_TOOLS} items")
    names: set[str] = set()
    for tool in tools:
        name, schema = _named(turn, tool)
        if name in names:
            raise invalid(f"function name {name} is duplicated")
        names.add(name)
        if schema is not None:
            _check_schema(turn, schema)


def _named(turn: Turn, tool: Any) -> tuple[str, Any]:
    """Return a tool's name and schema; a built-in's name begins with `$` and it has no schema."""
    if not isinstance(tool, dict):
        raise invalid_request("tools must be objects")
    messages = turn.wire == "messages"
    function: object = tool if messages else tool.get("function")
    if not isinstance(function, dict):
        raise invalid_request("tools.function is required")
    name = function.get("name")
    if tool.get("type") == "builtin_function" and str(name).startswith("$"):
        return str(name), None
    if not isinstance(name, str) or not NAME.fullmatch(name):
        raise invalid(NAME_INVALID)
    if len(name) < SHORTEST_DOCUMENTED_NAME and turn.switches.short_tool_names == "refused":
        raise invalid(NAME_INVALID)
    return name, function.get("input_schema" if messages else "parameters")


def _check_schema(turn: Turn, schema: Any) -> None:
    if turn.switches.schemas == "unchecked":
        return
    if not isinstance(schema, dict) or schema.get("type") != "object":
        raise invalid(ROOT_NOT_OBJECT)
    try:
        flavored.check(
            schema,
            loose=turn.switches.schemas == "loose",
            typed=turn.switches.untyped_schemas == "refused",
        )
    except flavored.SchemaRefused as refused:
        raise invalid(f"{NOT_FLAVORED} <{refused}>") from None
