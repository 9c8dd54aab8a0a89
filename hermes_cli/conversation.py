"""The conversation of `hermes` and `hermes chat`: lines in, answers out, until the user leaves."""

import asyncio
import sys
import uuid
from collections.abc import Callable
from contextlib import ExitStack, aclosing
from dataclasses import replace
from functools import partial
from typing import Protocol

from msgspec import structs

from agent.costs import Sent, Totals, cache_fall
from agent.errors import AuthError, HermesError
from agent.events import Finished
from agent.identity import PRODUCT
from agent.messages import Message, Options, text_of, user
from agent.route import Route
from hermes_cli.auth import Flags, find_provider, key_variables, route_for
from hermes_cli.config import get_state_path, read_settings
from hermes_cli.models import read_facts
from hermes_cli.pool import Pool
from hermes_cli.runtime_provider import open_client, require_key, running_route
from hermes_cli.state_file import read_soundly
from hermes_cli.ui.screen import Screen, alias_sentences
from hermes_cli.ui.sentences import one_line
from hermes_cli.ui.style import is_terminal, say
from hermes_cli.ui.usage_lines import fall_sentence, free_words, route_cost, totals_lines

COMMANDS = {
    "/model [ID]": "show the model, or take another one",
    "/status": "show provider, key, endpoint and model",
    "/usage": "show what this conversation used and cost",
    "/clear": "forget what was said so far",
    "/help": "show this",
    "/exit": "leave, as Ctrl-D does",
}
"""What a line can ask for beside the model, and what it does."""

KEYS = "Enter sends; Alt-Enter or Ctrl-J begins a new line; Ctrl-C stops an answer."


class LineDropped(Exception):
    """Ctrl-C at the prompt; `had_text` says whether something was typed."""

    def __init__(self, *, had_text: bool) -> None:
        super().__init__()
        self.had_text = had_text


class LineEditor(Protocol):
    """Where lines come from."""

    async def read(self) -> str:
        """Return what was typed. Raises EOFError at Ctrl-D, LineDropped at Ctrl-C."""


def check_start(flags: Flags) -> None:
    """
    Offer the setup if there is no key at all and somebody is there to be asked.

    Returns if a Route can be made of `flags`. Raises AuthError, which names the setup
    and the model without a key, if there is none; other errors as `route_for` does.
    """
    error = _missing_key(flags)
    if error is None:
        return
    if not (is_terminal(sys.stdin) and is_terminal(sys.stdout)):
        raise error
    say(error.message)
    say("A small model runs on this machine without a key: `hermes chat --provider local`.")
    from hermes_cli.ui.prompt import open_prompter

    prompter = open_prompter()
    if not prompter.confirm("Set up a key now?", True):
        raise error
    from hermes_cli.setup import run_wizard

    run_wizard(prompter, flags)
    require_key(route_for(flags, read_settings(), read_facts()))


def _names_provider(flags: Flags) -> bool:
    return flags.provider.strip().lower() not in ("", "auto")


def _missing_key(flags: Flags) -> AuthError | None:
    """Return the error of a start without any key, None if there is one; raise any other."""
    settings = read_settings()
    variables = tuple(key_variables())
    if _names_provider(flags):
        variables = find_provider(flags.provider).key_variables
    try:
        require_key(route_for(flags, settings, read_facts()))
    except AuthError as error:
        if settings.variables(variables):
            raise
        return error
    return None


def converse(flags: Flags, screen: Screen, *, effort: str = "", retries: int | None = None) -> None:
    """
    Hold a conversation on this terminal until the user leaves.

    `effort` is how hard to think, `retries` how often a request is tried again. Raises what
    forbids the start: configuration, no key, a model that is not there.
    """
    with ExitStack() as resources:
        conversation = Conversation(screen, effort=effort, retries=retries)
        resources.callback(conversation.close)
        conversation.use(flags)
        for sentence in read_settings().notices:
            screen.notice(sentence)
        from hermes_cli.ui.line_editor import open_line_editor

        path = get_state_path()
        editor = read_soundly(path, partial(open_line_editor, path, dropped=LineDropped))
        conversation.greet()
        runner = resources.enter_context(asyncio.Runner())
        while conversation.step(editor, runner):
            pass


