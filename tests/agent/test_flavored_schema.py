"""Schemas as tools and MCP servers write them → what the flavored dialect is sent."""

from typing import Any

import pytest

from agent.wire.flavored_schema import flavored, wire_names
from tests.agent.schema_instances import ANY
from tests.agent.schema_instances import one_property as one


@pytest.mark.parametrize(
    ("schema", "expected"),
    [
        ({"const": "on"}, {"type": "string", "enum": ["on"]}),
        ({"enum": [1, 2]}, {"type": "integer", "enum": [1, 2]}),
        ({"enum": [1, 2.5]}, {"type": "number", "enum": [1, 2.5]}),
        ({"type": "string", "enum": [1, True]}, {"type": "string", "enum": ["1", "true"]}),
        ({"type": "integer", "enum": [1, None, "x"]}, {"type": "integer", "enum": [1]}),
        (
            {"enum": ["a", 1, None]},
            {
                "anyOf": [
                    {"type": "string", "enum": ["a"]},
                    {"type": "integer", "enum": [1]},
                    {"type": "null"},
                ]
            },
        ),
        ({"const": {"a": 1}}, {"type": "object", "description": 'One of: {"a": 1}.'}),
        (
            {"type": ["string", "null"], "minLength": 2},
            {"anyOf": [{"type": "string", "minLength": 2}, {"type": "null"}]},
        ),
        (
            {"type": "string", "nullable": True, "description": "A name"},
            {"anyOf": [{"type": "string"}, {"type": "null"}], "description": "A name"},
        ),
        (
            {"anyOf": [{"type": "integer"}, {"type": "null"}], "default": None, "title": "N"},
            {
                "anyOf": [{"type": "integer"}, {"type": "null"}],
                "title": "N",
                "description": "Default: null.",
            },
        ),
        ({}, ANY),
        (True, ANY),
        (False, {"type": "null", "description": "Leave this out."}),
        ("string", {"type": "string"}),
        ({"type": "OBJECT"}, {"type": "object"}),
        ({"type": "float"}, {"type": "number"}),
        ({"minLength": 3}, {"type": "string", "minLength": 3}),
        ({"type": "string", "description": 7, "title": None}, {"type": "string"}),
    ],
)
def test_types_and_values(schema: Any, expected: Any) -> None:
    """Every schema names one type, or branches that do; values stand with their type."""
    assert one(schema) == expected


@pytest.mark.parametrize(
    ("schema", "expected"),
    [
        (
            {"type": "integer", "exclusiveMinimum": 0, "maximum": 9.5},
            {"type": "integer", "minimum": 1, "maximum": 9},
        ),
        (
            {"type": "number", "minimum": 0, "exclusiveMinimum": True},
            {"type": "number", "minimum": 0, "description": "More than 0."},
        ),
        ({"type": "string", "minLength": "5"}, {"type": "string", "minLength": 5}),
        ({"type": "string", "minLength": 9, "maxLength": 2}, {"type": "string"}),
        ({"type": "integer", "minimum": 10**400}, {"type": "integer"}),
        (
            {"type": "string", "format": "date", "description": "The day"},
            {"type": "string", "description": "The day. Format: date."},
        ),
        (
            {"type": "integer", "multipleOf": 5, "description": "How many!"},
            {"type": "integer", "description": "How many! A multiple of 5."},
        ),
        (
            {"type": "array", "items": {"type": "string"}, "uniqueItems": True},
            {
                "type": "array",
                "items": {"type": "string"},
                "description": "No two items alike.",
            },
        ),
        (
            {"not": {"type": "string"}, "examples": [1, 2]},
            {**ANY, "description": 'Not {"type": "string"}. Examples: [1, 2].'},
        ),
    ],
)
def test_bounds_and_sentences(schema: Any, expected: Any) -> None:
    """Bounds stay bounds where the dialect has them; other constraints become sentences."""
    assert one(schema) == expected


@pytest.mark.parametrize(
    ("schema", "expected"),
    [
        (
            {"type": "array", "prefixItems": [{"type": "string"}, {"type": "integer"}]},
            {
                "type": "array",
                "items": {"anyOf": [{"type": "string"}, {"type": "integer"}]},
                "description": "In this order: string, integer.",
            },
        ),
        (
            {"type": "array", "items": [{"type": "string"}], "additionalItems": False},
            {
                "type": "array",
                "items": {"type": "string"},
                "maxItems": 1,
                "description": "In this order: string.",
            },
        ),
        ({"type": "array", "items": {}}, {"type": "array"}),
        ({"type": "array", "items": False}, {"type": "array", "maxItems": 0}),
    ],
)
def test_arrays(schema: Any, expected: Any) -> None:
    """An array has one schema for its items; tuples tell their order in words."""
    assert one(schema) == expected


