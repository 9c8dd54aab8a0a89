"""What tools do, in lines: a call, its result folded to one, a diff in colours."""

import json
from collections.abc import Iterator

from agent.loop_events import ApprovalWanted, Compacted, ToolEnded
from agent.messages import TextPart, ToolCall
from agent.tools.base import Outcome
from hermes_cli.ui.sentences import one_line
from hermes_cli.ui.style import printable, styled

DIFF_LINES = 40
"""How many lines of a diff are shown of a change that nobody was asked about."""

_NAMED_FIRST = ("command", "path", "pattern", "url", "question", "job")
_CALL_CHARACTERS = 72
_SUMMARY_CHARACTERS = 100
_LEAST_CALL = 28
_MINUTE = 60
_STYLES = (("+++", "bold"), ("---", "bold"), ("@@", "magenta"), ("+", "green"), ("-", "red"))


def call_words(call: ToolCall) -> str:
    """Return a call in a few words: the tool, and what it is about."""
    about = _about(call.arguments)
    return shortened(f"{call.name} {about}".strip(), _CALL_CHARACTERS)


def ended_line(event: ToolEnded, *, columns: int = 0) -> str:
    """
    Return a call that is done as one line: what it was, what it gave, how long it took.

    With `columns`, it fits so many: what it was is cut first.
    """
    summary = event.outcome.summary or first_line(event.outcome)
    summary = summary.removeprefix(f"{_about(event.call.arguments)}: ")
    words = [shortened(summary, _SUMMARY_CHARACTERS)] if summary else []
    if event.seconds >= 1 and not summary.endswith(" s"):
        words.append(duration(event.seconds))
    end = "".join(f" · {each}" for each in words)
    call = f"{'✗' if event.outcome.is_error else '✓'} {call_words(event.call)}"
    if not columns:
        return call + end
    return fitted(fitted(call, max(columns - len(end), _LEAST_CALL)) + end, columns)


def question_lines(event: ApprovalWanted) -> list[str]:
    """Return what a person is to judge: the call, why it is asked, and what it would do."""
    lines = [f"{call_words(event.call)}: may it?"]
    if event.reason:
        lines.append(one_line(event.reason))
    return lines


def compacted_sentence(event: Compacted) -> str:
    """Return the line that tells that a conversation was made shorter."""
    return (
        f"The conversation was made shorter, from about {event.before_tokens:,} tokens to "
        f"{event.after_tokens:,}: {event.how}"
    )


def result_text(outcome: Outcome) -> str:
    """Return what a call gave as text, as the model gets it."""
    parts = (part.text if isinstance(part, TextPart) else "(an image)" for part in outcome.parts)
    return "\n".join(parts)


def diff_lines(diff: str, *, colours: bool, most: int | None = None) -> Iterator[str]:
    """Yield the lines of a unified diff for a terminal; beyond `most` how many more there are."""
    lines = printable(diff).splitlines()
    shown = lines if most is None or len(lines) <= most + 1 else lines[:most]
    for line in shown:
        style = next((style for start, style in _STYLES if line.startswith(start)), "")
        yield styled(line, style) if style and colours else line
    if len(shown) < len(lines):
        more = f"… {len(lines) - len(shown)} more lines: /last shows them"
        yield styled(more, "dim") if colours else more


def duration(seconds: float) -> str:
    """Return a duration as it is read at a glance: `0.4 s`, `12 s`, `3 min 20 s`."""
    if seconds < 10:
        return f"{seconds:.1f} s"
    whole = int(seconds)
    return f"{whole} s" if whole < _MINUTE else f"{whole // _MINUTE} min {whole % _MINUTE} s"


def first_line(outcome: Outcome) -> str:
    """Return the first line of a result that has text."""
    lines = (line.strip() for line in result_text(outcome).splitlines())
    return next((line for line in lines if line), "")


def shortened(text: str, most: int) -> str:
    """Return a text as one line of at most so many characters."""
    line = one_line(text)
    return line if len(line) <= most else line[: most - 1] + "…"


def fitted(text: str, columns: int) -> str:
    """Return a line that takes at most so many columns of a terminal, cut with an ellipsis."""
    if text.isascii() and len(text) <= columns:
        return text
    from prompt_toolkit.utils import get_cwidth

    if get_cwidth(text) <= columns:
        return text
    while text and get_cwidth(text) >= columns:
        text = text[:-1]
    return f"{text}…" if columns > 0 else ""


def _about(arguments: str) -> str:
    """Return the value in a call's arguments that says most of it, else the arguments."""
    try:
        values = json.loads(arguments or "{}")
    except (ValueError, RecursionError):
        return arguments
    if not isinstance(values, dict):
        return arguments
    for name in _NAMED_FIRST:
        value = values.get(name)
        if isinstance(value, str | int) and not isinstance(value, bool):
            return str(value)
    return ""
