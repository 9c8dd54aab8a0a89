"""The support file: the doctor's report without keys, prompts, and names of users and hosts."""

import json
import os
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path

from agent.errors import ConfigurationError, UsageError
from agent.identity import PRODUCT, VERSION
from hermes_cli import storage
from hermes_cli.config import Settings
from hermes_cli.doctor.nameless import nameless
from hermes_cli.doctor.screen import report_lines, summary
from hermes_cli.doctor.survey import Survey
from hermes_cli.report import route_document
from hermes_cli.setting_names import every_name

SCHEMA = 1


def bundle_text(result: Survey) -> str:
    """Return the support file's text, with nothing in it that names a person or a machine."""
    parts = [
        f"Support file of {PRODUCT} {VERSION}, schema {SCHEMA}, "
        f"{datetime.now(UTC).isoformat(timespec='seconds')}",
        "Without keys (fingerprints stand for them), prompts, user names and names of your hosts.",
        "\n== Checks ==",
        *(line for line, _ in report_lines(result.findings)),
        summary(result.findings),
        "\n== Names that are set ==",
        *(_names_set(result.settings) if result.settings else ["not read"]),
        "\n== Route ==",
        json.dumps(
            route_document(result.route) if result.route else None, indent=1, ensure_ascii=False
        ),
    ]
    return nameless("\n".join(parts) + "\n", result)


def default_path() -> Path:
    """Return where the support file goes if nobody says: the current directory."""
    return Path(f"{PRODUCT}-doctor-{datetime.now(UTC):%Y%m%d-%H%M%S}.txt")


def save_bundle(path: Path, text: str) -> None:
    """
    Write the support file for the owner alone.

    Raises UsageError if there is a file of that name, ConfigurationError with what the
    operating system said if it cannot be written.
    """
    try:
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(descriptor, "w", encoding="utf-8") as file:
            file.write(text)
    except FileExistsError as error:
        raise UsageError(
            f"{path} is there already, and was left as it is.",
            remedy="`hermes doctor --bundle FILE` takes another name.",
        ) from error
    except OSError as error:
        raise ConfigurationError(
            f"{path} could not be written: {storage.reason(error)}.",
            remedy=f"`{storage.look_line(path.parent)}` shows who may write there.",
        ) from error


def _names_set(settings: Settings) -> list[str]:
    """Return the settings and variables of ours that have a value, never the value."""
    told = []
    for name in every_name(settings):
        with suppress(ConfigurationError):
            told += [f"{name.text}  {found.origin.value}" for found in name.candidates(settings)]
    return told or ["none"]
