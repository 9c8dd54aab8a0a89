"""Every setting and variable that can be shown, set or dropped by its name, and what it takes."""

import difflib
import shlex
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Literal, get_args

import msgspec

from agent.base_url import place
from agent.catalog import PROVIDERS, find
from agent.catalog.local import MODEL_FILE_VARIABLE
from agent.catalog.rows import ProviderRow
from agent.choice import Candidate
from agent.errors import ConfigurationError, UsageError
from agent.keys import ApiKey, clean_setting
from hermes_cli.agent_settings import (
    AGENT_SETTINGS,
    RULE_SETTINGS,
    check_agent_setting,
    checked_rule,
)
from hermes_cli.auth import find_provider, model_file
from hermes_cli.config import (
    Settings,
    get_config_path,
    get_env_path,
    write_settings,
    write_variables,
)
from hermes_cli.fallback import FORM, entry_of
from hermes_cli.hosts import checked_host
from hermes_cli.key_sources import keys_of
from hermes_cli.probe_wish import PROBE_WISHES
from hermes_cli.report import checked_model, key_document, shown_url
from hermes_cli.user_providers import every_provider

ListKind = Literal["command", "hosts", "fallback", "rules"]
Kind = Literal[
    "provider",
    "model",
    "base URL",
    "wire",
    "probe",
    "model file",
    "key",
    "key name",
    "text",
    "agent",
]

WIRES = ("chat", "messages", "auto")

_OF_KEYS: tuple[tuple[str, Kind | ListKind], ...] = (
    ("key", "key name"),
    ("key_command", "command"),
    ("keyring", "text"),
    ("granted_hosts", "hosts"),
)
_OF_ROWS: tuple[tuple[str, Kind | ListKind], ...] = (
    ("base_url", "base URL"),
    ("wire", "wire"),
    ("probe", "probe"),
    *_OF_KEYS,
)
_OF_DEFINED: tuple[tuple[str, Kind | ListKind], ...] = (
    ("base_url", "base URL"),
    ("wire", "wire"),
    ("key_variable", "text"),
    ("name", "text"),
    *_OF_KEYS,
)


class Name(msgspec.Struct, frozen=True, kw_only=True):
    """
    Something that can be shown, set or dropped.

    `path` leads to it in `config.toml`, and is empty for a variable. `row` is the provider
    it belongs to, if it belongs to one. A list is one text here: words as for a shell for
    `command`, and separated by commas for the others.
    """

    text: str
    kind: Kind | ListKind
    path: tuple[str, ...] = ()
    row: ProviderRow | None = None

    @property
    def is_list(self) -> bool:
        """Say whether the file holds a list of texts."""
        return self.kind in get_args(ListKind)

    def candidates(self, settings: Settings) -> tuple[Candidate[str], ...]:
        """Return what is set under this name, strongest first."""
        if not self.path:
            return settings.variable(self.text)
        if self.is_list:
            listed = settings.texts(*self.path)
            if listed is None:
                return ()
            words = self.joined(listed.value)
            return (Candidate(words, listed.origin, listed.where, listed.name),)
        found = settings.setting(*self.path)
        return (found,) if found else ()

    def rivals(self, settings: Settings) -> tuple[Candidate[str], ...]:
        """Return what is set for the same thing under any name, strongest first."""
        if self.kind == "model file":
            named = model_file(settings)
            return (named,) if named else ()
        if self.kind == "base URL" and self.row is not None:
            variable = self.row.base_url_variable
            set_here = settings.setting("providers", self.row.id, "base_url")
            exported = settings.variable(variable) if variable else ()
            return (*exported, *((set_here,) if set_here else ()))
        if self.kind == "key name" and self.row is not None:
            return (*self._exported(settings), *self.candidates(settings))
        return self.candidates(settings)

    def _exported(self, settings: Settings) -> Iterator[Candidate[str]]:
        """Yield the shell's keys, as fingerprints: they beat every stored key."""
        for found in settings.variables(self.row.key_variables if self.row else ()):
            if found.where.startswith("shell "):
                words = ApiKey(clean_setting(found.value)).fingerprint
                yield Candidate(words, found.origin, found.where, found.name)

    @property
    def file(self) -> Path:
        """The file it is written to."""
        return get_config_path() if self.path else get_env_path()

    def write(self, value: str | None) -> None:
        """Set it in its file, or drop it from there where the value is None."""
        if not self.path:
            write_variables({self.text: value})
        elif self.is_list and value is not None:
            write_settings({self.path: self.words(value)})
        else:
            write_settings({self.path: value})

    def words(self, value: str) -> tuple[str, ...]:
        """Return the texts of a list. Raises UsageError for quotes that are not closed."""
        if self.kind != "command":
            return tuple(word.strip() for word in value.split(",") if word.strip())
        try:
            return tuple(shlex.split(value))
        except ValueError:
            raise UsageError(
                f"A quote in the value for {self.text} is not closed. Nothing was written.",
                remedy=f"`hermes config set {self.text} 'PROGRAM ARGUMENT'` sets it.",
            ) from None

    def joined(self, texts: Sequence[str]) -> str:
        """Return the texts of a list as one text."""
        return shlex.join(texts) if self.kind == "command" else ", ".join(texts)

    def shown(self, value: str) -> str:
        """Return the value as it may be shown: a key as its fingerprint."""
        marks = {row.usual_key_prefix for row in PROVIDERS}
        if self.kind == "key" or any(ApiKey(value).starts_with(mark) for mark in marks):
            return ApiKey(clean_setting(value)).fingerprint
        return shown_url(value) if self.kind == "base URL" else value

    def in_json(self, value: str) -> str | list[str] | dict[str, str]:
        """Return the value for JSON: a list as it stands in the file."""
        if self.kind == "key":
            return key_document(ApiKey(clean_setting(value)))
        return list(self.words(value)) if self.is_list else self.shown(value)


