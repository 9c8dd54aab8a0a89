"""`hermes doctor` over real sockets: which layer broke, what the endpoint said, what is left."""

import asyncio
import json
import ssl
import time
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from email.utils import format_datetime
from typing import Any

import pytest

from agent.learnt import Facts
from agent.usage import Balance, PlanUsage, Window
from hermes_cli.auth import Flags
from hermes_cli.config import read_settings
from hermes_cli.doctor.account import balance_finding, plan_finding
from hermes_cli.doctor.asking import ask
from hermes_cli.doctor.findings import Level
from hermes_cli.doctor.network import certificate_finding, look_at_network
from hermes_cli.report import route_to_show
from kimi_mock.replies import Reply
from kimi_mock.server import KimiMock
from tests.agent.http_server import Answer, sends, serving, silent, untrusted
from tests.conftest import CHINA_KEY, GLOBAL_KEY, PLAN_KEY, PLATFORM_KEY
from tests.support.commands import Here
from tests.support.process import NO_NETWORK

NOW = datetime(2026, 11, 22, 12, 0, tzinfo=UTC)
LIST = b'{"data": [{"id": "kimi-k3", "context_length": 1048576}]}'
JSON = {"Content-Type": "application/json"}


@pytest.fixture
def looked(here: Here, kimi: KimiMock) -> Callable[..., dict[str, Any]]:
    """A look over the loopback Kimi; returns the document."""

    def look(*arguments: str, **env: str) -> dict[str, Any]:
        return here.json("doctor", *arguments, env={**kimi.environment(), **env})

    return look


def found(document: Mapping[str, Any], subject: str) -> dict[str, Any]:
    """Return the first finding of a subject."""
    return next(each for each in document["findings"] if each["subject"] == subject)


def asked_of(kimi: KimiMock) -> list[tuple[str, str]]:
    """Return the surface and path of every request that was seen."""
    return [(request.surface, request.path) for request in kimi.seen]


# --- what is asked ------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("key", "url", "paths"),
    [
        (PLAN_KEY, "", ["/coding/v1/models", "/coding/v1/usages"]),
        (GLOBAL_KEY, "https://api.kimi.ai/coding/v1", ["/coding/v1/models", "/coding/v1/usages"]),
        (PLATFORM_KEY, "", ["/v1/models", "/v1/users/me/balance"]),
        (CHINA_KEY, "https://api.moonshot.cn/v1", ["/v1/models", "/v1/users/me/balance"]),
    ],
)
def test_an_endpoint_gets_two_requests(
    looked: Callable[..., dict[str, Any]], kimi: KimiMock, key: str, url: str, paths: list[str]
) -> None:
    """One GET /models and one for what is left, with our name, at one host; and exit 0."""
    document = looked(KIMI_API_KEY=key, KIMI_BASE_URL=url)

    assert [path for _, path in asked_of(kimi)] == paths
    assert len({request.surface for request in kimi.seen}) == 1
    assert {r.headers["User-Agent"].partition("/")[0] for r in kimi.seen} == {"hermes-kimi"}
    assert document["exit_code"] == 0
    assert "key accepted" in found(document, "answer")["sentence"]
    assert "until 3000-01-01" in found(document, "certificate")["sentence"]


def test_every_key_of_the_provider_and_with_all_every_provider(
    here: Here, looked: Callable[..., dict[str, Any]], kimi: KimiMock
) -> None:
    """Each endpoint once, however many keys it has; other providers only with `--all`."""
    here.write(
        "keys.toml",
        f'[kimi-coding.a]\nkey = "{PLATFORM_KEY}"\n[kimi-coding.b]\nkey = "sk-other-0123456789"\n',
    )
    here.write("config.toml", f'[providers.own]\nbase_url = "{kimi.base_url("moonshot")}"\n')

    one = looked(KIMI_API_KEY=PLAN_KEY)
    seen = asked_of(kimi)
    kimi.seen.clear()
    every = looked("--all", KIMI_API_KEY=PLAN_KEY)

    assert sorted(path for _, path in seen) == [
        *("/coding/v1/models", "/coding/v1/usages", "/v1/models", "/v1/users/me/balance"),
    ]
    endpoints = list(dict.fromkeys(e["endpoint"] for e in one["findings"] if e["endpoint"]))
    assert endpoints == ["https://api.kimi.com/coding/v1", "https://api.moonshot.ai/v1"]
    assert len(kimi.seen) == 5
    assert kimi.base_url("moonshot") in {each["endpoint"] for each in every["findings"]}


def test_nothing_is_remembered(
    here: Here, looked: Callable[..., dict[str, Any]], kimi: KimiMock
) -> None:
    """The doctor looks; `hermes models --refresh` is who remembers."""
    looked(KIMI_API_KEY=PLAN_KEY)

    assert not here.home.exists()
    assert len(kimi.seen) == 2


