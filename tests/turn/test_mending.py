"""What can be mended is mended and told; what cannot is one request."""

from pathlib import Path
from typing import Any

import pytest

from agent import errors
from agent.events import BudgetRaised, Resumed, Retrying, ServedModel, WindowLearnt
from agent.learnt import Facts, Learnt, LiveList, LiveModel
from agent.messages import Message, TextPart, ThinkPart, ToolCall, ToolResult, user
from agent.transport.retry import Patience
from kimi_mock.replies import Reply
from kimi_mock.server import KimiMock
from tests.conftest import PLAN_KEY, PLATFORM_KEY
from tests.turn.asking import IMPATIENT, ask, route
from tests.turn.test_detours import text


def error(status: int, message: str, kind: str = "", **headers: str) -> Reply:
    """Return an error answer of the chat wire."""
    return Reply.error(status, {"error": {"message": message, "type": kind}}, headers)


SAID = "The engine is currently overloaded, please try again later"
OVERLOADED = (
    "The engine is currently overloaded, please try again later",
    "engine_overloaded_error",
)


def test_what_may_pass_is_asked_again_and_told(kimi: KimiMock) -> None:
    """Overload, then an answer: two requests, one line with the seconds (contract row 24)."""
    kimi.replies += [error(429, *OVERLOADED), text("Hello.")]
    asked = ask(kimi, route())
    assert asked.shown == "Hello."
    assert asked.waits == [0.5]
    [told] = asked.of(Retrying)
    assert isinstance(told, Retrying)
    assert (told.seconds, told.attempt) == (0.5, 1)
    assert "overloaded" in told.reason
    assert len(kimi.seen) == 2


def test_an_overload_that_lasts_ends_in_its_sentence(kimi: KimiMock) -> None:
    """Bounded tries, doubling waits, then the endpoint's own words (kimi-cli#2209)."""
    kimi.replies += [error(429, *OVERLOADED) for _ in range(9)]
    asked = ask(kimi, route())
    assert isinstance(asked.error, errors.RateLimited)
    assert asked.waits == [0.5, 1.0, 2.0, 4.0]
    assert len(kimi.seen) == 5


def test_the_seconds_in_the_text_are_obeyed(kimi: KimiMock) -> None:
    """`please try again after N seconds` is the endpoint's word (opencode#24462)."""
    said = "Organization Rate limit exceeded, please try again after 7 seconds"
    kimi.replies += [
        error(429, said, "rate_limit_reached_error"),
        text("x"),
    ]
    assert ask(kimi, route()).waits == [7.0]


def test_retry_after_is_obeyed(kimi: KimiMock) -> None:
    """The header counts where the text names nothing."""
    kimi.replies += [
        error(429, *OVERLOADED, **{"retry-after": "3"}),
        text("x"),
    ]
    assert ask(kimi, route()).waits == [3.0]


def test_retry_after_is_obeyed_from_a_failing_server_too(kimi: KimiMock) -> None:
    """A 503 says when it will be back as a 429 does."""
    kimi.replies += [error(503, "maintenance", **{"retry-after": "9"}), text("x")]
    assert ask(kimi, route()).waits == [9.0]


def test_a_wait_beyond_the_limit_is_not_begun(kimi: KimiMock) -> None:
    """An hour is the user's to wait."""
    said = "please try again after 3600 seconds"
    kimi.replies.append(error(429, said, "rate_limit_reached_error"))
    asked = ask(kimi, route())
    assert (asked.waits, len(kimi.seen)) == ([], 1)


NEVER = [
    (429, "Your account is suspended due to insufficient balance", "exceeded_current_quota_error"),
    (403, "You've reached your 5-hour usage limit.", "access_terminated_error"),
    (403, "Access terminated.", "access_terminated_error"),
    (401, "Invalid Authentication", "invalid_authentication_error"),
    (401, "Your current subscription does not have access to k3", "authentication_error"),
    (400, "invalid temperature: only 1 is allowed for this model", "invalid_request_error"),
    (404, "Not found the model x or Permission denied", "resource_not_found_error"),
]


@pytest.mark.parametrize(("status", "said", "kind"), NEVER)
def test_what_will_not_pass_is_one_request(
    kimi: KimiMock, status: int, said: str, kind: str
) -> None:
    """Acceptance 23: quota, balance, ban, entitlement and a wrong request are never repeated."""
    kimi.replies += [error(status, said, kind)] * 2
    asked = ask(kimi, route())
    assert asked.error is not None
    assert said in asked.error.message
    assert (len(kimi.seen), asked.waits) == (1, [])


