"""What the model sees of files, whatever is in them."""

import asyncio
import os
import socket
import time
from pathlib import Path

import pytest

from agent.messages import ImagePart, TextPart, ToolCall
from agent.tools.arguments import decode
from agent.tools.base import Workspace
from agent.tools.files import digest
from agent.tools.read import Read
from tests.agent.tools.calls import action, done, place, refusal, said

PNG = b"\x89PNG\r\n\x1a\n" + bytes(100)


@pytest.fixture
def workspace(tmp_path: Path) -> Workspace:
    """A workspace in a directory of its own."""
    return place(tmp_path)


@pytest.fixture
def read(workspace: Workspace) -> Read:
    """The tool in it."""
    return Read(workspace)


def _file(workspace: Workspace, content: bytes, name: str = "a.txt") -> Path:
    path = workspace.root / name
    path.write_bytes(content)
    return path


def test_lines_have_numbers_and_the_file_is_remembered(workspace: Workspace, read: Read) -> None:
    """What was shown can be changed later, as long as it stays as it is."""
    path = _file(workspace, b"one\n\ttwo\n")

    outcome = done(read, path="a.txt")

    assert said(read, path="a.txt") == "1\tone\n2\t\ttwo\n(2 lines)"
    assert outcome.summary == "a.txt: 2 lines"
    assert workspace.read == {path: digest(path)}


def test_a_window_says_how_to_go_on(workspace: Workspace, read: Read) -> None:
    """The total, and the offset of the next piece."""
    _file(workspace, b"".join(b"%d\n" % number for number in range(1, 11)))

    window = said(read, path="a.txt", offset=4, limit=2)

    assert window == "4\t4\n5\t5\n(lines 4-5 of 10; offset 6 goes on)"
    assert said(read, path="a.txt", offset=10) == "10\t10\n(10 lines)"
    assert refusal(read, path="a.txt", offset=11) == "a.txt has 10 lines; 11 is behind its end."


@pytest.mark.parametrize(
    ("content", "shown"),
    [
        (b"", "(an empty file)"),
        (b"a", "1\ta\n(1 line; no newline at the end)"),
        (b"a\nb", "1\ta\n2\tb\n(2 lines; no newline at the end)"),
        (b"a\r\nb\r\n", "1\ta\n2\tb\n(2 lines; line ends are CRLF, which edit keeps)"),
        (b"a\r\nb\n", "1\ta\n2\tb\n(2 lines; line ends are CRLF in part, which edit keeps)"),
        ("é\n".encode("latin-1"), "1\té\n(1 line; no UTF-8, shown as Latin-1)"),
        ("é\n".encode("utf-8-sig"), "1\té\n(1 line; UTF-8 with a mark)"),
        ("é\nà\n".encode("utf-16"), "1\té\n2\tà\n(2 lines; UTF-16)"),
        ("\u2028a\x85b\x0cc\n".encode(), "1\t\u2028a\x85b\x0cc\n(1 line)"),
    ],
)
def test_encodings_and_line_ends_are_told(
    workspace: Workspace, read: Read, content: bytes, shown: str
) -> None:
    """The text is shown as it is meant, and what an edit must know is said."""
    _file(workspace, content)

    assert said(read, path="a.txt") == shown


def test_long_lines_are_cut(workspace: Workspace, read: Read) -> None:
    """A minified file does not fill the window; the next line is the next line."""
    _file(workspace, "é".encode() * 100_000 + b"\nnext\n")

    first, second, _ = said(read, path="a.txt").split("\n")

    assert first == "1\t" + "é" * 2000 + "… (the line has 200,001 bytes)"
    assert second == "2\tnext"


def test_a_text_longer_than_a_result_may_be_goes_on_at_a_line(
    workspace: Workspace, read: Read
) -> None:
    """At most 30,000 characters, and no line is lost between two windows."""
    _file(workspace, b"".join(b"%d %s\n" % (number, b"x" * 1500) for number in range(1, 61)))

    first = said(read, path="a.txt")

    assert len(first) < 31_000
    assert first.endswith("(lines 1-19 of 60; offset 20 goes on)")
    assert said(read, path="a.txt", offset=20).startswith("20\t20 xxx")


def test_an_enormous_file_is_read_by_windows(workspace: Workspace, read: Read) -> None:
    """Sparse 80 MB between two texts is passed in no memory to speak of, and in time."""
    path = _file(workspace, b"first\n" * 2000)
    with path.open("r+b") as file:
        file.seek(80_000_000)
        file.write(b"\nlast\n")
    began = time.monotonic()

    assert said(read, path="a.txt", limit=1).startswith("1\tfirst\n(lines 1-1 of many;")
    assert "2002\tlast\n" in said(read, path="a.txt", offset=2002)
    assert time.monotonic() - began < 10


