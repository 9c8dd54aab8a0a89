"""A turn's file changes are taken back, and that too; what changed since is left alone."""

import os
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path

import pytest

from agent.errors import BrokenFile, ConfigurationError
from agent.snapshots import LARGEST_FILE, MOST_TURNS, Recorded, Snapshots


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A directory with two files, one of them a program."""
    project = tmp_path / "project"
    project.mkdir()
    (project / "app.py").write_bytes(b"one\r\ntwo\xff")
    (project / "run").write_bytes(b"#!/bin/sh\n")
    (project / "run").chmod(0o755)
    return project


@pytest.fixture
def snapshots(tmp_path: Path) -> Snapshots:
    """Where files are kept as they were; nothing is there yet."""
    return Snapshots(tmp_path / "hermes/undo", clock=lambda: datetime(2026, 11, 22, tzinfo=UTC))


def turn(snapshots: Snapshots, project: Path, **changes: str | None) -> None:
    """Do a turn that writes files, or removes those that are None."""
    snapshots.begin_turn(project, "t")
    for name, text in changes.items():
        path = project / name.replace("__", "/")
        snapshots.before_change(path)
        if text is None:
            path.unlink()
        else:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text)
    assert snapshots.after_turn() == ()


def last(snapshots: Snapshots, project: Path) -> Recorded:
    """Return the last turn, which must be there."""
    found = snapshots.last(project)
    assert found is not None
    return found


def state(project: Path) -> dict[str, tuple[bytes, int]]:
    """Return name → (bytes, mode) of every file, and of every directory without its bytes."""
    return {
        str(path.relative_to(project)): (
            path.read_bytes() if path.is_file() else b"",
            path.stat().st_mode,
        )
        for path in project.rglob("*")
    }


def test_a_turn_is_taken_back_to_the_byte_and_that_too(snapshots: Snapshots, project: Path) -> None:
    """Bytes, modes, files and directories that were made; again gives the turn's own state."""
    before = state(project)
    turn(snapshots, project, **{"app.py": "new\n", "run": None, "a__b__new": "x"})
    (project / "app.py").chmod(0o600)
    after = state(project)

    for wanted in (before, after, before, after):
        snapshots.take_back(last(snapshots, project))
        assert {name: each for name, each in state(project).items() if name != "app.py"} == {
            name: each for name, each in wanted.items() if name != "app.py"
        }
        assert (project / "app.py").read_bytes() == wanted["app.py"][0]


def test_a_file_is_kept_as_it_was_before_its_first_change(
    snapshots: Snapshots, project: Path
) -> None:
    """Several edits in one turn are one change; the next turn is another."""
    snapshots.begin_turn(project, "t")
    for text in ("a", "b"):
        snapshots.before_change(project / "app.py")
        (project / "app.py").write_text(text)
    snapshots.after_turn()
    turn(snapshots, project, run="other")

    snapshots.take_back(last(snapshots, project))

    assert (project / "run").read_bytes() == b"#!/bin/sh\n"
    assert (project / "app.py").read_text() == "b"


def test_what_changed_since_is_left_alone(snapshots: Snapshots, project: Path) -> None:
    """One file that somebody else has changed stops it all; `force` puts it back too."""
    turn(snapshots, project, **{"app.py": "new\n", "run": "new\n"})
    (project / "app.py").write_text("mine\n")
    before = state(project)

    with pytest.raises(ConfigurationError, match=r"app\.py has changed since the turn ended"):
        snapshots.take_back(last(snapshots, project))

    assert state(project) == before
    snapshots.take_back(last(snapshots, project), force=True)
    assert (project / "app.py").read_bytes() == b"one\r\ntwo\xff"
    snapshots.take_back(last(snapshots, project))
    assert (project / "app.py").read_text() == "mine\n"


def test_a_turn_that_was_killed_can_be_taken_back_by_force(
    snapshots: Snapshots, project: Path, tmp_path: Path
) -> None:
    """The file was kept before it changed, and the process never came to the turn's end."""
    script = """
import os, sys
from pathlib import Path
from agent.snapshots import Snapshots
project = Path(sys.argv[2])
snapshots = Snapshots(Path(sys.argv[1]))
snapshots.begin_turn(project, "t")
snapshots.before_change(project / "app.py")
(project / "app.py").write_text("new")
os.kill(os.getpid(), 9)
"""
    place = str(tmp_path / "hermes/undo")
    done = subprocess.run([sys.executable, "-c", script, place, str(project)], check=False)
    assert done.returncode == -9

    with pytest.raises(ConfigurationError, match="has not ended, or was killed"):
        snapshots.take_back(last(snapshots, project))
    snapshots.take_back(last(snapshots, project), force=True)

    assert (project / "app.py").read_bytes() == b"one\r\ntwo\xff"


def test_what_cannot_be_kept_is_told(snapshots: Snapshots, project: Path) -> None:
    """A pipe and an enormous file are named at the turn's end, and no force brings them back."""
    os.mkfifo(project / "pipe")
    with (project / "large").open("wb") as file:
        file.truncate(LARGEST_FILE + 1)
    snapshots.begin_turn(project, "t")
    for name in ("pipe", "large"):
        snapshots.before_change(project / name)

    lost = {each.place.name: each.lost for each in snapshots.after_turn()}

    assert lost == {
        "pipe": "is no plain file",
        "large": "was larger than 20 MB, so it was not kept",
    }
    (project / "pipe").unlink()
    with pytest.raises(ConfigurationError):
        snapshots.take_back(last(snapshots, project), force=True)


