"""A conversation on a terminal: what is finished stands above, what still changes is live."""

import itertools
import sys
import time
from collections.abc import Callable, Iterator
from textwrap import indent

from agent.costs import Totals
from agent.events import Finished, Waiting
from agent.loop_events import ApprovalWanted, ToolBegan, ToolEnded
from agent.messages import ToolCall
from agent.tools.base import Outcome
from hermes_cli.config import color_wanted
from hermes_cli.ui.blocks import Blocks
from hermes_cli.ui.screen import Screen, Sink, WorkEvent
from hermes_cli.ui.sentences import ending_sentences, one_line
from hermes_cli.ui.style import printable, styled, writable
from hermes_cli.ui.tool_lines import (
    DIFF_LINES,
    call_words,
    diff_lines,
    duration,
    ended_line,
    fitted,
    question_lines,
    result_text,
)
from hermes_cli.ui.usage_lines import free_words, turn_line

_SIGNS = "⠋⠙⠹⠸⠼⠴⠦⠧⠇⠏"
_PLAIN_SIGNS = "|/-\\"
_LARGEST_PAINTED = 4_000
_LIVE_ROWS = 12
_LAST_RESULTS = 50
_TAIL_PIECES = 40
_OTHER_ROWS = 6
"""How many rows are left to the prompt, the status line and what stands above."""


class AboveSink(Sink):
    """Whole lines to a place above the prompt; until there is one, to standard output."""

    def __init__(self) -> None:
        super().__init__(None)
        self.is_terminal = True
        self.place: Callable[[str], None] = _print
        self.passing = ""
        self._line = ""

    def write(self, text: str, *, style: str = "") -> None:
        """Write text, in a style of `ui.style` if the terminal takes colours."""
        self.write_drawn(_drawn(text, style))

    def line(self, text: str, style: str) -> None:
        """Write a line, or several, at once."""
        self.write_drawn(f"{_drawn(text, style)}\n")

    def write_drawn(self, text: str) -> None:
        """Write text with its escape sequences, which are ours."""
        whole, newline, self._line = (self._line + text).rpartition("\n")
        if newline:
            self.place(whole + newline)

    def pass_by(self, text: str) -> None:
        """Take note of a line that the next one takes the place of; "" ends it."""
        self.passing = text


