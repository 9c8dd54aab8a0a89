"""Messages → the body of a request on the messages wire (`/v1/messages`); no I/O."""

from collections.abc import Sequence

import msgspec

from agent.messages import Message, Part, Role, TextPart, text_of
from agent.wire.base import without_lone_surrogates

ANTHROPIC_VERSION = "2023-06-01"


def messages_headers() -> tuple[tuple[str, str], ...]:
    """Return the headers of the wire; our name and the key are added by the transport."""
    return (
        ("Content-Type", "application/json"),
        ("Accept", "text/event-stream"),
        ("anthropic-version", ANTHROPIC_VERSION),
    )


def messages_body(messages: Sequence[Message], *, model: str, max_tokens: int) -> bytes:
    """
    Return the body of a streamed request, its keys always in the same order.

    `max_tokens` covers reasoning and answer; the wire demands it. System messages, wherever
    they stand, become the top-level `system`, with a blank line between them. Turns of one
    speaker in a row become one turn. Reasoning goes back with the signature it came with;
    Kimi does not check it and takes an empty one. A message without text, and an empty
    text part, are left out.

    Source: the Anthropic messages API, as Kimi documents its own; hermes-agent#66948.
    """
    spoken = [message for message in messages if text_of(message).strip()]
    system = "\n\n".join(text_of(message) for message in spoken if message.role == "system")
    turns: list[tuple[Role, list[dict[str, str]]]] = []
    for message in spoken:
        if message.role == "system":
            continue
        if not turns or turns[-1][0] != message.role:
            turns.append((message.role, []))
        turns[-1][1].extend(_block(part) for part in message.parts if _is_sent(part))
    body: dict[str, object] = {"model": model, "max_tokens": max_tokens}
    if system:
        body["system"] = without_lone_surrogates(system)
    body["messages"] = [{"role": role, "content": blocks} for role, blocks in turns]
    body["stream"] = True
    return msgspec.json.encode(body)


def _is_sent(part: Part) -> bool:
    return bool(part.text.strip()) if isinstance(part, TextPart) else True


def _block(part: Part) -> dict[str, str]:
    text = without_lone_surrogates(part.text)
    if isinstance(part, TextPart):
        return {"type": "text", "text": text}
    return {"type": "thinking", "thinking": text, "signature": part.signature}
