"""A stored conversation as Markdown for people and as JSON lines for programs; no I/O."""

import json
import os
import re
from collections.abc import Iterator, Sequence
from typing import Any

import msgspec

from agent.messages import ImagePart, Part, TextPart, ThinkPart, ToolCall, ToolResult, VideoPart
from agent.session_rows import SUMMARY, Entry, Session, storable

SCHEMA = 1
"""The version of the JSON lines; `docs/json.md` tells what they hold."""

# CommonMark 0.31, section 4.5: at most three blanks, then three or more of one sign.
_FENCE = re.compile(r" {0,3}(`{3,}|~{3,})(.*)")

SPEAKERS = {
    "system": "System",
    "user": "User",
    "assistant": "Assistant",
    "tool": "Tools",
    SUMMARY: "Summary of what was before",
}


def session_document(session: Session) -> dict[str, Any]:
    """Return what is known of a conversation, for JSON."""
    return {
        "id": session.id,
        "title": session.title,
        "directory": storable(os.fsencode(session.directory).decode("utf-8", "replace")),
        "provider": session.provider,
        "base_url": session.base_url,
        "model": session.model,
        "begun_at": session.begun_at,
        "used_at": session.used_at,
        "forked_from": session.forked_from,
        "messages": session.message_count,
    }


def json_lines(session: Session, entries: Sequence[Entry]) -> Iterator[str]:
    """
    Yield the conversation, then each message in order, as one JSON object a line.

    Everything that is stored is in them, reasoning byte for byte; images and videos in base64.
    """
    yield _line({"schema": SCHEMA, "session": session_document(session)})
    for entry in entries:
        yield _line(_document(entry))


def markdown(session: Session, entries: Sequence[Entry]) -> Iterator[str]:
    """Yield the lines of a conversation as Markdown: what was said as it is, the rest in fences."""
    yield f"# {session.title or 'A conversation'}"
    yield ""
    document = session_document(session)
    for name in ("id", "directory", "provider", "model", "begun_at", "used_at"):
        yield f"- {name.replace('_at', '').replace('_', ' ')}: {document[name]}"
    for entry in entries:
        model = f" ({entry.made.model})" if entry.made.model else ""
        yield ""
        yield f"## {SPEAKERS.get(entry.role, entry.role)}{model}"
        for part in entry.message.parts:
            yield ""
            yield from _markdown(part)


def plain(part: Part) -> Iterator[str]:
    """Yield the lines of a part, whole, for a terminal or a pipe."""
    match part:
        case TextPart() | ThinkPart():
            yield from storable(part.text).split("\n")
        case ToolCall():
            yield f"{part.name} {storable(part.arguments)}"
        case ToolResult():
            for inner in part.parts:
                yield from plain(inner)
        case ImagePart() | VideoPart():
            yield f"({part.media_type}, {len(part.data):,} bytes)"


def _markdown(part: Part) -> Iterator[str]:
    match part:
        case TextPart():
            yield storable(part.text)
            yield from _open_fence(part.text)
        case ThinkPart():
            yield from _fenced("Reasoning", plain(part))
        case ToolCall():
            yield from _fenced(f"Call of `{part.name}`", [storable(part.arguments)])
        case ToolResult():
            failed = ", failed" if part.is_error else ""
            yield from _fenced(f"Result of `{part.name}`{failed}", plain(part))
        case ImagePart() | VideoPart():
            yield from plain(part)


def _open_fence(text: str) -> Iterator[str]:
    """Yield what closes the fence that a text leaves open, which would take in all after it."""
    fence = ""
    for line in text.splitlines():
        found = _FENCE.match(line)
        if found is None:
            continue
        mark, rest = found.groups()
        if not fence:
            fence = "" if mark[0] == "`" and "`" in rest else mark
        elif mark.startswith(fence) and not rest.strip():
            fence = ""
    if fence:
        yield fence


def _fenced(title: str, lines: Iterator[str] | list[str]) -> Iterator[str]:
    """Yield lines in a fence that is longer than any inside."""
    text = "\n".join(lines)
    fence = "`" * max(3, 1 + max(map(len, re.findall("`+", text)), default=0))
    yield f"{title}:"
    yield ""
    yield from (fence, text, fence)


def _document(entry: Entry) -> dict[str, Any]:
    made = entry.made
    cost = made.cost
    return {
        "position": entry.position,
        "at": entry.at,
        "role": entry.role,
        "parts": msgspec.to_builtins(entry.message)["parts"],
        "model": made.model,
        "usage": made.usage and msgspec.to_builtins(made.usage),
        "cost": cost and {"currency": cost.currency, "amount": str(cost.amount)},
        "made_by": made.by and msgspec.to_builtins(made.by),
    }


def _line(document: dict[str, Any]) -> str:
    text = json.dumps(document, ensure_ascii=False)
    # Half an emoji has no place in UTF-8, but one as an escape in JSON.
    return text if storable(text) == text else json.dumps(document)
