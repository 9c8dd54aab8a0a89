"""The sources of a key in their order: what is asked, what is not, what is remembered beside it."""

import itertools
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

import pytest

from agent.catalog import PROVIDERS
from agent.choice import Origin
from agent.errors import AuthError, UsageError
from agent.keys import ApiKey, plain_text
from agent.learnt import Facts, KeyPlace
from hermes_cli.auth import Flags, resolve_api_key_provider_credentials, route_for
from hermes_cli.config import Settings, read_settings
from hermes_cli.key_sources import (
    every_key,
    first_source,
    key_candidates,
    provider_of_key,
    with_stored_places,
)
from tests.conftest import CHINA_KEY, PLAN_KEY, PLATFORM_KEY
from tests.support.commands import Here

KIMI = PROVIDERS[0]

SHELL, DOTENV, COMMAND, KEYRING = (f"sk-{name}-0123" for name in ("shell", "env", "cmd", "ring"))
CHOSEN, FIRST = "sk-chosen-0123", "sk-first-0123"

BACKEND = """
from keyring.backend import KeyringBackend

class Keyring(KeyringBackend):
    priority = 1

    def get_password(self, service, username):
        with open({file!r}, "a") as log:
            log.write(f"{{service}} {{username}}\\n")
        return {key!r}

    def set_password(self, service, username, password):
        raise NotImplementedError
"""


def put(here: Here, *, chosen: bool, dotenv: bool, command: bool) -> Path:
    """Write the files that set the sources named; return where the command leaves a trace."""
    trace = here.home.parent / "asked"
    program = here.home.parent / "key"
    here.write(
        "keys.toml", f'[kimi-coding.one]\nkey = "{FIRST}"\n[kimi-coding.two]\nkey = "{CHOSEN}"'
    )
    here.write(".env", f"KIMI_API_KEY={DOTENV}\n" if dotenv else "")
    lines = ["[providers.kimi-coding]"]
    lines += ['key = "two"'] if chosen else []
    lines += [f'key_command = ["{program}"]'] if command else []
    here.write("config.toml", "\n".join(lines) + "\n")
    program.write_text(f"#!/bin/sh\necho x >> {trace}\nenv > {trace}.env\necho {COMMAND}\n")
    program.chmod(0o700)
    return trace


def settings_of(here: Here, env: Mapping[str, str] | None = None) -> Settings:
    """Return the settings of a home, with these variables set."""
    with here.environment(env or {}):
        return read_settings()


SWITCHES = list(itertools.product((False, True), repeat=4))


@pytest.mark.parametrize(("shell", "chosen", "dotenv", "command"), SWITCHES)
def test_the_order_of_the_sources(
    here: Here, *, shell: bool, chosen: bool, dotenv: bool, command: bool
) -> None:
    """Shell, the stored key in use, `.env`, the command, the first stored key; losers are told."""
    trace = put(here, chosen=chosen, dotenv=dotenv, command=command)
    settings = settings_of(here, {"MOONSHOT_API_KEY": SHELL} if shell else {})

    keys = [plain_text(key.value) for key in key_candidates(KIMI, settings)]

    set_here = ((shell, SHELL), (chosen, CHOSEN), (dotenv, DOTENV))
    expected = [key for is_set, key in set_here if is_set]
    assert keys == (expected or [COMMAND if command else FIRST])
    # A program of the user's may want a touch or a passphrase: it is not run for a loser.
    assert trace.exists() == (command and not expected)
    assert (
        first_source(KIMI, settings)
        == {
            SHELL: "MOONSHOT_API_KEY",
            CHOSEN: "stored key two",
            DOTENV: "KIMI_API_KEY",
            COMMAND: "providers.kimi-coding.key_command",
            FIRST: "stored key one",
        }[keys[0]]
    )


def test_a_flag_names_a_stored_key(here: Here) -> None:
    """`--key NAME` beats the shell; one that is not there is told with those that are."""
    put(here, chosen=True, dotenv=True, command=True)
    settings = settings_of(here, {"KIMI_API_KEY": SHELL})

    first, *beaten = key_candidates(KIMI, settings, "one")

    assert (plain_text(first.value), first.origin, first.name) == (FIRST, Origin.FLAG, "--key one")
    assert first.where == f"--key one, {here.home}/keys.toml line 1"
    assert [plain_text(key.value) for key in beaten] == [SHELL, DOTENV]
    with pytest.raises(UsageError, match="there are: one, two"):
        key_candidates(KIMI, settings, "three")


