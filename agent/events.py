"""What happens while one turn is answered, in the order in which it happens."""

import msgspec

from agent.messages import Message, Usage


class RequestSent(msgspec.Struct, frozen=True, kw_only=True):
    """A request left; `headers` hold the key's fingerprint where the key was."""

    method: str
    url: str
    headers: tuple[tuple[str, str], ...]
    body: bytes
    proxy: str = ""


class AnswerBegan(msgspec.Struct, frozen=True, kw_only=True):
    """The head of an answer came."""

    status: int
    headers: tuple[tuple[str, str], ...]


class WireMoved(msgspec.Struct, frozen=True, kw_only=True):
    """
    The endpoint refused our name on one wire, and the turn goes once more over another.

    `said` is the endpoint's own sentence.
    """

    refused: str
    taken: str
    url: str
    said: str


class ThinkDelta(msgspec.Struct, frozen=True):
    """A piece of the model's reasoning."""

    text: str


class TextDelta(msgspec.Struct, frozen=True):
    """A piece of the answer."""

    text: str


class Finished(msgspec.Struct, frozen=True, kw_only=True):
    """
    The answer is whole.

    `finish_reason` is the chat wire's word (`stop`, `length`, `content_filter`, …) on
    both wires, and empty if none came. `model` is the id the endpoint says it served.
    """

    message: Message
    finish_reason: str
    model: str
    usage: Usage | None


Event = RequestSent | AnswerBegan | WireMoved | ThinkDelta | TextDelta | Finished
