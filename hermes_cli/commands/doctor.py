"""`hermes doctor`: what keeps requests from being answered, and the command against each."""

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import click
import msgspec

from agent.errors import HermesError, UsageError
from hermes_cli import storage
from hermes_cli.auth import Flags
from hermes_cli.doctor.bundle import bundle_text, default_path, save_bundle
from hermes_cli.doctor.findings import Finding, exit_code
from hermes_cli.doctor.screen import document_of, print_report
from hermes_cli.doctor.survey import Survey, survey, without
from hermes_cli.report import route_options
from hermes_cli.ui.prompt import open_prompter, spinner
from hermes_cli.ui.style import is_terminal, notice, print_json, say


class Wanted(msgspec.Struct, frozen=True, kw_only=True):
    """What the command line asks for besides the Route; `bundle` is None without the option."""

    offline: bool
    everything: bool
    fix: bool
    yes: bool
    bundle: str | None

    def check(self, *, as_json: bool) -> None:
        """Raise UsageError for options that contradict each other, or need somebody to ask."""
        if self.bundle is not None and (as_json or self.fix):
            raise UsageError(
                "--bundle writes a file of its own, and goes with neither --json nor --fix.",
                remedy="`hermes doctor --bundle` writes it.",
            )
        asks = self.fix or self.bundle is not None
        if asks and not self.yes and (as_json or not _is_there()):
            option = "--fix" if self.fix else "--bundle"
            raise UsageError(
                f"{option} asks before it changes anything, and nobody can be asked here.",
                remedy=f"`hermes doctor {option} --yes` is the answer for scripts.",
            )


@click.command("doctor")
@route_options
@click.option("--offline", is_flag=True, help="Look at what needs no network; ask nobody.")
@click.option("--all", "everything", is_flag=True, help="Ask every provider that has a key.")
@click.option("--fix", is_flag=True, help="List what can be mended safely, ask, and mend it.")
@click.option("--yes", is_flag=True, help="With --fix or --bundle: do not ask.")
@click.option(
    "--bundle",
    is_flag=False,
    flag_value="",
    default=None,
    metavar="[FILE]",
    help="Show a file for support, without keys, prompts and names, and save it after yes.",
)
def command(provider: str, model: str, base_url: str, *, as_json: bool, **wanted: Any) -> int:
    """Look at everything between a key and an answer, in that order, and say what to do.

    Asks the endpoints of the provider in use: one GET /models each, and one request for what is
    left. Exits with 0, with 1 if something is to be looked at, with 3 if something is broken.
    """
    asked = Wanted(**{name: wanted[name] for name in Wanted.__struct_fields__})
    asked.check(as_json=as_json)
    flags = Flags(provider=provider, model=model, base_url=base_url)
    with spinner("looking"):
        result = survey(flags, offline=asked.offline, everything=asked.everything)
    if asked.bundle is not None:
        return _bundle(result, asked.bundle, yes=asked.yes)
    findings = result.findings
    if not as_json:
        print_report(findings)
    if asked.fix:
        findings = without(findings, _mend(findings, yes=asked.yes))
    if as_json:
        print_json(document_of(result, findings, offline=asked.offline))
    return exit_code(findings)


def _is_there() -> bool:
    """Say whether somebody can be asked."""
    return is_terminal(sys.stdin) and is_terminal(sys.stdout)


# --- mending ------------------------------------------------------------------------------


def _mend(findings: Sequence[Finding], *, yes: bool) -> list[Finding]:
    """List what can be mended, ask, mend it, and return what was."""
    fixable = [finding for finding in findings if finding.fix is not None]
    if not fixable:
        notice("There is nothing here that --fix can mend.")
        return []
    notice("Can be mended now:")
    for finding in fixable:
        notice(f"  {finding.fix.words if finding.fix else ''}")
    if not yes and not open_prompter().confirm("Mend it?", default=False):
        notice("Nothing was changed.")
        return []
    return [finding for finding in fixable if _mended(finding)]


def _mended(finding: Finding) -> bool:
    """Apply one fix; say so, or why it failed."""
    if finding.fix is None:
        return False
    try:
        finding.fix.apply()
    except HermesError as error:
        notice(f"failed: {finding.fix.words}: {error.message}")
        return False
    except OSError as error:
        notice(f"failed: {finding.fix.words}: {storage.reason(error)}.")
        return False
    notice(f"done: {finding.fix.words}")
    return True


# --- the support file ---------------------------------------------------------------------


def _bundle(result: Survey, named: str, *, yes: bool) -> int:
    """Show the support file, ask, and save it. Raises UsageError if the file is there."""
    path = Path(named).expanduser() if named else default_path()
    text = bundle_text(result)
    say(text.rstrip("\n"))
    say()
    question = f"Save this as {path}?"
    if not yes and not open_prompter().confirm(question, default=False):
        notice("Nothing was saved.")
        return 1
    save_bundle(path, text)
    notice(f"Saved as {path}, for you alone (0600). Read it once more before you send it.")
    return 0
