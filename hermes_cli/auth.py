"""Which provider, which key, from where: the names people script against, as views of the rows."""

from collections.abc import Mapping
from typing import TypedDict

import msgspec
from msgspec.structs import replace

from agent.catalog import PROVIDERS, find
from agent.catalog.kimi import KIMI_CODE
from agent.catalog.local import LOCAL, MODEL_FILE_VARIABLE, with_model_file
from agent.catalog.rows import ProviderRow
from agent.choice import Candidate, Chosen, Origin, choose
from agent.errors import AuthError, ConfigurationError
from agent.keys import ApiKey, clean_setting, plain_text
from agent.learnt import Facts
from agent.route import Route, Wishes, resolve
from hermes_cli.config import Settings, read_settings
from hermes_cli.key_sources import (
    first_source,
    key_candidates,
    provider_of_key,
    with_stored_places,
)
from hermes_cli.rotation import awake
from hermes_cli.user_providers import every_provider, id_of, look_up

__all__ = [
    "KIMI_CODE_BASE_URL",
    "PROVIDER_REGISTRY",
    "AuthError",
    "ProviderConfig",
    "get_api_key_provider_status",
    "get_auth_status",
    "resolve_api_key_provider_credentials",
    "resolve_provider",
]

LONGEST_SHOWN_NAME = 16
"""How many characters of a wrong name are repeated in an error."""

KIMI_CODE_BASE_URL: str = KIMI_CODE.base_url("chat")


class ProviderConfig(msgspec.Struct, frozen=True):
    """A provider as the request names its parts; `auth_type` is `api_key` or `none`."""

    id: str
    name: str
    auth_type: str
    inference_base_url: str
    api_key_env_vars: tuple[str, ...]
    base_url_env_var: str


class Credentials(TypedDict):
    """A key in the clear, where it goes and the variable or file it came from."""

    provider: str
    api_key: str
    base_url: str
    source: str


class Status(TypedDict):
    """Whether a provider can be used, and from where its key comes; never the key."""

    provider: str
    name: str
    configured: bool
    logged_in: bool
    key_source: str
    base_url: str


class Flags(msgspec.Struct, frozen=True, kw_only=True):
    """
    What the command line names; empty strings where it is silent.

    `key` is a stored key's name. `probe` is the yes to asking every region of the key's product.
    `fallback` is False where the chain of `config.toml` is not to be used.
    """

    provider: str = ""
    model: str = ""
    base_url: str = ""
    key: str = ""
    probe: bool = False
    fallback: bool = True


def default_base_url(row: ProviderRow) -> str:
    """Return the base URL that a provider's keys go to by default; empty if it has none."""
    if not row.default_endpoint:
        return ""
    return row.endpoint(row.default_endpoint).base_urls[0][1]


PROVIDER_REGISTRY: dict[str, ProviderConfig] = {
    row.id: ProviderConfig(
        id=row.id,
        name=row.name,
        auth_type=row.auth_type,
        inference_base_url=default_base_url(row),
        api_key_env_vars=row.key_variables,
        base_url_env_var=row.base_url_variable,
    )
    for row in PROVIDERS
}


def _resolve_kimi_base_url(api_key: str, default_url: str, env_override: str) -> str:
    """
    Return the base URL of a Kimi key.

    `env_override` if it has text; else the Kimi Code URL for a key with its prefix, in
    any case, blanks and quotes around it aside; else `default_url`.
    """
    if env_override.strip():
        return env_override.strip()
    if ApiKey(clean_setting(api_key)).starts_with(KIMI_CODE.key_prefix):
        return KIMI_CODE_BASE_URL
    return default_url


def find_provider(name: str, settings: Settings | None = None) -> ProviderRow:
    """
    Return the row of an id or alias, in any case, shipped or defined in `config.toml`.

    The settings are read if they are not given and no shipped row has the name. Raises
    AuthError that lists what exists, and ConfigurationError for a table that cannot be used.
    """
    row = find(name)
    if row is not None:
        return row
    settings = settings or read_settings()
    row = look_up(name, settings)
    if row is None:
        known = ", ".join(each.id for each in every_provider(settings))
        # A long name may be a key in the wrong place, so it is not repeated.
        shown = f"`{name.strip()}`" if len(name.strip()) <= LONGEST_SHOWN_NAME else "of that name"
        raise AuthError(
            f"There is no provider {shown}. There are: {known}.",
            remedy="`hermes providers` shows them with their variables.",
        )
    return row


