"""
Files as they were before a turn changed them, so that `hermes undo` can take it back.

Each turn has a directory of its own, below one for its project: `turn.json` says which files
and what became of them, and beside it lie their bytes. All of it (0700, 0600) is outside of
the repository and of its git. What commands of the shell change is not covered.
"""

import errno
import hashlib
import os
import shutil
import stat
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from secrets import token_hex

import msgspec

from agent.errors import BrokenFile, ConfigurationError

MOST_TURNS = 50
"""How many turns of a project are kept; the oldest goes first."""

MOST_BYTES = 200 * 1024 * 1024
"""How much is kept of a project, in bytes; the oldest turns go first."""

LARGEST_FILE = 20 * 1024 * 1024
"""The largest file that is kept, in bytes; a larger one cannot be taken back."""

_MANIFEST = "turn.json"


class Kept(msgspec.Struct, kw_only=True):
    """
    A file as it was before a turn changed it, and as the turn left it.

    `copy` is the name of its bytes, empty where there was no file; `mode` its permission
    bits. `after` is the digest of what the turn left, empty for no file; None while the turn
    has not ended. `made` are directories that were not there, outermost first. `lost` says
    why the bytes could not be kept, or is empty.
    """

    path: str
    copy: str = ""
    mode: int = 0o644
    after: str | None = None
    made: tuple[str, ...] = ()
    lost: str = ""

    @property
    def place(self) -> Path:
        """The path, as it is on disk."""
        return _path(self.path)


class Turn(msgspec.Struct, kw_only=True):
    """
    The file changes of one turn.

    `at` is the ISO time (UTC) of the first; `undone` says that it is the taking back of one.
    """

    turn_id: str
    at: str
    project: str
    files: list[Kept] = []
    undone: bool = False


class Change(msgspec.Struct, frozen=True, kw_only=True):
    """
    What taking a turn back would do to a file: its bytes now and then, None for no file.

    `problem` says why it cannot be done as it is, completing "FILE …"; empty if it can. Only
    with `can_force` may it be done all the same.
    """

    kept: Kept
    now: bytes | None
    then: bytes | None
    problem: str = ""
    can_force: bool = True


def _now() -> datetime:
    return datetime.now(UTC)


