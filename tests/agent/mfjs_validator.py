"""
The rules of Moonshot's flavored JSON Schema at its default level, as a checker for tests.

Written from the contract sheet's section 3.8 and held to the validator's own test vectors
(tests/agent/test_flavored_schema_vectors.py); it shares no line with what it checks.
"""

import json
import math
from collections.abc import Iterator
from typing import Any

TYPES = {"string", "number", "integer", "boolean", "null", "array", "object"}
WORDS = {"description", "title"}
ROOT_ONLY = {"$defs", "$id"}
RESERVED = {"$defs", "$ref", "anyOf", "required", "additionalProperties"}
OF_TYPE = {
    "object": {"properties", "required", "additionalProperties"},
    "array": {"items", "minItems", "maxItems"},
    "string": {"minLength", "maxLength", "pattern", "enum"},
    "number": {"minimum", "maximum", "enum"},
    "integer": {"minimum", "maximum", "enum"},
    "boolean": {"enum"},
    "null": {"enum"},
}
KNOWN = set().union(*OF_TYPE.values()) | WORDS | ROOT_ONLY | {"type", "anyOf", "$ref", "default"}


class Refused(Exception):
    """A schema breaks a rule; the text is the validator's own, as far as the sheet has it."""


def validate(schema: Any, *, strict: bool = False, depth: int = 30) -> None:
    """
    Raise Refused if the schema breaks a rule.

    `strict` adds what the sheet asks for and the shipped validator does not: a root of the
    type object, one type in every subschema without `anyOf` and `$ref`, no null in an enum,
    and a finite value for everything that is required. `depth` is how many levels of
    properties there may be, references followed.
    """
    if not isinstance(schema, dict):
        raise Refused("schema must be a dict")
    text = json.dumps(schema, ensure_ascii=False, separators=(",", ":"), allow_nan=False)
    size = len(text.encode("utf-8", "surrogatepass"))
    _ask(size <= 120_000, "schema exceeds maximum allowed size")
    if strict:
        _ask(schema.get("type") == "object", 'type is required and must be "object"')
    _defs(schema)
    _Checker(schema, strict=strict, depth=depth).check()


def _ask(holds: bool, message: str) -> None:
    if not holds:
        raise Refused(message)


def _defs(root: dict[str, Any]) -> None:
    if "$defs" not in root:
        return
    _ask(isinstance(root["$defs"], dict), "$defs must be an object")
    for name, schema in root["$defs"].items():
        _ask(name != "", "$defs property name cannot be empty")
        if name in KNOWN and not isinstance(schema, dict):
            continue  # A schema where a map of schemas belongs; told by its unknown keywords.
        _ask("/" not in name, f"$defs property name '{name}' cannot contain '/' character")
        _ask(isinstance(schema, dict), f"$defs schema must be object: {name}")
        for key in _keys(schema):
            _ask("/" not in key, f"$defs property name '{key}' cannot contain '/' character")


def _keys(value: Any) -> Iterator[str]:
    if isinstance(value, dict):
        for key, part in value.items():
            yield key
            yield from _keys(part)
    elif isinstance(value, list):
        for part in value:
            yield from _keys(part)


