"""Client and loopback Kimi over real sockets, under the real host names."""

import asyncio
import io
import json
from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import replace

from agent.client import Client
from agent.errors import (
    AnswerCutShort,
    IdentityRefused,
    KeyRefused,
    NotFound,
    ProviderError,
    QuotaExhausted,
    RateLimited,
    ServerFailed,
)
from agent.events import AnswerBegan, Event, Finished, RequestSent, TextDelta, ThinkDelta, WireMoved
from agent.identity import USER_AGENT
from agent.keys import ApiKey
from agent.learnt import Learnt, LiveModel
from agent.messages import Message, TextPart, ThinkPart, Usage, user
from kimi_mock.replies import Reply
from kimi_mock.server import KimiMock
from tests.conftest import CHINA_KEY, GLOBAL_KEY, PLAN_KEY, PLATFORM_KEY
from tests.turn.asking import HELLO, IMPATIENT, network, route


def ask(client: Client, messages: tuple[Message, ...] = HELLO) -> list[Event]:
    """Send a conversation and return every event."""

    async def run() -> list[Event]:
        async with client:
            return [event async for event in client.stream(messages)]

    return asyncio.run(run())


def names(events: list[Event]) -> list[str]:
    """Return the events' class names, runs of deltas folded."""
    found: list[str] = []
    for event in events:
        name = type(event).__name__
        if not found or found[-1] != name:
            found.append(name)
    return found


def test_one_prompt_is_one_request_with_the_whole_body_as_it_should_be(kimi: KimiMock) -> None:
    """No sampling field, no system prompt, a budget, usage asked for, our name, the key."""
    kimi.replies.append(Reply.streaming({"reasoning_content": "Hm. "}, {"content": "Hello."}))
    events = ask(Client(route(), network(kimi)))
    [request] = kimi.seen
    assert (request.surface, request.path) == ("moonshot", "/v1/chat/completions")
    assert request.body == (
        b'{"model":"kimi-k3","messages":[{"role":"user","content":"hi"}],'
        b'"max_completion_tokens":131072,"stream":true,"stream_options":{"include_usage":true}}'
    )
    assert request.headers["User-Agent"] == USER_AGENT
    assert request.headers["Authorization"] == f"Bearer {PLATFORM_KEY}"
    assert names(events) == ["RequestSent", "AnswerBegan", "ThinkDelta", "TextDelta", "Finished"]
    assert events[-1] == Finished(
        message=Message("assistant", (ThinkPart("Hm. "), TextPart("Hello."))),
        finish_reason="stop",
        model="kimi-k3",
        usage=Usage(prompt_tokens=21, completion_tokens=9, cached_tokens=5),
    )


@pytest.mark.parametrize(
    ("key", "url", "surface"),
    [
        (PLAN_KEY, "", "kimi-code"),
        (GLOBAL_KEY, "https://api.kimi.ai/coding", "kimi-code-global"),
        (PLATFORM_KEY, "", "moonshot"),
        (CHINA_KEY, "https://api.moonshot.cn", "moonshot-cn"),
    ],
)
@pytest.mark.parametrize("wire", ["chat", "messages"])
def test_each_surface_answers_on_both_wires(
    kimi: KimiMock, key: str, url: str, surface: str, wire: str
) -> None:
    """The same question and events over four hosts and two wires; each request bears our name."""
    kimi.gate_allows.add("hermes-kimi")
    finished = ask(Client(route(key, url=url, wire=wire), network(kimi)))[-1]
    assert isinstance(finished, Finished)
    assert finished.message.parts[-1] == TextPart("Hello from Kimi.")
    [request] = kimi.seen
    assert (request.surface, request.headers["User-Agent"]) == (surface, USER_AGENT)


