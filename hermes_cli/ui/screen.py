"""Events → a terminal, a pipe or JSON lines, each piece as it arrives."""

import time
from collections.abc import Iterable
from typing import Any, TextIO
from urllib.parse import urlsplit

from agent.costs import Cost, Totals
from agent.errors import HermesError
from agent.events import (
    AnswerBegan,
    Finished,
    RequestSent,
    TextDelta,
    ThinkDelta,
    ToolCallReady,
    Waiting,
)
from agent.loop_events import (
    ApprovalWanted,
    Compacted,
    LoopEvent,
    MessageAdded,
    StepBegan,
    ToolBegan,
    ToolEnded,
    TurnEnded,
)
from agent.messages import ToolCall, calls_of
from agent.route import Route
from agent.wire.base import without_lone_surrogates
from hermes_cli.config import color_wanted
from hermes_cli.ui.sentences import (
    Happening,
    ending_sentences,
    head_lines,
    one_line,
    request_lines,
    sentences_of,
)
from hermes_cli.ui.style import is_terminal, printable, styled, wrapped
from hermes_cli.ui.tool_lines import call_words, compacted_sentence, ended_line
from hermes_cli.ui.usage_lines import free_words, route_cost, turn_line

WorkEvent = (
    StepBegan | MessageAdded | ApprovalWanted | ToolBegan | ToolEnded | Compacted | TurnEnded
)
"""What an agent does beside asking."""

_FULL_PIPE_SECONDS = 0.01
_LINE_ANEW = "\r\x1b[2K"


class Sink:
    """
    One standard stream; what is written is on its way when `write` returns.

    On a terminal, text loses its control characters; a pipe or file gets it byte for byte,
    in UTF-8. A lone surrogate becomes U+FFFD on both. A stream that was closed before we
    started takes everything and shows nothing.
    """

    def __init__(self, stream: TextIO | None, *, essential: bool = True) -> None:
        """With `essential` false, what cannot be written is dropped: the answer goes on."""
        self.is_terminal = stream is not None and is_terminal(stream)
        self._essential = essential
        self._encoding = (stream.encoding if stream and self.is_terminal else "") or "utf-8"
        # Without Python's buffer: what a full disk refused would be tried again at exit, with a
        # traceback, and a non-blocking terminal would raise.
        buffer = getattr(stream, "buffer", None)
        self._raw: Any = getattr(buffer, "raw", buffer)

    def write(self, text: str, *, style: str = "") -> None:
        """
        Write text, in a style of `ui.style` if a terminal takes colours.

        Raises BrokenPipeError if the reader left, and HermesError if the stream takes no more;
        after either, everything is dropped.
        """
        if self._raw is None or not text:
            return
        if self.is_terminal:
            text = printable(text)
            text = styled(text, style) if style and color_wanted() else text
        self._put(text)

    def write_drawn(self, text: str) -> None:
        """Write text whose escape sequences are ours; raises as `write` does."""
        if self._raw is not None and text:
            self._put(text)

    def pass_by(self, text: str) -> None:
        """Show a line that the next one takes the place of, on a terminal that can; "" ends it."""
        if self.is_terminal and color_wanted():
            self._put(_LINE_ANEW + styled(printable(text), "dim") if text else _LINE_ANEW)

    def _put(self, text: str) -> None:
        content = without_lone_surrogates(text).encode(self._encoding, "replace")
        try:
            self._write_all(memoryview(content))
        except OSError as error:
            if not self._essential:
                return
            self._raw = None
            if isinstance(error, BrokenPipeError):
                raise
            raise HermesError(
                f"Standard output takes no more of the answer: {error.strerror}.",
                remedy="`df -h` shows whether a disk is full.",
            ) from error

    def _write_all(self, content: memoryview) -> None:
        while content:
            written = self._raw.write(content)
            if written is None:
                time.sleep(_FULL_PIPE_SECONDS)
            else:
                content = content[written:]


