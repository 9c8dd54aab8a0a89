"""A turn that goes on elsewhere: when it is asked for, what moves along, and what is told."""

import asyncio
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from agent import errors
from agent.client import Client
from agent.detour import Hop
from agent.errors import HermesError
from agent.events import Finished, Resumed, Retrying, RouteChanged
from agent.learnt import Facts, KeyPlace, KeyState, Learnt
from agent.messages import ImagePart, Message, Options, TextPart, user
from agent.route import Route
from agent.turn import Left
from kimi_mock.replies import Reply
from kimi_mock.server import KimiMock
from tests.conftest import CHINA_KEY, GLOBAL_KEY, PLAN_KEY, PLATFORM_KEY
from tests.turn.asking import IMPATIENT, ask, network, route

SECOND_KEY = "sk-mock-platform-second"
CHINA = "https://api.moonshot.cn/v1"
RATE = ("please try again after 7 seconds", "rate_limit_reached_error")
EMPTY = ("suspended due to insufficient balance", "exceeded_current_quota_error")
OVERLOADED = ("The engine is currently overloaded", "engine_overloaded_error")
PNG = b"\x89PNG\r\n\x1a\n" + bytes(16)


def refused(status: int, message: str, kind: str = "") -> Reply:
    """Return an error answer of the chat wire."""
    return Reply.error(status, {"error": {"message": message, "type": kind}})


def text(piece: str, **manner: Any) -> Reply:
    """Return a streamed answer of one piece."""
    return Reply.streaming({"content": piece}, **manner)


class Hops:
    """Gives these Routes in order, and keeps what it was asked."""

    def __init__(self, kimi: KimiMock, *routes: Route, early: bool = True) -> None:
        self.asked: list[tuple[str, bool]] = []
        self.left: list[str] = []
        self._routes = list(routes)
        self._network = network(kimi)
        self._early = early

    async def after(self, left: Sequence[Left], error: HermesError, *, final: bool) -> Hop | None:
        """Return the next Route, if there is one; before the end only if `early`."""
        self.asked.append((type(error).__name__, final))
        self.left = [each.route.endpoint.id for each in left]
        if not self._routes or not (final or self._early):
            return None
        return Hop(route=self._routes.pop(0), network=self._network, notices=("A note.",))


def every_error() -> list[type[HermesError]]:
    """Return all classes of the tree."""
    found = [HermesError]
    for kind in found:
        found += kind.__subclasses__()
    return found


KEY_HELPS = {"RateLimited", "ConcurrencyReached", "QuotaExhausted", "EmptyBalance"}
MODEL_HELPS = {"EntitlementRefused", "ModelNotFound", "DeadModel", "Overloaded", "ServerFailed"}
NETWORK = {
    "NetworkError",
    "NameNotResolved",
    "ConnectionRefused",
    "TlsFailed",
    "ProxyFailed",
    "ConnectTimedOut",
    "AnswerSilent",
    "AnswerCutShort",
}
ACCESS = {
    "KeyRefused",
    "KeyOfOtherProduct",
    "KeyOfOtherRegion",
    "AccessRefused",
    "MembershipMissing",
    "Banned",
    "IdentityRefused",
}


def test_what_helps_is_a_fact_of_the_error_class() -> None:
    """Another key for its own limits; another provider for what is not the request's fault."""
    kinds = every_error()
    assert {kind.__name__ for kind in kinds if kind.another_key_helps} == KEY_HELPS
    assert {kind.__name__ for kind in kinds if kind.another_model_helps} == MODEL_HELPS
    elsewhere = {kind.__name__ for kind in kinds if kind.another_route_helps}
    assert elsewhere == KEY_HELPS | MODEL_HELPS | NETWORK | ACCESS


def test_a_hop_is_a_whole_new_route(kimi: KimiMock) -> None:
    """Another key, host and model; nothing of the first request is in the second; it is told."""
    kimi.replies += [refused(429, *EMPTY), text("Hello.")]
    hops = Hops(kimi, route(CHINA_KEY, url=CHINA, model="kimi-k2.6"))
    asked = ask(kimi, route(), detour=hops)
    first, second = kimi.seen
    assert (first.surface, second.surface) == ("moonshot", "moonshot-cn")
    assert second.headers["Authorization"] == f"Bearer {CHINA_KEY}"
    assert PLATFORM_KEY not in f"{second.headers.pairs}{second.body!r}"
    assert second.json["model"] == "kimi-k2.6"
    [changed] = asked.of(RouteChanged)
    assert isinstance(changed, RouteChanged)
    assert "balance" in changed.reason
    assert (changed.from_endpoint, changed.from_model) == ("moonshot", "kimi-coding")
    assert (changed.to_endpoint, changed.to_model) == ("moonshot-cn", "kimi-k2.6")
    assert changed.url == second_url()
    assert changed.key == asked.client.route.key.value.fingerprint  # type: ignore[union-attr]
    assert changed.notices[0] == "A note."
    assert asked.shown == "Hello."
    assert isinstance(asked.events[-1], Finished)


