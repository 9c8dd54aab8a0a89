"""May a call be done: a mode, the user's rules, and what is always asked; judged on actions."""

from enum import Enum
from typing import Protocol

import msgspec

from agent.tools.base import Action


class Mode(Enum):
    """How much is done without asking; a repository's own files can never widen it."""

    ASK = "ask"
    EDIT = "edit"
    AUTO = "auto"
    PLAN = "plan"


class Answer(Enum):
    """What is to happen to a call."""

    ALLOW = "allow"
    ASK = "ask"
    REFUSE = "refuse"


class Judgement(msgspec.Struct, frozen=True, kw_only=True):
    """
    What is to happen to a call, and why, as a sentence.

    `rule` is what a person could allow for good, in the words of the settings, or empty where
    it must be asked each time. `allowed_in` is the narrowest mode in which what is asked here
    would be allowed; None where every mode asks.
    """

    answer: Answer
    reason: str = ""
    rule: str = ""
    allowed_in: Mode | None = None


class Permission(Protocol):
    """Judges calls, and remembers what a person allowed."""

    def judge(self, tool: str, action: Action) -> Judgement:
        """Return what is to happen to a call of a tool."""

    def allow(self, rule: str) -> None:
        """Allow what a judgement named, in this project from now on."""