@pytest.mark.parametrize(
    ("content", "kind"),
    [
        (b"\x7fELF\x02\x01\x01\x00", "a program or library"),
        (b"PK\x03\x04\x14\x00", "a zip archive, or a document or package that is one"),
        (b"abc\x00def", "binary"),
        ("a".encode("utf-32"), "binary"),
        (PNG, "a PNG image"),
    ],
)
def test_what_is_no_text_is_refused_with_its_kind_and_size(
    workspace: Workspace, read: Read, content: bytes, kind: str
) -> None:
    """The model learns what it is, and the file is not counted as read."""
    _file(workspace, content, "blob")

    assert refusal(read, path="blob").startswith(
        f"blob is {kind}, {len(content)} bytes, and no text."
    )
    assert workspace.read == {}


def test_an_image_is_shown_to_a_model_that_sees(workspace: Workspace) -> None:
    """Its bytes go as they are, with the type that they tell, not the name."""
    _file(workspace, PNG, "photo.jpg")

    outcome = done(Read(workspace, images=True), path="photo.jpg")

    assert outcome.parts[1] == ImagePart(PNG, "image/png")


def test_a_directory_is_listed(workspace: Workspace, read: Read) -> None:
    """Directories end with a slash, links show where they lead, odd names are quoted."""
    (workspace.root / "sub").mkdir()
    _file(workspace, b"", "two\nlines")
    (workspace.root / "link").symlink_to("/etc")

    assert said(read, path=".") == 'link -> /etc\nsub/\n"two\\nlines"'
    assert said(read, path="sub") == "(an empty directory)"
    assert said(read, path="two\nlines") == "(an empty file)"


def test_a_large_directory_is_listed_in_part(workspace: Workspace, read: Read) -> None:
    """At most 500 names, and how many more."""
    for number in range(510):
        _file(workspace, b"", f"{number:03}")

    assert said(read, path=".").endswith("499\n(and 10 more; find takes a pattern)")


def test_a_link_out_of_the_workspace_shows_its_target(workspace: Workspace, read: Read) -> None:
    """What permission is asked for is the file that would be read."""
    outside = workspace.root.parent / "outside.txt"
    outside.write_bytes(b"x\n")
    (workspace.root / "link").symlink_to(outside)

    assert action(read, path="link").paths == (outside,)
    assert action(read, path="../outside.txt").paths == (outside,)


def test_private_directories_are_closed(workspace: Workspace, read: Read) -> None:
    """Neither by a link nor by a way around; our own scratch files are open."""
    (private,) = workspace.private
    (private / "keys.toml").write_bytes(b"secret\n")
    (workspace.root / "link").symlink_to(private)
    (workspace.scratch / "long.txt").write_bytes(b"output\n")

    for path in ("link/keys.toml", "../private/keys.toml", str(private), "link"):
        assert refusal(read, path=path).endswith("is private: tools never touch it.")
    assert said(read, path=str(workspace.scratch / "long.txt")) == "1\toutput\n(1 line)"


def test_processes_are_closed(read: Read) -> None:
    """The kernel shows a process's environment, and with it keys, as a file."""
    for path in ("/proc/self/environ", f"/proc/{os.getpid()}/environ", "/proc/thread-self/mem"):
        assert "is private" in refusal(read, path=path)


def test_what_is_missing_is_told_with_names_like_it(workspace: Workspace, read: Read) -> None:
    """A slip in a name costs one call, not three."""
    _file(workspace, b"", "configuration.py")

    assert refusal(read, path="config.py") == "There is no config.py. There is configuration.py."
    assert refusal(read, path="no/where") == "There is no no/where."
    assert "cannot be read" in refusal(read, path="x" * 300)
    assert "zero byte" in refusal(read, path="a\0b")
    (workspace.root / "round").symlink_to("round")
    assert "'round' cannot be followed" in refusal(read, path="round")


def test_what_never_ends_is_not_opened(workspace: Workspace, read: Read) -> None:
    """A pipe, a socket or a device would hold the agent for ever."""
    os.mkfifo(workspace.root / "pipe")
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(workspace.root / "s"))
        for path in ("pipe", "s", "/dev/zero"):
            assert "is no file but a device, a pipe or a socket" in refusal(read, path=path)


def test_a_name_in_no_encoding_can_be_read(workspace: Workspace, read: Read) -> None:
    """It is shown as a JSON string, and taken back as one."""
    (workspace.root / os.fsdecode(b"a\xff")).write_bytes(b"x\n")

    assert said(read, path=".") == '"a\\udcff"'
    arguments = decode(ToolCall("1", "read", '{"path": "a\\udcff"}'), read)
    outcome = asyncio.run(read.run(arguments))
    assert outcome.parts == (TextPart("1\tx\n(1 line)"),)
    assert outcome.summary == '"a\\udcff": 1 line'
