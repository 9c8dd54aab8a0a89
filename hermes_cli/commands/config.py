"""`hermes config`: show, set and drop one setting or variable; the command that remedies name."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import click

from agent.base_url import place
from agent.catalog import PROVIDERS, find
from agent.catalog.local import MODEL_FILE_VARIABLE
from agent.catalog.rows import ProviderRow
from agent.choice import Candidate, Chosen, Origin, choose
from agent.errors import ConfigurationError, HermesError, UsageError
from agent.keys import ApiKey, clean_setting
from hermes_cli import storage
from hermes_cli.auth import find_provider, model_file
from hermes_cli.config import (
    Settings,
    get_config_path,
    get_env_path,
    read_settings,
    unset_line,
    write_settings,
    write_variables,
)
from hermes_cli.report import (
    JSON_OPTION,
    aligned,
    checked_model,
    files_document,
    key_document,
    place_of,
    shown_url,
    tell_conflicts,
    told,
)
from hermes_cli.ui.style import notice, print_json, say

Kind = Literal["provider", "model", "base URL", "wire", "probe", "model file", "key"]

WIRES = ("chat", "messages", "auto")
PROBES = ("ask", "always", "never")


@dataclass(frozen=True, kw_only=True, slots=True)
class Name:
    """
    Something that can be shown, set or dropped.

    `path` leads to it in `config.toml`, and is empty for a variable. `row` is the provider
    it belongs to, if it belongs to one.
    """

    text: str
    kind: Kind
    path: tuple[str, ...] = ()
    row: ProviderRow | None = None

    def candidates(self, settings: Settings) -> tuple[Candidate[str], ...]:
        """Return what is set under this name, strongest first."""
        if not self.path:
            return settings.variable(self.text)
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
        return self.candidates(settings)

    @property
    def file(self) -> Path:
        """The file it is written to."""
        return get_config_path() if self.path else get_env_path()

    def write(self, value: str | None) -> None:
        """Set it in its file, or drop it from there where the value is None."""
        if self.path:
            write_settings({self.path: value})
        else:
            write_variables({self.text: value})

    def shown(self, value: str) -> str:
        """Return the value as it may be shown: a key as its fingerprint."""
        if self.kind == "key":
            return ApiKey(clean_setting(value)).fingerprint
        return shown_url(value) if self.kind == "base URL" else value

    def in_json(self, value: str) -> str | dict[str, str]:
        """Return the value for JSON."""
        if self.kind == "key":
            return key_document(ApiKey(clean_setting(value)))
        return self.shown(value)


def _names() -> Iterator[Name]:
    """Yield every name we know: settings, then variables."""
    yield Name(text="provider", kind="provider", path=("provider",))
    yield Name(text="model", kind="model", path=("model",))
    for row in PROVIDERS:
        kinds: tuple[tuple[str, Kind], ...] = (
            ("base_url", "base URL"),
            ("wire", "wire"),
            ("probe", "probe"),
        )
        for key, kind in (("model_file", "model file"),) if row.runs_here else kinds:
            path = ("providers", row.id, key)
            yield Name(text=".".join(path), kind=kind, path=path, row=row)
    for row in PROVIDERS:
        for variable in row.key_variables:
            yield Name(text=variable, kind="key", row=row)
        if row.base_url_variable:
            yield Name(text=row.base_url_variable, kind="base URL", row=row)
    yield Name(text=MODEL_FILE_VARIABLE, kind="model file")


def _canonical(text: str) -> str:
    """Return a name with a provider's alias in it replaced by the provider's id."""
    first, *rest = text.strip().split(".")
    row = find(rest[0]) if first == "providers" and rest else None
    return ".".join([first, row.id, *rest[1:]]) if row else text.strip()


def _found(text: str) -> Name:
    """Return a known name. Raises UsageError that lists them, and never repeats the text."""
    # The text may be a key that was meant for the prompt of `hermes setup`.
    name = next((name for name in _names() if name.text == _canonical(text)), None)
    if name is None:
        ids = "|".join(row.id for row in PROVIDERS if not row.runs_here)
        variables = ", ".join(name.text for name in _names() if not name.path)
        raise UsageError(
            "There is no setting or variable of that name. Settings: provider, model, "
            f"providers.ID.base_url, providers.ID.wire and providers.ID.probe with ID {ids}, "
            f"providers.local.model_file. Variables: {variables}.",
            remedy="`hermes explain` shows those in use.",
        )
    return name


@click.group("config", context_settings={"help_option_names": ["-h", "--help"]})
def command() -> None:
    """Show, set or drop a setting.

    NAME is a setting of config.toml (provider, model, providers.ID.base_url, ...) or a
    variable of .env (KIMI_BASE_URL, ...).
    """


# --- get ----------------------------------------------------------------------------------


@command.command("get")
@click.argument("name")
@JSON_OPTION
def get(name: str, as_json: bool) -> int:
    """Show what NAME is set to, and where; a key is shown as its fingerprint."""
    settings = read_settings()
    tell_conflicts()
    prefix = f"{_canonical(name)}."
    table = [known for known in _names() if known.text.startswith(prefix)]
    if table:
        return _get_table(prefix[:-1], table, settings, as_json=as_json)
    known = _found(name)
    candidates = known.candidates(settings)
    if not candidates:
        return _not_set(known, as_json=as_json)
    chosen = choose(candidates)
    if as_json:
        print_json({**told(chosen, known.in_json), "name": known.text})
        return 0
    say(known.shown(chosen.value))
    notice(f"from {place_of(chosen)}")
    for loser in chosen.beaten:
        notice(f"beats {known.shown(loser.value)} from {place_of(loser)}")
    return 0


def _not_set(known: Name, *, as_json: bool) -> int:
    if as_json:
        print_json({**told(Chosen(None, Origin.DEFAULT, "not set")), "name": known.text})
    remedy = f"`hermes config set {known.text} VALUE` sets it."
    if known.kind == "key":
        remedy = "`hermes setup` takes a key."
    raise HermesError(f"{known.text} is not set.", remedy=remedy)


def _get_table(name: str, table: list[Name], settings: Settings, *, as_json: bool) -> int:
    """Show every setting in a table of `config.toml`."""
    found = [(known, each) for known in table for each in known.candidates(settings)]
    if as_json:
        listed = [{**told(each, known.in_json), "name": known.text} for known, each in found]
        print_json({"name": name, "settings": listed})
    for known, each in () if as_json else found:
        say(f"{known.text} = {known.shown(each.value)}")
    if not found:
        raise HermesError(
            f"Nothing is set in {name}.", remedy="`hermes config set NAME VALUE` sets something."
        )
    return 0


# --- set ----------------------------------------------------------------------------------


@command.command("set")
@click.argument("name")
@click.argument("value")
@JSON_OPTION
def set_(name: str, value: str, as_json: bool) -> None:
    """Set NAME to VALUE, a setting in config.toml or a variable in .env; never a key."""
    known = _found(name)
    settings = read_settings()
    if known.kind == "key":
        raise UsageError(
            "A key is never taken as an argument: other processes and the shell's history see "
            "it. Nothing was written.",
            remedy="`hermes setup` takes it hidden; `hermes setup --key-stdin` takes it from a "
            "pipe.",
        )
    if not value.strip():
        raise UsageError(
            f"The value for {known.text} is empty.",
            remedy=f"`hermes config unset {known.text}` drops it.",
        )
    kept = _checked(known, value.strip(), settings)
    known.write(kept)
    rivals = known.rivals(read_settings())
    stronger = [rival for rival in rivals[:1] if (rival.name, rival.value) != (known.text, kept)]
    tell_conflicts()
    if as_json:
        beaten_by = [told(rival, known.shown) for rival in stronger]
        print_json(
            {
                "name": known.text,
                "value": known.shown(kept),
                "file": str(known.file),
                "beaten_by": beaten_by[0] if beaten_by else None,
            }
        )
        return
    say(f"{known.text} is {known.shown(kept)} now, in {storage.shown(known.file)}.")
    if known.kind == "base URL" and known.row is not None:
        say(f"Requests go to {place(kept, known.row).endpoint.base_urls[0][1]}.")
    for rival in stronger:
        say(
            f"{place_of(rival)} is stronger, so this has no effect yet. "
            f"`hermes config unset {rival.name}` drops that one."
        )


def _checked(known: Name, value: str, settings: Settings) -> str:
    """Return the value to write. Raises HermesError for one that could not be used."""
    if known.kind == "base URL" and known.row is not None:
        _check_base_url(value, known.row)
    elif known.kind == "wire" and known.row is not None:
        _check_choice(known, value, WIRES)
        _check_wire(value, known.row, settings)
    elif known.kind == "probe":
        _check_choice(known, value, PROBES)
    elif known.kind == "model":
        checked_model(value)
    elif known.kind == "provider":
        return "auto" if value.lower() == "auto" else find_provider(value).id
    elif known.kind == "model file":
        return _checked_file(value)
    return value


def _check_choice(known: Name, value: str, choices: tuple[str, ...]) -> None:
    if value not in choices:
        raise UsageError(
            f"{known.text} is one of {', '.join(choices)}. Nothing was written.",
            remedy=f"`hermes config set {known.text} {choices[0]}` sets the first.",
        )


def _check_base_url(value: str, row: ProviderRow) -> None:
    remedy = "A base URL looks like `https://HOST/v1`. Nothing was written."
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


def _checked_file(value: str) -> str:
    path = Path(value).expanduser().absolute()
    if not path.is_file():
        raise UsageError(
            f"{path} is not a file. Nothing was written.",
            remedy="`hermes config set providers.local.model_file FILE` takes a GGUF file.",
        )
    return str(path)


# --- unset and path -----------------------------------------------------------------------


@command.command("unset")
@click.argument("name")
@JSON_OPTION
def unset(name: str, as_json: bool) -> None:
    """Drop NAME from .env or config.toml; for a shell variable, print the line that drops it."""
    known = _found(name)
    candidates = known.candidates(read_settings())
    exported = [each for each in candidates if each.origin is Origin.ENVIRONMENT]
    kept = [each for each in candidates if each.origin is not Origin.ENVIRONMENT]
    known.write(None)
    tell_conflicts()
    if as_json:
        still = (
            {"where": exported[0].where, "command": unset_line(known.text)} if exported else None
        )
        removed = [{"where": each.where, "value": known.in_json(each.value)} for each in kept]
        print_json({"name": known.text, "removed": removed, "still_set": still})
        return
    for each in kept:
        say(f"{known.text} was {known.shown(each.value)} in {each.where}, and is removed.")
    for each in exported:
        say(f"The {each.where} is {known.shown(each.value)}. Only your shell can drop it, with:")
        say(unset_line(known.text))
    if not candidates:
        say(f"{known.text} is not set anywhere.")


@command.command("path")
@JSON_OPTION
def path(as_json: bool) -> None:
    """Show the home and the three files in it."""
    files = files_document()
    if as_json:
        print_json(files)
        return
    for line in aligned(list(files.items())):
        say(line)
