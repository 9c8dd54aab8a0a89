"""What a line of a conversation can ask for beside the model: `/model`, `/context`, `/undo` …"""

import asyncio
from collections.abc import Awaitable, Callable
from datetime import datetime
from decimal import Decimal

import msgspec
from msgspec.structs import replace

from agent.errors import UsageError
from agent.permission import Mode
from agent.sessions import Sessions
from agent.tools.text import counted
from agent.window import Fill
from hermes_cli.config import get_state_path
from hermes_cli.talk import Talk
from hermes_cli.ui.sentences import one_line
from hermes_cli.ui.style import say
from hermes_cli.ui.tool_lines import compacted_sentence, fitted, shortened
from hermes_cli.ui.usage_lines import bar, free_words, percent, totals_lines
from hermes_cli.ui.wrapping import set_in

KEYS = (
    "Enter sends; Alt-Enter or Ctrl-J begins a new line; Tab completes; Ctrl-V pastes the "
    "clipboard, an image too; Ctrl-X Ctrl-E opens an editor and sends what it saved; Ctrl-T shows "
    "the thinking, Ctrl-O the last result; Ctrl-C stops an answer, as Esc does. What you type "
    "meanwhile goes in before the next request.",
    "!COMMAND runs a command here; @FILE names a file, and @IMAGE sends one.",
)
_LISTED = 10
_ID_CHARACTERS = 12


class Command(msgspec.Struct, frozen=True):
    """
    A command: its argument as it is shown in the help, what it does, and the doing.

    `at_rest` says that it waits until nobody works.
    """

    argument: str
    meaning: str
    run: Callable[[Talk, str], Awaitable[None]]
    at_rest: bool = True


async def _model(talk: Talk, argument: str) -> None:
    if argument:
        # In a thread: it may start a model, and may ask for a key's region.
        flags = replace(talk.flags, model=argument, probe=False)
        await asyncio.to_thread(talk.use, flags)
    for line in shown_model(talk):
        say(line)


async def _mode(talk: Talk, argument: str) -> None:
    modes = [mode.value for mode in Mode]
    if argument and argument not in modes:
        raise UsageError(
            f"There is no mode {argument!r}; there are {', '.join(modes)}.",
            remedy="`/mode ask` asks before every change.",
        )
    if argument:
        talk.session.guard.mode = Mode(argument)
    say(f"Mode {talk.session.guard.mode.value}: {MODES[talk.session.guard.mode]}")
    say(f"Sandbox: {talk.session.sandbox.describe()}", style="dim")


MODES = {
    Mode.ASK: "every change and command is asked about, unless a rule allows it.",
    Mode.EDIT: "files here are changed without asking; commands are asked about.",
    Mode.AUTO: "only what is always asked about is asked about.",
    Mode.PLAN: "nothing is changed.",
}


async def _status(talk: Talk, argument: str) -> None:
    del argument
    from hermes_cli.config import read_settings
    from hermes_cli.report import aligned, lines
    from hermes_cli.sandbox import read_sandbox

    for line in aligned(lines(talk.route, read_sandbox(read_settings()))):
        say(line)


async def _usage(talk: Talk, argument: str) -> None:
    del argument
    from hermes_cli.report import aligned

    for line in aligned(totals_lines(talk.gauges.totals, free=free_words(talk.route))):
        say(line)
    if talk.route.endpoint.usage_path:
        say("What is left of the plan or the balance: `hermes usage`.", style="dim")


async def _context(talk: Talk, argument: str) -> None:
    del argument
    from hermes_cli.report import aligned

    fill = talk.session.fill()
    for line in aligned(_fill_lines(fill)):
        say(line)
    say("/compact makes the conversation shorter.", style="dim")


def _fill_lines(fill: Fill) -> list[tuple[str, str]]:
    parts = (
        ("system prompt", fill.system),
        ("AGENTS.md", fill.instructions),
        ("tools", fill.tools),
        ("your messages", fill.user),
        ("answers, calls", fill.answers),
        ("reasoning", fill.reasoning),
        ("tool output", fill.output),
        ("free", fill.free),
    )
    whole = fill.window or 1
    lines = [
        (
            name,
            f"{bar(Decimal(tokens) / whole)} {percent(tokens / whole):>5}  about {tokens:,} tokens",
        )
        for name, tokens in parts
    ]
    return [*lines, ("window", f"{fill.window:,} tokens ({fill.source})")]


async def _compact(talk: Talk, argument: str) -> None:
    del argument
    talk.start(_compacted(talk))


async def _compacted(talk: Talk) -> None:
    from hermes_cli.runtime_provider import open_client

    async with open_client(talk.route) as client:
        talk.session.use(client)
        done = await talk.session.compact()
    if done is not None:
        talk.gauges.shortened(done, talk.route)
    talk.screen.notice(compacted_sentence(done) if done else "There is nothing to sum up yet.")


async def _clear(talk: Talk, argument: str) -> None:
    del argument
    talk.open(replace(talk.wanted, resumes=False, resume="", mode=talk.session.guard.mode))
    say("What was said so far is forgotten.")


