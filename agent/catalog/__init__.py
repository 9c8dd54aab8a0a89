"""The rows of all providers, and the ways to find one; nothing is fetched, nothing decided."""

from agent.catalog.custom import CUSTOM
from agent.catalog.kimi import KIMI
from agent.catalog.local import LOCAL
from agent.catalog.others import OTHERS
from agent.catalog.rows import ProviderRow

PROVIDERS: tuple[ProviderRow, ...] = (KIMI, *OTHERS, LOCAL, CUSTOM)
"""Every provider, the first one first wherever a list is shown or a key is looked for."""


def find(name: str) -> ProviderRow | None:
    """Return the provider of an id or alias, in any case and with blanks around it, or None."""
    wanted = name.strip().lower()
    for row in PROVIDERS:
        if wanted == row.id or wanted in row.aliases:
            return row
    return None
