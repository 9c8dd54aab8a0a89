"""
The wizard, a function of a Prompter: questions to a person, and a Plan as the answer.

Nothing is written before the last answer, so Ctrl-C and the end of input leave every file
as it was.
"""

from dataclasses import replace
from functools import partial

from agent.base_url import hide_password, place
from agent.catalog import PROVIDERS
from agent.catalog.rows import EndpointRow, ProviderRow
from agent.choice import Candidate, Origin
from agent.errors import AuthError, HermesError, ProviderError, UsageError
from agent.keys import ApiKey
from hermes_cli.answers import answer_lines, host_of, verdict_of
from hermes_cli.auth import Flags, find_provider
from hermes_cli.check import Verdict
from hermes_cli.config import read_settings, unset_line
from hermes_cli.entry import (
    Left,
    ask,
    ask_left,
    clean_key,
    homes,
    is_allowed,
    is_question,
    is_usual,
    may_ask,
    require_taken,
)
from hermes_cli.key_sources import key_candidates
from hermes_cli.models import read_facts
from hermes_cli.plan import (
    Choice,
    Plan,
    Task,
    base_url_of,
    contradiction,
    place_name,
    plan_of,
    save,
    with_base_url,
)
from hermes_cli.probe_wish import probe_wish
from hermes_cli.report import state_words
from hermes_cli.setup_model import ask_model
from hermes_cli.ui.prompt import Prompter, with_tries


def task_for(flags: Flags, *, probe: bool = False, unchecked: bool = False) -> Task:
    """
    Return the task for the provider that the flags name, the first one if none or `auto`.

    Raises AuthError for an unknown provider, UsageError for one without keys, and
    BrokenFile.
    """
    settings = read_settings()
    is_named = flags.provider.strip().lower() not in ("", "auto")
    row = find_provider(flags.provider, settings) if is_named else PROVIDERS[0]
    if not row.key_variables:
        raise UsageError(
            f"{row.name} needs no key.", remedy=f"Run `hermes chat --provider {row.id}`."
        )
    return Task(
        row=row,
        settings=settings,
        facts=read_facts(),
        flags=flags,
        probe=probe,
        unchecked=unchecked,
    )


def run_wizard(prompter: Prompter, flags: Flags | None = None) -> None:
    """Ask everything, write what was confirmed, say so; raises what `wizard` raises."""
    finish(prompter, wizard(prompter, task_for(flags or Flags())))


def finish(prompter: Prompter, plan: Plan) -> None:
    """Write a plan and say what was done. Raises ConfigurationError and BrokenFile."""
    save(plan)
    for text, style in plan.lines:
        prompter.say(text, style)


def wizard(prompter: Prompter, task: Task) -> Plan:
    """
    Ask a person for a key, its endpoint and a model, and return what to write.

    Endpoints are asked about a new key as the task and the person allow. Raises InputEnded
    or KeyboardInterrupt with nothing changed, AuthError for what cannot be a key,
    ProviderError for a key that was refused, and UsageError for an answer that is none,
    after `prompter.tries`.
    """
    current = _introduce(prompter, task)
    choice = with_tries(
        prompter, partial(_ask_about_key, prompter, task, current), (AuthError, ProviderError)
    )
    choice = _ask_endpoint(prompter, task, choice)
    choice = _ask_switch(prompter, task, choice)
    if choice.switch:
        choice = ask_model(prompter, task, choice)
    return plan_of(task, choice)


def endpoints_in_order(row: ProviderRow) -> tuple[EndpointRow, ...]:
    """Return each product's first endpoint, then the regional twins: the numbers of the wizard."""
    mains = {endpoint.product: endpoint for endpoint in reversed(row.endpoints)}.values()
    return tuple(sorted(row.endpoints, key=lambda endpoint: endpoint not in mains))


# --- the key ------------------------------------------------------------------------------


def _introduce(prompter: Prompter, task: Task) -> Candidate[ApiKey] | None:
    """Say what can be set and what is set; return the key in use, or None."""
    row, settings = task.row, task.settings
    prompter.say(f"{row.name}: paste a key; the key alone decides the endpoint.", "bold")
    products = {endpoint.product for endpoint in row.endpoints}
    for number, endpoint in enumerate(endpoints_in_order(row), start=1):
        if number == len(products) + 1:
            prompter.say("  and their twins in another region:")
        keys = ""
        if number <= len(products) > 1:
            keys = f"{endpoint.key_prefix}… keys" if endpoint.key_prefix else "all other keys"
        prompter.say(_endpoint_line(number, endpoint, keys))
    prompter.say(_what_is_called(prompter, task))
    prompter.say(f"The key will be kept in {task.key_file}, for you alone (0600).")
    for sentence in filter(None, (settings.neighbour, *settings.notices)):
        prompter.say(sentence, "magenta")
    try:
        current = next(iter(key_candidates(row, settings)), None)
    except AuthError as error:
        prompter.say(error.message, "magenta")
        return None
    if current is not None:
        prompter.say(f"Set now: {_what_is_set(task, current)}.")
    return current


