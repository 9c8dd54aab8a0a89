"""An answer of the model as each wire writes it: server-sent events, or one JSON object."""

import json
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any, Literal

from kimi_mock.refusals import MESSAGES_TYPE
from kimi_mock.replies import Answer, ToolCall, compact_json

# Every answer claims the same second, 2026-10-02, so that whole bodies can be compared.
CREATED_UNIX_SECONDS = 1_790_899_200
FINGERPRINT = "fpv0_mock"
STOP_REASONS = {
    "stop": "end_turn",
    "length": "max_tokens",
    "tool_calls": "tool_use",
    "content_filter": "refusal",
}
BlockKind = Literal["thinking", "text"]
# Chat piece → block, delta type and its field on the messages wire.
BLOCK_OF: dict[str, tuple[BlockKind, str, str]] = {
    "reasoning_content": ("thinking", "thinking_delta", "thinking"),
    "signature": ("thinking", "signature_delta", "signature"),
    "content": ("text", "text_delta", "text"),
}


@dataclass(frozen=True, kw_only=True)
class Asked:
    """What of the request shapes the answer; `number` counts requests and makes the ids."""

    model: str
    number: int
    include_usage: bool = False
    usage_details: bool = False


@dataclass(frozen=True)
class ServerEvent:
    """One server-sent event; `name` is empty where the wire names none."""

    text: str
    name: str = ""


def frame(event: ServerEvent, answer: Answer) -> bytes:
    """Return the event's bytes in the manner the answer asks for."""
    space = " " if answer.space else ""
    lines = [f":{space}keep-alive", ""] if answer.comments else []
    if event.name:
        lines.append(f"event:{space}{event.name}")
    lines += [f"data:{space}{event.text}", "", ""]
    return answer.newline.join(lines).encode()


def chat_events(answer: Answer, asked: Asked) -> Iterator[ServerEvent]:
    """Yield the chat wire's events: role, pieces, finish, usage, `[DONE]`; contract 4.2."""
    yield _chunk(answer, asked, [_choice({"role": "assistant", "content": ""})])
    for delta in answer.deltas[: answer.error_after]:
        if "signature" not in delta:
            yield _chunk(answer, asked, [_choice(dict(delta))])
    if answer.error_after is not None:
        yield ServerEvent(compact_json({"error": dict(answer.error)}))
        return
    if answer.finish_reason is not None:
        last = _choice({}, answer.finish_reason)
        if answer.usage_place in {"both", "choice"}:
            last["usage"] = _chat_usage(answer, asked)
        yield _chunk(answer, asked, [last])
    if answer.second_finish:
        yield _chunk(answer, asked, [_choice({}, "stop")])
    if asked.include_usage and answer.usage_place in {"both", "top"}:
        yield _chunk(answer, asked, [], usage=_chat_usage(answer, asked))
    if answer.done:
        yield ServerEvent("[DONE]")


def chat_object(answer: Answer, asked: Asked) -> dict[str, Any]:
    """Return the whole answer of the chat wire for a request without `stream`; contract 4.1."""
    message: dict[str, Any] = {"role": "assistant", "content": answer.joined("content")}
    if reasoning := answer.joined("reasoning_content"):
        message["reasoning_content"] = reasoning
    if calls := answer.calls():
        message["tool_calls"] = [_chat_call(call) for call in calls]
    choice = {"index": 0, "message": message, "finish_reason": answer.finish_reason}
    whole: dict[str, Any] = {
        "id": _chat_id(asked),
        "object": "chat.completion",
        "created": CREATED_UNIX_SECONDS,
        "model": answer.model or asked.model,
        "choices": [choice],
    }
    if answer.usage_place != "none":
        whole["usage"] = _chat_usage(answer, asked)
    return whole


def message_events(answer: Answer, asked: Asked) -> Iterator[ServerEvent]:
    """Yield the messages wire's events: start, a ping, blocks, the end with usage."""
    start = _message_object(answer, asked, content=[], stop_reason=None)
    if answer.usage_place != "none":
        start["usage"] = {**_input_usage(answer), "output_tokens": 0}
    yield _named("message_start", message=start)
    yield _named("ping")
    yield from _block_events(answer)
    if answer.error_after is not None:
        yield _named("error", error=_error(answer))
        return
    if answer.finish_reason is not None:
        ended = {"stop_reason": _stop_reason(answer), "stop_sequence": None}
        if answer.usage_place == "none":
            yield _named("message_delta", delta=ended)
        else:
            yield _named("message_delta", delta=ended, usage=_output_usage(answer))
    if answer.done:
        yield _named("message_stop")


def message_object(answer: Answer, asked: Asked) -> dict[str, Any]:
    """Return the whole answer of the messages wire for a request without `stream`."""
    content: list[dict[str, Any]] = []
    if thinking := answer.joined("reasoning_content"):
        signature = answer.joined("signature")
        content.append({"type": "thinking", "thinking": thinking, "signature": signature})
    if text := answer.joined("content"):
        content.append({"type": "text", "text": text})
    content += [_tool_block(call, _arguments(call)) for call in answer.calls()]
    whole = _message_object(answer, asked, content=content, stop_reason=_stop_reason(answer))
    if answer.usage_place != "none":
        whole["usage"] = {**_input_usage(answer), **_output_usage(answer)}
    return whole