def test_a_server_error_and_a_hang_up_are_asked_again(kimi: KimiMock) -> None:
    """Different failures count together."""
    kimi.replies += [
        error(500, "boom", "server_error"),
        Reply.hang_up(),
        text("x"),
    ]
    asked = ask(kimi, route())
    assert (asked.shown, asked.waits) == ("x", [0.5, 1.0])


def test_a_cut_answer_goes_on_where_it_stopped(kimi: KimiMock) -> None:
    """Partial mode: the request holds what came, the answer its rest, and nothing shows twice."""
    kimi.replies += [
        Reply.streaming({"reasoning_content": "Hm. "}, {"content": "Half an "}, done=False),
        text("answer."),
    ]
    asked = ask(kimi, route())
    assert asked.shown == "Half an answer."
    [resumed] = asked.of(Resumed)
    assert isinstance(resumed, Resumed)
    assert resumed.continued
    assert kimi.seen[1].json["messages"][-1] == {
        "role": "assistant",
        "reasoning_content": "Hm. ",
        "content": "Half an ",
        "partial": True,
    }
    assert asked.finished.message == Message(
        "assistant", (ThinkPart("Hm. "), TextPart("Half an answer."))
    )


def test_an_answer_cut_in_its_reasoning_is_asked_anew_and_shown_once(kimi: KimiMock) -> None:
    """Without text there is nothing to go on from; what repeats is held back."""
    kimi.replies += [
        Reply.streaming({"reasoning_content": "Let me th"}, done=False),
        Reply.streaming({"reasoning_content": "Let me think. "}, {"content": "Done."}),
    ]
    asked = ask(kimi, route())
    assert (asked.thought, asked.shown) == ("Let me think. ", "Done.")
    assert asked.finished.message.parts == (ThinkPart("Let me think. "), TextPart("Done."))


@pytest.mark.parametrize("again", ["Half an answer.", "Something else."])
def test_the_messages_wire_asks_anew_and_shows_nothing_twice(kimi: KimiMock, again: str) -> None:
    """It has no partial mode; the same beginning is held back, another one starts a new line."""
    kimi.replies += [
        text("Half an ", done=False),
        Reply.streaming({"content": again[:6]}, {"content": again[6:]}),
    ]
    asked = ask(kimi, route(wire="messages"))
    expected = again if again.startswith("Half an ") else f"Half an \n{again}"
    assert asked.shown == expected
    assert asked.finished.message.parts == (TextPart(again),)


def test_a_stream_that_falls_silent_is_asked_again(kimi: KimiMock) -> None:
    """Silence is a failure like a cut (2 s here)."""
    kimi.replies += [text("never", pause_seconds=3.0), text("Hello.")]
    asked = ask(kimi, route())
    assert (asked.shown, asked.waits, len(kimi.seen)) == ("Hello.", [0.5], 2)


def test_progress_resets_the_tries(kimi: KimiMock) -> None:
    """A long answer over a bad line may be cut more often than a dead one is asked."""
    kimi.replies += [Reply.streaming({"content": f"{n} "}, done=False) for n in range(8)]
    kimi.replies.append(text("end"))
    asked = ask(kimi, route())
    assert asked.shown == "0 1 2 3 4 5 6 7 end"


def test_with_no_patience_a_cut_answer_is_an_error(kimi: KimiMock) -> None:
    """`--retries 0` means one request."""
    kimi.replies.append(text("Half", done=False))
    asked = ask(kimi, route(), patience=IMPATIENT)
    assert isinstance(asked.error, errors.AnswerCutShort)
    assert asked.client.partial() == Message("assistant", (TextPart("Half"),))


OVERFLOW = "Invalid request: Your request exceeded model token limit: 262144 (requested: 269030)"


def long_conversation() -> tuple[Message, ...]:
    """Return a conversation whose oldest tool result is by far its longest part."""
    call = ToolCall("read:0", "read", "{}")
    return (
        user("read it"),
        Message("assistant", (call,)),
        Message("tool", (ToolResult("read:0", "read", (TextPart("x" * 600_000),)),)),
        Message("assistant", (TextPart("It is long."),)),
        user("and now?"),
    )


