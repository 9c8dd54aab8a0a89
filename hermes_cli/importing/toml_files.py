"""Keys in Moonshot's own programs: kimi-cli's and kimi-code's `config.toml`."""

from collections.abc import Mapping
from functools import partial
from pathlib import Path
from typing import Any

from hermes_cli.config import Settings
from hermes_cli.importing.files import is_there, parse_json, parse_toml, table
from hermes_cli.importing.found import LOGIN, REFERENCE, Place, Reading, shown_name
from hermes_cli.importing.locations import in_home, named_directory

_MANAGED = "managed:"


def read_kimi_cli(settings: Settings) -> Reading:
    """
    Return the keys of kimi-cli: `config.toml` in `$KIMI_SHARE_DIR` or `~/.kimi`.

    `config.json` counts where there is no `config.toml`, as it does there. Source:
    MoonshotAI/kimi-cli docs/en/configuration/config-files.md, read 2026-11.
    """
    reading = Reading("kimi-cli")
    directory = named_directory(settings, "KIMI_SHARE_DIR") or in_home(".kimi")
    path = directory / "config.toml"
    if is_there(path):
        read_kimi_toml(reading, path)
    else:
        path = directory / "config.json"
        _note(reading, path, reading.parsed(path, partial(parse_json, path=path)) or {})
    return reading


def read_kimi_code(settings: Settings) -> Reading:
    """
    Return the keys of kimi-code: `config.toml` in `$KIMI_CODE_HOME` or `~/.kimi-code`.

    Source: MoonshotAI/kimi-code docs/en/configuration/config-files.md and overrides.md, read
    2026-11.
    """
    reading = Reading("kimi-code")
    directory = named_directory(settings, "KIMI_CODE_HOME") or in_home(".kimi-code")
    read_kimi_toml(reading, directory / "config.toml")
    return reading


def read_kimi_toml(reading: Reading, path: Path) -> None:
    """Note the keys of a `config.toml` of kimi-cli or kimi-code."""
    _note(reading, path, reading.parsed(path, partial(parse_toml, path=path)) or {})


def _note(reading: Reading, path: Path, found: Mapping[str, Any]) -> None:
    for name in table(found, "providers"):
        provider = table(found, "providers", name)
        kind = str(provider.get("type", ""))
        called = name.removeprefix(_MANAGED)
        inside = f"providers.{shown_name(name)}"
        base_url = provider.get("base_url") or _variable(provider, "_BASE_URL")
        text = provider.get("api_key") or _variable(provider, "_API_KEY")
        place = Place(path, inside)
        if text:
            reading.key(place, called, text, base_url=base_url, kind=kind)
        elif provider.get("oauth"):
            reading.no_key(place, called, LOGIN, base_url=base_url, kind=kind)
        elif provider.get("api_key_env"):
            reading.no_key(place, called, REFERENCE, base_url=base_url, kind=kind)


def _variable(provider: Mapping[str, Any], ending: str) -> object:
    """Return a value of the sub-table `env`, which stands in for a missing field."""
    inner = table(provider, "env")
    return next((value for name, value in inner.items() if name.endswith(ending)), None)