def test_an_object_keeps_what_it_requires() -> None:
    """A required property nobody described may be anything; broken lists are mended."""
    schema = {"type": "object", "properties": {"a": {"type": "string"}}}

    assert one({**schema, "required": ["a", "b", "a", 3]}) == {
        "type": "object",
        "properties": {"a": {"type": "string"}, "b": ANY},
        "required": ["a", "b"],
    }
    assert one({**schema, "required": "a"})["required"] == ["a"]
    closed = one({**schema, "required": ["b"], "additionalProperties": False})
    assert "required" not in closed
    draft_3 = one({"properties": {"a": {"type": "string", "required": True}}})
    assert draft_3["required"] == ["a"]


def test_properties_with_reserved_names_are_told() -> None:
    """The dialect refuses `required` as a property's name, so the description has it."""
    result = one(
        {
            "type": "object",
            "properties": {"required": {"type": "boolean"}, "b": {"type": "string"}},
            "required": ["required"],
            "additionalProperties": False,
        }
    )

    assert result == {
        "type": "object",
        "properties": {"b": {"type": "string"}},
        "description": 'Also takes "required": {"type": "boolean"}. It is required.',
    }


def test_all_of_becomes_one_schema() -> None:
    """What all members say stands in one object, as Pydantic and OpenAPI documents need."""
    result = one(
        {
            "description": "A dog.",
            "allOf": [
                {"$ref": "#/definitions/Pet"},
                {
                    "properties": {"name": {"maxLength": 9}, "barks": {"type": "boolean"}},
                    "required": ["barks"],
                },
            ],
        },
        definitions={
            "Pet": {
                "type": "object",
                "description": "Any pet.",
                "properties": {"name": {"type": "string", "minLength": 1}},
                "required": ["name"],
            }
        },
    )

    assert result == {
        "type": "object",
        "description": "A dog. Any pet.",
        "properties": {
            "name": {"type": "string", "minLength": 1, "maxLength": 9},
            "barks": {"type": "boolean"},
        },
        "required": ["name", "barks"],
    }


def test_what_stands_beside_any_of_moves_into_its_branches() -> None:
    """`type` beside `anyOf` is a 400; each branch gets what the parent said."""
    result = one(
        {
            "type": "object",
            "properties": {"id": {"type": "integer"}},
            "anyOf": [
                {"properties": {"a": {"type": "string"}}, "required": ["a"]},
                {"properties": {"b": {"type": "string"}}, "required": ["b"]},
                {"type": "string"},
            ],
        }
    )

    first, second = result["anyOf"]
    assert list(result) == ["anyOf"]
    assert first["properties"] == {"id": {"type": "integer"}, "a": {"type": "string"}}
    assert second["required"] == ["b"]


def test_a_root_of_alternatives_becomes_one_object() -> None:
    """The endpoint wants `"type": "object"` at the root; a sentence tells the sets apart."""
    result = flavored(
        {
            "oneOf": [
                {
                    "type": "object",
                    "properties": {"mode": {"const": mode}, name: {"type": "string"}},
                    "required": ["mode", name],
                    "additionalProperties": False,
                }
                for mode, name in (("create", "title"), ("delete", "id"))
            ]
        }
    )

    assert result == {
        "type": "object",
        "properties": {
            "mode": {"type": "string", "enum": ["create", "delete"]},
            "title": {"type": "string"},
            "id": {"type": "string"},
        },
        "required": ["mode"],
        "additionalProperties": False,
        "description": "One of: (mode=create, title), (mode=delete, id).",
    }


@pytest.mark.parametrize(
    ("schema", "expected"),
    [
        ({}, {"type": "object"}),
        ({"type": ["object", "null"]}, {"type": "object"}),
        (
            {"type": "array", "items": {"type": "string"}},
            {
                "type": "object",
                "properties": {"value": {"type": "array", "items": {"type": "string"}}},
                "required": ["value"],
            },
        ),
        (None, {"type": "object"}),
        ([1], {"type": "object"}),
        (True, {"type": "object"}),
    ],
)
def test_a_root_is_an_object(schema: Any, expected: Any) -> None:
    """A root that takes no object is wrapped; what is no schema at all asks for nothing."""
    assert flavored(schema) == expected


def test_the_result_shares_nothing_with_the_schema() -> None:
    """A registry's schema stays as it is, whatever happens to what is sent."""
    schema = {
        "type": "object",
        "properties": {"a": {"type": "object", "default": {"b": []}}},
    }

    result = flavored(schema)
    result["properties"]["a"]["default"]["b"].append(1)

    assert schema["properties"]["a"]["default"] == {"b": []}  # type: ignore[index]


def test_wire_names() -> None:
    """Valid names stay; others are mended, and never into a name that another tool has."""
    names = ["files.read", "files_read", "files read", "ls", "2nd", "é", "x" * 70, "get-it"]

    assert wire_names(names) == {
        "files.read": "files_read_2",
        "files_read": "files_read",
        "files read": "files_read_3",
        "ls": "ls_",
        "2nd": "_2nd",
        "é": "___",
        "x" * 70: "x" * 64,
        "get-it": "get-it",
    }
