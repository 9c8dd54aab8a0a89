"""
The algebra of the flavored dialect: unions and intersections of schemas, and their words.

A node is a schema in the dialect's own shape, one of three: `{"type": …}` with the keywords
of that one type, `{"anyOf": […]}` of nodes, or `{"$ref": pointer}`; each may have `title` and
`description`. An `anyOf` without branches is the schema that nothing fits. Nodes are never
changed in place: they share their parts.
"""

import json
from collections.abc import Callable
from typing import Any

Node = dict[str, Any]

TYPES = ("string", "number", "boolean", "object", "array", "null")
ANY: Node = {"anyOf": [{"type": name} for name in TYPES]}
"""What `true` and `{}` say, with a type in every branch."""
NEVER: Node = {"anyOf": []}

_ANNOTATIONS = ("title", "description")
_SHOWN_CHARACTERS = 300
_MOST_PAIRS = 500
_DEEPEST_MERGE = 8

Expand = Callable[[Node], Node | None]
"""A `$ref` node → what it stands for, or None while that is still being read."""


def bare(node: Node) -> Node:
    """Return the node without its title and description."""
    return without(node, *_ANNOTATIONS)


def without(node: Node, *keys: str) -> Node:
    """Return the node without some of its keywords."""
    return {key: value for key, value in node.items() if key not in keys}


def is_never(node: Node) -> bool:
    """Say whether nothing fits the node."""
    return node.get("anyOf") == []


def is_any(node: Node) -> bool:
    """Say whether everything fits the node."""
    return bare(node) == ANY


def branches(node: Node) -> list[Node]:
    """Return the alternatives of a union, or the node as the only one."""
    alternatives: list[Node] = node.get("anyOf", [node])
    return alternatives


def shown(value: object, limit: int = _SHOWN_CHARACTERS) -> str:
    """Return a value for a sentence: text as it is, the rest as JSON, cut after `limit`."""
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
    return text if len(text) <= limit else text[:limit] + "…"


def sentences(*texts: str) -> str:
    """Join texts into one description, each once; a lone one stays as it is."""
    joined = ""
    for text in texts:
        if not text or text in joined:
            continue
        if not joined or joined in text:
            joined = text
            continue
        stop = "" if joined.rstrip()[-1:] in tuple(".!?:;。…") else "."
        joined = f"{joined.rstrip()}{stop} {text}"
    return joined


def annotated(node: Node, *, title: str = "", description: str = "") -> Node:
    """Return the node with a title, which replaces its own, and a description before its own."""
    words = {
        "title": title or node.get("title", ""),
        "description": sentences(description, node.get("description", "")),
    }
    return bare(node) | {key: text for key, text in words.items() if text}


def union(nodes: list[Node]) -> Node:
    """Return what fits any of the nodes; like branches once, nested unions flat."""
    flat: list[Node] = []
    for node in nodes:
        inner = branches(node) if bare(node) == node else [node]
        flat.extend(branch for branch in inner if branch not in flat and not is_never(branch))
    return flat[0] if len(flat) == 1 else {"anyOf": flat}


def intersection(first: Node, second: Node, expand: Expand, level: int = 0) -> Node:
    """
    Return what fits both nodes, with the words of both.

    Wider than the truth where the dialect cannot say it: two patterns become one and a
    sentence, more than 500 pairs of branches or nine levels of merging leave one side as it
    is. Names that one side forbids and the other declares stay declared.
    """
    words = {key: second[key] for key in _ANNOTATIONS if key in second}
    if is_any(second) or first == second or level > _DEEPEST_MERGE:
        return _worded(first, words)
    if is_any(first):
        return annotated(second, **_words(first))
    one, other = _expanded(first, expand), _expanded(second, expand)
    if one is None or other is None:
        return _worded(second if one is None and other is not None else first, words)
    if "type" in one and "type" in other:
        return _of_one_type(one, other, expand, level)
    return _of_unions(one, other, expand, level)


def agreed(first: Node, second: Node, expand: Expand, level: int = 0) -> Node:
    """Return the intersection, or the second node where they contradict each other."""
    both = intersection(first, second, expand, level)
    return second if is_never(both) and not is_never(first) else both


