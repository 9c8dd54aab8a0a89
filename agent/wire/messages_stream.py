"""Payloads of the messages wire (`/v1/messages`, streamed) → events; no I/O."""

from collections.abc import Iterable, Mapping
from types import MappingProxyType

import msgspec

from agent.events import Event, Finished, TextDelta, ThinkDelta, ToolCallReady
from agent.messages import Message, TextPart, ThinkPart, ToolCall, Usage
from agent.wire.base import AnswerParts, ErrorBody, cut_short, decoded, raise_stream_error

END_MARK = "message_stop"
_NOTHING = msgspec.Raw()
_NO_NAMES: Mapping[str, str] = MappingProxyType({})

# The chat wire's words for the messages wire's; others stay as they came.
_FINISH_REASONS = {
    "end_turn": "stop",
    "stop_sequence": "stop",
    "max_tokens": "length",
    "refusal": "content_filter",
    "tool_use": "tool_calls",
}


class _Usage(msgspec.Struct, frozen=True):
    input_tokens: int | None = None
    output_tokens: int | None = None
    cache_read_input_tokens: int | None = None
    cache_creation_input_tokens: int | None = None


class _Started(msgspec.Struct, frozen=True):
    model: str | None = None
    usage: _Usage | None = None


class _Block(msgspec.Struct, frozen=True):
    """A content block as it opens, a delta of one, or the delta of the whole message."""

    type: str | None = None
    text: str | None = None
    thinking: str | None = None
    signature: str | None = None
    stop_reason: str | None = None
    id: str | None = None
    name: str | None = None
    input: msgspec.Raw = _NOTHING
    partial_json: str | None = None


class _Payload(msgspec.Struct, frozen=True):
    """Every event of the wire in one shape: `type` says which fields are set."""

    type: str | None = None
    message: _Started | None = None
    content_block: _Block | None = None
    delta: _Block | None = None
    usage: _Usage | None = None
    error: ErrorBody | str | None = None


_DECODER = msgspec.json.Decoder(_Payload)


class MessagesReader:
    """
    Reads one streamed message; see `agent.wire.base.StreamReader`.

    `names` are the tools' own names for those that were sent, where they differ. A tool call
    is whole when its block stops, or when the stop reason comes before that. Each thinking
    block stays a part of its own, with its own signature. Token counts are running totals,
    so the largest of each is kept, whichever event it came with.
    """

    __slots__ = (
        "_call",
        "_finish_reason",
        "_input",
        "_model",
        "_names",
        "_parts",
        "_usage",
        "ended",
    )

    def __init__(self, names: Mapping[str, str] = _NO_NAMES) -> None:
        self.ended = False
        self._names = names
        self._call: _Block | None = None
        self._input: list[str] = []
        self._parts = AnswerParts()
        self._model = ""
        self._finish_reason = ""
        self._usage: _Usage | None = None

    def read_all(self, payloads: Iterable[bytes], into: list[Event] | None = None) -> list[Event]:
        """Return the events of some payloads; what follows the end mark is ignored."""
        events = [] if into is None else into
        for payload in payloads:
            if self.ended:
                break
            self._read(decoded(_DECODER, payload), events)
        return events

    @property
    def in_call(self) -> bool:
        """Whether a tool call has begun and is not whole."""
        return self._call is not None

    def finish(self) -> Finished:
        """Return the whole answer, or raise AnswerCutShort if `message_stop` never came."""
        if not self.ended:
            raise cut_short(END_MARK)
        return Finished(
            message=self.partial(),
            finish_reason=_FINISH_REASONS.get(self._finish_reason, self._finish_reason),
            model=self._model,
            usage=None if self._usage is None else _counted(self._usage),
        )

    def partial(self) -> Message:
        """Return what came so far."""
        return self._parts.message()

    def _read(self, payload: _Payload, events: list[Event]) -> None:
        if payload.error is not None:
            raise_stream_error(payload.error)
        block = payload.delta or payload.content_block
        if block is not None:
            self._read_block(block, events)
        elif payload.type == "content_block_stop":
            self._parts.close_thought()
            self._close_call(events)
        elif payload.type == END_MARK:
            self._close_call(events)
            self.ended = True
        if payload.message is not None:
            self._model = self._model or payload.message.model or ""
            self._add_usage(payload.message.usage)
        self._add_usage(payload.usage)

    def _read_block(self, block: _Block, events: list[Event]) -> None:
        if block.thinking:
            self._parts.add(ThinkPart, block.thinking)
            events.append(ThinkDelta(block.thinking))
        if block.signature:
            self._parts.sign(block.signature)
        if block.text:
            self._parts.add(TextPart, block.text)
            events.append(TextDelta(block.text))
        if block.partial_json:
            self._input.append(block.partial_json)
        if block.type == "tool_use":
            self._close_call(events)
            self._call, self._input = block, []
        if block.stop_reason and not self._finish_reason:
            self._close_call(events)
            self._finish_reason = block.stop_reason

    def _close_call(self, events: list[Event]) -> None:
        """End the open tool call, if there is one; one without a name was none."""
        block, self._call = self._call, None
        if block is None or not block.name:
            return
        # A gateway that does not stream the input sends it whole with the block's beginning.
        whole = bytes(block.input).decode("utf-8", "replace")
        arguments = "".join(self._input) or (whole if whole.startswith("{") else "{}")
        call = ToolCall(block.id or "", self._names.get(block.name, block.name), arguments)
        self._parts.put(call)
        events.append(ToolCallReady(call))

    def _add_usage(self, usage: _Usage | None) -> None:
        if usage is None:
            return
        before = self._usage or _Usage()
        self._usage = _Usage(
            _larger(before.input_tokens, usage.input_tokens),
            _larger(before.output_tokens, usage.output_tokens),
            _larger(before.cache_read_input_tokens, usage.cache_read_input_tokens),
            _larger(before.cache_creation_input_tokens, usage.cache_creation_input_tokens),
        )


def _larger(first: int | None, second: int | None) -> int:
    return max(first or 0, second or 0)


def _counted(usage: _Usage) -> Usage:
    # This wire counts cached tokens beside `input_tokens`, the chat wire within `prompt_tokens`.
    cached = usage.cache_read_input_tokens or 0
    written = usage.cache_creation_input_tokens or 0
    return Usage(
        prompt_tokens=(usage.input_tokens or 0) + cached + written,
        completion_tokens=usage.output_tokens or 0,
        cached_tokens=cached,
    )
