"""What happens while one turn is answered, in the order in which it happens."""

import msgspec

from agent.messages import Message, ToolCall, Usage


class RequestSent(msgspec.Struct, frozen=True, kw_only=True):
    """A request is leaving; `headers` hold the key's fingerprint where the key is."""

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


class ToolCallReady(msgspec.Struct, frozen=True):
    """A tool call is whole; the calls of one answer come in the endpoint's order."""

    call: ToolCall


class Retrying(msgspec.Struct, frozen=True, kw_only=True):
    """
    The request failed in a way that may pass, and goes out again after `seconds`.

    `attempt` counts the tries so far, from 1. `reason` is a whole sentence.
    """

    seconds: float
    attempt: int
    reason: str


class Waiting(msgspec.Struct, frozen=True):
    """The next try is `seconds` away: once a second, after the event that announced it."""

    seconds: float


class Resumed(msgspec.Struct, frozen=True, kw_only=True):
    """
    The stream broke, and the answer goes on where it stopped, nothing repeated.

    `continued` is False where the endpoint cannot continue an answer: then it is asked
    anew and what was shown before is not shown again.
    """

    reason: str
    continued: bool


class WindowLearnt(msgspec.Struct, frozen=True, kw_only=True):
    """An error named the model's true window, in tokens; it is remembered for this key."""

    model: str
    tokens: int
    dropped_messages: int


class ServedModel(msgspec.Struct, frozen=True, kw_only=True):
    """Another model answered than the one that was asked."""

    asked: str
    served: str


class BudgetRaised(msgspec.Struct, frozen=True, kw_only=True):
    """Reasoning used the whole budget and no answer came; the turn goes out once more, larger."""

    before_tokens: int
    after_tokens: int


class RouteChanged(msgspec.Struct, frozen=True, kw_only=True):
    """
    The turn goes on elsewhere, whole: with another key, or at another provider.

    `reason` is why, a whole sentence or more. Endpoints are named by their rows, models by the
    ids as asked for; `url` is where the next request goes and `key` the new key's fingerprint,
    empty without one. `notices` are sentences about what was passed over or left out on the
    way. What was shown of an answer is not shown again.
    """

    reason: str
    from_endpoint: str
    from_model: str
    to_endpoint: str
    to_model: str
    url: str
    key: str
    notices: tuple[str, ...] = ()


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


Event = (
    RequestSent
    | AnswerBegan
    | WireMoved
    | Retrying
    | Waiting
    | Resumed
    | WindowLearnt
    | ServedModel
    | BudgetRaised
    | RouteChanged
    | ThinkDelta
    | TextDelta
    | ToolCallReady
    | Finished
)
