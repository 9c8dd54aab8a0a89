"""A key on entry: cleaned, who is asked about it, the asking, a key that comes without a person."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime

import msgspec

from agent.catalog.rows import EndpointRow, ProviderRow
from agent.errors import AuthError, NetworkError, ProviderError
from agent.key_hosts import check_mark
from agent.keys import ApiKey, clean_paste
from agent.route import Route, foreign_vendor
from hermes_cli.answers import home_of, host_of, refusal
from hermes_cli.check import (
    Checked,
    Verdict,
    ask_quota,
    at_endpoints,
    check,
    knows_region,
    may_probe,
    regions,
)
from hermes_cli.plan import (
    Choice,
    Plan,
    Task,
    base_url_of,
    plan_of,
    with_base_url,
    with_model,
)
from hermes_cli.probe_wish import probe_wish
from hermes_cli.ui.prompt import spinner
from hermes_cli.ui.usage_lines import left_warnings, left_words


class Left(msgspec.Struct, frozen=True):
    """What is left of a plan or a balance: one line, and sentences of what is used up."""

    line: str
    warnings: tuple[str, ...] = ()


def clean_key(task: Task, pasted: str) -> tuple[str, tuple[str, ...]]:
    """Return the key in a paste and what was taken off. Raises AuthError, never with the key."""
    try:
        text, taken = clean_paste(pasted)
        check_mark(task.row, ApiKey(text))
    except AuthError as error:
        # The advice there is for the first provider's wizard.
        raise AuthError(
            error.message, remedy=error.remedy.replace("hermes setup", task.again)
        ) from None
    vendor = foreign_vendor(task.row, ApiKey(text))
    if vendor:
        other = f"{task.command} --provider ID"
        raise AuthError(
            f"This looks like a key of {vendor}, not of {task.row.name}. Nothing was saved.",
            remedy=f"`hermes providers` lists the others; `{other}` takes one.",
        )
    return text, taken


def is_usual(row: ProviderRow, key: str) -> bool:
    """Say whether a key begins as this provider's keys do, if they have a beginning."""
    return not row.usual_key_prefix or ApiKey(key).starts_with(row.usual_key_prefix)


def may_ask(task: Task, route: Route) -> bool:
    """Say whether anybody is asked about a new key at a Route's endpoint."""
    return not task.unchecked and route.endpoint.lists_models


def homes(task: Task, route: Route) -> tuple[EndpointRow, ...]:
    """
    Return the endpoints that a new key may belong to, the one of the rule first.

    One alone if the user named it, or if the key's region is known and `--probe` does not ask
    for all.
    """
    if task.flags.base_url or (knows_region(route) and not task.probe):
        return (route.endpoint,)
    return regions(route)


def is_allowed(task: Task, route: Route) -> bool:
    """Say whether every region of the key's product may be asked without another question."""
    return task.probe or may_probe(route, task.settings, task.facts)


def is_question(task: Task, route: Route) -> bool:
    """Say whether a person is to be asked before every region is."""
    return not is_allowed(task, route) and probe_wish(task.row, task.settings) != "never"


def ask(task: Task, choice: Choice, endpoints: Sequence[EndpointRow]) -> Choice:
    """
    Ask the endpoints about the choice's key, in parallel; return the choice with the answers.

    Raises EgressRefused for an endpoint that the key may not go to.
    """
    route = task.route(choice)
    hosts = " and ".join(host_of(each) for each in endpoints)
    with spinner(f"Asking {hosts}"):
        checked = check(at_endpoints(route, endpoints))
    return replace(choice, checked=(*choice.checked, checked))


def require_taken(task: Task, route: Route, checked: Checked, *, probe: str) -> None:
    """
    Raise the endpoint's error, with what to do, if everybody who was asked refused the key.

    `probe` is the command that asks every region.
    """
    if checked.verdict is not Verdict.REFUSED:
        return
    asked = [answer.endpoint for answer in checked.answers]
    possible = () if task.flags.base_url else regions(route)
    unasked = [each for each in possible if each not in asked]
    raise refusal(checked, unasked, probe=probe, again=task.again)


