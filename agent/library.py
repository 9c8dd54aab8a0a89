"""For programs that build on this package: a Route from a key alone, and turns without asyncio."""

import asyncio
from collections import deque
from collections.abc import Generator, Sequence
from contextlib import aclosing, closing
from typing import TypeVar

from agent.catalog import PROVIDERS, find
from agent.choice import Candidate, Chosen, Origin
from agent.client import Client
from agent.detour import Detour
from agent.errors import AuthError
from agent.events import Event, Finished
from agent.keys import ApiKey, check_shape, clean_setting
from agent.learnt import Facts, Learnt
from agent.messages import Message, Options, Tool
from agent.route import Route, Wishes, foreign_vendor, resolve
from agent.transport.network import Network

T = TypeVar("T")


def route_for_key(
    key: str,
    *,
    model: str = "",
    base_url: str = "",
    provider: str = PROVIDERS[0].id,
    wire: str = "",
    facts: Facts | None = None,
) -> Route:
    """
    Return the Route of a key: its endpoint by its prefix, and the provider's default model.

    `wire` is `chat` or `messages`; empty, like every other empty value, is our choice. An
    empty `key` is none, for endpoints that want none. `facts` are what was learnt before
    (`Learnt.read`). Reads no environment and no file, and sends nothing. Raises AuthError
    for an unknown provider or a text that cannot be a key, UsageError for a base URL that
    cannot be used, ConfigurationError for such a wire and where a base URL is needed, and
    UnknownModel for an id that the endpoint is known to lack.
    """
    row = find(provider)
    if row is None:
        raise AuthError(
            f"There is no provider `{provider}`.",
            remedy="`hermes providers` shows them with their variables.",
        )
    text = clean_setting(key)
    keys = (_given(ApiKey(text), "key"),) if text else ()
    if text:
        check_shape(text)
        if vendor := foreign_vendor(row, ApiKey(text)):
            raise AuthError(
                f"This looks like a key of {vendor}, not of {row.name}. Nothing was sent.",
                remedy="`hermes why 401` says what a wrong key looks like.",
            )
    wishes = Wishes(
        keys=keys,
        base_urls=_wish(base_url, "base_url"),
        models=_wish(model, "model"),
        wires=_wish(wire, "wire"),
    )
    route = resolve(Chosen(row, Origin.FLAG, "provider="), wishes, facts or Facts())
    if route.model_error is not None:
        raise route.model_error
    return route


def stream(
    route: Route,
    network: Network,
    messages: Sequence[Message],
    tools: Sequence[Tool] = (),
    *,
    options: Options | None = None,
    learnt: Learnt | None = None,
    detour: Detour | None = None,
) -> Generator[Event]:
    """
    Yield the events of one turn, as `Client.stream` does and with its errors, without `async`.

    The turn runs in an event loop of its own, which stands still while the caller does
    something else, and the connection with it. Closing the generator closes the connection
    at once; so does Ctrl-C. Raises RuntimeError in a thread whose event loop runs: there
    `Client` is the way.
    """
    _refuse_running_loop()
    with asyncio.Runner() as runner:
        client = Client(route, network, learnt=learnt, detour=detour)
        pump = _Pump(client, runner.get_loop())
        pump.start(messages, tools, options)
        while runner.run(pump.more()):
            while pump.waiting:
                yield pump.waiting.popleft()


def answer(
    route: Route,
    network: Network,
    messages: Sequence[Message],
    tools: Sequence[Tool] = (),
    *,
    options: Options | None = None,
    learnt: Learnt | None = None,
    detour: Detour | None = None,
) -> Finished:
    """Return the whole answer of one turn; everything else is as with `stream`."""
    events = stream(route, network, messages, tools, options=options, learnt=learnt, detour=detour)
    with closing(events):
        last = deque(events, maxlen=1).pop()
    if not isinstance(last, Finished):
        raise TypeError(f"a turn ended with {type(last).__name__} instead of Finished")
    return last


class _Pump:
    """Moves a turn's events from its loop into `waiting`, as many at a time as have come."""

    def __init__(self, client: Client, loop: asyncio.AbstractEventLoop) -> None:
        self.waiting: deque[Event] = deque()
        self._client = client
        self._loop = loop
        self._came = asyncio.Event()
        self._task: asyncio.Task[None]

    def start(
        self, messages: Sequence[Message], tools: Sequence[Tool], options: Options | None
    ) -> None:
        """Begin the turn; it goes on while the loop runs."""
        self._task = self._loop.create_task(self._run(messages, tools, options))
        self._task.add_done_callback(self._note_end)

    async def more(self) -> bool:
        """Wait until events are waiting or the turn is over; raise its error, if it had one."""
        while not self.waiting and not self._task.done():
            self._came.clear()
            await self._came.wait()
        if not self.waiting:
            await self._task
        return bool(self.waiting)

    async def _run(
        self, messages: Sequence[Message], tools: Sequence[Tool], options: Options | None
    ) -> None:
        async with (
            self._client as client,
            aclosing(client.stream(messages, tools, options=options)) as events,
        ):
            async for event in events:
                self.waiting.append(event)
                self._came.set()

    def _note_end(self, task: asyncio.Task[None]) -> None:
        if not task.cancelled():
            task.exception()  # Asked for, so that asyncio does not log one that nobody waits for.
        self._came.set()


def _refuse_running_loop() -> None:
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        return
    raise RuntimeError("An event loop runs in this thread: use `async with Client(...)` there.")


def _wish(value: str, name: str) -> tuple[Candidate[str], ...]:
    return (_given(value.strip(), name),) if value.strip() else ()


def _given(value: T, name: str) -> Candidate[T]:
    return Candidate(value, Origin.FLAG, f"{name}=", name)
