"""Bytes → the payloads of server-sent events; no I/O."""

from agent.errors import ServerFailed

EVENT_LIMIT_BYTES = 16 * 1024 * 1024
_BYTE_ORDER_MARK = b"\xef\xbb\xbf"


class SseParser:
    """
    Cuts a stream of bytes, arriving in any pieces, into the payloads of its `data:` fields.

    Lines end with CR, LF or CRLF and with nothing else: U+2028 and U+0085 are text.
    Comments and the fields `event`, `id` and `retry` are skipped, as are events without
    data. Payloads stay bytes, so that a character cut in two is whole again.

    Source: HTML Living Standard, 9.2.6 "Interpreting an event stream".
    """

    __slots__ = ("_after_carriage_return", "_opening", "_pending", "_pending_bytes")

    def __init__(self) -> None:
        # The first bytes, until they are known not to be a byte order mark; then None.
        self._opening: bytes | None = b""
        self._after_carriage_return = False
        self._pending: list[bytes] = []
        self._pending_bytes = 0

    def feed(self, data: bytes) -> list[bytes]:
        """
        Take the next bytes and return the payloads of the events that they complete.

        Raises ServerFailed if one event grows above 16 MiB.
        """
        if self._is_one_line(data):
            return [data[6:-2]]
        if self._opening is not None:
            data = self._without_mark(data)
        if b"\r" in data or self._after_carriage_return:
            data = self._with_line_feeds(data)
        if self._pending:
            # The blank line may lie across the cut: the first LF before it, the second after.
            if b"\n\n" not in data and not (data[:1] == b"\n" and self._pending[-1][-1:] == b"\n"):
                self._keep(data)
                return []
            self._keep(data)
            data = b"".join(self._pending)
            self._pending.clear()
            self._pending_bytes = 0
        *blocks, rest = data.split(b"\n\n")
        if rest:
            self._keep(rest)
        return _payloads(blocks)

    def finish(self) -> list[bytes]:
        """Return the payload of a last event that no blank line followed, and forget it."""
        block = b"".join(self._pending) or self._opening or b""
        self._opening = None
        self._pending.clear()
        self._pending_bytes = 0
        return _payloads([block])

    def _is_one_line(self, data: bytes) -> bool:
        """Say whether the bytes are one whole event of one line: a server that flushes sends it."""
        return (
            not self._pending
            and data.startswith(b"data: ")
            and data.endswith(b"\n\n")
            and 6 < data.find(b"\n") == len(data) - 2
            and b"\r" not in data
            and self._opening is None
        )

    def _without_mark(self, data: bytes) -> bytes:
        opening = (self._opening or b"") + data
        if len(opening) < len(_BYTE_ORDER_MARK) and _BYTE_ORDER_MARK.startswith(opening):
            self._opening = opening
            return b""
        self._opening = None
        return opening.removeprefix(_BYTE_ORDER_MARK)

    def _with_line_feeds(self, data: bytes) -> bytes:
        if not data:
            return data
        # A CR at a cut has ended its line already; an LF right after it belongs to the same end.
        if self._after_carriage_return:
            data = data.removeprefix(b"\n")
        self._after_carriage_return = data.endswith(b"\r")
        return data.replace(b"\r\n", b"\n").replace(b"\r", b"\n")

    def _keep(self, data: bytes) -> None:
        if not data:
            return
        self._pending.append(data)
        self._pending_bytes += len(data)
        if self._pending_bytes > EVENT_LIMIT_BYTES:
            raise ServerFailed(
                "The endpoint sent one event of more than 16 MiB, so the answer was given up.",
                remedy="`hermes explain` shows which endpoint this is.",
            )


def _payloads(blocks: list[bytes]) -> list[bytes]:
    payloads = []
    for block in blocks:
        if block.startswith(b"data: ") and b"\n" not in block:
            payload = block[6:]
        else:
            payload = _joined_fields(block)
        if payload:
            payloads.append(payload)
    return payloads


def _joined_fields(block: bytes) -> bytes:
    values = [
        line[5:].removeprefix(b" ") for line in block.split(b"\n") if line.startswith(b"data:")
    ]
    return b"\n".join(values)
