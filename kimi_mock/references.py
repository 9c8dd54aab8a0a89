"""References inside one schema: where they may point, and whether following them ends."""

from collections.abc import Mapping
from typing import Any

ROOT = "root"
PREFIX = "#/$defs/"


class SchemaRefused(Exception):
    """A schema breaks a rule at `path`, dotted, `root` at the top."""

    def __init__(self, path: str, message: str) -> None:
        super().__init__(f"At path '{path or ROOT}': {message}")


def resolve(root: Mapping[str, Any], reference: str, path: str) -> dict[str, Any]:
    """Return what a `$ref` points at, or raise SchemaRefused."""
    if reference == "#":
        return dict(root)
    if not reference.startswith(PREFIX):
        raise SchemaRefused(path, f"references must start with {PREFIX}")
    first, *rest = reference.removeprefix(PREFIX).split("/")
    defs = root.get("$defs")
    if not isinstance(defs, dict) or first not in defs:
        raise SchemaRefused(path, f"$defs not found for reference: {reference}")
    found: Any = defs[first]
    for step in rest:
        if not isinstance(found, dict) or step not in found:
            raise SchemaRefused(path, f"invalid $ref path: {reference}")
        found = found[step]
    if not isinstance(found, dict):
        raise SchemaRefused(path, f"invalid $ref path: {reference}")
    return found


def check_termination(root: Mapping[str, Any]) -> None:
    """
    Raise SchemaRefused if no value of the schema can be finite.

    As the published vectors have it: an object ends if it requires nothing, or if one of what
    it requires ends; an array ends if its items do; `anyOf` ends if a branch does.
    """
    if not _ends(root, root, frozenset({"#"})):
        raise SchemaRefused(ROOT, "detected infinite recursion without termination condition")


def _ends(root: Mapping[str, Any], node: Mapping[str, Any], followed: frozenset[str]) -> bool:
    if "$ref" in node:
        reference = node["$ref"]
        if reference in followed:
            return False
        return _ends(root, resolve(root, reference, ROOT), followed | {reference})
    if "anyOf" in node:
        return any(_ends(root, branch, followed) for branch in node["anyOf"])
    if isinstance(node.get("items"), dict):
        return _ends(root, node["items"], followed)
    required = node.get("required") or []
    properties = node.get("properties") or {}
    return not required or any(_ends(root, properties[name], followed) for name in required)
