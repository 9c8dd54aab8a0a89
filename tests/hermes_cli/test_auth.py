"""The names people script against, with their contracts; real files, real variables."""

from pathlib import Path

import pytest

from agent.catalog import PROVIDERS
from hermes_cli import auth, models
from hermes_cli.auth import (
    KIMI_CODE_BASE_URL,
    PROVIDER_REGISTRY,
    AuthError,
    _resolve_kimi_base_url,
    get_api_key_provider_status,
    get_auth_status,
    resolve_api_key_provider_credentials,
    resolve_provider,
)
from hermes_cli.runtime_provider import resolve_runtime_provider

MOONSHOT_URL = "https://api.moonshot.ai/v1"
PLAN = "sk-kimi-plan-key-0001"
PLATFORM = "sk-platform-key-00002"
KIMI_VARIABLES = ("KIMI_API_KEY", "KIMI_CODING_API_KEY", "MOONSHOT_API_KEY")


@pytest.fixture(autouse=True)
def bare(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """An empty home, and no provider's variable in the environment."""
    for row in PROVIDERS:
        for name in (*row.key_variables, row.base_url_variable):
            if name:
                monkeypatch.delenv(name, raising=False)
    monkeypatch.delenv("HERMES_LOCAL_MODEL", raising=False)
    monkeypatch.setenv("HERMES_HOME", str(tmp_path / "home"))
    (tmp_path / "home").mkdir(mode=0o700)
    return tmp_path / "home"


def write(path: Path, text: str) -> None:
    """Write a file as private as ours are."""
    path.touch(mode=0o600)
    path.write_text(text, encoding="utf-8")


def test_the_kimi_code_url_is_the_one_asked_for() -> None:
    """The constant of the request, to the letter, and a plain str."""
    assert KIMI_CODE_BASE_URL == "https://api.kimi.com/coding/v1"
    assert type(KIMI_CODE_BASE_URL) is str


RESOLVED = [
    ("sk-kimi-abc", "", KIMI_CODE_BASE_URL),
    ("SK-KIMI-ABC", "", KIMI_CODE_BASE_URL),
    ('  "sk-kimi-abc"\n', "", KIMI_CODE_BASE_URL),
    ("sk-abc", "", MOONSHOT_URL),
    ("sk-kim", "", MOONSHOT_URL),
    ("x-sk-kimi-abc", "", MOONSHOT_URL),
    ("", "", MOONSHOT_URL),
    ("sk-kimi-abc", "https://own.invalid/v1", "https://own.invalid/v1"),
    ("sk-abc", "https://own.invalid/v1", "https://own.invalid/v1"),
    ("", "https://own.invalid/v1", "https://own.invalid/v1"),
    ("sk-kimi-abc", "   ", KIMI_CODE_BASE_URL),
]


@pytest.mark.parametrize(("key", "override", "expected"), RESOLVED)
def test_the_base_url_of_a_kimi_key(key: str, override: str, expected: str) -> None:
    """Override if it has text, else the prefix, else the default."""
    assert _resolve_kimi_base_url(key, MOONSHOT_URL, override) == expected


def test_the_registry_has_kimi_as_it_was_asked_for() -> None:
    """Name, kind, URL, variables in order, override."""
    kimi = PROVIDER_REGISTRY["kimi-coding"]
    assert kimi == auth.ProviderConfig(
        id="kimi-coding",
        name="Kimi / Moonshot",
        auth_type="api_key",
        inference_base_url=MOONSHOT_URL,
        api_key_env_vars=KIMI_VARIABLES,
        base_url_env_var="KIMI_BASE_URL",
    )
    assert type(PROVIDER_REGISTRY) is dict


def test_the_registry_has_the_other_rows() -> None:
    """URLs and variables of the rows the request names; each says that we did not exercise it."""
    zai = PROVIDER_REGISTRY["zai"]
    assert zai.inference_base_url == "https://api.z.ai/api/paas/v4"
    assert zai.api_key_env_vars == ("GLM_API_KEY", "ZAI_API_KEY", "Z_AI_API_KEY")
    assert zai.base_url_env_var == "GLM_BASE_URL"
    assert PROVIDER_REGISTRY["minimax"].inference_base_url == "https://api.minimax.io/anthropic"
    assert (
        PROVIDER_REGISTRY["minimax-cn"].inference_base_url == "https://api.minimaxi.com/anthropic"
    )
    assert list(PROVIDER_REGISTRY) == [
        "kimi-coding",
        "zai",
        "minimax",
        "minimax-cn",
        "openrouter",
        "openai",
        "anthropic",
        "deepseek",
        "local",
        "custom",
    ]
    others = [row for row in PROVIDERS if row.id not in ("kimi-coding", "local", "custom")]
    assert not any(row.exercised or row.models for row in others)
    assert not any(endpoint.quirks for row in others for endpoint in row.endpoints)


ALIASES = {
    "kimi-coding": "kimi-coding",
    "kimi": "kimi-coding",
    "Moonshot": "kimi-coding",
    "KIMI-CODE": "kimi-coding",
    " kimi-for-coding ": "kimi-coding",
    "glm": "zai",
    "Z-AI": "zai",
    "zhipu": "zai",
    "claude": "anthropic",
    "local": "local",
}


@pytest.mark.parametrize("name", ALIASES)
def test_a_provider_is_found_by_id_and_alias_in_any_case(name: str) -> None:
    """What people call it is enough."""
    assert resolve_provider(name) == ALIASES[name]


def test_an_unknown_provider_is_refused_with_the_list() -> None:
    """The error lists what exists."""
    with pytest.raises(AuthError, match="kimi-coding, zai, minimax") as caught:
        resolve_provider("kimmi")
    assert caught.value.exit_code == 3


def test_auto_is_the_configured_default_then_the_first_with_a_key(
    bare: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Configuration first, then keys in the registry's order, then an error naming the setup."""
    with pytest.raises(AuthError) as caught:
        resolve_provider("auto")
    assert "`hermes setup`" in caught.value.remedy
    monkeypatch.setenv("DEEPSEEK_API_KEY", "sk-deepseek-1")
    assert resolve_provider("auto") == "deepseek"
    monkeypatch.setenv("MOONSHOT_API_KEY", PLATFORM)
    assert resolve_provider("auto") == "kimi-coding"
    write(bare / "config.toml", 'provider = "GLM"\n')
    assert resolve_provider("AUTO") == "zai"


def test_no_key_gives_empty_credentials_from_the_default() -> None:
    """Without a key there is nothing to resolve, and that is no error."""
    assert resolve_api_key_provider_credentials("kimi") == {
        "provider": "kimi-coding",
        "api_key": "",
        "base_url": MOONSHOT_URL,
        "source": "default",
    }


@pytest.mark.parametrize("name", KIMI_VARIABLES)
@pytest.mark.parametrize(("key", "url"), [(PLAN, KIMI_CODE_BASE_URL), (PLATFORM, MOONSHOT_URL)])
def test_each_variable_gives_the_key_and_its_endpoint(
    monkeypatch: pytest.MonkeyPatch, name: str, key: str, url: str
) -> None:
    """All three variables lead to the same place, and are named as the source."""
    monkeypatch.setenv(name, f' "{key}" ')
    found = resolve_api_key_provider_credentials("kimi-coding")
    assert found == {"provider": "kimi-coding", "api_key": key, "base_url": url, "source": name}
    assert type(found) is dict
    assert type(found["api_key"]) is str


def test_the_source_goes_before_the_name(bare: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Any variable in the process environment beats `.env`; within one source the table's order."""
    write(bare / ".env", f"KIMI_API_KEY={PLATFORM}\n")
    assert resolve_api_key_provider_credentials("kimi")["source"].endswith(".env line 1")
    monkeypatch.setenv("MOONSHOT_API_KEY", PLAN)
    assert resolve_api_key_provider_credentials("kimi")["source"] == "MOONSHOT_API_KEY"
    monkeypatch.setenv("KIMI_CODING_API_KEY", PLAN)
    assert resolve_api_key_provider_credentials("kimi")["source"] == "KIMI_CODING_API_KEY"


def test_an_override_wins_wherever_it_stands(bare: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """`config.toml`, then `.env`, then the environment."""
    monkeypatch.setenv("KIMI_API_KEY", PLAN)

    def base_url() -> str:
        return resolve_api_key_provider_credentials("kimi")["base_url"]

    write(bare / "config.toml", '[providers.kimi-coding]\nbase_url = "https://c.invalid/v1"\n')
    assert base_url() == "https://c.invalid/v1"
    write(bare / ".env", "KIMI_BASE_URL=https://d.invalid/v1/\n")
    assert base_url() == "https://d.invalid/v1"
    monkeypatch.setenv("KIMI_BASE_URL", "https://e.invalid/v1")
    assert base_url() == "https://e.invalid/v1"
    monkeypatch.setenv("KIMI_BASE_URL", " ")
    assert base_url() == "https://d.invalid/v1"


def test_a_kimi_key_in_another_providers_variable_stays_with_that_provider(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The prefix rule is Kimi's and nobody else's."""
    monkeypatch.setenv("GLM_API_KEY", PLAN)
    found = resolve_api_key_provider_credentials("zai")
    assert found["base_url"] == "https://api.z.ai/api/paas/v4"


def test_a_provider_without_keys_is_an_auth_error() -> None:
    """There are no credentials for the embedded model."""
    with pytest.raises(AuthError, match="no API keys"):
        resolve_api_key_provider_credentials("local")


FOREIGN = {
    "sk-ant-abcdefgh": "Anthropic",
    "sk-or-abcdefgh": "OpenRouter",
    "AIzaabcdefgh": "Google",
    "gsk_abcdefgh": "Groq",
    "sk-proj-abcdefgh": "OpenAI",
    "SK-ANT-ABCDEFGH": "Anthropic",
}


@pytest.mark.parametrize("key", FOREIGN)
def test_another_vendors_key_is_refused_from_the_environment_too(
    monkeypatch: pytest.MonkeyPatch, key: str
) -> None:
    """Acceptance 14: the vendor is named, the key is not."""
    monkeypatch.setenv("KIMI_API_KEY", key)
    with pytest.raises(AuthError, match=FOREIGN[key]) as caught:
        resolve_api_key_provider_credentials("kimi")
    assert key not in caught.value.message + caught.value.remedy


@pytest.mark.parametrize(
    "key", ["short", "sk-with blank-inside", "sk-kimi-\u200babcdefgh", "x" * 513]
)
def test_a_malformed_key_from_the_environment_is_an_auth_error(
    monkeypatch: pytest.MonkeyPatch, key: str
) -> None:
    """The variable and the reason are named; exit code 3."""
    monkeypatch.setenv("KIMI_API_KEY", key)
    with pytest.raises(AuthError, match="KIMI_API_KEY") as caught:
        resolve_api_key_provider_credentials("kimi")
    assert key not in caught.value.message


def test_a_key_without_the_usual_prefix_is_used_as_it_is(monkeypatch: pytest.MonkeyPatch) -> None:
    """From the environment, what has the shape of a key is a key."""
    monkeypatch.setenv("KIMI_API_KEY", "unusual-but-mine")
    assert resolve_api_key_provider_credentials("kimi")["api_key"] == "unusual-but-mine"


def test_the_status_never_holds_the_key(monkeypatch: pytest.MonkeyPatch) -> None:
    """The documented fields, and nothing else."""
    assert get_api_key_provider_status("kimi") == {
        "provider": "kimi-coding",
        "name": "Kimi / Moonshot",
        "configured": False,
        "logged_in": False,
        "key_source": "",
        "base_url": MOONSHOT_URL,
    }
    monkeypatch.setenv("KIMI_CODING_API_KEY", PLAN)
    status = get_auth_status("kimi")
    assert status == {
        "provider": "kimi-coding",
        "name": "Kimi / Moonshot",
        "configured": True,
        "logged_in": True,
        "key_source": "KIMI_CODING_API_KEY",
        "base_url": KIMI_CODE_BASE_URL,
    }
    assert PLAN not in repr(status)


def test_the_status_of_any_kind_of_provider_has_the_same_fields() -> None:
    """The embedded model and a custom endpoint have no key, and a status all the same."""
    fields = set(get_auth_status("kimi"))
    assert set(get_auth_status("local")) == fields
    custom = get_auth_status("custom")
    assert set(custom) == fields
    assert (custom["configured"], custom["base_url"]) == (False, "")


def test_the_runtime_provider_is_everything_a_program_needs(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The documented fields for both wires."""
    monkeypatch.setenv("KIMI_API_KEY", PLAN)
    assert resolve_runtime_provider() == {
        "provider": "kimi-coding",
        "api_mode": "chat_completions",
        "base_url": KIMI_CODE_BASE_URL,
        "api_key": PLAN,
        "source": "KIMI_API_KEY",
        "requested_provider": "auto",
    }
    monkeypatch.setenv("MINIMAX_API_KEY", "minimax-key")
    found = resolve_runtime_provider("minimax")
    assert found["api_mode"] == "anthropic_messages"
    assert found["requested_provider"] == "minimax"


def test_the_runtime_provider_without_a_key_names_the_setup() -> None:
    """A missing key where one is needed is an error with a remedy."""
    with pytest.raises(AuthError, match="KIMI_API_KEY, KIMI_CODING_API_KEY") as caught:
        resolve_runtime_provider("kimi")
    assert "`hermes setup`" in caught.value.remedy
    with pytest.raises(AuthError):
        resolve_runtime_provider()


def test_the_offline_list_is_the_one_that_was_asked_for() -> None:
    """The six ids of the request, in its order, as a plain list."""
    assert models._PROVIDER_MODELS["kimi-coding"] == [
        "kimi-coding",
        "kimi-latest",
        "kimi-k2.5",
        "kimi-k2-thinking",
        "kimi-k2-turbo-preview",
        "kimi-k2-0905-preview",
    ]
    assert type(models._PROVIDER_MODELS) is dict
    assert type(models._PROVIDER_MODELS["kimi-coding"]) is list


def test_labels_and_aliases_are_views_of_the_rows() -> None:
    """Alias to id, id to name."""
    assert models._PROVIDER_LABELS["kimi-coding"] == "Kimi / Moonshot"
    assert models._PROVIDER_ALIASES["moonshot"] == "kimi-coding"
    assert set(models._PROVIDER_ALIASES.values()) <= set(models._PROVIDER_LABELS)


def test_no_alias_names_two_providers() -> None:
    """An alias table that only grows must not grow ambiguous."""
    names = [name for row in PROVIDERS for name in (row.id, *row.aliases)]
    assert len(names) == len(set(names))
    assert all(name == name.lower() for name in names)


def test_a_file_in_the_current_directory_is_never_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A cloned repository cannot send a key elsewhere (acceptance 15)."""
    monkeypatch.chdir(tmp_path)
    write(
        tmp_path / ".env", "KIMI_BASE_URL=https://evil.invalid/v1\nKIMI_API_KEY=sk-kimi-evil-key\n"
    )
    write(tmp_path / "config.toml", 'provider = "zai"\n')
    monkeypatch.setenv("KIMI_API_KEY", PLAN)
    assert resolve_runtime_provider()["base_url"] == KIMI_CODE_BASE_URL
