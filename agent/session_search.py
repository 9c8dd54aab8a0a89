"""Searching what was said: with SQLite's full-text index where it has one, else line by line."""

import unicodedata
from collections.abc import Sequence
from typing import TYPE_CHECKING

import msgspec

if TYPE_CHECKING:
    import sqlite3

MOST_HITS = 200
EXCERPT_CHARACTERS = 120

# From here on scripts stand that do not part their words by blanks (Thai, Chinese, Japanese,
# Korean): to the index, a whole sentence of them is one word.
_FIRST_WITHOUT_BLANKS = "\u0e00"

_INDEX = """
create virtual table if not exists session_words using fts5(
    text, content='session_texts', content_rowid='number', tokenize='unicode61')
"""


class Found(msgspec.Struct, frozen=True, kw_only=True):
    """A message that holds all the words: where it is, and the words with what is around them."""

    session_id: str
    position: int
    excerpt: str


def found_in(
    database: "sqlite3.Connection", words: Sequence[str], directory: bytes | None = None
) -> tuple[Found, ...]:
    """
    Return the newest messages that hold every one of the words, wherever; at most MOST_HITS.

    `directory` leaves out the conversations that were begun in another one. Where the index
    can be used, a word may be the beginning of a longer one, and upper and lower case and
    accents are alike. Else, and for the signs in a word, which the index does not know, it may
    stand anywhere in a word, and only the case of ASCII letters is alike.
    """
    if not words:
        return ()
    terms = [_term(word) for word in words if _is_for_index(word)]
    indexed = bool(terms) and _indexed(database)
    literal = [word for word in words if not (indexed and _is_known_to_index(word))]
    conditions = ["session_texts.text like ? escape '!'"] * len(literal)
    values: list[str | bytes | int] = [_pattern(word) for word in literal]
    join = ""
    if indexed:
        join = " join session_words on session_words.rowid = session_texts.number"
        conditions.append("session_words match ?")
        values.append(" ".join(terms))
    if directory is not None:
        conditions.append("session_id in (select id from sessions where directory = ?)")
        values.append(directory)
    query = (
        f"select session_id, position, session_texts.text from session_texts{join}"  # noqa: S608
        f" where {' and '.join(conditions)} order by session_texts.number desc limit ?"
    )
    rows = database.execute(query, (*values, MOST_HITS))
    return tuple(
        Found(session_id=session_id, position=position, excerpt=_excerpt(text, words))
        for session_id, position, text in rows
    )


def forget_index(database: "sqlite3.Connection") -> None:
    """
    Drop the index, which the next search makes anew: what was deleted is in no part of it.

    A Python without the index cannot drop it either; then it stays.
    """
    import sqlite3

    try:
        database.execute("drop table if exists session_words")
    except sqlite3.OperationalError as error:
        if "no such module" not in str(error):
            raise


def _indexed(database: "sqlite3.Connection") -> bool:
    """Bring the index up to date; False where this SQLite has none, or nothing may be written."""
    import sqlite3

    try:
        database.execute(_INDEX)
        # The index keeps a row for each text that it holds; numbers are never given twice.
        database.execute(
            "insert into session_words (rowid, text) select number, text from session_texts"
            " where number > (select coalesce(max(id), 0) from session_words_docsize)"
        )
    except sqlite3.OperationalError as error:
        code = getattr(error, "sqlite_errorcode", None) or 0
        may_not_write = code & 0xFF == sqlite3.SQLITE_READONLY
        if not may_not_write and "no such module" not in str(error):
            raise
        return False
    return True


def _is_for_index(word: str) -> bool:
    return any(map(str.isalnum, word)) and all(letter < _FIRST_WITHOUT_BLANKS for letter in word)


def _is_known_to_index(word: str) -> bool:
    """Say whether the index knows all of a word; accents, which it drops, count as known."""
    return _is_for_index(word) and all(c.isalnum() or unicodedata.combining(c) for c in word)


def _term(word: str) -> str:
    return '"' + word.replace('"', '""') + '"*'


def _pattern(word: str) -> str:
    escaped = word.replace("!", "!!").replace("%", "!%").replace("_", "!_")
    return f"%{escaped}%"


def _excerpt(text: str, words: Sequence[str]) -> str:
    """Return what is around the word that comes last, which is the rarest, on one line."""
    lower = text.lower()
    places = [place for word in words if (place := lower.find(word.lower())) >= 0]
    start = max(max(places, default=0) - EXCERPT_CHARACTERS // 3, 0)
    piece = " ".join(text[start : start + EXCERPT_CHARACTERS].split())
    before = "…" if start else ""
    after = "…" if start + EXCERPT_CHARACTERS < len(text) else ""
    return f"{before}{piece}{after}"
