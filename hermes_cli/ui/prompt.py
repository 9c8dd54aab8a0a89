"""Questions to a person: in a terminal, over a pipe, or to a script in a test."""

import itertools
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Protocol, TypeVar

from agent.errors import HermesError, ProviderError
from hermes_cli.config import color_wanted
from hermes_cli.ui.style import is_terminal, say, writable
from hermes_cli.ui.wrapping import set_in

T = TypeVar("T")

_LONGEST_INPUT = 64 * 1024
"""How many bytes are read of a key given on standard input."""

_TURN_SECONDS = 0.1
_LINE_ANEW = "\r\x1b[2K"


class InputEnded(HermesError):
    """The person or the pipe gave no more answers (Ctrl-D, end of file)."""

    def __init__(self) -> None:
        super().__init__(
            "Input ended; nothing was changed.",
            remedy="Run `hermes setup` in a terminal, or `hermes setup --key-stdin < FILE`.",
        )


class Prompter(Protocol):
    """
    Somebody who can be asked.

    `tries` is how often one question is asked before a wrong answer ends the program. Every
    question raises InputEnded if there is no answer to come, KeyboardInterrupt on Ctrl-C.
    """

    @property
    def is_person(self) -> bool:
        """Whether a person watches, who can be asked what no script has an answer for."""

    @property
    def tries(self) -> int:
        """How often a question is asked again after a wrong answer, the first time included."""

    def say(self, text: str, style: str = "") -> None:
        """Print a line; `style` is one of `hermes_cli.ui.style.say`."""

    def ask(self, question: str, default: str = "") -> str:
        """Return the answer without blanks around it; `default` if it is empty."""

    def ask_secret(self, question: str) -> str:
        """Return the answer as it was given, which was never shown."""

    def confirm(self, question: str, default: bool) -> bool:
        """Return yes or no; `default` if the answer is empty."""


class _Printing:
    """Says lines on standard output and understands yes and no; the asking is in subclasses."""

    is_person = False
    tries = 1

    def say(self, text: str, style: str = "") -> None:
        """Print a line, in what signs the output has, broken between words on a terminal."""
        for line in set_in(writable(text)):
            say(line, style=style)

    def ask(self, question: str, default: str = "") -> str:
        """Return the answer without blanks around it; `default` if it is empty."""
        return self._answer(writable(question)).strip() or default

    def confirm(self, question: str, default: bool) -> bool:
        """Ask until the answer is yes, no or empty."""
        choices = "Y/n" if default else "y/N"
        while True:
            answer = self._answer(writable(f"{question} [{choices}]")).strip().lower()
            if answer in ("y", "yes", "n", "no"):
                return answer[0] == "y"
            if not answer:
                return default
            self.say("Answer y or n.")

    def _answer(self, question: str) -> str:
        """Return one line as it was given."""
        raise NotImplementedError


class TerminalPrompter(_Printing):
    """A person at a terminal: line editing, and stars in place of a key."""

    is_person = True
    tries = 3

    def ask_secret(self, question: str) -> str:
        """Return what was typed or pasted; a paste of several lines comes whole."""
        from prompt_toolkit.utils import is_dumb_terminal

        if is_dumb_terminal():
            # prompt_toolkit 3.0.53 prints every character there, passwords included (2026-11-22).
            return _hidden_line(writable(question))
        return self._line(question, hidden=True)

    def _answer(self, question: str) -> str:
        return self._line(question, hidden=False)

    def _line(self, question: str, *, hidden: bool) -> str:
        from prompt_toolkit import PromptSession
        from prompt_toolkit.input.typeahead import get_typeahead

        session: PromptSession[str] = PromptSession()
        try:
            line = session.prompt(f"{writable(question)}: ", is_password=hidden)
        except EOFError:
            raise InputEnded from None
        if not hidden:
            return line
        # Where the terminal does not mark a paste, its second line would be the next answer,
        # and that one is shown.
        return "\n".join([line, "".join(press.data for press in get_typeahead(session.input))])


class PipePrompter(_Printing):
    """A pipe or a file: one line an answer, and every question on a line of its own."""

    def ask_secret(self, question: str) -> str:
        """Return the next line; if a terminal still gives it, it is typed hidden."""
        if is_terminal(sys.stdin):
            return _hidden_line(writable(question))
        return self._answer(writable(question))

    def _answer(self, question: str) -> str:
        self.say(f"{question}:")
        if sys.stdin is None:
            raise InputEnded
        line = sys.stdin.buffer.readline(_LONGEST_INPUT)
        if not line:
            raise InputEnded
        return line.decode(errors="replace").rstrip("\r\n")


def open_prompter() -> Prompter:
    """Return the one for our standard streams: a terminal only if both of them are one."""
    if is_terminal(sys.stdin) and is_terminal(sys.stdout):
        return TerminalPrompter()
    return PipePrompter()


def with_tries(
    prompter: Prompter,
    attempt: Callable[[], T],
    kinds: tuple[type[HermesError], ...] = (HermesError,),
) -> T:
    """Return what the attempt returns; say why it failed and repeat it while there are tries."""
    for left in range(prompter.tries - 1, 0, -1):
        try:
            return attempt()
        except InputEnded:
            raise
        except kinds as error:
            more = f"{left} more {'tries' if left > 1 else 'try'}"
            prompter.say(f"{error.message} ({more})", "red")
            if isinstance(error, ProviderError) and error.remedy:
                prompter.say(error.remedy)
    return attempt()


@contextmanager
def spinner(text: str) -> Iterator[None]:
    """
    Show on standard error that something is waited for, as long as it is.

    Only on a terminal that takes colours and movements; nothing of it stays.
    """
    stream = sys.stderr
    if not is_terminal(stream) or not color_wanted():
        yield
        return
    over = threading.Event()

    def turn() -> None:
        for sign in itertools.cycle("|/-\\"):
            stream.write(f"{_LINE_ANEW}{sign} {text} ")
            stream.flush()
            if over.wait(_TURN_SECONDS):
                return

    thread = threading.Thread(target=turn, daemon=True)
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join()
        stream.write(_LINE_ANEW)
        stream.flush()


def read_input() -> str:
    """Return all of standard input, up to 64 KiB; bytes that are no UTF-8 become U+FFFD."""
    if sys.stdin is None:
        return ""
    return sys.stdin.buffer.read(_LONGEST_INPUT).decode(errors="replace")


def _hidden_line(question: str) -> str:
    """Return a line typed at the terminal with its echo off."""
    from getpass import getpass

    try:
        return getpass(f"{question}: ")
    except EOFError:
        raise InputEnded from None
