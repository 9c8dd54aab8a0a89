"""Messages → the body of a request on the chat wire (`/chat/completions`); no I/O."""

from collections.abc import Sequence

import msgspec

from agent.messages import Message, ThinkPart, text_of
from agent.wire.base import without_lone_surrogates


def chat_headers() -> tuple[tuple[str, str], ...]:
    """Return the headers of the wire; our name and the key are added by the transport."""
    return (("Content-Type", "application/json"), ("Accept", "text/event-stream"))


def chat_body(
    messages: Sequence[Message],
    *,
    model: str,
    max_completion_tokens: int | None,
    replay_reasoning: bool,
) -> bytes:
    """
    Return the body of a streamed request, its keys always in the same order.

    `max_completion_tokens` covers reasoning and answer; None leaves it to the endpoint.
    `replay_reasoning` sends an assistant's reasoning back byte for byte. No sampling field
    is ever sent: any value but the pinned one is a 400, and the pinned one depends on the
    thinking mode. A message without text is left out, an assistant's also when it holds
    reasoning: 400 "the message at position <N> with role 'assistant' must not be empty".

    Source: the open platform's chat documentation and MoonshotAI/kimi-code#1985, 2026-08.
    """
    body: dict[str, object] = {
        "model": model,
        "messages": [
            _message(message, replay_reasoning=replay_reasoning)
            for message in messages
            if text_of(message).strip()
        ],
    }
    if max_completion_tokens is not None:
        body["max_completion_tokens"] = max_completion_tokens
    body["stream"] = True
    body["stream_options"] = {"include_usage": True}
    return msgspec.json.encode(body)


def _message(message: Message, *, replay_reasoning: bool) -> dict[str, str]:
    shaped: dict[str, str] = {"role": message.role}
    reasoning = "".join(part.text for part in message.parts if isinstance(part, ThinkPart))
    if replay_reasoning and reasoning and message.role == "assistant":
        shaped["reasoning_content"] = without_lone_surrogates(reasoning)
    shaped["content"] = without_lone_surrogates(text_of(message))
    return shaped