def test_a_stored_key_says_where_it_stands(here: Here) -> None:
    """Its name, its line, and the command that drops it."""
    put(here, chosen=True, dotenv=False, command=False)

    [key] = key_candidates(KIMI, settings_of(here))

    assert key.where == f"stored key two, {here.home}/keys.toml line 3"
    assert (key.name, key.origin) == ("two", Origin.STORED)
    assert key.drop == "`hermes key remove two`"


def test_a_setting_that_names_no_key_is_told(here: Here) -> None:
    """Not another key in its place, unless the shell's, which is stronger anyway."""
    here.write("config.toml", '[providers.kimi-coding]\nkey = "gone"\n')

    with pytest.raises(AuthError, match=r"config\.toml line 2 names a stored key that is not"):
        key_candidates(KIMI, settings_of(here))
    [key] = key_candidates(KIMI, settings_of(here, {"KIMI_API_KEY": SHELL}))
    assert plain_text(key.value) == SHELL


@pytest.mark.parametrize(
    ("key", "sentence"),
    [
        ("sk-ant-api03-0123456789", "stored key bad, .* looks like a key of Anthropic"),
        ("sk-kimi-", "stored key bad, .* nothing follows its beginning, sk-kimi-"),
        ("short", "stored key bad, .*keys.toml line 1: This cannot be a key: it has 5"),
    ],
)
def test_a_stored_key_that_cannot_be_one_is_told(here: Here, key: str, sentence: str) -> None:
    """As with a variable: nothing is sent, and the command that drops it is named."""
    here.write("keys.toml", f'[kimi-coding.bad]\nkey = "{key}"\n')
    settings = settings_of(here)

    with pytest.raises(AuthError, match=sentence) as caught:
        key_candidates(KIMI, settings)
    assert "`hermes key remove bad` drops this one" in caught.value.remedy
    assert every_key(KIMI, settings) == ()


def test_a_command_is_run_once_and_sees_no_key(here: Here) -> None:
    """One snapshot of the settings asks once; the child has the environment without keys."""
    trace = put(here, chosen=False, dotenv=False, command=True)
    here.write(
        "config.toml",
        (here.home / "config.toml").read_text()
        + '[providers.mine]\nbase_url = "https://g.example/v1"\nkey_variable = "MY_KEY"\n',
    )
    others = {"OPENAI_API_KEY": "sk-openai-0123", "MY_KEY": "sk-mine-0123", "KEPT": "sk-kept"}
    with here.environment(others):
        settings = read_settings()
        found = [key_candidates(KIMI, settings) for _ in range(3)]

    assert {key.where for [key] in found} == {
        "providers.kimi-coding.key_command, ~/.hermes/config.toml line 2"
    }
    assert trace.read_text() == "x\n"
    seen = Path(f"{trace}.env").read_text()
    assert "KEPT=sk-kept" in seen
    assert "sk-openai" not in seen
    assert "sk-mine" not in seen
    assert ApiKey(COMMAND) in [key.value for key in every_key(KIMI, settings)]


def test_the_scripted_names_run_a_command_once(here: Here) -> None:
    """A hardware token wants a touch for each run: one call of ours is one run."""
    trace = put(here, chosen=False, dotenv=False, command=True)
    with here.environment({}):
        credentials = resolve_api_key_provider_credentials("kimi")

    assert (credentials["api_key"], trace.read_text()) == (COMMAND, "x\n")


def test_every_key_is_what_rotation_takes(here: Here) -> None:
    """All distinct keys that cost nothing, the one in use first behind the shell's; no command."""
    trace = put(here, chosen=True, dotenv=True, command=True)
    settings = settings_of(here, {"KIMI_API_KEY": SHELL, "MOONSHOT_API_KEY": FIRST})

    keys = every_key(KIMI, settings)

    assert [plain_text(key.value) for key in keys] == [SHELL, FIRST, CHOSEN, DOTENV]
    assert not trace.exists()


def test_a_name_tells_its_provider(here: Here) -> None:
    """`--key work` needs no `--provider`, unless two providers have a key of that name."""
    here.write(
        "keys.toml",
        '[openai.work]\nkey = "sk-openai-0123"\n[openai.both]\nkey = "sk-openai-0124"\n'
        '[kimi-coding.both]\nkey = "sk-kimi-0125"\n',
    )
    settings = settings_of(here)

    assert provider_of_key(settings, "work") == "openai"
    assert provider_of_key(settings, "both") == provider_of_key(settings, "none") == ""
    assert route_for(Flags(key="work"), settings, Facts()).provider.value.id == "openai"


