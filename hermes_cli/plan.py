"""What a setup changes: a task and a choice in, the lines of our two files out."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime

import msgspec

from agent.base_url import Placed, place
from agent.catalog import PROVIDERS
from agent.catalog.rows import ProviderRow
from agent.choice import Candidate, Chosen, Origin
from agent.errors import ConfigurationError, HermesError, UsageError
from agent.keys import ApiKey, clean_setting, plain_text
from agent.learnt import Facts
from agent.route import Route, Wishes, endpoint_of_key, resolve
from agent.usage import Balance, PlanUsage
from hermes_cli.answers import answer_of, home_of, proof_sentence, with_answers
from hermes_cli.auth import Flags, flag, granted_hosts
from hermes_cli.check import Checked, Verdict, remember, remember_left
from hermes_cli.config import Settings, unset_line, write_settings, write_variables
from hermes_cli.models import open_learnt
from hermes_cli.storage import shown
from hermes_cli.user_providers import id_of


class Task(msgspec.Struct, frozen=True, kw_only=True):
    """
    What is to be set up, what is set already, what was learnt, what the flags answer.

    `probe` says yes to asking every region of the key's product; `unchecked` that nobody is
    to be asked about the key. `command` is what takes a key here, and stands in advice.
    """

    row: ProviderRow
    settings: Settings
    facts: Facts
    flags: Flags = msgspec.field(default_factory=Flags)
    probe: bool = False
    unchecked: bool = False
    command: str = "hermes setup"

    @property
    def again(self) -> str:
        """The command that takes another key of the same provider."""
        return (
            self.command if self.row is PROVIDERS[0] else f"{self.command} --provider {self.row.id}"
        )

    @property
    def name(self) -> str:
        """The provider's short name: `Kimi` of `Kimi / Moonshot`."""
        return self.row.name.partition(" / ")[0]

    @property
    def key_file(self) -> str:
        """The `.env` as the user would type it."""
        return shown(self.settings.env_path)

    @property
    def regional(self) -> tuple[str, ...]:
        """The provider's products that have more than one region."""
        products = dict.fromkeys(each.product for each in self.row.endpoints)
        return tuple(name for name in products if len(self.row.of_product(name)) > 1)

    @property
    def configured(self) -> Candidate[str] | None:
        """The provider that `config.toml` names, or None."""
        return self.settings.setting("provider")

    @property
    def is_configured(self) -> bool:
        """Say whether `config.toml` names this provider, by its id or an alias."""
        named = self.configured
        return named is not None and id_of(named.value, self.settings) == self.row.id

    @property
    def model(self) -> Candidate[str] | None:
        """The model that `config.toml` names for this provider, or None."""
        named = id_of(self.configured.value, self.settings) if self.configured else ""
        return self.settings.setting("model") if named in (self.row.id, "") else None

    @property
    def base_urls(self) -> tuple[Candidate[str], ...]:
        """The base URLs that are set for this provider, strongest first."""
        if self.row.defined_in:
            return ()  # the base URL is the row's own
        variables = self.settings.variable(self.row.base_url_variable)
        setting = self.settings.setting("providers", self.row.id, "base_url")
        return (*variables, setting) if setting else variables

    def has_place(self, choice: "Choice") -> bool:
        """Say whether a choice leads anywhere: not without a base URL where none is known."""
        return bool(choice.base_urls or self.row.default_endpoint)

    def new_key(self, text: str) -> Candidate[ApiKey]:
        """Return a key as it will stand in `.env`."""
        return Candidate(ApiKey(text), Origin.DOTENV, self.key_file, self.row.key_variables[0])

    def route(self, choice: "Choice", model: str = "") -> Route:
        """
        Return the Route that a choice leads to, with another model if one is named.

        Raises ConfigurationError for a base URL that cannot be used.
        """
        models = (flag("--model", model or choice.model), self.model)
        wire = self.settings.setting("providers", self.row.id, "wire")
        wishes = Wishes(
            keys=(choice.key,) if choice.key else (),
            base_urls=choice.base_urls,
            models=tuple(wish for wish in models if wish),
            wires=(wire,) if wire else (),
            grants=granted_hosts(self.row, self.settings),
        )
        facts = self.facts
        for checked in choice.checked:
            facts = with_answers(facts, checked, place=choice.place)
        provider = Chosen(self.row, Origin.FLAG, "--provider", "--provider")
        return resolve(provider, wishes, facts)


@dataclass(frozen=True, kw_only=True)
class Choice:
    """
    What was confirmed so far.

    `is_new` says that the key was given now. `base_urls` are those in force, strongest
    first; `base_url` is the first of them if it was chosen now. `dropped` are to be
    removed. `model` is empty if none was chosen. `switch` makes the provider the one in use.
    `checked` is what endpoints said to a new key; `place` is the id of the endpoint that was
    chosen where several took it. `left` is what the Route's endpoint said, and when, is left of
    the plan or the balance. `consent` is the product whose every region may be asked from
    now on, or empty.
    """

    key: Candidate[ApiKey] | None = None
    is_new: bool = False
    base_urls: tuple[Candidate[str], ...] = ()
    base_url: str = field(default="", repr=False)
    dropped: tuple[Candidate[str], ...] = ()
    model: str = ""
    switch: bool = True
    checked: tuple[Checked, ...] = ()
    place: str = ""
    left: tuple[Route, PlanUsage | Balance, datetime] | None = None
    consent: str = ""


