"""Acceptance 5: whatever people paste as a base URL gives one request path, or the fix."""

import pytest

from agent.base_url import place
from agent.catalog import PROVIDERS
from agent.catalog.custom import CUSTOM
from agent.catalog.kimi import KIMI, KIMI_CODE, KIMI_CODE_GLOBAL, MOONSHOT, MOONSHOT_CN
from agent.choice import Candidate, Chosen, Origin
from agent.errors import HermesError
from agent.keys import ApiKey
from agent.learnt import Facts
from agent.route import Wishes, resolve

KEY = Candidate(ApiKey("sk-kimi-12345678"), Origin.ENVIRONMENT, "shell variable K", "K")


def request_url(base: str, wire: str) -> str:
    """Return the URL a request goes to for a base URL and a wire."""
    wishes = Wishes(
        keys=(KEY,),
        base_urls=(Candidate(base, Origin.FLAG, "--base-url", "--base-url"),),
        wires=(Candidate(wire, Origin.CONFIG, "config.toml", "wire"),),
    )
    return resolve(Chosen(KIMI, Origin.DEFAULT, "test"), wishes, Facts()).url


SPELLINGS = ["", "/", "//"]
KNOWN = {
    "https://api.kimi.com/coding": KIMI_CODE,
    "https://api.kimi.com/coding/v1": KIMI_CODE,
    "https://api.kimi.com/coding/v1/chat/completions": KIMI_CODE,
    "https://api.kimi.com/coding/v1/messages": KIMI_CODE,
    "https://api.kimi.com/coding/v1/models": KIMI_CODE,
    "HTTPS://API.KIMI.COM:443/coding/v1": KIMI_CODE,
    "https://api.kimi.ai/coding": KIMI_CODE_GLOBAL,
    "https://api.kimi.ai/coding/v1": KIMI_CODE_GLOBAL,
    "https://api.moonshot.ai": MOONSHOT,
    "https://api.moonshot.ai/v1": MOONSHOT,
    "https://api.moonshot.ai/v1/chat/completions": MOONSHOT,
    "https://api.moonshot.ai/anthropic": MOONSHOT,
    "https://api.moonshot.ai/anthropic/v1": MOONSHOT,
    "https://api.moonshot.ai/anthropic/v1/messages": MOONSHOT,
    "https://api.moonshot.cn/v1": MOONSHOT_CN,
}


@pytest.mark.parametrize("ending", SPELLINGS)
@pytest.mark.parametrize("base", KNOWN)
def test_every_spelling_of_a_known_host_gives_its_one_path(base: str, ending: str) -> None:
    """With and without /v1, slashes at the end, a pasted request path: one URL for each wire."""
    row = KNOWN[base]
    assert place(base + ending, KIMI).endpoint is row
    assert request_url(base + ending, "chat") == row.base_url("chat") + "/chat/completions"
    assert request_url(base + ending, "messages") == row.base_url("messages") + "/v1/messages"


def test_the_paths_are_the_documented_ones() -> None:
    """The four pairs of request URLs, as literals."""
    urls = {request_url(row.base_url(wire), wire) for row in KIMI.endpoints for wire in row.wires}
    assert urls == {
        "https://api.kimi.com/coding/v1/chat/completions",
        "https://api.kimi.com/coding/v1/messages",
        "https://api.kimi.ai/coding/v1/chat/completions",
        "https://api.kimi.ai/coding/v1/messages",
        "https://api.moonshot.ai/v1/chat/completions",
        "https://api.moonshot.ai/anthropic/v1/messages",
        "https://api.moonshot.cn/v1/chat/completions",
        "https://api.moonshot.cn/anthropic/v1/messages",
    }


def test_a_base_of_the_messages_wire_chooses_that_wire() -> None:
    """Who pastes …/anthropic means the messages wire."""
    wishes = Wishes(
        keys=(KEY,),
        base_urls=(Candidate("https://api.moonshot.ai/anthropic", Origin.FLAG, "--base-url"),),
    )
    route = resolve(Chosen(KIMI, Origin.DEFAULT, "test"), wishes, Facts())
    assert route.wire.value == "messages"
    assert route.base_url.value == "https://api.moonshot.ai/anthropic"


