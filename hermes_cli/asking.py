"""One question of `hermes chat -q`: what is on standard input, the turn, the exit code."""

import asyncio
import os
import stat
import sys
import threading
from contextlib import aclosing

import msgspec
from msgspec.structs import replace

from agent.errors import HermesError, UsageError
from agent.events import Finished
from agent.loop_events import ApprovalWanted, LoopEvent, TurnEnded
from agent.messages import calls_of, user
from agent.route import Route
from hermes_cli.agent_session import AgentSession, Wanted, open_session
from hermes_cli.approval import Approver, Nobody
from hermes_cli.auth import Flags
from hermes_cli.config import read_settings
from hermes_cli.pool import Pool
from hermes_cli.runtime_provider import open_client, require_key, running_route
from hermes_cli.ui.json_screen import JsonScreen
from hermes_cli.ui.screen import Screen, Sink, alias_sentences
from hermes_cli.ui.style import is_terminal

SILENCE_SECONDS = 1.0
"""How long standard input may be silent before a line says that it is waited for."""

_READ_BYTES = 64 * 1024


class Question(msgspec.Struct, frozen=True):
    """What -q asks, in what session, and how often it is tried again."""

    text: str
    wanted: Wanted
    retries: int | None


def ask_once(question: Question, flags: Flags, screen: Screen, err: Sink) -> None:
    """
    Ask one question and show the answer; `main` shows errors, and a reader may leave early.

    Raises HermesError for what keeps it from being answered, and if a call was refused because
    nobody was there to be asked, or a limit stopped the turn.
    """
    try:
        settings = read_settings()
        with Pool(flags, settings) as pool, running_route(flags, settings) as route:
            screen.begin(route, (*route.notices, *settings.notices, *alias_sentences(route)))
            if route.model_error is not None:
                raise route.model_error
            require_key(route)
            prompt = _with_standard_input(question.text, screen, err)
            if not prompt.strip():
                raise UsageError(
                    "There is nothing to ask: -q has no text and standard input is empty.",
                    remedy='`hermes chat -q "..."` asks, `hermes` begins a conversation.',
                )
            approver, wanted = _approver(question.wanted, screen, err)
            with open_session(open_client(route), settings, wanted) as session:
                for sentence in session.notices:
                    screen.notice(sentence)
                screen.offers_tools = session.has_tools
                asking = _Asking(session, screen, approver, pool, question.retries)
                ended = asyncio.run(asking.turn(route, prompt))
            _check(ended, approver)
    except HermesError as error:
        if isinstance(screen, JsonScreen):
            screen.error(error)
        raise
    finally:
        screen.end()


def _approver(wanted: Wanted, screen: Screen, err: Sink) -> tuple[Approver, Wanted]:
    """Return who answers for the user, and what the session is to be with that."""
    if isinstance(screen, JsonScreen) or not (is_terminal(sys.stdin) and err.is_terminal):
        return Nobody(), wanted
    from hermes_cli.person import Person

    person = Person(screen, err)
    return person, replace(wanted, ask=person.answer)


class _Asking(msgspec.Struct):
    """A session that is asked one question."""

    session: AgentSession
    screen: Screen
    approver: Approver
    pool: Pool
    retries: int | None

    async def turn(self, route: Route, prompt: str) -> TurnEnded | None:
        """Ask, show what happens, and return how it ended."""
        ended: TurnEnded | None = None
        compact = self.session.shortener.compact
        async with open_client(
            route, retries=self.retries, detour=self.pool, compact=compact
        ) as client:
            self.session.use(client)
            self.session.say(user(prompt))
            try:
                async with aclosing(self.session.loop.run()) as events:
                    async for event in events:
                        self.screen.follow(client.route)
                        self.screen.show(event)
                        if isinstance(event, ApprovalWanted):
                            await self._decide(event)
                        if isinstance(event, TurnEnded):
                            ended = event
                        if self._is_call_for_nothing(event):
                            break
            finally:
                for sentence in self.session.end_turn():
                    self.screen.notice(sentence)
        return ended

    async def _decide(self, event: ApprovalWanted) -> None:
        decision = await self.approver.decide(event)
        self.session.loop.decide(
            event.call.id, allowed=decision.allowed, reason=decision.reason, rule=decision.rule
        )

    def _is_call_for_nothing(self, event: LoopEvent) -> bool:
        """Say whether the model calls a tool though none was offered: asking again is no use."""
        return (
            isinstance(event, Finished)
            and not self.session.has_tools
            and bool(calls_of(event.message))
        )


def _check(ended: TurnEnded | None, approver: Approver) -> None:
    """Raise HermesError if the turn did not do all that the model wanted to do."""
    if isinstance(approver, Nobody):
        approver.check()
    if ended is not None and ended.stopped:
        remedy = f'{ended.remedy} `hermes chat -c -q "go on"` does.'
        raise HermesError(ended.stopped, remedy=remedy)


def _with_standard_input(query: str, screen: Screen, err: Sink) -> str:
    """Return the prompt: the query, a blank line, and what came on standard input."""
    if sys.stdin is None or not _is_pipe_or_file(sys.stdin.fileno()):
        return query
    content = _read_to_end(sys.stdin.fileno(), err)
    text = content.decode("utf-8-sig", "replace")
    if "\ufffd" in text and b"\xef\xbf\xbd" not in content:
        screen.notice("Standard input holds bytes that are no UTF-8; each was replaced by U+FFFD.")
    if not text.strip():
        return query
    return f"{query}\n\n{text}" if query.strip() else text


def _is_pipe_or_file(descriptor: int) -> bool:
    mode = os.fstat(descriptor).st_mode
    return stat.S_ISFIFO(mode) or stat.S_ISREG(mode)


def _read_to_end(descriptor: int, err: Sink) -> bytes:
    """Read everything; the first second of silence is told to a terminal, once."""
    told = threading.Event()

    def tell() -> None:
        told.set()
        if err.is_terminal:
            err.write(
                "Waiting for text on standard input: Ctrl-D ends it, and with `</dev/null` "
                "there is none.\n",
                style="dim",
            )

    pieces: list[bytes] = []
    while not pieces or pieces[-1]:
        timer = threading.Timer(SILENCE_SECONDS, tell)
        timer.daemon = True
        if not told.is_set():
            timer.start()
        try:
            pieces.append(os.read(descriptor, _READ_BYTES))
        finally:
            timer.cancel()
    return b"".join(pieces)
