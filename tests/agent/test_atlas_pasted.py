"""Pasted text → rows: a status, a body, a sentence, a line of ours or of another program."""

import json
import socket
import ssl

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent import errors
from agent.atlas import Asked, classify, in_stream
from agent.atlas.below_http import BELOW_HTTP
from agent.atlas.pasted import Recognised, recognise
from agent.catalog import find
from agent.transport.failures import Failure, Layer, named
from agent.transport.network import Network
from tests.support.refusals import BODIES, OVERLOADED

WITH_WORDS = [each for each in BODIES if each[1]]


def row_ids(found: Recognised) -> list[str]:
    """Return the ids of what was recognised."""
    failure = [found.failure.id] if found.failure else []
    return [each.row.id for each in found.answers] + failure


@pytest.mark.parametrize(("status", "message", "kind", "row", "_class"), BODIES)
def test_a_pasted_body_with_its_status_is_the_clients_own_row(
    status: int, message: str, kind: str, row: str, _class: type
) -> None:
    """`why` and the client give the same answer, since they ask the same rows."""
    body = json.dumps({"error": {"message": message, "type": kind}})
    for pasted in (
        f"{status} {body}",
        f"HTTP/1.1 {status}\ncontent-type: application/json\n\n{body}",
        f"Error code: {status} - {body}",
        f"status={status} data: {body}",
        classify(status, body.encode(), endpoint="h").message,
        f"Error: {classify(status, body.encode(), endpoint='h').message}\nAsk again.",
    ):
        found = recognise(pasted)
        assert row_ids(found) == [row] or not message, pasted
        assert found.known


@pytest.mark.parametrize(("_status", "message", "kind", "row", "_class"), WITH_WORDS)
def test_a_body_or_a_sentence_without_a_status_is_enough(
    _status: int, message: str, kind: str, row: str, _class: type
) -> None:
    """Where a status alone tells nothing more, its words do."""
    if row in ("server-error", "canceled-there"):
        return  # told by their status alone
    body = json.dumps({"type": "error", "error": {"type": kind, "message": message}})

    assert row_ids(recognise(body)) == [row]
    assert row_ids(recognise(message)) == [row]
    assert row_ids(recognise(f"{{'error': {{'message': '{message}', 'type': '{kind}'}}}}")) == [row]


@pytest.mark.parametrize(
    "text", ["403", " 403 ", "HTTP 403", "HTTP/1.1 403 Forbidden", "status code: 403", "(403)"]
)
def test_a_status_alone_lists_what_it_can_mean(text: str) -> None:
    """Acceptance 22: 403 has many meanings, and none of them is guessed."""
    found = recognise(text)

    assert {"identity-gate", "quota-week", "concurrency-plan", "ban"} <= set(row_ids(found))
    assert (found.known, found.status) == (True, 403)


def test_a_type_alone_lists_what_it_can_mean() -> None:
    """One type, five meanings: three kinds of wait, a gate and a ban."""
    assert len(row_ids(recognise("access_terminated_error"))) == 8
    assert row_ids(recognise("exceeded_current_quota_error")) == ["empty-balance"]


@pytest.mark.parametrize("text", ["500", "502 Bad Gateway", "error 503 <html>down</html>"])
def test_a_status_with_one_meaning_needs_no_words(text: str) -> None:
    """A server error is one, whatever stands beside it."""
    assert row_ids(recognise(text)) == ["server-error"]


@pytest.mark.parametrize(
    "text",
    ["", " ", "hello", "{", "{}", '{"error": 5}', "sk-kimi-", "12", "exit code 5", "[1, 2", "999"],
)
def test_what_nobody_knows_is_unknown(text: str) -> None:
    """Nothing is guessed from a likeness."""
    found = recognise(text)
    assert (found.known, row_ids(found)) == (False, [])


@pytest.mark.parametrize("text", ["403 blubb", '{"error":{"message":"blubb","code":429}}', "418"])
def test_a_known_status_with_unknown_words_is_unknown_too(text: str) -> None:
    """The status says a little; the words beside it stay unknown."""
    found = recognise(text)
    assert not found.known
    assert [each.row.known for each in found.answers] == [False]


