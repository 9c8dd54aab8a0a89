"""Commands that run commands: looked through, so that what they run is judged too."""

import re
from collections.abc import Iterator, Mapping, Sequence
from pathlib import PurePosixPath

import msgspec
from msgspec.structs import replace

from agent.command_line import parse
from agent.command_parts import Command, NotUnderstood, Word, names

_LINE_READERS = names("sh bash dash ash ksh")
SHELLS = _LINE_READERS | names("csh fish mksh tcsh zsh")
_SYSTEM = ("/bin/", "/usr/bin/")
_UNKNOWN = Word("", known=False)
_ASSIGNMENT = re.compile(r"([A-Za-z_][A-Za-z0-9_]*)=")
_DEEPEST = 10

_HAZARDS = (
    (
        "runs as another user or in another system",
        names("sudo doas su pkexec run0 runuser setpriv chroot unshare nsenter proot"),
    ),
    (
        "reaches another machine, another system or another time",
        names("ssh scp sftp rsync docker podman kubectl at batch crontab"),
    ),
    (
        "changes the shell that later commands run in",
        names(
            "alias bind builtin declare enable exec hash let local mapfile popd pushd read "
            "readarray readonly shopt trap typeset unalias unset"
        ),
    ),
    (
        "runs other commands",
        names(
            "busybox toybox watch parallel script expect strace ltrace gdb lldb flock ionice chrt "
            "taskset numactl setarch linux32 linux64 unbuffer rlwrap fakeroot firejail prlimit "
            "systemd-run dbus-run-session xvfb-run faketime choom entr"
        ),
    ),
    ("reaches Hermes's own settings and keys", names("hermes")),
)
SETTING = names("export set source .")
"""What changes the shell that later commands run in, and hides no command of its own."""


class Wrapper(msgspec.Struct, frozen=True):
    """
    How a command that runs another one is called.

    `flags` are its options, each with the number of words it takes beside itself; any other
    option makes it ask. `places` is how many words stand before the command.
    """

    flags: Mapping[str, int]
    places: int = 0


WRAPPERS: Mapping[str, Wrapper] = {
    "command": Wrapper({"-p": 0}),
    "env": Wrapper({"-i": 0, "-": 0, "-u": 1}),
    "nice": Wrapper({"-n": 1}),
    "nohup": Wrapper({}),
    "setsid": Wrapper({"-w": 0, "--wait": 0}),
    "stdbuf": Wrapper({"-i": 1, "-o": 1, "-e": 1}),
    "time": Wrapper({"-p": 0}),
    "timeout": Wrapper(
        {"-k": 1, "-s": 1, "-v": 0, "--foreground": 0, "--preserve-status": 0, "--verbose": 0},
        places=1,
    ),
    "xargs": Wrapper({"-0": 0, "-r": 0, "-t": 0, "-n": 1, "-P": 1, "-L": 1, "-I": 1, "-d": 1}),
}
"""What runs the rest of its words and changes nothing about it that matters here."""

_FIND_RUNS = ("-exec", "-execdir", "-ok", "-okdir")
_GIT_RUNS = ("--exec", "--extcmd", "--open-files-in-pager", "--receive-pack", "--upload-pack")
_GIT_RUNS_BY_LETTER = (("grep", "O"), ("rebase", "x"), ("clone", "u"), ("ls-remote", "u"))
_GIT_QUIET = ("--no-pager", "-P", "--no-optional-locks", "--literal-pathspecs")


class Step(msgspec.Struct, frozen=True):
    """
    A simple command of a line, with what stands around it taken off.

    `hazard` says why it is asked about each time, completing "The command …"; most have none.
    `directory` is where `git -C` moves to first. `is_plain` says that the line holds it as it
    is, with nothing around it.
    """

    command: Command
    hazard: str = ""
    directory: Word | None = None
    is_plain: bool = False


def steps_of(line: str) -> tuple[Step, ...]:
    """Return every command that a line could run, wrappers looked through. Raises NotUnderstood."""
    return tuple(
        replace(step, is_plain=step.command is command)
        for command in parse(line)
        for step in _look(command, 0)
    )


def name_of(command: Command) -> str:
    """Return the program a command runs, without its directory; empty if it is not known."""
    if not command.words or not command.words[0].known or command.words[0].pattern:
        return ""
    return PurePosixPath(command.words[0].text).name


def _look(command: Command, depth: int) -> Iterator[Step]:
    """Yield a command, or what it runs; a wrapper that is looked through is not yielded."""
    if depth > _DEEPEST:
        raise NotUnderstood("commands nested too deep")
    name, words = name_of(command), command.words
    first = words[0].text if words else ""
    if first != name and first.removesuffix(name) not in _SYSTEM:
        yield Step(command, _hazard(name, words))  # such as `./env`: nobody knows what it runs
    elif name in WRAPPERS and not (name == "command" and _has_option(words, "vV")):
        yield from _wrapped(command, WRAPPERS[name], depth)
    elif name == "eval":
        yield from _inner_line(command, words[1:], depth)
    elif name in _LINE_READERS and (place := _line_at(words)):
        yield from _inner_line(command, words[place : place + 1], depth)
        yield from _arguments_of(command, place)
    elif name == "find":
        yield from _found(command, depth)
    elif name == "git":
        yield _git(command)
    else:
        yield Step(command, _hazard(name, words))


def _hazard(name: str, words: Sequence[Word]) -> str:
    """Return why a program is asked about each time, or an empty text."""
    if name in SHELLS and not (len(words) > 1 and _is_plain(words[1])):
        return "is a shell that runs what it is given"
    return next((why for why, programs in _HAZARDS if name in programs), "")


def _is_plain(word: Word) -> bool:
    return word.known and not word.text.startswith(("-", "/dev/"))


