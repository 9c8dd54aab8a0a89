"""Error bodies → what they say: the text, the type, the waits that are asked for."""

import json
import re
from collections.abc import Mapping
from typing import Any

WHOLE_CHARACTERS = 4_000
"""How much of an endpoint's own text is kept: all of every body that was ever seen."""

# "please try again after 1 seconds" (open platform, 429).
_WAIT = re.compile(
    r"\b(?:again|retry|wait|after)\s+(?:after\s+|in\s+|for\s+)?(\d{1,6}(?:\.\d{1,3})?)\s*"
    r"(?:s|secs?|seconds?)\b",
    re.IGNORECASE,
)
_SCHEMA_PATH = re.compile(r"At path '([^']{1,200})'", re.IGNORECASE)


def read_body(body: bytes) -> tuple[str, str]:
    """
    Return an error body's own text and type, each empty if there is none.

    Known shapes are `{"error": {"message", "type"}}`, `{"error": "text"}` and
    `{"message": …}`; of anything else the text itself is given, on one line and at most
    4,000 characters of it. Never raises.
    """
    text = body.decode("utf-8", "replace").strip()
    try:
        document = json.loads(text)
    except (ValueError, RecursionError):  # not JSON, or brackets within brackets without end
        return one_line(text), ""
    return read_document(document) or (one_line(text), "")


def read_document(document: object) -> tuple[str, str] | None:
    """Return the text and type of a decoded error body, or None if it has no known shape."""
    if not isinstance(document, dict):
        return None
    error: Any = document.get("error", document)
    if isinstance(error, str):
        return one_line(error), ""
    if not isinstance(error, dict) or not isinstance(error.get("message"), str):
        return None
    return one_line(error["message"]), _kind(error)


def wait_in(said: str) -> float | None:
    """Return the seconds that a text asks to wait ("try again after 1 seconds"), or None."""
    found = _WAIT.search(said)
    return float(found[1]) if found else None


def schema_path(said: str) -> str:
    """Return the dotted path that a refused schema names, or nothing."""
    found = _SCHEMA_PATH.search(said)
    return found[1] if found else ""


def one_line(text: str) -> str:
    """Return a text on one line, at most 4,000 characters of it."""
    line = " ".join(text.split())
    return line if len(line) <= WHOLE_CHARACTERS else line[:WHOLE_CHARACTERS] + "…"


def _kind(error: Mapping[str, Any]) -> str:
    kind = error.get("type") or error.get("code") or ""
    return kind if isinstance(kind, str) else ""
