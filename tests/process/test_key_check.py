"""`hermes key check`: what a key is and who takes it, with nothing stored."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from hermes_cli.auth import Flags
from hermes_cli.config import read_settings
from hermes_cli.runtime_provider import running_route
from kimi_mock.replies import Reply
from kimi_mock.server import KimiMock
from tests.conftest import CHINA_KEY, GLOBAL_KEY, PLAN_KEY, PLATFORM_KEY
from tests.support.commands import Here
from tests.support.process import Hermes, Result
from tests.support.refusals import MEMBERSHIP
from tests.support.terminal import ENTER, Terminal

KEYS = {
    "kimi-code": PLAN_KEY,
    "kimi-code-global": GLOBAL_KEY,
    "moonshot": PLATFORM_KEY,
    "moonshot-cn": CHINA_KEY,
}


class Checking:
    """Runs `hermes key check` in this process on a file with a text; `home` must stay missing."""

    def __init__(self, home: Path, environment: Mapping[str, str]) -> None:
        self._here = Here(home)
        self._environment = environment
        self.home = home

    def __call__(self, text: str, *options: str, env: Mapping[str, str] | None = None) -> Result:
        """Check a text."""
        file = self.home.parent / "key.txt"
        file.write_text(text)
        given = {**self._environment, **(env or {})}
        return self._here("key", "check", str(file), *options, env=given)

    def document(self, text: str, *options: str) -> dict[str, Any]:
        """Check a text and return the document."""
        found: dict[str, Any] = json.loads(self(text, *options, "--json").stdout)
        return found


@pytest.fixture
def checking(home: Path, kimi: KimiMock) -> Checking:
    """`hermes key check` with the loopback Kimi under the four real host names."""
    home.parent.mkdir(parents=True)
    return Checking(home, kimi.environment())


def paths(kimi: KimiMock) -> list[tuple[str, str]]:
    """Return who was asked for what, in alphabetical order."""
    return sorted((seen.surface, seen.path) for seen in kimi.seen)


# --- the promise, as processes ------------------------------------------------------------


def test_a_piped_key_is_told_in_full_and_nothing_is_stored(kimi: KimiMock, hermes: Hermes) -> None:
    """One list, one balance; product, region, money, and what was proven when; no file."""
    result = hermes("key", "check", stdin=f"export KIMI_API_KEY='{PLATFORM_KEY}'\n")

    assert result.code == 0
    assert result.stderr == "Taken off: the variable name before it, quotes around it.\n"
    assert paths(kimi) == [("moonshot", "/v1/models"), ("moonshot", "/v1/users/me/balance")]
    for words in (
        "Moonshot open platform",
        "international",
        "api.moonshot.ai  accepted: kimi-k3.1-pro",
        "$49.59 available",
        "Verdict: accepted. api.moonshot.ai listed 6 models for this key at ",
        "that proves the key, not funds or quota. Nothing was stored.",
    ):
        assert words in result.stdout
    assert PLATFORM_KEY not in result.stdout
    assert not any(word in result.stdout.lower() for word in ("ready", "logged in"))
    assert not hermes.home.exists()


def test_a_refusal_names_the_probe_and_the_probe_finds_the_region(
    kimi: KimiMock, hermes: Hermes
) -> None:
    """Without a yes one host is asked; with it, both of the product and no plan host."""
    refused = hermes("key", "check", "-", stdin=CHINA_KEY)
    assert refused.code == 4
    assert "Region           not known" in refused.stdout
    assert "api.moonshot.cn  not asked" in refused.stdout
    assert "`hermes key check --probe` asks api.moonshot.cn (mainland China) too." in refused.stderr
    assert paths(kimi) == [("moonshot", "/v1/models")]

    kimi.seen.clear()
    found = hermes("key", "check", "--probe", "--json", stdin=CHINA_KEY)
    document = json.loads(found.stdout)
    assert found.code == document["exit_code"] == 0
    assert (document["product"], document["region"]) == (
        "Moonshot open platform",
        "mainland China",
    )
    assert paths(kimi) == [
        ("moonshot", "/v1/models"),
        ("moonshot-cn", "/v1/models"),
        ("moonshot-cn", "/v1/users/me/balance"),
    ]
    assert not hermes.home.exists()


def test_offline_is_five_and_never_the_keys_fault(offline: Hermes) -> None:
    """Nobody could be asked: the layer is named, and the key is neither good nor bad."""
    result = offline("key", "check", "--probe", stdin=PLAN_KEY)

    assert result.code == 5
    assert "Verdict: could not be asked. Nothing was stored." in result.stdout
    assert "proxy 127.0.0.1:9" in result.stderr
    assert "did not take" not in result.stdout + result.stderr


def test_on_a_terminal_the_paste_is_hidden(kimi: KimiMock, hermes: Hermes) -> None:
    """A person is asked for it; stars are all that is drawn."""
    argv = [*hermes.argv, "key", "check"]
    with Terminal(argv, hermes.environment) as terminal:
        terminal.read_until("Key:")
        terminal.send(PLAN_KEY + ENTER)
        terminal.read_until("Nothing was stored.")
        assert terminal.wait() == 0

    assert "Verdict: accepted. api.kimi.com listed 5 models" in " ".join(terminal.text.split())
    assert PLAN_KEY not in terminal.raw
    assert not hermes.home.exists()
    assert len(kimi.seen) == 2


# --- the verdicts -------------------------------------------------------------------------


@pytest.mark.parametrize("home_of_key", KEYS)
def test_every_kind_of_key_is_found_with_its_region(
    kimi: KimiMock, checking: Checking, home_of_key: str
) -> None:
    """The four keys, each accepted by one of the two hosts of its product."""
    document = checking.document(KEYS[home_of_key], "--probe")

    assert document["verdict"] == "accepted"
    [taken] = [each for each in document["endpoints"] if each["verdict"] == "accepted"]
    [other] = [each for each in document["endpoints"] if each["verdict"] == "refused"]
    assert taken["id"] == home_of_key
    assert document["region"] == taken["region"] != other["region"]
    assert taken["models"]
    assert other["error"]["class"] == "KeyRefused"
    assert document["left"]["endpoint"] == home_of_key
    assert len(kimi.seen) == 3
    assert {seen.surface for seen in kimi.seen} == {taken["id"], other["id"]}
    assert not checking.home.exists()


def test_a_key_that_both_regions_take_is_told_so(kimi: KimiMock, checking: Checking) -> None:
    """No region is claimed; the money is asked for where the rule would send it."""
    kimi.keys["moonshot-cn"].add(PLATFORM_KEY)
    result = checking(PLATFORM_KEY, "--probe")

    assert result.code == 0
    assert "international and mainland China: both take it" in result.stdout
    assert checking.document(PLATFORM_KEY, "--probe")["region"] is None
    assert ("moonshot-cn", "/v1/users/me/balance") not in paths(kimi)


def test_a_key_that_nobody_takes(kimi: KimiMock, checking: Checking) -> None:
    """Both hosts were asked, both consoles are named, and no money is asked for."""
    result = checking("sk-nobody-0123456789", "--probe")

    assert result.code == 4
    assert "Verdict: refused" in result.stdout
    assert "api.moonshot.ai and api.moonshot.cn were asked" in result.stderr
    assert "https://platform.kimi.ai and https://platform.kimi.com" in result.stderr
    assert len(kimi.seen) == 2


@pytest.mark.parametrize(
    ("text", "verdict", "words"),
    [
        ("", "malformed", "Nothing was pasted"),
        ("sk-one-0123456789\nsk-two-0123456789", "malformed", "2 lines were pasted"),
        ("sk-kimi-abc def 0123", "malformed", "a blank or a line break inside"),
        ("sk-k", "malformed", "a key has at least 8"),
        ("hunter2hunter2", "malformed", "does not begin with sk-"),
        ("sk-ant-api03-0123456789", "another vendor's", "a key of Anthropic"),
        ("sk-or-v1-0123456789", "another vendor's", "a key of OpenRouter"),
        ("AIzaSy0123456789", "another vendor's", "a key of Google"),
    ],
)
def test_what_is_no_key_of_ours_is_sent_to_nobody(
    kimi: KimiMock, checking: Checking, text: str, verdict: str, words: str
) -> None:
    """Malformed or another vendor's: exit 3 with the reason, the text not repeated."""
    result = checking(text, "--probe")
    document = checking.document(text, "--probe")

    assert result.code == document["exit_code"] == 3
    assert document["verdict"] == verdict
    assert words in result.stderr
    assert words in document["error"]["message"]
    assert document["key"] is document["region"] is document["left"] is None
    assert len(text) < 8 or text not in result.stdout + result.stderr
    assert kimi.connects == []


