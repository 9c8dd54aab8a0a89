"""Exact replacement: what matches, what is kept, and what is said when it cannot be done."""

import os
import stat
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent.tools.base import Workspace
from agent.tools.edit import Edit
from agent.tools.matching import places, replaced
from agent.tools.read import Read
from tests.agent.tools.calls import action, done, place, refusal, said

CODE = b"""def add(a, b):
    # adds
    return a - b


def sub(a, b):
    return a - b
"""


@pytest.fixture
def workspace(tmp_path: Path) -> Workspace:
    """A workspace with a program in it that was read."""
    workspace = place(tmp_path)
    _file(workspace, CODE)
    done(Read(workspace), path="a.py")
    return workspace


@pytest.fixture
def edit(workspace: Workspace) -> Edit:
    """The tool in it."""
    return Edit(workspace)


def _file(workspace: Workspace, content: bytes, name: str = "a.py") -> Path:
    path = workspace.root / name
    path.write_bytes(content)
    return path


def _one(old: str, new: str, **more: object) -> list[dict[str, object]]:
    return [{"old": old, "new": new, **more}]


def test_a_passage_is_replaced_and_the_diff_is_shown_before(
    workspace: Workspace, edit: Edit
) -> None:
    """The diff that permission is asked for is the one that is made."""
    edits = _one("adds\n    return a - b", "adds\n    return a + b")

    wanted = action(edit, path="a.py", edits=edits)
    outcome = done(edit, path="a.py", edits=edits)

    assert wanted.kind == "write"
    assert wanted.paths == (workspace.root / "a.py",)
    assert wanted.preview == outcome.diff
    assert outcome.diff == (
        "--- a.py\n+++ a.py\n@@ -1,6 +1,6 @@\n def add(a, b):\n     # adds\n"
        "-    return a - b\n+    return a + b\n \n \n def sub(a, b):\n"
    )
    assert outcome.summary == "Edited a.py: line 2"
    assert (workspace.root / "a.py").read_bytes() == CODE.replace(b"a - b", b"a + b", 1)


def test_several_edits_are_done_in_their_order(workspace: Workspace, edit: Edit) -> None:
    """Each sees what the one before left; another call goes on without reading again."""
    edits = [*_one("# adds", "# sums"), *_one("# sums\n", "# sums up\n")]

    assert said(edit, path="a.py", edits=edits) == "Edited a.py: lines 2, 2."
    assert said(edit, path="a.py", edits=_one("a - b", "b", all=True)).endswith("lines 3, 7.")
    assert b"# sums up\n    return b" in (workspace.root / "a.py").read_bytes()


def test_all_or_nothing(workspace: Workspace, edit: Edit) -> None:
    """If one edit cannot be done, the file stays as it was."""
    edits = [*_one("# adds", "# sums"), *_one("nowhere to be found", "")]

    told = refusal(edit, path="a.py", edits=edits)

    assert told.startswith("Edit 2 of 2: `old` is not in the file")
    assert told.endswith("Nothing was changed.")
    assert (workspace.root / "a.py").read_bytes() == CODE


def test_a_passage_that_is_there_twice_is_told_with_its_lines(edit: Edit) -> None:
    """The model can add what tells the places apart."""
    told = refusal(edit, path="a.py", edits=_one("return a - b", "return 0"))

    assert told.startswith("`old` is there 2 times, from the lines 3, 7. Give more of the text")


@pytest.mark.parametrize(
    ("old", "difference"),
    [
        (
            "def add(a, b):\n  # adds\n",
            'Line 2 differs only in its spaces: the file has "    # adds", `old` has "  # adds".',
        ),
        ("def add(a, c):\n    # adds", 'Line 1 differs: the file has "def add(a, b):"'),
        ("return a - b\n\nend", 'Line 3 differs only in its spaces: the file has "    return a'),
    ],
)
def test_an_absent_passage_is_answered_with_the_nearest(
    edit: Edit, old: str, difference: str
) -> None:
    """The passage with its lines and the first difference: enough to mend the call."""
    told = refusal(edit, path="a.py", edits=_one(old, "x"))

    assert "The nearest passage:\n" in told
    assert difference in told


def test_nothing_like_it_is_said_so(edit: Edit) -> None:
    """No passage is shown that has nothing to do with it."""
    assert "nor anything like it" in refusal(edit, path="a.py", edits=_one("%%%%", "x"))


def test_line_numbers_of_a_reading_are_seen_through(workspace: Workspace, edit: Edit) -> None:
    """A passage copied with its numbers is the passage."""
    done(
        edit,
        path="a.py",
        edits=_one("2\t    # adds\n3\t    return", "2\t    # sums\n3\t    return"),
    )

    assert (workspace.root / "a.py").read_bytes() == CODE.replace(b"adds", b"sums")


@pytest.mark.parametrize(
    "before",
    [
        b"one\r\ntwo\r\nthree\r\n",
        b"one\r\ntwo\r\nthree",
        b"one\ntwo\nthree",
        b"one\r\ntwo\nthree\r\n",
        "one\r\ntwo\r\nthree é\r\n".encode("utf-16"),
        "one\ntwo\nthree é".encode("utf-8-sig"),
        "one\ntwo\nthree é\n".encode("latin-1"),
    ],
)
def test_encoding_and_line_ends_stay(workspace: Workspace, edit: Edit, before: bytes) -> None:
    """Every byte outside of the passage is the same after."""
    path = _file(workspace, before, "b.txt")
    two, new = (b"t\0w\0o\0", b"2\0") if before.startswith(b"\xff\xfe") else (b"two", b"2")

    done(edit, path="b.txt", edits=_one("one\ntwo", "one\n2"))

    expected = before.replace(two, new)
    if b"two\n" in before and b"\r" in before:
        # Of mixed line ends, the passage takes the ones that most lines have.
        expected = b"one\r\n2\nthree\r\n"
    assert path.read_bytes() == expected