class Snapshots:
    """
    Keeps files of one turn at a time below `directory`; nothing is written until one changes.

    `begin_turn`, then `before_change` as often as files change, then `after_turn`.
    """

    def __init__(self, directory: Path, *, clock: Callable[[], datetime] = _now) -> None:
        self._directory = directory
        self._clock = clock
        self._turn: Turn | None = None
        self._place: Path | None = None

    def begin_turn(self, project: Path, turn_id: str) -> None:
        """Begin a turn in a project, a directory; one that has not ended is ended."""
        self.after_turn()
        at = self._clock().isoformat(timespec="seconds")
        self._turn = Turn(turn_id=turn_id, at=at, project=_text(project))
        self._place = None

    def before_change(self, path: Path) -> None:
        """
        Keep a file, or that there is none, before the turn changes it for the first time.

        What cannot be kept is noted, and told by `after_turn`; the change itself goes on.
        """
        turn = self._turn
        if turn is None or any(kept.path == _text(path) for kept in turn.files):
            return
        kept = Kept(path=_text(path), made=tuple(_missing(path)))
        turn.files.append(kept)
        try:
            self._keep(path, kept, turn)
        except OSError as error:
            kept.lost = f"could not be kept as it was: {error.strerror or error}"

    def after_turn(self) -> tuple[Kept, ...]:
        """Note what the turn left, drop what is old, and return the files that were not kept."""
        turn, place, self._turn = self._turn, self._place, None
        if turn is None:
            return ()
        for kept in turn.files:
            with suppress(OSError):
                kept.after = _digest(_content(kept.place))
        if place is not None:
            with suppress(OSError):
                _write(place / _MANIFEST, msgspec.json.encode(turn))
                self._prune(place.parent)
        return tuple(kept for kept in turn.files if kept.lost)

    def last(self, project: Path) -> "Recorded | None":
        """Return the last turn that changed files in a project, or None. Raises BrokenFile."""
        places = _places(self._of(project))
        return Recorded(places[-1]) if places else None

    def last_above(self, project: Path) -> Path | None:
        """Return the closest directory above a project in which a turn has changed files."""
        return next((each for each in project.parents if _places(self._of(each))), None)

    def take_back(self, recorded: "Recorded", *, force: bool = False) -> tuple[Change, ...]:
        """
        Put the files of a turn back, and keep what was there instead: again undoes it.

        Returns what was done. Raises ConfigurationError, with nothing changed, if a file
        cannot be put back; with `force` those that have changed since are put back too, and
        those whose bytes are lost stay as they are. Raises BrokenFile, with nothing changed
        either, where writing fails.
        """
        changes = recorded.changes()
        wrong = [each for each in changes if each.problem and not (force and each.can_force)]
        if wrong and not (force and len(wrong) < len(changes)):
            raise ConfigurationError(
                f"{wrong[0].kept.place} {wrong[0].problem}. Nothing was changed.",
                remedy="`hermes undo --force` takes back what it can all the same."
                if len(wrong) < len(changes) or wrong[0].can_force
                else "`git status` shows what git knows about it.",
            )
        doable = [each for each in changes if each not in wrong]
        before = recorded.turn
        project = _path(before.project)
        self.begin_turn(project, before.turn_id)
        assert self._turn is not None  # noqa: S101 - just begun
        self._turn.undone = not before.undone
        for change in doable:
            self.before_change(change.kept.place)
        done: list[Change] = []
        try:
            for change in doable:
                _put_back(change)
                done.append(change)
        except OSError as error:
            self._give_up(done)
            reason = error.strerror or error
            raise BrokenFile(
                f"{error.filename or 'A file'} cannot be put back: {reason}. Nothing was changed.",
                remedy="`hermes undo --force` does it once nothing is in the way.",
            ) from error
        finally:
            self.after_turn()
        recorded.drop()
        return tuple(doable)

    def _give_up(self, done: Sequence[Change]) -> None:
        """Take back what a taking back has done so far, and forget that it was begun."""
        turn, place, self._turn = self._turn, self._place, None
        before = {kept.path: kept for kept in turn.files} if turn else {}
        for change in reversed(done):
            with suppress(OSError):  # a moment ago the same place could be written
                _put_back(Change(kept=before[change.kept.path], now=None, then=change.now))
        if place is not None:
            shutil.rmtree(place, ignore_errors=True)

    # --- on disk --------------------------------------------------------------------------

    def _of(self, project: Path) -> Path:
        return self._directory / hashlib.sha256(os.fsencode(project)).hexdigest()[:16]

    def _keep(self, path: Path, kept: Kept, turn: Turn) -> None:
        if self._place is None:
            self._place = _new_place(self._of(_path(turn.project)))
        with suppress(FileNotFoundError):
            found = path.lstat()
            kept.mode = stat.S_IMODE(found.st_mode)
            if not stat.S_ISREG(found.st_mode):
                kept.lost = "is no plain file"
            elif found.st_size > LARGEST_FILE:
                kept.lost = f"was larger than {LARGEST_FILE // 1024**2} MB, so it was not kept"
            else:
                copy = str(len(turn.files))
                _write(self._place / copy, path.read_bytes())
                kept.copy = copy
        _write(self._place / _MANIFEST, msgspec.json.encode(turn))

    def _prune(self, directory: Path) -> None:
        """Drop the oldest turns of a project until the rest is within the limits."""
        total = 0
        for number, place in enumerate(reversed(_places(directory))):
            total += sum(each.stat().st_size for each in place.iterdir())
            if number and (number >= MOST_TURNS or total > MOST_BYTES):
                shutil.rmtree(place, ignore_errors=True)


