"""`hermes providers`: who can answer, and how each is set up."""

import json

from tests.conftest import PLAN_KEY
from tests.support.commands import Here
from tests.support.process import Hermes
from tests.support.terminal import Terminal

IDS = [
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


def test_one_line_a_provider_through_a_pipe(offline: Hermes) -> None:
    """Nothing is cut, nothing is asked, and the first one first."""
    result = offline("providers", key=PLAN_KEY)

    assert (result.stderr, result.code) == ("", 0)
    title, header, *lines = result.stdout.splitlines()
    assert title == "Providers"
    assert header.split("  ")[0] == "ID"
    assert [line.split(" ")[0] for line in lines] == IDS
    assert "KIMI_API_KEY KIMI_CODING_API_KEY MOONSHOT_API_KEY" in lines[0]
    assert "https://api.kimi.com/coding/v1" in lines[0]
    assert "yes, KIMI_API_KEY" in lines[0]
    assert lines[1].endswith("not exercised by us")


def test_what_we_never_exercised_is_marked(here: Here) -> None:
    """Rows of which we know only names and a URL say so, in JSON too."""
    listed = {row["id"]: row for row in here.json("providers")["providers"]}

    assert list(listed) == IDS
    assert [name for name, row in listed.items() if row["exercised"]] == [
        "kimi-coding",
        "local",
        "custom",
    ]
    assert listed["zai"]["key_variables"] == ["GLM_API_KEY", "ZAI_API_KEY", "Z_AI_API_KEY"]
    assert listed["minimax"]["wire"] == "messages"
    assert {row["defined_in"] for row in listed.values()} == {""}
    assert listed["kimi-coding"]["configured"] is False
    assert listed["kimi-coding"]["default_base_url"] == "https://api.moonshot.ai/v1"


def test_a_broken_provider_is_a_row_with_a_reason(here: Here) -> None:
    """One provider that could not be read emptied the whole list elsewhere (opencode #37881)."""
    env = {"KIMI_API_KEY": "gsk_abcdefghijklmnop", "GLM_BASE_URL": "ftp://x", "OPENAI_API_KEY": "k"}

    result, document = here("providers", env=env), here.json("providers", env=env)

    assert result.code == 0
    lines = {line.split(" ")[0]: line for line in result.stdout.splitlines()}
    assert "no: shell variable KIMI_API_KEY holds what looks like" in lines["kimi-coding"]
    assert "ftp://x" in lines["zai"]
    assert "yes, OPENAI_API_KEY" in lines["openai"]
    errors = {row["id"] for row in document["providers"] if row["error"]}
    assert errors == {"kimi-coding", "zai"}
    assert "gsk_" not in result.stdout + json.dumps(document)


def test_a_terminal_gets_blocks_within_its_width(offline: Hermes) -> None:
    """Eight columns do not fit into 80 characters: a terminal gets a few lines a provider."""
    argv = [*offline.argv, "providers"]
    with Terminal(argv, offline.env(key=PLAN_KEY), columns=80) as terminal:
        assert terminal.wait() == 0
        lines = terminal.text.splitlines()

    assert max(len(line) for line in lines) <= 80
    assert lines[0] == "kimi-coding  Kimi / Moonshot, chat wire"