class Screen:
    """
    The answer on `out` and nothing else; everything else on `err`.

    Reasoning and usage are shown, dimmed, if `err` is a terminal; reasoning also with
    `show_thinking`. With `debug`, requests and the heads of answers are shown too.
    `offers_tools` says that a call is an answer, and will be done.
    """

    offers_tools = False

    def __init__(
        self, out: Sink, err: Sink, *, show_thinking: bool = False, debug: bool = False
    ) -> None:
        self._out = out
        self._err = err
        self._show_thinking = show_thinking or err.is_terminal
        self._debug = debug
        self._text_open = False
        self._thought_open = False
        self._waiting = False
        self._route: Route | None = None
        self._turn = Totals()

    @property
    def _model_sent(self) -> str:
        return self._route.model_id_sent if self._route else ""

    def begin(self, route: Route, notices: Iterable[str]) -> None:
        """Take note of the Route in use and show what the user must see before the answer."""
        self._route = route
        for sentence in notices:
            self.notice(sentence)

    def follow(self, route: Route) -> None:
        """Take note of the Route that goes on with the answer: of it, cost and model are told."""
        self._route = route

    def notice(self, sentence: str) -> None:
        """Show a sentence about the run."""
        self._line(wrapped(one_line(sentence)), style="magenta")

    def remark(self, sentence: str) -> None:
        """Show one dimmed line, if somebody watches."""
        if self._err.is_terminal:
            self._line(wrapped(one_line(sentence)), style="dim")

    def show(self, event: LoopEvent) -> None:
        """Show what happened."""
        self._wait(event if isinstance(event, Waiting) else None)
        if isinstance(event, WorkEvent):
            self._work(event)
            return
        match event:
            case Waiting():
                pass
            case RequestSent():
                self._show_lines(request_lines(event))
            case AnswerBegan():
                self._show_lines(head_lines(event))
            case ThinkDelta():
                self._think(event.text)
            case TextDelta():
                self._text(event.text)
            case ToolCallReady():
                self._call(event.call)
            case Finished():
                self._finished(event)
            case _:
                self._happened(event)

    def end(self) -> None:
        """Give the answer its last newline, however it ended."""
        self._close_thought()
        if self._text_open:
            self._text_open = False
            self._out.write("\n")

    def error(self, error: HermesError) -> None:
        """Show an error that does not end the process."""
        self.end()
        self._line(f"Error: {error.message}", style="red")
        if error.remedy:
            self._line(error.remedy)

    def _text(self, text: str) -> None:
        self._close_thought()
        self._out.write(text)
        self._text_open = not text.endswith("\n")

    def _think(self, text: str) -> None:
        if not self._show_thinking:
            return
        if not self._thought_open:
            self._break_text()
        self._err.write(text, style="dim")
        self._thought_open = not text.endswith("\n")

    def _wait(self, event: Waiting | None) -> None:
        """Show how long it still takes, and take that away again."""
        if event is not None:
            self._err.pass_by(f"… {event.seconds:.0f} s")
        elif self._waiting:
            self._err.pass_by("")
        self._waiting = event is not None

    def _happened(self, event: Happening) -> None:
        for sentence in sentences_of(event):
            self.notice(sentence)

    def _call(self, call: ToolCall) -> None:
        if not self.offers_tools:
            self.notice(f"The model asks for the tool {call.name}, and nothing is offered here.")

    def _finished(self, event: Finished) -> None:
        self.end()
        for sentence in ending_sentences(event, tools=self.offers_tools):
            self.notice(sentence)
        self._turn = self._turn.plus(event.usage, self._cost(event))
        if not (self.offers_tools and calls_of(event.message)):
            self._tell_usage(event.model)

    def _work(self, event: WorkEvent) -> None:
        """Show what the agent did, a line each."""
        match event:
            case ToolBegan():
                self._pass_by(f"… {call_words(event.call)}")
            case ToolEnded():
                self._pass_by("")
                self._line(ended_line(event), style="red" if event.outcome.is_error else "dim")
            case Compacted():
                self.notice(compacted_sentence(event))
                if event.answer is not None:
                    self._turn = self._turn.plus(event.answer.usage, self._cost(event.answer))
            case TurnEnded():
                if event.stopped:
                    self.notice(f"{event.stopped} {event.remedy}")
                if self._turn.answers:
                    self._tell_usage("")
            case StepBegan() | MessageAdded() | ApprovalWanted():
                pass

    def _pass_by(self, text: str) -> None:
        if not self._text_open:
            self._err.pass_by(text)

    def _tell_usage(self, model: str) -> None:
        """Show what was used since this was told last, if somebody watches."""
        free = free_words(self._route) if self._route else ""
        self.remark(turn_line(model or self._model_sent, self._turn, free=free))
        self._turn = Totals()

    def _cost(self, event: Finished) -> Cost | None:
        """Return what an answer cost, by the id that served it; None if that is not known."""
        return route_cost(self._route, event.model, event.usage) if self._route else None

    def _show_lines(self, lines: Iterable[str]) -> None:
        if self._debug:
            for line in lines:
                self._line(line, style="dim")

    def _line(self, text: str, *, style: str = "") -> None:
        self._close_thought()
        self._break_text()
        self._err.write(text, style=style)
        self._err.write("\n")

    def _close_thought(self) -> None:
        if self._thought_open:
            self._thought_open = False
            self._err.write("\n")

    def _break_text(self) -> None:
        # Both on one terminal: a line of its own, without a newline inside the answer.
        if self._text_open and self._out.is_terminal and self._err.is_terminal:
            self._err.write("\n")


def alias_sentences(route: Route) -> tuple[str, ...]:
    """Return the line that tells of an alias of ours, if the Route's model is one."""
    if not route.is_alias:
        return ()
    host = urlsplit(route.base_url.value).hostname
    return (f"`{route.model.value}` is our name; {route.model_id_sent} is sent to {host}.",)
