"""
JSON as models write it when they slip, read without a guess that could lose or change text.

A library was looked at in 2026-11 (4,278 lines): it answers any text with some value, so that a
file's content that was cut off would be written as if it were whole. This reader knows a few
slips, each of which has one reading, and refuses all else.
"""

import re
from typing import Any

DEEPEST = 100
"""Arguments are a few levels deep; a text that nests deeper would exhaust the stack."""

_LONGEST_NUMBER = 300
_FENCE = re.compile(r"\s*```[a-zA-Z]*[ \t]*\n(.*?)\n?\s*```\s*", re.DOTALL)
_SPACE = re.compile(r"\s*")
_WORD = re.compile(r"[A-Za-z_][\w-]*")
_NUMBER = re.compile(r"-?(?:0|[1-9]\d*)(\.\d+)?([eE][+-]?\d+)?(?![\w.])")
_PLAIN = {'"': re.compile(r'[^"\\]+'), "'": re.compile(r"[^'\\]+")}
_HEX = re.compile(r"[0-9a-fA-F]{4}")
_ESCAPES = {
    '"': '"',
    "'": "'",
    "\\": "\\",
    "/": "/",
    "b": "\b",
    "f": "\f",
    "n": "\n",
    "r": "\r",
    "t": "\t",
}
_WORDS = {"true": True, "True": True, "false": False, "False": False, "null": None, "None": None}
_CLOSERS = {"{": "}", "[": "]"}


class NotMended(ValueError):
    """A text that no known slip explains; `at` is the index of the character where it breaks."""

    def __init__(self, reason: str, at: int) -> None:
        super().__init__(reason)
        self.at = at


def mended(text: str, *, may_be_cut: bool) -> Any:
    """
    Return the value of a JSON text that may have slips.

    Known slips: a code fence around; a comma before a closing bracket; single quotes; names
    without quotes; line ends and tabs within a string; `True`, `False`, `None`; a backslash
    that escapes nothing, which is kept; closing brackets missing at the end, or too many.

    `may_be_cut` says that nothing is lost if the end is missing: then an open string or list
    may end with the text. Otherwise both raise NotMended, as does everything else.
    """
    fenced = _FENCE.fullmatch(text)
    return _Reader(fenced[1] if fenced else text, may_be_cut).whole()


class _Reader:
    def __init__(self, text: str, may_be_cut: bool) -> None:
        self.text = text
        self.may_be_cut = may_be_cut
        self.at = 0

    def whole(self) -> Any:
        value = self._value(0)
        self._skip()
        if self.text[self.at :].strip("]} \t\r\n"):
            raise NotMended("There is more after the end", self.at)
        return value

    def _skip(self) -> str:
        """Go on to what is no space; return it, or an empty text at the end."""
        space = _SPACE.match(self.text, self.at)
        self.at = space.end() if space else self.at
        return self.text[self.at : self.at + 1]

    def _value(self, depth: int) -> Any:
        begins = self._skip()
        if depth > DEEPEST:
            raise NotMended("It is nested too deep", self.at)
        if begins == "{":
            return self._object(depth)
        if begins == "[":
            return self._list(depth)
        if begins in _PLAIN:
            return self._string(begins)
        return self._word()

    def _object(self, depth: int) -> dict[str, Any]:
        value: dict[str, Any] = {}
        while self._goes_on("{", first=not value):
            quote = self._skip()
            name = self._string(quote) if quote in _PLAIN else self._name()
            if self._skip() != ":":
                raise NotMended("A `:` is missing", self.at)
            self.at += 1
            value[name] = self._value(depth + 1)
        return value

    def _list(self, depth: int) -> list[Any]:
        value: list[Any] = []
        while self._goes_on("[", first=not value):
            value.append(self._value(depth + 1))
        return value

    def _goes_on(self, opener: str, *, first: bool) -> bool:
        """Go past the bracket or comma before the next member; say whether there is one."""
        closer = _CLOSERS[opener]
        if first or self._skip() == ",":
            self.at += 1
        elif self._skip() not in (closer, ""):
            raise NotMended(f"A `,` or `{closer}` is missing", self.at)
        found = self._skip()
        if found == closer:
            self.at += 1
        if not found and opener == "[" and not self.may_be_cut:
            raise NotMended("It ends in the middle of a list", self.at)
        # A number or a word may have lost its end; after a comma a member may be missing.
        whole = self.text.rstrip().endswith(('"', "'", "}", "]"))
        if not found and not whole and not self.may_be_cut:
            raise NotMended("It ends too early", self.at)
        return found not in (closer, "")

    def _name(self) -> str:
        word = _WORD.match(self.text, self.at)
        if word is None:
            raise NotMended("A name in quotes is missing", self.at)
        self.at = word.end()
        return word[0]

    def _word(self) -> Any:
        number = _NUMBER.match(self.text, self.at)
        if number is not None and number.end() - self.at < _LONGEST_NUMBER:
            self.at = number.end()
            whole = number[1] is None and number[2] is None
            return int(number[0]) if whole else float(number[0])
        word = _WORD.match(self.text, self.at)
        if word is None or word[0] not in _WORDS:
            raise NotMended("A value is missing", self.at)
        self.at = word.end()
        return _WORDS[word[0]]

    def _string(self, quote: str) -> str:
        began = self.at
        self.at += 1
        parts: list[str] = []
        while self.at < len(self.text):
            plain = _PLAIN[quote].match(self.text, self.at)
            if plain is not None:
                parts.append(plain[0])
                self.at = plain.end()
            elif self.text[self.at] == quote:
                self.at += 1
                return _paired("".join(parts), began)
            else:
                parts.append(self._escape())
        if not self.may_be_cut:
            raise NotMended("A text never ends", began)
        return _paired("".join(parts), began)

    def _escape(self) -> str:
        """Read a backslash and what it escapes; one that escapes nothing stands for itself."""
        letter = self.text[self.at + 1 : self.at + 2]
        code = _HEX.match(self.text, self.at + 2) if letter == "u" else None
        if code is not None:
            self.at = code.end()
            return chr(int(code[0], 16))
        known = _ESCAPES.get(letter)
        self.at += 1 if known is None else 2
        return "\\" if known is None else known


def _paired(text: str, at: int) -> str:
    """Return a text with each pair of surrogates as the one character that it stands for."""
    paired = text.encode("utf-16", "surrogatepass").decode("utf-16", "surrogatepass")
    try:
        # U+DC80 to U+DCFF stand for the bytes of a name that is no UTF-8 (PEP 383).
        paired.encode(errors="surrogateescape")
    except UnicodeEncodeError as error:
        raise NotMended("A text holds half of a surrogate pair", at) from error
    return paired
