"""`[providers.NAME]` tables: a provider of the user's own, and what a broken one breaks."""

from typing import Any

import pytest

from agent.catalog import PROVIDERS
from agent.errors import AuthError, ConfigurationError
from agent.learnt import Facts
from agent.route import Route
from hermes_cli.auth import (
    PROVIDER_REGISTRY,
    Flags,
    find_provider,
    get_auth_status,
    key_variables,
    resolve_provider,
    route_for,
)
from hermes_cli.config import read_settings
from hermes_cli.models import _PROVIDER_LABELS
from hermes_cli.user_providers import Unusable, id_of, look_up, user_providers
from tests.conftest import PLAN_KEY
from tests.support.commands import Here

GATEWAY = """\
provider = "gw"
model = "big-model"

[providers.gw]
base_url = "https://gateway.invalid/v1/"
key_variable = "MY_KEY"
name = "Our gateway"
"""
OWN_KEY = "my-own-key"


def route(here: Here, flags: Flags | None = None, **env: str) -> Route:
    """Return the Route in use."""
    with here.environment(env):
        return route_for(flags or Flags(), read_settings(), Facts())


def defined(here: Here, table: str) -> Any:
    """Return what one table `[providers.gw]` with these lines defines."""
    here.write("config.toml", f"[providers.gw]\n{table}\n")
    with here.environment({}):
        [found] = user_providers(read_settings())
    return found


def test_a_table_is_a_provider(here: Here) -> None:
    """Name, URL, wire and variable come from the table; the line is remembered."""
    here.write("config.toml", GATEWAY)

    found = route(here, MY_KEY=OWN_KEY)

    assert (found.provider.value.id, found.provider.value.name) == ("gw", "Our gateway")
    assert found.url == "https://gateway.invalid/v1/chat/completions"
    assert found.base_url.where == "~/.hermes/config.toml line 5"
    assert (found.model.value, found.model_error) == ("big-model", None)
    assert found.key is not None
    assert found.key.value.hosts == {"gateway.invalid"}
    assert found.notices == ()
    assert found.egress_error is None


@pytest.mark.parametrize(
    ("table", "url"),
    [
        ('base_url = "https://g.invalid/v1"', "https://g.invalid/v1/chat/completions"),
        ('base_url = "https://g.invalid/v1"\nwire = "messages"', "https://g.invalid/v1/messages"),
        ('base_url = "https://g.invalid/v1/messages"', "https://g.invalid/v1/messages"),
        (
            'base_url = "http://127.0.0.1:8080"\nwire = "auto"',
            "http://127.0.0.1:8080/chat/completions",
        ),
    ],
)
def test_the_wire_of_a_table(here: Here, table: str, url: str) -> None:
    """Named, spoken of by a pasted path, or chat; without a variable no key is needed."""
    found = defined(here, table)

    assert found.name == "gw"
    assert (found.key_needed, found.key_variables) == (False, ())
    assert route(here, Flags(provider="GW", model="x")).url == url


BROKEN = {
    "": "it has no `base_url`",
    'base_url = ""': "it has no `base_url`",
    "base_url = 7": "should be a text in quotes",
    'base_url = "https://me:hush@g.invalid/v1"': "user name or password",
    'base_url = "http://g.invalid/v1"': "Plain http to g.invalid",
    'base_url = "https://api.k\u0456mi.com/v1"': "host that is not made of",
    'base_url = "sk-hush"': "The value is not an http or https URL",
    'base_url = "https://g.invalid/v1"\nwire = "telegraph"': "`wire` is none of chat, messages",
    'base_url = "https://g.invalid/v1"\nkey_variable = "sk-hush"': "no name of a variable",
    'base_url = "https://g.invalid/v1"\nname = "\\u001b[2J"': "one that cannot be shown",
    'base_url = "https://g.invalid/v1/v1"': "/v1 twice",
}


