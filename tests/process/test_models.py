"""`hermes models`: the shipped list dated, the live list with its day, and nothing in silence."""

import json
from typing import Any

from agent.catalog.kimi import KIMI
from agent.catalog.kimi_models import COMPILED
from agent.learnt import Facts, LearntLimit, LiveModel
from agent.route import Route
from hermes_cli.auth import Flags
from hermes_cli.config import read_settings
from hermes_cli.models import open_learnt, picker, read_facts
from hermes_cli.report import route_to_show
from kimi_mock.replies import Reply
from kimi_mock.server import KimiMock
from tests.conftest import PLAN_KEY, PLATFORM_KEY
from tests.support.commands import Here
from tests.support.process import Hermes
from tests.support.terminal import Terminal

PLAN = "https://api.kimi.com/coding/v1"
REQUESTED = [row.id for row in KIMI.models]


def rows_of(text: str) -> dict[str, str]:
    """Return the lines of a piped table by their first word."""
    return {line.split(" ")[0]: line for line in text.splitlines()}


def digest_of(key: str) -> str:
    """Return the digest under which a key's facts are kept."""
    from agent.keys import ApiKey

    return ApiKey(key).digest


def route_here(here: Here, key: str) -> tuple[Route, Facts]:
    """Return the Route of a key in the home, and what was learnt there."""
    with here.environment({"KIMI_API_KEY": key}):
        facts = read_facts()
        return route_to_show(Flags(), read_settings(), facts), facts


def test_without_a_network_the_dated_table_and_exit_0(offline: Hermes) -> None:
    """A list that needed the network took every command down elsewhere (llm #188)."""
    result = offline("models", key=PLAN_KEY)

    assert result.code == 0
    title, header, *lines = result.stdout.splitlines()
    assert title == f"Kimi Coding endpoint  {PLAN}  shipped rows of {COMPILED}"
    assert header.split() == ["ID", "WINDOW", "SOURCE", "SINCE", "STANDING"]
    ids = [line.split(" ")[0] for line in lines]
    assert ids[:6] == REQUESTED
    assert "k3-256k" in ids[6:]
    told = rows_of(result.stdout)
    assert told["kimi-coding"].split()[1:3] == ["200,000", "shipped"]
    assert told["kimi-coding"].endswith("in use, alias of ours, sent as kimi-for-coding")
    assert told["kimi-k2-thinking"].endswith("2025-11-06  closed 2026-05-25")
    assert result.stderr == "`hermes models --all` shows closed models and the other endpoints.\n"


def test_without_a_key_every_endpoints_rows(here: Here) -> None:
    """Nobody has to paste a key to see what there is, closed models included."""
    result = here("models")
    document = here.json("models")

    assert result.code == 0
    shipped = {(endpoint.id, row.id) for endpoint in KIMI.endpoints for row in endpoint.models}
    told = {
        (endpoint["id"], row["id"])
        for endpoint in document["endpoints"]
        for row in endpoint["models"]
    }
    assert shipped <= told
    assert len(told) == len(shipped | {(e.id, name) for e in KIMI.endpoints for name in REQUESTED})
    assert result.stdout.count(f"shipped rows of {COMPILED}") == 4
    for endpoint in document["endpoints"]:
        for row in endpoint["models"]:
            assert row["where"].startswith("shipped row"), row


def test_a_new_model_shows_at_the_next_refresh_and_a_missing_one_is_marked(
    hermes: Hermes, kimi: KimiMock
) -> None:
    """
    Lists were months old: new models invisible, dead ones offered (hermes #65725, #53520).

    One GET asks; the answer is dated, remembered for this key, and told by every command.
    """
    new = {"id": "k4-preview\x1b[31m", "object": "model", "context_length": 524_288}
    offered = [row for row in kimi.models["kimi-code"] if row["id"] != "k3-256k"]
    kimi.models["kimi-code"] = [*offered, {**new}]

    fresh = hermes("models", "--refresh", key=PLAN_KEY)

    [request] = kimi.seen
    assert (request.method, request.path) == ("GET", "/coding/v1/models")
    assert fresh.code == 0
    assert fresh.stdout.startswith(f"Kimi Coding endpoint  {PLAN}  GET /models of 20")
    told = rows_of(fresh.stdout)
    assert told["k4-preview[31m"].split()[1:3] == ["524,288", "live"]
    assert told["k3-256k"].endswith("not offered to your key")
    assert told["kimi-k2.5"].endswith("closed 2026-08-31, not offered to your key")
    assert "not offered" not in told["kimi-coding"] + told["k3"]

    kimi.replies_to_models.append(Reply.error(500, "must not be asked"))
    again = hermes("models", key=PLAN_KEY)
    status = hermes("status", key=PLAN_KEY)
    lacking = hermes("model", "k3-256k", key=PLAN_KEY)

    assert len(kimi.seen) == 1
    assert again.stdout == fresh.stdout
    assert "accepted on 20" in status.stdout
    assert lacking.code == 2
    assert "its list of 20" in lacking.stderr