class Recorded:
    """A turn on disk that can be taken back. Raises BrokenFile if it cannot be read."""

    def __init__(self, place: Path) -> None:
        self._place = place
        manifest = place / _MANIFEST
        try:
            self.turn = msgspec.json.decode(manifest.read_bytes(), type=Turn)
        except (OSError, msgspec.DecodeError) as error:
            raise BrokenFile(
                f"{manifest} cannot be read: {error}.",
                remedy=f"`rm -r {place}` drops this turn; the one before it comes next.",
            ) from error

    def changes(self) -> tuple[Change, ...]:
        """Return what taking it back would do, file by file."""
        return tuple(self._change(kept) for kept in self.turn.files)

    def drop(self) -> None:
        """Remove it from the disk."""
        shutil.rmtree(self._place, ignore_errors=True)

    def _change(self, kept: Kept) -> Change:
        path = kept.place
        try:
            if path.resolve() != path:
                problem = "leads elsewhere by now"
                return Change(kept=kept, now=None, then=None, problem=problem, can_force=False)
            now = _content(path)
            then = (self._place / kept.copy).read_bytes() if kept.copy else None
        except OSError as error:
            problem = f"cannot be read: {error.strerror or error}"
            return Change(kept=kept, now=None, then=None, problem=problem, can_force=False)
        problem = kept.lost
        if not problem and kept.after is None:
            problem = "was changed by a turn that has not ended, or was killed"
        elif not problem and _digest(now) != kept.after:
            problem = "has changed since the turn ended"
        return Change(kept=kept, now=now, then=then, problem=problem, can_force=not kept.lost)


def _put_back(change: Change) -> None:
    path = change.kept.place
    if change.then is None:
        path.unlink(missing_ok=True)
        for made in reversed(change.kept.made):
            with suppress(OSError):  # it holds something else by now
                _path(made).rmdir()
        return
    path.parent.mkdir(parents=True, exist_ok=True)
    _write(path, change.then, mode=change.kept.mode)


def _write(path: Path, content: bytes, *, mode: int = 0o600) -> None:
    """Write a file whole or not at all, with exactly this mode."""
    # A name that nobody can know before: a link of that name would be written through.
    temporary = path.with_name(f".hermes-kimi-{token_hex(8)}")
    try:
        descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with open(descriptor, "wb") as file:  # noqa: PTH123 - it is open already
            file.write(content)
        temporary.chmod(mode)
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)


def _new_place(directory: Path) -> Path:
    """Make the directory of a new turn; several processes may do so at once."""
    directory.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    directory.mkdir(mode=0o700, exist_ok=True)
    # Counted from all there are, so that one without a manifest is not written into.
    taken = [int(each.name) for each in directory.iterdir() if each.name.isdecimal()]
    number = max(taken, default=0) + 1
    while True:
        place = directory / f"{number:08d}"
        try:
            place.mkdir(mode=0o700)
        except FileExistsError:
            number += 1
        else:
            return place


def _places(directory: Path) -> list[Path]:
    """Return the turns of a project that have a manifest, oldest first."""
    with suppress(FileNotFoundError):
        found = [each for each in directory.iterdir() if each.name.isdecimal()]
        return sorted(each for each in found if (each / _MANIFEST).exists())
    return []


def _missing(path: Path) -> Iterator[str]:
    """Yield the directories above a path that are not there, outermost first."""
    missing = [parent for parent in path.parents if not parent.exists()]
    yield from (_text(parent) for parent in reversed(missing))


def _content(path: Path) -> bytes | None:
    """Return a file's bytes, or None if there is none. Raises OSError, also for a pipe."""
    try:
        if not stat.S_ISREG(path.stat().st_mode):
            raise OSError(errno.EINVAL, "it is no plain file", str(path))
        return path.read_bytes()
    except (FileNotFoundError, NotADirectoryError):
        return None


def _digest(content: bytes | None) -> str:
    return "" if content is None else hashlib.sha256(content).hexdigest()


def _text(path: Path) -> str:
    """Return a path as JSON can hold it, whatever its bytes."""
    return os.fsencode(path).decode("latin-1")


def _path(text: str) -> Path:
    return Path(os.fsdecode(text.encode("latin-1")))
