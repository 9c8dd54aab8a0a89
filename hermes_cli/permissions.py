"""What an agent may do: the user's settings, and what was allowed in a project before."""

from collections.abc import Iterator
from pathlib import Path

from agent.errors import ConfigurationError
from agent.permission import Mode
from agent.permission.guard import Guard
from agent.permission.memory import Memory
from agent.permission.rules import Rule, Rules, WrongRule, parse_rule
from agent.tools.base import Workspace
from hermes_cli.config import Settings, get_state_path
from hermes_cli.storage import edit_line

TABLE = "permissions"
"""The table of `config.toml` with `mode` and the lists `allow`, `ask` and `refuse`."""

_NAMES = ("mode", "allow", "ask", "refuse")


def open_permission(settings: Settings, workspace: Workspace, *, mode: Mode | None = None) -> Guard:
    """
    Return the permission of a session; `mode` is what the command line says, if anything.

    Nothing of it comes from the workspace. Raises ConfigurationError for a wrong mode or
    rule, with its line, and BrokenFile if what was remembered cannot be read.
    """
    return Guard(
        workspace,
        mode=mode or read_mode(settings),
        rules=read_rules(settings),
        memory=remembered(workspace.root),
    )


def remembered(project: Path) -> Memory:
    """Return what was allowed in a project, a directory whose links were followed."""
    return Memory(get_state_path(), project)


def read_mode(settings: Settings) -> Mode:
    """Return the mode of the settings, `ask` without one. Raises ConfigurationError."""
    said = settings.setting(TABLE, "mode")
    if said is None:
        return Mode.ASK
    try:
        return Mode(said.value)
    except ValueError as error:
        modes = ", ".join(mode.value for mode in Mode)
        raise ConfigurationError(
            f"{said.where}: permissions.mode is {said.value!r}, and should be one of {modes}.",
            remedy=f"`{edit_line(settings.config_path)}` opens the file.",
        ) from error


def read_rules(settings: Settings) -> Rules:
    """
    Return the rules of the settings.

    Raises ConfigurationError for a wrong one, and for a list that nobody would read: with
    `refused` for `refuse`, what should be refused would be allowed.
    """
    for name in settings.names(TABLE):
        if name not in _NAMES:
            # It may be a key in the wrong place: never repeated.
            raise ConfigurationError(
                f"{settings.where((TABLE, name))}: a name in [{TABLE}] is none of "
                f"{', '.join(_NAMES)}.",
                remedy=f"`{edit_line(settings.config_path)}` opens the file.",
            )
    return Rules(
        allow=tuple(_rules(settings, "allow")),
        ask=tuple(_rules(settings, "ask")),
        refuse=tuple(_rules(settings, "refuse")),
    )


def _rules(settings: Settings, name: str) -> Iterator[Rule]:
    said = settings.texts(TABLE, name)
    for text in said.value if said else ():
        try:
            yield parse_rule(text)
        except WrongRule as error:
            where = settings.where((TABLE, name))
            raise ConfigurationError(
                f"{where}: the rule {text!r} in permissions.{name} {error}.",
                remedy=f"`{edit_line(settings.config_path)}` opens the file.",
            ) from error
