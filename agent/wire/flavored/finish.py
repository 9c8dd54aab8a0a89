"""Nodes (merge.py) → the schema as it is sent: the dialect's limits and last rules."""

import json
import math
import re
from collections.abc import Iterator, Mapping
from typing import Any

import msgspec

from agent.wire.flavored.merge import (
    ANY,
    Node,
    annotated,
    is_never,
    sentences,
    shown,
    union,
    without,
)

MOST_BYTES = 120_000
MOST_DEPTH = 30
MOST_PROPERTIES = 3_000
_MOST_BRANCHES = 500
_MOST_VALUES = 1_000
_MOST_STEPS = 50_000
_RESERVED = frozenset({"", "$defs", "$ref", "anyOf", "required", "additionalProperties"})


class Finish(msgspec.Struct, frozen=True, kw_only=True):
    """
    Makes schemas of nodes.

    `names` are the names under which definitions are sent, `#` for the root itself.
    `text_characters` is how long a description may be, `values` how many an enum may list,
    `properties` how many an object shows, of which those that are required come first.
    """

    names: Mapping[str, str]
    text_characters: int = MOST_BYTES
    values: int = _MOST_VALUES
    properties: int = MOST_PROPERTIES

    def schema(self, node: Node, *, in_definition: bool = False) -> Node:
        """Return the schema of a node; where nothing fits, one that asks to leave it out."""
        if "$ref" in node:
            result = self._reference(node)
        elif is_never(node):
            result = annotated({"type": "null"}, description="Leave this out.")
        elif "anyOf" in node:
            result = self._union(node, in_definition)
        elif node["type"] == "object":
            result = self._object(node, in_definition)
        elif node["type"] == "array":
            result = self._array(node, in_definition)
        else:
            result = self._scalar(node)
        if in_definition and _has_slash(result.get("default")):
            note = f"Default: {shown(result.pop('default'))}."
            result["description"] = sentences(result.get("description", ""), note)
        return self._shortened(result)

    def _shortened(self, schema: Node) -> Node:
        """Return the schema with a description of the length there is room for."""
        text = schema.get("description", "")
        if len(text) <= self.text_characters:
            return schema
        cut = text[: self.text_characters - 1] + "…" if self.text_characters else ""
        return {**schema, "description": cut} if cut else without(schema, "description")

    def _reference(self, node: Node) -> Node:
        reference: Node = {"$ref": self.names[node["$ref"]]}
        words = {key: node[key] for key in ("title", "description") if key in node}
        # Words beside a $ref whose target has the same are "conflicting keywords found after
        # $ref expansion: description" (400, 2026); around a union of one they are not.
        return {"anyOf": [reference]} | words if words else reference

    def _union(self, node: Node, in_definition: bool) -> Node:
        words = {key: node[key] for key in ("title", "description") if key in node}
        parts = [self.schema(part, in_definition=in_definition) for part in node["anyOf"]]
        if len(parts) > _MOST_BRANCHES:
            kinds = dict.fromkeys(part.get("type", "object") for part in parts)
            told = f"Any of {len(parts)} alternatives, which are not shown."
            parts = [{"type": kind} for kind in kinds]
            return annotated(annotated(union(parts), description=told), **words)
        return annotated(union(parts), **words)

    def _scalar(self, node: Node) -> Node:
        result = dict(node)
        if result["type"] == "integer":
            for key, rounded in (("minimum", math.ceil), ("maximum", math.floor)):
                if key in result:
                    result[key] = rounded(result[key])
            if "enum" in result:
                result["enum"] = [value for value in result["enum"] if value == int(value)]
        for low, high in (("minimum", "maximum"), ("minLength", "maxLength")):
            if low in result and high in result and result[low] > result[high]:
                del result[low], result[high]
        values = result.get("enum", [])
        if "enum" in result and not 0 < len(values) <= self.values:
            del result["enum"]
            told = ", ".join(shown(value, 60) for value in values[:20])
            note = f"One of {len(values)} values such as {told}." if values else ""
            text = sentences(result.get("description", ""), note)
            result |= {"description": text} if text else {}
        return result

    def _array(self, node: Node, in_definition: bool) -> Node:
        result = dict(node)
        if "items" in result:
            result["items"] = self.schema(result["items"], in_definition=in_definition)
        if result.get("minItems", 0) > result.get("maxItems", math.inf):
            del result["minItems"], result["maxItems"]
        return result

    def _object(self, node: Node, in_definition: bool) -> Node:
        result = dict(node)
        rest = result.get("additionalProperties", True)
        if isinstance(rest, dict):
            rest = self.schema(rest, in_definition=in_definition)
            result["additionalProperties"] = rest
        required: list[str] = result.get("required", [])
        properties = {
            name: self.schema(part, in_definition=in_definition)
            for name, part in result.get("properties", {}).items()
        }
        for name in required:
            if name and name not in properties and rest is not False:
                properties[name] = rest if isinstance(rest, dict) else self.schema(ANY)
        banned = [name for name in properties if _is_banned(name, in_definition)]
        notes = [_told(name, properties.pop(name), name in required) for name in banned]
        hidden = self._hidden(properties, required)
        if hidden:
            notes.append(f"Takes {len(hidden)} more properties, which are not shown.")
        properties = {name: properties[name] for name in properties if name not in hidden}
        if notes:
            result["description"] = sentences(result.get("description", ""), *notes)
            if result.get("additionalProperties") is False:
                del result["additionalProperties"]
        if properties or ("properties" in result and not notes):
            result["properties"] = properties
        else:
            result.pop("properties", None)
        if "required" in result:
            result["required"] = [name for name in required if name in properties]
            if required and not result["required"]:
                del result["required"]
        return result

    def _hidden(self, properties: Mapping[str, Node], required: list[str]) -> set[str]:
        """Return the names of the properties for which there is no room."""
        by_need = sorted(properties, key=lambda name: name not in required)
        return set(by_need[self.properties :])


