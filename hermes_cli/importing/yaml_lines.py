"""A strict reader of the plain part of YAML: nested keys, lists and one-line texts; no I/O."""

import re
from collections.abc import Sequence

import msgspec

# Possessive: a line of a million blanks must not cost a million times a million steps.
_KEY = re.compile(
    r"""(?: "(?P<double>[^"\\]*+)" [ ]*+ | '(?P<single>[^']*+)' [ ]*+
          | (?P<plain> [^\s\#&*!|>%@`"'{}\[\],?:-] [^:\#]*+ (?: :(?=\S) [^:\#]*+ )*+ ) )
        : (?: [ ]++ (?P<value>.*) )? """,
    re.VERBOSE,
)
_ITEM = re.compile(r"-(?:[ ]++(?P<rest>.*))?")
_QUOTED = re.compile(r"""(?:"([^"\\]*+)"|'([^']*+)')\s*(?:\#.*)?""")
_NOT_PLAIN = tuple("&*!|>%@`{[\"'")
# Control characters, and what some readers take for the end of a line.
_STRANGE = re.compile(r"[\x00-\x08\x0b-\x0c\x0e-\x1f\x7f-\x9f\u2028\u2029\ufeff]|\r(?!\n)")
_INDICATOR = re.compile(r"[?:-](?:[ \t]|\Z)")
_NOTHING = ("~", "null", "Null", "NULL")


_DEEPEST = 50


class NotUnderstood(ValueError):
    """The text has a line that this reader does not take for what it is; `line` counts from 1."""

    def __init__(self, line: int) -> None:
        super().__init__(f"line {line}")
        self.line = line


class Setting(msgspec.Struct, frozen=True):
    """
    A value and its path; numbers in a path count the items of a list, from 0.

    `value` is None where a value is there and is more than a text on one line.
    """

    path: tuple[str | int, ...]
    value: str | None
    line: int

    def __repr__(self) -> str:
        """Return the place; the value may be a key."""
        return f"<{'.'.join(map(str, self.path))} in line {self.line}>"


class _Block(msgspec.Struct):
    """A mapping or a list that is open: its column, and what it has so far."""

    column: int
    path: tuple[str | int, ...]
    is_list: bool
    keys: set[str] = msgspec.field(default_factory=set)
    items: int = 0


def parse_yaml(text: str) -> tuple[Setting, ...]:
    """
    Return the settings of a YAML text, in their order.

    Values with anchors, tags, brackets, several lines or escapes are there as None; what is
    inside of them is not read. Raises NotUnderstood for a line whose place in the structure
    is in doubt: a tab, a name set twice, a second document, an indentation that fits nothing.
    """
    reader = _Reader()
    strange = _STRANGE.search(text)
    if strange:
        raise NotUnderstood(text.count("\n", 0, strange.start()) + 1)
    lines: Sequence[str] = text.split("\n")
    for number, line in enumerate(lines, start=1):
        reader.take(line.removesuffix("\r"), number)
    return tuple(reader.settings)