def every_name(settings: Settings) -> Iterator[Name]:
    """Yield every name we know: settings, then variables."""
    yield Name(text="provider", kind="provider", path=("provider",))
    yield Name(text="model", kind="model", path=("model",))
    yield Name(text="fallback", kind="fallback", path=("fallback",))
    for path in AGENT_SETTINGS:
        yield Name(text=".".join(path), kind="agent", path=path)
    for path in RULE_SETTINGS:
        yield Name(text=".".join(path), kind="rules", path=path)
    for row in PROVIDERS:
        kinds: tuple[tuple[str, Kind | ListKind], ...] = (("model_file", "model file"),)
        yield from _in_table(row, kinds if row.runs_here else _OF_ROWS)
    for name in settings.tables("providers"):
        if find(name) is None:
            yield from _in_table(ProviderRow(id=name, name=name), _OF_DEFINED)
    for row in every_provider(settings):
        for variable in row.key_variables:
            yield Name(text=variable, kind="key", row=row)
        if row.base_url_variable:
            yield Name(text=row.base_url_variable, kind="base URL", row=row)
    yield Name(text=MODEL_FILE_VARIABLE, kind="model file")


def _in_table(row: ProviderRow, kinds: Sequence[tuple[str, Kind | ListKind]]) -> Iterator[Name]:
    for key, kind in kinds:
        path = ("providers", row.id, key)
        yield Name(text=".".join(path), kind=kind, path=path, row=row)


def canonical(text: str) -> str:
    """Return a name with a provider's alias in it replaced by the provider's id."""
    first, *rest = text.strip().split(".")
    row = find(rest[0]) if first == "providers" and rest else None
    return ".".join([first, row.id, *rest[1:]]) if row else text.strip()


def find_name(text: str, settings: Settings) -> Name:
    """Return a known name. Raises UsageError with the nearest one, and never repeats the text."""
    # The text may be a key that was meant for the prompt of `hermes setup`.
    names = {name.text: name for name in every_name(settings)}
    name = names.get(canonical(text))
    if name is None:
        near = _nearest(canonical(text), list(names))
        meant = f" Is `{near}` meant?" if near else ""
        raise UsageError(
            f"There is no setting or variable of that name.{meant}",
            remedy="`hermes config --help` lists them; `hermes explain` shows those in use.",
        )
    return name


def _nearest(text: str, names: Sequence[str]) -> str:
    """Return the name that ends in a text, or else is spelled most like it; may be empty."""
    whole = {name.lower(): name for name in reversed(names)}
    ending = (name for name in names if name.lower().endswith(f".{text.lower()}"))
    alike = difflib.get_close_matches(text.lower(), whole, n=1)
    return next(ending, whole[alike[0]] if alike else "")


def names_listed() -> str:
    """Return the settings and the shipped providers' variables, in two paragraphs."""
    settings = (
        "provider, model, fallback",
        *(".".join(path) for path in (*AGENT_SETTINGS, *RULE_SETTINGS)),
        *(f"providers.ID.{key}" for key, _ in _OF_ROWS),
        "providers.local.model_file",
    )
    variables = [
        name for row in PROVIDERS for name in (*row.key_variables, row.base_url_variable) if name
    ]
    return (
        f"Settings: {', '.join(settings)}. `hermes providers` lists the IDs.\n\n"
        f"Variables: {', '.join((*variables, MODEL_FILE_VARIABLE))}."
    )


