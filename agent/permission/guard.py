"""Judges calls: by the mode, by where they reach, and by the user's rules."""

import sys
from collections.abc import Iterable
from pathlib import Path
from urllib.parse import urlsplit

from msgspec.structs import replace

from agent.permission import Answer, Judgement, Mode
from agent.permission.files import House, judge_path, worst
from agent.permission.memory import Memory
from agent.permission.rules import Rules, WrongRule, parse_rule
from agent.tools.base import Action, Workspace

_ALLOWED = Judgement(answer=Answer.ALLOW)
_BETWEEN = "; "


class Guard:
    """
    A session's permission: `mode` may be changed at any time.

    `rules` are those of the settings. `memory` holds what was allowed in this project; without
    one, what is allowed lasts as long as the session. Nothing is ever read from the workspace
    to widen it. Raises BrokenFile if what was remembered cannot be read.
    """

    def __init__(
        self,
        workspace: Workspace,
        *,
        mode: Mode = Mode.ASK,
        rules: Rules | None = None,
        memory: Memory | None = None,
    ) -> None:
        self.workspace = workspace
        self.mode = mode
        self._memory = memory
        given = rules or Rules()
        remembered = memory.rules() if memory else ()
        self._rules = replace(given, allow=(*given.allow, *remembered))

    def judge(self, tool: str, action: Action) -> Judgement:
        """Return what is to happen to a call of a tool."""
        judgement = self._judge(tool, action, self.mode)
        if judgement.answer is not Answer.ASK:
            return judgement
        wider = (
            mode
            for mode in (Mode.EDIT, Mode.AUTO)
            if self._judge(tool, action, mode).answer is Answer.ALLOW
        )
        return replace(judgement, allowed_in=next(wider, None))

    def _judge(self, tool: str, action: Action, mode: Mode) -> Judgement:
        house = House(self.workspace, mode, self._rules)
        match action.kind:
            case "talk":
                return _ALLOWED
            case "read" | "write":
                writes = action.kind == "write"
                return worst(judge_path(house, tool, path, writes=writes) for path in action.paths)
            case "fetch":
                return self._fetch(tool, action.url, mode)
            case "run":
                return self._run(house, action)

    def allow(self, rule: str) -> None:
        """
        Allow what a judgement named, in this project from now on.

        A rule that cannot be read is not kept: nobody was shown it. Raises BrokenFile.
        """
        texts = rule.split(f"{_BETWEEN}shell: ")
        for text in (texts[0], *(f"shell: {each}" for each in texts[1:])):
            try:
                parsed = parse_rule(text)
            except WrongRule:
                continue
            self._rules = replace(self._rules, allow=(*self._rules.allow, parsed))
            if self._memory:
                self._memory.add(parsed)

    def _fetch(self, tool: str, url: str, mode: Mode) -> Judgement:
        try:
            parts = urlsplit(url)
            host, port = parts.hostname or "", parts.port
        except ValueError:
            host, port = "", None
        if not host:
            return Judgement(answer=Answer.ASK, reason="The address names no host.")
        named = host if port in (None, 80, 443) else f"{host}:{port}"

        def has(rules: Iterable[object]) -> bool:
            return any(rule in fitting for rule in rules)

        every = (*self._rules.refuse, *self._rules.ask, *self._rules.allow)
        fitting = [rule for rule in every if rule.is_for(tool, "fetch") and rule.fits_host(named)]
        if has(self._rules.refuse):
            return Judgement(answer=Answer.REFUSE, reason=f"A rule refuses {named}.")
        if has(self._rules.ask) or parts.username is not None:
            return Judgement(answer=Answer.ASK, reason=f"{named} is asked about each time.")
        if has(self._rules.allow) or mode is Mode.AUTO:
            return _ALLOWED
        reason = f"A page of {named} would be fetched."
        return Judgement(answer=Answer.ASK, reason=reason, rule=f"fetch: {named}")

    def _run(self, house: House, action: Action) -> Judgement:
        if not action.command.strip():
            return _ALLOWED
        if sys.platform == "win32":
            # Its shells read a line differently from the ones we can read.
            refused = house.mode is Mode.PLAN
            answer = Answer.REFUSE if refused else Answer.ASK
            return Judgement(answer=answer, reason="Commands are not read on this system.")
        # Only here: what reads commands is large, and the first request does not wait for it.
        from agent.permission.commands import CommandJudge

        directory = action.paths[0] if action.paths else self.workspace.root
        return CommandJudge(house, Path(directory)).judge(action.command)