def second_url() -> str:
    """Return the URL of a turn at the Chinese platform."""
    return f"{CHINA}/chat/completions"


def test_a_half_shown_answer_is_not_shown_twice(kimi: KimiMock) -> None:
    """The other endpoint begins anew; the screen sees each character once."""
    kimi.replies += [
        Reply.streaming({"content": "Hello "}, {"content": "world"}, cut_after=400),
        text("Hello world, and more."),
    ]
    hops = Hops(kimi, route(CHINA_KEY, url=CHINA))
    asked = ask(kimi, route(), detour=hops, patience=IMPATIENT)
    assert hops.asked == [("AnswerCutShort", True)]
    assert asked.shown == "Hello world, and more."
    assert asked.finished.message.parts == (TextPart("Hello world, and more."),)
    assert "partial" not in kimi.seen[1].body.decode()


def test_another_key_is_asked_for_before_waiting(kimi: KimiMock) -> None:
    """A rate limit costs no wait if there is another key."""
    kimi.keys["moonshot"].add(SECOND_KEY)
    kimi.replies += [refused(429, *RATE), text("x")]
    asked = ask(kimi, route(), detour=Hops(kimi, route(SECOND_KEY)))
    assert asked.shown == "x"
    assert asked.waits == []
    assert asked.of(Retrying) == []


def test_without_another_key_it_waits_and_then_leaves(kimi: KimiMock) -> None:
    """The pause is the endpoint's; only when patience is at its end another provider is asked."""
    kimi.replies += [refused(429, *RATE) for _ in range(5)] + [text("x")]
    hops = Hops(kimi, route(CHINA_KEY, url=CHINA), early=False)
    asked = ask(kimi, route(), detour=hops)
    assert asked.waits == [7.0] * 4
    assert hops.asked == [("RateLimited", False)] * 5 + [("RateLimited", True)]
    assert [seen.surface for seen in kimi.seen] == ["moonshot"] * 5 + ["moonshot-cn"]


def test_an_overloaded_engine_is_busy_for_every_key(kimi: KimiMock) -> None:
    """No key is asked for; another provider only when the tries are used up."""
    kimi.replies += [refused(429, *OVERLOADED), text("x")]
    hops = Hops(kimi, route(CHINA_KEY, url=CHINA))
    assert ask(kimi, route(), detour=hops).shown == "x"
    assert hops.asked == []


@pytest.mark.parametrize(
    ("status", "said", "kind"),
    [
        (400, "The request was rejected because it was considered high risk", "content_filter"),
        (400, "Invalid request: tools[0] is not a valid moonshot flavored json schema", ""),
        (400, "total message size 3000000 exceeds limit 2097152", "invalid_request_error"),
        (400, "Your request exceeded model token limit", "invalid_request_error"),
        (404, "The requested resource was not found", "resource_not_found_error"),
    ],
)
def test_what_would_fail_elsewhere_too_goes_nowhere(
    kimi: KimiMock, status: int, said: str, kind: str
) -> None:
    """The request itself, or the base URL, is at fault: one request, its error, no question."""
    kimi.replies.append(refused(status, said, kind))
    hops = Hops(kimi, route(CHINA_KEY, url=CHINA))
    asked = ask(kimi, route(), detour=hops)
    assert asked.error is not None
    assert (len(kimi.seen), hops.asked) == (1, [])


