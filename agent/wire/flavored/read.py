"""Any JSON Schema, of any draft or broken → nodes of the flavored dialect (merge.py)."""

import copy
from collections.abc import Iterator, Mapping
from typing import Any

import msgspec

from agent.wire.flavored.merge import (
    ANY,
    NEVER,
    TYPES,
    Node,
    agreed,
    annotated,
    is_any,
    is_never,
    sentences,
    shown,
    union,
)
from agent.wire.flavored.references import References
from agent.wire.flavored.values import (
    counts,
    is_sendable,
    is_whole,
    listed_values,
    number_range,
    type_of,
    values_of_type,
    with_values,
)
from agent.wire.flavored.words import INFERRED, TYPE_NAMES, notes_of

_DEEPEST_NESTING = 60
_MOST_STEPS = 10_000
_REFERENCES = ("$ref", "$recursiveRef", "$dynamicRef")
_SAME_VALUE = (*_REFERENCES, "allOf", "anyOf", "oneOf")


class TooLarge(Exception):
    """A reading took more steps than a schema within the dialect's limits can need."""


class Reading(msgspec.Struct, frozen=True, kw_only=True):
    """
    How a schema is read.

    `references`: `inline` puts a definition where it is used unless it holds itself, `keep`
    leaves every `$ref`, `cut` puts it in and ends at the second turn. `depth` is how many
    levels of properties are shown.
    """

    references: str
    depth: int


class Place(msgspec.Struct, frozen=True):
    """Where a schema stands: levels of `properties` above it, and of anything at all."""

    depth: int = 0
    nesting: int = 0
    same: frozenset[str] = frozenset()
    """The references that were followed to get here without a step into the value."""

    def inside(self, *, property_level: bool = False) -> "Place":
        """Return the place of a part of the value that stands here."""
        return Place(self.depth + property_level, self.nesting + 1)

    def beside(self, reference: str = "") -> "Place":
        """Return the place of another schema for the same value."""
        same = self.same | {reference} if reference else self.same
        return Place(self.depth, self.nesting + 1, same)


