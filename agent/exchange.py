"""One request and its answer over a Route: bytes out, events in; nothing is tried twice."""

import time
from urllib.parse import urlsplit

from agent.atlas import Asked, classify, in_stream
from agent.base_url import hide_password
from agent.catalog.rows import EndpointRow, Wire
from agent.choice import Origin
from agent.errors import HermesError, ProviderError
from agent.estimate import Count, tokens_at_most
from agent.events import Event, Finished, TextDelta, ThinkDelta, ToolCallReady
from agent.keys import ApiKey
from agent.route import Route
from agent.transport.http import HttpAnswer, HttpRequest
from agent.transport.retry import retry_after_seconds
from agent.transport.sse import SseParser
from agent.turn import Turn
from agent.wire.base import Shape, StreamError, StreamReader
from agent.wire.chat_request import chat_body, chat_headers
from agent.wire.chat_stream import ChatReader
from agent.wire.messages_request import messages_body, messages_headers
from agent.wire.messages_stream import MessagesReader
from agent.wire.tools import names_read
from agent.wire.turns import Memory

SMALLEST_BUDGET_TOKENS = 1_024
"""What an answer may at least have, however full the window is."""

DEMANDED_BUDGET_TOKENS = 16_384
"""What we name where the wire demands a budget and no row knows one."""


class Exchange:
    """
    One request of a turn over a Route, and what is read of its answer.

    `reader` holds what has come; `finished` is set by `end`. Tool calls are held back until
    the answer is whole: a call of a cut answer never reaches who would run it.
    """

    def __init__(self, route: Route, turn: Turn, memory: Memory) -> None:
        shape = _shape(route, turn, memory)
        self.route = route
        self.turn = turn
        self.request = _request(route, turn, shape, memory)
        self.reader = _reader_for(route.wire.value, names_read(turn.tools, shape))
        self.finished: Finished
        self._key = self.request.key or ApiKey("")
        self._parser = SseParser()
        self._calls: list[Event] = []
        self._failure: HermesError | None = None

    async def check(self, answer: HttpAnswer) -> None:
        """Raise the refusal of an answer whose status is not 200."""
        if answer.status != 200:
            raise refusal(self.route, answer, await answer.read())

    def read(self, chunk: bytes) -> list[Event]:
        """Return the events of some bytes that have not been shown before; never raises."""
        return self._read(self._parser, chunk)

    @property
    def over(self) -> bool:
        """Whether nothing more is to be read: the end mark came, or what cannot be read."""
        return self.reader.ended or self._failure is not None

    def rest(self) -> list[Event]:
        """Return the events of what the bytes ended in; never raises."""
        return [] if self.over else self._read(self._parser, None)

    def end(self) -> list[Event]:
        """
        Return the calls that were held back, and note the end.

        Raises what stopped the reading, and AnswerCutShort if the end mark never came.
        """
        if self._failure is not None:
            raise self._failure
        try:
            self.finished = self.reader.finish()
        except HermesError as error:
            raise self._without_key(error) from None
        return self._calls

    def _without_key(self, error: HermesError) -> HermesError:
        """Return an error that quotes what came, with the fingerprint where the key stands."""
        error.message = self._key.hide_in(error.message)
        error.args = (error.message,)
        return error

    def _read(self, parser: SseParser, chunk: bytes | None) -> list[Event]:
        events: list[Event] = []
        try:
            payloads = parser.finish() if chunk is None else parser.feed(chunk)
            self.reader.read_all(payloads, events)
        except StreamError as error:
            said, kind = self._key.hide_in(error.said), self._key.hide_in(error.kind)
            self._failure = in_stream(said, kind, endpoint=place_of(self.route))
        except HermesError as error:
            self._failure = self._without_key(error)
        if self.turn.tools or self.turn.repeats:
            return [new for event in events if (new := self._fresh(event))]
        return events

    def _fresh(self, event: Event) -> Event | None:
        """Return what of an event is new, or None; a tool call waits for the end."""
        match event:
            case ToolCallReady():
                self._calls.append(event)
                return None
            case TextDelta():
                text = self.turn.text.fresh(event.text)
                return TextDelta(text) if text else None
            case ThinkDelta():
                text = self.turn.thought.fresh(event.text)
                return ThinkDelta(text) if text else None
            case _:
                return event


