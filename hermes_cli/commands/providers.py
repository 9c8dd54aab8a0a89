"""`hermes providers`: who can answer, with the variables, the URL and whether a key is there."""

import sys
from typing import Any

import click

from agent.catalog import PROVIDERS
from agent.catalog.rows import ProviderRow
from agent.errors import ConfigurationError
from hermes_cli.auth import Status, default_base_url, get_auth_status
from hermes_cli.config import read_settings
from hermes_cli.report import JSON_OPTION, aligned, error_document, tell_conflicts
from hermes_cli.ui.style import is_terminal, print_json, say
from hermes_cli.ui.table import print_table
from hermes_cli.user_providers import Unusable, user_providers

COLUMNS = ("id", "name", "wire", "key variables", "base URL variable", "URL", "configured", "note")


@click.command("providers")
@JSON_OPTION
def command(as_json: bool) -> None:
    """List the providers and their variables, those that config.toml defines last.

    One that cannot be used has the reason beside it; the others are not touched by it.
    """
    tell_conflicts()
    found = [_found(each) for each in (*PROVIDERS, *user_providers(read_settings()))]
    if as_json:
        print_json({"providers": [_document(*each) for each in found]})
        return
    rows = [_cells(*each) for each in found]
    if is_terminal(sys.stdout):
        for line in aligned([pair for row in rows for pair in _block(row)]):
            say(line)
    else:
        print_table("Providers", COLUMNS, rows)


def _found(
    each: ProviderRow | Unusable,
) -> tuple[ProviderRow, Status | None, ConfigurationError | None]:
    """Return a provider's row with its status, or with why it cannot be used."""
    if isinstance(each, Unusable):
        return ProviderRow(id=each.id or "?", name="", defined_in=each.where), None, each.error
    try:
        return each, get_auth_status(each.id), None
    except ConfigurationError as error:
        return each, None, error


def _block(row: tuple[str, ...]) -> list[tuple[str, str]]:
    """Return a provider in a few lines, where a row of eight columns would be too wide."""
    row_id, name, wire, keys, base_url_variable, url, configured, note = row
    variables = "; ".join(filter(None, (keys.replace(" ", ", "), base_url_variable)))
    lines = (
        ", ".join(filter(None, (name, f"{wire} wire", note))),
        variables,
        ", ".join(filter(None, (url, f"configured: {configured}"))),
    )
    return list(zip((row_id, "", ""), filter(None, lines), strict=False))


def _wire(row: ProviderRow) -> str:
    return row.endpoints[0].wires[0] if row.endpoints else "chat"


def _cells(
    row: ProviderRow, status: Status | None, error: ConfigurationError | None
) -> tuple[str, ...]:
    default_url = default_base_url(row)
    if status is None:
        configured = f"no: {error.message}" if error else "no"
    elif status["configured"]:
        configured = f"yes, {status['key_source']}" if status["key_source"] else "yes"
    else:
        configured = "no" if row.key_needed else "no key needed"
    url = status["base_url"] if status else default_url
    return (
        row.id,
        row.name,
        _wire(row),
        " ".join(row.key_variables),
        row.base_url_variable,
        "on this machine" if row.runs_here else url,
        configured,
        _note(row),
    )


def _note(row: ProviderRow) -> str:
    if row.defined_in and row.endpoints:
        return f"defined in {row.defined_in}"
    return "" if row.exercised else "not exercised by us"


def _document(
    row: ProviderRow, status: Status | None, error: ConfigurationError | None
) -> dict[str, Any]:
    default_url = default_base_url(row)
    return {
        "id": row.id,
        "name": row.name,
        "aliases": list(row.aliases),
        "wire": _wire(row),
        "key_needed": row.key_needed,
        "key_variables": list(row.key_variables),
        "base_url_variable": row.base_url_variable,
        "default_base_url": default_url,
        "base_url": status["base_url"] if status else default_url,
        "configured": bool(status and status["configured"]),
        "key_source": status["key_source"] if status else "",
        "exercised": row.exercised,
        "defined_in": row.defined_in,
        "error": error_document(error),
    }
