"""Tools: names, duplicates, number, and the dialect of schemas with its own test vectors."""

import json
from pathlib import Path
from typing import Any

import pytest

from kimi_mock.flavored import SchemaRefused, check
from kimi_mock.server import KimiMock
from tests.kimi_mock.asking import USER, Asker

VECTORS = Path(__file__).parents[3] / "shared" / "data" / "mfjs"
OBJECT: dict[str, Any] = {"type": "object", "properties": {}}
WRAPPER = "tools.function.parameters is not a valid moonshot flavored json schema, details: "
NAME_INVALID = (
    "function name is invalid, must start with a letter and can contain letters, numbers,"
    " underscores, and dashes"
)


def tool(name: str = "look", parameters: Any = OBJECT) -> dict[str, Any]:
    """Return a tool of the chat wire."""
    return {"type": "function", "function": {"name": name, "parameters": parameters}}


def refusal(schema: Any, **options: bool) -> str:
    """Return what the validator says, or nothing."""
    try:
        check(schema, **options)
    except SchemaRefused as refused:
        return str(refused)
    return ""


@pytest.mark.parametrize("name", ["1look", "", "a" * 65, "look.at", "sehen!", "größe"])
def test_names_that_are_refused(asker: Asker, name: str) -> None:
    """Letters, digits, `_` and `-`, not a digit first, 64 at most; kimi-cli#1773, #2531."""
    assert asker.refused(tools=[tool(name)]) == NAME_INVALID


def test_short_names_are_played_both_ways(kimi: KimiMock, asker: Asker) -> None:
    """The documents want three characters; nobody has seen two refused."""
    assert asker.refused(tools=[tool("ls")]) == ""

    kimi.short_tool_names = "refused"

    assert asker.refused(tools=[tool("ls")]) == NAME_INVALID
    assert asker.refused(tools=[tool("cat"), tool("a" * 64)]) == ""


def test_the_list_as_a_whole(asker: Asker) -> None:
    """No name twice, not in a system message either; 128 at most; a built-in needs no schema."""
    search = {"type": "builtin_function", "function": {"name": "$web_search"}}
    loaded = {"role": "system", "content": "More.", "tools": [tool("look")]}

    assert asker.refused(tools=[tool("look"), tool("look")]) == "function name look is duplicated"
    assert asker.refused(tools=[tool("look")], messages=[USER, loaded]) == (
        "function name look is duplicated"
    )
    assert asker.refused(tools=[tool(f"t{n}") for n in range(128)]) == ""
    assert "128" in asker.refused(tools=[tool(f"t{n}") for n in range(129)])
    assert asker.refused(tools=[search, {"type": "function", "function": {"name": "bare"}}]) == ""
    assert asker.refused(tools=["look"]) == "Invalid request: tools must be objects"
    assert asker.refused(tools=[{}]) == "Invalid request: tools.function is required"


def test_the_wrapper_of_a_schema_error(kimi: KimiMock, asker: Asker) -> None:
    """The root must be an object; all else is wrapped with the path; a switch unchecks."""
    nested = {
        "type": "object",
        "properties": {"a": {"type": "array", "items": {"type": "string", "anyOf": [{}]}}},
    }

    assert asker.refused(tools=[tool(parameters={"type": "string"})]) == (
        'tools.function.parameters.type is required and must be "object"'
    )
    assert asker.refused(tools=[tool(parameters=nested)]) == (
        f"{WRAPPER}<At path 'properties.a.items': when using anyOf, type should be defined in"
        " anyOf items instead of the parent schema>"
    )
    kimi.schemas = "unchecked"
    assert asker.refused(tools=[tool(parameters=nested)]) == ""


def test_the_levels(kimi: KimiMock, asker: Asker) -> None:
    """A keyword beyond the dialect passes at `loose`; a missing type is refused on demand."""
    dated = {"type": "object", "properties": {"a": {"type": "string", "format": "date"}}}
    untyped = {"type": "object", "properties": {"a": {"description": "anything"}}}
    assert asker.refused(tools=[tool(parameters=dated)]) == (
        f"{WRAPPER}<At path 'properties.a': unsupported keywords: format>"
    )
    assert asker.refused(tools=[tool(parameters=untyped)]) == ""

    kimi.schemas, kimi.untyped_schemas = "loose", "refused"

    assert asker.refused(tools=[tool(parameters=dated)]) == ""
    assert asker.refused(tools=[tool(parameters=untyped)]) == (
        f"{WRAPPER}<At path 'properties.a': type is not defined>"
    )


@pytest.mark.parametrize(
    ("schema", "message"),
    [
        ([], "At path 'root': schema must be a dict"),
        ({"type": "object", "required": 1}, "At path 'root': required must be an array"),
        (
            {"type": "object", "properties": {"a": {}}, "required": ["a", "a"]},
            "At path 'root': duplicate items in required array: a",
        ),
        (
            {"type": "object", "properties": {"a": {"type": "object", "$defs": {}}}},
            "At path 'properties.a': $defs must be at root level",
        ),
        (
            {"type": "string", "enum": [1]},
            "At path 'root': enum value (1) does not match any type in ['string']",
        ),
        ({"enum": [{}]}, "At path 'root': enum values cannot be objects or arrays"),
        (
            {"anyOf": [{"type": "string"}, {"type": "blob"}]},
            "At path 'anyOf': invalid type: blob",
        ),
        ({"anyOf": [{}] * 501}, "At path 'root': anyOf must have 1-500 items"),
        ({"description": "x" * 120_000}, "At path 'root': schema exceeds maximum allowed size"),
        (
            {"type": "object", "properties": {f"p{n}": {} for n in range(3_001)}},
            "At path 'root': schema has more than 3000 property keys",
        ),
        (
            {"$ref": "#/$defs/a/b", "$defs": {"a": {}}},
            "At path 'root': invalid $ref path: #/$defs/a/b",
        ),
    ],
)
def test_what_the_vectors_leave_out(schema: Any, message: str) -> None:
    """Limits, and the exact words with their path."""
    assert refusal(schema) == message


def test_depth() -> None:
    """Thirty levels pass, thirty-one do not."""

    def nested(levels: int) -> dict[str, Any]:
        return {"type": "array", "items": nested(levels - 1)} if levels > 1 else {"type": "null"}

    assert refusal(nested(30)) == ""
    assert refusal(nested(31)).endswith("schema depth exceeds maximum limit of 30")


def vectors(kind: str) -> list[Any]:
    """Return the rows of Moonshot's published test vectors; contract 3.8."""
    return [
        json.loads(line)
        for path in sorted(VECTORS.glob(f"*.{kind}.jsonl"))
        for line in path.read_text("utf-8").split("\n")
        if line
    ]


@pytest.mark.skipif(not VECTORS.is_dir(), reason=f"no test vectors in {VECTORS}")
def test_the_published_valid_vectors() -> None:
    """Every schema that Moonshot's own validator takes is taken."""
    schemas = vectors("valid")

    assert [schema for schema in schemas if refusal(schema)] == []
    assert len(schemas) > 100


@pytest.mark.skipif(not VECTORS.is_dir(), reason=f"no test vectors in {VECTORS}")
def test_the_published_invalid_vectors() -> None:
    """Every schema that it refuses is refused in its words, but for a depth of another level."""
    judged = [
        row for row in vectors("invalid") if not row["unmarshal"] and "depth" not in row["expect"]
    ]
    told = [(row["expect"], refusal(json.loads(row["schema"])), row["schema"]) for row in judged]

    assert [each for each in told if each[0] not in each[1]] == []
    assert len(judged) > 130
