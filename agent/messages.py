"""What a conversation is made of: messages of parts, and what an answer used."""

from typing import Literal

import msgspec

Role = Literal["system", "user", "assistant"]


class TextPart(msgspec.Struct, frozen=True, tag="text"):
    """Text that the user wrote or the model answered."""

    text: str


class ThinkPart(msgspec.Struct, frozen=True, tag="think"):
    """
    The model's reasoning, kept byte for byte so that it can be replayed.

    `signature` is the messages wire's proof for a thinking block; the chat wire has none.
    """

    text: str
    signature: str = ""


Part = TextPart | ThinkPart


class Message(msgspec.Struct, frozen=True):
    """One turn: who speaks, and the parts in the order in which they came."""

    role: Role
    parts: tuple[Part, ...]


class Usage(msgspec.Struct, frozen=True, kw_only=True):
    """
    Tokens of one answer, as the endpoint counted them.

    `prompt_tokens` includes `cached_tokens` on both wires; `completion_tokens`
    includes the reasoning.
    """

    prompt_tokens: int = 0
    completion_tokens: int = 0
    cached_tokens: int = 0


def user(text: str) -> Message:
    """Return a user message of one text part."""
    return Message("user", (TextPart(text),))


def text_of(message: Message) -> str:
    """Return the message's text without its reasoning."""
    return "".join(part.text for part in message.parts if isinstance(part, TextPart))
