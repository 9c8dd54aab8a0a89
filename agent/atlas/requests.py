"""Rows about what was asked: the request's fields, its size, its text."""

from agent.atlas.rows import BodyRow
from agent.errors import (
    ContentFiltered,
    ContextOverflow,
    ReasoningMissing,
    RequestRefused,
    RequestTooLarge,
    SchemaRefused,
)

_ANEW = "`/clear` or a new `hermes` begins anew"

_STATUSES = (400, 413, 422)
_TYPE = "invalid_request_error"
_SENT = "`hermes chat --debug` shows what was sent."


def _field(name: str, says: tuple[str, ...], meaning: str, field: str, source: str) -> BodyRow:
    """Return the row of one field of the request."""
    return BodyRow(
        id=name,
        statuses=_STATUSES,
        kinds=(_TYPE,),
        says=says,
        error=RequestRefused,
        meaning=meaning,
        remedy=f"`{field}` is at fault: {_SENT}",
        field=field,
        source=source,
    )


REQUESTS: tuple[BodyRow, ...] = (
    BodyRow(
        id="context-overflow",
        statuses=_STATUSES,
        kinds=(_TYPE,),
        # Spelled `limit: N (requested: M)` and `limit : N`.
        says=("model token limit", "input token length too long"),
        error=ContextOverflow,
        meaning="says that the conversation and its answer are longer than the model's window",
        remedy=f"{_ANEW}; `hermes models` shows the windows.",
        retry="once, after the oldest tool output was left out, and in a conversation once more, "
        "after a summary took the place of its older part",
        source="kimi-cli#2011, kimi-cli#794, open platform errors page, read 2026-09",
    ),
    BodyRow(
        id="size-limit",
        statuses=_STATUSES,
        kinds=(_TYPE,),
        says=("total message size",),
        error=RequestTooLarge,
        meaning="says that the messages have too many bytes, which images fill first",
        remedy=f"{_ANEW}; `hermes chat --debug` shows the size that was sent.",
        field="messages",
        retry="in a conversation once, after a summary took the place of its older part",
        source="Kimi Code error reference, read 2026-08",
    ),
    BodyRow(
        id="content-filter",
        statuses=_STATUSES,
        kinds=("content_filter",),
        says=("considered high risk",),
        by_kind=True,
        error=ContentFiltered,
        meaning="considers the text high risk and does not answer it",
        remedy="Ask in other words; `/clear` or a new `hermes` leaves behind what was said.",
        source="open platform errors page, read 2026-09",
    ),
    BodyRow(
        id="reasoning-missing",
        statuses=_STATUSES,
        kinds=(_TYPE,),
        says=("reasoning_content is missing",),
        error=ReasoningMissing,
        meaning="wants the model's earlier reasoning back, which this conversation has lost",
        remedy=f"{_ANEW}; `hermes models` lists models that do not think.",
        field="messages.reasoning_content",
        retry="once, without thinking or with a blank in its place",
        source="continue#11711, mastra#12592, picoclaw#588, opencode#16318, hermes#13848",
    ),
    BodyRow(
        id="tool-schema",
        statuses=_STATUSES,
        kinds=(_TYPE,),
        says=("moonshot flavored json schema", "tools.function.parameters"),
        error=SchemaRefused,
        meaning="does not take the schema of a tool's parameters",
        remedy=f"The path in its words tells which property: {_SENT}",
        field="tools.function.parameters",
        source="opencode#37496, opencode#41276, kimi-cli#2061, hermes#66835, MoonshotAI/walle",
    ),
    BodyRow(
        id="answer-schema",
        statuses=_STATUSES,
        kinds=(_TYPE,),
        says=("response_format.json_schema",),
        error=SchemaRefused,
        meaning="does not take the schema that the answer should have",
        remedy=f"The answer's schema is held to the tools' dialect: {_SENT}",
        field="response_format",
        source="open platform docs, read 2026-09",
    ),
    _field(
        "tool-name",
        ("function name is invalid",),
        "does not take a tool's name: it wants a letter first, then letters, digits, _ and -",
        "tools.function.name",
        "kimi-cli#1773, kimi-cli#2531",
    ),
    _field(
        "tool-duplicate",
        ("is duplicated",),
        "was offered two tools of the same name",
        "tools",
        "Kimi Code error reference, read 2026-08",
    ),
    _field(
        "tool-choice",
        ("tool_choice",),
        "does not let a tool be forced while the model thinks",
        "tool_choice",
        "oh-my-pi#827, AstrBot#7805, big-AGI#1161",
    ),
    _field(
        "tool-call-id",
        ("tool_call_id",),
        "was given a tool's result without its call, or a call without its result",
        "messages.tool_call_id",
        "open platform FAQ, read 2026-09",
    ),
    _field(
        "thinking-and-effort",
        ("cannot specify both",),
        "does not take `thinking` together with `reasoning_effort`",
        "thinking, reasoning_effort",
        "nanobot#3939, hermes#34794",
    ),
    _field(
        "thinking",
        ("invalid thinking", "the thinking field"),
        "does not let this model think otherwise than it always does",
        "thinking",
        "Kimi-K2#141, TeXRA#1905",
    ),
    _field(
        "effort",
        ("reasoning_effort", "invalid effort"),
        "does not take this effort for this model",
        "reasoning_effort",
        "litellm#38611, SynapsCLI#67",
    ),
    _field(
        "sampling",
        (
            "invalid temperature",
            "invalid top_p",
            "invalid n:",
            "invalid presence_penalty",
            "invalid frequency_penalty",
        ),
        "pins the sampling of this model and takes no other value",
        "temperature, top_p, n, presence_penalty, frequency_penalty",
        "CountBot#61, litellm#29687, inspect_ai#5156, hermes#9125",
    ),
    _field(
        "empty-message",
        ("must not be empty", "text content is empty"),
        "does not take an empty message, nor an empty piece of one",
        "messages.content",
        "AstrBot#7200, lobehub#8419, kimi-code#1985, litellm#42186",
    ),
    _field(
        "image-url",
        ("unsupported image url", "unsupported video url"),
        "takes images as base64 or as uploaded files, never as web addresses",
        "messages.content.image_url",
        "Kimi Code error reference, read 2026-08",
    ),
    _field(
        "file",
        ("file size is too large", "file size is zero", "invalid purpose"),
        "does not take the file: it is empty, above 100 MB, or for a purpose that it does not know",
        "file, purpose",
        "open platform errors page, read 2026-09",
    ),
    BodyRow(
        id="body-too-large",
        statuses=(413,),
        error=RequestTooLarge,
        meaning="says that the request has too many bytes",
        remedy=f"Leave images out; {_ANEW}; `hermes chat --debug` shows the size that was sent.",
        source="RFC 9110, section 15.5.14; open platform docs, read 2026-09",
    ),
)
"""Answers about the request itself."""
