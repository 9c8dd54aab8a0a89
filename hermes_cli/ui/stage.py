"""The prompt of a conversation, open while the agent works, and the room above it."""

import asyncio
import sys
import time
from collections.abc import Awaitable, Callable
from contextlib import AbstractContextManager, nullcontext
from typing import TYPE_CHECKING

import msgspec
from prompt_toolkit import PromptSession
from prompt_toolkit.completion import Completer
from prompt_toolkit.filters import Condition
from prompt_toolkit.formatted_text import ANSI
from prompt_toolkit.key_binding import KeyBindings, KeyPressEvent
from prompt_toolkit.keys import Keys
from prompt_toolkit.output import Output, create_output
from prompt_toolkit.output.vt100 import Vt100_Output
from prompt_toolkit.shortcuts import CompleteStyle
from prompt_toolkit.styles import Style
from prompt_toolkit.utils import get_term_environment_variable, is_dumb_terminal

from hermes_cli.ui.clipboard import Clip
from hermes_cli.ui.line_editor import Dropped, LineHistory, storable
from hermes_cli.ui.pastes import Pastes

if TYPE_CHECKING:
    from prompt_toolkit.document import Document

PROMPT = "> "
_LEAST_REDRAW_SECONDS = 0.04
# A single key counts as an answer only if the question could be seen before it was pressed.
_SEEN_SECONDS = 0.4
_ESCAPE_SECONDS = 0.05
# How long an Esc waits for the rest of Alt-Enter, and Ctrl-X for Ctrl-E.
_SEQUENCE_SECONDS = 0.4
_STYLE = Style.from_dict({"bottom-toolbar": "noreverse"})


class _Interrupted(Exception):
    """Ctrl-C was pressed."""


class _Question(msgspec.Struct):
    """Something that is asked while the agent works; `keys` answer at once."""

    text: str
    keys: str
    answer: "asyncio.Future[str]"
    asked_at: float = msgspec.field(default_factory=time.monotonic)


class Scene(msgspec.Struct, frozen=True, kw_only=True):
    """
    What is drawn around the line that is typed, and what keys do.

    `live` are the lines above it that may still change, for so many columns and rows, `status`
    the one below, for so many columns, both with escape sequences. `notice` shows a sentence
    above them. `clipboard` reads the clipboard: an image, or text too if it is told so.
    `editor` opens a file in the user's editor and says whether it ended well. `shortcuts`
    are functions by key, as `c-o`.
    """

    live: Callable[[int, int], list[str]]
    status: Callable[[int], str]
    notice: Callable[[str], None]
    clipboard: Callable[[bool], Awaitable[Clip]]
    editor: Callable[[str], bool]
    shortcuts: tuple[tuple[str, Callable[[], None]], ...] = ()


class _Blind(Vt100_Output):
    """A terminal that is never asked where its cursor is: many answer late, or not at all."""

    def get_rows_below_cursor_position(self) -> int:
        """Say that there is room for a line: without an answer no status line is drawn."""
        return 1


def _output() -> Output:
    if sys.platform == "win32":
        return create_output()
    output = _Blind.from_pty(sys.stdout, term=get_term_environment_variable())
    # Those that do not answer cost two seconds and a warning.
    output.enable_cpr = False
    return output


