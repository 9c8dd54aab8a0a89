"""`hermes status`, and that every surface tells its story."""

import json
import random
import subprocess
from pathlib import Path
from typing import Any

import pytest

from agent.keys import ApiKey
from agent.learnt import KeyState, Learnt, LiveModel
from agent.sandbox import find_sandbox
from hermes_cli.auth import get_api_key_provider_status
from hermes_cli.runtime_provider import resolve_runtime_provider
from kimi_mock.server import KimiMock
from tests.conftest import PLAN_KEY, PLATFORM_KEY
from tests.support.commands import Here
from tests.support.process import Hermes, Result
from tests.support.terminal import Terminal

PLAN = "https://api.kimi.com/coding/v1"
PLATFORM = "https://api.moonshot.ai/v1"
DAY = "2026-11-21T08:00:00+00:00"
KEYS = ("KIMI_API_KEY", "KIMI_CODING_API_KEY", "MOONSHOT_API_KEY")
HEAVY = ("rich", "httpx2", "tomlkit", "prompt_toolkit", "filelock", "asyncio")


def learnt(here: Here) -> Learnt:
    """Return the store of what was learnt in this home."""
    here.home.mkdir(mode=0o700, parents=True, exist_ok=True)
    return Learnt(here.home / "hermes-kimi.db")


def document(result: Result) -> dict[str, Any]:
    """Return the JSON document on standard output."""
    found: dict[str, Any] = json.loads(result.stdout)
    return found


def test_in_a_terminal_no_word_is_cut(offline: Hermes) -> None:
    """At 80 columns a long line goes on under its text; a pipe gets it whole, in the next test."""
    argv = [*offline.argv, "status"]
    with Terminal(
        argv, offline.env(key=PLAN_KEY), columns=80, directory=offline.home.parent
    ) as terminal:
        assert terminal.wait() == 0
        first, second, *rest = terminal.text.splitlines()

    assert first == "Provider  Kimi / Moonshot (kimi-coding), the first provider with a key:"
    assert second == "          KIMI_API_KEY"
    assert all(len(line) <= 80 for line in rest)


def test_a_plan_key_is_told_in_eight_lines(offline: Hermes) -> None:
    """One key in the environment is enough, and nobody is asked: there is no network."""
    result = offline("status", key=PLAN_KEY)

    assert result.stdout.splitlines() == [
        "Provider  Kimi / Moonshot (kimi-coding), the first provider with a key: KIMI_API_KEY",
        "Key       …0001 (6990b677) from shell variable KIMI_API_KEY, not checked yet",
        f"Endpoint  Kimi Coding endpoint: {PLAN}",
        "          the key begins with sk-kimi-",
        "Model     kimi-coding, sent as kimi-for-coding (default of Kimi / Moonshot)",
        "Window    200,000 tokens (shipped row kimi-coding)",
        "Settings  ~/.hermes/config.toml",
        f"Sandbox   {find_sandbox().name}",
    ]
    assert (result.stderr, result.code) == ("", 0)


def test_what_confines_commands_is_told(here: Here) -> None:
    """The setting lifts it, and the document says what a command may do then."""
    here.write("config.toml", 'sandbox = "off"\n')

    assert "Sandbox   off (setting `sandbox`)" in here("status").stdout
    told = here.json("status")["sandbox"]
    assert told == {
        "kind": "off",
        "description": "off (setting `sandbox`); commands do all that you may do",
    }


def test_without_a_key_it_exits_with_3_and_says_what_to_do(offline: Hermes) -> None:
    """The lines are there, the first provider's, and the key's line ends in a command."""
    result = offline("status")

    assert result.code == 3
    assert "Provider  Kimi / Moonshot (kimi-coding), no provider has a key yet" in result.stdout
    [key] = [line for line in result.stdout.splitlines() if line.startswith("Key")]
    assert key.endswith("`hermes setup` takes one")
    assert PLATFORM in result.stdout
    assert not offline.home.exists()


