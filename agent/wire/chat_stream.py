"""Payloads of the chat wire (`/chat/completions`, streamed) → events; no I/O."""

from collections.abc import Iterable, Mapping
from types import MappingProxyType

import msgspec

from agent.events import Event, Finished, TextDelta, ThinkDelta, ToolCallReady
from agent.messages import Message, TextPart, ThinkPart, ToolCall, Usage
from agent.wire.base import AnswerParts, ErrorBody, cut_short, decoded, raise_stream_error

END_MARK = b"[DONE]"
_NO_NAMES: Mapping[str, str] = MappingProxyType({})


class _PromptDetails(msgspec.Struct, frozen=True):
    cached_tokens: int | None = None


class _CompletionDetails(msgspec.Struct, frozen=True):
    reasoning_tokens: int | None = None


class _Usage(msgspec.Struct, frozen=True):
    prompt_tokens: int | None = None
    completion_tokens: int | None = None
    cached_tokens: int | None = None
    prompt_tokens_details: _PromptDetails | None = None
    completion_tokens_details: _CompletionDetails | None = None


class _Function(msgspec.Struct, frozen=True):
    name: str | None = None
    arguments: str | None = None


class _Call(msgspec.Struct, frozen=True):
    """A piece of a tool call; only the first of a call has its id and name."""

    index: int | None = None
    id: str | None = None
    type: str | None = None
    function: _Function | None = None


class _KnownCall(_Call, frozen=True, forbid_unknown_fields=True):
    """The same, of an endpoint that sends nothing else."""


class _Delta(msgspec.Struct, frozen=True):
    content: str | None = None
    reasoning_content: str | None = None
    tool_calls: list[msgspec.Raw] | None = None


class _Choice(msgspec.Struct, frozen=True):
    delta: _Delta | None = None
    finish_reason: str | None = None
    usage: _Usage | None = None


class _Chunk(msgspec.Struct, frozen=True):
    model: str | None = None
    choices: list[_Choice] | None = None
    usage: _Usage | None = None
    error: ErrorBody | str | None = None


_DECODER = msgspec.json.Decoder(_Chunk)
_CALL_DECODER = msgspec.json.Decoder(_Call)
_KNOWN_CALL_DECODER = msgspec.json.Decoder(_KnownCall)
_KNOWN_FIELDS = frozenset(_Call.__struct_fields__)
_FIELDS_DECODER = msgspec.json.Decoder(dict[str, msgspec.Raw])


class _OpenCall:
    """A tool call as it grows."""

    __slots__ = ("_extras", "_pieces", "id", "index", "name")

    def __init__(self, index: int | None) -> None:
        self.index = index
        self.id = ""
        self.name = ""
        self._pieces: list[str] = []
        self._extras: dict[str, msgspec.Raw] = {}

    def add(self, piece: _Call, extras: dict[str, msgspec.Raw]) -> None:
        """Add a piece; the first id and the first name count."""
        self.id = self.id or piece.id or ""
        if piece.function is not None:
            self.name = self.name or piece.function.name or ""
            if piece.function.arguments:
                self._pieces.append(piece.function.arguments)
        self._extras.update(extras)

    def call(self, names: Mapping[str, str]) -> ToolCall:
        """Return the whole call; empty arguments are an empty object."""
        extras = msgspec.json.encode(self._extras).decode() if self._extras else ""
        name = names.get(self.name, self.name)
        return ToolCall(self.id, name, "".join(self._pieces) or "{}", extras)