def test_a_refused_refresh_has_its_reason_and_the_table(hermes: Hermes, kimi: KimiMock) -> None:
    """The endpoint's own sentence, exit 4, and the shipped rows all the same."""
    result = hermes("models", "--refresh", "--json", key="sk-kimi-not-a-key-of-the-mock")

    assert result.code == 4
    assert len(kimi.seen) == 1
    document = json.loads(result.stdout)
    assert document["error"]["exit_code"] == 4
    assert document["endpoints"][0]["list"] == "shipped"
    assert result.stderr.startswith("Error: ")


def test_a_refresh_without_network_or_key(offline: Hermes) -> None:
    """Exit 5 and 3: the reason is the last thing said, the table stands above it."""
    unplugged = offline("models", "--refresh", key=PLAN_KEY)
    keyless = offline("models", "--refresh")

    assert (unplugged.code, keyless.code) == (5, 3)
    for result in (unplugged, keyless):
        assert f"shipped rows of {COMPILED}" in result.stdout
        assert "Error: " in result.stderr
    assert "There is no key for Kimi / Moonshot" in keyless.stderr
    assert PLAN_KEY not in unplugged.stderr


def test_a_place_without_a_list_says_so(here: Here) -> None:
    """The embedded model has no list to ask for; a gateway has none before it is asked."""
    embedded = here("models", "--refresh", "--provider", "local")
    env = {"KIMI_API_KEY": PLAN_KEY, "KIMI_BASE_URL": "https://gateway.example/v1"}
    gateway = here("models", env=env)

    assert embedded.code == 2
    assert "smollm2-135m-instruct" in embedded.stdout
    assert "no list yet: `hermes models --refresh` asks" in gateway.stdout
    assert [name for name in rows_of(gateway.stdout) if name.startswith("kimi-")] == REQUESTED
    assert "sent as" not in gateway.stdout


def test_all_shows_every_endpoint_and_its_own_windows(here: Here) -> None:
    """One id can have two windows: each endpoint's table has its own number and its own alias."""
    env = {"KIMI_API_KEY": PLAN_KEY}
    tables = {
        endpoint["id"]: {row["id"]: row for row in endpoint["models"]}
        for endpoint in here.json("models", "--all", env=env)["endpoints"]
    }

    assert list(tables) == ["kimi-code", "kimi-code-global", "moonshot", "moonshot-cn"]
    assert tables["kimi-code"]["kimi-for-coding"]["context_tokens"] == 262_144
    assert tables["kimi-code-global"]["kimi-for-coding"]["context_tokens"] == 1_048_576
    assert tables["kimi-code"]["kimi-latest"]["sent_as"] == "k3"
    assert tables["moonshot"]["kimi-latest"]["sent_as"] == "kimi-k3"
    assert tables["moonshot"]["kimi-k2-0711-preview"]["last_day"] == "2026-05-25"
    in_use = [row for table in tables.values() for row in table.values() if row["in_use"]]
    assert [row["id"] for row in in_use] == ["kimi-coding"]


def test_the_picker_puts_the_offline_list_first_and_then_live_or_open_rows(here: Here) -> None:
    """One list for `models`, `model`, the wizard and `/model`; each number has its source."""
    route, facts = route_here(here, PLATFORM_KEY)
    shipped = picker(route, facts)

    assert [row.id for row in shipped[:6]] == REQUESTED
    assert "kimi-k3.1-pro" in {row.id for row in shipped[6:]}
    assert not [row.id for row in shipped[6:] if row.last_day]
    assert {row.offered for row in shipped} == {None}

    name, digest = route.chat_base_url, digest_of(PLATFORM_KEY)
    live = [LiveModel("kimi-k3", 1_000_000), LiveModel("kimi-k2.5"), LiveModel("brand-new")]
    with here.environment({}):
        learnt = open_learnt()
        learnt.remember_list(name, digest, live, at="2026-11-20T10:00:00+00:00")
        limit = LearntLimit(65_536, None, "2026-11-21T10:00:00+00:00")
        learnt.remember_limit(name, digest, "brand-new", limit)
    route, facts = route_here(here, PLATFORM_KEY)
    rows = {row.id: row for row in picker(route, facts)}

    assert list(rows) == [*REQUESTED, "kimi-k3", "brand-new"]
    told: dict[str, Any] = {row.id: (row.context_tokens, row.source) for row in rows.values()}
    assert told["kimi-k3"] == (1_000_000, "GET /models of 2026-11-20")
    assert told["kimi-coding"] == (1_000_000, "GET /models of 2026-11-20")
    assert told["kimi-k2.5"] == (262_144, "shipped row kimi-k2.5")
    assert told["brand-new"] == (65_536, "learnt on 2026-11-21")
    assert rows["kimi-k2.5"].offered is True
    assert rows["kimi-coding"].offered is True
    assert rows["kimi-k2-thinking"].standing == "closed 2026-05-25, not offered to your key"


def test_a_terminal_gets_a_table_within_its_width(offline: Hermes) -> None:
    """Cells are folded, and an id stays in one piece: it is what gets copied."""
    argv = [*offline.argv, "models"]
    with Terminal(argv, offline.env(key=PLAN_KEY), columns=72) as terminal:
        assert terminal.wait() == 0
        lines = terminal.text.splitlines()

    table = lines[1:-1]
    assert max(len(line) for line in table) <= 72
    assert {"kimi-k2-turbo-preview", "kimi-for-coding-highspeed"} <= {
        line.split(" ")[0] for line in table
    }
