"""Keys of NousResearch's hermes-agent, which may share our home and its `.env`."""

from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path

from hermes_cli.config import Settings, get_hermes_home
from hermes_cli.importing.files import is_there, parse_json, table
from hermes_cli.importing.found import LOGIN, NOT_READ, Place, Reading, shown_name
from hermes_cli.importing.locations import in_home
from hermes_cli.importing.owners import known_endpoint, known_name
from hermes_cli.importing.variables import dotenv_texts
from hermes_cli.importing.yaml_files import yaml_settings
from hermes_cli.importing.yaml_lines import Setting

Providers = Mapping[tuple[str | int, ...], Mapping[str, Setting]]

_CUSTOM = "custom:"
_LISTS = ("custom_providers", "providers")


def read_hermes_agent(settings: Settings) -> Reading:  # noqa: ARG001
    """
    Return the keys of hermes-agent: `.env`, `config.yaml` and the pool in `auth.json`.

    They stand in `$HERMES_HOME` and in `~/.hermes`; a home without `config.yaml` and
    `auth.json` is ours alone. Source: NousResearch/hermes-agent
    website/docs/user-guide/configuration.md and features/credential-pools.md, read 2026-11.
    """
    reading = Reading("hermes-agent")
    for home in dict.fromkeys((get_hermes_home(), in_home(".hermes"))):
        if any(is_there(home / name) for name in ("config.yaml", "auth.json")):
            _read_home(reading, home)
    return reading


def _read_home(reading: Reading, home: Path) -> None:
    path = home / "config.yaml"
    providers = _by_provider(yaml_settings(reading, path))
    bases = _note_settings(reading, path, providers)
    texts = dotenv_texts(reading, home / ".env")
    own = {name: url for name in texts if (url := _base_of(name, bases))}
    reading.variables(texts, own)
    _read_pool(reading, home / "auth.json", bases)


def _by_provider(settings: Sequence[Setting]) -> Providers:
    """Return the tables that can name a provider: `model`, and the items of the two lists."""
    found: dict[tuple[str | int, ...], dict[str, Setting]] = {}
    for each in settings:
        *inside, last = each.path
        is_model = inside == ["model"]
        if is_model or (len(inside) == 2 and inside[0] in _LISTS):
            found.setdefault(tuple(inside), {})[str(last)] = each
    return found


def _note_settings(reading: Reading, path: Path, providers: Providers) -> dict[str, str]:
    """Note the keys in `config.yaml`; return provider → base URL."""
    bases = {}
    for inside, fields in providers.items():
        named = fields.get("provider" if inside == ("model",) else "name")
        name = (named.value if named else None) or str(inside[-1])
        name = name.removeprefix(_CUSTOM)
        base_url = _text(fields, "base_url")
        if base_url:
            bases[name] = base_url
        key = fields.get("api_key")
        if key is None:
            continue
        place = Place(path, f"line {key.line}")
        if key.value is None:
            reading.no_key(place, name, NOT_READ, base_url=base_url)
        reading.key(place, name, key.value, base_url=base_url)
    return bases


def _text(fields: Mapping[str, Setting], name: str) -> str:
    found = fields.get(name)
    return (found.value or "") if found else ""


def _base_of(variable: str, bases: Mapping[str, str]) -> str:
    """Return the base URL that `config.yaml` gives to the provider of a key's variable."""
    row = known_name(variable)
    if row is None:
        return ""
    place = (row, known_endpoint(variable))
    same = (url for name, url in bases.items() if (known_name(name), known_endpoint(name)) == place)
    return next(same, "")


def _read_pool(reading: Reading, path: Path, bases: Mapping[str, str]) -> None:
    """Note the keys of the pool; entries that were borrowed elsewhere hold none."""
    found = reading.parsed(path, partial(parse_json, path=path)) or {}
    pool = table(found, "credential_pool")
    for name, entries in pool.items():
        for number, each in enumerate(entries if isinstance(entries, list) else [], start=1):
            entry = table(each)
            place = Place(path, f"credential_pool.{shown_name(name)}, entry {number}")
            called = name.removeprefix(_CUSTOM)
            base_url = entry.get("base_url") or bases.get(called)
            if entry.get("auth_type", "api_key") == "api_key":
                reading.key(place, called, entry.get("access_token"), base_url=base_url)
            else:
                reading.no_key(place, called, LOGIN, base_url=base_url)
    for name in table(found, "providers"):
        reading.no_key(Place(path, f"providers.{shown_name(name)}"), name, LOGIN)
