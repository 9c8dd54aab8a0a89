"""`hermes model`: the model in use, and choosing another."""

from tests.conftest import PLAN_KEY, PLATFORM_KEY
from tests.support.commands import Here
from tests.support.process import Hermes

PLAN = {"KIMI_API_KEY": PLAN_KEY}


def test_without_an_id_it_shows_the_model_in_use(offline: Hermes) -> None:
    """The id, what is sent, the window and its source, and the way to the others."""
    result = offline("model", key=PLAN_KEY)

    assert result.stdout.splitlines() == [
        "Model   kimi-coding, sent as kimi-for-coding (default of Kimi / Moonshot)",
        "Window  200,000 tokens (shipped row kimi-coding)",
        "`hermes models` lists the others; `hermes model ID` chooses one.",
    ]
    assert (result.stderr, result.code) == ("", 0)
    assert not offline.home.exists()


def test_an_id_is_written_to_config_toml_and_used_from_then_on(offline: Hermes) -> None:
    """A file of the user's keeps its other lines; the next command shows the choice."""
    offline.home.mkdir(mode=0o700)
    config = offline.home / "config.toml"
    config.write_text('# mine\nprovider = "kimi"\n')
    config.chmod(0o600)

    result = offline("model", "k3", key=PLAN_KEY)

    assert result.code == 0
    assert result.stdout.splitlines() == [
        "The model k3 is saved in ~/.hermes/config.toml.",
        "To the Kimi Coding endpoint: sent as it is; 1,048,576 tokens (shipped row k3).",
    ]
    assert config.read_text() == '# mine\nprovider = "kimi"\nmodel = "k3"\n'
    assert "Model   k3 (model in ~/.hermes/config.toml line 3)" in (
        offline("model", key=PLAN_KEY).stdout
    )


def test_an_alias_of_ours_says_what_is_sent(here: Here) -> None:
    """`kimi-latest` is no id of any endpoint: the id that goes out is told."""
    result = here("model", "kimi-latest", env=PLAN)

    assert "To the Kimi Coding endpoint: k3 is sent; 200,000 tokens" in result.stdout


def test_an_id_of_another_endpoint_is_refused_and_nothing_is_written(here: Here) -> None:
    """
    `kimi-k3` on the plan and `k3` on the platform were accepted and failed later.

    hermes #105650, #9329, #68108: exit 2, the right id, and no file is touched.
    """
    wrong = {"kimi-k3": (PLAN, "k3"), "k3": ({"KIMI_API_KEY": PLATFORM_KEY}, "kimi-k3")}
    for model_id, (env, right) in wrong.items():
        result = here("model", model_id, env=env)
        assert result.code == 2
        assert f"Here it is `{right}`" in result.stderr
        assert result.stdout == ""
    assert not here.home.exists()


def test_an_unknown_id_is_the_users_to_choose(here: Here) -> None:
    """Nothing is refused that the endpoint is not known to lack; the fallback window is told."""
    result = here("model", " of-my-own ", env=PLAN)

    assert result.code == 0
    assert "The model of-my-own is saved" in result.stdout
    assert "32,768 tokens (fallback: nobody told this model's window)" in result.stdout


def test_an_empty_id_is_a_usage_error(here: Here) -> None:
    """A blank in a script must not wipe the choice."""
    for blank in ("", "  "):
        result = here("model", blank, env=PLAN)
        assert result.code == 2
        assert "The id is empty." in result.stderr
    assert not here.home.exists()


def test_a_model_in_use_that_the_endpoint_lacks_is_exit_2(here: Here) -> None:
    """A model left over from another key is told, not sent."""
    here.write("config.toml", 'model = "kimi-k3"\n')

    result = here("model", env=PLAN)

    assert result.code == 2
    assert "Model   kimi-k3 (model in ~/.hermes/config.toml line 1)" in result.stdout
    assert "Here it is `k3`" in result.stderr


def test_without_any_key_a_model_can_be_chosen(here: Here) -> None:
    """The wizard's two questions have no order: the model may come before the key."""
    result = here("model", "kimi-k3")

    assert result.code == 0
    assert "To the Moonshot endpoint" in result.stdout


def test_json_has_the_value_and_its_source(here: Here) -> None:
    """The same fields whether it shows or writes."""
    shown, written = here.json("model", env=PLAN), here.json("model", "k3", env=PLAN)

    assert (shown["schema"], shown["written"], written["written"]) == (1, False, True)
    assert shown["model"]["origin"] == "default"
    assert shown["model_id_sent"] == "kimi-for-coding"
    assert written["model"]["origin"] == "config"
    assert written["window_tokens"]["value"] == 1_048_576
    assert written["model_error"] is None
