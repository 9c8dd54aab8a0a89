"""Error bodies → classes and sentences: status first, then type, then text."""

import json
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent import errors
from agent.atlas import ROWS, classify, in_stream, read_body
from agent.atlas.below_http import BELOW_HTTP
from agent.atlas.leftovers import IN_STREAM
from agent.atlas.refusals import DERIVED
from agent.atlas.rows import BodyRow, Row
from hermes_cli.main import COMMANDS
from tests.support.refusals import BODIES, ENDED, GATE, INVALID, OVERLOADED, PLAN_401


def body(message: str, kind: str = "") -> bytes:
    """Return an error body of the chat wire."""
    return json.dumps({"error": {"message": message, "type": kind}}).encode()


UNKNOWN: list[tuple[int, type[errors.ProviderError]]] = [
    (400, errors.RequestRefused),
    (401, errors.KeyRefused),
    (402, errors.QuotaExhausted),
    (403, errors.AccessRefused),
    (404, errors.NotFound),
    (418, errors.RequestRefused),
    (422, errors.RequestRefused),
    (429, errors.RateLimited),
    (204, errors.ProviderError),
    (100, errors.ProviderError),
]


@pytest.mark.parametrize(("status", "message", "kind", "row", "expected"), BODIES)
def test_a_refusal_has_its_row_the_endpoints_words_and_a_command(
    status: int, message: str, kind: str, row: str, expected: type[errors.ProviderError]
) -> None:
    """Every body of the contract is told apart, quoted in whole sentences, and has a remedy."""
    error = classify(status, body(message, kind), endpoint="api.kimi.com", request_id="r1")

    assert (error.row, type(error)) == (row, expected)
    assert str(status) in error.message
    assert " ".join(message.split()) in error.message
    assert error.message.startswith("api.kimi.com ")
    assert error.message.removesuffix('"').endswith((".", "!", "?", "…"))
    assert "`" in error.remedy
    assert (error.status, error.kind, error.request_id) == (status, kind, "r1")
    assert error.exit_code == 4


@pytest.mark.parametrize(("status", "message", "kind", "row", "expected"), BODIES)
def test_both_wires_shapes_are_the_same_refusal(
    status: int, message: str, kind: str, row: str, expected: type[errors.ProviderError]
) -> None:
    """The messages wire wraps the same words in another object."""
    wrapped = {"type": "error", "error": {"type": kind, "message": message}}
    error = classify(status, json.dumps(wrapped).encode(), endpoint="x")

    assert (error.row, type(error)) == (row, expected)
    assert error.said == " ".join(message.split())


def test_every_row_has_a_body_that_finds_it() -> None:
    """No row is hidden behind an earlier one."""
    found = {row for _, _, _, row, _ in BODIES}
    known = {row.id for row in ROWS if row.known}

    assert sorted(known - found) == ["quota"]
    assert classify(429, body("Quota exceeded for x"), endpoint="x").row == "quota"


@pytest.mark.parametrize(("status", "expected"), UNKNOWN)
def test_words_that_nobody_knows_are_called_unknown_and_shown_whole(
    status: int, expected: type[errors.ProviderError]
) -> None:
    """An unknown body is never taken for its nearest likeness, and nothing of it is left out."""
    said = "blubb " * 300 + "end"
    error = classify(status, body(said, "blubb_error"), endpoint="x")

    assert type(error) is expected
    assert "known" in error.message
    assert error.message.endswith('blubb end".')


def test_known_words_are_cut_in_the_message_alone() -> None:
    """A page of HTML does not fill the screen; `said` keeps it for who wants to see it."""
    error = classify(502, b"<p>" * 1_000, endpoint="x")

    assert len(error.message) < 600
    assert len(error.said) == 3_000


def test_no_two_rows_share_a_sentence() -> None:
    """Acceptance 22: each kind of failure has a meaning of its own, and each class a remedy."""
    rows: list[Row] = [*ROWS, IN_STREAM, *DERIVED, *BELOW_HTTP]
    meanings = [row.meaning for row in rows]
    remedies: dict[str, set[type]] = {}
    for row in rows:
        if not isinstance(row, BodyRow) or row.known:
            remedies.setdefault(row.remedy, set()).add(row.error)

    assert len(set(meanings)) == len(meanings)
    assert len({row.id for row in rows}) == len(rows)
    assert {remedy: found for remedy, found in remedies.items() if len(found) > 1} == {}


def test_every_remedy_has_a_command_that_exists() -> None:
    """Each ends in something that can be copied: a command of ours, or of the shell."""
    known = {"", *COMMANDS}  # `hermes` alone is one
    for row in (*ROWS, IN_STREAM, *DERIVED, *BELOW_HTTP):
        quoted = re.findall(r"`(hermes|/clear|export)(?: ([a-z]+))?", row.remedy)
        assert quoted, row.id
        assert {name for program, name in quoted if program == "hermes"} <= known, row.id
        assert row.source, row.id


def test_texts_are_compared_in_lower_case() -> None:
    """A row's text with a capital letter would never be found."""
    rows: list[Row] = [*ROWS, IN_STREAM, *DERIVED, *BELOW_HTTP]

    assert [says for row in rows for says in row.says if says != says.lower()] == []


def test_quota_money_ban_and_entitlement_are_never_retried() -> None:
    """Acceptance 22 and 23: what does not help is not repeated; what passes is."""
    retried = {row.id for row in ROWS if row.known and row.error.retryable}

    assert retried == {
        "concurrency-plan",
        "concurrency-account",
        "overloaded",
        "rate",
        "timed-out-there",
        "conflict",
        "canceled-there",
        "server-error",
    }


