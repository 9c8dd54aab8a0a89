"""What holds for every schema: it is allowed, stays the same twice, and loses no property."""

import copy
import json
import random
import re
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from agent.wire.flavored_schema import flavored, wire_names
from tests.agent.mfjs_validator import validate
from tests.agent.schema_instances import accepts, sample

KEYWORDS = [
    "type",
    "properties",
    "required",
    "additionalProperties",
    "items",
    "enum",
    "const",
    "anyOf",
    "oneOf",
    "allOf",
    "not",
    "if",
    "then",
    "else",
    "$ref",
    "$defs",
    "definitions",
    "$id",
    "$anchor",
    "$schema",
    "title",
    "description",
    "default",
    "nullable",
    "minLength",
    "maxLength",
    "pattern",
    "format",
    "minimum",
    "maximum",
    "exclusiveMinimum",
    "exclusiveMaximum",
    "multipleOf",
    "minItems",
    "maxItems",
    "uniqueItems",
    "prefixItems",
    "additionalItems",
    "contains",
    "patternProperties",
    "propertyNames",
    "minProperties",
    "maxProperties",
    "dependentRequired",
    "dependentSchemas",
    "dependencies",
    "unevaluatedProperties",
    "examples",
]
TYPES = ["string", "number", "integer", "boolean", "null", "array", "object"]
NAMES = ["a", "b", "c", "a/b", "required", "$ref", "anyOf", "other", ""]
REFERENCES = [
    "#",
    "#/$defs/a",
    "#/$defs/b",
    "#/definitions/c",
    "#/properties/a",
    "#/$defs/a~1b",
    "#a",
    "a",
    "https://example.com/s.json",
]

scalars = (
    st.none()
    | st.booleans()
    | st.integers(-3, 12)
    | st.floats(-3, 12)
    | st.sampled_from([*TYPES, *REFERENCES, "int", "x", "", float("inf"), float("nan")])
)
garbage = st.recursive(
    scalars,
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(st.sampled_from([*KEYWORDS, *NAMES]), inner, max_size=6)
        | st.dictionaries(st.sampled_from(KEYWORDS), inner, max_size=6)
    ),
    max_leaves=40,
)


broken_documents = garbage | st.builds(
    lambda a, b, c: {"properties": {"a": a, "b": b}, "$defs": {"a": b, "b": c, "a/b": a}},
    *[garbage] * 3,
)


def _references() -> st.SearchStrategy[dict[str, Any]]:
    return st.sampled_from(["#/$defs/A", "#/$defs/B", "#/definitions/C", "#"]).map(
        lambda text: {"$ref": text}
    )


def _bounded(low: str, high: str) -> st.SearchStrategy[dict[str, int]]:
    pairs = st.lists(st.integers(0, 6), min_size=2, max_size=2).map(sorted)
    return pairs.map(lambda pair: {low: pair[0], high: pair[1]}) | st.just({})


strings = _bounded("minLength", "maxLength").map(lambda bounds: {"type": "string", **bounds})
numbers = st.builds(
    lambda name, bounds: {"type": name, **bounds},
    st.sampled_from(["integer", "number"]),
    _bounded("minimum", "maximum") | st.just({"exclusiveMinimum": 1, "exclusiveMaximum": 5}),
)
values = st.lists(
    st.none() | st.booleans() | st.integers(0, 3) | st.sampled_from(["x", "y"]), min_size=1
)
leaves: st.SearchStrategy[Any] = (
    strings
    | numbers
    | values.map(lambda listed: {"enum": listed})
    | st.sampled_from(["x", 1, None, False]).map(lambda value: {"const": value})
    | st.lists(st.sampled_from(TYPES), min_size=1, unique=True).map(lambda names: {"type": names})
    | st.booleans().map(lambda nullable: {"type": "string", "nullable": nullable})
    | st.just({})
    | st.just(True)
    | _references()
)


def _objects(inner: st.SearchStrategy[Any]) -> st.SearchStrategy[dict[str, Any]]:
    def made(properties: dict[str, Any], required: int, rest: Any) -> dict[str, Any]:
        names = list(properties)[:required]
        schema = {"type": "object", "properties": properties, "required": names}
        return schema if rest is None else {**schema, "additionalProperties": rest}

    properties = st.dictionaries(st.sampled_from(["a", "b", "c", "d"]), inner, max_size=3)
    return st.builds(made, properties, st.integers(0, 2), st.none() | st.booleans() | inner)