def test_the_shut_gate_moves_the_turn_once_and_is_remembered(
    kimi: KimiMock, tmp_path: Path
) -> None:
    """Two requests once, our name on both; the next prompt is one request on the other wire."""
    store = Learnt(tmp_path / "x.db")
    client = Client(route(PLAN_KEY), network(kimi), learnt=store)
    events = ask(client)
    assert [r.path for r in kimi.seen] == ["/coding/v1/chat/completions", "/coding/v1/messages"]
    assert {r.headers["User-Agent"] for r in kimi.seen} == {USER_AGENT}
    [moved] = [event for event in events if isinstance(event, WireMoved)]
    assert (moved.refused, moved.taken) == ("chat", "messages")
    assert "Coding Agents" in moved.said
    assert isinstance(events[-1], Finished)
    assert client.route.wire.value == "messages"
    kimi.seen.clear()
    again = ask(Client(route(PLAN_KEY, facts=store.read()), network(kimi), learnt=store))
    assert [r.path for r in kimi.seen] == ["/coding/v1/messages"]
    assert not any(isinstance(event, WireMoved) for event in again)


def test_the_gate_is_remembered_if_the_other_wire_says_that_the_quota_is_used_up(
    kimi: KimiMock, tmp_path: Path
) -> None:
    """An endpoint that has looked at the plan has let our name pass: no second request again."""
    kimi.quota = "weekly"
    store = Learnt(tmp_path / "x.db")
    with pytest.raises(QuotaExhausted):
        ask(Client(route(PLAN_KEY), network(kimi), learnt=store))
    assert [r.path for r in kimi.seen] == ["/coding/v1/chat/completions", "/coding/v1/messages"]
    with pytest.raises(QuotaExhausted):
        ask(Client(route(PLAN_KEY, facts=store.read()), network(kimi), learnt=store))
    assert [r.path for r in kimi.seen[2:]] == ["/coding/v1/messages"]


def test_the_open_gate_costs_one_request_and_teaches_nothing(
    kimi: KimiMock, tmp_path: Path
) -> None:
    """Where our name is taken, the chat wire stays."""
    kimi.gate_allows.add("hermes-kimi")
    store = Learnt(tmp_path / "x.db")
    ask(Client(route(PLAN_KEY), network(kimi), learnt=store))
    assert [r.path for r in kimi.seen] == ["/coding/v1/chat/completions"]
    assert store.read().wires == {}


def test_the_messages_body_is_as_it_should_be(kimi: KimiMock) -> None:
    """The whole body on the messages wire, as a literal."""
    ask(Client(route(PLAN_KEY, wire="messages"), network(kimi)))
    assert kimi.seen[0].body == (
        b'{"model":"kimi-for-coding","max_tokens":32768,'
        b'"messages":[{"role":"user","content":[{"type":"text","text":"hi"}]}],"stream":true}'
    )


def test_a_wire_that_the_user_set_is_kept_at_the_gate(kimi: KimiMock) -> None:
    """`wire = "chat"` is a decision; the refusal is told instead of worked around."""
    with pytest.raises(IdentityRefused, match="Coding Agents") as caught:
        ask(Client(route(PLAN_KEY, wire="chat"), network(kimi)))
    assert len(kimi.seen) == 1
    assert caught.value.remedy


def test_a_gate_that_refuses_on_both_wires_is_told_after_two_requests(
    kimi: KimiMock, tmp_path: Path
) -> None:
    """No loop, and nothing is remembered that did not work."""
    shut = {
        "error": {
            "message": "only available for Coding Agents",
            "type": "access_terminated_error",
        }
    }
    kimi.replies.append(Reply.error(403, shut))
    store = Learnt(tmp_path / "x.db")
    with pytest.raises(IdentityRefused):
        ask(Client(route(PLAN_KEY), network(kimi), learnt=store))
    assert len(kimi.seen) == 2
    assert not store.path.exists()


REFUSALS = [
    (401, {"error": {"message": "Invalid Authentication", "type": "x"}}, KeyRefused),
    (404, {"error": {"message": "Not found the model x or Permission denied"}}, NotFound),
    (429, {"error": {"message": "overloaded", "type": "engine_overloaded_error"}}, RateLimited),
    (500, {"error": {"message": "boom", "type": "server_error"}}, ServerFailed),
    (502, "<html>bad gateway</html>", ServerFailed),
]


