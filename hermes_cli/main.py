"""Arguments → command → exit code; the one place that catches a HermesError."""

import importlib
import keyword
import os
import sys
from collections.abc import Sequence
from contextlib import suppress

import click

from agent.errors import HermesError, UsageError
from agent.identity import PRODUCT, VERSION
from hermes_cli.arguments import check_arguments

COMMANDS = {
    "chat": "Ask a model, once with -q or in a conversation.",
    "completion": "Print what completes our commands in a shell.",
    "config": "Show, set or drop a setting.",
    "doctor": "Look for what keeps requests from being answered.",
    "explain": "Show every value in use, where it came from and what it beat.",
    "import": "Take keys that other programs keep, after a yes.",
    "key": "Keep several keys: add, list, use, check, remove; grant a host.",
    "mock": "Run a loopback Kimi for tests (extra `serve`).",
    "model": "Show or choose the model.",
    "models": "List the models of the endpoint.",
    "permissions": "Show what an agent may do here; forget what was allowed.",
    "providers": "List the providers and their variables.",
    "sessions": "List, search, show, export or delete earlier conversations.",
    "setup": "Paste a key and choose a model.",
    "status": "Show the provider, key, endpoint and model in use.",
    "undo": "Take back the last turn's file changes in this directory.",
    "usage": "Ask what is left of the plan or the balance.",
    "why": "Tell what a status or an error text means.",
}
"""Command name → its line in `hermes --help`; each lives in `hermes_cli.commands.NAME`."""

INTERRUPTED = 130


class _Lazy(click.Group):
    """A group that imports a command only when it is called."""

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002
        """Return the names in order."""
        return sorted(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: ARG002
        """Import and return a command, or None."""
        if cmd_name not in COMMANDS:
            return None
        # `import` is a keyword, which no module that others import can be called.
        name = f"{cmd_name}_" if keyword.iskeyword(cmd_name) else cmd_name
        module = importlib.import_module(f"hermes_cli.commands.{name}")
        command: click.Command = module.command
        return command

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """Find the command. Raises UsageError, with what is meant, for a word that is none."""
        if args[0] not in COMMANDS and not ctx.resilient_parsing:
            raise _no_command(args[0])
        return super().resolve_command(ctx, args)

    def format_commands(
        self,
        ctx: click.Context,  # noqa: ARG002
        formatter: click.HelpFormatter,
    ) -> None:
        """List the commands without importing them."""
        with formatter.section("Commands"):
            formatter.write_dl(sorted(COMMANDS.items()))


def _no_command(word: str) -> UsageError:
    """Return the refusal of a first word that is no command; a question is not repeated."""
    ask = '`hermes chat -q "TEXT"` asks a question'
    if any(map(str.isspace, word)):
        return UsageError("A question goes after `chat -q`, in quotes.", remedy=f"{ask}.")
    import difflib

    near = difflib.get_close_matches(word.lower(), COMMANDS, n=1)
    meant = f" Is `hermes {near[0]}` meant?" if near else ""
    return UsageError(
        f"There is no command of that name.{meant}",
        remedy=f"`hermes --help` lists the commands; {ask}.",
    )


@click.group(
    cls=_Lazy,
    invoke_without_command=True,
    context_settings={"help_option_names": ["-h", "--help"]},
    epilog="Exit codes: 0 ok; 1 other; 2 usage or unknown model; 3 configuration; 4 refused by "
    "the endpoint; 5 network; 130 interrupted.",
)
@click.version_option(VERSION, "-V", "--version", prog_name=PRODUCT)
@click.option(
    "--debug",
    is_flag=True,
    expose_value=False,  # it counts wherever it stands: see `tell_crash`
    help="If Hermes itself breaks, show where, without keys.",
)
@click.option("-c", "--continue", "resumes", is_flag=True, help="Go on with the last session here.")
@click.pass_context
def cli(context: click.Context, resumes: bool) -> None:
    """Paste any Kimi key and it works: the key alone decides the endpoint.

    Without a command: a conversation, as `hermes chat`.
    """
    if context.invoked_subcommand is None:
        chat = _Lazy.get_command(context.command, context, "chat")  # type: ignore[arg-type]
        if chat is not None:
            context.invoke(chat, resumes=resumes)


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the command line and leave with its exit code."""
    sys.exit(run(arguments))


def run(arguments: Sequence[str] | None = None) -> int:
    """
    Run the command line and return its exit code.

    Errors are printed as a sentence and a remedy on standard error. A reader that left
    (`| head -1`) is no error. Anything else is a fault of ours, and is told as one.
    """
    arguments = list(sys.argv[1:] if arguments is None else arguments)
    try:
        code = _run(arguments)
        if sys.stdout is not None:  # None if it was closed before we started
            sys.stdout.flush()
    except BrokenPipeError:
        _silence_stdout()
        code = 0
    except Exception as error:  # noqa: BLE001 - whatever it is, the user gets a sentence
        from hermes_cli.crash import tell_crash

        tell_crash(error, arguments)
        if isinstance(error, OSError):
            _silence_stdout()
        code = 1
    return code


def _run(arguments: list[str]) -> int:
    """Run the command line and return its exit code; our own errors are told."""
    try:
        # Does nothing unless the shell asks, by a variable of its script, what may come next.
        cli._main_shell_completion({}, "hermes")
        check_arguments(arguments)
        # Not `cli.main`: it would end with 1 when the reader of our output has left.
        with cli.make_context("hermes", list(arguments)) as context:
            code = cli.invoke(context)
    except HermesError as error:
        from hermes_cli.ui.style import print_error

        print_error(error)
        code = error.exit_code
    except click.exceptions.Exit as leaving:
        code = leaving.exit_code
    except click.ClickException as error:
        error.show()
        code = error.exit_code
    except (click.Abort, KeyboardInterrupt):
        code = INTERRUPTED
    return code if isinstance(code, int) else 0


def _silence_stdout() -> None:
    """Point standard output nowhere, so that Python's last flush does not fail."""
    if sys.stdout is None:
        return
    nowhere = os.open(os.devnull, os.O_WRONLY)
    with suppress(OSError, ValueError):  # it has no descriptor, or none any more
        os.dup2(nowhere, sys.stdout.fileno())
    os.close(nowhere)


if __name__ == "__main__":
    main()
