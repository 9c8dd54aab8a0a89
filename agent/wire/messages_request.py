"""Messages → the body of a request on the messages wire (`/v1/messages`); no I/O."""

from collections.abc import Mapping, Sequence

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
    calls_of,
    text_of,
)
from agent.wire.base import Shape, encoded
from agent.wire.media import checked_type, in_base64
from agent.wire.steering import (
    NOTHING_ASKED,
    Choice,
    choice_of_tool,
    messages_thinking_fields,
)
from agent.wire.tools import name_sent, names_sent, schema_sent
from agent.wire.turns import NO_OUTPUT, Memory, Piece, is_blank, mended, results_in_order, turns

ANTHROPIC_VERSION = "2023-06-01"

_ENCODE = msgspec.json.Encoder().encode
_OBJECT = msgspec.json.Decoder(dict[str, msgspec.Raw])

# What stands between the blocks of two speakers; the first turn follows nobody.
_OPENINGS = {
    (before, role): (b"]}," if before else b"") + b'{"role":"%s","content":[' % role.encode()
    for before in ("", "user", "assistant")
    for role in ("user", "assistant")
}


def messages_headers() -> tuple[tuple[str, str], ...]:
    """Return the headers of the wire; our name and the key are added by the transport."""
    return (
        ("Content-Type", "application/json"),
        ("Accept", "text/event-stream"),
        ("anthropic-version", ANTHROPIC_VERSION),
    )


def messages_body(
    messages: Sequence[Message],
    shape: Shape,
    *,
    tools: Sequence[Tool] = (),
    options: Options = NOTHING_ASKED,
    memory: Memory | None = None,
) -> bytes:
    """
    Return the body of a streamed request, its keys always in the same order.

    The budget covers reasoning and answer; the wire demands it, and a Shape without one is a
    ValueError. System messages, wherever they stand, become the top-level `system`, with a
    blank line between them. Turns of one speaker in a row become one turn, and results are a
    user's. Reasoning goes back with its signature; without one only where the quirk
    `replay-reasoning` says that the endpoint does not check it. A message without text and
    calls, and an empty text part, are left out. `memory` is the conversation's, and makes the
    next body cost what is new in it. Raises UsageError for what the model or wire cannot take.

    No `cache_control` is sent: a mark that moves with the last message would change bytes
    that were sent before, and Kimi does not document what it does with one.

    Source: the Anthropic messages API, as Kimi documents its own; hermes-agent#66948.
    """
    if shape.budget_tokens is None:
        raise ValueError("the messages wire demands a budget")
    if options.response_format is not None:
        raise UsageError(
            "The messages wire has no response format.",
            remedy="`hermes config set providers.ID.wire chat` takes the other wire.",
        )
    memory = memory or Memory()
    names = names_sent(tools, shape)
    choice = choice_of_tool(shape.row, options, tools, names)
    filler = shape.reasoning_filler
    settings = ("messages", shape.model, shape.row, shape.quirks, filler, names)
    messages = tuple(messages)
    start, pieces = memory.known(messages, settings)
    pieces = [*pieces, *_Writer(shape, names).pieces(messages[start:])]
    memory.keep(messages, settings, pieces)
    spoken = _merged(pieces, choice.instruction)
    head: dict[str, object] = {"model": shape.model, "max_tokens": shape.budget_tokens}
    system = _system(messages)
    if system:
        head["system"] = system
    body = [encoded(head)[:-1], b',"messages":[', *spoken, b'],"stream":true']
    if tools:
        definitions = memory.definitions(
            (tuple(tools), names), lambda: encoded([_definition(t, names, shape) for t in tools])
        )
        body += (b',"tools":', definitions)
    asked = _asked(shape, options, choice, names)
    body.append(b"," + encoded(asked)[1:] if asked else b"}")
    return b"".join(body)


def _system(messages: Sequence[Message]) -> str:
    texts = [text_of(message) for message in messages if message.role == "system"]
    return "\n\n".join(text for text in texts if not is_blank(text))


def _merged(pieces: Sequence[Piece], instruction: str) -> list[bytes | memoryview]:
    """Return the turns as runs of JSON; what one speaker says in a row is one turn."""
    json: list[bytes | memoryview] = []
    speaker = ""
    for role, blocks in pieces:
        json += (b"," if role == speaker else _OPENINGS[speaker, role], blocks)
        speaker = role
    if instruction:
        blocks = _ENCODE({"type": "text", "text": instruction})
        json += (b"," if speaker == "user" else _OPENINGS[speaker, "user"], blocks)
    return [*json, b"]}"] if json else json


