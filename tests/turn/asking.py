"""How the tests of turns ask: a Route, the way out through the mock, a client that never waits."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypedDict, Unpack

from msgspec.structs import replace

from agent.catalog.kimi import KIMI
from agent.choice import Candidate, Chosen, Origin
from agent.client import Client
from agent.detour import Detour
from agent.errors import HermesError
from agent.events import Event, Finished, Resumed, Retrying, TextDelta, ThinkDelta
from agent.keys import ApiKey
from agent.learnt import Facts, Learnt
from agent.messages import Message, Options, Tool, user
from agent.route import Route, Wishes, resolve
from agent.transport.network import Network
from agent.transport.retry import Patience
from kimi_mock.server import KimiMock
from tests.conftest import PLATFORM_KEY

HELLO = (user("hi"),)
IMPATIENT = Patience(most_tries=1)


def network(kimi: KimiMock) -> Network:
    """Return the way out through the mock's proxy, trusting its certificates."""
    return Network(
        proxy_url=kimi.proxy_url,
        proxy_origin="HTTPS_PROXY",
        certificate_file=str(kimi.certificate_file),
        silence_seconds=2.0,
    )


def route(
    key: str = PLATFORM_KEY,
    *,
    url: str = "",
    wire: str = "",
    model: str = "",
    facts: Facts | None = None,
) -> Route:
    """Return Kimi's Route for a key."""
    found = Candidate(ApiKey(key), Origin.ENVIRONMENT, "shell variable K", "KIMI_API_KEY")
    wishes = Wishes(
        keys=(found,),
        base_urls=(Candidate(url, Origin.FLAG, "--base-url", "--base-url"),) if url else (),
        wires=(Candidate(wire, Origin.CONFIG, "config", "wire"),) if wire else (),
        models=(Candidate(model, Origin.FLAG, "--model", "--model"),) if model else (),
    )
    return resolve(Chosen(KIMI, Origin.DEFAULT, "test"), wishes, facts or Facts())


@dataclass
class Asked:
    """One turn, run to its end: its events, its error if any, and what was waited each time."""

    client: Client
    events: list[Event] = field(default_factory=list)
    error: HermesError | None = None
    waits: list[float] = field(default_factory=list)

    @property
    def shown(self) -> str:
        """The text that a screen would show."""
        return "".join(event.text for event in self.events if isinstance(event, TextDelta))

    @property
    def thought(self) -> str:
        """The reasoning that a screen would show."""
        return "".join(event.text for event in self.events if isinstance(event, ThinkDelta))

    @property
    def finished(self) -> Finished:
        """The end of the turn; fails if it has none."""
        last = self.events[-1]
        assert isinstance(last, Finished), (last, self.error)
        return last

    def of(self, kind: type[Event]) -> list[Event]:
        """Return the events of a class."""
        return [event for event in self.events if isinstance(event, kind)]


class Manner(TypedDict, total=False):
    """How `ask` asks; `store` is the file of what is learnt."""

    tools: Sequence[Tool]
    options: Options
    store: Path
    patience: Patience
    detour: Detour


def ask(
    kimi: KimiMock,
    where: Route,
    messages: Sequence[Message] = HELLO,
    **manner: Unpack[Manner],
) -> Asked:
    """Ask with a client that notes its waits instead of waiting, and adds nothing to them."""
    waits: list[float] = []

    async def sleep(seconds: float) -> None:
        waits[-1:] = [sum(waits[-1:]) + seconds]

    client = Client(
        where,
        network(kimi),
        learnt=Learnt(manner["store"]) if "store" in manner else None,
        detour=manner.get("detour"),
        patience=replace(manner.get("patience", Patience()), jitter=0.0),
        sleep=sleep,
    )
    asked = Asked(client, waits=waits)

    async def run() -> None:
        nonlocal waits
        async with client:
            async for event in client.stream(
                messages, manner.get("tools", ()), options=manner.get("options")
            ):
                asked.events += [event]
                if isinstance(event, Retrying | Resumed):
                    waits += [0.0]

    try:
        asyncio.run(run())
    except HermesError as error:
        asked.error = error
    return asked
