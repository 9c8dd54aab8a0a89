"""What endpoints answer when they refuse → what it means: status first, then type, then text."""

from agent.atlas.body import read_body, schema_path, wait_in
from agent.atlas.hints import Asked, Told, token_limit, told
from agent.atlas.leftovers import IN_STREAM, LEFTOVERS
from agent.atlas.refusals import ACCESS, PACE
from agent.atlas.requests import REQUESTS
from agent.atlas.rows import BodyRow
from agent.errors import (
    ContextOverflow,
    HermesError,
    IdentityRefused,
    ProviderError,
    RateLimited,
    RequestRefused,
    SchemaRefused,
)

__all__ = ["ROWS", "Asked", "classify", "find", "find_named", "in_stream", "read_body", "wait_of"]

SHOWN_CHARACTERS = 500
"""How much of an endpoint's own text goes into a message whose meaning is known."""

ROWS: tuple[BodyRow, ...] = (*ACCESS, *REQUESTS, *PACE, *LEFTOVERS)
"""Every kind of answer, in the order in which they are tried; the last one fits them all."""


def find(status: int, kind: str, said: str) -> BodyRow:
    """Return the row of an answer: the first one that fits its status, then its type or text."""
    return next((row for row in ROWS if row.fits(status, kind, said)), ROWS[-1])


def find_named(kind: str, said: str) -> BodyRow | None:
    """Return the first row that a text or a type names without any status, or None."""
    return next((row for row in (*ROWS, IN_STREAM) if row.is_named_by(kind, said)), None)


def classify(
    status: int,
    body: bytes,
    *,
    endpoint: str,
    request_id: str = "",
    location: str = "",
    retry_after_seconds: float | None = None,
    asked: Asked | None = None,
) -> ProviderError:
    """
    Return the error for an answer that is none: `endpoint` names who gave it.

    `body` may be anything; its text is shown as it is, cut at 500 characters, or at 4,000
    if no row knows it. `location` is where a redirect points: it is never followed, since
    the key would go along. `retry_after_seconds` is what a `Retry-After` header asked for;
    of it and the text's own figure the longer wait holds. `asked` makes the sentence exact.
    """
    said, kind = read_body(body)
    found = told(find(status, kind, said), asked or Asked(), said)
    place = f" to {location}" if location else ""
    own_words = f" It said: {_quoted(said, found.row)}" if said else " It said nothing more."
    error = found.row.error(
        f"{endpoint} {found.meaning}{place} ({status}{', ' + kind if kind else ''}).{own_words}",
        remedy=found.remedy,
        status=status,
        said=said,
        kind=kind,
        request_id=request_id,
    )
    return _with_facts(error, found, retry_after_seconds)


def in_stream(said: str, kind: str, *, endpoint: str) -> ProviderError:
    """
    Return the error for an error object inside a stream that began with 200.

    A text or type that a row knows has that row's class, but for our name: an endpoint
    that has begun to answer has taken it.
    """
    row = find_named(kind, said)
    if row is None or issubclass(row.error, IdentityRefused):
        row = IN_STREAM
    found = told(row, Asked(), said)
    begun = "" if row is IN_STREAM else " in the middle of its answer"
    error = row.error(
        f"{endpoint} {found.meaning}{begun}{' (' + kind + ')' if kind else ''}: "
        f"{_quoted(said, row)}",
        remedy=found.remedy,
        said=said,
        kind=kind,
    )
    return _with_facts(error, found, None)


def wait_of(error: type[HermesError], said: str, asked: float | None = None) -> float | None:
    """Return the seconds to wait that a text or a header (`asked`) names, the longer one."""
    named = wait_in(said) if issubclass(error, RateLimited) else None
    return max((each for each in (named, asked) if each is not None), default=None)


def _with_facts(error: ProviderError, found: Told, asked: float | None) -> ProviderError:
    """Return the error with what its class has fields for."""
    error.row = found.row.id
    error.retry_after_seconds = wait_of(type(error), error.said, asked)
    if isinstance(error, RequestRefused):
        error.field = found.row.field
    if isinstance(error, ContextOverflow):
        error.tokens, error.requested = token_limit(error.said)
    if isinstance(error, SchemaRefused):
        error.path = schema_path(error.said)
    return error


def _quoted(said: str, row: BodyRow) -> str:
    """Return an endpoint's own text as the end of a sentence, cut if its meaning is known."""
    whole = said if not row.known or len(said) <= SHOWN_CHARACTERS else ""
    shown = whole or said[:SHOWN_CHARACTERS] + ("…" if said else "")
    return f'"{shown}"' + ("" if shown.endswith((".", "!", "?", "…")) else ".")
