"""
How many tokens a conversation may have, without asking anybody.

Measured on 2026-11-22 against two tokenizers, neither of them Kimi's, which no package ships:
SmolLM2's (49,152 entries; `/tokenize` of the embedded model) and, for a vocabulary of Kimi's
order of size, `o200k_base` (200,000 entries). The estimate, as a multiple of the count:

| text                         | SmolLM2      | o200k_base   |
|------------------------------|--------------|--------------|
| English, German              | 1.1 to 1.9   | 1.6 to 1.9   |
| Chinese, Japanese            | 1.1 to 1.3   | 2.1 to 2.8   |
| code, SQL, diffs             | 1.1 to 1.9   | 1.5 to 2.0   |
| JSON, logs, tables           | 1.0 to 1.6   | 1.4 to 2.0   |
| Korean, Vietnamese, Polish   | 0.8 to 0.9   | 1.6 to 2.5   |
| hexadecimal, base64, UUIDs   | 0.6 to 0.8   | 0.8 to 1.1   |

So prose, code and JSON come out too high, never too low; long runs of random characters can
come out too low. Where an answer's own usage is known, count on that, and estimate only what
was added since. `tests/agent/test_estimate.py` holds the recorded counts.
"""

from collections.abc import Sequence

import msgspec

from agent.messages import ImagePart, Message, Part, ToolCall, ToolResult, VideoPart

TOKENS_PER_MESSAGE = 16
TOKENS_PER_IMAGE = 4_096
TOKENS_PER_VIDEO = 65_536

_LETTERS = b"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ "
_ASCII = bytes(range(128))


def tokens_at_most(messages: Sequence[Message]) -> int:
    """Return a number of tokens that the messages will hardly exceed."""
    return sum(TOKENS_PER_MESSAGE + sum(map(_tokens, message.parts)) for message in messages)


class Counted(msgspec.Struct, frozen=True):
    """
    What an endpoint counted: so many tokens for the first `messages` messages.

    The system prompt and the tools are in it, and the last of the messages is its answer.
    """

    tokens: int
    messages: int


class Count:
    """The estimate of a conversation that grows: what was counted once is not counted again."""

    __slots__ = ("_messages", "_tokens")

    def __init__(self) -> None:
        self._messages: tuple[Message, ...] = ()
        self._tokens = 0

    def at_most(self, messages: tuple[Message, ...], enough: int) -> int:
        """
        Return what `tokens_at_most` says, or, above `enough`, some number above it.

        Nothing is counted beyond `enough`: a conversation for which the window is too small
        anyway costs no more than the window.
        """
        if messages[: len(self._messages)] != self._messages:
            self._messages, self._tokens = (), 0
        counted = len(self._messages)
        while counted < len(messages) and self._tokens <= enough:
            self._tokens += tokens_at_most(messages[counted : counted + 1])
            counted += 1
        self._messages = messages[:counted]
        return self._tokens


def tokens_of_text(text: str) -> int:
    """
    Return a number of tokens that the text will hardly exceed.

    Two tokens for five Latin letters or blanks, one for each other ASCII character, three for
    four bytes of anything else: a Chinese character, three bytes in UTF-8, counts 2.25.
    """
    content = text.encode("utf-8", "replace")
    others = content.translate(None, _LETTERS)
    beyond = others.translate(None, _ASCII)
    letters = len(content) - len(others)
    return (8 * letters + 20 * (len(others) - len(beyond)) + 15 * len(beyond) + 19) // 20


def _tokens(part: Part) -> int:
    match part:
        case ImagePart():
            return TOKENS_PER_IMAGE
        case VideoPart():
            return TOKENS_PER_VIDEO
        case ToolResult():
            return TOKENS_PER_MESSAGE + sum(map(_tokens, part.parts))
        case ToolCall():
            text = part.name + part.arguments
        case _:
            text = part.text
    return tokens_of_text(text)
