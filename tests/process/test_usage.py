"""`hermes usage`: one request, and what is left in bars, money and moments."""

import json
import re
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest

from agent.errors import ServerFailed
from agent.learnt import LearntPlan, PlanWindow
from agent.usage import read_plan
from hermes_cli.ui.usage_lines import (
    bar,
    known_left,
    left_words,
    moment_words,
    money,
    percent,
    plan_lines,
)
from kimi_mock.server import KimiMock
from tests.conftest import CHINA_KEY, GLOBAL_KEY, PLAN_KEY, PLATFORM_KEY
from tests.support.process import NO_NETWORK, Hermes, Result

pytestmark = pytest.mark.here

NOW = datetime(2026, 11, 22, 15, 0, tzinfo=UTC)


def windows(result: Result) -> dict[str, str]:
    """Return the lines under the title by their label."""
    lines = result.stdout.splitlines()[1:]
    return {line[: line.index("[")].strip(): line[line.index("[") :] for line in lines}


def test_a_plans_windows_in_the_classic_shape(hermes: Hermes, kimi: KimiMock) -> None:
    """One GET under the real host name, with our name; bars, counts, and local times."""
    kimi.usages_shape = "classic"
    in_three_hours = datetime.now(UTC) + timedelta(hours=3, minutes=20, seconds=30)
    kimi.five_hour_resets = in_three_hours.isoformat()
    kimi.weekly_resets = (in_three_hours + timedelta(days=2)).isoformat()

    result = hermes.process("usage", key=PLAN_KEY, env={"TZ": "Asia/Shanghai"})

    assert (result.code, result.stderr) == (0, "")
    [request] = kimi.seen
    assert (request.method, request.path) == ("GET", "/coding/v1/usages")
    assert request.headers["User-Agent"].startswith("hermes-kimi/")
    title = result.stdout.splitlines()[0]
    assert title.startswith("Kimi Coding endpoint  https://api.kimi.com/coding/v1  ")
    assert title.endswith(" plan")
    told = windows(result)
    assert list(told) == ["5 hours", "7 days"]
    assert told["5 hours"].startswith("[##------------------]  12 %  12 of 100  starts anew ")
    assert told["5 hours"].endswith(", in 3 h 20 min")
    local = in_three_hours + timedelta(hours=8)
    assert f"{local:%H:%M}, in" in told["5 hours"]
    assert told["7 days"].endswith(f"{local + timedelta(days=2):%Y-%m-%d %H:%M}, in 2 d 3 h")


def test_the_new_shape_and_both_at_once(hermes: Hermes, kimi: KimiMock) -> None:
    """A plan of the other region is asked at its own host; windows told twice are shown once."""
    kimi.usages_shape = "ratios"
    twin = {"KIMI_BASE_URL": "https://api.kimi.ai/coding/v1"}
    ratios = hermes("usage", key=GLOBAL_KEY, env=twin)
    kimi.usages_shape = "both"
    both = hermes("usage", key=PLAN_KEY)

    assert kimi.seen[0].surface == "kimi-code-global"
    assert list(windows(ratios)) == ["5 hours", "7 days", "month", "month, code"]
    assert "of 100" not in ratios.stdout
    assert list(windows(both)) == ["5 hours", "7 days", "month", "month, code"]
    assert windows(both)["5 hours"].startswith("[##------------------]  12 %  12 of 100")
    assert both.stderr == ""


