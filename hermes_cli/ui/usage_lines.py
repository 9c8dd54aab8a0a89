"""Tokens, money, shares and moments in words, for every place that shows them."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from decimal import Decimal

from agent.catalog.kimi_models import COMPILED
from agent.catalog.rows import EndpointRow
from agent.costs import CacheFall, Cost, Totals, cached_share, cost_of, priced_row
from agent.learnt import LearntPlan, PlanWindow
from agent.messages import Message, Usage
from agent.route import Route
from agent.usage import Balance, PlanUsage, Wallet, Window

_SYMBOLS = {"USD": "$", "CNY": "¥"}
_SMALLEST = Decimal("0.0001")
_BAR_CHARACTERS = 20
_FRESH_MINUTES = 5


def route_cost(route: Route, served: str, usage: Usage | None) -> Cost | None:
    """Return what an answer of a Route cost, by the id that served; None if not known."""
    row = priced_row(route.endpoint, served=served, asked=route.model_id_sent)
    return cost_of(usage, row)


def usage_line(model: str, usage: Usage | None, cost: Cost | None = None, *, free: str = "") -> str:
    """
    Return the model that served, what it used in tokens, and what that cost.

    `free` is said instead of money where the row's price is 0.
    """
    if usage is None:
        return f"{model} · tokens not told"
    cached = f" ({percent(cached_share(usage))} cached)" if usage.cached_tokens else ""
    line = f"{model} · {usage.prompt_tokens:,} tokens in{cached}, {usage.completion_tokens:,} out"
    words = cost_words(cost, free=free) if cost else ""
    return f"{line} · {words}" if words else line


def turn_line(model: str, turn: Totals, *, free: str = "", took: str = "") -> str:
    """Return what the answers of a turn used together; `took` is its duration in words."""
    told = turn.answers > turn.untold
    cost = turn.costs[0] if len(turn.costs) == 1 and not turn.unpriced else None
    line = usage_line(model, turn.usage if told else None, cost, free=free)
    if turn.answers < 2:
        return line
    return ", ".join(filter(None, (f"{line} · {turn.answers} requests", took)))


def free_words(route: Route) -> str:
    """Return why an answer with a price of 0 costs nothing."""
    return "free" if route.provider.value.runs_here else "covered by the plan"


def cost_words(cost: Cost, *, free: str) -> str:
    """Return the money of a cost, or why there is none."""
    return free if cost.covered else money(cost.amount, cost.currency)


def spent_words(totals: Totals, route: Route, plan: LearntPlan | None, *, now: datetime) -> str:
    """Return what a conversation cost in a few words; of a plan, what is known to be left."""
    left = known_left(plan, now=now) if plan else ""
    free = left or free_words(route)
    return " + ".join([cost_words(cost, free=free) for cost in totals.costs] or [left])


def cost_document(cost: Cost | None) -> dict[str, object] | None:
    """Return a cost for JSON, its amount a number in the currency's unit."""
    if cost is None:
        return None
    return {"currency": cost.currency, "amount": float(cost.amount), "covered": cost.covered}


def share_document(usage: Usage | None) -> float | None:
    """Return the cached share of a prompt for JSON, 0 to 1."""
    share = cached_share(usage)
    return None if share is None else round(share, 4)


def money(amount: Decimal, currency: str) -> str:
    """Return an amount with two digits after the point, or four if it is below one."""
    size = abs(amount)
    if 0 < size < _SMALLEST:
        text, sign = str(_SMALLEST), "<"
    else:
        text, sign = f"{size:,.2f}" if size >= 1 or not size else f"{size:.4f}", ""
    minus = "-" if amount < 0 else ""
    symbol = _SYMBOLS.get(currency)
    return f"{sign}{minus}{symbol}{text}" if symbol else f"{sign}{minus}{text} {currency}".rstrip()


def percent(share: float | Decimal | None) -> str:
    """Return a share of 0 to 1 in whole percents, rounded down; `<1 %` for a little."""
    if share is None:
        return "not told"
    return "<1 %" if 0 < share < 0.01 else f"{int(share * 100)} %"


def bar(share: Decimal | None) -> str:
    """Return a share of 0 to 1 as a bar of text; anything used shows, and only all is full."""
    if share is None:
        return f"[{'?' * _BAR_CHARACTERS}]"
    filled = int(share * _BAR_CHARACTERS)
    filled = max(filled, 1) if share > 0 else 0
    filled = min(filled, _BAR_CHARACTERS if share >= 1 else _BAR_CHARACTERS - 1)
    return f"[{'#' * filled}{'-' * (_BAR_CHARACTERS - filled)}]"