@pytest.mark.parametrize(("status", "body", "expected"), REFUSALS)
def test_a_refusal_is_one_request_and_the_endpoints_own_words(
    kimi: KimiMock, status: int, body: Any, expected: type[ProviderError]
) -> None:
    """Nothing is tried again in secret."""
    kimi.replies.append(Reply.error(status, body))
    with pytest.raises(expected) as caught:
        ask(Client(route(), network(kimi), patience=IMPATIENT))
    assert caught.value.status == status
    assert len(kimi.seen) == 1
    assert PLATFORM_KEY not in caught.value.message


def test_a_redirect_is_not_followed_with_the_key(kimi: KimiMock) -> None:
    """Acceptance 15: the key reaches no place that an answer proposes."""
    kimi.replies.append(Reply.redirect("https://api.moonshot.cn/v1/chat/completions"))
    with pytest.raises(ProviderError, match="redirect"):
        ask(Client(route(), network(kimi)))
    assert [request.surface for request in kimi.seen] == ["moonshot"]
    assert kimi.connects == ["api.moonshot.ai:443"]


def test_what_came_before_a_cut_is_kept(kimi: KimiMock) -> None:
    """The pieces are yielded, the error raised, and `partial` holds them."""
    kimi.replies.append(Reply.streaming({"content": "Half an"}, {"content": " answer"}, done=False))
    client = Client(route(), network(kimi), patience=IMPATIENT)
    shown = io.StringIO()

    async def run() -> None:
        async with client:
            async for event in client.stream(HELLO):
                shown.write(event.text if isinstance(event, TextDelta) else "")

    with pytest.raises(AnswerCutShort):
        asyncio.run(run())
    assert shown.getvalue() == "Half an answer"
    assert client.partial() == Message("assistant", (TextPart("Half an answer"),))


def test_an_interrupted_answer_is_kept_too(kimi: KimiMock) -> None:
    """Cancelling the task leaves what came."""
    kimi.replies.append(Reply.streaming({"content": "One"}, {"content": "Two"}, pause_seconds=0.2))
    client = Client(route(), network(kimi))

    async def run() -> None:
        async with client:
            async for event in client.stream(HELLO):
                if isinstance(event, TextDelta):
                    break

    asyncio.run(run())
    assert client.partial() == Message("assistant", (TextPart("One"),))


def test_reasoning_is_replayed_byte_for_byte(kimi: KimiMock) -> None:
    """What the endpoint thought goes back as it came, on either wire."""
    thought = ThinkPart(" odd \n bytes \u2028 ", signature="c2ln")
    told = (*HELLO, Message("assistant", (thought, TextPart("A"))), user("more"))
    ask(Client(route(), network(kimi)), told)
    assert kimi.seen[0].json["messages"][1] == {
        "role": "assistant",
        "reasoning_content": " odd \n bytes \u2028 ",
        "content": "A",
    }
    ask(Client(route(wire="messages"), network(kimi)), told)
    assert kimi.seen[1].json["messages"][1]["content"][0] == {
        "type": "thinking",
        "thinking": " odd \n bytes \u2028 ",
        "signature": "c2ln",
    }


def test_the_budget_stays_inside_the_window(kimi: KimiMock) -> None:
    """A long conversation leaves less room for the answer, never a negative one."""
    ask(Client(route(model="kimi-k2.6"), network(kimi)), (user("word " * 250_000),))
    budget = kimi.seen[0].json["max_completion_tokens"]
    assert 1_024 <= budget < 32_768


def test_an_unknown_id_goes_out_without_a_budget(kimi: KimiMock) -> None:
    """Where no row knows a number, none is made up."""
    kimi.accept_any_model = True
    ask(Client(route(model="brand-new"), network(kimi)))
    assert "max_completion_tokens" not in kimi.seen[0].json


def test_an_error_inside_a_stream_is_told(kimi: KimiMock) -> None:
    """A stream that began with 200 can still fail."""
    kimi.replies.append(
        Reply.raw(
            200,
            {"content-type": "text/event-stream"},
            [b'data: {"error":{"message":"engine died","type":"server_error"}}\n\n'],
        )
    )
    with pytest.raises(ServerFailed, match="engine died"):
        ask(Client(route(), network(kimi), patience=IMPATIENT))


