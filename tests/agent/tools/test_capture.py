"""Output that is kept: all of a little, head and tail of much, plain text of what screens show."""

import asyncio
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent.tools.capture import SHOWN_CHARACTERS, Capture, excerpt, plain


@given(pieces=st.lists(st.binary(max_size=40), max_size=12), offset=st.integers(-5, 200))
def test_what_is_kept_is_what_came(
    tmp_path_factory: pytest.TempPathFactory, pieces: list[bytes], offset: int
) -> None:
    """Head and tail of 16 bytes hold, on disk and by offset, exactly those bytes, at any cut."""
    capture = Capture(tmp_path_factory.mktemp("capture") / "out.txt", kept_bytes=16)
    whole = b""
    for piece in pieces:
        capture.add(piece)
        whole += piece
        text, start, end = capture.since(offset, 9)
        assert text == plain(whole[start:end].decode(errors="replace"))
    capture.finish()
    capture.finish()

    text, start, end = capture.since(offset, 9)
    assert text == plain(whole[start:end].decode(errors="replace"))
    missing = len(whole) - 32
    note = f"\n[… {missing:,} bytes were not kept …]\n".encode()
    kept = whole[:16] + note + whole[-16:] if missing > 0 else whole
    assert capture.path.read_bytes() == kept
    assert [path.name for path in capture.path.parent.iterdir()] == ["out.txt"]


def test_much_is_shown_by_its_head_and_tail(tmp_path: Path) -> None:
    """The model sees 15,000 characters of each, how much there was and where the whole is."""
    capture = Capture(tmp_path / "out.txt")
    for number in range(20_000):
        capture.add(f"{number}\n".encode())
    capture.finish()

    head, note, tail = (capture.text()[:15_000], *capture.text()[15_001:].split("\n", 1))

    assert head.startswith("0\n1\n2\n")
    assert tail.endswith("19998\n19999\n")
    assert len(tail) == SHOWN_CHARACTERS
    assert note == (
        "[… 108,890 bytes in all; the middle is left out; "
        f"the whole is in {tmp_path / 'out.txt'} …]"
    )


def test_a_character_waits_for_its_last_byte(tmp_path: Path) -> None:
    """Read by offset while it comes, a letter of three bytes is never shown as three faults."""
    capture = Capture(tmp_path / "out.txt")
    capture.add(b"a\xe2\x82")
    assert capture.since(0, 100) == ("a", 0, 1)
    capture.add(b"\xac")
    assert capture.since(1, 100) == ("€", 1, 4)
    capture.drop()
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("printed", "shown"),
    [
        ("\x1b[1;31mred\x1b[0m \x1b]8;;http://x\x07link\x1b]8;;\x1b\\\n", "red link\n"),
        (" 1%\r 50%\r100%\ndone\r\n", "100%\ndone\n"),
        ("\x1b(Bplain\x1b=\x07\x00\x08", "plain"),
        ("\x1b]0;never ended", ""),
        ("tab\tand\nlines", "tab\tand\nlines"),
    ],
)
def test_only_what_reads_well_is_left(printed: str, shown: str) -> None:
    """Colours, titles, progress and bells are for screens; the words stay."""
    assert plain(printed) == shown


def test_a_long_line_costs_no_more_than_its_length() -> None:
    """A megabyte without a line end, or of escapes that never end, is plain at once."""

    async def soon() -> None:
        async with asyncio.timeout(2):
            await asyncio.to_thread(plain, "x" * 1_000_000 + "\x1b]" * 100_000)

    asyncio.run(soon())


def test_a_long_text_leaves_its_middle_in_a_file(tmp_path: Path) -> None:
    """What is short stays whole and leaves no file; what is long names its file."""
    path = tmp_path / "scratch" / "page.txt"

    assert excerpt("x" * 30_000, path) == "x" * 30_000
    assert not path.exists()
    shown = excerpt("a" * 20_000 + "b" * 20_000, path)
    assert path.read_text() == "a" * 20_000 + "b" * 20_000
    assert shown == (
        f"{'a' * 15_000}\n[… 10,000 characters are left out; the whole is in {path} …]\n"
        f"{'b' * 15_000}"
    )
