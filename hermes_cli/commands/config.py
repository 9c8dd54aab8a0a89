"""`hermes config`: show, set and drop one setting or variable; the command that remedies name."""

import click

from agent.base_url import place
from agent.choice import Chosen, Origin, choose
from agent.errors import HermesError, UsageError
from hermes_cli import storage
from hermes_cli.arguments import key_on_command_line
from hermes_cli.config import Settings, read_settings, unset_line
from hermes_cli.report import (
    JSON_OPTION,
    aligned,
    files_document,
    place_of,
    tell_conflicts,
    told,
)
from hermes_cli.setting_names import (
    Name,
    canonical,
    checked_value,
    every_name,
    find_name,
    names_listed,
)
from hermes_cli.ui.style import notice, print_json, say


@click.group(
    "config", context_settings={"help_option_names": ["-h", "--help"]}, epilog=names_listed()
)
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
    """Show what NAME is set to, and where.

    NAME may be a table, such as `providers` or `limits`. A key is shown as its fingerprint.
    """
    settings = read_settings()
    tell_conflicts()
    prefix = f"{canonical(name)}."
    table = [known for known in every_name(settings) if known.text.startswith(prefix)]
    if table:
        return _get_table(prefix[:-1], table, settings, as_json=as_json)
    known = find_name(name, settings)
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
    """Set NAME to VALUE.

    A setting is written to config.toml, a variable to .env; a key to neither, see `hermes key`.
    A list is one VALUE, with commas between its entries; a command is written as for a shell.
    """
    settings = read_settings()
    known = find_name(name, settings)
    if known.kind == "key":
        raise key_on_command_line()
    if not value.strip():
        raise UsageError(
            f"The value for {known.text} is empty.",
            remedy=f"`hermes config unset {known.text}` drops it.",
        )
    kept = checked_value(known, value.strip(), settings)
    known.write(kept)
    rivals = known.rivals(read_settings())
    stronger = [rival for rival in rivals[:1] if (rival.name, rival.value) != (known.text, kept)]
    tell_conflicts()
    if as_json:
        beaten_by = [told(rival, known.shown) for rival in stronger]
        print_json(
            {
                "name": known.text,
                "value": known.in_json(kept),
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


# --- unset and path -----------------------------------------------------------------------


@command.command("unset")
@click.argument("name")
@JSON_OPTION
def unset(name: str, as_json: bool) -> None:
    """Drop NAME from .env or config.toml.

    For a shell variable, the line that drops it there is printed.
    """
    settings = read_settings()
    known = find_name(name, settings)
    candidates = known.candidates(settings)
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
    """Show the home and the four files in it."""
    files = files_document()
    if as_json:
        print_json(files)
        return
    for line in aligned(list(files.items())):
        say(line)
