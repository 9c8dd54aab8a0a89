"""
Print `docs/kimi.md`: the rows of `agent.catalog` as a page for people.

`make kimi-page` writes it; a test compares the file with what is printed here. Whatever
stands on the page is read from a row: to mend the page, mend the row.
"""

from collections.abc import Iterable, Iterator
from itertools import groupby

from agent.catalog import PROVIDERS, find
from agent.catalog.kimi_models import COMPILED
from agent.catalog.rows import EndpointRow, ModelRow, ProviderRow
from scripts.markdown import table

COMMAND = "make kimi-page"
UNKNOWN = "not known"
THINKING = {"only": "always on", "both": "can be turned off", "no": "none"}
"""What a user can do about a model's reasoning, for each value of `ModelRow.thinking`."""


def main() -> None:
    """Print the page."""
    print(page(), end="")


def page() -> str:
    """Return the whole page, which ends with one line end."""
    kimi = find("kimi")
    if kimi is None:
        raise LookupError("no provider row answers to the name kimi")
    sections = (
        _head(),
        _keys(kimi),
        *(_endpoint(kimi, row) for row in kimi.endpoints),
        _first_list(kimi),
        _not_exercised(),
    )
    return "\n".join("\n".join(section) + "\n" for section in sections)


def _head() -> Iterator[str]:
    yield "# Kimi: endpoints, keys and models"
    yield ""
    yield f"<!-- Generated from the rows in agent/catalog by `{COMMAND}`: edit the rows. -->"
    yield ""
    yield f"This page is generated from the rows in `agent/catalog` by `{COMMAND}`; do not edit it."
    yield f"The rows were compiled on {COMPILED} from public pages and repositories, named as the"
    yield "source of each; no endpoint was asked. What an endpoint says in `GET /models` beats what"
    yield "stands here: `hermes models --refresh` asks yours, and `hermes explain` shows which"
    yield "number is in use and why."


def _keys(kimi: ProviderRow) -> Iterator[str]:
    yield "## Where a key goes"
    yield ""
    default = kimi.endpoint(kimi.default_endpoint)
    rows = []
    for endpoint in kimi.endpoints:
        if endpoint.id == default.id:
            goes = "every other key, unless told otherwise"
        elif endpoint.key_prefix:
            first = _first_of_prefix(kimi, endpoint.key_prefix)
            goes = f"a key that begins with `{endpoint.key_prefix}`"
            goes += "" if first.id == endpoint.id else f", when told so; {first.name} comes first"
        else:
            goes = "a key of this region, when told so: it looks like any other"
        rows.append((endpoint.name, endpoint.product, endpoint.region, goes))
    yield from table(("Endpoint", "Product", "Region", "Takes"), rows)
    yield ""
    names = ", ".join(f"`{name}`" for name in kimi.key_variables)
    yield f"The key may stand in {names}, in this order."
    yield "To be told so is a base URL of one of the endpoints below, with `--base-url URL` or in"
    yield f"`{kimi.base_url_variable}`; one that contradicts the key is used, and announced."
    yield ""
    refused = (f"`{prefix}` ({vendor})" for prefix, vendor in kimi.foreign_prefixes)
    yield f"Keys of other vendors are refused before anything is sent: {', '.join(refused)}."


def _first_of_prefix(kimi: ProviderRow, prefix: str) -> EndpointRow:
    return next(row for row in kimi.endpoints if row.key_prefix == prefix)


def _endpoint(kimi: ProviderRow, endpoint: EndpointRow) -> Iterator[str]:
    yield f"## {endpoint.name} (`{endpoint.id}`)"
    yield ""
    yield from table(("", ""), _facts(endpoint))
    yield ""
    yield f"Windows and outputs are in tokens; prices are per million tokens. {_money(endpoint)}"
    yield ""
    heads = ("Model", "Window", "Most output (if unasked)", "Thinking", "In / cached / out", "Days")
    yield from table(heads, (_model_cells(model) for model in endpoint.models))
    yield ""
    yield from _sources(endpoint.models)
    aliases = [row for row in kimi.models if endpoint.id in dict(row.served_as)]
    if aliases:
        yield ""
        sent = (f"`{row.id}`, sent as `{row.id_sent_to(endpoint.id)}`" for row in aliases)
        yield f"Aliases of ours here: {'; '.join(sent)}."


def _sources(rows: Iterable[ModelRow]) -> Iterator[str]:
    yield "What is told of them, and where:"
    yield ""
    for told, models in groupby(rows, key=_told):
        yield f"- {', '.join(f'`{model.id}`' for model in models)}: {told}"