def test_a_refused_key_is_told_in_the_words_of_the_chat(
    here: Here, looked: Callable[..., dict[str, Any]], kimi: KimiMock
) -> None:
    """The same atlas: sentence and class are those of the error; no second request goes out."""
    bad = {"KIMI_API_KEY": "sk-kimi-not-a-key-of-the-mock"}
    document = looked(**bad)
    assert asked_of(kimi) == [("kimi-code", "/coding/v1/models")]
    refreshed = here("models", "--refresh", env={**kimi.environment(), **bad})

    answer = found(document, "answer")
    assert (answer["level"], answer["class"]) == ("broken", "KeyRefused")
    assert answer["sentence"] in refreshed.stderr
    assert "`" in answer["remedy"]
    assert found(document, "quota")["level"] == "skipped"
    assert document["exit_code"] == 3


def test_a_model_the_endpoint_does_not_list_is_broken(
    looked: Callable[..., dict[str, Any]], kimi: KimiMock
) -> None:
    """The list that was just told counts, and the Route shown stays the one of `status`."""
    kimi.models["moonshot"] = [row for row in kimi.models["moonshot"] if row["id"] != "kimi-k3"]

    document = looked("--model", "kimi-k3", KIMI_API_KEY=PLATFORM_KEY)

    model = found(document, "model")
    assert (model["level"], model["class"]) == ("broken", "UnknownModel")
    assert document["route"]["model_error"] is None


@pytest.mark.parametrize(
    ("key", "switch", "value", "subject", "words"),
    [
        (PLAN_KEY, "five_hour_used", 100, "quota", "Used up, so calls are refused: 5 hours"),
        (PLATFORM_KEY, "balance", -1.5, "balance", "-$1.50 is available, and calls are refused"),
    ],
)
def test_what_is_used_up_is_broken(
    looked: Callable[..., dict[str, Any]],
    kimi: KimiMock,
    key: str,
    switch: str,
    value: float,
    subject: str,
    words: str,
) -> None:
    """A key that is taken and has nothing left gets no answers."""
    setattr(kimi, switch, value)

    document = looked(KIMI_API_KEY=key)

    finding = found(document, subject)
    assert finding["level"] == "broken"
    assert words in finding["sentence"]
    assert "`hermes usage`" in finding["remedy"]


@pytest.mark.parametrize(("minutes", "level"), [(0, "ok"), (4, "ok"), (7, "warning")])
def test_a_clock_that_is_off_is_told(
    looked: Callable[..., dict[str, Any]], kimi: KimiMock, minutes: int, level: str
) -> None:
    """The answer's Date against ours; five minutes are let pass."""
    theirs = format_datetime(datetime.now(UTC) + timedelta(minutes=minutes), usegmt=True)
    kimi.replies_to_models.append(Reply.raw(200, {**JSON, "Date": theirs}, [LIST]))

    clock = found(looked(KIMI_API_KEY=PLATFORM_KEY), "clock")

    assert clock["level"] == level
    assert minutes < 5 or "clock is 7 min behind api.moonshot.ai's" in clock["sentence"]


def test_a_list_that_names_addresses_is_told(
    looked: Callable[..., dict[str, Any]], kimi: KimiMock
) -> None:
    """An answer does not say where keys go; that it tried is a warning."""
    body = json.dumps({"data": [{"id": "kimi-k3", "base_url": "https://evil.invalid"}]}).encode()
    kimi.replies_to_models.append(Reply.raw(200, JSON, [body]))

    notice = found(looked(KIMI_API_KEY=PLATFORM_KEY), "model list")

    assert notice["level"] == "warning"
    assert "`base_url`" in notice["sentence"]


def test_a_key_that_may_not_go_there_is_not_sent(here: Here, kimi: KimiMock) -> None:
    """A provider of the user's own does not get another product's key, not even to look."""
    here.write(
        "config.toml",
        f'[providers.own]\nbase_url = "{kimi.base_url("moonshot")}"\nkey_variable = "OWN_KEY"\n',
    )

    document = here.json("doctor", "--provider", "own", env={"OWN_KEY": PLAN_KEY})

    assert found(document, "egress")["class"] == "EgressRefused"
    assert kimi.seen == []
    assert document["exit_code"] == 3


# --- what breaks below --------------------------------------------------------------------


def broken(here: Here, url: str, env: Mapping[str, str] | None = None) -> dict[str, Any]:
    """Return the finding that says where the way to a base URL ends, checking every one's form."""
    begun = time.monotonic()
    document = here.json(
        "doctor", "--base-url", url, env={"KIMI_API_KEY": PLATFORM_KEY, **(env or {})}
    )
    assert time.monotonic() - begun < 5
    findings: list[dict[str, Any]] = document["findings"]
    [finding] = [f for f in findings if f["part"] == "network" and f["level"] == "broken"]
    assert "key" not in finding["sentence"].lower()
    assert "`" in finding["remedy"]
    assert found(document, "the rest")["level"] == "skipped"
    assert document["exit_code"] == 3
    return finding