class Conversation:
    """
    The messages so far, the Route in use, and what a line does with them.

    Reasoning stays in the messages, so that it can be replayed.
    """

    def __init__(self, screen: Screen, *, effort: str = "", retries: int | None = None) -> None:
        self.messages: list[Message] = []
        self.route: Route
        self._pool: Pool
        self.totals = Totals()
        self._answer = Message("assistant", ())
        self._sent: Sent | None = None
        self._flags = Flags()
        self._options = Options(effort=effort, cache_key=uuid.uuid4().hex)
        self._retries = retries
        self._screen = screen
        self._running = ExitStack()

    def close(self) -> None:
        """End what runs for the Route."""
        self._running.close()

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
            old, self._running = self._running, opening.pop_all()
            self.route, self._flags, self._pool = route, flags, pool
            self._sent = None  # another model or place has another cache
        old.close()
        self._screen.begin(route, (*route.notices, *alias_sentences(route)))

    def greet(self) -> None:
        """Say in two lines who answers, and where help is."""
        say(f"{PRODUCT} · {self._shown_model()}", style="bold")
        say("/help shows the commands; Ctrl-D leaves.", style="dim")

    def step(self, editor: LineEditor, runner: asyncio.Runner) -> bool:
        """Read one line and do what it says; False if the user leaves."""
        try:
            line = runner.run(editor.read())
        except EOFError:
            return False
        except LineDropped as dropped:
            if not dropped.had_text:
                say("Ctrl-D or /exit leaves; Ctrl-C stops an answer.", style="dim")
            return True
        try:
            if command := _command_in(line):
                return self._obey(*command)
            if line.strip():
                self._turn(line, runner)
        except HermesError as error:
            self._screen.error(error)
        return True

    def _turn(self, line: str, runner: asyncio.Runner) -> None:
        """Send a line and show the answer; what came stays, however it ended."""
        self.messages.append(user(line))
        self._answer = Message("assistant", ())
        try:
            runner.run(self._ask())
        except KeyboardInterrupt:
            self._screen.end()
            self._settle()
            self._screen.notice(f"Stopped; {self._kept()}.")
        except HermesError as error:
            self._screen.error(error)
            self._settle()
            self._screen.notice(f"In the conversation, {self._kept()}.")
        else:
            self._settle()

    async def _ask(self) -> None:
        """Ask the Route and show the answer, which is noted also if it breaks off."""
        async with open_client(self.route, retries=self._retries, detour=self._pool) as client:
            try:
                stream = client.stream(self.messages, options=self._options)
                async with aclosing(stream) as events:
                    async for event in events:
                        self._follow(client.route)
                        self._screen.show(event)
                        if isinstance(event, Finished):
                            self._answer = event.message
                            self._count(event)
            finally:
                self._follow(client.route)
                if not self._answer.parts:
                    self._answer = client.partial()

    def _follow(self, route: Route) -> None:
        """Go on with the Route that the client has, which may be another place's."""
        if (route.url, route.key_digest) != (self.route.url, self.route.key_digest):
            self._sent = None  # another cache
        self.route = route
        self._screen.follow(route)

    def _count(self, event: Finished) -> None:
        """Add an answer to the totals, and tell if less came from the cache than before."""
        cost = route_cost(self.route, event.model, event.usage)
        self.totals = self.totals.plus(event.usage, cost)
        sent = Sent(tuple(self.messages), event.usage) if event.usage else None
        if sent is not None and self._sent is not None:
            fall = cache_fall(self._sent, sent)
            if fall is not None:
                self._screen.remark(fall_sentence(fall, sent.messages))
        self._sent = sent

    def _settle(self) -> None:
        """Keep the answer; without one, take the message back that it should have answered."""
        # Reasoning alone is no answer: endpoints refuse an assistant's message without text.
        if text_of(self._answer).strip():
            self.messages.append(self._answer)
        else:
            self.messages.pop()

    def _kept(self) -> str:
        """Return what the conversation holds of a turn that broke off, in words."""
        if self.messages and self.messages[-1].role == "assistant":
            return "what came is kept"
        return "nothing came, so your message was taken back (the up arrow brings it again)"

    def _obey(self, name: str, argument: str) -> bool:
        """Do what a command says; False if it leaves."""
        if name == "exit":
            return False
        commands: dict[str, Callable[[str], None]] = {
            "clear": self._clear,
            "help": self._help,
            "model": self._model,
            "status": self._status,
            "usage": self._usage,
        }
        if name in commands:
            commands[name](argument)
        else:
            self._screen.notice(f"There is no command /{name}: /help shows them.")
        return True

    def _clear(self, _: str) -> None:
        self.messages.clear()
        self._options = structs.replace(self._options, cache_key=uuid.uuid4().hex)
        self._sent = None
        say("What was said so far is forgotten.")

    def _help(self, _: str) -> None:
        width = max(map(len, COMMANDS))
        for name, meaning in COMMANDS.items():
            say(f"  {name:{width}}  {meaning}")
        say(f"  {KEYS}")

    def _model(self, argument: str) -> None:
        if argument:
            self.use(replace(self._flags, model=argument, probe=False))
        say(self._shown_model())

    def _status(self, _: str) -> None:
        from hermes_cli.report import aligned, lines

        for line in aligned(lines(self.route)):
            say(line)

    def _usage(self, _: str) -> None:
        from hermes_cli.report import aligned

        for line in aligned(totals_lines(self.totals, free=free_words(self.route))):
            say(line)
        if self.route.endpoint.usage_path:
            say("What is left of the plan or the balance: `hermes usage`.", style="dim")

    def _shown_model(self) -> str:
        route = self.route
        return one_line(
            f"{route.model.value} · {route.endpoint.name} {route.base_url.value} · "
            f"{route.window.value:,} tokens ({route.window.where})"
        )


def _command_in(line: str) -> tuple[str, str] | None:
    """Return the command in a line and its argument; None for text, such as a path."""
    words = line.strip()
    name, _, argument = words.removeprefix("/").partition(" ")
    if not words.startswith("/") or "\n" in words or not name.isalpha():
        return None
    return name.lower(), argument.strip()
