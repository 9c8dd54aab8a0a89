"""The same bodies with the endpoint, the key and the model that were asked with."""

import json

import pytest
from msgspec.structs import replace

from agent import errors
from agent.atlas import Asked, classify
from agent.catalog import find
from agent.catalog.custom import CUSTOM
from agent.catalog.rows import EndpointRow
from tests.support.refusals import FIVE_HOURS, PLAN_401

FOUR = ("kimi-code", "kimi-code-global", "moonshot", "moonshot-cn")


def row_of(name: str) -> EndpointRow:
    """Return an endpoint of Kimi's."""
    kimi = find("kimi")
    assert kimi is not None
    return kimi.endpoint(name)


def refused(status: int, message: str, asked: Asked) -> errors.ProviderError:
    """Classify a body that came from the endpoint that was asked."""
    body = json.dumps({"error": {"message": message}}).encode()
    return classify(status, body, endpoint="host", asked=asked)


@pytest.mark.parametrize(
    ("name", "twin", "url"),
    [
        ("kimi-code", "api.kimi.ai", "https://api.kimi.ai/coding/v1"),
        ("kimi-code-global", "api.kimi.com", "https://api.kimi.com/coding/v1"),
        ("moonshot", "api.moonshot.cn", "https://api.moonshot.cn/v1"),
        ("moonshot-cn", "api.moonshot.ai", "https://api.moonshot.ai/v1"),
    ],
)
def test_a_bad_key_may_be_one_of_the_other_region(name: str, twin: str, url: str) -> None:
    """
    Keys of both regions look alike (hermes #8096, loushang #241): the other one is named.

    One command tries it: the probe, or the other URL where the user's own setting, which
    beats whatever a probe finds, says where the key goes.
    """
    row = row_of(name)
    for is_named, command in (
        (False, f"`hermes chat --probe` asks {twin} too, and remembers who takes it"),
        (True, f"`hermes chat --base-url {url}` sends it to {twin}"),
    ):
        asked = Asked(endpoint=row, key_product=row.product, is_named=is_named)
        error = refused(401, "Invalid Authentication", asked)

        assert type(error) is errors.KeyRefused
        assert error.remedy.startswith(f"Keys of both regions look alike: {command}. ")
        assert row.console in error.remedy


def test_a_key_that_was_taken_here_before_is_told_so() -> None:
    """It may have been replaced since; it is not called a key that was never right."""
    row = row_of("moonshot")
    error = refused(401, "Invalid Authentication", Asked(endpoint=row, accepted_at=row))

    assert type(error) is errors.KeyRefused
    assert error.message.startswith("host did not take the key, which it took before (401)")
    assert "`hermes setup` takes another key" in error.remedy


def test_a_key_that_the_other_region_has_taken_is_told_so() -> None:
    """With a remembered answer of the other region nothing is left to guess."""
    asked = Asked(
        endpoint=row_of("moonshot"),
        key_product=row_of("moonshot").product,
        accepted_at=row_of("moonshot-cn"),
    )
    error = refused(401, "Invalid Authentication", asked)

    assert type(error) is errors.KeyOfOtherRegion
    assert "another region: api.moonshot.cn has taken it" in error.message
    assert "`hermes chat --base-url https://api.moonshot.cn/v1` sends it there" in error.remedy
    assert "`hermes explain` shows what sends it to another" in error.remedy


@pytest.mark.parametrize(
    ("name", "other", "url"),
    [
        ("moonshot", "kimi-code", "https://api.kimi.com/coding/v1"),
        ("moonshot-cn", "kimi-code-global", "https://api.kimi.com/coding/v1"),
        ("kimi-code", "moonshot", "https://api.moonshot.ai/v1"),
    ],
)
def test_a_key_of_the_other_product_is_told_so(name: str, other: str, url: str) -> None:
    """A valid key, the wrong host, a 401 without a hint (hermes #635, #43617, #68239)."""
    asked = Asked(endpoint=row_of(name), key_product=row_of(other).product)
    error = refused(401, PLAN_401, asked)

    assert type(error) is errors.KeyOfOtherProduct
    assert f"looks like a {row_of(other).product} key" in error.message
    assert f"`hermes config set providers.kimi-coding.base_url {url}`" in error.remedy
    assert "`hermes explain`" in error.remedy
    # A variable that names the wrong host beats the setting, so only the flag helps there.
    named = refused(401, PLAN_401, replace(asked, is_named=True))
    assert f"`hermes chat --base-url {url}` sends it there" in named.remedy


def test_an_unknown_401_does_not_guess_about_the_key() -> None:
    """Where the words are unknown, neither a region nor a product is blamed."""
    asked = Asked(endpoint=row_of("kimi-code"), key_product=row_of("moonshot").product)
    error = refused(401, "blubb", asked)

    assert type(error) is errors.KeyRefused
    assert "not known" in error.message


