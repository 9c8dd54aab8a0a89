"""`hermes usage`: what is left of the plan's windows or of the balance, asked once."""

import asyncio
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import click

from agent.errors import UsageError
from agent.route import Route
from agent.usage import Balance, PlanUsage, Window, read_balance, read_plan
from hermes_cli.auth import Flags
from hermes_cli.check import remember_left
from hermes_cli.config import read_settings
from hermes_cli.models import read_facts
from hermes_cli.opening import open_client
from hermes_cli.report import JSON_OPTION, aligned, route_to_show, shown_base_url, tell_notices
from hermes_cli.runtime_provider import require_key
from hermes_cli.ui.style import notice, print_json, say
from hermes_cli.ui.usage_lines import balance_lines, left_warnings, plan_lines


@click.command("usage")
@click.option("--provider", default="", metavar="ID", help="Instead of the chosen one.")
@click.option("--base-url", default="", metavar="URL", help="Instead of the key's own.")
@JSON_OPTION
def command(provider: str, base_url: str, as_json: bool) -> None:
    """Ask the endpoint, once, what is left of the plan or the balance.

    Of a plan: its windows, each with the part that is used and when it starts anew. Of an
    account: its balance, in the currency of its region.
    """
    settings = read_settings()
    flags = Flags(provider=provider, base_url=base_url)
    route = route_to_show(flags, settings, read_facts())
    tell_notices(route, settings)
    require_key(route)
    if not route.endpoint.usage_path:
        raise UsageError(
            f"The {route.endpoint.name} does not tell what is left, as far as we know.",
            remedy="`hermes status` shows which endpoint is in use; in a conversation, /usage "
            "shows what it used.",
        )
    now = datetime.now(UTC)
    body = asyncio.run(_ask(route))
    plan = read_plan(body) if route.endpoint.usage_shape == "plan" else None
    balance = read_balance(body) if plan is None else None
    if plan is not None:
        remember_left(route, plan, at=now)
    if as_json:
        _print_document(route, plan, balance, now)
        return
    level = f"  {plan.level} plan" if plan and plan.level else ""
    say(f"{route.endpoint.name}  {shown_base_url(route)}{level}", style="bold")
    told = plan_lines(plan, now=now) if plan else []
    told += balance_lines(balance, route.endpoint.balance_currency) if balance else []
    for line in aligned(told):
        say(line)
    for sentence in left_warnings(route.endpoint, plan or balance):
        notice(sentence)


async def _ask(route: Route) -> bytes:
    async with open_client(route) as client:
        return await client.fetch(route.endpoint.usage_path)


def _print_document(
    route: Route, plan: PlanUsage | None, balance: Balance | None, now: datetime
) -> None:
    endpoint = route.endpoint
    print_json(
        {
            "endpoint": {"id": endpoint.id, "name": endpoint.name, "region": endpoint.region},
            "asked_at": now.isoformat(timespec="seconds"),
            "plan": plan and _plan_document(plan),
            "balance": balance
            and {
                "currency": endpoint.balance_currency,
                "available": float(balance.available),
                "voucher": _number(balance.voucher),
                "cash": _number(balance.cash),
            },
            "warnings": left_warnings(route.endpoint, plan or balance),
        }
    )


def _plan_document(plan: PlanUsage) -> dict[str, Any]:
    wallet = plan.wallet
    return {
        "level": plan.level,
        "windows": [_window_document(window) for window in plan.windows],
        "disputed": [_window_document(window) for window in plan.disputed],
        "wallet": wallet
        and {
            "currency": wallet.currency,
            "left": _number(wallet.left),
            "month_limit": _number(wallet.month_limit),
        },
    }


def _window_document(window: Window) -> dict[str, Any]:
    moment = window.resets_at
    return {
        "name": window.name,
        "shape": window.shape,
        "used_share": _number(window.used_share),
        "used": _number(window.used),
        "limit": _number(window.limit),
        "resets_at": moment.astimezone(UTC).isoformat(timespec="seconds") if moment else None,
    }


def _number(number: Decimal | None) -> float | None:
    return None if number is None else float(number)
