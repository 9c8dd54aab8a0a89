"""Payloads of the chat wire (`/chat/completions`, streamed) → events; no I/O."""

from collections.abc import Iterable

import msgspec

from agent.events import Event, Finished, TextDelta, ThinkDelta
from agent.messages import Message, TextPart, ThinkPart, Usage
from agent.wire.base import AnswerParts, ErrorBody, cut_short, decoded, raise_stream_error

END_MARK = b"[DONE]"


class _PromptDetails(msgspec.Struct, frozen=True):
    cached_tokens: int | None = None


class _Usage(msgspec.Struct, frozen=True):
    prompt_tokens: int | None = None
    completion_tokens: int | None = None
    cached_tokens: int | None = None
    prompt_tokens_details: _PromptDetails | None = None


class _Delta(msgspec.Struct, frozen=True):
    content: str | None = None
    reasoning_content: str | None = None


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


class ChatReader:
    """
    Reads one streamed chat completion; see `agent.wire.base.StreamReader`.

    Usage is taken from the top level, else from `choices[0]`, never from both: Moonshot
    sends the same numbers in both places. Of several finish reasons the first counts: a
    routed K2.6 sent `stop` after `tool_calls` (seen 2026).
    """

    __slots__ = ("_choice_usage", "_finish_reason", "_model", "_parts", "_usage", "ended")

    def __init__(self) -> None:
        self.ended = False
        self._parts = AnswerParts()
        self._model = ""
        self._finish_reason = ""
        self._usage: _Usage | None = None
        self._choice_usage: _Usage | None = None

    def read_all(self, payloads: Iterable[bytes]) -> list[Event]:
        """Return the events of some payloads; what follows the end mark is ignored."""
        events: list[Event] = []
        for payload in payloads:
            if self.ended or payload == END_MARK:
                self.ended = True
                break
            self._read(decoded(_DECODER, payload), events)
        return events

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
        if choice.finish_reason and not self._finish_reason:
            self._finish_reason = choice.finish_reason
        if choice.usage is not None:
            self._choice_usage = choice.usage
        if choice.delta is not None:
            self._read_delta(choice.delta, events)

    def _read_delta(self, delta: _Delta, events: list[Event]) -> None:
        if delta.reasoning_content:
            self._parts.add(ThinkPart, delta.reasoning_content)
            events.append(ThinkDelta(delta.reasoning_content))
        if delta.content:
            self._parts.add(TextPart, delta.content)
            events.append(TextDelta(delta.content))


def _counted(usage: _Usage) -> Usage:
    details = usage.prompt_tokens_details
    cached = usage.cached_tokens
    if cached is None and details is not None:
        cached = details.cached_tokens
    return Usage(
        prompt_tokens=usage.prompt_tokens or 0,
        completion_tokens=usage.completion_tokens or 0,
        cached_tokens=cached or 0,
    )
