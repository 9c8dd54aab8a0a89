"""Sources in their order, the home, and notices about its files."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from agent.choice import Candidate, Origin
from agent.errors import BrokenFile, ConfigurationError
from hermes_cli.config import (
    child_environment,
    color_wanted,
    get_config_path,
    get_env_path,
    get_hermes_home,
    get_state_path,
    read_settings,
    unset_line,
    write_settings,
    write_variables,
)

KIMI_NAMES = ("KIMI_API_KEY", "KIMI_CODING_API_KEY", "MOONSHOT_API_KEY")


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return the path of a home that does not exist yet, with no variable of ours set."""
    home = tmp_path / ".hermes"
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("HERMES_HOME", str(home))
    for name in (*KIMI_NAMES, "KIMI_BASE_URL"):
        monkeypatch.delenv(name, raising=False)
    return home


def put(path: Path, text: str, mode: int = 0o600) -> None:
    """Write a file of the home, which is the owner's alone."""
    path.parent.mkdir(mode=0o700, exist_ok=True)
    path.write_text(text)
    path.chmod(mode)


def test_the_home_is_named_or_in_the_users_home(
    home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """`$HERMES_HOME`, with `~` expanded; blank or missing it is `~/.hermes`; nothing is made."""
    assert get_hermes_home() == home
    for name, expected in {"~/a": "a", "": ".hermes", "  ": ".hermes"}.items():
        monkeypatch.setenv("HERMES_HOME", name)
        assert get_hermes_home() == tmp_path / expected
    assert get_env_path() == home / ".env"
    assert get_config_path() == home / "config.toml"
    assert get_state_path() == home / "hermes-kimi.db"
    monkeypatch.delenv("HERMES_HOME")
    assert get_hermes_home() == home
    assert list(tmp_path.iterdir()) == []


def test_a_home_that_is_a_file_is_a_sentence(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Exit 3, with the path and the command that helps: not a traceback from the first write."""
    home.write_text("")
    for action in (get_hermes_home, read_settings, lambda: write_variables({"A": "1"})):
        with pytest.raises(ConfigurationError, match=r"~/\.hermes is a file") as refused:
            action()
        assert refused.value.exit_code == 3
        assert "`unset HERMES_HOME`" in refused.value.remedy

    monkeypatch.delenv("HERMES_HOME")
    with pytest.raises(ConfigurationError, match="is a file") as refused:
        get_hermes_home()
    assert "`export HERMES_HOME=DIRECTORY`" in refused.value.remedy


def test_a_home_nobody_can_reach_is_a_sentence(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A name that is too long, or of a user who is not there, says so."""
    monkeypatch.setenv("HERMES_HOME", "~no-such-user-here/x")
    with pytest.raises(ConfigurationError, match="No home directory"):
        get_hermes_home()
    monkeypatch.setenv("HERMES_HOME", f"{home.parent}/{'x' * 300}")
    with pytest.raises(ConfigurationError, match="cannot be reached: File name too long"):
        get_hermes_home()


def test_the_source_goes_before_the_name(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Any of a provider's variables in the shell beats `.env`; within one, the given order."""
    put(home / ".env", "# mine\nMOONSHOT_API_KEY=four\nKIMI_API_KEY=' three '\n")
    monkeypatch.setenv("MOONSHOT_API_KEY", " two\n")
    monkeypatch.setenv("KIMI_CODING_API_KEY", "one")
    monkeypatch.setenv("KIMI_API_KEY", "  ")

    settings = read_settings()

    assert settings.variables(KIMI_NAMES) == (
        Candidate(
            "one",
            Origin.ENVIRONMENT,
            "shell variable KIMI_CODING_API_KEY",
            "KIMI_CODING_API_KEY",
        ),
        Candidate("two", Origin.ENVIRONMENT, "shell variable MOONSHOT_API_KEY", "MOONSHOT_API_KEY"),
        Candidate("three", Origin.DOTENV, "~/.hermes/.env line 3", "KIMI_API_KEY"),
        Candidate("four", Origin.DOTENV, "~/.hermes/.env line 2", "MOONSHOT_API_KEY"),
    )
    assert settings.variable("KIMI_API_KEY") == settings.variables(KIMI_NAMES)[2:3]
    assert settings.variable("KIMI_BASE_URL") == ()


def test_settings_are_a_snapshot_that_shows_no_value(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What changes later is not seen, so one command has one story; `repr` holds no key."""
    put(home / ".env", "KIMI_API_KEY=sk-kimi-canary-one\n")
    monkeypatch.setenv("MOONSHOT_API_KEY", "sk-canary-two")
    settings = read_settings()

    monkeypatch.setenv("MOONSHOT_API_KEY", "later")
    (home / ".env").unlink()

    assert [found.value for found in settings.variables(KIMI_NAMES)] == [
        "sk-canary-two",
        "sk-kimi-canary-one",
    ]
    assert "canary" not in repr(settings)


def test_a_missing_home_is_empty_and_is_not_made_by_reading(home: Path) -> None:
    """A first `hermes status` leaves nothing behind."""
    settings = read_settings()

    assert settings.variables(KIMI_NAMES) == ()
    assert settings.setting("providers", "kimi-coding", "base_url") is None
    assert settings.notices == ()
    assert settings.neighbour == ""
    write_variables({"KIMI_BASE_URL": None})
    write_settings({("model",): None})
    assert not home.exists()


def test_the_current_directory_is_never_read(
    home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A cloned repository with a `.env` and a `config.toml` cannot send a key elsewhere."""
    clone = tmp_path / "clone"
    clone.mkdir()
    (clone / ".env").write_text("KIMI_BASE_URL=https://trap.invalid\n")
    (clone / "config.toml").write_text('[providers.kimi-coding]\nbase_url = "https://trap"\n')
    monkeypatch.chdir(clone)

    settings = read_settings()

    assert settings.variable("KIMI_BASE_URL") == ()
    assert settings.setting("providers", "kimi-coding", "base_url") is None
    assert not home.exists()


def test_a_setting_comes_with_its_line(home: Path) -> None:
    """`explain` names file and line; blank and missing settings are none."""
    put(
        home / "config.toml",
        'model = " "\n[providers.kimi-coding]\n# mine\nbase_url = " https://a.invalid "\n',
    )
    settings = read_settings()

    assert settings.setting("providers", "kimi-coding", "base_url") == Candidate(
        "https://a.invalid",
        Origin.CONFIG,
        "~/.hermes/config.toml line 4",
        "providers.kimi-coding.base_url",
    )
    assert settings.setting("model") is None
    assert settings.setting("providers", "zai", "base_url") is None


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("# x\nmodel = 5\n", r"config\.toml line 2: model should be a text in quotes\."),
        ("[model]\nx = 1\n", r"config\.toml line 1: model should be a text in quotes\."),
    ],
)
def test_a_setting_of_another_kind_is_named(home: Path, text: str, message: str) -> None:
    """A number where a text belongs is a sentence with the line, exit 3."""
    put(home / "config.toml", text)

    with pytest.raises(BrokenFile, match=message) as broken:
        read_settings().setting("model")
    assert broken.value.exit_code == 3
    assert "~/.hermes/config.toml" in broken.value.remedy


def test_a_value_where_a_table_belongs_is_named(home: Path) -> None:
    """`providers = "x"` is told apart from a missing table."""
    put(home / "config.toml", 'providers = "x"\n')

    with pytest.raises(BrokenFile, match="line 1: providers should be a table of settings"):
        read_settings().setting("providers", "kimi-coding", "base_url")


def test_a_broken_config_is_reported_and_left_untouched(home: Path) -> None:
    """Neither reading nor writing guesses at TOML that does not parse."""
    put(home / "config.toml", 'model = "a\n')

    for action in (read_settings, lambda: write_settings({("model",): "b"})):
        with pytest.raises(BrokenFile, match=r"~/\.hermes/config\.toml cannot be parsed.*line 1"):
            action()
    assert (home / "config.toml").read_text() == 'model = "a\n'


def test_bad_lines_and_repetitions_are_notices_without_content(home: Path) -> None:
    """A bad line is named by number and skipped; what it holds, perhaps a key, is not shown."""
    put(home / ".env", "sk-kimi-canary\nKIMI_API_KEY=one\n'canary'\nKIMI_API_KEY=two\n")

    settings = read_settings()

    assert [found.value for found in settings.variable("KIMI_API_KEY")] == ["two"]
    bad_lines, repeated = settings.notices
    assert bad_lines.startswith("~/.hermes/.env: not NAME=value, so skipped: line 1, 3.")
    assert repeated == (
        "~/.hermes/.env line 2: KIMI_API_KEY is set again in line 4, and the last one counts."
    )
    assert "canary" not in str(settings.notices)


def test_many_bad_lines_are_one_notice(home: Path) -> None:
    """A key in many lines, or a picture, does not fill the screen."""
    put(home / ".env", "bad\n" * 100)

    [notice] = read_settings().notices
    assert "line 1, 2, 3, 4, 5 and 95 more." in notice


def test_open_files_are_reported_with_the_command_that_closes_them(home: Path) -> None:
    """Each notice ends in a `chmod` that mends it: run as printed, the notices are gone."""
    put(home / ".env", "A=1\n", 0o644)
    put(home / "config.toml", "", 0o666)
    home.chmod(0o755)

    notices = read_settings().notices

    commands = [notice.split("`")[1] for notice in notices]
    assert commands == [
        "chmod 700 ~/.hermes",
        "chmod 600 ~/.hermes/.env",
        "chmod 600 ~/.hermes/config.toml",
    ]
    for command in commands:
        subprocess.run(["sh", "-c", command], check=True)
    assert read_settings().notices == ()


def test_the_other_hermes_is_named(home: Path) -> None:
    """Beside `config.yaml` the `.env` is hermes-agent's too, and that is said."""
    put(home / "config.yaml", "model: x\n")

    assert "~/.hermes/.env is shared with NousResearch's hermes-agent" in read_settings().neighbour


def test_writing_and_reading_agree(home: Path) -> None:
    """What the writers save is what the next snapshot says, and the home is the owner's alone."""
    write_variables({"KIMI_API_KEY": "sk-kimi-1", "KIMI_BASE_URL": "https://a.invalid/v1"})
    write_settings({("model",): "k3", ("providers", "kimi-coding", "wire"): "chat"})

    settings = read_settings()

    assert [found.value for found in settings.variable("KIMI_API_KEY")] == ["sk-kimi-1"]
    model = settings.setting("model")
    wire = settings.setting("providers", "kimi-coding", "wire")
    assert model
    assert model.value == "k3"
    assert wire
    assert wire.where == "~/.hermes/config.toml line 4"
    assert settings.notices == ()

    write_variables({"KIMI_BASE_URL": None})
    write_settings({("providers", "kimi-coding", "wire"): None})
    assert (home / ".env").read_text() == "KIMI_API_KEY=sk-kimi-1\n"
    assert (home / "config.toml").read_text().strip() == 'model = "k3"'


def test_a_child_gets_the_environment_without_the_keys(monkeypatch: pytest.MonkeyPatch) -> None:
    """A tool we start cannot print a key it never had."""
    monkeypatch.setenv("KIMI_API_KEY", "sk-kimi-canary")
    monkeypatch.setenv("HERMES_TEST", "kept")

    environment = child_environment(without=KIMI_NAMES)

    child = subprocess.run(
        [sys.executable, "-c", "import os; print(dict(os.environ))"],
        env=environment,
        capture_output=True,
        text=True,
        check=True,
    )
    assert "canary" not in child.stdout
    assert "'HERMES_TEST': 'kept'" in child.stdout


def test_colour_is_a_wish_of_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """`NO_COLOR` with text and `TERM=dumb` each turn colour off; an empty NO_COLOR does not."""
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setenv("NO_COLOR", "")
    assert color_wanted()
    monkeypatch.setenv("NO_COLOR", "1")
    assert not color_wanted()
    monkeypatch.delenv("NO_COLOR")
    monkeypatch.setenv("TERM", "dumb")
    assert not color_wanted()


@pytest.mark.skipif(os.name == "nt", reason="the shells of Windows have another command")
def test_the_command_that_drops_a_variable() -> None:
    """What a remedy prints can be pasted."""
    assert unset_line("KIMI_BASE_URL") == "unset KIMI_BASE_URL"


def test_importing_the_settings_loads_nothing_heavy() -> None:
    """`hermes --version` and `status` do not pay for what writes or connects."""
    script = (
        "import sys; before = set(sys.modules); import hermes_cli.config;"
        "print(*(set(sys.modules) - before))"
    )
    loaded = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True
    ).stdout.split()

    assert not {"tomlkit", "tomllib", "filelock", "urllib.request", "tempfile"} & set(loaded)
