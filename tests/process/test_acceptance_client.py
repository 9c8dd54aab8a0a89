"""The acceptance cases of the client: what people complained of elsewhere, as real runs of ours."""

import asyncio
import json
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from agent.catalog import PROVIDERS
from agent.catalog.kimi import KIMI
from agent.catalog.rows import FALLBACK_CONTEXT_TOKENS, EndpointRow
from agent.choice import Origin
from agent.errors import HermesError, UnknownModel
from agent.identity import PRODUCT
from agent.route import Route
from hermes_cli.agent_session import Wanted
from hermes_cli.auth import Flags, route_for
from hermes_cli.config import read_settings
from hermes_cli.conversation import take
from hermes_cli.models import read_facts
from hermes_cli.talk import Talk
from hermes_cli.ui.live_screen import LiveScreen
from kimi_mock.replies import Reply
from kimi_mock.server import KimiMock
from tests.conftest import CHINA_KEY, GLOBAL_KEY, PLAN_KEY, PLATFORM_KEY
from tests.support.commands import Here
from tests.support.process import Hermes
from tests.turn.asking import route

pytestmark = pytest.mark.here

SHARED = Path(__file__).parents[3] / "shared" / "data" / "kimi-models.json"
KEYS = {
    "kimi-code": PLAN_KEY,
    "kimi-code-global": GLOBAL_KEY,
    "moonshot": PLATFORM_KEY,
    "moonshot-cn": CHINA_KEY,
}
DECIDED = {"kimi-coding": 200_000, "kimi-latest": 200_000}


def turns(kimi: KimiMock) -> list[Any]:
    """Return the bodies of the turns that were asked, and forget them."""
    found = [seen.json for seen in kimi.seen if seen.method == "POST"]
    kimi.seen.clear()
    return found


def route_at(endpoint: EndpointRow, model: str) -> Route:
    """Return the Route of an endpoint's own key, with a model."""
    return route(KEYS[endpoint.id], url=endpoint.base_urls[0][1], model=model)


# --- 10: a switch replaces the whole Route ---------------------------------------------------

VENDOR_KEYS = {
    row.key_variables[0]: f"key-of-{row.id}-0123456789" for row in PROVIDERS if row.key_variables
} | {"KIMI_API_KEY": PLAN_KEY}
MODELS = ("", "k3", "kimi-k3", "kimi-coding", "kimi-k2.6", "gpt-x", "k9")
URLS = ("", "https://api.moonshot.cn/v1", "https://gateway.invalid/v1", "no url", "http://a.b")
FLAGS = st.builds(
    Flags,
    provider=st.sampled_from(["", "auto", "nobody", *(r.id for r in PROVIDERS if not r.runs_here)]),
    model=st.sampled_from(MODELS),
    base_url=st.sampled_from(URLS),
)


def fresh(flags: Flags) -> Route:
    """Return a Route that knows nothing of any other. Raises what a new conversation would."""
    found = route_for(flags, read_settings(), read_facts())
    if found.model_error is not None:
        raise found.model_error
    return found


def switch(conversation: Talk, flags: Flags, wanted: Flags | str) -> Flags:
    """Switch as a user does, by flags or by `/model`; return the flags that now hold."""
    if isinstance(wanted, Flags):
        with suppress(HermesError):
            conversation.use(wanted)
        asked = wanted
    else:
        with suppress(HermesError):
            assert asyncio.run(take(conversation, f"/model {wanted}"))
        asked = Flags(provider=flags.provider, model=wanted, base_url=flags.base_url)
    try:
        fresh(asked)
    except HermesError:
        return flags
    return asked


