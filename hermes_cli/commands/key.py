"""`hermes key`: several keys by name, which one is used, and which hosts they may go to."""

import sys

import click

from agent.catalog import PROVIDERS
from agent.catalog.rows import ProviderRow
from agent.errors import AuthError, UsageError
from agent.route import Route
from hermes_cli.auth import Flags, choose_provider, find_provider, granted_hosts, route_for
from hermes_cli.config import (
    Settings,
    get_config_path,
    get_keys_path,
    read_settings,
    unset_line,
    write_settings,
)
from hermes_cli.hosts import checked_host
from hermes_cli.key_adding import Added, examine, store, store_in_os_keyring
from hermes_cli.key_check import check
from hermes_cli.key_file import NamedKey, remove_key
from hermes_cli.key_list import COLUMNS, block, cells, document, key_lines, orphan_notices
from hermes_cli.key_sources import candidate_of, fault_of
from hermes_cli.models import read_facts
from hermes_cli.plan import Task, place_name
from hermes_cli.report import (
    JSON_OPTION,
    aligned,
    error_document,
    key_document,
    place_of,
    tell_conflicts,
    told,
)
from hermes_cli.storage import shown
from hermes_cli.ui.prompt import open_prompter, read_input
from hermes_cli.ui.style import is_terminal, notice, print_json, say
from hermes_cli.ui.table import print_table
from hermes_cli.user_providers import every_provider

PROVIDER_OPTION = click.option("--provider", default="", metavar="ID", help="Whose key it is.")


@click.group("key", context_settings={"help_option_names": ["-h", "--help"]})
def command() -> None:
    """Keep several keys by name; check one, choose one, grant a host.

    A key is typed hidden or read from standard input, and never stands on the command line.
    """


command.add_command(check)


# --- add ----------------------------------------------------------------------------------


@command.command("add")
@click.argument("name", default="", metavar="[NAME]")
@PROVIDER_OPTION
@click.option("--stdin", is_flag=True, help="Read the key from standard input; a pipe is enough.")
@click.option("--probe", is_flag=True, help="Ask every region of the key's product.")
@click.option("--unchecked", is_flag=True, help="Ask nobody.")
@click.option("--any-key", is_flag=True, help="Take a key of any beginning.")
@click.option("--keyring", is_flag=True, help="Store it in the system's keyring instead.")
@JSON_OPTION
def add(name: str, provider: str, *, stdin: bool, as_json: bool, **options: bool) -> None:
    """Store a key as NAME, once its endpoint was asked about it.

    Without NAME it is called after its endpoint. Exits with 3 for what cannot be a key, 4 if
    the endpoint refuses it; nothing is saved then.
    """
    if options["probe"] and options["unchecked"]:
        raise UsageError(
            "--probe asks and --unchecked does not: take one of them.",
            remedy="`hermes key add NAME --probe` asks every region of the key's product.",
        )
    settings = read_settings()
    row = _row(provider, settings)
    for sentence in settings.notices:
        notice(sentence)
    task = Task(
        row=row,
        settings=settings,
        facts=read_facts(),
        probe=options["probe"],
        unchecked=options["unchecked"],
        command=f"hermes key add {name}".rstrip(),
    )
    added = examine(task, name, _pasted(row, stdin=stdin), any_key=options["any_key"])
    service = ""
    if options["keyring"]:
        before = settings.setting("providers", row.id, "keyring")
        service = store_in_os_keyring(added)
        if before is not None and before.value != service:
            notice(
                f"{before.name} ({before.where}) named {before.value}, which is not read any more. "
                f"`hermes config set {before.name} {before.value}` takes it back."
            )
    else:
        store(added, task)
    _tell_added(added, service, as_json=as_json)


def _pasted(row: ProviderRow, *, stdin: bool) -> str:
    """Return what was typed hidden, or what a pipe holds."""
    if not is_terminal(sys.stdin):
        return read_input()
    if stdin:
        raise UsageError(
            "--stdin reads a pipe or a file, and standard input is a terminal, which would show "
            "the key.",
            remedy="Run `hermes key add NAME`, or `hermes key add NAME --stdin < FILE`.",
        )
    return open_prompter().ask_secret(f"{row.name.partition(' / ')[0]} API key")


