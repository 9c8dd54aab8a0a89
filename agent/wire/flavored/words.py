"""What a tool's schema may say that the flavored dialect cannot, in short words."""

from collections.abc import Mapping
from typing import Any

from agent.wire.flavored.merge import TYPES, shown

TYPE_NAMES: dict[str, tuple[str, ...]] = {name: (name,) for name in TYPES} | {
    "integer": ("integer",),
    "any": TYPES,
    "bool": ("boolean",),
    "dict": ("object",),
    "double": ("number",),
    "float": ("number",),
    "int": ("integer",),
    "list": ("array",),
    "map": ("object",),
    "none": ("null",),
    "str": ("string",),
}
"""Lower-case type names, with those that tools write by mistake → the dialect's types."""

INFERRED: dict[str, frozenset[str]] = {
    "string": frozenset(
        {"minLength", "maxLength", "pattern", "format", "contentEncoding", "contentMediaType"}
    ),
    "number": frozenset(
        {"minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum", "multipleOf"}
    ),
    "object": frozenset(
        {
            "properties",
            "required",
            "additionalProperties",
            "unevaluatedProperties",
            "patternProperties",
            "propertyNames",
            "minProperties",
            "maxProperties",
            "dependentRequired",
            "dependentSchemas",
            "dependencies",
            "if",
        }
    ),
    "array": frozenset({"items", "prefixItems", "minItems", "maxItems", "uniqueItems", "contains"}),
}
"""Which type a keyword is for, where a schema names none."""

_SENTENCES = {
    "format": "Format: {}.",
    "multipleOf": "A multiple of {}.",
    "minProperties": "At least {} properties.",
    "maxProperties": "At most {} properties.",
    "patternProperties": "Properties by the pattern of their names: {}.",
    "propertyNames": "Names of properties: {}.",
    "dependentRequired": "Properties that need others: {}.",
    "dependentSchemas": "Properties that change others: {}.",
    "dependencies": "Properties that need others: {}.",
    "contains": "Holds an item like {}.",
    "not": "Not {}.",
    "contentEncoding": "Encoded as {}.",
    "contentMediaType": "Holds {}.",
    "example": "Example: {}.",
    "examples": "Examples: {}.",
}
_FLAGS = {
    "uniqueItems": "No two items alike.",
    "deprecated": "Deprecated.",
    "readOnly": "Read-only.",
    "writeOnly": "Write-only.",
}


def notes_of(schema: Mapping[str, Any]) -> list[str]:
    """Return a sentence for each constraint of the schema that no keyword can say."""
    notes = [
        sentence.format(shown(schema[key]))
        for key, sentence in _SENTENCES.items()
        if schema.get(key) not in (None, "", [], {})
    ]
    discriminator = schema.get("discriminator")
    if isinstance(discriminator, Mapping) and "propertyName" in discriminator:
        notes.append(f"Told apart by {shown(discriminator['propertyName'])}.")
    notes += [sentence for key, sentence in _FLAGS.items() if schema.get(key) is True]
    for key, word in (("exclusiveMinimum", "More"), ("exclusiveMaximum", "Less")):
        bound = schema.get(key)
        if bound is True:
            bound = schema.get(key.replace("exclusiveM", "m"))
        # `minimum` and `maximum` say it exactly where only integers fit.
        said = schema.get("type") == "integer" or isinstance(bound, bool)
        if isinstance(bound, int | float) and not said:
            notes.append(f"{word} than {bound}.")
    if "if" in schema:
        told = [f"{key} {shown(schema[key])}" for key in ("if", "then", "else") if key in schema]
        notes.append(f"{', '.join(told).capitalize()}.")
    return notes
