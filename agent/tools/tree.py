"""The files below a directory that a person would look at: what `.gitignore` leaves."""

import os
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

import msgspec

from agent.tools.base import ToolError, Workspace
from agent.tools.files import Stopped, is_private

if TYPE_CHECKING:
    from pathspec import GitIgnoreSpec

_RULES_NAME = ".gitignore"
_RULES_BYTES = 1024 * 1024
_BRACES = re.compile(r"\{([^{}]*,[^{}]*)\}")
# `[[:alpha:]]` and the like, which the library hands to `re` as they are, and that warns.
_ODD_SET = re.compile(r"\[[^\]]*(\[|--|&&|~~|\|\|)")
_MOST_PATTERNS = 256


class _Verdict(Protocol):
    @property
    def include(self) -> bool | None: ...


class _Rules(Protocol):
    def check_file(self, file: str) -> _Verdict: ...


def matcher(glob: str) -> Callable[[str], bool]:
    """
    Return what says whether a path, relative and with `/`, matches a glob.

    Without a `/` the glob matches names at any depth, a directory's for all that is in it; with
    one it matches the path from its beginning. `**` is any number of directories, `{a,b}` a
    choice. Raises ToolError for a glob that is none.
    """
    globs = [f"\\{each}" if each[:1] in ("!", "#") else each for each in _choices(glob)]
    spec = _spec(globs)
    if spec is None:
        raise ToolError(f"`{glob}` is no glob: `*.py` and `src/**/test_*` are.")
    return spec.match_file


def _choices(glob: str) -> list[str]:
    """Return the globs that one with `{a,b}` stands for."""
    ready: list[str] = []
    waiting = [glob.removeprefix("./")]
    while waiting:
        each = waiting.pop()
        choice = _BRACES.search(each)
        if choice is None:
            ready.append(each)
        else:
            words = choice[1].split(",")
            waiting += [each[: choice.start()] + word + each[choice.end() :] for word in words]
        if len(ready) + len(waiting) > _MOST_PATTERNS:
            raise ToolError(f"The glob stands for more than {_MOST_PATTERNS} globs.")
    return ready


class Ignored(msgspec.Struct, frozen=True):
    """
    The rules of `.gitignore` files that hold in a directory, the outermost first.

    Each has the directory it is relative to, with a `/` at the end.
    """

    rules: tuple[tuple[str, _Rules], ...] = ()

    def with_file(self, directory: str, file: Path, unless: str = "") -> "Ignored":
        """
        Return these rules and those of a file; one that cannot be read has none.

        Lines that match the path `unless`, if one is given, are left out.
        """
        try:
            if not file.is_file():
                return self
            with file.open("rb") as opened:
                lines = os.fsdecode(opened.read(_RULES_BYTES)).splitlines()
        except OSError:
            return self
        prefix = f"{directory.rstrip('/')}/"
        if unless:
            kept = unless.removeprefix(prefix)
            lines = [line for line in lines if not _matches(line, kept)]
        rules = _rules(lines)
        return self if rules is None else Ignored((*self.rules, (prefix, rules)))

    def covers(self, path: str) -> bool:
        """Say whether an absolute path is ignored; a directory's ends with a `/`."""
        for directory, rules in reversed(self.rules):
            verdict = rules.check_file(path.removeprefix(directory)).include
            if verdict is not None:
                return verdict
        return False


def _rules(lines: list[str]) -> _Rules | None:
    """Return the rules of a file; a line that is none is left out, as git does."""
    wanted = [line for line in lines if line.strip() and not line.startswith("#")]
    if not wanted:
        return None
    return _spec(wanted) or _spec([line for line in wanted if _spec([line])])


def _matches(line: str, path: str) -> bool:
    rules = _rules([line])
    return rules is not None and rules.check_file(path).include is True


def _spec(lines: list[str]) -> "GitIgnoreSpec | None":
    """Return the patterns of lines, or None if one of them is none."""
    from pathspec import GitIgnoreSpec
    from pathspec.patterns.gitignore import GitIgnorePatternError

    if any(_ODD_SET.search(line) for line in lines):
        return None
    try:
        return GitIgnoreSpec.from_lines(lines)
    except (GitIgnorePatternError, re.error):
        return None


def ripgrep_agrees(start: Path, root: Path) -> bool:
    """
    Say whether ripgrep, told to search a directory, leaves out what our own walk leaves out.

    It does not in a directory that is ignored (below `.venv/.gitignore`, which is `*`, it found
    nothing), nor in a tree that is no repository, below rules that are not of the workspace: a
    `~/.gitignore` hid all there is (ripgrep 15.2, 2026-11-22).
    """
    top = _top(start, root)
    if _rules_above(start, top).covers(f"{start}/"):
        return False
    foreign = any((each / _RULES_NAME).exists() for each in top.parents)
    return in_repository(start) or not foreign


def in_repository(start: Path) -> bool:
    """Say whether a directory is the top of a repository, or below one."""
    return any((each / ".git").exists() for each in (start, *start.parents))


def _above(start: Path, root: Path) -> Ignored:
    """
    Return the rules that hold in a directory by what is above it.

    They come from the top of its repository or, without one, from `root`. In a directory that
    is ignored, and was asked for by name, the rules by which it is do not hold.
    """
    path, top = f"{start}/", _top(start, root)
    ignored = _rules_above(start, top)
    return _rules_above(start, top, unless=path) if ignored.covers(path) else ignored


def _top(start: Path, root: Path) -> Path:
    """Return the directory from which on rules hold in a directory."""
    for each in (start, *start.parents):
        if (each / ".git").exists():
            return each
    return root if start.is_relative_to(root) else start


def _rules_above(start: Path, top: Path, unless: str = "") -> Ignored:
    found = Ignored().with_file(str(top), top / ".git" / "info" / "exclude", unless)
    between = [each for each in start.parents if each.is_relative_to(top)]
    for directory in reversed(between):
        found = found.with_file(str(directory), directory / _RULES_NAME, unless)
    return found


def files_below(workspace: Workspace, start: Path, stopped: Stopped) -> Iterator[str]:
    """
    Yield the files below a directory, relative to it and with `/`, in the order of their paths.

    Left out: what is ignored, `.git`, private directories, and symbolic links, which may lead
    outside. What cannot be read counts as empty.
    """
    prefix = f"{start}/".replace("//", "/")
    waiting = [(str(start), True, _above(start, workspace.root))]
    while waiting and not stopped():
        path, is_directory, ignored = waiting.pop()
        if not is_directory:
            yield path.removeprefix(prefix)
        elif not is_private(workspace, Path(path)):
            waiting += _entries(path, ignored)


def _entries(directory: str, ignored: Ignored) -> list[tuple[str, bool, Ignored]]:
    """Return a directory's files and directories, last first, each with the rules there."""
    try:
        with os.scandir(directory) as scanned:
            entries = sorted(scanned, key=lambda entry: entry.name, reverse=True)
    except OSError:
        return []
    if any(entry.name == _RULES_NAME for entry in entries):
        ignored = ignored.with_file(directory, Path(directory, _RULES_NAME))
    found = []
    for entry in entries:
        is_directory = entry.is_dir(follow_symlinks=False)
        wanted = is_directory or entry.is_file(follow_symlinks=False)
        if not wanted or entry.name == ".git":
            continue
        if not ignored.covers(entry.path + ("/" if is_directory else "")):
            found.append((entry.path, is_directory, ignored))
    return found
