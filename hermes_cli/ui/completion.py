"""What Tab completes in a conversation: commands after `/`, files after `@`."""

import re
from collections.abc import Iterable, Sequence
from pathlib import Path

from prompt_toolkit.completion import CompleteEvent, Completer, Completion
from prompt_toolkit.document import Document

MOST = 200
"""How many names are offered at most."""

_FILE = re.compile(r"(?:^|\s)@([^\s@]*)$")


class ConversationCompleter(Completer):
    """Completes the names of commands, and paths below a directory; reads no file."""

    def __init__(self, commands: Sequence[str], directory: Path) -> None:
        self._commands = commands
        self.directory = directory

    def get_completions(
        self, document: Document, complete_event: CompleteEvent
    ) -> Iterable[Completion]:
        """Yield what the text before the cursor may become."""
        del complete_event
        before = document.text_before_cursor
        if before.startswith("/") and " " not in before:
            for name in self._commands:
                if f"/{name}".startswith(before):
                    yield Completion(f"/{name}", start_position=-len(before))
        elif found := _FILE.search(before):
            yield from self._files(found[1])

    def _files(self, typed: str) -> Iterable[Completion]:
        """Yield the entries of the directory that was typed, directories with a slash."""
        folder, slash, start = typed.rpartition("/")
        place = Path(f"{folder}{slash}").expanduser()
        try:
            entries = sorted((self.directory / place).iterdir())
        except (OSError, RuntimeError):
            return
        fitting = [
            entry
            for entry in entries
            if entry.name.startswith(start) and (start or not entry.name.startswith("."))
        ]
        for entry in fitting[:MOST]:
            if " " not in entry.name and entry.name.isprintable():
                name = f"{entry.name}/" if entry.is_dir() else entry.name
                yield Completion(name, start_position=-len(start))
