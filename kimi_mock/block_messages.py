"""What the messages of the messages wire may be: the same rules over blocks; contract 5."""

from typing import Any

from kimi_mock.chat_messages import empty_message, orphan, reasoning_missing, unanswered
from kimi_mock.refusals import invalid_request
from kimi_mock.turn import Turn

ROLES = frozenset({"user", "assistant"})
IMAGE_TYPES = frozenset(f"image/{kind}" for kind in ("png", "jpeg", "webp", "gif"))
BLOCKS = frozenset(
    {"text", "image", "thinking", "redacted_thinking", "tool_use", "tool_result", "document"}
)
Block = dict[str, Any]


def check_messages(turn: Turn) -> None:
    """Raise Refused for the first message that is not allowed."""
    waiting: list[str] = []
    for position, message in enumerate(turn.messages):
        blocks = _blocks(position, message)
        for block in blocks:
            _check_block(block)
        _settle(waiting, blocks)
        if waiting:
            raise unanswered(waiting)
        waiting = [str(block.get("id")) for block in blocks if block["type"] == "tool_use"]
        if waiting and turn.thinks:
            _check_replay(turn, position, blocks)
    if waiting:
        raise unanswered(waiting)


def _blocks(position: int, message: Any) -> list[Block]:
    """Return a message's blocks, a text as one of them."""
    if not isinstance(message, dict) or message.get("role") not in ROLES:
        raise invalid_request(f"invalid role at position {position}")
    content = message.get("content")
    if not content:
        raise empty_message(position, message["role"])
    if isinstance(content, str):
        return [{"type": "text", "text": content}]
    if not isinstance(content, list):
        raise invalid_request(f"invalid content at position {position}")
    return content


def _check_block(block: Any) -> None:
    match block:
        case {"type": "text", "text": ""}:
            raise invalid_request("text content is empty")
        case {"type": "image", "source": source}:
            _check_source(source)
        case {"type": "tool_result", "content": list(inner)}:
            for each in inner:
                _check_block(each)
        case {"type": str(kind)} if kind in BLOCKS:
            pass
        case _:
            raise invalid_request("unsupported content part")


def _check_source(source: Any) -> None:
    match source:
        case {"type": "base64", "media_type": kind, "data": str()} if kind in IMAGE_TYPES:
            pass
        case {"url": url}:
            raise invalid_request(f"unsupported image url: {url}")
        case _:
            raise invalid_request("unsupported image source")


def _settle(waiting: list[str], blocks: list[Block]) -> None:
    """Take the ids that these blocks answer off the list."""
    for block in blocks:
        if block["type"] == "tool_result":
            answered = str(block.get("tool_use_id") or "")
            if answered not in waiting:
                raise orphan(answered)
            waiting.remove(answered)


def _check_replay(turn: Turn, position: int, blocks: list[Block]) -> None:
    """Want a thinking block beside a call; signatures are never looked at (hermes#66948)."""
    if turn.switches.replay == "lenient":
        return
    thoughts = [block.get("thinking") for block in blocks if block["type"] == "thinking"]
    if turn.switches.replay == "empty-is-missing":
        thoughts = [thought for thought in thoughts if thought]
    if not thoughts:
        raise reasoning_missing(position)