def test_a_plain_key_goes_to_the_platform(here: Here) -> None:
    """A key without the plan's prefix belongs to the platform, and the reason is told."""
    result = here("status", env={"MOONSHOT_API_KEY": PLATFORM_KEY})

    assert f"Endpoint  Moonshot endpoint: {PLATFORM}" in result.stdout
    assert "the key does not begin with sk-kimi-" in result.stdout
    assert "sent as kimi-k3" in result.stdout
    assert result.code == 0


def test_a_model_the_endpoint_lacks_is_a_red_line_and_exit_2(here: Here) -> None:
    """The lines are printed all the same, and the right id is named."""
    result = here("status", "--model", "kimi-k3", env={"KIMI_API_KEY": PLAN_KEY})

    assert result.code == 2
    assert "Model     kimi-k3 (--model)" in result.stdout
    assert "Error: The Kimi Coding endpoint does not have the model `kimi-k3`" in result.stderr
    assert "`k3`" in result.stderr
    assert "`hermes models`" in result.stderr.splitlines()[-1]


def test_an_unknown_provider_and_a_foreign_key_are_refused(here: Here) -> None:
    """Neither falls back to the first provider in silence."""
    unknown = here("status", "--provider", "nobody")
    foreign = here("status", env={"KIMI_API_KEY": "sk-ant-abcdefghijklmnop"})
    configured = here("status", "--provider", "zai")

    assert unknown.code == foreign.code == configured.code == 3
    assert "There is no provider `nobody`" in unknown.stderr
    assert "a key of Anthropic" in foreign.stderr
    assert "Provider  Z.AI / GLM (zai), --provider" in configured.stdout
    assert "Key       none (GLM_API_KEY, ZAI_API_KEY, Z_AI_API_KEY)" in configured.stdout


def test_the_embedded_model_needs_no_key_and_says_what_is_missing(here: Here) -> None:
    """Its port is known only while it runs; a model file that is not there is exit 3."""
    result = here("status", "--provider", "local", env={"HERMES_LOCAL_MODEL": "/nowhere.gguf"})

    assert result.code == 3
    assert "Key       none needed" in result.stdout
    assert "embedded model: on a free port of 127.0.0.1 while it runs" in result.stdout
    assert "/nowhere.gguf does not exist" in result.stderr


def test_a_wire_that_is_not_the_first_has_a_line(here: Here) -> None:
    """What config.toml asks for is told with its place; the first wire is no news."""
    here.write("config.toml", '[providers.kimi-coding]\nwire = "messages"\n')

    result = here("status", env={"KIMI_API_KEY": PLAN_KEY})

    place = "providers.kimi-coding.wire in ~/.hermes/config.toml line 2"
    assert f"Wire      messages ({place})" in result.stdout
    assert "Endpoint  Kimi Coding endpoint: https://api.kimi.com/coding\n" in result.stdout


@pytest.mark.parametrize(
    ("state", "words"),
    [
        (None, "not checked yet"),
        (KeyState("accepted", "models", DAY), "accepted on 2026-11-21 (listed its models)"),
        (KeyState("accepted", "chat", DAY), "used in a chat on 2026-11-21"),
        (KeyState("refused", "chat", DAY), "refused on 2026-11-21"),
    ],
)
def test_the_keys_line_says_what_is_proven(here: Here, state: KeyState | None, words: str) -> None:
    """What the endpoint last said to the key, in answer to what, and on which day."""
    store, key = learnt(here), ApiKey(PLAN_KEY)
    if state is not None:
        store.remember_state(PLAN, key.digest, state)
    store.remember_state(PLATFORM, key.digest, KeyState("refused", "models", DAY))
    env = {"KIMI_API_KEY": PLAN_KEY}

    assert f", {words}\n" in here("status", env=env).stdout
    route = here.json("status", env=env)["route"]
    assert route["key_state"] == (
        {"verdict": state.verdict, "how": state.how, "at": DAY} if state else None
    )


