"""
A validator of Moonshot's dialect of JSON Schema, in the words of its errors.

Written from the dialect's description and its published test vectors (contract 3.8), so that
a client's rewriting of schemas meets a judge that shares no line with it.
"""

from collections.abc import Callable, Mapping
from typing import Any

from kimi_mock.references import ROOT, SchemaRefused, check_termination, resolve
from kimi_mock.replies import compact_json

__all__ = ["SchemaRefused", "check"]

Schema = dict[str, Any]

MOST_DEPTH = 30
MOST_BRANCHES = 500
MOST_ENUM = 1_000
MOST_PROPERTIES = 3_000
MOST_BYTES = 120_000
RESERVED = frozenset({"$defs", "$ref", "anyOf", "required", "additionalProperties"})
ANYWHERE = frozenset({"type", "title", "description", "default", "enum", "$id", "$defs"})
KEYWORDS: dict[str, frozenset[str]] = {
    "object": frozenset({"properties", "required", "additionalProperties"}),
    "array": frozenset({"items", "minItems", "maxItems"}),
    "string": frozenset({"minLength", "maxLength", "pattern"}),
    "number": frozenset({"minimum", "maximum"}),
    "integer": frozenset({"minimum", "maximum"}),
    "boolean": frozenset(),
    "null": frozenset(),
}
KNOWN = ANYWHERE.union(*KEYWORDS.values(), {"anyOf", "$ref"})
BESIDE = {
    "anyOf": frozenset({"anyOf", "title", "description"}),
    "$ref": frozenset({"$ref", "title", "description"}),
}
AT_ROOT = frozenset({"$id", "$defs"})
WITH_MANY_TYPES = frozenset({"type", "title", "description", "default", "enum"})
PAIRS = (("minLength", "maxLength"), ("minItems", "maxItems"), ("minimum", "maximum"))
# Type → whether an enum's value is one of it.
IS_OF: dict[str, Callable[[Any], bool]] = {
    "object": lambda value: isinstance(value, dict),
    "array": lambda value: isinstance(value, list),
    "string": lambda value: isinstance(value, str),
    "number": lambda value: isinstance(value, int | float) and not isinstance(value, bool),
    "integer": lambda value: isinstance(value, int) and not isinstance(value, bool),
    "boolean": lambda value: isinstance(value, bool),
    "null": lambda value: value is None,
}


def check(schema: Any, *, loose: bool = False, typed: bool = False) -> None:
    """
    Raise SchemaRefused at the first place where `schema` breaks a rule.

    `loose` lets keywords through that the dialect does not have; `typed` wants a `type` in
    every subschema that is neither `anyOf` nor `$ref`. The root need not be an object here:
    that is a rule for tools.
    """
    if not isinstance(schema, dict):
        raise SchemaRefused(ROOT, "schema must be a dict")
    if len(compact_json(schema).encode("utf-8", "surrogatepass")) > MOST_BYTES:
        raise SchemaRefused(ROOT, "schema exceeds maximum allowed size")
    _Checker(schema, loose=loose, typed=typed).visit(schema, "", 1)
    check_termination(schema)


