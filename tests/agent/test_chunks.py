"""Merged chunks against the HTTP library's own parser: the same answer, in fewer pieces."""

from collections.abc import Iterable, Sequence

import h11
import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent.transport.chunks import HEAD_LIMIT_BYTES, ChunkMerger

HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n"
BODY = b"5\r\none\r\n\r\n1a\r\nabcdefghijklmnopqrstuvwxyz\r\n3\r\n\r\nx\r\n"
END = b"0\r\n\r\n"


def read(pieces: Iterable[bytes]) -> tuple[bytes, list[str], int]:
    """Return the body, how the answer ended, and in how many pieces h11 gave it."""
    connection = h11.Connection(h11.CLIENT)
    request = h11.Request(method="GET", target="/", headers=[("Host", "x")])
    connection.send(request)
    connection.send(h11.EndOfMessage())
    body, count = b"", 0
    ends: list[str] = []
    for piece in (*pieces, b""):
        connection.receive_data(piece)
        try:
            while (event := connection.next_event()) is not h11.NEED_DATA:
                if isinstance(event, h11.Data):
                    body, count = body + event.data, count + 1
                elif event is h11.PAUSED or isinstance(event, h11.EndOfMessage):
                    return body, [*ends, "whole"], count
                else:
                    ends.append(type(event).__name__)
        except h11.RemoteProtocolError:
            return body, [*ends, "refused"], count
    return body, ends, count


def merged(pieces: Sequence[bytes]) -> list[bytes]:
    """Return what a new merger makes of the pieces, those left out that wait for more."""
    merger = ChunkMerger()
    merger.next_answer()
    return [out for piece in pieces if (out := merger.feed(piece))]


def cut(whole: bytes, places: Iterable[int]) -> list[bytes]:
    """Return the bytes in the pieces between the places."""
    ends = sorted({place for place in places if 0 < place < len(whole)})
    return [whole[a:b] for a, b in zip([0, *ends], [*ends, len(whole)], strict=True)]


def test_many_chunks_become_one() -> None:
    """What came in one read is one piece of body, and the end still ends it."""
    assert merged([HEAD + BODY + END]) == [
        HEAD + b"22\r\none\r\nabcdefghijklmnopqrstuvwxyz\r\nx\r\n" + END
    ]


@pytest.mark.parametrize("place", range(1, len(HEAD + BODY + END)))
def test_cut_anywhere_nothing_is_lost(place: int) -> None:
    """Two reads, cut at every byte: in the head, a size, a text, a line end."""
    whole = HEAD + BODY + END
    assert read(merged(cut(whole, [place])))[:2] == read([whole])[:2]


def test_byte_by_byte_nothing_is_lost() -> None:
    """The slowest server there is."""
    whole = HEAD + BODY + END
    pieces = merged([whole[i : i + 1] for i in range(len(whole))])
    assert read(pieces)[:2] == read([whole])[:2]


@pytest.mark.parametrize(
    "whole",
    [
        HEAD + BODY,
        HEAD + BODY[:-4],
        HEAD + b"5\r\none\r\n\r\nzz\r\n",
        HEAD + b"5\r\nonetwothree\r\n" + END,
        # What follows a chunk that has no line end may look like the end of the body.
        HEAD + b"9\r\nx\r\n1\r\ny\r\n0\r\n\r\n",
        HEAD + b"\r\n5\r\none\r\n\r\n" + END,
        HEAD + b"-5\r\none\r\n\r\n" + END,
        HEAD + b"0x5\r\none\r\n\r\n" + END,
        HEAD + b"5;name=value\r\none\r\n\r\n" + BODY + END,
        HEAD + b"00005\r\none\r\n\r\n" + END,
        HEAD + BODY + b"0\r\nTrailer: x\r\n\r\n",
        HEAD + b"f" * 99 + b"\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n5\r\no\n",
        b"HTTP/1.1 200 OK\r\n\r\n" + BODY + END,
        b"HTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\n" + HEAD + BODY + END,
        b"HTTP/1.1 429 Busy\r\nTransfer-Encoding: chunked\r\n\r\n" + BODY + END,
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip, chunked\r\n\r\n" + BODY + END,
        b"\x05\x00",
        b"SSH-2.0\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nX: " + b"x" * (HEAD_LIMIT_BYTES + 9) + b"\r\n\r\n",
        b"",
    ],
)
def test_what_is_unusual_is_judged_as_before(whole: bytes) -> None:
    """Cut short, malformed, with trailers, or no chunks at all: h11 says what it says without."""
    assert read(merged([whole]))[:2] == read([whole])[:2]
    pieces = cut(whole, range(0, len(whole), 7))
    assert read(merged(pieces))[:2] == read(pieces)[:2]


@given(
    st.lists(st.binary(min_size=1, max_size=40), max_size=12),
    st.lists(st.integers(1, 600), max_size=12),
    st.lists(st.tuples(st.integers(0, 600), st.integers(0, 255)), max_size=2),
)
def test_any_answer_damaged_anywhere(
    texts: list[bytes], places: list[int], damage: list[tuple[int, int]]
) -> None:
    """Any chunks, any cuts, up to two wrong bytes in the body: the same body, the same end."""
    chunks = b"".join(b"%x\r\n%b\r\n" % (len(text), text) for text in texts)
    body = bytearray(chunks + END)
    for place, value in damage:
        body[place % len(body)] = value
    whole = HEAD + bytes(body)

    before, after = read(cut(whole, places)), read(merged(cut(whole, places)))

    if "refused" in before[1]:
        # What came before the damage may stand; nothing is made up, and nobody calls it whole.
        assert "whole" not in after[1]
        assert before[0].startswith(after[0]) or after[0].startswith(before[0])
    else:
        assert after[:2] == before[:2]
    assert after[2] <= max(before[2], 1)


def test_the_next_answer_begins_anew() -> None:
    """A kept connection: after one answer in chunks, one with a length passes as it is."""
    merger = ChunkMerger()
    plain = b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n2\r\nab\r\n0"
    for whole, expected in ((HEAD + BODY + END, None), (plain, plain), (HEAD + BODY + END, None)):
        merger.next_answer()
        assert merger.feed(whole) == (expected or merged([whole])[0])