def _what_is_called(prompter: Prompter, task: Task) -> str:
    """Return who will be asked about a new key, before there is one."""
    if task.unchecked:
        return (
            "Nothing is called now: the key is saved unchecked, and goes out with your first "
            "prompt."
        )
    asked = "Its endpoint is then asked for its models and for what is left, one request each."
    wish = probe_wish(task.row, task.settings)
    if task.probe or wish == "always":
        return f"{asked} The other region of its product is asked for models too."
    allowed = [product for product in task.regional if product in task.facts.consents]
    if allowed and wish != "never":
        stop = f"`hermes config set providers.{task.row.id}.probe never` ends that"
        asked += f" As you allowed, both regions of {' and '.join(allowed)} are: {stop}."
    if prompter.is_person and len(allowed) < len(task.regional) and wish != "never":
        other = "any other" if allowed else "another"
        asked += f" You are asked first before {other} region sees the key."
    return asked


def _endpoint_line(number: int, endpoint: EndpointRow, keys: str) -> str:
    name = endpoint.name.removesuffix(" endpoint")
    return f"  {number}  {name:<20}  {endpoint.base_urls[0][1]:<30}  {keys or endpoint.region}"


def _what_is_set(task: Task, key: Candidate[ApiKey]) -> str:
    words = f"the key {key.value.fingerprint} ({key.name}, {key.where})"
    try:
        route = task.route(Choice(key=key, base_urls=task.base_urls))
    except HermesError:
        return words  # a base URL that cannot be used is told when the endpoint is asked for
    model = f"; model {route.model.value}" if route.model.value else ""
    return f"{words}; {place_name(route)}{model}; {state_words(route)}"


def _ask_about_key(prompter: Prompter, task: Task, current: Candidate[ApiKey] | None) -> Choice:
    """Ask for a key and whether set base URLs stay; then ask endpoints whether they take it."""
    choice = _ask_key(prompter, task, current)
    choice = _ask_kept(prompter, task, choice)
    if not choice.is_new or not task.has_place(choice):
        return choice
    route = task.route(choice)
    if not may_ask(task, route):
        return choice
    choice, asked = _ask_consent(prompter, task, choice, homes(task, route))
    return _check(prompter, task, choice, asked)


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
        prompter.say(f"Taken off the paste: {', '.join(taken)}.", "magenta")
    if not is_usual(task.row, key):
        begin = f"begin with {task.row.usual_key_prefix}, and this one does not"
        question = f"Keys of {task.row.name} {begin}. Save it anyway?"
        if not prompter.confirm(question, default=False):
            raise AuthError(
                "The key was not taken; nothing was saved.", remedy=f"`{task.again}` asks again."
            )
    return Choice(key=task.new_key(key), is_new=True)


def _ask_consent(
    prompter: Prompter, task: Task, choice: Choice, possible: tuple[EndpointRow, ...]
) -> tuple[Choice, tuple[EndpointRow, ...]]:
    """Return the endpoints that may be asked, and the choice with the yes to all, if it was one."""
    route = task.route(choice)
    if len(possible) < 2:
        return choice, possible
    if is_allowed(task, route):
        return replace(choice, consent=route.endpoint.product if task.probe else ""), possible
    if not (prompter.is_person and is_question(task, route)):
        return choice, possible[:1]
    prompter.say(
        f"A {route.endpoint.product} key looks the same in both regions, which are different "
        "legal places:"
    )
    width = max(len(host_of(each)) for each in possible)
    for each in possible:
        prompter.say(f"  {host_of(each):<{width}}  {each.region}")
    if not prompter.confirm("Ask both which one knows this key?", default=True):
        return choice, possible[:1]
    return replace(choice, consent=route.endpoint.product), possible


def _check(
    prompter: Prompter, task: Task, choice: Choice, asked: tuple[EndpointRow, ...]
) -> Choice:
    """
    Ask the endpoints, say what each answered, and return the choice with the answers.

    Raises ProviderError if all of them refused the key.
    """
    route = task.route(choice)
    is_first = not any(checked.accepted for checked in choice.checked)
    choice = ask(task, choice, asked)
    checked = choice.checked[-1]
    for line in answer_lines(checked):
        prompter.say(line)
    for sentence in checked.notices:
        prompter.say(sentence, "magenta")
    require_taken(task, route, checked, probe=f"{task.again} --probe")
    if is_first:
        choice, left = ask_left(choice, checked)
        _say_left(prompter, left)
    return choice


def _say_left(prompter: Prompter, left: Left | None) -> None:
    if left is not None:
        prompter.say(f"  left   {left.line}")
        for sentence in left.warnings:
            prompter.say(sentence, "magenta")


# --- the endpoint -------------------------------------------------------------------------


