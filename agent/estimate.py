"""How many tokens a conversation may have, without asking anybody."""

from collections.abc import Sequence

from agent.messages import Message

BYTES_PER_TOKEN = 2
"""Few enough that the estimate is high: English has about four bytes a token, Chinese three."""

TOKENS_PER_MESSAGE = 16


def tokens_at_most(messages: Sequence[Message]) -> int:
    """Return a number of tokens that the messages will hardly exceed."""
    length = sum(len(part.text.encode("utf-8", "replace")) for m in messages for part in m.parts)
    return length // BYTES_PER_TOKEN + TOKENS_PER_MESSAGE * len(messages)