class _Checker:
    """Walks one schema; `properties` are counted over all of it."""

    def __init__(self, root: Schema, *, loose: bool, typed: bool) -> None:
        self._root = root
        self._loose = loose
        self._typed = typed
        self._properties = 0

    def visit(self, node: Schema, path: str, depth: int) -> None:
        """Check one subschema and those inside it; `depth` counts from 1 at the root."""
        if depth > MOST_DEPTH:
            raise SchemaRefused(path, f"schema depth exceeds maximum limit of {MOST_DEPTH}")
        self._check_keywords(node, path)
        if "$defs" in node:
            self._check_defs(node["$defs"], path, depth)
        if "$ref" in node:
            resolve(self._root, node["$ref"], path)
        elif "anyOf" in node:
            self._check_branches(node["anyOf"], path, depth)
        else:
            self._check_typed(node, path, depth)

    def _check_keywords(self, node: Schema, path: str) -> None:
        unknown = sorted(set(node) - KNOWN)
        if unknown and not self._loose:
            raise SchemaRefused(path, f"unsupported keywords: {', '.join(unknown)}")
        for keyword in ("$ref", "anyOf"):
            if keyword in node:
                self._check_beside(node, keyword, path)
                break
        else:
            if "type" in node:
                _check_type(node["type"], path)
        for name in ("description", "$id"):
            if not isinstance(node.get(name, ""), str):
                raise SchemaRefused(path, f"{name} must be a string")

    def _check_beside(self, node: Schema, keyword: str, path: str) -> None:
        if keyword == "$ref" and not isinstance(node["$ref"], str):
            raise SchemaRefused(path, "$ref must be a string")
        if "type" in node:
            where = "anyOf items" if keyword == "anyOf" else "the referenced schema"
            raise SchemaRefused(
                path,
                f"when using {keyword}, type should be defined in {where} instead of the"
                " parent schema",
            )
        allowed = BESIDE[keyword] | (AT_ROOT if node is self._root else frozenset())
        if self._loose:
            allowed |= set(node) - KNOWN
        for name in sorted(set(node) - allowed):
            message = f"keyword '{name}' is not allowed at the same level as {keyword}"
            raise SchemaRefused(path, message)

    def _check_branches(self, branches: Any, path: str, depth: int) -> None:
        if not isinstance(branches, list):
            raise SchemaRefused(path, "anyOf must be an array")
        if not 1 <= len(branches) <= MOST_BRANCHES:
            raise SchemaRefused(path, f"anyOf must have 1-{MOST_BRANCHES} items")
        for branch in branches:
            if not isinstance(branch, dict):
                raise SchemaRefused(path, "schema in anyOf must be an object")
        for branch in branches:
            self.visit(branch, _under(path, "anyOf"), depth + 1)

    def _check_defs(self, defs: Any, path: str, depth: int) -> None:
        if path:
            raise SchemaRefused(path, "$defs must be at root level")
        if not isinstance(defs, dict):
            raise SchemaRefused(path, "$defs must be an object")
        for name, schema in sorted(defs.items()):
            _check_name(f"$defs.{name}", "$defs property name", name)
            if not isinstance(schema, dict):
                raise SchemaRefused(f"$defs.{name}", "$defs schema must be object")
            self.visit(schema, f"$defs.{name}", depth + 1)

    def _check_typed(self, node: Schema, path: str, depth: int) -> None:
        types = _types(node)
        if not types and self._typed:
            raise SchemaRefused(path, "type is not defined")
        _check_combination(node, types, path)
        if "$id" in node and node is not self._root:
            raise SchemaRefused(path, "$id must be at root level")
        if types and not self._loose:
            allowed = ANYWHERE.union(*(KEYWORDS[each] for each in types))
            if wrong := sorted(set(node) - allowed):
                raise SchemaRefused(path, f"invalid keywords: {', '.join(wrong)}")
        if "enum" in node:
            _check_enum(node["enum"], types, path)
        _check_ranges(node, types, path)
        self._check_object(node, path, depth)
        self._check_array(node, path, depth)

    def _check_object(self, node: Schema, path: str, depth: int) -> None:
        if "properties" in node:
            self._check_properties(node["properties"], path, depth)
        if "required" in node:
            _check_required(node, path)
        if "additionalProperties" in node:
            extra = node["additionalProperties"]
            if not isinstance(extra, bool | dict):
                raise SchemaRefused(path, "additionalProperties must be a boolean or an object")
            if isinstance(extra, dict):
                self.visit(extra, _under(path, "additionalProperties"), depth + 1)

    def _check_properties(self, properties: Any, path: str, depth: int) -> None:
        if not isinstance(properties, dict):
            raise SchemaRefused(path, "properties must be an object")
        self._properties += len(properties)
        if self._properties > MOST_PROPERTIES:
            raise SchemaRefused(path, f"schema has more than {MOST_PROPERTIES} property keys")
        for name, schema in properties.items():
            place = _under(path, f"properties.{name}")
            _check_name(place, "property name", name)
            if name in RESERVED:
                message = f"property name '{name}' is reserved for JSON Schema keywords"
                raise SchemaRefused(path, message)
            if not isinstance(schema, dict):
                raise SchemaRefused(place, "property schema must be an object")
            self.visit(schema, place, depth + 1)

    def _check_array(self, node: Schema, path: str, depth: int) -> None:
        if "items" not in node:
            return
        if not isinstance(node["items"], dict):
            raise SchemaRefused(path, "items must be an object")
        self.visit(node["items"], _under(path, "items"), depth + 1)


