"""One user's whole day: every request bears our one name, and the key shows nowhere."""

import re
from pathlib import Path

import pytest

from agent.identity import USER_AGENT
from kimi_mock.server import KimiMock
from tests.conftest import PLAN_KEY, PLATFORM_KEY
from tests.support.process import Hermes

pytestmark = pytest.mark.here

FOREIGN_PRODUCTS = (
    "claude",
    "kimi-cli",
    "kimicli",
    "kimi-code-cli",
    "hermesagent",
    "openai",
    "roo",
)
LOOK_ALIKE = "sk-kimi-this-is-a-sample-in-a-text"


def whole_day(hermes: Hermes) -> str:
    """Run every command that a user meets; return all that was printed."""
    printed = []
    for arguments, stdin in (
        (("setup", "--provider", "kimi", "--key-stdin"), PLAN_KEY),
        (("status",), ""),
        (("status", "--json"), ""),
        (("explain",), ""),
        (("explain", "--json"), ""),
        (("models",), ""),
        (("models", "--refresh", "--json"), ""),
        (("model", "k3"), ""),
        (("providers", "--json"), ""),
        (("config", "get", "KIMI_API_KEY"), ""),
        (("config", "path"), ""),
        (("chat", "-q", f"What is {LOOK_ALIKE}?", "--debug"), ""),
        (("chat", "-q", "and again", "--json"), ""),
        (("chat", "-q", "elsewhere", "--base-url", "https://api.kimi.ai/coding/v1", "--debug"), ""),
        (("chat", "-q", "x", "--model", "kimi-k3"), ""),
        (("config", "unset", "model"), ""),
    ):
        result = hermes(*arguments, stdin=stdin)
        assert "Traceback" not in result.stderr, arguments
        printed.append(result.stdout + result.stderr)
    return "\n".join(printed)


def test_every_request_bears_our_one_name(hermes: Hermes, kimi: KimiMock) -> None:
    """Acceptance 27: setup, chat at the gate and past it, another wire, models, another region."""
    whole_day(hermes.process)
    assert len(kimi.seen) == 7
    for request in kimi.seen:
        assert request.headers["User-Agent"] == USER_AGENT
        names = [name.lower() for name, _ in request.headers.pairs]
        assert not [name for name in names if name.startswith(("x-msh", "x-stainless", "x-title"))]
        values = " ".join(value.lower() for _, value in request.headers.pairs)
        assert not [product for product in FOREIGN_PRODUCTS if product in values]


def test_the_key_shows_nowhere_but_in_its_file(hermes: Hermes, kimi: KimiMock) -> None:
    """A canary through every command: outputs, every file, and only the Authorization header."""
    printed = whole_day(hermes)
    assert PLAN_KEY not in printed
    holders = [
        path for path in _files(hermes.home.parent) if PLAN_KEY.encode() in path.read_bytes()
    ]
    assert holders == [hermes.home / ".env"]
    for request in kimi.seen:
        assert PLAN_KEY.encode() not in request.body
        where = [name for name, value in request.headers.pairs if PLAN_KEY in value]
        assert where == ["Authorization"]


def test_a_text_that_looks_like_a_key_passes_unharmed(hermes: Hermes, kimi: KimiMock) -> None:
    """What the user asks about is sent as it was typed, and shown as it was sent."""
    printed = whole_day(hermes)
    asked = [request for request in kimi.seen if LOOK_ALIKE.encode() in request.body]
    assert asked
    assert re.search(f"What is {LOOK_ALIKE}", printed)


def test_a_home_of_one_product_never_calls_the_other(hermes: Hermes, kimi: KimiMock) -> None:
    """Acceptance 1 and 2: after setup, each kind of key meets its own hosts alone."""
    for key, surfaces in ((PLAN_KEY, {"kimi-code"}), (PLATFORM_KEY, {"moonshot"})):
        kimi.reset()
        hermes("setup", "--provider", "kimi", "--key-stdin", stdin=key)
        hermes("models", "--refresh")
        hermes("chat", "-q", "hi")
        assert {request.surface for request in kimi.seen} == surfaces
        assert all(host.split(".")[-2] in ("kimi", "moonshot") for host in kimi.connects)


def _files(folder: Path) -> list[Path]:
    return [path for path in folder.rglob("*") if path.is_file()]
