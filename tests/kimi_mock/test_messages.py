"""What messages, parts and tool results are refused for, on both wires."""

from typing import Any

import pytest

from kimi_mock.server import KimiMock
from tests.kimi_mock.asking import USER, Asker

CALL = {"id": "look:0", "type": "function", "function": {"name": "look", "arguments": "{}"}}
CALLED = {"role": "assistant", "tool_calls": [CALL]}
RESULT = {"role": "tool", "tool_call_id": "look:0", "content": "seen"}
USE = {"type": "tool_use", "id": "look:0", "name": "look", "input": {}}
USED = {"role": "assistant", "content": [USE]}
TAKEN = {
    "role": "user",
    "content": [{"type": "tool_result", "tool_use_id": "look:0", "content": "seen"}],
}
UNANSWERED = (
    "an assistant message with 'tool_calls' must be followed by tool messages responding to each"
    " 'tool_call_id'. The following tool_call_ids did not have response messages: look:0"
)
MISSING = (
    "thinking is enabled but reasoning_content is missing in assistant tool call message at index 1"
)


def parts(*content: Any) -> list[Any]:
    """Return one user message of these parts."""
    return [{"role": "user", "content": list(content)}]


def image(url: object) -> dict[str, Any]:
    """Return an image part."""
    return {"type": "image_url", "image_url": url}


@pytest.mark.parametrize(
    ("messages", "message"),
    [
        (
            [USER, {"role": "assistant", "content": ""}, USER],
            "Invalid request: the message at position 1 with role 'assistant' must not be empty",
        ),
        (
            [USER, {"role": "assistant", "reasoning_content": "Hm."}],
            "Invalid request: the message at position 1 with role 'assistant' must not be empty",
        ),
        (
            [{"role": "system", "content": ""}, USER],
            "Invalid request: the message at position 0 with role 'system' must not be empty",
        ),
        (parts({"type": "text", "text": ""}), "Invalid request: text content is empty"),
        (
            [USER, {**CALLED, "content": [{"type": "text", "text": ""}]}, RESULT],
            "Invalid request: text content is empty",
        ),
        ([{"role": "robot", "content": "hi"}], "Invalid request: invalid role at position 0"),
        ([{"role": "user", "content": 5}], "Invalid request: invalid content at position 0"),
        (parts({"type": "audio"}), "Invalid request: unsupported content part"),
        (
            parts(image({"url": "https://example.invalid/cat.png"})),
            "Invalid request: unsupported image url: https://example.invalid/cat.png",
        ),
        (
            parts(image("data:image/bmp;base64,Qk0=")),
            "Invalid request: unsupported image url: data:image/bmp;base64,Qk0=",
        ),
        (
            parts({"type": "video_url", "video_url": {"url": "http://x"}}),
            "Invalid request: unsupported video url: http://x",
        ),
        ([USER, CALLED, USER], UNANSWERED),
        ([USER, CALLED], UNANSWERED),
        ([USER, RESULT], "tool_call_id look:0 is not found"),
        ([USER, {"role": "tool", "content": "x"}], "tool_call_id  is not found"),
        ([USER, CALLED, RESULT, RESULT], "tool_call_id look:0 is not found"),
        (
            [USER, {"role": "assistant", "tool_calls": [{"id": "x"}]}],
            "Invalid request: tool_calls must have an id and a function",
        ),
        (
            [{"role": "assistant", "content": "x", "partial": True}, USER],
            "Invalid request: partial is only allowed in the last assistant message",
        ),
    ],
)
def test_chat_messages_that_are_refused(asker: Asker, messages: list[Any], message: str) -> None:
    """Each slip of contract 3.5 to 3.7 gets its message, and the first slip counts."""
    assert asker.refused(messages=messages) == message


@pytest.mark.parametrize(
    "messages",
    [
        [{"role": "system", "content": "Be."}, USER, {"role": "system", "content": "Later."}],
        [USER, {**CALLED, "content": ""}, RESULT],
        [USER, {**CALLED, "content": None}, {**RESULT, "content": ""}],
        [USER, CALLED, {**RESULT, "content": [image("data:image/png;base64,iVBORw0KGgo=")]}],
        parts(image({"url": "ms://file-1"}), {"type": "text", "text": "What?"}),
        parts({"type": "video_url", "video_url": {"url": "data:video/mp4;base64,AAAA"}}),
    ],
)
def test_chat_messages_that_pass(asker: Asker, messages: list[Any]) -> None:
    """Several system messages, silent calls, pictures in results, uploaded files."""
    assert asker.refused(messages=messages) == ""