@pytest.mark.parametrize(
    ("name", "model", "right"),
    [
        ("kimi-code", "kimi-k3", "k3"),
        ("kimi-code-global", "kimi-k3", "k3"),
        ("moonshot", "k3", "kimi-k3"),
        ("moonshot-cn", "k3", "kimi-k3"),
        ("kimi-code", "k3[1m]", "k3"),
        ("moonshot", "kimi-k2.7-code[1M]", "kimi-k2.7-code"),
    ],
)
def test_the_right_id_for_this_endpoint_is_told(name: str, model: str, right: str) -> None:
    """One model, two spellings, and a suffix that is no id (hermes #105650, openclaw #111561)."""
    asked = Asked(endpoint=row_of(name), model=model)
    for status, said in (
        (401, f"Your model id does not exist, recognized as other:{model}."),
        (404, f"Not found the model {model} or Permission denied"),
    ):
        error = refused(status, said, asked)
        assert type(error) is errors.ModelNotFound
        assert error.row == "model-by-other-name"
        assert f"under another id: `{right}`" in error.message
        assert f"`hermes model {right}`" in error.remedy


@pytest.mark.parametrize("name", FOUR)
@pytest.mark.parametrize(
    ("model", "day"), [("kimi-k2.5", "2026-08-31"), ("kimi-k2-thinking", "2026-05-25")]
)
def test_a_dead_model_is_told_with_its_day(name: str, model: str, day: str) -> None:
    """The ids of hermes #966 are gone: the day is named, and what there is instead."""
    error = refused(404, f"Not found the model {model}", Asked(endpoint=row_of(name), model=model))

    assert type(error) is errors.DeadModel
    assert f"`{model}`: closed {day}" in error.message
    assert "k3" in error.remedy


def test_an_open_model_that_the_account_lacks_keeps_its_sentence() -> None:
    """The row says that the id is right, so the plan or the account is what lacks it."""
    error = refused(404, "Not found the model", Asked(endpoint=row_of("moonshot"), model="kimi-k3"))

    assert type(error) is errors.ModelNotFound
    assert error.row == "unknown-model"
    assert "`hermes models --refresh`" in error.remedy


def test_an_id_that_nobody_knows_is_answered_with_what_there_is() -> None:
    """The open ids of this endpoint, none of them chosen for the user."""
    error = refused(
        404, "Not found the model", Asked(endpoint=row_of("kimi-code"), model="kimi-k9")
    )

    assert error.row == "unknown-model"
    assert "It has: k3, k3-256k, k3.1-pro, kimi-for-coding, kimi-for-coding-highspeed." in (
        error.remedy
    )


def test_what_there_is_instead_is_of_the_endpoints_own_list() -> None:
    """Acceptance 16: once the endpoint has told its ids, the shipped ones are not offered."""
    told = {
        model: refused(
            404,
            "Not found the model",
            Asked(endpoint=row_of("moonshot"), model=model, offered=("kimi-k9", "kimi-k3")),
        )
        # An id that it lists and refuses, one that nobody knows, a closed one, and one whose
        # twin here, `kimi-k3.1-pro`, this account was not told of.
        for model in ("kimi-k9", "kimi-k8", "kimi-k2.5", "k3.1-pro")
    }

    assert "It has" not in told.pop("kimi-k9").remedy
    for error in told.values():
        assert error.remedy.startswith("It has: kimi-k9, kimi-k3. ")


@pytest.mark.parametrize("name", FOUR)
def test_the_console_is_the_one_of_that_region(name: str) -> None:
    """Acceptance 23: an empty balance, a quota and a ban each link to the right account."""
    row, asked = row_of(name), Asked(endpoint=row_of(name))
    consoles = {row_of(other).console for other in FOUR} - {row.console}

    for status, said in (
        (429, "insufficient balance"),
        (403, FIVE_HOURS),
        (403, "Access terminated."),
        (402, "membership"),
        (401, "does not have access to x"),
    ):
        remedy = refused(status, said, asked).remedy
        assert f"{row.console}. " in remedy
        assert not any(f"{console}. " in remedy for console in consoles)


def test_an_endpoint_of_somebody_else_gets_no_hints() -> None:
    """Off the shipped endpoints nothing is known of regions, consoles and other ids."""
    custom = EndpointRow(
        id="custom", name="x", base_urls=(("chat", "https://x.invalid"),), source=""
    )
    assert CUSTOM.id == custom.id
    asked = Asked(endpoint=custom, model="k3", key_product="y")

    for status, said in ((401, "Invalid Authentication"), (404, "Not found the model k3")):
        assert refused(status, said, asked).message == refused(status, said, Asked()).message
        assert refused(status, said, asked).remedy == refused(status, said, Asked()).remedy
