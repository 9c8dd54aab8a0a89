"""`hermes doctor` without a network: the Route, the settings, and its exit codes."""

from pathlib import Path
from typing import Any

import pytest

from hermes_cli.doctor.findings import (
    Level,
    exit_code,
    found,
    of_notice,
    skipped,
    warned,
)
from hermes_cli.doctor.screen import report_lines
from tests.conftest import PLAN_KEY, PLATFORM_KEY
from tests.support.commands import Here

PLAN = {"KIMI_API_KEY": PLAN_KEY}
CODE, MOONSHOT = "https://api.kimi.com/coding/v1", "https://api.moonshot.ai/v1"


def looked(here: Here, *arguments: str, env: dict[str, str] | None = None) -> dict[str, Any]:
    """Return the document of an offline look, after checking what holds for all of them."""
    document = here.json("doctor", "--offline", *arguments, env=PLAN if env is None else env)
    for finding in document["findings"]:
        if finding["level"] in ("warning", "broken"):
            assert "`" in finding["remedy"], finding
        assert PLAN_KEY not in str(finding)
    return document


def of_level(document: dict[str, Any], level: str) -> list[str]:
    """Return the sentences of the findings of a level."""
    return [each["sentence"] for each in document["findings"] if each["level"] == level]


def test_a_good_home_is_told_in_order_and_exits_with_0(here: Here) -> None:
    """From the key to the account, then files and versions; what was skipped is listed."""
    here.write(".env", f"KIMI_API_KEY={PLAN_KEY}\n")

    result = here("doctor", "--offline")

    subjects = [line.split()[1] for line in result.stdout.splitlines() if line][:-1]
    assert subjects == [
        *("key", "endpoint", "connection", "answer", "model", "window", "quota"),
        *("home", ".env", "versions", "extras"),
    ]
    assert result.stdout.endswith("\nNothing wrong was found, 3 not looked at.\n")
    assert (result.stderr, result.code) == ("", 0)
    assert sorted(path.name for path in here.home.iterdir()) == [".env"]


def test_the_document_holds_the_route_that_status_has(here: Here) -> None:
    """One resolver: doctor's Route is status's, value by value."""
    here.write("config.toml", 'model = "k3"\n[providers.kimi-coding]\nwire = "messages"\n')

    document = looked(here)

    assert document["schema"] == 1
    assert document["route"] == here.json("status", env=PLAN)["route"]
    assert (document["ok"], document["exit_code"], document["offline"]) == (True, 0, True)
    assert document["counts"]["skipped"] == 3


def test_without_a_key_it_is_broken(here: Here) -> None:
    """Exit 3, and the line under it is the command that takes one."""
    result = here("doctor", "--offline")

    assert result.code == 3
    lines = result.stdout.splitlines()
    assert lines[0].startswith("broken   key")
    assert lines[1].strip() == "`hermes setup` takes one."
    assert not here.home.exists()


def test_an_override_that_contradicts_the_key_is_a_warning(here: Here) -> None:
    """Acceptance 8: a stale base URL makes the exit code 1, with its line and its command."""
    here.write(".env", f"KIMI_API_KEY={PLAN_KEY}\nKIMI_BASE_URL={MOONSHOT}\n")

    document = looked(here, env={})

    [sentence] = of_level(document, "warning")
    assert "KIMI_BASE_URL (~/.hermes/.env line 2) sends the key" in sentence
    assert document["exit_code"] == 1
    [finding] = [each for each in document["findings"] if each["level"] == "warning"]
    assert finding["remedy"] == "To drop it: `hermes config unset KIMI_BASE_URL`."


