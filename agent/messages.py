"""What a conversation is made of: messages of parts, tools, and what an answer used."""

from typing import Any, Literal

import msgspec

Role = Literal["system", "user", "assistant", "tool"]


class TextPart(msgspec.Struct, frozen=True, tag="text"):
    """Text that the user wrote, the model answered or a tool gave."""

    text: str


class ThinkPart(msgspec.Struct, frozen=True, tag="think"):
    """
    The model's reasoning, kept byte for byte so that it can be replayed.

    `signature` is the messages wire's proof for a thinking block; the chat wire has none.
    """

    text: str
    signature: str = ""


class ImagePart(msgspec.Struct, frozen=True, tag="image"):
    """An image, its bytes as they are; `media_type` is `image/png` and the like."""

    data: bytes
    media_type: str


class VideoPart(msgspec.Struct, frozen=True, tag="video"):
    """A video, its bytes as they are; `media_type` is `video/mp4` and the like."""

    data: bytes
    media_type: str


class ToolCall(msgspec.Struct, frozen=True, tag="call"):
    """
    A call that the model asks for.

    `id` is the endpoint's own and goes back as it came. `arguments` is JSON text, byte for
    byte, and may be broken: models slip. `extras` is JSON text of unknown fields that the
    endpoint wants back, or empty.
    """

    id: str
    name: str
    arguments: str
    extras: str = ""


class ToolResult(msgspec.Struct, frozen=True, tag="result"):
    """What a tool gave for a call; `is_error` where it failed."""

    call_id: str
    name: str
    parts: tuple["TextPart | ImagePart | VideoPart", ...]
    is_error: bool = False


Part = TextPart | ThinkPart | ImagePart | VideoPart | ToolCall | ToolResult


class Message(msgspec.Struct, frozen=True):
    """
    One turn: who speaks, and the parts in the order in which they came.

    A message of the role `tool` holds ToolResults and follows the assistant's message that
    holds their ToolCalls.
    """

    role: Role
    parts: tuple[Part, ...]


class Tool(msgspec.Struct, frozen=True, kw_only=True):
    """A tool the model may call; `parameters` is a JSON Schema of an object, in any dialect."""

    name: str
    description: str
    parameters: dict[str, Any]


class Options(msgspec.Struct, frozen=True, kw_only=True):
    """
    What a turn may ask for beside its messages and tools; the defaults ask for nothing.

    `tool_choice` is `auto`, `none`, `required` or the name of a tool. `effort` is how hard
    to think: a word the model's row knows, `off`, or empty for the endpoint's default.
    `response_format` is the chat wire's object (`json_object`, `json_schema`).
    `cache_key` is the conversation's id, the same in all its turns. `budget_tokens` covers
    reasoning and answer; None takes the row's.
    """

    tool_choice: str = "auto"
    effort: str = ""
    response_format: dict[str, Any] | None = None
    cache_key: str = ""
    budget_tokens: int | None = None


class Usage(msgspec.Struct, frozen=True, kw_only=True):
    """
    Tokens of one answer, as the endpoint counted them.

    `prompt_tokens` includes `cached_tokens` on both wires; `completion_tokens` includes
    `reasoning_tokens`, which few endpoints tell.
    """

    prompt_tokens: int = 0
    completion_tokens: int = 0
    cached_tokens: int = 0
    reasoning_tokens: int = 0


def user(text: str) -> Message:
    """Return a user message of one text part."""
    return Message("user", (TextPart(text),))


def text_of(message: Message) -> str:
    """Return the message's text without its reasoning and calls."""
    return "".join(part.text for part in message.parts if isinstance(part, TextPart))


def calls_of(message: Message) -> tuple[ToolCall, ...]:
    """Return the tool calls of an assistant's message."""
    return tuple(part for part in message.parts if isinstance(part, ToolCall))
