"""Where a `$ref` points, in any of the ways in which tools write them."""

from collections.abc import Iterator, Mapping
from typing import Any
from urllib.parse import unquote

_DEFINITIONS = ("$defs", "definitions")
_LISTS = ("allOf", "anyOf", "oneOf", "prefixItems")
_MAPS = ("properties", "patternProperties", "dependentSchemas", "dependencies")
_SINGLE = (
    "items",
    "additionalItems",
    "unevaluatedItems",
    "additionalProperties",
    "unevaluatedProperties",
    "then",
    "else",
)


class References:
    """The references of one document; a reference is `#` or a JSON pointer after `#`."""

    def __init__(self, document: Mapping[str, Any]) -> None:
        self.document = document
        self._named: dict[str, str] | None = None
        self._circular: dict[str, bool] = {}

    def name_of(self, text: str) -> str:
        """
        Return the reference that `$ref: text` means, or "" if there is no such schema.

        Takes pointers, anchors, `$id`s of parts, and, for the slips of tools, the name of a
        definition at the end of a pointer that leads nowhere.
        """
        if text in ("", "#") or text == self.document.get("$id"):
            return "#"
        base = self.document.get("$id", "")
        if isinstance(base, str) and base and text.startswith(f"{base}#"):
            text = text[len(base) :]
        last = unquote(text.rsplit("/", 1)[-1]).replace("~1", "/").replace("~0", "~")
        guesses = [text, self._names().get(text, "")]
        guesses += [f"#/{group}/{_escaped(last)}" for group in _DEFINITIONS]
        for guess in guesses:
            if guess.startswith("#/") and isinstance(self.find(guess), Mapping | bool):
                return guess
        return ""

    def find(self, reference: str) -> Any:
        """Return the schema a reference points at, or None."""
        at: Any = self.document
        for token in reference.split("/")[1:]:
            key = unquote(token).replace("~1", "/").replace("~0", "~")
            if isinstance(at, Mapping):
                # `unquote` is for pointers in URIs; a name may hold a percent sign of its own.
                at = at.get(key, at.get(token.replace("~1", "/").replace("~0", "~")))
            elif isinstance(at, list) and key.isdecimal() and int(key) < len(at):
                at = at[int(key)]
            else:
                return None
        return at

    def holds_itself(self, reference: str) -> bool:
        """Say whether the schema behind a reference leads back to the reference."""
        if reference not in self._circular:
            seen: set[str] = set()
            waiting = [reference]
            while waiting:
                for text in _refs_below(self.find(waiting.pop())):
                    name = self.name_of(text)
                    if name and name not in seen:
                        seen.add(name)
                        waiting.append(name)
            self._circular[reference] = reference in seen
        return self._circular[reference]

    def _names(self) -> dict[str, str]:
        """Return the anchors and `$id`s of the document with their pointers."""
        if self._named is None:
            self._named = {}
            waiting: list[tuple[str, Any]] = [("#", self.document)]
            while waiting:
                pointer, value = waiting.pop()
                if isinstance(value, Mapping):
                    for key, sign in (("$anchor", "#"), ("$dynamicAnchor", "#"), ("$id", "")):
                        if isinstance(value.get(key), str):
                            self._named.setdefault(sign + value[key], pointer)
                    waiting += [(f"{pointer}/{_escaped(key)}", value[key]) for key in value]
                elif isinstance(value, list):
                    waiting += [(f"{pointer}/{at}", item) for at, item in enumerate(value)]
        return self._named


def _escaped(key: object) -> str:
    return str(key).replace("~", "~0").replace("/", "~1").replace("%", "%25")


def _refs_below(schema: Any) -> Iterator[str]:
    """Give the references in a schema and its parts, without following them."""
    waiting = [schema]
    while waiting:
        part = waiting.pop()
        if isinstance(part, list):
            waiting += part
        if not isinstance(part, Mapping):
            continue
        for key in ("$ref", "$recursiveRef", "$dynamicRef"):
            if isinstance(part.get(key), str):
                yield part[key]
        waiting += [part[key] for key in (*_LISTS, *_SINGLE) if key in part]
        for key in _MAPS:
            if isinstance(part.get(key), Mapping):
                waiting += part[key].values()
