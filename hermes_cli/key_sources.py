"""Where a key can come from, in which order, and whether it can be one: nothing is sent."""

from collections.abc import Callable, Iterator
from contextlib import suppress
from functools import partial
from itertools import chain
from typing import TypeVar

from msgspec.structs import replace

from agent.catalog import PROVIDERS
from agent.catalog.rows import ProviderRow
from agent.choice import Candidate, Origin
from agent.errors import AuthError, ConfigurationError, UsageError
from agent.key_hosts import check_mark
from agent.keys import SHORTEST, ApiKey, check_shape, clean_setting, plain_text
from agent.learnt import Facts, KeyPlace
from agent.route import endpoint_of_key, foreign_vendor
from hermes_cli.config import Asked, Settings, child_environment
from hermes_cli.key_file import NamedKey, line_words

T = TypeVar("T")
Key = Candidate[ApiKey]


def key_candidates(row: ProviderRow, settings: Settings, name: str = "") -> tuple[Key, ...]:
    """
    Return the keys set for a provider, strongest first; none if none is set.

    The order is: the stored key that a flag names (`name`), shell variables, the stored key
    that `providers.ID.key` names, `.env`; only if there is none of them, what `key_command`
    prints, then the keyring, then the first stored key.

    Raises UsageError for a `name` that no key has; AuthError if the strongest cannot be a
    key or is another vendor's, if a setting names a key that is not there, and if the
    command fails.
    """
    found = [*_flagged(row, settings, name), *_set(row, settings, flagged=bool(name))]
    for source in (_of_command, _of_keyring, _first_stored):
        found = found or list(source(row, settings))
    if found:
        _check_key(row, found[0])
    return tuple(found)


def every_key(row: ProviderRow, settings: Settings) -> tuple[Key, ...]:
    """
    Return all distinct keys of a provider that cost nothing to read, strongest first.

    They are those of the shell, of `.env` and of `keys.toml`, and what a command or keyring
    has said already. One that cannot be a key of this provider is left out. Never raises.
    """
    distinct: dict[ApiKey, Key] = {}
    for key in known_sources(row, settings):
        if fault_of(row, key) is None:
            distinct.setdefault(key.value, key)
    chosen = settings.setting("providers", row.id, "key")
    if chosen is None:
        return tuple(distinct.values())
    # The key in use goes behind the shell's, as in `key_candidates`.
    return tuple(sorted(distinct.values(), key=partial(_rank, chosen.value)))


def known_sources(row: ProviderRow, settings: Settings) -> Iterator[Key]:
    """Yield every key of a provider from every place, usable or not; nothing is asked for it."""
    yield from _variables(row, settings)
    for source in (_of_command, _of_keyring):
        yield from source(row, settings, known=True)
    yield from (candidate_of(settings, named) for named in keys_of(row, settings))


def _rank(chosen: str, key: Key) -> int:
    if key.origin is Origin.ENVIRONMENT:
        return 0
    return 1 if key.origin is Origin.STORED and key.name == chosen else 2


def keys_of(row: ProviderRow, settings: Settings) -> tuple[NamedKey, ...]:
    """Return a provider's stored keys, in the file's order."""
    return tuple(named for named in settings.stored_keys if named.provider == row.id)


def provider_of_key(settings: Settings, name: str) -> str:
    """Return the id of the one provider that has a stored key of this name, or an empty text."""
    providers = {named.provider for named in settings.stored_keys if named.name == name}
    return providers.pop() if len(providers) == 1 else ""


def first_source(row: ProviderRow, settings: Settings) -> str:
    """
    Return the name of what would give a provider's key, or an empty text; nothing is asked.

    It is a variable, `stored key NAME`, or the setting that names a command or keyring.
    """
    variables = settings.variables(row.key_variables)
    if variables and variables[0].origin is Origin.ENVIRONMENT:
        return variables[0].name
    chosen = settings.setting("providers", row.id, "key")
    if chosen is not None:
        return f"stored key {chosen.value}"
    if variables:
        return variables[0].name
    command = settings.texts("providers", row.id, "key_command")
    keyring = settings.setting("providers", row.id, "keyring")
    asked = (setting.name for setting in (command, keyring) if setting is not None)
    stored = (f"stored key {named.name}" for named in keys_of(row, settings))
    return next(chain(asked, stored), "")


def with_stored_places(facts: Facts, settings: Settings, row: ProviderRow) -> Facts:
    """
    Return the facts with the endpoints that stand beside stored keys in `keys.toml`.

    An answer that our own store remembers counts more. An endpoint that the rule gives
    anyway is no news. What a keyring could not tell `key_candidates` is among the notices.
    """
    places: dict[str, KeyPlace] = {}
    for named in keys_of(row, settings):
        by_key = endpoint_of_key(row, named.key)
        if by_key is not None and named.endpoint not in ("", by_key.id):
            places[named.key.digest] = KeyPlace(
                named.endpoint, named.added, where=_where(settings, named)
            )
    notices = tuple(
        asked.notice
        for name, asked in settings.asked.items()
        if asked.notice and name.startswith(f"providers.{row.id}.")
    )
    if not places and not notices:
        return facts
    return replace(facts, places={**places, **facts.places}, notices=(*facts.notices, *notices))


# --- the sources --------------------------------------------------------------------------


