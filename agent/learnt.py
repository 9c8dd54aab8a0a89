"""What endpoints have told us, each with its day, in SQLite: never a key, only its digest."""

from collections.abc import Iterable, Mapping
from contextlib import AbstractContextManager
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import msgspec
from msgspec.structs import replace

from agent.catalog.rows import Wire
from agent.database import opened, rows

if TYPE_CHECKING:
    import sqlite3

_CLOCK_SLACK_SECONDS = 60.0

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
create table if not exists key_places (
    key_digest text primary key, endpoint text, at text, doubted integer);
create table if not exists key_states (
    base_url text, key_digest text, verdict text, how text, at text,
    primary key (base_url, key_digest));
create table if not exists cooling (
    base_url text, key_digest text, until real, at real, reason text,
    primary key (base_url, key_digest));
create table if not exists plan_windows (
    base_url text, key_digest text, position integer, name text, used_share real,
    resets_at text, at text, primary key (base_url, key_digest, position));
create table if not exists consents (product text primary key, at text);
"""


class LiveModel(msgspec.Struct, frozen=True):
    """
    One entry of an endpoint's `GET /models`, as this account sees it.

    The window is in tokens; `image` says whether it takes images. None where not told.
    """

    id: str
    context_tokens: int | None = None
    image: bool | None = None


class LiveList(msgspec.Struct, frozen=True):
    """An endpoint's model list for one key; `at` is the ISO time (UTC) of the answer."""

    models: tuple[LiveModel, ...]
    at: str

    def model(self, model_id: str) -> LiveModel | None:
        """Return the entry of an id, or None."""
        return next((model for model in self.models if model.id == model_id), None)


class LearntWire(msgspec.Struct, frozen=True):
    """The wire an endpoint takes us on; `at` is the ISO time (UTC) we learnt it."""

    wire: Wire
    at: str


class LearntLimit(msgspec.Struct, frozen=True):
    """
    A window that an error named, in tokens.

    `live_tokens` is the live list's number on that day: when the list says another
    number, the limit has fallen.
    """

    tokens: int
    live_tokens: int | None
    at: str


class KeyPlace(msgspec.Struct, frozen=True):
    """
    The endpoint (its row's id) that a key belongs to; `at` is the ISO time (UTC) of the answer.

    `doubted` says that the endpoint has refused the key since: it may be asked again.
    `where` names the place in words if it is not our own store.
    """

    endpoint: str
    at: str
    doubted: bool = False
    where: str = ""


class KeyState(msgspec.Struct, frozen=True):
    """
    What an endpoint last said to a key, in answer to what, and the ISO time (UTC).

    `models` proves the key and nothing else; `chat` proves that it can be used.
    """

    verdict: Literal["accepted", "refused"]
    how: Literal["models", "chat"]
    at: str


class Cooling(msgspec.Struct, frozen=True):
    """A key that rests at an endpoint, from `at` until `until`, in Unix seconds, and why."""

    until: float
    at: float
    reason: str

    def is_on(self, now: float) -> bool:
        """Say whether it rests at `now`; never if the clock was set back behind its beginning."""
        return self.at - _CLOCK_SLACK_SECONDS <= now < self.until


class PlanWindow(msgspec.Struct, frozen=True):
    """
    One window of a plan, as the endpoint last told it.

    `used_share` is 0 to 1, or above; `resets_at` an ISO time (UTC), empty if not told.
    """

    name: str
    used_share: float
    resets_at: str = ""


class LearntPlan(msgspec.Struct, frozen=True):
    """The windows of a plan, the shortest first; `at` is the ISO time (UTC) of the answer."""

    windows: tuple[PlanWindow, ...]
    at: str


class Facts(msgspec.Struct, frozen=True):
    """
    Everything learnt, as values. Lists, states, cooling and plans are by (chat base URL, key
    digest), wires by chat base URL, limits by (chat base URL, key digest, model id), places
    by key digest, consents (ISO time of a yes to asking both regions) by product. `notices`
    are sentences the user should see.
    """

    lists: Mapping[tuple[str, str], LiveList] = msgspec.field(default_factory=dict)
    wires: Mapping[str, LearntWire] = msgspec.field(default_factory=dict)
    limits: Mapping[tuple[str, str, str], LearntLimit] = msgspec.field(default_factory=dict)
    places: Mapping[str, KeyPlace] = msgspec.field(default_factory=dict)
    states: Mapping[tuple[str, str], KeyState] = msgspec.field(default_factory=dict)
    plans: Mapping[tuple[str, str], LearntPlan] = msgspec.field(default_factory=dict)
    cooling: Mapping[tuple[str, str], Cooling] = msgspec.field(default_factory=dict)
    consents: Mapping[str, str] = msgspec.field(default_factory=dict)
    notices: tuple[str, ...] = ()


