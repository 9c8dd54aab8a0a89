"""What the mock answers next: an answer of the model, or bytes as they stand."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal, TypedDict, Unpack

Delta = Mapping[str, Any]
Usage = Mapping[str, Any]
UsagePlace = Literal["both", "choice", "top", "none"]
Newline = Literal["\n", "\r\n", "\r"]

JSON_TYPE = "application/json; charset=utf-8"
DEFAULT_USAGE: Usage = {
    "prompt_tokens": 21,
    "completion_tokens": 9,
    "total_tokens": 30,
    "cached_tokens": 5,
}
OVERLOADED_ERROR: Mapping[str, str] = {
    "message": "The engine is currently overloaded, please try again later",
    "type": "engine_overloaded_error",
}
PIECE_CHARS = 8


class Manner(TypedDict, total=False):
    """The keyword arguments of `Reply.streaming`; `Answer` says what each one means."""

    finish_reason: str | None
    usage: Usage | None
    usage_place: UsagePlace
    done: bool
    space: bool
    newline: Newline
    comments: bool
    cut_after: int | None
    pause_seconds: float
    stall_seconds: float
    stall_at: int
    model: str | None
    second_finish: bool
    error_after: int | None
    cut_at_end: bool


@dataclass(frozen=True, kw_only=True)
class ToolCall:
    """A call of the model: the arguments' JSON text in the pieces it comes in."""

    id: str
    name: str
    pieces: tuple[str, ...]

    @classmethod
    def joined(cls, deltas: Sequence[Mapping[str, Any]]) -> "ToolCall":
        """Put one call together from its entries in the chat wire's deltas."""
        functions = [delta.get("function") or {} for delta in deltas]
        return cls(
            id=next((str(delta["id"]) for delta in deltas if delta.get("id")), ""),
            name="".join(str(function.get("name") or "") for function in functions),
            pieces=tuple(
                str(function["arguments"]) for function in functions if function.get("arguments")
            ),
        )

    @property
    def arguments(self) -> str:
        """The arguments as one text."""
        return "".join(self.pieces)


@dataclass(frozen=True, kw_only=True)
class Answer:
    """
    A turn of the model, rendered for the wire and the kind of request that asks for it.

    `deltas` are the chat wire's pieces; a piece with `signature` exists on the messages wire
    only. `finish_reason` None leaves the last choice chunk out. `usage_place` "top" and the
    top half of "both" need `stream_options.include_usage`, as the endpoint does; "none" holds
    on both wires. `done` False leaves out `[DONE]` or `message_stop`. `space` is the one after
    `data:`. `comments` puts a comment line before every event. `cut_after` closes the
    connection after so many bytes of the body. `pause_seconds` lie between events,
    `stall_seconds` before the event number `stall_at`, by default between the head and the
    first. `model` is the id said to have served, by default the one asked for. `usage` None
    is the mock's usual one, or what it counted. `second_finish` adds a chunk that finishes
    again with "stop", on the chat wire. `error_after` ends the answer with `error`, an error
    object, after so many deltas. `cut_at_end` closes the connection after the last event.
    """

    deltas: tuple[Delta, ...] = ()
    finish_reason: str | None = "stop"
    usage: Usage | None = None
    usage_place: UsagePlace = "both"
    done: bool = True
    space: bool = True
    newline: Newline = "\n"
    comments: bool = False
    cut_after: int | None = None
    pause_seconds: float = 0.0
    stall_seconds: float = 0.0
    stall_at: int = 0
    model: str | None = None
    second_finish: bool = False
    error_after: int | None = None
    error: Mapping[str, Any] = field(default_factory=lambda: dict(OVERLOADED_ERROR))
    cut_at_end: bool = False

    @property
    def counts(self) -> Usage:
        """The usage to send."""
        return DEFAULT_USAGE if self.usage is None else self.usage

    def calls(self) -> list[ToolCall]:
        """Return the tool calls, each put together from its pieces, in the order of `index`."""
        pieces: dict[int, list[Mapping[str, Any]]] = {}
        for delta in self.deltas:
            for piece in delta.get("tool_calls") or ():
                pieces.setdefault(int(piece.get("index", 0)), []).append(piece)
        return [ToolCall.joined(pieces[index]) for index in sorted(pieces)]

    def joined(self, name: str) -> str:
        """Return the pieces called `name`, put together."""
        return "".join(str(delta[name]) for delta in self.deltas if delta.get(name))


@dataclass(frozen=True, kw_only=True)
class Raw:
    """Status, headers and body as they stand; `cut` closes the connection after the last chunk."""

    status: int
    headers: tuple[tuple[str, str], ...] = ()
    chunks: tuple[bytes, ...] = ()
    cut: bool = False