def not_tls() -> ssl.SSLError:
    """Return what a handshake raises when the other side does not speak TLS."""
    received = ssl.MemoryBIO()
    received.write(b"HTTP/1.1 400 Bad Request\r\n\r\n")
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    with pytest.raises(ssl.SSLError) as caught:
        context.wrap_bio(received, ssl.MemoryBIO(), server_hostname="x.invalid").do_handshake()
    return caught.value


def failures() -> list[errors.NetworkError]:
    """Return what the client says of each broken layer."""
    network = Network(connect_seconds=5, silence_seconds=180)
    through = Network(proxy_url="http://p.invalid:1", connect_seconds=5, silence_seconds=180)
    untrusted = ssl.SSLCertVerificationError(1, "certificate verify failed")
    untrusted.verify_message = "self-signed certificate"
    broken: list[tuple[BaseException, Layer, bool, Network]] = [
        (socket.gaierror(-2, "Name or service not known"), Layer.TCP, False, network),
        (ConnectionRefusedError(111, "Connection refused"), Layer.TCP, False, network),
        (TimeoutError(), Layer.TCP, True, network),
        (untrusted, Layer.TLS, False, network),
        (not_tls(), Layer.TLS, False, network),
        (TimeoutError(), Layer.TLS, True, network),
        (TimeoutError(), Layer.BODY, True, network),
        (ConnectionResetError(104, "Connection reset by peer"), Layer.HEAD, False, network),
        (ConnectionResetError(104, "Connection reset by peer"), Layer.BODY, False, network),
        (socket.gaierror(-2, "Name or service not known"), Layer.PROXY, False, through),
        (ConnectionRefusedError(111, "Connection refused"), Layer.PROXY, False, through),
        (TimeoutError(), Layer.PROXY, True, through),
        (not_tls(), Layer.PROXY, False, through),
        (ValueError("407 Proxy Authentication Required"), Layer.PROXY, False, through),
    ]
    return [
        named(Failure(error, layer, late, "api.kimi.com:443", way))
        for error, layer, late, way in broken
    ]


@pytest.mark.parametrize("error", failures(), ids=lambda error: error.message[:40])
def test_our_own_lines_about_the_network_are_known(error: errors.NetworkError) -> None:
    """Acceptance 26: each layer has a text, and `why` finds the class that wrote it."""
    found = recognise(f"Error: {error.message}\n{error.remedy}")

    assert found.failure is not None
    assert found.failure.error is type(error)


def test_each_layer_below_http_has_one_row() -> None:
    """No class below NetworkError is left without a meaning, a remedy and an exit code of 5."""
    assert {row.error for row in BELOW_HTTP} == set(errors.NetworkError.__subclasses__())
    assert {row.error.exit_code for row in BELOW_HTTP} == {5}
    assert not any("key" in row.meaning for row in BELOW_HTTP)


@pytest.mark.parametrize(
    ("text", "row"),
    [
        ("curl: (6) Could not resolve host: api.kimi.com", "no-dns"),
        ("socket.gaierror: [Errno -3] Temporary failure in name resolution", "no-dns"),
        ("getaddrinfo ENOTFOUND api.kimi.com", "no-dns"),
        ("[Errno 111] Connection refused", "refused"),
        ("connect ECONNREFUSED 127.0.0.1:9", "refused"),
        ("OSError: [Errno 101] Network is unreachable", "refused"),
        ("[SSL: CERTIFICATE_VERIFY_FAILED] certificate verify failed (_ssl.c:1006)", "tls"),
        ("httpx.ConnectTimeout", "connect-timeout"),
        ("requests.exceptions.ReadTimeout: Read timed out.", "silence"),
        ("httpx.RemoteProtocolError: peer closed connection", "cut-short"),
        ("read ECONNRESET", "cut-short"),
        ("OSError: Tunnel connection failed: 407 Proxy Authentication Required", "proxy"),
    ],
)
def test_words_of_other_programs_are_known_too(text: str, row: str) -> None:
    """People paste what their other tools say."""
    assert row_ids(recognise(text)) == [row]


