"""Whether a schema that holds itself has an end, and where it is given one."""

from collections.abc import Callable
from typing import Any

from agent.wire.flavored.finish import parts_of
from agent.wire.flavored.merge import ANY, Node, annotated, sentences

Rule = Callable[[Node, set[str]], bool]


def ended(root: Node) -> Node:
    """
    Return the schema so that each of its definitions, and itself, comes to an end.

    Two readings of "detected infinite recursion without termination condition" are obeyed,
    since the validator had both in 2026: that a finite value exists, and that some required
    property ends by itself, where an array ends as its items do. What has no end is no
    longer required, or no longer shown, and a sentence says so.
    """
    named = {f"#/$defs/{name}": node for name, node in root.get("$defs", {}).items()}
    for rule in (_has_an_end, _shows_an_end):
        while True:
            schemas = {**named, "#": {key: root[key] for key in root if key != "$defs"}}
            ending = _ending(schemas, rule)
            endless = next((name for name in schemas if name not in ending), None)
            if endless is None:
                break
            weaker = _weakened(schemas[endless], rule, ending)
            if endless == "#":
                root = weaker
            else:
                named[endless] = weaker
    result = {key: root[key] for key in root if key != "$defs"}
    if named:
        result["$defs"] = {name.rsplit("/", 1)[-1]: node for name, node in named.items()}
    return result


def _ending(schemas: dict[str, Node], rule: Rule) -> set[str]:
    """Return the references whose schemas end by the rule."""
    ending: set[str] = set()
    while True:
        more = {name for name in schemas if name not in ending and rule(schemas[name], ending)}
        if not more:
            return ending
        ending |= more


def _has_an_end(schema: Node, ending: set[str]) -> bool:
    """Say whether a finite value fits."""
    if "$ref" in schema:
        return schema["$ref"] in ending
    if "anyOf" in schema:
        return any(_has_an_end(part, ending) for part in schema["anyOf"])
    if schema["type"] == "array" and schema.get("minItems", 0) > 0:
        return _has_an_end(schema.get("items", ANY), ending)
    return all(_has_an_end(part, ending) for part in _required(schema).values())


def _shows_an_end(schema: Node, ending: set[str]) -> bool:
    """Say whether a way through items and required properties leads to an end."""
    if "$ref" in schema:
        return schema["$ref"] in ending
    if "anyOf" in schema:
        return any(_shows_an_end(part, ending) for part in schema["anyOf"])
    if schema["type"] == "array":
        return _shows_an_end(schema.get("items", ANY), ending)
    required = _required(schema).values()
    return not required or any(_shows_an_end(part, ending) for part in required)


def _required(schema: Node) -> dict[str, Any]:
    properties = schema.get("properties", {})
    return {name: properties[name] for name in schema.get("required", [])}


def _weakened(schema: Node, rule: Rule, ending: set[str]) -> Node:
    """Return the schema, which has no end, with one."""
    if schema.get("type") == "object":
        endless = [name for name, part in _required(schema).items() if not rule(part, ending)]
        kept = [name for name in schema["required"] if name not in endless]
        note = f"Give {', '.join(endless)} too, except at the end."
        result = {**schema, "required": kept}
        if not kept:
            del result["required"]
        return {**result, "description": sentences(schema.get("description", ""), note)}
    if schema.get("type") == "array":
        if "$ref" not in schema["items"]:
            return {**schema, "items": _weakened(schema["items"], rule, ending)}
        result = {key: schema[key] for key in schema if key != "items"}
        note = "Its items are like itself."
        return {**result, "description": sentences(schema.get("description", ""), note)}
    parts = [part for part in parts_of(schema) if "$ref" not in part]
    if not parts:
        words = {key: schema[key] for key in ("title", "description") if key in schema}
        return annotated(ANY, **words)
    first = _weakened(parts[0], rule, ending)
    others = [first if part is parts[0] else part for part in schema["anyOf"]]
    return {**schema, "anyOf": others}
