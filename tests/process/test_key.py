"""`hermes key`: several keys by name, each at its own endpoint."""

import pytest

from agent.keys import ApiKey
from hermes_cli.hosts import checked_host
from kimi_mock.server import KimiMock
from tests.conftest import CHINA_KEY, GLOBAL_KEY, PLAN_KEY, PLATFORM_KEY
from tests.support.keys import Keys, add, listed, table
from tests.support.process import Hermes
from tests.support.terminal import ENTER, Terminal

pytestmark = pytest.mark.here

KINDS = {
    "kimi-code": (PLAN_KEY, "https://api.kimi.com/coding/v1", ["kimi-code"]),
    "kimi-code-global": (
        GLOBAL_KEY,
        "https://api.kimi.ai/coding/v1",
        ["kimi-code", "kimi-code-global"],
    ),
    "moonshot": (PLATFORM_KEY, "https://api.moonshot.ai/v1", ["moonshot"]),
    "moonshot-cn": (CHINA_KEY, "https://api.moonshot.cn/v1", ["moonshot", "moonshot-cn"]),
}
"""Endpoint → a key of it, its base URL, and whose model lists it takes to find that out."""


# --- the four kinds of keys ---------------------------------------------------------------


@pytest.mark.parametrize("endpoint", KINDS)
def test_each_kind_of_key_is_stored_with_the_endpoint_that_takes_it(
    hermes: Hermes, keys: Keys, kimi: KimiMock, endpoint: str
) -> None:
    """What `key add`, `key list`, `status`, `keys.toml` and the chat's request say is the same."""
    key, base_url, asked = KINDS[endpoint]

    added = hermes("key", "add", *(("--probe",) if len(asked) > 1 else ()), stdin=key)
    probed = [(seen.surface, seen.path.rpartition("/")[2]) for seen in kimi.seen]
    kimi.seen.clear()
    line = listed(keys)[endpoint]
    status = keys.json("status")["route"]
    assert kimi.seen == []
    chat = hermes("chat", "-q", "hi")

    assert added.stdout.splitlines()[0].endswith(f"endpoint: {base_url})")
    assert sorted(probed) == [(surface, "models") for surface in asked]
    assert (line["endpoint"], line["base_url"]) == (endpoint, base_url)
    assert line["in_use"]
    assert line["state"]["verdict"] == "accepted"
    assert (status["endpoint"]["id"], status["base_url"]["value"]) == (endpoint, base_url)
    assert (
        status["key"]["value"]
        == line["value"]
        == {
            "fingerprint": ApiKey(key).fingerprint,
            "digest": ApiKey(key).digest,
        }
    )
    assert f'endpoint = "{endpoint}"' in (hermes.home / "keys.toml").read_text()
    assert (chat.code, {seen.surface for seen in kimi.seen}) == (0, {endpoint})
    assert line["model"] == status["model"]["value"]
    assert key not in added.stdout + added.stderr


@pytest.mark.parametrize("endpoint", ["kimi-code-global", "moonshot-cn"])
def test_a_key_of_the_other_region_is_not_looked_for_unasked(
    hermes: Hermes, kimi: KimiMock, endpoint: str
) -> None:
    """Without `--probe` the endpoint of the rule alone is asked: exit 4, and the flag's name."""
    result = hermes("key", "add", "mine", stdin=KINDS[endpoint][0])

    assert result.code == 4
    assert "Nothing was saved." in result.stderr
    assert "`hermes key add mine --probe` asks api." in result.stderr
    assert [seen.surface for seen in kimi.seen] == KINDS[endpoint][2][:1]
    assert not hermes.home.exists()


def test_a_region_outlives_what_we_learnt(hermes: Hermes, kimi: KimiMock) -> None:
    """The endpoint stands beside the key: without our database the chat goes there as well."""
    add(hermes.process, CHINA_KEY, "cn", "--probe")
    (hermes.home / "hermes-kimi.db").unlink()
    kimi.seen.clear()

    assert hermes.process("chat", "-q", "hi").code == 0
    assert {seen.surface for seen in kimi.seen} == {"moonshot-cn"}


