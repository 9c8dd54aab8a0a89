"""Pasted text → the rows that know it: a status, a body, a sentence, or a line of ours."""

import json
import re
from collections.abc import Iterator
from http import HTTPStatus
from typing import Any

import msgspec

from agent.atlas import ROWS, Asked, find, find_named, wait_of
from agent.atlas.below_http import BELOW_HTTP
from agent.atlas.body import read_document
from agent.atlas.hints import Told, told
from agent.atlas.refusals import DERIVED
from agent.atlas.rows import BodyRow, NetworkRow
from agent.catalog import PROVIDERS
from agent.errors import KeyRefused

_BRACES_TRIED = 50
_ABOUT_KEYS = tuple(row for row in DERIVED if issubclass(row.error, KeyRefused))
_KINDS = frozenset(kind for row in ROWS for kind in row.kinds)

# `… (403, access_terminated_error). It said: "…"`: what `classify` writes.
_OURS = re.compile(
    r"\((\d{3})(?:, ([\w.-]{1,100}))?\)\. It said(?:: \"(.*)\"| nothing more\.)", re.DOTALL
)
# `429`, `HTTP/1.1 429`, `status: 429`, `Error code: 429`, `(429)`.
_STATUS = re.compile(
    r"(?:^|\bhttp(?:/[\d.]+)?[\s:]+|\b(?:error|got|returned|answered)[\s:]+|\b(?:status|code)(?:[\s_-]?code)?[\"']?\s*[:=]?\s*|\()"
    r"([2-5]\d{2})(?![\w.-])",
    re.IGNORECASE,
)
_STATUS_FIELDS = ("status", "status_code", "code")
_FILLING = re.compile(r"\b(?:http|status|code|error|api)\b|[^a-z]", re.IGNORECASE)


class Recognised(msgspec.Struct, frozen=True):
    """
    What was recognised in a text; nothing of the text itself is in it.

    `answers` are the kinds of answer it can be, more than one if it does not tell them
    apart; `failure` is what failed below HTTP instead. Without either nobody knows it.
    `known` is False too where only the status is known. `status` and `kind` are the ones
    found in it, 0 and empty without. `retry_after_seconds` is the wait that it names.
    """

    known: bool
    answers: tuple[Told, ...] = ()
    failure: NetworkRow | None = None
    status: int = 0
    kind: str = ""
    retry_after_seconds: float | None = None


class _Read(msgspec.Struct, frozen=True):
    """What was read in a text; `status` 0 and `kind` empty if there was none."""

    status: int
    kind: str
    said: str
    is_body: bool


def recognise(text: str) -> Recognised:
    """
    Return what the rows know of a pasted text. Never raises.

    The text may be a status, an error body with or without one, a sentence, or a whole
    line that `hermes` or another program has printed around any of them.
    """
    read = _read(text)
    asked = _asked(text, read.said)
    # Of a key, a line of ours tells more than the body in it.
    derived = next((row for row in _ABOUT_KEYS if row.meaning in text), None)
    if derived is not None:
        return _recognised((derived,), read, asked)
    if read.status:
        return _by_status(read, asked)
    row = find_named(read.kind, read.said)
    if row is not None:
        return _recognised((row,), read, asked)
    if not read.is_body:
        failure = next((row for row in BELOW_HTTP if row.is_said_in(read.said)), None)
        if failure is not None:
            return Recognised(known=True, failure=failure)
    # A type alone is enough to name some of its rows, and none of them surely.
    rows = tuple(row for row in ROWS if read.kind and read.kind in row.kinds)
    return _recognised(rows, read, asked) if rows else Recognised(known=False, kind=read.kind)


def _by_status(read: _Read, asked: Asked) -> Recognised:
    """Return what a status says, or an answer with that status."""
    if not read.said and not read.kind:
        rows = tuple(row for row in ROWS if row.known and read.status in row.statuses)
        if rows:
            return _recognised(rows, read, asked)
    row = find(read.status, read.kind, read.said)
    return _recognised((row,), read, asked)


