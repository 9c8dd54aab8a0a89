"""The settings as they are written: names nobody reads, values nobody takes, the files' notices."""

import difflib
import re
from collections.abc import Iterator, Mapping
from typing import Any

from agent.errors import ConfigurationError
from hermes_cli import storage
from hermes_cli.agent_settings import (
    LIMITS,
    read_fetch_private,
    read_limits,
    read_share,
)
from hermes_cli.config import Settings, get_hermes_home
from hermes_cli.doctor.findings import Finding, failed, found, of_notice, warned
from hermes_cli.fallback import SETTING, read_chain
from hermes_cli.file_notices import permission_notices
from hermes_cli.permissions import read_mode, read_rules
from hermes_cli.probe_wish import probe_wish
from hermes_cli.sandbox import read_sandbox
from hermes_cli.setting_names import every_name
from hermes_cli.user_providers import Unusable, user_providers

# A name that is none of ours may be a key in the wrong place: only short words are repeated.
_SHORT_WORD = re.compile(r"[A-Za-z0-9_]{1,20}")

Path = tuple[str, ...]


def look_at_settings(settings: Settings) -> list[Finding]:
    """Return what is wrong with the files' lines; those that say nothing wrong say nothing."""
    told = set(permission_notices(get_hermes_home()))
    findings = [
        of_notice("files", "settings", notice) for notice in settings.notices if notice not in told
    ]
    findings += [
        failed("files", "settings", each.error)
        for each in user_providers(settings)
        if isinstance(each, Unusable)
    ]
    try:
        findings += [*_unknown(settings), *_probes(settings), *_of_agent(settings)]
    except ConfigurationError as error:
        findings.append(failed("files", "settings", error))
    return findings


def look_at_fallback(settings: Settings) -> list[Finding]:
    """Return the chain of `fallback`, or which of its entries cannot be one."""
    try:
        chain = read_chain(settings)
    except ConfigurationError as error:
        return [failed("route", SETTING, error)]
    told = ", then ".join(entry.text for entry in chain)
    return [found("route", SETTING, told)] if chain else []


# --- names --------------------------------------------------------------------------------


def _unknown(settings: Settings) -> Iterator[Finding]:
    """Yield a warning for each name in `config.toml` that nobody reads."""
    known = {name.path for name in every_name(settings) if name.path}
    text = storage.read_text(settings.config_path)
    for path in _names(storage.parse_settings(text, settings.config_path)):
        siblings = sorted(
            {each[len(path) - 1] for each in known if each[: len(path) - 1] == path[:-1]}
        )
        # A table without any name of ours is no provider, which has a finding of its own.
        if siblings and path[-1] not in siblings:
            yield _unknown_name(settings, text, path, siblings)


def _names(tables: Mapping[str, Any]) -> Iterator[Path]:
    """
    Yield the path of everything outside of tables, and of what a table of ours holds.

    `[permissions]` is left out: a name that nobody reads is an error there.
    """
    for name in tables:
        yield (name,)
    limits = tables.get(LIMITS)
    for name in limits if isinstance(limits, Mapping) else ():
        yield (LIMITS, name)
    providers = tables.get("providers")
    for provider, table in providers.items() if isinstance(providers, Mapping) else ():
        for name in table if isinstance(table, Mapping) else ():
            yield ("providers", provider, name)


def _unknown_name(settings: Settings, text: str, path: Path, siblings: list[str]) -> Finding:
    line = storage.settings_line(text, path)
    where = storage.shown(settings.config_path) + (f" line {line}" if line else "")
    shown = f"`{path[-1]}`" if _SHORT_WORD.fullmatch(path[-1]) else "a name there"
    near = difflib.get_close_matches(path[-1], siblings, n=1)
    meant = f" Is `{near[0]}` meant?" if near else ""
    return warned(
        "files",
        "settings",
        f"{where}: {shown} is no setting of ours and has no effect.{meant}",
        f"`{storage.edit_line(settings.config_path)}` opens the file.",
    )


def _probes(settings: Settings) -> Iterator[Finding]:
    """Yield the values of `probe` that nobody takes."""
    for name in every_name(settings):
        if name.kind == "probe" and name.row is not None:
            try:
                probe_wish(name.row, settings)
            except ConfigurationError as error:
                yield warned("files", "settings", error.message, error.remedy)


def _of_agent(settings: Settings) -> Iterator[Finding]:
    """Yield what an agent would not start with: its limits, sandbox, mode and rules."""
    for read in (
        read_limits,
        read_share,
        read_fetch_private,
        read_sandbox,
        read_mode,
        read_rules,
    ):
        try:
            read(settings)
        except ConfigurationError as error:
            yield failed("files", "settings", error)
