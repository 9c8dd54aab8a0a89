"""`hermes completion`: the script that completes our commands in a shell."""

import click
from click.shell_completion import get_completion_class

from agent.errors import HermesError
from hermes_cli.ui.style import say

_VARIABLE = "_HERMES_COMPLETE"


@click.command("completion")
@click.argument("shell", type=click.Choice(["bash", "zsh", "fish"]))
@click.pass_context
def command(context: click.Context, shell: str) -> None:
    """Print the script that completes our commands in a SHELL.

    For bash, in ~/.bashrc: eval "$(hermes completion bash)"; for zsh the same in ~/.zshrc; for
    fish: hermes completion fish > ~/.config/fish/completions/hermes.fish
    """
    kind = get_completion_class(shell)
    if kind is None:
        raise HermesError(
            f"There is no completion for {shell}.", remedy="`hermes completion bash` prints bash's."
        )
    try:
        script = kind(context.find_root().command, {}, "hermes", _VARIABLE).source()
    except RuntimeError as error:
        # What click says of a bash below 4.4, or of none.
        raise HermesError(
            str(error), remedy="`hermes completion zsh` and `hermes completion fish` need no bash."
        ) from error
    say(script)
