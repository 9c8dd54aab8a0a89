"""A conversation in the order that an endpoint takes: each call answered at once, nothing empty."""

from collections.abc import Callable, Iterator, Sequence

import msgspec

from agent.messages import Message, TextPart, ToolCall, ToolResult
from agent.wire.base import without_lone_surrogates

NO_RESULT = "(no result: the call was interrupted)"
"""What stands for the result of a call that never gave one."""

NO_OUTPUT = "(no output)"
"""What stands for a result without any content: an empty text part is a 400 (litellm#42186)."""

Piece = tuple[tuple[str, bytes], ...]
"""A turn as it is sent: pairs (role, JSON of one or more items with commas between)."""

Encode = Callable[[Message, Sequence[Message]], Piece]
"""From a message and the tool messages right after it to what is sent, which may be nothing."""


class Memory:
    """
    The JSON of the turns that were sent, so that the next body costs what is new in it.

    One conversation has one. Messages are known by identity: a message that is equal but
    another object is encoded again. It holds as much as the last body, in JSON.
    """

    __slots__ = ("_definitions", "_ends", "_messages", "_pieces", "_settings", "_tools")

    def __init__(self) -> None:
        self._messages: tuple[Message, ...] = ()
        self._settings: object = None
        self._pieces: list[Piece] = []
        self._ends: list[int] = []
        self._tools: object = None
        self._definitions = b""

    def pieces(
        self, messages: Sequence[Message], settings: object, encode: Encode
    ) -> Sequence[Piece]:
        """
        Return every turn's piece; `encode` is asked only for what is new.

        `settings` is all that the pieces depend on beside the messages: where it differs
        from the last time nothing is reused.
        """
        kept = self._kept(messages) if settings == self._settings else 0
        del self._pieces[kept:], self._ends[kept:]
        self._messages, self._settings = tuple(messages), settings
        start = self._ends[-1] if self._ends else 0
        for head, following in turns(self._messages, start):
            self._pieces.append(encode(self._messages[head], following))
            self._ends.append(head + 1 + len(following))
        return self._pieces

    def definitions(self, tools: object, encode: Callable[[], bytes]) -> bytes:
        """Return the tools' JSON; `encode` is asked only if the tools are others than before."""
        if not self._definitions or tools != self._tools:
            self._definitions, self._tools = encode(), tools
        return self._definitions

    def _kept(self, messages: Sequence[Message]) -> int:
        """Return how many pieces can stay: those whose messages, and what follows, are the same."""
        same = 0
        for old, new in zip(self._messages, messages, strict=False):
            if old is not new:
                break
            same += 1
        kept = len(self._ends)
        while kept and self._ends[kept - 1] > same:
            kept -= 1
        # A tool message that came since belongs to the last turn.
        if kept and same < len(messages) and messages[same].role == "tool":
            kept -= self._ends[kept - 1] == same
        return kept


def turns(messages: Sequence[Message], start: int = 0) -> Iterator[tuple[int, Sequence[Message]]]:
    """
    Yield the index of each message from `start` on, with the tool messages right after it.

    Tool messages at the very beginning come with the first of them as their head.
    """
    index, count = start, len(messages)
    while index < count:
        end = index + 1
        while end < count and messages[end].role == "tool":
            end += 1
        yield index, messages[index + 1 : end] if end > index + 1 else ()
        index = end


def results_in_order(calls: Sequence[ToolCall], following: Sequence[Message]) -> list[ToolResult]:
    """
    Return one result for each call: those that came, in their order, then those that miss.

    A result whose call is unknown is dropped, since the endpoint answers 400 `tool_call_id
    is not found` to it; so is a second one for the same call. A missing one says so and is
    an error. Ids may repeat, also within a turn: they are paired by count.
    """
    waiting = list(calls)
    results: list[ToolResult] = []
    for message in following:
        for part in message.parts:
            if type(part) is not ToolResult:
                continue
            for index, call in enumerate(waiting):
                if call.id == part.call_id:
                    del waiting[index]
                    results.append(part)
                    break
    results.extend(missing_result(call) for call in waiting)
    return results


def missing_result(call: ToolCall) -> ToolResult:
    """Return the result of a call that was interrupted."""
    return ToolResult(call.id, call.name, (TextPart(NO_RESULT),), is_error=True)


def extras_of(call: ToolCall) -> dict[str, msgspec.Raw]:
    """Return the fields that the endpoint sent with a call beside the known, byte for byte."""
    if not call.extras:
        return {}
    try:
        return msgspec.json.decode(call.extras, type=dict[str, msgspec.Raw])
    except msgspec.DecodeError:
        # Only a session file that somebody edited can hold such a text; the call still stands.
        return {}


def is_blank(text: str) -> bool:
    """Return whether a text is empty or only blanks, which the endpoints refuse."""
    return not text or text.isspace()


def mended(message: Message) -> Message:
    """Return a message in which every text can be put into UTF-8; bytes stay as they are."""
    text = msgspec.json.encode(_mended_texts(msgspec.to_builtins(message)))
    return msgspec.json.decode(text, type=Message)


def _mended_texts(value: object) -> object:
    if isinstance(value, str):
        return without_lone_surrogates(value)
    if isinstance(value, dict):
        return {name: _mended_texts(inner) for name, inner in value.items()}
    if isinstance(value, list | tuple):
        return [_mended_texts(inner) for inner in value]
    return value
