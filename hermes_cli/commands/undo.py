"""`hermes undo`: the last turn's file changes in this directory, taken back."""

import shlex
import sys
from pathlib import Path
from typing import Any

import click

from agent.errors import HermesError
from agent.snapshots import Change
from hermes_cli.report import JSON_OPTION
from hermes_cli.ui.prompt import InputEnded, open_prompter
from hermes_cli.ui.style import is_terminal, print_json
from hermes_cli.undoing import NOT_COVERED, open_snapshots, told_changes, told_turn


@click.command("undo")
@click.option("--yes", "-y", is_flag=True, help="Do it without a question.")
@click.option("--force", is_flag=True, help="Also files that have changed since the turn ended.")
@JSON_OPTION
def command(yes: bool, force: bool, as_json: bool) -> None:
    """Take back what the last turn did to files in this directory; again: do it anew.

    Covers files that the agent wrote or edited, not what its commands changed. A file that
    has changed since is left alone, and so are all others, unless --force is given.
    """
    project = Path.cwd().resolve()
    snapshots = open_snapshots()
    recorded = snapshots.last(project)
    if recorded is None:
        raise _nothing(project, snapshots.last_above(project))
    changes = recorded.changes()
    prompter = open_prompter()
    if not as_json:
        for line in (told_turn(recorded), *told_changes(changes, project), NOT_COVERED):
            prompter.say(line)
    if not yes and not as_json and is_terminal(sys.stdin):
        try:
            yes = prompter.confirm("Take it back?", default=False)
        except InputEnded:
            yes = False
        if not yes:
            prompter.say("Nothing was changed.")
            return
    if not yes:
        raise HermesError(
            "Nothing was changed: nobody said yes.", remedy="`hermes undo --yes` does it."
        )
    done = snapshots.take_back(recorded, force=force)
    if as_json:
        print_json({"project": str(project), "files": [_document(each) for each in done]})
    else:
        plural = "" if len(done) == 1 else "s"
        prompter.say(
            f"✓ {len(done)} file{plural} taken back; `hermes undo` again undoes it.", "green"
        )


def _nothing(project: Path, above: Path | None) -> HermesError:
    """Return the error of a directory where no session worked; the one above where one did."""
    said = f"No session in {project} has changed files, so nothing can be taken back"
    if above is None:
        remedy = "`git status` shows what git knows about it."
        return HermesError(f"{said}.", remedy=remedy)
    remedy = f"`cd {shlex.quote(str(above))} && hermes undo` takes that one's last turn back."
    return HermesError(f"{said}; one in {above} has.", remedy=remedy)


def _document(change: Change) -> dict[str, Any]:
    return {
        "path": str(change.kept.place),
        "was_there": change.now is not None,
        "is_there": change.then is not None,
    }