def test_the_true_window_is_learnt_once(kimi: KimiMock, tmp_path: Path) -> None:
    """Acceptance 21: one 400, one compaction, success; the next run starts with the number."""
    listed = LiveList((LiveModel("k3", 1_048_576),), "2026-11-22T00:00:00+00:00")
    start = route(PLAN_KEY, model="k3", wire="messages")
    assert start.key is not None
    facts = Facts(lists={(start.chat_base_url, start.key.value.digest): listed})
    kimi.replies += [
        error(400, OVERFLOW, "invalid_request_error"),
        text("x"),
    ]
    asked = ask(
        kimi,
        route(PLAN_KEY, model="k3", wire="messages", facts=facts),
        long_conversation(),
        store=tmp_path / "x.db",
    )
    assert asked.shown == "x"
    [learnt] = asked.of(WindowLearnt)
    assert learnt == WindowLearnt(model="k3", tokens=262_144, dropped_messages=1)
    assert len(kimi.seen[1].body) < 10_000 < len(kimi.seen[0].body)
    stored = Learnt(tmp_path / "x.db").read()
    both = Facts(lists=facts.lists, limits=stored.limits)
    window = route(PLAN_KEY, model="k3", facts=both).window
    assert (window.value, window.origin.value) == (262_144, "learnt")
    changed = LiveList((LiveModel("k3", 500_000),), "2026-11-23T00:00:00+00:00")
    key = (start.chat_base_url, start.key.value.digest)
    fallen = Facts(lists={key: changed}, limits=stored.limits)
    assert route(PLAN_KEY, model="k3", facts=fallen).window.value == 500_000


def test_a_window_that_is_still_too_small_is_an_error(kimi: KimiMock) -> None:
    """One compaction, one retry, and then the endpoint's own words."""
    kimi.replies += [error(400, OVERFLOW, "invalid_request_error")] * 3
    asked = ask(kimi, route(model="kimi-k2.6"))
    assert isinstance(asked.error, errors.ContextOverflow)
    assert len(kimi.seen) == 2


def test_another_model_that_answers_is_told_once(kimi: KimiMock) -> None:
    """Acceptance 18: a warning, and the Finished names the one that served."""
    kimi.replies.append(text("x", model="kimi-k2.6"))
    asked = ask(kimi, route(model="kimi-k3"))
    assert asked.of(ServedModel) == [ServedModel(asked="kimi-k3", served="kimi-k2.6")]
    assert asked.finished.model == "kimi-k2.6"


def test_reasoning_that_ate_the_budget_gets_a_larger_one_once(kimi: KimiMock) -> None:
    """hermes#13168: an empty answer with `length` is asked once more, with more room."""
    eaten = Reply.streaming({"reasoning_content": "Hm"}, finish_reason="length")
    kimi.replies += [eaten, Reply.streaming({"reasoning_content": "Hm"}, {"content": "x"})]
    asked = ask(kimi, route(model="kimi-k2.6"))
    assert asked.shown == "x"
    budgets = [request.json["max_completion_tokens"] for request in kimi.seen]
    assert budgets == [32_768, 65_536]
    assert asked.of(BudgetRaised) == [BudgetRaised(before_tokens=32_768, after_tokens=65_536)]
    kimi.seen.clear()
    kimi.replies += [eaten, eaten]
    assert ask(kimi, route(model="kimi-k2.6")).finished.finish_reason == "length"
    assert len(kimi.seen) == 2


MISSING = (
    "thinking is enabled but reasoning_content is missing in assistant tool call message at index 1"
)
WITHOUT_REASONING: tuple[Message, ...] = (
    user("go"),
    Message("assistant", (ToolCall("read:0", "read", "{}"),)),
    Message("tool", (ToolResult("read:0", "read", (TextPart("content"),)),)),
)


@pytest.mark.parametrize(
    ("model", "check"),
    [
        ("kimi-k2.6", lambda body: body["thinking"] == {"type": "disabled"}),
        ("kimi-k3", lambda body: body["messages"][1]["reasoning_content"] == " "),
    ],
)
def test_missing_reasoning_is_asked_once_more(kimi: KimiMock, model: str, check: Any) -> None:
    """hermes#13848: without thinking where it can be off, with a blank where it cannot."""
    kimi.replies += [
        error(400, MISSING, "invalid_request_error"),
        text("x"),
    ]
    asked = ask(kimi, route(model=model), WITHOUT_REASONING)
    assert asked.shown == "x"
    assert "reasoning_content" not in kimi.seen[0].json["messages"][1]
    assert check(kimi.seen[1].json)
    kimi.seen.clear()
    kimi.replies += [error(400, MISSING, "invalid_request_error")] * 3
    assert ask(kimi, route(model=model), WITHOUT_REASONING).error is not None
    assert len(kimi.seen) == 2


def test_waits_are_counted_over_a_turn(kimi: KimiMock) -> None:
    """The limit is on the sum, so that a minute's rate limit cannot repeat for a night."""
    said = "please try again after 50 seconds"
    kimi.replies += [error(429, said, "rate_limit_reached_error")] * 9
    asked = ask(kimi, route(PLATFORM_KEY), patience=Patience(total_seconds=120))
    assert asked.waits == [50.0, 50.0]