def test_the_layer_that_broke_is_named(here: Here) -> None:
    """Acceptance 26: five broken ways out have five texts, and none blames the key."""
    direct = {"NO_PROXY": "nobody.invalid", "no_proxy": "nobody.invalid"}

    async def behind(answer: Answer, url: str, context: ssl.SSLContext | None) -> dict[str, Any]:
        async with serving(answer, context=context) as served:
            there = url.format(port=served.port)
            return await asyncio.to_thread(broken, here, there)

    found_there = [
        broken(here, "https://nobody.invalid/v1", direct),
        broken(here, "http://127.0.0.1:9/v1"),
        asyncio.run(behind(silent, "https://127.0.0.1:{port}/v1", untrusted())),
        broken(here, "https://api.moonshot.ai/v1", NO_NETWORK),
        asyncio.run(behind(sends(), "http://127.0.0.1:{port}/v1", None)),
    ]

    assert [(each["subject"], each["class"]) for each in found_there] == [
        ("DNS", "NameNotResolved"),
        ("connection", "ConnectionRefused"),
        ("certificate", "TlsFailed"),
        ("proxy", "ProxyFailed"),
        ("answer", "AnswerCutShort"),
    ]
    assert len({each["sentence"] for each in found_there}) == 5


def test_an_endpoint_that_says_nothing_is_waited_for_briefly(here: Here) -> None:
    """The connection stands and nothing comes: that is its own text, after the limit."""

    async def look() -> list[str]:
        async with serving(silent) as served:
            url = f"http://127.0.0.1:{served.port}/v1"
            with here.environment({"KIMI_API_KEY": PLATFORM_KEY, "KIMI_BASE_URL": url}):
                route = route_to_show(Flags(), read_settings(), Facts())
                [asked] = await asyncio.to_thread(ask, [route], seconds=0.2)
            assert served.connections == 1
            return [f"{f.subject} {f.level.value} {f.kind}" for f in look_at_network(asked)]

    assert asyncio.run(look()) == [
        "proxy ok ",
        "DNS ok ",
        "connection ok ",
        "answer broken AnswerSilent",
        "the rest skipped ",
    ]


def test_a_proxy_that_cannot_be_one_is_told_before_anything_is_sent(here: Here) -> None:
    """The setting of the network is at fault, and its password is not shown."""
    bad = dict.fromkeys(NO_NETWORK, "ftp://me:hunter2@proxy.invalid")

    finding = broken(here, "https://api.moonshot.ai/v1", bad)

    assert (finding["subject"], finding["class"]) == ("way out", "ConfigurationError")
    assert "hunter2" not in finding["sentence"]


def test_a_gateway_without_a_list_is_a_warning(here: Here) -> None:
    """A server of the user's own may have no /models and answer all the same."""
    lost = sends(b"HTTP/1.1 404 Not Found\r\nContent-Length: 2\r\n\r\n{}")

    async def look() -> dict[str, Any]:
        async with serving(lost) as served:
            url = f"http://127.0.0.1:{served.port}/v1"
            return await asyncio.to_thread(
                here.json, "doctor", "--base-url", url, env={"KIMI_API_KEY": PLATFORM_KEY}
            )

    document = asyncio.run(look())

    answer = found(document, "answer")
    assert answer["level"] == "warning"
    assert document["exit_code"] == 1


# --- values -------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("end", "level", "words"),
    [
        ("Feb 22 12:00:00 2027 GMT", Level.OK, "until 2027-02-22"),
        ("Nov 25 12:00:00 2026 GMT", Level.WARNING, "It ends in 3 days"),
        ("Nov 23 18:00:00 2026 GMT", Level.WARNING, "It ends in 1 day:"),
    ],
)
def test_a_certificate_that_ends_soon_is_told(end: str, level: Level, words: str) -> None:
    """Two weeks before its end it should have been renewed."""
    shown = {"subjectAltName": tuple(("DNS", f"a{n}.invalid") for n in range(5)), "notAfter": end}

    finding = certificate_finding(shown, NOW, endpoint="")

    assert finding.level is level
    assert words in finding.sentence
    assert "for a0.invalid, a1.invalid, a2.invalid and 2 more" in finding.sentence


def test_windows_and_balances_in_one_line(here: Here) -> None:
    """Shares by window, and money in the endpoint's currency."""
    with here.environment({"KIMI_API_KEY": PLATFORM_KEY}):
        route = route_to_show(Flags(), read_settings(), Facts())
    windows = tuple(
        Window(name=name, shape="counts", used_share=share, resets_at=NOW + timedelta(hours=2))
        for name, share in (("5 hours", Decimal("0.5")), ("7 days", Decimal("1.2")))
    )

    assert balance_finding(Balance(available=Decimal(2)), route).sentence == "$2.00 available"
    half = plan_finding(PlanUsage(windows=windows[:1]), route, NOW)
    assert half.sentence == "used: 5 hours 50 %"
    full = plan_finding(PlanUsage(windows=windows), route, NOW)
    assert full.level is Level.BROKEN
    assert "7 days (it starts anew " in full.sentence
    assert "in 2 h 0 min" in full.sentence
