"""What runs: our version, Python, the HTTP library, the kind of system, and the extras."""

import platform
from importlib.metadata import PackageNotFoundError, version
from importlib.util import find_spec

from agent.errors import ConfigurationError
from agent.identity import PRODUCT, VERSION
from agent.local_server import find_model
from hermes_cli.doctor.findings import Finding, found

HTTP_LIBRARY = "httpx2"

# An extra is there if its module can be found; nothing is imported.
_EXTRAS = (("local", "xllamacpp"), ("serve", "uvicorn"), ("keyring", "keyring"))


def look_at_versions() -> list[Finding]:
    """Return the versions and what is installed beside us; a missing extra is no fault."""
    system = f"{platform.system()} {platform.release()} {platform.machine()}"
    told = f"{PRODUCT} {VERSION}, Python {platform.python_version()}, {_library()}, {system}"
    installed = [name for name, module in _EXTRAS if find_spec(module)]
    missing = [name for name, _ in _EXTRAS if name not in installed]
    extras = f"installed: {', '.join(installed) or 'none'}"
    extras += f"; not installed: {', '.join(missing)}" if missing else ""
    return [
        found("versions", "versions", told),
        found("versions", "extras", f"{extras}; embedded model: {_embedded_model()}"),
    ]


def _library() -> str:
    try:
        return f"{HTTP_LIBRARY} {version(HTTP_LIBRARY)}"
    except PackageNotFoundError:
        return f"{HTTP_LIBRARY} without a version"


def _embedded_model() -> str:
    try:
        find_model()
    except ConfigurationError:
        return "no"
    return "yes"