def _tell_added(added: Added, service: str, *, as_json: bool) -> None:
    """Say what was stored, what is proven of it, and which key is used."""
    settings = read_settings()
    used = _route(added.named.provider, settings)
    in_use = used is not None and used.key is not None and used.key.value == added.named.key
    if as_json:
        for sentence in added.notices:
            notice(sentence)
        print_json(
            {
                "name": added.named.name,
                "provider": added.named.provider,
                "key": key_document(added.named.key),
                "endpoint": added.named.endpoint,
                "base_url": added.route.base_url.value,
                "verdict": added.choice.checked[-1].verdict.value if added.choice.checked else None,
                "keyring": service or None,
                "file": None if service else str(get_keys_path()),
                "in_use": in_use,
            }
        )
        return
    done = "kept" if added.is_known and not service else "saved"
    say(f"✓ Key {added.named.name} {done} ({place_name(added.route)})", style="green")
    for sentence in added.notices:
        say(sentence)
    elsewhere = _other_in_use(added.named.provider, settings)
    if elsewhere:
        say(elsewhere)
    elif in_use:
        say('It is the key in use. Next: hermes chat -q "hello"')
    elif used is not None and used.key is not None:
        takes = f"`hermes key use {added.named.name}` takes this one."
        if service:  # what is in a keyring has no name that `key use` knows
            takes = "It comes before a keyring's; `hermes explain` shows what else is set."
        say(f"In use is {used.key.value.fingerprint}, from {place_of(used.key)}. {takes}")


# --- list ---------------------------------------------------------------------------------


@command.command("list")
@JSON_OPTION
def list_(as_json: bool) -> None:
    """Show every key there is, by its fingerprint.

    Stored ones, shell variables, lines of .env; with the endpoint each belongs to, what that
    last said to it, and which one is in use.
    """
    settings = read_settings()
    lines, failure = key_lines(settings, read_facts())
    in_use = next((line.route for line in lines if line.in_use and line.route), None)
    notices = (*(in_use.notices if in_use else ()), *orphan_notices(settings), *settings.notices)
    for sentence in notices:
        notice(sentence)
    if as_json:
        print_json(
            {
                "keys": [document(line) for line in lines],
                "file": str(settings.keys_path),
                "notices": list(notices),
                "error": error_document(failure),
            }
        )
        return
    if is_terminal(sys.stdout):
        for text in aligned([pair for line in lines for pair in block(line)]) if lines else ():
            say(text)
    elif lines:
        print_table("Keys", COLUMNS, [cells(line) for line in lines])
    if failure is not None:
        notice(f"{failure.message} {failure.remedy}".strip())
    elif not lines:
        say("There is no key yet: `hermes key add NAME` takes one.")


# --- use and remove -----------------------------------------------------------------------


@command.command("use")
@click.argument("name")
@PROVIDER_OPTION
@JSON_OPTION
def use(name: str, provider: str, *, as_json: bool) -> None:
    """Use the stored key NAME from now on.

    It goes before .env; a shell variable stays stronger, and is named.
    """
    settings = read_settings()
    named = _stored(name, provider, settings)
    _require_usable(named, settings)
    write_settings({("providers", named.provider, "key"): named.name})
    settings = read_settings()
    route = route_for(Flags(provider=named.provider), settings, read_facts())
    for sentence in (*route.notices, *settings.notices):
        notice(sentence)
    stronger = route.key if route.key and route.key.value != named.key else None
    if as_json:
        print_json(
            {
                "name": named.name,
                "provider": named.provider,
                "key": key_document(named.key),
                "file": str(get_config_path()),
                "beaten_by": told(stronger, key_document) if stronger else None,
            }
        )
        return
    say(f"Key {named.name} ({named.key.fingerprint}) is used for {route.provider.value.name} now.")
    if stronger is not None:
        say(
            f"{place_of(stronger)} is stronger, so this has no effect yet. "
            f"`{unset_line(stronger.name)}` drops that one."
        )
    elsewhere = _other_in_use(named.provider, settings)
    if elsewhere:
        say(elsewhere)
    elif stronger is None:
        say(f"Requests go to the {place_name(route)}.")


def _require_usable(named: NamedKey, settings: Settings) -> None:
    """Raise AuthError for a stored key that no request could carry; nothing is written then."""
    row = find_provider(named.provider, settings)
    fault = fault_of(row, candidate_of(settings, named))
    if fault is not None:
        raise fault


@command.command("remove")
@click.argument("name")
@PROVIDER_OPTION
@click.option("--yes", "-y", is_flag=True, help="Do not ask.")
@JSON_OPTION
def remove(name: str, provider: str, *, yes: bool, as_json: bool) -> None:
    """Drop a stored key; it stays valid at its endpoint."""
    settings = read_settings()
    named = _stored(name, provider, settings)
    if not yes and not _confirmed(named):
        say("Nothing was removed.")
        return
    remove_key(settings.keys_path, named.provider, named.name)
    chosen = settings.setting("providers", named.provider, "key")
    if chosen is not None and chosen.value == named.name:
        write_settings({("providers", named.provider, "key"): None})
    tell_conflicts()
    if as_json:
        print_json(
            {
                "name": named.name,
                "provider": named.provider,
                "key": key_document(named.key),
                "file": str(settings.keys_path),
            }
        )
        return
    say(f"Key {named.name} ({named.key.fingerprint}) is removed from {shown(settings.keys_path)}.")
    console = _console(named, settings)
    if console:
        say(f"It is still valid: only {console} can end it.")