def _has_option(words: Sequence[Word], letters: str) -> bool:
    first = words[1].text if len(words) > 1 else ""
    return first.startswith("-") and any(letter in first for letter in letters)


def _wrapped(command: Command, wrapper: Wrapper, depth: int) -> Iterator[Step]:
    """Yield what a wrapper runs, with the variables and redirections around it."""
    rest = list(command.words[1:])
    while rest and rest[0].text.startswith("-") and len(rest[0].text) > 1:
        option = rest.pop(0)
        taken = wrapper.flags.get(option.text)
        if taken is None and wrapper.flags.get(option.text[:2]) == 1:
            taken = 0  # its value is glued to it
        if taken is None or not option.known:
            yield Step(command, f"has the option {option.text}, which is not looked through")
            return
        _drop(rest, taken)
    _drop(rest, wrapper.places)
    assignments = list(command.assignments)
    name = command.words[0].text
    # Only `env` sets them; `timeout 5 CI=a/b ls` runs the program `b` in a directory `CI=a`.
    is_env = name_of(command) == "env"
    while is_env and rest and (found := _ASSIGNMENT.match(rest[0].text)):
        word = rest[0]
        _drop(rest, 1)
        assignments.append((found[1], replace(word, text=word.text[found.end() :])))
    if name == "xargs":
        rest = [*(rest or [Word("echo")]), _UNKNOWN]
    if rest and rest[0].text in ("!", "{", "if", "while", "until", "for", "-"):
        raise NotUnderstood(f"`{name} {rest[0].text}`")
    inner = replace(command, words=tuple(rest), assignments=tuple(assignments))
    if rest:
        yield from _look(inner, depth + 1)
    else:
        yield Step(replace(command, words=(Word("env"),)) if name == "env" else inner)


def _drop(words: list[Word], count: int) -> None:
    """Take the first words off; one that is not known may be several, or none."""
    if not all(word.known and not word.pattern for word in words[:count]):
        raise NotUnderstood("a command whose beginning is put together while it runs")
    del words[:count]


def _arguments_of(command: Command, place: int) -> Iterator[Step]:
    """Yield the words after the line of `sh -c LINE`, which the line may use as it likes."""
    if len(command.words) > place + 1:
        yield Step(command, "gives more words to a shell")


def _line_at(words: Sequence[Word]) -> int:
    """Return where the line of `sh -c LINE` stands, or 0 if there is none."""
    for place, word in enumerate(words[1:], start=1):
        if not word.text.startswith(("-", "+")):
            return 0
        if re.fullmatch(r"-[a-z]*c[a-z]*", word.text) and "o" not in word.text:
            return place + 1 if place + 1 < len(words) else 0
    return 0


def _inner_line(command: Command, words: Sequence[Word], depth: int) -> Iterator[Step]:
    """Yield what a line inside of a line runs; what is set and redirected around it, first."""
    if not words or not all(word.known and not word.pattern for word in words):
        raise NotUnderstood("a line that is put together while it runs")
    yield Step(replace(command, words=()))
    for inner in parse(" ".join(word.text for word in words)):
        in_loop = command.in_loop or inner.in_loop
        yield from _look(replace(inner, after="?", in_loop=in_loop), depth + 1)


def _found(command: Command, depth: int) -> Iterator[Step]:
    """Yield `find`, and what it runs for each file; `{}` is a name that nobody knows."""
    rest = list(command.words)
    own: list[Word] = []
    inner: list[Command] = []
    while rest:
        word = rest.pop(0)
        if word.text not in _FIND_RUNS:
            own.append(word)
            continue
        before = [Word(""), *rest]
        ends = [
            place
            for place, each in enumerate(rest)
            if each.text == ";" or (each.text == "+" and before[place].text == "{}")
        ]
        if not ends:
            raise NotUnderstood("a `find` without the end of what it runs")
        run = [_UNKNOWN if "{}" in each.text else each for each in rest[: ends[0]]]
        inner.append(Command(words=tuple(run)))
        del rest[: ends[0] + 1]
    yield Step(replace(command, words=tuple(own)))
    for each in inner:
        yield from _look(each, depth + 1)


def _git(command: Command) -> Step:
    """Return `git` with its subcommand first; settings given on the line ask."""
    rest = list(command.words[1:])
    directory: Word | None = None
    while rest and rest[0].text.startswith("-"):
        option = rest.pop(0)
        if option.text == "-C" and rest and directory is None:
            directory = rest.pop(0)
        elif option.text not in (*_GIT_QUIET, "--version", "--help"):
            reason = f"has the option {option.text} of git, which may run other programs"
            return Step(replace(command, words=(command.words[0], *rest)), reason)
    hazard = ""
    if directory is not None and (not directory.known or directory.pattern):
        hazard = "runs git in a directory that is put together while it runs"
    elif rest and rest[0].text in ("config", "filter-branch", "bisect", "submodule", "difftool"):
        hazard = "may run other programs, or set which ones git runs"
    elif rest and rest[0].text.startswith("credential"):
        hazard = "shows passwords"
    elif rest and any(_names_program(rest[0].text, word.text) for word in rest[1:]):
        hazard = "names a program for git to run"
    return Step(replace(command, words=(command.words[0], *rest)), hazard, directory)


def _names_program(subcommand: str, option: str) -> bool:
    """Say whether an option of git names a program; git takes long ones cut short too."""
    name = option.partition("=")[0]
    if name.startswith("--"):
        return len(name) > 3 and any(each.startswith(name) for each in _GIT_RUNS)
    letter = dict(_GIT_RUNS_BY_LETTER).get(subcommand, "")
    return bool(letter) and option.startswith("-") and letter in option
