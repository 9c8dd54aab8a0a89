"""The estimate against recorded counts; tests/agent/estimate_samples.json has text and counts."""

import json
import urllib.request
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent.estimate import (
    TOKENS_PER_IMAGE,
    TOKENS_PER_MESSAGE,
    TOKENS_PER_VIDEO,
    Count,
    tokens_at_most,
    tokens_of_text,
)
from agent.keys import plain_text
from agent.local_server import LocalServer, find_model
from agent.messages import (
    ImagePart,
    Message,
    TextPart,
    ThinkPart,
    ToolCall,
    ToolResult,
    VideoPart,
    user,
)


@dataclass(frozen=True, kw_only=True)
class Sample:
    """A text and its recorded counts: of SmolLM2's tokenizer, and of `o200k_base`."""

    group: str
    name: str
    text: str
    smollm2: int
    o200k_base: int

    @property
    def ratios(self) -> tuple[float, float]:
        """The estimate as a multiple of each count."""
        estimate = tokens_of_text(self.text)
        return estimate / self.smollm2, estimate / self.o200k_base


RECORDS = json.loads(Path(__file__).with_name("estimate_samples.json").read_text("utf-8"))
SAMPLES = [Sample(**record) for record in RECORDS]

# The table in the module's docstring: least and most, SmolLM2 and then o200k_base.
STATED = {
    "prose": (1.1, 1.9, 1.6, 1.9),
    "han": (1.1, 1.3, 2.1, 2.8),
    "code": (1.1, 1.9, 1.5, 2.0),
    "tables": (1.0, 1.6, 1.4, 2.0),
    "other scripts": (0.8, 0.9, 1.6, 2.5),
    "random": (0.6, 0.8, 0.8, 1.1),
}


@pytest.mark.parametrize(
    "sample",
    [sample for sample in SAMPLES if sample.group not in ("other scripts", "random")],
    ids=lambda sample: sample.name,
)
def test_prose_code_and_json_are_never_estimated_too_low(sample: Sample) -> None:
    """An estimate below the count would ask for more than the window holds, and get a 400."""
    assert tokens_of_text(sample.text) >= max(sample.smollm2, sample.o200k_base)


@pytest.mark.parametrize("sample", SAMPLES, ids=lambda sample: sample.name)
def test_the_error_is_the_stated_one(sample: Sample) -> None:
    """What the module says of its own error is what the recorded counts say, to a tenth."""
    least, most, least_large, most_large = STATED[sample.group]
    small, large = sample.ratios

    assert least - 0.05 <= small <= most + 0.06
    assert least_large - 0.05 <= large <= most_large + 0.06


def test_the_whole_of_a_part_is_counted() -> None:
    """Reasoning, arguments and what a tool gave take room; media have a price of their own."""
    text, count = "ten words of text", tokens_of_text("ten words of text")
    image, video = ImagePart(b"\x89PNG", "image/png"), VideoPart(b"....", "video/mp4")
    result = ToolResult("1", "read", (TextPart(text), image))
    cases = (
        ((TextPart(text), ThinkPart(text)), 2 * count),
        ((ToolCall("1", "", text),), count),
        ((result,), TOKENS_PER_MESSAGE + count + TOKENS_PER_IMAGE),
        ((video,), TOKENS_PER_VIDEO),
    )
    for parts, expected in cases:
        assert tokens_at_most([Message("assistant", parts)]) == TOKENS_PER_MESSAGE + expected
    assert tokens_at_most([user(text)] * 3) == 3 * (TOKENS_PER_MESSAGE + count)
    assert tokens_at_most([]) == 0


@pytest.mark.parametrize(
    ("text", "tokens"), [("", 0), ("a", 1), ("\n", 1), ("7" * 100, 100), ("\ud83d", 1), ("\0", 1)]
)
def test_odd_text_is_counted_too(text: str, tokens: int) -> None:
    """Nothing is free but the empty text, and half an emoji does not end the program."""
    assert tokens_of_text(text) == tokens


@pytest.mark.local_model
def test_the_recorded_counts_are_those_of_the_embedded_model() -> None:
    """Whoever doubts the record asks the tokenizer again; it is SmolLM2's, not Kimi's."""
    environment = {"PATH": "/usr/bin:/bin"}
    with LocalServer.start(find_model(), environment=environment, context_tokens=512) as server:
        count = _counter(server)
        counts = {sample.name: count(sample.text) for sample in SAMPLES}

    assert counts == {sample.name: sample.smollm2 for sample in SAMPLES}


def _counter(server: LocalServer) -> Callable[[str], int]:
    """Return a function that asks the server's tokenizer for a text's tokens."""
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    headers = {"Authorization": f"Bearer {plain_text(server.key)}"}

    def count(text: str) -> int:
        body = json.dumps({"content": text}).encode()
        url = f"{server.base_url.removesuffix('/v1')}/tokenize"
        request = urllib.request.Request(url, body, headers)  # noqa: S310 - loopback
        with opener.open(request) as answer:
            return len(json.load(answer)["tokens"])

    return count


@given(st.lists(st.text(max_size=40), max_size=8), st.integers(0, 400), st.integers(0, 8))
def test_a_count_that_remembers_says_what_a_fresh_one_says(
    texts: list[str], enough: int, seen: int
) -> None:
    """What was counted before is not counted again, and changes no number below `enough`."""
    messages = tuple(user(text) for text in texts)
    count = Count()
    count.at_most(messages[:seen], enough)
    told, whole = count.at_most(messages, enough), tokens_at_most(messages)
    assert told == whole or (told > enough and whole > enough)
