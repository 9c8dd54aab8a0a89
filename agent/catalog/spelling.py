"""Model ids that are spelled for somewhere else: what is meant, and what that is called here."""

import re
from collections.abc import Collection

from agent.catalog.rows import EndpointRow, ModelRow, ProviderRow

# Another program marks a model of 1,000,000 tokens so; on the wire it is no id (openclaw#111561).
_MARK = re.compile(r"\[[^\]]*\]$")


def meant(provider: ProviderRow, model_id: str) -> str:
    """Return the id that a spelling of other programs stands for; the id itself if it is none."""
    bare = _MARK.sub("", model_id)
    bare = dict(provider.misnomers).get(bare, bare)
    known = any(row.id == bare for row in provider.every_model())
    return bare if known else model_id


def called_here(
    provider: ProviderRow, endpoint: EndpointRow, model_id: str, offered: Collection[str]
) -> ModelRow | None:
    """
    Return the open model of an endpoint that an id means, by whatever name; None if there is none.

    `offered` are the ids that the endpoint is known to have.
    """
    wanted = meant(provider, model_id)
    open_here = [row for row in endpoint.open_models if row.id in offered]
    same = next((row for row in open_here if row.id == wanted), None)
    families = {row.family for row in provider.every_model() if row.id == wanted} - {""}
    return same or next((row for row in open_here if row.family in families), None)
