"""What is hidden where a key could slip into a text, and what is left exactly as it is."""

from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from agent.errors import UsageError
from agent.keys import ApiKey
from hermes_cli.arguments import check_arguments
from hermes_cli.known_keys import hide_keys
from tests.support.commands import Here

IN_SHELL = "sk-kimi-in-the-shell-000011"
LONGER = f"{IN_SHELL}-and-longer"
BESIDE = "0123456789abcdef.ZAIkeysHaveNoMark"
NAMED = "gateway-secret-0001"
BOTTOMLESS = "sk-in-a-broken-file-777"


@pytest.fixture
def here(home: Path) -> Here:
    """A home with keys in its files, one of them broken, and a provider of the user's own."""
    here = Here(home)
    here.write(".env", f"export GLM_API_KEY=\"{BESIDE}\"  # mine\nBOT_TOKEN='bot-token-of-mine'\n")
    here.write("keys.toml", f'[kimi-coding.a]\nkey = "{LONGER}"\n[[[\nkey = {BOTTOMLESS}\n')
    return here


def test_every_known_key_becomes_its_fingerprint(here: Here) -> None:
    """From the shell and the files, the longer one first, also where a file cannot be parsed."""
    known = (IN_SHELL, LONGER, BESIDE, BOTTOMLESS, "bot-token-of-mine")
    with here.environment({"KIMI_API_KEY": f" '{IN_SHELL}' "}):
        hidden = hide_keys(" | ".join(known))

    assert hidden == " | ".join(ApiKey(key).fingerprint for key in known)


def test_a_providers_own_variable_counts(here: Here) -> None:
    """`key_variable` of a provider that `config.toml` defines is a place of keys like ours."""
    here.write("keys.toml", "")
    here.write(
        "config.toml",
        '[providers.mine]\nbase_url = "https://gateway.invalid/v1"\nkey_variable = "MY_PASS"\n',
    )
    with here.environment({"MY_PASS": NAMED}):
        assert hide_keys(f"<{NAMED}>") == f"<{ApiKey(NAMED).fingerprint}>"


def test_a_key_that_only_this_process_holds_is_hidden(here: Here) -> None:
    """One from a key command or a keyring stands in no file; a proxy's password is no key."""
    held = ApiKey("sk-kimi-from-a-command-0001")
    beginning = ApiKey("sk-kimi-from-a")
    with here.environment({"https_proxy": "http://me:hush-hush-1@proxy.invalid:3128"}):
        hidden = hide_keys("sk-kimi-from-a-command-0001 http://me:hush-hush-1@proxy.invalid")

    assert held.fingerprint in hidden
    assert beginning.fingerprint not in hidden
    assert "from-a-command" not in hidden
    assert "hush-hush-1" not in hidden


@pytest.mark.parametrize(
    "proxy",
    [
        "me:hush-hush-1@proxy.invalid:3128",
        "http://hush-hush-1@proxy.invalid:3128",
        "http://hush-hush-1:@proxy.invalid:3128",
        "http://me:hush%2Dhush-1@proxy.invalid:3128",
    ],
)
def test_a_proxys_password_is_hidden_however_it_is_written(here: Here, proxy: str) -> None:
    """Without a scheme, alone as a token, with escapes: the library speaks of it unescaped."""
    with here.environment({"https_proxy": proxy}):
        assert "hush-hush-1" not in hide_keys(f"{proxy} hush-hush-1")


LOOK_ALIKES = st.text(alphabet="sk-imKIM0123456789 \n…'\"=", max_size=80)
# Together, as each call looks through all that this process holds for keys.
MANY = st.lists(LOOK_ALIKES, min_size=5, max_size=9).map("\n".join)


@settings(max_examples=5, deadline=None)
@given(MANY)
def test_look_alikes_pass_unharmed(text: str) -> None:
    """Whatever begins as keys do and is none of ours stays as it is, byte for byte."""
    key = ApiKey("sk-kimi-the-one-and-only-key-42")
    assert hide_keys(text) == text
    assert key.hide_in(text) == text
    assert key.hide_in(text.encode()) == text.encode()


def test_a_home_that_cannot_be_read_hides_what_the_shell_holds(here: Here) -> None:
    """No home, a directory under the file's name: nothing raises, and the shell still counts."""
    (here.home / ".env").unlink()
    (here.home / ".env").mkdir()
    with here.environment({"KIMI_API_KEY": IN_SHELL}):
        assert hide_keys(IN_SHELL) == ApiKey(IN_SHELL).fingerprint
    with here.environment({"KIMI_API_KEY": IN_SHELL, "HERMES_HOME": str(here.home / "keys.toml")}):
        assert hide_keys(IN_SHELL) == ApiKey(IN_SHELL).fingerprint


# --- the command line ---------------------------------------------------------------------

REFUSED = [
    ("status", IN_SHELL),
    ("chat", "-q", "hi", "--model", IN_SHELL),
    ("chat", f"--base-url=https://gateway.invalid/{IN_SHELL}/v1"),
    (f"--{IN_SHELL}",),
    ("config", "set", "KIMI_API_KEY", "sk-abcdefghijklmnop1234"),
    ("key", "add", "sk-ant-api03-abcdefghijkl1234"),
    ("chat", "--model", "why", IN_SHELL),
    ("usage", BESIDE),
]


@pytest.mark.parametrize("arguments", REFUSED)
def test_a_key_on_the_command_line_is_refused(here: Here, arguments: tuple[str, ...]) -> None:
    """By its beginning, or because it is known; it is not repeated, and a remedy is named."""
    with here.environment({}), pytest.raises(UsageError) as refused:
        check_arguments(arguments)
    told = f"{refused.value.message} {refused.value.remedy}"
    assert "never taken as an argument" in told
    assert arguments[-1] not in told


FREE = [
    ("chat", "-q", f"what is {IN_SHELL}?"),
    ("chat", f"--query={IN_SHELL}"),
    ("chat", f"-q{IN_SHELL}"),
    ("why", f"401 {IN_SHELL}"),
    ("--debug", "why", IN_SHELL),
    ("chat", "--model", "kimi-k2-0905-preview", "--base-url", "https://task-1.invalid/v1/sk-1"),
    ("import", "--file", "/home/me/desk-01/risk-kimi-2026-notes-1.toml"),
    ("key", "use", "work-2026-11-22"),
    (),
]


@pytest.mark.parametrize("arguments", FREE)
def test_texts_and_names_are_free(here: Here, arguments: tuple[str, ...]) -> None:
    """A prompt and a pasted error are the user's own; names and paths are no keys."""
    with here.environment({}):
        check_arguments(arguments)
