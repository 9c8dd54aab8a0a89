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


class Manner(TypedDict, total=False):
    """The keyword arguments of `Reply.streaming`; `Answer` says what each one means."""

    finish_reason: str | None
    usage: Usage
    usage_place: UsagePlace
    done: bool
    space: bool
    newline: Newline
    comments: bool
    cut_after: int | None
    pause_seconds: float
    stall_seconds: float
    model: str | None


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
    `stall_seconds` between the head and the first event. `model` is the id said to have
    served, by default the one asked for.
    """

    deltas: tuple[Delta, ...] = ()
    finish_reason: str | None = "stop"
    usage: Usage = field(default_factory=lambda: dict(DEFAULT_USAGE))
    usage_place: UsagePlace = "both"
    done: bool = True
    space: bool = True
    newline: Newline = "\n"
    comments: bool = False
    cut_after: int | None = None
    pause_seconds: float = 0.0
    stall_seconds: float = 0.0
    model: str | None = None

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


def compact_json(value: Any) -> str:
    """Return JSON without blanks and with every character as itself, as the endpoints write it."""
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))
