"""`hermes key check`: what a key is and who takes it; nothing is stored."""

import sys
from collections.abc import Sequence
from pathlib import Path

import click

from agent.catalog import PROVIDERS
from agent.catalog.rows import EndpointRow, ProviderRow
from agent.choice import Candidate, Chosen, Origin
from agent.errors import (
    AuthError,
    EmptyBalance,
    HermesError,
    MembershipMissing,
    NetworkError,
    ProviderError,
    QuotaExhausted,
    UsageError,
)
from agent.key_hosts import check_mark, marked_owner
from agent.keys import ApiKey, clean_paste
from agent.route import Route, Wishes, foreign_vendor, resolve
from agent.usage import Balance, PlanUsage
from hermes_cli.answers import host_of, refusal_remedy
from hermes_cli.auth import find_provider
from hermes_cli.check import (
    Checked,
    Verdict,
    ask_quota,
    at_endpoints,
    knows_region,
    may_probe,
    refused_by_all,
    regions,
)
from hermes_cli.check import check as ask_endpoints
from hermes_cli.config import Settings, read_settings
from hermes_cli.key_sources import with_stored_places
from hermes_cli.key_verdict import EXIT_CODES, Judgement, Outcome, document, lines
from hermes_cli.models import read_facts
from hermes_cli.report import JSON_OPTION, place_of
from hermes_cli.storage import reason, shown
from hermes_cli.ui.prompt import open_prompter, read_input
from hermes_cli.ui.style import is_terminal, notice, print_error, print_json, say

_LONGEST_FILE = 64 * 1024
_STANDARD_INPUT = "-"


@click.command("check")
@click.argument("file", nargs=-1, type=click.UNPROCESSED, metavar="[FILE]")
@click.option("--provider", default="", metavar="ID", help="Whose key it is, if not Kimi's.")
@click.option("--probe", is_flag=True, help="Ask every region of the key's product, once.")
@click.option("--any-key", is_flag=True, help="Send a key of an unusual beginning, too.")
@JSON_OPTION
def check(
    file: tuple[str, ...], provider: str, *, probe: bool, any_key: bool, as_json: bool
) -> None:
    """Tell what a key is, who takes it, and what is left.

    It is read hidden on a terminal, from FILE, or from standard input (`-` or a pipe). Nothing
    is stored. Its endpoint is asked once for its models, then once for quota or balance.

    Exit codes: 0 accepted; 3 malformed, or another vendor's; 4 refused, or out of quota; 5 could
    not be asked.
    """
    settings = read_settings()
    row = find_provider(provider, settings) if provider else None
    if row is not None and row.runs_here:
        raise UsageError(
            f"{row.name} needs no key.",
            remedy=f"`hermes chat --provider {row.id}` asks it.",
        )
    text = _read(file)
    try:
        key, row, taken = examine(text, row, any_key=any_key)
    except _NotOne as wrong:
        outcome = Outcome(judgement=wrong.judgement, error=wrong.error)
    else:
        if taken:
            notice(f"Taken off: {', '.join(taken)}.")
        outcome = _asked(_route(row, key, settings), settings, probe=probe)
    if as_json:
        print_json(document(outcome))
    else:
        for line in lines(outcome):
            say(line)
    if outcome.error is not None:
        print_error(outcome.error)
    click.get_current_context().exit(EXIT_CODES[outcome.judgement])


# --- the text -----------------------------------------------------------------------------


def _read(file: Sequence[str]) -> str:
    """Return what was pasted or piped, or what the file holds. Raises UsageError."""
    name = file[0] if file else ""
    if not name and is_terminal(sys.stdin):
        notice("Nothing is stored, and the key goes only to the hosts of its own product.")
        return open_prompter().ask_secret("Key")
    if not name or name == _STANDARD_INPUT:
        return read_input()
    path = Path(name)
    try:
        is_there = len(file) == 1 and path.exists()
    except (OSError, ValueError):
        is_there = False
    if not is_there:
        # What was typed is not repeated: it may be the key.
        raise UsageError(
            "There is no such file, and a key is never taken as an argument.",
            remedy="`hermes key check` asks for it hidden, and `hermes key check FILE` reads it.",
        )
    try:
        with path.open("rb") as opened:
            return opened.read(_LONGEST_FILE).decode(errors="replace")
    except OSError as error:
        raise UsageError(
            f"{shown(path.absolute())} cannot be read: {reason(error)}.",
            remedy="`hermes key check` asks for the key hidden.",
        ) from error


class _NotOne(Exception):
    """A text that is no key of the provider; nothing was sent."""

    def __init__(self, judgement: Judgement, message: str, remedy: str) -> None:
        super().__init__(message)
        self.judgement = judgement
        self.error = AuthError(message, remedy=remedy)


