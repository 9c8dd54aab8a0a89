"""Turns that follow each other share a connection: a handshake is paid for once."""

import asyncio

from agent.client import Client
from agent.messages import Message, text_of, user
from agent.transport.network import Network
from kimi_mock.server import KimiMock
from tests.agent.http_server import serving
from tests.turn.asking import network, route


def test_turns_of_one_client_share_a_connection(kimi: KimiMock) -> None:
    """After the end mark the body's end is read too; else every turn would open a tunnel anew."""

    async def talk() -> None:
        async with Client(route(), network(kimi)) as client:
            for _ in range(3):
                async for _ in client.stream([user("hi")]):
                    pass

    asyncio.run(talk())

    assert (len(kimi.seen), len(kimi.connects)) == (3, 1)


def test_a_body_that_never_ends_does_not_hold_the_answer() -> None:
    """An endpoint that keeps the body open after its end mark costs a tenth of a second."""
    whole = b'data: {"choices":[{"delta":{"content":"Hi."}}]}\n\ndata: [DONE]\n\n'
    head = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"

    async def hold(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"%b%x\r\n%b\r\n" % (head, len(whole), whole))
        await reader.read()

    async def talk() -> Message:
        async with serving(hold) as served:
            where = route(url=f"http://127.0.0.1:{served.port}/v1")
            async with Client(where, Network()) as client:
                async for _ in client.stream([user("hi")]):
                    pass
                return client.partial()

    assert text_of(asyncio.run(asyncio.wait_for(talk(), 2))) == "Hi."
