"""Every program whose keys can be imported, and the files that `--file` takes."""

from collections.abc import Callable, Sequence
from pathlib import Path

from agent.errors import UsageError
from hermes_cli.config import Settings
from hermes_cli.importing.found import Found, LeftOut, Reading
from hermes_cli.importing.hermes_agent import read_hermes_agent
from hermes_cli.importing.json_files import (
    read_llm,
    read_llm_keys,
    read_opencode,
    read_opencode_settings,
)
from hermes_cli.importing.toml_files import read_kimi_cli, read_kimi_code, read_kimi_toml
from hermes_cli.importing.variables import read_dotenv, read_shell
from hermes_cli.importing.yaml_files import (
    read_aider,
    read_aider_yaml,
    read_goose,
    read_goose_secrets,
)

PROGRAMS: tuple[Callable[[Settings], Reading], ...] = (
    read_hermes_agent,
    read_kimi_cli,
    read_kimi_code,
    read_opencode,
    read_llm,
    read_aider,
    read_goose,
    read_shell,
)
"""The readers, in the order in which their keys are shown; each reads its own places."""

_Named = tuple[str, Callable[[Reading, Path], object]]
_BY_NAME: dict[str, _Named] = {
    ".aider.conf.yml": ("aider", read_aider_yaml),
    "config.toml": ("kimi-cli", read_kimi_toml),
    "opencode.json": ("opencode", read_opencode_settings),
    "opencode.jsonc": ("opencode", read_opencode_settings),
    "keys.json": ("llm", read_llm_keys),
    "secrets.yaml": ("goose", read_goose_secrets),
}
_DOTENV: _Named = ("dotenv", read_dotenv)


def read_programs(settings: Settings) -> tuple[list[Found], list[LeftOut]]:
    """Return the keys in all programs' usual places, and what was left out there."""
    return _together([read(settings) for read in PROGRAMS])


def read_named(paths: Sequence[Path]) -> tuple[list[Found], list[LeftOut]]:
    """
    Return the keys in files that the user names, and what was left out there.

    The file's name tells its kind. Raises UsageError for a name that tells none.
    """
    readings = []
    for path in paths:
        tool, read = _kind_of(path)
        reading = Reading(tool)
        read(reading, path.absolute())
        readings.append(reading)
    return _together(readings)


def _kind_of(path: Path) -> _Named:
    kind = _DOTENV if path.name.endswith(".env") or path.name.startswith(".env") else None
    known = kind or _BY_NAME.get(path.name)
    if known is None:
        raise UsageError(
            "The name of the file does not tell what is in it. It can be a `.env` or one of: "
            f"{', '.join(_BY_NAME)}.",
            remedy="`hermes key add` takes a key from any other file by hand.",
        )
    return known


def _together(readings: Sequence[Reading]) -> tuple[list[Found], list[LeftOut]]:
    found = [each for reading in readings for each in reading.found]
    return found, [each for reading in readings for each in reading.left_out]
