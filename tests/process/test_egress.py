"""No way out for a key: each trap of acceptance 15 as a command line meets it."""

import json
from dataclasses import replace
from pathlib import Path

import pytest

from kimi_mock.replies import Reply
from kimi_mock.server import KimiMock
from tests.conftest import PLAN_KEY, PLATFORM_KEY
from tests.support.commands import Here
from tests.support.process import Hermes
from tests.support.trap import Trap

ASK = ("chat", "-q", "hi")
PASSWORD = "hush-hush"  # noqa: S105 - nobody's
WITH_PASSWORD = f"https://me:{PASSWORD}@gateway.invalid/v1"


def gateway(url: str) -> str:
    """Return a `config.toml` with one provider of the user's own."""
    table = f'[providers.gw]\nbase_url = "{url}"\nkey_variable = "MY_KEY"\n'
    return f'provider = "gw"\nmodel = "k3"\n\n{table}'


def write(hermes: Hermes, name: str, text: str) -> None:
    """Write a file of the home, which is the owner's alone."""
    hermes.home.mkdir(mode=0o700, exist_ok=True)
    path = hermes.home / name
    path.write_text(text)
    path.chmod(0o600)


# --- redirects ----------------------------------------------------------------------------


@pytest.mark.parametrize("status", [301, 302, 307, 308])
def test_a_redirect_of_the_model_list_is_refused(kimi: KimiMock, here: Here, status: int) -> None:
    """Said, with the place and without what it repeats; nobody is asked there."""
    with Trap() as trap:
        to = f"{trap.url}/v1/models?key={PLAN_KEY}"
        kimi.replies_to_models.append(Reply.redirect(to, status))
        env = {**kimi.environment(), "KIMI_API_KEY": PLAN_KEY}
        result = here("models", "--refresh", env=env)

    assert result.code == 4
    assert f"redirect, which is not followed with a key, to {trap.url}/v1/models" in result.stderr
    assert PLAN_KEY not in result.stdout + result.stderr
    assert not trap.was_reached
    assert kimi.connects == ["api.kimi.com:443"]


def test_a_redirect_of_a_prompt_is_refused(kimi: KimiMock, hermes: Hermes) -> None:
    """To another host of the same product too: an answer proposes no host at all."""
    kimi.replies.append(Reply.redirect("https://api.moonshot.cn/v1/chat/completions", 307))

    result = hermes(*ASK, key=PLATFORM_KEY)

    assert (result.stdout, result.code) == ("", 4)
    assert "not followed with a key" in result.stderr
    assert kimi.connects == ["api.moonshot.ai:443"]


# --- files and variables ------------------------------------------------------------------


def test_a_repository_names_no_host(kimi: KimiMock, hermes: Hermes, tmp_path: Path) -> None:
    """`.env`, `config.toml` and a home of its own in the working directory: none is read."""
    repository = tmp_path / "repository"
    (repository / ".hermes").mkdir(parents=True)
    with Trap() as trap:
        for folder in (repository, repository / ".hermes"):
            (folder / ".env").write_text(f"KIMI_BASE_URL={trap.url}/v1\nKIMI_API_KEY=sk-theirs\n")
            (folder / "config.toml").write_text(
                f'[providers.kimi-coding]\nbase_url = "{trap.url}/v1"\n'
            )
        write(hermes, ".env", f"KIMI_API_KEY={PLATFORM_KEY}\n")
        del hermes.environment["HERMES_HOME"]
        inside = replace(hermes, argv=["env", "-C", str(repository), *hermes.argv])
        result = inside(*ASK)

    assert result.code == 0
    assert not trap.was_reached
    [request] = kimi.seen
    assert (request.surface, request.headers["Authorization"]) == (
        "moonshot",
        f"Bearer {PLATFORM_KEY}",
    )


def test_the_homes_own_env_is_the_users_word(kimi: KimiMock, hermes: Hermes) -> None:
    """`KIMI_BASE_URL` there is a setting like any other, and the setting is the grant."""
    url = kimi.base_url("moonshot")
    write(hermes, ".env", f"# mine\nKIMI_BASE_URL={url}\n")

    result = hermes(*ASK, key=PLAN_KEY)

    [request] = kimi.seen
    assert request.headers["Authorization"] == f"Bearer {PLAN_KEY}"
    assert request.surface == "moonshot"
    assert result.code == 4


@pytest.mark.parametrize("source", ["shell variable KIMI_BASE_URL", ".env line 1", "config.toml"])
def test_a_host_that_contradicts_the_key_is_the_first_line(here: Here, source: str) -> None:
    """Wherever it stands: what goes where, whose it is, and the command that drops it."""
    url = "https://api.moonshot.ai/v1"
    env = {"KIMI_API_KEY": PLAN_KEY}
    if source.startswith("shell"):
        env["KIMI_BASE_URL"] = url
    elif source.startswith(".env"):
        here.write(".env", f"KIMI_BASE_URL={url}\n")
    else:
        here.write("config.toml", f'[providers.kimi-coding]\nbase_url = "{url}"\n')

    first = here("status", env=env).stderr.splitlines()[0]

    assert source in first
    assert f"to {url}, but it looks like a Kimi Code key" in first
    assert "`hermes config unset " in first