def _as_set_up(row: ProviderRow, settings: Settings) -> ProviderRow:
    """Return the row with what the user's settings put into it: another embedded model."""
    named = model_file(settings) if row.runs_here else None
    return with_model_file(row, named.value) if named else row


def _usable(name: str, settings: Settings) -> ProviderRow | None:
    return next((row for row in every_provider(settings) if row.id == id_of(name, settings)), None)


def choose_provider(requested: Candidate[str] | None, settings: Settings) -> Chosen[ProviderRow]:
    """
    Return the provider asked for, else the configured one, else the first one with a key.

    Raises AuthError if the name is unknown, and if no provider has a key.
    """
    wishes = (requested, settings.setting("provider"))
    named = [w for w in wishes if w is not None and w.value.strip().lower() not in ("", "auto")]
    if named:
        row = _as_set_up(find_provider(named[0].value, settings), settings)
        beaten = tuple(
            Candidate(other, wish.origin, wish.where, wish.name)
            for wish in named[1:]
            if (other := _usable(wish.value, settings)) is not None
        )
        winner = named[0]
        return Chosen(row, winner.origin, winner.where, winner.name, beaten=beaten)
    for row in every_provider(settings):
        source = first_source(row, settings)
        if source:
            return Chosen(row, Origin.DEFAULT, f"the first provider with a key: {source}")
    raise AuthError(
        "No provider has a key yet.",
        remedy="Run `hermes setup`, or try `hermes chat --provider local` without one.",
    )


def wishes(row: ProviderRow, flags: Flags, settings: Settings) -> Wishes:
    """Return what flags, environment, files and other sources say for a provider."""
    keys = key_candidates(row, settings, flags.key)
    return replace(wishes_but_keys(row, flags, settings), keys=keys)


def wishes_but_keys(row: ProviderRow, flags: Flags, settings: Settings) -> Wishes:
    """Return what flags, environment, `.env` and `config.toml` say for any key of a provider."""
    base_urls = [flag("--base-url", flags.base_url)]
    base_urls += settings.variables((row.base_url_variable,)) if row.base_url_variable else ()
    if not row.defined_in:  # there the base URL is the row's own
        base_urls.append(settings.setting("providers", row.id, "base_url"))
    models = [flag("--model", flags.model)]
    configured = settings.setting("provider")
    if id_of(configured.value if configured else "", settings) in ("", row.id):
        models.append(settings.setting("model"))
    return Wishes(
        base_urls=_with_text(base_urls),
        models=_models(models, row),
        wires=_with_text([settings.setting("providers", row.id, "wire")]),
        grants=granted_hosts(row, settings),
    )


def _models(named: list[Candidate[str] | None], row: ProviderRow) -> tuple[Candidate[str], ...]:
    """Return the models that are named; ConfigurationError if one is a key, which is not shown."""
    models = _with_text(named)
    for model in models:
        if ApiKey(model.value).starts_with(row.usual_key_prefix):
            raise ConfigurationError(
                f"{model.name} ({model.where}) begins as a key does, and should be a model's id. "
                "Nothing was sent.",
                remedy=f"{model.drop} drops it. If it was a real key: `hermes setup` takes it.",
            )
    return models


def granted_hosts(row: ProviderRow, settings: Settings) -> frozenset[str]:
    """Return the hosts that the user lets every key of a provider go to, besides its own."""
    granted = settings.texts("providers", row.id, "granted_hosts")
    return frozenset(host.lower() for host in granted.value) if granted else frozenset()


def model_file(settings: Settings) -> Candidate[str] | None:
    """Return the GGUF file that the user names for the embedded model, or None."""
    named = settings.variable(MODEL_FILE_VARIABLE)
    return named[0] if named else settings.setting("providers", LOCAL.id, "model_file")


