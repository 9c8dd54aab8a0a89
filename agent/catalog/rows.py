"""The types of the rows: what can be known about a provider, an endpoint and a model."""

from collections.abc import Iterator
from typing import Literal
from urllib.parse import urlsplit

import msgspec

Wire = Literal["chat", "messages"]
UsageShape = Literal["", "plan", "balance"]

ThinkingControl = Literal["", "toggle", "toggle-keep", "always", "effort", "thinking-effort"]
"""
How a model's thinking is steered on the chat wire.

`toggle`: `thinking.type` enabled or disabled. `toggle-keep`: the same, with `keep: "all"`, without
which it forgets earlier reasoning. `always`: it cannot be turned off, and nothing is sent.
`effort`: top-level `reasoning_effort`, and never `thinking`. `thinking-effort`: an effort inside
`thinking`, and never `reasoning_effort`. Empty: it does not think, or nothing is known.
"""

FALLBACK_CONTEXT_TOKENS = 32_768
"""The window of a model that neither a row nor an endpoint's answer knows."""


class ModelRow(msgspec.Struct, frozen=True, kw_only=True):
    """
    What is known of one model id at one endpoint.

    Windows and outputs are in tokens; prices are per million tokens in `currency`,
    0 where a subscription covers them and None where nobody told. `first_day` and
    `last_day` are ISO days (or a month), empty if not known; a last day is past.
    `family` is shared by ids of different endpoints that name the same model.
    `tools_unasked` is False where the model is too small to talk well beside tools, so that they
    are offered only to who asks for them.
    `tool_choices` are the words it takes while it thinks; a tool's name is none of them.
    `temperature` is sent with each request on the chat wire; None leaves it to the endpoint.
    `served_as` holds pairs (endpoint id, model id): the id is an alias of ours, and
    that is what is sent there.
    """

    id: str
    context_tokens: int
    source: str
    family: str = ""
    output_tokens: int | None = None
    default_output_tokens: int | None = None
    thinking: Literal["only", "both", "no"] = "no"
    thinking_control: ThinkingControl = ""
    efforts: tuple[str, ...] = ()
    default_effort: str = ""
    image: bool | None = None
    video: bool | None = None
    tools: bool = True
    tools_unasked: bool = True
    tool_choices: tuple[str, ...] = ("auto", "none")
    temperature: float | None = None
    currency: str = "USD"
    price_in: float | None = None
    price_cached: float | None = None
    price_out: float | None = None
    first_day: str = ""
    last_day: str = ""
    closed: str = ""
    mark: Literal["confirmed", "reported"] = "confirmed"
    note: str = ""
    served_as: tuple[tuple[str, str], ...] = ()

    def id_sent_to(self, endpoint_id: str) -> str:
        """Return the model id that is sent to an endpoint for this row."""
        return dict(self.served_as).get(endpoint_id, self.id)

    @property
    def standing(self) -> str:
        """What a picker says beside the id: an alias, a last day, or nothing."""
        words = []
        if self.served_as:
            words.append("alias of ours")
        if self.last_day:
            words.append(f"{self.closed or 'closed'} {self.last_day}")
        return ", ".join(words)


