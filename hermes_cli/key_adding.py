"""A key that is given a name: cleaned, asked about, stored with the endpoint it belongs to."""

from datetime import UTC, datetime

import msgspec

from agent.choice import Candidate, Origin
from agent.errors import AuthError, ConfigurationError
from agent.keys import ApiKey
from agent.route import Route, endpoint_of_key
from hermes_cli.answers import answer_of, proof_sentence
from hermes_cli.config import write_settings
from hermes_cli.entry import checked_choice, clean_key, is_usual, may_ask
from hermes_cli.key_file import NamedKey, add_key, check_name
from hermes_cli.key_sources import keys_of
from hermes_cli.keyring_store import store_in_keyring
from hermes_cli.plan import Choice, Task, remember_choice

SERVICE = "hermes-kimi"
"""How our entries in a keyring begin; a slash and the key's name follow."""


class Added(msgspec.Struct, frozen=True, kw_only=True):
    """
    A key that can be stored: under which name, where it goes, and what was learnt of it.

    `notices` are sentences for the user. `is_known` says that it is stored already.
    """

    named: NamedKey
    route: Route
    choice: Choice
    notices: tuple[str, ...] = ()
    is_known: bool = False


def examine(task: Task, name: str, pasted: str, *, any_key: bool) -> Added:
    """
    Return what to store for a pasted key, once its endpoint was asked; nothing is written.

    Without a `name` it is called after its endpoint. Raises AuthError for a key that cannot
    be one and, unless `any_key`, for one without the provider's usual beginning;
    ConfigurationError for a name or a key that is taken; ProviderError for a key that was
    refused.
    """
    if name:
        check_name(name)
    text, taken = clean_key(task, pasted)
    if not any_key and not is_usual(task.row, text):
        raise AuthError(
            f"The key does not begin with {task.row.usual_key_prefix}, as keys of "
            f"{task.row.name} do. Nothing was saved.",
            remedy=f"`{task.again} --any-key` takes it as it is.",
        )
    key = ApiKey(text)
    known = _known(task, name, key)
    candidate = Candidate(key, Origin.STORED, "the key to add", name or "the key")
    choice = Choice(key=candidate, is_new=True, base_urls=task.base_urls)
    notices: tuple[str, ...] = (f"Taken off: {', '.join(taken)}.",) if taken else ()
    if may_ask(task, task.route(choice)):
        choice, told = checked_choice(task, choice, probe=f"{task.again} --probe")
        notices += told
    route = task.route(choice)
    endpoint = _home(task, route, key)
    named = NamedKey(
        provider=task.row.id,
        name=known.name if known else name or _free_name(task, endpoint),
        key=key,
        endpoint=endpoint,
        added=known.added if known else f"{datetime.now(UTC):%Y-%m-%d}",
    )
    return Added(
        named=named,
        route=route,
        choice=choice,
        notices=(*route.notices, *notices, _proof(task, choice, route)),
        is_known=known is not None,
    )


def _known(task: Task, name: str, key: ApiKey) -> NamedKey | None:
    """Return the stored key that is this one. Raises ConfigurationError if something is taken."""
    for other in keys_of(task.row, task.settings):
        if other.key == key:
            if name in ("", other.name):
                return other
            raise ConfigurationError(
                f"This key is stored already, as {other.name}. Nothing was saved.",
                remedy=f"`hermes key use {other.name}` takes it.",
            )
        if other.name == name:
            raise ConfigurationError(
                f"Another key is stored as {name}: {other.key.fingerprint}. Nothing was saved.",
                remedy=f"Take another name, or drop that key: `hermes key remove {name}`.",
            )
    return None


def _home(task: Task, route: Route, key: ApiKey) -> str:
    """Return the id of the endpoint a key belongs to: by its answer, else by the rule."""
    by_key = endpoint_of_key(task.row, key)
    own = task.row.of_product(by_key.product) if by_key else ()
    if route.endpoint in own:
        return route.endpoint.id
    return by_key.id if by_key else ""


def _free_name(task: Task, endpoint: str) -> str:
    taken = {other.name for other in keys_of(task.row, task.settings)}
    first = endpoint or task.row.id
    names = (first, *(f"{first}-{number}" for number in range(2, len(taken) + 3)))
    return next(name for name in names if name not in taken)


def _proof(task: Task, choice: Choice, route: Route) -> str:
    """Return what is proven of the key, and by whom."""
    found = answer_of(choice.checked, route.endpoint)
    if found is not None:
        return proof_sentence(found[0], found[1].at)
    if choice.checked:
        return f"Not checked yet: {choice.checked[-1].words}."
    if task.unchecked:
        return "Not checked: nobody was asked."
    return f"Not checked yet: the {route.endpoint.name} lists no models, so a question proves it."


def store(added: Added, task: Task) -> None:
    """
    Write the key into `keys.toml`, and what was learnt of it into our own store.

    Raises ConfigurationError, and BrokenFile.
    """
    add_key(task.settings.keys_path, added.named)
    remember_choice(added.choice)


def store_in_os_keyring(added: Added) -> str:
    """
    Put the key into the keyring, have `config.toml` name the entry, and return its name.

    Raises ConfigurationError if there is no keyring, and nothing is saved then.
    """
    service = f"{SERVICE}/{added.named.name}"
    store_in_keyring(service, added.named.provider, added.named.key)
    write_settings({("providers", added.named.provider, "keyring"): service})
    remember_choice(added.choice)
    return service
