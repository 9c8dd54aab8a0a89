"""`hermes model`: the model in use, and the way to choose another."""

import click

from agent.errors import UsageError
from agent.route import Route
from hermes_cli import storage
from hermes_cli.auth import Flags
from hermes_cli.config import get_config_path, read_settings, write_settings
from hermes_cli.models import read_facts
from hermes_cli.report import (
    JSON_OPTION,
    aligned,
    checked_model,
    error_document,
    model_words,
    place_of,
    route_to_show,
    tell_notices,
    told,
    window_words,
)
from hermes_cli.ui.style import print_error, print_json, say


@click.command("model")
@click.argument("model_id", metavar="[ID]", required=False)
@JSON_OPTION
def command(model_id: str | None, as_json: bool) -> int:
    """Show the model in use, or choose the one called ID.

    An id that the endpoint is known not to have is refused with exit code 2, and nothing is
    written.
    """
    if model_id is not None:
        _write(model_id)
    settings = read_settings()
    route = route_to_show(Flags(), settings, read_facts())
    tell_notices(route, settings)
    if as_json:
        print_json(
            {
                "written": model_id is not None,
                "model": told(route.model),
                "model_id_sent": route.model_id_sent,
                "window_tokens": told(route.window),
                "model_error": error_document(route.model_error),
            }
        )
    elif model_id is None:
        _show(route)
    else:
        _confirm(route, model_id.strip())
    if route.model_error is not None:
        print_error(route.model_error)
        return route.model_error.exit_code
    return 0


def _write(model_id: str) -> None:
    if not model_id.strip():
        raise UsageError("The id is empty.", remedy="`hermes models` lists the ids there are.")
    checked_model(model_id)
    write_settings({("model",): model_id.strip()})


def _show(route: Route) -> None:
    for line in aligned([("Model", model_words(route)), ("Window", window_words(route))]):
        say(line)
    say("`hermes models` lists the others; `hermes model ID` chooses one.", style="dim")


def _confirm(route: Route, model_id: str) -> None:
    say(f"The model {model_id} is saved in {storage.shown(get_config_path())}.")
    if route.model.value != model_id:
        say(f"{route.model.value} is used all the same: {place_of(route.model)} is stronger.")
    sent = f"{route.model_id_sent} is sent" if route.is_alias else "sent as it is"
    say(f"To the {route.endpoint.name}: {sent}; {window_words(route)}.")
