"""Let the model call a Python function: `python examples/tools.py QUESTION`."""

import os
import sys

import msgspec

from agent.library import answer, route_for_key
from agent.messages import Message, TextPart, Tool, ToolCall, ToolResult, calls_of, text_of, user
from agent.transport.network import Network

COUNT_LINES = Tool(
    name="count_lines",
    description="Count the lines of a text.",
    parameters={"type": "object", "properties": {"text": {"type": "string"}}},
)


def result_of(call: ToolCall) -> ToolResult:
    """Run a call; what is wrong with its arguments goes back to the model as an error."""
    try:
        text = msgspec.json.decode(call.arguments, type=dict[str, str])["text"]
        said, failed = str(len(text.splitlines())), False
    except (msgspec.DecodeError, KeyError) as error:
        said, failed = f"The arguments cannot be used: {error!r}.", True
    return ToolResult(call.id, call.name, (TextPart(said),), is_error=failed)


def main() -> None:
    """Ask, run what the model calls, send the results, until it answers in words."""
    network = Network(
        proxy_url=os.environ.get("HTTPS_PROXY", ""),
        certificate_file=os.environ.get("SSL_CERT_FILE", ""),
    )
    route = route_for_key(os.environ["KIMI_API_KEY"])
    messages = [user(" ".join(sys.argv[1:]) or "How many lines has 'a\\nb\\nc'?")]
    while True:
        message = answer(route, network, messages, [COUNT_LINES]).message
        messages.append(message)
        if not calls_of(message):
            break
        messages.append(Message("tool", tuple(result_of(call) for call in calls_of(message))))
    print(text_of(message))


if __name__ == "__main__":
    main()