@pytest.mark.parametrize(
    "inside", ["\r\nX-Evil: 1", "\nHost: evil.invalid", "\t", "\x7f", "\u200b"]
)
@pytest.mark.parametrize("variable", ["KIMI_API_KEY", "MY_KEY"])
def test_a_variable_with_a_line_end_is_no_key(
    kimi: KimiMock, here: Here, variable: str, inside: str
) -> None:
    """It would forge a header: exit 3, nothing sent, nothing repeated."""
    if variable == "MY_KEY":
        here.write("config.toml", gateway(kimi.base_url("moonshot")))
    env = {**kimi.environment(), variable: f"sk-canary-00{inside}01"}

    result = here("models", "--refresh", env=env)

    assert result.code == 3
    assert variable in result.stderr
    assert "canary" not in result.stdout + result.stderr
    assert (kimi.seen, kimi.connects) == ([], [])


# --- providers of the user's own ----------------------------------------------------------


def test_a_table_with_the_wrong_host_gets_no_key_of_ours(kimi: KimiMock, hermes: Hermes) -> None:
    """Refused before a byte leaves; the grant it names sends it, announced."""
    with Trap() as trap:
        write(hermes, "config.toml", gateway(f"{trap.url}/v1"))
        result = hermes(*ASK, env={"MY_KEY": PLAN_KEY})

    assert (result.stdout, result.code) == ("", 3)
    assert not trap.was_reached
    assert "config.toml line 5" in result.stderr
    assert "`hermes key grant 127.0.0.1 --provider gw`" in result.stderr
    assert PLAN_KEY not in result.stderr

    write(hermes, "config.toml", gateway(kimi.base_url("kimi-code")))
    granted = hermes("key", "grant", "127.0.0.1", "--provider", "gw")
    assert (granted.stderr, granted.code) == ("", 0)
    result = hermes(*ASK, env={"MY_KEY": PLAN_KEY})

    assert result.stderr.splitlines()[0].startswith("MY_KEY (shell variable MY_KEY) looks like a")
    assert kimi.seen[0].headers["Authorization"] == f"Bearer {PLAN_KEY}"


def test_a_shipped_providers_variable_does_not_lend_its_key(kimi: KimiMock, here: Here) -> None:
    """A table that names `KIMI_API_KEY` for another host asks for our key, marked or not."""
    table = gateway("https://evil.invalid/v1").replace("MY_KEY", "KIMI_API_KEY")
    here.write("config.toml", table)

    for key in (PLAN_KEY, PLATFORM_KEY):
        env = {**kimi.environment(), "KIMI_API_KEY": key}
        result = here("models", "--refresh", env=env)
        assert result.code == 3
        assert "`hermes key grant evil.invalid --provider gw`" in result.stderr
    assert kimi.connects == []


def test_another_vendors_variable_does_not_take_a_plan_key_along(
    kimi: KimiMock, here: Here
) -> None:
    """The mark of a key goes before the variable it was put into."""
    env = {**kimi.environment(), "GLM_API_KEY": PLAN_KEY}

    result = here("models", "--provider", "zai", "--refresh", env=env)

    assert result.code == 3
    assert "belongs to the Kimi Coding endpoint and was not sent to api.z.ai" in result.stderr
    assert kimi.connects == []


def test_a_gateway_with_its_own_key_just_works(kimi: KimiMock, hermes: Hermes) -> None:
    """The setting is the grant: no question and no notice."""
    config = gateway(kimi.base_url("moonshot")).replace('"k3"', '"kimi-k3"')
    write(hermes, "config.toml", config)

    result = hermes(*ASK, env={"MY_KEY": PLATFORM_KEY})

    assert (result.stdout, result.code) == ("Hello from Kimi.\n", 0)
    [request] = kimi.seen
    assert request.json["model"] == "kimi-k3"
    assert request.headers["Authorization"] == f"Bearer {PLATFORM_KEY}"


# --- answers ------------------------------------------------------------------------------


def test_a_poisoned_model_list_moves_nothing(kimi: KimiMock, here: Here) -> None:
    """Acceptance 6: host changed, provider renamed, id removed; the route is byte-identical."""
    env = {**kimi.environment(), "KIMI_API_KEY": PLATFORM_KEY}
    with Trap() as trap:
        row = {
            **kimi.models["moonshot"][2],
            "base_url": f"{trap.url}/v1",
            "api": {"endpoint": trap.url},
            "provider": "evil",
            "protocol": "anthropic",
        }
        before = here.json("explain", env=env)["route"]
        kimi.models["moonshot"] = [row]
        refreshed = here("models", "--refresh", env=env)
        after = here.json("explain", env=env)["route"]
        again = here("models", "--refresh", env=env)

    assert refreshed.code == 0
    assert (
        "The model list of api.moonshot.ai proposes addresses in `base_url`, `endpoint`; they were "
        "not taken"
    ) in refreshed.stderr
    assert again.code == 0
    assert not trap.was_reached
    assert trap.url not in refreshed.stdout + refreshed.stderr
    where = ("provider", "key", "endpoint", "base_url", "wire", "egress_error")
    assert json.dumps([after[part] for part in where]) == json.dumps(
        [before[part] for part in where]
    )


