"""What a row's sentence gains from the endpoint, key and model that were asked with."""

import re

import msgspec

from agent.atlas.refusals import DERIVED
from agent.atlas.rows import BodyRow
from agent.catalog import PROVIDERS
from agent.catalog.rows import EndpointRow, ProviderRow
from agent.catalog.spelling import called_here, meant
from agent.errors import ContextOverflow, KeyRefused, ModelNotFound

_DERIVED = {row.id: row for row in DERIVED}
# `limit: 262144 (requested: 269030)`, `limit : 262144`, and with thousands marked.
_TOKEN_LIMIT = re.compile(
    r"model token limit\s*:?\s*([\d,]{1,15})(?:\s*\(\s*requested\s*:?\s*([\d,]{1,15}))?",
    re.IGNORECASE,
)


class Asked(msgspec.Struct, frozen=True, kw_only=True):
    """
    What a request was made with; each part may be unknown.

    `model` is the id that was sent, `offered` are the ids of the endpoint's own list, none
    if that was never asked for. `key_product` is the product that the key's prefix names,
    empty without a mark of its own. `accepted_at` is an endpoint that is known to have taken
    this key. `is_named` says that the user named the base URL. `chat` is the command that
    asks with this key.
    """

    endpoint: EndpointRow | None = None
    model: str = ""
    offered: tuple[str, ...] = ()
    key_product: str = ""
    accepted_at: EndpointRow | None = None
    is_named: bool = False
    chat: str = "hermes chat"


class Told(msgspec.Struct, frozen=True):
    """A row with what only this request knows: `detail` follows the row's meaning."""

    row: BodyRow
    remedy: str
    detail: str = ""

    @property
    def meaning(self) -> str:
        """The whole meaning, which follows the endpoint's name."""
        return self.row.meaning + self.detail


class _Place(msgspec.Struct, frozen=True):
    """An endpoint with the provider it belongs to."""

    endpoint: EndpointRow
    provider: ProviderRow

    def others(self, *, same_product: bool) -> list[EndpointRow]:
        product = self.endpoint.product
        return [
            row
            for row in self.provider.endpoints
            if row.id != self.endpoint.id and (row.product == product) is same_product
        ]


def told(row: BodyRow, asked: Asked, said: str) -> Told:
    """
    Return the row, or a more exact one, with what this request knows.

    `said` is the endpoint's own text: only numbers are taken from it.
    """
    place = _place_of(asked.endpoint)
    if row.id in _DERIVED:
        return Told(row, _remedy(row, place))
    if row.known and issubclass(row.error, KeyRefused) and place is not None:
        return _about_key(row, asked, place)
    if row.known and issubclass(row.error, ModelNotFound) and place is not None and asked.model:
        return _about_model(row, asked, place)
    if issubclass(row.error, ContextOverflow):
        return Told(row, row.remedy, _overflow(said))
    return Told(row, _remedy(row, place))


def token_limit(said: str) -> tuple[int, int]:
    """Return the window and the tokens asked for that an overflow names; 0 for what it does not."""
    found = _TOKEN_LIMIT.search(said)
    if found is None:
        return 0, 0
    limit, requested = (int((text or "").replace(",", "") or "0") for text in found.groups())
    return limit, requested


def _place_of(endpoint: EndpointRow | None) -> _Place | None:
    """Return where an endpoint belongs, if it is one of the shipped ones with a product."""
    if endpoint is None or not endpoint.product:
        return None
    for provider in PROVIDERS:
        if any(row.id == endpoint.id for row in provider.endpoints):
            return _Place(endpoint, provider)
    return None


def _remedy(row: BodyRow, place: _Place | None) -> str:
    """Return the row's remedy after its sentence about the console of the endpoint's region."""
    console = place.endpoint.console if place else ""
    return f"{row.console.format(console)} {row.remedy}" if row.console and console else row.remedy


# --- the key ------------------------------------------------------------------------------


