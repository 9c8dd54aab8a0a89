"""
The wizard, a function of a Prompter: questions to a person, and a Plan as the answer.

Nothing is written before the last answer, so Ctrl-C and the end of input leave every file
as it was.
"""

from collections.abc import Callable
from dataclasses import replace
from functools import partial
from typing import TypeVar

from agent.base_url import hide_password
from agent.catalog import PROVIDERS
from agent.catalog.kimi_models import COMPILED
from agent.catalog.rows import EndpointRow, ProviderRow
from agent.choice import Candidate, Origin
from agent.errors import AuthError, HermesError, UsageError
from agent.keys import ApiKey
from agent.route import Route, endpoint_of_key
from hermes_cli.auth import Flags, find_provider, key_candidates
from hermes_cli.config import read_settings, unset_line
from hermes_cli.models import read_facts
from hermes_cli.plan import (
    Choice,
    Plan,
    Task,
    base_url_of,
    clean_key,
    contradiction,
    is_usual,
    place_name,
    plan_of,
    save,
    with_base_url,
    with_model,
)
from hermes_cli.ui.prompt import InputEnded, Prompter

T = TypeVar("T")


def task_for(flags: Flags) -> Task:
    """
    Return the task for the provider that the flags name, the first one if none or `auto`.

    Raises AuthError for an unknown provider, UsageError for one without keys, and
    BrokenFile.
    """
    is_named = flags.provider.strip().lower() not in ("", "auto")
    row = find_provider(flags.provider) if is_named else PROVIDERS[0]
    if not row.key_variables:
        raise UsageError(
            f"{row.name} needs no key.", remedy=f"Run `hermes chat --provider {row.id}`."
        )
    return Task(row=row, settings=read_settings(), facts=read_facts(), flags=flags)


def run_wizard(prompter: Prompter, flags: Flags | None = None) -> None:
    """Ask everything, write what was confirmed, and say so; raises what `wizard` raises."""
    plan = wizard(prompter, task_for(flags or Flags()))
    save(plan)
    for text, style in plan.lines:
        prompter.say(text, style)


def wizard(prompter: Prompter, task: Task) -> Plan:
    """
    Ask a person for a key, its endpoint and a model, and return what to write.

    Raises InputEnded or KeyboardInterrupt with nothing changed, AuthError for a key that
    was refused, and UsageError for an answer that is none, after `prompter.tries`.
    """
    current = _introduce(prompter, task)
    choice = _with_tries(prompter, partial(_ask_key, prompter, task, current))
    choice = _ask_endpoint(prompter, task, choice)
    choice = _ask_switch(prompter, task, choice)
    if choice.switch:
        choice = _ask_model(prompter, task, choice)
    return plan_of(task, choice)


def endpoints_in_order(row: ProviderRow) -> tuple[EndpointRow, ...]:
    """Return each product's first endpoint, then the regional twins: the numbers of the wizard."""
    mains = {endpoint.product: endpoint for endpoint in reversed(row.endpoints)}.values()
    return tuple(sorted(row.endpoints, key=lambda endpoint: endpoint not in mains))


def _with_tries(prompter: Prompter, attempt: Callable[[], T]) -> T:
    """Return what the attempt returns; say why it failed and repeat it while there are tries."""
    for left in range(prompter.tries - 1, 0, -1):
        try:
            return attempt()
        except InputEnded:
            raise
        except HermesError as error:
            more = f"{left} more {'tries' if left > 1 else 'try'}"
            prompter.say(f"{error.message} ({more})", "red")
    return attempt()


# --- the key ------------------------------------------------------------------------------


def _introduce(prompter: Prompter, task: Task) -> Candidate[ApiKey] | None:
    """Say what can be set and what is set; return the key in use, or None."""
    row, settings = task.row, task.settings
    prompter.say(f"{row.name}: paste a key; the key alone decides the endpoint.", "bold")
    products = {endpoint.product for endpoint in row.endpoints}
    for number, endpoint in enumerate(endpoints_in_order(row), start=1):
        if number == len(products) + 1:
            prompter.say("  and their twins in another region, which only you can choose:")
        keys = ""
        if number <= len(products) > 1:
            keys = f"{endpoint.key_prefix}… keys" if endpoint.key_prefix else "all other keys"
        prompter.say(_endpoint_line(number, endpoint, keys))
    prompter.say(
        "Nothing is called now: the key is saved unchecked, and goes out with your first prompt."
    )
    prompter.say(f"The key will be kept in {task.key_file}, for you alone (0600).")
    for sentence in filter(None, (settings.neighbour, *settings.notices)):
        prompter.say(sentence, "yellow")
    try:
        current = next(iter(key_candidates(row, settings)), None)
    except AuthError as error:
        prompter.say(error.message, "yellow")
        return None
    if current is not None:
        prompter.say(f"Set now: {_what_is_set(task, current)}.")
    return current


