"""Judges a line for the shell: every command in it, and every path that it names."""

import glob
import os
import re
from collections.abc import Iterable, Iterator
from pathlib import Path

from agent.command_parts import READ_OTHERWISE, Command, NotUnderstood, Word
from agent.permission import Answer, Judgement, Mode
from agent.permission.files import PLAN_REASON, House, asked, judge_path, refused, worst
from agent.permission.places import Standing, holds_private, is_device, place_of
from agent.permission.programs import (
    brings_code,
    destroys,
    only_reads,
    rule_for,
    seems_to_read,
    shows_and_more,
    words_do_not_matter,
)
from agent.permission.rules import Rule, is_harmless
from agent.permission.wrappers import SETTING, Step, name_of, steps_of

_ALLOWED = Judgement(answer=Answer.ALLOW)
_ADDRESS = re.compile(r"(--?[\w-]+=)?(?!file:)[a-z][a-z0-9+.-]*://", re.IGNORECASE)
_MOST_NAMES = 2_000
_MOST_PIECES = 200
_MOST_PATHS = 20_000
_MOST_DIRECTORIES = 20
# Every `*` before a `/` is a walk through directories.
_MOST_WALKS = 3
_LONGEST_CLUSTER = 12
# Own names of a script; these few reach programs all the same.
_SCRIPT_VARIABLE = re.compile(r"(?!npm_config|.*proxy)[a-z][a-z0-9_]*")


