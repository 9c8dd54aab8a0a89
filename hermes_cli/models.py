"""The model lists and names people script against, views of the rows; and the refresh."""

from agent.catalog import PROVIDERS
from agent.learnt import Facts, Learnt
from hermes_cli.config import get_state_path

_PROVIDER_MODELS: dict[str, list[str]] = {
    row.id: [model.id for model in row.models] for row in PROVIDERS if row.models
}
_PROVIDER_ALIASES: dict[str, str] = {alias: row.id for row in PROVIDERS for alias in row.aliases}
_PROVIDER_LABELS: dict[str, str] = {row.id: row.name for row in PROVIDERS}


def open_learnt() -> Learnt:
    """Return the store of what was learnt, in `$HERMES_HOME/hermes-kimi.db`."""
    return Learnt(get_state_path())


def read_facts() -> Facts:
    """Return what was learnt, as values; nothing if nothing was. Raises BrokenFile."""
    return open_learnt().read()