def joined_objects(objects: list[Node]) -> Node:
    """
    Return one object schema that takes what any of the objects takes.

    A root may not be a union (the endpoint wants `"type": "object"` there), so properties
    come together, only what all require stays required, and a sentence tells the sets apart.
    """
    if len(objects) == 1:
        return objects[0]
    properties: dict[str, list[Node]] = {}
    for node in objects:
        for name, schema in node.get("properties", {}).items():
            properties.setdefault(name, []).append(schema)
    common = [
        name
        for name in objects[0].get("required", [])
        if all(name in node.get("required", []) for node in objects)
    ]
    result: Node = {
        "type": "object",
        "properties": {name: _one_enum(schemas) for name, schemas in properties.items()},
    }
    if common:
        result["required"] = common
    if all(node.get("additionalProperties") is False for node in objects):
        result["additionalProperties"] = False
    told = ", ".join(dict.fromkeys(_told(node) for node in objects))
    return annotated(result, description=f"One of: {told}.")


def _words(node: Node) -> dict[str, str]:
    return {key: node[key] for key in _ANNOTATIONS if key in node}


def _worded(node: Node, words: dict[str, str]) -> Node:
    """Return the node with more words after its own."""
    result = dict(node)
    if "title" in words:
        result.setdefault("title", words["title"])
    if "description" in words:
        result["description"] = sentences(node.get("description", ""), words["description"])
    return result


def _expanded(node: Node, expand: Expand) -> Node | None:
    if "$ref" not in node:
        return node
    target = expand(node)
    return None if target is None else annotated(target, **_words(node))


def _of_unions(first: Node, second: Node, expand: Expand, level: int) -> Node:
    ours, theirs = branches(first), branches(second)
    if len(ours) * len(theirs) > _MOST_PAIRS:
        return _worded(first, _words(second)) if len(ours) > 1 else annotated(second)
    pairs = [intersection(one, other, expand, level + 1) for one in ours for other in theirs]
    result = union(pairs)
    for node in (second, first):
        if "anyOf" in node:
            result = annotated(result, **_words(node))
    return result


def _of_one_type(first: Node, second: Node, expand: Expand, level: int) -> Node:
    kinds = {first["type"], second["type"]}
    if len(kinds) > 1 and kinds != {"integer", "number"}:
        return NEVER
    result = {**bare(second), **bare(first)}
    result["type"] = "integer" if "integer" in kinds else first["type"]
    notes = []
    for key in first.keys() & second.keys() - {"type", *_ANNOTATIONS}:
        merged = _merged(key, first[key], second[key], expand, level)
        if key == "enum" and not merged:
            return NEVER
        result[key] = merged
    if first.get("pattern", "") != second.get("pattern", first.get("pattern", "")):
        notes.append(f"Pattern: {second['pattern']}")
    if "default" in first:
        result["default"] = first["default"]
    return annotated(
        _worded({**result, **_words(first)}, _words(second)),
        description=sentences(first.get("description", ""), *notes),
    )


def _merged(key: str, first: Any, second: Any, expand: Expand, level: int) -> Any:
    """Return one value for a keyword that both have; an empty enum says that nothing fits."""
    if key in ("minLength", "minItems", "minimum"):
        return max(first, second)
    if key in ("maxLength", "maxItems", "maximum"):
        return min(first, second)
    if key == "enum":
        return [value for value in first if value in second]
    return _merged_parts(key, first, second, expand, level)


def _merged_parts(key: str, first: Any, second: Any, expand: Expand, level: int) -> Any:
    if key == "required":
        return list(dict.fromkeys([*first, *second]))
    if key == "items":
        return agreed(first, second, expand, level + 1)
    if key == "properties":
        shared = {
            name: agreed(schema, second[name], expand, level + 1)
            for name, schema in first.items()
            if name in second
        }
        return {**first, **second, **shared}
    if key == "additionalProperties" and not (first is True or second is True):
        exact = isinstance(first, dict) and isinstance(second, dict)
        return exact and agreed(first, second, expand, level + 1)
    return second if first is True else first


def _one_enum(schemas: list[Node]) -> Node:
    """Return the union of some schemas; those that only list values become one list."""
    kind = schemas[0].get("type")
    if all(node.keys() == {"type", "enum"} and node["type"] == kind for node in schemas):
        values = [value for node in schemas for value in node["enum"]]
        distinct = [value for at, value in enumerate(values) if value not in values[:at]]
        return {"type": kind, "enum": distinct}
    return union(schemas)


def _told(node: Node) -> str:
    """Return the names of an object's properties in brackets, with its fixed values."""
    properties = node.get("properties", {})
    names = node.get("required") or list(properties)
    parts = []
    for name in names:
        values = properties.get(name, {}).get("enum", [])
        parts.append(f"{name}={shown(values[0])}" if len(values) == 1 else name)
    return f"({', '.join(parts)})"