def test_what_is_set_twice_is_told_with_both_places(here: Here) -> None:
    """A forgotten shell export beats the file (kimi-cli #87); the same value twice is no news."""
    here.write(".env", f"KIMI_API_KEY={PLAN_KEY[:-1]}9\nKIMI_BASE_URL={CODE}\n")
    here.write("config.toml", f'[providers.kimi-coding]\nbase_url = "{CODE}"\n')

    document = looked(here, env={**PLAN, "KIMI_BASE_URL": "https://api.kimi.ai/coding/v1"})

    told = of_level(document, "warning")
    assert [sentence.split(" is used, and ")[1] for sentence in told] == [
        "…0009 (a8263a57) from KIMI_API_KEY in ~/.hermes/.env line 1 is not.",
        f"{CODE} from KIMI_BASE_URL in ~/.hermes/.env line 2 is not.",
        f"{CODE} from providers.kimi-coding.base_url in ~/.hermes/config.toml line 2 is not.",
    ]
    assert of_level(looked(here, env={}), "warning") == []


def test_platform_keys_of_one_file_are_a_pool(here: Here) -> None:
    """Where keys rotate, two in `.env` are no conflict; one of the shell beats it first."""
    here.write(".env", f"KIMI_API_KEY={PLATFORM_KEY}\nMOONSHOT_API_KEY=sk-other-01234567\n")

    pool = looked(here, env={})
    exported = looked(here, env={"KIMI_API_KEY": "sk-exported-01234567"})

    assert of_level(pool, "warning") == []
    told = of_level(exported, "warning")
    assert len(told) == 2
    assert all(sentence.endswith("only when that one is at its limit.") for sentence in told)


def test_stored_keys_beside_each_other_are_there_on_purpose(here: Here) -> None:
    """Several named keys are no conflict."""
    here.write(
        "keys.toml",
        f'[kimi-coding.one]\nkey = "{PLATFORM_KEY}"\n'
        '[kimi-coding.two]\nkey = "sk-other-01234567"\n',
    )

    document = looked(here, env={})

    assert of_level(document, "warning") == []
    assert document["route"]["key"]["name"] == "one"


def test_a_setting_nobody_reads_is_told_with_the_name_that_was_meant(here: Here) -> None:
    """Typos have no effect, which nobody notices; a key in a name's place is not repeated."""
    here.write(
        "config.toml",
        'modle = "k3"\nsk-kimi-0123456789abcdef = 1\n'
        '[providers.kimi-coding]\nbase-url = "x"\nprobe = "maybe"\n'
        '[providers.own]\nbase_url = "https://own.invalid/v1"\nkey_varable = "OWN_KEY"\n',
    )

    document = looked(here)

    told = of_level(document, "warning")
    assert "line 1: `modle` is no setting of ours and has no effect. Is `model` meant?" in told[0]
    assert "line 2: a name there is no setting of ours" in told[1]
    assert "line 4: a name there is no setting of ours" in told[2]
    assert "Is `base_url` meant?" in told[2]
    assert "Is `key_variable` meant?" in told[3]
    assert "probe is none of ask, always, never" in told[4]
    assert "0123456789abcdef" not in str(document)


def test_settings_an_agent_would_not_start_with_are_broken(here: Here) -> None:
    """
    The doctor reads the agent's settings as the agent does.

    They once went unseen: the doctor found nothing wrong, and `hermes` did not start. A list
    of rules under a name that nobody reads stops both: what it refuses would be allowed.
    """
    here.write(
        "config.toml",
        'sandbox = "on"\nfetch_private = "maybe"\ncompact_at = "most"\n'
        '[permissions]\nmode = "yolo"\nrefused = ["shell: git push"]\n'
        '[limits]\nturn_steps = "many"\nturn_step = "3"\n',
    )

    document = looked(here)

    told = of_level(document, "broken")
    assert "turn_steps is 'many', and should be a number above 0" in told[0]
    assert "compact_at is 'most'" in told[1]
    assert "fetch_private is 'maybe'" in told[2]
    assert "config.toml line 1: The setting `sandbox` is `auto` or `off`, not 'on'." in told[3]
    assert "permissions.mode is 'yolo'" in told[4]
    assert "line 6: a name in [permissions] is none of mode, allow, ask, refuse" in told[5]
    [unread] = of_level(document, "warning")
    assert "line 9: `turn_step` is no setting of ours" in unread
    assert here("permissions").code == 3


