"""Key + wishes + what was learnt → one immutable Route; no I/O."""

from collections.abc import Sequence

import msgspec
from msgspec.structs import replace

from agent.base_url import REQUEST_PATHS, Placed, place
from agent.catalog.rows import (
    FALLBACK_CONTEXT_TOKENS,
    EndpointRow,
    ModelRow,
    ProviderRow,
    Wire,
)
from agent.choice import Candidate, Chosen, Origin, choose
from agent.errors import (
    ConfigurationError,
    EgressRefused,
    HermesError,
    UsageError,
)
from agent.key_hosts import contradictions, hosts_of, misdirected
from agent.keys import ApiKey
from agent.known_models import model_error
from agent.learnt import Facts, KeyPlace, KeyState, LiveList


class Wishes(msgspec.Struct, frozen=True, kw_only=True):
    """
    What the user asked for, each strongest first: flag, environment, `.env`, config.

    `grants` are the hosts that every key of the provider may go to besides its own.
    """

    keys: tuple[Candidate[ApiKey], ...] = ()
    base_urls: tuple[Candidate[str], ...] = ()
    models: tuple[Candidate[str], ...] = ()
    wires: tuple[Candidate[str], ...] = ()
    grants: frozenset[str] = frozenset()


class Route(msgspec.Struct, frozen=True, kw_only=True):
    """
    Where a request goes, with what, and why: one value that is replaced whole.

    `base_url` is the one of `wire`. `model` is the id as asked for; `model_id_sent` is
    what the endpoint gets. `window` is in tokens. `notices` are sentences the user must
    see. `model_error` is set where the endpoint is known not to have the model. `place` is
    where the key was found to belong, `state` what this endpoint last said to it.
    """

    provider: Chosen[ProviderRow]
    endpoint: EndpointRow
    base_url: Chosen[str]
    wire: Chosen[Wire]
    key: Chosen[ApiKey] | None
    model: Chosen[str]
    model_row: ModelRow | None
    model_id_sent: str
    window: Chosen[int]
    live: LiveList | None = None
    place: KeyPlace | None = None
    state: KeyState | None = None
    notices: tuple[str, ...] = ()
    model_error: UsageError | None = None

    @property
    def url(self) -> str:
        """The URL a request for an answer goes to."""
        return self.base_url.value + REQUEST_PATHS[self.wire.value]

    @property
    def key_digest(self) -> str:
        """The key's name in what was learnt; empty without a key."""
        return self.key.value.digest if self.key else ""

    @property
    def chat_base_url(self) -> str:
        """The endpoint's name in what was learnt: its first wire's base URL."""
        return self.endpoint.base_urls[0][1]

    @property
    def models_url(self) -> str:
        """The URL of the endpoint's model list."""
        wire, url = self.endpoint.base_urls[0]
        return f"{url}/models" if wire == "chat" else f"{url}/v1/models"

    @property
    def key_product(self) -> str:
        """
        The product that the key's prefix names, empty if nothing can be said of it.

        At an endpoint whose keys bear a mark, a key without one is of the default product.
        """
        provider = self.provider.value
        by_key = endpoint_of_key(provider, self.key.value if self.key else None)
        if self.key is None or by_key is None:
            return ""
        return by_key.product if by_key.key_prefix or self.endpoint.key_prefix else ""

    @property
    def egress_error(self) -> EgressRefused | None:
        """The refusal of the key at the host of the base URL, or None."""
        return misdirected(self.provider.value, self.base_url, self.key)

    @property
    def is_alias(self) -> bool:
        """Say whether the endpoint gets another id than the user named."""
        return self.model_id_sent != self.model.value

    @property
    def row_sent(self) -> ModelRow | None:
        """The row of the id that is sent, if one is known, as the live list corrects it."""
        row = self.endpoint.model(self.model_id_sent) or self.model_row
        told = self.live.model(self.model_id_sent) if self.live else None
        return replace(row, image=told.image) if row and told and told.image is not None else row

    @property
    def output_tokens(self) -> int | None:
        """The budget a request names for an answer, in tokens, if anything is known of it."""
        sent = self.row_sent
        return (sent.default_output_tokens or sent.output_tokens) if sent else None

    def on_wire(self, wire: Wire, *, origin: Origin, where: str) -> "Route":
        """Return the same Route over another wire of its endpoint."""
        url = self.endpoint.base_url(wire)
        chosen = Chosen(wire, origin, where, beaten=(self.wire,))
        return replace(self, wire=chosen, base_url=replace(self.base_url, value=url))


def endpoint_of_key(provider: ProviderRow, key: ApiKey | None) -> EndpointRow | None:
    """Return where a provider's key belongs by its prefix, else the provider's default, if any."""
    if key is not None:
        for row in provider.endpoints:
            if key.starts_with(row.key_prefix):
                return row
    return provider.endpoint(provider.default_endpoint) if provider.default_endpoint else None