class LiveScreen(Screen):
    """
    Shows a conversation while its prompt stays open.

    `live` gives the lines that may still change. What thinking and tools gave is folded to a
    line each, and kept: `thought` is the last reasoning, `results` are the calls of this
    conversation with what they gave. `queued` counts messages that wait for the next request.
    """

    def __init__(self, *, show_thinking: bool = False, debug: bool = False) -> None:
        self.sink = AboveSink()
        super().__init__(self.sink, self.sink, show_thinking=show_thinking, debug=debug)
        self.folds_thinking = not show_thinking
        self.thought = ""
        self.results: list[tuple[ToolCall, Outcome]] = []
        self.queued = 0
        self._blocks = Blocks()
        self._has_text = False
        self._thinking: list[str] = []
        self._thinking_since = 0.0
        self._running: dict[str, tuple[ToolBegan, float]] = {}
        self._asked: set[str] = set()
        self._began: float | None = None
        self._served = ""
        self._painted = ("", 0, "")
        utf8 = (getattr(sys.stdout, "encoding", "") or "").lower().startswith("utf")
        self._signs = itertools.cycle(_SIGNS if utf8 else _PLAIN_SIGNS)

    # --- a turn ---------------------------------------------------------------------------

    def begin_turn(self) -> None:
        """Take note that the agent begins to work."""
        self._began = time.monotonic()
        self._turn, self._served = Totals(), ""
        self._running.clear()
        self._asked.clear()

    def end_turn(self) -> None:
        """Show what is left to show, and one line about what the turn used."""
        self.end()
        began, self._began = self._began, None
        if self._turn.answers and began is not None:
            free = free_words(self._route) if self._route else ""
            took = duration(time.monotonic() - began)
            model = self._served or self._model_sent
            self.remark(turn_line(model, self._turn, free=free, took=took))
        self.sink.write("\n")

    def _work(self, event: WorkEvent) -> None:
        """Show what the agent did: what runs is live, what ended stands above."""
        match event:
            case ApprovalWanted():
                self._wanted(event)
            case ToolBegan():
                self._running[event.call.id] = (event, time.monotonic())
            case ToolEnded():
                self._ended(event)
            case _:
                super()._work(event)

    def end(self) -> None:
        """Show what is left of thinking and of the answer, however it ended."""
        self._end_thought()
        self._end_text()
        self.sink.pass_by("")

    # --- what is live ---------------------------------------------------------------------

    def live(self, columns: int, rows: int) -> list[str]:
        """Return the lines that may still change, for a terminal of so many columns and rows."""
        if self._began is None:
            return []
        lines = self._live_text(columns, max(min(rows - 8, _LIVE_ROWS), 2))
        if self._thinking:
            words = f"thinking {duration(time.monotonic() - self._thinking_since)}: "
            room = max(columns - 1 - len(words), 0)
            tail = one_line("".join(self._thinking[-_TAIL_PIECES:]))
            lines.append(_dim(fitted(printable(words + tail[-room:]), columns - 1)))
        now = time.monotonic()
        for running, began in self._running.values():
            took = f" · {duration(now - began)}"
            words = fitted(printable(call_words(running.call)), columns - 1 - len(took))
            lines.append(_dim(words + took))
        return [*lines[-max(rows - _OTHER_ROWS, 1) :], _dim(fitted(self._spinner(), columns - 1))]

    def _live_text(self, columns: int, most: int) -> list[str]:
        rest = self._blocks.rest
        if not rest.strip():
            return []
        text, width, drawn = self._painted
        if (text, width) != (rest, columns):
            drawn = self._paint(rest, columns) if len(rest) <= _LARGEST_PAINTED else ""
            # A long block is drawn as it stands until it is finished.
            drawn = drawn or "\n".join(
                _in_rows(writable(printable(rest[-_LARGEST_PAINTED:])), columns)
            )
            self._painted = (rest, columns, drawn)
        lines = drawn.splitlines()
        # With the blank line that will stand before it: nothing moves when it is finished.
        return ["", *lines][-most:] if self._has_text else lines[-most:]

    def _spinner(self) -> str:
        began = self._began or time.monotonic()
        words = [f"{next(self._signs)} {duration(time.monotonic() - began)}"]
        if self.sink.passing:
            words.append(self.sink.passing)
        if self.queued:
            words.append(f"{self.queued} to be sent next")
        words.append("Esc stops")
        return " · ".join(words)

    # --- what comes -----------------------------------------------------------------------

    def _text(self, text: str) -> None:
        self._end_thought()
        for block in self._blocks.add(text):
            self._put_block(block)

    def _think(self, text: str) -> None:
        if not self._thinking:
            self._end_text()
            self._thinking_since = time.monotonic()
        self._thinking.append(text)

    def _call(self, call: ToolCall) -> None:
        self.end()
        super()._call(call)

    def _finished(self, event: Finished) -> None:
        self.end()
        for sentence in ending_sentences(event, tools=self.offers_tools):
            self.notice(sentence)
        self._turn = self._turn.plus(event.usage, self._cost(event))
        self._served = event.model

    def _tell_usage(self, model: str) -> None:
        """Do nothing: it is told when the turn has ended, in `end_turn`."""

    def _wait(self, event: Waiting | None) -> None:
        self.sink.pass_by("" if event is None else f"again in {event.seconds:.0f} s")

    def _pass_by(self, text: str) -> None:
        """Do nothing: what runs is live."""

    def _line(self, text: str, *, style: str = "") -> None:
        self.sink.line(text, style)

    def _close_thought(self) -> None:
        """Do nothing: thinking is not open between lines here."""

    def _end_thought(self) -> None:
        if not self._thinking:
            return
        self.thought = "".join(self._thinking)
        self._thinking.clear()
        if not self.folds_thinking:
            self._line(self.thought.strip("\n"), style="dim")
            return
        took = duration(time.monotonic() - self._thinking_since)
        self.remark(f"thought {took}, {len(self.thought):,} characters · ctrl-t shows them")

    def _end_text(self) -> None:
        rest = self._blocks.end()
        if rest:
            self._put_block(rest)
        self._has_text = False

    def _put_block(self, block: str) -> None:
        gap = "\n" if self._has_text else ""
        self._has_text = True
        self.sink.write_drawn(f"{gap}{self._paint(block, self.columns)}\n")

    def _paint(self, text: str, columns: int) -> str:
        from hermes_cli.ui.markdown import painted

        return writable(painted(text, columns, colours=color_wanted()))

    # --- tools ----------------------------------------------------------------------------

    def _wanted(self, event: ApprovalWanted) -> None:
        """Show what a person is to judge: the diff, the command, the address."""
        self.end()
        self._asked.add(event.call.id)
        first, *rest = question_lines(event)
        self._line(first, style="bold")
        if event.action.kind == "write":
            self._diff(event.action.preview)
        else:
            self._line(indent(event.action.preview, "  "))
        if rest:
            self._line("\n".join(rest), style="magenta")

    def tell(self, text: str) -> None:
        """Show a line."""
        self._line(text)

    def question(self, text: str, offered: tuple[str, ...]) -> None:
        """Show a question of the model, with its choices numbered."""
        self.end()
        self._line(text, style="bold")
        if offered:
            self._line("\n".join(f"  {number} {each}" for number, each in enumerate(offered, 1)))

    def output(self, outcome: Outcome) -> None:
        """Show what a command of the user's own gave."""
        self._line(result_text(outcome).rstrip("\n"))

    def _ended(self, event: ToolEnded) -> None:
        began, _ = self._running.pop(event.call.id, (None, 0.0))
        self.results.append((event.call, event.outcome))
        del self.results[:-_LAST_RESULTS]
        line = ended_line(event, columns=self.columns)
        self._line(line, style="red" if event.outcome.is_error else "dim")
        if event.outcome.diff and event.call.id not in self._asked:
            self._diff(event.outcome.diff, most=DIFF_LINES)
        elif began is not None and began.action is not None:
            # What a call gave and what it shows beforehand are the same for a plan only.
            plan = began.action.preview if began.action.kind == "talk" else ""
            if plan and plan == result_text(event.outcome):
                self._line(indent(plan, "  "))

    def _diff(self, diff: str, most: int | None = None) -> None:
        lines = diff_lines(diff, colours=color_wanted(), most=most)
        self.sink.write_drawn("".join(f"{writable(line)}\n" for line in lines))

    # --- what was folded ------------------------------------------------------------------

    def unfold_thought(self) -> None:
        """Show the last reasoning in full."""
        if not self.thought:
            self.remark("Nothing was thought yet.")
        else:
            self._line(self.thought.strip("\n"), style="dim")

    def unfold_last(self, number: int = 1) -> None:
        """Show what a call gave in full: the last one's, or that of the one `number` back."""
        if not 0 < number <= len(self.results):
            self.remark("No call was made yet." if not self.results else "There are fewer calls.")
            return
        call, outcome = self.results[-number]
        self._line(f"{call.name} {call.arguments}", style="bold")
        if outcome.diff:
            self._diff(outcome.diff)
        self._line(result_text(outcome).rstrip("\n"))

    @property
    def columns(self) -> int:
        """How wide what is drawn may be."""
        import shutil

        return shutil.get_terminal_size().columns


def _drawn(text: str, style: str) -> str:
    text = writable(printable(text))
    return styled(text, style) if style and color_wanted() else text


def _dim(text: str) -> str:
    text = writable(text)
    return styled(text, "dim") if color_wanted() else text


def _in_rows(text: str, columns: int) -> Iterator[str]:
    """Yield the lines of a text, the long ones in pieces that fit."""
    for line in text.splitlines():
        width = columns if line.isascii() else max(columns // 2, 1)
        yield from (line[at : at + width] for at in range(0, max(len(line), 1), width))


def _print(text: str) -> None:
    sys.stdout.write(text)
    sys.stdout.flush()
