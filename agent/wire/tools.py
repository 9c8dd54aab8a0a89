"""Tools as a request carries them: names that the endpoint takes, schemas in its dialect."""

from collections.abc import Mapping, Sequence
from typing import Any

from agent.messages import Tool
from agent.wire.base import Shape
from agent.wire.flavored_schema import flavored, wire_names


def names_sent(tools: Sequence[Tool], shape: Shape) -> dict[str, str]:
    """Return the name that is sent for each tool's own; the same where any name is taken."""
    names = [tool.name for tool in tools]
    if "flavored-schema" in shape.quirks:
        return wire_names(names)
    return {name: name for name in names}


def names_read(tools: Sequence[Tool], shape: Shape) -> dict[str, str]:
    """Return each tool's own name for the one that is sent: what a reader is made with."""
    return {sent: name for name, sent in names_sent(tools, shape).items() if sent != name}


def name_sent(name: str, names: Mapping[str, str], shape: Shape) -> str:
    """
    Return the name to send for a call in the history, whose tool may be gone since.

    `names` is what `names_sent` gave for the tools of this turn.
    """
    known = names.get(name)
    if known is not None:
        return known
    return wire_names([name])[name] if "flavored-schema" in shape.quirks else name


def schema_sent(schema: dict[str, Any], shape: Shape) -> dict[str, Any]:
    """Return a JSON Schema in the endpoint's dialect."""
    return flavored(schema) if "flavored-schema" in shape.quirks else schema