def _console(named: NamedKey, settings: Settings) -> str:
    """Return where a stored key was issued; empty if that is not known, or its provider is gone."""
    rows = [row for row in every_provider(settings) if row.id == named.provider]
    endpoints = [each for row in rows for each in row.endpoints]
    return next((each.console for each in endpoints if each.id == named.endpoint), "")


def _confirmed(named: NamedKey) -> bool:
    if not is_terminal(sys.stdin):
        raise UsageError(
            "Removing a key wants a yes, and nobody can be asked here. Nothing was removed.",
            remedy=f"`hermes key remove {named.name} --yes` says it.",
        )
    question = f"Remove the key {named.name} ({named.key.fingerprint})?"
    return open_prompter().confirm(question, default=False)


# --- grant --------------------------------------------------------------------------------


@command.command("grant")
@click.argument("host")
@PROVIDER_OPTION
@click.option("--remove", "takes_back", is_flag=True, help="Take the grant back.")
@JSON_OPTION
def grant(host: str, provider: str, *, takes_back: bool, as_json: bool) -> None:
    """Let a provider's keys go to HOST too.

    HOST is a bare name, without https://, port and path.
    """
    name = checked_host(host)
    settings = read_settings()
    row = _row(provider, settings)
    before = granted_hosts(row, settings)
    after = before - {name} if takes_back else before | {name}
    if after != before:
        value = tuple(sorted(after)) or None
        write_settings({("providers", row.id, "granted_hosts"): value})
    tell_conflicts()
    if as_json:
        print_json(
            {
                "host": name,
                "provider": row.id,
                "granted_hosts": sorted(after),
                "file": str(get_config_path()),
            }
        )
        return
    say(_grant_words(name, row, takes_back=takes_back))


def _grant_words(name: str, row: ProviderRow, *, takes_back: bool) -> str:
    again = f"--provider {row.id}"
    if takes_back:
        return f"Keys of {row.name} do not go to {name} any more, unless a base URL names it."
    return (
        f"Every key of {row.name} may go to {name} from now on, in "
        f"{shown(get_config_path())}. `hermes key grant {name} {again} --remove` takes it back."
    )


# --- whose --------------------------------------------------------------------------------


def _row(provider: str, settings: Settings) -> ProviderRow:
    """Return the provider named, else the configured one, else the first. Raises AuthError."""
    configured = settings.setting("provider")
    names = (provider, configured.value if configured else "")
    name = next((name for name in names if name.strip().lower() not in ("", "auto")), "")
    row = find_provider(name, settings) if name else PROVIDERS[0]
    if row.auth_type == "api_key":
        return row
    if provider:
        raise AuthError(f"{row.name} has no API keys.", remedy="`hermes providers` lists who has.")
    return PROVIDERS[0]


def _other_in_use(provider: str, settings: Settings) -> str:
    """Return what to do if another provider is the one in use; empty if this one is."""
    in_use = choose_provider(None, settings).value
    if in_use.id == provider:
        return ""
    command = f"hermes config set provider {provider}"
    return f"The provider in use is {in_use.name}: `{command}` takes this one."


def _stored(name: str, provider: str, settings: Settings) -> NamedKey:
    """Return the stored key of a name. Raises UsageError, which never repeats the name."""
    wanted = find_provider(provider, settings).id if provider else ""
    keys = [key for key in settings.stored_keys if wanted in ("", key.provider)]
    found = [key for key in keys if key.name == name]
    if len(found) > 1:
        owners = " and ".join(key.provider for key in found)
        command = click.get_current_context().command_path
        raise UsageError(
            f"{owners} each have a key of that name.",
            remedy=f"`{command} NAME --provider {found[0].provider}` takes the first.",
        )
    if not found:
        names = ", ".join(dict.fromkeys(key.name for key in keys))
        raise UsageError(
            "No key is stored under that name" + (f"; there are: {names}." if names else "."),
            remedy="`hermes key list` shows all keys; `hermes key add NAME` stores one.",
        )
    return found[0]


def _route(provider: str, settings: Settings) -> Route | None:
    """Return the Route of a provider as it is now; None where its settings are broken."""
    try:
        return route_for(Flags(provider=provider), settings, read_facts())
    except AuthError:
        return None