def _told(model: ModelRow) -> str:
    note = f"{model.note}. " if model.note else ""
    mark = "" if model.mark == "confirmed" else f" ({model.mark}, not confirmed)"
    return f"{note}Source: {model.source}{mark}."


def _facts(endpoint: EndpointRow) -> Iterator[tuple[str, str]]:
    yield "Product", endpoint.product
    yield "Region", endpoint.region
    yield "Key", f"begins with `{endpoint.key_prefix}`" if endpoint.key_prefix else "no own mark"
    for wire, url in endpoint.base_urls:
        yield f"Base URL, {wire} wire", f"`{url}`"
    yield "Console", endpoint.console
    yield "Gate", _gate(endpoint)
    yield "Peculiar", ", ".join(f"`{name}`" for name in sorted(endpoint.quirks)) or "nothing"
    yield "Source", endpoint.source


def _gate(endpoint: EndpointRow) -> str:
    shut = endpoint.refuses_unknown_clients
    if not shut:
        return "none known"
    open_ = [wire for wire in endpoint.wires if wire not in shut]
    instead = f"; then the {' or '.join(open_)} wire is taken" if open_ else ""
    return f"may answer 403 on the {' and '.join(shut)} wire to a client it does not know{instead}"


def _money(endpoint: EndpointRow) -> str:
    if all(model.price_in == 0 for model in endpoint.models):
        return "A membership covers these."
    currencies = sorted({model.currency for model in endpoint.models})
    return f"The currency is {' or '.join(currencies)}."


def _model_cells(model: ModelRow) -> tuple[str, ...]:
    output = UNKNOWN if model.output_tokens is None else f"{model.output_tokens:,}"
    if model.default_output_tokens is not None:
        output += f" ({model.default_output_tokens:,})"
    return (
        f"`{model.id}`",
        f"{model.context_tokens:,}",
        output,
        _thinking(model),
        _prices(model),
        _days(model),
    )


def _thinking(model: ModelRow) -> str:
    words = THINKING[model.thinking]
    if model.efforts:
        words += f"; {', '.join(model.efforts)}"
    if model.default_effort:
        words += f"; {model.default_effort} if unasked"
    return words


def _prices(model: ModelRow) -> str:
    prices = (model.price_in, model.price_cached, model.price_out)
    if all(price is None for price in prices):
        return UNKNOWN
    if all(price == 0 for price in prices):
        return "membership"
    shown = " / ".join("?" if price is None else f"{price:.2f}" for price in prices)
    return f"{shown} {model.currency}"


def _days(model: ModelRow) -> str:
    words = [f"since {model.first_day}"] if model.first_day else []
    words += [f"{model.closed or 'closed'} {model.last_day}"] if model.last_day else []
    return ", ".join(words)


def _first_list(kimi: ProviderRow) -> Iterator[str]:
    yield "## The list shown first"
    yield ""
    yield "These ids were asked for, with these windows; pickers show them first, in this order."
    yield f"`{kimi.default_model}` is the default. An alias of ours is sent under another id, which"
    yield "is told once, unless the endpoint's own list has the alias; no other id is exchanged."
    yield ""
    heads = ("Model", "Window", "Standing", *(f"Sent to `{row.id}`" for row in kimi.endpoints))
    rows = (
        (
            f"`{model.id}`",
            f"{model.context_tokens:,}",
            model.standing,
            *(f"`{model.id_sent_to(endpoint.id)}`" for endpoint in kimi.endpoints),
        )
        for model in kimi.models
    )
    yield from table(heads, rows)
    yield ""
    yield from _sources(kimi.models)
    yield ""
    yield "At a base URL that is none of the above, every id goes out as it was typed."


def _not_exercised() -> Iterator[str]:
    yield "## Providers known by name only"
    yield ""
    yield "Their names, variables and base URLs are shipped, and nothing more: no models, nothing"
    yield "peculiar, and no answer of theirs was ever seen by us."
    yield ""
    heads = ("Provider", "Name", "Also called", "Key in", "Base URL", "Other base URL in")
    rows = []
    for row in PROVIDERS:
        if row.exercised:
            continue
        wire, url = row.endpoints[0].base_urls[0]
        rows.append(
            (
                f"`{row.id}`",
                row.name,
                ", ".join(f"`{alias}`" for alias in row.aliases),
                ", ".join(f"`{name}`" for name in row.key_variables),
                f"`{url}` ({wire} wire)",
                f"`{row.base_url_variable}`",
            )
        )
    yield from table(heads, rows)


if __name__ == "__main__":
    main()
