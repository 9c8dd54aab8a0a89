"""What is left of a plan or a balance, from every shape that was seen."""

import json
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent.errors import ServerFailed
from agent.usage import Balance, Wallet, Window, read_balance, read_plan

RESET = "2026-11-22T18:20:00Z"
AT = datetime(2026, 11, 22, 18, 20, tzinfo=UTC)
CLASSIC: dict[str, Any] = {
    "user": {"userId": "u", "membership": {"level": "LEVEL_INTERMEDIATE"}},
    "usage": {"limit": "1000", "used": "250", "remaining": "750", "resetTime": RESET},
    "limits": [
        {
            "window": {"duration": 300, "timeUnit": "TIME_UNIT_MINUTE"},
            "detail": {"limit": "100", "remaining": "68", "resetTime": RESET},
        }
    ],
    "boosterWallet": {
        "balance": {"type": "BOOSTER", "amount": "2000000000", "amountLeft": "1230000000"},
        "monthlyChargeLimit": {"priceInCents": "5000", "currency": "USD"},
        "monthlyChargeLimitEnabled": True,
    },
}
RATIOS: dict[str, Any] = {
    "usages": {
        "limit_5h": {"used_ratio": 0.32, "reset_time": RESET},
        "limit_month_total": {"used_ratio": 1, "reset_time": int(AT.timestamp())},
        "limit_month_code": {"used_ratio": 0},
    }
}
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)
KNOWN = ("usage", "limits", "usages", "limit", "used", "remaining", "resetTime", "window", "detail")
MORE = ("duration", "timeUnit", "limit_5h", "used_ratio", "reset_time", "user", "boosterWallet")
SLIPS = st.recursive(
    JSON,
    lambda inner: (
        st.dictionaries(st.sampled_from(KNOWN + MORE), inner) | st.lists(inner, max_size=2)
    ),
)


def encoded(*documents: dict[str, Any]) -> bytes:
    """Return several documents as one answer."""
    return json.dumps({key: value for one in documents for key, value in one.items()}).encode()


def test_the_classic_shape() -> None:
    """Numbers are decimal strings, and `used` follows from what remains."""
    plan = read_plan(encoded(CLASSIC))

    assert plan.windows == (
        Window(
            name="5 hours",
            shape="counts",
            used_share=Decimal("0.32"),
            used=Decimal(32),
            limit=Decimal(100),
            resets_at=AT,
        ),
        Window(
            name="7 days",
            shape="counts",
            used_share=Decimal("0.25"),
            used=Decimal(250),
            limit=Decimal(1000),
            resets_at=AT,
        ),
    )
    assert plan.disputed == ()
    assert plan.level == "intermediate"
    assert plan.wallet == Wallet(left=Decimal("12.3"), currency="USD", month_limit=Decimal(50))


def test_the_new_shape_alone() -> None:
    """Since September 2026 `usage` may be absent; ratios are whole or broken numbers."""
    plan = read_plan(encoded(RATIOS))

    assert [(window.name, window.used_share) for window in plan.windows] == [
        ("5 hours", Decimal("0.32")),
        ("month", Decimal(1)),
        ("month, code", Decimal(0)),
    ]
    assert [window.resets_at for window in plan.windows] == [AT, AT, None]
    assert (plan.level, plan.wallet) == ("", None)


def test_shapes_that_agree_are_one_window() -> None:
    """The counts say more, so they are the ones that are shown; a rounded ratio is the same."""
    rounded = {"usages": {"limit_5h": {"used_ratio": 0.315}, "limit_7d": {"used_ratio": "0.25"}}}
    plan = read_plan(encoded(CLASSIC, rounded))

    assert [(window.name, window.shape) for window in plan.windows] == [
        ("5 hours", "counts"),
        ("7 days", "counts"),
    ]
    assert plan.disputed == ()


def test_of_two_shapes_that_disagree_the_fuller_one_counts() -> None:
    """0 in one and 100 of 100 in the other, while calls were refused (kimi-code#3951)."""
    full = {**CLASSIC, "usage": {"limit": "100", "used": "100"}}
    fresh = {"usages": {"limit_7d": {"used_ratio": 0, "reset_time": RESET}}}
    plan = read_plan(encoded(full, fresh))

    week = plan.windows[1]
    assert (week.name, week.shape, week.used_share, week.resets_at) == (
        "7 days",
        "counts",
        Decimal(1),
        AT,
    )
    assert [(window.shape, window.used_share) for window in plan.disputed] == [
        ("ratios", Decimal(0))
    ]

    plan = read_plan(encoded(CLASSIC, {"usages": {"limit_5h": {"used_ratio": 1}}}))
    assert (plan.windows[0].shape, plan.windows[0].used_share) == ("ratios", Decimal(1))
    assert [window.shape for window in plan.disputed] == ["counts"]


