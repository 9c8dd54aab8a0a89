"""The chain of `fallback` in `config.toml`: where a turn goes on when its Route cannot."""

import msgspec

from agent.choice import Candidate
from agent.errors import ConfigurationError
from hermes_cli.auth import find_provider
from hermes_cli.config import Settings
from hermes_cli.storage import edit_line

SETTING = "fallback"
"""The name of the setting: a list of `PROVIDER/MODEL` and `PROVIDER`."""

FORM = "The right form is PROVIDER/MODEL, or PROVIDER for its default model."


class Entry(msgspec.Struct, frozen=True):
    """One hop of the chain: a provider's id, a model's id, and the words that name them."""

    provider: str
    model: str
    text: str


def chain_of(settings: Settings) -> Candidate[list[str]] | None:
    """Return the chain as it is used, with where it is set, or None. Raises as `read_chain`."""
    found = settings.texts(SETTING)
    if found is None:
        return None
    texts = [entry.text for entry in read_chain(settings)]
    return Candidate(texts, found.origin, found.where, found.name)


def read_chain(settings: Settings) -> tuple[Entry, ...]:
    """
    Return the fallback chain, in order; empty if none is set.

    An entry is `PROVIDER/MODEL`, cut at the first slash, or `PROVIDER` alone for that
    provider's default model. Raises ConfigurationError with the line for one that is not.
    """
    found = settings.texts(SETTING)
    if found is None:
        return ()
    return tuple(
        _entry(text, f"{found.where}: entry {number} of `{SETTING}`", settings)
        for number, text in enumerate(found.value, start=1)
    )


def entry_of(text: str, settings: Settings) -> Entry:
    """Return one hop of the chain. Raises ConfigurationError for one that leads nowhere."""
    name, slash, model = (part.strip() for part in text.partition("/"))
    row = find_provider(name, settings)
    if slash and not model:
        raise ConfigurationError("It has no model after the slash.")
    if not (model or row.default_model):
        raise ConfigurationError(f"{row.name} has no default model, so one must be named.")
    model = model or row.default_model
    return Entry(row.id, model, f"{row.id}/{model}")


def _entry(text: str, place: str, settings: Settings) -> Entry:
    """Return one entry. Raises ConfigurationError that begins with its `place`."""
    try:
        return entry_of(text, settings)
    except ConfigurationError as error:
        raise _wrong(f"{place}: {error.message}", settings) from None


def _wrong(message: str, settings: Settings) -> ConfigurationError:
    return ConfigurationError(
        f"{message} {FORM}",
        remedy=f"`hermes providers` lists the providers; `{edit_line(settings.config_path)}` opens "
        "the file.",
    )