def _about_key(row: BodyRow, asked: Asked, place: _Place) -> Told:
    endpoint, proven = place.endpoint, asked.accepted_at
    product = proven.product if proven else asked.key_product
    if product and product != endpoint.product:
        derived = _DERIVED["key-of-other-product"]
        others = place.others(same_product=False)
        home = proven or next((each for each in others if each.product == product), None)
        goes = f"`hermes explain` shows what sends it to {_host(endpoint)}"
        moves = f"{_move(place, home, asked)} sends it there." if home else ""
        advice = f"It belongs to {_url(home)}: {moves}" if home else ""
        return Told(derived, f"{advice} {goes}.".strip(), f": it looks like a {product} key")
    twins = place.others(same_product=True)
    if proven and proven.id != endpoint.id:
        derived = _DERIVED["key-of-other-region"]
        goes = f"`{asked.chat} --base-url {_url(proven)}` sends it there; {derived.remedy}"
        return Told(derived, goes, f": {_host(proven)} has taken it")
    before = ", which it took before" if proven else ""
    return Told(row, _other_region(twins, asked) + _remedy(row, place), before)


def _other_region(twins: list[EndpointRow], asked: Asked) -> str:
    """Return the sentence with the one command that tries the key in its other region."""
    if not twins:
        return ""
    alike = "Keys of both regions look alike:"
    if asked.is_named:
        # A base URL that the user named beats whatever a probe would find.
        url, host = _url(twins[0]), _host(twins[0])
        return f"{alike} `{asked.chat} --base-url {url}` sends it to {host}. "
    hosts = " and ".join(map(_host, twins))
    return f"{alike} `{asked.chat} --probe` asks {hosts} too, and remembers who takes it. "


def _host(endpoint: EndpointRow) -> str:
    return min(endpoint.hosts)


def _url(endpoint: EndpointRow) -> str:
    return endpoint.base_urls[0][1]


def _move(place: _Place, endpoint: EndpointRow, asked: Asked) -> str:
    """Return the command that sends a key to its endpoint, whatever sends it elsewhere now."""
    if asked.is_named:
        # A variable of the shell or of `.env` beats the setting: only the flag beats both.
        return f"`{asked.chat} --base-url {_url(endpoint)}`"
    setting = f"providers.{place.provider.id}.base_url"
    return f"`hermes config set {setting} {_url(endpoint)}`"


# --- the model ----------------------------------------------------------------------------


def _about_model(row: BodyRow, asked: Asked, place: _Place) -> Told:
    """Tell a closed id by its day, another endpoint's id by the one here; list what is here."""
    provider, endpoint = place.provider, place.endpoint
    offered = asked.offered or tuple(each.id for each in endpoint.open_models)
    if asked.model in offered:
        return Told(row, _remedy(row, place))
    twin = called_here(provider, endpoint, asked.model, offered)
    if twin is not None:
        derived = _DERIVED["model-by-other-name"]
        advice = f"Here it is `{twin.id}`: `hermes model {twin.id}` takes it; {derived.remedy}"
        return Told(derived, advice, f": `{twin.id}`")
    known = f"It has: {', '.join(offered)}. " if offered else ""
    wanted = meant(provider, asked.model)
    rows = [each for each in provider.every_model() if each.id == wanted]
    closed = next((each for each in rows if each.last_day), None)
    if closed is not None and all(each.last_day for each in rows):
        derived = _DERIVED["dead-model"]
        detail = f" `{closed.id}`: {closed.closed or 'closed'} {closed.last_day}"
        return Told(derived, known + derived.remedy, detail)
    return Told(row, known + row.remedy)


# --- the window ---------------------------------------------------------------------------


def _overflow(said: str) -> str:
    limit, requested = token_limit(said)
    if not limit:
        return ""
    asked = f", and {requested:,} were asked for" if requested else ""
    return f": it has {limit:,} tokens{asked}"