def _ask_kept(prompter: Prompter, task: Task, choice: Choice) -> Choice:
    """Return the choice with the base URLs that stay: the flag's, or those set and kept."""
    if task.flags.base_url:
        choice = replace(choice, base_urls=task.base_urls)
        return _confirmed(prompter, task, choice, base_url_of(task, task.flags.base_url))
    remaining = task.base_urls
    dropped: list[Candidate[str]] = []
    while remaining:
        if _is_kept(prompter, task, choice, remaining[0]):
            break
        dropped.append(remaining[0])
        remaining = remaining[1:]
    return replace(choice, base_urls=remaining, dropped=tuple(dropped))


def _ask_endpoint(prompter: Prompter, task: Task, choice: Choice) -> Choice:
    """Return the choice with its endpoint, unless a base URL has settled it."""
    if task.flags.base_url or choice.base_urls or not task.row.base_url_variable:
        return choice
    detected = task.route(choice).endpoint if task.has_place(choice) else None
    if detected is not None:
        prompter.say(_where_it_goes(task, choice, detected), "bold")
    return with_tries(prompter, partial(_ask_address, prompter, task, choice, detected))


def _where_it_goes(task: Task, choice: Choice, detected: EndpointRow) -> str:
    url = detected.base_urls[0][1]
    accepted = [answer.endpoint for checked in choice.checked for answer in checked.accepted]
    if len(accepted) > 1:
        hosts = " and ".join(map(host_of, accepted))
        return f"{hosts} both take this key: choose where it goes. The rule says {url}."
    route = task.route(choice)
    why = route.base_url.why or route.base_url.where
    if detected in accepted:
        why = "it was accepted there"
    return f"This key goes to the {detected.name}, {url}: {why}."


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
        prompter.say(sentence, "magenta")
    if prompter.confirm("Keep it?", default=True):
        return True
    if wish.origin is Origin.ENVIRONMENT:
        prompter.say(f"Only the shell can drop it: `{unset_line(wish.name)}`.")
    return False


def _ask_address(
    prompter: Prompter, task: Task, choice: Choice, detected: EndpointRow | None
) -> Choice:
    ordered = endpoints_in_order(task.row)
    options = []
    if detected is not None:
        found = verdict_of(choice.checked, detected) is Verdict.ACCEPTED
        options.append(f"Enter = {detected.name}{' (detected)' if found else ''}")
    options += [f"1-{len(ordered)}"] if len(ordered) > 1 else []
    answer = prompter.ask(f"Endpoint [{', '.join([*options, 'or a URL'])}]")
    if not answer and detected is not None:
        return _settled(prompter, choice, detected)
    if answer.isdecimal() and len(ordered) > 1:
        if not 1 <= int(answer) <= len(ordered):
            raise UsageError(
                f"The endpoints have the numbers 1 to {len(ordered)}.",
                remedy=f"`{task.again}` asks again.",
            )
        url = ordered[int(answer) - 1].base_urls[0][1]
    else:
        url = base_url_of(task, answer)
    endpoint = place(url, task.row).endpoint
    choice = _settled(prompter, choice, endpoint)
    choice = _confirmed(prompter, task, choice, url)
    route = task.route(choice)
    if choice.is_new and may_ask(task, route) and verdict_of(choice.checked, endpoint) is None:
        choice = _check(prompter, task, choice, (route.endpoint,))
    return choice


def _settled(prompter: Prompter, choice: Choice, endpoint: EndpointRow) -> Choice:
    """Return the choice with the endpoint as the key's place, if it is one of several that are."""
    for checked in choice.checked:
        taking = [answer.endpoint for answer in checked.accepted]
        if len(taking) > 1 and endpoint in taking:
            choice, left = ask_left(choice, checked, endpoint.id)
            _say_left(prompter, left)
            return replace(choice, place=endpoint.id)
    return choice


def _confirmed(prompter: Prompter, task: Task, choice: Choice, url: str) -> Choice:
    """Return the choice with the base URL; one that speaks against it must be confirmed."""
    against = contradiction(task.row, choice.key, url)
    endpoint = place(url, task.row).endpoint
    if verdict_of(choice.checked, endpoint) is Verdict.REFUSED:
        against = f"{host_of(endpoint)} refused this key just now."
    if against:
        prompter.say(against, "magenta")
        if not prompter.confirm("Send the key there all the same?", default=False):
            raise UsageError(
                "The endpoint was not confirmed; nothing was changed.",
                remedy=f"`{task.again}` asks again; Enter takes the endpoint of the key.",
            )
    return with_base_url(task, choice, url)


# --- the provider -------------------------------------------------------------------------


def _ask_switch(prompter: Prompter, task: Task, choice: Choice) -> Choice:
    """Ask before another provider than the configured one comes into use."""
    configured = task.configured
    if configured is None or task.is_configured:
        return choice
    prompter.say(f"The provider in use is {configured.value} ({configured.where}).")
    return replace(choice, switch=prompter.confirm(f"Use {task.row.id} instead?", default=True))