def _flagged(row: ProviderRow, settings: Settings, name: str) -> Iterator[Key]:
    """Yield the stored key that a flag names. Raises UsageError if there is none."""
    if not name:
        return
    own = {named.name: named for named in keys_of(row, settings)}
    if name not in own:
        raise UsageError(
            f"No key of {row.name} is stored under that name"
            + (f"; there are: {', '.join(own)}." if own else "."),
            remedy="`hermes key list` shows all keys; `hermes key add NAME` stores one.",
        )
    option = f"--key {name}"
    where = f"{option}, {key_line(settings, own[name])}"
    yield Candidate(own[name].key, Origin.FLAG, where, option)


def _set(row: ProviderRow, settings: Settings, *, flagged: bool) -> Iterator[Key]:
    """
    Yield the keys of shell variables, the stored one in use, those of `.env`.

    Where a flag names another stored key, the one in use is not beaten: it is left out.
    """
    variables = list(_variables(row, settings))
    yield from (key for key in variables if key.origin is Origin.ENVIRONMENT)
    exported = any(key.origin is Origin.ENVIRONMENT for key in variables)
    chosen = settings.setting("providers", row.id, "key")
    if chosen is not None and not flagged:
        named = [each for each in keys_of(row, settings) if each.name == chosen.value]
        if not named and not exported:
            raise AuthError(
                f"{chosen.where} names a stored key that is not there.",
                remedy=f"`hermes key list` shows those that are; {chosen.drop} drops the setting.",
            )
        yield from (candidate_of(settings, each) for each in named)
    yield from (key for key in variables if key.origin is not Origin.ENVIRONMENT)


def _variables(row: ProviderRow, settings: Settings) -> Iterator[Key]:
    for candidate in settings.variables(row.key_variables):
        if text := clean_setting(candidate.value):
            yield Candidate(ApiKey(text), candidate.origin, candidate.where, candidate.name)


def _of_command(row: ProviderRow, settings: Settings, *, known: bool = False) -> Iterator[Key]:
    """Yield what the command of `providers.ID.key_command` prints; `known` runs nothing."""
    words = settings.texts("providers", row.id, "key_command")
    if words is None:
        return

    def ask() -> Asked:
        from hermes_cli.key_command import ask_command  # only who has such a setting pays for it

        environment = child_environment(_every_variable(row, settings))
        return Asked(ask_command(words, environment))

    yield from _asked(settings, words, None if known else ask)


def _of_keyring(row: ProviderRow, settings: Settings, *, known: bool = False) -> Iterator[Key]:
    """Yield what the keyring holds under `providers.ID.keyring`; `known` asks nobody."""
    service = settings.setting("providers", row.id, "keyring")
    if service is None:
        return

    def ask() -> Asked:
        from hermes_cli.keyring_store import ask_keyring

        key, problem = ask_keyring(service.value, row.id)
        return Asked(key, f"{service.where}: {problem}" if problem else "")

    yield from _asked(settings, service, None if known else ask)


def _asked(
    settings: Settings, source: Candidate[T], ask: Callable[[], Asked] | None
) -> Iterator[Key]:
    """Yield the key that a source has said, asking it once."""
    if source.name not in settings.asked and ask is not None:
        settings.asked[source.name] = ask()
    said = settings.asked.get(source.name, Asked())
    if said.key is not None:
        yield Candidate(said.key, source.origin, f"{source.name}, {source.where}", source.name)


def _every_variable(row: ProviderRow, settings: Settings) -> frozenset[str]:
    """Return the variables that any provider's key may stand in: no child sees them."""
    variables = {name for each in (*PROVIDERS, row) for name in each.key_variables}
    with suppress(ConfigurationError):
        for table in settings.tables("providers"):
            named = settings.setting("providers", table, "key_variable")
            variables |= {named.value} if named else set()
    return frozenset(variables)


def _first_stored(row: ProviderRow, settings: Settings) -> Iterator[Key]:
    yield from (candidate_of(settings, named) for named in keys_of(row, settings)[:1])


def candidate_of(settings: Settings, named: NamedKey) -> Key:
    """Return a stored key as a candidate, with its name and its line."""
    return Candidate(named.key, Origin.STORED, _where(settings, named), named.name)


def _where(settings: Settings, named: NamedKey) -> str:
    return f"stored key {named.name}, {key_line(settings, named)}"


def key_line(settings: Settings, named: NamedKey) -> str:
    """Return where a stored key stands: the file and the line."""
    return line_words(settings.keys_path, named.line)


# --- what can be a key --------------------------------------------------------------------


def _check_key(row: ProviderRow, found: Key) -> None:
    """Raise AuthError if the key cannot be one of this provider; nothing is sent then."""
    fault = fault_of(row, found)
    if fault is not None:
        raise fault


def fault_of(row: ProviderRow, found: Key) -> AuthError | None:
    """Return why the key cannot be one of this provider, or None."""
    vendor = foreign_vendor(row, found.value)
    drop = f"`hermes setup` takes another key; {found.drop} drops this one."
    place = found.where if found.name in found.where else f"{found.name} ({found.where})"
    if vendor:
        return AuthError(
            f"{place} holds what looks like a key of {vendor}, not of {row.name}. Nothing was "
            "sent.",
            remedy=drop,
        )
    try:
        check_shape(plain_text(found.value), shortest=SHORTEST if row.usual_key_prefix else 1)
        check_mark(row, found.value)
    except AuthError as error:
        return AuthError(f"{place}: {error.message}", remedy=drop)
    return None
