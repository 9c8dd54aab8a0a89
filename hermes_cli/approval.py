"""Who answers when a call must be asked: a person, or nobody."""

from typing import Protocol

import msgspec

from agent.errors import HermesError
from agent.loop_events import ApprovalWanted
from agent.permission import Mode
from hermes_cli.ui.tool_lines import call_words

NOBODY = "nobody is there to be asked. Do what can be done without it, and say what is left to do."
_SHOWN = 3


class Decision(msgspec.Struct, frozen=True):
    """A person's answer: `reason` goes to the model where it is no, `rule` is allowed for good."""

    allowed: bool
    reason: str = ""
    rule: str = ""


class Approver(Protocol):
    """Answers for a person."""

    async def decide(self, event: ApprovalWanted) -> Decision:
        """Return what is decided about a call."""


class Nobody(msgspec.Struct):
    """Refuses every call that must be asked, and keeps them: mutable."""

    refused: list[ApprovalWanted] = msgspec.field(default_factory=list)

    async def decide(self, event: ApprovalWanted) -> Decision:
        """Refuse."""
        self.refused.append(event)
        return Decision(allowed=False, reason=NOBODY)

    def check(self) -> None:
        """Raise HermesError, with the flag that allows it, if a call was refused."""
        if not self.refused:
            return
        named = ", ".join(f"`{call_words(event.call)}`" for event in self.refused[:_SHOWN])
        more = "" if len(self.refused) <= _SHOWN else f" and {len(self.refused) - _SHOWN} more"
        raise HermesError(
            f"Refused, because nobody was there to be asked: {named}{more}. {self._reason()}",
            remedy=self._remedy(),
        )

    def _reason(self) -> str:
        reasons = dict.fromkeys(event.reason for event in self.refused if event.reason)
        return " ".join(reasons)

    def _remedy(self) -> str:
        modes = {event.allowed_in for event in self.refused}
        if modes == {None}:
            return "`hermes` asks you on a terminal: no flag allows these."
        if modes == {Mode.EDIT}:
            return "`--yes-edits` allows changes of files in this directory."
        if None in modes:
            return "`--yes-all` allows a part of these; `hermes` asks you on a terminal about all."
        return "`--yes-all` allows these; `hermes` asks you about each on a terminal."


def decision_of(answer: str, rule: str) -> Decision | None:
    """
    Return the decision in a person's words, or None if they are none.

    `y` is once, `a` for good by the rule, where there is one; `n` is no, and what follows it is
    the reason.
    """
    word, _, reason = answer.strip().partition(" ")
    word = word.lower().rstrip(",:.")
    if word in ("y", "yes") and not reason:
        return Decision(allowed=True)
    if word in ("a", "always") and rule and not reason:
        return Decision(allowed=True, rule=rule)
    if word in ("n", "no"):
        return Decision(allowed=False, reason=reason.strip())
    return None


def choices(rule: str) -> str:
    """Return the answers that are possible, in one line."""
    always = f"[a] always `{rule}`, " if rule else ""
    return f"[y] yes, {always}[n REASON] no"