def test_a_full_place_does_not_stop_the_work(project: Path, tmp_path: Path) -> None:
    """Where nothing can be kept, the change goes on, and the turn's end says so."""
    (tmp_path / "taken").write_text("")
    snapshots = Snapshots(tmp_path / "taken")
    snapshots.begin_turn(project, "t")
    snapshots.before_change(project / "app.py")

    [lost] = snapshots.after_turn()

    assert lost.lost.startswith("could not be kept as it was: ")


def test_nothing_is_written_outside_of_the_project(
    snapshots: Snapshots, project: Path, tmp_path: Path
) -> None:
    """A directory that became a link since is not followed, not even by force."""
    turn(snapshots, project, sub__file="new")
    (project / "sub/file").unlink()
    (project / "sub").rmdir()
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "elsewhere/file").write_text("new")
    (project / "sub").symlink_to(tmp_path / "elsewhere")

    with pytest.raises(ConfigurationError, match="leads elsewhere by now"):
        snapshots.take_back(last(snapshots, project), force=True)

    assert (tmp_path / "elsewhere/file").read_text() == "new"


def test_a_link_in_wait_is_not_written_through(
    snapshots: Snapshots, project: Path, tmp_path: Path
) -> None:
    """The file beside the one put back had a name to be known before: a link there led outside."""
    outside = tmp_path / "profile"
    outside.write_text("mine")
    turn(snapshots, project, **{"app.py": "new\n"})
    (project / f".app.py.{os.getpid()}.hermes-kimi").symlink_to(outside)

    snapshots.take_back(last(snapshots, project))

    assert outside.read_text() == "mine"
    assert (project / "app.py").read_bytes() == b"one\r\ntwo\xff"
    assert not (project / "app.py").is_symlink()


def test_old_turns_go(snapshots: Snapshots, project: Path, tmp_path: Path) -> None:
    """A project keeps so many turns; another project's are its own; turns without changes none."""
    for number in range(MOST_TURNS + 3):
        turn(snapshots, project, **{"app.py": f"{number}"})
    snapshots.begin_turn(project, "empty")
    snapshots.after_turn()

    [directory] = (tmp_path / "hermes/undo").iterdir()
    assert len(list(directory.iterdir())) == MOST_TURNS
    assert snapshots.last(tmp_path) is None
    snapshots.take_back(last(snapshots, project))
    assert (project / "app.py").read_text() == str(MOST_TURNS + 1)


def test_what_is_kept_is_for_its_owner_alone(
    snapshots: Snapshots, project: Path, tmp_path: Path
) -> None:
    """Directories 0700 and files 0600, whatever the modes of the files and the umask."""
    before = os.umask(0)
    try:
        turn(snapshots, project, run="new")
    finally:
        os.umask(before)

    found = [tmp_path / "hermes/undo", *(tmp_path / "hermes/undo").rglob("*")]
    assert {(path.is_dir(), path.stat().st_mode & 0o777) for path in found} == {
        (True, 0o700),
        (False, 0o600),
    }


def test_any_name_comes_back(snapshots: Snapshots, project: Path) -> None:
    """A name with a newline, and one whose bytes are no text."""
    names = [b"a\nb", b"\xff\xfe", "ü".encode()]
    paths = [Path(os.fsdecode(os.fsencode(project) + b"/" + name)) for name in names]
    snapshots.begin_turn(project, "t")
    for path in paths:
        snapshots.before_change(path)
        path.write_text("x")
    snapshots.after_turn()

    snapshots.take_back(last(snapshots, project))

    assert not any(path.exists() for path in paths)


def test_a_damaged_turn_is_told(snapshots: Snapshots, project: Path, tmp_path: Path) -> None:
    """What cannot be read names the directory that is to go."""
    turn(snapshots, project, run="new")
    [manifest] = tmp_path.rglob("turn.json")
    manifest.write_text("{")

    with pytest.raises(BrokenFile) as told:
        snapshots.last(project)

    assert f"`rm -r {manifest.parent}`" in told.value.remedy


def test_what_cannot_be_done_whole_is_not_done_at_all(snapshots: Snapshots, project: Path) -> None:
    """One file was put back, the next failed; the remedy then changed the first one again."""
    turn(snapshots, project, **{"app.py": "new\n", "sub__file": "new"})
    turn(snapshots, project, **{"app.py": "newer\n", "sub__file": "newer", "a__made": "x"})
    (project / "sub/file").unlink()
    (project / "sub").rmdir()
    (project / "sub").write_text("in the way")
    before = state(project)

    with pytest.raises(BrokenFile, match=r"sub cannot be put back: .* Nothing was changed\."):
        snapshots.take_back(last(snapshots, project), force=True)

    assert state(project) == before
    (project / "sub").unlink()
    snapshots.take_back(last(snapshots, project), force=True)
    assert (project / "app.py").read_text() == "new\n"
    assert (project / "sub/file").read_text() == "new"
    assert not (project / "a").exists()