class Stage:
    """
    A prompt on this terminal that stays open while the agent works.

    What is written `above` it stays; what is live is drawn between that and the prompt. On a
    terminal without cursor movements (`is_live` False) nothing is live, and the prompt is open
    only while nobody works.
    """

    def __init__(
        self, history: LineHistory, scene: Scene, completer: Completer, dropped: Dropped
    ) -> None:
        self.is_live = not is_dumb_terminal()
        self.pastes = Pastes()
        self._scene = scene
        self._dropped = dropped
        self._interrupt: Callable[[], None] | None = None
        self._question: _Question | None = None
        self._stash: Document | None = None
        self._held: list[str] = []
        self._reads_clipboard = self._sends_then = False
        history.kept_as = self._remembered
        self._output = _output()
        self._session: PromptSession[str] = PromptSession(
            self._message,
            multiline=True,
            prompt_continuation=" " * len(PROMPT),
            history=history,
            completer=completer,
            complete_while_typing=False,
            complete_style=CompleteStyle.READLINE_LIKE,
            bottom_toolbar=self._toolbar if self.is_live else None,
            style=_STYLE,
            key_bindings=self._bindings(),
            enable_open_in_editor=True,
            tempfile_suffix=".md",
            interrupt_exception=_Interrupted,
            output=self._output,
        )
        # The library's own way hands the editor the whole environment, with the keys in it.
        buffer = self._session.default_buffer
        buffer._open_file_in_editor = scene.editor  # type: ignore[assignment,method-assign]
        self._session.app.min_redraw_interval = _LEAST_REDRAW_SECONDS
        self._session.app.ttimeoutlen = _ESCAPE_SECONDS
        self._session.app.timeoutlen = _SEQUENCE_SECONDS

    @property
    def columns(self) -> int:
        """How wide the terminal is."""
        return self._output.get_size().columns

    def held(self) -> AbstractContextManager[None]:
        """
        Hold the terminal for the whole conversation, between two prompts too.

        In between it would echo what is typed, and make the Enter of it a new line (seen with
        a line that was typed while the one before was taken, 2026-11).
        """
        return self._session.app.input.raw_mode() if self.is_live else nullcontext()

    async def read(self) -> str:
        """
        Return the next line that is no answer to a question, its pastes in full.

        Raises EOFError at Ctrl-D, and `dropped` at Ctrl-C while nobody works.
        """
        while True:
            default, self._stash = self._stash, None
            try:
                text = await self._session.prompt_async(default=default or "")
            except _Interrupted:
                raise self._dropped(had_text=bool(self._session.default_buffer.text)) from None
            except EOFError as end:
                if self._question is None or self._question.answer.done():
                    raise
                self._question.answer.set_exception(end)
                continue
            question = self._question
            if question is None:
                return storable(self.pastes.expanded(text))
            if not question.answer.done():
                question.answer.set_result(storable(text))

    async def ask(self, text: str, keys: str = "") -> str:
        """
        Return the answer to a question; what was being typed comes back after it.

        Each of `keys` answers at once where nothing else is typed. Raises EOFError at Ctrl-D.
        """
        question = _Question(text, keys, asyncio.get_running_loop().create_future())
        self._question = question
        if not self.is_live:
            try:
                return storable(await self._session.prompt_async())
            except _Interrupted:
                raise asyncio.CancelledError from None
            finally:
                self._question = None
        self._put_aside()
        try:
            return await question.answer
        finally:
            self._question = None
            self._bring_back()

    def begin_work(self, interrupt: Callable[[], None]) -> None:
        """Note that the agent works, and what Esc and Ctrl-C do meanwhile."""
        self._interrupt = interrupt

    def end_work(self) -> None:
        """Note that nobody works any more."""
        self._interrupt = None
        self.refresh()

    def above(self, text: str) -> None:
        """Write text, with its escape sequences and its last newline, above what is live."""
        app = self._session.app
        if app.is_running and app._running_in_terminal:
            self._held.append(text)  # an editor has the terminal
            return
        text = "".join([*self._held, text])
        self._held.clear()
        drawn = app.is_running and not app.is_done and self.is_live
        if drawn:
            app.renderer.erase()
        self._output.write_raw(text.replace("\n", "\r\n"))
        self._output.flush()
        if drawn:
            app.renderer.render(app, app.layout)

    def refresh(self) -> None:
        """Draw what is live anew, soon."""
        if self._held:
            self.above("")
        self._session.app.invalidate()

    def drop_rest(self) -> None:
        """Write what is held back, at the end."""
        if self._held:
            self.above("")

    # --- what is drawn --------------------------------------------------------------------

    def _message(self) -> ANSI:
        if self._question is not None:
            lines = [] if self._session.app.is_done else self._live()
            return ANSI("\n".join([*lines, self._question.text]))
        if self._session.app.is_done or not self.is_live:
            return ANSI(PROMPT)
        return ANSI("\n".join([*self._live(), PROMPT]))

    def _live(self) -> list[str]:
        size = self._output.get_size()
        return self._scene.live(size.columns, size.rows)

    def _toolbar(self) -> ANSI:
        return ANSI(self._scene.status(self.columns))

    def _remembered(self, text: str) -> str:
        """Return what the history keeps of a line: nothing of an answer, pastes in full."""
        return "" if self._question is not None else self.pastes.expanded(text)

    # --- a question in the middle ---------------------------------------------------------

    def _put_aside(self) -> None:
        buffer = self._session.default_buffer
        if self._session.app.is_running and buffer.text:
            self._stash = buffer.document
            buffer.reset()
        self.refresh()

    def _bring_back(self) -> None:
        # After an answer the prompt is opened anew and takes it; otherwise it is still open.
        buffer = self._session.default_buffer
        app = self._session.app
        if self._stash is not None and app.is_running and not app.is_done and not buffer.text:
            buffer.reset(self._stash)
            self._stash = None
        self.refresh()

    # --- the clipboard --------------------------------------------------------------------

    def _take_clipboard(self, *, with_text: bool) -> None:
        """Put into the line what the clipboard holds, as soon as it is read."""
        if not self._reads_clipboard and self._question is None:
            self._reads_clipboard, self._sends_then = True, False
            self._session.app.create_background_task(self._clip(with_text=with_text))

    async def _clip(self, *, with_text: bool) -> None:
        try:
            clip = await self._scene.clipboard(with_text)
        finally:
            self._reads_clipboard = False
        if clip.sentence:
            self._scene.notice(clip.sentence)
        elif self._question is None:
            words = self.pastes.image_taken(clip.image) if clip.image else ""
            buffer = self._session.default_buffer
            buffer.insert_text(words or self.pastes.taken(clip.text))
            if self._sends_then:
                buffer.validate_and_handle()

    # --- keys -----------------------------------------------------------------------------

    def _bindings(self) -> KeyBindings:
        bindings = KeyBindings()
        working = Condition(lambda: self._interrupt is not None)
        at_once = Condition(self._answers_at_once)

        @bindings.add("enter")
        def _send(event: KeyPressEvent) -> None:
            if self._reads_clipboard:
                self._sends_then = True  # with what it gives
            elif event.current_buffer.text.strip():
                event.current_buffer.validate_and_handle()

        @bindings.add("escape", "enter")
        @bindings.add("c-j")
        def _new_line(event: KeyPressEvent) -> None:
            event.current_buffer.insert_text("\n")

        @bindings.add("escape", filter=working)
        @bindings.add("c-c", filter=working)
        @bindings.add("<sigint>", filter=working)
        def _stop(event: KeyPressEvent) -> None:
            del event
            if self._interrupt is not None:
                self._interrupt()

        @bindings.add("y", filter=at_once)
        @bindings.add("a", filter=at_once)
        def _answer(event: KeyPressEvent) -> None:
            buffer = event.current_buffer
            buffer.insert_text(event.data)
            if self._question is not None and event.data in self._question.keys:
                buffer.validate_and_handle()

        for key, shortcut in self._scene.shortcuts:
            bindings.add(key)(_calling(shortcut))
        self._bind_pastes(bindings)
        return bindings

    def _bind_pastes(self, bindings: KeyBindings) -> None:
        @bindings.add(Keys.BracketedPaste)
        def _paste(event: KeyPressEvent) -> None:
            # Terminals send an empty paste where the clipboard holds nothing but an image.
            if event.data:
                event.current_buffer.insert_text(self.pastes.taken(event.data))
            else:
                self._take_clipboard(with_text=False)

        @bindings.add("c-v")
        def _clipboard(event: KeyPressEvent) -> None:
            del event
            self._take_clipboard(with_text=True)

    def _answers_at_once(self) -> bool:
        question = self._question
        return (
            question is not None
            and bool(question.keys)
            and not self._session.default_buffer.text
            and time.monotonic() - question.asked_at > _SEEN_SECONDS
        )


def _calling(shortcut: Callable[[], None]) -> Callable[[KeyPressEvent], None]:
    def call(event: KeyPressEvent) -> None:
        del event
        shortcut()

    return call
