"""The mock against clients that know nothing of it: the unmodified vendor packages."""

from collections.abc import Iterator
from typing import Any

import anthropic
import httpx2
import openai
import pytest

from kimi_mock.replies import Reply
from kimi_mock.server import KimiMock

KEY = "sk-mock-platform-0003"
PLAN_KEY = "sk-kimi-mock-code-0001"
WEATHER: Any = {
    "type": "object",
    "properties": {"city": {"type": "string"}},
    "required": ["city"],
}


@pytest.fixture
def no_proxy() -> Iterator[httpx2.Client]:
    """Give the HTTP client both packages take, without the environment's proxies."""
    with httpx2.Client(trust_env=False) as client:
        yield client


def test_openai_completes_a_streamed_tool_turn(kimi: KimiMock, no_proxy: httpx2.Client) -> None:
    """Two calls are asked for in a stream, answered, and the answer to them streams too."""
    kimi.replay = "strict"
    kimi.replies += [
        Reply.calling(
            ("weather", {"city": "Köln"}), ("weather", '{"city": "北京"}'), reasoning="Two."
        ),
        Reply.streaming({"content": "Rain. "}, {"content": "晴。"}),
    ]
    client = openai.OpenAI(
        api_key=KEY, base_url=kimi.base_url("moonshot"), http_client=no_proxy, max_retries=0
    )
    tool: Any = {"type": "function", "function": {"name": "weather", "parameters": WEATHER}}
    question: Any = {"role": "user", "content": "Weather?"}

    with client.chat.completions.stream(
        model="kimi-k3",
        messages=[question],
        tools=[tool],
        stream_options={"include_usage": True},
    ) as first:
        completion = first.get_final_completion()
    said = completion.choices[0].message
    calls = said.tool_calls or []
    results: Any = [{"role": "tool", "tool_call_id": call.id, "content": "wet"} for call in calls]
    replayed: Any = {
        "role": "assistant",
        "reasoning_content": "Two.",
        "tool_calls": [call.model_dump(include={"id", "type", "function"}) for call in calls],
    }
    for call in replayed["tool_calls"]:
        call["function"].pop("parsed_arguments", None)
    with client.chat.completions.stream(
        model="kimi-k3", messages=[question, replayed, *results], tools=[tool]
    ) as second:
        text = second.get_final_completion().choices[0].message.content

    assert completion.choices[0].finish_reason == "tool_calls"
    assert [(call.id, call.function.arguments) for call in calls] == [
        ("weather:0", '{"city":"Köln"}'),
        ("weather:1", '{"city": "北京"}'),
    ]
    assert completion.usage is not None
    assert completion.usage.prompt_tokens == 21
    assert text == "Rain. 晴。"


def test_anthropic_completes_a_streamed_tool_turn(kimi: KimiMock, no_proxy: httpx2.Client) -> None:
    """Thinking, words and two calls come as blocks, and the results are taken back."""
    kimi.replay = "strict"
    kimi.replies += [
        Reply.calling(
            ("weather", {"city": "Köln"}), ("clock", {}), reasoning="Two.", text="Looking."
        ),
        Reply.streaming({"content": "Rain."}),
    ]
    client = anthropic.Anthropic(
        auth_token=PLAN_KEY,
        api_key=None,
        base_url=kimi.base_url("kimi-code", "messages"),
        http_client=no_proxy,
        max_retries=0,
    )
    tools: Any = [
        {"name": "weather", "input_schema": WEATHER},
        {"name": "clock", "input_schema": {"type": "object", "properties": {}}},
    ]
    question: Any = {"role": "user", "content": "Weather?"}

    with client.messages.stream(
        model="k3",
        max_tokens=4_096,
        messages=[question],
        tools=tools,
    ) as first:
        message = first.get_final_message()
    blocks: Any = [block.model_dump(exclude_none=True) for block in message.content]
    results: Any = [
        {"type": "tool_result", "tool_use_id": block.id, "content": "wet"}
        for block in message.content
        if block.type == "tool_use"
    ]
    replayed: Any = {"role": "assistant", "content": blocks}
    with client.messages.stream(
        model="k3",
        max_tokens=4_096,
        messages=[question, replayed, {"role": "user", "content": results}],
        tools=tools,
    ) as second:
        text = second.get_final_text()

    assert message.stop_reason == "tool_use"
    assert [block["type"] for block in blocks] == ["thinking", "text", "tool_use", "tool_use"]
    assert [(block.get("id"), block.get("input")) for block in blocks[2:]] == [
        ("weather:0", {"city": "Köln"}),
        ("clock:1", {}),
    ]
    assert message.usage.input_tokens == 16
    assert text == "Rain."


def test_they_tell_a_refusal_apart(kimi: KimiMock, no_proxy: httpx2.Client) -> None:
    """Each package raises its own class for a 401 and a 429 of the mock, with its text."""
    kimi.overloaded_calls = 2
    openai_client = openai.OpenAI(
        api_key=KEY, base_url=kimi.base_url("moonshot"), http_client=no_proxy, max_retries=0
    )
    anthropic_client = anthropic.Anthropic(
        auth_token=PLAN_KEY,
        api_key=None,
        base_url=kimi.base_url("kimi-code", "messages"),
        http_client=no_proxy,
        max_retries=0,
    )

    with pytest.raises(openai.RateLimitError, match="currently overloaded"):
        openai_client.chat.completions.create(
            model="kimi-k3", messages=[{"role": "user", "content": "hi"}]
        )
    with pytest.raises(anthropic.RateLimitError, match="rate_limit_error"):
        anthropic_client.messages.create(
            model="k3", max_tokens=99, messages=[{"role": "user", "content": "hi"}]
        )
    kimi.keys["moonshot"].clear()
    with pytest.raises(openai.AuthenticationError, match="Invalid Authentication"):
        openai_client.models.list()
