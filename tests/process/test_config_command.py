"""`hermes config`: the command that remedies name."""

import json
import re

import pytest

from agent.catalog import PROVIDERS
from hermes_cli.config import read_settings
from hermes_cli.setting_names import every_name
from tests.conftest import PLAN_KEY, PLATFORM_KEY
from tests.support.commands import Here
from tests.support.process import Hermes

PLATFORM = "https://api.moonshot.ai/v1"


def files(here: Here) -> dict[str, str]:
    """Return the texts of the home's two files, empty where one is missing."""
    paths = (here.home / ".env", here.home / "config.toml")
    return {path.name: path.read_text() if path.exists() else "" for path in paths}


def test_set_get_unset(offline: Hermes) -> None:
    """A value is written, shown with its line, and dropped again, in real processes."""
    set_ = offline("config", "set", "KIMI_BASE_URL", "https://gateway.example/v1/")
    got = offline("config", "get", "KIMI_BASE_URL")
    dropped = offline("config", "unset", "KIMI_BASE_URL")
    gone = offline("config", "get", "KIMI_BASE_URL")

    assert set_.stdout.splitlines() == [
        "KIMI_BASE_URL is https://gateway.example/v1/ now, in ~/.hermes/.env.",
        "Requests go to https://gateway.example/v1.",
    ]
    assert got.stdout == "https://gateway.example/v1/\n"
    assert got.stderr == "from KIMI_BASE_URL in ~/.hermes/.env line 1\n"
    assert dropped.stdout == (
        "KIMI_BASE_URL was https://gateway.example/v1/ in ~/.hermes/.env line 1, and is removed.\n"
    )
    assert (gone.stdout, gone.code) == ("", 1)
    assert gone.stderr == (
        "Error: KIMI_BASE_URL is not set.\n`hermes config set KIMI_BASE_URL VALUE` sets it.\n"
    )
    assert {result.code for result in (set_, got, dropped)} == {0}
    assert (offline.home / ".env").read_text() == ""


GOOD = {
    ("provider", "GLM"): 'provider = "zai"\n',
    ("provider", "auto"): 'provider = "auto"\n',
    ("model", "k9"): 'model = "k9"\n',
    ("providers.kimi.wire", "messages"): '[providers.kimi-coding]\nwire = "messages"\n',
    ("providers.kimi-coding.probe", "never"): '[providers.kimi-coding]\nprobe = "never"\n',
    ("providers.custom.base_url", "http://127.0.0.1:1/v1"): (
        '[providers.custom]\nbase_url = "http://127.0.0.1:1/v1"\n'
    ),
    ("providers.custom.wire", "messages"): '[providers.custom]\nwire = "messages"\n',
    ("fallback", "kimi/kimi-k3, local"): 'fallback = ["kimi-coding/kimi-k3", "local"]\n',
    ("providers.kimi.granted_hosts", "B.example,a.example"): (
        '[providers.kimi-coding]\ngranted_hosts = ["b.example", "a.example"]\n'
    ),
    ("providers.kimi-coding.key_command", "pass show 'my kimi'"): (
        '[providers.kimi-coding]\nkey_command = ["pass", "show", "my kimi"]\n'
    ),
}


@pytest.mark.parametrize(("name", "value"), list(GOOD), ids=" ".join)
def test_settings_go_to_config_toml(here: Here, name: str, value: str) -> None:
    """Aliases of a provider are written as its id, in the name and in the value."""
    result = here("config", "set", name, value)

    assert (result.code, result.stderr) == (0, "")
    assert files(here) == {".env": "", "config.toml": GOOD[name, value]}


