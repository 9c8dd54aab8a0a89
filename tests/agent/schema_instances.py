"""For the tests of flavored schemas: a small JSON Schema checker, and values to ask it about."""

import copy
import math
import random
import re
from collections.abc import Callable
from typing import Any

from agent.wire.flavored_schema import flavored
from tests.agent.mfjs_validator import validate

Schema = Any

_DEEPEST = 12


ANY = {
    "anyOf": [{"type": name} for name in ("string", "number", "boolean", "object", "array", "null")]
}


def one_property(schema: Any, **root: Any) -> Any:
    """Return what a schema becomes as the property of a tool."""
    document = {"type": "object", "properties": {"it": schema}, **root}
    before = copy.deepcopy(document)
    result = flavored(document)
    validate(result, strict=True)
    assert flavored(result) == result
    assert document == before
    return result["properties"]["it"]


def accepts(schema: Schema, value: Any, root: Schema = None, depth: int = 0) -> bool:
    """
    Say whether a value fits a schema, by the rules of JSON Schema 2020-12.

    Knows the keywords that the tests use; `$ref` is a pointer into the root. Recursion on
    the same value, which no test needs, ends in False.
    """
    root = schema if root is None else root
    if isinstance(schema, bool):
        return schema
    if depth > 100:
        return False

    def fits(part: Schema, inner: Any) -> bool:
        return accepts(part, inner, root, depth + 1)

    if "$ref" in schema and not fits(_found(root, schema["$ref"]), value):
        return False
    return all(
        (
            _type_fits(schema, value),
            _values_fit(schema, value),
            _combined(schema, value, fits),
            not isinstance(value, str) or _text_fits(schema, value),
            not _is_number(value) or _number_fits(schema, value),
            not isinstance(value, list) or _items_fit(schema, value, fits),
            not isinstance(value, dict) or _properties_fit(schema, value, fits),
        )
    )


def sample(schema: Schema, chance: random.Random, root: Schema = None, depth: int = 0) -> Any:
    """Return a value that may well fit the schema, and now and then surely does not."""
    root = schema if root is None else root
    if isinstance(schema, bool) or chance.random() < 0.05 or depth > _DEEPEST:
        return chance.choice([None, True, 0, 3, -1.5, "", "abc", [], ["a"], {}, {"a": 1}])
    if "$ref" in schema:
        return sample(_found(root, schema["$ref"]), chance, root, depth + 1)
    if "const" in schema or schema.get("enum"):
        return chance.choice(schema.get("enum") or [schema.get("const")])
    branches = schema.get("anyOf") or schema.get("oneOf")
    if branches:
        return sample(chance.choice(branches), chance, root, depth + 1)
    return _typed(schema, chance, root, depth)


def _typed(schema: Schema, chance: random.Random, root: Schema, depth: int) -> Any:
    types = schema.get("type", ["object", "string"])
    name = chance.choice(types) if isinstance(types, list) else types
    if name == "object":
        return _object(schema, chance, root, depth)
    if name == "array":
        return _array(schema, chance, root, depth)
    return _scalar(name, schema, chance)


def _object(schema: Schema, chance: random.Random, root: Schema, depth: int) -> dict[str, Any]:
    value = {}
    for part in [schema, *schema.get("allOf", [])]:
        while "$ref" in part:
            part = _found(root, part["$ref"])
        must = part.get("required", [])
        for name, inner in part.get("properties", {}).items():
            if name in must or chance.random() < 0.5:
                value[name] = sample(inner, chance, root, depth + 1)
        if chance.random() < 0.2:
            rest = part.get("additionalProperties", True)
            value["other"] = sample(rest, chance, root, depth + 1)
    if value and chance.random() < 0.1:
        value.pop(chance.choice(list(value)))
    return value


def _array(schema: Schema, chance: random.Random, root: Schema, depth: int) -> list[Any]:
    places = schema.get("prefixItems", [])
    if places:
        return [sample(part, chance, root, depth + 1) for part in places]
    least = min(schema.get("minItems", 0), 5)
    count = chance.randint(least, max(least, min(schema.get("maxItems", 3), 5)))
    items = schema.get("items", True)
    return [sample(items, chance, root, depth + 1) for _ in range(count)]


def _scalar(name: str, schema: Schema, chance: random.Random) -> Any:
    if name == "string":
        least = min(schema.get("minLength", 0), 20)
        return "a" * chance.randint(least, max(least, min(schema.get("maxLength", 5), 20)))
    if name in ("integer", "number"):
        low = schema.get("minimum", schema.get("exclusiveMinimum", -3))
        high = schema.get("maximum", schema.get("exclusiveMaximum", low + 6))
        value = chance.uniform(low, max(low, high))
        return round(value) if name == "integer" else chance.choice([value, low, high])
    return chance.choice([True, False]) if name == "boolean" else None


def _found(root: Schema, text: str) -> Schema:
    at = root
    for token in text.split("/")[1:]:
        at = at[int(token)] if isinstance(at, list) else at[token]
    return at


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _is_type(value: Any, name: str) -> bool:
    if name == "integer":
        return _is_number(value) and math.isfinite(value) and value == int(value)
    if name == "number":
        return _is_number(value)
    kinds = {"string": str, "boolean": bool, "array": list, "object": dict, "null": type(None)}
    return isinstance(value, kinds[name])


def _type_fits(schema: Schema, value: Any) -> bool:
    types = schema.get("type", [])
    names = types if isinstance(types, list) else [types]
    if value is None and schema.get("nullable") is True:
        return True
    return not names or any(_is_type(value, name) for name in names)


def _values_fit(schema: Schema, value: Any) -> bool:
    values = [schema["const"]] if "const" in schema else schema.get("enum")
    same = [one for one in values or [] if one == value]
    return values is None or any(isinstance(one, bool) == isinstance(value, bool) for one in same)


def _combined(schema: Schema, value: Any, fits: Callable[[Schema, Any], bool]) -> bool:
    any_of = [fits(part, value) for part in schema.get("anyOf", [])]
    one_of = [fits(part, value) for part in schema.get("oneOf", [])]
    return (
        (not any_of or any(any_of))
        and (not one_of or sum(one_of) == 1)
        and all(fits(part, value) for part in schema.get("allOf", []))
    )


def _text_fits(schema: Schema, value: str) -> bool:
    within = schema.get("minLength", 0) <= len(value) <= schema.get("maxLength", math.inf)
    return within and re.search(schema.get("pattern", ""), value) is not None


def _number_fits(schema: Schema, value: float) -> bool:
    within = schema.get("minimum", -math.inf) <= value <= schema.get("maximum", math.inf)
    above: bool = value > schema.get("exclusiveMinimum", -math.inf)
    below: bool = value < schema.get("exclusiveMaximum", math.inf)
    return within and above and below


def _items_fit(schema: Schema, value: list[Any], fits: Callable[[Schema, Any], bool]) -> bool:
    places = schema.get("prefixItems", [])
    rest = schema.get("items", True)
    return (
        schema.get("minItems", 0) <= len(value) <= schema.get("maxItems", math.inf)
        and all(fits(part, inner) for part, inner in zip(places, value, strict=False))
        and all(fits(rest, inner) for inner in value[len(places) :])
    )


def _properties_fit(
    schema: Schema, value: dict[str, Any], fits: Callable[[Schema, Any], bool]
) -> bool:
    known = schema.get("properties", {})
    rest = schema.get("additionalProperties", True)
    return all(name in value for name in schema.get("required", [])) and all(
        fits(known.get(name, rest), inner) for name, inner in value.items()
    )
