"""A Route and messages → events: one request a prompt, two where the endpoint moves us."""

from collections.abc import AsyncGenerator, Sequence
from contextlib import AsyncExitStack, aclosing
from datetime import UTC, datetime
from typing import Self
from urllib.parse import urlsplit

import msgspec

from agent.atlas import classify, in_stream
from agent.catalog.rows import Wire
from agent.errors import IdentityRefused, ServerFailed
from agent.estimate import tokens_at_most
from agent.events import Event, WireMoved
from agent.keys import ApiKey
from agent.learnt import Learnt, LiveModel
from agent.messages import Message
from agent.route import Origin, Route
from agent.transport.http import Http, HttpAnswer, HttpRequest, request_sent
from agent.transport.network import Network
from agent.transport.sse import SseParser
from agent.wire.base import StreamError, StreamReader
from agent.wire.chat_request import chat_body, chat_headers
from agent.wire.chat_stream import ChatReader
from agent.wire.messages_request import messages_body, messages_headers
from agent.wire.messages_stream import MessagesReader

SMALLEST_BUDGET_TOKENS = 1_024
"""What an answer may at least have, however full the window is."""

DEMANDED_BUDGET_TOKENS = 16_384
"""What we name where the wire demands a budget and no row knows one."""


class _Entry(msgspec.Struct, frozen=True):
    id: str
    context_length: int | None = None


class _ModelList(msgspec.Struct, frozen=True):
    data: list[_Entry]


class Client:
    """
    Asks one Route; an asynchronous context manager.

    `route` is the Route in use: it is replaced whole when the endpoint refuses our name
    on a wire that it is known to guard, and `learnt` remembers the wire that worked.
    """

    def __init__(self, route: Route, network: Network, *, learnt: Learnt | None = None) -> None:
        self.route = route
        self._network = network
        self._learnt = learnt
        self._resources = AsyncExitStack()
        self._http = Http(network)
        self._reader: StreamReader | None = None

    async def __aenter__(self) -> Self:
        """Return itself; nothing is sent before the first prompt."""
        await self._resources.enter_async_context(self._http)
        return self

    async def __aexit__(self, *_: object) -> None:
        """Close every connection."""
        await self._resources.aclose()

    def partial(self) -> Message:
        """Return what has come of the answer under way, or of the one that broke off."""
        return self._reader.partial() if self._reader else Message("assistant", ())

    async def stream(self, messages: Sequence[Message]) -> AsyncGenerator[Event]:
        """
        Send the conversation and yield what happens, to the Finished at the end.

        One HTTP request; two if the endpoint refuses our name on this wire and has
        another; a wire that the user's own setting names stays. Raises ProviderError,
        NetworkError or ConfigurationError.
        """
        self._reader = None
        moved = False
        while True:
            try:
                async with aclosing(self._ask(messages)) as events:
                    async for event in events:
                        yield event
            except IdentityRefused as refusal:
                wire = self._other_wire()
                if moved or wire is None:
                    raise
                moved = True
                refused = self.route.wire.value
                self.route = self.route.on_wire(
                    wire, origin=Origin.REMEMBERED, where="the endpoint refused our name just now"
                )
                yield WireMoved(refused=refused, taken=wire, url=self.route.url, said=refusal.said)
            else:
                if moved and self._learnt is not None:
                    self._learnt.remember_wire(
                        self.route.chat_base_url, self.route.wire.value, at=_now()
                    )
                return

    async def list_models(self) -> tuple[LiveModel, ...]:
        """Ask the endpoint for the models of this key. Raises as `stream` does."""
        request = HttpRequest("GET", self.route.models_url, key=self._key)
        async with self._http.send(request) as answer:
            body = await answer.read(16 * 1024 * 1024)
            if answer.status != 200:
                raise self._refusal(answer, body)
        try:
            entries = msgspec.json.decode(body, type=_ModelList).data
        except (msgspec.DecodeError, UnicodeDecodeError) as error:
            raise ServerFailed(
                f"{self._place} sent a model list that cannot be read: {error}.",
                remedy="`hermes models` shows the shipped list.",
                status=answer.status,
            ) from error
        return tuple(LiveModel(e.id, e.context_length or None) for e in entries if e.id)

    async def _ask(self, messages: Sequence[Message]) -> AsyncGenerator[Event]:
        """Send one request and yield its events."""
        request = self._request(messages)
        yield request_sent(request, self._network)
        async with self._http.send(request) as answer:
            yield answer.began
            if answer.status != 200:
                raise self._refusal(answer, await answer.read())
            parser, reader = SseParser(), _reader_for(self.route.wire.value)
            self._reader = reader
            try:
                async for chunk in answer.chunks():
                    for event in reader.read_all(parser.feed(chunk)):
                        yield event
                    if reader.ended:
                        break
                for event in reader.read_all(parser.finish()):
                    yield event
            except StreamError as error:
                raise in_stream(error.said, error.kind, endpoint=self._place) from None
            yield reader.finish()

    def _request(self, messages: Sequence[Message]) -> HttpRequest:
        """Return the request of the Route's wire."""
        route = self.route
        row_budget = route.output_tokens
        room = max(route.window.value - tokens_at_most(messages), SMALLEST_BUDGET_TOKENS)
        if route.wire.value == "messages":
            body = messages_body(
                messages,
                model=route.model_id_sent,
                max_tokens=min(row_budget or DEMANDED_BUDGET_TOKENS, room),
            )
            return HttpRequest("POST", route.url, messages_headers(), body, self._key)
        body = chat_body(
            messages,
            model=route.model_id_sent,
            max_completion_tokens=min(row_budget, room) if row_budget else None,
            replay_reasoning="replay-reasoning" in route.endpoint.quirks,
        )
        return HttpRequest("POST", route.url, chat_headers(), body, self._key)

    def _other_wire(self) -> Wire | None:
        """Return the wire to go to when the endpoint refuses our name on this one, if any."""
        route = self.route
        guarded = route.wire.value in route.endpoint.refuses_unknown_clients
        if not guarded or route.wire.origin is Origin.CONFIG:
            return None
        free = set(route.endpoint.wires) - set(route.endpoint.refuses_unknown_clients)
        return next((wire for wire in route.endpoint.wires if wire in free), None)

    def _refusal(self, answer: HttpAnswer, body: bytes) -> Exception:
        return classify(
            answer.status,
            body,
            endpoint=self._place,
            request_id=answer.header("msh-request-id") or answer.header("x-trace-id"),
            location=answer.header("location"),
        )

    @property
    def _place(self) -> str:
        """The host that is asked, as messages name it."""
        return urlsplit(self.route.url).netloc

    @property
    def _key(self) -> ApiKey | None:
        return self.route.key.value if self.route.key else None


def _reader_for(wire: Wire) -> StreamReader:
    return MessagesReader() if wire == "messages" else ChatReader()


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="seconds")
