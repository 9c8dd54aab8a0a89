"""What both wires share: the reader's shape, the answer as it grows, and what can go wrong."""

import json
from collections.abc import Iterable
from typing import NoReturn, Protocol, TypeVar

import msgspec

from agent.catalog.rows import ModelRow
from agent.errors import AnswerCutShort, ServerFailed
from agent.events import Event, Finished
from agent.messages import Message, Part, TextPart, ThinkPart, ToolCall

SHOWN_CHARACTERS = 200
PIECES_KEPT = 1_024
"""A Python text of one token takes 56 bytes beside its characters: so many, then one text."""

_REMEDY = "Ask again; `hermes chat --debug` shows what is sent and what comes back."

T = TypeVar("T")


class Shape(msgspec.Struct, frozen=True, kw_only=True):
    """
    What a wire must know of the Route to shape a request.

    `model` is the id that is sent, `row` what is known of it, `quirks` the endpoint's.
    `budget_tokens` covers reasoning and answer; None leaves it to the endpoint.
    `reasoning_filler` stands where a tool call's reasoning never came, once an endpoint has
    refused without; empty sends none.
    """

    model: str
    row: ModelRow | None = None
    quirks: frozenset[str] = frozenset()
    budget_tokens: int | None = None
    reasoning_filler: str = ""


class StreamError(Exception):
    """
    The endpoint put an error object into a stream that had begun well.

    `said` is its own sentence, `kind` its error type or code; either may be empty. Neutral:
    what it means, and what to do, is for the client to say.
    """

    def __init__(self, said: str, kind: str) -> None:
        super().__init__(said or kind)
        self.said = said
        self.kind = kind


class StreamReader(Protocol):
    """Payloads in, events out; holds one answer and is used once."""

    @property
    def ended(self) -> bool:
        """Whether the end mark came; nothing that comes after it counts."""

    @property
    def in_call(self) -> bool:
        """Whether a tool call has begun: what came cannot be continued as text."""

    def read_all(self, payloads: Iterable[bytes], into: list[Event] | None = None) -> list[Event]:
        """
        Return the events of some payloads, in order: `into` with them added, if it is given.

        What came before a failure is in `into` too.

        Raises StreamError for an error object, ServerFailed for what cannot be read, and
        AnswerCutShort for a payload that stops in its middle.
        """

    def finish(self) -> Finished:
        """Return the Finished event, or raise AnswerCutShort if the end mark never came."""

    def partial(self) -> Message:
        """
        Return what came so far as an assistant message, which may have no parts.

        A tool call that is not whole yet is left out: nobody could run it or send it back.
        """


class ErrorBody(msgspec.Struct, frozen=True):
    """The error object inside a stream, alike on both wires."""

    message: str | None = None
    type: str | None = None
    code: str | int | None = None


class AnswerParts:
    """The parts of an answer as they grow: pieces of one kind in a row become one part."""

    __slots__ = ("_blocks", "_kind", "_parts", "_pieces", "_signature")

    def __init__(self) -> None:
        self._kind: type[Part] = TextPart
        self._pieces: list[str] = []
        self._blocks: list[str] = []
        self._signature = ""
        self._parts: list[Part] = []

    def add(self, kind: type[Part], text: str) -> None:
        """Add a piece of text or reasoning."""
        if kind is not self._kind:
            self.close()
            self._kind = kind
        self._pieces.append(text)
        if len(self._pieces) == PIECES_KEPT:
            self._blocks.append("".join(self._pieces))
            self._pieces.clear()

    def sign(self, signature: str) -> None:
        """Add a piece of the signature of the reasoning that is open."""
        if self._kind is not ThinkPart:
            self.close()
            self._kind = ThinkPart
        self._signature += signature

    def close(self) -> None:
        """End the open part; the next piece begins a new one."""
        part = self._open_part()
        if part is not None:
            self._parts.append(part)
        self._pieces = []
        self._blocks = []
        self._signature = ""

    def close_thought(self) -> None:
        """End the open part if it is reasoning: a signature belongs to one block."""
        if self._kind is ThinkPart:
            self.close()

    def put(self, call: ToolCall) -> None:
        """Add a whole tool call after what came so far."""
        self.close()
        self._parts.append(call)

    def message(self) -> Message:
        """Return the assistant's message as it stands; parts without content are left out."""
        part = self._open_part()
        return Message("assistant", (*self._parts, part) if part is not None else (*self._parts,))

    def _open_part(self) -> Part | None:
        text = "".join([*self._blocks, *self._pieces])
        if not text and not self._signature:
            return None
        return ThinkPart(text, self._signature) if self._kind is ThinkPart else TextPart(text)


def decoded(decoder: msgspec.json.Decoder[T], payload: bytes) -> T:
    """
    Return a payload as the decoder's type.

    Raises AnswerCutShort if the payload stops in its middle, which is how an answer ends
    whose connection was cut between two packets, and ServerFailed if it cannot be read.
    """
    try:
        return decoder.decode(payload)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        try:
            return decoder.decode(_mended(payload))
        except (msgspec.DecodeError, ValueError, RecursionError):
            raise _unreadable(payload, error) from error


def raise_stream_error(error: ErrorBody | str) -> NoReturn:
    """Raise the StreamError for an error object or a bare error text."""
    if isinstance(error, str):
        raise StreamError(error, "")
    kind = error.type or ("" if error.code is None else str(error.code))
    raise StreamError(error.message or "", kind)


def cut_short(end_mark: str) -> AnswerCutShort:
    """Return the error for a stream whose end mark never came."""
    return AnswerCutShort(
        f"The answer stopped before its end mark ({end_mark}) came; what came is kept.",
        remedy=_REMEDY,
    )


def encoded(value: object) -> bytes:
    """Return a value as JSON; what cannot be UTF-8 in its texts is replaced."""
    try:
        return msgspec.json.encode(value)
    except UnicodeEncodeError:
        text = json.dumps(value, ensure_ascii=False, separators=(",", ":"))
        return without_lone_surrogates(text).encode()


def shortened(payload: bytes) -> str:
    """Return the first 200 characters of a payload, on one line and in quotes."""
    text = payload.decode("utf-8", "replace")
    return repr(text if len(text) <= SHOWN_CHARACTERS else text[:SHOWN_CHARACTERS] + "…")


def without_lone_surrogates(text: str) -> str:
    """
    Return `text` as it can be put into UTF-8.

    A terminal that passes bytes which are not UTF-8, and a clipboard that cuts an emoji in
    two, leave surrogates in a `str`. A pair is joined; a lone one becomes U+FFFD.
    """
    try:
        text.encode()
    except UnicodeEncodeError:
        return text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")
    return text


def _mended(payload: bytes) -> bytes:
    """Return JSON that held half an emoji or bytes that are not UTF-8, with U+FFFD instead."""
    value = json.loads(payload.decode("utf-8", "replace"))
    return without_lone_surrogates(json.dumps(value, ensure_ascii=False)).encode()


def _unreadable(payload: bytes, error: Exception) -> AnswerCutShort | ServerFailed:
    # msgspec 0.22 has one class for both; its text for an early end is "Input data was truncated".
    if "truncated" in str(error):
        return AnswerCutShort(
            "The answer stopped in the middle of an event; what came before it is kept.",
            remedy=_REMEDY,
        )
    return ServerFailed(
        f"The endpoint sent an event that cannot be read: {shortened(payload)} ({error}).",
        remedy=_REMEDY,
    )
