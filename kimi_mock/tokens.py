"""How many tokens a request has, by the mock's simple measure, and how many were cached."""

import re
from collections import deque
from typing import Any

from kimi_mock.replies import Answer, compact_json

BYTES_PER_TOKEN = 4
# "word word word …" has five: a window must not refuse what the endpoint would take.
BYTES_PER_TOKEN_OF_WINDOW = 5
# An image counts as the first of its characters: as bytes it would fill any window.
_IMAGE = re.compile(rb'(;base64,|"data":")([A-Za-z0-9+/]{64})[A-Za-z0-9+/=]+')
_REMEMBERED = 16


def serialized(body: dict[str, Any]) -> bytes:
    """Return the messages of a body as compact JSON, a top-level `system` before them."""
    messages = body.get("messages") or []
    if system := body.get("system"):
        messages = [{"role": "system", "content": system}, *messages]
    return compact_json(messages).encode("utf-8", "surrogatepass")


def prompt_tokens(body: dict[str, Any]) -> int:
    """Return the tokens of the messages: bytes // 4, images at 16 tokens each."""
    return len(_without_images(serialized(body))) // BYTES_PER_TOKEN


def window_tokens(body: dict[str, Any]) -> int:
    """Return the tokens a prompt takes of the window, counted low, with the budget asked for."""
    prompt_bytes = len(_without_images(serialized(body)))
    return prompt_bytes // BYTES_PER_TOKEN_OF_WINDOW + budget_tokens(body)


def budget_tokens(body: dict[str, Any]) -> int:
    """Return the tokens asked for; 0 if none were, since the endpoint then takes what is left."""
    for name in ("max_completion_tokens", "max_tokens"):
        value = body.get(name)
        if isinstance(value, int) and not isinstance(value, bool):
            return value
    return 0


class PrefixCache:
    """
    The prompts of earlier requests, by whatever identifies a conversation.

    A hit is the longest common prefix, in bytes, with any of the last 16 prompts of the same
    conversation.
    """

    def __init__(self) -> None:
        self._earlier: dict[tuple[str, ...], deque[bytes]] = {}

    def __eq__(self, other: object) -> bool:
        """Two caches are equal if they remember the same."""
        return isinstance(other, PrefixCache) and self._earlier == other._earlier

    __hash__ = None  # type: ignore[assignment]

    def counted(
        self, body: dict[str, Any], conversation: tuple[str, ...] | None, answer: Answer
    ) -> dict[str, int]:
        """Return the usage of a request and its answer, and remember the request."""
        prompt = _without_images(serialized(body))
        cached_bytes = 0
        if conversation is not None:
            earlier = self._earlier.setdefault(conversation, deque(maxlen=_REMEMBERED))
            cached_bytes = max((common_prefix_bytes(prompt, each) for each in earlier), default=0)
            earlier.append(prompt)
        prompt_count = len(prompt) // BYTES_PER_TOKEN
        completion = len(_answered(answer)) // BYTES_PER_TOKEN
        return {
            "prompt_tokens": prompt_count,
            "completion_tokens": completion,
            "total_tokens": prompt_count + completion,
            "cached_tokens": cached_bytes // BYTES_PER_TOKEN,
        }


def common_prefix_bytes(one: bytes, other: bytes) -> int:
    """Return how many bytes two texts begin with in common; by halves, for texts of megabytes."""
    same, differs = 0, min(len(one), len(other)) + 1
    left, right = memoryview(one), memoryview(other)
    while differs - same > 1:
        middle = (same + differs) // 2
        if left[same:middle] == right[same:middle]:
            same = middle
        else:
            differs = middle
    return same


def _without_images(prompt: bytes) -> bytes:
    if b"base64" not in prompt:
        return prompt
    return _IMAGE.sub(rb"\1\2", prompt)


def _answered(answer: Answer) -> bytes:
    said = answer.joined("reasoning_content") + answer.joined("content")
    called = "".join(call.name + call.arguments for call in answer.calls())
    return (said + called).encode("utf-8", "surrogatepass")