def moment_words(moment: datetime, *, now: datetime) -> str:
    """Return a moment in local time and how far off it is: `18:20, in 3 h 20 min`."""
    here, today = moment.astimezone(), now.astimezone()
    clock = f"{here:%H:%M}" if here.date() == today.date() else f"{here:%Y-%m-%d %H:%M}"
    minutes = int((moment - now).total_seconds() // 60)
    hours, days = minutes // 60, minutes // (24 * 60)
    if minutes < 0:
        return f"{clock}, which is past"
    if days:
        return f"{clock}, in {days} d {hours % 24} h"
    return f"{clock}, in {hours} h {minutes % 60} min" if hours else f"{clock}, in {minutes} min"


def plan_lines(plan: PlanUsage, *, now: datetime) -> list[tuple[str, str]]:
    """Return a plan's windows as pairs of a label and a bar with what it says, then the wallet."""
    told = []
    for window in plan.windows:
        told.append((window.name, _window_words(window, now=now)))
        told += [
            (
                "",
                f"{bar(other.used_share)} {percent(other.used_share):>5}  as its {other.shape} say",
            )
            for other in plan.disputed
            if other.name == window.name
        ]
    return told + (_wallet_lines(plan.wallet) if plan.wallet else [])


def balance_lines(balance: Balance, currency: str) -> list[tuple[str, str]]:
    """Return a balance as pairs of a label and an amount; what was not told is left out."""
    amounts = (
        ("available", balance.available),
        ("voucher", balance.voucher),
        ("cash", balance.cash),
    )
    return [(name, money(amount, currency)) for name, amount in amounts if amount is not None]


def known_left(plan: LearntPlan, *, now: datetime) -> str:
    """
    Return what is left of the fullest of a plan's windows, and how old that figure is.

    A window that has begun anew since tells nothing; empty if that is so of all.
    """
    told = [window for window in plan.windows if _is_under_way(window, now)]
    if not told:
        return ""
    fullest = max(told, key=lambda window: window.used_share)
    left = f"{fullest.name}: {percent(round(max(1 - fullest.used_share, 0.0), 6))} left"
    minutes = int((now - datetime.fromisoformat(plan.at)).total_seconds() // 60)
    return f"{left}, {_age_words(minutes)} ago" if minutes >= _FRESH_MINUTES else left


def _is_under_way(window: PlanWindow, now: datetime) -> bool:
    return not window.resets_at or datetime.fromisoformat(window.resets_at) > now


def _age_words(minutes: int) -> str:
    hours, days = minutes // 60, minutes // (24 * 60)
    return f"{days} d" if days else f"{hours} h" if hours else f"{minutes} min"


def left_words(left: PlanUsage | Balance, currency: str, *, now: datetime) -> str:
    """Return what is left of a plan or of a balance in `currency`, in one line."""
    if isinstance(left, Balance):
        return f"{money(left.available, currency)} available"
    return "; ".join(_share_words(window, now=now) for window in left.windows)


def left_warnings(endpoint: EndpointRow, left: PlanUsage | Balance | None) -> list[str]:
    """Return what stands between the user and the next answer, as sentences."""
    if left is None:
        return []
    if isinstance(left, Balance):
        if not left.is_used_up:
            return []
        return [f"Nothing is available, and calls are refused: {endpoint.console} takes money."]
    sentences = []
    if left.disputed:
        sentences.append(
            "The endpoint tells one window in two ways; the fuller one counts: calls were seen "
            "to be refused while the other said there was room."
        )
    sentences += [f"The window of {window.name} is used up." for window in left.used_up]
    return sentences


def _window_words(window: Window, *, now: datetime) -> str:
    words = f"{bar(window.used_share)} {percent(window.used_share):>5}"
    if window.used is not None and window.limit is not None:
        words += f"  {window.used:f} of {window.limit:f}"
    if window.resets_at is not None:
        words += f"  starts anew {moment_words(window.resets_at, now=now)}"
    return words


def _wallet_lines(wallet: Wallet) -> list[tuple[str, str]]:
    if wallet.left is None:
        return []
    limit = ""
    if wallet.month_limit is not None:
        limit = f", at most {money(wallet.month_limit, wallet.currency)} a month"
    return [("extra usage", f"{money(wallet.left, wallet.currency)} left{limit}")]


def _share_words(window: Window, *, now: datetime) -> str:
    words = f"{window.name}: {percent(window.used_share)} used"
    if window.resets_at is None:
        return words
    here = window.resets_at.astimezone()
    # Late in the evening a window of hours ends on the next day: the hour is what counts.
    is_near = window.resets_at - now < timedelta(days=1)
    return f"{words}, anew {f'at {here:%H:%M}' if is_near else f'on {here:%Y-%m-%d}'}"


def fall_sentence(fall: CacheFall, messages: Sequence[Message]) -> str:
    """Return the line that tells why less of a prompt came from the cache than before."""
    fell = f"The cached share fell from {percent(fall.before)} to {percent(fall.after)}"
    if fall.changed is None:
        return f"{fell}, though no message changed: the endpoint no longer had them."
    if fall.changed >= len(messages):
        return f"{fell}: message {fall.changed + 1} is no longer sent."
    role = messages[fall.changed].role
    return f"{fell}: message {fall.changed + 1} ({role}) is not what it was."


def totals_lines(totals: Totals, *, free: str) -> list[tuple[str, str]]:
    """Return what a conversation used so far, as pairs of a label and what it says."""
    usage = totals.usage
    lines = [("Answers", f"{totals.answers:,}")]
    if totals.answers > totals.untold:
        cached = f", {percent(cached_share(usage))} from the cache" if usage.prompt_tokens else ""
        thought = f", {usage.reasoning_tokens:,} of them thought" if usage.reasoning_tokens else ""
        lines.append(("Tokens in", f"{usage.prompt_tokens:,}{cached}"))
        lines.append(("Tokens out", f"{usage.completion_tokens:,}{thought}"))
        lines.append(("Cost", _costs_words(totals, free=free)))
    if totals.untold:
        lines.append(("Not told", f"the usage of {totals.untold:,} of them"))
    return lines


def _costs_words(totals: Totals, *, free: str) -> str:
    """Return the money of all currencies, and how many answers it leaves out."""
    words = " + ".join(cost_words(cost, free=free) for cost in totals.costs)
    if any(not cost.covered for cost in totals.costs):
        words += f" at the list prices of {COMPILED}"
    if not words:
        return "not known: no price is known here"
    return f"{words}; {totals.unpriced:,} without a known price" if totals.unpriced else words