class Reader:
    """Reads one document; `definitions` holds what the references that were kept stand for."""

    def __init__(self, document: Mapping[str, Any], reading: Reading) -> None:
        self._references = References(document)
        self._reading = reading
        self._steps = 0
        self._above: list[str] = []
        self._unread: list[str] = []
        self._being_read: set[str] = set()
        self.definitions: dict[str, Node] = {}

    def document(self) -> Node:
        """Return the document's node; `definitions` is complete afterwards."""
        self._being_read.add("#")
        root = self._read(self._references.document, Place(same=frozenset({"#"})))
        self._being_read.discard("#")
        node = ANY if root is None else self.followed(root)
        self.definitions = {"#": node, **self.definitions}
        while self._unread:
            self._definition(self._unread.pop(0))
        return node

    def followed(self, node: Node) -> Node:
        """Return the node behind a `$ref`, or the node itself; a loop of them is anything."""
        seen: set[str] = set()
        while "$ref" in node:
            if node["$ref"] in seen:
                return ANY
            seen.add(node["$ref"])
            target = self.expanded(node)
            if target is None:
                return ANY
            words = {key: node[key] for key in ("title", "description") if key in node}
            node = annotated(target, **words)
        return node

    def expanded(self, node: Node) -> Node | None:
        """Return what a `$ref` node stands for, or None while that is being read."""
        reference = node["$ref"]
        return None if reference in self._being_read else self._definition(reference)

    def _definition(self, reference: str) -> Node:
        if reference not in self.definitions:
            self._being_read.add(reference)
            target = self._references.find(reference)
            node = self._read(target, Place(same=frozenset({reference})))
            self.definitions[reference] = ANY if node is None else self.followed(node)
            self._being_read.discard(reference)
        return self.definitions[reference]

    def _read(self, schema: Any, place: Place) -> Node | None:
        """Return the schema's node, or None if it says no more than that it is itself."""
        self._steps += 1
        if self._steps > _MOST_STEPS:
            raise TooLarge
        if isinstance(schema, str) and schema.lower() in TYPE_NAMES:
            schema = {"type": schema}
        if schema is False:
            return NEVER
        if not isinstance(schema, Mapping):
            return ANY
        if place.nesting > _DEEPEST_NESTING:
            return annotated(ANY, description="What is in it is not shown.")
        node: Node | None = None
        for part in self._parts(schema, place):
            node = part if node is None else agreed(node, part, self.expanded)
        if node is None and any(schema.get(key) for key in _SAME_VALUE):
            return None
        return _finished(ANY if node is None else node, schema)

    def _required(self, schema: Any, place: Place) -> Node:
        """Return the schema's node; one that only names itself is anything."""
        return self._read(schema, place) or ANY

    def _parts(self, schema: Mapping[str, Any], place: Place) -> Iterator[Node]:
        """Give the nodes that a value has to fit all of."""
        own = self._own(schema, place)
        if own is not None:
            yield own
        for key in _REFERENCES:
            if isinstance(schema.get(key), str):
                target = self._referred(schema[key], place)
                if target is not None:
                    yield target
        for member in _list(schema.get("allOf")):
            node = self._read(member, place.beside())
            if node is not None:
                yield node
        for key in ("anyOf", "oneOf"):
            nodes = [self._read(member, place.beside()) for member in _list(schema.get(key))]
            known = [node for node in nodes if node is not None]
            if known:
                yield union(known)

    def _referred(self, text: str, place: Place) -> Node | None:
        reference = self._references.name_of(text)
        if not reference:
            return annotated(ANY, description=f"See {shown(text)}.")
        if reference in place.same:
            return None
        if self._reading.references == "cut":
            return self._cut(reference, place)
        if self._reading.references == "keep" or self._references.holds_itself(reference):
            if reference not in self.definitions and reference not in self._unread:
                self._unread.append(reference)
            return {"$ref": reference}
        return self._read(self._references.find(reference), place.beside(reference))

    def _cut(self, reference: str, place: Place) -> Node | None:
        target = self._references.find(reference)
        beside = place.beside(reference)
        if reference in self._above:
            head = self._read(target, Place(self._reading.depth + 1, beside.nesting, beside.same))
            return head and annotated(head, description="What is in it is like above.")
        self._above.append(reference)
        node = self._read(target, beside)
        self._above.pop()
        return node

    def _own(self, schema: Mapping[str, Any], place: Place) -> Node | None:
        """Return what the schema's own keywords say, or None if they say nothing."""
        values = listed_values(schema)
        types = _types(schema, values)
        if not types:
            return None
        fitting = [name for name in types if values is None or values_of_type(values, name)]
        if not fitting:
            return self._unfitting(types[0], values or [])
        nodes = []
        for name in fitting:
            node = self._typed(name, schema, place)
            if values is not None:
                node = with_values(node, values_of_type(values, name))
            nodes.append(node)
        return union(nodes)

    def _unfitting(self, name: str, values: list[Any]) -> Node:
        """Return a type whose listed values are of other types: a slip of the tool's author."""
        if name == "string" and not any(isinstance(value, dict | list) for value in values):
            return {"type": name, "enum": list(dict.fromkeys(shown(value) for value in values))}
        told = ", ".join(shown(value) for value in values)
        return annotated({"type": name}, description=f"One of: {shown(told)}.")

    def _typed(self, name: str, schema: Mapping[str, Any], place: Place) -> Node:
        if name == "object":
            return self._object(schema, place)
        if name == "array":
            return self._array(schema, place)
        node: Node = {"type": name}
        if name == "string":
            node |= counts(schema, "minLength", "maxLength")
            if isinstance(schema.get("pattern"), str):
                node["pattern"] = schema["pattern"]
        if name in ("integer", "number"):
            node |= number_range(schema, whole=name == "integer")
        return node

    def _object(self, schema: Mapping[str, Any], place: Place) -> Node:
        node: Node = {"type": "object"}
        raw = schema.get("properties")
        properties = dict(raw) if isinstance(raw, Mapping) else {}
        for name, part in _conditional_properties(schema):
            properties.setdefault(name, part)
        listed = schema.get("required")
        listed = [listed] if isinstance(listed, str) else _list(listed)
        required = [name for name in listed if isinstance(name, str)]
        required += [  # Draft 3 said it inside the property, and tools still do.
            name
            for name, part in properties.items()
            if isinstance(part, Mapping) and part.get("required") is True
        ]
        if place.depth < self._reading.depth:
            inside = place.inside(property_level=True)
            if properties or isinstance(raw, Mapping):
                node["properties"] = {
                    name: self._required(part, inside) for name, part in properties.items()
                }
            if required or isinstance(schema.get("required"), list):
                node["required"] = list(dict.fromkeys(required))
        elif properties:
            node["description"] = f"Holds {shown(', '.join(map(str, properties)))}."
        if place.depth <= self._reading.depth:
            node |= self._additional(schema, place.inside())
        return node

    def _additional(self, schema: Mapping[str, Any], inside: Place) -> Node:
        rest = schema.get("additionalProperties", schema.get("unevaluatedProperties"))
        if isinstance(rest, Mapping):
            node = self._required(rest, inside)
            rest = True if is_any(node) else not is_never(node) and node
        if rest is None or not isinstance(rest, bool | dict):
            return {}
        patterns = schema.get("patternProperties")
        if rest is not True and isinstance(patterns, Mapping) and patterns:
            nodes = [self._required(part, inside) for part in patterns.values()]
            node = union(nodes if rest is False else [*nodes, rest])
            rest = True if is_any(node) else not is_never(node) and node
        return {"additionalProperties": rest}

    def _array(self, schema: Mapping[str, Any], place: Place) -> Node:
        node: Node = {"type": "array"} | counts(schema, "minItems", "maxItems")
        if place.depth > self._reading.depth:
            return node
        places, rest = _tuple(schema)
        inside = place.inside()
        nodes = [self._required(part, inside) for part in places]
        if places:
            told = ", ".join(shown(part.get("type", "any"), 60) for part in nodes)
            node["description"] = f"In this order: {told}."
        if rest is False:
            node["maxItems"] = min(node.get("maxItems", len(places)), len(places))
            if node.get("minItems", 0) > node["maxItems"]:
                del node["minItems"]
        elif isinstance(rest, Mapping):
            nodes.append(self._required(rest, inside))
        items = union(nodes)
        if not is_any(items) and not is_never(items):
            node["items"] = items
        return node


