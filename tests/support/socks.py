"""A SOCKS5 server on loopback that reaches loopback and nothing else."""

import asyncio
import contextlib
import ipaddress
from collections.abc import AsyncIterator, Mapping
from types import TracebackType

from kimi_mock.loops import LOOPBACK, LoopThread, listening, loopback_listener, tunnel

Address = tuple[str, int]

GRANTED, NOT_ALLOWED, COMMAND_UNKNOWN, KIND_UNKNOWN = 0, 2, 7, 8
CONNECT = 1
IPV4, NAME, IPV6 = 1, 3, 4
ADDRESS_BYTES = {IPV4: 4, IPV6: 16}


class SocksServer:
    """
    A SOCKS5 proxy for CONNECT without authentication: `with SocksServer() as socks:`.

    `routes` says where a `host:port` really is, such as the mock's `tls_address` for a Kimi
    name; other targets must be loopback and are otherwise refused. `connections` counts the
    clients that came, `targets` holds the `host:port` each asked for. Source: RFC 1928.
    """

    def __init__(self, routes: Mapping[str, Address] | None = None) -> None:
        self.routes = dict(routes or {})
        self.connections = 0
        self.targets: list[str] = []
        self._listener = loopback_listener()
        self._port: int = self._listener.getsockname()[1]
        self._thread = LoopThread(self._serving)

    @property
    def url(self) -> str:
        """The proxy's URL, for `ALL_PROXY`."""
        return f"socks5://{LOOPBACK}:{self._port}"

    def __enter__(self) -> "SocksServer":
        """Serve from a thread."""
        self._thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        failure: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Cut every connection and join the thread."""
        self._thread.stop()

    @contextlib.asynccontextmanager
    async def _serving(self) -> AsyncIterator[None]:
        async with listening(self._listener, self._handle):
            yield

    async def _handle(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        _, methods = await reader.readexactly(2)
        await reader.readexactly(methods)
        writer.write(b"\x05\x00")
        _, command, _, kind = await reader.readexactly(4)
        target = await _read_target(reader, kind)
        if target is None or command != CONNECT:
            _answer(writer, KIND_UNKNOWN if target is None else COMMAND_UNKNOWN)
            return
        host, port = target
        self.targets.append(f"{host}:{port}")
        address = self.routes.get(f"{host}:{port}") or (target if _is_loopback(host) else None)
        if address is None:
            _answer(writer, NOT_ALLOWED)
            return
        _answer(writer, GRANTED)
        await tunnel(reader, writer, address)


async def _read_target(reader: asyncio.StreamReader, kind: int) -> Address | None:
    """Return host and port, or None for a kind of address that does not exist."""
    if kind == NAME:
        [length] = await reader.readexactly(1)
        host = (await reader.readexactly(length)).decode("ascii")
    elif kind in ADDRESS_BYTES:
        packed = await reader.readexactly(ADDRESS_BYTES[kind])
        host = str(ipaddress.ip_address(packed))
    else:
        return None
    return host, int.from_bytes(await reader.readexactly(2))


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def _answer(writer: asyncio.StreamWriter, code: int) -> None:
    writer.write(bytes((5, code, 0, IPV4)) + bytes(6))