def flag(option: str, value: str) -> Candidate[str] | None:
    """Return a command-line option's value as a candidate, or None if it is empty."""
    return Candidate(value.strip(), Origin.FLAG, option, option) if value.strip() else None


def _with_text(candidates: list[Candidate[str] | None]) -> tuple[Candidate[str], ...]:
    return tuple(c for c in candidates if c is not None and c.value.strip())


def route_for(flags: Flags, settings: Settings, facts: Facts) -> Route:
    """
    Return the one Route for these flags, settings and facts.

    A missing key is told in the Route (`key` is None). Raises AuthError for an unknown
    provider or a key that cannot be one, ConfigurationError for a wrong setting.
    """
    named = flags.provider or provider_of_key(settings, flags.key)
    provider = choose_provider(flag("--provider", named), settings)
    asked = wishes(provider.value, flags, settings)
    facts = with_stored_places(facts, settings, provider.value)
    return awake(resolve(provider, asked, facts), settings, facts)


def resolve_provider(requested: str) -> str:
    """
    Return the id of a provider for an id or alias in any case.

    `auto` gives the configured default, else the first provider with a key. Raises
    AuthError, naming `hermes setup` or listing what exists.
    """
    wanted = Candidate(requested, Origin.FLAG, "the argument", "requested")
    return choose_provider(wanted, read_settings()).value.id


def resolve_api_key_provider_credentials(provider: str) -> Credentials:
    """
    Return the key of a provider in the clear, its base URL and where the key came from.

    Without a key, `api_key` is empty and `source` is `default`. Raises AuthError for an
    unknown provider, for one without API keys, and for a key that cannot be one.
    """
    settings = read_settings()  # once: a `key_command` is run once for one reading
    row = find_provider(provider, settings)
    if row.auth_type != "api_key":
        raise AuthError(
            f"{row.name} has no API keys.", remedy=f"`hermes chat --provider {row.id}` needs none."
        )
    asked = wishes(row, Flags(), settings)
    key = asked.keys[0] if asked.keys else None
    return {
        "provider": row.id,
        "api_key": plain_text(key.value) if key else "",
        "base_url": _base_url_of(row, asked),
        "source": _source(key) if key else "default",
    }


def _source(key: Candidate[ApiKey]) -> str:
    """Return the variable, or the file, a key came from."""
    return key.name if key.origin is Origin.ENVIRONMENT else key.where


def _base_url_of(row: ProviderRow, asked: Wishes) -> str:
    """Return where these wishes lead with nothing learnt; empty without a base URL."""
    if not row.default_endpoint and not asked.base_urls:
        return ""
    chosen = choose([Candidate(row, Origin.FLAG, "the argument", "provider")])
    return resolve(chosen, asked, Facts()).base_url.value


def get_api_key_provider_status(provider: str) -> Status:
    """Return whether a provider has a key and where it would go. Raises AuthError."""
    credentials = resolve_api_key_provider_credentials(provider)
    has_key = bool(credentials["api_key"])
    return {
        "provider": credentials["provider"],
        "name": find_provider(provider).name,
        "configured": has_key,
        "logged_in": has_key,
        "key_source": credentials["source"] if has_key else "",
        "base_url": credentials["base_url"],
    }


def get_auth_status(provider: str) -> Status:
    """Return the status of a provider of any kind. Raises AuthError."""
    row = find_provider(provider)
    if not row.runs_here:
        return get_api_key_provider_status(provider)
    from agent.local_server import find_model  # it brings subprocess along, which status lacks

    named = model_file(read_settings())
    try:
        find_model(named.value if named else "")
        installed = True
    except ConfigurationError:
        installed = False
    return {
        "provider": row.id,
        "name": row.name,
        "configured": installed,
        "logged_in": installed,
        "key_source": "",
        "base_url": default_base_url(row),
    }


def key_variables(settings: Settings | None = None) -> Mapping[str, str]:
    """
    Return variable → provider id for every variable a key may stand in.

    Those of providers that `config.toml` defines come last. The settings are read if they
    are not given.
    """
    found: dict[str, str] = {}
    for row in every_provider(settings or read_settings()):
        for name in row.key_variables:
            found.setdefault(name, row.id)
    return found
