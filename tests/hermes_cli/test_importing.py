"""`hermes import`: whose keys are found where, where they belong, what is left out and why."""

from pathlib import Path

import pytest

from agent.errors import UsageError
from agent.learnt import Facts
from hermes_cli.commands.import_ import choose
from hermes_cli.config import read_settings
from hermes_cli.importing.offers import Offer, offers_of
from hermes_cli.importing.sources import read_programs
from tests.support.commands import Here
from tests.support.importing import (
    CHINA_URL,
    MOONSHOT_URL,
    OTHER_PLAN,
    PLAN,
    PLATFORM,
    empty_home,
    fill,
    pair,
    put,
    secrets,
    told,
)
from tests.support.script import Script

EXPECTED = [
    ("hermes-agent", "line 2", "moonshot-cn", "new"),
    ("hermes-agent", "line 3", "openrouter", "have"),
    ("hermes-agent", "credential_pool.kimi-coding, entry 1", "kimi-code", "new"),
    ("kimi-cli", "providers.kimi-for-coding", "kimi-code", "new"),
    ("kimi-cli", "providers.moonshot-cn", "moonshot-cn", "new"),
    ("kimi-cli", "providers.gateway", "kimi-code", "gateway"),
    ("kimi-code", "providers.kimi", "moonshot", "new"),
    ("opencode", "provider.my-kimi", "kimi-code", "new"),
    ("opencode", "moonshotai-cn", "moonshot-cn", "new"),
    ("opencode", "kimi-for-coding", "kimi-code", "same"),
    ("llm", "moonshot", "moonshot", "new"),
    ("llm", "personal", "kimi-code", "new"),
    ("llm", "openai", "openai", "new"),
    ("aider", "line 3", "kimi-code", "new"),
    ("aider", "line 4", "deepseek", "new"),
    ("aider", "line 3", "anthropic", "new"),
    ("aider", "line 6", "moonshot", "new"),
    ("goose", "line 1", "moonshot-cn", "new"),
    ("goose", "line 2", "kimi-code", "new"),
]


@pytest.fixture
def here(home: Path, monkeypatch: pytest.MonkeyPatch) -> Here:
    """Command lines in this process, in a home with nothing in it."""
    return empty_home(home, monkeypatch)


@pytest.fixture
def full(here: Here) -> Here:
    """The same, in a home with the files of all programs."""
    fill(here.home)
    return here


def test_every_program_is_read(full: Here) -> None:
    """Keys are found in each program's own files, and get the endpoint of our one rule."""
    document = full.json("import")

    assert told(document) == EXPECTED
    assert document["taken"] == 0
    assert not (full.home / "keys.toml").exists()


def test_what_is_left_out_has_its_reason(full: Here) -> None:
    """Logins and references are told; other vendors' and other programs' values are not."""
    left = [
        (each["tool"], each["where"], each["reason"]) for each in full.json("import")["left_out"]
    ]

    reference = "names a variable or a file and holds no key itself"
    login = "holds a login (OAuth), which is never taken: `hermes key add` takes an API key"
    assert left == [
        ("hermes-agent", "line 20", reference),
        ("hermes-agent", "credential_pool.anthropic, entry 1", login),
        ("hermes-agent", "providers.anthropic", login),
        ("kimi-code", "providers.managed:kimi-code", login),
        ("kimi-code", "providers.anthropic", reference),
        ("opencode", "provider.moonshotai", reference),
        ("opencode", "anthropic", login),
    ]


@pytest.mark.parametrize("flags", [(), ("--json",), ("--yes",), ("--dry-run", "--yes")])
def test_no_key_is_ever_shown(full: Here, flags: tuple[str, ...]) -> None:
    """Neither the keys, nor tokens of logins, nor a password in a base URL."""
    result = full("import", *flags)

    assert len(secrets()) > 20
    assert [word for word in secrets() if word in result.stdout + result.stderr] == []
    assert "…0005 (" in result.stdout


def test_nothing_is_taken_without_a_terminal_or_the_flag(full: Here) -> None:
    """The list is shown, the flag is named, and the exit code is 0."""
    result = full("import")

    assert result.code == 0
    assert result.stderr == ("Nothing was taken: `hermes import --yes` takes all that is new.\n")
    assert full("import", "--yes", "--dry-run").code == 0
    assert not (full.home / "keys.toml").exists()


