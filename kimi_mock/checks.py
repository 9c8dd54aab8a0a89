"""Every check of a turn in the endpoint's order; contract 12, numbers 2 and 3."""

import json
from typing import Any

from kimi_mock import account, block_messages, chat_messages, refusals
from kimi_mock.parameters import check_parameters
from kimi_mock.refusals import Refused, invalid, invalid_request
from kimi_mock.state import KimiState, SeenRequest
from kimi_mock.surfaces import Surface, Wire
from kimi_mock.tokens import serialized, window_tokens
from kimi_mock.tools import check_tools
from kimi_mock.turn import SMALL_WINDOW_TOKENS, Turn

PLAN_MESSAGES_BYTES = 2_097_152


def admit(
    state: KimiState,
    surface: Surface,
    wire: Wire,
    seen: SeenRequest,
    *,
    number: int,
    in_flight: int,
) -> Turn:
    """
    Return the turn a request asks for, or raise Refused at the first check it fails.

    On the platforms: key, balance, rate, JSON, model, parameters, messages, tools. On the
    plan: key, gate (chat only), model and entitlement, quota, parameters, messages, tools.
    The key before the model is sourced; the rest of the order is a choice.
    """
    gated = surface.plan and wire == "chat"
    if gated and state.gate_before_key:
        account.check_gate(state, seen)
    key = account.check_key(state, surface, seen)
    if surface.plan:
        account.check_membership(state)
        if gated:
            account.check_gate(state, seen)
    else:
        account.check_balance(state)
        account.check_traffic(state, surface, in_flight)
    body = json_object(seen.body)
    turn = Turn(surface=surface, wire=wire, body=body, number=number, key=key, switches=state)
    account.check_model(state, turn)
    if surface.plan:
        account.check_quota(state)
        account.check_traffic(state, surface, in_flight)
    check_content(state, turn)
    return turn


def check_content(state: KimiState, turn: Turn) -> None:
    """Raise Refused for what the body asks, once it may ask: parameters, messages, tools."""
    check_parameters(turn)
    messages = turn.body.get("messages")
    if not isinstance(messages, list) or not messages:
        raise invalid_request("messages must not be empty")
    _check_size(turn)
    check = chat_messages if turn.wire == "chat" else block_messages
    check.check_messages(turn)
    check_tools(turn)
    _check_window(state, turn)
    if state.high_risk_text and state.high_risk_text.encode() in serialized(turn.body):
        kind = "invalid_request_error" if turn.surface.plan else "content_filter"
        raise Refused(400, kind, refusals.HIGH_RISK)


def json_object(body: bytes) -> dict[str, Any]:
    """Return a body as the object it must be, or raise Refused; the wording is ours."""
    try:
        value = json.loads(body)
    except (ValueError, RecursionError):
        value = None
    if not isinstance(value, dict):
        raise invalid_request("the body must be a JSON object")
    return value


def _check_size(turn: Turn) -> None:
    """The plan takes 2 MiB of messages, images and all; KD error reference."""
    if not turn.surface.plan:
        return
    size_bytes = len(serialized(turn.body))
    if size_bytes > PLAN_MESSAGES_BYTES:
        raise invalid(f"total message size {size_bytes} exceeds limit {PLAN_MESSAGES_BYTES}")


def _check_window(state: KimiState, turn: Turn) -> None:
    """Prompt and budget together must fit the window, learnt or listed, and the tier's."""
    requested = window_tokens(turn.body)
    small = state.tier == "moderato" and turn.surface.plan and turn.model in account.PLAN_K3_IDS
    if small and requested > SMALL_WINDOW_TOKENS:
        raise refusals.window_of_tier()
    listed = turn.row.get("context_length")
    limit = state.window_limits.get(turn.model, listed)
    if isinstance(limit, int) and requested > limit:
        raise refusals.window_exceeded(limit, requested)