@dataclass(frozen=True, kw_only=True)
class Plan:
    """
    What `save` writes and remembers, and the lines (text, style) to print once it has.

    A value of None removes the variable or setting. `repr` never shows a variable's value.
    `route` is where the choice leads.
    """

    variables: Mapping[str, str | None] = field(repr=False)
    settings: Mapping[tuple[str, ...], str | None]
    choice: Choice
    route: Route
    lines: tuple[tuple[str, str], ...] = ()


def save(plan: Plan) -> None:
    """
    Write the plan: `.env` once, then `config.toml` once, and only what changes.

    Then remember what was learnt of the key. Raises ConfigurationError, and BrokenFile,
    saying what was saved before.
    """
    if plan.variables:
        write_variables(plan.variables)
    try:
        if plan.settings:
            write_settings(plan.settings)
        remember_choice(plan.choice)
    except HermesError as error:
        if not plan.variables:
            raise
        raise ConfigurationError(
            f"The key was saved, the other settings were not. {error.message}",
            remedy=error.remedy,
        ) from error


def remember_choice(choice: Choice) -> None:
    """Store what was said about the key, where it belongs, and the consent. Raises BrokenFile."""
    for checked in choice.checked:
        home = home_of(checked, choice.place)
        remember(checked, home.endpoint if home else None)
    if choice.left is not None:
        route, left, at = choice.left
        remember_left(route, left, at=at)
    if choice.consent and choice.checked:
        open_learnt().remember_consent(choice.consent, at=choice.checked[0].at)


def base_url_of(task: Task, text: str) -> str:
    """
    Return the base URL that is stored for what somebody typed.

    Raises UsageError with the fix. Text that is no URL is not repeated: it may be a second
    copy of the key.
    """
    if "://" not in text:
        raise UsageError(
            "That is no URL: a base URL looks like https://HOST/v1.",
            remedy=f"`{task.again}` asks again; Enter takes the endpoint of the key.",
        )
    try:
        placed = place(text, task.row)
    except ConfigurationError as error:
        raise UsageError(error.message, remedy=error.remedy) from None
    endpoint = placed.endpoint
    if endpoint in task.row.endpoints:
        return endpoint.base_url(placed.wire or endpoint.wires[0])
    # Elsewhere only the pasted path tells that the messages wire is meant.
    return text.strip() if placed.wire == "messages" else endpoint.base_urls[0][1]


def contradiction(row: ProviderRow, key: Candidate[ApiKey] | None, url: str) -> str:
    """Return the sentence about a base URL of another product than the key's, or nothing."""
    by_key = endpoint_of_key(row, key.value if key else None)
    product = place(url, row).endpoint.product
    if key is None or by_key is None or product in ("", by_key.product):
        return ""
    return (
        f"The key looks like a {by_key.product} key, which belongs to "
        f"{by_key.base_urls[0][1]} and not to {url}."
    )


def with_base_url(task: Task, choice: Choice, url: str) -> Choice:
    """
    Return the choice with a base URL, which is written only if it changes the endpoint.

    Raises UsageError for a provider whose base URL is its own.
    """
    if not task.row.base_url_variable:
        raise UsageError(
            f"{task.row.name} has one base URL, its own.",
            remedy=f"`hermes config set providers.{task.row.id}.base_url URL` changes it.",
        )
    kept = tuple(wish for wish in choice.base_urls if wish.origin is not Origin.ENVIRONMENT)
    if _leads_to(task, choice, kept) == place(url, task.row):
        return replace(choice, base_urls=kept)
    new = Candidate(url, Origin.DOTENV, task.key_file, task.row.base_url_variable)
    return replace(choice, base_urls=(new, *kept), base_url=url)


def _leads_to(task: Task, choice: Choice, base_urls: tuple[Candidate[str], ...]) -> Placed | None:
    """Return where the files alone would send the key, or None if they do not say."""
    try:
        if base_urls:
            return place(base_urls[0].value, task.row)
        return Placed(task.route(replace(choice, base_urls=())).endpoint, None)
    except ConfigurationError:
        return None


def with_model(task: Task, choice: Choice, model: str) -> Choice:
    """Return the choice with a model. Raises UsageError if the endpoint cannot have it."""
    is_key = ApiKey(model).starts_with(task.row.usual_key_prefix)
    if is_key or not model.isprintable() or " " in model:
        raise UsageError("That is no model id.", remedy="`hermes models` lists them.")
    error = task.route(choice, model).model_error
    if error is not None:
        raise error
    return replace(choice, model=model)


