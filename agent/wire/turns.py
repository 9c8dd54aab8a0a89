"""A conversation in the order that an endpoint takes: each call answered at once, nothing empty."""

from collections.abc import Callable, Iterator, Sequence

import msgspec

from agent.estimate import Count
from agent.messages import Message, TextPart, ToolCall, ToolResult
from agent.wire.base import without_lone_surrogates

NO_RESULT = "(no result: the call was interrupted)"
"""What stands for the result of a call that never gave one."""

NO_OUTPUT = "(no output)"
"""What stands for a result without any content: an empty text part is a 400 (litellm#42186)."""

Piece = tuple[str, bytes | memoryview]
"""A role, where the wire joins by role, and JSON of one or more items with commas between."""


class Memory:
    """
    What was sent of a conversation, so that the next body costs what is new in it.

    One conversation has one. It holds the last body, or as much. A conversation that goes on
    keeps all of that; one whose messages are others, or fewer, begins again from nothing.
    `tokens` is the estimate of the messages.
    """

    __slots__ = ("_definitions", "_messages", "_pieces", "_settings", "_tools", "tokens")

    def __init__(self) -> None:
        self.tokens = Count()
        self._messages: tuple[Message, ...] = ()
        self._settings: object = None
        self._pieces: Sequence[Piece] = ()
        self._tools: object = None
        self._definitions = b""

    def known(self, messages: tuple[Message, ...], settings: object) -> tuple[int, Sequence[Piece]]:
        """
        Return how many messages need not be encoded again, and their pieces.

        `settings` is all that the pieces depend on beside the messages: where it differs
        from the last time nothing is reused.
        """
        count = len(self._messages)
        # A tool message that came since belongs to a call before it.
        goes_on = count < len(messages) and messages[count].role == "tool"
        if goes_on or settings != self._settings or messages[:count] != self._messages:
            return 0, ()
        return count, self._pieces

    def keep(
        self, messages: tuple[Message, ...], settings: object, pieces: Sequence[Piece]
    ) -> None:
        """Remember the pieces of all messages, as they are sent this time."""
        self._messages, self._settings, self._pieces = messages, settings, pieces

    def definitions(self, tools: object, encode: Callable[[], bytes]) -> bytes:
        """Return the tools' JSON; `encode` is asked only if the tools are others than before."""
        if not self._definitions or tools != self._tools:
            self._definitions, self._tools = encode(), tools
        return self._definitions


def turns(messages: Sequence[Message]) -> Iterator[tuple[Message, Sequence[Message]]]:
    """
    Yield each message with the tool messages right after it.

    Tool messages at the very beginning come with the first of them as their head.
    """
    index, count = 0, len(messages)
    while index < count:
        end = index + 1
        while end < count and messages[end].role == "tool":
            end += 1
        yield messages[index], messages[index + 1 : end]
        index = end


def results_in_order(calls: Sequence[ToolCall], following: Sequence[Message]) -> list[ToolResult]:
    """Return one result for each call: those that came, in their order, then those that miss."""
    waiting = list(calls)
    results = [result for message in following for result in taken(message, waiting)]
    return [*results, *map(missing_result, waiting)]


def taken(message: Message, waiting: list[ToolCall]) -> list[ToolResult]:
    """
    Return the results that a tool message brings, and take their calls out of `waiting`.

    A result whose call is unknown is dropped, since the endpoint answers 400 `tool_call_id
    is not found` to it; so is a second one for the same call. Ids may repeat, also within a
    turn: they are paired by count.
    """
    results: list[ToolResult] = []
    for part in message.parts:
        if type(part) is not ToolResult:
            continue
        for index, call in enumerate(waiting):
            if call.id == part.call_id:
                del waiting[index]
                results.append(part)
                break
    return results


def missing_result(call: ToolCall) -> ToolResult:
    """Return the result of a call that was interrupted: it says so, and is an error."""
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


def mended(messages: Sequence[Message]) -> list[Message]:
    """Return messages in which every text can be put into UTF-8; bytes stay as they are."""
    return [_mended(message) for message in messages]


def _mended(message: Message) -> Message:
    try:
        msgspec.json.encode(message)
    except UnicodeEncodeError:
        text = msgspec.json.encode(_mended_texts(msgspec.to_builtins(message)))
        return msgspec.json.decode(text, type=Message)
    return message


def _mended_texts(value: object) -> object:
    if isinstance(value, str):
        return without_lone_surrogates(value)
    if isinstance(value, dict):
        return {name: _mended_texts(inner) for name, inner in value.items()}
    if isinstance(value, list | tuple):
        return [_mended_texts(inner) for inner in value]
    return value
