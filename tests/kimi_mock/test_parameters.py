"""Sampling, thinking, effort, budget and tool choice: what is refused, and in which words."""

from typing import Any

import pytest

from kimi_mock.server import KimiMock
from tests.kimi_mock.asking import Asker

TOOL = {"type": "function", "function": {"name": "look", "parameters": {"type": "object"}}}
NAMED = {"type": "function", "function": {"name": "look"}}
ONLY_ENABLED = "invalid thinking: only type=enabled is allowed for this model"
INCOMPATIBLE = "tool_choice '{}' is incompatible with thinking enabled"


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        (
            {"thinking": {"type": "enabled"}, "reasoning_effort": "high"},
            "cannot specify both 'thinking' and 'reasoning_effort'",
        ),
        (
            {"thinking": True},
            "the thinking field in the request (expected type object) is illegal,"
            " and bool is not acceptable",
        ),
        (
            {"reasoning_effort": {"effort": "max"}},
            "the reasoning_effort field (expected type string) is illegal",
        ),
        ({"model": "kimi-k2.7-code", "thinking": {"type": "disabled"}}, ONLY_ENABLED),
        ({"thinking": {"type": "disabled"}}, ONLY_ENABLED),
        ({"thinking": {"type": "adaptive"}}, "invalid thinking: type=adaptive is not supported"),
        (
            {"model": "kimi-k2.6", "thinking": {"type": "enabled", "keep": "some"}},
            "invalid thinking: keep=some is not supported",
        ),
        (
            {"max_completion_tokens": 0},
            "Invalid request: max_completion_tokens must be a positive integer",
        ),
        ({"stop": ["a"] * 6}, "Invalid request: stop must have at most 5 items"),
        ({"stop": "a" * 33}, "Invalid request: stop must be strings of at most 32 bytes"),
    ],
)
def test_parameters_that_are_refused(asker: Asker, fields: dict[str, Any], message: str) -> None:
    """Each combination of contract 3.1 to 3.4 gets the message that was captured."""
    assert asker.refused(**fields) == message


@pytest.mark.parametrize(
    "fields",
    [
        {"reasoning_effort": "low"},
        {"model": "kimi-k2.6", "thinking": {"type": "enabled", "keep": "all"}},
        {"model": "kimi-k2.6", "thinking": {"type": "disabled", "keep": None}},
        {"model": "kimi-k2.7-code", "thinking": {"type": "enabled", "keep": "all"}},
        {"stop": ["a", "b"], "prompt_cache_key": "s", "safety_identifier": "u"},
    ],
)
def test_parameters_that_pass(asker: Asker, fields: dict[str, Any]) -> None:
    """What the documents say a client may send is answered."""
    assert asker.refused(**fields) == ""


def test_thinking_on_k3_is_played_both_ways(kimi: KimiMock, asker: Asker) -> None:
    """The platform's documents say no, a guide of its own says yes; contract 11."""
    sent: dict[str, Any] = {"thinking": {"type": "enabled"}}
    assert asker.refused(**sent) == ""

    kimi.thinking_on_k3 = "refused"

    assert "thinking field" in asker.refused(**sent)
    assert asker.refused("kimi-code", **sent) == ""
    assert asker.refused(model="kimi-k2.6", **sent) == ""


def test_an_unknown_effort_is_played_both_ways(kimi: KimiMock, asker: Asker) -> None:
    """The platform ignored one in a live test and is said to refuse it; the plan refuses it."""
    assert asker.refused(reasoning_effort="medium") == ""
    assert asker.refused("kimi-code", reasoning_effort="medium") == ""
    assert "minimal" in asker.refused("kimi-code", reasoning_effort="minimal")

    kimi.unknown_effort = "refused"

    assert "medium" in asker.refused(reasoning_effort="medium")


@pytest.mark.parametrize(
    "fields", [{"thinking": {"type": "disabled"}}, {"reasoning_effort": "none"}]
)
def test_thinking_off_on_the_plan_serves_another_model(
    asker: Asker, fields: dict[str, Any]
) -> None:
    """k3 answers as another model without a word; K3.1 Pro and the alias refuse."""
    assert asker.post("kimi-code", **fields).json()["model"] == "kimi-k2.8-preview"
    assert asker.refused("kimi-code", model="k3.1-pro", **fields) == ONLY_ENABLED
    assert asker.refused("kimi-code", model="kimi-for-coding", **fields) == ONLY_ENABLED


