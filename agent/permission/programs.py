"""Programs by what they may do: those that only read, and those whose rule is worth keeping."""

import re
import shlex
from collections.abc import Mapping, Sequence

from agent.command_parts import Command, Word, names
from agent.permission.wrappers import SETTING, SHELLS, WRAPPERS, name_of

_SHELL = "shell: "

READERS: Mapping[str, tuple[str, ...]] = {
    "basename": (),
    "cat": (),
    "cd": (),
    "cmp": (),
    "comm": (),
    "command": (),  # with `-v`: what it runs otherwise is judged instead
    "cut": (),
    "df": (),
    "diff": ("-r", "--recursive"),
    "dirname": (),
    "du": ("--files0-from",),
    "echo": (),
    "egrep": ("-r", "-R", "--recursive", "--dereference-recursive", "-d", "--directories"),
    "exit": (),
    "false": (),
    "fgrep": ("-r", "-R", "--recursive", "--dereference-recursive", "-d", "--directories"),
    "find": (),
    "grep": ("-r", "-R", "--recursive", "--dereference-recursive", "-d", "--directories"),
    "head": (),
    "ls": (),
    "md5sum": ("-c", "--check"),
    "nl": (),
    "paste": (),
    "printf": ("-v",),
    "pwd": (),
    "readlink": (),
    "realpath": (),
    "seq": (),
    "sha256sum": ("-c", "--check"),
    "sleep": (),
    "sort": ("-o", "-T", "-S", "--output", "--compress-program", "--temporary-directory",
             "--files0-from"),
    "stat": (),
    "tac": (),
    "tail": (),
    "test": ("-v", "-R"),
    "[": ("-v", "-R"),
    "tr": (),
    "true": (),
    "type": (),
    "uname": (),
    "wc": ("--files0-from",),
    "which": (),
}  # fmt: skip
"""
Programs that only read what their words name, and the options with which they do more.

Reading a whole tree with `grep -r` is more: it shows `.env` as well. So does `rg`, which is not
here: a line `!.env` in the repository's `.ignore` lets it, with no option at all (rg(1),
`--hidden`). Bash runs commands in the name of a variable: `test -v 'x[$(rm y)]'` (seen with 5.2,
2026-11-22).
"""

# `printf '%n' PATH` sets PATH to 0 in bash, and a repository can have a directory `0`.
_SETS_VARIABLE = re.compile(r"%[-+ #0'*0-9.$hlLjztq]*n")

_FIND_CHANGES = (
    "-L",
    "-delete",
    "-fls",
    "-fprint",
    "-fprint0",
    "-fprintf",
    "-files0-from",
    "-follow",
)
# What these show depends on settings in the repository, which may name programs to run.
_GIT_READS = names(
    "blame cat-file describe diff diff-tree grep log ls-files ls-tree merge-base name-rev "
    "rev-list rev-parse shortlog show status"
)
_GIT_MORE = ("-O", "--output", "--open-files-in-pager", "--ext-diff", "--textconv", "--no-index")
_HARMLESS_WORDS = names("echo exit false printf return seq sleep true")
_DESTROYERS = names("rm rmdir mv shred truncate dd chmod chown chgrp mkfs")
# What they do depends on every word, so a beginning would allow too much.
_NEVER_KEPT = (
    _DESTROYERS
    | SETTING
    | WRAPPERS.keys()
    | names(
        "rg ag ack fd fdfind less more most man pg bat batcat view hyperfine valgrind perf jq "
        "awk gawk mawk sed ed ex vi vim nvim emacs curl wget nc ncat socat telnet cp ln install "
        "tee tar unzip zip kill pkill killall make-kpkg mount umount systemctl service open "
        "xdg-open osascript tmux screen gh glab npx bunx pipx uvx gmake bmake patch split m4 "
        "sqlite3 psql mysql mariadb compgen complete compopt fc getopts jobs wait"
    )
)
_INTERPRETERS = names(
    "python ipython pypy node nodejs ts-node tsx perl ruby irb php lua luajit R Rscript java "
    "jshell scala groovy elixir erl escript ghc runghc ghci ocaml guile racket sbcl clojure julia "
    "tclsh pwsh powershell"
)
_VERSION = "0123456789."
_WITH_SUBCOMMANDS = names(
    "git npm pnpm yarn bun deno cargo go rustup pip pip3 uv poetry pdm hatch conda bundle gem rake "
    "composer dotnet mvn gradle ./gradlew ./mvnw make just task cmake ninja bazel apt apt-get "
    "brew swift stack cabal mix rebar3 dune zig nix terraform"
)
# Code on the line itself: `make test --eval='$(shell rm x)'` is more than `make test`.
_BRINGING_CODE: Mapping[str, tuple[str, ...]] = {
    "make": ("--ev", "-E", "SHELL=", ".SHELLFLAGS=", "MAKEFLAGS="),
    "go": ("-exec", "--exec", "-toolexec", "--toolexec", "-vettool", "--vettool"),
    "cargo": ("--config",),
    "npm": ("--script-shell", "--node-options"),
    "pnpm": ("--script-shell", "--shell-emulator", "--node-options"),
    "just": ("--shell", "--set", "--command", "-c"),
    "rake": ("-e", "-E", "-p", "--execute"),
    "mvn": ("exec:", "-Dexec."),
    "bazel": ("--run_under",),
}
# A variable of make is looked through when it is used: `X='$(shell rm x)'`.
_MAKE_CODE = re.compile(r"^[^-].*?=.*[^\w.,+/:@=-]", re.DOTALL)
_RUN_THEIR_OWN = names("cargo dotnet go just make rake swift task zig")
_WITH_SCRIPTS = names("npm pnpm composer")
_RUN_BY_NAME = names("run run-script exec x tool")


