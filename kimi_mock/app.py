"""The four surfaces as one ASGI application: record, check in the endpoint's order, answer."""

import asyncio
import json
from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Any

from starlette.requests import Request
from starlette.responses import Response, StreamingResponse
from starlette.types import Receive, Scope, Send

from kimi_mock import surfaces
from kimi_mock.rendering import (
    Asked,
    chat_events,
    chat_object,
    frame,
    message_events,
    message_object,
)
from kimi_mock.replies import DEFAULT_REPLY, JSON_TYPE, Answer, HungUp, Raw, Reply, compact_json
from kimi_mock.state import KimiState, SeenRequest, SentHeaders
from kimi_mock.surfaces import Refusal, Surface, Wire


class ConnectionCut(Exception):
    """Leaves a body unfinished; uvicorn closes the connection on it."""


@dataclass(frozen=True, kw_only=True)
class Turn:
    """A request for a turn whose body is an object."""

    surface: Surface
    wire: Wire
    body: dict[str, Any]
    number: int

    @property
    def model(self) -> str:
        """The id asked for, as it was typed."""
        return str(self.body.get("model", ""))

    @property
    def asked(self) -> Asked:
        """What of the request shapes the answer."""
        options = self.body.get("stream_options")
        include = isinstance(options, dict) and options.get("include_usage") is True
        return Asked(model=self.model, number=self.number, include_usage=include)


class KimiApplication:
    """
    Answers for all four surfaces out of one state.

    The order on the platforms is key, JSON, model, parameters, messages; on the plan's chat
    path the gate comes after the key (contract 12). Nothing is used up by a refused request.
    """

    def __init__(self, state: KimiState) -> None:
        self._state = state

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Record the request, then answer it."""
        request = Request(scope, receive)
        surface, path = _surface_of(request)
        seen = SeenRequest(
            surface=surface.id,
            method=request.method,
            path=path,
            query=request.url.query,
            headers=_sent_headers(scope),
            body=await request.body(),
            proxied=request.url.scheme == "https",
        )
        self._state.seen.append(seen)
        number = len(self._state.seen)
        response = self._answer(surface, seen, number)
        if response is None:
            scope["state"]["abort"]()
            await receive()
            return
        response.headers.setdefault(
            "x-trace-id" if surface.plan else "Msh-Request-Id", f"mock-{number:04d}"
        )
        await response(scope, receive, send)

    def _answer(self, surface: Surface, seen: SeenRequest, number: int) -> Response | None:
        """Return the response, or None to hang up."""
        match (seen.method, seen.path):
            case ("GET", surface.models_path):
                return self._models(surface, seen)
            case ("POST", surface.chat_path):
                return self._turn(surface, "chat", seen, number)
            case ("POST", surface.messages_path):
                return self._turn(surface, "messages", seen, number)
            case _:
                return _refused(surfaces.path_unknown())

    def _models(self, surface: Surface, seen: SeenRequest) -> Response | None:
        if refusal := self._key_refusal(surface, "chat", seen):
            return _refused(refusal)
        if self._state.replies_to_models:
            return _rendered(self._state.replies_to_models.pop(0), None)
        return _json_response(200, {"object": "list", "data": self._state.models[surface.id]})

    def _turn(
        self, surface: Surface, wire: Wire, seen: SeenRequest, number: int
    ) -> Response | None:
        refusal = self._key_refusal(surface, wire, seen)
        if refusal is None and wire == "chat":
            refusal = self._gate_refusal(surface, seen)
        if refusal is not None:
            return _refused(refusal)
        body = _json_object(seen.body)
        if body is None:
            return _refused(surfaces.request_refused(wire, "the body must be a JSON object"))
        turn = Turn(surface=surface, wire=wire, body=body, number=number)
        if refusal := self._model_refusal(turn) or _body_refusal(turn):
            return _refused(refusal)
        replies = self._state.replies
        return _rendered(replies.pop(0) if replies else DEFAULT_REPLY, turn)

    def _key_refusal(self, surface: Surface, wire: Wire, seen: SeenRequest) -> Refusal | None:
        key = _key_of(seen.headers)
        if key in self._state.keys[surface.id]:
            return None
        return surfaces.key_refused(surface, wire, sent=bool(key))

    def _gate_refusal(self, surface: Surface, seen: SeenRequest) -> Refusal | None:
        product = seen.headers.get("User-Agent", "").partition("/")[0]
        if not surface.plan or product in self._state.gate_allows:
            return None
        return surfaces.gate_refused()

    def _model_refusal(self, turn: Turn) -> Refusal | None:
        known = {row["id"] for row in self._state.models[turn.surface.id]}
        if self._state.accept_any_model or turn.model in known:
            return None
        return surfaces.model_refused(turn.surface, turn.wire, turn.model)


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


def _key_of(headers: SentHeaders) -> str:
    """Return the Bearer token or `x-api-key`; empty if neither came."""
    scheme, _, token = headers.get("Authorization", "").partition(" ")
    if scheme.lower() == "bearer":
        return token.strip()
    return headers.get("x-api-key", "")


def _json_object(body: bytes) -> dict[str, Any] | None:
    try:
        value = json.loads(body)
    except ValueError:
        return None
    return value if isinstance(value, dict) else None


def _body_refusal(turn: Turn) -> Refusal | None:
    """Return what is wrong with the parameters, then with the messages."""
    if turn.wire == "chat":
        thinking = turn.body.get("thinking")
        off = isinstance(thinking, dict) and thinking.get("type") == "disabled"
        for name, usual in surfaces.PINNED_SAMPLING:
            without = off and name == "temperature"
            pinned = surfaces.TEMPERATURE_WITHOUT_THINKING if without else usual
            if turn.body.get(name, pinned) != pinned:
                return surfaces.sampling_refused(name, pinned)
    messages = turn.body.get("messages")
    if not isinstance(messages, list) or not messages:
        return surfaces.request_refused(turn.wire, "messages must not be empty")
    return None


def _json_response(status: int, value: Any) -> Response:
    return Response(compact_json(value), status, {"Content-Type": JSON_TYPE})


def _refused(refusal: Refusal) -> Response:
    status, body = refusal
    return _json_response(status, body)


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
    wait_seconds = answer.stall_seconds
    events = chat_events if turn.wire == "chat" else message_events
    for event in events(answer, turn.asked):
        if wait_seconds:
            await asyncio.sleep(wait_seconds)
        wait_seconds = answer.pause_seconds
        framed = frame(event, answer)
        if left is None:
            yield framed
        elif len(framed) < left:
            left -= len(framed)
            yield framed
        else:
            yield framed[:left]
            raise ConnectionCut
