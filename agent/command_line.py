"""
A line for the shell, taken apart into the simple commands that it would run.

Understands what bash reads alike in every setting: lists, pipes, subshells, groups, `if`,
`while`, `for`, quoting, substitutions, redirections, here-documents. Whatever else there is
raises NotUnderstood, and so does what two shells may read differently: nobody may be allowed
to run a line that we read in one way and the shell in another. Reads text alone, no files.

Source: POSIX.1-2024, Shell Command Language; bash 5.2 (2026-11-22).
"""

import re
import unicodedata

from msgspec.structs import replace

from agent.command_parts import Command, Draft, NotUnderstood, Piece, Word, names

_LONGEST = 100_000
_DEEPEST = 20
_BLANKS = " \t"
_INVISIBLE = ("Cc", "Cf", "Cs", "Zl", "Zp", "Zs")
_ENDS_WORD = " \t\n;&|<>()"
# Followed by a command of their own, so that the next word names one.
_STEPPED_OVER = names("! { } if then elif else fi while until do done")
_LOOPS = names("for while until")
_NOT_READ = names("case esac select function coproc [[ ]] in")
_REDIRECTION = re.compile(r"([0-9]*)(<<<|<<-|<<|<>|<&|>&|>>|>\||<|>)|()(&>>|&>)")
_ASSIGNMENT = re.compile(r"([A-Za-z_][A-Za-z0-9_]*)\+?=")
_SUBSCRIPT = re.compile(r"[A-Za-z_][A-Za-z0-9_]*\[.*=", re.DOTALL)
_PARAMETER = re.compile(r"\{#?[A-Za-z_][A-Za-z0-9_]*\}|[A-Za-z_][A-Za-z0-9_]*|[0-9@*#?$!-]")
_DELIMITER = re.compile(
    r"(?:'([\w.-]+)'|\"([\w.-]+)\"|\\([\w.-]+)|([\w.-]+))(?=[\s;&|)]|[<>](?!\()|$)"
)
_DUPLICATED = re.compile(r"-|[\w./][\w./-]*")
_ANSI_C = re.compile(r"'(?:[^'\\]|\\.)*'", re.DOTALL)


def parse(line: str) -> tuple[Command, ...]:
    """
    Return every simple command that a line for the shell could run, substitutions included.

    One inside of a word comes before the command with that word. Raises NotUnderstood.
    """
    return _parse(line, 0)


def _parse(line: str, depth: int) -> tuple[Command, ...]:
    if len(line) > _LONGEST:
        raise NotUnderstood(f"more than {_LONGEST:,} characters")
    if depth > _DEEPEST:
        raise NotUnderstood("commands nested too deep")
    for sign in line:
        if sign not in "\n\t " and unicodedata.category(sign) in _INVISIBLE:
            raise NotUnderstood(f"the invisible character U+{ord(sign):04X}")
    reader = _Reader(line, depth)
    reader.read_list("")
    return tuple(reader.commands)


