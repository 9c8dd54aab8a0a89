"""What a turn asks for beside its messages, fitted to what is known of the model."""

from collections.abc import Mapping, Sequence

import msgspec

from agent.catalog.rows import ModelRow
from agent.errors import UsageError
from agent.messages import Options, Tool

NOTHING_ASKED = Options()
"""The options of a plain turn."""

_REMEDY = "`hermes models` shows what each model takes."

# Words of other vendors for ours (hermes-agent's plugin, litellm#38611).
_NEAREST_EFFORT = {
    "minimum": "low",
    "minimal": "low",
    "light": "low",
    "medium": "high",
    "xhigh": "max",
    "ultra": "max",
    "highest": "max",
}


class Choice(msgspec.Struct, frozen=True, kw_only=True):
    """
    Which tool is called, as it can be asked for.

    `word` is `none`, `required`, a tool's own name, or empty for the endpoint's default
    (`auto`). `forced` says that thinking must be turned off for it. `instruction` asks in
    words where the endpoint takes no such choice, and is empty otherwise.
    """

    word: str = ""
    forced: bool = False
    instruction: str = ""


def choice_of_tool(
    row: ModelRow | None, options: Options, tools: Sequence[Tool], names: Mapping[str, str]
) -> Choice:
    """
    Return how to ask for `options.tool_choice`; without tools nothing is asked.

    While it thinks, a K2 model refuses `required` and a named tool, and K3 a named one: 400
    "tool_choice 'specified' is incompatible with thinking enabled". Where thinking can be
    turned off, it is for that turn; elsewhere `auto` stays and a sentence asks. Raises
    UsageError for a name that no tool has. `names` are the names that are sent.

    Source: big-AGI#1161, inspect_ai#5152, platform.kimi.ai/docs, 2026-09.
    """
    wanted = options.tool_choice
    if not tools or wanted == "auto":
        return Choice()
    if wanted not in ("none", "required") and wanted not in names:
        raise UsageError(
            f"This turn has no tool named {wanted!r}; it has {', '.join(names)}.",
            remedy="Choose one of them, or `auto`, `none` or `required`.",
        )
    if row is None or row.thinking == "no" or wanted in row.tool_choices:
        return Choice(word=wanted)
    if row.thinking_control in ("toggle", "toggle-keep"):
        return Choice(word=wanted, forced=True)
    in_words = {
        "none": "Answer now without calling a tool.",
        "required": "Call one of the tools now.",
    }
    named = f"Call the tool {names.get(wanted)} now."
    return Choice(instruction=in_words.get(wanted, named))


def thinking_fields(
    row: ModelRow | None, options: Options, *, forced: bool = False
) -> dict[str, object]:
    """
    Return the fields of the chat wire that steer thinking: `thinking` or `reasoning_effort`.

    Never both: 400 "cannot specify both 'thinking' and 'reasoning_effort'". `forced` turns
    thinking off for a turn that forces a tool. Raises UsageError for an effort that the
    model does not know. Of a model without a row, an effort is passed on as it is.

    Source: platform.kimi.ai/docs, nanobot#3939, MoonshotAI/kimi-code; oh-my-pi#1838 (a K2.6
    that falls silent without `keep`).
    """
    effort = fitting_effort(row, options.effort)
    fields: dict[str, object] = {}
    match row.thinking_control if row is not None else "effort":
        case "toggle" | "toggle-keep" if forced or effort == "off":
            fields["thinking"] = {"type": "disabled"}
        case "toggle-keep":
            fields["thinking"] = {"type": "enabled", "keep": "all"}
        case "effort" if effort:
            fields["reasoning_effort"] = effort
        case "thinking-effort" if effort:
            fields["thinking"] = {"type": "enabled", "effort": effort, "keep": "all"}
    return fields


def messages_thinking_fields(
    row: ModelRow | None, options: Options, *, forced: bool = False
) -> dict[str, object]:
    """
    Return the fields of the messages wire that steer thinking: `thinking`, `output_config`.

    The same rules and errors as `thinking_fields`. Source: MoonshotAI/kimi-code, 2026-08.
    """
    effort = fitting_effort(row, options.effort)
    if row is not None and row.thinking_control in ("toggle", "toggle-keep"):
        off = forced or effort == "off"
        return {"thinking": {"type": "disabled"}} if off else {}
    if not effort or effort == "off":
        return {}
    return {"thinking": {"type": "adaptive"}, "output_config": {"effort": effort}}


def fitting_effort(row: ModelRow | None, effort: str) -> str:
    """
    Return the word to send for an effort: itself, the nearest that the row knows, or `off`.

    Empty stays empty. Raises UsageError for a word that fits nothing, and for `off` where
    thinking cannot be turned off.
    """
    if not effort:
        return ""
    if effort == "off":
        return _off(row)
    if row is None:
        return effort
    if row.thinking_control in ("effort", "thinking-effort"):
        nearest = effort if effort in row.efforts else _NEAREST_EFFORT.get(effort, "")
        if not row.efforts or nearest in row.efforts:
            # A row that lists no efforts is one of which nobody told them.
            return nearest or effort
    raise UsageError(f"{row.id} has no effort {effort!r}; {_efforts_known(row)}.", remedy=_REMEDY)


def _off(row: ModelRow | None) -> str:
    if row is None:
        raise UsageError(
            "Nothing is known of this model's thinking, so it cannot be turned off.",
            remedy=_REMEDY,
        )
    if row.thinking == "only":
        raise UsageError(f"{row.id} always thinks: it cannot be turned off.", remedy=_REMEDY)
    return "off"


def _efforts_known(row: ModelRow) -> str:
    if row.efforts:
        return f"it knows {', '.join(row.efforts)}"
    if row.thinking == "no":
        return "it does not think"
    return "it only knows `off`" if row.thinking == "both" else "how hard it thinks is its own"
