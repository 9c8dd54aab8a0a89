"""`hermes status`: provider, key, endpoint, model and window in use, in about eight lines."""

import click

from agent.errors import ConfigurationError
from agent.local_server import find_model
from agent.route import Route
from agent.sandbox import Sandbox
from hermes_cli.auth import Flags, model_file
from hermes_cli.config import Settings, read_settings
from hermes_cli.models import read_facts
from hermes_cli.report import (
    aligned,
    error_document,
    files_document,
    lacks_key,
    lines,
    route_document,
    route_options,
    route_to_show,
    tell_notices,
)
from hermes_cli.sandbox import read_sandbox
from hermes_cli.ui.style import print_error, print_json, say

__all__ = ["command", "lines"]


@click.command("status")
@route_options
def command(provider: str, model: str, base_url: str, as_json: bool) -> int:
    """Show the provider, key, endpoint and model in use.

    Exits with 3 if there is no key or it may not go there, 2 if the endpoint does not have
    the model.
    """
    settings = read_settings()
    flags = Flags(provider=provider, model=model, base_url=base_url)
    route = route_to_show(flags, settings, read_facts())
    missing = _missing_model_file(route, settings)
    sandbox = read_sandbox(settings)
    tell_notices(route, settings)
    if as_json:
        _print_document(route, settings, missing, sandbox)
    else:
        for line in aligned(lines(route, sandbox)):
            say(line)
    for error in (route.egress_error, route.model_error, missing):
        if error is not None:
            print_error(error)
    return _exit_code(route, missing)


def _missing_model_file(route: Route, settings: Settings) -> ConfigurationError | None:
    """Return why a model that runs on this machine cannot, or None."""
    if not route.provider.value.runs_here:
        return None
    named = model_file(settings)
    try:
        find_model(named.value if named else "")
    except ConfigurationError as error:
        return error
    return None


def _exit_code(route: Route, missing: ConfigurationError | None) -> int:
    if missing is not None:
        return missing.exit_code
    if lacks_key(route) or route.egress_error is not None:
        return ConfigurationError.exit_code
    return route.model_error.exit_code if route.model_error else 0


def _print_document(
    route: Route, settings: Settings, missing: ConfigurationError | None, sandbox: Sandbox
) -> None:
    print_json(
        {
            "ok": _exit_code(route, missing) == 0,
            "route": route_document(route),
            "sandbox": {"kind": sandbox.kind, "description": sandbox.describe()},
            "files": files_document(),
            "notices": [*route.notices, *settings.notices],
            "error": error_document(missing),
        }
    )