def test_an_old_pair_that_contradicts_is_repaired_with_one_line(
    keys: Keys, kimi: KimiMock, hermes: Hermes
) -> None:
    """Other tools stored plan keys with the platform's URL: mended once, said once, used right."""
    keys.write("keys.toml", table("old", PLAN_KEY, "moonshot"))

    first = hermes("chat", "-q", "hi")
    second = keys("status")

    [line] = [line for line in first.stderr.splitlines() if "repaired" in line]
    assert "the key old (…0001 (6990b677)) stood with the endpoint moonshot" in line
    assert "belongs to kimi-code: repaired." in line
    assert {seen.surface for seen in kimi.seen} == {"kimi-code"}
    assert "repaired" not in second.stderr
    assert (hermes.home / "keys.toml").read_text() == table("old", PLAN_KEY, "kimi-code")


# --- list, use, remove --------------------------------------------------------------------


def test_the_list_has_every_key_from_every_place(keys: Keys, kimi: KimiMock) -> None:
    """Stored ones, the shell's, those of `.env`; the one in use first; no request, no key."""
    keys.write("keys.toml", table("work", PLAN_KEY, "kimi-code") + table("bad", "sk bad", ""))
    keys.write(".env", f"MOONSHOT_API_KEY={CHINA_KEY}\nDEEPSEEK_API_KEY=sk-deepseek-0123456789\n")
    env = {"KIMI_API_KEY": PLATFORM_KEY}

    text = keys("key", "list", env=env)
    lines = listed(keys, env)

    assert list(lines) == ["KIMI_API_KEY", "MOONSHOT_API_KEY", "work", "bad", "DEEPSEEK_API_KEY"]
    assert [line["in_use"] for line in lines.values()] == [True, False, False, False, False]
    assert lines["work"]["state"] is None
    assert lines["DEEPSEEK_API_KEY"]["provider"] == "deepseek"
    assert lines["bad"]["error"]["class"] == "AuthError"
    assert "KIMI_API_KEY (in use)  …0003 (48f46cec)" in text.stdout
    assert "not checked yet" in text.stdout
    assert "shell" in text.stdout
    for key in (PLAN_KEY, CHINA_KEY, PLATFORM_KEY, "sk-deepseek"):
        assert key not in text.stdout + text.stderr
    assert kimi.seen == []


def test_an_empty_list_names_the_way_to_a_key(keys: Keys) -> None:
    """Exit 0: there is nothing wrong with having none."""
    result = keys("key", "list")

    assert (result.code, result.stdout) == (0, "")
    assert "No provider has a key yet. Run `hermes setup`" in result.stderr
    assert keys.json("key", "list")["keys"] == []


def test_the_list_is_drawn_within_a_narrow_terminal(hermes: Hermes, keys: Keys) -> None:
    """At 80 columns a key takes two lines, and nothing is wider."""
    keys.write("keys.toml", table("work", PLAN_KEY, "kimi-code"))

    with Terminal([*hermes.argv, "key", "list"], hermes.environment, columns=80) as terminal:
        assert terminal.wait() == 0
        assert "work  …0001 (6990b677) of kimi-coding at kimi-code, in use\n" in terminal.text
        assert max(len(line) for line in terminal.text.splitlines()) <= 80


