"""Conversations to measure with: tool turns of a coding session, as many as are wanted."""

from agent.messages import Message, TextPart, ThinkPart, Tool, ToolCall, ToolResult, user

BYTES_PER_TOKEN = 4
READ = Tool(
    name="read_file",
    description="Read some lines of a file.",
    parameters={
        "type": "object",
        "properties": {
            "path": {"type": "string", "description": "Relative to the working directory."},
            "first": {"type": "integer", "minimum": 1},
            "last": {"type": "integer", "minimum": 1},
        },
        "required": ["path"],
    },
)
_LINES = "\n".join(
    f"{number:4}\tdef part_{number}(value: str) -> str:  # „Teil“ {number}, 第{number}部分"
    for number in range(1, 61)
)


def tool_turn(number: int) -> tuple[Message, Message]:
    """Return an answer that calls a tool, and the tool's result of some four thousand bytes."""
    call = ToolCall(f"read_file:{number}", READ.name, f'{{"path": "part_{number}.py"}}')
    thought = f"The next file is part_{number}.py; it should define the value that is missing. " * 3
    said = f"Reading part_{number}.py."
    asked = Message("assistant", (ThinkPart(thought), TextPart(said), call))
    return asked, Message("tool", (ToolResult(call.id, READ.name, (TextPart(_LINES),)),))


def history(tokens: int) -> list[Message]:
    """Return a conversation of about so many tokens, at four bytes each."""
    messages = [user("Find where the value is lost.")]
    turn_bytes = sum(
        len(part.text.encode())
        for message in tool_turn(0)
        for part in (*message.parts, *getattr(message.parts[0], "parts", ()))
        if isinstance(part, TextPart | ThinkPart)
    )
    for number in range(tokens * BYTES_PER_TOKEN // turn_bytes):
        messages += tool_turn(number)
    return messages
