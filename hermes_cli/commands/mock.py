"""`hermes mock`: a loopback Kimi for tests and for trying things out."""

import shlex
import sys
from importlib import metadata
from typing import TYPE_CHECKING

import click

from agent.errors import ConfigurationError, HermesError
from agent.identity import PRODUCT
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
def command(port: int, open_gate: bool) -> None:
    """Run a loopback Kimi with four endpoints until Ctrl-C.

    It answers everything itself and forwards nothing. The plan's chat path refuses this
    program's name, as Kimi Code may, unless --open-gate is given.
    """
    try:
        from kimi_mock.server import run
    except ModuleNotFoundError as error:
        raise ConfigurationError(
            f"The loopback Kimi needs the package {error.name}, which is not installed.",
            remedy=f"`{install_command()}` installs it.",
        ) from error

    def ready(kimi: "KimiMock") -> None:
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


def install_command() -> str:
    """Return the command that installs what the mock needs, as our own metadata names it."""
    wanted = [
        requirement.partition(";")[0].strip()
        for requirement in metadata.requires(PRODUCT) or ()
        if f'extra == "{_EXTRA}"' in requirement
    ]
    return shlex.join([sys.executable, "-m", "pip", "install", *wanted])


def _lines(kimi: "KimiMock") -> list[str]:
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
    gate = "open" if PRODUCT in kimi.gate_allows else "shut"
    lines += ["", f"The plan's chat path is {gate} to {PRODUCT}."]
    return lines
