"""Whose a key is, by its mark and its variable, and the hosts it may go to; no I/O."""

from urllib.parse import urlsplit

from agent.catalog import PROVIDERS
from agent.catalog.rows import EndpointRow, ProviderRow
from agent.choice import Candidate, Chosen, Origin
from agent.errors import EgressRefused
from agent.keys import ApiKey, malformed

_VARIABLES = (Origin.ENVIRONMENT, Origin.DOTENV)


def marked_owner(key: ApiKey) -> tuple[ProviderRow, EndpointRow] | None:
    """Return the shipped provider and endpoint whose mark the key bears, or None."""
    for provider in PROVIDERS:
        for endpoint in provider.endpoints:
            if key.starts_with(endpoint.key_prefix):
                return provider, endpoint
    return None


def check_mark(provider: ProviderRow, key: ApiKey) -> None:
    """
    Raise AuthError for a key that is nothing but the mark of its provider's keys.

    It is what a half-copied key or a placeholder with dots or stars leaves.
    """
    marks = (*(endpoint.key_prefix for endpoint in provider.endpoints), provider.usual_key_prefix)
    mark = next(filter(key.is_only, marks), "")
    if mark:
        raise malformed(f"nothing follows its beginning, {mark}")


def owner_of(key: Candidate[ApiKey]) -> tuple[ProviderRow, EndpointRow] | None:
    """
    Return the shipped provider and endpoint that a key belongs to, or None.

    The mark of the key itself comes first, then the variable it stands in.
    """
    marked = marked_owner(key.value)
    if marked is not None:
        return marked
    for provider in PROVIDERS if key.origin in _VARIABLES else ():
        if key.name in provider.key_variables and provider.default_endpoint:
            return provider, provider.endpoint(provider.default_endpoint)
    return None


def hosts_of(
    provider: ProviderRow,
    endpoint: EndpointRow,
    key: Candidate[ApiKey],
    *,
    by_key: EndpointRow | None,
    is_named: bool,
    grants: frozenset[str],
) -> frozenset[str]:
    """
    Return the hosts that a key may go to.

    They are those of the product whose mark it bears, else of the provider's own product
    (`by_key`); the host of a base URL that the user named for this provider (`is_named`);
    and the `grants`. A provider that `config.toml` defines lends its host to no other
    provider's key: there only a grant helps, or a base URL named for this very request.
    """
    owner = owner_of(key) if provider.defined_in else marked_owner(key.value)
    if owner is None and by_key is not None:
        owner = (provider, by_key)
    named = (endpoint,) if is_named else ()
    if owner is None:
        return _hosts(named) | grants
    home, place = owner
    return _hosts((place, *home.of_product(place.product), *named)) | grants


def contradictions(
    provider: ProviderRow,
    key: Chosen[ApiKey],
    url: Candidate[str],
    endpoint: EndpointRow,
    *,
    by_key: EndpointRow | None,
    others: tuple[tuple[Candidate[ApiKey], EndpointRow | None], ...],
) -> tuple[str, ...]:
    """
    Return sentences about a key of another product than its base URL, or than another key.

    `by_key` is where the provider's rows place the key, `others` the keys it beat with theirs.
    """
    sentences = []
    owner = owner_of(key)
    if owner is not None and owner[0].id != provider.id:
        sentences.append(
            f"{key.name} ({key.where}) looks like a {owner[1].product} key, which belongs to "
            f"{owner[1].base_urls[0][1]} and not to {endpoint.base_urls[0][1]}. To drop it: "
            f"{key.drop}."
        )
    if by_key is None:
        return tuple(sentences)
    if endpoint.product and endpoint.product != by_key.product:
        sentences.append(
            f"{url.name} ({url.where}) sends the key {key.value.fingerprint} to "
            f"{url.value}, but it looks like a {by_key.product} key, which belongs "
            f"to {by_key.base_urls[0][1]}. To drop it: {url.drop}."
        )
    sentences += [
        f"{key.name} ({key.where}) is used, a {by_key.product} key; "
        f"{loser.name} ({loser.where}) holds a {other.product} key and is not."
        for loser, other in others
        if other is not None and other.product != by_key.product
    ]
    return tuple(sentences)


def misdirected(
    provider: ProviderRow, base_url: Candidate[str], key: Candidate[ApiKey] | None
) -> EgressRefused | None:
    """Return the refusal of a key at the host of a base URL, with who named that; or None."""
    host = urlsplit(base_url.value).hostname or ""
    if key is None or key.value.may_see(host):
        return None
    owner = owner_of(key)
    whose = f"belongs to the {owner[1].name}" if owner else "has other hosts"
    return EgressRefused(
        f"The key {key.value.fingerprint} ({key.where}) {whose} and was not sent to {host}, "
        f"the host that {_words(base_url)} names.",
        remedy=f"`hermes key grant {host} --provider {provider.id}` allows it, if you know whose "
        "host it is.",
    )


def _words(candidate: Candidate[str]) -> str:
    named = candidate.name and candidate.name not in candidate.where
    return f"{candidate.name} in {candidate.where}" if named else candidate.where


def _hosts(endpoints: tuple[EndpointRow, ...]) -> frozenset[str]:
    return frozenset(host for endpoint in endpoints for host in endpoint.hosts)