def foreign_vendor(row: ProviderRow, key: ApiKey) -> str:
    """Return the vendor whose mark a key of this provider must not bear, or an empty text."""
    return next((name for prefix, name in row.foreign_prefixes if key.starts_with(prefix)), "")


def resolve(provider: Chosen[ProviderRow], wishes: Wishes, facts: Facts) -> Route:
    """
    Return the Route for a provider, the user's wishes and what was learnt.

    Raises ConfigurationError for a base URL or wire that cannot be used, and if no
    base URL is known. A missing key and an unknown model are told in the Route, so
    that `status` can show them.
    """
    row = provider.value
    key = choose(wishes.keys) if wishes.keys else None
    by_key = endpoint_of_key(row, key.value if key else None)
    found = _found(row, by_key, key, facts)
    placed, url = _place(row, by_key, key, wishes.base_urls, found)
    endpoint = placed.endpoint
    wire = _wire(endpoint, placed, url, wishes.wires, facts)
    base_url = replace(url, value=endpoint.base_url(wire.value))
    if key is not None:
        named = any(url.origin.is_users for url in wishes.base_urls[:1])
        hosts = hosts_of(row, endpoint, key, by_key=by_key, is_named=named, grants=wishes.grants)
        key = replace(key, value=key.value.for_hosts(hosts))
    name = endpoint.base_urls[0][1]
    digest = key.value.digest if key else ""
    live = facts.lists.get((name, digest))
    default = Candidate(row.default_model, Origin.DEFAULT, f"default of {row.name}")
    model = choose((*wishes.models, default))
    model_row = row.model_at(endpoint, model.value)
    sent = _id_sent(endpoint, model_row, live, model.value)
    limit = facts.limits.get((name, digest, sent))
    return Route(
        provider=provider,
        endpoint=endpoint,
        base_url=base_url,
        wire=wire,
        key=key,
        model=model,
        model_row=model_row,
        model_id_sent=sent,
        window=window_of(
            (model.value, sent),
            rows=_rows_for_window(row, endpoint, model_row),
            live=live,
            limit=(limit.tokens, limit.live_tokens, limit.at) if limit else None,
        ),
        live=live,
        place=facts.places.get(digest),
        state=facts.states.get((name, digest)),
        notices=(*facts.notices, *_notices(row, key, by_key, base_url, endpoint)),
        model_error=model_error(row, endpoint, live, model, sent),
    )


def _notices(
    provider: ProviderRow,
    key: Chosen[ApiKey] | None,
    by_key: EndpointRow | None,
    url: Chosen[str],
    endpoint: EndpointRow,
) -> tuple[str, ...]:
    """Return the sentences about a key that contradicts its base URL or another key."""
    if key is None:
        return ()
    others = tuple((loser, endpoint_of_key(provider, loser.value)) for loser in key.beaten)
    return contradictions(provider, key, url, endpoint, by_key=by_key, others=others)


def _found(
    provider: ProviderRow, by_key: EndpointRow | None, key: Chosen[ApiKey] | None, facts: Facts
) -> tuple[EndpointRow, KeyPlace] | None:
    """Return the endpoint of the key's product that was found to be the key's, or None."""
    place_found = facts.places.get(key.value.digest) if key else None
    if place_found is None or by_key is None:
        return None
    twins = provider.of_product(by_key.product)
    endpoint = next((twin for twin in twins if twin.id == place_found.endpoint), None)
    return (endpoint, place_found) if endpoint else None


def _place(
    provider: ProviderRow,
    by_key: EndpointRow | None,
    key: Chosen[ApiKey] | None,
    wishes: tuple[Candidate[str], ...],
    found: tuple[EndpointRow, KeyPlace] | None,
) -> tuple[Placed, Chosen[str]]:
    """Return the endpoint, and the chosen base URL with what it beat."""
    rows: tuple[Candidate[str], ...] = ()
    if by_key is not None:
        rows = (_row_url(provider, by_key),)
    if found is not None:
        twin, known = found
        where = known.where or f"the key was found there on {known.at[:10]}"
        rows = (Candidate(twin.base_urls[0][1], Origin.REMEMBERED, where), *rows)
    if wishes:
        try:
            placed = place(wishes[0].value, provider)
        except ConfigurationError as error:
            raise _misplaced(error, wishes[0]) from None
        return placed, choose((*wishes, *rows))
    if by_key is None:
        raise ConfigurationError(
            f"{provider.name} needs a base URL, and none is set.",
            remedy=f"`hermes config set providers.{provider.id}.base_url URL` sets one.",
        )
    if found is not None:
        return Placed(found[0], None), choose(rows)
    if key is None or not by_key.key_prefix:
        marked = " or ".join({e.key_prefix: "" for e in provider.endpoints if e.key_prefix})
        unmarked = "" if provider.defined_in else "the default"
        why = f"the key does not begin with {marked}" if key and marked else unmarked
    else:
        why = f"the key begins with {by_key.key_prefix}"
    return Placed(by_key, None), choose(rows, why=why)