class Learnt:
    """The store of facts in a SQLite file, made when first written to."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def read(self) -> Facts:
        """Return all facts; none if there is no file. Raises BrokenFile."""
        if _is_empty(self.path):
            return Facts()
        lists: dict[tuple[str, str], LiveList] = {}
        with self._open() as database:
            query = "select base_url, key_digest, at from live_lists"
            for base_url, digest, at in rows(database, query, str, str, str):
                lists[base_url, digest] = LiveList(_models(database, base_url, digest), at)
            query = "select base_url, wire, at from wires"
            wires = {
                base_url: LearntWire(wire, at)
                for base_url, wire, at in rows(database, query, str, str, str)
            }
            query = "select base_url, key_digest, model, tokens, live_tokens, at from limits"
            limits = {
                (base_url, digest, model): LearntLimit(tokens, live_tokens, at)
                for base_url, digest, model, tokens, live_tokens, at in rows(
                    database, query, str, str, str, int, int | None, str
                )
            }
            return replace(_of_keys(database), lists=lists, wires=wires, limits=limits)

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

    def remember_place(self, key_digest: str, endpoint: str, *, at: str) -> None:
        """Store the endpoint, by its row's id, that a key belongs to."""
        with self._open() as database:
            database.execute(
                "insert or replace into key_places values (?, ?, ?, 0)", (key_digest, endpoint, at)
            )

    def doubt_place(self, key_digest: str) -> None:
        """Note that a key was refused where it belongs, so that it may be looked for again."""
        with self._open() as database:
            database.execute(
                "update key_places set doubted = 1 where key_digest = ?", (key_digest,)
            )

    def remember_state(self, base_url: str, key_digest: str, state: KeyState) -> None:
        """Store what an endpoint said to a key."""
        with self._open() as database:
            database.execute(
                "insert or replace into key_states values (?, ?, ?, ?, ?)",
                (base_url, key_digest, state.verdict, state.how, state.at),
            )

    def remember_cooling(self, base_url: str, key_digest: str, cooling: Cooling) -> None:
        """
        Let a key rest at an endpoint; every process of this home sees it.

        A longer rest that is on stays: a request of another process was under way when the
        key was used up, and met a limit of pace after that.
        """
        with self._open() as database:
            database.execute(
                "insert into cooling values (?, ?, ?, ?, ?)"
                " on conflict (base_url, key_digest) do update set"
                " until = excluded.until, at = excluded.at, reason = excluded.reason"
                " where excluded.until > until or at > excluded.at + ?",
                (
                    *(base_url, key_digest, cooling.until, cooling.at, cooling.reason),
                    _CLOCK_SLACK_SECONDS,
                ),
            )

    def remember_plan(self, base_url: str, key_digest: str, plan: LearntPlan) -> None:
        """Replace what an endpoint told of the plan of a key."""
        where = (base_url, key_digest)
        with self._open() as database:
            query = "delete from plan_windows where base_url = ? and key_digest = ?"
            database.execute(query, where)
            database.executemany(
                "insert into plan_windows values (?, ?, ?, ?, ?, ?, ?)",
                [
                    (*where, position, window.name, window.used_share, window.resets_at, plan.at)
                    for position, window in enumerate(plan.windows)
                ],
            )

    def remember_consent(self, product: str, *, at: str) -> None:
        """Store the user's yes to asking every region of a product where a key belongs."""
        with self._open() as database:
            database.execute("insert or replace into consents values (?, ?)", (product, at))

    def _open(self) -> "AbstractContextManager[sqlite3.Connection]":
        """Open the file with our tables, and commit what the caller did."""
        return opened(self.path, _SCHEMA)


def _is_empty(path: Path) -> bool:
    """Say whether there is nothing to read: a full disk leaves an empty file, not to be filled."""
    try:
        return not path.stat().st_size
    except FileNotFoundError:
        return True
    except OSError:
        return False  # opening it says what is wrong


def _models(database: "sqlite3.Connection", base_url: str, digest: str) -> tuple[LiveModel, ...]:
    """Return the models of a list, in its order."""
    query = (
        "select id, context_tokens, image from live_models"
        " where base_url = ? and key_digest = ? order by position"
    )
    found = rows(database, query, str, int | None, int | None, values=(base_url, digest))
    return tuple(
        LiveModel(model_id, tokens, None if image is None else bool(image))
        for model_id, tokens, image in found
    )


def _of_keys(database: "sqlite3.Connection") -> Facts:
    """Return what is known of keys."""
    query = "select key_digest, endpoint, at, doubted from key_places"
    places = {
        digest: KeyPlace(endpoint, at, bool(doubted))
        for digest, endpoint, at, doubted in rows(database, query, str, str, str, int)
    }
    query = "select base_url, key_digest, verdict, how, at from key_states"
    states = {
        (base_url, digest): KeyState(verdict, how, at)
        for base_url, digest, verdict, how, at in rows(database, query, str, str, str, str, str)
    }
    query = "select base_url, key_digest, until, at, reason from cooling"
    cooling = {
        (base_url, digest): Cooling(until, at, reason)
        for base_url, digest, until, at, reason in rows(
            database, query, str, str, float, float, str
        )
    }
    consents = dict(rows(database, "select product, at from consents", str, str))
    return Facts(
        places=places, states=states, plans=_plans(database), cooling=cooling, consents=consents
    )


def _plans(database: "sqlite3.Connection") -> dict[tuple[str, str], LearntPlan]:
    query = (
        "select base_url, key_digest, name, used_share, resets_at, at from plan_windows"
        " order by position"
    )
    plans: dict[tuple[str, str], LearntPlan] = {}
    for base_url, digest, name, share, resets_at, at in rows(
        database, query, str, str, str, float, str, str
    ):
        before = plans.get((base_url, digest), LearntPlan((), at))
        window = PlanWindow(name, share, resets_at)
        plans[base_url, digest] = LearntPlan((*before.windows, window), at)
    return plans
