"""Values from several sources: who proposes what, from where, which one won and what it beat."""

from collections.abc import Sequence
from enum import Enum
from typing import Generic, TypeVar

import msgspec

T = TypeVar("T")


class Origin(Enum):
    """Where a value can come from, strongest first."""

    FLAG = "flag"
    ENVIRONMENT = "environment"
    DOTENV = ".env"
    CONFIG = "config"
    STORED = "stored key"
    REMEMBERED = "remembered"
    LEARNT = "learnt"
    LIVE = "live"
    ROW = "shipped row"
    DEFAULT = "default"

    @property
    def is_users(self) -> bool:
        """Whether the user said it: by a flag, a variable or a file."""
        return self in (Origin.FLAG, Origin.ENVIRONMENT, Origin.DOTENV, Origin.CONFIG)


class Candidate(msgspec.Struct, Generic[T], frozen=True):
    """
    A value somebody or something proposes.

    `where` names the place in words a user can find: `--model`, `shell variable
    KIMI_API_KEY`, `~/.hermes/.env line 3`. `name` is the variable, option or
    setting (`KIMI_API_KEY`, `--model`, `providers.kimi-coding.base_url`).
    """

    value: T
    origin: Origin
    where: str
    name: str = ""

    @property
    def drop(self) -> str:
        """The advice that drops this value, with a command where there is one."""
        if self.origin is Origin.FLAG:
            return f"leave out `{self.name}`"
        if self.origin is Origin.STORED:
            return f"`hermes key remove {self.name}`"
        return f"`hermes config unset {self.name}`"


class Chosen(Candidate[T], frozen=True):
    """The value that won, why if its place does not say it, and what it beat, strongest first."""

    why: str = ""
    beaten: tuple[Candidate[T], ...] = ()


def choose(candidates: Sequence[Candidate[T]], *, why: str = "") -> Chosen[T]:
    """Return the first candidate as the winner over the others. There must be one."""
    first, *others = candidates
    return Chosen(first.value, first.origin, first.where, first.name, why, tuple(others))
