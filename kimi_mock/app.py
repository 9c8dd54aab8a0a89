"""The four surfaces as one ASGI application: record, check in the endpoint's order, answer."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from starlette.requests import Request
from starlette.responses import Response, StreamingResponse
from starlette.types import Receive, Scope, Send

from kimi_mock import account, checks, control, figures, refusals, surfaces
from kimi_mock.manner import next_reply
from kimi_mock.refusals import Refused
from kimi_mock.rendering import chat_events, chat_object, frame, message_events, message_object
from kimi_mock.replies import JSON_TYPE, Answer, HungUp, Raw, Reply, compact_json
from kimi_mock.state import KimiState, SeenRequest, SentHeaders
from kimi_mock.surfaces import Surface, Wire
from kimi_mock.turn import Turn

CONTROL_PREFIX = "/__mock__/"


class ConnectionCut(Exception):
    """Leaves a body unfinished; uvicorn closes the connection on it."""


@dataclass(frozen=True, kw_only=True)
class Arrived:
    """A request as it reached one surface; `number` counts all requests from 1."""

    surface: Surface
    seen: SeenRequest
    number: int

    @property
    def wire(self) -> Wire:
        """The wire of the path: all but the one of messages are the chat wire's."""
        return "messages" if self.seen.path == self.surface.messages_path else "chat"


