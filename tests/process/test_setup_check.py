"""`hermes setup` asks endpoints about a new key: over a pipe, in a terminal, offline."""

import json
from typing import Any

import pytest

from kimi_mock.server import KimiMock
from tests.conftest import CHINA_KEY, GLOBAL_KEY, PLAN_KEY, PLATFORM_KEY
from tests.support.process import NO_NETWORK, Hermes
from tests.support.terminal import CTRL_C, ENTER, Terminal

pytestmark = pytest.mark.here

MODELS = "/v1/models"
CODE = "https://api.kimi.com/coding/v1"


def asked(kimi: KimiMock) -> list[tuple[str, str]]:
    """Return the surface and the path of every request, sorted: two go in parallel."""
    return sorted((request.surface, request.path) for request in kimi.seen)


def route(hermes: Hermes) -> dict[str, Any]:
    """Return the Route as `hermes status --json` tells it."""
    found: dict[str, Any] = json.loads(hermes("status", "--json").stdout)["route"]
    return found


def test_a_key_from_a_pipe_is_checked_at_its_endpoint(hermes: Hermes, kimi: KimiMock) -> None:
    """Two requests, what they proved, and nothing of it again at the next command."""
    result = hermes("setup", "--key-stdin", stdin=PLAN_KEY)

    assert (result.code, result.stderr) == (0, "")
    saved, proof, left, *_ = result.stdout.splitlines()
    assert saved == f"✓ Kimi API key saved (Kimi Coding endpoint: {CODE})"
    assert proof.startswith("api.kimi.com listed 5 models for this key at ")
    assert proof.endswith("; that proves the key, not funds or quota.")
    assert left.startswith("Left there: 5 hours: 12 % used, anew ")
    assert asked(kimi) == [("kimi-code", "/coding/v1/models"), ("kimi-code", "/coding/v1/usages")]

    told = route(hermes)
    assert (told["key_state"]["verdict"], told["key_state"]["how"]) == ("accepted", "models")
    assert told["key_place"]["endpoint"] == told["endpoint"]["id"] == "kimi-code"
    assert "(listed its models)" in hermes("status").stdout
    assert len(kimi.seen) == 2


def test_a_key_of_the_other_region_needs_a_yes(hermes: Hermes, kimi: KimiMock) -> None:
    """
    A right key in the wrong region met a 401, and people blamed the key.

    Acceptance 3: refused with `--probe` named, found with it; one request a platform host,
    none to the plan's hosts, and none to look for it again.
    """
    refused = hermes("setup", "--key-stdin", stdin=CHINA_KEY)

    assert (refused.code, refused.stdout) == (4, "")
    assert "Nothing was saved." in refused.stderr
    assert "`hermes setup --key-stdin --probe < FILE` asks api.moonshot.cn" in refused.stderr
    assert asked(kimi) == [("moonshot", MODELS)]
    assert not hermes.home.exists()

    kimi.seen.clear()
    found = hermes("setup", "--key-stdin", "--probe", stdin=CHINA_KEY)

    assert found.code == 0
    assert "Moonshot (China) endpoint: https://api.moonshot.cn/v1" in found.stdout
    both = [("moonshot", MODELS), ("moonshot-cn", MODELS), ("moonshot-cn", "/v1/users/me/balance")]
    assert asked(kimi) == both
    assert (hermes.home / ".env").read_text() == f"KIMI_API_KEY={CHINA_KEY}\n"

    kimi.seen.clear()
    assert hermes("chat", "-q", "hi").code == 0
    assert asked(kimi) == [("moonshot-cn", "/v1/chat/completions")]
    assert set(kimi.connects) <= {"api.moonshot.ai:443", "api.moonshot.cn:443"}


def test_a_key_of_both_regions_goes_to_the_default(hermes: Hermes, kimi: KimiMock) -> None:
    """Acceptance 4: where nobody can be asked, the rule decides, and the other is named."""
    kimi.keys["kimi-code-global"].add(PLAN_KEY)

    result = hermes("setup", "--key-stdin", "--probe", stdin=PLAN_KEY)

    assert result.code == 0
    assert "api.kimi.ai took this key too; it goes to api.kimi.com, the default." in result.stdout
    assert route(hermes)["key_place"]["endpoint"] == "kimi-code"


def test_a_key_that_no_region_takes_is_not_saved(hermes: Hermes) -> None:
    """Exit 4, and where keys come from; there is no further region to name."""
    result = hermes("setup", "--key-stdin", "--probe", stdin="sk-kimi-nobody-knows-me")

    assert (result.code, result.stdout) == (4, "")
    assert "No region of Kimi Code takes the key" in result.stderr
    assert "Only Kimi Code keys begin with sk-kimi-." in result.stderr
    assert result.stderr.splitlines()[-1].endswith("`hermes setup` takes another.")
    assert "--probe" not in result.stderr
    assert not hermes.home.exists()


def test_garbage_is_refused_by_us_or_by_the_endpoint(hermes: Hermes, kimi: KimiMock) -> None:
    """
    Any string was saved as a key, and a foreign one met a 401 later.

    Acceptance 12 and 14: exit 3 without a request, 4 after one, and nothing is written.
    """
    assert hermes("setup", "--key-stdin", stdin="sk-ant-api03-abcdefgh").code == 3
    assert kimi.seen == []
    assert hermes("setup", "--key-stdin", "--any-key", stdin="garbage-garbage").code == 4
    assert asked(kimi) == [("moonshot", MODELS)]
    assert not hermes.home.exists()


