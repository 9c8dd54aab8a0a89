"""Error bodies → classes and sentences: status first, then type, then text."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent import errors
from agent.atlas import classify, in_stream, read_body


def body(message: str, kind: str = "") -> bytes:
    """Return an error body of the chat wire."""
    return json.dumps({"error": {"message": message, "type": kind}}).encode()


GATE = (
    "Kimi For Coding is currently only available for Coding Agents such as Kimi CLI, Claude Code, "
    "Roo Code, Kilo Code, etc."
)
PLAN_401 = (
    "The API Key appears to be invalid or may have expired. "
    "Please verify your credentials and try again."
)
CASES = [
    (401, "Invalid Authentication", "invalid_authentication_error", errors.KeyRefused),
    (401, PLAN_401, "invalid_authentication_error", errors.KeyRefused),
    (401, "Your current subscription does not have access to k3", "", errors.AccessRefused),
    (401, "Your current plan supports only kimi-k3 up to 256K context", "", errors.AccessRefused),
    (401, "Your model id does not exist, recognized as other:x.", "", errors.NotFound),
    (402, "We're unable to verify your membership benefits", "", errors.QuotaExhausted),
    (403, GATE, "access_terminated_error", errors.IdentityRefused),
    (
        403,
        "You've reached your 5-hour usage limit.",
        "access_terminated_error",
        errors.QuotaExhausted,
    ),
    (
        403,
        "You've reached your concurrent request limit.",
        "access_terminated_error",
        errors.RateLimited,
    ),
    (403, "Access terminated.", "access_terminated_error", errors.AccessRefused),
    (403, "no", "", errors.AccessRefused),
    (
        404,
        "Not found the model x or Permission denied",
        "resource_not_found_error",
        errors.NotFound,
    ),
    (404, "The requested resource was not found", "resource_not_found_error", errors.NotFound),
    (
        400,
        "Your request exceeded model token limit: 262144",
        "invalid_request_error",
        errors.RequestRefused,
    ),
    (400, "invalid temperature", "invalid_request_error", errors.RequestRefused),
    (429, "The engine is currently overloaded", "engine_overloaded_error", errors.RateLimited),
    (429, "request reached max RPM: 3", "rate_limit_reached_error", errors.RateLimited),
    (
        429,
        "suspended due to insufficient balance",
        "exceeded_current_quota_error",
        errors.QuotaExhausted,
    ),
    (429, "You've reached your usage limit for this period.", "", errors.QuotaExhausted),
    (500, "internal", "server_error", errors.ServerFailed),
    (503, "", "", errors.ServerFailed),
    (302, "", "", errors.ProviderError),
    (204, "", "", errors.ProviderError),
]


@pytest.mark.parametrize(("status", "message", "kind", "expected"), CASES)
def test_a_refusal_has_its_class_the_endpoints_words_and_a_command(
    status: int, message: str, kind: str, expected: type[errors.ProviderError]
) -> None:
    """Each known body is told apart, quoted, and ends in something to do."""
    error = classify(status, body(message, kind), endpoint="api.kimi.com", request_id="r1")
    assert type(error) is expected
    assert str(status) in error.message
    assert message in error.message
    assert error.message.startswith("api.kimi.com ")
    assert error.remedy
    assert (error.status, error.said, error.kind, error.request_id) == (status, message, kind, "r1")
    assert error.exit_code == 4


def test_one_type_with_five_meanings_has_five_sentences() -> None:
    """`access_terminated_error` is told apart by its text (acceptance 22's beginning)."""
    told = {
        classify(status, body(message, kind), endpoint="x").message.split("(")[0]
        for status, message, kind, _ in CASES
        if kind == "access_terminated_error"
    }
    assert len(told) == 4


def test_an_entitlement_401_does_not_blame_the_key() -> None:
    """Acceptance 24's beginning: the key is taken, the plan lacks the model."""
    error = classify(401, body("does not have access to k3"), endpoint="x")
    assert "takes the key" in error.message
    assert "setup" not in error.remedy


def test_a_redirect_names_where_it_points_and_is_not_followed() -> None:
    """The place is told, since the base URL may want changing."""
    error = classify(301, b"", endpoint="api.kimi.com", location="https://elsewhere.invalid/")
    assert "https://elsewhere.invalid/" in error.message
    assert "not followed" in error.message


SHAPES = [
    (b'{"error":{"message":"m","type":"t"}}', ("m", "t")),
    (b'{"type":"error","error":{"type":"t","message":"m"}}', ("m", "t")),
    (b'{"error":{"message":"m","code":"c"}}', ("m", "c")),
    (b'{"error":{"message":"m","code":5}}', ("m", "")),
    (b'{"error":"m"}', ("m", "")),
    (b'{"message":"m"}', ("m", "")),
    (b'{"error":{"message":"a\\nb\\t c"}}', ("a b c", "")),
    (b"<html>Bad gateway</html>", ("<html>Bad gateway</html>", "")),
    (b"[1]", ("[1]", "")),
    (b'{"error":null}', ('{"error":null}', "")),
    (b"", ("", "")),
    (b"\xff\xfe", ("\ufffd\ufffd", "")),
]


@pytest.mark.parametrize(("raw", "read"), SHAPES)
def test_every_shape_of_body_gives_its_text(raw: bytes, read: tuple[str, str]) -> None:
    """What is no known shape is shown as it is, never dropped."""
    assert read_body(raw) == read


def test_a_long_body_is_cut() -> None:
    """A page of HTML does not fill the screen."""
    assert len(read_body(b"x" * 10_000)[0]) == 501


@given(st.integers(100, 599), st.binary(max_size=200))
def test_no_answer_crashes_the_atlas(status: int, raw: bytes) -> None:
    """Any status with any bytes becomes a sentence."""
    assert classify(status, raw, endpoint="x").message


def test_an_error_inside_a_stream_is_the_servers() -> None:
    """It began with 200, so the status says nothing."""
    error = in_stream("broken pipe", "server_error", endpoint="api.kimi.com")
    assert isinstance(error, errors.ServerFailed)
    assert '(server_error): "broken pipe"' in error.message