@dataclass(frozen=True)
class HungUp:
    """No answer at all: the connection is closed after the request was read."""


@dataclass(frozen=True)
class Reply:
    """One answer in the queue `KimiMock.replies`."""

    content: Answer | Raw | HungUp

    @classmethod
    def streaming(cls, *deltas: Delta, **manner: Unpack[Manner]) -> "Reply":
        """Answer with these pieces, such as `{"content": "Hello."}`; see `Answer`."""
        return cls(Answer(deltas=deltas, **manner))

    @classmethod
    def calling(
        cls,
        *calls: tuple[str, Any],
        text: str = "",
        reasoning: str = "",
        **manner: Unpack[Manner],
    ) -> "Reply":
        """
        Call tools: each call is a name and its arguments, a value or a JSON text as it stands.

        Reasoning comes first, then text, then the calls one after the other; ids are
        `name:0`, `name:1`, … in the order of the calls (contract 3.5).
        """
        deltas: list[Delta] = []
        if reasoning:
            deltas.append({"reasoning_content": reasoning})
        if text:
            deltas.append({"content": text})
        for index, (name, arguments) in enumerate(calls):
            deltas += _call_deltas(index, name, arguments)
        finished: Manner = {"finish_reason": "tool_calls"}
        return cls.streaming(*deltas, **(finished | manner))

    @classmethod
    def recorded(
        cls,
        text: str,
        reasoning: str = "",
        cut_at: int | None = None,
        piece_chars: int = PIECE_CHARS,
    ) -> "Reply":
        """Answer in pieces; `cut_at` breaks off after so many characters of reasoning and text."""
        end = len(reasoning) + len(text) if cut_at is None else cut_at
        thought = reasoning[:end]
        said = text[: max(0, end - len(reasoning))]
        deltas = pieces_of("reasoning_content", thought, piece_chars)
        deltas += pieces_of("content", said, piece_chars)
        if cut_at is None:
            return cls.streaming(*deltas)
        return cls.streaming(
            *deltas, finish_reason=None, usage_place="none", done=False, cut_at_end=True
        )

    @classmethod
    def error(
        cls, status: int, body: Mapping[str, Any] | str, headers: Mapping[str, str] | None = None
    ) -> "Reply":
        """Refuse; a mapping is sent as JSON, a string as the plain text it is."""
        text = body if isinstance(body, str) else compact_json(body)
        kind = "text/plain; charset=utf-8" if isinstance(body, str) else JSON_TYPE
        given = dict(headers or {})
        if not any(name.lower() == "content-type" for name in given):
            given["Content-Type"] = kind
        encoded = text.encode()
        given["Content-Length"] = str(len(encoded))
        return cls(Raw(status=status, headers=tuple(given.items()), chunks=(encoded,)))

    @classmethod
    def redirect(cls, url: str, status: int = 302) -> "Reply":
        """Send the client elsewhere."""
        return cls(Raw(status=status, headers=(("Location", url), ("Content-Length", "0"))))

    @classmethod
    def raw(
        cls,
        status: int,
        headers: Mapping[str, str],
        chunks: Sequence[bytes],
        *,
        cut: bool = False,
    ) -> "Reply":
        """Send these bytes, one write a chunk, and close the connection at the end if `cut`."""
        pairs = tuple(headers.items())
        return cls(Raw(status=status, headers=pairs, chunks=tuple(chunks), cut=cut))

    @classmethod
    def hang_up(cls) -> "Reply":
        """Close the connection without a word."""
        return cls(HungUp())


DEFAULT_REPLY = Reply.streaming(
    {"reasoning_content": "Hm. "},
    {"signature": "bW9jaw=="},
    {"content": "Hello"},
    {"content": " from Kimi."},
)


def pieces_of(name: str, text: str, piece_chars: int) -> list[Delta]:
    """Return deltas that carry `text` in pieces of so many characters."""
    return [{name: text[start : start + piece_chars]} for start in range(0, len(text), piece_chars)]


def _call_deltas(index: int, name: str, arguments: Any) -> list[Delta]:
    """Return a call as the chat wire streams it: id and name first, then pieces of arguments."""
    text = arguments if isinstance(arguments, str) else compact_json(arguments)
    function = {"name": name, "arguments": ""}
    first = {"index": index, "id": f"{name}:{index}", "type": "function", "function": function}
    rest = [
        {"index": index, "function": {"arguments": text[start : start + PIECE_CHARS]}}
        for start in range(0, len(text), PIECE_CHARS)
    ]
    return [{"tool_calls": [piece]} for piece in (first, *rest)]


def compact_json(value: Any) -> str:
    """Return JSON without blanks and with every character as itself, as the endpoints write it."""
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))
