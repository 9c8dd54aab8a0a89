"""What the messages of the chat wire may be; contract 3.6 and 3.7."""

from collections.abc import Iterator
from typing import Any

from kimi_mock.refusals import invalid, invalid_request
from kimi_mock.turn import Turn

Message = dict[str, Any]
ROLES = frozenset({"system", "user", "assistant", "tool"})
IMAGES = tuple(f"data:image/{kind};base64," for kind in ("png", "jpeg", "webp", "gif"))
VIDEOS = tuple(
    f"data:video/{kind};base64,"
    for kind in ("mp4", "mpeg", "mov", "avi", "x-flv", "mpg", "webm", "wmv", "3gpp")
)
UPLOADED = "ms://"
SHOWN_URL_CHARS = 100


def check_messages(turn: Turn) -> None:
    """Raise Refused for the first message that is not allowed."""
    for position, message in enumerate(turn.messages):
        _check_shape(position, message)
        _check_parts(turn, message)
    _check_partial(turn)
    _check_tool_results(turn.messages)
    if turn.thinks and turn.switches.replay != "lenient":
        _check_replay(turn)


def _check_shape(position: int, message: Any) -> None:
    if not isinstance(message, dict) or message.get("role") not in ROLES:
        raise invalid_request(f"invalid role at position {position}")
    role, content = message["role"], message.get("content")
    if content is not None and not isinstance(content, str | list):
        raise invalid_request(f"invalid content at position {position}")
    # A tool may have nothing to say, a call needs no words; a user's empty turn is our reading.
    waived = role == "tool" or message.get("tool_calls") or message.get("partial") is True
    if not content and not waived:
        raise empty_message(position, role)


def empty_message(position: int, role: str) -> Exception:
    """Return the 400 for a message without content; AstrBot#7200, anything-analyzer#32."""
    return invalid_request(
        f"the message at position {position} with role '{role}' must not be empty"
    )


def _check_parts(turn: Turn, message: Message) -> None:
    content = message.get("content")
    for part in content if isinstance(content, list) else ():
        match part:
            case {"type": "text", "text": ""}:
                raise invalid_request("text content is empty")
            case {"type": "text", "text": str()}:
                pass
            case {"type": "image_url", "image_url": url}:
                _check_url("image", url, IMAGES)
            case {"type": "video_url", "video_url": url}:
                if turn.row.get("supports_video_in") is False:
                    raise invalid_request("this model does not support video input")
                _check_url("video", url, VIDEOS)
            case _:
                raise invalid_request("unsupported content part")


def _check_url(kind: str, value: Any, inline: tuple[str, ...]) -> None:
    """Take base64 and uploaded files only; web addresses are a 400 (contract 3.7)."""
    url = value.get("url") if isinstance(value, dict) else value
    if not isinstance(url, str) or not url.startswith((*inline, UPLOADED)):
        raise invalid_request(f"unsupported {kind} url: {str(url)[:SHOWN_URL_CHARS]}")


def _check_partial(turn: Turn) -> None:
    """Partial mode: the last message, the assistant's, and not with `json_object`."""
    last = len(turn.messages) - 1
    for position, message in enumerate(turn.messages):
        if message.get("partial") is not True:
            continue
        wanted = turn.body.get("response_format")
        if isinstance(wanted, dict) and wanted.get("type") == "json_object":
            raise invalid_request("partial mode cannot be used with response_format json_object")
        if position != last or message["role"] != "assistant":
            raise invalid_request("partial is only allowed in the last assistant message")


def _check_tool_results(messages: list[Message]) -> None:
    """Every call is answered right after its turn, in any order, and nothing else is."""
    waiting: list[str] = []
    for message in messages:
        if message["role"] == "tool":
            answered = str(message.get("tool_call_id") or "")
            if answered not in waiting:
                raise orphan(answered)
            waiting.remove(answered)
            continue
        if waiting:
            raise unanswered(waiting)
        waiting = list(_call_ids(message))
    if waiting:
        raise unanswered(waiting)


def _call_ids(message: Message) -> Iterator[str]:
    calls = message.get("tool_calls")
    for call in calls if isinstance(calls, list) else ():
        match call:
            case {"id": str(name), "function": {"name": str()}}:
                yield name
            case _:
                raise invalid_request("tool_calls must have an id and a function")


def orphan(call_id: str) -> Exception:
    """Return the 400 for a result without a call; two blanks where the id is empty."""
    return invalid(f"tool_call_id {call_id} is not found")


def unanswered(call_ids: list[str]) -> Exception:
    """Return the 400 for calls without results, as in kimi-cli#1977 and #2405."""
    return invalid(
        "an assistant message with 'tool_calls' must be followed by tool messages responding to"
        " each 'tool_call_id'. The following tool_call_ids did not have response messages:"
        f" {', '.join(call_ids)}"
    )


def _check_replay(turn: Turn) -> None:
    for index, message in enumerate(turn.messages):
        if message["role"] != "assistant" or not message.get("tool_calls"):
            continue
        reasoning = message.get("reasoning_content")
        missing = reasoning is None or (
            reasoning == "" and turn.switches.replay == "empty-is-missing"
        )
        if missing:
            raise reasoning_missing(index)


def reasoning_missing(index: int) -> Exception:
    """Return the 400 of continue#11711 and many others."""
    return invalid(
        "thinking is enabled but reasoning_content is missing in assistant tool call message"
        f" at index {index}"
    )