def test_a_yes_stores_what_is_new_under_the_names_of_the_programs(full: Here) -> None:
    """Each key with its endpoint, unverified and said so; the second time we have them all."""
    result = full("import", "--yes")

    assert (result.stderr, result.code) == ("", 0)
    assert "not checked yet" in result.stdout
    with full.environment({}):
        stored = {(k.provider, k.name): k.endpoint for k in read_settings().stored_keys}
    assert stored["kimi-coding", "kimi-cli"] == "kimi-code"
    assert stored["kimi-coding", "kimi-cli-2"] == "moonshot-cn"
    assert stored["deepseek", "aider"] == "deepseek"
    assert len(stored) == sum(standing == "new" for *_, standing in EXPECTED)

    again = full.json("import")
    assert {standing for *_, standing in told(again)} == {"have", "gateway"}
    assert full.json("import", "--yes")["taken"] == 0


def test_a_stored_key_goes_where_the_list_said(here: Here) -> None:
    """The endpoint that another program named within the key's product comes along."""
    put(
        here,
        ".kimi/config.toml",
        f'[providers.x]\nbase_url = "{CHINA_URL}"\napi_key = "{PLATFORM}"',
    )

    document = here.json("import", "--yes")
    route = here.json("status")["route"]

    assert document["keys"][0]["base_url"] == CHINA_URL
    assert document["keys"][0]["taken"] is True
    assert (route["base_url"]["value"], route["endpoint"]["id"]) == (CHINA_URL, "moonshot-cn")


@pytest.mark.parametrize(
    ("base_url", "key", "endpoint", "corrected"),
    [
        (MOONSHOT_URL, PLAN, "kimi-code", True),
        (CHINA_URL, PLAN, "kimi-code", True),
        ("https://api.kimi.com/coding/v1", PLATFORM, "moonshot", True),
        ("https://api.kimi.ai/coding/v1", PLAN, "kimi-code-global", False),
        ("https://api.kimi.com/coding/", PLAN, "kimi-code", False),
        ("https://api.moonshot.cn", PLATFORM, "moonshot-cn", False),
        ("https://api.moonshot.cn/wrong/path", PLATFORM, "moonshot-cn", False),
        ("http://api.moonshot.cn/v1", PLATFORM, "moonshot-cn", False),
        (f"{CHINA_URL}/chat/completions", PLATFORM, "moonshot-cn", False),
        ("", PLATFORM, "moonshot", False),
    ],
)
def test_wrong_pairs_are_corrected(
    here: Here, base_url: str, key: str, endpoint: str, corrected: bool
) -> None:
    """A base URL chooses the region within the key's product, and never another product."""
    put(here, ".kimi/config.toml", pair(base_url, key))

    [told_key] = here.json("import")["keys"]

    assert (told_key["endpoint"], told_key["standing"]) == (endpoint, "new")
    assert ("corrected here" in told_key["note"]) is corrected


@pytest.mark.parametrize(
    "base_url",
    [
        "https://gateway.invalid/v1",
        "https://me:password@gateway.invalid/v1?x=y",
        "http://gateway.invalid/v1",
        "http://127.0.0.1:8000/v1",
        "https://api.moonshot.ai.evil.invalid/v1",
        "https://[broken/v1",
        "gateway",
    ],
)
def test_a_gateway_is_shown_and_its_key_not_taken(here: Here, base_url: str) -> None:
    """A key that goes to nobody of ours stays there; our setting for that is named."""
    put(here, ".kimi/config.toml", pair(base_url, PLAN))

    document = here.json("import", "--yes")

    [key] = document["keys"]
    assert (key["standing"], document["taken"]) == ("gateway", 0)
    assert "`hermes config set providers.kimi-coding.base_url URL`" in key["note"]
    assert "password" not in str(document)


@pytest.mark.parametrize(
    ("variables", "expected"),
    [
        ({"KIMI_API_KEY": PLAN}, "kimi-code"),
        ({"OPENAI_API_KEY": PLAN}, "kimi-code"),
        ({"OPENAI_API_KEY": PLATFORM, "OPENAI_BASE_URL": MOONSHOT_URL}, "moonshot"),
        ({"OPENAI_API_KEY": PLATFORM}, "openai"),
        ({"KIMI_CN_API_KEY": PLATFORM}, "moonshot-cn"),
        ({"MOONSHOT_KEY": PLATFORM}, "moonshot"),
        ({"MOONSHOT_API_KEY": f" '{PLATFORM}' "}, "moonshot"),
        ({"GLM_API_KEY": PLATFORM}, "zai"),
    ],
)
def test_the_shell_counts_too(here: Here, variables: dict[str, str], expected: str) -> None:
    """A key's mark tells most, then the host it goes to, then the variable."""
    [key] = here.json("import", env=variables)["keys"]

    assert (key["tool"], key["file"], key["endpoint"]) == ("shell", None, expected)
    assert key["where"].startswith("shell variable ")


