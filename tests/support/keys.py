"""`hermes` with stored keys: command lines in this process, and the tables of `keys.toml`."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from tests.support.commands import Here
from tests.support.process import Hermes


class Keys(Here):
    """`hermes` in this process, with the loopback Kimi under the four real host names."""

    def __init__(self, home: Path, proxied: Mapping[str, str]) -> None:
        super().__init__(home)
        self.proxied = proxied

    def _own(self) -> dict[str, str]:
        return {**super()._own(), **self.proxied}


def add(hermes: Hermes, key: str, *options: str) -> None:
    """Store a key; it must be taken."""
    result = hermes("key", "add", *options, stdin=key)
    assert result.code == 0, result.stderr


def table(name: str, key: str, endpoint: str) -> str:
    """Return a key's table in `keys.toml`."""
    return f'[kimi-coding.{name}]\nkey = "{key}"\nendpoint = "{endpoint}"\nadded = "2026-11-20"\n'


def listed(keys: Here, env: Mapping[str, str] | None = None) -> dict[str, dict[str, Any]]:
    """Return what `key list --json` tells, by name."""
    return {line["name"]: line for line in keys.json("key", "list", env=env)["keys"]}
