"""Who is asked about a key, what the answers say of it, and what is kept of them."""

import socket
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent import errors
from agent.catalog.kimi import KIMI
from agent.choice import Candidate, Chosen, Origin
from agent.keys import ApiKey
from agent.learnt import Cooling, Facts, KeyPlace, KeyState, LearntWire, LiveList
from agent.route import Wishes, resolve
from hermes_cli.auth import find_provider
from hermes_cli.check import (
    Answer,
    Checked,
    Verdict,
    at_endpoints,
    check,
    knows_region,
    may_probe,
    regions,
    remember,
)
from hermes_cli.config import read_settings
from hermes_cli.models import read_facts
from hermes_cli.probe_wish import probe_wish
from kimi_mock.server import KimiMock
from tests.conftest import CHINA_KEY, GLOBAL_KEY, PLAN_KEY, PLATFORM_KEY
from tests.support.commands import Here
from tests.turn.asking import route

pytestmark = pytest.mark.usefixtures("entered")

KEYS = {
    "kimi-code": PLAN_KEY,
    "kimi-code-global": GLOBAL_KEY,
    "moonshot": PLATFORM_KEY,
    "moonshot-cn": CHINA_KEY,
}
HOSTS = {
    "Kimi Code": {"api.kimi.com:443", "api.kimi.ai:443"},
    "Moonshot open platform": {"api.moonshot.ai:443", "api.moonshot.cn:443"},
}
AT = "2026-11-22T10:00:00+00:00"


def everywhere(key: str) -> Checked:
    """Ask every region of a key's product."""
    mine = route(key)
    return check(at_endpoints(mine, regions(mine)))


# --- asking -------------------------------------------------------------------------------


@pytest.mark.parametrize("home_of_key", KEYS)
def test_each_region_of_the_product_is_asked_once_and_no_other_host(
    online: KimiMock, here: Here, home_of_key: str
) -> None:
    """A plan key never reaches a platform host, nor the reverse; nothing is stored."""
    checked = everywhere(KEYS[home_of_key])

    product = KIMI.endpoint(home_of_key).product
    asked = [row.id for row in KIMI.of_product(product)]
    assert sorted(seen.surface for seen in online.seen) == sorted(asked)
    assert all(seen.path.endswith("/models") for seen in online.seen)
    assert set(online.connects) == HOSTS[product]
    assert [answer.endpoint.id for answer in checked.accepted] == [home_of_key]
    assert checked.accepted[0].models
    assert checked.verdict is Verdict.ACCEPTED
    assert not here.home.exists()


def test_hosts_that_are_silent_are_waited_for_side_by_side() -> None:
    """The limit holds for all of them together, and the sentence has its number."""
    with socket.create_server(("127.0.0.1", 0)) as silent:
        port = silent.getsockname()[1]
        routes = [route(PLATFORM_KEY, url=f"http://127.0.0.1:{port}/{n}/v1") for n in "abc"]
        before = time.monotonic()
        checked = check(routes, seconds=1.0)

    assert time.monotonic() - before < 2.8
    assert checked.verdict is Verdict.UNREACHED
    for answer in checked.answers:
        assert isinstance(answer.error, errors.ConnectTimedOut)
        assert "within 1 seconds" in answer.error.message


@pytest.mark.parametrize(
    ("error", "verdict"),
    [
        (None, Verdict.ACCEPTED),
        (errors.QuotaExhausted("x"), Verdict.ACCEPTED),
        (errors.EmptyBalance("x"), Verdict.ACCEPTED),
        (errors.EntitlementRefused("x"), Verdict.ACCEPTED),
        (errors.MembershipMissing("x"), Verdict.ACCEPTED),
        (errors.KeyRefused("x"), Verdict.REFUSED),
        (errors.Banned("x"), Verdict.REFUSED),
        (errors.IdentityRefused("x"), Verdict.UNREACHED),
        (errors.RateLimited("x"), Verdict.UNREACHED),
        (errors.ServerFailed("x"), Verdict.UNREACHED),
        (errors.NameNotResolved("x"), Verdict.UNREACHED),
    ],
)
def test_what_an_answer_says_of_the_key(error: errors.HermesError, verdict: Verdict) -> None:
    """A plan that lacks something has a good key; a busy endpoint says nothing of it."""
    assert Answer(route(), error=error).verdict is verdict


def test_one_who_could_not_be_asked_leaves_the_verdict_open() -> None:
    """A refusal of one region proves nothing while the other has not answered."""
    refused = Answer(route(), error=errors.KeyRefused("x"))
    silent = Answer(route(), error=errors.AnswerSilent("x"))
    taken = Answer(route())

    assert Checked((refused, silent), AT).verdict is Verdict.UNREACHED
    assert Checked((refused, refused), AT).verdict is Verdict.REFUSED
    assert Checked((silent, taken), AT).verdict is Verdict.ACCEPTED


# --- who may be asked ---------------------------------------------------------------------


def test_a_base_url_that_the_user_named_has_no_other_region() -> None:
    """The setting says where the key goes; without one there are two regions, own first."""
    assert [row.id for row in regions(route(CHINA_KEY))] == ["moonshot", "moonshot-cn"]
    assert [row.id for row in regions(route(PLAN_KEY))] == ["kimi-code", "kimi-code-global"]
    [named] = regions(route(CHINA_KEY, url="https://api.moonshot.ai/v1"))
    assert named.id == "moonshot"


def test_a_provider_with_one_endpoint_has_one_region() -> None:
    """Nobody else is asked about another vendor's key."""
    row = find_provider("zai")
    key = Candidate(ApiKey("zai-key-0123456789"), Origin.ENVIRONMENT, "x", row.key_variables[0])
    other = resolve(Chosen(row, Origin.FLAG, "x"), Wishes(keys=(key,)), Facts())

    assert [endpoint.id for endpoint in regions(other)] == [row.id]


