"""An HTTP proxy that connects the four host names to the mock and nothing to anything else."""

import asyncio
from urllib.parse import urlsplit

from kimi_mock.loops import tunnel
from kimi_mock.state import KimiState, PlainRequest, SentHeaders
from kimi_mock.surfaces import SURFACES

CONNECTED = b"HTTP/1.1 200 Connection established\r\n\r\n"
BAD_GATEWAY = b"HTTP/1.1 502 Bad Gateway\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"
SERVED = frozenset(f"{surface.host}:443" for surface in SURFACES)


class MockProxy:
    """Answers CONNECT for the four hosts at port 443; all else gets 502 and is written down."""

    def __init__(self, state: KimiState, tls_address: tuple[str, int]) -> None:
        self._state = state
        self._tls_address = tls_address

    async def handle(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Serve one connection."""
        request_line, *lines = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").split("\r\n")
        method, _, rest = request_line.partition(" ")
        target = rest.partition(" ")[0]
        headers = SentHeaders(tuple(_pair(line) for line in lines if line))
        if method == "CONNECT":
            self._state.connects.append(target)
            if target.lower() in SERVED:
                writer.write(CONNECTED)
                await tunnel(reader, writer, self._tls_address)
                return
        else:
            # Read the body first: an answer before that looks like a broken pipe to the client.
            await reader.readexactly(int(headers.get("Content-Length", "0")))
            self._state.plain_proxied.append(_plain_request(method, target, headers))
        writer.write(BAD_GATEWAY)
        await writer.drain()


def _pair(line: str) -> tuple[str, str]:
    name, _, value = line.partition(":")
    return name, value.strip()


def _plain_request(method: str, target: str, headers: SentHeaders) -> PlainRequest:
    url = urlsplit(target)
    host = url.netloc or headers.get("Host", "")
    path = f"{url.path}?{url.query}" if url.query else url.path
    return PlainRequest(method=method, host=host, path=path, headers=headers)
