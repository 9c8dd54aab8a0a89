"""What to leave out when a conversation no longer fits: the oldest tool output first; no I/O."""

from collections.abc import Callable, Sequence

import msgspec

from agent.estimate import tokens_at_most
from agent.messages import Message, Part, TextPart, ToolResult

Compaction = Callable[[Sequence[Message], int], tuple[Message, ...]]
"""Messages and the tokens they may have → messages; asked once for a turn."""

Pointer = Callable[[Message], str]
"""A message → the path under which a tool shows it as it was, or an empty text."""

LEFT_OUT = "(left out: the conversation was longer than the model's window)"

_LONGEST_SHARE = 8
"""What a summary reads of one text where not all fits: this part of the room, at most."""

_SHORTEST_CUT = 200


def nowhere(_: Message) -> str:
    """Point nowhere: the conversation is not stored."""
    return ""


def drop_oldest_tool_output(
    messages: Sequence[Message],
    room_tokens: int,
    *,
    keep_last: int = 0,
    pointer: Pointer = nowhere,
) -> tuple[Message, ...]:
    """
    Return the messages with old tool output left out, oldest first, until they fit.

    Every call keeps its result, which then says how much was left out and where `pointer`
    finds it. Output that is no longer than that sentence stays, and so do the results at the
    very end, for which the next request is made, and the last `keep_last` messages. What did
    not change is the same object. Without enough tool output the result may still not fit.
    """
    kept = list(messages)
    tokens = tokens_at_most(kept)
    unseen = next((n for n in reversed(range(len(kept))) if kept[n].role != "tool"), 0)
    for place, message in enumerate(kept[: max(min(len(kept) - keep_last, unseen), 0)]):
        if tokens <= room_tokens:
            break
        if message.role != "tool":
            continue
        before = tokens_at_most([message])
        emptied = _emptied(message, pointer(message))
        after = tokens_at_most([emptied])
        if after < before:
            kept[place] = emptied
            tokens -= before - after
    return tuple(kept)


def cut_tool_output(
    messages: Sequence[Message], most_characters: int, *, pointer: Pointer = nowhere
) -> tuple[Message, ...]:
    """Return the messages with the middle of every longer text of a tool left out."""
    return tuple(
        message if message.role != "tool" else _cut(message, most_characters, pointer(message))
        for message in messages
    )


def newest_within(messages: Sequence[Message], room_tokens: int) -> tuple[Message, ...]:
    """
    Return what fits: all, or the first message and the last ones, to be read and not kept.

    Long texts lose their middle then. Calls and their results stay together; the last speaker's
    turn is there whatever its size.
    """
    if tokens_at_most(messages) <= room_tokens:
        return tuple(messages)
    most = max(room_tokens // _LONGEST_SHARE, _SHORTEST_CUT)
    cut = tuple(_cut(message, most, "") for message in messages)
    first, rest = cut[:1], cut[1:]
    return (*first, *rest[start_of_tail(rest, room_tokens - tokens_at_most(first)) :])


def count_changed(before: Sequence[Message], after: Sequence[Message]) -> int:
    """Return how many messages a compaction has changed or left out."""
    changed = sum(old != new for old, new in zip(before, after, strict=False))
    return changed + abs(len(before) - len(after))


def start_of_tail(messages: Sequence[Message], room_tokens: int) -> int:
    """
    Return the index from which on the last messages have at most so many tokens.

    Calls and their results stay together. The last speaker's turn is in the tail whatever
    its size; without messages it is 0.
    """
    starts = [place for place, message in enumerate(messages) if message.role != "tool"]
    tokens, end = 0, len(messages)
    tail = starts[-1] if starts else 0
    for start in reversed(starts):
        tokens += tokens_at_most(messages[start:end])
        if tokens > room_tokens:
            break
        tail = end = start
    return tail


def _emptied(message: Message, path: str) -> Message:
    parts = [
        msgspec.structs.replace(part, parts=(TextPart(_left_out(part, path)),))
        if isinstance(part, ToolResult) and not _is_left_out(part)
        else part
        for part in message.parts
    ]
    return Message(message.role, tuple(parts))


def _is_left_out(result: ToolResult) -> bool:
    return any(isinstance(p, TextPart) and p.text.startswith("(left out: ") for p in result.parts)


def _left_out(result: ToolResult, path: str) -> str:
    """Return what stands for a result that is left out."""
    if not path:
        return LEFT_OUT
    characters = sum(len(part.text) for part in result.parts if isinstance(part, TextPart))
    others = sum(not isinstance(part, TextPart) for part in result.parts)
    more = f" and {others} image{'s' if others > 1 else ''}" if others else ""
    return f"(left out: {characters:,} characters{more}; read the path {path} to see it)"


def _cut(message: Message, most: int, path: str) -> Message:
    def shorter(part: Part) -> Part:
        if isinstance(part, ToolResult):
            return msgspec.structs.replace(part, parts=tuple(map(shorter, part.parts)))
        if not isinstance(part, TextPart) or len(part.text) <= most:
            return part
        half = most // 2
        where = f"; read the path {path} to see it whole" if path else ""
        note = f"\n(left out here: {len(part.text) - 2 * half:,} characters{where})\n"
        return TextPart(f"{part.text[:half]}{note}{part.text[-half:]}")

    parts = tuple(map(shorter, message.parts))
    return message if parts == message.parts else Message(message.role, parts)
