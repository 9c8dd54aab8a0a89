"""Bytes → payloads, wherever the bytes are cut."""

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent.errors import ServerFailed
from agent.transport.sse import EVENT_LIMIT_BYTES, SseParser

RECORDED = (
    "\ufeff: keep-alive\r\n\r\n"
    'data: {"choices":[{"delta":{"role":"assistant","content":""}}]}\n\n'
    'data:{"choices":[{"delta":{"reasoning_content":"思考\u2028 é"}}]}\r\n\r\n'
    "event: message\nid: 7\nretry: 10\n"
    'data: {"choices":[{"delta":{"content":"a\u0085b\u2029 \U0001f44b"}}]}\r\r'
    "data: one\ndata:  two\ndata\ndata: \n\n"
    ": nothing but a comment\n\n"
    "event: ping\n\n"
    "data:\n\n"
    "\n\n\n"
    "dataset: not ours\n data: not ours either\n\n"
    "data: [DONE]\r\n\r\n"
).encode()
PAYLOADS = [
    b'{"choices":[{"delta":{"role":"assistant","content":""}}]}',
    '{"choices":[{"delta":{"reasoning_content":"思考\u2028 é"}}]}'.encode(),
    '{"choices":[{"delta":{"content":"a\u0085b\u2029 \U0001f44b"}}]}'.encode(),
    b"one\n two\n",
    b"[DONE]",
]


def parsed(*pieces: bytes) -> list[bytes]:
    """Return the payloads of some pieces."""
    parser = SseParser()
    payloads = [payload for piece in pieces for payload in parser.feed(piece)]
    return payloads + parser.finish()


def test_a_recorded_stream_gives_its_payloads() -> None:
    """One feed holds comments, all three line ends, a byte order mark and empty events."""
    assert parsed(RECORDED) == PAYLOADS


def test_a_cut_at_every_byte_changes_nothing() -> None:
    """Two feeds give what one gives, also when the cut is inside a character or a CRLF."""
    for cut in range(len(RECORDED) + 1):
        assert parsed(RECORDED[:cut], RECORDED[cut:]) == PAYLOADS, cut


def test_single_bytes_change_nothing() -> None:
    """Each byte may come alone, with empty reads between."""
    pieces = [piece for byte in RECORDED for piece in (bytes([byte]), b"")]
    assert parsed(*pieces) == PAYLOADS


def test_an_event_is_given_as_soon_as_its_blank_line_came() -> None:
    """A CR that ends the blank line is not kept waiting for an LF that may follow."""
    parser = SseParser()
    assert parser.feed(b"data: a\r\n\r") == [b"a"]
    assert parser.feed(b"\ndata: b\n") == []
    assert parser.feed(b"\n") == [b"b"]


def test_a_last_event_without_a_blank_line_is_given_at_the_end() -> None:
    """Some servers close right after their last line, with or without its end."""
    assert parsed(b"data: a\n\ndata: [DONE]") == [b"a", b"[DONE]"]
    assert parsed(b"data: a\n\ndata: [DONE]\n") == [b"a", b"[DONE]"]
    assert parsed(b"") == []


def test_a_byte_order_mark_counts_only_at_the_start() -> None:
    """Later on the three bytes are text, and two of them at the end are nothing."""
    assert parsed(b"\xef\xbb\xbfdata: a\n\n", b"\xef\xbb\xbfdata: b\n\n") == [b"a"]
    assert parsed(b"\xef\xbb") == []


def test_an_event_above_sixteen_mebibytes_is_refused() -> None:
    """A server that never ends an event cannot fill the memory."""
    parser = SseParser()
    parser.feed(b"data: ")
    parser.feed(b"x" * (EVENT_LIMIT_BYTES - 6))
    with pytest.raises(ServerFailed, match="more than 16 MiB"):
        parser.feed(b"x")


@given(
    values=st.lists(
        st.lists(st.text(st.characters(codec="utf-8", exclude_characters="\r\n"), min_size=1))
    ),
    space=st.booleans(),
    end=st.sampled_from(["\n", "\r", "\r\n"]),
    cuts=st.lists(st.integers(0, 400)),
)
def test_any_text_comes_back_whatever_the_line_end_and_the_cuts(
    values: list[list[str]], space: bool, end: str, cuts: list[int]
) -> None:
    """What is put in by lines comes out joined by LF."""
    field = "data: " if space else "data:"
    lines = [line for event in values for line in (*(field + text for text in event), "")]
    stream = "".join(line + end for line in lines).encode()
    places = sorted({min(cut, len(stream)) for cut in cuts} | {0, len(stream)})
    pieces = [stream[a:b] for a, b in pairwise(places)]

    expected = [
        "\n".join(text if space else text.removeprefix(" ") for text in event).encode()
        for event in values
    ]
    assert parsed(*pieces) == [payload for payload in expected if payload]
