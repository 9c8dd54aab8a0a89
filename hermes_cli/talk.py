"""A conversation under way: the Route in use, its session, and the work that is being done."""

import asyncio
import signal
from collections.abc import Callable, Coroutine
from contextlib import ExitStack, aclosing
from typing import Any, Protocol

from msgspec.structs import replace

from agent.errors import HermesError, UsageError
from agent.events import Finished
from agent.loop_events import ApprovalWanted, Compacted, LoopEvent, MessageAdded, TurnEnded
from agent.messages import Message, calls_of, user
from agent.route import Route
from agent.sessions import Sessions
from agent.tools.shell import Shell, ShellArguments
from hermes_cli.agent_session import AgentSession, Wanted, open_session
from hermes_cli.approval import choices, decision_of
from hermes_cli.auth import Flags
from hermes_cli.config import get_state_path, read_settings
from hermes_cli.gauges import Gauges
from hermes_cli.pool import Pool
from hermes_cli.runtime_provider import open_client, require_key, running_route
from hermes_cli.ui.live_screen import LiveScreen
from hermes_cli.ui.pastes import Pastes
from hermes_cli.ui.screen import alias_sentences

TICK_SECONDS = 0.25
"""How often what is live is drawn anew while the agent works."""

# The first line is what lists call a conversation that begins with it.
_RAN = "I ran this here: $ {command}\n\n{output}"


class Prompt(Protocol):
    """Where lines come from, and where questions are answered; see `ui.stage.Stage`."""

    is_live: bool
    pastes: Pastes

    async def read(self) -> str:
        """Return the next line. Raises EOFError at the end."""

    async def ask(self, text: str, keys: str = "") -> str:
        """Return the answer to a question. Raises EOFError at the end."""

    def begin_work(self, interrupt: Callable[[], None]) -> None:
        """Note that something is being done, and what stops it."""

    def end_work(self) -> None:
        """Note that nothing is being done any more."""

    def refresh(self) -> None:
        """Draw what is live anew."""


