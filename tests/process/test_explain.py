"""`hermes explain`: every value, its source, and everything it beat."""

import itertools
import json

import pytest

from agent.identity import USER_AGENT
from tests.conftest import PLAN_KEY, PLATFORM_KEY
from tests.support.commands import Here
from tests.support.process import CLOSED_PORT, NO_NETWORK, Hermes

PLAN = "https://api.kimi.com/coding/v1"
PLATFORM = "https://api.moonshot.ai/v1"
SOURCES = ("flag", "environment", ".env", "config")


def url_of(source: str) -> str:
    """Return the base URL that one source names."""
    return f"https://{source.removeprefix('.')}.example/v1"


def place_urls(here: Here, sources: tuple[str, ...]) -> tuple[list[str], dict[str, str]]:
    """Write base URLs into the sources; return the arguments and variables that complete them."""
    here.write(".env", f"KIMI_BASE_URL={url_of('.env')}\n" if ".env" in sources else "")
    table = f'[providers.kimi-coding]\nbase_url = "{url_of("config")}"\n'
    here.write("config.toml", table if "config" in sources else "")
    arguments = ["--base-url", url_of("flag")] if "flag" in sources else []
    env = {"KIMI_BASE_URL": url_of("environment")} if "environment" in sources else {}
    return arguments, {"KIMI_API_KEY": PLAN_KEY, **env}


def test_a_conflict_has_both_candidates_and_the_winner(offline: Hermes) -> None:
    """A stale base URL is no failure of the command that explains it."""
    offline.home.mkdir(mode=0o700)
    env_file = offline.home / ".env"
    env_file.write_text(f"KIMI_BASE_URL={PLATFORM}\nMOONSHOT_API_KEY={PLATFORM_KEY}\n")
    env_file.chmod(0o600)

    result = offline("explain", key=PLAN_KEY)

    assert result.code == 0
    assert result.stderr.startswith("KIMI_BASE_URL (~/.hermes/.env line 1) sends the key")
    assert (
        f"Base URL      {PLATFORM}\n"
        "              from KIMI_BASE_URL in ~/.hermes/.env line 1\n"
        f"              beat {PLAN} from shipped row kimi-code\n"
    ) in result.stdout
    assert "beat …0003 (" in result.stdout
    assert ") from MOONSHOT_API_KEY in ~/.hermes/.env line 2" in result.stdout
    assert PLAN_KEY not in result.stdout + result.stderr
    assert PLATFORM_KEY not in result.stdout + result.stderr


@pytest.mark.parametrize(
    "sources",
    [found for size in range(5) for found in itertools.combinations(SOURCES, size)],
    ids="+".join,
)
def test_one_order_and_every_loser(here: Here, sources: tuple[str, ...]) -> None:
    """Flag, shell, `.env`, config, in every combination: the winner, and the rest in order."""
    arguments, env = place_urls(here, sources)

    base_url = here.json("explain", *arguments, env=env)["route"]["base_url"]

    expected = [(source, url_of(source)) for source in sources] + [("shipped row", PLAN)]
    told = [(each["origin"], each["value"]) for each in (base_url, *base_url["beaten"])]
    assert told == expected
    assert all(each["where"] for each in (base_url, *base_url["beaten"]))


@pytest.mark.parametrize("sources", [(), (".env", "config"), SOURCES], ids="+".join)
def test_a_process_has_the_same_order(
    offline: Hermes, here: Here, sources: tuple[str, ...]
) -> None:
    """What the table compares in one process, real processes print too."""
    arguments, env = place_urls(here, sources)

    document = json.loads(offline("explain", "--json", *arguments, env=env).stdout)

    assert document["schema"] == 1
    told = [document["route"]["base_url"], *document["route"]["base_url"]["beaten"]]
    assert [each["origin"] for each in told] == [*sources, "shipped row"]


def test_source_before_name_for_keys(here: Here) -> None:
    """The last name in the shell beats the first in `.env`; the table's order is for ties."""
    here.write(".env", f"KIMI_API_KEY={PLATFORM_KEY}\n")
    env = {"MOONSHOT_API_KEY": "sk-other-platform-06", "KIMI_CODING_API_KEY": PLAN_KEY}

    key = here.json("explain", env=env)["route"]["key"]

    assert [(each["origin"], each["name"]) for each in (key, *key["beaten"])] == [
        ("environment", "KIMI_CODING_API_KEY"),
        ("environment", "MOONSHOT_API_KEY"),
        (".env", "KIMI_API_KEY"),
    ]
    assert set(key["value"]) == {"fingerprint", "digest"}


