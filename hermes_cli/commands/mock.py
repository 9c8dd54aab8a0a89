"""`hermes mock`: a loopback Kimi for tests and for trying things out."""

import shlex
from typing import TYPE_CHECKING, Any

import click

from agent.errors import ConfigurationError, HermesError, UsageError
from agent.identity import PRODUCT
from hermes_cli.extras import install_command
from hermes_cli.ui.style import say

if TYPE_CHECKING:
    from kimi_mock.server import KimiMock

_EXTRA = "serve"


@click.command("mock")
@click.option(
    "--port",
    default=0,
    type=click.IntRange(0, 65_535),
    metavar="N",
    help="The port on loopback; by default a free one.",
)
@click.option(
    "--open-gate", is_flag=True, help="Let this program's name through on the plan's chat path."
)
@click.option(
    "--set",
    "settings",
    multiple=True,
    metavar="NAME=VALUE",
    help="Turn a switch, such as tier=free or overloaded_calls=2; docs/mock.md lists them all.",
)
def command(port: int, open_gate: bool, settings: tuple[str, ...]) -> None:
    """Run a loopback Kimi with four endpoints until Ctrl-C.

    It answers everything itself and forwards nothing. The plan's chat path refuses this
    program's name, as Kimi Code may, unless --open-gate is given.
    """
    try:
        from kimi_mock.server import run

        switched = dict(_switched(setting) for setting in settings)
    except ModuleNotFoundError as error:
        raise ConfigurationError(
            f"The loopback Kimi needs the package {error.name}, which is not installed.",
            remedy=f"`{install_command(_EXTRA)}` installs it.",
        ) from error

    def ready(kimi: "KimiMock") -> None:
        for name, value in switched.items():
            setattr(kimi, name, value)
        if open_gate:
            kimi.gate_allows.add(PRODUCT)
        say("\n".join(_lines(kimi)))

    try:
        run(port, ready)
    except OSError as error:
        raise HermesError(
            f"The loopback Kimi cannot listen on port {port}: {error.strerror}.",
            remedy="`hermes mock` without --port takes a free one.",
        ) from error


def _switched(setting: str) -> tuple[str, Any]:
    """Return a switch's name and value; raises UsageError for what is none."""
    from kimi_mock.switches import SWITCH_NAMES, parse

    name, equals, text = setting.partition("=")
    if name not in SWITCH_NAMES:
        raise UsageError(
            f"The loopback Kimi has no switch called {name}. It has: {', '.join(SWITCH_NAMES)}.",
            remedy="`hermes mock --set tier=free` is an example.",
        )
    if not equals:
        raise UsageError(
            f"The switch {name} needs a value.",
            remedy=f"`hermes mock --set {name}=VALUE` gives it one; docs/mock.md has the values.",
        )
    try:
        return name, parse(name, text)
    except ValueError as error:
        raise UsageError(
            f"The loopback Kimi cannot take that: {error}",
            remedy=f"`hermes mock --set {name}=VALUE` turns it; docs/mock.md has the values.",
        ) from error


def _lines(kimi: "KimiMock") -> list[str]:
    from kimi_mock.control import PATH
    from kimi_mock.surfaces import SURFACES

    name_width = max(len(surface.host) for surface in SURFACES)
    lines = ["A loopback Kimi, until Ctrl-C. Its endpoints, each with its key and its address:", ""]
    for surface in SURFACES:
        keys = " ".join(sorted(kimi.keys[surface.id]))
        lines.append(f"  {surface.host:{name_width}}  {keys}  {kimi.base_url(surface.id)}")
    environment = kimi.environment()
    lines += [
        "",
        "In another shell, this leads the real names here, and nothing else anywhere:",
        "",
    ]
    lines += [
        f"export {name}={shlex.quote(environment[name])}"
        for name in ("HTTPS_PROXY", "SSL_CERT_FILE")
    ]
    lines += ["", f"What it does can be seen and changed: {kimi.address}{PATH}"]
    gate = "open" if PRODUCT in kimi.gate_allows else "shut"
    lines += ["", f"The plan's chat path is {gate} to {PRODUCT}."]
    return lines