def test_a_key_of_an_unusual_beginning_is_sent_when_that_is_wanted(
    kimi: KimiMock, checking: Checking
) -> None:
    """`--any-key` is the way for a key that breaks the custom."""
    kimi.keys["moonshot"].add("hunter2hunter2")

    assert checking("hunter2hunter2", "--any-key").code == 0


@pytest.mark.parametrize(
    ("key", "switch", "value", "words"),
    [
        (PLATFORM_KEY, "balance", 0, "nothing is left on its account"),
        (PLAN_KEY, "five_hour_used", 100, "its quota of 5 hours is used up"),
    ],
)
def test_a_good_key_with_nothing_left_is_four(
    kimi: KimiMock, checking: Checking, key: str, switch: str, value: int, words: str
) -> None:
    """The list proves the key, the second answer that it is of no use now."""
    setattr(kimi, switch, value)
    result = checking(key)

    assert result.code == 4
    assert "Verdict: out of quota." in result.stdout
    assert words in result.stderr
    assert checking.document(key)["verdict"] == "out of quota"


def test_a_plan_without_a_membership_is_no_refused_key(kimi: KimiMock, checking: Checking) -> None:
    """The plan's 402 knows whose key it is: its region is told, and that it is of no use."""
    kimi.replies_to_models.append(Reply.error(402, {"error": {"message": MEMBERSHIP}}))
    document = checking.document(PLAN_KEY)

    assert (document["exit_code"], document["region"]) == (4, "mainland")
    assert document["error"]["class"] == "MembershipMissing"
    assert len(kimi.seen) == 1


