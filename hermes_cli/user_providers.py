"""The providers that `[providers.NAME]` tables of `config.toml` define, beside the shipped ones."""

from collections.abc import Iterator

import msgspec

from agent.base_url import place
from agent.catalog import PROVIDERS, find
from agent.catalog.defined import (
    WIRES,
    defined_row,
    id_fault,
    name_fault,
    variable_fault,
    wire_named,
)
from agent.catalog.rows import ProviderRow, Wire
from agent.errors import ConfigurationError
from hermes_cli.config import Settings
from hermes_cli.storage import edit_line


class Unusable(msgspec.Struct, frozen=True):
    """A table that defines no provider; `id` is its name if that may be shown, `error` why."""

    id: str
    where: str
    error: ConfigurationError


def user_providers(settings: Settings) -> tuple[ProviderRow | Unusable, ...]:
    """
    Return what the tables of `config.toml` define, in their order; never raises.

    A table of a shipped provider's id holds settings of that one and defines nothing. One
    that cannot be used is Unusable: it stands in nobody's way but its own.
    """
    try:
        names = settings.tables("providers")
    except ConfigurationError:
        return ()  # no table at all: whoever reads a setting there tells it
    found: list[ProviderRow | Unusable] = []
    taken: set[str] = set()
    for name in names:
        shipped = find(name)
        if shipped is not None and shipped.id == name:
            continue
        found.append(_read(name, settings, shipped=shipped, is_taken=name.lower() in taken))
        taken.add(name.lower())
    return tuple(found)


def defined_providers(settings: Settings) -> Iterator[ProviderRow]:
    """Yield those that can be used."""
    return (each for each in user_providers(settings) if isinstance(each, ProviderRow))


def every_provider(settings: Settings) -> tuple[ProviderRow, ...]:
    """Return the shipped providers, then the user's, in the order in which keys are looked for."""
    return (*PROVIDERS, *defined_providers(settings))


def look_up(name: str, settings: Settings) -> ProviderRow | None:
    """
    Return the provider of an id or alias, shipped or defined by the user, or None.

    In any case and with blanks around it. Raises ConfigurationError with the file and line
    of a table of that name that cannot be used.
    """
    shipped = find(name)
    if shipped is not None:
        return shipped
    found = _defined(name, settings)
    if isinstance(found, Unusable):
        raise found.error
    return found


def id_of(name: str, settings: Settings) -> str:
    """Return the id that an id or alias names, of a table that cannot be used too; or nothing."""
    found = find(name) or _defined(name, settings)
    return found.id if found else ""


def _defined(name: str, settings: Settings) -> ProviderRow | Unusable | None:
    wanted = name.strip().lower()
    return next((each for each in user_providers(settings) if each.id.lower() == wanted), None)


def _read(
    name: str, settings: Settings, *, shipped: ProviderRow | None, is_taken: bool
) -> ProviderRow | Unusable:
    """Return the provider of one table, or why there is none."""
    where = settings.where(("providers", name))
    fault = id_fault(name)
    shown = "" if fault else name
    if shipped is not None:
        fault = f"`{name}` means {shipped.id}, whose settings stand in [providers.{shipped.id}]"
    elif is_taken:
        fault = "another table has this name in other letters"
    try:
        return _row(name, settings, fault)
    except ConfigurationError as error:
        table = f"[providers.{shown}]" if shown else "a table in [providers]"
        told = ConfigurationError(
            f"{where}: {table} defines no provider: {error.message.rstrip('.')}.",
            remedy=f"`{edit_line(settings.config_path)}` opens the file.",
        )
        return Unusable(shown, where, told)


def _row(name: str, settings: Settings, fault: str) -> ProviderRow:
    """Return the row of a table. Raises ConfigurationError with a fault, known or found."""
    base_url, *others = (
        settings.setting("providers", name, key)
        for key in ("base_url", "wire", "key_variable", "name")
    )
    wire, variable, shown = (found.value if found else "" for found in others)
    fault = fault or name_fault(shown) or variable_fault(variable)
    if base_url is None:
        fault = fault or "it has no `base_url`"
    if base_url is None or fault:
        raise ConfigurationError(fault)
    placed = place(base_url.value, ProviderRow(id=name, name=name))
    spoken = _wire(wire, placed.wire)
    return defined_row(
        name,
        name=shown,
        key_variable=variable,
        base_url=placed.endpoint.base_url(spoken),
        wire=spoken,
        defined_in=base_url.where,
    )


def _wire(named: str, pasted: Wire | None) -> Wire:
    """Return the wire that the table names, else the one of a pasted request path, else chat."""
    if named in ("", "auto"):
        return pasted or WIRES[0]
    wire = wire_named(named)
    if wire is None:
        raise ConfigurationError(f"`wire` is none of {', '.join(WIRES)}")
    return wire
