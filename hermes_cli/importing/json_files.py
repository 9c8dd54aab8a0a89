"""Keys in JSON files: opencode's `auth.json` and `opencode.json`, and llm's `keys.json`."""

from collections.abc import Mapping
from functools import partial
from pathlib import Path
from typing import Any

from hermes_cli.config import Settings
from hermes_cli.importing.files import parse_json, table
from hermes_cli.importing.found import LOGIN, Place, Reading, shown_name
from hermes_cli.importing.locations import (
    application_directory,
    config_directory,
    data_directory,
    named_directory,
)

# Later ones go over earlier ones, as they do there.
_OPENCODE_FILES = ("config.json", "opencode.json", "opencode.jsonc")


def read_opencode(settings: Settings) -> Reading:
    """
    Return the keys of opencode: `auth.json`, and those written into its global settings.

    `provider.ID.options.baseURL` of the settings is where a key of `auth.json` goes. Projects'
    settings are not read. Source: anomalyco/opencode packages/web/src/content/docs/config.mdx
    and providers.mdx, packages/opencode/src/auth/index.ts, read 2026-11.
    """
    reading = Reading("opencode")
    directory = config_directory(settings) / "opencode"
    paths = [directory / name for name in _OPENCODE_FILES]
    named = named_directory(settings, "OPENCODE_CONFIG")
    bases: dict[str, object] = {}
    for path in [*paths, *([named] if named else [])]:
        bases |= read_opencode_settings(reading, path)
    _read_auth(reading, data_directory(settings) / "opencode" / "auth.json", bases)
    return reading


def read_opencode_settings(reading: Reading, path: Path) -> Mapping[str, object]:
    """Note the keys of an `opencode.json`; return provider → base URL."""
    bases: dict[str, object] = {}
    providers = table(_object(reading, path), "provider")
    for name in providers:
        options = table(providers, name, "options")
        base_url = options.get("baseURL")
        if base_url:
            bases[name] = base_url
        place = Place(path, f"provider.{shown_name(name)}")
        reading.key(place, name, options.get("apiKey"), base_url=base_url)
    return bases


def _read_auth(reading: Reading, path: Path, bases: Mapping[str, object]) -> None:
    found = _object(reading, path)
    for name in found:
        entry = table(found, name)
        place = Place(path, shown_name(name))
        base_url = entry.get("baseURL") or bases.get(name)
        if entry.get("type") == "api":
            reading.key(place, name, entry.get("key"), base_url=base_url)
        elif entry:
            reading.no_key(place, name, LOGIN, base_url=base_url)


def read_llm(settings: Settings) -> Reading:
    """
    Return the keys of llm: `keys.json` in `$LLM_USER_PATH` or the system's usual place.

    Source: simonw/llm docs/setup.md, read 2026-11.
    """
    reading = Reading("llm")
    usual = application_directory(settings, "io.datasette.llm")
    read_llm_keys(reading, (named_directory(settings, "LLM_USER_PATH") or usual) / "keys.json")
    return reading


def read_llm_keys(reading: Reading, path: Path) -> None:
    """Note the keys of a `keys.json`: name → key, and a note for people."""
    for name, text in _object(reading, path).items():
        reading.key(Place(path, shown_name(name)), name, text)


def _object(reading: Reading, path: Path) -> Mapping[str, Any]:
    return reading.parsed(path, partial(parse_json, path=path)) or {}