@pytest.mark.parametrize(
    ("span", "name"),
    [
        ({"duration": 1, "timeUnit": "TIME_UNIT_WEEK"}, "7 days"),
        ({"duration": "24", "timeUnit": "TIME_UNIT_HOUR"}, "1 day"),
        ({"duration": 90, "timeUnit": "TIME_UNIT_MINUTE"}, "90 minutes"),
        ({"duration": 5, "timeUnit": "HOUR"}, "5 hours"),
        ({"duration": 5, "timeUnit": "TIME_UNIT_FORTNIGHT"}, "another window"),
        ({}, "another window"),
    ],
)
def test_a_window_is_named_after_its_length(span: dict[str, Any], name: str) -> None:
    """In the largest unit that divides it; a unit that we do not know is not guessed."""
    document = {"limits": [{"window": span, "detail": {"limit": 2, "used": 1}}]}

    assert [window.name for window in read_plan(encoded(document)).windows] == [name]


def test_missing_numbers_are_not_told_and_not_zero() -> None:
    """A limit without use has no share; a month without a limit has no wallet limit."""
    document = {"usage": {"limit": "100"}, "boosterWallet": {"balance": {"amountLeft": "1"}}}
    plan = read_plan(encoded(document))

    assert plan.windows[0].used_share is None
    assert plan.wallet == Wallet(left=Decimal("0.00000001"))
    [window] = read_plan(encoded({"usage": {"used": 3, "remaining": 1}})).windows
    assert (window.limit, window.used_share) == (Decimal(4), Decimal("0.75"))


@pytest.mark.parametrize(
    ("told", "moment"),
    [
        ("2026-11-22T18:20:00.123456789Z", AT.replace(microsecond=123456)),
        ("2026-11-23T02:20:00+08:00", AT),
        ("2026-11-22T18:20:00", AT),
        (str(int(AT.timestamp())), AT),
        (AT.timestamp() * 1_000, AT),
        ("soon", None),
        (10**30, None),
        (0, None),
        (True, None),
    ],
)
def test_a_moment_may_be_told_in_several_ways(told: object, moment: datetime | None) -> None:
    """ISO 8601 with and without a zone and down to nanoseconds, or Unix time."""
    document = {"usages": {"limit_5h": {"used_ratio": 0, "reset_time": told}}}

    assert read_plan(encoded(document)).windows[0].resets_at == moment


def test_a_window_that_nobody_knew_keeps_its_own_name() -> None:
    """What comes next month is shown, not dropped."""
    document = {"usages": {"limit_1h_burst": {"used_ratio": 0.5}, "note": "x", "limit_x": {}}}

    assert [window.name for window in read_plan(encoded(document)).windows] == ["1h burst"]


def test_a_balance_is_read_to_the_last_digit() -> None:
    """Cash may be negative; parts may be missing."""
    body = (
        b'{"code":0,"data":{"available_balance":49.58894,"voucher_balance":46.58893,'
        b'"cash_balance":-3.00001},"scode":"0x0","status":true}'
    )

    assert read_balance(body) == Balance(
        available=Decimal("49.58894"), voucher=Decimal("46.58893"), cash=Decimal("-3.00001")
    )
    assert read_balance(b'{"data":{"available_balance":"0"}}') == Balance(available=Decimal(0))


@pytest.mark.parametrize("body", [b"", b"<html>", b"[]", b"{}", b'{"data":null}', b"\xff\xfe"])
def test_an_answer_in_no_known_shape_is_shown(body: bytes) -> None:
    """Nothing is made up: the sentence has what came, and a command."""
    for read in (read_plan, read_balance):
        with pytest.raises(ServerFailed, match="cannot be read") as caught:
            read(body)
        assert body.decode("utf-8", "replace") in caught.value.message
        assert "`hermes status`" in caught.value.remedy


@given(SLIPS)
def test_no_answer_ends_in_anything_but_our_error(document: object) -> None:
    """Whatever types stand where: a value, or a sentence."""
    for read in (read_plan, read_balance):
        try:
            read(json.dumps(document).encode())
        except ServerFailed:
            continue
