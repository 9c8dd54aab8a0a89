"""The wizard asks endpoints about a new key: who is asked, what each answer leads to."""

from pathlib import Path

import pytest

from agent.errors import ConfigurationError, EgressRefused, KeyRefused
from agent.learnt import Facts
from hermes_cli.auth import Flags, route_for
from hermes_cli.config import read_settings
from hermes_cli.models import read_facts
from hermes_cli.setup import wizard
from hermes_cli.ui.prompt import InputEnded
from kimi_mock.replies import Reply
from kimi_mock.server import KimiMock
from tests.conftest import CHINA_KEY, GLOBAL_KEY, PLAN_KEY, PLATFORM_KEY
from tests.support.process import NO_NETWORK
from tests.support.script import (
    CODE,
    CODE_GLOBAL,
    MOONSHOT,
    MOONSHOT_CN,
    Script,
    files,
    put,
    run_task,
    task,
)

pytestmark = pytest.mark.usefixtures("online")

CONFIG = 'provider = "kimi-coding"\nmodel = "kimi-coding"\n'
CONSENT = "Ask both which one knows this key?"


def checked(*answers: str, flags: Flags | None = None, tries: int = 3) -> Script:
    """Run the wizard with what was learnt before, and save."""
    return run_task(task(flags=flags, facts=read_facts(), asking=True), *answers, tries=tries)


def asked(kimi: KimiMock) -> list[tuple[str, str]]:
    """Return the surface and the end of the path of every request, sorted: two go in parallel."""
    return sorted((request.surface, request.path.rpartition("/")[2]) for request in kimi.seen)


def endpoint_in_use() -> str:
    """Return the id of the endpoint that the next chat goes to."""
    return route_for(Flags(), read_settings(), read_facts()).endpoint.id


@pytest.mark.parametrize(
    ("key", "endpoint", "line", "requests"),
    [
        (
            PLAN_KEY,
            "kimi-code",
            f"Kimi Coding endpoint: {CODE}",
            [("kimi-code", "models"), ("kimi-code", "usages"), ("kimi-code-global", "models")],
        ),
        (
            GLOBAL_KEY,
            "kimi-code-global",
            f"Kimi Coding (global) endpoint: {CODE_GLOBAL}",
            [
                ("kimi-code", "models"),
                ("kimi-code-global", "models"),
                ("kimi-code-global", "usages"),
            ],
        ),
        (
            PLATFORM_KEY,
            "moonshot",
            f"Moonshot endpoint: {MOONSHOT}",
            [("moonshot", "balance"), ("moonshot", "models"), ("moonshot-cn", "models")],
        ),
        (
            CHINA_KEY,
            "moonshot-cn",
            f"Moonshot (China) endpoint: {MOONSHOT_CN}",
            [("moonshot", "models"), ("moonshot-cn", "balance"), ("moonshot-cn", "models")],
        ),
    ],
)
def test_the_region_that_takes_the_key_is_found(
    home: Path, kimi: KimiMock, key: str, endpoint: str, line: str, requests: list[tuple[str, str]]
) -> None:
    """Acceptance 3 and 4: one request a host of the product, then one for what is left there."""
    script = checked(key, "", "", "")

    assert asked(kimi) == requests
    assert f"✓ Kimi API key saved ({line})" in script.said
    assert f"Endpoint [Enter = {line.partition(':')[0]} (detected), 1-4, or a URL]" in script.said
    assert files(home) == (f"KIMI_API_KEY={key}\n", CONFIG)
    assert endpoint_in_use() == endpoint
    assert key not in script.screen


