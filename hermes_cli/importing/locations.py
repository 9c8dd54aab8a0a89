"""Where other programs keep their files: their own variables first, then the usual places."""

import sys
from pathlib import Path

from agent.choice import Origin
from hermes_cli.config import Settings


def named_directory(settings: Settings, variable: str) -> Path | None:
    """
    Return the absolute path that a shell variable names, or None.

    A relative one is passed over: it would lead into the working directory, which may be
    somebody else's repository. Our own `.env` does not move other programs' files.
    """
    for candidate in settings.variable(variable):
        path = Path(candidate.value)
        if candidate.origin is Origin.ENVIRONMENT and path.is_absolute():
            return path
    return None


def in_home(*parts: str) -> Path:
    """Return a path below the user's home; without a known home, one that does not exist."""
    try:
        return Path.home().joinpath(*parts)
    except RuntimeError:
        return Path("/nonexistent").joinpath(*parts)


def config_directory(settings: Settings) -> Path:
    """Return `$XDG_CONFIG_HOME`, or `~/.config`. Source: XDG Base Directory Specification 0.8."""
    return named_directory(settings, "XDG_CONFIG_HOME") or in_home(".config")


def application_directory(settings: Settings, name: str) -> Path:
    """Return the system's usual place for the files of a program, as `click.get_app_dir` does."""
    if sys.platform == "darwin":
        return in_home("Library", "Application Support", name)
    if sys.platform == "win32":
        return roaming_directory(settings) / name
    return config_directory(settings) / name


def roaming_directory(settings: Settings) -> Path:
    """Return Windows' `%APPDATA%`, or where it usually is."""
    return named_directory(settings, "APPDATA") or in_home("AppData", "Roaming")


def data_directory(settings: Settings) -> Path:
    """Return `$XDG_DATA_HOME`, or `~/.local/share`."""
    return named_directory(settings, "XDG_DATA_HOME") or in_home(".local", "share")
