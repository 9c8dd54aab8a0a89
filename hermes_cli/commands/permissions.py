"""`hermes permissions`: the mode and rules that hold in this directory; forget one."""

from pathlib import Path

import click

from agent.errors import UsageError
from agent.permission.rules import Rule, WrongRule, parse_rule
from hermes_cli.config import read_settings
from hermes_cli.permissions import read_mode, read_rules, remembered
from hermes_cli.report import JSON_OPTION
from hermes_cli.ui.style import print_json, say


@click.command("permissions")
@click.option("--forget", "rule", metavar="RULE", help="Forget a rule that was remembered here.")
@click.option("--forget-all", is_flag=True, help="Forget every rule that was remembered here.")
@JSON_OPTION
def command(rule: str | None, forget_all: bool, as_json: bool) -> None:
    """Show what an agent may do in this directory without asking; forget what was allowed.

    Rules stand in config.toml under [permissions], or were remembered after a yes for this
    directory. Nothing in the directory itself is read.
    """
    if forget_all and rule is not None:
        raise UsageError(
            "--forget RULE and --forget-all do not go together. Nothing was forgotten.",
            remedy="`hermes permissions --forget-all` forgets every rule that was remembered here.",
        )
    memory = remembered(Path.cwd().resolve())
    forgotten = 0
    if forget_all:
        forgotten = memory.forget()
    elif rule is not None:
        forgotten = memory.forget(_parsed(rule))
        if not forgotten:
            raise UsageError(
                f"The rule {rule!r} was not remembered for this directory.",
                remedy="`hermes permissions` shows what was.",
            )
    settings = read_settings()
    mode, rules, kept = read_mode(settings), read_rules(settings), memory.rules()
    groups = {
        "allow": rules.allow,
        "ask": rules.ask,
        "refuse": rules.refuse,
        "remembered": kept,
    }
    if as_json:
        texts = {name: [str(each) for each in some] for name, some in groups.items()}
        print_json({"mode": mode.value, **texts, "forgotten": forgotten})
        return
    if rule is not None or forget_all:
        say(f"✓ {forgotten} forgotten", style="green")
    say(f"mode        {mode.value}")
    for name, some in groups.items():
        for each in some:
            say(f"{name:<10}  {each}")


def _parsed(text: str) -> Rule:
    try:
        return parse_rule(text)
    except WrongRule as error:
        raise UsageError(
            f"The rule {text!r} {error}.", remedy="`hermes permissions` shows those there are."
        ) from error
