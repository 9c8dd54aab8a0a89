"""One Route: every value with its source and what it beat, from values alone."""

import itertools

import pytest

from agent.catalog import PROVIDERS
from agent.catalog.kimi import KIMI, KIMI_CODE, KIMI_CODE_GLOBAL, MOONSHOT
from agent.choice import Candidate, Chosen, Origin
from agent.errors import ConfigurationError, UnknownModel, UsageError
from agent.keys import ApiKey
from agent.learnt import Facts, LearntLimit, LearntWire, LiveList, LiveModel
from agent.route import Route, Wishes, resolve

PLAN = ApiKey("sk-kimi-plan-key-0001")
PLATFORM = ApiKey("sk-platform-key-00002")
CODE_URL = "https://api.kimi.com/coding/v1"
MOONSHOT_URL = "https://api.moonshot.ai/v1"


def key(value: ApiKey, origin: Origin = Origin.ENVIRONMENT) -> Candidate[ApiKey]:
    """Return a key as a candidate."""
    return Candidate(value, origin, f"{origin.value} KIMI_API_KEY", "KIMI_API_KEY")


def wish(value: str, origin: Origin = Origin.DOTENV, name: str = "KIMI_BASE_URL") -> Candidate[str]:
    """Return a setting as a candidate."""
    return Candidate(value, origin, f"{origin.value} line 2", name)


def route(
    *,
    keys: tuple[Candidate[ApiKey], ...] = (key(PLAN),),
    base_urls: tuple[Candidate[str], ...] = (),
    model: str = "",
    wires: tuple[Candidate[str], ...] = (),
    facts: Facts | None = None,
) -> Route:
    """Return Kimi's Route for some wishes."""
    models = (wish(model, Origin.FLAG, "--model"),) if model else ()
    wishes = Wishes(keys=keys, base_urls=base_urls, models=models, wires=wires)
    return resolve(Chosen(KIMI, Origin.DEFAULT, "test"), wishes, facts or Facts())


def live(*models: LiveModel, url: str = CODE_URL, owner: ApiKey = PLAN) -> Facts:
    """Return facts with one live list."""
    return Facts(lists={(url, owner.digest): LiveList(models, "2026-11-20T10:00:00+00:00")})


@pytest.mark.parametrize(
    ("text", "url"),
    [
        ("sk-kimi-plan-key-0001", CODE_URL),
        ("SK-Kimi-PLAN-KEY-0001", CODE_URL),
        ("sk-platform-key-00002", MOONSHOT_URL),
        ("sk-kimiplatformkey", MOONSHOT_URL),
        ("anything-at-all", MOONSHOT_URL),
    ],
)
def test_the_key_alone_decides_the_endpoint(text: str, url: str) -> None:
    """Acceptance 1 and 2: the prefix picks the product, in one place."""
    assert route(keys=(key(ApiKey(text)),)).base_url.value == url


def test_a_route_says_why_the_endpoint_was_chosen() -> None:
    """The reason is the key's beginning, not a claim about the account."""
    assert route().base_url.why == "the key begins with sk-kimi-"
    assert "does not begin with sk-kimi-" in route(keys=(key(PLATFORM),)).base_url.why


def test_a_key_may_see_its_product_and_the_host_the_user_named() -> None:
    """The grants are the product's two regions, and an override's host."""
    plan = route().key
    assert plan is not None
    assert plan.value.hosts == {"api.kimi.com", "api.kimi.ai"}
    elsewhere = route(base_urls=(wish("https://gateway.invalid/v1"),)).key
    assert elsewhere is not None
    assert elsewhere.value.hosts == {"api.kimi.com", "api.kimi.ai", "gateway.invalid"}


def test_an_override_of_the_other_product_is_honoured_and_announced() -> None:
    """Acceptance 8: the sentence names the place, both endpoints and the command to drop it."""
    told = route(base_urls=(wish(MOONSHOT_URL),))
    assert told.endpoint is MOONSHOT
    [sentence] = told.notices
    assert "KIMI_BASE_URL (.env line 2)" in sentence
    assert MOONSHOT_URL in sentence
    assert CODE_URL in sentence
    assert "`hermes config unset KIMI_BASE_URL`" in sentence

    [sentence] = route(base_urls=(wish("https://api.moonshot.ai/anthropic"),)).notices
    assert "to https://api.moonshot.ai/anthropic, but it looks like" in sentence


@pytest.mark.parametrize("url", [CODE_URL, "https://api.kimi.ai/coding/v1", "https://g.invalid/v1"])
def test_an_override_that_contradicts_nothing_is_not_announced(url: str) -> None:
    """The same product, its other region, and a gateway are no contradiction."""
    assert route(base_urls=(wish(url),)).notices == ()