def test_a_model_list_proves_a_key_that_was_refused_before(here: Here) -> None:
    """The newer of the two counts; a chat is the stronger proof and stays."""
    store, key, env = learnt(here), ApiKey(PLAN_KEY), {"KIMI_API_KEY": PLAN_KEY}
    store.remember_list(PLAN, key.digest, [LiveModel("k3")], at=DAY)
    assert "accepted on 2026-11-21 (listed its models)" in here("status", env=env).stdout
    for at, words in (("2026-11-20T08:00:00+00:00", "accepted on"), ("2026-11-22", "refused on")):
        store.remember_state(PLAN, key.digest, KeyState("refused", "chat", at))
        assert words in here("status", env=env).stdout
    store.remember_state(PLAN, key.digest, KeyState("accepted", "chat", "2026-11-01"))
    assert "used in a chat on 2026-11-01" in here("status", env=env).stdout


def test_where_a_key_was_found_is_told(here: Here) -> None:
    """A remembered region: the endpoint, why, and the place with its day in the document."""
    learnt(here).remember_place(ApiKey(PLAN_KEY).digest, "kimi-code-global", at=DAY)
    env = {"KIMI_API_KEY": PLAN_KEY}

    told = here("status", env=env).stdout
    assert "Endpoint  Kimi Coding (global) endpoint: https://api.kimi.ai/coding/v1" in told
    assert "the key was found there on 2026-11-21" in told
    place = here.json("status", env=env)["route"]["key_place"]
    assert place == {"endpoint": "kimi-code-global", "at": DAY, "doubted": False}


def test_a_stale_base_url_is_the_first_line_of_every_command(here: Here) -> None:
    """
    A `KIMI_BASE_URL` of the other product won in silence and calls kept failing.

    hermes #46759, #113719, #71327, #25107, #51486: it is honoured, with its file, its line
    and the command that drops it.
    """
    here.write(".env", f"# mine\nKIMI_BASE_URL={PLATFORM}\nnonsense\n")
    commands = (
        ("status",),
        ("explain",),
        ("models",),
        ("model",),
        ("model", "k3"),
        ("model", "kimi-k3"),
        ("providers",),
        ("config", "get", "KIMI_BASE_URL"),
        ("config", "set", "model", "kimi-k2.6"),
    )
    for command in commands:
        result = here(*command, env={"KIMI_API_KEY": PLAN_KEY})
        first = result.stderr.splitlines()[0]
        assert first.startswith("KIMI_BASE_URL (~/.hermes/.env line 2) sends the key"), command
        assert f"to {PLATFORM}, but it looks like a Kimi Code key" in first
        assert "`hermes config unset KIMI_BASE_URL`" in first
        assert PLAN_KEY not in result.stdout + result.stderr
    assert "Endpoint  Moonshot endpoint" in here("status", env={"KIMI_API_KEY": PLAN_KEY}).stdout

    here("config", "unset", "KIMI_BASE_URL")

    result = here("status", env={"KIMI_API_KEY": PLAN_KEY, "KIMI_MODEL": "x"})
    assert f"Endpoint  Kimi Coding endpoint: {PLAN}" in result.stdout
    assert "sends the key" not in result.stderr


def test_with_a_plan_key_alone_no_command_touches_the_platform(
    hermes: Hermes, kimi: KimiMock
) -> None:
    """
    `sk-kimi-` keys went to api.moonshot.ai and met a 401 without a hint.

    hermes #635, #43617: every command tells the plan's host, and the one that asks, asks it.
    """
    told = [
        hermes("status", key=PLAN_KEY).stdout,
        hermes("explain", "--json", key=PLAN_KEY).stdout,
        hermes("models", "--refresh", key=PLAN_KEY).stdout,
        hermes("providers", key=PLAN_KEY).stdout,
    ]

    assert all(PLAN in text for text in told)
    assert PLATFORM not in told[0] + told[1] + told[2]
    assert {request.surface for request in kimi.seen} == {"kimi-code"}
    assert kimi.connects == ["api.kimi.com:443"]