class KimiApplication:
    """
    Answers for all four surfaces out of one state.

    Nothing but a counted switch is used up by a refused request.
    """

    def __init__(self, state: KimiState) -> None:
        self._state = state
        self._in_flight = 0

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Record the request, then answer it."""
        request = Request(scope, receive)
        body = await request.body()
        proxied = request.url.scheme == "https"
        if request.url.path.startswith(CONTROL_PREFIX) and not proxied:
            await control.answer(self._state, request, body)(scope, receive, send)
            return
        surface, path = _surface_of(request)
        seen = SeenRequest(
            surface=surface.id,
            method=request.method,
            path=path,
            query=request.url.query,
            headers=_sent_headers(scope),
            body=body,
            proxied=proxied,
        )
        self._state.seen.append(seen)
        arrived = Arrived(surface=surface, seen=seen, number=len(self._state.seen))
        response = self._answer(arrived)
        if response is None:
            scope["state"]["abort"]()
            await receive()
            return
        response.headers.setdefault(
            "x-trace-id" if surface.plan else "Msh-Request-Id", f"mock-{arrived.number:04d}"
        )
        # Only an answer that takes its time counts as one of the requests at the same time.
        counted = int(isinstance(response, StreamingResponse))
        self._in_flight += counted
        try:
            await response(scope, receive, send)
        finally:
            self._in_flight -= counted

    def _answer(self, arrived: Arrived) -> Response | None:
        """Return the response, or None to hang up."""
        try:
            return self._routed(arrived)
        except Refused as refused:
            response = _json_response(refused.status, refused.body(arrived.wire))
            if refused.retry_after:
                response.headers["Retry-After"] = refused.retry_after
            return response

    def _routed(self, arrived: Arrived) -> Response | None:
        surface, seen = arrived.surface, arrived.seen
        turns = {("POST", surface.chat_path), ("POST", surface.messages_path)}
        asked = (seen.method, seen.path)
        if asked in turns:
            return self._turn(arrived)
        if asked == ("GET", surface.models_path):
            return self._models(arrived)
        figure = self._figure(arrived)
        if figure is None:
            raise refusals.path_unknown()
        return _json_response(200, figure)

    def _models(self, arrived: Arrived) -> Response | None:
        account.check_key(self._state, arrived.surface, arrived.seen)
        if self._state.replies_to_models:
            return _rendered(self._state.replies_to_models.pop(0), None)
        rows = account.rows_for(self._state, arrived.surface)
        return _json_response(200, {"object": "list", "data": rows})

    def _turn(self, arrived: Arrived) -> Response | None:
        turn = checks.admit(
            self._state,
            arrived.surface,
            arrived.wire,
            arrived.seen,
            number=arrived.number,
            in_flight=self._in_flight,
        )
        return _rendered(next_reply(self._state, turn), turn)

    def _figure(self, arrived: Arrived) -> dict[str, Any] | None:
        """Return the body of what an account may ask about itself, or None for no such path."""
        surface, seen = arrived.surface, arrived.seen
        place = seen.path.removeprefix(surface.chat_base)
        figures_here = PLAN_FIGURES if surface.plan else PLATFORM_FIGURES
        if not seen.path.startswith(surface.chat_base) or (seen.method, place) not in figures_here:
            return None
        account.check_key(self._state, surface, seen)
        match place:
            case "/usages":
                return figures.usages(self._state, datetime.now(UTC))
            case "/users/me/balance":
                return figures.balance(self._state)
            case _:
                return self._token_count(arrived)

    def _token_count(self, arrived: Arrived) -> dict[str, Any]:
        body = checks.json_object(arrived.seen.body)
        turn = Turn(
            surface=arrived.surface,
            wire="chat",
            body=body,
            number=arrived.number,
            key="",
            switches=self._state,
        )
        account.check_model(self._state, turn)
        return figures.token_count(body)


PLAN_FIGURES = frozenset({("GET", "/usages")})
PLATFORM_FIGURES = frozenset(
    {("GET", "/users/me/balance"), ("POST", "/tokenizers/estimate-token-count")}
)


def _surface_of(request: Request) -> tuple[Surface, str]:
    """Return the surface and the path on it: by `/at/<id>`, by host name, or by the path."""
    path = request.url.path
    if path.startswith("/at/"):
        name, _, rest = path.removeprefix("/at/").partition("/")
        if named := surfaces.find_surface(name):
            return named, f"/{rest}"
    if hosted := surfaces.surface_at(request.url.hostname or ""):
        return hosted, path
    return (surfaces.KIMI_CODE if path.startswith("/coding") else surfaces.MOONSHOT), path


def _sent_headers(scope: Scope) -> SentHeaders:
    """Return the headers as our protocol class noted them."""
    pairs = scope["state"]["sent_headers"]
    return SentHeaders(
        tuple((name.decode("latin-1"), value.decode("latin-1")) for name, value in pairs)
    )


def _json_response(status: int, value: Any) -> Response:
    # A lone surrogate of the request, echoed in a refusal, cannot be written as it is.
    text = compact_json(value).encode("utf-8", "replace")
    return Response(text, status, {"Content-Type": JSON_TYPE})


def _rendered(reply: Reply, turn: Turn | None) -> Response | None:
    """Return the reply's response; a model's answer to no turn is an empty 200."""
    match reply.content:
        case HungUp():
            return None
        case Raw() as raw:
            response = StreamingResponse(_raw_chunks(raw), raw.status)
            response.raw_headers = [
                (name.encode("latin-1"), value.encode("latin-1")) for name, value in raw.headers
            ]
            return response
        case Answer() as answer:
            if turn is None:
                return Response(b"")
            if turn.body.get("stream") is True:
                headers = {"Content-Type": "text/event-stream", "Cache-Control": "no-cache"}
                return StreamingResponse(_event_chunks(answer, turn), 200, headers)
            whole = chat_object if turn.wire == "chat" else message_object
            return _json_response(200, whole(answer, turn.asked))


async def _raw_chunks(raw: Raw) -> AsyncIterator[bytes]:
    for chunk in raw.chunks:
        yield chunk
    if raw.cut:
        raise ConnectionCut


async def _event_chunks(answer: Answer, turn: Turn) -> AsyncIterator[bytes]:
    """Yield the stream's bytes, one event at a time, and cut it where the answer says."""
    left = answer.cut_after
    events = chat_events if turn.wire == "chat" else message_events
    for position, event in enumerate(events(answer, turn.asked)):
        wait_seconds = answer.pause_seconds if position else 0.0
        if position == answer.stall_at and answer.stall_seconds:
            wait_seconds = answer.stall_seconds
        if wait_seconds:
            await asyncio.sleep(wait_seconds)
        framed = frame(event, answer)
        if left is None:
            yield framed
        elif len(framed) < left:
            left -= len(framed)
            yield framed
        else:
            yield framed[:left]
            raise ConnectionCut
    if answer.cut_at_end:
        raise ConnectionCut
