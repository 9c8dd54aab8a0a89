"""What an account can ask about itself: the plan's windows, the balance, a count of tokens."""

from datetime import UTC, datetime, timedelta
from typing import Any

from kimi_mock.switches import Switches
from kimi_mock.tokens import prompt_tokens

FIVE_HOURS_IN_MINUTES = 300
VOUCHERS = 46.58893
MICROS_PER_CENT = 1_000_000
# Only the last of these levels was seen (contract 8); the others are our names.
LEVELS = {"free": "LEVEL_FREE", "moderato": "LEVEL_BASIC", "allegretto": "LEVEL_INTERMEDIATE"}


def usages(switches: Switches, now: datetime) -> dict[str, Any]:
    """
    Return the body of the plan's `GET /usages` in the shape of the switch; contract 8.

    Numbers of the classic shape are decimal strings, ratios of the newer one lie between 0
    and 1. A used-up `quota` shows as a full window, whatever the percent switches say.
    """
    body: dict[str, Any] = {}
    if switches.usages_shape != "ratios":
        body |= _classic(switches, now)
    if switches.usages_shape != "classic":
        body["usages"] = _ratios(switches, now)
    return body


def balance(switches: Switches) -> dict[str, Any]:
    """Return the body of the platforms' `GET /users/me/balance`; the cash may be negative."""
    available = switches.balance
    amounts = {
        "available_balance": available,
        "voucher_balance": VOUCHERS,
        "cash_balance": round(available - VOUCHERS, 5),
    }
    return _wrapped(amounts)


def token_count(body: dict[str, Any]) -> dict[str, Any]:
    """Return the body of the platforms' token estimate: messages only, tools left out."""
    return _wrapped({"total_tokens": prompt_tokens({"messages": body.get("messages")})})


def _wrapped(value: dict[str, Any]) -> dict[str, Any]:
    return {"code": 0, "data": value, "scode": "0x0", "status": True}


def _used(switches: Switches) -> tuple[int, int]:
    """Return the percent used of the 5-hour and of the 7-day window."""
    five_hours = 100 if switches.quota == "5-hour" else switches.five_hour_used
    week = switches.weekly_used if switches.quota in {"left", "5-hour"} else 100
    return five_hours, week


def _resets(switches: Switches, now: datetime) -> tuple[str, str]:
    return (
        switches.five_hour_resets or _written(now + timedelta(hours=2)),
        switches.weekly_resets or _written(now + timedelta(days=3)),
    )


def _written(moment: datetime) -> str:
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def _classic(switches: Switches, now: datetime) -> dict[str, Any]:
    five_hours, week = _used(switches)
    five_hours_reset, week_reset = _resets(switches, now)
    window = {"duration": FIVE_HOURS_IN_MINUTES, "timeUnit": "TIME_UNIT_MINUTE"}
    detail = _detail(switches, five_hours, five_hours_reset)
    body: dict[str, Any] = {
        "user": {"userId": "mock-user", "membership": {"level": LEVELS[switches.tier]}},
        "usage": _detail(switches, week, week_reset),
        "limits": [{"window": window, "detail": detail}],
        "authentication": {"method": "METHOD_API_KEY", "scope": "FEATURE_CODING"},
    }
    if switches.booster_cents is not None:
        body["boosterWallet"] = _wallet(switches.booster_cents)
    return body


def _detail(switches: Switches, used: int, reset: str) -> dict[str, str]:
    detail = {"limit": "100", "used": str(used), "remaining": str(100 - used), "resetTime": reset}
    detail.pop(switches.usages_without, None)
    return detail


def _wallet(cents: int) -> dict[str, Any]:
    """Return the wallet, its amounts in cents times a million; half of it is spent."""
    return {
        "balance": {
            "type": "BOOSTER",
            "amount": str(cents * 2 * MICROS_PER_CENT),
            "amountLeft": str(cents * MICROS_PER_CENT),
        },
        "monthlyChargeLimit": {"priceInCents": str(cents * 4), "currency": "USD"},
        "monthlyUsed": {"priceInCents": str(cents), "currency": "USD"},
        "monthlyChargeLimitEnabled": True,
    }


def _ratios(switches: Switches, now: datetime) -> dict[str, Any]:
    five_hours, week = _used(switches)
    five_hours_reset, week_reset = _resets(switches, now)
    month = {"used_ratio": week / 100, "reset_time": week_reset}
    return {
        "limit_5h": {"used_ratio": five_hours / 100, "reset_time": five_hours_reset},
        "limit_7d": {"used_ratio": week / 100, "reset_time": week_reset},
        "limit_month_total": month,
        "limit_month_code": dict(month),
    }
