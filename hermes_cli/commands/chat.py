"""`hermes chat`: ask once with -q, or hold a conversation."""

import sys
from pathlib import Path
from typing import Any

import click

from agent.errors import UsageError
from agent.permission import Mode
from hermes_cli.agent_session import Wanted
from hermes_cli.auth import Flags
from hermes_cli.ui.json_screen import JsonScreen
from hermes_cli.ui.screen import Screen, Sink
from hermes_cli.ui.style import is_terminal


def refuse_words(context: click.Context, argument: click.Parameter, words: object) -> None:
    """Raise UsageError for a question that does not stand after -q; it is not repeated."""
    del argument
    if words and not context.resilient_parsing:
        raise UsageError(
            "A question goes after -q, in quotes.", remedy='`hermes chat -q "TEXT"` asks it.'
        )


@click.command("chat")
@click.option("-q", "--query", metavar="TEXT", help="Ask once; text on standard input is appended.")
@click.option("-c", "--continue", "resumes", is_flag=True, help="Go on with the last session here.")
@click.option("--resume", default="", metavar="ID", help="Go on with a session; see `sessions`.")
@click.option("--provider", default="", metavar="ID", help="Whom to ask; see `hermes providers`.")
@click.option("-m", "--model", default="", metavar="ID", help="Which model; see `hermes models`.")
@click.option("--base-url", default="", metavar="URL", help="Where to ask, instead of the key's.")
@click.option("--key", default="", metavar="NAME", help="Which stored key; see `hermes key list`.")
@click.option(
    "--mode",
    type=click.Choice([mode.value for mode in Mode]),
    default=None,
    help="What is done without asking: nothing, edits, all that is not always asked; plan: reads.",
)
@click.option("--yes-edits", "mode", flag_value="edit", help="Change files here without asking.")
@click.option(
    "--yes-all", "mode", flag_value="auto", help="Do all without asking but what is always asked."
)
@click.option(
    "--tools/--no-tools",
    default=None,
    help="With tools, as usual for all but the smallest model; without, no system prompt either.",
)
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
@click.option("--show-thinking", is_flag=True, help="Show the reasoning in full.")
@click.option("--debug", is_flag=True, help="Show requests and heads of answers, without the key.")
@click.argument("words", nargs=-1, expose_value=False, callback=refuse_words, metavar="")
def command(query: str | None, as_json: bool, **rest: Any) -> None:
    """Ask a model: once with -q, or in a conversation.

    It reads, changes and tests files in this directory, as far as you allow it. Standard output
    holds its words and nothing else; what it does, notices, and on a terminal thinking and
    usage, go to standard error.
    """
    shown = {"show_thinking": rest.pop("show_thinking"), "debug": rest.pop("debug")}
    retries = rest.pop("retries")
    wanted = _wanted(rest)
    flags = Flags(**rest)
    if query is not None:
        from hermes_cli.asking import Question, ask_once

        out, err = Sink(sys.stdout), Sink(sys.stderr, essential=False)
        screen = (JsonScreen if as_json else Screen)(out, err, **shown)
        ask_once(Question(query, wanted, retries), flags, screen, err)
        return
    from hermes_cli.conversation import check_start, converse

    check_start(flags)
    if as_json or not (is_terminal(sys.stdin) and is_terminal(sys.stdout)):
        reason = "--json goes with -q" if as_json else "A conversation needs a terminal"
        raise UsageError(f"{reason}.", remedy='Ask once instead: `hermes chat -q "..."`.')
    from hermes_cli.ui.live_screen import LiveScreen

    converse(flags, LiveScreen(**shown), wanted, retries=retries)


def _wanted(options: dict[str, Any]) -> Wanted:
    """Take what a session is to be out of the options."""
    mode, resume = options.pop("mode"), options.pop("resume")
    return Wanted(
        directory=Path.cwd(),
        mode=Mode(mode) if mode else None,
        resumes=options.pop("resumes") or bool(resume),
        resume=resume,
        effort=options.pop("effort"),
        with_tools=options.pop("tools"),
    )