def _asked(
    shape: Shape, options: Options, choice: Choice, names: Mapping[str, str]
) -> dict[str, object]:
    """Return the fields after the tools, in their order."""
    asked: dict[str, object] = {}
    if choice.word == "none":
        asked["tool_choice"] = {"type": "none"}
    elif choice.word == "required":
        asked["tool_choice"] = {"type": "any"}
    elif choice.word:
        asked["tool_choice"] = {"type": "tool", "name": names[choice.word]}
    asked.update(messages_thinking_fields(shape.row, options, forced=choice.forced))
    return asked


def _definition(tool: Tool, names: Mapping[str, str], shape: Shape) -> dict[str, object]:
    return {
        "name": names[tool.name],
        "description": tool.description,
        "input_schema": schema_sent(tool.parameters, shape),
    }


class _Writer:
    """Writes one turn: a message's blocks, and the results of its calls as a user's."""

    __slots__ = ("_names", "_shape", "_unsigned")

    def __init__(self, shape: Shape, names: Mapping[str, str]) -> None:
        self._shape = shape
        self._names = names
        self._unsigned = "replay-reasoning" in shape.quirks

    def pieces(self, messages: Sequence[Message]) -> Sequence[Piece]:
        """Return the blocks of the turns with their roles."""
        try:
            return [piece for turn in turns(messages) for piece in self._turn(*turn)]
        except UnicodeEncodeError:
            return [piece for turn in turns(mended(messages)) for piece in self._turn(*turn)]

    def _turn(self, head: Message, following: Sequence[Message]) -> Sequence[Piece]:
        if head.role in ("system", "tool"):
            return ()
        if head.role == "user":
            blocks = [block for part in head.parts for block in self._said(part)]
            return [("user", _ENCODE(blocks)[1:-1])] if blocks else ()
        blocks = [block for part in head.parts for block in self._answered(part)]
        kinds = {block["type"] for block in blocks}
        if kinds <= {"thinking"}:
            return ()
        filler = self._shape.reasoning_filler
        if filler and "tool_use" in kinds and not any(block.get("thinking") for block in blocks):
            blocks = [block for block in blocks if block["type"] != "thinking"]
            blocks.insert(0, {"type": "thinking", "thinking": filler, "signature": ""})
        answer = ("assistant", _ENCODE(blocks)[1:-1])
        results = [self._result(result) for result in results_in_order(calls_of(head), following)]
        return (answer, ("user", _ENCODE(results)[1:-1])) if results else (answer,)

    def _answered(self, part: Part) -> list[dict[str, object]]:
        """Return what is sent for a part of an assistant's message: one block or none."""
        if isinstance(part, TextPart):
            return [] if is_blank(part.text) else [{"type": "text", "text": part.text}]
        if isinstance(part, ThinkPart):
            if not part.signature and not self._unsigned:
                return []
            return [{"type": "thinking", "thinking": part.text, "signature": part.signature}]
        if isinstance(part, ToolCall):
            name = name_sent(part.name, self._names, self._shape)
            return [{"type": "tool_use", "id": part.id, "name": name, "input": _input(part)}]
        return []

    def _said(self, part: Part) -> list[dict[str, object]]:
        """Return what is sent for a part of a user's message or a result: one block or none."""
        if isinstance(part, TextPart):
            return [] if is_blank(part.text) else [{"type": "text", "text": part.text}]
        if isinstance(part, VideoPart):
            raise UsageError(
                "The messages wire takes no videos.",
                remedy="`hermes config set providers.ID.wire chat` takes the other wire.",
            )
        if isinstance(part, ImagePart):
            kind = checked_type(part, self._shape)
            source = {"type": "base64", "media_type": kind, "data": in_base64(part)}
            return [{"type": "image", "source": source}]
        return []

    def _result(self, result: ToolResult) -> dict[str, object]:
        block: dict[str, object] = {"type": "tool_result", "tool_use_id": result.call_id}
        block["content"] = self._content(result) or [{"type": "text", "text": NO_OUTPUT}]
        if result.is_error:
            block["is_error"] = True
        return block

    def _content(self, result: ToolResult) -> list[dict[str, object]]:
        content: list[dict[str, object]] = []
        for part in result.parts:
            try:
                content += self._said(part)
            except UsageError as refusal:
                # A tool that gives what the model cannot take must not end the conversation.
                content.append({"type": "text", "text": f"({refusal.message})"})
        return content


def _input(call: ToolCall) -> msgspec.Raw | dict[str, str]:
    """Return the arguments as they came if they are a JSON object; else what came, as a text."""
    arguments = call.arguments.encode() or b"{}"
    try:
        _OBJECT.decode(arguments)
    except (msgspec.DecodeError, UnicodeDecodeError):
        return {"unreadable_arguments": call.arguments}
    return msgspec.Raw(arguments)
