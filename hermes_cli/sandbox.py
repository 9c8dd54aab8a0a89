"""The setting `sandbox`: what confines the commands of an agent on this machine."""

from agent.sandbox import Sandbox, find_sandbox
from hermes_cli.config import Settings


def read_sandbox(settings: Settings) -> Sandbox:
    """Return what confines commands. Raises ConfigurationError for a setting that is none."""
    found = settings.setting("sandbox")
    return find_sandbox(found.value if found else "auto")
