"""`hermes import`: keys that other programs keep, shown, and stored after a yes."""

import sys
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import click

from agent.errors import UsageError
from hermes_cli.config import get_keys_path, read_settings
from hermes_cli.importing.found import LeftOut, Place
from hermes_cli.importing.offers import Offer, Standing, offers_of
from hermes_cli.importing.sources import read_named, read_programs
from hermes_cli.importing.taking import take
from hermes_cli.models import read_facts
from hermes_cli.report import JSON_OPTION, key_document
from hermes_cli.storage import shell_path, shown
from hermes_cli.ui.prompt import InputEnded, Prompter, open_prompter
from hermes_cli.ui.style import is_terminal, notice, print_json

NOTHING = "No keys were found: neither in the places of other programs nor in the shell."


@click.command("import")
@click.option("--yes", "-y", is_flag=True, help="Take all that is new, without a question.")
@click.option("--dry-run", is_flag=True, help="Show what there is and take nothing.")
@click.option(
    "--file",
    "paths",
    multiple=True,
    metavar="FILE",
    type=click.Path(exists=True, path_type=Path),
    help="Look into this file alone; may be given more than once.",
)
@JSON_OPTION
def command(yes: bool, dry_run: bool, paths: tuple[Path, ...], as_json: bool) -> None:
    """Find keys of hermes-agent, kimi-cli, kimi-code, opencode, llm, aider, goose and the shell.

    What would be taken is shown with fingerprints, and nothing is taken without a yes. Other
    programs' files are never written to, and nothing is sent.
    """
    settings = read_settings()
    found, left_out = read_named(paths) if paths else read_programs(settings)
    offers, wrong = offers_of(found, settings, read_facts())
    left_out += wrong
    new = [offer for offer in offers if offer.standing is Standing.NEW]
    for sentence in settings.notices:
        notice(sentence)
    prompter = open_prompter()
    if not as_json:
        tell(prompter, offers, left_out, paths)
    is_asked = not (yes or dry_run or as_json) and is_terminal(sys.stdin)
    chosen: Sequence[Offer] = new if yes and not dry_run else ()
    if new and is_asked and is_terminal(sys.stdout):
        chosen = choose(prompter, new)
    stored = take(chosen, day=datetime.now(UTC).date().isoformat())
    if as_json:
        print_json(_document(offers, left_out, stored))
    else:
        tell_taken(prompter, stored)
    if new and not stored:
        again = " ".join(("hermes import --yes", *(f"--file {shell_path(each)}" for each in paths)))
        notice(f"Nothing was taken: `{again}` takes all that is new.")


# --- words --------------------------------------------------------------------------------


def tell(
    prompter: Prompter,
    offers: Sequence[Offer],
    left_out: Sequence[LeftOut],
    paths: Sequence[Path] = (),
) -> None:
    """
    Print what was found: what is new under its numbers, then what is not taken and why.

    `paths` are the files that alone were looked into; without them it was every place.
    """
    if not offers and not left_out:
        looked = " or ".join(map(shown, paths))
        prompter.say(f"No keys were found in {looked}." if looked else NOTHING)
        return
    new = [offer for offer in offers if offer.standing is Standing.NEW]
    others = [offer for offer in offers if offer.standing is not Standing.NEW]
    if new:
        prompter.say("New here; other programs' files stay as they are, and nothing is sent:")
    for number, offer in enumerate(new, start=1):
        key = offer.found.key.fingerprint
        prompter.say(f"  {number:>2}  {offer.found.tool}  {key}  {_place(offer.found.place)}")
        prompter.say(f"      {offer.route.endpoint.name}: {offer.route.chat_base_url}")
        if offer.note:
            prompter.say(f"      {offer.note}", "magenta")
    if others or left_out:
        prompter.say("Not taken:")
    for offer in others:
        key = offer.found.key.fingerprint
        prompter.say(f"   -  {offer.found.tool}  {key}  {_place(offer.found.place)}")
        prompter.say(f"      {offer.note}")
    for each in left_out:
        prompter.say(f"   -  {each.tool}  {_place(each.place)} {each.reason}.")


def _place(place: Place) -> str:
    return place.words or "the environment"


def choose(prompter: Prompter, new: Sequence[Offer]) -> list[Offer]:
    """
    Ask which of the keys are taken, and return them; none if there is no answer.

    Raises UsageError for what is neither yes, no nor numbers, after the prompter's tries.
    """
    numbers = f", or numbers from 1 to {len(new)}" if len(new) > 1 else ""
    for left in reversed(range(prompter.tries)):
        try:
            answer = prompter.ask(f"Take {'them' if len(new) > 1 else 'it'}? [y/N{numbers}]")
        except InputEnded:
            return []
        try:
            return _chosen(answer.lower(), new)
        except UsageError as error:
            if not left:
                raise
            prompter.say(error.message, "red")
    return []


def _chosen(answer: str, new: Sequence[Offer]) -> list[Offer]:
    if answer in ("", "n", "no"):
        return []
    if answer in ("y", "yes", "all"):
        return list(new)
    words = answer.replace(",", " ").split()
    places = [int(word) for word in words if word.isascii() and word.isdecimal() and len(word) < 5]
    if len(places) != len(words) or not all(1 <= each <= len(new) for each in places):
        raise UsageError(
            f"Answer y, n or numbers from 1 to {len(new)}. Nothing was taken.",
            remedy="`hermes import` asks again.",
        )
    return [new[each - 1] for each in dict.fromkeys(places)]


def tell_taken(prompter: Prompter, stored: Sequence[Offer]) -> None:
    """Print what was stored, what nobody has proven yet, and how to use it."""
    for offer in stored:
        key, endpoint = offer.found.key.fingerprint, offer.route.endpoint.name
        prompter.say(f"✓ {key} is stored as {offer.name} ({endpoint})", "green")
    if stored:
        prompter.say(
            f"In {shown(get_keys_path())}, not checked yet: your first prompt does that, and "
            "`hermes key check` for any key you paste. `hermes key list` shows which one is in "
            "use, `hermes key use NAME` chooses."
        )


# --- JSON ---------------------------------------------------------------------------------


def _document(
    offers: Sequence[Offer], left_out: Sequence[LeftOut], stored: Sequence[Offer]
) -> dict[str, Any]:
    return {
        "keys": [_offer_document(offer, offer in stored) for offer in offers],
        "left_out": [
            {"tool": each.tool, **_place_document(each.place), "reason": each.reason}
            for each in left_out
        ],
        "taken": len(stored),
    }


def _offer_document(offer: Offer, taken: bool) -> dict[str, Any]:
    return {
        "tool": offer.found.tool,
        **_place_document(offer.found.place),
        "key": key_document(offer.found.key),
        "provider": offer.provider.id,
        "endpoint": offer.route.endpoint.id,
        "base_url": offer.route.chat_base_url,
        "base_url_there": offer.base_url_there,
        "standing": offer.standing.value,
        "note": offer.note,
        "name": offer.name or None,
        "taken": taken,
    }


def _place_document(place: Place) -> dict[str, str | None]:
    return {"file": str(place.path) if place.path else None, "where": place.inside}
