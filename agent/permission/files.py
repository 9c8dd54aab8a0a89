"""Judges what is read and written by its path."""

from collections.abc import Iterable
from pathlib import Path

import msgspec

from agent.permission import Answer, Judgement, Mode
from agent.permission.places import Standing, place_of
from agent.permission.rules import Rule, Rules
from agent.tools.base import ActionKind, Workspace

PLAN_REASON = "Plan mode changes nothing: `/mode ask`, or `--mode ask` with `-q`, leaves it."
_ALLOWED = Judgement(answer=Answer.ALLOW)
_ORDER = (Answer.ALLOW, Answer.ASK, Answer.REFUSE)


class House(msgspec.Struct, frozen=True):
    """What a call is judged by: where the session works, its mode, and every rule."""

    workspace: Workspace
    mode: Mode
    rules: Rules

    def about_path(self, rules: Iterable[Rule], tool: str, path: Path, *, writes: bool) -> bool:
        """Say whether one of the rules is about a tool, or about its kind, and fits a path."""
        kind: ActionKind = "write" if writes else "read"
        root = self.workspace.root
        return any(rule.is_for(tool, kind) and rule.fits_path(path, root) for rule in rules)


def asked(reason: str, rule: str = "") -> Judgement:
    """Return the judgement that a person is asked."""
    return Judgement(answer=Answer.ASK, reason=reason, rule=rule)


def refused(reason: str) -> Judgement:
    """Return the judgement that it is not done."""
    return Judgement(answer=Answer.REFUSE, reason=reason)


def worst(judgements: Iterable[Judgement]) -> Judgement:
    """
    Return the strictest judgement, with the reason of the first that is so strict.

    What may be remembered is all of it together, or nothing: one part that must be asked
    each time leaves no rule for the others.
    """
    given = list(judgements) or [_ALLOWED]
    answer = max((each.answer for each in given), key=_ORDER.index)
    strict = [each for each in given if each.answer is answer]
    rules = dict.fromkeys(each.rule for each in strict)
    # A file may be named `a; shell: python`: what is taken apart again holds no `;` of its own.
    can_keep = answer is Answer.ASK and all(rules) and not any(";" in rule for rule in rules)
    joined = "; ".join(rules) if can_keep and (len(rules) == 1 or _all_shell(rules)) else ""
    always_asked = [each.reason for each in strict if not each.rule]
    return Judgement(answer=answer, reason=(always_asked or [strict[0].reason])[0], rule=joined)


def _all_shell(rules: Iterable[str]) -> bool:
    return all(rule.startswith("shell: ") for rule in rules)


def judge_path(house: House, tool: str, path: Path, *, writes: bool) -> Judgement:
    """Return what is to happen to a call that reads or writes a path, whose links were followed."""
    place = place_of(path, house.workspace, writes=writes)
    shown = house.workspace.shown(path)
    reason = ""
    if place.standing is Standing.PRIVATE:
        reason = f"{shown} is where keys and settings are kept, which nobody is shown."
    elif house.about_path(house.rules.refuse, tool, path, writes=writes):
        reason = f"A rule refuses {shown}."
    elif writes and house.mode is Mode.PLAN:
        reason = PLAN_REASON
    if reason:
        return refused(reason)
    if place.standing is Standing.GUARDED:
        return asked(f"{shown} {place.why}, so it is asked about each time.")
    if house.about_path(house.rules.ask, tool, path, writes=writes):
        return asked(f"A rule asks about {shown}.")
    return _by_mode(house, tool, path, outside=place.standing is Standing.OUTSIDE, writes=writes)


def _by_mode(house: House, tool: str, path: Path, *, outside: bool, writes: bool) -> Judgement:
    """Judge a path that may be allowed by a rule or by the mode."""
    shown = house.workspace.shown(path)
    if house.about_path(house.rules.allow, tool, path, writes=writes):
        return _ALLOWED
    if outside and (writes or house.mode is not Mode.AUTO):
        return asked(f"{shown} is outside of {house.workspace.root}.")
    if not writes or house.mode in (Mode.EDIT, Mode.AUTO):
        return _ALLOWED
    return asked(f"{shown} would be changed.", _rule_for(shown))


def _rule_for(shown: str) -> str:
    """Return the rule that allows one file, or an empty text if it cannot be written down."""
    if not shown.isprintable() or shown != shown.strip():
        return ""
    quoted = "".join(f"\\{sign}" if sign in "*?\\" else sign for sign in shown)
    return f"write: {quoted}"
