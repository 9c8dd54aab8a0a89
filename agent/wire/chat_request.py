"""Messages → the body of a request on the chat wire (`/chat/completions`); no I/O."""

from collections.abc import Mapping, Sequence
from typing import Any

import msgspec

from agent.errors import UsageError
from agent.messages import (
    ImagePart,
    Message,
    Options,
    Part,
    TextPart,
    ThinkPart,
    Tool,
    ToolCall,
    ToolResult,
    VideoPart,
    text_of,
)
from agent.wire.base import Shape, encoded
from agent.wire.media import checked_type, in_base64
from agent.wire.steering import NOTHING_ASKED, Choice, choice_of_tool, thinking_fields
from agent.wire.tools import name_sent, names_sent, schema_sent
from agent.wire.turns import (
    NO_OUTPUT,
    Memory,
    extras_of,
    is_blank,
    mended,
    missing_result,
    taken,
)

_ENCODE = msgspec.json.Encoder().encode
_RAW = msgspec.json.Decoder(dict[str, msgspec.Raw])


def chat_headers() -> tuple[tuple[str, str], ...]:
    """Return the headers of the wire; our name and the key are added by the transport."""
    return (("Content-Type", "application/json"), ("Accept", "text/event-stream"))


def chat_body(
    messages: Sequence[Message],
    shape: Shape,
    *,
    tools: Sequence[Tool] = (),
    options: Options = NOTHING_ASKED,
    continue_from: Message | None = None,
    memory: Memory | None = None,
) -> bytes:
    """
    Return the body of a streamed request, its keys always in the same order.

    No sampling field is sent but the temperature of a row that has one: at Kimi any value but
    the pinned one is a 400, and the pinned one depends on the thinking mode. Reasoning goes
    back byte for byte where the quirk `replay-reasoning` asks for it. A message without text is
    left out, an assistant's also when it holds reasoning and no call: 400 "the message at
    position <N> with role 'assistant' must not be empty". What can be said of tools and their
    results is in `agent.wire.turns`. `continue_from` is the beginning of an answer that the
    endpoint is to go on with; it must have text. `memory` is the conversation's, and makes the
    next body cost what is new in it. Raises UsageError for what the model cannot take.

    Source: the open platform's chat documentation, MoonshotAI/kimi-code#1985, litellm#42186.
    """
    memory = memory or Memory()
    names = names_sent(tools, shape)
    choice = choice_of_tool(shape.row, options, tools, names)
    filler = shape.reasoning_filler
    settings = ("chat", shape.model, shape.row, shape.quirks, filler, names)
    messages = tuple(messages)
    start, earlier = memory.known(messages, settings)
    before = [msgspec.Raw(items) for _, items in earlier]
    added = [] if continue_from is None else [_partial(continue_from)]
    if choice.instruction:
        added.insert(0, msgspec.Raw(encoded({"role": "system", "content": choice.instruction})))
    rest = _raw(_limits(shape))
    if tools:
        definitions = memory.definitions(
            (tuple(tools), names), lambda: encoded([_definition(t, names, shape) for t in tools])
        )
        rest["tools"] = msgspec.Raw(definitions)
    rest.update(_raw(_asked(shape, options, choice, names)))
    head = {"model": msgspec.Raw(encoded(shape.model))}
    written = _Writer(shape, names).written
    # One encode of all: a second copy of four megabytes costs more than writing the messages.
    try:
        spoken = [*before, *written(messages[start:]), *added]
        body = _ENCODE({**head, "messages": spoken, **rest})
    except UnicodeEncodeError:
        spoken = [*before, *written(mended(messages[start:])), *added]
        body = _ENCODE({**head, "messages": spoken, **rest})
    first = len(_ENCODE({**head, "messages": []})) - len(b"]}")
    last = len(body) - len(_ENCODE(rest)) - 1 - sum(len(bytes(item)) + 1 for item in added)
    sent = memoryview(body)[first:last]
    memory.keep(messages, settings, [("", sent)] if sent else [])
    return body


def _raw(fields: dict[str, object]) -> dict[str, msgspec.Raw]:
    return _RAW.decode(encoded(fields))


def _limits(shape: Shape) -> dict[str, object]:
    limits: dict[str, object] = {}
    if shape.budget_tokens is not None:
        limits["max_completion_tokens"] = shape.budget_tokens
    if shape.row is not None and shape.row.temperature is not None:
        limits["temperature"] = shape.row.temperature
    return {**limits, "stream": True, "stream_options": {"include_usage": True}}


def _asked(
    shape: Shape, options: Options, choice: Choice, names: Mapping[str, str]
) -> dict[str, object]:
    """Return the fields after the tools, in their order."""
    asked: dict[str, object] = {}
    if choice.word in ("none", "required"):
        asked["tool_choice"] = choice.word
    elif choice.word:
        named = {"name": names[choice.word]}
        asked["tool_choice"] = {"type": "function", "function": named}
    asked.update(thinking_fields(shape.row, options, forced=choice.forced))
    if options.response_format is not None:
        asked["response_format"] = _format(options.response_format, shape)
    if options.cache_key:
        asked["prompt_cache_key"] = options.cache_key
    return asked


def _format(wanted: dict[str, Any], shape: Shape) -> dict[str, Any]:
    """Return a response format whose schema, if it has one, is in the endpoint's dialect."""
    named = wanted.get("json_schema")
    if not isinstance(named, dict) or not isinstance(named.get("schema"), dict):
        return wanted
    return {**wanted, "json_schema": {**named, "schema": schema_sent(named["schema"], shape)}}


