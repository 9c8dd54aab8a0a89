"""What endpoints have told us, each with its day: live lists, wires, limits; in SQLite."""

from collections.abc import Iterable, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from agent.catalog.rows import Wire
from agent.database import opened

if TYPE_CHECKING:
    import sqlite3

_SCHEMA = """
create table if not exists live_lists (
    base_url text, key_digest text, at text, primary key (base_url, key_digest));
create table if not exists live_models (
    base_url text, key_digest text, position integer, id text, context_tokens integer,
    image integer,
    primary key (base_url, key_digest, id));
create table if not exists wires (base_url text primary key, wire text, at text);
create table if not exists limits (
    base_url text, key_digest text, model text, tokens integer, live_tokens integer, at text,
    primary key (base_url, key_digest, model));
"""


@dataclass(frozen=True, slots=True)
class LiveModel:
    """
    One entry of an endpoint's `GET /models`, as this account sees it.

    The window is in tokens; `image` says whether it takes images. None where not told.
    """

    id: str
    context_tokens: int | None = None
    image: bool | None = None


@dataclass(frozen=True, slots=True)
class LiveList:
    """An endpoint's model list for one key; `at` is the ISO time (UTC) of the answer."""

    models: tuple[LiveModel, ...]
    at: str

    def model(self, model_id: str) -> LiveModel | None:
        """Return the entry of an id, or None."""
        return next((model for model in self.models if model.id == model_id), None)


@dataclass(frozen=True, slots=True)
class LearntWire:
    """The wire an endpoint takes us on; `at` is the ISO time (UTC) we learnt it."""

    wire: Wire
    at: str


@dataclass(frozen=True, slots=True)
class LearntLimit:
    """
    A window that an error named, in tokens.

    `live_tokens` is the live list's number on that day: when the list says another
    number, the limit has fallen.
    """

    tokens: int
    live_tokens: int | None
    at: str


@dataclass(frozen=True, slots=True)
class Facts:
    """
    Everything learnt, as values. Lists are by (chat base URL, key digest), wires by
    chat base URL, limits by (chat base URL, key digest, model id).
    """

    lists: Mapping[tuple[str, str], LiveList] = field(default_factory=dict)
    wires: Mapping[str, LearntWire] = field(default_factory=dict)
    limits: Mapping[tuple[str, str, str], LearntLimit] = field(default_factory=dict)


class Learnt:
    """The store of facts in a SQLite file, made when first written to."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def read(self) -> Facts:
        """Return all facts; none if there is no file. Raises BrokenFile."""
        if not self.path.exists():
            return Facts()
        lists: dict[tuple[str, str], LiveList] = {}
        with self._open() as database:
            for base_url, digest, at in database.execute("select * from live_lists"):
                rows = database.execute(
                    "select id, context_tokens, image from live_models"
                    " where base_url = ? and key_digest = ? order by position",
                    (base_url, digest),
                )
                lists[base_url, digest] = LiveList(tuple(map(_live_model, rows)), at)
            wires = {
                base_url: LearntWire(wire, at)
                for base_url, wire, at in database.execute("select * from wires")
            }
            limits = {
                (base_url, digest, model): LearntLimit(tokens, live_tokens, at)
                for base_url, digest, model, tokens, live_tokens, at in database.execute(
                    "select * from limits"
                )
            }
        return Facts(lists, wires, limits)

    def remember_list(
        self, base_url: str, key_digest: str, models: Iterable[LiveModel], *, at: str
    ) -> None:
        """Replace the live list of an endpoint and key."""
        seen: dict[str, LiveModel] = {model.id: model for model in models}
        with self._open() as database:
            where = (base_url, key_digest)
            database.execute("delete from live_models where base_url = ? and key_digest = ?", where)
            database.execute("insert or replace into live_lists values (?, ?, ?)", (*where, at))
            database.executemany(
                "insert into live_models values (?, ?, ?, ?, ?, ?)",
                [
                    (*where, position, model.id, model.context_tokens, model.image)
                    for position, model in enumerate(seen.values())
                ],
            )

    def remember_wire(self, base_url: str, wire: Wire, *, at: str) -> None:
        """Store the wire an endpoint takes us on."""
        with self._open() as database:
            database.execute("insert or replace into wires values (?, ?, ?)", (base_url, wire, at))

    def remember_limit(
        self, base_url: str, key_digest: str, model: str, limit: LearntLimit
    ) -> None:
        """Store the window an endpoint's error named for a model."""
        with self._open() as database:
            database.execute(
                "insert or replace into limits values (?, ?, ?, ?, ?, ?)",
                (base_url, key_digest, model, limit.tokens, limit.live_tokens, limit.at),
            )

    def _open(self) -> "AbstractContextManager[sqlite3.Connection]":
        """Open the file with our tables, and commit what the caller did."""
        return opened(self.path, _SCHEMA)


def _live_model(row: tuple[str, int | None, int | None]) -> LiveModel:
    model_id, context_tokens, image = row
    return LiveModel(model_id, context_tokens, None if image is None else bool(image))
