"""The extras of our own package: the command that installs what one of them asks for."""

import shlex
import sys
from importlib import metadata

from agent.identity import PRODUCT


def install_command(extra: str) -> str:
    """
    Return the command that installs what an extra needs, as our own metadata names it.

    The packages, and not `PRODUCT[extra]`: we run from a checkout, and whoever else takes our
    name at a registry would be installed instead.
    """
    wanted = [
        requirement.partition(";")[0].strip()
        for requirement in metadata.requires(PRODUCT) or ()
        if f'extra == "{extra}"' in requirement
    ]
    return shlex.join([sys.executable, "-m", "pip", "install", *wanted])
