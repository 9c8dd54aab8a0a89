"""The flavored dialect's own test vectors: our checker knows its rules, our schemas keep them."""

import json
import random
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from agent.wire.flavored_schema import flavored
from tests.agent.mfjs_validator import Refused, validate
from tests.agent.schema_instances import accepts, sample

VECTORS = Path(__file__).parents[2].parent / "shared/data/mfjs"
ENDLESS = "XXX"
"""A definition that requires itself: no value fits it, so it cannot keep its meaning."""


def _lines(kind: str) -> Iterator[tuple[str, Any]]:
    for path in sorted(VECTORS.glob(f"*.{kind}.jsonl")):
        for line in path.read_text().splitlines():
            yield path.name.split(".")[0], json.loads(line)


@pytest.fixture(scope="module")
def valid() -> list[Any]:
    """The schemas that the dialect's validator accepts."""
    if not VECTORS.is_dir():
        pytest.skip(f"The vectors of the flavored dialect are not at {VECTORS}.")
    return [schema for _, schema in _lines("valid")]


@pytest.fixture(scope="module")
def invalid() -> list[tuple[Any, str, str]]:
    """Those it refuses and that are JSON objects, each with its suite and a part of the error."""
    if not VECTORS.is_dir():
        pytest.skip(f"The vectors of the flavored dialect are not at {VECTORS}.")
    found = []
    for suite, line in _lines("invalid"):
        # `unmarshal` marks texts that Go's JSON parser refuses; the rest of those are no objects.
        if line["unmarshal"] or line["expect"] == "JSON schema parsing error":
            continue
        found.append((json.loads(line["schema"]), suite, line["expect"]))
    return found


def test_the_checker_accepts_what_the_validator_accepts(valid: list[Any]) -> None:
    """Every valid vector passes the rules written down in mfjs_validator.py."""
    for schema in valid:
        validate(schema)

    assert len(valid) > 200


def test_the_checker_refuses_what_the_validator_refuses(
    invalid: list[tuple[Any, str, str]],
) -> None:
    """Every invalid vector breaks the rule that its line names, in the same words."""
    for schema, suite, expected in invalid:
        # The suites on depth were written for the 5 levels of the documentation.
        depth = 5 if suite == "TestNestedDefsDepth" or "depth" in expected else 30
        with pytest.raises(Refused) as caught:
            validate(schema, depth=depth)
        assert expected in str(caught.value), schema

    assert len(invalid) > 150


def test_every_vector_becomes_a_schema_that_is_allowed(
    valid: list[Any], invalid: list[tuple[Any, str, str]]
) -> None:
    """Valid or invalid, what comes out passes at the strictest level, and stays as it is."""
    for schema in [*valid, *(schema for schema, _, _ in invalid)]:
        result = flavored(schema)
        validate(result, strict=True)
        assert flavored(result) == result


def test_valid_objects_keep_their_meaning(valid: list[Any]) -> None:
    """A valid schema of an object takes the same values before and after."""
    chance = random.Random(3)  # noqa: S311 - not for secrets
    objects = [schema for schema in valid if schema.get("type") in ("object", ["object"])]
    asked = 0
    for schema in objects:
        if ENDLESS in schema.get("$defs", {}):
            continue
        result = flavored(schema)
        for _ in range(15):
            value = sample(schema, chance)
            same = accepts(schema, value) == accepts(result, value)
            assert same or not isinstance(value, dict), (schema, result, value)
            asked += accepts(schema, value)

    assert len(objects) > 100
    assert asked > 1_000


def test_valid_objects_come_back_as_they_were(valid: list[Any]) -> None:
    """Where nothing has to be written otherwise, the schema that is sent is the tool's own."""
    rewritten = ('"$defs"', '"type": [', '"additionalProperties": {}')
    own = [
        schema
        for schema in valid
        if schema.get("type") == "object"
        and not any(mark in json.dumps(schema) for mark in rewritten)
    ]

    assert [schema for schema in own if flavored(schema) != schema] == []
    assert len(own) > 80


def test_other_valid_roots_keep_their_meaning_in_a_property(valid: list[Any]) -> None:
    """A root that takes no object becomes the property `value`, which takes the same."""
    chance = random.Random(3)  # noqa: S311 - not for secrets
    wrapped = 0
    for schema in valid:
        result = flavored(schema)
        if list(result.get("properties", {})) != ["value"] or "object" in json.dumps(schema):
            continue
        wrapped += 1
        for _ in range(15):
            value = sample(schema, chance)
            assert accepts(schema, value) == accepts(result, {"value": value}), (schema, value)

    assert wrapped > 30
