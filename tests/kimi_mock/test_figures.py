"""What an account asks about itself: the plan's windows in both shapes, balance, token count."""

import re
from typing import Any

import httpx2
import pytest

from kimi_mock.server import KimiMock
from tests.kimi_mock.asking import USER, Asker


def test_the_classic_windows(kimi: KimiMock, asker: Asker) -> None:
    """Decimal strings, the week on top, the five hours in `limits`; contract 8."""
    kimi.five_hour_resets, kimi.weekly_resets = "2026-11-22T17:00:00Z", "2026-11-25T00:00:00Z"

    assert asker.get("/usages").json() == {
        "user": {"userId": "mock-user", "membership": {"level": "LEVEL_INTERMEDIATE"}},
        "usage": {
            "limit": "100",
            "used": "34",
            "remaining": "66",
            "resetTime": "2026-11-25T00:00:00Z",
        },
        "limits": [
            {
                "window": {"duration": 300, "timeUnit": "TIME_UNIT_MINUTE"},
                "detail": {
                    "limit": "100",
                    "used": "12",
                    "remaining": "88",
                    "resetTime": "2026-11-22T17:00:00Z",
                },
            }
        ],
        "authentication": {"method": "METHOD_API_KEY", "scope": "FEATURE_CODING"},
    }


def test_the_shape_since_september(kimi: KimiMock, asker: Asker) -> None:
    """Ratios instead of strings, or beside them; times lie ahead by default."""
    kimi.usages_shape = "ratios"
    ratios = asker.get("/usages").json()

    assert list(ratios) == ["usages"]
    assert ratios["usages"]["limit_5h"]["used_ratio"] == 0.12
    assert set(ratios["usages"]) == {
        "limit_5h",
        "limit_7d",
        "limit_month_total",
        "limit_month_code",
    }
    assert re.fullmatch(
        r"20\d\d-\d\d-\d\dT\d\d:\d\d:\d\dZ", ratios["usages"]["limit_7d"]["reset_time"]
    )
    kimi.usages_shape = "both"
    assert {"usage", "usages"} <= set(asker.get("/usages").json())


@pytest.mark.parametrize(
    ("quota", "five_hours", "week"),
    [("left", "12", "34"), ("5-hour", "100", "34"), ("weekly", "12", "100")],
)
def test_a_used_up_quota_shows(
    kimi: KimiMock, asker: Asker, quota: Any, five_hours: str, week: str
) -> None:
    """The window that refuses turns is full; the page itself still answers."""
    kimi.quota = quota

    body = asker.get("/usages").json()

    assert body["limits"][0]["detail"]["used"] == five_hours
    assert body["usage"]["used"] == week


def test_numbers_may_be_missing(kimi: KimiMock, asker: Asker) -> None:
    """`used` or `remaining` is left out, and the wallet is there on demand."""
    kimi.usages_without, kimi.booster_cents = "used", 250

    body = asker.get("/usages").json()

    assert "used" not in body["usage"]
    assert body["usage"]["remaining"] == "66"
    assert body["boosterWallet"]["balance"]["amountLeft"] == "250000000"


def test_the_balance(kimi: KimiMock, asker: Asker) -> None:
    """The documented body, byte for byte; the cash goes below zero."""
    assert asker.get("/users/me/balance", "moonshot").text == (
        '{"code":0,"data":{"available_balance":49.58894,"voucher_balance":46.58893,'
        '"cash_balance":3.00001},"scode":"0x0","status":true}'
    )

    kimi.balance = 0.0

    body = asker.get("/users/me/balance", "moonshot-cn").json()
    assert body["data"]["cash_balance"] == -46.58893


def test_the_token_count(kimi: KimiMock, direct: httpx2.Client, asker: Asker) -> None:
    """Messages count, tools do not; an unknown model is a 404."""
    url = f"{kimi.base_url('moonshot')}/tokenizers/estimate-token-count"

    def count(**fields: Any) -> httpx2.Response:
        body = {"model": "kimi-k3", "messages": [USER], **fields}
        return direct.post(url, headers=asker.headers("moonshot"), json=body)

    expected = '{"code":0,"data":{"total_tokens":8},"scode":"0x0","status":true}'
    assert count().text == count(tools=["x" * 100]).text == expected
    assert count(model="k3").status_code == 404


@pytest.mark.parametrize(
    ("path", "surface"),
    [("/usages", "moonshot"), ("/users/me/balance", "kimi-code"), ("/usages/", "kimi-code")],
)
def test_each_product_has_its_own(asker: Asker, path: str, surface: str) -> None:
    """The plan has no balance, the platform no windows."""
    assert asker.get(path, surface).status_code == 404


def test_they_need_the_key(kimi: KimiMock, direct: httpx2.Client) -> None:
    """Without a key the answer is that of every other path; `x-api-key` is taken."""
    url = f"{kimi.base_url('kimi-code')}/usages"

    assert direct.get(url).status_code == 401
    assert direct.get(url, headers={"x-api-key": "sk-kimi-mock-code-0001"}).status_code == 200