def test_use_chooses_a_stored_key(keys: Keys, kimi: KimiMock) -> None:
    """It beats `.env`; a shell variable stays stronger, and is named with the line to drop it."""
    keys.write("keys.toml", table("work", PLAN_KEY, "kimi-code") + table("cn", CHINA_KEY, ""))
    keys.write(".env", f"KIMI_API_KEY={PLATFORM_KEY}\n")

    chosen = keys("key", "use", "work")
    beaten = keys("key", "use", "cn", env={"MOONSHOT_API_KEY": PLATFORM_KEY})
    document = keys.json("key", "use", "work", env={"MOONSHOT_API_KEY": PLATFORM_KEY})

    assert chosen.stdout.splitlines() == [
        "Key work (…0001 (6990b677)) is used for Kimi / Moonshot now.",
        "Requests go to the Kimi Coding endpoint: https://api.kimi.com/coding/v1.",
    ]
    assert "shell variable MOONSHOT_API_KEY is stronger" in beaten.stdout
    assert "`unset MOONSHOT_API_KEY` drops that one." in beaten.stdout
    assert document["beaten_by"]["name"] == "MOONSHOT_API_KEY"
    assert 'key = "work"' in (keys.home / "config.toml").read_text()
    assert listed(keys)["work"]["in_use"]
    assert kimi.seen == []


def test_a_key_of_another_name_can_be_taken_for_one_question(
    hermes: Hermes, keys: Keys, kimi: KimiMock
) -> None:
    """`--key NAME` sends that key and no other, whatever the shell holds."""
    keys.write("keys.toml", table("work", PLAN_KEY, "kimi-code") + table("mine", PLATFORM_KEY, ""))

    result = hermes("chat", "--key", "mine", "-q", "hi", key=CHINA_KEY)

    assert result.code == 0
    assert {seen.headers["Authorization"] for seen in kimi.seen} == {f"Bearer {PLATFORM_KEY}"}


@pytest.mark.parametrize("command", [("use",), ("remove", "--yes")])
def test_a_name_that_is_not_there_is_told_with_those_that_are(
    keys: Keys, command: tuple[str, ...]
) -> None:
    """Exit 2; what was typed is not repeated, as it may be a key; two owners are named."""
    keys.write(
        "keys.toml",
        table("work", PLAN_KEY, "") + '[openai.work]\nkey = "sk-openai-0123456789"\n',
    )

    wrong = keys("key", *command, "nothing")
    both = keys("key", *command, "work")
    one = keys("key", *command, "work", "--provider", "openai")

    assert (wrong.code, both.code, one.code) == (2, 2, 0)
    assert "there are: work." in wrong.stderr
    assert "nothing" not in wrong.stderr
    assert "kimi-coding and openai each have a key of that name" in both.stderr
    assert f"`hermes key {command[0]} NAME --provider kimi-coding`" in both.stderr


@pytest.mark.parametrize("settings", ["", 'provider = "auto"\n', 'provider = "kimi"\n'])
def test_a_key_of_another_provider_is_not_told_as_the_one_in_use(keys: Keys, settings: str) -> None:
    """The next chat goes to Kimi, however that was chosen; the command that switches is told."""
    keys.write("config.toml", settings)
    keys.write(
        "keys.toml",
        table("work", PLAN_KEY, "") + '[openai.other]\nkey = "sk-openai-0123456789"\n',
    )

    result = keys("key", "use", "other")

    assert (result.code, result.stderr) == (0, "")
    assert "Requests go to" not in result.stdout
    assert "`hermes config set provider openai` takes this one." in result.stdout


def test_a_removed_key_is_not_in_use_any_more(hermes: Hermes, keys: Keys) -> None:
    """It goes from `keys.toml` and from the setting that names it, after a yes."""
    keys.write("keys.toml", table("work", PLAN_KEY, "kimi-code") + table("cn", CHINA_KEY, ""))
    keys("key", "use", "work")

    unasked = hermes("key", "remove", "work")
    with Terminal([*hermes.argv, "key", "remove", "work"], hermes.environment) as terminal:
        terminal.read_until("Remove the key work (…0001 (6990b677))? [y/N]")
        terminal.send(ENTER)
        assert terminal.wait() == 0
    kept = (hermes.home / "keys.toml").read_text()
    result = keys("key", "remove", "work", "--yes")

    assert unasked.code == 2
    assert "`hermes key remove work --yes`" in unasked.stderr
    assert "work" in kept
    assert result.stdout.startswith("Key work (…0001 (6990b677)) is removed from ")
    assert "kimi.com/code" in result.stdout
    assert (hermes.home / "keys.toml").read_text() == table("cn", CHINA_KEY, "")
    assert list(listed(keys)) == ["cn"]