class _Reader:
    """Reads a text from its beginning to its end; what it finds is in `commands`."""

    def __init__(self, text: str, depth: int) -> None:
        self.text = text
        self.position = 0
        self.depth = depth
        self.commands: list[Command] = []
        self.awaited: list[tuple[str, bool, bool, Draft]] = []
        self.loops = 0

    # --- lists ----------------------------------------------------------------------------

    def read_list(self, end: str) -> Draft:
        """Read commands up to `end`, which is taken too; return the last draft with words."""
        self.depth += 1
        if self.depth > _DEEPEST:
            raise NotUnderstood("commands nested too deep")
        draft, last = Draft(number=len(self.commands)), Draft()
        while True:
            self._skip_blanks()
            sign = self._peek()
            if sign in ("", ")", *"\n;&|") and not self._at_redirection():
                finished = self._finish(draft)
                last = finished or last
                if sign in ("", ")"):
                    break
                number = len(self.commands) if finished else draft.number
                operator = ("" if finished else draft.after) + self._operator()
                draft = Draft(after=operator, number=number)
            else:
                begun = self.position
                draft = self._part(draft)
                if self.awaited and "\n" in self.text[begun : self.position]:
                    raise NotUnderstood("a line that ends before its here-document begins")
        if sign != end or self.awaited:
            raise NotUnderstood("a parenthesis or a here-document without its other end")
        self.position += len(end)
        self.depth -= 1
        return last

    def _finish(self, draft: Draft) -> Draft | None:
        if draft.is_empty():
            return None
        self.commands.append(draft.command(len(self.commands), in_loop=self.loops > 0))
        return draft

    def _part(self, draft: Draft) -> Draft:
        """Read a redirection, a subshell or a word; return the draft that goes on."""
        if self._at_redirection():
            self._redirection(draft)
        elif self._peek() == "(":
            if not draft.is_empty() or self.text.startswith("((", self.position):
                raise NotUnderstood("a function, an array or arithmetic")
            self.position += 1
            self._nested()
            draft.after = "?"
        else:
            return self._word_of(draft)
        return draft

    def _nested(self) -> Draft:
        awaited, self.awaited = self.awaited, []
        last = self.read_list(")")
        self.awaited = awaited
        return last

    def _operator(self) -> str:
        """Read one sign of an operator and return it; the end of a line adds nothing to one."""
        if self.text.startswith((";;", ";&"), self.position):
            raise NotUnderstood("the branches of a `case`")
        sign = self._peek()
        self.position += 1
        if sign != "\n":
            return sign
        for awaited in self.awaited:
            self._here_document(*awaited)
        self.awaited = []
        return ""

    def _word_of(self, draft: Draft) -> Draft:
        piece = self._piece()
        word = piece.word()
        is_bare = piece.bare == piece.text
        if draft.is_empty() and is_bare:
            self.loops = max(0, self.loops + (word.text in _LOOPS) - (word.text == "done"))
            if word.text in _STEPPED_OVER:
                draft.after = "?"
                return draft
            if word.text in _NOT_READ:
                raise NotUnderstood(f"`{word.text}`")
            draft.is_loop = word.text == "for"
            if draft.is_loop:
                return draft
        assignment = None if draft.words or draft.is_loop else _ASSIGNMENT.match(piece.bare)
        if assignment:
            value = replace(word, text=word.text[assignment.end() :], pattern=False)
            draft.assignments.append((assignment[1], value))
        elif not draft.words and _SUBSCRIPT.match(piece.bare):
            raise NotUnderstood("an element of an array that is set")
        else:
            draft.words.append(word)
        return draft

    # --- redirections ---------------------------------------------------------------------

    def _at_redirection(self) -> bool:
        found = _REDIRECTION.match(self.text, self.position)
        return bool(found) and not self.text.startswith(("<(", ">("), self._after_digits())

    def _after_digits(self) -> int:
        position = self.position
        while self.text[position : position + 1].isdigit():
            position += 1
        return position

    def _redirection(self, draft: Draft) -> None:
        found = _REDIRECTION.match(self.text, self.position)
        assert found  # noqa: S101 - `_at_redirection` saw it
        self.position = found.end()
        self._skip_blanks()
        operator = found[2] or found[4]
        draft.is_redirected = True
        if operator.startswith("<<"):
            draft.inputs += 1 if found[1] in ("", "0") else 2
        if operator in ("<<", "<<-"):
            self._await_document(draft, strips_tabs=operator == "<<-")
            return
        piece = self._piece()
        if not piece.begun:
            raise NotUnderstood("a redirection to nowhere")
        target = piece.word()
        is_plain = target.known and _DUPLICATED.fullmatch(target.text)
        if operator in (">&", "<&") and not is_plain:
            # `<&-rm x` runs `rm x`, and bash 5.2 expands twice: `>&'$(rm x)'` runs it as well.
            raise NotUnderstood("a redirection to an unusual descriptor")
        if operator == "<<<" or (operator in (">&", "<&") and _is_descriptor(target)):
            if not target.known:
                draft.reads.append(target)
        elif operator in ("<", "<&"):
            draft.reads.append(target)
        else:
            draft.writes.append(target)

    def _await_document(self, draft: Draft, *, strips_tabs: bool) -> None:
        found = _DELIMITER.match(self.text, self.position)
        if not found:
            raise NotUnderstood("a here-document with an unusual end")
        self.position = found.end()
        self.awaited.append((found[found.lastindex or 0], strips_tabs, not found[4], draft))

    def _here_document(self, end: str, strips_tabs: bool, is_literal: bool, draft: Draft) -> None:
        """Read a here-document from the beginning of a line; what it substitutes is read too."""
        body = []
        while self.position < len(self.text):
            newline = self.text.find("\n", self.position)
            after = len(self.text) if newline < 0 else newline + 1
            line = self.text[self.position : after].removesuffix("\n")
            self.position = after
            line = line.lstrip("\t") if strips_tabs else line
            if line == end:
                break
            # Inside `$(…)` bash 5.2 lets `END)` end it too; others do not.
            if line.startswith(end) or (not is_literal and line.endswith("\\")):
                raise NotUnderstood("a here-document whose end is not plain")
            body.append(line + "\n")
        else:
            raise NotUnderstood("a here-document without its end")
        text = "".join(body)
        if not is_literal:
            inner = _Reader(text, self.depth)
            piece = Piece()
            inner.read_quoted(piece, "")
            self.commands += inner.commands
            is_literal = piece.known and "\\" not in text
        draft.literal = Word(text, known=is_literal)

    # --- words ----------------------------------------------------------------------------

    def _piece(self) -> Piece:
        piece = Piece()
        while (sign := self._peek()) and (sign not in _ENDS_WORD or self._at_process()):
            if sign in "<>":
                self.position += 2
                if self._nested().is_empty():
                    raise NotUnderstood("a process without a command")
                piece.add("/dev/fd/63")
            elif sign == "'":
                end = self.text.find("'", self.position + 1)
                if end < 0:
                    raise NotUnderstood("a quote without its other end")
                piece.quote()
                piece.add(self.text[self.position + 1 : end])
                self.position = end + 1
            elif sign == '"':
                self.position += 1
                piece.quote()
                self.read_quoted(piece, '"')
            elif sign in "\\$`":
                self._special(piece, in_quotes=False)
            else:
                piece.add(sign, quoted=False)
                self.position += 1
            if self._joins_lines():
                # `2\` and `>x` on the next line are `2>x`.
                raise NotUnderstood("a word that goes on in the next line")
        if self._peek() == "(" or (self._peek() in ("<", ">") and _is_variable(piece.bare)):
            raise NotUnderstood("a parenthesis or a redirection inside of a word")
        return piece

    def _joins_lines(self) -> bool:
        """Say whether a word that has begun goes on behind a line that is broken."""
        follows = self.text[self.position : self.position + 3]
        return follows.startswith("\\\n") and follows[2:] not in ("", *_BLANKS, "\n")

    def _at_process(self) -> bool:
        return self.text.startswith(("<(", ">("), self.position)

    def read_quoted(self, piece: Piece, end: str) -> None:
        """Read up to `end`, where only `\\`, `$` and backquotes mean something."""
        while (sign := self._peek()) != end:
            if not sign:
                raise NotUnderstood("a quote without its other end")
            if sign in "\\$`":
                self._special(piece, in_quotes=True)
            else:
                piece.add(sign)
                self.position += 1
        self.position += len(end)

    def _special(self, piece: Piece, *, in_quotes: bool) -> None:
        sign, after = self._peek(), self.text[self.position + 1 : self.position + 2]
        if sign == "`":
            self._backquoted(piece, in_quotes=in_quotes)
        elif sign == "$":
            self.position += 1
            self._expansion(piece, in_quotes=in_quotes)
        else:
            self.position += 2
            if not after:
                raise NotUnderstood("a backslash at the end")
            keeps = in_quotes and after not in '$`"\\\n'
            piece.add(("\\" if keeps else "") + ("" if after == "\n" else after))

    def _expansion(self, piece: Piece, *, in_quotes: bool) -> None:
        """Read what follows a `$`, which is taken already."""
        sign = self._peek()
        if self.text.startswith(("((", "["), self.position):
            raise NotUnderstood("arithmetic")
        if sign == "(":
            self.position += 1
            before = len(self.commands)
            last = self._nested()
            text = _printed(self.commands[before:], last) if in_quotes else None
            if text is None:
                piece.unknown()
            else:
                piece.add(text)
        elif sign in ("'", '"') and not in_quotes:
            self._dollar_quoted(piece)
        elif found := _PARAMETER.match(self.text, self.position):
            self.position = found.end()
            piece.unknown()
        elif sign == "{":
            raise NotUnderstood("an expansion such as ${name:-value}")
        elif self.text.startswith("\\\n", self.position):
            # Bash joins the lines first: `"$\` and `(rm x)"` on the next run it (seen with 5.2).
            raise NotUnderstood("a line that is broken behind a `$`")
        else:
            piece.add("$")

    def _dollar_quoted(self, piece: Piece) -> None:
        piece.unknown()
        if self._peek() == '"':
            return
        found = _ANSI_C.match(self.text, self.position)
        if not found:
            raise NotUnderstood("a quote without its other end")
        self.position = found.end()

    def _backquoted(self, piece: Piece, *, in_quotes: bool) -> None:
        found = re.compile(r"`((?:[^`\\]|\\.)*)`", re.DOTALL).match(self.text, self.position)
        if not found:
            raise NotUnderstood("a backquote without its other end")
        escaped = r'\\([$`\\"])' if in_quotes else r"\\([$`\\])"
        self.commands += _parse(re.sub(escaped, r"\1", found[1]), self.depth + 1)
        self.position = found.end()
        piece.unknown()

    # --- signs ----------------------------------------------------------------------------

    def _peek(self) -> str:
        return self.text[self.position : self.position + 1]

    def _skip_blanks(self) -> None:
        """Step over blanks, joined lines, and a comment, which begins where a word would."""
        while True:
            if self.text.startswith("\\\n", self.position):
                self.position += 2
            elif (sign := self._peek()) and sign in _BLANKS:
                self.position += 1
            elif sign == "#":
                end = self.text.find("\n", self.position)
                self.position = len(self.text) if end < 0 else end
            else:
                return


def _is_descriptor(word: Word) -> bool:
    return bool(re.fullmatch(r"[0-9]*-?", word.text)) and word.known


def _is_variable(bare: str) -> bool:
    return bool(re.fullmatch(r"\{\w+\}", bare))


def _printed(commands: list[Command], last: Draft) -> str | None:
    """Return what a substitution gives, if it is `cat` with a here-document that is known."""
    is_cat = len(commands) == 1 and [word.text for word in commands[0].words] == ["cat"]
    if not is_cat or last.inputs != 1 or last.literal is None or last.reads or last.writes:
        return None
    return last.literal.text.rstrip("\n") if last.literal.known else None
