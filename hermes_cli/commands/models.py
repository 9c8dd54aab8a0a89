"""`hermes models`: what the endpoint has, with windows, dates and where each comes from."""

import asyncio
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

import click

from agent.catalog.kimi_models import COMPILED
from agent.choice import Origin
from agent.errors import HermesError, UsageError
from agent.learnt import Facts
from agent.route import Route
from hermes_cli.auth import Flags
from hermes_cli.config import read_settings
from hermes_cli.models import PickerRow, at_endpoint, every_model, read_facts, refresh
from hermes_cli.report import (
    error_document,
    lacks_key,
    route_options,
    route_to_show,
    shown_base_url,
    tell_notices,
)
from hermes_cli.ui.style import notice, print_json, say
from hermes_cli.ui.table import print_table

_SOURCES = {Origin.ROW: "shipped", Origin.LIVE: "live", Origin.DEFAULT: "fallback"}
_COLUMNS = ("id", "window", "source", "since", "standing")


@click.command("models")
@click.option("--refresh", "ask", is_flag=True, help="Ask the endpoint for its list, once.")
@click.option("--all", "everything", is_flag=True, help="Every endpoint, and closed models too.")
@route_options
def command(
    ask: bool, everything: bool, provider: str, model: str, base_url: str, as_json: bool
) -> None:
    """List the models of the endpoint in use.

    Without --refresh nothing is asked: the list is the last one remembered, or the shipped
    one. Without a key it is the shipped one of every endpoint.
    """
    settings = read_settings()
    flags = Flags(provider=provider, model=model, base_url=base_url)
    route = route_to_show(flags, settings, read_facts())
    tell_notices(route, settings)
    failure = _refresh(route) if ask else None
    facts = read_facts()
    route = route_to_show(flags, settings, facts)
    everything = everything or lacks_key(route)
    routes = _routes(route, facts, everything=everything)
    tables = [(other, every_model(other, facts, closed=everything)) for other in routes]
    if as_json:
        _print_document(route, tables, failure)
    else:
        _print_tables(route, tables, everything=everything)
        if route.model_error is not None:
            notice(f"{route.model_error.message}")
    if failure is not None:
        raise failure


def _refresh(route: Route) -> HermesError | None:
    """Ask the Route's endpoint and remember the answer; return why that failed, or None."""
    from hermes_cli.runtime_provider import open_client, require_key

    async def ask() -> str:
        async with open_client(route) as client:
            return await refresh(client, at=datetime.now(UTC).isoformat(timespec="seconds"))

    if not route.endpoint.lists_models:
        return UsageError(
            f"The {route.endpoint.name} has no list to ask for.",
            remedy="`hermes models` shows what it has.",
        )
    try:
        require_key(route)
        refused = asyncio.run(ask())
    except HermesError as error:
        return error
    if refused:
        notice(refused)
    return None


def _routes(route: Route, facts: Facts, *, everything: bool) -> list[Route]:
    """Return the Route's endpoint and, if asked, the provider's others."""
    if not everything:
        return [route]
    others = [row for row in route.provider.value.endpoints if row != route.endpoint]
    return [route, *(at_endpoint(route, other, facts) for other in others)]


def _age(route: Route) -> str:
    """Return where a table's ids come from, and of which day they are."""
    if route.live is not None:
        return f"GET /models of {route.live.at[:10]}"
    if not route.endpoint.models:
        return "no list yet: `hermes models --refresh` asks"
    return f"shipped rows of {COMPILED}"


def _in_use(row: PickerRow, table: Route, route: Route) -> bool:
    return table is route and row.id == route.model.value


def _cells(row: PickerRow, *, in_use: bool) -> tuple[str, ...]:
    words = ["in use"] if in_use else []
    words += [row.standing] if row.standing else []
    words += [f"sent as {row.sent_as}"] if row.sent_as != row.id else []
    source = _SOURCES.get(row.window.origin, row.source)
    return (row.id, f"{row.context_tokens:,}", source, row.first_day, ", ".join(words))


def _print_tables(
    route: Route, tables: Sequence[tuple[Route, list[PickerRow]]], *, everything: bool
) -> None:
    for number, (other, rows) in enumerate(tables):
        if number:
            say()
        title = f"{other.endpoint.name}  {shown_base_url(other)}  {_age(other)}"
        cells = [_cells(row, in_use=_in_use(row, other, route)) for row in rows]
        if not rows:
            say(title, style="bold")
            continue
        print_table(title, _COLUMNS, cells)
    if not everything and len(route.provider.value.endpoints) > 1:
        notice("`hermes models --all` shows closed models and the other endpoints.")


def _print_document(
    route: Route, tables: Sequence[tuple[Route, list[PickerRow]]], failure: HermesError | None
) -> None:
    print_json(
        {
            "provider": route.provider.value.id,
            "model": route.model.value,
            "endpoints": [
                {
                    "id": other.endpoint.id,
                    "name": other.endpoint.name,
                    "base_url": other.base_url.value,
                    "in_use": other is route,
                    "list": "live" if other.live else "shipped",
                    "list_at": other.live.at if other.live else COMPILED,
                    "models": [
                        _row_document(row, in_use=_in_use(row, other, route)) for row in rows
                    ],
                }
                for other, rows in tables
            ],
            "error": error_document(failure),
        }
    )


def _row_document(row: PickerRow, *, in_use: bool) -> dict[str, Any]:
    return {
        "id": row.id,
        "in_use": in_use,
        "context_tokens": row.context_tokens,
        "origin": row.window.origin.value,
        "where": row.source,
        "first_day": row.first_day or None,
        "last_day": row.last_day or None,
        "standing": row.standing,
        "note": row.row.note if row.row else "",
        "offered": row.offered,
        "sent_as": row.sent_as,
    }