def test_a_body_about_a_connection_is_an_answer_and_no_broken_connection() -> None:
    """An endpoint that quotes its own trouble has answered."""
    assert not recognise('{"error":{"message":"upstream: connection refused"}}').known


def test_an_error_inside_a_stream_is_found_again() -> None:
    """The client's line about it names no status."""
    plain = in_stream("tripped", "server_error", endpoint="api.kimi.com").message
    busy = in_stream(OVERLOADED, "engine_overloaded_error", endpoint="api.kimi.com").message

    assert row_ids(recognise(plain)) == ["error-in-stream"]
    assert row_ids(recognise(busy)) == ["overloaded"]


def test_the_host_in_the_text_makes_the_sentence_exact() -> None:
    """The region's console, the model's last day, the id of this endpoint."""
    balance = recognise('api.moonshot.cn 429 {"error":{"message":"insufficient balance"}}')
    dead = recognise("https://api.moonshot.ai/v1: 404 Not found the model kimi-k2.5 or Permission")
    other = recognise("api.kimi.com: Your model id does not exist, recognized as other:kimi-k3.")

    assert "https://platform.kimi.com. " in balance.answers[0].remedy
    assert "closed 2026-08-31" in dead.answers[0].meaning
    assert "`hermes model k3`" in other.answers[0].remedy


@pytest.mark.parametrize("accepted", [True, False])
def test_a_line_of_ours_about_a_key_keeps_what_the_client_knew(*, accepted: bool) -> None:
    """The body in the line says less than the line does."""
    kimi = find("kimi")
    assert kimi is not None
    here, there = kimi.endpoint("moonshot"), kimi.endpoint("moonshot-cn")
    asked = Asked(
        endpoint=here,
        key_product=here.product if accepted else kimi.endpoint("kimi-code").product,
        accepted_at=there if accepted else None,
    )
    body = b'{"error":{"message":"Invalid Authentication"}}'
    line = classify(401, body, endpoint="api.moonshot.ai", asked=asked)

    assert row_ids(recognise(f"{line.message}\n{line.remedy}")) == [line.row]


def test_seconds_and_tokens_are_read_from_the_text() -> None:
    """Numbers are what a row cannot know."""
    assert recognise("Rate limit exceeded, try again after 7 seconds").retry_after_seconds == 7
    assert recognise("balance: insufficient balance, after 7 seconds").retry_after_seconds is None
    overflow = recognise("exceeded model token limit: 262144 (requested: 269030)")
    assert "262,144 tokens, and 269,030" in overflow.answers[0].meaning


@given(st.text(max_size=300))
def test_no_text_crashes_it(text: str) -> None:
    """Anything can be pasted."""
    recognise(text)


@pytest.mark.parametrize("text", ["{" * 100_000, '{"a":' * 100_000, "[" * 100_000, "(4" * 50_000])
def test_brackets_without_end_do_not_crash_it(text: str) -> None:
    """Python's own reader gives up with RecursionError; then the text is only a text."""
    assert not recognise(text).known


CANARY = "sk-kimi-CANARY0123456789abcdef"


@given(
    st.sampled_from([message for _, message, _, _, _ in WITH_WORDS]), st.integers(0, 200), st.data()
)
def test_nothing_of_the_text_comes_out_again(
    message: str, position: int, data: st.DataObject
) -> None:
    """A key inside a paste is never repeated: only rows, known ids and numbers come out."""
    kind = data.draw(st.sampled_from(["", CANARY, "access_terminated_error"]))
    text = message[:position] + " " + CANARY + " " + message[position:]
    for pasted in (text, json.dumps({"error": {"message": text, "type": kind}}), f"403 {text}"):
        found = recognise(pasted)
        shown = "".join(each.meaning + each.remedy for each in found.answers) + found.kind
        assert "CANARY" not in shown