def _plain(inner: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    several = st.lists(inner, min_size=1, max_size=3)
    return (
        _objects(inner)
        | inner.map(lambda items: {"type": "array", "items": items})
        | several.map(lambda items: {"type": "array", "prefixItems": items, "items": False})
        | several.map(lambda parts: {"anyOf": parts})
        | several.map(lambda parts: {"oneOf": parts})
    )


def _compound(inner: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    objects = _objects(inner)
    return (
        _plain(inner)
        | st.lists(objects, min_size=1, max_size=3).map(lambda parts: {"allOf": parts})
        | st.builds(lambda one, parts: {**one, "anyOf": parts}, objects, st.lists(objects))
    )


parts = st.recursive(leaves, _compound, max_leaves=12)
plain_documents = _objects(st.recursive(leaves, _plain, max_leaves=12))
documents = st.builds(
    lambda root, a, b, c: {**root, "$defs": {"A": a, "B": b}, "definitions": {"C": c}},
    _objects(parts),
    *[_objects(parts) | parts.filter(lambda part: isinstance(part, dict))] * 3,
)


def names_of(schema: Any, found: set[str]) -> set[str]:
    """Return the names of all properties in a schema without definitions."""
    if isinstance(schema, dict):
        found |= set(schema.get("properties", {}))
        for part in schema.values():
            names_of(part, found)
    if isinstance(schema, list):
        for part in schema:
            names_of(part, found)
    return found


@given(broken_documents)
@settings(max_examples=100, deadline=None)
def test_garbage_becomes_a_schema_that_is_allowed(schema: Any) -> None:
    """Whatever JSON comes, nothing is raised, and what is returned keeps every rule."""
    before = copy.deepcopy(schema)

    result = flavored(schema)

    validate(result, strict=True)
    assert flavored(result) == result
    assert repr(schema) == repr(before)


@given(documents)
@settings(max_examples=100, deadline=None)
def test_a_sound_schema_becomes_one_that_is_allowed(schema: dict[str, Any]) -> None:
    """A well-formed schema keeps every rule too, and always gives the same bytes."""
    before = json.dumps(schema)

    result = flavored(schema)

    validate(result, strict=True)
    assert flavored(result) == result
    assert json.dumps(flavored(json.loads(before))) == json.dumps(result)
    assert json.dumps(schema) == before


@given(documents, st.integers(0, 1_000))
@settings(max_examples=100, deadline=None)
def test_what_fitted_still_fits(schema: dict[str, Any], seed: int) -> None:
    """No value that the tool takes is refused by the schema that the model sees."""
    result = flavored(schema)
    chance = random.Random(seed)  # noqa: S311 - not for secrets

    for _ in range(5):
        value = sample(schema, chance)
        if accepts(schema, value):
            assert accepts(result, value), (value, result)


@given(plain_documents, st.sampled_from(["required", "$ref", "", "d"]))
@settings(max_examples=100, deadline=None)
def test_every_property_is_told(schema: dict[str, Any], name: str) -> None:
    """All names of properties are in the result, those that the dialect reserves in words."""
    schema = {**schema, "properties": {**schema["properties"], name: {"type": "string"}}}

    result = flavored(schema)

    text = json.dumps(result, ensure_ascii=False).replace("\\", "")
    missing = [one for one in names_of(schema, set()) if f'"{one}": ' not in text]
    assert missing == []
    shown = [one for one in schema["properties"] if one in result.get("properties", {})]
    assert list(result.get("properties", {}))[: len(shown)] == shown


@given(st.lists(st.text(max_size=70) | st.text("ab_-.1", max_size=4), max_size=20))
@settings(max_examples=100, deadline=None)
def test_names_go_both_ways(names: list[str]) -> None:
    """Wire names are valid, differ where tools differ, and leave valid names alone."""
    wire = wire_names(names)

    assert list(wire) == list(dict.fromkeys(names))
    assert len(set(wire.values())) == len(wire)
    for name, sent in wire.items():
        assert re.fullmatch("[a-zA-Z_][a-zA-Z0-9-_]{2,63}", sent)
        assert sent == name or not re.fullmatch("[a-zA-Z_][a-zA-Z0-9-_]{2,63}", name)