def _endpoint_line(number: int, endpoint: EndpointRow, keys: str) -> str:
    name = endpoint.name.removesuffix(" endpoint")
    return f"  {number}  {name:<20}  {endpoint.base_urls[0][1]:<29}  {keys or endpoint.region}"


def _what_is_set(task: Task, key: Candidate[ApiKey]) -> str:
    words = f"the key {key.value.fingerprint} ({key.name}, {key.where})"
    try:
        route = task.route(Choice(key=key, base_urls=task.base_urls))
    except HermesError:
        return words  # a base URL that cannot be used is told when the endpoint is asked for
    model = f"; model {route.model.value}" if route.model.value else ""
    return f"{words}; {place_name(route)}{model}"


def _ask_key(prompter: Prompter, task: Task, current: Candidate[ApiKey] | None) -> Choice:
    hint = "hidden"
    if current is not None:
        hint = "hidden; Enter keeps the one that is set"
    elif not task.row.key_needed:
        hint = "hidden; Enter for none"
    pasted = prompter.ask_secret(f"Key ({hint})")
    if not pasted.strip() and (current is not None or not task.row.key_needed):
        return Choice(key=current)
    key, taken = clean_key(task, pasted)
    if taken:
        prompter.say(f"Taken off the paste: {', '.join(taken)}.", "yellow")
    if not is_usual(task.row, key):
        begin = f"begin with {task.row.usual_key_prefix}, and this one does not"
        question = f"Keys of {task.row.name} {begin}. Save it anyway?"
        if not prompter.confirm(question, default=False):
            raise AuthError(
                "The key was not taken; nothing was saved.", remedy="`hermes setup` asks again."
            )
    return Choice(key=task.new_key(key), is_new=True)


# --- the endpoint -------------------------------------------------------------------------


def _ask_endpoint(prompter: Prompter, task: Task, choice: Choice) -> Choice:
    """Return the choice with its endpoint: a base URL that is set is kept unless let go."""
    if task.flags.base_url:
        choice = replace(choice, base_urls=task.base_urls)
        return _confirmed(prompter, task, choice, base_url_of(task.row, task.flags.base_url))
    remaining = task.base_urls
    dropped: list[Candidate[str]] = []
    while remaining:
        if _is_kept(prompter, task, choice, remaining[0]):
            return replace(choice, base_urls=remaining, dropped=tuple(dropped))
        dropped.append(remaining[0])
        remaining = remaining[1:]
    choice = replace(choice, dropped=tuple(dropped))
    detected = endpoint_of_key(task.row, choice.key.value if choice.key else None)
    if detected is not None:
        why = task.route(choice).base_url.why
        prompter.say(
            f"This key goes to the {detected.name}, {detected.base_urls[0][1]}: {why}.", "bold"
        )
    return _with_tries(prompter, partial(_ask_address, prompter, task, choice, detected))


def _is_kept(prompter: Prompter, task: Task, choice: Choice, wish: Candidate[str]) -> bool:
    """Show a base URL that is set, say whether it contradicts the key, and ask."""
    is_url = "://" in wish.value
    value = hide_password(wish.value) if is_url else "a value that is no URL"
    prompter.say(f"{wish.name} is set ({wish.where}): {value}")
    try:
        notices = task.route(replace(choice, base_urls=(wish,))).notices
    except HermesError as error:
        notices = (error.message,) if is_url else ()
    else:
        notices = notices or ("It does not contradict the key.",)
    for sentence in notices:
        prompter.say(sentence, "yellow")
    if prompter.confirm("Keep it?", default=True):
        return True
    if wish.origin is Origin.ENVIRONMENT:
        prompter.say(f"Only the shell can drop it: `{unset_line(wish.name)}`.")
    return False