@pytest.mark.parametrize("table", BROKEN)
def test_a_broken_table_is_one_line_with_a_reason(here: Here, table: str) -> None:
    """Acceptance 19: it is a row of the list; only who asks for it is refused, with the line."""
    found = defined(here, table)

    assert isinstance(found, Unusable)
    assert (found.id, found.error.exit_code) == ("gw", 3)
    assert BROKEN[table] in found.error.message
    listed = here("providers", env={"KIMI_API_KEY": PLAN_KEY})
    [line] = [line for line in listed.stdout.splitlines() if line.startswith("gw ")]
    assert "config.toml line 1: [providers.gw] defines no provider" in line
    assert (listed.code, listed.stderr) == (0, "")
    assert here("status", env={"KIMI_API_KEY": PLAN_KEY}).code == 0
    asked = here("status", "--provider", "gw")
    assert asked.code == 3
    assert BROKEN[table] in asked.stderr
    assert "hush" not in listed.stdout + asked.stderr + repr(here.json("providers"))


NAMES = {
    "kimi": "`kimi` means kimi-coding, whose settings stand in [providers.kimi-coding]",
    "Kimi-Coding": "`Kimi-Coding` means kimi-coding",
    "auto": "means no provider in particular",
    '"with space"': "its name is not made of",
    '"a.b"': "its name is not made of",
    '"a/b"': "its name is not made of",
    '""': "its name is not made of",
    "sk-" + "x" * 40: "its name is not made of",
}


@pytest.mark.parametrize("name", NAMES)
def test_a_name_that_means_something_else_defines_nothing(here: Here, name: str) -> None:
    """A shipped provider keeps its names and its host, and a key as a name is not shown."""
    here.write("config.toml", f'[providers.{name}]\nbase_url = "https://evil.invalid/v1"\n')

    listed = here("providers", env={"KIMI_API_KEY": PLAN_KEY})

    assert NAMES[name] in listed.stdout
    assert "x" * 40 not in listed.stdout
    assert route(here, KIMI_API_KEY=PLAN_KEY).base_url.value == "https://api.kimi.com/coding/v1"
    assert "config.toml line 1" in listed.stdout


def test_two_names_that_differ_in_case_are_one(here: Here) -> None:
    """The first one stands; whoever asks in any case gets that one."""
    tables = '[providers.Gw]\nbase_url = "https://one.invalid"\n'
    tables += '[providers.gW]\nbase_url = "https://two.invalid"\n'
    here.write("config.toml", tables)

    assert route(here, Flags(provider="GW")).base_url.value == "https://one.invalid"
    assert "another table has this name in other letters" in here("providers").stdout


def test_settings_of_a_shipped_provider_define_nothing(here: Here) -> None:
    """`[providers.kimi-coding]` holds settings of ours, as ever."""
    here.write("config.toml", '[providers.kimi-coding]\nbase_url = "https://gateway.invalid/v1"\n')
    with here.environment({}):
        assert user_providers(read_settings()) == ()
    assert route(here, KIMI_API_KEY=PLAN_KEY).endpoint.id == "custom"


@pytest.mark.parametrize("text", ['providers = "x"', "providers = 3", '[[providers]]\nx = "y"'])
def test_providers_that_are_no_table_define_nothing(here: Here, text: str) -> None:
    """The list still comes: each row says what is wrong with the file."""
    here.write("config.toml", text)

    result = here("providers")

    assert result.code == 0
    assert "providers should be a table of settings" in result.stdout


def test_the_public_tables_stay_views_of_what_we_ship(here: Here) -> None:
    """A table of the user's changes no name that people script against."""
    here.write("config.toml", GATEWAY)

    assert list(PROVIDER_REGISTRY) == [row.id for row in PROVIDERS]
    assert "gw" not in _PROVIDER_LABELS
    with here.environment({"MY_KEY": OWN_KEY}):
        assert resolve_provider("GW") == "gw"
        assert find_provider(" Gw ").defined_in == "~/.hermes/config.toml line 5"
        assert get_auth_status("gw") == {
            "provider": "gw",
            "name": "Our gateway",
            "configured": True,
            "logged_in": True,
            "key_source": "MY_KEY",
            "base_url": "https://gateway.invalid/v1",
        }
        with pytest.raises(AuthError, match=r"There are: kimi-coding, .*, custom, gw\."):
            find_provider("nobody")


