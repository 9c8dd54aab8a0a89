"""The values and bounds that a schema lists, as the flavored dialect takes them."""

import copy
import json
import math
from collections.abc import Mapping
from typing import Any

from agent.wire.flavored.merge import Node, annotated, shown


def listed_values(schema: Mapping[str, Any]) -> list[Any] | None:
    """Return the values a schema lists, each once, or None if it lists none."""
    values = [schema["const"]] if "const" in schema else schema.get("enum")
    if not isinstance(values, list):
        return None
    # By type too: JSON tells `true` from `1`, Python does not.
    distinct = {(type_of(value), json.dumps(value)): value for value in reversed(values)}
    return copy.deepcopy(list(reversed(distinct.values()))) or None


def type_of(value: Any) -> str:
    """Return the JSON type of a value; an integer is a `number`."""
    if value is None or isinstance(value, bool):
        return "null" if value is None else "boolean"
    if isinstance(value, int | float):
        return "number"
    if isinstance(value, str):
        return "string"
    return "array" if isinstance(value, list) else "object"


def is_finite(value: float) -> bool:
    """Say whether a number has a place among the doubles, as which the endpoint reads it."""
    try:
        return math.isfinite(float(value))
    except OverflowError:
        return False


def is_whole(value: Any) -> bool:
    """Say whether a value is an integer, `1.0` included."""
    return isinstance(value, int) or (isinstance(value, float) and value.is_integer())


def is_sendable(value: Any) -> bool:
    """Say whether a value is JSON for everybody: Python also writes `NaN` and `Infinity`."""
    try:
        json.dumps(value, allow_nan=False)
    except ValueError:
        return False
    return True


def values_of_type(values: list[Any], name: str) -> list[Any]:
    """Return the values of a type; numbers must be finite."""
    if name == "integer":
        return [value for value in values_of_type(values, "number") if is_whole(value)]
    fitting = [value for value in values if type_of(value) == name]
    return [value for value in fitting if name != "number" or is_finite(value)]


def with_values(node: Node, values: list[Any]) -> Node:
    """Return the node with its values listed: in `enum`, or in words for objects and arrays."""
    if node["type"] == "null":
        return node
    if node["type"] in ("object", "array"):
        told = ", ".join(shown(value) for value in values)
        return annotated(node, description=f"One of: {shown(told)}.")
    return {**node, "enum": values}


def _number(value: Any) -> int | float | None:
    """Return a finite number, read from text if need be; None for anything else."""
    if isinstance(value, str):
        try:
            value = float(value)
        except ValueError:
            return None
        value = int(value) if math.isfinite(value) and value.is_integer() else value
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    return value if is_finite(value) else None


def _bounded(low: tuple[str, int | float | None], high: tuple[str, int | float | None]) -> Node:
    """Return the bounds there are; a lower one above the upper one says nothing."""
    if low[1] is not None and high[1] is not None and low[1] > high[1]:
        return {}
    return {key: value for key, value in (low, high) if value is not None}


def counts(schema: Mapping[str, Any], low: str, high: str) -> Node:
    """Return two bounds of a count, as integers; negative ones say nothing."""
    least, most = _number(schema.get(low)), _number(schema.get(high))
    least = None if least is None or least < 0 else math.ceil(least)
    most = None if most is None or most < 0 else math.floor(most)
    return _bounded((low, least), (high, most))


def number_range(schema: Mapping[str, Any], *, whole: bool) -> Node:
    """Return `minimum` and `maximum`; an exclusive bound of integers is the next integer."""
    low, high = _number(schema.get("minimum")), _number(schema.get("maximum"))
    above, below = schema.get("exclusiveMinimum"), schema.get("exclusiveMaximum")
    above = low if above is True else _number(above)
    below = high if below is True else _number(below)
    if whole:
        low, high = _ceiling(low), None if high is None else math.floor(high)
        above = None if above is None else math.floor(above) + 1
        below = None if below is None else math.ceil(below) - 1
    low = max((bound for bound in (low, above) if bound is not None), default=None)
    high = min((bound for bound in (high, below) if bound is not None), default=None)
    return _bounded(("minimum", low), ("maximum", high))


def _ceiling(value: int | float | None) -> int | None:
    return None if value is None else math.ceil(value)
