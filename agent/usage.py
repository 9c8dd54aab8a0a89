"""What is left of a plan or a balance: answers in every known shape → one value; no I/O."""

from collections.abc import Iterable, Iterator, Sequence
from datetime import UTC, datetime
from decimal import Decimal, InvalidOperation
from typing import Any, Literal

import msgspec
from msgspec.structs import replace

from agent.errors import ServerFailed

Shape = Literal["counts", "ratios"]

_MINUTE, _HOUR, _DAY, _WEEK = 60, 3_600, 86_400, 604_800
_UNITS = {"MINUTE": _MINUTE, "HOUR": _HOUR, "DAY": _DAY, "WEEK": _WEEK}
# The shape of September 2026; `limit_7d` and the sums of the month are not always there.
_RATIOS = {
    "limit_5h": "5 hours",
    "limit_7d": "7 days",
    "limit_month_total": "month",
    "limit_month_code": "month, code",
}
_WEEK_NAME = _RATIOS["limit_7d"]
_SAME = Decimal("0.01")
_MOST_DIGITS = 15
"""Shares that differ by less are the same one, rounded."""

_WALLET_UNIT = Decimal(10) ** 8
"""Wallet amounts are millionths of a cent."""

_MILLISECONDS_SINCE = 10**11
"""A moment as large as this is in milliseconds: in seconds it would be the year 5138."""


class Window(msgspec.Struct, frozen=True, kw_only=True):
    """
    One window of a plan, such as 5 hours, as one of the two shapes tells it.

    `used_share` is 0 to 1 and may be above; None if the answer does not tell. `used` and
    `limit` are in the plan's own units, None in the shape of ratios. `resets_at` is None if
    not told.
    """

    name: str
    shape: Shape
    used_share: Decimal | None
    used: Decimal | None = None
    limit: Decimal | None = None
    resets_at: datetime | None = None


class Wallet(msgspec.Struct, frozen=True, kw_only=True):
    """Extra usage that is paid for, in `currency` (empty if not told); None is not told."""

    left: Decimal | None
    currency: str = ""
    month_limit: Decimal | None = None


class PlanUsage(msgspec.Struct, frozen=True, kw_only=True):
    """
    What is left of a plan.

    `windows` are the ones to go by, the shortest first. Where the two shapes tell of one
    window differently, the fuller one is among them and the other in `disputed`: 0 was seen in
    one shape and 100 of 100 in the other while calls were refused (kimi-code#3951). `level`
    is the membership in the endpoint's word, lower case, or empty.
    """

    windows: tuple[Window, ...]
    disputed: tuple[Window, ...] = ()
    level: str = ""
    wallet: Wallet | None = None

    @property
    def used_up(self) -> tuple[Window, ...]:
        """The windows with nothing left."""
        return tuple(
            window
            for window in self.windows
            if window.used_share is not None and window.used_share >= 1
        )


class Balance(msgspec.Struct, frozen=True, kw_only=True):
    """An account's money; at 0 or below `available`, calls are refused. `cash` may be negative."""

    available: Decimal
    voucher: Decimal | None = None
    cash: Decimal | None = None

    @property
    def is_used_up(self) -> bool:
        """Whether calls are refused for want of money."""
        return self.available <= 0


def read_plan(body: bytes) -> PlanUsage:
    """
    Return what a plan's usage answer says, in the classic shape, the new one, or both.

    Numbers may be decimal strings; `used` or `remaining` may be missing. Raises ServerFailed
    for an answer without a single window.

    Source: contract 8; kimi-code managed-usage.ts, ai-usagebar#199, quota-axi#201.
    """
    document = _document(body)
    windows, disputed = _settled([*_counted(document), *_ratios(document)])
    if not windows:
        raise _unreadable("it names no window", body)
    level = _text(_table(_table(document.get("user")).get("membership")).get("level"))
    return PlanUsage(
        windows=windows,
        disputed=disputed,
        level=level.removeprefix("LEVEL_").replace("_", " ").lower(),
        wallet=_wallet(_table(document.get("boosterWallet"))),
    )


def read_balance(body: bytes) -> Balance:
    """
    Return what a balance answer says. Raises ServerFailed for one without a balance.

    Source: platform docs, /users/me/balance, read 2026-09.
    """
    amounts = _table(_document(body).get("data"))
    available = _number(amounts.get("available_balance"))
    if available is None:
        raise _unreadable("it names no balance", body)
    return Balance(
        available=available,
        voucher=_number(amounts.get("voucher_balance")),
        cash=_number(amounts.get("cash_balance")),
    )


def _counted(document: dict[str, Any]) -> Iterator[Window]:
    """Yield the windows of the classic shape: the week, and a list of others."""
    week = _table(document.get("usage"))
    if week:
        yield _of_counts(_WEEK_NAME, week)
    limits = document.get("limits")
    for entry in limits if isinstance(limits, list) else ():
        span, detail = _table(_table(entry).get("window")), _table(_table(entry).get("detail"))
        if detail:
            yield _of_counts(_span_name(span), detail)


