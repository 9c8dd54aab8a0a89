"""What becomes of each key that was found: whose it is, where it belongs, whether we have it."""

from collections.abc import Iterable, Mapping
from enum import Enum

import msgspec
from msgspec.structs import replace

from agent.base_url import place
from agent.catalog import PROVIDERS
from agent.catalog.rows import EndpointRow, ProviderRow
from agent.choice import Candidate, Chosen, Origin
from agent.errors import AuthError, ConfigurationError
from agent.key_hosts import check_mark
from agent.keys import ApiKey
from agent.learnt import Facts
from agent.route import Route, Wishes, resolve
from hermes_cli.config import Settings
from hermes_cli.importing.found import Found, LeftOut, no_key_words
from hermes_cli.importing.owners import endpoint_at_host, known_endpoint, owner_of, vendor_of
from hermes_cli.report import shown_url


class Standing(Enum):
    """Whether a key is taken if the user says yes, and why not."""

    NEW = "new"
    HAVE = "have"
    SAME = "same"
    GATEWAY = "gateway"


class Offer(msgspec.Struct, frozen=True, kw_only=True):
    """
    A key that was found, with the Route it will have and its standing.

    `name` is what it will be stored as. `note` is a sentence that begins with a capital, or
    empty: why it is not taken, or what is corrected.
    """

    found: Found
    route: Route
    standing: Standing
    name: str = ""
    note: str = ""

    @property
    def provider(self) -> ProviderRow:
        """The provider that the key belongs to."""
        return self.route.provider.value

    @property
    def base_url_there(self) -> str:
        """Where the other program sends it, without what could be secret; may be empty."""
        return shown_url(self.found.base_url) if self.found.base_url else ""


def offers_of(
    found: Iterable[Found], settings: Settings, facts: Facts
) -> tuple[list[Offer], list[LeftOut]]:
    """
    Return an offer for every key of a provider of ours, and the keys in a wrong place.

    Keys of other providers are passed over. Nothing is sent and nothing is written.
    """
    offers: list[Offer] = []
    left_out: list[LeftOut] = []
    taken = {(named.provider, named.name) for named in settings.stored_keys}
    ours = _keys_we_have(settings)
    for each in found:
        row = owner_of(each.key, base_url=each.base_url, names=(each.name, each.kind))
        if row is None:
            continue
        vendor = vendor_of(each.key)
        if vendor not in ("", row.name):
            reason = f"holds what looks like a key of {vendor}, not of {row.name}"
            left_out.append(LeftOut(each.tool, each.place, reason))
            continue
        try:
            check_mark(row, each.key)
        except AuthError as error:
            left_out.append(LeftOut(each.tool, each.place, no_key_words(error)))
            continue
        offer = _offer(each, row, facts, _known(each.key, ours, offers))
        if offer.standing is Standing.NEW:
            name = _free_name(each.tool, row.id, taken)
            taken.add((row.id, name))
            offer = replace(offer, name=name)
        offers.append(offer)
    return offers, left_out


def _free_name(tool: str, provider: str, taken: set[tuple[str, str]]) -> str:
    name, number = tool, 1
    while (provider, name) in taken:
        number += 1
        name = f"{tool}-{number}"
    return name


def _keys_we_have(settings: Settings) -> dict[ApiKey, str]:
    """Return the keys that need neither the shell nor another program, each with its place."""
    names = [name for row in PROVIDERS for name in row.key_variables]
    found = {
        ApiKey(each.value): f"{each.name} in {each.where}"
        for each in settings.variables(names)
        if each.origin is Origin.DOTENV
    }
    return found | {named.key: f"stored as {named.name}" for named in settings.stored_keys}


def _known(
    key: ApiKey, ours: Mapping[ApiKey, str], offers: Iterable[Offer]
) -> tuple[Standing, str]:
    """Return how a key is known to us already, and the sentence about it."""
    if key in ours:
        return Standing.HAVE, f"You have this key already: {ours[key]}."
    for offer in offers:
        if offer.found.key == key and offer.standing is Standing.NEW:
            words = f"{offer.found.tool}: {offer.found.place.words}"
            return Standing.SAME, f"The same key as in {words}."
    return Standing.NEW, ""


def _offer(found: Found, row: ProviderRow, facts: Facts, known: tuple[Standing, str]) -> Offer:
    """Return the offer for a key: where it goes by our rule, and why if that is elsewhere."""
    by_rule = _resolved(found, row, facts)
    standing, note = known
    there = _endpoint_there(found, row)
    if there is None and found.base_url:
        return Offer(
            found=found,
            route=by_rule,
            standing=Standing.GATEWAY if standing is Standing.NEW else standing,
            note=note or _gateway_note(found, row),
        )
    if there is None or by_rule.place is not None:
        return Offer(found=found, route=by_rule, standing=standing, note=note)
    if there.product != by_rule.endpoint.product:
        return Offer(
            found=found,
            route=by_rule,
            standing=standing,
            note=note or _correction(found, there, by_rule),
        )
    route = _resolved(found, row, facts, there)
    return Offer(found=found, route=route, standing=standing, note=note)


def _resolved(
    found: Found, row: ProviderRow, facts: Facts, endpoint: EndpointRow | None = None
) -> Route:
    """Return the Route of a key alone or, within its product, at the endpoint it was used at."""
    place_words = found.place.words
    key = Candidate(found.key, Origin.CONFIG, place_words, found.name)
    urls: tuple[Candidate[str], ...] = ()
    if endpoint is not None:
        urls = (Candidate(endpoint.base_urls[0][1], Origin.CONFIG, place_words),)
    provider = Chosen(row, Origin.CONFIG, place_words)
    return resolve(provider, Wishes(keys=(key,), base_urls=urls), facts)


def _endpoint_there(found: Found, row: ProviderRow) -> EndpointRow | None:
    """Return the endpoint of ours that the other program sends the key to, or None."""
    if not found.base_url:
        known = known_endpoint(found.name)
        return known[1] if known and known[0] is row else None
    try:
        endpoint = place(found.base_url, row).endpoint
    except ConfigurationError:
        # A wrong path, or plain http, at a host that we know: the host still tells the place.
        endpoint = None
    if endpoint in row.endpoints:
        return endpoint
    at = endpoint_at_host(found.base_url)
    return at[1] if at and at[0] is row else None


def _gateway_note(found: Found, row: ProviderRow) -> str:
    return (
        f"It goes to {shown_url(found.base_url)}, which is none of {row.name}'s endpoints, so it "
        f"is not taken. If you want that: `hermes config set providers.{row.id}.base_url URL`, "
        "then `hermes key add`."
    )


def _correction(found: Found, there: EndpointRow, route: Route) -> str:
    told = shown_url(found.base_url) if found.base_url else f"the {there.name}"
    return (
        f"It goes to {told} there, but it looks like a {route.endpoint.product} key, which "
        f"belongs to {route.chat_base_url}: corrected here."
    )