# --- what is asked, and what is not -------------------------------------------------------


def test_a_base_url_in_force_is_left_out(kimi: KimiMock, checking: Checking) -> None:
    """A check is of the key, at its product's own hosts; that the setting is there is told."""
    env = {"KIMI_BASE_URL": "https://api.moonshot.cn/v1"}
    result = checking(PLATFORM_KEY, env=env)

    assert result.code == 0
    assert "shell variable KIMI_BASE_URL is left out" in result.stderr
    assert {seen.surface for seen in kimi.seen} == {"moonshot"}


def test_another_providers_key_is_asked_at_its_own_host(kimi: KimiMock, checking: Checking) -> None:
    """With `--provider` it is that one's, and no host of Kimi's hears of it."""
    result = checking("zai-key-0123456789", "--provider", "glm")

    assert result.code == 5
    assert [host.partition(":")[0] for host in kimi.connects] == ["api.z.ai"]
    foreign = checking(PLAN_KEY, "--provider", "glm")
    assert foreign.code == 3
    assert "`hermes key check --provider kimi-coding` asks there" in foreign.stderr
    assert len(kimi.connects) == 1


def test_a_provider_of_ones_own_is_asked_where_its_base_url_says(
    kimi: KimiMock, checking: Checking
) -> None:
    """The custom provider has no host but the one that the user set."""
    env = {"CUSTOM_BASE_URL": kimi.base_url("moonshot")}
    result = checking(PLATFORM_KEY, "--provider", "custom", env=env)

    assert result.code == 0
    assert paths(kimi) == [("moonshot", "/v1/models")]


def test_the_local_model_has_no_key_to_check(checking: Checking) -> None:
    """That is told instead of asked."""
    result = checking("whatever-0123", "--provider", "local")

    assert result.code == 2
    assert "needs no key" in result.stderr


@pytest.mark.parametrize(
    "arguments",
    [("no-such-file",), ("sk-kimi-abcdefgh0123456789",), ("a", "b"), ("x" * 5000,), ("a\0b",)],
)
def test_a_word_that_is_no_file_is_not_repeated(
    kimi: KimiMock, checking: Checking, arguments: tuple[str, ...]
) -> None:
    """It may be the key itself: nothing is sent, and it is not shown again."""
    result = Here(checking.home)("key", "check", *arguments)

    assert result.code == 2
    assert "never taken as an argument" in result.stderr
    assert "hermes key check" in result.stderr or "hermes setup" in result.stderr
    assert not any(len(word) > 1 and word in result.stderr for word in arguments)
    assert kimi.connects == []


def test_a_directory_is_no_key_file(checking: Checking) -> None:
    """A sentence with the reason, and the way that works."""
    result = Here(checking.home)("key", "check", str(checking.home.parent))

    assert result.code == 2
    assert "cannot be read" in result.stderr


def test_a_remembered_region_is_asked_first(kimi: KimiMock, checking: Checking) -> None:
    """The one resolver counts here too: after `chat --probe` no second host is asked."""
    env = {**kimi.environment(), "KIMI_API_KEY": CHINA_KEY}
    here = Here(checking.home)
    here.write("config.toml", '[providers.kimi-coding]\nprobe = "always"\n')
    with here.environment(env), running_route(Flags(), read_settings()):
        kimi.seen.clear()
    document = checking.document(CHINA_KEY)

    assert document["region"] == "mainland China"
    assert {seen.surface for seen in kimi.seen} == {"moonshot-cn"}
    assert [each["verdict"] for each in document["endpoints"]] == ["accepted", "not asked"]


def test_the_way_out_is_checked_before_anybody_is_asked(checking: Checking) -> None:
    """A proxy that cannot be one is a setting to mend, not an answer about the key."""
    result = checking(PLAN_KEY, env=dict.fromkeys(("HTTPS_PROXY", "https_proxy"), "gopher://x"))

    assert result.code == 3
    assert "gopher" in result.stderr


@pytest.mark.parametrize("text", ["sk-kimi-", "SK-KIMI-...", "sk-kimi-****************"])
def test_a_mark_alone_is_malformed(checking: Checking, kimi: KimiMock, text: str) -> None:
    """Half of a copy, or a placeholder of a page: exit 3, and nobody is asked."""
    result = checking(text)

    assert (result.code, result.stdout) == (3, "Verdict: malformed.\n")
    assert "nothing follows its beginning, sk-kimi-." in result.stderr
    assert kimi.connects == []