def _block_events(answer: Answer) -> Iterator[ServerEvent]:
    """
    Yield the blocks; a piece of another kind than the last one begins a new block.

    Tool calls come last, one block each: pieces of several calls cannot be mixed here.
    """
    index = -1
    open_kind: BlockKind | None = None
    for delta in answer.deltas[: answer.error_after]:
        for name, (kind, delta_type, delta_field) in BLOCK_OF.items():
            if not delta.get(name):
                continue
            if kind != open_kind:
                if open_kind is not None:
                    yield _named("content_block_stop", index=index)
                index, open_kind = index + 1, kind
                empty = {"thinking": "", "signature": ""} if kind == "thinking" else {"text": ""}
                block = {"type": kind, **empty}
                yield _named("content_block_start", index=index, content_block=block)
            piece = {"type": delta_type, delta_field: delta[name]}
            yield _named("content_block_delta", index=index, delta=piece)
    if open_kind is not None:
        yield _named("content_block_stop", index=index)
    cut_short = replace(answer, deltas=answer.deltas[: answer.error_after])
    for call in cut_short.calls():
        index += 1
        yield _named("content_block_start", index=index, content_block=_tool_block(call, {}))
        for text in call.pieces:
            json_delta = {"type": "input_json_delta", "partial_json": text}
            yield _named("content_block_delta", index=index, delta=json_delta)
        yield _named("content_block_stop", index=index)


def _chat_id(asked: Asked) -> str:
    return f"chatcmpl-mock-{asked.number:04d}"


def _choice(delta: dict[str, Any], finish_reason: str | None = None) -> dict[str, Any]:
    return {"index": 0, "delta": delta, "finish_reason": finish_reason}


def _chunk(
    answer: Answer,
    asked: Asked,
    choices: list[dict[str, Any]],
    usage: dict[str, Any] | None = None,
) -> ServerEvent:
    chunk: dict[str, Any] = {
        "id": _chat_id(asked),
        "object": "chat.completion.chunk",
        "created": CREATED_UNIX_SECONDS,
        "model": answer.model or asked.model,
        "choices": choices,
        "system_fingerprint": FINGERPRINT,
    }
    if usage is not None:
        chunk["usage"] = usage
    return ServerEvent(compact_json(chunk))


def _named(name: str, **fields: Any) -> ServerEvent:
    return ServerEvent(compact_json({"type": name, **fields}), name)


def _message_object(
    answer: Answer, asked: Asked, *, content: list[dict[str, Any]], stop_reason: str | None
) -> dict[str, Any]:
    return {
        "id": f"msg_mock_{asked.number:04d}",
        "type": "message",
        "role": "assistant",
        "model": answer.model or asked.model,
        "content": content,
        "stop_reason": stop_reason,
        "stop_sequence": None,
    }


def _chat_call(call: ToolCall) -> dict[str, Any]:
    function = {"name": call.name, "arguments": call.arguments}
    return {"id": call.id, "type": "function", "function": function}


def _tool_block(call: ToolCall, arguments: Any) -> dict[str, Any]:
    return {"type": "tool_use", "id": call.id, "name": call.name, "input": arguments}


def _arguments(call: ToolCall) -> Any:
    """Return a call's arguments as a value; broken ones, which this wire cannot say, as none."""
    try:
        return json.loads(call.arguments or "{}")
    except ValueError:
        return {}


def _chat_usage(answer: Answer, asked: Asked) -> dict[str, Any]:
    """Return the usage, with the details that some captures have (contract 4.2)."""
    usage = dict(answer.counts)
    if asked.usage_details:
        usage["prompt_tokens_details"] = {"cached_tokens": usage.get("cached_tokens", 0)}
    return usage


def _error(answer: Answer) -> dict[str, str]:
    """Return the mid-stream error with the type it has on the messages wire."""
    kind = str(answer.error.get("type", ""))
    message = str(answer.error.get("message", ""))
    return {"type": MESSAGES_TYPE.get(kind, kind) or "api_error", "message": message}


def _stop_reason(answer: Answer) -> str | None:
    if answer.finish_reason is None:
        return None
    return STOP_REASONS.get(answer.finish_reason, answer.finish_reason)


def _input_usage(answer: Answer) -> dict[str, int]:
    """Return the prompt's tokens; on this wire they exclude the cached ones (contract 5)."""
    cached = int(answer.counts.get("cached_tokens", 0))
    prompt = int(answer.counts.get("prompt_tokens", 0))
    return {"input_tokens": prompt - cached, "cache_read_input_tokens": cached}


def _output_usage(answer: Answer) -> dict[str, int]:
    return {"output_tokens": int(answer.counts.get("completion_tokens", 0))}