@pytest.mark.parametrize(
    ("reply", "name"),
    [
        (refused(401, "Invalid Authentication", "invalid_authentication_error"), "KeyRefused"),
        (refused(401, "does not have access to k3", "authentication_error"), "EntitlementRefused"),
        (refused(402, "your membership is not active"), "MembershipMissing"),
        (refused(403, "Access terminated.", "access_terminated_error"), "Banned"),
        (refused(404, "Not found the model x", "resource_not_found_error"), "ModelNotFound"),
        (refused(500, "internal", "server_error"), "ServerFailed"),
        (Reply.hang_up(), "AnswerCutShort"),
    ],
)
def test_what_another_provider_may_do_goes_there(kimi: KimiMock, reply: Reply, name: str) -> None:
    """The key, its plan, the model, the server, the network: each is another one elsewhere."""
    kimi.replies += [reply, text("x")]
    hops = Hops(kimi, route(CHINA_KEY, url=CHINA))
    asked = ask(kimi, route(), detour=hops, patience=IMPATIENT)
    assert hops.asked == [(name, True)], asked.error
    assert asked.shown == "x"


def test_the_gate_tries_its_other_wire_first(kimi: KimiMock) -> None:
    """Our name is refused on one wire: that is mended at the same endpoint, without a hop."""
    hops = Hops(kimi, route())
    asked = ask(kimi, route(PLAN_KEY), detour=hops)
    assert hops.asked == []
    assert asked.client.route.wire.value == "messages"


def test_the_last_error_is_told_when_nobody_knows_more(kimi: KimiMock) -> None:
    """Each failure is announced as the reason of the next hop, and the last one raised."""
    kimi.replies += [refused(429, *EMPTY), refused(500, "internal", "server_error")]
    hops = Hops(kimi, route(CHINA_KEY, url=CHINA))
    asked = ask(kimi, route(), detour=hops, patience=IMPATIENT)
    assert isinstance(asked.error, errors.ServerFailed)
    assert hops.left == ["moonshot", "moonshot-cn"]
    assert len(asked.of(RouteChanged)) == 1


def test_what_a_turn_has_left_is_its_own(kimi: KimiMock) -> None:
    """The next turn begins where the last one ended, and may be led back."""
    kimi.replies += [refused(429, *EMPTY), text("x"), refused(429, *EMPTY), text("y")]
    hops = Hops(kimi, route(CHINA_KEY, url=CHINA), route())

    async def two_turns() -> None:
        async with Client(route(), network(kimi), detour=hops) as client:
            for _ in range(2):
                async for _ in client.stream([user("hi")]):
                    pass

    asyncio.run(two_turns())
    surfaces = [seen.surface for seen in kimi.seen]
    assert surfaces == ["moonshot", "moonshot-cn", "moonshot-cn", "moonshot"]
    assert hops.left == ["moonshot-cn"]


def test_options_that_the_next_model_lacks_are_left_out_and_told(kimi: KimiMock) -> None:
    """An effort of K3 does not stop a K2 model from answering."""
    kimi.replies += [refused(429, *EMPTY), text("x")]
    hops = Hops(kimi, route(CHINA_KEY, url=CHINA, model="kimi-k2.6"))
    asked = ask(kimi, route(), detour=hops, options=Options(effort="low"))
    assert asked.shown == "x"
    assert "reasoning_effort" not in kimi.seen[1].json
    [changed] = asked.of(RouteChanged)
    assert isinstance(changed, RouteChanged)
    assert any("no effort 'low'" in sentence for sentence in changed.notices)


def test_a_response_format_is_left_out_where_the_wire_has_none(kimi: KimiMock) -> None:
    """The messages wire cannot ask for it; the turn goes on, and says so."""
    kimi.replies += [refused(429, *EMPTY), text("{}")]
    hops = Hops(kimi, route(CHINA_KEY, url="https://api.moonshot.cn/anthropic"))
    options = Options(response_format={"type": "json_object"}, budget_tokens=2_000_000)
    asked = ask(kimi, route(), detour=hops, options=options)
    assert asked.shown == "{}", asked.error
    [changed] = asked.of(RouteChanged)
    assert isinstance(changed, RouteChanged)
    assert any("response format" in sentence for sentence in changed.notices)
    assert any("at most" in sentence for sentence in changed.notices)


def test_a_route_that_cannot_take_the_turn_is_passed_over(kimi: KimiMock) -> None:
    """An image does not go to a model that cannot see; the next Route gets it."""
    kimi.replies += [refused(429, *EMPTY), text("x")]
    blind = route(PLATFORM_KEY, model="moonshot-v1-8k")
    hops = Hops(kimi, blind, route(CHINA_KEY, url=CHINA))
    message = Message("user", (TextPart("What is it?"), ImagePart(PNG, "image/png")))
    asked = ask(kimi, route(), [message], detour=hops)
    assert asked.shown == "x", asked.error
    assert [seen.surface for seen in kimi.seen] == ["moonshot", "moonshot-cn"]
    [changed] = asked.of(RouteChanged)
    assert isinstance(changed, RouteChanged)
    assert any("passed over: moonshot-v1-8k cannot see" in each for each in changed.notices)