@pytest.mark.parametrize(
    ("variables", "reason"),
    [
        ({"MOONSHOT_API_KEY": "sk-ant-abcdefgh0123"}, "looks like a key of Anthropic"),
        ({"MOONSHOT_API_KEY": "gsk_abcdefgh0123456"}, "looks like a key of Groq"),
        ({"ANTHROPIC_API_KEY": "sk-ant-oat-abcdefgh0123"}, "holds a login (OAuth)"),
        ({"KIMI_API_KEY": "eyJhbGciOi.eyJzdWIi.c2ln"}, "holds a login (OAuth)"),
        ({"KIMI_API_KEY": "sk-x"}, "cannot be a key: it has 4 characters"),
        ({"KIMI_API_KEY": "your key goes here"}, "cannot be a key: it has a blank"),
        ({"KIMI_API_KEY": "sk-kimi-********"}, "cannot be a key: nothing follows its beginning"),
        ({"KIMI_API_KEY": "${OTHER}"}, "names a variable"),
    ],
)
def test_what_cannot_be_taken_says_why(here: Here, variables: dict[str, str], reason: str) -> None:
    """A key in another vendor's place, a login, a placeholder: one line each."""
    document = here.json("import", env=variables)

    assert document["keys"] == []
    assert [reason in each["reason"] for each in document["left_out"]] == [True]


def test_what_we_have_is_marked(here: Here) -> None:
    """A key in our `.env` or in `keys.toml` is not offered again."""
    here.write(".env", f"KIMI_API_KEY={PLAN}\n")
    here.write("keys.toml", f'[kimi-coding.work]\nkey = "{OTHER_PLAN}"\n')
    put(here, ".local/share/opencode/auth.json", f'{{"kimi": {{"type": "api", "key": "{PLAN}"}}}}')
    put(here, ".config/io.datasette.llm/keys.json", f'{{"kimi": "{OTHER_PLAN}"}}')

    first, second = here.json("import")["keys"]

    assert first["note"].startswith("You have this key already: KIMI_API_KEY in ")
    assert second["note"] == "You have this key already: stored as work."


def offers(here: Here) -> list[Offer]:
    """Return three new keys."""
    text = ", ".join(f'"kimi{n}": "{PLAN}{n}"' for n in range(3))
    put(here, ".config/io.datasette.llm/keys.json", f"{{{text}}}")
    with here.environment({}):
        settings = read_settings()
        return offers_of(read_programs(settings)[0], settings, Facts())[0]


@pytest.mark.parametrize(
    ("answers", "chosen"),
    [
        (("",), []),
        (("n",), []),
        (("y",), [0, 1, 2]),
        (("ALL",), [0, 1, 2]),
        (("2",), [1]),
        (("3, 1 1",), [2, 0]),
        (("4", "0", "2"), [1]),
        (("maybe", "y"), [0, 1, 2]),
        ((), []),
    ],
)
def test_all_none_or_some_are_chosen(
    here: Here, answers: tuple[str, ...], chosen: list[int]
) -> None:
    """Enter and the end of input take nothing; a wrong answer is asked again."""
    new = offers(here)

    assert choose(Script(*answers), new) == [new[number] for number in chosen]


def test_wrong_answers_take_nothing_in_the_end(here: Here) -> None:
    """After the prompter's tries the command ends, with nothing written."""
    with pytest.raises(UsageError, match="Nothing was taken"):
        choose(Script("4", "x", "²"), offers(here))


def test_a_failure_to_store_is_told(here: Here) -> None:
    """What cannot be stored is an error with its reason, and not a success."""
    put(here, ".env", f"KIMI_API_KEY={PLAN}")
    here.home.mkdir()
    (here.home / "keys.toml").mkdir()

    result = here("import", "--yes")

    assert result.code == 3
    assert PLAN not in result.stdout + result.stderr