def _request(route: Route, turn: Turn, shape: Shape, memory: Memory) -> HttpRequest:
    """Return the request of the Route's wire."""
    tools, options = turn.tools, turn.options
    key, key_header = key_of(route), route.endpoint.key_header
    if route.wire.value == "messages":
        body = messages_body(turn.messages, shape, tools=tools, options=options, memory=memory)
        return HttpRequest("POST", route.url, messages_headers(), body, key, key_header)
    body = chat_body(
        turn.messages, shape, tools=tools, options=options, continue_from=turn.came, memory=memory
    )
    return HttpRequest("POST", route.url, chat_headers(), body, key, key_header)


def _shape(route: Route, turn: Turn, memory: Memory) -> Shape:
    """Return what the wires must know of the Route; a budget only where one is known or needed."""
    demanded = DEMANDED_BUDGET_TOKENS if route.wire.value == "messages" else None
    wanted = turn.options.budget_tokens or route.output_tokens or demanded
    return Shape(
        model=route.model_id_sent,
        row=route.row_sent,
        quirks=route.endpoint.quirks,
        budget_tokens=min(wanted, room_tokens(route, turn, memory.tokens)) if wanted else None,
        reasoning_filler=turn.reasoning_filler,
    )


def room_tokens(route: Route, turn: Turn, count: Count | None = None) -> int:
    """Return how many tokens an answer may have beside the turn's messages, counted in `count`."""
    window = route.window.value
    tokens = (count or Count()).at_most(turn.messages, window)
    if turn.came is not None:
        tokens += tokens_at_most([turn.came])
    return max(window - tokens, SMALLEST_BUDGET_TOKENS)


def refusal(route: Route, answer: HttpAnswer, body: bytes) -> ProviderError:
    """Return the error of an answer whose status is not 200."""
    key = route.key
    # The next run has a key that a flag named only with that flag.
    option = key.name if key is not None and key.origin is Origin.FLAG else ""
    asked = Asked(
        endpoint=route.endpoint,
        model=route.model_id_sent,
        offered=tuple(each.id for each in route.live.models) if route.live else (),
        key_product=route.key_product,
        accepted_at=_accepted_at(route),
        is_named=route.base_url.origin.is_users,
        chat=f"hermes chat {option}".rstrip(),
    )
    return classify(
        answer.status,
        body,
        endpoint=place_of(route),
        request_id=answer.header("msh-request-id") or answer.header("x-trace-id"),
        # A redirect may repeat what we sent in its `?`.
        location=hide_password(answer.header("location").partition("?")[0]),
        retry_after_seconds=retry_after_seconds(answer.header("retry-after"), now=time.time()),
        asked=asked,
    )


def _accepted_at(route: Route) -> EndpointRow | None:
    """Return the endpoint that is known to have taken the Route's key, or None."""
    if route.live is not None:
        return route.endpoint
    named = route.place.endpoint if route.place and not route.place.doubted else ""
    return next((row for row in route.provider.value.endpoints if row.id == named), None)


def place_of(route: Route) -> str:
    """Return the host that is asked, as messages name it."""
    return urlsplit(route.url).netloc


def key_of(route: Route) -> ApiKey | None:
    """Return the key of a Route, if it has one. Raises EgressRefused, with who named its host."""
    if (refused := route.egress_error) is not None:
        raise refused
    return route.key.value if route.key else None


def _reader_for(wire: Wire, names: dict[str, str]) -> StreamReader:
    return MessagesReader(names) if wire == "messages" else ChatReader(names)