def test_a_losing_key_of_the_other_product_is_named() -> None:
    """Two keys of two products: one line says which is used."""
    both = route(keys=(key(PLAN), key(PLATFORM, Origin.DOTENV)))
    [sentence] = both.notices
    assert "a Kimi Code key" in sentence
    assert "Moonshot open platform key" in sentence
    assert route(keys=(key(PLAN), key(ApiKey("sk-kimi-other-0009"), Origin.DOTENV))).notices == ()


def test_every_source_beats_the_later_ones_and_the_losers_are_kept() -> None:
    """Acceptance 11: all 16 combinations of the four places a base URL can stand in."""
    places = (Origin.FLAG, Origin.ENVIRONMENT, Origin.DOTENV, Origin.CONFIG)
    for present in itertools.product((False, True), repeat=4):
        wishes = tuple(
            wish(f"https://host{n}.invalid/v1", origin)
            for n, (origin, there) in enumerate(zip(places, present, strict=True))
            if there
        )
        chosen = route(base_urls=wishes).base_url
        values = [*(w.value for w in wishes), CODE_URL]
        assert chosen.value == values[0]
        assert [loser.value for loser in chosen.beaten] == values[1:]


ALIASES = {
    ("kimi-coding", KIMI_CODE): "kimi-for-coding",
    ("kimi-coding", KIMI_CODE_GLOBAL): "kimi-for-coding",
    ("kimi-coding", MOONSHOT): "kimi-k3",
    ("kimi-latest", KIMI_CODE): "k3",
    ("kimi-latest", KIMI_CODE_GLOBAL): "k3",
    ("kimi-latest", MOONSHOT): "kimi-k3",
}


@pytest.mark.parametrize(("name", "endpoint"), ALIASES)
def test_our_two_names_are_served_as_the_endpoints_own(name: str, endpoint: object) -> None:
    """`kimi-coding` and `kimi-latest` never go out where the endpoint does not list them."""
    row = next(row for row in KIMI.endpoints if row is endpoint)
    told = route(model=name, base_urls=(wish(row.base_url("chat")),))
    assert told.model_id_sent == ALIASES[name, row]
    assert told.window.value == 200_000
    assert told.is_alias


def test_an_alias_that_the_endpoint_lists_itself_goes_out_as_it_is() -> None:
    """The live list has the last word about an id."""
    told = route(model="kimi-latest", facts=live(LiveModel("kimi-latest", 131_072)))
    assert told.model_id_sent == "kimi-latest"
    assert told.window.value == 131_072


@pytest.mark.parametrize(
    "name", ["kimi-k2.5", "kimi-k2-thinking", "kimi-k2-turbo-preview", "kimi-k2-0905-preview", "x"]
)
def test_no_other_id_is_ever_exchanged(name: str) -> None:
    """A dead or unknown id goes out as typed; the endpoint answers for it."""
    told = route(model=name)
    assert told.model_id_sent == name
    assert told.model_error is None


def test_at_another_base_url_every_id_goes_out_as_typed() -> None:
    """A gateway may have any id, our two names as well."""
    told = route(model="kimi-coding", base_urls=(wish("https://g.invalid/v1"),))
    assert told.model_id_sent == "kimi-coding"
    assert told.endpoint.quirks == frozenset()


def test_the_default_model_is_the_requests_first() -> None:
    """Without a word from anybody, `kimi-coding` by default."""
    told = route()
    assert (told.model.value, told.model.origin) == ("kimi-coding", Origin.DEFAULT)


def test_an_id_of_another_endpoint_is_refused_with_the_right_one() -> None:
    """Acceptance 17's beginning: kimi-k3 on the plan is k3, and the other way round."""
    error = route(model="kimi-k3").model_error
    assert isinstance(error, UnknownModel)
    assert "`k3`" in error.message
    error = route(model="k3", keys=(key(PLATFORM),)).model_error
    assert error is not None
    assert "`kimi-k3`" in error.message


def test_an_id_that_the_live_list_lacks_is_refused_with_what_it_has() -> None:
    """A list known by date is believed, but for the request's six."""
    facts = live(LiveModel("k3"), LiveModel("new-model"))
    error = route(model="k3-256k", facts=facts).model_error
    assert error is not None
    assert "2026-11-20" in error.message
    assert "k3, new-model" in error.message
    assert route(model="new-model", facts=facts).model_error is None
    assert route(model="kimi-k2.5", facts=facts).model_error is None


def test_a_list_of_another_key_or_endpoint_says_nothing() -> None:
    """Lists are per account: another key's list does not refuse anything."""
    assert route(model="zzz", facts=live(LiveModel("k3"), owner=PLATFORM)).model_error is None
    assert route(model="zzz", facts=live(LiveModel("k3"), url=MOONSHOT_URL)).model_error is None


