"""References, recursion and size: what a flavored schema is when it cannot be all there."""

import json
from typing import Any

import pytest

from agent.wire.flavored_schema import flavored
from tests.agent.mfjs_validator import validate
from tests.agent.schema_instances import ANY, one_property


@pytest.mark.parametrize(
    "reference",
    ["#/$defs/Day", "#/definitions/Day", "#/components/schemas/Day", "Day", "#day", "day.json"],
)
def test_references_are_written_out(reference: str) -> None:
    """However a tool points at a part of its schema, the part stands where it is used."""
    day = {"type": "string", "enum": ["mon", "tue"], "$anchor": "day", "$id": "day.json"}

    result = one_property({"$ref": reference, "description": "When"}, **{"$defs": {"Day": day}})

    assert result == {"type": "string", "enum": ["mon", "tue"], "description": "When"}


def test_a_reference_that_leads_nowhere_is_told() -> None:
    """Nobody fetches a schema from the net: the value may be anything, and the text says so."""
    address = "https://example.com/day.json"

    assert one_property({"$ref": address}) == {**ANY, "description": f"See {address}."}


def test_recursion_keeps_its_definition() -> None:
    """A tree stays a tree; words beside its `$ref` go around a union of one."""
    node = {
        "type": "object",
        "properties": {
            "name": {"type": "string"},
            "children": {
                "type": "array",
                "items": {"$ref": "#/definitions/Node", "description": "A child"},
            },
        },
        "required": ["name", "children"],
    }

    result = flavored({"$ref": "#/definitions/Node", "definitions": {"Node": node}})

    reference = {"$ref": "#/$defs/Node"}
    children = {"type": "array", "items": {"anyOf": [reference], "description": "A child"}}
    expected = {
        "type": "object",
        "properties": {"name": {"type": "string"}, "children": children},
        "required": ["name", "children"],
    }
    assert result == {**expected, "$defs": {"Node": expected}}
    validate(result, strict=True)


def test_recursion_without_an_end_gets_one() -> None:
    """`detected infinite recursion without termination condition` is never answered to us."""
    link = {"type": "object", "properties": {"next": {"$ref": "#"}}, "required": ["next"]}

    assert flavored(link) == {
        "type": "object",
        "properties": {"next": {"$ref": "#"}},
        "description": "Give next too, except at the end.",
    }
    assert one_property({"$ref": "#/$defs/A"}, **{"$defs": {"A": {"$ref": "#/$defs/A"}}}) == ANY


def test_a_schema_beyond_the_limits_loses_its_depths_first() -> None:
    """2,000 long descriptions, 4,000 properties, 5,000 values or levels are still answered."""
    long = {f"p{at}": {"type": "string", "description": "x" * 100} for at in range(2_000)}
    many = {f"p{at}": {"type": "string"} for at in range(4_000)}
    deep: Any = {"type": "string"}
    for _ in range(5_000):
        deep = {"type": "object", "properties": {"a": deep}}
    values = [f"v{at}" for at in range(5_000)]

    texts = flavored({"type": "object", "properties": long})
    names = flavored({"type": "object", "properties": many, "required": ["p3999"]})
    levels = flavored(deep)
    listed = one_property({"enum": values})

    for result in (texts, names, levels):
        validate(result, strict=True)
    assert list(texts["properties"]) == list(long)
    assert "p3999" in names["properties"]
    assert "more properties" in names["description"]
    assert json.dumps(levels).count('"a"') >= 29
    assert listed["description"].startswith("One of 5000 values such as v0, v1,")


def test_references_that_multiply_are_cut() -> None:
    """26 definitions that each use the next twice are 67 million schemas, kept or written out."""
    definitions: dict[str, Any] = {"T25": {"type": "string"}}
    for at in range(25):
        part = {"$ref": f"#/$defs/T{at + 1}"}
        definitions[f"T{at}"] = {"type": "object", "properties": {"a": part, "b": part}}
    document = {"type": "object", "properties": {"it": {"$ref": "#/$defs/T0"}}}

    result = flavored({**document, "$defs": definitions})

    validate(result, strict=True)
    assert "$defs" not in result
    assert "Holds a, b." in json.dumps(result)
