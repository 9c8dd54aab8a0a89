"""
The unchanged beginning of fifty requests: how much of it the endpoint's cache can reuse.

A conversation of tool turns against the loopback Kimi, which counts the longest common
prefix of the messages for the same `prompt_cache_key`. In every turn it is loaded from the
disk, gone on with, and saved. What can be cached at most is all messages
of the request before.
"""

import tempfile
from collections.abc import Sequence
from pathlib import Path

from agent.events import Finished
from agent.library import answer, route_for_key
from agent.messages import Message, Options, calls_of, user
from agent.route import Route
from agent.sessions import Sessions
from agent.transport.network import Network
from benchmarks.history import READ, tool_turn
from benchmarks.table import Line
from kimi_mock.replies import Reply
from kimi_mock.server import KimiMock
from kimi_mock.surfaces import SURFACES
from kimi_mock.tokens import BYTES_PER_TOKEN, serialized

TURNS = 50
LEAST = 0.99
_AT = "2026-11-22T00:00:00+00:00"


def main() -> None:
    """Print the line of each surface."""
    for line in prefix_lines():
        print(line.name, line.value, line.detail)


def prefix_lines() -> list[Line]:
    """Return one line for each wire: the lowest share of the four surfaces."""
    lines = []
    with KimiMock() as kimi:
        for wire in ("chat", "messages"):
            shares = [_cached_and_most(kimi, each.id, each.key, wire) for each in SURFACES]
            lines.append(_line(wire, min(shares, key=lambda found: found[0] / found[1])))
    return lines


def _line(wire: str, lowest: tuple[int, int]) -> Line:
    cached, most = lowest
    share = cached / most
    return Line(
        name=f"prefix reused over {TURNS} tool turns, {wire} wire",
        value=f"{share:.2%}",
        limit=f"at least {LEAST:.0%}",
        over=share < LEAST,
        detail=f"{cached:,} of at most {most:,} tokens, the lowest of four surfaces; "
        "saved and loaded in every turn",
    )


def _cached_and_most(kimi: KimiMock, surface: str, key: str, wire: str) -> tuple[int, int]:
    """Return the tokens that the mock says it took from its cache, and the most there are."""
    kimi.reset()
    kimi.count_tokens = True
    kimi.gate_allows.add("hermes-kimi")
    network = Network(proxy_url=kimi.proxy_url, certificate_file=str(kimi.certificate_file))
    host = next(each.host for each in SURFACES if each.id == surface)
    route = next(
        place
        for base_url in _base_urls(key)
        if host in (place := route_for_key(key, base_url=base_url, wire=wire)).url
    )
    cached = 0
    with tempfile.TemporaryDirectory(prefix="hermes-bench-") as folder:
        sessions = Sessions(Path(folder) / "sessions.db")
        session_id = sessions.create(
            directory=Path(folder), provider="kimi", base_url="", model="", at=_AT
        )
        sessions.append(session_id, user("Find where the value is lost."), at=_AT)
        for number in range(TURNS):
            # Every turn begins as a new process would: with what is on the disk.
            messages = sessions.load(session_id)
            finished, result = _turn(kimi, route, network, messages, session_id, number)
            cached += finished.usage.cached_tokens if finished.usage else 0
            for message in (finished.message, result):
                sessions.append(session_id, message, at=_AT)
    sent = [serialized(request.json) for request in kimi.seen]
    # The closing bracket of the list is not part of what follows.
    most = sum((len(before) - 1) // BYTES_PER_TOKEN for before in sent[:-1])
    return cached, most


def _turn(
    kimi: KimiMock,
    route: Route,
    network: Network,
    messages: Sequence[Message],
    cache_key: str,
    number: int,
) -> tuple[Finished, Message]:
    asked, result = tool_turn(number)
    thought, text, _ = asked.parts
    [call] = calls_of(asked)
    function = {"name": call.name, "arguments": call.arguments}
    kimi.replies = [
        Reply.streaming(
            {"reasoning_content": getattr(thought, "text", "")},
            {"signature": f"c2lnbmVk{number:04}"},
            {"content": getattr(text, "text", "")},
            {"tool_calls": [{"index": 0, "id": call.id, "type": "function", "function": function}]},
            finish_reason="tool_calls",
        )
    ]
    finished = answer(route, network, messages, [READ], options=Options(cache_key=cache_key))
    return finished, result


def _base_urls(key: str) -> list[str]:
    endpoints = route_for_key(key).provider.value.endpoints
    return [endpoint.base_urls[0][1] for endpoint in endpoints]


if __name__ == "__main__":
    main()