@pytest.mark.parametrize(
    ("wish", "consents", "allowed"),
    [
        ("", (), False),
        ("", ("Moonshot open platform",), True),
        ("", ("Kimi Code",), False),
        ("ask", ("Moonshot open platform",), True),
        ("always", (), True),
        ("Always", (), True),
        ("never", ("Moonshot open platform",), False),
    ],
)
def test_asking_needs_a_yes(
    here: Here, wish: str, consents: tuple[str, ...], *, allowed: bool
) -> None:
    """The setting, else the yes that is remembered for this product."""
    if wish:
        here.write("config.toml", f'[providers.kimi-coding]\nprobe = "{wish}"\n')
    facts = Facts(consents=dict.fromkeys(consents, AT))

    assert may_probe(route(PLATFORM_KEY), read_settings(), facts) is allowed


def test_another_word_than_the_three_is_refused(here: Here) -> None:
    """A word with an error in it is told, with its line and the right ones."""
    here.write("config.toml", '[providers.kimi-coding]\nprobe = "nevr"\n')

    with pytest.raises(errors.ConfigurationError, match=r"line 2: .* none of ask, always, never"):
        probe_wish(KIMI, read_settings())


@pytest.mark.parametrize(
    ("state", "place", "known"),
    [
        ("", "", False),
        ("accepted", "", True),
        ("refused", "", False),
        ("", "moonshot", True),
        ("", "moonshot doubted", False),
        ("refused", "moonshot", False),
        ("accepted", "moonshot doubted", True),
    ],
)
def test_a_region_is_known_until_a_refusal(state: str, place: str, *, known: bool) -> None:
    """What the endpoint said last counts, then where the key was found."""
    mine = route(PLATFORM_KEY)
    digest, url = mine.key_digest, mine.chat_base_url
    states = {
        "accepted": {(url, digest): KeyState("accepted", "chat", AT)},
        "refused": {(url, digest): KeyState("refused", "chat", AT)},
        "": {},
    }[state]
    name, _, doubt = place.partition(" ")
    places = {digest: KeyPlace(name, AT, doubted=bool(doubt))} if name else {}

    assert knows_region(route(PLATFORM_KEY, facts=Facts(states=states, places=places))) is known


PRODUCT_ENDPOINTS = st.sampled_from([row.id for row in KIMI.endpoints])
URLS = st.sampled_from([url for row in KIMI.endpoints for _, url in row.base_urls])


@st.composite
def facts_without_a_place(draw: st.DrawFn) -> Facts:
    """Return anything that may have been learnt of a key but where it belongs."""
    digest = ApiKey(draw(st.sampled_from(list(KEYS.values())))).digest
    urls = draw(st.lists(URLS, max_size=4))
    words = st.sampled_from(["accepted", "refused"])
    return Facts(
        lists={(url, digest): LiveList((), AT) for url in urls},
        wires={url: LearntWire("messages", AT) for url in draw(st.lists(URLS, max_size=2))},
        states={(url, digest): KeyState(draw(words), "chat", AT) for url in urls},  # type: ignore[arg-type]
        cooling={(url, digest): Cooling(9e9, 0.0, "x") for url in draw(st.lists(URLS))},
        consents=dict.fromkeys(draw(st.lists(st.sampled_from(list(HOSTS)))), AT),
    )


@given(facts=facts_without_a_place(), key=st.sampled_from(list(KEYS.values())))
def test_no_key_goes_to_the_other_region_without_an_answer_or_a_setting(
    facts: Facts, key: str
) -> None:
    """Acceptance 7: whatever else was learnt, the rule alone decides where a key goes."""
    mine = route(key, facts=facts)

    assert mine.endpoint.id == ("kimi-code" if key in (PLAN_KEY, GLOBAL_KEY) else "moonshot")


@given(
    endpoint=PRODUCT_ENDPOINTS,
    key=st.sampled_from(list(KEYS.values())),
    url=st.one_of(st.just(""), URLS),
)
def test_a_remembered_place_counts_inside_the_product_and_below_a_setting(
    endpoint: str, key: str, url: str
) -> None:
    """An answer moves a key to its region and never to the other product."""
    places = {ApiKey(key).digest: KeyPlace(endpoint, AT)}
    mine = route(key, url=url, facts=Facts(places=places))

    by_rule = KIMI.endpoint("kimi-code" if key in (PLAN_KEY, GLOBAL_KEY) else "moonshot")
    remembered = KIMI.endpoint(endpoint)
    expected = remembered if remembered.product == by_rule.product else by_rule
    if url:
        expected = next(row for row in KIMI.endpoints if url in dict(row.base_urls).values())
    assert mine.endpoint == expected


# --- what is kept -------------------------------------------------------------------------


def test_a_busy_answer_is_not_kept() -> None:
    """Neither accepted nor refused: the state of the key stays what it was."""
    remember(Checked((Answer(route(), error=errors.ServerFailed("x")),), AT))

    assert read_facts().states == {}


def test_the_place_that_was_chosen_is_kept_where_several_took_the_key() -> None:
    """Without a choice no place is stored, since both are right."""
    mine = route(PLATFORM_KEY)
    both = Checked(tuple(Answer(each) for each in at_endpoints(mine, regions(mine))), AT)
    remember(both)
    assert read_facts().places == {}

    remember(both, KIMI.endpoint("moonshot-cn"))
    assert read_facts().places == {mine.key_digest: KeyPlace("moonshot-cn", AT)}
