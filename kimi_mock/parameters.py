"""What the parameters of a turn may be: sampling, thinking, effort, budget, tool choice."""

from collections.abc import Mapping
from typing import Any

from kimi_mock import flavored
from kimi_mock.refusals import Refused, invalid, invalid_request
from kimi_mock.turn import Turn

# What another temperature, top_p, … is refused in favour of; with thinking off, 0.6 (contract 3.2).
PINNED_SAMPLING: tuple[tuple[str, float], ...] = (
    ("temperature", 1),
    ("top_p", 0.95),
    ("n", 1),
    ("presence_penalty", 0),
    ("frequency_penalty", 0),
)
TEMPERATURE_WITHOUT_THINKING = 0.6
# What the plan's gateway understands, whatever the model; CCS codexProviderPresets.ts, 2026-08.
PLAN_EFFORTS = frozenset(
    {"ultra", "max", "xhigh", "high", "medium", "low", "minimum", "light", "none"}
)
PLATFORM_EFFORTS = frozenset({"low", "high", "max"})
THINKING_TYPES = {
    "chat": frozenset({"enabled", "disabled"}),
    "messages": frozenset({"enabled", "disabled", "adaptive"}),
}
MOST_STOPS = 5
MOST_STOP_BYTES = 32
JSON_KINDS: tuple[tuple[type, str], ...] = (
    (bool, "bool"),
    (str, "string"),
    (list, "array"),
    (int, "number"),
    (float, "number"),
)


def check_parameters(turn: Turn) -> None:
    """Raise Refused for a parameter that is not allowed, in the order of contract 3."""
    if turn.wire == "chat":
        _check_chat_thinking(turn)
        _check_sampling(turn)
        _check_stop(turn.body.get("stop"))
        check_response_format(turn)
    else:
        _check_thinking_object(turn)
        _check_effort(turn)
    _check_turned_off(turn)
    _check_budget(turn.body)
    _check_tool_choice(turn)


def _check_sampling(turn: Turn) -> None:
    # Only a model that can think or not has the other temperature.
    both = turn.row.get("supports_thinking_type") == "both"
    for name, usual in PINNED_SAMPLING:
        without = name == "temperature" and both and turn.turned_off
        pinned = TEMPERATURE_WITHOUT_THINKING if without else usual
        sent = turn.body.get(name)
        if sent is not None and sent != pinned:
            raise invalid(f"invalid {name}: only {pinned:g} is allowed for this model")


def _check_chat_thinking(turn: Turn) -> None:
    _check_thinking_object(turn)
    effort = turn.body.get("reasoning_effort")
    if effort is not None and not isinstance(effort, str):
        raise invalid("the reasoning_effort field (expected type string) is illegal")
    if turn.body.get("thinking") is not None:
        if effort is not None:
            raise invalid("cannot specify both 'thinking' and 'reasoning_effort'")
        if _is_k3(turn) and not turn.surface.plan and turn.switches.thinking_on_k3 == "refused":
            # The documents say not to send it, and a guide does (contract 11); the text is ours.
            raise invalid_request("the thinking field is not supported by this model")
    _check_effort(turn)


def _is_k3(turn: Turn) -> bool:
    shipped = turn.shipped
    return shipped is not None and shipped.forced_tools


def _check_thinking_object(turn: Turn) -> None:
    thinking = turn.body.get("thinking")
    if thinking is None:
        return
    if not isinstance(thinking, dict):
        kind = next((name for each, name in JSON_KINDS if isinstance(thinking, each)), "null")
        raise invalid(
            "the thinking field in the request (expected type object) is illegal,"
            f" and {kind} is not acceptable"
        )
    if thinking.get("type") not in THINKING_TYPES[turn.wire]:
        raise invalid(f"invalid thinking: type={thinking.get('type')} is not supported")
    if thinking.get("keep") not in {None, "all"}:
        raise invalid(f"invalid thinking: keep={thinking['keep']} is not supported")


def _check_effort(turn: Turn) -> None:
    """Refuse an effort the plan does not know, and on the platform one if the switch says so."""
    effort = turn.effort
    if effort is None:
        return
    known = PLAN_EFFORTS if turn.surface.plan else PLATFORM_EFFORTS
    if effort in known:
        return
    if turn.surface.plan or turn.switches.unknown_effort == "refused":
        raise invalid_request(f"unsupported reasoning effort: {effort}")


def _check_turned_off(turn: Turn) -> None:
    """Refuse to turn off what cannot be; another model may answer instead (contract 2.2)."""
    only = turn.row.get("supports_thinking_type") == "only"
    if turn.turned_off and only and turn.served_model == turn.model:
        raise invalid("invalid thinking: only type=enabled is allowed for this model")


def _check_budget(body: Mapping[str, Any]) -> None:
    for name in ("max_completion_tokens", "max_tokens"):
        value = body.get(name)
        if value is None:
            continue
        if not isinstance(value, int) or isinstance(value, bool) or value < 1:
            raise invalid_request(f"{name} must be a positive integer")


def _check_stop(stop: object) -> None:
    stops = stop if isinstance(stop, list) else [] if stop is None else [stop]
    if len(stops) > MOST_STOPS:
        raise invalid_request(f"stop must have at most {MOST_STOPS} items")
    for each in stops:
        if not isinstance(each, str) or len(each.encode()) > MOST_STOP_BYTES:
            raise invalid_request(f"stop must be strings of at most {MOST_STOP_BYTES} bytes")


def check_response_format(turn: Turn) -> None:
    """Raise Refused for a schema outside the dialect; contract 3.4."""
    wanted = turn.body.get("response_format")
    if not isinstance(wanted, dict) or wanted.get("type") != "json_schema":
        return
    if turn.switches.schemas == "unchecked":
        return
    named = wanted.get("json_schema")
    schema = named.get("schema") if isinstance(named, dict) else None
    try:
        flavored.check(
            schema,
            loose=turn.switches.schemas == "loose",
            typed=turn.switches.untyped_schemas == "refused",
        )
    except flavored.SchemaRefused as refused:
        raise invalid_request(
            "the `response_format.json_schema.schema` field in the request is illegal,"
            f" details: <{refused}>"
        ) from None


def _check_tool_choice(turn: Turn) -> None:
    """Refuse to be forced while thinking: K2 always, the K3 family by name only (contract 3.5)."""
    forced = _forced(turn)
    if forced is None or not turn.thinks or not turn.row:
        return
    coerced = turn.switches.named_tool_choice == "coerced"
    if _is_k3(turn) and (forced == "required" or coerced):
        return
    raise incompatible(forced)


def _forced(turn: Turn) -> str | None:
    """Return "required" or "specified", or None where the model may choose."""
    choice = turn.body.get("tool_choice")
    if turn.wire == "messages":
        kind = choice.get("type") if isinstance(choice, dict) else None
        return {"any": "required", "tool": "specified"}.get(str(kind))
    if isinstance(choice, dict):
        return "specified"
    if choice in {None, "auto", "none"}:
        return None
    if choice == "required":
        return "required"
    raise invalid_request(f"invalid tool_choice: {choice}")


def incompatible(forced: str) -> Refused:
    """Return the 400 for a forced tool beside thinking, in its two captured forms."""
    return invalid(f"tool_choice '{forced}' is incompatible with thinking enabled")