def test_every_host_and_its_answer_is_on_the_screen() -> None:
    """Both hosts are named before they are asked; then who took the key, and what is left."""
    script = checked(GLOBAL_KEY, "", "", "")

    both = script.said.index("  api.kimi.com  mainland")
    assert script.said[both + 1] == "  api.kimi.ai   global"
    question = script.said.index(CONSENT)
    assert question == both + 2
    assert script.said[question + 1] == "  asked  api.kimi.com  not this key"
    taken = "kimi-for-coding, k3, k3-256k and 1 more"
    assert script.said[question + 2] == f"         api.kimi.ai   accepted: {taken}"
    left = script.said[question + 3]
    assert left.startswith("  left   5 hours: 12 % used, anew ")
    assert "; 7 days: 34 % used, anew on " in left
    assert "it was accepted there" in script.said[question + 4]
    proof = script.said[script.said.index(next(s for s in script.said if "✓" in s)) + 1]
    assert proof.startswith("api.kimi.ai listed 4 models for this key at ")
    assert proof.endswith("; that proves the key, not funds or quota.")
    for claim in ("ready", "logged in", "configured"):
        assert claim not in script.screen.lower()


def test_a_yes_is_remembered_and_so_is_the_place(kimi: KimiMock) -> None:
    """Another key of the product is no second question; the same key asks its own host alone."""
    checked(GLOBAL_KEY, "", "", "")
    assert list(read_facts().consents) == ["Kimi Code"]
    kimi.seen.clear()
    script = checked(PLAN_KEY, "", "")
    assert CONSENT not in script.said
    assert "As you allowed, both regions of Kimi Code are" in script.screen
    assert "You are asked first before any other region sees the key." in script.screen
    assert [end for _, end in asked(kimi)].count("models") == 2
    kimi.seen.clear()

    checked(GLOBAL_KEY, "", "")
    assert asked(kimi) == [("kimi-code-global", "models"), ("kimi-code-global", "usages")]
    # The other product is another question.
    assert CONSENT in checked(PLATFORM_KEY, "n", "", "").said


def test_a_no_asks_the_host_of_the_rule_alone(home: Path, kimi: KimiMock) -> None:
    """A key of the other region is refused then: nothing is saved, and what asks both is named."""
    script = Script(GLOBAL_KEY, "n", GLOBAL_KEY, "n", GLOBAL_KEY, "n")
    with pytest.raises(KeyRefused) as caught:
        wizard(script, task(asking=True))

    assert asked(kimi) == [("kimi-code", "models")] * 3
    assert caught.value.exit_code == 4
    assert "Nothing was saved." in caught.value.message
    assert caught.value.remedy == (
        "A key of another region looks the same: `hermes setup --probe` asks api.kimi.ai "
        "(global) too."
    )
    assert caught.value.remedy in script.said
    assert "(2 more tries)" in script.screen
    assert not home.exists()


def test_a_refused_key_can_be_pasted_again(home: Path) -> None:
    """Both regions refuse the first paste; the second one is taken, and the first left no trace."""
    script = checked("sk-kimi-nobody-knows-this-one", "", PLAN_KEY, "", "", "")

    assert "No region of Kimi Code takes the key" in script.screen
    assert "https://www.kimi.com/code/console and https://www.kimi.ai/code" in script.screen
    assert files(home) == (f"KIMI_API_KEY={PLAN_KEY}\n", CONFIG)
    assert len(read_facts().states) == 2


def test_two_regions_that_take_the_key_are_a_question(home: Path, kimi: KimiMock) -> None:
    """Acceptance 4: the person chooses, by number or Enter, and no base URL is written for it."""
    kimi.keys["kimi-code-global"].add(PLAN_KEY)

    script = checked(PLAN_KEY, "", "3", "")
    both = "api.kimi.com and api.kimi.ai both take this key: choose where it goes."
    assert f"{both} The rule says {CODE}." in script.said
    assert endpoint_in_use() == "kimi-code-global"
    assert asked(kimi)[-1] == ("kimi-code-global", "usages")
    assert files(home)[0] == f"KIMI_API_KEY={PLAN_KEY}\n"
    assert "models for this key" in script.screen