def _row_url(provider: ProviderRow, row: EndpointRow) -> Candidate[str]:
    """Return the base URL that a row gives, ours or one of the user's own settings."""
    url = row.base_urls[0][1]
    if not provider.defined_in:
        return Candidate(url, Origin.ROW, f"shipped row {row.id}")
    name = f"providers.{provider.id}.base_url"
    return Candidate(url, Origin.CONFIG, provider.defined_in, name)


def _misplaced(error: ConfigurationError, wish: Candidate[str]) -> HermesError:
    """Return the error with the place the base URL came from and the way to drop it."""
    kind = UsageError if wish.origin is Origin.FLAG else ConfigurationError
    return kind(f"{wish.where}: {error.message}", remedy=f"To go on without it: {wish.drop}.")


def _wire(
    endpoint: EndpointRow,
    placed: Placed,
    url: Chosen[str],
    wishes: tuple[Candidate[str], ...],
    facts: Facts,
) -> Chosen[Wire]:
    """Return the wire: asked for, spoken of by the base URL, remembered, or the row's first."""
    candidates: list[Candidate[Wire]] = []
    for wish in wishes:
        known: dict[str, Wire] = {wire: wire for wire in endpoint.wires}
        if wish.value == "auto":
            continue
        if wish.value not in known:
            raise ConfigurationError(
                f"{wish.where} asks for a wire that the {endpoint.name} does not speak: it has "
                f"{' and '.join(endpoint.wires)}.",
                remedy=f"{wish.drop} drops it.",
            )
        candidates.append(Candidate(known[wish.value], wish.origin, wish.where, wish.name))
    if placed.wire is not None and placed.wire in endpoint.wires:
        candidates.append(Candidate(placed.wire, url.origin, f"path of {url.where}", url.name))
    learnt = facts.wires.get(endpoint.base_urls[0][1])
    if learnt is not None and learnt.wire in endpoint.wires:
        place_learnt = f"the endpoint refused our name elsewhere on {learnt.at[:10]}"
        candidates.append(Candidate(learnt.wire, Origin.REMEMBERED, place_learnt))
    # Every row we ship is of a product; others say nothing but their base URL.
    shipped = Candidate(endpoint.wires[0], Origin.ROW, f"shipped row {endpoint.id}")
    unsaid = Candidate(endpoint.wires[0], Origin.DEFAULT, "the default")
    candidates.append(shipped if endpoint.product else unsaid)
    return choose(candidates)


def _id_sent(
    endpoint: EndpointRow, row: ModelRow | None, live: LiveList | None, model_id: str
) -> str:
    """Return the id the endpoint gets: another one only for an alias of ours it does not list."""
    if row is None or (live is not None and live.model(model_id)):
        return model_id
    return row.id_sent_to(endpoint.id)


def _rows_for_window(
    provider: ProviderRow, endpoint: EndpointRow, row: ModelRow | None
) -> tuple[ModelRow, ...]:
    """Return the rows that may tell the window: the endpoint's; off our hosts, all of that id."""
    if row is None or endpoint in provider.endpoints:
        return (row,) if row else ()
    return tuple(other for other in provider.every_model() if other.id == row.id)


def window_of(
    model_ids: Sequence[str],
    *,
    rows: Sequence[ModelRow],
    live: LiveList | None,
    limit: tuple[int, int | None, str] | None,
) -> Chosen[int]:
    """
    Return a model's context window in tokens, with its source and what it beat.

    `model_ids` are the id asked for and the id sent; `limit` is (tokens, the live number
    of that day, the day) as learnt from an error. The order is: learnt, live, shipped
    rows (the smallest), the stated fallback. A learnt limit falls when the live number
    has changed.
    """
    candidates: list[Candidate[int]] = []
    entries = [live.model(name) for name in model_ids] if live else []
    told = next((entry.context_tokens for entry in entries if entry and entry.context_tokens), None)
    if limit is not None and limit[1] == told:
        candidates.append(Candidate(limit[0], Origin.LEARNT, f"learnt on {limit[2][:10]}"))
    if told is not None and live is not None:
        candidates.append(Candidate(told, Origin.LIVE, f"GET /models of {live.at[:10]}"))
    if rows:
        tokens = min(row.context_tokens for row in rows)
        candidates.append(Candidate(tokens, Origin.ROW, f"shipped row {rows[0].id}"))
    fallback = "fallback: nobody told this model's window"
    candidates.append(Candidate(FALLBACK_CONTEXT_TOKENS, Origin.DEFAULT, fallback))
    return choose(candidates)
