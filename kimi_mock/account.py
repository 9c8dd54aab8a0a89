"""Who may ask: key, name, membership, quota, balance, and how busy the endpoint is."""

from kimi_mock import refusals
from kimi_mock.refusals import Refused
from kimi_mock.state import KimiState, SeenRequest
from kimi_mock.surfaces import ModelRow, Surface
from kimi_mock.turn import SMALL_WINDOW_TOKENS, Turn

PLAN_K3_IDS = frozenset({"k3"})
# Tier → ids the plan refuses it; all paid tiers have k3, higher ones the fast one (contract 2.2).
TIER_LACKS: dict[str, frozenset[str]] = {
    "free": frozenset({"k3", "k3-256k", "k3.1-pro", "kimi-for-coding-highspeed"}),
    "moderato": frozenset({"kimi-for-coding-highspeed"}),
    "allegretto": frozenset(),
}


def key_of(seen: SeenRequest) -> str:
    """Return the Bearer token or `x-api-key`; empty if neither came."""
    scheme, _, token = seen.headers.get("Authorization", "").partition(" ")
    if scheme.lower() == "bearer":
        return token.strip()
    return seen.headers.get("x-api-key", "")


def check_key(state: KimiState, surface: Surface, seen: SeenRequest) -> str:
    """Return the key, or raise Refused for one that is not this surface's."""
    key = key_of(seen)
    if key not in state.keys[surface.id]:
        incorrect = state.key_refusal == "incorrect"
        raise refusals.key_refused(surface, sent=bool(key), incorrect=incorrect)
    return key


def check_gate(state: KimiState, seen: SeenRequest) -> None:
    """Raise Refused for a name that the plan's chat path does not take."""
    product = seen.headers.get("User-Agent", "").partition("/")[0]
    if state.gate_outage or product not in state.gate_allows:
        raise refusals.access_terminated(refusals.GATE_SHUT)


def check_membership(state: KimiState) -> None:
    """Raise Refused for a plan that was ended, or that cannot be verified."""
    if state.banned:
        raise refusals.access_terminated("Access terminated.")
    if state.membership == "unverified":
        # Status and text are documented, the type is not: KD error reference.
        raise Refused(402, "", refusals.MEMBERSHIP_UNVERIFIED)


def rows_for(state: KimiState, surface: Surface) -> list[ModelRow]:
    """Return the rows of `GET /models`, on the plan those of the tier with its windows."""
    rows = state.models[surface.id]
    if not surface.plan:
        return rows
    lacks = TIER_LACKS[state.tier]
    return [_as_tier_sees(state, row) for row in rows if row["id"] not in lacks]


def _as_tier_sees(state: KimiState, row: ModelRow) -> ModelRow:
    if state.tier == "allegretto" or row["id"] not in PLAN_K3_IDS:
        return row
    return {**row, "context_length": min(row["context_length"], SMALL_WINDOW_TOKENS)}


def check_model(state: KimiState, turn: Turn) -> None:
    """Raise Refused for an id the surface does not know, or that the tier lacks."""
    if not turn.row and not state.accept_any_model:
        raise refusals.model_refused(turn.surface, turn.model)
    if turn.surface.plan and turn.model in TIER_LACKS[state.tier]:
        if state.entitlement_refusal == "not-found":
            raise refusals.model_not_found(turn.model)
        raise refusals.not_subscribed(turn.model)


def check_quota(state: KimiState) -> None:
    """Raise Refused if the plan's quota is used up; contract 7.2."""
    if state.quota == "left":
        return
    status, message = refusals.QUOTAS[state.quota]
    if status == 403:
        raise refusals.access_terminated(message)
    raise Refused(status, "rate_limit_reached_error", message, retry_after=state.retry_after)


def check_balance(state: KimiState) -> None:
    """Raise Refused if nothing is left on the platform's account; contract 7.1."""
    if state.balance <= 0:
        raise Refused(*refusals.EMPTY_BALANCES[state.balance_refusal])


def check_traffic(state: KimiState, surface: Surface, in_flight: int) -> None:
    """
    Raise Refused while a switch says that the endpoint is busy or broken.

    `in_flight` counts the turns being answered. A counted switch goes down by one.
    """
    if state.rate_limited_calls > 0:
        state.rate_limited_calls -= 1
        raise _rate_limited(state, surface, state.rate_limit)
    if state.concurrency_limit is not None and in_flight >= state.concurrency_limit:
        if surface.plan:
            raise refusals.access_terminated(refusals.CONCURRENT)
        raise _rate_limited(state, surface, "concurrency")
    if state.overloaded_calls > 0:
        state.overloaded_calls -= 1
        overloaded = refusals.overloaded()
        overloaded.retry_after = state.retry_after
        raise overloaded
    if state.failing_calls > 0:
        state.failing_calls -= 1
        raise Refused(500, "server_error", "Internal server error")


def _rate_limited(state: KimiState, surface: Surface, kind: str) -> Refused:
    if surface.plan:
        message = refusals.TOO_MANY
    else:
        after = f"please try again after {state.rate_limit_seconds} seconds"
        message = f"{refusals.RATE_LIMITS[kind]}, {after}"
    return Refused(429, "rate_limit_reached_error", message, retry_after=state.retry_after)