def test_a_provider_without_models_asks_for_one() -> None:
    """Providers we have not exercised have no default model."""
    zai = next(row for row in PROVIDERS if row.id == "zai")
    told = resolve(Chosen(zai, Origin.FLAG, "test"), Wishes(keys=(key(PLATFORM),)), Facts())
    assert isinstance(told.model_error, UsageError)
    assert "--model" in told.model_error.remedy


def limits(tokens: int, live_tokens: int | None) -> dict[tuple[str, str, str], LearntLimit]:
    """Return a learnt limit of k3."""
    when = "2026-11-21T00:00:00+00:00"
    return {(CODE_URL, PLAN.digest, "k3"): LearntLimit(tokens, live_tokens, when)}


def test_the_window_is_learnt_then_live_then_shipped_then_the_fallback() -> None:
    """Each beats the next, and says where it comes from."""
    listed = live(LiveModel("k3", 1_000_000)).lists
    learnt = route(model="k3", facts=Facts(lists=listed, limits=limits(262_144, 1_000_000))).window
    assert (learnt.value, learnt.origin) == (262_144, Origin.LEARNT)
    assert "2026-11-21" in learnt.where
    assert [loser.value for loser in learnt.beaten] == [1_000_000, 1_048_576, 32_768]
    said = route(model="k3", facts=Facts(lists=listed)).window
    assert (said.value, said.origin) == (1_000_000, Origin.LIVE)
    shipped = route(model="k3").window
    assert (shipped.value, shipped.origin) == (1_048_576, Origin.ROW)
    unknown = route(model="zzz").window
    assert (unknown.value, unknown.origin) == (32_768, Origin.DEFAULT)


def test_a_learnt_limit_falls_when_the_live_number_changes() -> None:
    """The tier was changed: what was learnt before no longer holds."""
    listed = live(LiveModel("k3", 1_048_576)).lists
    window = route(model="k3", facts=Facts(lists=listed, limits=limits(262_144, 1_000_000))).window
    assert window.value == 1_048_576


def test_the_live_number_of_the_served_id_counts_for_an_alias() -> None:
    """What answers is kimi-for-coding, so its live window is the window."""
    window = route(facts=live(LiveModel("kimi-for-coding", 262_144))).window
    assert (window.value, window.origin) == (262_144, Origin.LIVE)


def test_a_remembered_wire_is_taken_and_a_setting_beats_it() -> None:
    """What the gate taught holds until the user says otherwise."""
    facts = Facts(wires={CODE_URL: LearntWire("messages", "2026-11-21T00:00:00+00:00")})
    told = route(facts=facts)
    assert (told.wire.value, told.wire.origin) == ("messages", Origin.REMEMBERED)
    assert told.url == "https://api.kimi.com/coding/v1/messages"
    config = (wish("chat", Origin.CONFIG, "providers.kimi-coding.wire"),)
    assert route(facts=facts, wires=config).wire.value == "chat"
    automatic = (wish("auto", Origin.CONFIG, "providers.kimi-coding.wire"),)
    assert route(facts=facts, wires=automatic).wire.value == "messages"


def test_a_wire_that_nobody_speaks_is_refused() -> None:
    """A wrong setting is named with the wires there are."""
    config = (wish("smoke", Origin.CONFIG, "providers.kimi-coding.wire"),)
    with pytest.raises(ConfigurationError, match="chat and messages") as caught:
        route(wires=config)
    assert "hermes config unset providers.kimi-coding.wire" in caught.value.remedy


def test_moving_to_another_wire_changes_nothing_else() -> None:
    """The Route is replaced whole; endpoint, key and model stay."""
    before = route()
    after = before.on_wire("messages", origin=Origin.REMEMBERED, where="just now")
    assert after.base_url.value == "https://api.kimi.com/coding"
    assert (after.endpoint, after.key, after.model) == (before.endpoint, before.key, before.model)


def test_routes_do_not_depend_on_what_came_before() -> None:
    """Acceptance 10's ground: resolving is a function of values alone."""
    first = route(model="k3")
    route(keys=(key(PLATFORM),), base_urls=(wish("https://g.invalid/v1"),))
    assert route(model="k3") == first


def test_the_live_list_says_whether_a_model_takes_images() -> None:
    """goose#11814, Roo#11304: the account's own flag counts, above the shipped row."""
    shipped = route(model="k3").row_sent
    assert shipped is not None
    assert shipped.image is True
    told = route(model="k3", facts=live(LiveModel("k3", 5, image=False))).row_sent
    assert told is not None
    assert told.image is False
    silent = route(model="k3", facts=live(LiveModel("k3", 5))).row_sent
    assert silent is not None
    assert silent.image is True