@settings(
    max_examples=150,
    derandomize=True,
    deadline=None,
    database=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(st.lists(FLAGS | st.sampled_from(MODELS[1:]), min_size=1, max_size=6))
def test_after_any_switches_the_route_is_a_fresh_one(
    tmp_path: Path, wanted: list[Flags | str]
) -> None:
    """Acceptance 10: no host, wire, key or model of an earlier Route stays, nor a refused one."""
    here = Here(tmp_path / "home" / ".hermes")
    with here.environment(VENDOR_KEYS):
        flags = Flags()
        conversation = Talk(LiveScreen(), Wanted(directory=tmp_path))
        conversation.use(flags)
        for each in wanted:
            flags = switch(conversation, flags, each)
            assert conversation.route == fresh(flags), each
        conversation.close()


# --- 17: the right model under another endpoint's id -----------------------------------------

ASKED_FOR = {row.id for row in KIMI.models}
CROSS_PAIRS = [
    (endpoint, model)
    for endpoint in KIMI.endpoints
    for model in sorted({row.id for other in KIMI.endpoints for row in other.models} - ASKED_FOR)
    if endpoint.model(model) is None
]


@pytest.mark.parametrize(
    ("endpoint", "model"), CROSS_PAIRS, ids=lambda each: getattr(each, "id", each)
)
def test_an_id_of_another_endpoint_is_refused_with_the_right_one(
    endpoint: EndpointRow, model: str
) -> None:
    """Acceptance 17: every cross pair is exit 2, with this endpoint's id or all that it has."""
    error = route_at(endpoint, model).model_error

    assert isinstance(error, UnknownModel)
    assert error.exit_code == 2
    families = {row.family for other in KIMI.endpoints for row in [other.model(model)] if row}
    here = [row for row in endpoint.models if not row.last_day]
    twins = [row.id for row in here if row.family in families]
    for right in twins or [row.id for row in here]:
        assert right in error.message
    assert len(CROSS_PAIRS) > 50


@pytest.mark.parametrize(
    ("endpoint", "model", "said"),
    [
        ("kimi-code", "k3[1m]", "Here it is `k3`."),
        ("moonshot", "k3[1m]", "Here it is `kimi-k3`."),
        ("moonshot", "kimi-k2.7-code[1M]", "Here it is `kimi-k2.7-code`."),
        ("moonshot", "k2p7", "Here it is `kimi-k2.7-code`."),
        ("kimi-code", "k2p5", "It has: "),
    ],
)
def test_a_spelling_of_other_programs_is_refused_with_the_right_one(
    endpoint: str, model: str, said: str
) -> None:
    """Acceptance 17: a mark behind the id, and names that no endpoint has."""
    error = route_at(KIMI.endpoint(endpoint), model).model_error

    assert isinstance(error, UnknownModel)
    assert f"that is a spelling of other programs. {said}" in error.message


def test_a_mark_behind_an_unknown_id_is_sent_as_it_is() -> None:
    """Nothing is guessed about ids of which nobody knows anything."""
    assert route_at(KIMI.endpoint("moonshot"), "mine[1m]").model_error is None


@pytest.mark.parametrize(
    ("key", "model", "right"), [(PLAN_KEY, "kimi-k3", "k3"), (PLATFORM_KEY, "k3", "kimi-k3")]
)
def test_a_cross_pair_sends_nothing(
    kimi: KimiMock, hermes: Hermes, key: str, model: str, right: str
) -> None:
    """Acceptance 17, as processes: exit 2, the right id, and not even a connection."""
    result = hermes.process("chat", "-q", "hi", "--model", model, key=key)

    assert (result.stdout, result.code) == ("", 2)
    assert f"Here it is `{right}`." in result.stderr
    assert (kimi.seen, kimi.connects) == ([], [])


# --- 18: another model answers ---------------------------------------------------------------


def test_another_model_that_answers_is_told_and_priced(kimi: KimiMock, hermes: Hermes) -> None:
    """Acceptance 18: one line, a field in `--json`, and the money of the one that served."""
    kimi.replies += [Reply.streaming({"content": "x"}, model="kimi-k2.6")] * 2

    document = hermes("chat", "-q", "hi", "-m", "kimi-k3", "--json", key=PLATFORM_KEY)

    finished = json.loads(document.stdout.splitlines()[-2])
    assert (finished["event"], finished["model_sent"]) == ("finished", "kimi-k3")
    assert finished["served_model"] == "kimi-k2.6"
    assert finished["cost"]["currency"] == "USD"
    k26 = (16 * 0.95 + 5 * 0.16 + 9 * 4.00) / 1_000_000
    assert finished["cost"]["amount"] == pytest.approx(k26)
    for result in (document, hermes("chat", "-q", "hi", "-m", "kimi-k3", key=PLATFORM_KEY)):
        assert result.stderr.splitlines() == ["kimi-k2.6 answered, not kimi-k3."]


# --- 20: the window and its source -----------------------------------------------------------


def test_every_window_is_the_one_that_was_collected() -> None:
    """Acceptance 20: for each surface and id the collected number; two ids as was decided."""
    if not SHARED.exists():
        pytest.skip(f"{SHARED} is not here; the rows were compared with it where it is")
    collected = json.loads(SHARED.read_text())["models"]
    windows = {}
    for row in collected:
        window = route_at(KIMI.endpoint(row["surface"]), row["id"]).window
        assert (window.origin, "shipped row" in window.where) == (Origin.ROW, True)
        windows[row["surface"], row["id"]] = window.value

    assert windows == {
        (row["surface"], row["id"]): DECIDED.get(row["id"], row["context_window"])
        for row in collected
    }
    assert len(windows) == 35


def test_a_window_that_nobody_told_is_the_floor() -> None:
    """Acceptance 20: an unknown id has the floor and says so; the request's two are decided."""
    for endpoint in KIMI.endpoints:
        window = route_at(endpoint, "k9").window
        assert (window.value, window.origin) == (FALLBACK_CONTEXT_TOKENS, Origin.DEFAULT)
        assert "nobody told" in window.where
        for model, tokens in DECIDED.items():
            assert route_at(endpoint, model).window.value == tokens


# --- 21: the window is learnt ----------------------------------------------------------------


def test_the_true_window_is_learnt_from_the_error(kimi: KimiMock, hermes: Hermes) -> None:
    """Acceptance 21: `/models` says 1M; one 400, one more request, and the next run knows."""
    kimi.gate_allows.add(PRODUCT)
    kimi.window_limits["k3"] = 262_144
    before = datetime.now(UTC).date().isoformat()
    assert hermes("models", "--refresh", "-m", "k3", key=PLAN_KEY).code == 0

    first = hermes("chat", "-q", "sum up", "-m", "k3", key=PLAN_KEY, stdin="word " * 140_000)
    assert (first.stdout, first.code) == ("Hello from Kimi.\n", 0)
    assert "The window of k3 is 262,144 tokens for this key: learnt." in first.stderr
    assert [body["model"] for body in turns(kimi)] == ["k3", "k3"]

    second = hermes("chat", "-q", "sum up", "-m", "k3", key=PLAN_KEY, stdin="word " * 140_000)
    assert (second.stderr, second.code, len(turns(kimi))) == ("", 0, 1)
    explained = hermes("explain", "--json", "-m", "k3", key=PLAN_KEY)
    window = json.loads(explained.stdout)["route"]["window_tokens"]
    after = datetime.now(UTC).date().isoformat()
    assert (window["value"], window["origin"]) == (262_144, "learnt")
    assert window["where"] in (f"learnt on {before}", f"learnt on {after}")
    listed = window["beaten"][0]
    assert (listed["value"], listed["origin"]) == (1_048_576, "live")


# --- 23 and 24: money, and three kinds of 401 ------------------------------------------------


@pytest.mark.parametrize(
    ("key", "arguments", "console"),
    [
        (PLATFORM_KEY, (), "https://platform.kimi.ai"),
        (CHINA_KEY, ("--base-url", "https://api.moonshot.cn/v1"), "https://platform.kimi.com"),
    ],
)
def test_an_empty_balance_is_one_request_and_the_regions_console(
    kimi: KimiMock, hermes: Hermes, key: str, arguments: tuple[str, ...], console: str
) -> None:
    """Acceptance 23: never repeated, exit 4, and the link of the account's own region."""
    kimi.balance = 0

    result = hermes("chat", "-q", "hi", *arguments, key=key)

    assert (result.stdout, result.code, len(turns(kimi))) == ("", 4, 1)
    assert "the account's balance is used up" in result.stderr
    assert [url for url in ("platform.kimi.ai", "platform.kimi.com") if url in result.stderr] == [
        console.removeprefix("https://")
    ]
    assert console in result.stderr


def test_three_401s_are_three_texts(kimi: KimiMock, hermes: Hermes) -> None:
    """Acceptance 24: the key, the plan or the id; only one blames the key, and it stays in use."""
    kimi.gate_allows.add(PRODUCT)
    wrong = hermes("chat", "-q", "hi", key="sk-kimi-wrong-0123456789")
    kimi.tier = "free"
    unpaid = hermes("chat", "-q", "hi", "-m", "k3", key=PLAN_KEY)
    unknown = hermes("chat", "-q", "hi", "-m", "k9", key=PLAN_KEY)
    assert len(turns(kimi)) == 3

    assert [result.code for result in (wrong, unpaid, unknown)] == [4, 4, 4]
    texts = [
        "did not take the key",
        "takes the key, but its plan does not have this model",
        "takes the key, but does not know the model id",
    ]
    for text, result in zip(texts, (wrong, unpaid, unknown), strict=True):
        assert [each for each in texts if each in result.stderr] == [text]
        assert "(401" in result.stderr
        assert ("hermes setup" in result.stderr) is (result is wrong)

    kimi.tier = "allegretto"
    assert hermes("chat", "-q", "hi", "-m", "k3", key=PLAN_KEY).stdout == "Hello from Kimi.\n"
