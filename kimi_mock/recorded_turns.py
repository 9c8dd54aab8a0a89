"""
A whole session of an agent, recorded: each answer goes by what the tools gave before it.

Nothing is counted from request to request: the answer is found in the conversation as it was
sent. So a session may be killed and resumed, or run many times at once.
"""

import json
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from kimi_mock.refusals import invalid_request
from kimi_mock.replies import Reply
from kimi_mock.turn import Turn

Call = tuple[str, Any]
"""A tool's name and its arguments."""

_SHOWN_CHARS = 400


@dataclass(frozen=True, kw_only=True)
class RecordedAnswer:
    """
    One answer, and `after`: texts that the results of the last calls must hold, all of them.

    Without `after` it is for the beginning, before any call. `stall_seconds` is silence before
    the event number `stall_at`, counted from 0, so that a test can do something meanwhile.
    """

    after: tuple[str, ...] = ()
    calls: tuple[Call, ...] = ()
    text: str = ""
    reasoning: str = ""
    stall_seconds: float = 0.0
    stall_at: int = 1

    def reply(self) -> Reply:
        """Return the answer as it is sent."""
        return Reply.calling(
            *self.calls,
            text=self.text,
            reasoning=self.reasoning,
            finish_reason="tool_calls" if self.calls else "stop",
            stall_seconds=self.stall_seconds,
            stall_at=self.stall_at,
        )

    def fits(self, results: str | None) -> bool:
        """Say whether it may follow these results; None: no call was made yet."""
        if results is None or not self.after:
            return results is None and not self.after
        return all(wanted in results for wanted in self.after)


@dataclass(frozen=True, kw_only=True)
class RecordedSession:
    """
    The answers to one `prompt`, which is a part of the first user message.

    An answer that does not fit what the tools gave is passed over, so one for a mishap, such as
    a call that was interrupted, may stand between the others.
    """

    prompt: str
    answers: tuple[RecordedAnswer, ...]

    def reply(self, messages: Sequence[dict[str, Any]]) -> Reply:
        """
        Return the first answer, after those that were given, that fits the last results.

        Raises Refused, a 400 that quotes the results, where none does.
        """
        given, results = 0, None
        for calls, results in _steps(messages):  # noqa: B007 - the last results are wanted
            given = self._place_after(calls, given)
        for answer in self.answers[given:]:
            if answer.fits(results):
                return answer.reply()
        wanted = " or ".join(
            " and ".join(map(repr, answer.after)) or "the beginning"
            for answer in self.answers[given:]
        )
        raise invalid_request(
            f"no recorded answer from number {given + 1} on fits: wanted {wanted or 'nothing'},"
            f" found {(results or '')[-_SHOWN_CHARS:]!r}"
        )

    def _place_after(self, calls: tuple[Call, ...], given: int) -> int:
        """Return the place after the answer that made these calls."""
        for place in range(given, len(self.answers)):
            if self.answers[place].calls == calls:
                return place + 1
        names = ", ".join(name for name, _ in calls)
        raise invalid_request(f"nobody recorded an answer from number {given + 1} with: {names}")


def session_of(sessions: Iterable[RecordedSession], turn: Turn) -> RecordedSession | None:
    """Return the session whose prompt is in the first user message, or None."""
    asked = next((_text(each) for each in turn.messages if each.get("role") == "user"), "")
    return next((session for session in sessions if session.prompt in asked), None)


def _steps(messages: Sequence[dict[str, Any]]) -> Iterator[tuple[tuple[Call, ...], str]]:
    """Yield the calls of each answer that has some, with the text of all their results."""
    calls: tuple[Call, ...] = ()
    results: list[str] = []
    for message in messages:
        made = tuple(_calls(message))
        if made and calls:
            yield calls, "\n".join(results)
        if made:
            calls, results = made, []
        results += _results(message)
    if calls:
        yield calls, "\n".join(results)


def _calls(message: dict[str, Any]) -> Iterator[Call]:
    """Yield an answer's calls, as either wire has them."""
    for call in message.get("tool_calls") or ():
        function = call["function"]
        yield function["name"], json.loads(function["arguments"])
    for block in _blocks(message):
        if block.get("type") == "tool_use":
            yield block["name"], block["input"]


def _results(message: dict[str, Any]) -> Iterator[str]:
    """Yield the texts of the results in a message, as either wire has them."""
    if message.get("role") == "tool":
        yield _text(message)
    for block in _blocks(message):
        if block.get("type") == "tool_result":
            yield _text(block)


def _text(message: dict[str, Any]) -> str:
    """Return the text of a message or of a result block."""
    content = message.get("content")
    if isinstance(content, str):
        return content
    return "\n".join(str(part["text"]) for part in _blocks(message) if part.get("type") == "text")


def _blocks(message: dict[str, Any]) -> list[dict[str, Any]]:
    content = message.get("content")
    return content if isinstance(content, list) else []