class _Reader:
    """Goes down the lines; `settings` is what it has read so far."""

    def __init__(self) -> None:
        self.settings: list[Setting] = []
        self._blocks: list[_Block] = []
        # The path whose value may stand in the next lines, and the column of its key.
        self._pending: tuple[tuple[str | int, ...], int] | None = None
        # Lines to the right of this column are part of a value that is not read.
        self._inside: int | None = None
        self._quote = ""
        self._started = False
        self._has_root = False

    def take(self, line: str, number: int) -> None:
        """Read one line. Raises NotUnderstood."""
        content = line.lstrip(" ")
        column = len(line) - len(content)
        if self._quote:
            self._go_on(content, column, number)
            return
        if not content.strip() or content.startswith("#"):
            return
        if self._inside is not None and column > self._inside:
            self._make_opaque()
            return
        self._inside = None
        if content.startswith("\t") or line.startswith(("---", "...", "%")):
            if line.rstrip() == "---" and not self._started:
                return
            raise NotUnderstood(number)
        self._started = True
        self._open(content.rstrip(), column, number)

    def _go_on(self, content: str, column: int, number: int) -> None:
        """Read on in a text in quotes that spans lines."""
        if content.strip() and self._inside is not None and column <= self._inside:
            raise NotUnderstood(number)
        if _closes(content, self._quote):
            self._quote = ""

    def _make_opaque(self) -> None:
        last = self.settings[-1] if self.settings else None
        if last is not None and last.value is not None:
            self.settings[-1] = Setting(last.path, None, last.line)

    def _open(self, content: str, column: int, number: int) -> None:
        """Read the dashes before a line's content, then the content."""
        while item := _ITEM.fullmatch(content):
            block = self._block(column, is_list=True, number=number)
            path = (*block.path, block.items)
            block.items += 1
            self._pending = (path, column)
            rest = item["rest"] or ""
            if not rest.strip() or rest.startswith("#"):
                return
            column += len(content) - len(rest)
            content = rest
        key = _KEY.fullmatch(content)
        if key is not None:
            self._set_key(key, column, number)
        elif self._pending is not None and column > self._pending[1]:
            path, left = self._pending
            self._value(path, content, left, number)
        else:
            raise NotUnderstood(number)

    def _set_key(self, match: re.Match[str], column: int, number: int) -> None:
        block = self._block(column, is_list=False, number=number)
        quoted = match["double"] if match["double"] is not None else match["single"]
        name = quoted if quoted is not None else match["plain"].rstrip()
        if name in block.keys:
            raise NotUnderstood(number)
        block.keys.add(name)
        value = (match["value"] or "").strip()
        path = (*block.path, name)
        if not value or value.startswith("#"):
            self._pending = (path, column)
            return
        self._value(path, value, column, number)

    def _value(self, path: tuple[str | int, ...], text: str, column: int, number: int) -> None:
        self._pending = None
        self._inside = column
        self.settings.append(Setting(path, _text_of(text), number))
        if text[0] in "\"'" and not _closes(text[1:], text[0]):
            self._quote = text[0]

    def _block(self, column: int, *, is_list: bool, number: int) -> _Block:
        """Return the mapping or list at a column, opened if the line before leads to it."""
        while self._blocks and self._blocks[-1].column > column:
            self._blocks.pop()
        top = self._blocks[-1] if self._blocks else None
        # A list may stand at the column of its key; the key's mapping goes on after it.
        if top is not None and top.column == column and top.is_list and not is_list:
            self._blocks.pop()
            top = self._blocks[-1] if self._blocks else None
        pending, self._pending = self._pending, None
        if top is not None and top.column == column and top.is_list == is_list:
            return top
        may_open = _leads(pending, column, is_list) if top else not self._has_root
        if not may_open or len(self._blocks) >= _DEEPEST:
            raise NotUnderstood(number)
        block = _Block(column, pending[0] if pending else (), is_list)
        self._blocks.append(block)
        self._has_root = True
        return block


def _leads(pending: tuple[tuple[str | int, ...], int] | None, column: int, is_list: bool) -> bool:
    """Say whether a block at a column can be the value of what was opened before."""
    return pending is not None and (column > pending[1] or (is_list and column == pending[1]))


def _text_of(text: str) -> str | None:
    """Return a one-line value as text, None if it is anything else."""
    quoted = _QUOTED.fullmatch(text)
    if quoted:
        return quoted[1] if quoted[1] is not None else quoted[2]
    if text.startswith(_NOT_PLAIN) or _INDICATOR.match(text):
        return None
    plain = re.split(r"[ \t]#", text, maxsplit=1)[0].strip()
    if ": " in plain or plain.endswith(":"):
        return None
    return "" if plain in _NOTHING else plain


def _closes(text: str, quote: str) -> bool:
    """Say whether a piece of a quoted text, after its first quote, has the closing one."""
    escaped = r"\\." if quote == '"' else "''"
    return quote in re.sub(escaped, "", text)