class _Checker:
    """Checks one document."""

    def __init__(self, root: dict[str, Any], *, strict: bool, depth: int) -> None:
        self.root = root
        self.strict = strict
        self.depth = depth
        self.properties = 0

    def check(self) -> None:
        """Check the keywords of every schema, then the references, then the depth."""
        for name, schema in self.root.get("$defs", {}).items():
            if isinstance(schema, dict):
                self._schema(schema, is_root=False)
            elif name not in KNOWN:
                raise Refused("$defs schema must be object")
        self._schema(self.root, is_root=True)
        _ask(self.properties <= 3_000, "total number of properties keys exceeds maximum limit")
        self._depth(self.root, 0, frozenset())
        self._endings()
        self._conflicts(self.root)

    def _schema(self, schema: dict[str, Any], *, is_root: bool) -> None:
        beside = WORDS | (ROOT_ONLY if is_root else set())
        unknown = [key for key in schema if key not in KNOWN]
        _ask(not unknown, f"unsupported keywords: {', '.join(unknown)}")
        for key, words in (
            ("anyOf", "when using anyOf, type should be defined in anyOf items"),
            ("$ref", "when using $ref, type should be defined in the referenced schema"),
        ):
            if key in schema:
                _ask("type" not in schema, f"{words} instead of the parent schema")
        if "type" in schema:
            self._typed(schema, beside)
        elif self.strict:
            _ask("anyOf" in schema or "$ref" in schema, "type is not defined")
        if not is_root:
            for key in ROOT_ONLY:
                _ask(key not in schema, f"keyword {key} must be at root level")
        self._words(schema)
        if "$ref" in schema:
            self._reference(schema, beside)
        if "anyOf" in schema:
            self._any_of(schema, beside)
        self._parts(schema)

    def _words(self, schema: dict[str, Any]) -> None:
        for key in ("description", "$id"):
            _ask(isinstance(schema.get(key, ""), str), f"{key} must be a string")
        _ask(isinstance(schema.get("pattern", ""), str), "pattern must be a string")

    def _reference(self, schema: dict[str, Any], beside: set[str]) -> None:
        text = schema["$ref"]
        _ask(isinstance(text, str), "$ref must be a string")
        if text != "#":
            _ask(text.startswith("#/$defs/"), "references must start with #/$defs/")
            _ask("$defs" in self.root, f"$defs not found for reference: {text}")
        for key in schema.keys() - {"$ref"} - beside:
            raise Refused(f"keyword '{key}' is not allowed at the same level as $ref")

    def _any_of(self, schema: dict[str, Any], beside: set[str]) -> None:
        parts = schema["anyOf"]
        _ask(isinstance(parts, list), "anyOf must be an array")
        _ask(1 <= len(parts) <= 500, "anyOf must have 1-500 items")
        _ask(all(isinstance(part, dict) for part in parts), "schema in anyOf must be an object")
        for key in schema.keys() - {"anyOf"} - beside:
            raise Refused(f"keyword '{key}' is not allowed at the same level as anyOf")

    def _typed(self, schema: dict[str, Any], beside: set[str]) -> None:
        types = schema["type"] if isinstance(schema["type"], list) else [schema["type"]]
        if not isinstance(schema["type"], list):
            _ask(isinstance(schema["type"], str), "type must be string or array of strings")
            _ask(schema["type"] in TYPES, f"invalid type: {schema['type']}")
        elif self.strict:
            raise Refused("type must be a string")
        _ask(bool(types), "type array cannot be empty")
        for name in types:
            _ask(isinstance(name, str) and name in TYPES, "invalid type in type array")
        values = schema.get("enum")
        if len(types) > 1 and values is not None:
            for name in {"object", "array"} & set(types):
                raise Refused(f"type {name} is not allowed in combination with enum")
        allowed = OF_TYPE[types[0]] | beside | {"type", "default"}
        if len(types) > 1:
            only = beside | {"type"} | ({"enum", *allowed} if values is not None else set())
            for key in schema.keys() - only:
                wrong = "invalid keywords" if values is not None else "keyword"
                raise Refused(f"{wrong} {key} is not allowed in combination with multiple types")
        wrong = ", ".join(key for key in schema if key not in allowed | ROOT_ONLY)
        _ask(not wrong, f"invalid keywords: {wrong}")
        self._bounds(schema, types[0])

    def _bounds(self, schema: dict[str, Any], name: str) -> None:
        for low, high in (("minLength", "maxLength"), ("minItems", "maxItems")):
            for key in (low, high):
                if key in schema:
                    _ask(_is_number(schema[key]), f"{key} must be an integer")
                    _ask(schema[key] >= 0, f"{key} must be non-negative")
                    _ask(schema[key] == int(schema[key]), "not a valid integer")
        for key in ("minimum", "maximum"):
            if key in schema:
                kind = "an integer" if name == "integer" else "a number"
                _ask(_is_number(schema[key]), f"{key} must be {kind}")
                whole = name == "number" or schema[key] == int(schema[key])
                _ask(whole, "not a valid integer")
        for low, high in (
            ("minLength", "maxLength"),
            ("minItems", "maxItems"),
            ("minimum", "maximum"),
        ):
            if low in schema and high in schema:
                message = f"{low} cannot be greater than {high}"
                _ask(schema[low] <= schema[high], message)

    def _parts(self, schema: dict[str, Any]) -> None:
        if "properties" in schema:
            self._properties(schema["properties"])
        if "required" in schema:
            self._required(schema)
        if "enum" in schema:
            self._enum(schema)
        if "items" in schema:
            _ask(isinstance(schema["items"], dict), "items must be an object")
        if "additionalProperties" in schema:
            _ask(
                isinstance(schema["additionalProperties"], bool | dict),
                "additionalProperties must be a boolean or an object",
            )
        for part in _inside(schema):
            self._schema(part, is_root=False)

    def _properties(self, properties: Any) -> None:
        _ask(isinstance(properties, dict), "properties must be an object")
        self.properties += len(properties)
        for name, part in properties.items():
            _ask(name != "", "property name cannot be empty")
            message = f"property name '{name}' is reserved for JSON Schema keywords"
            _ask(name not in RESERVED, message)
            _ask(isinstance(part, dict), f"property schema for '{name}' must be an object")

    def _required(self, schema: dict[str, Any]) -> None:
        required = schema["required"]
        _ask(isinstance(required, list), "required must be an array")
        for name in required:
            _ask(isinstance(name, str), "items in required array must be strings")
            _ask(name != "", "property names in required array cannot be empty")
            _ask(required.count(name) == 1, f"duplicate items in required array: {name}")
            message = "required specified but 'properties' keyword is missing"
            _ask("properties" in schema, message)
            message = f"required property '{name}' is not defined in properties"
            _ask(name in schema["properties"], message)

    def _enum(self, schema: dict[str, Any]) -> None:
        values = schema["enum"]
        _ask(isinstance(values, list), "enum must be an array")
        _ask(len(values) > 0, "enum array cannot be empty")
        _ask(len(values) <= 1_000, "enum array cannot have more than 1000 items")
        types = schema.get("type")
        _ask(types is not None, "type is not defined")
        names: list[str] = types if isinstance(types, list) else [str(types)]
        for value in values:
            if self.strict:
                _ask(value is not None, "enum value (null) is not allowed")
            if set(names) & {"number", "integer"}:
                _ask(value is None or _is_number(value), "not a valid number")
            message = f"enum value ({value}) does not match any type in {names}"
            _ask(any(_matches(value, name) for name in names), message)

    def _target(self, text: str) -> dict[str, Any]:
        target = self._found(text)
        if not isinstance(target, dict):
            raise Refused(f"invalid $ref path: {text}")
        return target

    def _found(self, text: str) -> Any:
        at: Any = self.root
        for token in text.split("/")[1:]:
            at = at.get(token) if isinstance(at, dict) else None
        return at

    def _depth(self, schema: dict[str, Any], depth: int, followed: frozenset[str]) -> None:
        _ask(depth <= self.depth, f"schema depth exceeds maximum limit of {self.depth}")
        text = schema.get("$ref", "#")
        if text not in followed and text != "#":
            target = self._found(text)
            if isinstance(target, dict):
                self._depth(target, depth, followed | {text})
        for part in schema.get("properties", {}).values():
            self._depth(part, depth + 1, followed)
        for part in _inside({**schema, "properties": {}}):
            self._depth(part, depth, followed)
        if schema is self.root:
            for part in schema.get("$defs", {}).values():
                self._depth(part, depth, frozenset())

    def _conflicts(self, schema: dict[str, Any]) -> None:
        if "$ref" in schema and schema["$ref"] != "#":
            target = self._target(schema["$ref"])
            for key in WORDS & schema.keys() & target.keys():
                raise Refused(f"conflicting keywords found after $ref expansion: {key}")
        for part in [*_inside(schema), *schema.get("$defs", {}).values()]:
            if isinstance(part, dict):
                self._conflicts(part)

    def _endings(self) -> None:
        """Refuse recursion without an end, where it is required from the root."""
        message = "detected infinite recursion without termination condition"
        starts = [self.root]
        if self.strict:
            starts += self.root.get("$defs", {}).values()
            for schema in starts:
                _ask(self._finite(schema, frozenset()), message)
        for schema in starts:
            _ask(self._ends(schema, set()), message)

    def _ends(self, schema: dict[str, Any], seen: set[str]) -> bool:
        """Follow items and required properties to something that ends by itself."""
        if "$ref" in schema:
            if schema["$ref"] in seen:
                return False
            seen.add(schema["$ref"])
            return self._ends(self._target(schema["$ref"]), seen)
        if "anyOf" in schema:
            return any(self._ends(part, set(seen)) for part in schema["anyOf"])
        types = schema["type"] if isinstance(schema.get("type"), list) else [schema.get("type")]
        if types == ["array"]:
            return "items" not in schema or self._ends(schema["items"], seen)
        required = [schema["properties"][name] for name in schema.get("required", [])]
        return not required or any(self._ends(part, seen) for part in required)

    def _finite(self, schema: dict[str, Any], seen: frozenset[str]) -> bool:
        """Say whether a finite value fits."""
        if "$ref" in schema:
            text = schema["$ref"]
            return text not in seen and self._finite(self._target(text), seen | {text})
        if "anyOf" in schema:
            return any(self._finite(part, seen) for part in schema["anyOf"])
        if schema.get("minItems", 0) > 0:
            return "items" not in schema or self._finite(schema["items"], seen)
        required = [schema["properties"][name] for name in schema.get("required", [])]
        return all(self._finite(part, seen) for part in required)


def _inside(schema: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """Give the schemas directly inside a schema, definitions apart."""
    yield from schema.get("properties", {}).values()
    for key in ("items", "additionalProperties"):
        if isinstance(schema.get(key), dict):
            yield schema[key]
    yield from schema.get("anyOf", [])


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)


def _matches(value: Any, name: str) -> bool:
    if name in ("number", "integer"):
        return _is_number(value) and (name == "number" or value == int(value))
    kinds = {"string": str, "boolean": bool, "array": list, "object": dict, "null": type(None)}
    return isinstance(value, kinds[name])
