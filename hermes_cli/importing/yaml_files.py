"""Keys in YAML files: aider's `.aider.conf.yml` and goose's `config.yaml` and `secrets.yaml`."""

import sys
from collections.abc import Iterable
from functools import partial
from pathlib import Path

from agent.errors import BrokenFile
from hermes_cli import storage
from hermes_cli.config import Settings
from hermes_cli.importing.files import parse_json
from hermes_cli.importing.found import NOT_READ, Place, Reading
from hermes_cli.importing.locations import (
    config_directory,
    in_home,
    named_directory,
    roaming_directory,
)
from hermes_cli.importing.variables import read_dotenv
from hermes_cli.importing.yaml_lines import NotUnderstood, Setting, parse_yaml

Texts = dict[str, tuple[str | None, Place]]

_MOST_FILES = 100
_AIDER_LISTS = ("api-key", "set-env")


def yaml_settings(reading: Reading, path: Path) -> tuple[Setting, ...]:
    """Return the settings of a YAML file; none if it is missing or left out."""
    return reading.parsed(path, partial(_parsed, path=path)) or ()


def _parsed(text: str, *, path: Path) -> tuple[Setting, ...]:
    try:
        return parse_yaml(text)
    except NotUnderstood as error:
        raise BrokenFile(
            f"{storage.shown(path)} has YAML in line {error.line} that is not read here.",
            remedy="`hermes key add` takes a key from it by hand.",
        ) from None


# --- aider --------------------------------------------------------------------------------


def read_aider(settings: Settings) -> Reading:  # noqa: ARG001
    """
    Return the keys of aider's files in the home: `.env` and `.aider.conf.yml`.

    Those in the working directory, which it reads too, may be somebody else's: `--file`
    names one. Source: aider.chat/docs/config/api-keys.html, dotenv.html, aider_conf.html,
    read 2026-11.
    """
    reading = Reading("aider")
    read_dotenv(reading, in_home(".env"))
    read_aider_yaml(reading, in_home(".aider.conf.yml"))
    return reading


def read_aider_yaml(reading: Reading, path: Path) -> None:
    """
    Note the keys of a `.aider.conf.yml`.

    `openai-api-key: KEY` and the list `api-key` of `provider=KEY` stand for the variables
    `OPENAI_API_KEY` and `PROVIDER_API_KEY`, `set-env` for any.
    """
    texts: Texts = {}
    for setting in yaml_settings(reading, path):
        place = Place(path, f"line {setting.line}")
        option = str(setting.path[0])
        if option in _AIDER_LISTS and setting.value is None:
            reading.leave(place, NOT_READ)
        elif option in _AIDER_LISTS:
            name, _, value = (setting.value or "").partition("=")
            name = f"{name.strip().upper()}_API_KEY" if option == "api-key" else name.strip()
            texts[name] = (value, place)
        elif len(setting.path) == 1:
            texts[option.upper().replace("-", "_")] = (setting.value, place)
    reading.variables(texts)


# --- goose --------------------------------------------------------------------------------


def read_goose(settings: Settings) -> Reading:
    """
    Return the keys that goose keeps in files: `secrets.yaml`, and `config.yaml`.

    `custom_providers/*.json` tell the base URL of a variable (`api_key_env`). Its keyring is
    not looked at. Source: goose's documentation/docs/guides/config-files.md and
    crates/goose/src/providers/declarative/*.json, read 2026-11.
    """
    reading = Reading("goose")
    directory = _goose_directory(settings)
    texts: Texts = {}
    for name in ("config.yaml", "secrets.yaml"):
        path = directory / name
        texts |= _flat(path, yaml_settings(reading, path))
    reading.variables(texts, _custom_bases(reading, directory / "custom_providers"))
    return reading


def read_goose_secrets(reading: Reading, path: Path) -> None:
    """Note the keys of a `secrets.yaml` or a `config.yaml` of goose."""
    reading.variables(_flat(path, yaml_settings(reading, path)))


def _goose_directory(settings: Settings) -> Path:
    root = named_directory(settings, "GOOSE_PATH_ROOT")
    if root:
        return root / "config"
    if sys.platform == "win32":
        return roaming_directory(settings).joinpath("Block", "goose", "config")
    return config_directory(settings) / "goose"


def _flat(path: Path, settings: Iterable[Setting]) -> Texts:
    return {
        str(each.path[0]): (each.value, Place(path, f"line {each.line}"))
        for each in settings
        if len(each.path) == 1
    }


def _custom_bases(reading: Reading, directory: Path) -> dict[str, str]:
    try:
        paths = sorted(directory.glob("*.json"))[:_MOST_FILES]
    except OSError:
        return {}
    bases = {}
    for path in paths:
        found = reading.parsed(path, partial(parse_json, path=path)) or {}
        variable, base_url = found.get("api_key_env"), found.get("base_url")
        if isinstance(variable, str) and isinstance(base_url, str) and "${" not in base_url:
            bases[variable] = base_url
    return bases
