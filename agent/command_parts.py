"""What a line for the shell is made of: words, simple commands, and both while they are read."""

import msgspec


def names(text: str) -> frozenset[str]:
    """Return the names in a text, which blanks keep apart."""
    return frozenset(text.split())


READ_OTHERWISE = names("BASHOPTS CDPATH GLOBIGNORE")
"""Variables by which a `*` stands for `.env` as well, or `cd src` leads elsewhere, in bash 5.2."""


class NotUnderstood(Exception):
    """A line, or a part of it, that we cannot read for sure; the message says what is in it."""


class Word(msgspec.Struct, frozen=True):
    """
    A word as the command gets it.

    `known` says that `text` is the whole of it: no variable, no output of a command. A
    `pattern` holds `*` or `?` and stands for the names of files that fit.
    """

    text: str
    known: bool = True
    pattern: bool = False


class Command(msgspec.Struct, frozen=True, kw_only=True):
    """
    A simple command: its words, the variables set for it, and the files it is redirected to.

    Without words it only sets variables, or redirects a group. `after` is the operator between
    it and the command before it in the result, empty at the beginning of a list, and `?` where
    that is not plain. `in_loop` says that it may run again and again.
    """

    words: tuple[Word, ...] = ()
    assignments: tuple[tuple[str, Word], ...] = ()
    reads: tuple[Word, ...] = ()
    writes: tuple[Word, ...] = ()
    after: str = "?"
    in_loop: bool = False


class Draft(msgspec.Struct):
    """
    A command in the making, `after` an operator and, in the result, after `number` others.

    `inputs` counts what is written in the line as its input; `literal` is such a text.
    `is_loop` says that it is the head of a `for`.
    """

    after: str = ""
    number: int = 0
    words: list[Word] = msgspec.field(default_factory=list)
    assignments: list[tuple[str, Word]] = msgspec.field(default_factory=list)
    reads: list[Word] = msgspec.field(default_factory=list)
    writes: list[Word] = msgspec.field(default_factory=list)
    literal: Word | None = None
    inputs: int = 0
    is_redirected: bool = False
    is_loop: bool = False

    def is_empty(self) -> bool:
        """Say whether the next word names the command."""
        return not (self.words or self.assignments or self.is_redirected or self.is_loop)

    def command(self, number: int, *, in_loop: bool) -> Command:
        """Return it as a command, after `number` others; the head of a `for` sets its variable."""
        if self.is_loop:
            names = [word.text for word in self.words[:2]]
            if not names or not names[0].isidentifier() or names[1:] not in ([], ["in"]):
                raise NotUnderstood("a `for` of an unusual form")
            self.assignments = [(names[0], Word("", known=False))]
            self.words = []
        return Command(
            words=tuple(self.words),
            assignments=tuple(self.assignments),
            reads=tuple(self.reads),
            writes=tuple(self.writes),
            # What a word of it substitutes comes between the two.
            after=self.after if number == self.number else "?",
            in_loop=in_loop,
        )


class Piece(msgspec.Struct):
    """A word in the making; `bare` is its text with blanks for all that is quoted."""

    text: str = ""
    bare: str = ""
    known: bool = True
    begun: bool = False

    def add(self, text: str, *, quoted: bool = True) -> None:
        """Go on with a text; a quoted one means nothing but itself."""
        self.begun = True
        self.text += text
        self.bare += " " * len(text) if quoted else text

    def quote(self) -> None:
        """Note that a quote begins or something is put in: the word is no bare one."""
        self.begun = True
        self.bare += " "

    def unknown(self) -> None:
        """Note that something is put in which nobody knows yet."""
        self.begun = True
        self.known = False
        self.bare += " "

    def word(self) -> Word:
        """Return it as a word."""
        known = self.known and not _has_braces(self.bare)
        known = known and ("[" not in self.bare or self.bare == "[")
        pattern = "*" in self.bare or "?" in self.bare
        if pattern and " " in self.bare:  # quoted signs stand for themselves
            known = False
        return Word(self.text, known=known, pattern=pattern and known)


def _has_braces(bare: str) -> bool:
    """Say whether braces may stand for several words; looked for without going back and forth."""
    begin, end = bare.find("{"), bare.rfind("}")
    inner = bare[begin + 1 : end] if begin >= 0 else ""
    return "," in inner or ".." in inner
