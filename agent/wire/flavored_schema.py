"""
Any JSON Schema → one that the flavored dialect allows; tool names → names that it allows.

What the dialect cannot say moves into `description`, in short words. In this order:

    flavored/read.py  a schema of any draft, or a broken one → nodes
    flavored/references.py  where its `$ref`s point
    flavored/words.py  constraints without a keyword → sentences
    flavored/merge.py  nodes that must all fit, or any of which may → one node
    flavored/finish.py  nodes → a schema within the dialect's rules and limits
    flavored/endings.py  recursion that never ends → recursion that does

Source: the validator at github.com/MoonshotAI/walle and its test vectors, 2026-06.
"""

import json
import re
from collections.abc import Mapping, Sequence
from typing import Any

from agent.wire.flavored.endings import ended
from agent.wire.flavored.finish import MOST_DEPTH, Finish, definition_names, fits
from agent.wire.flavored.merge import ANY, Node, annotated, branches, joined_objects
from agent.wire.flavored.read import Reader, Reading, TooLarge

_INVALID_IN_NAMES = re.compile(r"[^a-zA-Z0-9_-]")
_VALID_NAME = re.compile(r"[a-zA-Z_][a-zA-Z0-9_-]{2,63}")
_SHORTEST_NAME, _LONGEST_NAME = 3, 64

# From the whole schema to less and less of it: how references are read, how many levels of
# properties, how many characters a description has, and how many values an enum.
_ATTEMPTS: tuple[tuple[Reading, dict[str, int]], ...] = (
    (Reading(references="inline", depth=MOST_DEPTH), {}),
    (Reading(references="keep", depth=MOST_DEPTH), {}),
    (Reading(references="cut", depth=MOST_DEPTH), {}),
    (Reading(references="cut", depth=6), {"text_characters": 1_000, "values": 100}),
    (Reading(references="cut", depth=4), {"text_characters": 300, "values": 50}),
    (Reading(references="cut", depth=2), {"text_characters": 100, "values": 20}),
    (Reading(references="cut", depth=1), {"text_characters": 40, "values": 10}),
    (Reading(references="cut", depth=1), {"text_characters": 0, "values": 0}),
    (Reading(references="cut", depth=1), {"text_characters": 99, "values": 0, "properties": 200}),
)
_BARE: Node = {"type": "object", "description": "Its schema is too large to be shown."}
_MOST_PASSES = 4


def flavored(schema: Mapping[str, Any]) -> dict[str, Any]:
    """
    Return a JSON Schema as one that the flavored dialect allows at its strictest level.

    Takes every draft, what Pydantic, zod and MCP servers make, and broken schemas; never
    raises and never changes or shares what it was given. `flavored(flavored(s))` equals
    `flavored(s)`, and the same schema always gives the same bytes.

    The root becomes an object: alternatives of objects come together in one, and a root that
    takes no object becomes the required property `value`. `null` stays, as a branch of its
    own. References are written out where they stand unless that recurs. Properties whose
    names the dialect reserves are told in `description`. A schema beyond the dialect's limits
    (120,000 bytes, 30 levels, 3,000 properties) loses its depths first, then long texts.

    Takes about a millisecond for a tool's schema: keep the result where tools are kept.
    """
    result = _once(schema if isinstance(schema, Mapping) else {})
    for _ in range(_MOST_PASSES):
        again = _once(result)
        if again == result:
            break
        result = again
    return result


def wire_names(names: Sequence[str]) -> dict[str, str]:
    """
    Return a name that the endpoint takes for each tool's name; no two are alike.

    A name that fits `^[a-zA-Z_][a-zA-Z0-9-_]{2,63}$` stays itself. In others, what does not
    fit becomes `_`, and a number follows where two would meet; the order of `names` decides
    which gets it. A name that is given twice has one entry.
    """
    wire = {name: name for name in names if _VALID_NAME.fullmatch(name)}
    taken = set(wire)
    for name in names:
        if name not in wire:
            wire[name] = _free_name(name, taken)
            taken.add(wire[name])
    return {name: wire[name] for name in names}


def _free_name(name: str, taken: set[str]) -> str:
    base = _INVALID_IN_NAMES.sub("_", name)
    if not base or base[0] in "-0123456789":
        base = f"_{base}"
    base = base[:_LONGEST_NAME].ljust(_SHORTEST_NAME, "_")
    free = base
    number = 1
    while free in taken:
        number += 1
        suffix = f"_{number}"
        free = base[: _LONGEST_NAME - len(suffix)] + suffix
    return free


def _once(schema: Mapping[str, Any]) -> Node:
    """Return the first attempt that is within the limits."""
    for reading, limits in _ATTEMPTS:
        try:
            result = _attempt(schema, reading, limits)
            if fits(result):
                return result
        except (TooLarge, RecursionError):
            continue
    return dict(_BARE)


def _attempt(schema: Mapping[str, Any], reading: Reading, limits: dict[str, int]) -> Node:
    reader = Reader(schema, reading)
    node = reader.document()
    root = _rooted(node, reader)
    references = [name for name in reader.definitions if name != "#"]
    if root is not node:
        references.append("#")
    plain = definition_names(references)
    names = {"#": "#"} | {reference: f"#/$defs/{name}" for reference, name in plain.items()}
    finish = Finish(names=names, **limits)
    result = finish.schema(root)
    definitions = {
        name: finish.schema(reader.definitions[reference], in_definition=True)
        for reference, name in plain.items()
    }
    if isinstance(schema.get("$id"), str):
        result["$id"] = schema["$id"]
    used = _used(result, definitions)
    if used:
        result["$defs"] = used
    return ended(result)


def _used(root: Node, definitions: Mapping[str, Node]) -> Node:
    """Return the definitions that something refers to, in their order."""
    used: set[str] = set()
    waiting = [root]
    while waiting:
        text = json.dumps(waiting.pop())
        for name in definitions:
            if name not in used and f'"$ref": {json.dumps(f"#/$defs/{name}")}' in text:
                used.add(name)
                waiting.append(definitions[name])
    return {name: node for name, node in definitions.items() if name in used}


def _rooted(node: Node, reader: Reader) -> Node:
    """Return the root as one object schema."""
    if node.get("type") == "object":
        return node
    words = {key: node[key] for key in ("title", "description") if key in node}
    objects = [
        branch for branch in map(reader.followed, branches(node)) if branch.get("type") == "object"
    ]
    if objects:
        return annotated(joined_objects(objects), **words)
    return {"type": "object", "properties": {"value": node or ANY}, "required": ["value"]}