def test_what_was_mended_for_one_route_is_not_done_to_the_next(kimi: KimiMock) -> None:
    """A conversation that was cut for a small window goes whole to a model with a large one."""
    kimi.replies += [
        refused(400, "Your request exceeded model token limit: 9000 (requested: 9500)"),
        refused(429, *EMPTY),
        text("x"),
    ]
    hops = Hops(kimi, route(CHINA_KEY, url=CHINA))
    messages = [user("a"), Message("assistant", (TextPart("b"),)), user("c")]
    ask(kimi, route(), messages, detour=hops)
    assert len(kimi.seen[2].json["messages"]) == 3
    assert kimi.seen[2].json["max_completion_tokens"] > 9_000


# --- what is noted of the key ---------------------------------------------------------------


def test_the_first_answer_proves_the_key_for_chat(kimi: KimiMock, tmp_path: Path) -> None:
    """An unverified key is verified in silence, once."""
    store = tmp_path / "x.db"
    where = route()
    assert ask(kimi, where, store=store).error is None
    state = Learnt(store).read().states[where.chat_base_url, where.key_digest]
    assert (state.verdict, state.how) == ("accepted", "chat")
    known = route(facts=Learnt(store).read())
    other = tmp_path / "y.db"
    assert ask(kimi, known, store=other).error is None
    assert not other.exists()


def test_a_refused_key_is_noted_and_its_place_doubted(kimi: KimiMock, tmp_path: Path) -> None:
    """After a 401 the region may be asked for again."""
    store = tmp_path / "x.db"
    where = route(CHINA_KEY)
    Learnt(store).remember_place(where.key_digest, "moonshot", at="2026-11-01")
    ask(kimi, where, store=store)
    facts = Learnt(store).read()
    assert facts.states[where.chat_base_url, where.key_digest].verdict == "refused"
    assert facts.places[where.key_digest].doubted


@pytest.mark.parametrize(
    "said", ["Your current subscription does not have access to k3", "plan supports only kimi-k3"]
)
def test_an_entitlement_401_never_disables_a_key(kimi: KimiMock, tmp_path: Path, said: str) -> None:
    """Acceptance 24: the body is read before the key is blamed; nothing is noted against it."""
    kimi.replies.append(refused(401, said, "authentication_error"))
    kimi.gate_allows.add("hermes-kimi")
    store = tmp_path / "x.db"
    asked = ask(kimi, route(PLAN_KEY), store=store)
    assert isinstance(asked.error, errors.EntitlementRefused)
    assert Learnt(store).read() == Facts()


def test_nothing_is_noted_where_nothing_can_be_written(kimi: KimiMock, tmp_path: Path) -> None:
    """A store that is a directory costs no answer."""
    assert ask(kimi, route(), store=tmp_path).shown


def test_a_hop_back_to_a_known_state_notes_the_other_key(kimi: KimiMock, tmp_path: Path) -> None:
    """Each key's own state is noted at its own endpoint."""
    kimi.replies += [refused(429, *EMPTY), text("x")]
    facts = Facts(places={}, states={})
    china = route(CHINA_KEY, url=CHINA, facts=facts)
    store = tmp_path / "x.db"
    asked = ask(kimi, route(), store=store, detour=Hops(kimi, china))
    assert asked.of(Resumed) == []
    assert set(Learnt(store).read().states) == {(china.chat_base_url, china.key_digest)}


def test_a_known_acceptance_by_models_is_raised_to_chat(kimi: KimiMock, tmp_path: Path) -> None:
    """`models` proves the key; an answer proves that it can be used."""
    first = route(GLOBAL_KEY, url="https://api.kimi.ai/coding/v1")
    state = KeyState("accepted", "models", "2026-11-01T00:00:00+00:00")
    place = (first.chat_base_url, first.key_digest)
    store = tmp_path / "x.db"
    Learnt(store).remember_state(*place, state)
    kimi.gate_allows.add("hermes-kimi")
    found = KeyPlace("kimi-code-global", "2026-11-01")
    facts = Facts(states={place: state}, places={first.key_digest: found})
    ask(kimi, route(GLOBAL_KEY, facts=facts), store=store)
    assert Learnt(store).read().states[place].how == "chat"