BAD = {
    ("KIMI_BASE_URL", "not a url"): "not an http or https URL",
    ("KIMI_BASE_URL", "ftp://api.moonshot.ai/v1"): "not an http or https URL",
    ("KIMI_BASE_URL", "http://api.moonshot.ai/v1"): "Plain http",
    ("KIMI_BASE_URL", "https://api.moonshot.ai/v2"): "its base URL is",
    ("providers.kimi-coding.base_url", "https://me:secret@h.example/v1"): "password inside",
    ("providers.kimi-coding.wire", "telegraph"): "one of chat, messages, auto",
    ("providers.minimax.wire", "chat"): "does not speak the wire chat",
    ("providers.kimi-coding.probe", "sometimes"): "one of ask, always, never",
    ("providers.nobody.wire", "chat"): "no setting or variable of that name",
    ("providers.local.base_url", PLATFORM): "no setting or variable of that name",
    ("providers.local.model_file", "/nowhere.gguf"): "/nowhere.gguf is not a file",
    ("HERMES_LOCAL_MODEL", "/nowhere.gguf"): "/nowhere.gguf is not a file",
    ("model", "k3"): "does not have the model `k3`",
    ("model", " "): "is empty",
    ("PATH", "/bin"): "no setting or variable of that name",
    ("fallback", "kimi/"): "no model after the slash",
    ("fallback", "deepseek"): "DeepSeek has no default model",
    ("providers.kimi-coding.granted_hosts", "https://a.example"): "no bare host name",
    ("providers.kimi-coding.key", "nothing"): "No key of Kimi / Moonshot is stored under that",
    ("providers.kimi-coding.key_command", "pass 'show"): "is not closed",
    ("providers.kimi-coding.key_command", "echo sk-secret-1234"): "looks like a key",
}


@pytest.mark.parametrize(("name", "value"), list(BAD), ids=" ".join)
def test_what_cannot_be_used_is_refused_with_exit_2(here: Here, name: str, value: str) -> None:
    """A sentence and a remedy, and no file is touched; what may be secret is not repeated."""
    result = here("config", "set", name, value)

    assert result.code == 2
    assert BAD[name, value] in result.stderr
    assert "secret" not in result.stderr
    assert not here.home.exists()


NEAR = {
    "modle": "model",
    "kimi_base_url": "KIMI_BASE_URL",
    "mode": "permissions.mode",
    "providers.kimi.wires": "providers.kimi-coding.wire",
    "quite-something-else": "",
}


@pytest.mark.parametrize("name", NEAR)
def test_an_unknown_name_is_answered_with_the_nearest(here: Here, name: str) -> None:
    """It was once answered with every name there is, 1.5 KB of them; what was typed stays out."""
    for result in (here("config", "get", name), here("config", "set", name, "x")):
        meant = f" Is `{NEAR[name]}` meant?" if NEAR[name] else ""
        assert (result.code, result.stderr.splitlines()) == (
            2,
            [
                f"Error: There is no setting or variable of that name.{meant}",
                "`hermes config --help` lists them; `hermes explain` shows those in use.",
            ],
        )


def test_the_help_lists_every_name(here: Here) -> None:
    """The command that an unknown name leads to has them all, an ID standing for a provider's."""
    said = re.split(r"[\s,]+|\.\s", here("config", "--help").stdout)
    with here.environment({}):
        every = [each.text for each in every_name(read_settings())]
    ids = "|".join(row.id for row in PROVIDERS if not row.runs_here)

    assert {re.sub(rf"^providers\.({ids})\.", "providers.ID.", name) for name in every} <= set(said)


def test_a_list_is_shown_and_dropped(here: Here) -> None:
    """One text for a person, a list for a script; commas separate, and the shell's quotes."""
    here.write(
        "config.toml",
        'fallback = ["local", "deepseek/deepseek-chat"]\n'
        '[providers.kimi-coding]\nkey_command = ["pass", "show", "my kimi"]\n',
    )

    chain = here("config", "get", "fallback")
    command = here("config", "get", "providers.kimi.key_command")
    listed = here.json("config", "get", "providers.kimi.key_command")
    dropped = here("config", "unset", "fallback")

    assert chain.stdout == "local, deepseek/deepseek-chat\n"
    assert command.stdout == "pass show 'my kimi'\n"
    assert listed["value"] == ["pass", "show", "my kimi"]
    assert dropped.code == 0
    assert "fallback" not in files(here)["config.toml"]


