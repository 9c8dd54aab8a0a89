"""The wizard's key and endpoint: what each answer writes, with a scripted person."""

from collections.abc import Sequence
from pathlib import Path

import pytest

from agent.errors import AuthError, ConfigurationError, HermesError, UsageError
from hermes_cli.plan import save
from hermes_cli.setup import endpoints_in_order, wizard
from hermes_cli.ui.prompt import InputEnded
from tests.support.script import (
    CODE,
    CODE_GLOBAL,
    GATEWAY,
    MOONSHOT,
    MOONSHOT_CN,
    PLAN_KEY,
    PLATFORM_KEY,
    Script,
    files,
    provider_row,
    put,
    run,
    task,
)

pytestmark = pytest.mark.usefixtures("entered")


@pytest.mark.parametrize(
    ("key", "answer", "line", "base_url"),
    [
        (PLAN_KEY, "", f"Kimi Coding endpoint: {CODE}", ""),
        (PLATFORM_KEY, "", f"Moonshot endpoint: {MOONSHOT}", ""),
        (PLAN_KEY, "1", f"Kimi Coding endpoint: {CODE}", ""),
        (PLAN_KEY, "3", f"Kimi Coding (global) endpoint: {CODE_GLOBAL}", CODE_GLOBAL),
        (PLATFORM_KEY, "4", f"Moonshot (China) endpoint: {MOONSHOT_CN}", MOONSHOT_CN),
        (PLATFORM_KEY, "https://api.moonshot.ai/", f"Moonshot endpoint: {MOONSHOT}", ""),
        (PLAN_KEY, GATEWAY + "/", f"custom endpoint: {GATEWAY}", GATEWAY),
        (PLAN_KEY, f"{CODE}/chat/completions", f"Kimi Coding endpoint: {CODE}", ""),
    ],
)
def test_the_key_is_saved_for_the_confirmed_endpoint(
    home: Path, key: str, answer: str, line: str, base_url: str
) -> None:
    """Enter takes the endpoint of the key; only another one is written as `KIMI_BASE_URL`."""
    script = run(key, answer, "")

    assert f"✓ Kimi API key saved ({line})" in script.said
    written = f"KIMI_BASE_URL={base_url}\n" if base_url else ""
    assert files(home) == (
        f"{written}KIMI_API_KEY={key}\n",
        'provider = "kimi-coding"\nmodel = "kimi-coding"\n',
    )
    assert key not in script.screen
    assert script.said[-1] == 'Next: hermes chat -q "hello"'
    assert "Not checked yet" in script.screen


def test_what_will_happen_is_said_before_the_paste(home: Path) -> None:
    """All four endpoints, that nothing is called, and the key's file stand above the question."""
    script = Script()
    with pytest.raises(InputEnded):
        wizard(script, task())

    assert script.said[-1] == "Key (hidden)"
    for url in (CODE, MOONSHOT, CODE_GLOBAL, MOONSHOT_CN):
        assert url in script.screen
    assert script.screen.index(MOONSHOT) < script.screen.index(CODE_GLOBAL)
    assert "Nothing is called now" in script.screen
    assert "~/.hermes/.env" in script.screen
    assert "0600" in script.screen
    assert not home.exists()


def test_the_wizard_numbers_the_products_before_their_twins() -> None:
    """One and two are the two products; three and four the other regions."""
    assert [row.base_urls[0][1] for row in endpoints_in_order(provider_row())] == [
        CODE,
        MOONSHOT,
        CODE_GLOBAL,
        MOONSHOT_CN,
    ]


def test_the_endpoint_and_the_reason_are_shown_after_the_paste(home: Path) -> None:
    """The person sees where the key goes and why before anything is confirmed."""
    for key, sentence in {
        PLAN_KEY: f"Kimi Coding endpoint, {CODE}: the key begins with sk-kimi-.",
        PLATFORM_KEY: f"Moonshot endpoint, {MOONSHOT}: the key does not begin with sk-kimi-.",
    }.items():
        script = Script(key)
        with pytest.raises(InputEnded):
            wizard(script, task())
        assert f"This key goes to the {sentence}" in script.said
    assert not home.exists()