def test_the_mode_and_the_link_stay(workspace: Workspace, edit: Edit) -> None:
    """A script stays executable, and a link leads to the changed file still."""
    path = workspace.root / "a.py"
    path.chmod(0o751)
    (workspace.root / "link.py").symlink_to("a.py")

    assert action(edit, path="link.py", edits=_one("# adds", "#")).paths == (path,)
    done(edit, path="link.py", edits=_one("# adds", "#"))

    assert stat.S_IMODE(path.stat().st_mode) == 0o751
    assert (workspace.root / "link.py").is_symlink()
    assert b"# adds" not in path.read_bytes()


@pytest.mark.skipif(os.geteuid() != 0, reason="only root may give a file away")
def test_the_owner_stays(workspace: Workspace, edit: Edit) -> None:
    """An agent that runs as root in a container leaves the user's files theirs."""
    path = workspace.root / "a.py"
    os.chown(path, 1234, 1235)

    done(edit, path="a.py", edits=_one("# adds", "#"))

    assert (path.stat().st_uid, path.stat().st_gid) == (1234, 1235)


def test_a_file_that_changed_since_is_refused(workspace: Workspace, edit: Edit) -> None:
    """Somebody's work in between is not lost, and the model is told why."""
    path = _file(workspace, CODE + b"# mine\n")

    told = refusal(edit, path="a.py", edits=_one("# adds", "#"))

    assert told.startswith("a.py has changed since it was read here")
    assert path.read_bytes() == CODE + b"# mine\n"
    done(Read(workspace), path="a.py")
    done(edit, path="a.py", edits=_one("# adds", "#"))
    assert path.read_bytes().endswith(b"# mine\n")


def test_an_empty_old_makes_a_file(workspace: Workspace, edit: Edit) -> None:
    """New or empty files are filled, with their directories; others are not overwritten."""
    outcome = done(edit, path="new/b.py", edits=_one("", "x = 1\n"))

    assert (workspace.root / "new/b.py").read_text() == "x = 1\n"
    assert outcome.diff == "--- /dev/null\n+++ new/b.py\n@@ -0,0 +1,1 @@\n+x = 1\n"
    assert "the file is not" in refusal(edit, path="a.py", edits=_one("", "x"))
    assert "There is no c.py" in refusal(edit, path="c.py", edits=_one("x", "y"))


def test_an_edit_that_changes_nothing_is_refused(edit: Edit) -> None:
    """It would look done; and a call without edits says what it takes."""
    assert "are the same" in refusal(edit, path="a.py", edits=_one("a - b", "a - b"))
    assert "`edits` is empty" in refusal(edit, path="a.py", edits=[])


def test_a_character_that_the_encoding_lacks_is_refused(workspace: Workspace, edit: Edit) -> None:
    """A Latin-1 file is not turned into another encoding, or into question marks, by an edit."""
    path = _file(workspace, b"caf\xe9 one\n", "b.txt")

    assert "is in Latin-1, which has no" in refusal(edit, path="b.txt", edits=_one("one", "→"))
    assert path.read_bytes() == b"caf\xe9 one\n"


def test_no_text_is_edited_but_text(workspace: Workspace, edit: Edit) -> None:
    """Programs, directories and what is private stay as they are."""
    _file(workspace, b"\x7fELF\x00one", "program")
    (workspace.private[0] / "keys.toml").write_bytes(b"one")

    assert "no text" in refusal(edit, path="program", edits=_one("one", "two"))
    assert "is a directory" in refusal(edit, path=".", edits=_one("one", "two"))
    assert "is private" in refusal(edit, path="../private/keys.toml", edits=_one("one", "two"))


def test_a_failing_edit_shows_nothing_of_a_file_that_was_not_allowed(
    workspace: Workspace, edit: Edit
) -> None:
    """The nearest passage is told when permission was given, not while it is asked for."""
    (workspace.root.parent / "outside.txt").write_bytes(b"password = swordfish\n")

    wanted = action(edit, path="../outside.txt", edits=_one("password = x", ""))

    assert wanted.kind == "write"
    assert wanted.preview.startswith("(This edit will fail: `old` is not in the file.")
    assert "swordfish" not in wanted.preview


@given(
    st.text(alphabet="ab\n", max_size=30),
    st.text(alphabet="ab\n", min_size=1, max_size=4),
    st.text(alphabet="ab\n", max_size=4),
)
def test_replacing_is_what_python_does(text: str, old: str, new: str) -> None:
    """In a file with either line end, all places are the ones that `str.replace` would take."""
    assert replaced(text, places(text, old), new) == text.replace(old, new)

    windows, found = text.replace("\n", "\r\n"), text.replace(old, new).replace("\n", "\r\n")
    new = new.replace("\n", "\r\n")
    assert replaced(windows, places(windows, old), new) == found