# --- the plan -----------------------------------------------------------------------------


def place_name(route: Route) -> str:
    """Return an endpoint in words: `Moonshot endpoint: https://…`."""
    return f"{route.endpoint.name}: {route.chat_base_url}"


def plan_of(task: Task, choice: Choice, *, notices: tuple[str, ...] = ()) -> Plan:
    """Return what to write for a choice, and what to say once it is written."""
    variables = _variables(task, choice)
    settings = _settings(task, choice)
    route = task.route(choice)
    done = f"{task.name} API key {'saved' if choice.is_new else 'kept'}" if choice.key else "Set"
    lines = [(f"✓ {done} ({place_name(route)})", "green")]
    if choice.is_new:
        lines.append((_proof(choice, route), ""))
    if not variables and not settings:
        nothing = "It was there already; nothing" if choice.is_new else "Nothing"
        lines.append((f"{nothing} was changed.", ""))
    lines += [(sentence, "magenta") for sentence in (*notices, *_shadows(task, choice))]
    words = ["hermes chat"]
    if not choice.switch:
        words.append(f"--provider {task.row.id}")
    if route.model_error is not None:
        lines.append((route.model_error.message, "magenta"))
        words.append("--model ID")
    elif route.model.value:
        window = f"{route.window.value:,} tokens ({route.window.where})"
        lines.append((f"Model {route.model.value}: {window}.", ""))
    lines.append((f'Next: {" ".join(words)} -q "hello"', ""))
    return Plan(
        variables=variables, settings=settings, choice=choice, route=route, lines=tuple(lines)
    )


def _proof(choice: Choice, route: Route) -> str:
    """Return what is proven of a new key where it will go, and when."""
    found = answer_of(choice.checked, route.endpoint)
    if found is None:
        return "Not checked yet: the endpoint sees it first with your first prompt."
    answer, checked = found
    if answer.verdict is Verdict.REFUSED and checked.verdict is Verdict.UNREACHED:
        return f"Not checked yet: {checked.words}. `hermes chat --probe` asks them again."
    return proof_sentence(answer, checked.at)


def _variables(task: Task, choice: Choice) -> dict[str, str | None]:
    """Return the lines of `.env` that change; a line that says the same already is left alone."""
    wanted: dict[str, str | None] = {
        wish.name: None for wish in choice.dropped if wish.origin is Origin.DOTENV
    }
    if choice.base_url:
        wanted[task.row.base_url_variable] = choice.base_url
    if choice.is_new and choice.key is not None:
        wanted[choice.key.name] = plain_text(choice.key.value)
    return {
        name: value
        for name, value in wanted.items()
        if value is None or value != _in_file(task.settings, name)
    }


def _in_file(settings: Settings, name: str) -> str:
    kept = [found for found in settings.variable(name) if found.origin is Origin.DOTENV]
    return kept[0].value if kept else ""


def _settings(task: Task, choice: Choice) -> dict[tuple[str, ...], str | None]:
    """Return the settings of `config.toml` that change."""
    changes: dict[tuple[str, ...], str | None] = {}
    if any(wish.origin is Origin.CONFIG for wish in choice.dropped):
        changes["providers", task.row.id, "base_url"] = None
    if not choice.switch:
        return changes
    if not task.is_configured:
        changes["provider",] = task.row.id
    if choice.model:
        if task.model is None or task.model.value != choice.model:
            changes["model",] = choice.model
    elif task.model is None and task.settings.setting("model") is not None:
        changes["model",] = None  # the model of the provider that was in use before
    return changes


def _shadows(task: Task, choice: Choice) -> list[str]:
    """Return a sentence for each value that beats the new one, or stands beside it."""
    sentences = [
        _wins(task, wish.name, "another base URL")
        for wish in task.base_urls
        if wish.origin is Origin.ENVIRONMENT and wish not in choice.base_urls
    ]
    if choice.key is None or not choice.is_new:
        return sentences
    stored = task.settings.setting("providers", task.row.id, "key")
    if stored is not None:
        sentences.append(
            f"{stored.name} ({stored.where}) names a stored key, which wins over "
            f"{task.key_file}. To drop it: {stored.drop}."
        )
    for found in task.settings.variables(task.row.key_variables):
        key = ApiKey(clean_setting(found.value))
        if found.origin is Origin.ENVIRONMENT and key != choice.key.value:
            sentences.append(_wins(task, found.name, f"the key {key.fingerprint}"))
        elif found.origin is Origin.DOTENV and found.name != choice.key.name:
            sentences.append(
                f"{found.where} still holds the key {key.fingerprint} as {found.name}, which "
                f"{choice.key.name} beats. To drop it: {found.drop}."
            )
    return sentences


def _wins(task: Task, name: str, what: str) -> str:
    return (
        f"{name} is set in this shell to {what}, which wins over {task.key_file}. "
        f"To drop it: `{unset_line(name)}`."
    )
