"""The conversation of `hermes` and `hermes chat`: lines in, answers out, until the user leaves."""

import asyncio
import sys
from contextlib import ExitStack
from functools import partial

from agent.errors import AuthError, HermesError
from agent.identity import PRODUCT
from agent.messages import text_of
from agent.tools.text import counted
from hermes_cli.agent_session import Wanted
from hermes_cli.attachments import message_of
from hermes_cli.auth import Flags, find_provider, key_variables, route_for
from hermes_cli.config import child_environment, get_state_path, read_settings
from hermes_cli.conversation_commands import COMMANDS, shown_model
from hermes_cli.models import read_facts
from hermes_cli.runtime_provider import require_key
from hermes_cli.state_file import read_soundly
from hermes_cli.talk import Talk
from hermes_cli.ui.clipboard import read_clipboard
from hermes_cli.ui.completion import ConversationCompleter
from hermes_cli.ui.editor import edit_file
from hermes_cli.ui.line_editor import LineHistory
from hermes_cli.ui.live_screen import LiveScreen
from hermes_cli.ui.stage import Scene, Stage
from hermes_cli.ui.style import is_terminal, say


class LineDropped(Exception):
    """Ctrl-C at the prompt; `had_text` says whether something was typed."""

    def __init__(self, *, had_text: bool) -> None:
        super().__init__()
        self.had_text = had_text


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


def converse(
    flags: Flags, screen: LiveScreen, wanted: Wanted, *, retries: int | None = None
) -> None:
    """
    Hold a conversation on this terminal until the user leaves.

    `wanted` is what its session is to be, `retries` how often a request is tried again. Raises
    what forbids the start: configuration, no key, a model that is not there, no session to go
    on with.
    """
    with ExitStack() as resources:
        talk = Talk(screen, wanted, retries=retries)
        resources.callback(talk.close)
        talk.use(flags)
        for sentence in read_settings().notices:
            screen.notice(sentence)
        path = get_state_path()
        talk.stage = stage = read_soundly(path, partial(_open_stage, talk))
        talk.open(wanted)
        _greet(talk)
        with stage.held(), asyncio.Runner() as runner:
            runner.run(hold(talk))
        stage.drop_rest()


def _open_stage(talk: Talk) -> Stage:
    """Return the prompt, with the lines typed before. Raises BrokenFile."""
    screen = talk.screen
    environment = child_environment(key_variables())
    scene = Scene(
        live=screen.live,
        status=talk.status,
        notice=screen.notice,
        clipboard=partial(read_clipboard, environment),
        editor=partial(edit_file, environment),
        shortcuts=(("c-t", screen.unfold_thought), ("c-o", screen.unfold_last)),
    )
    completer = ConversationCompleter(tuple(COMMANDS), talk.wanted.directory)
    stage = Stage(LineHistory(get_state_path()), scene, completer, LineDropped)
    screen.sink.place = stage.above
    return stage


def _greet(talk: Talk) -> None:
    """Say who answers, and where help is; of a session that goes on, its end."""
    who, where = shown_model(talk)
    say(f"{PRODUCT} · {who}", style="bold")
    say(where)
    messages = talk.session.loop.messages
    if messages:
        last = next((text_of(each) for each in reversed(messages) if each.role == "user"), "")
        say(f"Going on after {counted(len(messages), 'message')}; you said last:", style="dim")
        for line in last.strip().splitlines()[:3]:
            say(f"> {line}", style="dim")
    say("/help shows the commands; Ctrl-D leaves.", style="dim")


async def hold(talk: Talk) -> None:
    """Do what each line says until the user leaves."""
    try:
        while True:
            try:
                line = await talk.stage.read()
            except EOFError:
                return
            except LineDropped as dropped:
                if not dropped.had_text:
                    say("Ctrl-D or /exit leaves; Ctrl-C stops an answer.", style="dim")
                continue
            try:
                if not await take(talk, line):
                    return
            except HermesError as error:
                talk.screen.error(error)
            if not talk.stage.is_live:
                await talk.rest_alone()
    finally:
        await talk.stop()


async def take(talk: Talk, line: str) -> bool:
    """
    Do what a line says: a command, a command for the shell, a message. False: it leaves.

    Raises HermesError; a message is answered while this returns.
    """
    if command := _command_in(line):
        return await _obey(talk, *command)
    if line.startswith("!"):
        if not line[1:].strip():
            talk.screen.notice("A command stands behind the `!`: `!ls` runs one here.")
        elif talk.is_working and not talk.is_ending:
            talk.screen.notice("A command of your own waits for the end of the work: Esc stops it.")
        else:
            talk.run_shell(line[1:].strip())
    elif line.strip():
        row = talk.route.row_sent
        directory = talk.session.workspace.root
        images = row is None or row.image is not False
        talk.say(message_of(line, directory, images=images, pasted=talk.stage.pastes.images))
    return True


async def _obey(talk: Talk, name: str, argument: str) -> bool:
    """Do what a command says; False if it leaves."""
    if name == "exit":
        return False
    command = COMMANDS.get(name)
    if command is None:
        talk.screen.notice(f"There is no command /{name}: /help shows them.")
        return True
    if command.at_rest and talk.is_working:
        if not talk.is_ending:
            talk.screen.notice(f"/{name} waits for the end of the work: Esc stops it.")
            return True
        await talk.rest()
    await command.run(talk, argument)
    return True


def _command_in(line: str) -> tuple[str, str] | None:
    """Return the command in a line and its argument; None for text, such as a path."""
    words = line.strip()
    name, _, argument = words.removeprefix("/").partition(" ")
    if not words.startswith("/") or "\n" in words or not name.isalpha():
        return None
    return name.lower(), argument.strip()
