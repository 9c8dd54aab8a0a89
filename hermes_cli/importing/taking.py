"""Storing the keys that the user said yes to, under the names of the programs they come from."""

from collections.abc import Iterable

from hermes_cli.config import get_keys_path
from hermes_cli.importing.offers import Offer
from hermes_cli.key_file import NamedKey, add_key


def take(offers: Iterable[Offer], *, day: str) -> list[Offer]:
    """
    Store the keys of the offers in `keys.toml`, unverified, and return those that are stored.

    `day` is an ISO day. Nothing is sent. Raises ConfigurationError, and BrokenFile; the keys
    before the failed one are stored then.
    """
    stored = []
    for offer in offers:
        named = NamedKey(
            provider=offer.provider.id,
            name=offer.name,
            key=offer.found.key,
            endpoint=offer.route.endpoint.id,
            added=day,
        )
        add_key(get_keys_path(), named)
        stored.append(offer)
    return stored