FOREIGN = {
    "https://gateway.invalid/v1": "https://gateway.invalid/v1/chat/completions",
    "https://gateway.invalid/v1/": "https://gateway.invalid/v1/chat/completions",
    "https://gateway.invalid/v1/chat/completions": "https://gateway.invalid/v1/chat/completions",
    "https://gateway.invalid/kimi": "https://gateway.invalid/kimi/chat/completions",
    "https://gateway.invalid:8443/v4": "https://gateway.invalid:8443/v4/chat/completions",
    "http://127.0.0.1:8080/v1": "http://127.0.0.1:8080/v1/chat/completions",
    "http://[::1]:8080/v1": "http://[::1]:8080/v1/chat/completions",
    "http://localhost/v1": "http://localhost/v1/chat/completions",
}


@pytest.mark.parametrize("base", FOREIGN)
def test_at_other_hosts_the_path_stays_as_typed(base: str) -> None:
    """Nothing is put together by guess at a host that is none of ours."""
    assert request_url(base, "chat") == FOREIGN[base]


def test_the_messages_path_is_not_doubled_at_other_hosts() -> None:
    """Acceptance 5: …/v1/v1/messages never happens."""
    assert request_url("https://g.invalid/v1", "messages") == "https://g.invalid/v1/messages"
    assert request_url("https://g.invalid", "messages") == "https://g.invalid/v1/messages"


REFUSED = {
    "https://api.kimi.com/v1": "https://api.kimi.com/coding/v1",
    "https://api.kimi.com": "https://api.kimi.com/coding/v1",
    "https://api.kimi.com/coding/v1/v1": "https://api.kimi.com/coding/v1",
    "https://api.moonshot.ai/v2": "https://api.moonshot.ai/v1",
    "https://gateway.invalid/v1/v1": "twice",
    "gateway.invalid/v1": "not an http or https URL",
    "not a url": "a blank",
    "ftp://gateway.invalid/v1": "not an http or https URL",
    "https://": "not an http or https URL",
    "http://gateway.invalid/v1": "Plain http",
    "http://api.moonshot.ai/v1": "Plain http",
    "https://user:secret@gateway.invalid/v1": "user name or password",
    "https://user@gateway.invalid/v1": "user name or password",
    "https://gateway.invalid/v1?x=1": "`\\?` or `#`",
    "https://gateway.invalid/v1#x": "`\\?` or `#`",
    "https://gateway.invalid:99999/v1": "not a URL",
    "https://[::1/v1": "not a URL",
    "https://gate way.invalid/v1": "a blank",
    "https://gateway.invalid\\@api.kimi.com/v1": "backslash",
}


@pytest.mark.parametrize("base", REFUSED)
def test_what_cannot_be_right_is_refused_with_the_fix(base: str) -> None:
    """The sentence names the fix; a password inside is not repeated."""
    with pytest.raises(HermesError, match=REFUSED[base]) as caught:
        request_url(base, "chat")
    assert "secret" not in caught.value.message
    assert caught.value.exit_code == 2
    assert "--base-url" in caught.value.remedy


def test_a_look_alike_of_a_known_host_is_not_the_known_host() -> None:
    """Only the exact host name is ours; its row would bring the key along."""
    for base in ("https://api.kimi.com.evil.invalid/coding/v1", "https://xapi.kimi.com/coding/v1"):
        assert place(base, KIMI).endpoint not in KIMI.endpoints


def test_the_same_url_is_no_endpoint_of_ours_for_another_provider() -> None:
    """A provider's rows are its own."""
    assert place("https://api.kimi.com/coding/v1", CUSTOM).endpoint.id == "custom"


def test_a_gateway_gets_the_key_as_the_providers_own_endpoint_does() -> None:
    """The header is the provider's fact, wherever its user sends the key."""
    anthropic = next(row for row in PROVIDERS if row.id == "anthropic")
    gateway = "https://gateway.invalid/v1"
    assert place(gateway, anthropic).endpoint.key_header == "x-api-key"
    assert place(gateway, KIMI).endpoint.key_header == "Authorization"
