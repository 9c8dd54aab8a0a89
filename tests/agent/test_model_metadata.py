"""Context windows by id: the request's numbers, the endpoints' own, what was learnt, the floor."""

import pytest

from agent.catalog import PROVIDERS
from agent.catalog.kimi import KIMI
from agent.keys import ApiKey
from agent.learnt import Facts, LearntLimit, LiveList, LiveModel
from agent.model_metadata import DEFAULT_CONTEXT_LENGTHS, get_model_context_length

CODE_URL = "https://api.kimi.com/coding/v1"
KEY = "sk-kimi-plan-key-0001"
REQUESTED = {
    "kimi-coding": 200_000,
    "kimi-latest": 200_000,
    "kimi-k2.5": 262_144,
    "kimi-k2-thinking": 262_144,
    "kimi-k2-turbo-preview": 262_144,
    "kimi-k2-0905-preview": 262_144,
}


@pytest.mark.parametrize("model", REQUESTED)
def test_the_requests_six_have_the_windows_it_asks_for(model: str) -> None:
    """Offline, with and without a base URL."""
    assert DEFAULT_CONTEXT_LENGTHS[model] == REQUESTED[model]
    assert get_model_context_length(model) == REQUESTED[model]
    assert get_model_context_length(model, CODE_URL, KEY) == REQUESTED[model]


def test_every_shipped_id_is_in_the_table_with_its_smallest_window() -> None:
    """Where endpoints differ, the table has the number that fits everywhere."""
    rows = [row for provider in PROVIDERS for row in provider.every_model()]
    assert set(DEFAULT_CONTEXT_LENGTHS) == {row.id for row in rows}
    for row in rows:
        assert DEFAULT_CONTEXT_LENGTHS[row.id] <= row.context_tokens
    assert DEFAULT_CONTEXT_LENGTHS["kimi-for-coding"] == 262_144
    assert type(DEFAULT_CONTEXT_LENGTHS) is dict


def test_with_a_base_url_the_endpoints_own_number_counts() -> None:
    """For every id at every endpoint of Kimi."""
    for endpoint in KIMI.endpoints:
        for row in endpoint.models:
            for _, url in endpoint.base_urls:
                assert get_model_context_length(row.id, url) == row.context_tokens
    assert get_model_context_length("kimi-for-coding", "https://api.kimi.ai/coding/v1") == 1_048_576


def test_an_unknown_model_has_the_stated_fallback() -> None:
    """Never a guess from the name, and never a crash over a base URL."""
    assert get_model_context_length("kimi-k99") == 32_768
    assert get_model_context_length("kimi-k3", CODE_URL) == 32_768
    assert get_model_context_length("kimi-k99", "not a url") == 32_768
    assert get_model_context_length("kimi-k2.6", "https://gateway.invalid/v1") == 262_144


def test_what_was_learnt_beats_what_is_listed_beats_the_row() -> None:
    """In this order, for that endpoint and key only."""
    digest = ApiKey(KEY).digest
    lists = {(CODE_URL, digest): LiveList((LiveModel("k3", 500_000),), "2026-11-22T00:00:00")}
    limits = {(CODE_URL, digest, "k3"): LearntLimit(262_144, 500_000, "2026-11-22T00:00:00")}
    assert get_model_context_length("k3", CODE_URL, KEY, facts=Facts(lists=lists)) == 500_000
    both = Facts(lists=lists, limits=limits)
    assert get_model_context_length("k3", CODE_URL, KEY, facts=both) == 262_144
    assert get_model_context_length("k3", CODE_URL, "sk-kimi-other", facts=both) == 1_048_576
    assert get_model_context_length("k3", facts=both) == 1_048_576
