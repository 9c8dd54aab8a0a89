"""Writing files whole: what may be replaced, what stays, and what a full disk leaves."""

import os
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from agent.tools.base import ToolError, Workspace
from agent.tools.edit import Edit
from agent.tools.read import Read
from agent.tools.write import Write
from tests.agent.tools.calls import action, done, place, refusal, said

ON_A_SMALL_DISK = """
import resource, sys
from pathlib import Path
from agent.tools.base import ToolError, Workspace
from agent.tools.read import Read
from agent.tools.write import Write, WriteArguments
from tests.agent.tools.calls import done, refusal

root = Path(sys.argv[1])
workspace = Workspace(root=root, scratch=root / "scratch")
done(Read(workspace), path="a.txt")
resource.setrlimit(resource.RLIMIT_FSIZE, (50_000, 50_000))
for path in ("a.txt", "new.txt"):
    sys.stdout.write(refusal(Write(workspace), path=path, content="x" * 200_000) + "\\n")
"""


@pytest.fixture
def workspace(tmp_path: Path) -> Workspace:
    """A workspace in a directory of its own."""
    return place(tmp_path)


@pytest.fixture
def write(workspace: Workspace) -> Write:
    """The tool in it."""
    return Write(workspace)


def test_a_new_file_is_written_with_its_directories(workspace: Workspace, write: Write) -> None:
    """With the mode that the user's umask gives, and the diff shown before."""
    wanted = action(write, path="src/new/a.py", content="x = 1")
    assert wanted.paths == (workspace.root / "src/new/a.py",)
    assert wanted.preview == (
        "--- /dev/null\n+++ src/new/a.py\n@@ -0,0 +1,1 @@\n+x = 1\n\\ No newline at end of file\n"
    )

    assert said(write, path="src/new/a.py", content="x = 1") == "Wrote src/new/a.py: 1 line."

    path = workspace.root / "src/new/a.py"
    assert path.read_bytes() == b"x = 1"
    umask = os.umask(0)
    os.umask(umask)
    assert stat.S_IMODE(path.stat().st_mode) == 0o666 & ~umask
    assert [each.name for each in path.parent.iterdir()] == ["a.py"]


def test_a_file_that_was_not_read_is_not_replaced(workspace: Workspace, write: Write) -> None:
    """After a reading it is; and again without one, for then it was written here."""
    path = workspace.root / "a.txt"
    path.write_text("precious\n")

    assert "was not read. Read it first" in refusal(write, path="a.txt", content="x\n")
    done(Read(workspace), path="a.txt")
    outcome = done(write, path="a.txt", content="x\n")
    assert outcome.diff == "--- a.txt\n+++ a.txt\n@@ -1,1 +1,1 @@\n-precious\n+x\n"
    done(write, path="a.txt", content="y\n")
    assert path.read_text() == "y\n"

    path.write_text("somebody else's\n")
    assert "has changed since" in refusal(write, path="a.txt", content="z\n")
    assert path.read_text() == "somebody else's\n"


def test_what_stands_where_a_directory_should_be_is_named(
    workspace: Workspace, write: Write
) -> None:
    """`write a/b`, where `a` is a file, was shown to the person, and then said `File exists`."""
    (workspace.root / "a").write_text("x")

    for path in ("a/b", "a/b/c"):
        told = refusal(write, path=path, content="y")
        assert told == f"{path} cannot be there: {workspace.root}/a is no directory."
        with pytest.raises(ToolError):
            action(write, path=path, content="y")
    edit = refusal(Edit(workspace), path="a/b", edits=[{"old": "", "new": "y"}])
    assert edit == f"a/b cannot be there: {workspace.root}/a is no directory."


def test_an_empty_file_is_filled_unread(workspace: Workspace, write: Write) -> None:
    """There is nothing in it to lose."""
    (workspace.root / "a.txt").touch()

    done(write, path="a.txt", content="x")

    assert (workspace.root / "a.txt").read_text() == "x"


@pytest.mark.parametrize(
    ("before", "content", "after", "note"),
    [
        (b"a\r\nb\r\n", "c\nd\n", b"c\r\nd\r\n", " (its line ends stay CRLF)"),
        (b"a\r\nb\r\n", "c\r\nd\n", b"c\r\nd\n", ""),
        ("é\n".encode("utf-8-sig"), "à\n", "à\n".encode("utf-8-sig"), ""),
        (b"caf\xe9\n", "th\xe9\n", b"th\xe9\n", ""),
        (b"caf\xe9\n", "→\n", "→\n".encode(), " (it is in UTF-8 now, not in Latin-1)"),
    ],
)
def test_encoding_and_line_ends_stay(
    workspace: Workspace, before: bytes, content: str, after: bytes, note: str
) -> None:
    """A file is written as it was, where its encoding has the characters."""
    path = workspace.root / "a.txt"
    path.write_bytes(before)
    done(Read(workspace), path="a.txt")

    assert said(Write(workspace), path="a.txt", content=content).endswith(f".{note}")
    assert path.read_bytes() == after


def test_a_disk_that_fills_leaves_what_was_there(workspace: Workspace) -> None:
    """The kernel ends a write in its middle: the old file is whole, and no piece is left."""
    path = workspace.root / "a.txt"
    path.write_text("precious\n")

    result = subprocess.run(
        [sys.executable, "-c", ON_A_SMALL_DISK, str(workspace.root)],
        cwd=Path(__file__).parents[3],
        capture_output=True,
        text=True,
        check=True,
    )

    full = "cannot be written: the disk is full. Nothing was changed.\n"
    assert result.stdout == f"a.txt {full}new.txt {full}"
    assert [each.name for each in workspace.root.iterdir()] == ["a.txt"]
    assert path.read_text() == "precious\n"


def test_what_cannot_be_written_is_told(write: Write) -> None:
    """Directories, names too long, devices, and what is private."""
    assert "is a directory" in refusal(write, path=".", content="x")
    assert "File name too long" in refusal(write, path="x" * 300, content="x")
    assert "no file but a device" in refusal(write, path="/dev/null", content="x")
    assert "is private" in refusal(write, path="../private/config.toml", content="x")
    assert "surrogate" in _told_of_half_a_character(write)


def _told_of_half_a_character(write: Write) -> str:
    from agent.messages import ToolCall
    from agent.tools.arguments import decode
    from agent.tools.base import ToolError

    arguments = decode(ToolCall("1", "write", '{"path": "h", "content": "\\udcff"}'), write)
    with pytest.raises(ToolError) as raised:
        write.action(arguments)
    return str(raised.value)


def test_a_link_out_of_the_workspace_is_asked_for_by_its_target(
    workspace: Workspace, write: Write
) -> None:
    """Permission is judged on the file that would change, also if it does not exist yet."""
    outside = workspace.root.parent / "outside"
    (workspace.root / "link").symlink_to(outside)

    assert action(write, path="link", content="x").paths == (outside,)
    assert action(write, path="link/a.txt", content="x").paths == (outside / "a.txt",)


def test_a_hard_link_elsewhere_keeps_the_old_bytes(workspace: Workspace, write: Write) -> None:
    """A package store that shares its files by links is not changed from a project."""
    store = workspace.root.parent / "store.txt"
    store.write_text("shared\n")
    (workspace.root / "a.txt").hardlink_to(store)
    done(Read(workspace), path="a.txt")

    done(write, path="a.txt", content="mine\n")

    assert store.read_text() == "shared\n"
