"""The fallback chain: each hop a whole Route with its own key, wire, headers and schema."""

import asyncio
import json
import random
from collections.abc import Callable
from pathlib import Path

import pytest

from agent import errors
from agent.catalog.rows import Wire
from agent.messages import Options, Tool
from hermes_cli.agent_session import Wanted
from hermes_cli.auth import Flags
from hermes_cli.config import read_settings
from hermes_cli.conversation import hold
from hermes_cli.fallback import read_chain
from hermes_cli.models import read_facts
from hermes_cli.talk import Talk
from hermes_cli.ui.live_screen import LiveScreen
from hermes_cli.ui.pastes import Pastes
from kimi_mock.server import KimiMock
from tests.conftest import CHINA_KEY, PLAN_KEY, PLATFORM_KEY
from tests.turn.asking import IMPATIENT
from tests.turn.conftest import GATEWAY_KEY
from tests.turn.pooling import (
    PLAN_TWIN,
    SECOND_KEY,
    THIRD_KEY,
    Here,
    changes,
    entered,
    key_in,
)
from tests.turn.test_detours import EMPTY, refused, text

# `$schema` and `oneOf` are outside Kimi's dialect.
TOOL = Tool(
    name="look",
    description="Look.",
    parameters={
        "$schema": "http://json-schema.org/draft-07/schema#",
        "type": "object",
        "properties": {"at": {"oneOf": [{"type": "string"}, {"type": "integer"}]}},
    },
)


@pytest.fixture
def here(home: Path, kimi: KimiMock, monkeypatch: pytest.MonkeyPatch) -> Here:
    """An empty home, and the mock."""
    return entered(home, kimi, monkeypatch)


def defined(gateway: KimiMock, *entries: str, wire: Wire = "messages") -> str:
    """Return a `config.toml` with the gateway as a provider, and a chain."""
    return (
        f"fallback = {json.dumps(entries)}\n"
        "[providers.gateway]\n"
        f'base_url = "{gateway.base_url("moonshot", wire)}"\n'
        f'wire = "{wire}"\nkey_variable = "GATEWAY_KEY"\n'
    )


def test_each_hop_brings_its_own_key_wire_headers_and_schema(here: Here, gateway: KimiMock) -> None:
    """Acceptance 25: three endpoints, three wires' worth of requests, none sees another's key."""
    here.key(PLAN_KEY)
    here.stored(paid=PLATFORM_KEY)
    here.patch.setenv("GATEWAY_KEY", GATEWAY_KEY)
    here.config(defined(gateway, "kimi-coding/kimi-k3", "gateway/some-model"))
    here.kimi.quota = "weekly"
    here.kimi.balance = 0.0
    asked = here.ask(tools=[TOOL])
    assert asked.error is None
    assert asked.shown
    first, second, third = (*here.kimi.seen[1:], *gateway.seen)
    assert [change.to_endpoint for change in changes(asked)] == ["moonshot", "gateway"]
    # The plan refuses our name on the chat wire, so it is asked over the messages wire.
    assert (first.surface, first.path) == ("kimi-code", "/coding/v1/messages")
    assert "anthropic-version" in first.headers
    assert set(first.json["tools"][0]) >= {"name", "input_schema"}
    assert "oneOf" not in first.body.decode()
    assert (second.surface, second.path) == ("moonshot", "/v1/chat/completions")
    assert "anthropic-version" not in second.headers
    assert second.json["tools"][0]["type"] == "function"
    assert "oneOf" not in second.body.decode()
    assert (third.path, third.json["model"]) == ("/anthropic/v1/messages", "some-model")
    assert third.json["tools"][0]["input_schema"] == TOOL.parameters
    keys = {PLAN_KEY: first, PLATFORM_KEY: second, GATEWAY_KEY: third}
    for key, seen in keys.items():
        everything = f"{seen.headers.pairs}{seen.body!r}{seen.query}"
        assert [other for other in keys if other in everything] == [key]
    agents = {seen.headers["User-Agent"] for seen in (first, second, third)}
    assert len(agents) == 1


def test_an_entry_without_a_key_is_passed_over_and_told(here: Here, gateway: KimiMock) -> None:
    """The chain goes on to the next entry; the hop says who was not asked, and why."""
    here.key(PLATFORM_KEY)
    here.patch.setenv("GATEWAY_KEY", GATEWAY_KEY)
    here.config(defined(gateway, "deepseek/deepseek-chat", "gateway/m", wire="chat"))
    here.kimi.replies.append(refused(429, *EMPTY))
    asked = here.ask()
    assert asked.error is None
    [change] = changes(asked)
    [sentence] = change.notices
    assert sentence.startswith("deepseek/deepseek-chat was passed over: There is no key")
    assert change.to_model == "m"


def test_a_chain_that_leads_nowhere_says_so_in_the_error(here: Here) -> None:
    """The first error stays, with what was tried in its advice."""
    here.key(PLATFORM_KEY)
    here.config('fallback = ["deepseek/deepseek-chat", "kimi-coding"]\n')
    here.kimi.replies.append(refused(429, *EMPTY))
    asked = here.ask()
    assert isinstance(asked.error, errors.EmptyBalance)
    assert "deepseek/deepseek-chat was passed over" in asked.error.remedy
    assert "kimi-coding/kimi-coding" not in asked.error.remedy
    assert len(here.kimi.seen) == 1


