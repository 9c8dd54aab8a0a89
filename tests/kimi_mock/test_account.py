"""Tier, quota, balance, traffic: each switch with the bodies it plays, and the order of checks."""

from concurrent.futures import ThreadPoolExecutor
from typing import Any

import httpx2
import pytest

from kimi_mock.replies import Reply
from kimi_mock.server import KimiMock
from tests.kimi_mock.asking import USER, Asker

UPSELL = (
    "To continue now, purchase extra usage or upgrade your plan:"
    " https://www.kimi.com/membership/subscription?tab=quota"
)
OVERLOADED = "The engine is currently overloaded, please try again later"
CONCURRENT = (
    "You've reached your concurrent request limit."
    " Please wait for your ongoing requests to finish and try again."
)


def told(answer: httpx2.Response) -> tuple[int, str, str]:
    """Return status, type and message of a refusal."""
    error = answer.json()["error"]
    return answer.status_code, error.get("type", ""), error["message"]


def test_tiers(kimi: KimiMock, asker: Asker) -> None:
    """The list and the answers change together: no k3, k3 with the small window, all of it."""

    def listed() -> dict[str, int]:
        rows = asker.get("/models").json()["data"]
        return {row["id"]: row["context_length"] for row in rows}

    assert len(listed()) == 5

    kimi.tier = "moderato"
    assert listed()["k3"] == 262_144
    assert "kimi-for-coding-highspeed" not in listed()
    assert told(asker.post("kimi-code", model="kimi-for-coding-highspeed")) == (
        401,
        "authentication_error",
        "Your current subscription does not have access to kimi-for-coding-highspeed",
    )
    assert told(asker.post("kimi-code", max_completion_tokens=300_000)) == (
        401,
        "authentication_error",
        "Your current plan supports only kimi-k3 up to 256K context",
    )

    kimi.tier = "free"
    assert list(listed()) == ["kimi-for-coding"]
    message = "Your current subscription does not have access to k3"
    assert told(asker.post("kimi-code"))[2] == message
    assert asker.post("kimi-code", "messages").json() == {
        "error": {"type": "authentication_error", "message": message},
        "type": "error",
    }
    kimi.entitlement_refusal = "not-found"
    assert told(asker.post("kimi-code"))[0] == 404
    assert asker.post("moonshot").status_code == 200


@pytest.mark.parametrize(
    ("quota", "status", "message"),
    [
        (
            "5-hour",
            403,
            "You've reached your 5-hour usage limit. Your quota will reset when the current"
            f" 5-hour window ends. {UPSELL}",
        ),
        (
            "weekly",
            403,
            "You've reached your weekly (7-day) usage limit. Your quota will reset when the"
            f" current 7-day window ends. {UPSELL}",
        ),
        (
            "cycle",
            403,
            "You've reached your usage limit for this billing cycle. Your quota will be refreshed"
            " in the next cycle.",
        ),
        (
            "period",
            429,
            "You've reached your usage limit for this period. Your quota will be refreshed in the"
            " next period.",
        ),
        ("monthly", 429, "You've reached kimi monthly usage limit for this billing cycle."),
    ],
)
def test_quotas(kimi: KimiMock, asker: Asker, quota: Any, status: int, message: str) -> None:
    """Every turn of the plan is refused, the list is not (kodus#1257), nor is the platform."""
    kimi.quota = quota
    chat = "access_terminated_error" if status == 403 else "rate_limit_reached_error"
    blocks = "permission_error" if status == 403 else "rate_limit_error"

    assert told(asker.post("kimi-code")) == (status, chat, message)
    assert told(asker.post("kimi-code", "messages")) == (status, blocks, message)
    assert asker.get("/models").status_code == 200
    assert asker.post("moonshot").status_code == 200


@pytest.mark.parametrize(
    ("refusal", "status", "kind", "part"),
    [
        ("suspended", 429, "exceeded_current_quota_error", "is suspended due to insufficient bal"),
        ("token-quota", 429, "exceeded_current_quota_error", "You exceeded your current token q"),
        ("forbidden", 403, "permission_denied_error", "insufficient balance"),
    ],
)
def test_an_empty_balance(
    kimi: KimiMock, asker: Asker, refusal: Any, status: int, kind: str, part: str
) -> None:
    """The platform answers it in one of three ways; lists and the balance itself still come."""
    kimi.balance, kimi.balance_refusal = -0.5, refusal

    answer = told(asker.post("moonshot"))

    assert answer[:2] == (status, kind)
    assert part in answer[2]
    assert asker.get("/models", "moonshot").status_code == 200
    assert asker.post("kimi-code").status_code == 200


def test_overload_ends_after_so_many_calls(kimi: KimiMock, asker: Asker) -> None:
    """Two turns are refused, the third is answered; each wire has its type."""
    kimi.overloaded_calls = 2
    kimi.retry_after = "3"

    first = asker.post("moonshot")
    second = asker.post("kimi-code", "messages")

    assert told(first) == (429, "engine_overloaded_error", OVERLOADED)
    assert first.headers["Retry-After"] == "3"
    assert told(second) == (429, "rate_limit_error", OVERLOADED)
    assert asker.post("moonshot").status_code == 200


def test_failures_end_after_so_many_calls(kimi: KimiMock, asker: Asker) -> None:
    """A 500 of each wire, then an answer."""
    kimi.failing_calls = 2

    assert told(asker.post("moonshot"))[:2] == (500, "server_error")
    assert told(asker.post("moonshot", "messages"))[:2] == (500, "api_error")
    assert asker.post("moonshot").status_code == 200