async def _sessions(talk: Talk, argument: str) -> None:
    if argument:
        session_id = Sessions(get_state_path()).find(argument).id
        if session_id == talk.session.id:
            raise UsageError("This is that conversation.", remedy="`/sessions` lists the others.")
        mode = talk.session.guard.mode
        talk.open(replace(talk.wanted, resumes=True, resume=session_id, mode=mode))
        say(f"Going on after {counted(len(talk.session.loop.messages), 'message')}.")
        return
    found = Sessions(get_state_path()).list(talk.session.workspace.root)
    for session in found[:_LISTED]:
        mark = "*" if session.id == talk.session.id else " "
        when = f"{datetime.fromisoformat(session.used_at).astimezone():%Y-%m-%d %H:%M}"
        row = f"{mark} {session.id[:_ID_CHARACTERS]}  {when}  {session.message_count:>4}  "
        say(fitted(row + session.title, talk.screen.columns - 1))
    say(
        "/sessions ID goes on with one; `hermes sessions` lists, searches and exports.", style="dim"
    )


async def _fork(talk: Talk, argument: str) -> None:
    del argument
    old = talk.session.fork()
    say(f"This goes on in a copy; {old[:_ID_CHARACTERS]} stays as it is (/sessions).")


async def _rewind(talk: Talk, argument: str) -> None:
    turns = talk.session.journal.turns()
    if not argument:
        for number, (_, title) in enumerate(turns, 1):
            say(f"{number:>4}  {shortened(title, 70)}")
        say("/rewind NUMBER takes back that message and all after it.", style="dim")
        return
    if not argument.isdecimal() or not 0 < int(argument) <= len(turns):
        raise UsageError(
            f"There is no message {argument} of yours.", remedy="`/rewind` lists them."
        )
    kept = talk.session.rewind(turns[int(argument) - 1][0])
    say(
        f"Taken back; {kept[:_ID_CHARACTERS]} keeps all of it (/sessions). Files stay as they "
        "are: /undo takes the last turn's changes back."
    )


async def _undo(talk: Talk, argument: str) -> None:
    del argument
    talk.start(_undone(talk))


async def _undone(talk: Talk) -> None:
    from hermes_cli.undoing import NOT_COVERED, open_snapshots, told_changes, told_turn

    project, snapshots = talk.session.workspace.root, open_snapshots()
    recorded = snapshots.last(project)
    if recorded is None:
        talk.screen.notice(f"No turn has changed files in {project}.")
        return
    for line in (told_turn(recorded), *told_changes(recorded.changes(), project), NOT_COVERED):
        talk.screen.tell(line)
    if await talk.confirm("Take it back?"):
        done = snapshots.take_back(recorded)
        talk.screen.tell(f"Taken back: {len(done)}. /undo again undoes it.")
    else:
        talk.screen.tell("Nothing was changed.")


async def _thinking(talk: Talk, argument: str) -> None:
    if argument not in ("", "on", "off"):
        raise UsageError(
            f"Thinking can be on or off, not {argument!r}.",
            remedy="`/thinking on` shows all from now on, `/thinking` the last.",
        )
    if argument:
        talk.screen.folds_thinking = argument == "off"
        say("Thinking is folded to a line." if argument == "off" else "Thinking is shown in full.")
    else:
        talk.screen.unfold_thought()


async def _last(talk: Talk, argument: str) -> None:
    if argument and not (argument.isdecimal() and int(argument)):
        raise UsageError(
            f"Calls are counted back from the last one, from 1: {argument!r} is no such number.",
            remedy="`/last` shows what the last call gave, `/last 2` the one before it.",
        )
    talk.screen.unfold_last(int(argument or 1))


async def _help(talk: Talk, argument: str) -> None:
    del talk, argument
    shown = {f"/{name} {each.argument}".rstrip(): each.meaning for name, each in COMMANDS.items()}
    width = max(map(len, shown))
    for name, meaning in shown.items():
        for line in set_in(f"  {name:{width}}  {meaning}"):
            say(line)
    for keys in KEYS:
        for line in set_in(f"  {keys}"):
            say(line)


async def _exit(talk: Talk, argument: str) -> None:
    """Do nothing: whoever reads the lines leaves."""
    del talk, argument


COMMANDS = {
    "model": Command("[ID]", "show the model, or take another one", _model),
    "mode": Command("[MODE]", "show or set what is done without asking", _mode, at_rest=False),
    "status": Command("", "show provider, key, endpoint and model", _status, at_rest=False),
    "usage": Command("", "show what this conversation used and cost", _usage, at_rest=False),
    "context": Command("", "show what fills the window", _context, at_rest=False),
    "compact": Command("", "make the conversation shorter by a summary", _compact),
    "clear": Command("", "forget what was said so far", _clear),
    "sessions": Command(
        "[ID]", "list the conversations of this directory, or go on with one", _sessions
    ),
    "fork": Command("", "go on in a copy of this conversation", _fork),
    "rewind": Command("[N]", "list your messages, or take back one and all after it", _rewind),
    "undo": Command("", "take back what the last turn did to files", _undo),
    "thinking": Command(
        "[on|off]", "show the last thinking, or all from now on", _thinking, at_rest=False
    ),
    "last": Command("[N]", "show what the last call gave, or the one N back", _last, at_rest=False),
    "help": Command("", "show this", _help, at_rest=False),
    "exit": Command("", "leave, as Ctrl-D does", _exit, at_rest=False),
}
"""The commands of a conversation by name."""


def shown_model(talk: Talk) -> tuple[str, str]:
    """Return who answers, in two lines: model and endpoint, base URL and window."""
    route = talk.route
    return (
        one_line(f"{route.model.value} · {route.endpoint.name}"),
        one_line(f"{route.base_url.value} · {route.window.value:,} tokens ({route.window.where})"),
    )