def definition_names(references: list[str]) -> dict[str, str]:
    """Return a name under `$defs` for each reference: its last word, and no two alike."""
    names: dict[str, str] = {}
    for reference in references:
        plain = re.sub(r"[^\w.-]", "_", reference.rsplit("/", 1)[-1].strip("#")) or "root"
        is_plain = reference == f"#/$defs/{plain}"
        number = 1
        name = plain
        while name in names.values() or (not is_plain and f"#/$defs/{name}" in references):
            number += 1
            name = f"{plain}_{number}"
        names[reference] = name
    return names


def fits(schema: Node) -> bool:
    """Say whether a schema is within the dialect's limits on bytes, properties and depth."""
    text = json.dumps(schema, ensure_ascii=False, separators=(",", ":"))
    # The validator is written in Go, whose JSON has six bytes for each of these.
    escaped = 5 * sum(text.count(sign) for sign in "<>&")
    if len(text.encode("utf-8", "surrogatepass")) + escaped > MOST_BYTES:
        return False
    parts = list(_below(schema))
    if sum(len(part.get("properties", {})) for part in parts) > MOST_PROPERTIES:
        return False
    return _is_shallow(schema)


def parts_of(schema: Node) -> Iterator[Node]:
    """Give the schemas directly inside a schema, definitions included."""
    yield from schema.get("properties", {}).values()
    yield from schema.get("$defs", {}).values()
    yield from schema.get("anyOf", [])
    for key in ("items", "additionalProperties"):
        if isinstance(schema.get(key), dict):
            yield schema[key]


def _below(schema: Node) -> Iterator[Node]:
    waiting = [schema]
    while waiting:
        part = waiting.pop()
        yield part
        waiting += parts_of(part)


def _is_shallow(root: Node) -> bool:
    """Say whether no way through properties and references, each once, is too deep."""
    steps = 0
    waiting: list[tuple[Node, int, frozenset[str]]] = [(root, 0, frozenset())]
    while waiting:
        schema, depth, followed = waiting.pop()
        steps += 1
        if depth > MOST_DEPTH or steps > _MOST_STEPS:
            return False
        reference = schema.get("$ref", "#")
        if reference != "#" and reference not in followed:
            target = root["$defs"][reference.rsplit("/", 1)[-1]]
            waiting.append((target, depth, followed | {reference}))
        inner = schema.get("properties", {}).values()
        waiting += [(part, depth + 1, followed) for part in inner]
        same = parts_of({**schema, "properties": {}, "$defs": {}})
        waiting += [(part, depth, followed) for part in same]
    return True


def _is_banned(name: str, in_definition: bool) -> bool:
    """Say whether a property may not have this name; in definitions, no slash may be."""
    return name in _RESERVED or (in_definition and "/" in name)


def _told(name: str, schema: Node, required: bool) -> str:
    must = " It is required." if required else ""
    return f"Also takes {json.dumps(name)}: {shown(schema, 1_000)}.{must}"


def _has_slash(value: Any) -> bool:
    if isinstance(value, dict):
        return any("/" in key or _has_slash(part) for key, part in value.items())
    return isinstance(value, list) and any(_has_slash(part) for part in value)