def test_running_again_and_confirming_everything_changes_no_byte(home: Path) -> None:
    """Enter to every question keeps key, endpoint and model; unusual spelling stays too."""
    put(home / ".env", f'# mine\nexport KIMI_API_KEY="{PLAN_KEY}" # work\nOTHER=1\n')
    put(home / "config.toml", "provider = 'kimi' # alias\nmodel = 'kimi-latest'\n")
    before = files(home)

    script = run("", "", "")

    assert files(home) == before
    assert "Nothing was changed." in script.said
    assert f"✓ Kimi API key kept (Kimi Coding endpoint: {CODE})" in script.said
    assert "Key (hidden; Enter keeps the one that is set)" in script.said
    assert "KIMI_API_KEY, ~/.hermes/.env line 2" in script.screen
    assert "…6789" in script.screen


def test_pasting_the_same_key_again_changes_no_byte(home: Path) -> None:
    """The line that holds the key already is left as it was written."""
    put(home / ".env", f"KIMI_API_KEY='{PLAN_KEY}'\n")
    put(home / "config.toml", 'provider = "kimi-coding"\nmodel = "kimi-coding"\n')
    before = files(home)

    screen = run(PLAN_KEY, "", "").screen

    assert "✓ Kimi API key saved" in screen
    assert "It was there already; nothing was changed." in screen
    assert files(home) == before


def test_only_what_was_confirmed_changes_in_a_shared_home(home: Path) -> None:
    """Acceptance 9: beside hermes-agent's own lines and an override, one line changes."""
    theirs = (
        "# hermes-agent\r\n"
        "OPENROUTER_API_KEY=sk-or-v1-theirs  # not ours\r\n"
        "\r\n"
        "KIMI_API_KEY=sk-kimi-old-old-old-old\r\n"
        f"KIMI_BASE_URL={GATEWAY}\r\n"
        "TERMINAL_ENV=local"
    )
    put(home / ".env", "")
    (home / ".env").write_bytes(theirs.encode())
    put(home / "config.yaml", "model: theirs\n")
    put(home / "config.toml", '# ours\nmodel = "kimi-latest"\nprovider = "kimi-coding"\n')

    script = run(PLAN_KEY, "", "1")

    expected = theirs.replace("sk-kimi-old-old-old-old", PLAN_KEY)
    assert (home / ".env").read_bytes() == expected.encode()
    assert files(home)[1] == '# ours\nmodel = "kimi-coding"\nprovider = "kimi-coding"\n'
    assert (home / "config.yaml").read_text() == "model: theirs\n"
    assert "shared with NousResearch's hermes-agent" in script.screen
    assert f"✓ Kimi API key saved (custom endpoint: {GATEWAY})" in script.said


def test_an_override_is_shown_with_its_place_and_kept(home: Path) -> None:
    """Acceptance 9: a base URL that contradicts the key is announced, asked about and kept."""
    put(home / ".env", f"KIMI_BASE_URL={MOONSHOT}\n")

    script = run(PLAN_KEY, "", "")

    assert f"KIMI_BASE_URL is set (~/.hermes/.env line 1): {MOONSHOT}" in script.said
    assert f"belongs to {CODE}. To drop it: `hermes config unset KIMI_BASE_URL`." in script.screen
    assert files(home)[0] == f"KIMI_BASE_URL={MOONSHOT}\nKIMI_API_KEY={PLAN_KEY}\n"
    assert f"✓ Kimi API key saved (Moonshot endpoint: {MOONSHOT})" in script.said