def test_without_a_network_the_key_is_saved_unverified(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nobody could be asked: that is said with the reason, and there is no further question."""
    for name, value in NO_NETWORK.items():
        monkeypatch.setenv(name, value)

    script = checked(PLAN_KEY, "", "", "")

    assert "  asked  api.kimi.com  could not be asked: The proxy 127.0.0.1:9 " in script.screen
    assert "Not checked yet: api.kimi.com could not be asked." in script.screen
    assert "It is verified with your first prompt." in script.screen
    assert f"✓ Kimi API key saved (Kimi Coding endpoint: {CODE})" in script.said
    assert files(home)[0] == f"KIMI_API_KEY={PLAN_KEY}\n"
    assert (read_facts().states, read_facts().places) == ({}, {})


def test_a_region_that_is_silent_may_be_the_one(home: Path, kimi: KimiMock) -> None:
    """One refuses, the other breaks off: the key is saved by the rule, and both are told."""
    kimi.replies_to_models.append(Reply.hang_up())

    script = checked(GLOBAL_KEY, "", "", "")

    assert "  asked  api.kimi.com  not this key" in script.said
    assert "         api.kimi.ai   could not be asked: " in script.screen
    told = "Not checked yet: api.kimi.com does not take it and api.kimi.ai could not be asked."
    assert f"{told} `hermes chat --probe` asks them again." in script.said
    assert files(home)[0] == f"KIMI_API_KEY={GLOBAL_KEY}\n"


def test_addresses_in_an_answer_are_told(home: Path, kimi: KimiMock) -> None:
    """Acceptance 6: a list that names a host moves nothing, and the wizard says so."""
    kimi.models["kimi-code"][0] |= {"base_url": "https://evil.example"}

    script = checked(PLAN_KEY, "", "", "")

    assert "The model list of api.kimi.com proposes addresses in `base_url`" in script.screen
    assert "evil.example" not in script.screen + "".join(files(home))


def test_a_wrong_wish_is_told_before_the_paste(home: Path, kimi: KimiMock) -> None:
    """A person is not asked for a key that could not be checked then."""
    put(home / "config.toml", '[providers.kimi-coding]\nprobe = "maybe"\n')

    with pytest.raises(ConfigurationError, match="none of ask, always, never"):
        checked(PLAN_KEY)
    assert kimi.seen == []


@pytest.mark.parametrize(("wish", "hosts"), [("never", 1), ("always", 2)])
def test_the_setting_answers_the_question(
    home: Path, kimi: KimiMock, wish: str, hosts: int
) -> None:
    """`probe` = never asks the host of the rule, always asks both; neither asks the person."""
    put(home / "config.toml", f'[providers.kimi-coding]\nprobe = "{wish}"\n')

    script = checked(PLAN_KEY, "", "")

    assert CONSENT not in script.said
    assert [end for _, end in asked(kimi)].count("models") == hosts
    assert ("The other region of its product" in script.screen) is (wish == "always")
    assert read_facts().consents == {}


def test_who_is_asked_is_said_before_the_paste(kimi: KimiMock) -> None:
    """How many requests, and that a question comes first, stand above the key's question."""
    script = Script()
    with pytest.raises(InputEnded):
        wizard(script, task(asking=True))

    assert "Its endpoint is then asked for its models and for what is left" in script.screen
    assert "You are asked first before another region sees the key." in script.screen
    assert kimi.seen == []


def test_another_endpoint_than_the_detected_one_is_written(home: Path, kimi: KimiMock) -> None:
    """By number, and after a yes where it has just refused the key; it is not asked again."""
    script = checked(GLOBAL_KEY, "", "1", "n", "1", "y", "")

    assert script.said.count("api.kimi.com refused this key just now.") == 2
    assert files(home)[0] == f"KIMI_BASE_URL={CODE}\nKIMI_API_KEY={GLOBAL_KEY}\n"
    assert [end for _, end in asked(kimi)].count("models") == 2


def test_an_endpoint_of_ones_own_is_asked_once(home: Path, kimi: KimiMock) -> None:
    """A URL that nobody was asked at yet: its refusal is a reason to choose again."""
    gateway = f"{kimi.address}/at/moonshot-cn/v1"

    script = checked(PLAN_KEY, "", gateway, gateway, "", "")

    assert f"127.0.0.1:{kimi.port}  not this key" in script.screen
    assert asked(kimi).count(("moonshot-cn", "models")) == 2
    assert files(home)[0] == f"KIMI_API_KEY={PLAN_KEY}\n"
    assert f"✓ Kimi API key saved (Kimi Coding endpoint: {CODE})" in script.said


@pytest.mark.parametrize("flagged", [True, False])
def test_a_named_endpoint_is_the_one_that_is_asked(
    home: Path, kimi: KimiMock, flagged: bool
) -> None:
    """`--base-url`, or a `KIMI_BASE_URL` that is kept: nobody else sees the key; no question."""
    flags = Flags(base_url=CODE_GLOBAL) if flagged else Flags()
    if not flagged:
        put(home / ".env", f"KIMI_BASE_URL={CODE_GLOBAL}\n")

    script = checked(GLOBAL_KEY, *(() if flagged else ("",)), "", flags=flags)

    assert CONSENT not in script.said
    assert asked(kimi) == [("kimi-code-global", "models"), ("kimi-code-global", "usages")]
    assert endpoint_in_use() == "kimi-code-global"


def test_a_base_url_that_is_let_go_is_not_asked(home: Path, kimi: KimiMock) -> None:
    """Dropped, it leaves the question of the region as if it had never been set."""
    put(home / ".env", f"KIMI_BASE_URL={MOONSHOT}\n")

    checked(GLOBAL_KEY, "n", "", "", "")

    assert {surface for surface, _ in asked(kimi)} == {"kimi-code", "kimi-code-global"}
    assert files(home)[0] == f"KIMI_API_KEY={GLOBAL_KEY}\n"


def test_the_models_are_those_that_the_endpoint_just_listed(home: Path) -> None:
    """The list of the check is the one that is shown and remembered: nobody is asked twice."""
    script = checked(GLOBAL_KEY, "", "", "k3")

    assert "In the endpoint's own list of " in script.screen
    assert "1,048,576  GET /models of " in script.screen
    assert 'model = "k3"' in files(home)[1]
    assert len(read_facts().lists) == 1


def test_a_used_up_window_is_told_and_stops_nobody(home: Path, kimi: KimiMock) -> None:
    """What stands between the key and its first answer is said at once."""
    kimi.five_hour_used = 100

    script = checked(PLAN_KEY, "n", "", "")

    assert "5 hours: 100 % used, anew " in script.screen
    assert "The window of 5 hours is used up." in script.said
    assert files(home)[0] == f"KIMI_API_KEY={PLAN_KEY}\n"


def test_no_answer_after_the_check_leaves_everything(home: Path) -> None:
    """Decision 9: neither files nor what was learnt is written before the last answer."""
    for answers in ((PLAN_KEY,), (PLAN_KEY, ""), (PLAN_KEY, "", "")):
        with pytest.raises(InputEnded):
            checked(*answers)
        assert not home.exists()
    assert read_facts() == Facts()


def test_a_key_that_is_kept_is_not_asked_about(kimi: KimiMock) -> None:
    """Enter at the paste calls nobody; what is known of the key is told."""
    checked(PLAN_KEY, "n", "", "")
    kimi.seen.clear()

    script = checked("", "", "")

    assert kimi.seen == []
    assert "(listed its models)." in next(line for line in script.said if "Set now: the" in line)
    assert "Nothing was changed." in script.said


def test_a_provider_of_ones_own_does_not_lend_its_host(home: Path, kimi: KimiMock) -> None:
    """A Kimi key pasted for a gateway goes nowhere and is not saved: only a grant allows it."""
    table = f'base_url = "{kimi.base_url("moonshot")}"\nkey_variable = "GATE_KEY"\n'
    put(home / "config.toml", f"[providers.gate]\n{table}")
    given = task("gate", asking=True)

    with pytest.raises(EgressRefused, match="was not sent to 127"):
        wizard(Script(PLAN_KEY, "", ""), given)
    assert kimi.seen == []

    kimi.keys["moonshot"].add("gate-key-0123456789")
    script = run_task(given, "gate-key-0123456789", "kimi-k3")
    assert files(home)[0] == "GATE_KEY=gate-key-0123456789\n"
    assert "Endpoint [" not in script.screen