def _definition(tool: Tool, names: Mapping[str, str], shape: Shape) -> dict[str, object]:
    function = {
        "name": names[tool.name],
        "description": tool.description,
        "parameters": schema_sent(tool.parameters, shape),
    }
    return {"type": "function", "function": function}


def _partial(message: Message) -> msgspec.Raw:
    spoken: dict[str, object] = {"role": "assistant"}
    reasoning = "".join(part.text for part in message.parts if isinstance(part, ThinkPart))
    if reasoning:
        spoken["reasoning_content"] = reasoning
    return msgspec.Raw(encoded({**spoken, "content": text_of(message), "partial": True}))


class _Function(msgspec.Struct, gc=False):
    name: str
    arguments: str


class _Call(msgspec.Struct, gc=False):
    id: str
    type: str
    function: _Function


class _Said(msgspec.Struct, omit_defaults=True, gc=False):
    """A message as it is sent; an empty field is left out."""

    role: str
    reasoning_content: str = ""
    content: str | list[dict[str, object]] = ""
    tool_calls: Sequence[object] = ()


class _Result(msgspec.Struct, omit_defaults=True, gc=False):
    role: str
    tool_call_id: str
    name: str = ""
    content: str | list[dict[str, object]] = ""


class _Writer:
    """Writes messages, each call with its result right after it."""

    __slots__ = ("_names", "_replay", "_shape")

    def __init__(self, shape: Shape, names: Mapping[str, str]) -> None:
        self._shape = shape
        self._names = names
        self._replay = "replay-reasoning" in shape.quirks

    def written(self, messages: Sequence[Message]) -> list[_Said | _Result]:
        """Return what is sent of the messages, which begin with no result of an earlier call."""
        spoken: list[_Said | _Result] = []
        waiting: list[ToolCall] = []
        for message in messages:
            role = message.role
            if role == "tool":
                spoken += map(self._result, taken(message, waiting))
                continue
            if waiting:
                spoken += map(self._result, map(missing_result, waiting))
            if role == "assistant":
                said, waiting = self._assistant(message)
            else:
                content = self._content(message)
                said, waiting = _Said(role, "", content) if content else None, []
            if said is not None:
                spoken.append(said)
        return [*spoken, *map(self._result, map(missing_result, waiting))]

    def _assistant(self, message: Message) -> tuple[_Said | None, list[ToolCall]]:
        """Return the assistant's message, None if nothing is left, and its calls."""
        text = reasoning = ""
        calls: list[ToolCall] = []
        sent: list[_Call | dict[str, object]] = []
        for part in message.parts:
            if type(part) is ToolCall:
                calls.append(part)
                sent.append(self._call(part))
            elif type(part) is TextPart:
                text += part.text
            elif type(part) is ThinkPart:
                reasoning += part.text
        if is_blank(text):
            if not calls:
                return None, calls
            text = ""
        if not self._replay:
            reasoning = ""
        if not calls:
            return _Said("assistant", reasoning, text), calls
        return _Said("assistant", reasoning or self._shape.reasoning_filler, text, sent), calls

    def _call(self, call: ToolCall) -> _Call | dict[str, object]:
        name = self._names.get(call.name) or name_sent(call.name, self._names, self._shape)
        function = _Function(name, call.arguments or "{}")
        if not call.extras:
            return _Call(call.id, "function", function)
        return {"id": call.id, "type": "function", "function": function, **extras_of(call)}

    def _result(self, result: ToolResult) -> _Result:
        name = result.name
        if name:
            name = self._names.get(name) or name_sent(name, self._names, self._shape)
        content = self._result_content(result.parts) or NO_OUTPUT
        return _Result("tool", result.call_id, name, content)

    def _result_content(self, parts: Sequence[Part]) -> str | list[dict[str, object]]:
        """Return the text, a list with images, or an empty text; what is refused is said."""
        if len(parts) == 1 and type(parts[0]) is TextPart:
            return "" if is_blank(parts[0].text) else parts[0].text
        content: list[dict[str, object]] = []
        for part in parts:
            try:
                content += self._items(part)
            except UsageError as refusal:
                # A tool that gives what the model cannot take must not end the conversation.
                content.append({"type": "text", "text": f"({refusal.message})"})
        return _joined(content)

    def _content(self, message: Message) -> str | list[dict[str, object]]:
        """Return the text, or a list where there is more than text, or an empty text."""
        parts = message.parts
        if len(parts) == 1 and type(parts[0]) is TextPart:
            return "" if is_blank(parts[0].text) else parts[0].text
        return _joined([item for part in parts for item in self._items(part)])

    def _items(self, part: Part) -> list[dict[str, object]]:
        """Return what is sent for a part of a user's message or a result: one item or none."""
        if isinstance(part, TextPart):
            return [{"type": "text", "text": part.text}]
        if isinstance(part, ImagePart | VideoPart):
            key = "image_url" if isinstance(part, ImagePart) else "video_url"
            url = f"data:{checked_type(part, self._shape)};base64,{in_base64(part)}"
            return [{"type": key, key: {"url": url}}]
        return []


def _joined(items: list[dict[str, object]]) -> str | list[dict[str, object]]:
    """Return text alone as one text; a list loses its blank texts. Empty if nothing is left."""
    if all(item["type"] == "text" for item in items):
        text = "".join(str(item["text"]) for item in items)
        return "" if is_blank(text) else text
    return [item for item in items if item["type"] != "text" or not is_blank(str(item["text"]))]
