"""May a call be done: a mode, the user's rules, and what is always asked; judged on actions."""

from dataclasses import dataclass
from enum import Enum
from typing import Protocol

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


@dataclass(frozen=True, kw_only=True, slots=True)
class Judgement:
    """
    What is to happen to a call, and why, as a sentence.

    `rule` is what a person could allow for good, in the words of the settings, or empty where
    it must be asked each time.
    """

    answer: Answer
    reason: str = ""
    rule: str = ""


class Permission(Protocol):
    """Judges calls, and remembers what a person allowed."""

    def judge(self, tool: str, action: Action) -> Judgement:
        """Return what is to happen to a call of a tool."""

    def allow(self, rule: str) -> None:
        """Allow what a judgement named, in this project from now on."""
