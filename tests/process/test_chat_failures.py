"""`hermes chat -q` when something refuses, breaks or is stopped: a sentence and an exit code."""

import json
import signal
import socket
import time
from pathlib import Path
from typing import Any

import pytest
import trustme

from kimi_mock.replies import Reply
from kimi_mock.server import KimiMock
from tests.conftest import PLATFORM_KEY
from tests.support.process import Hermes, Result

pytestmark = pytest.mark.here

EVENT_STREAM = {"Content-Type": "text/event-stream"}
FIRST_PIECE = b'data: {"choices":[{"delta":{"content":"Hel"}}]}\n\n'


def complaint(result: Result) -> str:
    """Return the sentence of an error, after checking its form: then a remedy with a command."""
    *_, sentence, remedy = result.stderr.splitlines()
    assert sentence.startswith("Error: "), result.stderr
    assert "`" in remedy
    assert "Traceback" not in result.stderr
    assert PLATFORM_KEY not in result.stderr
    return sentence


@pytest.mark.parametrize(
    ("status", "kind", "said"),
    [
        (401, "invalid_authentication_error", "Invalid Authentication"),
        (403, "permission_error", "This key may not do that."),
        (404, "resource_not_found_error", "Not found the model x or Permission denied"),
        (429, "rate_limit_reached_error", "Organization Rate limit exceeded"),
        (500, "server_error", "context deadline exceeded"),
    ],
)
def test_a_refusal_is_told_in_the_endpoints_own_words(
    kimi: KimiMock, hermes: Hermes, status: int, kind: str, said: str
) -> None:
    """Each refusal is asked for once, quoted, and ends with 4."""
    kimi.replies.append(Reply.error(status, {"error": {"message": said, "type": kind}}))

    result = hermes("chat", "-q", "hi", "--retries", "0", key=PLATFORM_KEY)

    assert (result.stdout, result.code) == ("", 4)
    assert said in complaint(result)
    assert len(kimi.seen) == 1


def test_a_refusal_is_an_event_too(kimi: KimiMock, hermes: Hermes) -> None:
    """With `--json` the error is the last line, and the exit code the same."""
    kimi.replies.append(Reply.error(404, {"error": {"message": "Not here", "type": "x"}}))

    result = hermes.process("chat", "-q", "hi", "--json", key=PLATFORM_KEY)

    last: dict[str, Any] = json.loads(result.stdout.splitlines()[-1])
    assert (last["event"], last["class"], last["status"]) == ("error", "NotFound", 404)
    assert last["exit_code"] == result.code == 4
    assert "Not here" in last["message"]


def test_a_wrong_start_is_an_event_too(kimi: KimiMock, hermes: Hermes) -> None:
    """What fails before anything is sent is told in the same form."""
    result = hermes("chat", "-q", "hi", "--json", "--provider", "nobody", key=PLATFORM_KEY)

    [event] = map(json.loads, result.stdout.splitlines())
    assert (event["event"], event["class"], event["exit_code"]) == ("error", "AuthError", 3)
    assert kimi.connects == []


@pytest.mark.parametrize(
    "reply",
    [
        Reply.raw(200, EVENT_STREAM, [FIRST_PIECE]),
        Reply.raw(200, EVENT_STREAM, [FIRST_PIECE, b'data: {"cho'], cut=True),
        Reply.streaming({"content": "Hel"}, done=False),
    ],
    ids=["ended", "cut", "unmarked"],
)
def test_a_cut_answer_keeps_what_came(kimi: KimiMock, hermes: Hermes, reply: Reply) -> None:
    """Without its end mark, or cut in its middle, an answer is incomplete, and said to be."""
    kimi.replies.append(reply)

    result = hermes("chat", "-q", "hi", "--retries", "0", key=PLATFORM_KEY)

    assert (result.stdout, result.code) == ("Hel\n", 5)
    assert "what came" in complaint(result)
    assert len(kimi.seen) == 1