def _recognised(rows: tuple[BodyRow, ...], read: _Read, asked: Asked) -> Recognised:
    wait = wait_of(rows[0].error, read.said) if len(rows) == 1 else None
    return Recognised(
        known=all(row.known for row in rows),
        answers=tuple(told(row, asked, read.said) for row in rows),
        status=read.status,
        kind=read.kind,
        retry_after_seconds=wait,
    )


# --- reading ------------------------------------------------------------------------------


def _read(text: str) -> _Read:
    """Return a text's status, type and own words: of a line of ours, a body, or anything."""
    ours = _OURS.search(text)
    if ours is not None:
        return _Read(int(ours[1]), _known_kind(ours[2] or ""), ours[3] or "", is_body=True)
    for begin, end, document in _documents(text):
        words = read_document(document)
        if words is not None:
            around = f"{text[:begin]} {text[end:]}"
            status = _status_in(document) or _status(around)[0]
            return _Read(status, _known_kind(words[1]), words[0], is_body=True)
    status, rest = _status(text)
    only_status = status and not _says_more(rest, status)
    return _Read(status, _kind(text), "" if only_status else text, is_body=False)


def _documents(text: str) -> Iterator[tuple[int, int, dict[str, Any]]]:
    """Yield the JSON objects in a text with where they begin and end."""
    decoder = json.JSONDecoder()
    begin = -1
    for _ in range(_BRACES_TRIED):
        begin = text.find("{", begin + 1)
        if begin < 0:
            return
        try:
            document, end = decoder.raw_decode(text, begin)
        except (ValueError, RecursionError):
            continue
        yield begin, end, document


def _status(text: str) -> tuple[int, str]:
    """Return the status that a text names, or 0, and the text without it."""
    found = _STATUS.search(text.strip())
    if found is None:
        return 0, text
    rest = text.strip()
    return int(found[1]), f"{rest[: found.start(1)]} {rest[found.end(1) :]}"


def _status_in(document: dict[str, Any]) -> int:
    """Return the status that stands in a body itself, or 0."""
    error = document.get("error")
    places = (error, document) if isinstance(error, dict) else (document,)
    values = (place.get(name) for place in places for name in _STATUS_FIELDS)
    return next((each for each in values if type(each) is int and 300 <= each < 600), 0)


def _says_more(rest: str, status: int) -> bool:
    """Say whether beside a status there is more than its standard phrase."""
    words = _FILLING.sub("", rest).lower()
    try:
        phrase = HTTPStatus(status).phrase
    except ValueError:
        return bool(words)
    return words not in ("", _FILLING.sub("", phrase).lower())


def _kind(text: str) -> str:
    """Return the first known error type that stands in a text, or nothing."""
    words = re.findall(r"[a-z_]{4,60}", text.lower())
    return next((word for word in words if word in _KINDS), "")


def _known_kind(kind: str) -> str:
    """Return a type in lower case if a row has it: what nobody knows is not repeated."""
    return kind.lower() if kind.lower() in _KINDS else ""


# --- what else the text names ---------------------------------------------------------------


def _asked(text: str, said: str) -> Asked:
    """Return the endpoint that stands first in a text, and the model, if they are known ones."""
    lower = text.lower()
    endpoints = (row for provider in PROVIDERS for row in provider.endpoints)
    placed = ((_position(row.hosts, lower), row) for row in endpoints)
    named = [(position, row) for position, row in placed if position >= 0]
    if not named:
        return Asked()
    endpoint = min(named, key=lambda each: each[0])[1]
    return Asked(endpoint=endpoint, model=_model(said.lower()) or _model(lower))


def _model(text: str) -> str:
    """Return the known model id that stands first in a text, the longest there; or nothing."""
    ids = {row.id for provider in PROVIDERS for row in provider.every_model()}
    pattern = "|".join(re.escape(each) for each in sorted(ids, key=len, reverse=True))
    found = re.search(rf"(?<![\w./-])(?:{pattern})(?![\w-]|\.\w)", text)
    return found[0] if found else ""


def _position(hosts: frozenset[str], text: str) -> int:
    """Return where the first of some host names stands in a text, or -1."""
    pattern = "|".join(map(re.escape, sorted(hosts)))
    found = re.search(rf"(?<![\w.-])(?:{pattern})(?![\w-]|\.\w)", text) if hosts else None
    return found.start() if found else -1
