"""The second proof of a key: one tiny chat, offered with its cost once everything is saved."""

import asyncio
from collections.abc import Sequence
from contextlib import aclosing, suppress

from agent.costs import cost_of, priced_row
from agent.errors import HermesError
from agent.events import BudgetRaised, Event, Finished, WireMoved
from agent.messages import Options, Usage, text_of, user
from agent.route import Route
from hermes_cli.answers import verdict_of
from hermes_cli.auth import Flags, route_for
from hermes_cli.check import Verdict
from hermes_cli.config import read_settings
from hermes_cli.models import read_facts
from hermes_cli.opening import open_client
from hermes_cli.plan import Plan
from hermes_cli.ui.prompt import InputEnded, Prompter, spinner
from hermes_cli.ui.sentences import sentence_of
from hermes_cli.ui.usage_lines import free_words, money, route_cost, usage_line

QUESTION = "Answer with the one word: yes."
PROMPT_TOKENS = 20
"""About what the question costs in tokens, with what every wire puts around it."""
BUDGET_TOKENS = 500
"""What the answer may have: some models think before they say one word."""


def offer_proof(prompter: Prompter, plan: Plan) -> None:
    """
    Offer a person to use a key that was accepted just now in a chat, and do it after a yes.

    What goes wrong is said and changes nothing: the key is saved.
    """
    choice = plan.choice
    accepted = verdict_of(choice.checked, plan.route.endpoint) is Verdict.ACCEPTED
    if not (prompter.is_person and accepted and choice.key):
        return
    provider = Flags(provider=plan.route.provider.value.id)
    route = route_for(provider, read_settings(), read_facts())
    if route.key is None or route.key.value != choice.key.value or route.model_error is not None:
        return  # the next chat would prove another key, or fail for another reason
    prompter.say(
        "One tiny question proves that the key can be used: at most "
        f"{PROMPT_TOKENS + BUDGET_TOKENS} tokens of {route.model_id_sent}, {_price_words(route)}."
    )
    yes = False
    with suppress(InputEnded):
        yes = prompter.confirm("Ask it?", default=False)
    if not yes:
        return
    try:
        with spinner(f"Asking {route.model_id_sent}"):
            events = asyncio.run(_events(route))
    except HermesError as error:
        prompter.say(f"Not answered: {error.message}", "red")
        prompter.say(f"{error.remedy} The key stays saved.")
        return
    _tell(prompter, route, events)


def _price_words(route: Route) -> str:
    """Return what the question costs at most, in words."""
    most = Usage(prompt_tokens=PROMPT_TOKENS, completion_tokens=BUDGET_TOKENS)
    sent = route.model_id_sent
    cost = cost_of(most, priced_row(route.endpoint, served=sent, asked=sent))
    if cost is None:
        return "at a price that is not known here"
    return "part of your quota" if cost.covered else f"under {money(cost.amount, cost.currency)}"


def _least_effort(route: Route) -> str:
    """Return the word for as little thinking as the model takes, or nothing."""
    row = route.row_sent
    if row is None:
        return ""
    if row.thinking == "both":
        return "off"
    return row.efforts[0] if row.efforts else ""


async def _events(route: Route) -> list[Event]:
    """Ask once, and return what happened; an answer that would need more tokens is left."""
    options = Options(effort=_least_effort(route), budget_tokens=BUDGET_TOKENS)
    happened: list[Event] = []
    async with (
        open_client(route, retries=0) as client,
        aclosing(client.stream([user(QUESTION)], options=options)) as events,
    ):
        async for event in events:
            happened.append(event)
            if isinstance(event, BudgetRaised):
                break
    return happened


def _tell(prompter: Prompter, route: Route, events: Sequence[Event]) -> None:
    for event in events:
        match event:
            case WireMoved():
                prompter.say(sentence_of(event), "magenta")
            case BudgetRaised():
                prompter.say(
                    f"{route.model_id_sent} took the question and thought for all "
                    f"{BUDGET_TOKENS} tokens: the key can be used."
                )
            case Finished():
                first = text_of(event.message).strip().partition("\n")[0]
                cost = route_cost(route, event.model, event.usage)
                served = event.model or route.model_id_sent
                prompter.say(f"It answered: {first or '(nothing)'}")
                prompter.say(usage_line(served, event.usage, cost, free=free_words(route)), "dim")
                prompter.say("So the key can be used, now and with this model.")
            case _:
                pass