def test_a_provider_of_ones_own_has_settings_too(here: Here) -> None:
    """What a remedy names for it can be set and dropped; a table that is not there cannot."""
    here.write("config.toml", '[providers.mine]\nbase_url = "https://gateway.example/v1"\n')

    wire = here("config", "set", "providers.mine.wire", "messages")
    url = here("config", "get", "providers.mine.base_url")
    gone = here("config", "unset", "providers.mine.base_url")

    assert (wire.code, url.stdout, gone.code) == (0, "https://gateway.example/v1\n", 0)
    assert files(here)["config.toml"] == '[providers.mine]\nwire = "messages"\n'


def test_an_unknown_provider_is_refused_as_everywhere(here: Here) -> None:
    """The same sentence and exit code as `--provider nobody`."""
    result = here("config", "set", "provider", "nobody")

    assert result.code == here("status", "--provider", "nobody").code == 3
    assert not here.home.exists()


@pytest.mark.parametrize("name", ["KIMI_API_KEY", "MOONSHOT_API_KEY", "GLM_API_KEY"])
def test_keys_are_never_taken_as_an_argument(here: Here, name: str) -> None:
    """Other processes see arguments, and the shell keeps them: exit 2, and the way that works."""
    result = here("config", "set", name, PLAN_KEY)

    assert result.code == 2
    assert "`hermes setup`" in result.stderr
    assert PLAN_KEY not in result.stderr + result.stdout
    assert not here.home.exists()


def test_a_key_in_the_wrong_place_is_not_repeated(here: Here) -> None:
    """A key typed for the name, or for a base URL, is refused without being shown."""
    as_name = here("config", "get", PLAN_KEY)
    as_url = here("config", "set", "KIMI_BASE_URL", PLAN_KEY)

    assert as_name.code == as_url.code == 2
    assert PLAN_KEY not in as_name.stderr + as_url.stderr
    assert "never taken as an argument" in as_name.stderr
    assert "`hermes setup`" in as_url.stderr


def test_a_key_is_shown_as_its_fingerprint(here: Here) -> None:
    """All plan keys begin alike: the end and a hash tell two apart; the loser is named."""
    here.write(".env", f"KIMI_API_KEY={PLATFORM_KEY}\n")

    got = here("config", "get", "KIMI_API_KEY", env={"KIMI_API_KEY": f"'{PLAN_KEY}'"})
    document = here.json("config", "get", "KIMI_API_KEY", env={"KIMI_API_KEY": PLAN_KEY})

    assert got.stdout == "…0001 (6990b677)\n"
    assert "from shell variable KIMI_API_KEY" in got.stderr
    assert "beats …0003 (" in got.stderr
    assert document["value"] == {"fingerprint": "…0001 (6990b677)", "digest": "6990b677"}
    assert [set(loser["value"]) for loser in document["beaten"]] == [{"fingerprint", "digest"}]


def test_unset_prints_the_line_for_a_shell_variable(here: Here) -> None:
    """A process cannot drop its parent's variable: the exact line stands alone, to be copied."""
    here.write(".env", f"A=1\nKIMI_BASE_URL={PLATFORM}\n")
    env = {"KIMI_BASE_URL": "https://gateway.example/v1"}

    result = here("config", "unset", "KIMI_BASE_URL", env=env)
    after = here.json("config", "unset", "KIMI_BASE_URL", env=env)
    nothing = here("config", "unset", "KIMI_BASE_URL")

    assert result.code == nothing.code == 0
    assert f"was {PLATFORM} in ~/.hermes/.env line 2, and is removed." in result.stdout
    assert result.stdout.splitlines()[-1] == "unset KIMI_BASE_URL"
    assert files(here)[".env"] == "A=1\n"
    assert after["removed"] == []
    assert after["still_set"]["command"] == "unset KIMI_BASE_URL"
    assert nothing.stdout == "KIMI_BASE_URL is not set anywhere.\n"


