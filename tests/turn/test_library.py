"""The way in for programs: a Route from a key alone, and turns without asyncio."""

import asyncio
import gc
import time
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest

from agent.errors import (
    AuthError,
    ConfigurationError,
    KeyRefused,
    UnknownModel,
    UsageError,
)
from agent.events import AnswerBegan, Event, Finished, RequestSent, TextDelta, WireMoved
from agent.learnt import Learnt
from agent.library import answer, route_for_key, stream
from agent.messages import Options, text_of, user
from agent.route import Route
from kimi_mock.replies import Reply
from kimi_mock.server import KimiMock
from tests.conftest import PLAN_KEY, PLATFORM_KEY
from tests.turn.asking import network

HELLO = [user("hi")]


def test_the_key_alone_makes_the_route() -> None:
    """The prefix decides between plan and platform; every argument overrules its part."""
    assert route_for_key(PLAN_KEY).url == "https://api.kimi.com/coding/v1/chat/completions"
    assert route_for_key(f' "{PLATFORM_KEY}" ').chat_base_url == "https://api.moonshot.ai/v1"
    named = route_for_key(PLATFORM_KEY, model="kimi-k2.6", wire="messages")
    assert (named.model_id_sent, named.url) == (
        "kimi-k2.6",
        "https://api.moonshot.ai/anthropic/v1/messages",
    )
    custom = route_for_key("", provider="custom", base_url="http://127.0.0.1:1/v1", model="m")
    assert (custom.key, custom.url) == (None, "http://127.0.0.1:1/v1/chat/completions")


@pytest.mark.parametrize(
    ("make", "kind"),
    [
        (lambda: route_for_key("sk"), AuthError),
        (lambda: route_for_key(PLAN_KEY, provider="nobody"), AuthError),
        (lambda: route_for_key(PLAN_KEY, base_url="ftp://example.test"), UsageError),
        (lambda: route_for_key(PLAN_KEY, wire="carrier-pigeon"), ConfigurationError),
        (lambda: route_for_key("", provider="custom"), ConfigurationError),
        (lambda: route_for_key(PLATFORM_KEY, model="k3"), UnknownModel),
    ],
)
def test_what_cannot_be_is_told_before_anything_is_sent(
    make: Callable[[], Route], kind: type[Exception]
) -> None:
    """A key, provider, base URL, wire or model that cannot be raises our own error."""
    with pytest.raises(kind):
        make()


def test_the_events_come_without_asyncio(kimi: KimiMock) -> None:
    """`stream` gives the events of a turn in order; `answer` gives the last of them."""
    kimi.replies = [Reply.streaming({"content": "Hel"}, {"content": "lo."})] * 2
    route = route_for_key(PLATFORM_KEY)

    events = list(stream(route, network(kimi), HELLO))
    finished = answer(route, network(kimi), HELLO, options=Options(budget_tokens=99))

    assert [type(event) for event in events] == [
        RequestSent,
        AnswerBegan,
        TextDelta,
        TextDelta,
        Finished,
    ]
    assert events[-1] == finished
    assert text_of(finished.message) == "Hello."
    assert kimi.seen[1].json["max_completion_tokens"] == 99


def test_closing_the_events_hangs_up_at_once(kimi: KimiMock) -> None:
    """A caller that has heard enough closes the generator, long before the answer is over."""
    kimi.replies = [Reply.streaming(*[{"content": "on "}] * 100, pause_seconds=0.2)]
    began = time.monotonic()

    with closing(stream(route_for_key(PLATFORM_KEY), network(kimi), HELLO)) as events:
        said = next(event for event in events if isinstance(event, TextDelta))

    assert said.text == "on "
    assert time.monotonic() - began < 5


def test_an_error_comes_out_of_the_generator(kimi: KimiMock) -> None:
    """A refused key raises where the events were expected, after those that came before it."""
    seen: list[type[Event]] = []
    events = stream(route_for_key("sk-unknown-to-all-0000"), network(kimi), HELLO)

    with pytest.raises(KeyRefused):
        seen.extend(map(type, events))

    assert seen == [RequestSent, AnswerBegan]


def test_an_error_nobody_waited_for_is_not_logged(
    kimi: KimiMock, caplog: pytest.LogCaptureFixture
) -> None:
    """A caller that stops at the first event leaves no complaint of asyncio behind."""
    with closing(stream(route_for_key("sk-unknown-to-all-0000"), network(kimi), HELLO)) as events:
        next(events)
    del events
    gc.collect()

    assert caplog.records == []


def test_a_running_loop_is_refused_in_a_sentence(kimi: KimiMock) -> None:
    """Inside `async` code the synchronous way would block the loop, so it says where to go."""

    async def inside() -> None:
        answer(route_for_key(PLATFORM_KEY), network(kimi), HELLO)

    with pytest.raises(RuntimeError, match="async with Client"):
        asyncio.run(inside())
    assert kimi.seen == []


def test_what_was_learnt_is_an_argument_of_the_next_route(kimi: KimiMock, tmp_path: Path) -> None:
    """The plan refuses our name on one wire; with a store, the next Route begins on the other."""
    store = Learnt(tmp_path / "learnt.db")
    route = route_for_key(PLAN_KEY)

    events = list(stream(route, network(kimi), HELLO, learnt=store))
    again = route_for_key(PLAN_KEY, facts=store.read())
    answer(again, network(kimi), HELLO, learnt=store)

    assert [event.taken for event in events if isinstance(event, WireMoved)] == ["messages"]
    assert (route.wire.value, again.wire.value) == ("chat", "messages")
    assert [request.path for request in kimi.seen] == [
        "/coding/v1/chat/completions",
        "/coding/v1/messages",
        "/coding/v1/messages",
    ]


@pytest.mark.parametrize("key", ["sk-ant-abcdefgh12345", "AIzaabcdefgh12345"])
def test_another_vendors_key_makes_no_route(key: str) -> None:
    """Acceptance 14: refused before anything is sent, the vendor named and the key not."""
    with pytest.raises(AuthError, match="looks like a key of") as caught:
        route_for_key(key)
    assert key not in caught.value.message