def _finished(node: Node, schema: Mapping[str, Any]) -> Node:
    """Return the node with what stands beside every type: null, default and words."""
    if schema.get("nullable") is True:
        node = union([node, {"type": "null"}])
    notes = notes_of(schema)
    if "default" in schema:
        if "type" in node and is_sendable(schema["default"]):
            node = {**node, "default": copy.deepcopy(schema["default"])}
        else:
            notes.append(f"Default: {shown(schema['default'])}.")
    title, description = schema.get("title"), schema.get("description")
    named = annotated(
        node,
        title=title if isinstance(title, str) else "",
        description=description if isinstance(description, str) else "",
    )
    text = sentences(named.get("description", ""), *notes)
    return {**named, "description": text} if text else named


def _list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else []


def _types(schema: Mapping[str, Any], values: list[Any] | None) -> list[str]:
    """Return the types a schema names, or those its keywords or values are for."""
    given = schema.get("type")
    names = given if isinstance(given, list) else [given]
    words = [name.lower() for name in names if isinstance(name, str)]
    known = [TYPE_NAMES[word] for word in words if word in TYPE_NAMES]
    types = list(dict.fromkeys(one for group in known for one in group))
    if types:
        return types
    if values is not None:
        numbers = [value for value in values if type_of(value) == "number"]
        found = dict.fromkeys(type_of(value) for value in values)
        whole = bool(numbers) and all(map(is_whole, numbers))
        return ["integer" if name == "number" and whole else name for name in found]
    return [name for name in TYPES if not INFERRED.get(name, frozenset()).isdisjoint(schema)]


def _tuple(schema: Mapping[str, Any]) -> tuple[list[Any], Any]:
    """Return the schemas of the first items, in order, and the one of the rest, if any."""
    items = schema.get("items")
    if isinstance(schema.get("prefixItems"), list):
        return schema["prefixItems"], schema.get("items", schema.get("unevaluatedItems"))
    if isinstance(items, list):
        return items, schema.get("additionalItems", schema.get("unevaluatedItems"))
    return [], items


def _conditional_properties(schema: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
    """Give the properties that come with a condition; they are shown as optional ones."""
    conditional = [schema.get("then"), schema.get("else")]
    for key in ("dependentSchemas", "dependencies"):
        if isinstance(schema.get(key), Mapping):
            conditional.extend(schema[key].values())
    for part in conditional:
        properties = part.get("properties") if isinstance(part, Mapping) else None
        if isinstance(properties, Mapping):
            yield from properties.items()