def test_unset_drops_a_setting_and_a_key(here: Here) -> None:
    """What a remedy names works for each kind of name, and other lines stay."""
    here.write("config.toml", '# mine\nmodel = "k3"\n[providers.kimi-coding]\nwire = "chat"\n')
    here.write(".env", f"KIMI_API_KEY={PLAN_KEY}\n# end\n")

    results = [here("config", "unset", name) for name in ("providers.kimi.wire", "KIMI_API_KEY")]

    assert [result.code for result in results] == [0, 0]
    assert "…0001 (6990b677)" in results[1].stdout
    assert PLAN_KEY not in results[1].stdout
    assert files(here) == {".env": "# end\n", "config.toml": '# mine\nmodel = "k3"\n'}


def test_set_says_when_something_stronger_stands_in_the_way(here: Here) -> None:
    """A saved value without effect is told at once, with the command that frees it."""
    env = {"KIMI_BASE_URL": "https://gateway.example/v1"}

    in_env = here("config", "set", "KIMI_BASE_URL", PLATFORM, env=env)
    in_config = here("config", "set", "providers.kimi-coding.base_url", PLATFORM)
    document = here.json("config", "set", "providers.kimi-coding.base_url", PLATFORM)

    assert "shell variable KIMI_BASE_URL is stronger" in in_env.stdout
    assert "KIMI_BASE_URL in ~/.hermes/.env line 1 is stronger" in in_config.stdout
    assert "`hermes config unset KIMI_BASE_URL`" in in_config.stdout
    assert document["beaten_by"]["name"] == "KIMI_BASE_URL"


def test_set_names_the_conflict_it_makes(here: Here) -> None:
    """A base URL of the other product is honoured, and announced when it is set."""
    result = here("config", "set", "KIMI_BASE_URL", PLATFORM, env={"KIMI_API_KEY": PLAN_KEY})

    assert result.code == 0
    assert "but it looks like a Kimi Code key" in result.stderr.splitlines()[0]


def test_a_model_file_is_kept_with_its_whole_path(here: Here) -> None:
    """A file named from one directory is found from every other."""
    gguf = here.write("own.gguf", "GGUF")

    result = here("config", "set", "HERMES_LOCAL_MODEL", "~/.hermes/own.gguf")

    assert result.code == 0
    assert files(here)[".env"] == f"HERMES_LOCAL_MODEL={gguf}\n"


def test_get_shows_a_table(here: Here) -> None:
    """The error for a table's name says that `hermes config get` shows it."""
    here.write("config.toml", '[providers.kimi-coding]\nwire = "chat"\nprobe = "ask"\n')

    result = here("config", "get", "providers.kimi")
    document = here.json("config", "get", "providers")
    empty = here("config", "get", "providers.zai")

    assert result.stdout == (
        "providers.kimi-coding.wire = chat\nproviders.kimi-coding.probe = ask\n"
    )
    assert [each["value"] for each in document["settings"]] == ["chat", "ask"]
    assert empty.code == 1


def test_config_mends_what_stops_every_other_command(here: Here) -> None:
    """A wrong base URL in `.env` is dropped by the very command its error names."""
    here.write(".env", f"KIMI_BASE_URL=ftp://x\nKIMI_API_KEY={PLAN_KEY}\n")

    broken = here("status")
    mended = here("config", "unset", "KIMI_BASE_URL")

    assert broken.code == 3
    assert "`hermes config unset KIMI_BASE_URL`" in broken.stderr
    assert mended.code == 0
    assert here("status").code == 0


def test_path_names_the_home_and_its_files(offline: Hermes, here: Here) -> None:
    """They need not be there; the same in JSON."""
    result = offline("config", "path")
    document = here.json("config", "path")

    names = ("home", "env", "config", "keys", "state")
    files = (".env", "config.toml", "keys.toml", "hermes-kimi.db")
    paths = (here.home, *(here.home / name for name in files))
    expected = dict(zip(names, map(str, paths), strict=True))
    assert dict(line.split(maxsplit=1) for line in result.stdout.splitlines()) == expected
    assert document == {"schema": 1, **expected}


def test_not_set_is_told_in_json_too(here: Here) -> None:
    """A script gets a document and exit 1."""
    result = here("config", "get", "model", "--json")

    assert result.code == 1
    assert json.loads(result.stdout)["value"] is None
