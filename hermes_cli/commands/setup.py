"""`hermes setup`: paste a key and choose a model, in a terminal, over a pipe, or by flags."""

import sys

import click

from agent.catalog import PROVIDERS
from agent.errors import UsageError
from hermes_cli.arguments import key_on_command_line
from hermes_cli.auth import Flags
from hermes_cli.entry import take_key
from hermes_cli.plan import Task, save
from hermes_cli.proof import offer_proof
from hermes_cli.setup import finish, task_for, wizard
from hermes_cli.ui.prompt import open_prompter, read_input
from hermes_cli.ui.style import is_terminal, notice, say


def refuse_key(context: click.Context, option: click.Parameter, value: object) -> None:
    """Raise UsageError if a key, or anything else, stands on the command line; never show it."""
    del context, option
    if value is not None and value != ():
        raise key_on_command_line()


@click.command(name="setup", help="Paste a key and choose a model.")
@click.option(
    "--provider",
    default=PROVIDERS[0].id,
    show_default=True,
    metavar="ID",
    help="Whose key it is.",
)
@click.option("--model", default="", metavar="ID", help="Do not ask for the model.")
@click.option("--base-url", default="", metavar="URL", help="Do not ask for the endpoint.")
@click.option("--key-stdin", is_flag=True, help="Read one key from standard input, ask nothing.")
@click.option("--any-key", is_flag=True, help="With --key-stdin: take a key of any beginning.")
@click.option("--probe", is_flag=True, help="Ask every region of the key's product about it.")
@click.option("--unchecked", is_flag=True, help="Save the key without asking anybody about it.")
@click.option(
    "--key",
    is_flag=False,
    flag_value="",
    metavar="",
    is_eager=True,
    expose_value=False,
    callback=refuse_key,
    hidden=True,  # it is there to be refused with the reason
)
@click.argument(
    "extra",
    nargs=-1,
    type=click.UNPROCESSED,
    is_eager=True,
    expose_value=False,
    callback=refuse_key,
    metavar="",
)
def command(
    provider: str,
    model: str,
    base_url: str,
    *,
    key_stdin: bool,
    any_key: bool,
    probe: bool,
    unchecked: bool,
) -> None:
    """Set up a provider; files are written only after the last answer."""
    if any_key and not key_stdin:
        raise UsageError(
            "--any-key belongs to --key-stdin; without it the wizard asks.",
            remedy="Run `hermes setup`, or `hermes setup --key-stdin --any-key < FILE`.",
        )
    if probe and unchecked:
        raise UsageError(
            "--probe asks every region about the key, and --unchecked nobody.",
            remedy="Run `hermes setup` with one of them, or with neither.",
        )
    flags = Flags(provider=provider, model=model.strip(), base_url=base_url.strip())
    if key_stdin:
        _refuse_terminal()
    task = task_for(flags, probe=probe, unchecked=unchecked)
    if key_stdin:
        _take_key(task, any_key=any_key)
    else:
        _ask_person(task)


def _ask_person(task: Task) -> None:
    """Run the wizard; once everything is saved, offer the second proof."""
    prompter = open_prompter()
    try:
        plan = wizard(prompter, task)
    except KeyboardInterrupt:
        notice("Interrupted; nothing was changed.")
        raise
    finish(prompter, plan)
    try:
        offer_proof(prompter, plan)
    except KeyboardInterrupt:
        notice("Interrupted; what was saved stays.")
        raise


def _refuse_terminal() -> None:
    if is_terminal(sys.stdin):
        raise UsageError(
            "--key-stdin reads a pipe or a file, and standard input is a terminal, which would "
            "show the key.",
            remedy="Run `hermes setup`, or `hermes setup --key-stdin < FILE`.",
        )


def _take_key(task: Task, *, any_key: bool) -> None:
    """Save the key on standard input and say so."""
    for sentence in filter(None, (task.settings.neighbour, *task.settings.notices)):
        notice(sentence)
    plan = take_key(task, read_input(), any_key=any_key)
    save(plan)
    for text, style in plan.lines:
        say(text, style=style)