def examine(
    text: str, named: ProviderRow | None, *, any_key: bool
) -> tuple[ApiKey, ProviderRow, tuple[str, ...]]:
    """
    Return the key in a text, whose it is, and what was taken off.

    It is that of `named`, else by its mark, else the first provider's. Raises `_NotOne`,
    never with the key, for what is malformed or another vendor's.
    """
    try:
        cleaned, taken = clean_paste(text)
        key = ApiKey(cleaned)
        marked = marked_owner(key)
        row = named or (marked[0] if marked else PROVIDERS[0])
        check_mark(row, key)
    except AuthError as error:
        again = "Copy the key once more from the console; `hermes key check` asks for it hidden."
        raise _NotOne(Judgement.MALFORMED, error.message, again) from None
    vendor = foreign_vendor(row, key)
    other = "ID"
    if not vendor and marked is not None and marked[0].id != row.id:
        vendor, other = marked[0].name, marked[0].id
    if vendor:
        raise _NotOne(
            Judgement.FOREIGN,
            f"This looks like a key of {vendor}, not of {row.name}. Nothing was sent.",
            f"`hermes key check --provider {other}` asks there; `hermes providers` lists all.",
        )
    if row.usual_key_prefix and not any_key and not key.starts_with(row.usual_key_prefix):
        raise _NotOne(
            Judgement.MALFORMED,
            f"It does not begin with {row.usual_key_prefix}, as the keys of {row.name} do. "
            "Nothing was sent.",
            "`hermes key check --any-key` sends it all the same; with `--provider ID` it is "
            "another's, and `hermes providers` lists them.",
        )
    return key, row, taken


# --- asking -------------------------------------------------------------------------------


def _route(row: ProviderRow, key: ApiKey, settings: Settings) -> Route:
    """Return the Route of a key at its product's own hosts; a base URL in force is left out."""
    variables = settings.variable(row.base_url_variable) if row.base_url_variable else ()
    setting = settings.setting("providers", row.id, "base_url")
    urls = (*variables, setting) if setting else variables
    if row.default_endpoint:
        for url in urls if not row.defined_in else ():
            notice(f"{place_of(url)} is left out: a check is of the key, at its own hosts.")
        urls = ()
    candidate = Candidate(key, Origin.FLAG, "the key to check")
    facts = with_stored_places(read_facts(), settings, row)
    chosen = Chosen(row, Origin.FLAG, "the key to check")
    return resolve(chosen, Wishes(keys=(candidate,), base_urls=urls), facts)


def _asked(route: Route, settings: Settings, *, probe: bool) -> Outcome:
    """Ask who takes the key, then there what is left."""
    if not route.endpoint.lists_models:
        raise UsageError(
            f"The {route.endpoint.name} lists no models, so only a question can prove a key there.",
            remedy=f"`hermes chat --provider {route.provider.value.id} -q hi` asks one.",
        )
    endpoints = regions(route)
    if not probe and (knows_region(route) or not may_probe(route, settings, read_facts())):
        endpoints = endpoints[:1]
    unasked = tuple(row for row in regions(route) if row not in endpoints)
    if is_terminal(sys.stderr):
        say(f"Asking {' and '.join(map(host_of, endpoints))} …", style="dim", error=True)
    checked = ask_endpoints(at_endpoints(route, endpoints))
    for sentence in checked.notices:
        notice(sentence)
    if checked.verdict is Verdict.ACCEPTED:
        return _with_left(route, checked, unasked)
    judgement = Judgement.REFUSED
    remedy = refusal_remedy(
        checked, unasked, probe="hermes key check --probe", again="hermes key check"
    )
    error: HermesError | None = refused_by_all(checked, remedy)
    if checked.verdict is Verdict.UNREACHED:
        judgement = Judgement.UNREACHED
        error = next(each.error for each in checked.answers if each.verdict is Verdict.UNREACHED)
    return Outcome(judgement=judgement, route=route, checked=checked, unasked=unasked, error=error)


def _with_left(route: Route, checked: Checked, unasked: tuple[EndpointRow, ...]) -> Outcome:
    """Return the outcome of a key that was taken, with what is left where it was."""
    home = checked.accepted[0]
    left: PlanUsage | Balance | HermesError | None = home.error
    error: HermesError | None = None
    if isinstance(home.error, QuotaExhausted | MembershipMissing):
        error = home.error
    else:
        try:
            left = ask_quota(home.route)
        except (ProviderError, NetworkError) as untold:
            left = untold
        error = _used_up(left, home.endpoint)
    return Outcome(
        judgement=Judgement.USED_UP if error else Judgement.ACCEPTED,
        route=route,
        checked=checked,
        unasked=unasked,
        left=left,
        error=error,
    )


def _used_up(
    left: PlanUsage | Balance | HermesError | None, endpoint: EndpointRow
) -> HermesError | None:
    """Return the error of a balance or a window with nothing left, or None."""
    again = "Then `hermes key check` asks again."
    match left:
        case Balance() if left.is_used_up:
            return EmptyBalance(
                "The key is taken, but nothing is left on its account, and calls are refused.",
                remedy=f"{endpoint.console} takes money. {again}",
            )
        case PlanUsage() if left.used_up:
            names = " and of ".join(window.name for window in left.used_up)
            return QuotaExhausted(
                f"The key is taken, but its quota of {names} is used up.",
                remedy=f"It starts anew by itself, and more is sold at {endpoint.console}. {again}",
            )
        case _:
            return None