# --- what each takes ----------------------------------------------------------------------


def checked_value(known: Name, value: str, settings: Settings) -> str:
    """Return the value to write. Raises HermesError for one that could not be used."""
    match known.kind:
        case "provider":
            return "auto" if value.lower() == "auto" else find_provider(value).id
        case "model":
            checked_model(value)
        case "model file":
            return _checked_file(value)
        case "probe":
            _check_choice(known, value, PROBE_WISHES)
        case "agent":
            check_agent_setting(known.text, value)
        case "fallback" | "hosts" | "rules":
            return ", ".join(_checked_item(known, item, settings) for item in known.words(value))
        case "command" | "text":
            _refuse_keys(known, value)
            return known.joined(known.words(value)) if known.is_list else value
        case _ if known.row is not None:
            _check_of_row(known, value, known.row, settings)
        case _:
            pass
    return value


def _refuse_keys(known: Name, value: str) -> None:
    """Raise UsageError if a word of the value begins as a key does; it is not repeated."""
    prefixes = {row.usual_key_prefix for row in PROVIDERS}
    if any(ApiKey(word).starts_with(prefix) for word in value.split() for prefix in prefixes):
        raise UsageError(
            f"What is given for {known.text} looks like a key, which config.toml never holds. "
            "Nothing was written.",
            remedy="`hermes key add NAME` takes a key hidden.",
        )


def _check_of_row(known: Name, value: str, row: ProviderRow, settings: Settings) -> None:
    """Raise UsageError for a value that this provider could not use."""
    if known.kind == "base URL":
        _check_base_url(known, value, row)
    elif known.kind == "wire":
        _check_choice(known, value, WIRES)
        _check_wire(value, row, settings)
    elif known.kind == "key name":
        _check_key_name(value, row, settings)


def _check_choice(known: Name, value: str, choices: tuple[str, ...]) -> None:
    if value not in choices:
        raise UsageError(
            f"{known.text} is one of {', '.join(choices)}. Nothing was written.",
            remedy=f"`hermes config set {known.text} {choices[0]}` sets the first.",
        )


def _check_base_url(known: Name, value: str, row: ProviderRow) -> None:
    remedy = f"Nothing was written. `hermes config set {known.text} https://HOST/v1` sets one."
    if "://" not in value:
        # It may be a key that was meant for the prompt of `hermes setup`: never repeated.
        raise UsageError("The value is not an http or https URL.", remedy=remedy)
    try:
        place(value, row)
    except ConfigurationError as error:
        raise UsageError(error.message, remedy=remedy) from None


def _check_wire(value: str, row: ProviderRow, settings: Settings) -> None:
    """Raise UsageError for a wire that the provider's endpoint does not speak."""
    variables = settings.variable(row.base_url_variable) if row.base_url_variable else ()
    overridden = variables or settings.setting("providers", row.id, "base_url")
    spoken = {wire for endpoint in row.endpoints for wire in endpoint.wires}
    if value == "auto" or overridden or not spoken or value in spoken:
        return
    raise UsageError(
        f"{row.name} does not speak the wire {value}: it has {' and '.join(sorted(spoken))}. "
        "Nothing was written.",
        remedy="`hermes providers` shows each one's wire.",
    )


def _check_key_name(value: str, row: ProviderRow, settings: Settings) -> None:
    names = [named.name for named in keys_of(row, settings)]
    if value not in names:
        # It may be the key itself: never repeated.
        there = f"there are: {', '.join(names)}" if names else "there is none"
        raise UsageError(
            f"No key of {row.name} is stored under that name; {there}. Nothing was written.",
            remedy="`hermes key add NAME` stores one; `hermes key list` shows all.",
        )


def _checked_item(known: Name, item: str, settings: Settings) -> str:
    """Return one host, or one `provider/model` of the fallback chain, as it is written."""
    if known.kind == "hosts":
        return checked_host(item)
    if known.kind == "rules":
        return checked_rule(item)
    try:
        entry = entry_of(item, settings)
    except ConfigurationError as error:
        raise UsageError(
            f"{error.message} {FORM} Nothing was written.",
            remedy="`hermes config set fallback PROVIDER/MODEL,PROVIDER` sets a chain of two; "
            "`hermes providers` lists them.",
        ) from None
    return entry.text if "/" in item else entry.provider


def _checked_file(value: str) -> str:
    path = Path(value).expanduser().absolute()
    if not path.is_file():
        raise UsageError(
            f"{path} is not a file. Nothing was written.",
            remedy="`hermes config set providers.local.model_file FILE` takes a GGUF file.",
        )
    return str(path)