def _ask_address(
    prompter: Prompter, task: Task, choice: Choice, detected: EndpointRow | None
) -> Choice:
    ordered = endpoints_in_order(task.row)
    options = [f"Enter = {detected.name}"] if detected else []
    options += [f"1-{len(ordered)}"] if len(ordered) > 1 else []
    answer = prompter.ask(f"Endpoint [{', '.join([*options, 'or a URL'])}]")
    if not answer and detected is not None:
        return choice
    if answer.isdecimal() and len(ordered) > 1:
        if not 1 <= int(answer) <= len(ordered):
            raise UsageError(
                f"The endpoints have the numbers 1 to {len(ordered)}.",
                remedy="`hermes setup` asks again.",
            )
        url = ordered[int(answer) - 1].base_urls[0][1]
    else:
        url = base_url_of(task.row, answer)
    return _confirmed(prompter, task, choice, url)


def _confirmed(prompter: Prompter, task: Task, choice: Choice, url: str) -> Choice:
    """Return the choice with the base URL; one that contradicts the key must be confirmed."""
    against = contradiction(task.row, choice.key, url)
    if against:
        prompter.say(against, "yellow")
        if not prompter.confirm("Send the key there all the same?", default=False):
            raise UsageError(
                "The endpoint was not confirmed; nothing was changed.",
                remedy="`hermes setup` asks again; Enter takes the endpoint of the key.",
            )
    return with_base_url(task, choice, url)


# --- the provider and the model -----------------------------------------------------------


def _ask_switch(prompter: Prompter, task: Task, choice: Choice) -> Choice:
    """Ask before another provider than the configured one comes into use."""
    configured = task.configured
    if configured is None or task.is_configured:
        return choice
    prompter.say(f"The provider in use is {configured.value} ({configured.where}).")
    return replace(choice, switch=prompter.confirm(f"Use {task.row.id} instead?", default=True))


def _ask_model(prompter: Prompter, task: Task, choice: Choice) -> Choice:
    if task.flags.model:
        return with_model(task, choice, task.flags.model)
    offered = _show_models(prompter, task, choice)
    default = offered[0] if offered else ""
    if task.model is not None:
        error = task.route(choice).model_error
        prompter.say(f"Set now: {task.model.value} ({task.model.where}).")
        if error is None:
            default = task.model.value
        else:
            prompter.say(error.message, "yellow")
    return _with_tries(prompter, partial(_ask_id, prompter, task, choice, offered, default))


def _ask_id(
    prompter: Prompter, task: Task, choice: Choice, offered: tuple[str, ...], default: str
) -> Choice:
    options = f"Enter = {default}" if default else "Enter to choose later"
    numbers = f", 1-{len(offered)}" if offered else ""
    answer = prompter.ask(f"Model [{options}{numbers} or an id]", default)
    if not answer:
        return choice
    if answer.isdecimal():
        if not 1 <= int(answer) <= len(offered):
            raise UsageError(
                f"The models have the numbers 1 to {len(offered)}.",
                remedy="`hermes models` lists them.",
            )
        answer = offered[int(answer) - 1]
    return with_model(task, choice, answer)


def _show_models(prompter: Prompter, task: Task, choice: Choice) -> tuple[str, ...]:
    """Print the models under their numbers, and return their ids in that order."""
    route = task.route(choice)
    ours = [row.id for row in task.row.models]
    if route.live is not None:
        heading = f"In the endpoint's own list of {route.live.at[:10]}:"
        found = [entry.id for entry in route.live.models]
    else:
        heading = f"Known of this endpoint when this version shipped ({COMPILED}):"
        found = [row.id for row in route.endpoint.models if not row.last_day]
    theirs = [model_id for model_id in found if model_id not in ours]
    width = max((len(model_id) for model_id in (*ours, *theirs)), default=0)
    for number, model_id in enumerate((*ours, *theirs), start=1):
        if number == 1 and ours:
            prompter.say("Models, their windows in tokens, and where each number comes from:")
        if number == len(ours) + 1:
            prompter.say(heading)
        about = _about_model(task.route(choice, model_id))
        prompter.say(f"  {number:>2}  {model_id:<{width}}  {about}")
    return (*ours, *theirs)


def _about_model(route: Route) -> str:
    """Return a model's window, where the number comes from, and what else is known."""
    source = route.window.where.removesuffix(f" {route.model.value}")
    words = []
    if route.model_row is not None and route.model_row.standing:
        words.append(route.model_row.standing)
    if route.is_alias:
        words.append(f"sent as {route.model_id_sent}")
    if route.live is not None and route.live.model(route.model_id_sent) is None:
        words.append("not offered to this key")
    return f"{route.window.value:>9,}  {source}  {', '.join(words)}".rstrip()