def test_a_stored_endpoint_leads_the_route(here: Here) -> None:
    """The region that stands beside a key counts until our own store knows a newer answer."""
    here.write(
        "keys.toml",
        f'[kimi-coding.cn]\nkey = "{CHINA_KEY}"\nendpoint = "moonshot-cn"\nadded = "2026-11-20"\n'
        f'[kimi-coding.plain]\nkey = "{PLATFORM_KEY}"\nendpoint = "moonshot"\n',
    )
    settings = settings_of(here)

    route = route_for(Flags(key="cn"), settings, Facts())
    newer = Facts(places={ApiKey(CHINA_KEY).digest: KeyPlace("moonshot", "2026-11-22")})

    assert route.endpoint.id == "moonshot-cn"
    assert route.base_url.origin is Origin.REMEMBERED
    assert route.base_url.where == f"stored key cn, {here.home}/keys.toml line 1"
    assert route_for(Flags(key="cn"), settings, newer).endpoint.id == "moonshot"
    # What the rule gives anyway proves nothing: such a key may still be looked for.
    assert list(with_stored_places(Facts(), settings, KIMI).places) == [ApiKey(CHINA_KEY).digest]


# --- the keyring --------------------------------------------------------------------------


def ring(here: Here, script: str, env: Mapping[str, str]) -> list[str]:
    """Run a script in a process of its own, which has its own keyring; return what it printed."""
    here.write("config.toml", '[providers.kimi-coding]\nkeyring = "kimi"\n')
    setup = (
        "import time\nfrom agent.learnt import Facts\n"
        "from hermes_cli.auth import Flags, route_for\n"
        "from hermes_cli.config import read_settings\n"
        "from hermes_cli.keyring_store import ask_keyring\n"
    )
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", setup + script],
        env={"HOME": str(here.home.parent), "HERMES_HOME": str(here.home), **env},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.stderr == ""
    return done.stdout.splitlines()


def test_a_keyring_is_asked_once_for_its_entry(here: Here) -> None:
    """The service that is set, the provider's id as the account; the key goes its usual way."""
    modules = here.home.parent / "modules"
    modules.mkdir(parents=True)
    log = modules / "log"
    (modules / "file_ring.py").write_text(BACKEND.format(file=str(log), key=PLAN_KEY))

    printed = ring(
        here,
        "settings = read_settings()\n"
        "routes = [route_for(Flags(), settings, Facts()) for _ in range(2)]\n"
        "print(routes[0].key.where, routes[0].key.value, routes[0].endpoint.id)\n",
        {"PYTHONPATH": str(modules), "PYTHON_KEYRING_BACKEND": "file_ring.Keyring"},
    )

    assert printed == [
        f"providers.kimi-coding.keyring, ~/.hermes/config.toml line 2 {ApiKey(PLAN_KEY)} kimi-code"
    ]
    assert log.read_text() == "kimi kimi-coding\n"


def test_without_a_bus_there_is_no_delay_and_no_error(here: Here) -> None:
    """One notice, and the next source is taken: on a server nobody has a keyring."""
    here.write("keys.toml", f'[kimi-coding.work]\nkey = "{PLAN_KEY}"\n')

    printed = ring(
        here,
        "began = time.monotonic()\n"
        "route = route_for(Flags(), read_settings(), Facts())\n"
        "print(time.monotonic() - began < 1.5, route.key.name, *route.notices, sep='\\n')\n",
        {"DBUS_SESSION_BUS_ADDRESS": "unix:path=/nonexistent"},
    )

    assert printed == [
        "True",
        "work",
        "~/.hermes/config.toml line 2: the keyring is not available: none runs here.",
    ]


def test_a_keyring_that_does_not_answer_is_left_alone(here: Here) -> None:
    """A locked one waits for a window nobody sees: the time limit ends that, and so does exit."""
    modules = here.home.parent / "modules"
    modules.mkdir(parents=True)
    slow = BACKEND.format(file="/dev/null", key="").replace(
        "return ''", "import time; time.sleep(60)"
    )
    (modules / "slow_ring.py").write_text(slow)

    printed = ring(
        here,
        "print(ask_keyring('kimi', 'me', seconds=0.2))\n",
        {"PYTHONPATH": str(modules), "PYTHON_KEYRING_BACKEND": "slow_ring.Keyring"},
    )

    assert printed == [
        "(None, 'the keyring is not available: it did not answer within 0.2 seconds.')"
    ]