def test_another_model_does_not_help_a_key_that_is_used_up(here: Here) -> None:
    """The same key at the same endpoint is not asked again for another model."""
    here.key(PLAN_KEY)
    here.config('fallback = ["kimi-coding/k3-256k"]\n')
    here.kimi.gate_allows.add("hermes-kimi")
    here.kimi.quota = "weekly"
    asked = here.ask()
    assert isinstance(asked.error, errors.QuotaExhausted)
    assert "same key at the same endpoint" in asked.error.remedy
    assert len(here.kimi.seen) == 1


def test_a_used_up_key_is_not_gone_back_to_from_further_down(here: Here, gateway: KimiMock) -> None:
    """What another endpoint answers meanwhile does not fill a plan's quota again."""
    here.key(PLAN_KEY)
    here.patch.setenv("GATEWAY_KEY", GATEWAY_KEY)
    here.config(defined(gateway, "kimi-coding/k3-256k", "gateway/m", wire="chat"))
    here.kimi.gate_allows.add("hermes-kimi")
    here.kimi.quota = "weekly"
    gateway.replies.append(refused(404, "Not found the model m", "resource_not_found_error"))
    asked = here.ask()
    assert isinstance(asked.error, errors.ModelNotFound)
    assert "kimi-coding/k3-256k was passed over: it has the same key" in asked.error.remedy
    assert (len(here.kimi.seen), len(gateway.seen)) == (1, 1)


def test_another_model_helps_where_the_plan_lacks_one(here: Here) -> None:
    """An entitlement is about the model: the same key is asked for the chain's other one."""
    here.key(PLAN_KEY)
    here.config('fallback = ["kimi-coding/k3-256k"]\n')
    here.kimi.gate_allows.add("hermes-kimi")
    lacks = "Your current subscription does not have access to k3.1-pro"
    here.kimi.replies += [refused(401, lacks, "authentication_error"), text("x")]
    asked = here.ask(Flags(model="k3.1-pro"))
    assert asked.error is None
    assert [seen.json["model"] for seen in here.kimi.seen] == ["k3.1-pro", "k3-256k"]
    assert here.keys_seen == [PLAN_KEY] * 2


def test_the_chain_takes_no_second_membership_key_either(here: Here) -> None:
    """Neither by way of `--key`: the membership's other key waits for a word of the user."""
    here.key(PLAN_KEY)
    here.stored(twin=PLAN_TWIN)
    here.config('fallback = ["kimi-coding/k3-256k"]\n')
    here.kimi.gate_allows.add("hermes-kimi")
    here.kimi.quota = "weekly"
    asked = here.ask(Flags(key="twin"))
    assert isinstance(asked.error, errors.QuotaExhausted)
    assert here.keys_seen == [PLAN_TWIN]


def test_what_cannot_be_mended_elsewhere_stays_here(here: Here, gateway: KimiMock) -> None:
    """A high-risk text is one request, whatever the chain."""
    here.key(PLATFORM_KEY)
    here.patch.setenv("GATEWAY_KEY", GATEWAY_KEY)
    here.config(defined(gateway, "gateway/m"))
    here.kimi.replies.append(refused(400, "considered high risk", "content_filter"))
    assert isinstance(here.ask().error, errors.ContentFiltered)
    assert gateway.seen == []


def test_no_fallback_is_one_endpoint(here: Here, gateway: KimiMock) -> None:
    """The flag leaves the chain alone, and rotation as it is."""
    here.key(PLATFORM_KEY)
    here.patch.setenv("GATEWAY_KEY", GATEWAY_KEY)
    here.config(defined(gateway, "gateway/m"))
    here.kimi.replies.append(refused(429, *EMPTY))
    assert here.ask(Flags(fallback=False)).error is not None
    assert gateway.seen == []


def test_an_effort_moves_along_the_chain_where_it_is_known(here: Here, gateway: KimiMock) -> None:
    """Of a model without a row an effort is passed on; nothing is refused for it."""
    here.key(PLATFORM_KEY)
    here.patch.setenv("GATEWAY_KEY", GATEWAY_KEY)
    here.config(defined(gateway, "gateway/kimi-k3", wire="chat"))
    here.kimi.replies.append(refused(500, "internal", "server_error"))
    asked = here.ask(options=Options(effort="low"), patience=IMPATIENT)
    assert asked.error is None
    assert gateway.seen[0].json["reasoning_effort"] == "low"


