"""
The control endpoint, `/__mock__/state`, on the plain listener: switches in, what was seen out.

For tests in other languages; docs/mock.md describes it. It answers loopback names only and no
page of a browser, since what was seen holds conversations.
"""

import hashlib
import json
from dataclasses import fields
from typing import Any

import msgspec
from starlette.requests import Request
from starlette.responses import Response

from kimi_mock import switches
from kimi_mock.replies import JSON_TYPE, Answer, Reply, compact_json
from kimi_mock.state import KimiState, SeenRequest

PATH = "/__mock__/state"
LOOPBACK_NAMES = frozenset({"127.0.0.1", "localhost"})
SECRET_HEADERS = frozenset({"authorization", "x-api-key", "proxy-authorization", "cookie"})
FIELDS = frozenset({"reset", "switches", "replies", "replies_to_models", "forget"})
ANSWER_FIELDS = tuple(sorted(each.name for each in fields(Answer)))


class BadOrder(Exception):
    """A control request that cannot be followed, with the sentence that says why."""


def answer(state: KimiState, request: Request, body: bytes) -> Response:
    """Follow a control request and return the state as it then is, or a 4xx with a sentence."""
    if request.url.hostname not in LOOPBACK_NAMES or "origin" in request.headers:
        return _response(403, {"error": "only programs on this machine may ask"})
    if request.url.path != PATH or request.method not in {"GET", "POST"}:
        return _response(404, {"error": f"GET or POST {PATH}"})
    if request.method == "POST":
        try:
            _follow(state, body)
        except BadOrder as refused:
            return _response(400, {"error": str(refused)})
    return _response(200, report(state))


def report(state: KimiState) -> dict[str, Any]:
    """Return the switches, the requests with their keys as fingerprints, and what is queued."""
    return {
        "switches": switches.as_json(state),
        "replies": len(state.replies),
        "replies_to_models": len(state.replies_to_models),
        "connects": list(state.connects),
        "seen": [_shown(seen) for seen in state.seen],
    }


def fingerprint(key: str) -> str:
    """Return what may be shown of a key: its last four characters and 8 hex of its SHA-256."""
    digest = hashlib.sha256(key.encode()).hexdigest()[:8]
    return f"…{key[-4:]} ({digest})" if len(key) >= 12 else f"({digest})"


def _follow(state: KimiState, body: bytes) -> None:
    """Check all of the order first, so that a refused one changes nothing."""
    order = _decoded(body)
    wanted = order.get("switches", {})
    if not isinstance(wanted, dict):
        raise BadOrder("`switches` must be an object of names and values")
    values = {name: _converted(name, value) for name, value in wanted.items()}
    replies = [_reply(each) for each in _listed(order, "replies")]
    replies_to_models = [_reply(each) for each in _listed(order, "replies_to_models")]
    if order.get("reset") is True:
        state.reset()
    if order.get("forget") is True:
        state.seen.clear()
    for name, value in values.items():
        setattr(state, name, value)
    state.replies += replies
    state.replies_to_models += replies_to_models


def _decoded(body: bytes) -> dict[str, Any]:
    try:
        order = json.loads(body)
    except ValueError as error:
        raise BadOrder(f"the body is no JSON: {error}") from error
    if not isinstance(order, dict):
        raise BadOrder("the body must be a JSON object")
    if unknown := sorted(set(order) - FIELDS):
        raise BadOrder(f"unknown: {', '.join(unknown)}; known: {', '.join(sorted(FIELDS))}")
    return order


def _converted(name: str, value: Any) -> Any:
    try:
        return switches.convert(name, value)
    except KeyError:
        known = ", ".join(switches.SWITCH_NAMES)
        raise BadOrder(f"no switch is called {name}; there are: {known}") from None
    except ValueError as error:
        raise BadOrder(str(error)) from error


def _listed(order: dict[str, Any], name: str) -> list[Any]:
    listed = order.get(name, [])
    if not isinstance(listed, list):
        raise BadOrder(f"`{name}` must be a list")
    return listed


def _reply(order: Any) -> Reply:
    """Return a reply described by `status` and `body`, `hang_up`, `deltas` or `tool_calls`."""
    if not isinstance(order, dict):
        raise BadOrder("a reply must be an object")
    try:
        if "status" in order:
            return Reply.error(int(order["status"]), order.get("body", ""), order.get("headers"))
        if order.get("hang_up") is True:
            return Reply.hang_up()
        return Reply(_model_answer(dict(order)))
    except (TypeError, ValueError, KeyError, AttributeError) as error:
        raise BadOrder(f"a reply cannot be read: {error!r}") from error


def _model_answer(order: dict[str, Any]) -> Answer:
    """Return the answer of a model; raises ValueError and the like for what is none."""
    calls = order.pop("tool_calls", None)
    if calls is not None:
        called = Reply.calling(*((each["name"], each["arguments"]) for each in calls))
        if isinstance(called.content, Answer):
            order["deltas"] = [*order.get("deltas", []), *called.content.deltas]
        order.setdefault("finish_reason", "tool_calls")
    if unknown := sorted(set(order).difference(ANSWER_FIELDS)):
        raise ValueError(f"unknown: {', '.join(unknown)}; known: {', '.join(ANSWER_FIELDS)}")
    return msgspec.convert(order, Answer)


def _shown(seen: SeenRequest) -> dict[str, Any]:
    return {
        "surface": seen.surface,
        "method": seen.method,
        "path": seen.path,
        "query": seen.query,
        "proxied": seen.proxied,
        "headers": [_shown_header(name, value) for name, value in seen.headers.pairs],
        "body": _shown_body(seen.body),
    }


def _shown_header(name: str, value: str) -> list[str]:
    if name.lower() not in SECRET_HEADERS:
        return [name, value]
    scheme, blank, token = value.rpartition(" ")
    return [name, f"{scheme}{blank}{fingerprint(token)}"]


def _shown_body(body: bytes) -> Any:
    """Return the body as the JSON value it is, or as text."""
    try:
        return json.loads(body)
    except ValueError:
        return body.decode("utf-8", "replace")


def _response(status: int, value: Any) -> Response:
    return Response(compact_json(value).encode("utf-8", "replace"), status, media_type=JSON_TYPE)