class Talk:
    """
    A conversation: `use` gives it a Route, `open` a session, `start` something to do.

    `gauges` tell what it used, `flags` are those of the Route. `is_working` says that something
    is being done; it may be stopped, and messages may be put in meanwhile.
    """

    stage: Prompt
    session: AgentSession
    route: Route

    def __init__(self, screen: LiveScreen, wanted: Wanted, *, retries: int | None = None) -> None:
        self.screen = screen
        self.wanted = wanted
        self.gauges = Gauges()
        self.flags = Flags()
        self._retries = retries
        self._pool: Pool
        self._running = ExitStack()
        self._task: asyncio.Task[None] | None = None
        self._ending = self._leaving = False
        self._said: Message | None = None
        self._pending: list[Message] = []

    def close(self) -> None:
        """End the session, and what runs for the Route."""
        if hasattr(self, "session"):
            self.session.close()
        self._running.close()

    # --- the Route and the session --------------------------------------------------------

    def use(self, flags: Flags) -> None:
        """
        Take another Route, whole; the old one stays if this raises.

        Raises as `route_for` does, AuthError without a key, and UsageError for a model
        that the endpoint is known not to have.
        """
        with ExitStack() as opening:
            settings = read_settings()
            pool = opening.enter_context(Pool(flags, settings))
            route = opening.enter_context(running_route(flags, settings))
            if route.model_error is not None:
                raise route.model_error
            require_key(route)
            if hasattr(self, "session"):
                self.session.use(open_client(route))
            old, self._running = self._running, opening.pop_all()
            self.route, self.flags, self._pool = route, flags, pool
            self.gauges.has_new_cache()  # another model or place has another
        old.close()
        self.screen.begin(route, (*route.notices, *alias_sentences(route)))

    def open(self, wanted: Wanted) -> None:
        """Begin a session, or go on with a stored one; the old one stays if this raises."""
        session = open_session(
            open_client(self.route), read_settings(), replace(wanted, ask=self._answer)
        )
        if hasattr(self, "session"):
            self.session.close()
        self.session, self.wanted = session, wanted
        self.screen.offers_tools = session.has_tools
        self._pending.clear()
        self.screen.queued = 0
        stored = bool(session.loop.messages)
        self.gauges.begin(Sessions(get_state_path()).totals(session.id) if stored else None)
        self.gauges.look(session.workspace.root)
        for sentence in session.notices:
            self.screen.notice(sentence)

    # --- work -----------------------------------------------------------------------------

    @property
    def is_working(self) -> bool:
        """Say whether something is being done."""
        return self._task is not None and not self._task.done()

    @property
    def is_ending(self) -> bool:
        """Say whether what is being done is about to end by itself."""
        return self._ending

    async def rest(self) -> None:
        """Wait until nothing is being done."""
        if self._task is not None:
            await asyncio.gather(self._task, return_exceptions=True)

    async def rest_alone(self) -> None:
        """Wait until nothing is being done, where no prompt is open: Ctrl-C stops the work."""
        loop = asyncio.get_running_loop()
        loop.add_signal_handler(signal.SIGINT, self._interrupt)
        try:
            await self.rest()
        finally:
            loop.remove_signal_handler(signal.SIGINT)

    async def stop(self) -> None:
        """Stop what is being done for good, and wait for that."""
        self._leaving = True
        self._interrupt()
        await self.rest()

    def say(self, message: Message) -> None:
        """Answer a message: now, or before the next request of the turn under way."""
        if self.is_working and not self._ending:
            self._pending.append(message)
            self.screen.queued = len(self._pending)
            self.session.loop.put(message)
            self.stage.refresh()
        else:
            self.start(self._turn(message), stopped="")

    def run_shell(self, command: str) -> None:
        """Run a command of the user's own, and put what it gave before the next message."""
        self.start(self._shell(command), stopped="its output is not kept")

    def start(
        self, work: Coroutine[Any, Any, None], *, stopped: str = "nothing was changed"
    ) -> None:
        """
        Do something as long as it takes, with the prompt open.

        `stopped` is what is true where it is stopped; of a turn, empty, it is found out.
        """
        before = self._task
        self._ending = False
        self._task = asyncio.get_running_loop().create_task(self._do(work, before, stopped))

    async def _do(
        self,
        work: Coroutine[Any, Any, None],
        before: "asyncio.Task[None] | None",
        stopped: str,
    ) -> None:
        if before is not None:
            await asyncio.gather(before, return_exceptions=True)
        self.screen.begin_turn()
        self.stage.begin_work(self._interrupt)
        ticks = asyncio.get_running_loop().create_task(_ticking(self.stage))
        failed = False
        try:
            await work
        except asyncio.CancelledError:
            self.screen.end()
            self.screen.notice(f"Stopped; {stopped or self._kept()}.")
        except HermesError as error:
            failed = True
            self.screen.error(error)
            if not stopped:
                self.screen.notice(f"In the conversation, {self._kept()}.")
        finally:
            ticks.cancel()
            self._said = None
            for sentence in self.session.end_turn():
                self.screen.notice(sentence)
            self.screen.end_turn()
            self.gauges.look(self.session.workspace.root)
            self.stage.end_work()
        if self._pending and not failed and not self._leaving:
            self.start(self._turn(None), stopped="")

    def _interrupt(self) -> None:
        if self._task is not None:
            self._task.cancel()

    def _kept(self) -> str:
        """Return what the conversation holds of work that broke off, in words."""
        messages = self.session.loop.messages
        if self._said is None or not messages or messages[-1] is not self._said:
            return "what came is kept"
        self.session.take_back()
        return "nothing came, so your message was taken back (the up arrow brings it again)"

    # --- a turn ---------------------------------------------------------------------------

    async def _turn(self, message: Message | None) -> None:
        """Send a message, or those that wait, and show what follows; what came stays."""
        self._said = message
        self.session.say(message)
        if message is not None:
            self._pending.clear()
            self.screen.queued = 0
        compact = self.session.shortener.compact
        async with open_client(
            self.route, retries=self._retries, detour=self._pool, compact=compact
        ) as client:
            self.session.use(client)
            try:
                async with aclosing(self.session.loop.run()) as events:
                    async for event in events:
                        self._follow(client.route)
                        await self._happened(event)
                        if _calls_nothing(event, self.session):
                            break
            finally:
                self._follow(client.route)

    async def _happened(self, event: LoopEvent) -> None:
        self.screen.show(event)
        match event:
            case ApprovalWanted():
                await self._decide(event)
            case Finished():
                fall = self.gauges.count(event, self.route, self.session.loop.messages[:-1])
                if fall:
                    self.screen.remark(fall)
            case MessageAdded():
                if event.message in self._pending:
                    self._pending.remove(event.message)
                    self.screen.queued = len(self._pending)
            case Compacted():
                self.gauges.shortened(event, self.route)
            case TurnEnded():
                self._ending = True
            case _:
                pass
        self.stage.refresh()

    def _follow(self, route: Route) -> None:
        """Go on with the Route that the client has, which may be another place's."""
        if (route.url, route.key_digest) != (self.route.url, self.route.key_digest):
            self.gauges.has_new_cache()
        self.route = route
        self.screen.follow(route)

    # --- questions ------------------------------------------------------------------------

    async def _decide(self, event: ApprovalWanted) -> None:
        """Ask the person about a call."""
        decision = None
        while decision is None:
            try:
                words = f"{choices(event.rule)} "
                answer = await self.stage.ask(words, keys="ya" if event.rule else "y")
            except EOFError:
                answer = "n"
            decision = decision_of(answer, event.rule)
        self.session.loop.decide(
            event.call.id, allowed=decision.allowed, reason=decision.reason, rule=decision.rule
        )

    async def _answer(self, question: str, offered: tuple[str, ...]) -> str:
        """Ask the person for the model."""
        self.screen.question(question, offered)
        try:
            answer = (await self.stage.ask("Answer: ")).strip()
        except EOFError:
            return ""
        if answer.isdecimal() and 0 < int(answer) <= len(offered):
            return offered[int(answer) - 1]
        return answer

    async def confirm(self, question: str) -> bool:
        """Ask for a yes."""
        try:
            answer = await self.stage.ask(f"{question} [y/n] ", keys="y")
        except EOFError:
            return False
        return answer.strip().lower() in ("y", "yes")

    # --- a command of the user's own ------------------------------------------------------

    async def _shell(self, command: str) -> None:
        shell = next(
            (tool for tool in self.session.loop.work.tools if isinstance(tool, Shell)), None
        )
        if shell is None:
            raise UsageError("Commands need tools.", remedy="`hermes chat --tools` has them.")
        outcome = await shell.run(ShellArguments(command=command))
        self.screen.output(outcome)
        text = "\n".join(getattr(part, "text", "") for part in outcome.parts)
        self.session.loop.put(user(_RAN.format(command=command, output=text)))

    # --- the status line ------------------------------------------------------------------

    def status(self, columns: int) -> str:
        """Return the status line, dimmed where there are colours."""
        mode = self.session.guard.mode.value if self.session.has_tools else "no tools"
        return self.gauges.line(self.route, mode, columns)


def _calls_nothing(event: LoopEvent, session: AgentSession) -> bool:
    """Say whether the model calls a tool though none was offered: asking again is no use."""
    return isinstance(event, Finished) and not session.has_tools and bool(calls_of(event.message))


async def _ticking(stage: Prompt) -> None:
    """Draw what is live anew until this is cancelled."""
    while True:
        await asyncio.sleep(TICK_SECONDS)
        stage.refresh()