def test_a_table_that_defines_no_provider_is_broken_and_alone(here: Here) -> None:
    """It stands in nobody's way, and is told with its line."""
    here.write("config.toml", '[providers.own]\nname = "Own"\n')

    document = looked(here)

    [sentence] = of_level(document, "broken")
    assert "[providers.own] defines no provider: it has no `base_url`" in sentence
    assert document["route"] is not None


@pytest.mark.parametrize(
    ("name", "text"),
    [("config.toml", "model = \n"), (".env", "\udcff"), ("keys.toml", "[kimi-coding")],
)
def test_a_file_that_cannot_be_read_leaves_the_rest_to_be_told(
    here: Here, name: str, text: str
) -> None:
    """The file is broken in one line; versions and the other files are looked at."""
    path = here.write(name, "")
    path.write_bytes(text.encode("utf-8", "surrogateescape"))

    document = looked(here)

    assert document["exit_code"] == 3
    assert any(name in sentence for sentence in of_level(document, "broken"))
    assert {"files", "versions"} <= {each["part"] for each in document["findings"]}


def test_a_support_file_is_written_about_a_broken_home_too(here: Here, tmp_path: Path) -> None:
    """That is when it is wanted: without settings, without a Route."""
    here.write("config.toml", "model = \n")

    result = here("doctor", "--offline", "--bundle", str(tmp_path / "x.txt"), "--yes")

    assert result.code == 0
    text = (tmp_path / "x.txt").read_text()
    assert "~/.hermes/config.toml cannot be parsed" in text
    assert "== Route ==\nnull" in text


def test_a_key_of_another_vendor_is_told_in_the_resolvers_words(here: Here) -> None:
    """Nothing is decided anew: the sentence is the one that every command gives."""
    foreign = {"KIMI_API_KEY": "sk-ant-abcdefghijklmnop"}

    document = looked(here, env=foreign)

    [finding] = [each for each in document["findings"] if each["level"] == "broken"]
    assert (finding["part"], finding["class"]) == ("key", "AuthError")
    assert f"Error: {finding['sentence']}" in here("status", env=foreign).stderr
    assert document["route"] is None


def test_the_embedded_model_and_a_fallback_chain_are_looked_at(here: Here) -> None:
    """A model file that is not there is broken; so is an entry of the chain that is none."""
    here.write("config.toml", 'provider = "local"\nfallback = ["kimi-coding/k3", "nobody"]\n')

    document = looked(here, env={"HERMES_LOCAL_MODEL": "/nowhere.gguf"})

    told = " ".join(of_level(document, "broken"))
    assert "/nowhere.gguf does not exist" in told
    assert "entry 2 of `fallback`" in told


# --- values -------------------------------------------------------------------------------


def test_the_worst_finding_makes_the_exit_code() -> None:
    """0, 1 with a warning, 3 with something broken; what was skipped counts for nothing."""
    fine, hint = found("key", "key", "x"), warned("files", "home", "x", "`y`")
    bad = of_notice("route", "conflict", "A. B: `hermes x y`.")

    assert (bad.sentence, bad.remedy) == ("A.", "B: `hermes x y`.")
    assert exit_code([fine, skipped("network", "clock", "x")]) == 0
    assert exit_code([fine, hint]) == exit_code([bad]) == 1
    assert of_notice("files", "settings", "No command here.").remedy.startswith("`hermes explain`")
    assert bad.level is Level.WARNING


def test_a_command_is_never_broken_over_two_lines() -> None:
    """At 80 columns a remedy may be long; what is copied stays in one piece."""
    command = "`hermes config set providers.kimi-coding.base_url https://api.example/v1`"
    words = "It belongs to another place, which is a long way off. "
    lines = report_lines([warned("key", "certificate", words * 3, words + command)], columns=80)

    texts = [text for text, _ in lines]
    assert any(command in text for text in texts)
    assert all(len(text) <= 80 or command in text for text in texts)
    assert len(report_lines([warned("key", "key", words * 9, command)])) == 2
