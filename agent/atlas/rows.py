"""The types of the atlas: one row is one kind of failure, how it is known and what to do."""

import msgspec

from agent.errors import HermesError, NetworkError, ProviderError


class Row(msgspec.Struct, frozen=True, kw_only=True):
    """
    One kind of failure.

    `id` names it in tests, pages and `hermes why`. `meaning` follows the name of who
    failed: `{endpoint} {meaning}.` `remedy` ends in a command. `says` are texts, in lower
    case, one of which is in what was said. `retry` tells what the error's class cannot:
    that the client asks once more in another way. `source` is a public page or issue.
    """

    id: str
    error: type[HermesError]
    meaning: str
    remedy: str
    source: str
    says: tuple[str, ...] = ()
    retry: str = ""

    def is_said_in(self, text: str) -> bool:
        """Say whether one of the row's texts is in `text`, whatever the case."""
        lower = text.lower()
        return any(says in lower for says in self.says)

    @property
    def retried(self) -> str:
        """Whether the same failure is worth another request, in words."""
        return self.retry or ("yes, with growing pauses" if self.error.retryable else "no")


class BodyRow(Row, frozen=True, kw_only=True):
    """
    One kind of answer that is none.

    It comes with one of the `statuses` and is known by one of its texts or, with
    `by_kind`, by one of its error types alone; without either, the status is enough.
    `kinds` are the types it was seen with. `known` is False for what is left of a status
    when no text fits: then nobody knows the reason. `console` is a sentence about the
    endpoint's console, with `{}` for its address. `field` is the request's field at fault.
    """

    error: type[ProviderError]
    statuses: tuple[int, ...]
    kinds: tuple[str, ...] = ()
    by_kind: bool = False
    known: bool = True
    console: str = ""
    field: str = ""

    def is_named_by(self, kind: str, said: str) -> bool:
        """Say whether a text or a type names this row, whatever the status."""
        return (self.by_kind and kind.lower() in self.kinds) or self.is_said_in(said)

    def fits(self, status: int, kind: str, said: str) -> bool:
        """Say whether an answer is of this kind: status first, then type or text."""
        by_status = not self.says and not self.by_kind
        return status in self.statuses and (by_status or self.is_named_by(kind, said))


class NetworkRow(Row, frozen=True, kw_only=True):
    """One way in which no answer comes, or not all of it; `meaning` is a whole sentence."""

    error: type[NetworkError]
