"""What to leave out when a conversation no longer fits: the oldest tool output first."""

from collections.abc import Callable, Sequence

import msgspec

from agent.estimate import tokens_at_most
from agent.messages import Message, Part, TextPart, ToolResult

Compaction = Callable[[Sequence[Message], int], tuple[Message, ...]]
"""Messages and the tokens they may have → messages; asked once for a turn."""

LEFT_OUT = "(left out: the conversation was longer than the model's window)"


def drop_oldest_tool_output(messages: Sequence[Message], room_tokens: int) -> tuple[Message, ...]:
    """
    Return the messages with old tool output left out, oldest first, until they fit.

    Every call keeps its result, which then says that its content was left out. The last
    message stays whole. Without enough tool output the result may still not fit.
    """
    kept = list(messages)
    for place, message in enumerate(kept[:-1]):
        if tokens_at_most(kept) <= room_tokens:
            break
        kept[place] = Message(message.role, tuple(map(_emptied, message.parts)))
    return tuple(kept)


def count_changed(before: Sequence[Message], after: Sequence[Message]) -> int:
    """Return how many messages a compaction has changed or left out."""
    changed = sum(old != new for old, new in zip(before, after, strict=False))
    return changed + abs(len(before) - len(after))


def _emptied(part: Part) -> Part:
    if not isinstance(part, ToolResult):
        return part
    return msgspec.structs.replace(part, parts=(TextPart(LEFT_OUT),))