def test_a_full_window_and_the_wallet_are_told(hermes: Hermes, kimi: KimiMock) -> None:
    """Used up is a sentence, and no error: the question was answered."""
    kimi.five_hour_used, kimi.booster_cents = 100, 1_230

    result = hermes("usage", key=PLAN_KEY)
    document = json.loads(hermes("usage", "--json", key=PLAN_KEY).stdout)

    assert result.code == 0
    assert "[####################] 100 %" in result.stdout
    assert "extra usage  $12.30 left, at most $49.20 a month" in result.stdout
    assert result.stderr == "The window of 5 hours is used up.\n"
    assert document["schema"] == 1
    assert document["endpoint"]["id"] == "kimi-code"
    assert document["balance"] is None
    first = document["plan"]["windows"][0]
    assert (first["name"], first["shape"], first["used_share"]) == ("5 hours", "counts", 1.0)
    assert (first["used"], first["limit"]) == (100.0, 100.0)
    assert datetime.fromisoformat(first["resets_at"]).utcoffset() == timedelta(0)
    assert document["plan"]["wallet"] == {"currency": "USD", "left": 12.3, "month_limit": 49.2}
    assert document["warnings"] == ["The window of 5 hours is used up."]


def test_a_balance_is_in_the_currency_of_its_region(hermes: Hermes, kimi: KimiMock) -> None:
    """Dollars at the international platform, yuan at the Chinese one, from the rows."""
    china = {"KIMI_BASE_URL": "https://api.moonshot.cn/v1"}
    dollars = hermes("usage", key=PLATFORM_KEY)
    yuan = hermes("usage", key=CHINA_KEY, env=china)
    document = json.loads(hermes("usage", "--json", key=PLATFORM_KEY).stdout)

    assert {request.path for request in kimi.seen} == {"/v1/users/me/balance"}
    assert dollars.stdout.splitlines()[1:] == [
        "available  $49.59",
        "voucher    $46.59",
        "cash       $3.00",
    ]
    assert "available  ¥49.59" in yuan.stdout
    assert document["plan"] is None
    assert document["balance"]["currency"] == "USD"
    assert document["balance"]["available"] == 49.58894


def test_an_empty_balance_names_the_console(hermes: Hermes, kimi: KimiMock) -> None:
    """0 or less refuses every call, and cash may be below it."""
    kimi.balance = -1.5

    result = hermes("usage", key=PLATFORM_KEY)

    assert result.code == 0
    assert "available  -$1.50" in result.stdout
    assert "calls are refused: https://platform.kimi.ai takes money" in result.stderr


def test_a_wrong_key_no_network_and_no_key(hermes: Hermes, kimi: KimiMock) -> None:
    """The refusal's own exit codes: 4, 5 and 3, and nothing on standard output."""
    refused = hermes("usage", key="sk-kimi-not-a-key-of-the-mock")
    unplugged = hermes("usage", key=PLAN_KEY, env=NO_NETWORK)
    keyless = hermes("usage")

    assert (refused.code, unplugged.code, keyless.code) == (4, 5, 3)
    assert len(kimi.seen) == 1
    for result in (refused, unplugged, keyless):
        assert result.stdout == ""
        assert result.stderr.startswith("Error: ")


def test_a_place_that_tells_nothing_is_not_asked(offline: Hermes) -> None:
    """A gateway and the embedded model have no such page that we know of."""
    gateway = {"KIMI_BASE_URL": "https://gateway.invalid/v1"}
    results = (
        offline("usage", key=PLATFORM_KEY, env=gateway),
        offline("usage", "--provider", "local"),
    )

    for result in results:
        assert result.code == 2
        assert "does not tell what is left" in result.stderr
        assert "`hermes status`" in result.stderr


def test_windows_that_disagree_are_both_shown() -> None:
    """The fuller one has the name, the other stands under it with its shape."""
    body = (
        b'{"usage": {"limit": "100", "used": "100", "resetTime": "2026-11-24T16:30:00Z"},'
        b' "usages": {"limit_7d": {"used_ratio": 0}}}'
    )
    [full, other] = plan_lines(read_plan(body), now=NOW)

    assert full[0] == "7 days"
    assert full[1].startswith("[####################] 100 %  100 of 100  starts anew 2026-11-2")
    assert full[1].endswith(", in 2 d 1 h")
    assert other == ("", "[--------------------]   0 %  as its ratios say")


