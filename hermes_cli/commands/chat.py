"""`hermes chat`: ask once with -q, or hold a conversation."""

import asyncio
import os
import stat
import sys
import threading
import uuid
from contextlib import aclosing
from dataclasses import dataclass
from typing import Any

import click

from agent.errors import HermesError, UsageError
from agent.messages import Options, user
from agent.route import Route
from hermes_cli.auth import Flags
from hermes_cli.config import read_settings
from hermes_cli.pool import Pool
from hermes_cli.runtime_provider import open_client, require_key, running_route
from hermes_cli.ui.screen import JsonScreen, Screen, Sink, alias_sentences
from hermes_cli.ui.style import is_terminal

SILENCE_SECONDS = 1.0
"""How long standard input may be silent before a line says that it is waited for."""

_READ_BYTES = 64 * 1024


@click.command("chat")
@click.option("-q", "--query", metavar="TEXT", help="Ask once; text on standard input is appended.")
@click.option("--provider", default="", metavar="ID", help="Whom to ask; see `hermes providers`.")
@click.option("-m", "--model", default="", metavar="ID", help="Which model; see `hermes models`.")
@click.option("--base-url", default="", metavar="URL", help="Where to ask, instead of the key's.")
@click.option("--key", default="", metavar="NAME", help="Which stored key; see `hermes key list`.")
@click.option(
    "--probe", is_flag=True, help="Ask every region of the key's product, once, where it belongs."
)
@click.option(
    "--fallback/--no-fallback", default=True, help="Whether the chain of `fallback` may be used."
)
@click.option(
    "--effort", default="", metavar="WORD", help="How hard to think: low, high, max, off."
)
@click.option(
    "--retries",
    type=click.IntRange(0, 20),
    default=None,
    metavar="N",
    help="How often to try again what may pass; 4 if not given.",
)
@click.option("--json", "as_json", is_flag=True, help="One JSON event a line (with -q).")
@click.option("--show-thinking", is_flag=True, help="Show the reasoning on standard error.")
@click.option("--debug", is_flag=True, help="Show requests and heads of answers, without the key.")
def command(
    query: str | None,
    effort: str,
    retries: int | None,
    as_json: bool,
    show_thinking: bool,
    debug: bool,
    **route: Any,
) -> None:
    """Ask a model: once with -q, or in a conversation.

    Standard output holds the answer and nothing else; notices, and on a terminal thinking and
    usage, go to standard error.
    """
    flags = Flags(**route)
    out, err = Sink(sys.stdout), Sink(sys.stderr, essential=False)
    screen = (
        JsonScreen(out, err, debug=debug)
        if as_json
        else Screen(out, err, show_thinking=show_thinking, debug=debug)
    )
    if query is not None:
        question = Question(query, Options(effort=effort, cache_key=uuid.uuid4().hex), retries)
        _ask_once(question, flags, screen, err)
        return
    from hermes_cli.conversation import check_start, converse

    check_start(flags)
    if as_json or not (is_terminal(sys.stdin) and is_terminal(sys.stdout)):
        reason = "--json goes with -q" if as_json else "A conversation needs a terminal"
        raise UsageError(f"{reason}.", remedy='Ask once instead: `hermes chat -q "..."`.')
    converse(flags, screen, effort=effort, retries=retries)


@dataclass(frozen=True, slots=True)
class Question:
    """What -q asks, how, and how often it is tried again."""

    text: str
    options: Options
    retries: int | None


def _ask_once(question: Question, flags: Flags, screen: Screen, err: Sink) -> None:
    """Ask one question and show the answer; `main` shows errors, and a reader may leave early."""
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
            asyncio.run(_stream(route, prompt, question, screen, pool))
    except HermesError as error:
        if isinstance(screen, JsonScreen):
            screen.error(error)
        raise
    finally:
        screen.end()


async def _stream(
    route: Route, prompt: str, question: Question, screen: Screen, pool: Pool
) -> None:
    async with open_client(route, retries=question.retries, detour=pool) as client:
        stream = client.stream([user(prompt)], options=question.options)
        async with aclosing(stream) as events:
            async for event in events:
                screen.follow(client.route)
                screen.show(event)


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