def only_reads(command: Command) -> bool:
    """Say whether a command can do nothing but read what its words name, redirections apart."""
    name = name_of(command)
    if name not in READERS or command.words[0].text != name:
        return False
    if name == "printf" and any(_SETS_VARIABLE.search(word.text) for word in command.words):
        return False
    if name == "find":
        return not any(word.text in _FIND_CHANGES for word in command.words)
    return not _has_any(command.words[1:], READERS[name])


def seems_to_read(command: Command) -> bool:
    """Say whether a command is one of git's that show, and so may be asked for in `plan` mode."""
    words = command.words
    return (
        len(words) > 1
        and words[0].text == "git"
        and words[1].text in _GIT_READS
        and not _has_any(words[2:], _GIT_MORE)
    )


def shows_and_more(command: Command) -> bool:
    """Say whether one of git's commands that show is to write a file, or to run a program."""
    words = command.words
    is_shown = len(words) > 1 and words[0].text == "git" and words[1].text in _GIT_READS
    return is_shown and not seems_to_read(command)


def brings_code(command: Command) -> bool:
    """Say whether a word tells a program what else to run, which its rule does not name."""
    name, words = name_of(command), command.words[1:]
    if name == "make" and any(_MAKE_CODE.search(word.text) for word in words):
        return True
    given = [word.text for word in words]
    return any(_gives(text, option) for text in given for option in _BRINGING_CODE.get(name, ()))


def words_do_not_matter(command: Command) -> bool:
    """Say whether a command touches no file, whatever its words turn out to be."""
    name = name_of(command)
    return name in _HARMLESS_WORDS and command.words[0].text == name


def destroys(command: Command) -> bool:
    """Say whether a command takes away, or changes, whole trees that its words name."""
    is_delete = name_of(command) == "find" and any(w.text == "-delete" for w in command.words)
    return is_delete or name_of(command) in _DESTROYERS


def rule_for(command: Command) -> str:
    """
    Return the rule that would allow a command and its like from now on.

    Empty where a beginning of words would allow what nobody meant: `rm`, `curl`, an
    interpreter with a program on its line, a reader that does more than read.
    """
    name, words = name_of(command), list(command.words)
    if not name or name in _NEVER_KEPT or name in READERS or command.assignments:
        return ""
    if name in _WITH_SUBCOMMANDS or words[0].text in _WITH_SUBCOMMANDS:
        return _with_subcommand(name, words)
    if name.rstrip(_VERSION) in _INTERPRETERS or name in SHELLS:
        return _rule(words[: _program_words(words)])
    return _rule(words[:1])


def _with_subcommand(name: str, words: Sequence[Word]) -> str:
    """Return the rule for `git commit`, `npm run test`, `uv run pytest`."""
    if len(words) < 2 or words[1].text.startswith("-"):
        return ""
    if len(words) > 2 and name in _WITH_SCRIPTS and words[1].text.startswith("run"):
        return _rule(words[:3])
    if words[1].text in _RUN_BY_NAME and name not in _RUN_THEIR_OWN:
        is_plain = len(words) > 2 and not words[2].text.startswith("-")
        inner = rule_for(Command(words=tuple(words[2:]))) if is_plain else ""
        return _rule(words[:2], inner.removeprefix(_SHELL)) if inner else ""
    return _rule(words[:2])


def _rule(words: Sequence[Word], rest: str = "") -> str:
    """Return the rule for a command's first words, and a rest; empty if one cannot be told."""
    texts = [word.text for word in words]
    is_told = all(word.known and not word.pattern for word in words)
    if not texts or not is_told or any(not t.isprintable() or len(t) > 100 for t in texts):
        return ""
    return f"{_SHELL}{shlex.join(texts)}{rest and ' '}{rest}"


def _program_words(words: Sequence[Word]) -> int:
    """Return how many words name what an interpreter runs: a file, or `-m` and a module."""
    if len(words) > 2 and words[1].text == "-m":
        return 3
    return 2 if len(words) > 1 and not words[1].text.startswith(("-", "/dev/")) else 0


def _gives(text: str, option: str) -> bool:
    """Say whether a word is an option, with a value or not; a letter may stand among others."""
    if re.fullmatch(r"-\w", option):
        return bool(re.match(rf"-\w*{option[1]}", text))
    return text.startswith(option)


def _has_any(words: Sequence[Word], options: Sequence[str]) -> bool:
    """Say whether an option is among the words; long ones may be cut short, short ones joined."""
    letters = {option[1] for option in options if not option.startswith("--")}
    long = [option for option in options if option.startswith("--")]
    for word in words:
        text = word.text.partition("=")[0]
        if text.startswith("--") and len(text) > 2:
            if any(option.startswith(text) or text.startswith(option) for option in long):
                return True
        elif text.startswith("-") and letters.intersection(word.text[1:]):
            return True
    return False