def test_every_value_has_a_line(here: Here) -> None:
    """Provider to output budget, the way out, the files, our name, and the order of sources."""
    result = here("explain", env={"KIMI_API_KEY": PLAN_KEY})

    labels = [line.split("  ")[0] for line in result.stdout.splitlines() if line[0] != " "]
    assert labels == [
        "Provider",
        "Key",
        "Endpoint",
        "Base URL",
        "Wire",
        "Model",
        "Model sent",
        "Window",
        "Output",
        "Proxy",
        "Certificates",
        "Time limits",
        "Home",
        "User-Agent",
        "Order",
    ]
    assert "beat 32,768 tokens from default: fallback" in result.stdout
    assert "kimi-coding is an alias of ours" in result.stdout
    assert f"User-Agent    {USER_AGENT}" in result.stdout
    order = "flag, environment, .env, config, stored key, remembered, learnt, live, shipped row"
    assert f"{order}, default" in result.stdout
    assert result.stdout.count("(not there)") == 3


def test_the_proxy_is_shown_with_its_variable_and_without_its_password(here: Here) -> None:
    """`HTTPS_PROXY` may hold a password; the certificates' variable is named beside it."""
    proxy = dict.fromkeys(NO_NETWORK, "http://me:hunter2@proxy.example:3128")
    authority = here.write("authority.pem", "")

    env = {"KIMI_API_KEY": PLAN_KEY, **proxy, "SSL_CERT_FILE": str(authority)}
    result, document = here("explain", env=env), here.json("explain", env=env)

    assert "http://me:…@proxy.example:3128 from https_proxy" in result.stdout
    assert f"{authority} from SSL_CERT_FILE" in result.stdout
    assert "hunter2" not in result.stdout + result.stderr + json.dumps(document)
    assert document["network"]["proxy"]["name"] == "https_proxy"
    loopback = here.json("explain", "--base-url", "http://127.0.0.1:1/v1", env=env)
    assert loopback["network"]["proxy"] is None


def test_a_proxy_that_cannot_be_one_is_explained_and_exit_3(here: Here) -> None:
    """The error of a chat sends the user here: here it must not stop the telling."""
    broken = dict.fromkeys(NO_NETWORK, "gopher://proxy.example")

    result = here("explain", env={"KIMI_API_KEY": PLAN_KEY, **broken})
    document = here.json("explain", env={"KIMI_API_KEY": PLAN_KEY, **broken})

    assert result.code == 3
    assert f"Base URL    {PLAN}" in result.stdout
    assert "Network     The variable https_proxy asks for" in result.stdout
    assert "`unset https_proxy`" in result.stderr
    assert document["network"]["error"]["exit_code"] == 3
    assert CLOSED_PORT not in result.stdout


def test_a_losing_base_url_shows_no_secret(here: Here) -> None:
    """Only the winner is checked; a loser may hold a password, or a key pasted by mistake."""
    here.write("config.toml", f'[providers.kimi-coding]\nbase_url = "{PLATFORM_KEY}"\n')
    here.write(".env", "KIMI_BASE_URL=https://me:hunter2@gateway.example/v1?token=abc\n")

    env = {"KIMI_API_KEY": PLAN_KEY, "KIMI_BASE_URL": PLAN}
    result = here("explain", env=env)
    text = result.stdout + json.dumps(here.json("explain", env=env))

    assert "beat https://…@gateway.example/v1 from" in text
    assert "beat (not a URL) from" in text
    assert not [secret for secret in ("hunter2", "abc", PLATFORM_KEY) if secret in text]


def test_the_model_file_of_the_embedded_model_is_explained(here: Here) -> None:
    """A file that cannot be served sends the user to `hermes explain`, which knows its place."""
    here.write("config.toml", '[providers.local]\nmodel_file = "/models/own.gguf"\n')

    result = here("explain", "--provider", "local")

    place = "providers.local.model_file in ~/.hermes/config.toml line 2"
    assert f"Model file    /models/own.gguf\n              from {place}" in result.stdout
    assert "Model         own\n" in result.stdout


def test_the_order_tells_of_the_key_that_was_chosen_by_name(here: Here) -> None:
    """It beats `.env`, which the order alone would deny."""
    here.write(".env", f"KIMI_API_KEY={PLATFORM_KEY}\n")
    here.write("keys.toml", f'[kimi-coding.work]\nkey = "{PLAN_KEY}"\n')
    here.write("config.toml", '[providers.kimi-coding]\nkey = "work"\n')

    told = here("explain").stdout

    assert "from stored key work" in told
    assert "of keys, one chosen by `hermes key use NAME` goes before .env" in told