class CommandJudge:
    """
    Judges one line that starts in a directory.

    It knows what the line says, not what a program does with it: that is the sandbox's part.
    """

    def __init__(self, house: House, directory: Path) -> None:
        self._house = house
        self._mode = house.mode
        # Where a command may be run: a `cd` before it may have been done, or not.
        self._directories = [directory]
        self._all_directories = [directory]
        self._followed = 0

    def judge(self, line: str) -> Judgement:
        """Return what is to happen to the line; one that cannot be read is asked about."""
        try:
            return worst([self._step(step) for step in steps_of(line)])
        except NotUnderstood as error:
            reason = f"The command holds {error}, so it cannot be judged."
            return refused(reason) if self._mode is Mode.PLAN else asked(reason)

    def _step(self, step: Step) -> Judgement:
        """Judge a simple command."""
        command = step.command
        if command.after != "&&":
            self._directories = list(self._all_directories)
        if step.directory is not None:
            self._directories = _joined(self._directories, self._moved(step.directory))
        found = [*self._redirections(command), *self._words(command)]
        if not command.words:
            found.append(self._assignments(command))
            return worst(found)
        if _caught(self._house.rules.refuse, command):
            found.append(refused(f"A rule refuses `{_shown(command)}`."))
        may_read = only_reads(command) or seems_to_read(command)
        if self._mode is Mode.PLAN and not may_read:
            return worst([refused(PLAN_REASON), *found])
        found.append(self._itself(step))
        if name_of(command) == "cd":
            self._change_directory(step)
        return worst(found)

    def _itself(self, step: Step) -> Judgement:
        """Judge a command by its program and its words, their paths apart."""
        command = step.command
        shown = _shown(command)
        doubt = self._doubt(step)
        if doubt:
            return asked(f"`{shown}` {doubt}.")
        if self._is_allowed(command):
            return _ALLOWED
        if shows_and_more(command) or brings_code(command):
            return asked(f"`{shown}` does more than its beginning says.")
        if name_of(command) in SETTING:
            return asked(f"`{shown}` changes the shell that later commands run in.")
        return asked(f"`{shown}` would be run.", rule_for(command))

    def _doubt(self, step: Step) -> str:
        """Return why a command is asked about whatever else allows it, or an empty text."""
        command = step.command
        is_free = self._mode is Mode.AUTO and words_do_not_matter(command)
        if step.hazard:
            return step.hazard
        if _caught(self._house.rules.ask, command):
            return "is one that a rule asks about"
        if not name_of(command) or not (is_free or all(word.known for word in command.words)):
            return "has words that are put together while it runs"
        if _changes_reading(command):
            return "changes how the shell reads the rest of the line"
        is_bare = name_of(command) == "git" and any(map(self._is_bare, self._directories))
        return "runs where a repository's own settings lie among its files" if is_bare else ""

    def _is_allowed(self, command: Command) -> bool:
        """Say whether the mode, a rule, or that it only reads allows a command."""
        if self._mode is Mode.AUTO:
            return True
        if self._only_reads(command) and self._are_harmless(command):
            return True
        more = shows_and_more(command) or brings_code(command)
        return any(
            rule.is_for("shell", "run") and rule.allows(command) and not (more and rule.rest)
            for rule in self._house.rules.allow
        )

    def _only_reads(self, command: Command) -> bool:
        """Say whether it reads what it names; `diff -N` of directories shows all that is in one."""
        is_tree = name_of(command) == "diff" and any(
            path.is_dir()
            for word in command.words[1:]
            for text in self._texts(word)
            for path in self._paths(text)
        )
        return only_reads(command) and not is_tree

    def _is_bare(self, directory: Path) -> bool:
        """Say whether git takes its settings from files of the workspace, and not from `.git`."""
        root = self._house.workspace.root
        places = [each for each in (directory, *directory.parents) if each.is_relative_to(root)]
        return any(
            os.path.lexists(place / "HEAD")
            and any((place / name).exists() for name in ("objects", "commondir"))
            for place in places
        )

    # --- variables ------------------------------------------------------------------------

    def _assignments(self, command: Command) -> Judgement:
        """Judge variables that are set for the commands to come."""
        names = [name for name, _ in command.assignments]
        others = [name for name in names if not (is_harmless(name) or _is_own(name))]
        is_free = self._mode is Mode.AUTO and not _changes_reading(command)
        if not others or is_free:
            return _ALLOWED
        if self._mode is Mode.PLAN:
            return refused(PLAN_REASON)
        return asked(f"The variable {others[0]} would be set for the commands that follow.")

    def _are_harmless(self, command: Command) -> bool:
        return all(is_harmless(name) for name, _ in command.assignments)

    # --- paths ----------------------------------------------------------------------------

    def _change_directory(self, step: Step) -> None:
        """Note where a `cd` leads: what is joined to it by `&&` runs there, and nowhere else."""
        if step.command.in_loop:
            raise NotUnderstood("a `cd` that may be done again and again")
        moved = self._moved(*step.command.words[1:])
        is_sure = step.is_plain and step.command.after in ("", ";", "&", "&&")
        self._directories = moved if is_sure else _joined(self._directories, moved)
        self._all_directories = _joined(self._all_directories, moved)

    def _moved(self, *words: Word) -> list[Path]:
        """Return where the words of a `cd` lead. Raises NotUnderstood where that is not told."""
        targets = [word for word in words if word.text not in ("-P", "-L", "--")]
        if len(targets) != 1 or not targets[0].known or targets[0].pattern:
            raise NotUnderstood("a `cd` to a place that is not told")
        if targets[0].text in ("", "-"):
            raise NotUnderstood("a `cd` to a place that is not told")
        # `cd LINK/..` leads back to where it began in bash, and to LINK's parent for the kernel.
        spoken = [Path(os.path.normpath(each / targets[0].text)) for each in self._directories]
        return _joined(spoken, self._paths(targets[0].text))

    def _redirections(self, command: Command) -> Iterator[Judgement]:
        for words, writes in ((command.reads, False), (command.writes, True)):
            for word in words:
                if word.known and is_device(word.text):
                    continue
                if not word.known or word.pattern:
                    yield asked("It is redirected to a file whose name is not told.")
                    continue
                for path in self._paths(word.text):
                    judged = judge_path(self._house, "", path, writes=writes)
                    # What a command writes can be anything: no rule for good comes of it.
                    yield asked(judged.reason) if judged.answer is Answer.ASK else judged

    def _words(self, command: Command) -> Iterator[Judgement]:
        """Judge every path that a command may mean by its words; unknown ones are asked about."""
        reads = only_reads(command) or seems_to_read(command)
        takes_away = destroys(command)
        says = words_do_not_matter(command)
        for place, word in enumerate(command.words):
            if (place == 0 and "/" not in word.text) or _is_text(word) or not word.known:
                continue
            if says and not word.pattern:
                continue
            for text in self._texts(word):
                for path in self._paths(text):
                    # A program is only read, wherever it lies.
                    yield self._named(path, writes=not reads and place > 0)
            for path in self._paths(_emptied(word)) if takes_away else ():
                if self._house.workspace.root.is_relative_to(path):
                    yield asked(f"{path} holds the whole workspace.")

    def _named(self, path: Path, *, writes: bool) -> Judgement:
        """Judge a path that a command names; what it does inside is not the path's matter."""
        house = self._house
        place = place_of(path, house.workspace, writes=writes)
        if place.standing is not Standing.PRIVATE and holds_private(path, house.workspace):
            return asked(f"{path} holds the directory of keys and settings.")
        for kind in (False, True) if writes else (False,):
            if house.about_path(house.rules.refuse, "", path, writes=kind):
                return refused(f"A rule refuses {house.workspace.shown(path)}.")
            if house.about_path(house.rules.ask, "", path, writes=kind):
                return asked(f"A rule asks about {house.workspace.shown(path)}.")
        if place.standing is Standing.INSIDE:
            return _ALLOWED
        judged = judge_path(house, "", path, writes=writes)
        # In `plan` mode the command itself was judged: to name a file changes nothing.
        return asked(judged.reason) if judged.answer is Answer.ASK else judged

    def _texts(self, word: Word) -> Iterator[str]:
        """Yield every text of a word that may be a path."""
        for text in [word.text, *(self._fitting(word.text) if word.pattern else ())]:
            for piece in _pieces(text):
                yield piece
                if piece[:1] in ("@", "<"):  # curl's `-d @FILE`, `-F name=<FILE`
                    yield piece[1:]

    def _fitting(self, pattern: str) -> list[str]:
        """Return the names that fit a pattern. Raises NotUnderstood where they do harm."""
        names: list[str] = []
        if sum("*" in part or "?" in part for part in pattern.split("/")) > _MOST_WALKS:
            raise NotUnderstood("a pattern of very many directories")
        for directory in self._directories:
            whole = _whole(pattern)
            # `Path.glob` takes no whole paths, and gives hidden files where the shell does not.
            found = glob.iglob(whole, root_dir=directory)  # noqa: PTH207
            for name in found:
                names.append(name)
                if len(names) > _MOST_NAMES:
                    raise NotUnderstood("a pattern that fits very many names")
                if name.startswith("-"):
                    raise NotUnderstood("a pattern that fits a name with `-` before it")
        return names

    def _paths(self, text: str) -> Iterator[Path]:
        """Yield where a text leads, from every directory the command may be run in."""
        found = [directory / text for directory in self._directories]
        if text.startswith("~"):
            found.append(Path(_whole(text)))
        self._followed += len(found)
        if self._followed > _MOST_PATHS:
            raise NotUnderstood("very many words that may be paths")
        for path in found:
            try:
                yield path.resolve()
            except (OSError, RuntimeError, ValueError) as error:
                raise NotUnderstood("a path that cannot be followed") from error


