"""The doctor's report as aligned lines, and as a JSON document."""

from collections.abc import Sequence
from typing import Any

from agent.identity import PRODUCT, VERSION
from hermes_cli.doctor.findings import Finding, Level, count, exit_code
from hermes_cli.doctor.survey import Survey
from hermes_cli.report import route_document
from hermes_cli.ui.style import say
from hermes_cli.ui.wrapping import hanging, output_columns

_STYLES = {Level.OK: "", Level.WARNING: "magenta", Level.BROKEN: "red", Level.SKIPPED: "dim"}
_LEVEL_WIDTH = max(len(level.value) for level in Level)
# Under the subject, so that a long command fits into its line and can be copied.
_REMEDY_HEAD = " " * (_LEVEL_WIDTH + 2)


def report_lines(findings: Sequence[Finding], *, columns: int = 0) -> list[tuple[str, str]]:
    """
    Return pairs of a line and its style: a finding, its remedy under it.

    `columns` is the width to wrap to; 0 leaves every line whole, for a pipe.
    """
    subject_width = max((len(finding.subject) for finding in findings), default=0)
    lines: list[tuple[str, str]] = []
    endpoint = ""
    several = len({finding.endpoint for finding in findings if finding.endpoint}) > 1
    for finding in findings:
        if several and finding.endpoint != endpoint:
            endpoint = finding.endpoint
            lines.append((f"At {endpoint}:" if endpoint else "Here:", "bold"))
        head = f"{finding.level.value:<{_LEVEL_WIDTH}}  {finding.subject:<{subject_width}}  "
        style = _STYLES[finding.level]
        lines += [(line, style) for line in hanging(head, finding.sentence, columns)]
        if finding.remedy:
            lines += [(line, "") for line in hanging(_REMEDY_HEAD, finding.remedy, columns)]
    return lines


def summary(findings: Sequence[Finding]) -> str:
    """Return the last line: how many are broken, warned of, and skipped."""
    numbers = (
        (Level.BROKEN, "broken"),
        (Level.WARNING, "to look at"),
        (Level.SKIPPED, "not looked at"),
    )
    told = [f"{found} {words}" for level, words in numbers if (found := count(findings, level))]
    if not exit_code(findings):
        told.insert(0, "Nothing wrong was found")
    fixes = sum(finding.fix is not None for finding in findings)
    mends = f" `hermes doctor --fix` mends {fixes} of them." if fixes else ""
    return ", ".join(told) + "." + mends


def print_report(findings: Sequence[Finding]) -> None:
    """Print the report on standard output: wrapped for a terminal, whole for a pipe."""
    for line, style in report_lines(findings, columns=output_columns()):
        say(line, style=style)
    say()
    style = {0: "green", 1: "magenta"}.get(exit_code(findings), "red")
    say(summary(findings), style=style)


def document_of(survey: Survey, findings: Sequence[Finding], *, offline: bool) -> dict[str, Any]:
    """Return the report for JSON; docs/json.md has its fields."""
    route = survey.route
    return {
        "ok": exit_code(findings) == 0,
        "exit_code": exit_code(findings),
        "version": f"{PRODUCT}/{VERSION}",
        "offline": offline,
        "counts": {level.value: count(findings, level) for level in Level},
        "route": route_document(route) if route else None,
        "findings": [_finding_document(finding) for finding in findings],
    }


def _finding_document(finding: Finding) -> dict[str, Any]:
    return {
        "part": finding.part,
        "subject": finding.subject,
        "level": finding.level.value,
        "sentence": finding.sentence,
        "remedy": finding.remedy,
        "class": finding.kind,
        "endpoint": finding.endpoint,
        "fix": finding.fix.words if finding.fix else None,
    }