def test_three_401s_have_three_texts_and_one_blames_the_key() -> None:
    """Acceptance 24: the plan's 401 may mean the key, the plan or the model id."""
    told = [
        classify(401, body(message), endpoint="x")
        for message in (PLAN_401, "does not have access to k3", "Your model id does not exist")
    ]

    assert len({error.message.split(" (401")[0] for error in told}) == 3
    assert [isinstance(error, errors.KeyRefused) for error in told] == [True, False, False]
    assert ["setup" in error.remedy for error in told] == [True, False, False]


@pytest.mark.parametrize(
    ("said", "tokens", "requested"),
    [
        ("Your request exceeded model token limit : 131072", 131_072, 0),
        ("Your request exceeded model token limit: 262144", 262_144, 0),
        (
            "Invalid request: Your request exceeded model token limit: 262144 (requested: 269030)",
            262_144,
            269_030,
        ),
        ("YOUR REQUEST EXCEEDED MODEL TOKEN LIMIT:8,192 ( requested : 9,000 )", 8_192, 9_000),
        ("Your request exceeded model token limit", 0, 0),
        ("Your request exceeded model token limit: , ", 0, 0),
        ("Input token length too long", 0, 0),
    ],
)
def test_an_overflow_names_the_window_in_every_spelling(
    said: str, tokens: int, requested: int
) -> None:
    """kimi-cli #2011: the number is what the next request is cut to."""
    error = classify(400, body(said, INVALID), endpoint="x")

    assert isinstance(error, errors.ContextOverflow)
    assert (error.tokens, error.requested) == (tokens, requested)
    assert (f"{tokens:,} tokens" in error.message) is bool(tokens)
    assert (f"{requested:,} were asked for" in error.message) is bool(requested)


@pytest.mark.parametrize(
    ("status", "said", "header", "expected"),
    [
        (429, "Rate limit exceeded, please try again after 1 seconds", None, 1.0),
        (429, "Rate limit exceeded, retry after 2.5s", None, 2.5),
        (429, "Rate limit exceeded, try again in 7 sec", None, 7.0),
        (429, "Rate limit exceeded, after 3 seconds", 10.0, 10.0),
        (429, "Rate limit exceeded, after 30 seconds", 10.0, 30.0),
        (429, "Rate limit exceeded", 4.0, 4.0),
        (429, "Rate limit exceeded", None, None),
        (429, "Rate limit exceeded, try again after 99999999999 seconds", None, None),
        (503, "i/o timeout after 30 seconds", None, None),
        (503, "down", 5.0, 5.0),
    ],
)
def test_the_seconds_of_a_rate_limit_are_read(
    status: int, said: str, header: float | None, expected: float | None
) -> None:
    """agents-exe #336: no header says when; the text does, and the longer wait holds."""
    error = classify(status, body(said), endpoint="x", retry_after_seconds=header)

    assert error.retry_after_seconds == expected


def test_a_refused_field_and_a_schemas_path_are_named() -> None:
    """What has to change in the request can be read by a program too."""
    said = (
        "Invalid request: tools.function.parameters is not a valid moonshot flavored json schema, "
        "details: <At path 'properties.filter.anyOf': type is not defined>"
    )
    schema = classify(400, body(said, INVALID), endpoint="x")
    sampling = classify(400, body("invalid temperature: only 1", INVALID), endpoint="x")

    assert isinstance(schema, errors.SchemaRefused)
    assert (schema.path, schema.field) == ("properties.filter.anyOf", "tools.function.parameters")
    assert isinstance(sampling, errors.RequestRefused)
    assert sampling.field.startswith("temperature")


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


def test_a_very_long_body_is_cut() -> None:
    """What is kept has a limit, far above every body that was seen."""
    assert len(read_body(b"x" * 10_000)[0]) == 4_001


def test_brackets_without_end_do_not_crash_the_reader() -> None:
    """Python's own reader gives up with RecursionError; such a body is shown as text."""
    deep = b"[" * 200_000 + b"]" * 200_000
    assert read_body(deep)[1] == ""


@given(st.integers(100, 599), st.binary(max_size=200))
def test_no_answer_crashes_the_atlas(status: int, raw: bytes) -> None:
    """Any status with any bytes becomes a sentence."""
    assert classify(status, raw, endpoint="x").message


def test_an_error_inside_a_stream_is_the_servers() -> None:
    """It began with 200, so the status says nothing."""
    error = in_stream("broken pipe", "server_error", endpoint="api.kimi.com")

    assert type(error) is errors.ServerFailed
    assert '(server_error): "broken pipe"' in error.message
    assert error.retryable


def test_an_error_inside_a_stream_has_the_class_of_its_words() -> None:
    """The same words mean the same after a 200 (contract 4.2): overload passes, money does not."""
    busy = in_stream(OVERLOADED, "engine_overloaded_error", endpoint="x")
    poor = in_stream("no", "exceeded_current_quota_error", endpoint="x")

    assert type(busy) is errors.Overloaded
    assert type(poor) is errors.EmptyBalance
    assert "in the middle of its answer" in poor.message
    assert not poor.retryable


def test_our_name_is_not_refused_in_the_middle_of_an_answer() -> None:
    """Who has begun to answer has taken the name: no second wire is tried for it."""
    assert type(in_stream(GATE, ENDED, endpoint="x")) is errors.ServerFailed