@pytest.mark.parametrize(
    ("limit", "text"),
    [
        ("organization", "Organization Rate limit exceeded"),
        ("rpm", "Your account org-mock<ak-mock> request reached organization max RPM: 3"),
        (
            "tpm",
            "Your account org-mock<ak-mock> request reached project TPM rate limit,"
            " current: 500123, limit: 500000",
        ),
        ("user-model", "request reached user+model max RPM: 50"),
    ],
)
def test_rate_limits(kimi: KimiMock, asker: Asker, limit: Any, text: str) -> None:
    """The platform names the seconds, the plan only asks to wait."""
    kimi.rate_limit, kimi.rate_limited_calls, kimi.rate_limit_seconds = limit, 2, 7

    assert told(asker.post("moonshot")) == (
        429,
        "rate_limit_reached_error",
        f"{text}, please try again after 7 seconds",
    )
    assert told(asker.post("kimi-code"))[2] == (
        "We're receiving too many requests at the moment. Please wait a moment and try again."
    )
    assert asker.post("moonshot").status_code == 200


def test_only_so_many_at_a_time(kimi: KimiMock, asker: Asker) -> None:
    """While one streams the next is refused, on the plan with 403; afterwards it is taken."""
    kimi.concurrency_limit = 1
    kimi.replies.append(Reply.streaming({"content": "slow"}, stall_seconds=0.4))

    with ThreadPoolExecutor(1) as pool:
        slow = pool.submit(asker.post, "moonshot", stream=True)
        while not kimi.seen:
            pass
        plan = told(asker.post("kimi-code"))
        platform = told(asker.post("moonshot"))
        assert slow.result().status_code == 200

    assert plan == (403, "access_terminated_error", CONCURRENT)
    assert platform[:2] == (429, "rate_limit_reached_error")
    assert "max organization concurrency: 1, please try again after 1 seconds" in platform[2]
    assert asker.post("moonshot").status_code == 200


def test_ban_and_membership(kimi: KimiMock, asker: Asker) -> None:
    """A ban is a 403 of two words, an unverified membership a 402."""
    kimi.membership = "unverified"
    assert told(asker.post("kimi-code"))[0] == 402

    kimi.banned = True

    assert told(asker.post("kimi-code")) == (403, "access_terminated_error", "Access terminated.")
    assert told(asker.post("kimi-code", "messages"))[1] == "permission_error"
    assert asker.post("moonshot").status_code == 200


def test_an_outage_of_the_gate(kimi: KimiMock, asker: Asker) -> None:
    """For a while the official name is refused too, on the chat path only; kimi-code#413."""
    kimi.gate_outage = True

    assert "Coding Agents" in told(asker.post("kimi-code"))[2]
    assert asker.post("kimi-code", "messages").status_code == 200


def test_the_second_shape_of_a_wrong_key(kimi: KimiMock, asker: Asker) -> None:
    """The documents name another type and text than was captured; the plan has one only."""
    for surface in ("moonshot", "kimi-code"):
        kimi.keys[surface].clear()
    kimi.key_refusal = "incorrect"

    assert told(asker.post("moonshot")) == (
        401,
        "incorrect_api_key_error",
        "Incorrect API key provided",
    )
    assert told(asker.post("moonshot", "messages"))[1] == "authentication_error"
    assert told(asker.post("kimi-code"))[1] == "invalid_authentication_error"


def test_the_order_on_the_platform(kimi: KimiMock, asker: Asker) -> None:
    """Key, balance, rate, JSON, model, parameters, messages, tools; each hides the next."""
    broken: dict[str, Any] = {
        "model": "none",
        "temperature": 9,
        "messages": [],
        "tools": ["no tool"],
    }
    told_in_order = []

    def ask(**mended: Any) -> None:
        broken.update(mended)
        told_in_order.append(told(asker.post("moonshot", **broken))[2])

    kept = kimi.keys["moonshot"]
    kimi.keys["moonshot"] = set()
    kimi.balance, kimi.overloaded_calls = 0, 1
    ask()
    kimi.keys["moonshot"] = kept
    ask()
    kimi.balance = 1
    ask()
    ask()
    ask(model="kimi-k3")
    ask(temperature=1)
    ask(messages=[USER])

    beginnings = [
        "Invalid Authentication",
        "Your account org-mock",
        "The engine is currently",
        "Not found the model none",
        "invalid temperature",
        "Invalid request: messages",
        "Invalid request: tools",
    ]
    assert [text[: len(start)] for text, start in zip(told_in_order, beginnings, strict=True)] == (
        beginnings
    )


def test_the_order_on_the_plan(kimi: KimiMock, asker: Asker) -> None:
    """Key, gate, model, quota, parameters; and a switch puts the gate before the key."""
    kept, allowed = kimi.keys["kimi-code"], kimi.gate_allows
    kimi.keys["kimi-code"], kimi.gate_allows, kimi.quota = set(), set(), "cycle"
    fields: dict[str, Any] = {"model": "none", "temperature": 9}

    statuses = [told(asker.post("kimi-code", **fields))[2]]
    kimi.gate_before_key = True
    statuses.append(told(asker.post("kimi-code", **fields))[2])
    kimi.gate_before_key = False
    kimi.keys["kimi-code"] = kept
    statuses.append(told(asker.post("kimi-code", **fields))[2])
    kimi.gate_allows = allowed
    statuses.append(told(asker.post("kimi-code", **fields))[2])
    fields["model"] = "k3"
    statuses.append(told(asker.post("kimi-code", **fields))[2])
    kimi.quota = "left"
    statuses.append(told(asker.post("kimi-code", **fields))[2])

    assert [text[:20] for text in statuses] == [
        "The API Key appears ",
        "Kimi For Coding is c",
        "Kimi For Coding is c",
        "Your model id does n",
        "You've reached your ",
        "invalid temperature:",
    ]
