"""Error bodies → what they mean: status first, then type, then text; unknown stays unknown."""

import json
from dataclasses import dataclass

from agent.errors import (
    AccessRefused,
    IdentityRefused,
    KeyRefused,
    NotFound,
    ProviderError,
    QuotaExhausted,
    RateLimited,
    RequestRefused,
    ServerFailed,
)

SHOWN_CHARACTERS = 500
"""How much of an endpoint's own text goes into a message."""

_OTHER_KEY = "`hermes setup` takes another key; `hermes explain` shows where this one came from."
_OTHER_MODEL = "`hermes models --refresh` lists what this key may use; `--model ID` takes one."
_LATER = "Ask again later; `hermes models` lists other models."
_SEE = "Ask again later; `hermes chat --debug` shows what came back."
_USED_UP = "It will not help to ask again now: `hermes status` names the endpoint and the key."


@dataclass(frozen=True, kw_only=True, slots=True)
class BodyRow:
    """
    One kind of refusal: how it is known, what it means, what to do.

    `kind` and `says` are compared without case; empty fits all. `meaning` goes into
    `{endpoint} … (status).`
    """

    statuses: tuple[int, ...]
    error: type[ProviderError]
    meaning: str
    remedy: str
    kind: str = ""
    says: str = ""

    def fits(self, status: int, kind: str, said: str) -> bool:
        """Say whether an answer is of this kind."""
        return (
            status in self.statuses
            and self.kind in ("", kind.lower())
            and self.says.lower() in said.lower()
        )


ROWS: tuple[BodyRow, ...] = (
    # Kimi Code, contract sections 2.5, 6 and 7.2 (read 2026-08 to 2026-11).
    BodyRow(
        statuses=(403,),
        kind="access_terminated_error",
        says="coding agents",
        error=IdentityRefused,
        meaning="does not take this program's name on this path",
        remedy="`hermes explain` shows the wire in use and what chose it.",
    ),
    BodyRow(
        statuses=(403,),
        says="concurrent request limit",
        error=RateLimited,
        meaning="already answers as many requests as this plan allows",
        remedy="Wait for the others to end, then ask again; `hermes status` names the key.",
    ),
    BodyRow(
        statuses=(403, 429),
        says="usage limit",
        error=QuotaExhausted,
        meaning="says that this plan's quota is used up",
        remedy=_USED_UP,
    ),
    BodyRow(
        statuses=(403,),
        says="access terminated",
        error=AccessRefused,
        meaning="has ended this account's access",
        remedy="Only Kimi can lift this: `hermes status` names the endpoint to ask.",
    ),
    BodyRow(
        statuses=(402,),
        error=QuotaExhausted,
        meaning="could not find an active membership",
        remedy=_USED_UP,
    ),
    BodyRow(
        statuses=(401,),
        says="does not have access to",
        error=AccessRefused,
        meaning="takes the key, but its plan does not have this model",
        remedy=_OTHER_MODEL,
    ),
    BodyRow(
        statuses=(401,),
        says="plan supports only",
        error=AccessRefused,
        meaning="takes the key, but its plan does not have this much context",
        remedy=_OTHER_MODEL,
    ),
    BodyRow(
        statuses=(401,),
        says="model id does not exist",
        error=NotFound,
        meaning="does not know the model",
        remedy=_OTHER_MODEL,
    ),
    # Both products.
    BodyRow(statuses=(401,), error=KeyRefused, meaning="did not take the key", remedy=_OTHER_KEY),
    BodyRow(
        statuses=(403,),
        error=AccessRefused,
        meaning="refused the request",
        remedy="`hermes explain` shows which key went where.",
    ),
    BodyRow(
        statuses=(404,),
        says="not found the model",
        error=NotFound,
        meaning="does not have the model for this key",
        remedy=_OTHER_MODEL,
    ),
    BodyRow(
        statuses=(404,),
        error=NotFound,
        meaning="has nothing at this address",
        remedy="`hermes explain` shows the base URL and where it came from.",
    ),
    BodyRow(
        statuses=(400, 413, 422),
        says="exceeded model token limit",
        error=RequestRefused,
        meaning="says that the conversation is longer than the model's window",
        remedy="`/clear` begins anew; `hermes models` shows the windows.",
    ),
    # The open platform, contract section 7.1.
    BodyRow(
        statuses=(429,),
        kind="exceeded_current_quota_error",
        error=QuotaExhausted,
        meaning="says that the account's balance is used up",
        remedy=_USED_UP,
    ),
    BodyRow(
        statuses=(429,),
        says="overloaded",
        error=RateLimited,
        meaning="is overloaded",
        remedy=_LATER,
    ),
    BodyRow(
        statuses=(429,),
        error=RateLimited,
        meaning="takes no more requests for the moment",
        remedy=_LATER,
    ),
)


