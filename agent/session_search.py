"""Searching what was said: with SQLite's full-text index where it has one, else line by line."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

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


@dataclass(frozen=True, kw_only=True, slots=True)
class Found:
    """A message that holds all the words: where it is, and the words with what is around them."""

    session_id: str
    position: int
    excerpt: str


def found_in(database: "sqlite3.Connection", words: Sequence[str]) -> tuple[Found, ...]:
    """
    Return the newest messages that hold every one of the words, wherever; at most MOST_HITS.

    Where the index can be used, a word may be the beginning of a longer one, and upper and
    lower case and accents are alike. Else it may stand anywhere in a word, and only the case
    of ASCII letters is alike.
    """
    if not words:
        return ()
    if all(map(_is_for_index, words)) and _indexed(database):
        terms = " ".join('"' + word.replace('"', '""') + '"*' for word in words)
        query = (
            "select session_id, position, session_texts.text from session_words"
            " join session_texts on session_texts.number = session_words.rowid"
            " where session_words match ? order by session_texts.number desc limit ?"
        )
        rows = database.execute(query, (terms, MOST_HITS))
    else:
        wanted = " and ".join(["text like ? escape '!'"] * len(words))
        query = (
            f"select session_id, position, text from session_texts where {wanted}"  # noqa: S608
            " order by number desc limit ?"
        )
        rows = database.execute(query, (*map(_pattern, words), MOST_HITS))
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
    """Bring the index up to date; False where this SQLite has none."""
    import sqlite3

    try:
        database.execute(_INDEX)
    except sqlite3.OperationalError as error:
        if "no such module" not in str(error):
            raise
        return False
    # The index keeps a row for each text that it holds; numbers are never given twice.
    database.execute(
        "insert into session_words (rowid, text) select number, text from session_texts"
        " where number > (select coalesce(max(id), 0) from session_words_docsize)"
    )
    return True


def _is_for_index(word: str) -> bool:
    return any(map(str.isalnum, word)) and all(letter < _FIRST_WITHOUT_BLANKS for letter in word)


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
