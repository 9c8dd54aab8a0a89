"""A home with several keys and a chain, and turns asked as `hermes chat -q` asks them."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from agent.events import RouteChanged
from agent.route import Route
from hermes_cli.auth import Flags, route_for
from hermes_cli.config import read_settings
from hermes_cli.models import read_facts
from hermes_cli.pool import Pool
from hermes_cli.runtime_provider import running_route
from kimi_mock.server import KimiMock
from kimi_mock.state import SeenRequest
from tests.support.script import enter, put
from tests.turn.asking import HELLO, Asked, ask

SECOND_KEY = "sk-mock-platform-second"
THIRD_KEY = "sk-mock-platform-third0"
DEAD_KEY = "sk-mock-platform-dead00"
PLAN_TWIN = "sk-kimi-mock-code-twin"


@dataclass
class Here:
    """A home of this process; `environment` is what the shell would say."""

    home: Path
    patch: pytest.MonkeyPatch
    kimi: KimiMock

    def key(self, text: str) -> None:
        """Put a key into the shell."""
        self.patch.setenv("KIMI_API_KEY", text)

    def stored(self, **keys: str) -> None:
        """Write `keys.toml`: a name and a key each, perhaps with `@endpoint`; let the mock know."""
        lines = []
        for name, entry in keys.items():
            key, _, endpoint = entry.partition("@")
            lines += [f"[kimi-coding.{name}]", f'key = "{key}"', 'added = "2026-11-20"']
            lines += [f'endpoint = "{endpoint}"'] if endpoint else []
        put(self.home / "keys.toml", "\n".join(lines) + "\n")

    def config(self, text: str) -> None:
        """Write `config.toml`."""
        put(self.home / "config.toml", text)

    def route(self, flags: Flags | None = None) -> Route:
        """Return the Route of a start."""
        return route_for(flags or Flags(), read_settings(), read_facts())

    def ask(self, flags: Flags | None = None, **named: Any) -> Asked:
        """Ask as `hermes chat -q` does, without waiting."""
        flags, settings = flags or Flags(), read_settings()
        with Pool(flags, settings) as pool, running_route(flags, settings) as route:
            store = self.home / "hermes-kimi.db"
            return ask(
                self.kimi, route, named.pop("messages", HELLO), store=store, detour=pool, **named
            )

    @property
    def keys_seen(self) -> list[str]:
        """The keys of the turns so far."""
        return [key_in(seen) for seen in self.kimi.seen]


def key_in(seen: SeenRequest) -> str:
    """Return the key of a request."""
    return seen.headers["Authorization"].removeprefix("Bearer ")


def entered(home: Path, kimi: KimiMock, patch: pytest.MonkeyPatch) -> Here:
    """Return an empty home; the mock has the four real names, and three more keys of its own."""
    for name, value in kimi.environment().items():
        patch.setenv(name, value)
    for name in ("KIMI_API_KEY", "DEEPSEEK_API_KEY", "GATEWAY_KEY"):
        patch.delenv(name, raising=False)
    kimi.keys["moonshot"] |= {SECOND_KEY, THIRD_KEY}
    kimi.keys["kimi-code"].add(PLAN_TWIN)
    return Here(enter(home, patch), patch, kimi)


def changes(asked: Asked) -> list[RouteChanged]:
    """Return the hops that were told."""
    return [event for event in asked.events if isinstance(event, RouteChanged)]