def test_it_is_the_last_place_where_a_key_is_looked_for(here: Here) -> None:
    """Without a chosen provider a shipped one with a key comes first, then the user's."""
    here.write("config.toml", GATEWAY.replace('provider = "gw"', ""))

    both = route(here, MY_KEY=OWN_KEY, OPENAI_API_KEY="sk-openai")
    assert both.provider.value.id == "openai"
    alone = route(here, MY_KEY=OWN_KEY)
    assert alone.provider.value.id == "gw"
    assert alone.provider.where == "the first provider with a key: MY_KEY"


def test_the_model_of_the_users_provider_is_not_another_ones(here: Here) -> None:
    """`model` belongs to the configured provider, of a table that cannot be used too."""
    here.write("config.toml", GATEWAY)
    flags = Flags(provider="kimi")
    assert route(here, flags, KIMI_API_KEY=PLAN_KEY).model.value == "kimi-coding"
    here.write("config.toml", GATEWAY.replace("base_url", "base_uri"))
    assert route(here, flags, KIMI_API_KEY=PLAN_KEY).model.value == "kimi-coding"
    with here.environment({}):
        assert id_of("gw", read_settings()) == "gw"
        with pytest.raises(ConfigurationError, match="line 4"):
            look_up("gw", read_settings())


def test_no_child_sees_the_variable_of_a_table(here: Here) -> None:
    """Its key is a key; a shipped provider's variable stays that provider's."""
    tables = GATEWAY + '[providers.thief]\nbase_url = "https://e.invalid"\n'
    here.write("config.toml", tables + 'key_variable = "KIMI_API_KEY"\n')
    with here.environment({}):
        owners = key_variables()
    assert owners["MY_KEY"] == "gw"
    assert owners["KIMI_API_KEY"] == "kimi-coding"


def test_the_list_shows_url_variable_and_line(here: Here) -> None:
    """In words and in JSON, at the end."""
    here.write("config.toml", GATEWAY)
    env = {"MY_KEY": OWN_KEY}

    line = here("providers", env=env).stdout.splitlines()[-1]
    row = here.json("providers", env=env)["providers"][-1]

    assert line.startswith("gw ")
    for word in ("Our gateway", "MY_KEY", "https://gateway.invalid/v1", "yes, MY_KEY"):
        assert word in line
    assert line.endswith("defined in ~/.hermes/config.toml line 5")
    assert row["defined_in"] == "~/.hermes/config.toml line 5"
    assert (row["default_base_url"], row["error"]) == ("https://gateway.invalid/v1", None)


def test_a_broken_table_in_json_has_its_error(here: Here) -> None:
    """Nothing else of the row is claimed."""
    here.write("config.toml", "[providers.gw]\n")

    row = here.json("providers")["providers"][-1]

    assert (row["id"], row["configured"], row["base_url"]) == ("gw", False, "")
    assert row["error"]["class"] == "ConfigurationError"
    assert "`${EDITOR:-vi} ~/.hermes/config.toml` opens the file." in row["error"]["remedy"]


def test_a_refused_key_is_told_before_anything_is_asked(here: Here) -> None:
    """`explain` and `status` show the refusal and end with 3; a grant lifts it."""
    here.write("config.toml", GATEWAY)
    env = {"MY_KEY": PLAN_KEY}

    for command in ("explain", "status"):
        result = here(command, env=env)
        assert result.code == 3
        assert "`hermes key grant gateway.invalid --provider gw`" in result.stderr
        assert PLAN_KEY not in result.stdout + result.stderr
    assert here.json("status", env=env)["route"]["egress_error"]["class"] == "EgressRefused"

    here.write("config.toml", GATEWAY + 'granted_hosts = ["Gateway.INVALID"]\n')
    result = here("status", env=env)
    assert result.code == 0
    assert "MY_KEY (shell variable MY_KEY) looks like a Kimi Code key" in result.stderr
