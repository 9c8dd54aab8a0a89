"""What the endpoint said to the key, and what it says is left of the plan or the balance."""

from datetime import datetime

from agent.errors import HermesError, NetworkError, NotFound
from agent.route import Route
from agent.usage import Balance, PlanUsage
from hermes_cli.check import ask_quota
from hermes_cli.doctor.asking import Asked
from hermes_cli.doctor.findings import Finding, Level, broken, failed, found, skipped
from hermes_cli.ui.usage_lines import moment_words, money, percent


def look_at_answer(asked: Asked) -> Finding:
    """Return whether the endpoint took the key, or the class of its refusal."""
    route, error = asked.route, asked.answer.error
    endpoint = route.chat_base_url
    if error is None:
        count = len(asked.answer.models)
        models = f"{count} model{'' if count == 1 else 's'}"
        told = f"key accepted, {models} listed; that proves neither funds nor quota"
        if route.key is None:
            told = f"{models} listed, without a key"
        return found("endpoint", "answer", told, endpoint=endpoint)
    if not asked.reached:
        return skipped("endpoint", "answer", "it was not reached", endpoint=endpoint)
    passes = error.retryable or (isinstance(error, NotFound) and not route.endpoint.product)
    level = Level.WARNING if passes else Level.BROKEN
    return failed("endpoint", "answer", error, level=level, endpoint=endpoint)


def look_at_account(asked: Asked) -> Finding:
    """Ask once what is left, where the key was taken and somebody tells; return what it says."""
    route = asked.route
    endpoint = route.chat_base_url
    if route.endpoint.usage_path and not asked.accepted:
        return skipped("account", "quota", "not asked: the key was not accepted", endpoint=endpoint)
    try:
        left = ask_quota(route)
    except HermesError as error:
        passes = error.retryable or isinstance(error, NetworkError)
        level = Level.WARNING if passes else Level.BROKEN
        return failed("account", "quota", error, level=level, endpoint=endpoint)
    if left is None:
        told = f"the {route.endpoint.name} does not tell what is left, as far as we know"
        return skipped("account", "quota", told, endpoint=endpoint)
    if isinstance(left, Balance):
        return balance_finding(left, route)
    return plan_finding(left, route, asked.at)


def balance_finding(balance: Balance, route: Route) -> Finding:
    """Return an account's money; at 0 or below calls are refused."""
    amount = money(balance.available, route.endpoint.balance_currency)
    if balance.available > 0:
        told = f"{amount} available"
        return found("account", "balance", told, endpoint=route.chat_base_url)
    return broken(
        "account",
        "balance",
        f"{amount} is available, and calls are refused: {route.endpoint.console} takes money.",
        "`hermes usage` shows the account anew.",
        endpoint=route.chat_base_url,
    )


def plan_finding(plan: PlanUsage, route: Route, now: datetime) -> Finding:
    """Return a plan's windows; one that is used up refuses calls until it starts anew."""
    endpoint = route.chat_base_url
    full = [each for each in plan.windows if each.used_share is not None and each.used_share >= 1]
    if full:
        resets = [
            f" (it starts anew {moment_words(each.resets_at, now=now)})" if each.resets_at else ""
            for each in full
        ]
        names = ", ".join(each.name + when for each, when in zip(full, resets, strict=True))
        return broken(
            "account",
            "quota",
            f"Used up, so calls are refused: {names}.",
            "`hermes usage` shows every window.",
            endpoint=endpoint,
        )
    used = ", ".join(f"{each.name} {percent(each.used_share)}" for each in plan.windows)
    level = f"{plan.level} plan; " if plan.level else ""
    return found("account", "quota", f"{level}used: {used}", endpoint=endpoint)