def _of_counts(name: str, detail: dict[str, Any]) -> Window:
    limit, used = _number(detail.get("limit")), _number(detail.get("used"))
    remaining = _number(detail.get("remaining"))
    if used is None and limit is not None and remaining is not None:
        used = limit - remaining
    if limit is None and used is not None and remaining is not None:
        limit = used + remaining
    return Window(
        name=name,
        shape="counts",
        used_share=used / limit if used is not None and limit else None,
        used=used,
        limit=limit,
        resets_at=_moment(detail.get("resetTime")),
    )


def _ratios(document: dict[str, Any]) -> Iterator[Window]:
    """Yield the windows of the new shape; one that we do not know keeps its own name."""
    for key, value in _table(document.get("usages")).items():
        entry = _table(value)
        share = _number(entry.get("used_ratio"))
        if entry and (share is not None or "reset_time" in entry):
            yield Window(
                name=_RATIOS.get(key, _text(key.removeprefix("limit_").replace("_", " "))),
                shape="ratios",
                used_share=share,
                resets_at=_moment(entry.get("reset_time")),
            )


def _settled(told: Iterable[Window]) -> tuple[tuple[Window, ...], tuple[Window, ...]]:
    """Return one window a name, the fullest, in a usual order; and those that disagree with it."""
    by_name: dict[str, list[Window]] = {}
    for window in told:
        by_name.setdefault(window.name, []).append(window)
    order = list(_RATIOS.values())
    names = sorted(by_name, key=lambda name: order.index(name) if name in order else len(order))
    chosen, disputed = [], []
    for name in names:
        alike, others = _compared(by_name[name])
        resets_at = next((window.resets_at for window in by_name[name] if window.resets_at), None)
        chosen.append(replace(alike[0], resets_at=alike[0].resets_at or resets_at))
        disputed += others
    return tuple(chosen), tuple(disputed)


def _compared(told: Sequence[Window]) -> tuple[list[Window], list[Window]]:
    """Return the fullest of some windows with those that agree, and the ones that do not."""
    shares = [window.used_share for window in told if window.used_share is not None]
    if not shares:
        return list(told), []
    known = [window for window in told if window.used_share is not None]
    alike = [window for window in known if max(shares) - (window.used_share or 0) < _SAME]
    return alike, [window for window in known if window not in alike]


def _span_name(span: dict[str, Any]) -> str:
    """Return a window's length in words, in the largest unit that divides it."""
    duration, unit = _number(span.get("duration")), _text(span.get("timeUnit"))
    seconds = (duration or 0) * _UNITS.get(unit.removeprefix("TIME_UNIT_"), 0)
    for length, word in ((_DAY, "day"), (_HOUR, "hour"), (_MINUTE, "minute")):
        if seconds and seconds % length == 0:
            count = int(seconds // length)
            return f"{count} {word}{'' if count == 1 else 's'}"
    return "another window"


def _wallet(wallet: dict[str, Any]) -> Wallet | None:
    if not wallet:
        return None
    left = _number(_table(wallet.get("balance")).get("amountLeft"))
    limit = _table(wallet.get("monthlyChargeLimit"))
    cents = _number(limit.get("priceInCents")) if wallet.get("monthlyChargeLimitEnabled") else None
    return Wallet(
        left=None if left is None else left / _WALLET_UNIT,
        currency=_text(limit.get("currency")),
        month_limit=None if cents is None else cents / 100,
    )


def _document(body: bytes) -> dict[str, Any]:
    try:
        document = msgspec.json.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise _unreadable(f"it is no JSON ({error})", body) from error
    if not isinstance(document, dict):
        raise _unreadable("it is no JSON object", body)
    return document


def _unreadable(why: str, body: bytes) -> ServerFailed:
    said = body[:500].decode("utf-8", "replace")
    return ServerFailed(
        f"The endpoint's answer about usage cannot be read: {why}. It said: {said}",
        remedy="`hermes status` names the endpoint; its console shows the usage too.",
        status=200,
        said=said,
    )


def _table(value: object) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}


def _text(value: object) -> str:
    return " ".join(value.split()) if isinstance(value, str) else ""


def _number(value: object) -> Decimal | None:
    """
    Return a number that may be a decimal string, exactly as written; None for anything else.

    Numbers that no account can have, beyond 10^15 or of endless digits, are anything else.
    """
    if isinstance(value, bool) or not isinstance(value, (int, float, str)):
        return None
    try:
        number = Decimal(str(value))
    except (InvalidOperation, ValueError):
        return None
    fits = number.is_finite() and abs(number.adjusted()) <= _MOST_DIGITS
    return number if fits or number == 0 else None


def _moment(value: object) -> datetime | None:
    """Return a moment that may be ISO 8601, or Unix time in seconds or milliseconds."""
    number = _number(value)
    try:
        if number is not None:
            seconds = number / 1_000 if number >= _MILLISECONDS_SINCE else number
            return datetime.fromtimestamp(float(seconds), UTC) if seconds > 0 else None
        moment = datetime.fromisoformat(_text(value))
    except (ValueError, OverflowError, OSError):
        return None
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)
