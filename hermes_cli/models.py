"""The model lists and names people script against, views of the rows; and the refresh."""

from collections.abc import Iterable
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import msgspec

from agent.catalog import PROVIDERS
from agent.catalog.rows import EndpointRow, ModelRow
from agent.choice import Candidate, Chosen, Origin
from agent.learnt import Facts, Learnt
from agent.route import Route, Wishes, endpoint_of_key, resolve
from hermes_cli.config import get_state_path
from hermes_cli.state_file import read_soundly

if TYPE_CHECKING:
    from agent.client import Client

_PROVIDER_MODELS: dict[str, list[str]] = {
    row.id: [model.id for model in row.models] for row in PROVIDERS if row.models
}
_PROVIDER_ALIASES: dict[str, str] = {alias: row.id for row in PROVIDERS for alias in row.aliases}
_PROVIDER_LABELS: dict[str, str] = {row.id: row.name for row in PROVIDERS}


def open_learnt() -> Learnt:
    """Return the store of what was learnt, in `$HERMES_HOME/hermes-kimi.db`."""
    return Learnt(get_state_path())


def read_facts() -> Facts:
    """
    Return what was learnt, as values; nothing if nothing was.

    A file that is damaged is set aside, with a notice. Raises BrokenFile for one that cannot
    be used otherwise.
    """
    learnt = open_learnt()
    return read_soundly(learnt.path, learnt.read)


class PickerRow(msgspec.Struct, frozen=True, kw_only=True):
    """
    One model id as a list shows it.

    `window` is in tokens, with its source. `row` is what we ship of the id, if anything.
    `sent_as` is the id the endpoint gets. `offered` says whether the endpoint's live list
    has it, and is None where no live list is known.
    """

    id: str
    window: Chosen[int]
    row: ModelRow | None
    sent_as: str
    offered: bool | None

    @property
    def context_tokens(self) -> int:
        """The window, in tokens."""
        return self.window.value

    @property
    def source(self) -> str:
        """Where the window's number comes from."""
        return self.window.where

    @property
    def first_day(self) -> str:
        """The ISO day (or month) the endpoint began to have it; empty if not known."""
        return self.row.first_day if self.row else ""

    @property
    def last_day(self) -> str:
        """The ISO day the endpoint closed it; empty if it has not, as far as we know."""
        return self.row.last_day if self.row else ""

    @property
    def standing(self) -> str:
        """What is shown beside the id: an alias, a last day, a missing offer, or nothing."""
        words = [self.row.standing] if self.row and self.row.standing else []
        if self.offered is False:
            words.append("not offered to your key")
        return ", ".join(words)


def picker(route: Route, facts: Facts | None = None) -> list[PickerRow]:
    """
    Return the models to choose from at a Route's endpoint.

    First the provider's offline list, in its order; then the endpoint's live ids if its
    list is known, else the shipped rows that are still open. `facts` are read if not given.
    """
    facts = read_facts() if facts is None else facts
    wanted = [row.id for row in route.provider.value.models]
    if route.live is not None:
        wanted += [model.id for model in route.live.models]
    else:
        wanted += [row.id for row in route.endpoint.open_models]
    return _rows(route, wanted, facts)


def every_model(route: Route, facts: Facts, *, closed: bool) -> list[PickerRow]:
    """Return the picker's models, then the shipped ones it leaves out; closed ones if asked."""
    chosen = picker(route, facts)
    shown = {row.id for row in chosen}
    others = [row for row in route.endpoint.models if row.id not in shown]
    return chosen + _rows(route, [row.id for row in others if closed or not row.last_day], facts)


def _rows(route: Route, model_ids: Iterable[str], facts: Facts) -> list[PickerRow]:
    """Return each id once, as a Route with that model tells it."""
    found = []
    for model_id in dict.fromkeys(model_ids):
        other = at_endpoint(route, route.endpoint, facts, model=model_id)
        live = other.live
        found.append(
            PickerRow(
                id=model_id,
                window=other.window,
                row=other.model_row,
                sent_as=other.model_id_sent,
                offered=live.model(other.model_id_sent) is not None if live else None,
            )
        )
    return found


def at_endpoint(route: Route, endpoint: EndpointRow, facts: Facts, *, model: str = "") -> Route:
    """Return a whole new Route for the same key at an endpoint, with a model if one is named."""
    urls: tuple[Candidate[str], ...] = ()
    if endpoint != endpoint_of_key(route.provider.value, route.key.value if route.key else None):
        urls = (Candidate(endpoint.base_urls[0][1], Origin.ROW, f"shipped row {endpoint.id}"),)
    models = (Candidate(model, Origin.FLAG, "the list"),) if model else ()
    keys = (route.key,) if route.key else ()
    return resolve(route.provider, Wishes(keys=keys, base_urls=urls, models=models), facts)


async def refresh(client: "Client", *, at: str) -> str:
    """
    Ask the client's endpoint once for its models and remember the answer.

    `at` is the ISO time (UTC) of the question. Returns a sentence about what the answer
    proposed and we refused, or an empty text. Raises ProviderError and NetworkError, and
    BrokenFile if the answer cannot be remembered.
    """
    told = await client.model_list()
    route = client.route
    open_learnt().remember_list(route.chat_base_url, route.key_digest, told.models, at=at)
    return told.notice(urlsplit(route.models_url).netloc)