@pytest.mark.parametrize(
    ("minutes", "words"),
    [(0, "in 0 min"), (12, "in 12 min"), (200, "in 3 h 20 min"), (3_000, "in 2 d 2 h")],
)
def test_how_far_off_a_moment_is(minutes: int, words: str) -> None:
    """In the two largest units; the minute that runs counts."""
    moment = NOW + timedelta(minutes=minutes, seconds=30)

    assert moment_words(moment, now=NOW).endswith(words)
    assert moment_words(NOW - timedelta(seconds=1), now=NOW).endswith("which is past")


def test_bars_and_shares_never_round_to_nothing_or_all() -> None:
    """A little used shows, and only a full window is drawn full."""
    shares = [Decimal(text) for text in ("0", "0.001", "0.5", "0.999", "1", "1.7")]

    assert [bar(share).count("#") for share in shares] == [0, 1, 10, 19, 20, 20]
    assert bar(None) == "[????????????????????]"
    assert [percent(share) for share in shares] == ["0 %", "<1 %", "50 %", "99 %", "100 %", "170 %"]
    assert percent(None) == "not told"


def test_money_is_told_to_the_digit_that_matters() -> None:
    """Two digits from one on, four below, and a little is not nothing."""
    amounts = ("0", "0.00001", "0.00021", "0.9999", "1234.5", "-3.00001")

    assert [money(Decimal(amount), "USD") for amount in amounts] == [
        "$0.00",
        "<$0.0001",
        "$0.0002",
        "$0.9999",
        "$1,234.50",
        "-$3.00",
    ]
    assert money(Decimal(2), "CNY") == "¥2.00"
    assert money(Decimal(2), "EUR") == "2.00 EUR"
    assert money(Decimal(2), "") == "2.00"


def test_an_answer_that_says_nothing_is_an_error() -> None:
    """What came is in the sentence, so that the new shape can be reported."""
    with pytest.raises(ServerFailed, match="plan_v3"):
        read_plan(b'{"plan_v3": {}}')


def test_a_window_that_ends_after_midnight_is_told_with_its_hour() -> None:
    """Two hours before its end, late in the evening, the day alone said nothing."""
    body = (
        b'{"usages": {"limit_5h": {"used_ratio": 0.5, "reset_time": "2026-11-23T00:20:00Z"},'
        b' "limit_7d": {"used_ratio": 0.5, "reset_time": "2026-11-25T00:20:00Z"}}}'
    )
    evening = datetime(2026, 11, 22, 22, 20, tzinfo=UTC)

    near, far = left_words(read_plan(body), "", now=evening).split("; ")

    assert re.fullmatch(r"5 hours: 50 % used, anew at \d\d:\d\d", near)
    assert re.fullmatch(r"7 days: 50 % used, anew on 2026-11-2[456]", far)


def test_what_is_left_is_told_with_its_age() -> None:
    """The fullest window that has not begun anew; a fresh figure has no age, a past one is none."""
    later, past = "2026-11-22T18:00:00+00:00", "2026-11-22T14:00:00+00:00"

    def told(at: str, *windows: PlanWindow) -> str:
        return known_left(LearntPlan(windows, f"2026-11-{at}:00+00:00"), now=NOW)

    hours, week = PlanWindow("5 hours", 0.9, later), PlanWindow("7 days", 0.255)
    assert told("22T14:57", hours, week) == "5 hours: 10 % left"
    assert (
        told("22T14:40", PlanWindow("5 hours", 0.9, past), week) == "7 days: 74 % left, 20 min ago"
    )
    assert told("22T12:59", week) == "7 days: 74 % left, 2 h ago"
    assert told("19T12:00", PlanWindow("7 days", 1.2)) == "7 days: 0 % left, 3 d ago"
    assert told("22T14:57", PlanWindow("5 hours", 0.9, past)) == told("22T14:57") == ""