def test_an_error_in_the_middle_of_an_answer_keeps_what_came(
    kimi: KimiMock, hermes: Hermes
) -> None:
    """An error object inside a stream is told like the endpoint's other refusals."""
    error = b'data: {"error":{"message":"The engine tripped","type":"server_error"}}\n\n'
    kimi.replies.append(Reply.raw(200, EVENT_STREAM, [FIRST_PIECE, error]))

    result = hermes("chat", "-q", "hi", "--retries", "0", key=PLATFORM_KEY)

    assert (result.stdout, result.code) == ("Hel\n", 4)
    assert "The engine tripped" in complaint(result)


def test_a_dead_proxy_is_the_proxys_fault(offline: Hermes) -> None:
    """Nobody listens at the proxy: it is named, with the variable it came from."""
    result = offline.process("chat", "-q", "hi", key=PLATFORM_KEY)

    assert result.code == 5
    assert "proxy" in complaint(result).lower()


def test_a_name_without_an_address_is_dns(offline: Hermes) -> None:
    """A host that DNS does not know is told as that, and not as a bad key."""
    around = {"NO_PROXY": "kimi.invalid", "no_proxy": "kimi.invalid"}

    result = offline(
        "chat", "-q", "hi", "--base-url", "https://kimi.invalid/v1", key=PLATFORM_KEY, env=around
    )

    assert result.code == 5
    assert "kimi.invalid" in complaint(result)
    assert "DNS" in complaint(result)


def test_nobody_at_the_address_is_told_at_once(offline: Hermes) -> None:
    """A refused connection on loopback names the address and uses no proxy."""
    with socket.socket() as bound:
        bound.bind(("127.0.0.1", 0))
        address = f"127.0.0.1:{bound.getsockname()[1]}"
        began = time.monotonic()

        result = offline("chat", "-q", "hi", "--base-url", f"http://{address}/v1", key=PLATFORM_KEY)

    assert result.code == 5
    assert address in complaint(result)
    assert time.monotonic() - began < 5


def test_a_certificate_of_a_stranger_is_tls(kimi: KimiMock, hermes: Hermes, tmp_path: Path) -> None:
    """Another authority than the endpoint's own: the certificates in use are named."""
    stranger = tmp_path / "stranger.pem"
    trustme.CA().cert_pem.write_to_path(str(stranger))

    result = hermes("chat", "-q", "hi", key=PLATFORM_KEY, env={"SSL_CERT_FILE": str(stranger)})

    assert result.code == 5
    assert str(stranger) in complaint(result)
    assert kimi.seen == []


def test_pieces_appear_as_they_arrive_and_ctrl_c_keeps_them(kimi: KimiMock, hermes: Hermes) -> None:
    """The first piece is there while the second is waited for; an interrupt ends with 130."""
    kimi.replies.append(Reply.streaming({"content": "Hel"}, {"content": "lo."}, pause_seconds=0.7))
    with hermes.start("chat", "-q", "hi", key=PLATFORM_KEY) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        first = process.stdout.read(3)
        process.send_signal(signal.SIGINT)
        rest, complaints = process.stdout.read(), process.stderr.read()
        code = process.wait(timeout=10)

    assert (first, rest, code) == (b"Hel", b"\n", 130)
    assert b"Traceback" not in complaints


def test_a_reader_who_leaves_ends_the_run_in_silence(kimi: KimiMock, hermes: Hermes) -> None:
    """`| head -1`: once nobody reads, the request is dropped, without a traceback."""
    lines = [{"content": f"line {number}\n"} for number in range(200)]
    kimi.replies.append(Reply.streaming(*lines, pause_seconds=0.01))
    with hermes.start("chat", "-q", "hi", key=PLATFORM_KEY) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        assert process.stdout.readline() == b"line 0\n"
        process.stdout.close()
        complaints = process.stderr.read()
        code = process.wait(timeout=10)

    assert code == 0
    assert complaints.count(b"\n") == 1, complaints
