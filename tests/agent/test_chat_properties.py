"""Any conversation whatever → a body that an endpoint can take, stable from turn to turn."""

import json
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from agent.messages import (
    ImagePart,
    Message,
    Part,
    TextPart,
    ThinkPart,
    ToolCall,
    ToolResult,
)
from agent.wire.base import Shape
from agent.wire.chat_request import chat_body
from agent.wire.messages_request import messages_body
from agent.wire.turns import Memory

CHAT = Shape(model="m", quirks=frozenset({"replay-reasoning", "flavored-schema"}))
MESSAGES = Shape(model="m", quirks=CHAT.quirks, budget_tokens=1)
TAIL = b'],"stream":true,"stream_options":{"include_usage":true}}'

# Any code point, lone surrogates too: a terminal and a broken server can give them.
TEXTS = st.one_of(
    st.text(st.characters(exclude_categories=()), max_size=8), st.sampled_from(["", " ", "\n"])
)
IDS = st.sampled_from(["", "a", "b", "c"])
NAMES = st.sampled_from(["read", "2fa", "a b", ""])
ARGUMENTS = st.one_of(TEXTS, st.sampled_from(["", "{}", '{"a": 1}', "[1]", '{"a']))
TEXT = st.builds(TextPart, TEXTS)
IMAGE = st.just(ImagePart(b"GIF89a", "image/gif"))
GIVEN: st.SearchStrategy[tuple[TextPart | ImagePart, ...]] = st.lists(
    st.one_of(TEXT, IMAGE), max_size=2
).map(tuple)
RESULT = st.builds(ToolResult, IDS, NAMES, GIVEN, st.booleans())
PARTS: st.SearchStrategy[Part] = st.one_of(
    TEXT,
    IMAGE,
    RESULT,
    st.builds(ThinkPart, TEXTS, st.sampled_from(["", "c2ln"])),
    st.builds(ToolCall, IDS, NAMES, ARGUMENTS, st.sampled_from(["", '{"x":1}', "{bad"])),
)
MESSAGE = st.builds(
    Message,
    st.sampled_from(["system", "user", "assistant", "assistant", "tool", "tool"]),
    st.lists(PARTS, max_size=4).map(tuple),
)
CONVERSATIONS = st.lists(MESSAGE, max_size=8)


def messages_in(body: bytes) -> list[dict[str, Any]]:
    """Return the messages of a body."""
    found: list[dict[str, Any]] = json.loads(body)["messages"]
    return found


@given(CONVERSATIONS)
def test_the_chat_wire_never_has_an_orphan_or_an_empty_message(messages: list[Message]) -> None:
    """Results follow their calls at once, one each; no content is blank, no part is empty."""
    waiting: list[str] = []
    for message in messages_in(chat_body(messages, CHAT)):
        if message["role"] == "tool":
            waiting.remove(message["tool_call_id"])
        else:
            assert not waiting
        calls = message.get("tool_calls", [])
        waiting += [call["id"] for call in calls]
        assert "content" in message or calls
        content = message.get("content", "x")
        assert content
        if isinstance(content, str):
            assert content.strip()
        else:
            assert all(part["type"] != "text" or part["text"].strip() for part in content)
    assert not waiting


@given(CONVERSATIONS)
def test_the_messages_wire_alternates_and_answers_every_call(messages: list[Message]) -> None:
    """Speakers take turns, and the results of a turn's calls open the next."""
    waiting: list[str] = []
    speaker = ""
    for turn in messages_in(messages_body(messages, MESSAGES)):
        assert turn["role"] != speaker
        speaker = turn["role"]
        kinds = [block["type"] for block in turn["content"]]
        assert kinds
        results = [b["tool_use_id"] for b in turn["content"] if b["type"] == "tool_result"]
        assert kinds[: len(results)] == ["tool_result"] * len(results)
        assert sorted(results) == sorted(waiting)
        waiting = [block["id"] for block in turn["content"] if block["type"] == "tool_use"]
        assert all(b["type"] != "text" or b["text"].strip() for b in turn["content"])
    assert not waiting


@given(CONVERSATIONS, CONVERSATIONS)
@settings(max_examples=60)
def test_what_was_sent_once_stays_byte_for_byte(
    before: list[Message], after: list[Message]
) -> None:
    """A conversation that grows by whole turns keeps its prefix: the endpoint's cache holds."""
    if after and after[0].role == "tool":
        after = [Message("user", (TextPart("go on"),)), *after]
    short = chat_body(before, CHAT).removesuffix(TAIL)
    assert chat_body([*before, *after], CHAT).startswith(short)


@given(st.lists(CONVERSATIONS, min_size=2, max_size=4))
@settings(max_examples=60)
def test_a_memory_changes_no_byte(pieces: list[list[Message]]) -> None:
    """Whatever is added or taken away between two turns."""
    chat_memory, messages_memory = Memory(), Memory()
    conversation: list[Message] = []
    for piece in pieces:
        conversation = conversation[: len(conversation) * 2 // 3] + piece
        assert chat_body(conversation, CHAT, memory=chat_memory) == chat_body(conversation, CHAT)
        assert messages_body(conversation, MESSAGES, memory=messages_memory) == messages_body(
            conversation, MESSAGES
        )
