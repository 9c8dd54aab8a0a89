"""The JSON of a call as the type its tool wants; slips of a model are mended or told."""

import re
from typing import Any, TypeVar

import msgspec

from agent.messages import ToolCall
from agent.tools.base import BaseTool, ToolError
from agent.tools.mending import NotMended, mended

A = TypeVar("A", bound=msgspec.Struct)

_AT = re.compile(r" - at `\$\.?(.*)`$")
_TYPES = {"string": "text", "integer": "number", "number": "number", "boolean": "true|false"}


def decode(call: ToolCall, tool: BaseTool[A]) -> A:
    """
    Return a call's arguments. Raises ToolError, with the right shape, if they cannot be read.

    Numbers in quotes, JSON within a JSON string, one object where a list is wanted, and null
    for what may be left out are taken as what is meant. Broken JSON is mended where it has one
    reading; a text that was cut off is never taken as whole by a tool that changes something.
    """
    text = call.arguments.encode(errors="replace").decode().strip() or "{}"
    fields = msgspec.structs.fields(tool.arguments)
    # What must be there is missed by name; where nothing must, a wrong name would mean nothing.
    if any(field.required for field in fields):
        try:
            return msgspec.json.decode(text, type=tool.arguments)
        except (msgspec.DecodeError, RecursionError, UnicodeError):
            pass
    try:
        value = _parsed(text, tool.reads_only)
        _check_names(value, frozenset(field.encode_name for field in fields))
        return _converted(value, tool.arguments, tool.reads_only)
    except NotMended as error:
        reason = f"{error}, at character {error.at + 1}"
        before = text[max(0, error.at - 30) : error.at]
        reason += f", after `{before}`" if before.strip() else ""
    except msgspec.ValidationError as error:
        reason = _located(str(error))
    raise ToolError(
        f"The arguments of {call.name} cannot be read: {reason}. Nothing was done. "
        f"The right shape: {shape(tool.tool.parameters)}"
    )


def shape(schema: dict[str, Any]) -> str:
    """Return a JSON Schema as one line that shows a value; `?` marks what may be left out."""
    kind = schema.get("type", "")
    if "enum" in schema:
        return "|".join(f'"{word}"' for word in schema["enum"])
    if kind == "array":
        return f"[{shape(schema.get('items', {}))}, ...]"
    if kind != "object":
        return _TYPES.get(kind, "value")
    required = schema.get("required", ())
    members = (
        f'"{name}"{"" if name in required else "?"}: {shape(member)}'
        for name, member in schema.get("properties", {}).items()
    )
    return "{" + ", ".join(members) + "}"


def _parsed(text: str, may_be_cut: bool) -> Any:
    """Return the value of a JSON text, or of the JSON text that it is a string of."""
    value = _value(text, may_be_cut)
    return _value(value, may_be_cut) if isinstance(value, str) else value


def _value(text: str, may_be_cut: bool) -> Any:
    try:
        return msgspec.json.decode(text)
    except (msgspec.DecodeError, RecursionError, UnicodeError):
        return mended(text, may_be_cut=may_be_cut)


def _check_names(value: Any, known: frozenset[str]) -> None:
    """Raise ValidationError where there are members, and none of them has a name that is known."""
    if isinstance(value, dict) and value and known.isdisjoint(value):
        raise msgspec.ValidationError(f"Object has no field `{next(iter(value))}`")


def _converted(value: Any, wanted: type[A], may_be_cut: bool) -> A:
    if isinstance(value, dict):
        fields = {field.encode_name: field for field in msgspec.structs.fields(wanted)}
        value = {
            name: _meant(member, fields[name].type, may_be_cut)
            for name, member in value.items()
            if name in fields and not (member is None and not fields[name].required)
        }
    return msgspec.convert(value, wanted, strict=False)


def _meant(value: Any, wanted: Any, may_be_cut: bool) -> Any:
    """Return what a member was meant to be where a list is wanted: parsed, or put in a list."""
    if getattr(wanted, "__origin__", wanted) not in (list, tuple):
        return value
    if isinstance(value, str) and value.lstrip()[:1] in ("[", "{"):
        value = _value(value, may_be_cut)
    return [value] if isinstance(value, dict) else value


def _located(message: str) -> str:
    """Return msgspec's message with the place first, as `edits[0].old: Expected ...`."""
    place = _AT.search(message)
    return message if place is None else f"`{place[1]}`: {message[: place.start()]}"