# --- grant --------------------------------------------------------------------------------


def test_a_grant_is_written_shown_and_taken_back(keys: Keys) -> None:
    """One list a provider in `config.toml`; the command that undoes it is named."""
    granted = keys("key", "grant", "Gateway.Example")
    twice = keys.json("key", "grant", "gateway.example")
    shown = keys("config", "get", "providers.kimi.granted_hosts")
    back = keys("key", "grant", "gateway.example", "--remove")

    assert "Every key of Kimi / Moonshot may go to gateway.example" in granted.stdout
    assert "--provider kimi-coding --remove` takes it back." in granted.stdout
    assert twice["granted_hosts"] == ["gateway.example"]
    assert shown.stdout == "gateway.example\n"
    assert "do not go to gateway.example any more" in back.stdout
    assert (keys.home / "config.toml").read_text().strip() == ""


@pytest.mark.parametrize(
    ("text", "host"),
    [
        ("API.Example.com", "api.example.com"),
        ("localhost", "localhost"),
        ("127.0.0.1", "127.0.0.1"),
        ("[::1]", "::1"),
        ("xn--bcher-kva.example", "xn--bcher-kva.example"),
    ],
)
def test_a_bare_host_is_taken(text: str, host: str) -> None:
    """As the host of a base URL is compared: in lower case, without brackets."""
    assert checked_host(text) == host


@pytest.mark.parametrize(
    "text",
    [
        "https://a.example",
        "a.example/v1",
        "a.example:443",
        "user@a.example",
        "*.example",
        "a..example",
        ".example",
        "a.example.",
        "bücher.example",
        "\u0430pi.kimi.com",
        "a b",
        "a\nb",
        "",
        "x" * 64,
        "2001:db8::1%eth0/64",
    ],
)
def test_what_is_no_bare_host_is_refused(keys: Keys, text: str) -> None:
    """A grant names one host exactly; nothing is written, and the text is not repeated."""
    result = keys("key", "grant", text)

    assert result.code == 2
    assert "That is no bare host name" in result.stderr
    assert not keys.home.exists()


def test_a_key_of_no_provider_is_told_and_can_only_be_removed(keys: Keys) -> None:
    """`key use` wrote it into `config.toml` before it failed, as a provider that cannot be one."""
    keys.write("keys.toml", '[gone.old]\nkey = "sk-gone-0123456789"\n' + table("bad", "short", ""))

    told = keys("key", "list")
    used = keys("key", "use", "old")
    short = keys("key", "use", "bad")
    removed = keys("key", "remove", "old", "--yes")

    sentence = "line 1: the key old is of a provider that does not exist, so it is not used."
    assert sentence in told.stderr
    assert (used.code, short.code) == (3, 3)
    assert not (keys.home / "config.toml").exists()
    assert (removed.code, removed.stderr) == (0, "")
    assert "old" not in (keys.home / "keys.toml").read_text()


def test_the_region_of_a_named_key_is_asked_with_its_name(
    hermes: Hermes, keys: Keys, kimi: KimiMock
) -> None:
    """After the 401 of `--key NAME`, the one command that tries the other region has it too."""
    keys.write("keys.toml", table("one", PLATFORM_KEY, "") + table("mine", CHINA_KEY, ""))

    refused = hermes("chat", "--key", "mine", "-q", "hi")
    [command] = [part for part in refused.stderr.split("`") if part.endswith("--probe")]
    found = hermes(*command.split()[1:], "-q", "hi")

    assert command == "hermes chat --key mine --probe"
    assert found.stdout == "Hello from Kimi.\n"
    assert {seen.headers["Authorization"] for seen in kimi.seen} == {f"Bearer {CHINA_KEY}"}
