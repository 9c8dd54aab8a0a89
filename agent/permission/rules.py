"""The user's rules: `shell: git status`, `write: src/**`, `fetch: docs.python.org`."""

import re
from functools import lru_cache
from pathlib import Path, PurePosixPath

import msgspec

from agent.command_line import parse
from agent.command_parts import Command, NotUnderstood, names
from agent.tools.base import ActionKind

KINDS: tuple[tuple[str, ActionKind], ...] = (
    ("shell", "run"),
    ("read", "read"),
    ("write", "write"),
    ("fetch", "fetch"),
)
"""What a rule may be about, and the kind of action that is; `read` and `write` for all tools."""

TOOLS = ("edit", "find", "grep")
"""Tools that rules may name beside the kinds, each for itself alone."""

# They change how a program speaks, not which one runs.
_HARMLESS_VARIABLES = names(
    "CI COLUMNS FORCE_COLOR LANG LC_ALL LINES NO_COLOR PYTHONDONTWRITEBYTECODE PYTHONHASHSEED "
    "PYTHONUNBUFFERED RUST_BACKTRACE TERM TZ"
)


class WrongRule(ValueError):
    """A rule that cannot be read; the message completes "RULE …"."""


class Rule(msgspec.Struct, frozen=True):
    """
    A rule: what it is about, and the rest of it as the user wrote it, or empty for all.

    The rest is the beginning of a command, a pattern of paths, or a host.
    """

    about: str
    rest: str = ""

    def __str__(self) -> str:
        return f"{self.about}: {self.rest}" if self.rest else self.about

    def is_for(self, tool: str, kind: ActionKind) -> bool:
        """Say whether it is about this tool, or about this kind of action."""
        return self.about == tool or (self.about, kind) in KINDS

    def fits_path(self, path: Path, root: Path) -> bool:
        """
        Say whether a rule about files names this path, whose links were followed.

        A pattern that begins with `/` or `~` is compared with the whole path, any other with
        the path below `root`: it never fits one outside.
        """
        if self.names_outside():
            whole = str(Path(self.rest).expanduser())
            return bool(_pattern(whole).fullmatch(path.as_posix()))
        if not path.is_relative_to(root):
            return False
        return not self.rest or bool(
            _pattern(self.rest).fullmatch(path.relative_to(root).as_posix())
        )

    def names_outside(self) -> bool:
        """Say whether a rule about files is about whole paths."""
        return self.rest.startswith(("/", "~"))

    def fits_host(self, host: str) -> bool:
        """Say whether a rule about hosts names this one; `*.example.com` is any below it."""
        if self.rest.startswith("*."):
            return host.endswith(self.rest[1:])
        return self.rest in ("", "*", host)

    def allows(self, command: Command) -> bool:
        """
        Say whether a command begins with the words of the rule, to the letter.

        Variables set for it must be set in the rule too, unless they are harmless.
        """
        begins = _beginning(self.rest)
        if begins is None:
            return True
        asked = [(name, word) for name, word in command.assignments if not is_harmless(name)]
        words = command.words[: len(begins.words)]
        return (
            asked == list(begins.assignments)
            and words == begins.words
            and all(word.known and not word.pattern for word in words)
        )

    def catches(self, command: Command) -> bool:
        """Say whether a command is one of the rule's, whatever path or variables it goes by."""
        begins = _beginning(self.rest)
        if begins is None:
            return True
        wanted = [word.text for word in begins.words]
        given = [word.text for word in command.words[: len(wanted)]]
        if given:
            given[0] = PurePosixPath(given[0]).name if "/" not in wanted[0] else given[0]
        return given == wanted


class Rules(msgspec.Struct, frozen=True):
    """The rules of a session; what refuses beats what asks, and that what allows."""

    allow: tuple[Rule, ...] = ()
    ask: tuple[Rule, ...] = ()
    refuse: tuple[Rule, ...] = ()


def parse_rule(text: str) -> Rule:
    """Return a rule. Raises WrongRule."""
    about, colon, rest = text.partition(":")
    about, rest = about.strip(), rest.strip()
    kinds = dict(KINDS)
    if about not in kinds and about not in TOOLS:
        names = ", ".join([*kinds, *TOOLS])
        raise WrongRule(f"is about none of {names}")
    if colon and not rest:
        raise WrongRule("says nothing after its colon")
    if kinds.get(about) == "run":
        _check_command(rest)
    elif kinds.get(about) == "fetch":
        rest = rest.lower()
        if not re.fullmatch(r"(\*|(\*\.)?[^\s/*@?#]+)?", rest):
            raise WrongRule("should name a host, as in `fetch: docs.python.org`")
    elif ".." in PurePosixPath(rest).parts:
        raise WrongRule("names a path with `..` in it")
    elif rest.endswith("/"):
        rest += "**"
    return Rule(about, rest.removeprefix("./"))


def is_harmless(variable: str) -> bool:
    """Say whether setting an environment variable changes nothing about what runs."""
    return variable in _HARMLESS_VARIABLES


def _check_command(rest: str) -> None:
    try:
        _beginning(rest)
    except NotUnderstood as error:
        raise WrongRule(f"holds {error}") from error


@lru_cache(maxsize=500)
def _beginning(rest: str) -> Command | None:
    """Return a rule's command without the `*` at its end; None is any command at all."""
    text = rest.removesuffix("*").strip() if rest.endswith((" *", "\t*")) else rest
    if text in ("", "*"):
        return None
    commands = parse(text)
    if len(commands) != 1 or not commands[0].words or commands[0].reads or commands[0].writes:
        raise NotUnderstood("more than the beginning of one command")
    values = [value for _, value in commands[0].assignments]
    if any(not word.known or word.pattern for word in (*commands[0].words, *values)):
        raise NotUnderstood("a variable or a pattern, which a rule for the shell cannot")
    return commands[0]


@lru_cache(maxsize=500)
def _pattern(text: str) -> re.Pattern[str]:
    r"""Return a pattern of paths: `**` is anything, `*` and `?` stop at `/`, `\` quotes."""
    parts = {"**/": "(?:.*/)?", "**": ".*", "*": "[^/]*", "?": "[^/]"}
    found = re.findall(r"\*\*/|\*\*|\*|\?|\\.|.", text, re.DOTALL)
    return re.compile("".join(parts.get(sign) or re.escape(sign[-1]) for sign in found), re.DOTALL)