@pytest.mark.parametrize(
    ("entries", "said"),
    [
        ('["nobody/x"]', "no provider `nobody`"),
        ('["local", "kimi-coding/"]', "entry 2 of `fallback`: It has no model after the slash"),
        ('["deepseek"]', "has no default model"),
        ('["/k3"]', "entry 1"),
        ('"local"', "should be a list of texts"),
        ("[1]", "should be a list of texts"),
    ],
)
def test_a_wrong_entry_is_named_by_its_line(here: Here, entries: str, said: str) -> None:
    """It is told before the first request, with the right form."""
    here.config(f"\nfallback = {entries}\n")
    with pytest.raises(errors.ConfigurationError) as caught:
        read_chain(read_settings())
    assert "config.toml line 2" in caught.value.message
    assert said in caught.value.message
    assert caught.value.exit_code == 3


def test_an_entry_is_cut_at_its_first_slash(here: Here) -> None:
    """Model ids of routers have slashes too; aliases and blanks are understood."""
    here.config('fallback = ["openrouter/moonshotai/kimi-k3", " Kimi / k3 ", "local"]\n')
    chain = [(entry.provider, entry.model) for entry in read_chain(read_settings())]
    assert chain == [
        ("openrouter", "moonshotai/kimi-k3"),
        ("kimi-coding", "k3"),
        ("local", "smollm2-135m-instruct"),
    ]


KINDS = (
    (401, "Invalid Authentication", "invalid_authentication_error"),
    (404, "Not found the model x", "resource_not_found_error"),
    (429, "please try again after 1 seconds", "rate_limit_reached_error"),
    (429, *EMPTY),
    (500, "internal", "server_error"),
)


@pytest.mark.parametrize("seed", range(8))
def test_whatever_fails_a_turn_ends_and_no_key_strays(
    here: Here, gateway: KimiMock, seed: int
) -> None:
    """Four keys and a chain, every answer a refusal: a bounded number of requests, each at home."""
    chance = random.Random(seed)  # noqa: S311 - cases that can be repeated
    here.key(PLATFORM_KEY)
    here.stored(second=SECOND_KEY, third=THIRD_KEY, china=f"{CHINA_KEY}@moonshot-cn", plan=PLAN_KEY)
    here.patch.setenv("GATEWAY_KEY", GATEWAY_KEY)
    here.config(defined(gateway, "kimi-coding/k3", "gateway/m", "kimi-coding/kimi-k3", wire="chat"))
    for mock in (here.kimi, gateway):
        mock.gate_allows.add("hermes-kimi")
        mock.replies += [refused(*chance.choice(KINDS)) for _ in range(60)]
    asked = here.ask(Flags(model="kimi-k3"))
    assert asked.error is not None
    assert len(here.kimi.seen) + len(gateway.seen) <= 40
    homes = {"moonshot": {PLATFORM_KEY, SECOND_KEY, THIRD_KEY}, "moonshot-cn": {CHINA_KEY}}
    homes["kimi-code"] = {PLAN_KEY}
    assert all(key_in(seen) in homes[seen.surface] for seen in here.kimi.seen)
    assert all(key_in(seen) == GATEWAY_KEY for seen in gateway.seen)


class Lines:
    """A prompt at which these lines are typed, one when the one before is answered."""

    is_live = False
    rows = 24

    def __init__(self, *lines: str) -> None:
        self._lines = list(lines)
        self.pastes = Pastes()

    async def read(self) -> str:
        """Return the next line."""
        if not self._lines:
            raise EOFError
        return self._lines.pop(0)

    async def ask(self, text: str, keys: str = "") -> str:
        """Answer nothing."""
        del text, keys
        raise EOFError

    def begin_work(self, interrupt: Callable[[], None]) -> None:
        """Do nothing."""

    def end_work(self) -> None:
        """Do nothing."""

    def refresh(self) -> None:
        """Do nothing."""


def test_a_conversation_goes_on_where_a_turn_ended(here: Here, gateway: KimiMock) -> None:
    """After a hop the next line goes to the same place, with the same chain behind it."""
    here.key(PLATFORM_KEY)
    here.patch.setenv("GATEWAY_KEY", GATEWAY_KEY)
    here.config(defined(gateway, "gateway/m", wire="chat"))
    here.kimi.replies.append(refused(429, *EMPTY))
    conversation = Talk(LiveScreen(), wanted := Wanted(directory=here.home.parent))
    conversation.use(Flags())
    conversation.open(wanted)
    conversation.stage = Lines("one", "two")
    asyncio.run(hold(conversation))
    messages = list(conversation.session.loop.messages)
    conversation.close()
    assert conversation.route.endpoint.id == "gateway"
    assert (len(here.kimi.seen), len(gateway.seen)) == (1, 2)
    assert [message.role for message in messages] == ["user", "assistant"] * 2


@pytest.mark.local_model
def test_the_embedded_model_is_started_when_it_is_the_next(here: Here) -> None:
    """It runs from the hop to the end of the run, and gets nothing of the first endpoint's."""
    here.key(PLATFORM_KEY)
    here.config('fallback = ["local"]\n')
    here.kimi.replies.append(refused(429, *EMPTY))
    asked = here.ask(options=Options(budget_tokens=4, effort="low"))
    assert asked.error is None
    [change] = changes(asked)
    assert change.to_endpoint == "local"
    assert any("has no effort" in sentence for sentence in change.notices)
    assert asked.finished.model == "smollm2-135m-instruct"
    assert set(read_facts().states) == set()