class EndpointRow(msgspec.Struct, frozen=True, kw_only=True):
    """
    One place that answers, with one set of keys.

    `key_prefix` is what its keys begin with, in lower case; empty where they have no
    mark of their own. `base_urls` are pairs (wire, URL), the preferred wire first.
    `product` is shared by regional twins: a key of one may be shown to the other.
    `refuses_unknown_clients` are the wires that answer 403 to a client's name.
    `key_header` carries the key: `Authorization` as a Bearer, any other the key alone.
    `lists_models` is False where the rows are all there is and nobody can be asked.
    `usage_path`, below the chat base URL, tells what is left: of a `plan` its windows, or the
    account's `balance` in `balance_currency`; empty where nobody tells.
    `rotates_keys` says that a key at its limit may be replaced by another one of the user's:
    not where that would evade the limit of a membership.
    `interactive_only` says that its keys are for a person at work and not for batches.
    `known_as` are its names, and those of its key's variable, in other programs' files.
    """

    id: str
    name: str
    base_urls: tuple[tuple[Wire, str], ...]
    source: str
    product: str = ""
    region: str = ""
    key_prefix: str = ""
    console: str = ""
    quirks: frozenset[str] = frozenset()
    refuses_unknown_clients: tuple[Wire, ...] = ()
    lists_models: bool = True
    key_header: str = "Authorization"
    usage_path: str = ""
    usage_shape: UsageShape = ""
    balance_currency: str = ""
    rotates_keys: bool = False
    interactive_only: bool = False
    known_as: tuple[str, ...] = ()
    models: tuple[ModelRow, ...] = ()

    @property
    def wires(self) -> tuple[Wire, ...]:
        """The wires it speaks, the preferred one first."""
        return tuple(wire for wire, _ in self.base_urls)

    @property
    def hosts(self) -> frozenset[str]:
        """The host names of its base URLs, lower case."""
        return frozenset(urlsplit(url).hostname or "" for _, url in self.base_urls) - {""}

    def base_url(self, wire: Wire) -> str:
        """Return the base URL for a wire; KeyError if it does not speak it."""
        return dict(self.base_urls)[wire]

    @property
    def open_models(self) -> tuple[ModelRow, ...]:
        """The rows of its models that have no last day."""
        return tuple(row for row in self.models if not row.last_day)

    def model(self, model_id: str) -> ModelRow | None:
        """Return the row of a model id at this endpoint, or None."""
        return next((row for row in self.models if row.id == model_id), None)


class ProviderRow(msgspec.Struct, frozen=True, kw_only=True):
    """
    Who answers: a name to choose, the variables its key may stand in, its endpoints.

    `default_endpoint` is where a key without a mark of its own goes. `models` is the
    list a picker shows first, in order, at every endpoint. `foreign_prefixes` are
    pairs (prefix, vendor) of keys that are refused here, `misnomers` pairs (name, model id) of
    what other programs call models and no endpoint does. `exercised` is False where
    we know only the names and the URL and have never seen an answer. `runs_here` says
    that its model is started on this machine when it is asked. `defined_in` is the place in
    the user's own settings that defines it, and empty for what we ship.
    """

    id: str
    name: str
    auth_type: Literal["api_key", "none"] = "api_key"
    key_needed: bool = True
    aliases: tuple[str, ...] = ()
    key_variables: tuple[str, ...] = ()
    base_url_variable: str = ""
    usual_key_prefix: str = ""
    foreign_prefixes: tuple[tuple[str, str], ...] = ()
    endpoints: tuple[EndpointRow, ...] = ()
    default_endpoint: str = ""
    models: tuple[ModelRow, ...] = ()
    default_model: str = ""
    misnomers: tuple[tuple[str, str], ...] = ()
    exercised: bool = False
    runs_here: bool = False
    defined_in: str = ""

    def endpoint(self, endpoint_id: str) -> EndpointRow:
        """Return an endpoint by its id; KeyError if there is none."""
        for row in self.endpoints:
            if row.id == endpoint_id:
                return row
        raise KeyError(endpoint_id)

    def of_product(self, product: str) -> tuple[EndpointRow, ...]:
        """Return the endpoints of a product: the regional twins; none for an empty name."""
        return tuple(row for row in self.endpoints if product and row.product == product)

    def model_at(self, endpoint: EndpointRow, model_id: str) -> ModelRow | None:
        """Return the row of a model id: the endpoint's, else the provider's, else None."""
        own = endpoint.model(model_id)
        return own or next((row for row in self.models if row.id == model_id), None)

    def every_model(self) -> Iterator[ModelRow]:
        """Yield all rows of all endpoints, then the provider's own list."""
        for endpoint in self.endpoints:
            yield from endpoint.models
        yield from self.models
