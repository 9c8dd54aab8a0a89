"""The wizard's model and provider: what each answer writes, with a scripted person."""

from pathlib import Path

import pytest

from agent.errors import UnknownModel, UsageError
from agent.learnt import Facts, LiveList, LiveModel
from hermes_cli.auth import Flags
from tests.support.script import (
    CODE,
    CODE_GLOBAL,
    MOONSHOT,
    PLAN_KEY,
    PLATFORM_KEY,
    files,
    put,
    run,
    task,
)

pytestmark = pytest.mark.usefixtures("entered")


def test_the_models_are_listed_in_order_with_windows_and_sources(home: Path) -> None:
    """First the six that were asked for, marked, then the endpoint's own rows."""
    screen = run(PLAN_KEY, "", "").screen
    for earlier, later in (
        ("1  kimi-coding ", "2  kimi-latest "),
        ("6  kimi-k2-0905-preview", "when this version shipped (2026-11-22)"),
        ("when this version shipped", "7  k3 "),
    ):
        assert 0 < screen.index(earlier) < screen.index(later)
    assert home.exists()
    assert "  200,000  shipped row  alias of ours, sent as kimi-for-coding\n" in screen
    assert "  262,144  shipped row  closed 2026-05-25\n" in screen


def test_a_live_list_stands_in_place_of_the_shipped_rows(home: Path) -> None:
    """What the endpoint told this key is shown with its day, and what it lacks is marked."""
    live = LiveList((LiveModel("k9", 5_000), LiveModel("kimi-for-coding", 9_000)), "2026-11-20T08")
    facts = Facts(lists={(CODE, task().new_key(PLAN_KEY).value.digest): live})

    script = run(PLAN_KEY, "", "7", facts=facts)

    assert "In the endpoint's own list of 2026-11-20:" in script.said
    assert "    9,000  GET /models of 2026-11-20\n" in script.screen
    assert "5,000 tokens (GET /models of 2026-11-20)" in script.screen
    assert "not offered to this key" in script.screen
    assert "when this version shipped" not in script.screen
    assert 'model = "k9"' in files(home)[1]


@pytest.mark.parametrize(
    ("answer", "model"),
    [("", "kimi-coding"), ("7", "k3"), ("kimi-latest", "kimi-latest"), ("anything", "anything")],
)
def test_a_model_is_taken_by_enter_number_or_id(home: Path, answer: str, model: str) -> None:
    """Enter takes the first; an id nobody knows is the user's own choice."""
    run(PLAN_KEY, "", answer)
    assert f'model = "{model}"' in files(home)[1]


def test_an_id_of_another_endpoint_is_answered_with_the_right_one(home: Path) -> None:
    """`kimi-k3` is the platform's name; the plan's is told, and the question comes again."""
    script = run(PLAN_KEY, "", "kimi-k3", "k3")
    assert "it is an id of the Moonshot endpoint. Here it is `k3`." in script.screen
    assert 'model = "k3"' in files(home)[1]
    with pytest.raises(UnknownModel):
        run("", "", "kimi-k3", tries=1)


def test_a_model_that_is_set_is_kept_by_enter_unless_it_no_longer_fits(home: Path) -> None:
    """Enter keeps `kimi-k3` for a platform key; for a plan key it takes the first of the list."""
    put(home / "config.toml", 'provider = "kimi-coding"\nmodel = "kimi-k3"\n')
    run(PLATFORM_KEY, "", "")
    assert 'model = "kimi-k3"' in files(home)[1]
    run(PLAN_KEY, "", "")
    assert 'model = "kimi-coding"' in files(home)[1]


def test_flags_answer_their_questions(home: Path) -> None:
    """With `--base-url` and `--model` only the key is asked for; a contradiction still is."""
    run(PLAN_KEY, flags=Flags(base_url=CODE_GLOBAL, model="k3"))
    assert files(home)[0] == f"KIMI_BASE_URL={CODE_GLOBAL}\nKIMI_API_KEY={PLAN_KEY}\n"
    with pytest.raises(UsageError, match="not confirmed"):
        run("", "n", flags=Flags(base_url=MOONSHOT, model="k3"))
    run("", flags=Flags(base_url=CODE, model="k3"))
    assert files(home)[0] == f"KIMI_BASE_URL={CODE}\nKIMI_API_KEY={PLAN_KEY}\n"


def test_another_provider_comes_into_use_only_if_confirmed(home: Path) -> None:
    """No leaves provider and model; yes switches and drops the old provider's model."""
    put(home / "config.toml", 'provider = "kimi-coding"\nmodel = "k3"\n')

    script = run("zai-key-0123456789", "", "n", provider="glm")
    assert files(home) == (
        "GLM_API_KEY=zai-key-0123456789\n",
        'provider = "kimi-coding"\nmodel = "k3"\n',
    )
    assert script.said[-1] == 'Next: hermes chat --provider zai --model ID -q "hello"'
    assert "✓ Z.AI API key saved (Z.AI / GLM endpoint: https://api.z.ai/api/paas/v4)" in script.said

    script = run("", "", "y", "", provider="zai")
    assert files(home)[1] == 'provider = "zai"\n'
    assert script.said[-1] == 'Next: hermes chat --model ID -q "hello"'


def test_an_endpoint_of_ones_own_needs_a_url_and_no_key(home: Path) -> None:
    """The provider `custom` asks until it has a base URL; its key may be missing."""
    script = run("", "", "http://127.0.0.1:8080/v1", "my-model", provider="custom")
    assert "✓ Set (custom endpoint: http://127.0.0.1:8080/v1)" in script.said
    assert files(home) == (
        "CUSTOM_BASE_URL=http://127.0.0.1:8080/v1\n",
        'provider = "custom"\nmodel = "my-model"\n',
    )