def ask_left(choice: Choice, checked: Checked, place: str = "") -> tuple[Choice, Left | None]:
    """
    Ask the endpoint that took the key, once, what is left there; None where nobody tells.

    `place` is the id of the one that was chosen if several took it. The choice that is returned
    holds the answer, to be remembered with it.
    """
    home = home_of(checked, place)
    if home is None or not home.endpoint.usage_path:
        return choice, None
    endpoint = home.endpoint
    try:
        with spinner(f"Asking {host_of(endpoint)} what is left"):
            left = ask_quota(home.route)
    except (ProviderError, NetworkError) as error:
        return choice, Left(f"not told: {error.message}")
    if left is None:
        return choice, None
    now = datetime.now(UTC)
    words = left_words(left, endpoint.balance_currency, now=now)
    told = Left(words, tuple(left_warnings(endpoint, left)))
    return replace(choice, left=(home.route, left, now)), told


# --- without a person ---------------------------------------------------------------------


def take_key(task: Task, pasted: str, *, any_key: bool) -> Plan:
    """
    Return what to write for a key from a pipe, where the flags are the answers.

    Raises AuthError for a key that cannot be one and, unless `any_key`, for one without the
    provider's usual beginning; UsageError for a base URL or a model that cannot be;
    ProviderError for a key that was refused.
    """
    key, taken = clean_key(task, pasted)
    told = (*((f"Taken off: {', '.join(taken)}.",) if taken else ()), *_switched(task))
    if not any_key and not is_usual(task.row, key):
        raise AuthError(
            f"The key does not begin with {task.row.usual_key_prefix}, as keys of "
            f"{task.row.name} do. Nothing was saved.",
            remedy=f"`{task.again} --key-stdin --any-key < FILE` saves it as it is.",
        )
    choice = Choice(key=task.new_key(key), is_new=True, base_urls=task.base_urls)
    if task.flags.base_url:
        choice = with_base_url(task, choice, base_url_of(task, task.flags.base_url))
    choice = _with_named_model(task, choice)
    if not may_ask(task, task.route(choice)):
        return plan_of(task, choice, notices=(*told, *task.route(choice).notices))
    probe = f"{task.again} --key-stdin --probe < FILE"
    choice, notices = checked_choice(task, choice, probe=probe)
    # Its own list may lack what the shipped rows have.
    choice = _with_named_model(task, choice)
    choice, left = ask_left(choice, choice.checked[-1], choice.place)
    if left is not None:
        notices = (*notices, f"Left there: {left.line}", *left.warnings)
    return plan_of(task, choice, notices=(*told, *task.route(choice).notices, *notices))


def _switched(task: Task) -> tuple[str, ...]:
    """Return a sentence if another provider was in use, whose model goes along with it."""
    before = task.configured
    if before is None or task.is_configured:
        return ()
    model = task.settings.setting("model")
    own = f", and its model was {model.value}" if model else ""
    back = f"`hermes config set provider {before.value}` takes it back"
    was = f"The provider in use was {before.value} ({before.where}){own}"
    return (f"{was}; now it is {task.row.id}. {back}.",)


def _with_named_model(task: Task, choice: Choice) -> Choice:
    return with_model(task, choice, task.flags.model) if task.flags.model else choice


def checked_choice(task: Task, choice: Choice, *, probe: str) -> tuple[Choice, tuple[str, ...]]:
    """
    Ask about a key where no person answers; return the choice with what must be told.

    `probe` is the command that asks every region. Raises ProviderError for a key that was
    refused.
    """
    route = task.route(choice)
    found = homes(task, route)
    asked = found if is_allowed(task, route) else found[:1]
    choice = ask(task, choice, asked)
    checked = choice.checked[-1]
    require_taken(task, route, checked, probe=probe)
    if task.probe and len(asked) > 1:
        choice = replace(choice, consent=route.endpoint.product)
    if len(checked.accepted) < 2:
        return choice, checked.notices
    choice = replace(choice, place=checked.accepted[0].endpoint.id)
    others = " and ".join(host_of(each.endpoint) for each in checked.accepted[1:])
    first = checked.accepted[0].endpoint
    return choice, (
        *checked.notices,
        f"{others} took this key too; it goes to {host_of(first)}, the default. "
        f"`hermes config set providers.{task.row.id}.base_url URL` chooses another.",
    )