def test_debug_events_show_the_fingerprint_and_never_the_key(kimi: KimiMock) -> None:
    """RequestSent and AnswerBegan are safe to print."""
    events = ask(Client(route(), network(kimi)))
    sent, began = events[0], events[1]
    assert isinstance(sent, RequestSent)
    assert isinstance(began, AnswerBegan)
    assert PLATFORM_KEY not in repr(sent)
    assert ApiKey(PLATFORM_KEY).fingerprint in dict(sent.headers)["Authorization"]


def models(client: Client) -> tuple[LiveModel, ...]:
    """Ask for the model list."""

    async def run() -> tuple[LiveModel, ...]:
        async with client:
            return await client.list_models()

    return asyncio.run(run())


def test_the_model_list_is_one_request_with_our_name(kimi: KimiMock) -> None:
    """The plan's list is not behind the gate, and its windows are the account's."""
    kimi.models["kimi-code"] = [{"id": "k9", "context_length": 7}, {"id": "k8"}]
    assert models(Client(route(PLAN_KEY), network(kimi))) == (LiveModel("k9", 7), LiveModel("k8"))
    [request] = kimi.seen
    assert (request.method, request.path) == ("GET", "/coding/v1/models")
    assert request.headers["User-Agent"] == USER_AGENT


@pytest.mark.parametrize("content", [b"[]", b"{}", b"not json", b'{"data":[{"id":5}]}', b"\xff"])
def test_a_model_list_that_cannot_be_read_is_a_sentence(kimi: KimiMock, content: bytes) -> None:
    """Whatever answers instead of a list does not crash the program."""
    kimi.replies_to_models.append(Reply.raw(200, {}, [content]))
    with pytest.raises(ServerFailed, match="cannot be read"):
        models(Client(route(), network(kimi)))


def test_a_refused_model_list_is_told_as_any_refusal(kimi: KimiMock) -> None:
    """A wrong key is a wrong key on every path."""
    with pytest.raises(KeyRefused, match="Invalid Authentication"):
        models(Client(route("sk-wrong-key-0000"), network(kimi)))


def test_both_wires_tell_the_same_story(kimi: KimiMock) -> None:
    """The same answer gives the same deltas, reason and usage on either wire."""
    kimi.gate_allows.add("hermes-kimi")
    stories = []
    for wire in ("chat", "messages"):
        deltas = ({"reasoning_content": "a"}, {"content": "b"}, {"content": "c"})
        kimi.replies.append(Reply.streaming(*deltas, finish_reason="length"))
        events = ask(Client(route(PLAN_KEY, wire=wire), network(kimi)))
        finished = events[-1]
        assert isinstance(finished, Finished)
        shown = [e for e in events if isinstance(e, ThinkDelta | TextDelta)]
        stories.append((shown, finished.finish_reason, finished.usage, finished.model))
    assert stories[0] == stories[1]
    assert json.dumps(stories[0][1]) == '"length"'


def test_a_client_needs_no_more_than_a_route(kimi: KimiMock) -> None:
    """Without a Network the way out is direct: here to the mock's own address."""
    here = route(url=kimi.base_url("moonshot"), model="kimi-k3")
    assert isinstance(ask(Client(here))[-1], Finished)
    assert [request.proxied for request in kimi.seen] == [False]


def test_the_key_goes_into_the_header_that_the_row_names(kimi: KimiMock) -> None:
    """`x-api-key` carries the key alone, `Authorization` is absent, and events show neither."""
    plain = route(PLAN_KEY, wire="messages")
    endpoint = replace(plain.endpoint, key_header="x-api-key")
    events = ask(Client(replace(plain, endpoint=endpoint), network(kimi)))
    [request] = kimi.seen
    assert request.headers["x-api-key"] == PLAN_KEY
    assert "Authorization" not in request.headers
    assert PLAN_KEY not in repr(events[0])
    assert ApiKey(PLAN_KEY).fingerprint in repr(events[0])
    assert isinstance(events[-1], Finished)