def test_status_starts_without_what_it_does_not_use(offline: Hermes) -> None:
    """Only what it prints is imported: `hermes status` may cost 2.5 starts of Python, no more."""
    offline.home.mkdir(mode=0o700)
    (offline.home / "config.toml").write_text('model = "k3"\n')
    (offline.home / "config.toml").chmod(0o600)
    code = (
        "import sys; from hermes_cli.main import run; code = run(['status']);"
        f"print([name for name in {HEAVY!r} if name in sys.modules], code)"
    )
    done = subprocess.run(
        [offline.argv[0], "-c", code],
        env=offline.env(key=PLAN_KEY),
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout.splitlines()[-1] == "[] 0"
    assert "k3 (model in ~/.hermes/config.toml line 1)" in done.stdout


# --- one story ----------------------------------------------------------------------------


def random_environment(chance: random.Random, home: Path) -> dict[str, str]:
    """Write a random `.env` and `config.toml`, and return random variables."""
    keys = (PLAN_KEY, f'"{PLAN_KEY}"', "SK-KIMI-UPPERCASE-0005", PLATFORM_KEY, "   ", "")
    urls = (PLAN, f"{PLATFORM}/", "https://gateway.example/v1", "https://api.kimi.ai/coding", "")
    models = ("kimi-coding", "kimi-latest", "k3", "kimi-k3", "of-my-own", "")

    def some(names: tuple[str, ...], values: tuple[str, ...]) -> dict[str, str]:
        return {name: chance.choice(values) for name in names if chance.random() < 0.4}

    kept = {**some(KEYS, keys), **some(("KIMI_BASE_URL",), urls)}
    settings = {**some(("model",), models), **some(("provider",), ("auto", "kimi", "kimi-coding"))}
    texts = {
        ".env": "".join(f"{name}={value}\n" for name, value in kept.items()),
        "config.toml": "".join(f'{name} = "{value}"\n' for name, value in settings.items()),
    }
    if chance.random() < 0.3:
        texts["config.toml"] += f'[providers.kimi-coding]\nbase_url = "{chance.choice(urls)}"\n'
    for name, text in texts.items():
        Here(home).write(name, text)
    return {**some(KEYS, keys), **some(("KIMI_BASE_URL",), urls)}


def shared(route: dict[str, Any]) -> tuple[Any, ...]:
    """Return what all surfaces must agree on: endpoint, URL, fingerprint, model, id sent."""
    return (
        route["endpoint"]["id"],
        route["base_url"]["value"],
        route["key"]["value"]["fingerprint"] if route["key"] else "",
        route["model"]["value"],
        route["model_id_sent"],
    )


def test_over_random_environments_all_surfaces_agree(here: Here) -> None:
    """
    One program said "not set", "not configured" and "logged in" of the same variable.

    hermes #9716, #9780, #15583, #69881: status, explain, the credentials and the key's status
    are views of one Route, whichever variables and files it came from.
    """
    chance = random.Random(20261122)  # noqa: S311 - cases that can be repeated
    with_key = 0
    for _ in range(200):
        env = random_environment(chance, here.home)
        status, explain = here("status", "--json", env=env), here("explain", "--json", env=env)
        route = document(status)["route"]
        assert document(explain)["route"] == route
        with here.environment(env):
            known = get_api_key_provider_status("kimi-coding")
            assert known["base_url"] == route["base_url"]["value"]
            assert known["configured"] is (route["key"] is not None)
            if route["key"] is None:
                assert status.code == 3
                continue
            runtime = resolve_runtime_provider()
        with_key += 1
        assert status.code == (2 if route["model_error"] else 0)
        assert runtime["base_url"] == route["base_url"]["value"]
        assert runtime["source"] == route["key"]["name"]
        assert ApiKey(runtime["api_key"]).fingerprint == route["key"]["value"]["fingerprint"]
        assert known["key_source"] in (route["key"]["name"], route["key"]["where"])
    assert with_key > 100


def test_a_process_tells_the_same_story(offline: Hermes, here: Here) -> None:
    """What the tables above compare in one process, real processes print too."""
    chance = random.Random(7)  # noqa: S311 - cases that can be repeated
    for number in range(14):
        env = random_environment(chance, here.home)
        command = ("status", "explain")[number % 2]
        inside = document(here(command, "--json", env=env))["route"]
        outside = document(offline(command, "--json", env=env))["route"]
        assert shared(outside) == shared(inside)
        assert outside == inside
