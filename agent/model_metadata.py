"""Context windows by model id: views over the rows and what was learnt."""

from collections.abc import Iterator

from agent.base_url import place
from agent.catalog import PROVIDERS
from agent.catalog.rows import EndpointRow, ModelRow, ProviderRow
from agent.errors import ConfigurationError
from agent.keys import ApiKey
from agent.learnt import Facts
from agent.route import window_of


def _every_row() -> Iterator[ModelRow]:
    for provider in PROVIDERS:
        yield from provider.every_model()


def _smallest_windows() -> dict[str, int]:
    """Return every shipped model id's window in tokens, the smallest where endpoints differ."""
    windows: dict[str, int] = {}
    for row in _every_row():
        windows[row.id] = min(row.context_tokens, windows.get(row.id, row.context_tokens))
    return windows


DEFAULT_CONTEXT_LENGTHS: dict[str, int] = _smallest_windows()
"""Model id → context window in tokens, for every id of every shipped row."""


def get_model_context_length(
    model: str, base_url: str = "", api_key: str = "", *, facts: Facts | None = None
) -> int:
    """
    Return a model's context window in tokens; never raises.

    With a base URL of ours, that endpoint's number; otherwise the smallest of all
    endpoints. `facts` are what was learnt (`hermes_cli.models.read_facts()` reads them):
    with them and a key, a learnt limit beats the endpoint's live answer, and both beat
    the shipped row. A model that nobody knows has the stated fallback of 32,768.
    """
    facts = facts or Facts()
    digest = ApiKey(api_key).digest if api_key else ""
    provider, endpoint = _locate(base_url)
    row = provider.model_at(endpoint, model) if provider and endpoint else None
    known_here = (row,) if row else ()
    rows = known_here if endpoint else tuple(row for row in _every_row() if row.id == model)
    name = endpoint.base_urls[0][1] if endpoint else base_url.strip().rstrip("/")
    sent = row.id_sent_to(endpoint.id) if row and endpoint else model
    limit = facts.limits.get((name, digest, sent))
    return window_of(
        (model, sent),
        rows=rows,
        live=facts.lists.get((name, digest)),
        limit=(limit.tokens, limit.live_tokens, limit.at) if limit else None,
    ).value


def _locate(base_url: str) -> tuple[ProviderRow | None, EndpointRow | None]:
    """Return the provider and the endpoint of ours that a base URL leads to, if any."""
    for provider in PROVIDERS if base_url.strip() else ():
        try:
            endpoint = place(base_url, provider).endpoint
        except ConfigurationError:
            continue  # not a URL of this provider; the smallest known window still holds
        if endpoint in provider.endpoints:
            return provider, endpoint
    return None, None