# --- proxies and passwords ----------------------------------------------------------------


def test_a_proxy_gets_a_connect_and_no_key(hermes: Hermes) -> None:
    """Whoever sets the proxy variables learns the host's name, and nothing else."""
    refusal = b"HTTP/1.1 502 Bad Gateway\r\nContent-Length: 0\r\n\r\n"
    with Trap(refusal) as trap:
        proxy = trap.url.replace("://", f"://me:{PASSWORD}@")
        env = {name: proxy for name in hermes.environment if name.lower().endswith("_proxy")}
        result = hermes(
            *ASK, "--retries", "0", "--debug", key=PLAN_KEY, env={**env, "NO_PROXY": ""}
        )

    assert result.code == 5
    assert trap.received.startswith(b"CONNECT api.kimi.com:443 HTTP/1.1\r\n")
    assert PLAN_KEY.encode() not in trap.received
    assert b"uthorization: Bearer" not in trap.received
    assert PASSWORD not in result.stdout + result.stderr
    assert PLAN_KEY not in result.stdout + result.stderr


@pytest.mark.parametrize("command", ["explain", "status", "models", "providers"])
@pytest.mark.parametrize(
    "proxy", ["http://me:{}@127.0.0.1:9", "ftp://me:{}@127.0.0.1:9", "http://me:{}@:x"]
)
def test_the_password_of_a_proxy_is_never_shown(here: Here, command: str, proxy: str) -> None:
    """In words and in JSON, of a proxy that can be used and of one that cannot."""
    env = {"KIMI_API_KEY": PLAN_KEY, "https_proxy": proxy.format(PASSWORD), "no_proxy": ""}
    asking = ("--refresh",) if command == "models" else ()
    for arguments in ((command, *asking), (command, *asking, "--json")):
        result = here(*arguments, env=env)
        assert PASSWORD not in result.stdout + result.stderr


COMMANDS = [("status",), ("explain",), ("models", "--refresh"), ("providers",), ASK]


@pytest.mark.parametrize("source", ["flag", "environment", ".env", "config", "table"])
def test_a_base_url_with_a_password_is_refused_everywhere(
    kimi: KimiMock, here: Here, source: str
) -> None:
    """From each of five places, by each command that would use it; the password is not shown."""
    env = {**kimi.environment(), "KIMI_API_KEY": PLAN_KEY}
    flags = ("--base-url", WITH_PASSWORD) if source == "flag" else ()
    if source == "environment":
        env["KIMI_BASE_URL"] = WITH_PASSWORD
    elif source == ".env":
        here.write(".env", f"KIMI_BASE_URL={WITH_PASSWORD}\n")
    elif source == "config":
        here.write("config.toml", f'[providers.kimi-coding]\nbase_url = "{WITH_PASSWORD}"\n')
    elif source == "table":
        here.write("config.toml", gateway(WITH_PASSWORD))
    for command in COMMANDS:
        if command == ("providers",):
            result = here(*command, env=env)
            assert ("user name or password" in result.stdout) == (source != "flag")
        else:
            result = here(*command, *flags, env=env)
            assert result.code == (2 if source == "flag" else 3)
            assert "user name or password" in result.stderr
        assert PASSWORD not in result.stdout + result.stderr
    assert kimi.connects == []


def test_setup_takes_no_base_url_with_a_password(kimi: KimiMock, hermes: Hermes) -> None:
    """Nothing is asked there, and nothing is written."""
    result = hermes("setup", "--key-stdin", "--base-url", WITH_PASSWORD, stdin=PLAN_KEY)

    assert result.code in (2, 3)
    assert "user name or password" in result.stderr
    assert PASSWORD not in result.stdout + result.stderr
    assert not (hermes.home / ".env").exists()
    assert kimi.connects == []


def test_a_base_url_with_a_password_is_not_written(here: Here) -> None:
    """Neither `config set` nor `config get` repeats one."""
    set_ = here("config", "set", "KIMI_BASE_URL", WITH_PASSWORD)
    assert set_.code == 2
    here.write(".env", f"KIMI_BASE_URL={WITH_PASSWORD}\n")
    shown = here("config", "get", "KIMI_BASE_URL")
    assert shown.stdout == "https://…@gateway.invalid/v1\n"
    for result in (set_, shown):
        assert PASSWORD not in result.stdout + result.stderr