def classify(
    status: int, body: bytes, *, endpoint: str, request_id: str = "", location: str = ""
) -> ProviderError:
    """
    Return the error for an answer that is none: `endpoint` names who gave it.

    `body` may be anything; its text is shown as it is, cut. `location` is where a
    redirect points: it is never followed, since the key would go along.
    """
    said, kind = read_body(body)
    row = next((row for row in ROWS if row.fits(status, kind, said)), None)
    row = row or _by_range(status)
    place = f" to {location}" if location else ""
    own_words = f' It said: "{said}"' if said else " It said nothing more."
    return row.error(
        f"{endpoint} {row.meaning}{place} ({status}{', ' + kind if kind else ''}).{own_words}",
        remedy=row.remedy,
        status=status,
        said=said,
        kind=kind,
        request_id=request_id,
    )


def in_stream(said: str, kind: str, *, endpoint: str) -> ProviderError:
    """Return the error for an error object inside a stream that began with 200."""
    return ServerFailed(
        f'{endpoint} broke off with an error{" (" + kind + ")" if kind else ""}: "{said}"',
        remedy=f"What came was kept. {_SEE}",
        said=said,
        kind=kind,
    )


_FAILED = BodyRow(statuses=(), error=ServerFailed, meaning="failed", remedy=_SEE)
_REDIRECT = BodyRow(
    statuses=(),
    error=ProviderError,
    meaning="answered with a redirect, which is not followed with a key,",
    remedy="`hermes explain` shows the base URL and where it came from.",
)
_REFUSED = BodyRow(
    statuses=(),
    error=RequestRefused,
    meaning="refused the request",
    remedy="`hermes chat --debug` shows what was sent.",
)
_UNKNOWN = BodyRow(
    statuses=(),
    error=ProviderError,
    meaning="gave an answer that is not known",
    remedy="`hermes chat --debug` shows its head.",
)


def _by_range(status: int) -> BodyRow:
    """Return the row for a status that no other row knows."""
    ranges = {3: _REDIRECT, 4: _REFUSED, 5: _FAILED}
    return ranges.get(status // 100, _UNKNOWN)


def read_body(body: bytes) -> tuple[str, str]:
    """
    Return an error body's own text and type, each empty if there is none.

    Known shapes are `{"error": {"message", "type"}}`, `{"error": "text"}` and
    `{"message": …}`; of anything else the text itself is shown. Never raises.
    """
    text = body.decode("utf-8", "replace").strip()
    try:
        document = json.loads(text)
    except ValueError:
        return _cut(text), ""
    if not isinstance(document, dict):
        return _cut(text), ""
    error = document.get("error", document)
    if isinstance(error, str):
        return _cut(error), ""
    if not isinstance(error, dict) or not isinstance(error.get("message"), str):
        return _cut(text), ""
    kind = error.get("type") or error.get("code") or ""
    return _cut(error["message"]), kind if isinstance(kind, str) else ""


def _cut(text: str) -> str:
    """Return a text in one line and at most 500 characters."""
    line = " ".join(text.split())
    return line if len(line) <= SHOWN_CHARACTERS else line[:SHOWN_CHARACTERS] + "…"