def test_offline_a_key_is_saved_and_verified_later(hermes: Hermes, kimi: KimiMock) -> None:
    """Acceptance 12: no network is no reason to ask; the first answer of a chat is the proof."""
    result = hermes.process("setup", "--key-stdin", stdin=PLAN_KEY, env=NO_NETWORK)

    assert result.code == 0
    assert "Not checked yet: api.kimi.com could not be asked." in result.stdout
    assert "It is verified with your first prompt." in result.stdout
    assert "not checked yet" in hermes.process("status").stdout
    assert route(hermes)["key_state"] is None
    assert kimi.seen == []

    assert hermes.process("chat", "-q", "hi").code == 0
    told = hermes.process("status")
    assert "used in a chat on " in told.stdout
    assert (route(hermes)["key_state"]["how"], told.stderr) == ("chat", "")


def test_nobody_is_asked_about_an_unchecked_key(hermes: Hermes, kimi: KimiMock) -> None:
    """`--unchecked` saves a key that the endpoint would have refused, and says so."""
    result = hermes("setup", "--key-stdin", "--unchecked", stdin=GLOBAL_KEY)

    assert result.code == 0
    assert "Not checked yet: the endpoint sees it first with your first prompt." in result.stdout
    assert kimi.connects == []


def test_over_a_pipe_no_question_is_added(hermes: Hermes, kimi: KimiMock) -> None:
    """The wizard without a person: three lines as ever, and only the host of the rule is asked."""
    result = hermes("setup", stdin=f"{PLATFORM_KEY}\n\n\n")

    assert result.code == 0
    assert "Ask" not in result.stdout
    assert "  asked  api.moonshot.ai  accepted: " in result.stdout
    assert asked(kimi) == [("moonshot", MODELS), ("moonshot", "/v1/users/me/balance")]


def test_a_server_of_ones_own_is_asked_too(hermes: Hermes, kimi: KimiMock) -> None:
    """Another provider's key, once, at its base URL; one that tells no list is no obstacle."""
    arguments = ("setup", "--provider", "custom", "--key-stdin", "--base-url")
    result = hermes(*arguments, kimi.base_url("moonshot"), stdin=PLATFORM_KEY)
    assert result.code == 0
    assert f"127.0.0.1:{kimi.port} listed 6 models for this key at " in result.stdout
    assert len(kimi.seen) == 1

    silent = hermes(*arguments, f"{kimi.address}/nothing/here", stdin=PLATFORM_KEY)
    assert silent.code == 0
    assert "does not tell whether it takes this key" in silent.stdout


def test_a_person_sees_the_check_and_may_prove_the_key(hermes: Hermes, kimi: KimiMock) -> None:
    """In a terminal: the question, a line that turns, both answers, the offer, the chat."""
    with Terminal([*hermes.argv, "setup"], hermes.environment) as terminal:
        terminal.read_until("Key (hidden):")
        terminal.send(GLOBAL_KEY + ENTER)
        terminal.read_until("Ask both which one knows this key? [Y/n]:")
        terminal.send(ENTER)
        terminal.read_until("asked  api.kimi.com  not this key")
        terminal.read_until("api.kimi.ai   accepted: kimi-for-coding")
        terminal.read_until("left   5 hours: 12 % used")
        terminal.read_until("(detected), 1-4, or a URL]:")
        terminal.send(ENTER)
        terminal.read_until("or an id]:")
        terminal.send(ENTER)
        terminal.read_until("✓ Kimi API key saved (Kimi Coding (global) endpoint: ")
        terminal.read_until("Ask it? [y/N]:")
        terminal.send("y" + ENTER)
        terminal.read_until("It answered: Hello from Kimi.")
        assert terminal.wait() == 0
        assert "Asking api.kimi.com and api.kimi.ai" in terminal.raw
        assert GLOBAL_KEY[8:] not in terminal.raw
    assert [path for _, path in asked(kimi)].count("/coding/v1/models") == 2
    assert route(hermes)["key_state"]["how"] == "chat"


def test_leaving_at_the_offer_keeps_what_was_saved(hermes: Hermes) -> None:
    """Ctrl-C after the saving is not told as if nothing had changed; no colour, no turning line."""
    environment = {**hermes.environment, "NO_COLOR": "1"}
    with Terminal([*hermes.argv, "setup"], environment) as terminal:
        for question, answer in (
            ("Key (hidden):", PLAN_KEY),
            ("[Y/n]:", "n"),
            ("or a URL]:", ""),
            ("or an id]:", ""),
        ):
            terminal.read_until(question)
            terminal.send(answer + ENTER)
        terminal.read_until("Ask it? [y/N]:")
        terminal.send(CTRL_C)
        terminal.read_until("Interrupted; what was saved stays.")
        assert terminal.wait() == 130
        assert "Asking" not in terminal.raw
    assert (hermes.home / ".env").read_text() == f"KIMI_API_KEY={PLAN_KEY}\n"


@pytest.mark.parametrize("moment", ["the question", "the check"])
def test_leaving_before_the_last_answer_keeps_nothing(hermes: Hermes, moment: str) -> None:
    """Decision 9: Ctrl-C at the question of the regions, or while they are asked."""
    with Terminal([*hermes.argv, "setup"], hermes.environment) as terminal:
        terminal.read_until("Key (hidden):")
        terminal.send(PLAN_KEY + ENTER)
        terminal.read_until("[Y/n]:")
        if moment == "the check":
            terminal.send("n" + ENTER)
            terminal.read_until("or a URL]:")
        terminal.send(CTRL_C)
        terminal.read_until("Interrupted; nothing was changed.")
        assert terminal.wait() == 130
    assert not hermes.home.exists()