def _pieces(text: str) -> Iterator[str]:
    """Yield a word and its parts that may be a path: `--file=PATH`, `-xfPATH`, `HEAD:PATH`."""
    if is_device(text):
        return
    yield text
    if found := _ADDRESS.match(text):
        # To `cat` it is a path all the same: a repository can hold a link named `https:`.
        yield text[found.end(1) if found[1] else 0 :]
        return
    pieces = re.split(r"[=:,]", text)
    if len(pieces) > _MOST_PIECES:
        raise NotUnderstood("a word of very many parts")
    for piece in pieces:
        if piece and piece != text:
            yield piece
        if piece.startswith("-") and len(piece) > 2:
            begins = min((at for at in map(piece.find, "/~.") if at > 0), default=len(piece) - 1)
            # Of `-nfNAME` nobody knows which letters are options.
            yield from (piece[at:] for at in range(2, min(begins, _LONGEST_CLUSTER)))
            yield piece[begins:]


def _whole(text: str) -> str:
    """Return a path whose `~` is followed. Raises NotUnderstood."""
    try:
        return str(Path(text).expanduser()) if text.startswith("~") else text
    except RuntimeError as error:
        raise NotUnderstood("the home of a user nobody knows") from error


def _emptied(word: Word) -> str:
    """Return what a command that takes a word away leaves empty or gone: of `src/*` it is `src`."""
    directory, slash, name = word.text.rstrip("/").rpartition("/")
    return f"{directory}{slash}." if word.pattern and not name.strip("*?") else word.text


def _is_text(word: Word) -> bool:
    """Say whether a word is a sign of its own that cannot be a path."""
    return word.text in ("", "-", "--")


def _joined(some: Iterable[Path], others: Iterable[Path]) -> list[Path]:
    """Return the directories of both, each once. Raises NotUnderstood for too many."""
    found = list(dict.fromkeys((*some, *others)))
    if len(found) > _MOST_DIRECTORIES:
        raise NotUnderstood("a `cd` too many")
    return found


def _caught(rules: Iterable[Rule], command: Command) -> bool:
    return any(rule.is_for("shell", "run") and rule.catches(command) for rule in rules)


def _is_own(name: str) -> bool:
    return bool(_SCRIPT_VARIABLE.fullmatch(name))


def _changes_reading(command: Command) -> bool:
    """Say whether a command sets, or could set, a variable by which a line means something else."""
    given = {name for name, _ in command.assignments}
    if not only_reads(command):
        given |= {word.text.partition("=")[0].rstrip("+") for word in command.words}
    return not given.isdisjoint(READ_OTHERWISE)


def _shown(command: Command) -> str:
    """Return a command's beginning for a sentence."""
    text = " ".join(word.text or "…" for word in command.words[:6]).replace("\n", " ")
    return text if len(text) <= 60 else text[:59] + "…"