def test_an_override_goes_only_if_the_person_says_so(home: Path) -> None:
    """Not kept, it is removed from `.env`; then the next one, in `config.toml`, is asked about."""
    put(home / ".env", f"# a\nKIMI_BASE_URL={MOONSHOT}\n# b\n")
    put(home / "config.toml", f'[providers.kimi-coding]\nbase_url = "{GATEWAY}"\n')

    script = run(PLAN_KEY, "n", "n", "", "")

    assert "providers.kimi-coding.base_url is set (~/.hermes/config.toml line 2)" in script.screen
    assert "It does not contradict the key." in script.said
    env, config = files(home)
    assert env == f"# a\n# b\nKIMI_API_KEY={PLAN_KEY}\n"
    assert "base_url" not in config
    assert f"✓ Kimi API key saved (Kimi Coding endpoint: {CODE})" in script.said


def test_an_override_of_the_shell_can_only_be_dropped_there(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A refused shell variable is no business of ours: the `unset` line is printed, and again."""
    monkeypatch.setenv("KIMI_BASE_URL", GATEWAY)

    script = run(PLAN_KEY, "n", "", "")

    assert "Only the shell can drop it: `unset KIMI_BASE_URL`." in script.said
    assert "KIMI_BASE_URL is set in this shell to another base URL" in script.screen
    assert files(home)[0] == f"KIMI_API_KEY={PLAN_KEY}\n"


def test_a_broken_override_is_named_and_can_be_let_go(home: Path) -> None:
    """A value that cannot be a base URL stops nobody who drops it, and is not removed otherwise."""
    put(home / ".env", f"KIMI_BASE_URL={PLATFORM_KEY}\n")
    with pytest.raises(ConfigurationError) as caught:
        run(PLAN_KEY, "", "")
    assert "hermes config unset KIMI_BASE_URL" in caught.value.remedy
    assert files(home) == (f"KIMI_BASE_URL={PLATFORM_KEY}\n", "")

    script = run(PLAN_KEY, "n", "", "")
    assert "a value that is no URL" in script.screen
    assert PLATFORM_KEY not in script.screen
    assert files(home)[0] == f"KIMI_API_KEY={PLAN_KEY}\n"


def test_an_endpoint_of_the_other_product_must_be_confirmed(home: Path) -> None:
    """The contradiction is said; no asks again, yes writes the base URL."""
    script = run(PLAN_KEY, "2", "n", "2", "y", "")

    assert (
        f"The key looks like a Kimi Code key, which belongs to {CODE} and not to {MOONSHOT}."
        in script.said
    )
    assert files(home)[0] == f"KIMI_BASE_URL={MOONSHOT}\nKIMI_API_KEY={PLAN_KEY}\n"


def test_wrong_answers_are_asked_again_and_never_repeated(home: Path) -> None:
    """A second copy of the key at a question that is shown, a bad number and bad URLs."""
    script = run(PLAN_KEY, PLATFORM_KEY, "9", "", PLATFORM_KEY, "99", "")
    assert PLATFORM_KEY not in script.screen
    assert "The endpoints have the numbers 1 to 4. (1 more try)" in script.said
    assert "That is no model id. (2 more tries)" in script.said
    assert files(home)[0] == f"KIMI_API_KEY={PLAN_KEY}\n"
    for answer in ("ftp://a.invalid/", "http://a.invalid/v1", "https://api.kimi.com/elsewhere"):
        with pytest.raises(UsageError):
            run(PLATFORM_KEY, answer, tries=1)
    assert files(home)[0] == f"KIMI_API_KEY={PLAN_KEY}\n"


def test_a_refused_key_is_asked_for_again_three_times(home: Path) -> None:
    """The reason is said each time and the key never; then the last reason ends the wizard."""
    pastes = ("sk-ant-api03-abcdefgh", "short", "sk-kimi-with a-blank")
    script = Script(*pastes)
    with pytest.raises(AuthError, match="blank"):
        wizard(script, task())
    assert "This looks like a key of Anthropic, not of Kimi / Moonshot." in script.screen
    assert not any(paste in script.screen for paste in pastes)
    assert not home.exists()


def test_a_dirty_paste_is_cleaned_visibly(home: Path) -> None:
    """What was taken off is said in words."""
    script = run(f"export KIMI_API_KEY='{PLAN_KEY}'", "", "")
    assert "Taken off the paste: the variable name before it, quotes around it." in script.said
    assert files(home)[0] == f"KIMI_API_KEY={PLAN_KEY}\n"


def test_a_key_of_an_unusual_beginning_is_saved_only_after_a_yes(home: Path) -> None:
    """Enter says no and asks for the key again."""
    script = run("abcdefgh0123456789", "", "abcdefgh0123456789", "y", "", "")
    assert script.screen.count("Save it anyway?") == 2
    assert files(home)[0] == "KIMI_API_KEY=abcdefgh0123456789\n"


def test_a_stronger_variable_of_the_shell_is_named(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The new key is saved, and the shell's that will win is told with its `unset` line."""
    monkeypatch.setenv("MOONSHOT_API_KEY", PLATFORM_KEY)
    script = run(PLAN_KEY, "", "")
    assert "MOONSHOT_API_KEY is set in this shell to the key …6789" in script.screen
    assert "To drop it: `unset MOONSHOT_API_KEY`." in script.screen
    assert PLATFORM_KEY not in script.screen
    assert files(home)[0] == f"KIMI_API_KEY={PLAN_KEY}\n"


def test_a_key_under_another_name_is_mentioned_and_stays(home: Path) -> None:
    """`KIMI_CODING_API_KEY` in `.env` is beaten by the new line, and not replaced in silence."""
    put(home / ".env", f"KIMI_CODING_API_KEY={PLATFORM_KEY}\n")
    script = run(PLAN_KEY, "", "")
    assert "~/.hermes/.env line 1 still holds the key" in script.screen
    assert "`hermes config unset KIMI_CODING_API_KEY`" in script.screen
    assert files(home)[0] == f"KIMI_CODING_API_KEY={PLATFORM_KEY}\nKIMI_API_KEY={PLAN_KEY}\n"


def test_a_key_that_cannot_be_one_is_replaced_and_never_kept(home: Path) -> None:
    """A key of another vendor in `.env` is named; Enter does not keep it."""
    put(home / ".env", "KIMI_API_KEY=sk-ant-api03-abcdefgh\n")
    script = run("", PLAN_KEY, "", "")
    assert "what looks like a key of Anthropic" in script.screen
    assert "Nothing was pasted." in script.screen
    assert files(home)[0] == f"KIMI_API_KEY={PLAN_KEY}\n"


def test_no_answer_at_any_question_leaves_every_file(home: Path) -> None:
    """End of input after each of the answers changes nothing, in a home with files."""
    put(home / ".env", f"KIMI_API_KEY={PLATFORM_KEY}\nKIMI_BASE_URL={MOONSHOT_CN}\n")
    put(home / "config.toml", 'provider = "zai"\nmodel = "glm"\n')
    before = files(home)
    answers: Sequence[str] = ("abcdefgh0123456789", "y", "n", "1", "y", "y", "7")
    for count in range(len(answers)):
        with pytest.raises(InputEnded):
            run(*answers[:count])
        assert files(home) == before
    run(*answers)
    assert files(home) != before


def test_a_failed_second_write_says_what_was_saved(home: Path) -> None:
    """If `config.toml` cannot be changed, the person knows that the key is in place."""
    put(home / "config.toml", "")
    script = Script(PLAN_KEY, "", "")
    plan = wizard(script, task())
    put(home / "config.toml", "broken = \n")
    with pytest.raises(HermesError, match="The key was saved, the other settings were not"):
        save(plan)
    assert files(home) == (f"KIMI_API_KEY={PLAN_KEY}\n", "broken = \n")
