"""Keys in variables: the shell's, and those of a `.env` such as aider's."""

from pathlib import Path

from agent.choice import Origin
from hermes_cli.config import Settings
from hermes_cli.importing.files import parse_dotenv
from hermes_cli.importing.found import Place, Reading
from hermes_cli.importing.owners import every_variable


def read_shell(settings: Settings) -> Reading:
    """Return the keys in the variables of this process."""
    reading = Reading("shell")
    texts: dict[str, tuple[str | None, Place]] = {
        name: (candidate.value, Place(None, candidate.where))
        for name in every_variable()
        for candidate in settings.variable(name)
        if candidate.origin is Origin.ENVIRONMENT
    }
    reading.variables(texts)
    return reading


def read_dotenv(reading: Reading, path: Path) -> None:
    """Note the keys of a `.env`."""
    reading.variables(dotenv_texts(reading, path))


def dotenv_texts(reading: Reading, path: Path) -> dict[str, tuple[str | None, Place]]:
    """Return variable → (value, place) of a `.env`; empty if it is missing or left out."""
    found = reading.parsed(path, parse_dotenv) or {}
    return {name: (value, Place(path, f"line {line}")) for name, (value, line) in found.items()}