def test_results_come_in_any_order(asker: Asker) -> None:
    """Two calls may be answered the other way round, but nothing may stand between."""
    other = {**CALL, "id": "look:1"}
    called = {"role": "assistant", "tool_calls": [CALL, other]}
    second = {**RESULT, "tool_call_id": "look:1"}

    assert asker.refused(messages=[USER, called, second, RESULT]) == ""
    assert asker.refused(messages=[USER, called, second, USER, RESULT]) == UNANSWERED


def test_a_model_without_video(asker: Asker) -> None:
    """k3-256k takes pictures only."""
    video = parts({"type": "video_url", "video_url": {"url": "ms://v"}})

    assert "video" in asker.refused("kimi-code", model="k3-256k", messages=video)
    assert asker.refused("kimi-code", model="k3", messages=video) == ""


@pytest.mark.parametrize(
    ("replay", "without", "empty", "blank"),
    [
        ("lenient", "", "", ""),
        ("strict", MISSING, "", ""),
        ("empty-is-missing", MISSING, MISSING, ""),
    ],
)
def test_replay_is_played_three_ways(
    kimi: KimiMock, asker: Asker, replay: Any, without: str, empty: str, blank: str
) -> None:
    """Demanded, waived, and demanded with an empty text counting as none; contract 3.6."""
    kimi.replay = replay

    def asked(**fields: str) -> str:
        return asker.refused(messages=[USER, {**CALLED, **fields}, RESULT])

    assert (
        asked(),
        asked(reasoning_content=""),
        asked(reasoning_content=" "),
    ) == (without, empty, blank)


def test_nothing_is_demanded_without_thinking(kimi: KimiMock, asker: Asker) -> None:
    """A toggle model with thinking off wants no reasoning back."""
    kimi.replay = "strict"
    off: dict[str, Any] = {"model": "kimi-k2.6", "thinking": {"type": "disabled"}}

    assert asker.refused(messages=[USER, CALLED, RESULT], **off) == ""


@pytest.mark.parametrize(
    ("messages", "message"),
    [
        ([USER, USED, USER], UNANSWERED),
        ([USER, USED], UNANSWERED),
        ([USER, TAKEN], "tool_call_id look:0 is not found"),
        (parts({"type": "text", "text": ""}), "Invalid request: text content is empty"),
        (
            [USER, {"role": "assistant", "content": []}],
            "Invalid request: the message at position 1 with role 'assistant' must not be empty",
        ),
        ([{"role": "system", "content": "x"}], "Invalid request: invalid role at position 0"),
        ([{"role": "user", "content": 5}], "Invalid request: invalid content at position 0"),
        (parts({"type": "image_url"}), "Invalid request: unsupported content part"),
        (
            parts({"type": "image", "source": {"type": "url", "url": "https://x/y.png"}}),
            "Invalid request: unsupported image url: https://x/y.png",
        ),
        (
            parts({"type": "image", "source": {"type": "base64", "media_type": "image/bmp"}}),
            "Invalid request: unsupported image source",
        ),
        ([USER, USED, TAKEN], ""),
    ],
)
def test_block_messages(asker: Asker, messages: list[Any], message: str) -> None:
    """The same rules over blocks, in the envelope of the messages wire."""
    assert asker.refused("kimi-code", "messages", messages=messages) == message


def test_parameters_of_the_messages_wire(kimi: KimiMock, asker: Asker) -> None:
    """Thinking, effort, a forced tool, names and the window are judged there too."""

    def asked(**fields: Any) -> str:
        return asker.refused("moonshot", "messages", **fields)

    tool = {"name": "1look", "input_schema": {"type": "object"}}
    forced = {"type": "any"}
    assert asked(thinking={"type": "adaptive"}, output_config={"effort": "max"}) == ""
    assert "only type=enabled" in asked(model="kimi-k2.7-code", thinking={"type": "disabled"})
    assert "function name is invalid" in asked(tools=[tool])
    assert "'required' is incompatible" in asked(model="kimi-k2.6", tool_choice=forced)
    assert "token limit: 262144" in asked(model="kimi-k2.6", max_tokens=300_000)

    kimi.replay = "strict"
    thought = {"type": "thinking", "thinking": "", "signature": ""}
    replayed = {"role": "assistant", "content": [thought, USE]}
    assert asked(messages=[USER, USED, TAKEN]) == MISSING
    assert asked(messages=[USER, replayed, TAKEN]) == ""
    kimi.replay = "empty-is-missing"
    assert asked(messages=[USER, replayed, TAKEN]) == MISSING
