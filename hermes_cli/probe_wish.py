"""The setting `providers.ID.probe`: may every region of a key's product be asked?"""

from agent.catalog.rows import ProviderRow
from agent.errors import ConfigurationError
from hermes_cli.config import Settings

PROBE_WISHES = ("ask", "always", "never")
"""What the setting takes. The first word is the default."""


def probe_wish(row: ProviderRow, settings: Settings) -> str:
    """
    Return the setting for a provider: one of `PROBE_WISHES`.

    Raises ConfigurationError for another word.
    """
    found = settings.setting("providers", row.id, "probe")
    wish = found.value.lower() if found else PROBE_WISHES[0]
    if found and wish not in PROBE_WISHES:
        raise ConfigurationError(
            f"{found.where}: {found.name} is none of {', '.join(PROBE_WISHES)}.",
            remedy=f"`hermes config set {found.name} {PROBE_WISHES[0]}` sets the usual one.",
        )
    return wish
