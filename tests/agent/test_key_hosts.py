"""Which hosts a key may see: its product's, those the user named, those that were granted."""

import pytest

from agent.catalog import PROVIDERS
from agent.catalog.custom import CUSTOM
from agent.catalog.defined import defined_row
from agent.catalog.kimi import KIMI, KIMI_CODE, MOONSHOT
from agent.catalog.rows import ProviderRow
from agent.choice import Candidate, Chosen, Origin
from agent.errors import EgressRefused
from agent.exchange import key_of
from agent.key_hosts import marked_owner, owner_of
from agent.keys import ApiKey
from agent.learnt import Facts
from agent.route import Route, Wishes, resolve

PLAN = ApiKey("sk-kimi-plan-key-0001")
PLATFORM = ApiKey("sk-platform-key-00002")
OWN = ApiKey("my-own-gateway-key-0003")
PLAN_HOSTS = {"api.kimi.com", "api.kimi.ai"}
PLATFORM_HOSTS = {"api.moonshot.ai", "api.moonshot.cn"}
GATEWAY = "gateway.invalid"
DEFINED = defined_row(
    "gw",
    name="",
    key_variable="MY_KEY",
    base_url=f"https://{GATEWAY}/v1",
    wire="chat",
    defined_in="~/.hermes/config.toml line 12",
)
ZAI = next(row for row in PROVIDERS if row.id == "zai")


def held(key: ApiKey, variable: str, origin: Origin = Origin.ENVIRONMENT) -> Candidate[ApiKey]:
    """Return a key in a variable."""
    return Candidate(key, origin, f"shell variable {variable}", variable)


def route(
    row: ProviderRow,
    key: Candidate[ApiKey],
    *,
    url: str = "",
    origin: Origin = Origin.FLAG,
    grants: frozenset[str] = frozenset(),
) -> Route:
    """Return the Route of a provider with one key and, if given, a base URL from somewhere."""
    urls = (Candidate(url, origin, "--base-url", "--base-url"),) if url else ()
    wishes = Wishes(keys=(key,), base_urls=urls, grants=grants)
    return resolve(Chosen(row, Origin.DEFAULT, "test"), wishes, Facts())


def hosts(found: Route) -> frozenset[str]:
    """Return the hosts that the Route's key may see."""
    assert found.key is not None
    return found.key.value.hosts


def test_the_mark_tells_the_owner_before_the_variable() -> None:
    """A plan key is a plan key wherever it stands; a stored key's name is no variable."""
    assert marked_owner(PLAN) == (KIMI, KIMI_CODE)
    assert marked_owner(PLATFORM) is None
    assert owner_of(held(PLAN, "OPENAI_API_KEY")) == (KIMI, KIMI_CODE)
    assert owner_of(held(PLATFORM, "MOONSHOT_API_KEY")) == (KIMI, MOONSHOT)
    assert owner_of(held(OWN, "CUSTOM_API_KEY")) is None
    assert owner_of(held(OWN, "KIMI_API_KEY", Origin.STORED)) is None


@pytest.mark.parametrize(
    ("row", "key", "expected"),
    [
        (KIMI, held(PLAN, "KIMI_API_KEY"), PLAN_HOSTS),
        (KIMI, held(PLATFORM, "KIMI_API_KEY"), PLATFORM_HOSTS),
        (ZAI, held(OWN, "GLM_API_KEY"), {"api.z.ai"}),
        (ZAI, held(PLAN, "GLM_API_KEY"), PLAN_HOSTS),
        (DEFINED, held(OWN, "MY_KEY"), {GATEWAY}),
        (DEFINED, held(PLAN, "MY_KEY"), PLAN_HOSTS),
        (DEFINED, held(PLATFORM, "KIMI_API_KEY"), PLATFORM_HOSTS),
        (DEFINED, held(OWN, "GLM_API_KEY"), {"api.z.ai"}),
        (DEFINED, held(OWN, "mine", Origin.STORED), {GATEWAY}),
    ],
)
def test_a_key_sees_its_own_product(
    row: ProviderRow, key: Candidate[ApiKey], expected: set[str]
) -> None:
    """Issue 4, part 3: neither another vendor's variable nor a table of ours lends it a host."""
    assert hosts(route(row, key)) == expected


@pytest.mark.parametrize("origin", [o for o in Origin if o.is_users])
@pytest.mark.parametrize("row", [KIMI, ZAI, CUSTOM, DEFINED])
def test_a_base_url_of_the_user_is_a_grant(row: ProviderRow, origin: Origin) -> None:
    """The setting is the grant, wherever the user wrote it."""
    found = route(row, held(PLAN, "KEY"), url="https://named.invalid/v1", origin=origin)

    assert "named.invalid" in hosts(found)
    assert found.egress_error is None


@pytest.mark.parametrize("origin", [o for o in Origin if not o.is_users])
def test_a_base_url_that_nobody_typed_grants_nothing(origin: Origin) -> None:
    """What a row, a live answer or the store proposes is measured by the key's own hosts."""
    found = route(KIMI, held(PLAN, "KIMI_API_KEY"), url="https://named.invalid/v1", origin=origin)

    assert hosts(found) == PLAN_HOSTS
    assert found.egress_error is not None


def test_a_refusal_names_the_key_the_host_the_line_and_the_grant() -> None:
    """Everything that is needed to decide, and the key itself nowhere."""
    found = route(DEFINED, held(PLAN, "MY_KEY"))

    with pytest.raises(EgressRefused) as caught:
        key_of(found)

    assert caught.value.exit_code == 3
    assert caught.value.message == (
        f"The key {PLAN.fingerprint} (shell variable MY_KEY) belongs to the Kimi Coding endpoint "
        f"and was not sent to {GATEWAY}, the host that providers.gw.base_url in "
        "~/.hermes/config.toml line 12 names."
    )
    assert f"`hermes key grant {GATEWAY} --provider gw`" in caught.value.remedy


def test_a_granted_host_is_seen_and_announced() -> None:
    """After the grant it goes, and the Route says whose key goes where."""
    found = route(DEFINED, held(PLAN, "MY_KEY"), grants=frozenset({GATEWAY}))

    assert key_of(found) == PLAN
    [sentence] = found.notices
    assert sentence.startswith("MY_KEY (shell variable MY_KEY) looks like a Kimi Code key")
    assert f"and not to https://{GATEWAY}/v1" in sentence


def test_a_defined_base_url_tells_the_line_it_stands_in() -> None:
    """It is the user's own setting, and is shown as one."""
    url = route(DEFINED, held(OWN, "MY_KEY")).base_url

    assert (url.origin, url.where) == (Origin.CONFIG, "~/.hermes/config.toml line 12")
    assert (url.name, url.why) == ("providers.gw.base_url", "")


def test_without_a_key_there_is_nothing_to_refuse() -> None:
    """A server without keys is reached whatever its host."""
    nothing = resolve(Chosen(DEFINED, Origin.DEFAULT, "test"), Wishes(), Facts())

    assert nothing.egress_error is None
    assert key_of(nothing) is None
