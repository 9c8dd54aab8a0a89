"""The setting `sandbox`: what confines the commands of an agent on this machine."""

from contextlib import suppress
from pathlib import Path

from agent.errors import ConfigurationError
from agent.sandbox import Sandbox, find_sandbox
from hermes_cli.config import Settings


def read_sandbox(settings: Settings, root: Path | None = None) -> Sandbox:
    """
    Return what confines commands in a directory, the current one if none is given.

    Raises ConfigurationError for a setting that is none.
    """
    with suppress(FileNotFoundError):  # it was removed under us
        root = (root or Path.cwd()).resolve()
    found = settings.setting("sandbox")
    if found is None:
        return find_sandbox(root=root)
    try:
        return find_sandbox(found.value, root=root)
    except ConfigurationError as error:
        raise ConfigurationError(f"{found.where}: {error.message}", remedy=error.remedy) from None