@pytest.mark.parametrize(
    ("model", "choice", "message"),
    [
        ("kimi-k2.6", "required", INCOMPATIBLE.format("required")),
        ("kimi-k2.6", NAMED, INCOMPATIBLE.format("specified")),
        ("kimi-k2.7-code", "required", INCOMPATIBLE.format("required")),
        ("kimi-k3", NAMED, INCOMPATIBLE.format("specified")),
        ("kimi-k3", "required", ""),
        ("kimi-k2.6", "auto", ""),
        ("kimi-k3", "perhaps", "Invalid request: invalid tool_choice: perhaps"),
    ],
)
def test_tool_choice(asker: Asker, model: str, choice: object, message: str) -> None:
    """K2 cannot be forced while it thinks; K3 cannot be forced by name."""
    assert asker.refused(model=model, tools=[TOOL], tool_choice=choice) == message


def test_tool_choice_without_thinking(kimi: KimiMock, asker: Asker) -> None:
    """With thinking off both forms pass, and a switch lets K3 take a name."""
    for choice in ("required", NAMED):
        fields: dict[str, Any] = {
            "tools": [TOOL],
            "tool_choice": choice,
            "thinking": {"type": "disabled"},
        }
        assert asker.refused(model="kimi-k2.6", **fields) == ""

    kimi.named_tool_choice = "coerced"

    assert asker.refused(tools=[TOOL], tool_choice=NAMED) == ""


def test_the_window(kimi: KimiMock, asker: Asker) -> None:
    """Prompt and budget must fit: the listed window, or the lower one of the switch."""
    assert asker.refused(model="kimi-k2.6", max_completion_tokens=262_100) == ""
    assert asker.refused(model="kimi-k2.6", max_completion_tokens=262_144) == (
        "Invalid request: Your request exceeded model token limit: 262144 (requested: 262150)"
    )

    kimi.window_limits["kimi-k3"] = 1_000

    assert asker.refused() == ""
    assert "token limit: 1000 (requested: " in asker.refused(max_tokens=1_000)
    assert asker.refused(max_tokens=2_000, max_completion_tokens=10) == ""
    assert asker.get("/models", "moonshot").json()["data"][2]["context_length"] == 1_048_576


def test_an_image_is_not_counted_by_its_bytes(asker: Asker) -> None:
    """A megabyte of base64 does not fill a window of 262,144 tokens."""
    url = "data:image/png;base64," + "iVBORw0KGgo" * 200_000
    part = {"type": "image_url", "image_url": {"url": url}}

    assert asker.refused(model="kimi-k2.6", messages=[{"role": "user", "content": [part]}]) == ""


def test_the_plan_takes_two_megabytes(asker: Asker) -> None:
    """2,097,152 bytes of messages pass, one more does not; the platform has no such limit."""
    frame = len('[{"role":"user","content":""}]')
    fits = [{"role": "user", "content": "x" * (2_097_152 - frame)}]
    above = [{"role": "user", "content": "x" * (2_097_153 - frame)}]

    assert asker.refused("kimi-code", messages=fits) == ""
    assert asker.refused("kimi-code", messages=above) == (
        "total message size 2097153 exceeds limit 2097152"
    )
    assert asker.refused(messages=above) == ""


def test_a_high_risk_text(kimi: KimiMock, asker: Asker) -> None:
    """The text of the switch is refused with each product's own type."""
    kimi.high_risk_text = "hi"
    message = "The request was rejected because it was considered high risk"

    assert asker.post().json() == {"error": {"message": message, "type": "content_filter"}}
    assert asker.refused("kimi-code") == message


def test_a_response_schema_obeys_the_dialect(asker: Asker) -> None:
    """json_schema goes through the same validator as tools, with a beginning of its own."""
    schema = {"type": "object", "properties": {"a": {"type": "string", "format": "date"}}}
    wanted = {"type": "json_schema", "json_schema": {"name": "x", "schema": schema}}

    assert asker.refused(response_format=wanted) == (
        "Invalid request: the `response_format.json_schema.schema` field in the request is"
        " illegal, details: <At path 'properties.a': unsupported keywords: format>"
    )
    assert asker.refused(response_format={"type": "json_object"}) == ""
