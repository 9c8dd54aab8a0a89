"""What a conversation used and cost: after each answer, and in sum with `/usage`."""

from kimi_mock.replies import Reply
from kimi_mock.server import KimiMock
from tests.conftest import PLAN_KEY, PLATFORM_KEY
from tests.process.test_conversation import leave, say, talk
from tests.support.process import Hermes


def used(prompt: int, cached: int, completion: int = 100) -> Reply:
    """Answer with this usage."""
    usage = {
        "prompt_tokens": prompt,
        "completion_tokens": completion,
        "total_tokens": prompt + completion,
        "cached_tokens": cached,
    }
    return Reply.streaming({"content": "Yes."}, usage=usage)


def test_each_answer_tells_its_cost_and_the_sum_is_the_sum(kimi: KimiMock, hermes: Hermes) -> None:
    """1,000 and 2,000 tokens in, half cached: $0.0032 and $0.0048 make $0.0080, asked of nobody."""
    kimi.replies += [used(1_000, 500), used(2_000, 1_000)]
    with talk(hermes, "chat", "--model", "kimi-k3") as terminal:
        before = say(terminal, "/usage", "Answers")
        first = say(terminal, "one", "out · $0.00")
        second = say(terminal, "two", "out · $0.00")
        total = say(terminal, "/usage", "`hermes usage`.")
        leave(terminal)

    assert "Answers  0" in before
    assert "kimi-k3 · 1,000 tokens in (50 % cached), 100 out · $0.0032" in first
    assert "kimi-k3 · 2,000 tokens in (50 % cached), 100 out · $0.0048" in second
    assert "Answers     2" in total
    assert "Tokens in   3,000, 50 % from the cache" in total
    assert "Tokens out  200" in total
    assert "Cost        $0.0080 at the list prices of 2026-11-22" in total
    assert len(kimi.seen) == 2


def test_a_plan_covers_a_conversation(kimi: KimiMock, hermes: Hermes) -> None:
    """No money is shown where a membership has paid; what was said counts after `/clear` too."""
    kimi.gate_allows = {*kimi.gate_allows, "hermes-kimi"}
    with talk(hermes, "chat", key=PLAN_KEY) as terminal:
        answer = say(terminal, "one", "covered by the plan")
        say(terminal, "/clear", "forgotten.")
        total = say(terminal, "/usage", "`hermes usage`.")
        leave(terminal)

    assert "$" not in answer + total
    assert "Answers     1" in total
    assert "Cost        covered by the plan" in total


def test_what_is_left_of_the_plan_stands_in_the_status_line(kimi: KimiMock, hermes: Hermes) -> None:
    """The fullest window as `hermes usage` was told it last; a conversation never asks."""
    kimi.gate_allows = {*kimi.gate_allows, "hermes-kimi"}
    kimi.five_hour_used, kimi.weekly_used = 62, 30
    with talk(hermes, "chat", key=PLAN_KEY) as terminal:
        assert "left" not in terminal.text
        assert hermes("usage", key=PLAN_KEY).code == 0
        say(terminal, "one", "covered by the plan")
        terminal.read_until("5 hours: 38 % left")
        leave(terminal)
    with talk(hermes, "chat", key=PLAN_KEY) as terminal:
        terminal.read_until("5 hours: 38 % left")
        leave(terminal)

    asked = [seen.path for seen in kimi.seen]
    assert asked == ["/coding/v1/usages", "/coding/v1/chat/completions"]


def test_the_setup_is_enough_to_know_what_is_left(kimi: KimiMock, hermes: Hermes) -> None:
    """What it asked once with a new key stands in the first conversation with it."""
    kimi.five_hour_used, kimi.weekly_used = 62, 30
    assert hermes("setup", "--key-stdin", stdin=PLAN_KEY).code == 0
    asked = len(kimi.seen)
    with talk(hermes, "chat", key="") as terminal:
        terminal.read_until("5 hours: 38 % left")
        leave(terminal)

    assert len(kimi.seen) == asked


def test_a_cache_gone_cold_is_told_and_a_long_message_is_not(
    kimi: KimiMock, hermes: Hermes
) -> None:
    """Nothing changed and less came from the cache: one line says so, and only then."""
    kimi.replies += [used(1_000, 800), used(8_000, 800), used(8_100, 0)]
    with talk(hermes, "chat", "--model", "kimi-k3", key=PLATFORM_KEY) as terminal:
        say(terminal, "one", "out · $0.00")
        grown = say(terminal, "two", "out · $0.02")
        cold = say(terminal, "three", "no longer had them.")
        leave(terminal)

    assert "fell" not in grown
    assert "The cached share fell from 10 % to 0 %, though no message changed" in cold