def _under(path: str, name: str) -> str:
    return f"{path}.{name}" if path else name


def _types(node: Mapping[str, Any]) -> list[str]:
    """Return the types a node names, checked before; none for an untyped one."""
    named = node.get("type", [])
    return [named] if isinstance(named, str) else list(named)


def _check_type(named: Any, path: str) -> None:
    if isinstance(named, list):
        if not named:
            raise SchemaRefused(path, "type array cannot be empty")
        if not all(isinstance(each, str) for each in named):
            raise SchemaRefused(path, "invalid type in type array")
    elif not isinstance(named, str):
        raise SchemaRefused(path, "type must be string or array of strings")
    for each in named if isinstance(named, list) else [named]:
        if each not in KEYWORDS:
            raise SchemaRefused(path, f"invalid type: {each}")


def _check_combination(node: Schema, types: list[str], path: str) -> None:
    """Several types, `null` apart, stand with few keywords; a compound one not with enum."""
    several = [each for each in types if each != "null"]
    if len(several) < 2:
        return
    for name in sorted(set(node) & KNOWN - WITH_MANY_TYPES):
        message = f"keyword '{name}' is not allowed in combination with multiple types"
        raise SchemaRefused(path, message)
    if "enum" in node and {"object", "array"} & set(several):
        raise SchemaRefused(path, f"type {types} is not allowed in combination with enum")


def _check_name(path: str, what: str, name: str) -> None:
    """A name is not empty, and within `$defs`, whose paths it would break, without a slash."""
    if not name:
        raise SchemaRefused(path, f"{what} cannot be empty")
    if "/" in name and path.startswith("$defs"):
        raise SchemaRefused(path, f"{what} '{name}' cannot contain '/' character")


def _check_enum(values: Any, types: list[str], path: str) -> None:
    if not isinstance(values, list):
        raise SchemaRefused(path, "enum must be an array")
    if not values:
        raise SchemaRefused(path, "enum array cannot be empty")
    if len(values) > MOST_ENUM:
        raise SchemaRefused(path, f"enum array cannot have more than {MOST_ENUM} items")
    for value in values:
        if types and not any(IS_OF[each](value) for each in types):
            raise SchemaRefused(path, _mismatch(value, types))
        if isinstance(value, dict | list):
            raise SchemaRefused(path, "enum values cannot be objects or arrays")


def _mismatch(value: Any, types: list[str]) -> str:
    if types in (["number"], ["integer"]):
        return f"enum value ({compact_json(value)}) is not a valid {types[0]}"
    return f"enum value ({compact_json(value)}) does not match any type in {types}"


def _check_required(node: Schema, path: str) -> None:
    required = node["required"]
    if not isinstance(required, list):
        raise SchemaRefused(path, "required must be an array")
    if required and "properties" not in node:
        raise SchemaRefused(path, "required specified but 'properties' keyword is missing")
    seen: set[str] = set()
    for name in required:
        if not isinstance(name, str):
            raise SchemaRefused(path, "items in required array must be strings")
        if not name:
            raise SchemaRefused(path, "property names in required array cannot be empty")
        if name in seen:
            raise SchemaRefused(path, f"duplicate items in required array: {name}")
        if name not in node["properties"]:
            raise SchemaRefused(path, f"required property '{name}' is not defined in properties")
        seen.add(name)


def _check_ranges(node: Schema, types: list[str], path: str) -> None:
    for low, high in PAIRS:
        for name in (low, high):
            if name in node:
                _check_bound(name, node[name], types, path)
        if low in node and high in node and node[low] > node[high]:
            raise SchemaRefused(path, f"{low} cannot be greater than {high}")


def _check_bound(name: str, value: Any, types: list[str], path: str) -> None:
    """Counts are whole and not negative; other bounds are of the type they bound."""
    counts = name not in {"minimum", "maximum"}
    whole = counts or types == ["integer"]
    if not IS_OF["number"](value):
        kind = "an integer" if whole else "a number"
        raise SchemaRefused(path, f"{name} must be {kind}")
    if whole and value != int(value):
        kind = "must be an integer" if counts else "is not a valid integer"
        raise SchemaRefused(path, f"{name} {kind}")
    if counts and value < 0:
        raise SchemaRefused(path, f"{name} must be non-negative")
