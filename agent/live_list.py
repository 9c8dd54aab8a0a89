"""An endpoint's `GET /models`, read: facts about models are taken, addresses never; no I/O."""

from collections.abc import Iterator
from typing import Any

import msgspec

from agent.errors import ServerFailed
from agent.learnt import LiveModel

LARGEST_WINDOW_TOKENS = 2**40

# Names, in one spelling, of fields that say where requests or keys should go.
_ADDRESSES = frozenset(
    {
        "apibase",
        "apibaseurl",
        "apihost",
        "apiurl",
        "baseuri",
        "baseurl",
        "endpoint",
        "endpoints",
        "endpointurl",
        "host",
        "hostname",
        "hosts",
        "proxy",
        "proxyurl",
        "redirect",
        "redirecturl",
        "server",
        "serverurl",
        "uri",
        "url",
    }
)
_DEPTH = 8


class _Entry(msgspec.Struct, frozen=True):
    id: str
    context_length: int | None = None
    supports_image_in: bool | None = None


class _ModelList(msgspec.Struct, frozen=True):
    data: list[_Entry]


class ModelList(msgspec.Struct, frozen=True):
    """
    What a model list told.

    `refused` are the names of fields that propose an address, each once: hosts come from our
    rows and from the user, never from an answer, so those were not taken (acceptance 6).
    """

    models: tuple[LiveModel, ...]
    refused: tuple[str, ...] = ()

    def notice(self, place: str) -> str:
        """Return the sentence about what was refused, empty if nothing was."""
        if not self.refused:
            return ""
        names = ", ".join(f"`{name}`" for name in self.refused)
        return (
            f"The model list of {place} proposes addresses in {names}; they were not taken: "
            "requests go where `hermes explain` says."
        )


def read_models(body: bytes, place: str) -> ModelList:
    """
    Return what a body of `GET /models` tells; `place` names who sent it.

    Raises ServerFailed for a body that is no model list. A window that cannot be one is
    left out: official clients refuse such rows.
    """
    try:
        entries = msgspec.json.decode(body, type=_ModelList).data
        refused = tuple(dict.fromkeys(_addresses(msgspec.json.decode(body), _DEPTH)))
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise ServerFailed(
            f"{place} sent a model list that cannot be read: {error}.",
            remedy="`hermes models` shows the shipped list.",
            status=200,
        ) from error
    models = (
        LiveModel(entry.id, _window(entry.context_length), entry.supports_image_in)
        for entry in entries
        if entry.id
    )
    return ModelList(tuple(models), refused)


def _window(tokens: int | None) -> int | None:
    return tokens if tokens is not None and 0 < tokens <= LARGEST_WINDOW_TOKENS else None


def _addresses(value: Any, depth: int) -> Iterator[str]:
    """Yield the names of fields that hold an address, as they are spelled there."""
    if depth == 0:
        return
    if isinstance(value, dict):
        for name, inner in value.items():
            plain = "".join(c for c in name.lower() if c.isalnum())
            if plain in _ADDRESSES and inner:
                yield name
            else:
                yield from _addresses(inner, depth - 1)
    elif isinstance(value, list):
        for inner in value:
            yield from _addresses(inner, depth - 1)