class ChatReader:
    """
    Reads one streamed chat completion; see `agent.wire.base.StreamReader`.

    `names` are the tools' own names for those that were sent, where they differ. Tool calls
    are whole when the finish reason comes, or the end mark without one: their pieces may be
    mixed, so nothing before tells it. What has no name by then was no call.

    Usage is taken from the top level, else from `choices[0]`, never from both: Moonshot
    sends the same numbers in both places. Of several finish reasons the first counts: a
    routed K2.6 sent `stop` after `tool_calls` (seen 2026).
    """

    __slots__ = (
        "_calls",
        "_choice_usage",
        "_finish_reason",
        "_model",
        "_names",
        "_parts",
        "_usage",
        "ended",
    )

    def __init__(self, names: Mapping[str, str] = _NO_NAMES) -> None:
        self.ended = False
        self._names = names
        self._calls: list[_OpenCall] = []
        self._parts = AnswerParts()
        self._model = ""
        self._finish_reason = ""
        self._usage: _Usage | None = None
        self._choice_usage: _Usage | None = None

    def read_all(self, payloads: Iterable[bytes], into: list[Event] | None = None) -> list[Event]:
        """Return the events of some payloads; what follows the end mark is ignored."""
        events = [] if into is None else into
        for payload in payloads:
            if self.ended or payload == END_MARK:
                self.ended = True
                self._close_calls(events)
                break
            self._read(decoded(_DECODER, payload), events)
        return events

    @property
    def in_call(self) -> bool:
        """Whether a tool call has begun and is not whole."""
        return bool(self._calls)

    def finish(self) -> Finished:
        """Return the whole answer, or raise AnswerCutShort if `[DONE]` never came."""
        if not self.ended:
            raise cut_short(END_MARK.decode())
        usage = self._usage or self._choice_usage
        return Finished(
            message=self.partial(),
            finish_reason=self._finish_reason,
            model=self._model,
            usage=None if usage is None else _counted(usage),
        )

    def partial(self) -> Message:
        """Return what came so far."""
        return self._parts.message()

    def _read(self, chunk: _Chunk, events: list[Event]) -> None:
        if chunk.error is not None:
            raise_stream_error(chunk.error)
        if chunk.model and not self._model:
            self._model = chunk.model
        if chunk.usage is not None:
            self._usage = chunk.usage
        if not chunk.choices:
            return
        choice = chunk.choices[0]
        if choice.delta is not None:
            self._read_delta(choice.delta, events)
        if choice.finish_reason and not self._finish_reason:
            self._finish_reason = choice.finish_reason
            self._close_calls(events)
        if choice.usage is not None:
            self._choice_usage = choice.usage

    def _read_delta(self, delta: _Delta, events: list[Event]) -> None:
        if delta.reasoning_content:
            self._parts.add(ThinkPart, delta.reasoning_content)
            events.append(ThinkDelta(delta.reasoning_content))
        if delta.content:
            self._parts.add(TextPart, delta.content)
            events.append(TextDelta(delta.content))
        if delta.tool_calls:
            for raw in delta.tool_calls:
                self._read_call(bytes(raw))

    def _read_call(self, raw: bytes) -> None:
        extras: dict[str, msgspec.Raw] = {}
        piece: _Call
        try:
            piece = _KNOWN_CALL_DECODER.decode(raw)
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
            piece = decoded(_CALL_DECODER, raw)
            fields = decoded(_FIELDS_DECODER, raw)
            extras = {name: fields[name].copy() for name in fields.keys() - _KNOWN_FIELDS}
        self._open_call(piece).add(piece, extras)

    def _open_call(self, piece: _Call) -> _OpenCall:
        """Return the call that a piece belongs to: of its index; without one, the last."""
        for call in reversed(self._calls):
            if piece.index in (None, call.index):
                # Gateways that count every parallel call as 0, or none, tell them by the id.
                if piece.id and call.id and piece.id != call.id:
                    break
                return call
        self._calls.append(_OpenCall(piece.index))
        return self._calls[-1]

    def _close_calls(self, events: list[Event]) -> None:
        """Put the calls, in the order in which they began, after what came before them."""
        for open_call in self._calls:
            if open_call.name:
                call = open_call.call(self._names)
                self._parts.put(call)
                events.append(ToolCallReady(call))
        self._calls = []


def _counted(usage: _Usage) -> Usage:
    details, completion = usage.prompt_tokens_details, usage.completion_tokens_details
    cached = usage.cached_tokens
    if cached is None and details is not None:
        cached = details.cached_tokens
    return Usage(
        prompt_tokens=usage.prompt_tokens or 0,
        completion_tokens=usage.completion_tokens or 0,
        cached_tokens=cached or 0,
        reasoning_tokens=(completion.reasoning_tokens or 0) if completion is not None else 0,
    )
