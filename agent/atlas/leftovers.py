"""Rows for what a status still says when no text and no type is known: nobody knows the reason."""

from agent.atlas.rows import BodyRow
from agent.errors import (
    AccessRefused,
    KeyRefused,
    NotFound,
    ProviderError,
    QuotaExhausted,
    RateLimited,
    RequestRefused,
    ServerFailed,
)

_SENT = "`hermes chat --debug` shows what was sent and what came back."

LEFTOVERS: tuple[BodyRow, ...] = (
    BodyRow(
        id="unknown-401",
        statuses=(401,),
        known=False,
        error=KeyRefused,
        meaning="refused the key or what it asks for, in words that are not known",
        remedy="`hermes status` names the key and the endpoint; `hermes setup` takes another.",
        source="RFC 9110, section 15.5.2",
    ),
    BodyRow(
        id="unknown-402",
        statuses=(402,),
        known=False,
        error=QuotaExhausted,
        meaning="asks for money, in words that are not known",
        remedy="`hermes usage` shows the plan or the balance.",
        console="The account is at {}.",
        source="RFC 9110, section 15.5.3",
    ),
    BodyRow(
        id="unknown-403",
        statuses=(403,),
        known=False,
        error=AccessRefused,
        meaning="refused access, in words that are not known",
        remedy="`hermes explain` shows which key went where.",
        source="RFC 9110, section 15.5.4",
    ),
    BodyRow(
        id="unknown-404",
        statuses=(404,),
        known=False,
        error=NotFound,
        meaning="has no such model or no such address, in words that are not known",
        remedy="`hermes explain` shows the base URL and where it came from; "
        "`hermes models --refresh` lists the models.",
        source="RFC 9110, section 15.5.5",
    ),
    BodyRow(
        id="unknown-429",
        statuses=(429,),
        known=False,
        error=RateLimited,
        meaning="takes no more requests, in words that are not known",
        remedy="Ask again later; `hermes usage` shows whether a quota is used up.",
        source="RFC 6585, section 4",
    ),
    BodyRow(
        id="unknown-request",
        statuses=(400, 422),
        known=False,
        error=RequestRefused,
        meaning="refused the request, in words that are not known",
        remedy=_SENT,
        source="RFC 9110, section 15.5.1",
    ),
    BodyRow(
        id="unknown-4xx",
        statuses=tuple(range(400, 500)),
        known=False,
        error=RequestRefused,
        meaning="refused the request, with a status that is not known",
        remedy=_SENT,
        source="RFC 9110, section 15.5",
    ),
    BodyRow(
        id="unknown-status",
        statuses=tuple(range(1000)),
        known=False,
        error=ProviderError,
        meaning="gave an answer that is not known",
        remedy="`hermes chat --debug` shows its head.",
        source="RFC 9110, section 15",
    ),
)
"""The last rows, tried in this order when no other one fits; the very last fits every status."""

IN_STREAM = BodyRow(
    id="error-in-stream",
    statuses=(200,),
    says=("broke off with an error",),
    error=ServerFailed,
    meaning="broke off with an error",
    remedy="What came was kept. Ask again; `hermes chat --debug` shows what came back.",
    source="no capture is known; told like the same error outside a stream where a text fits",
)
"""An error object inside a stream that began with 200, in words that no other row knows."""
