"""What is said when something breaks that should not: one sentence, and where, without keys."""

import errno
import traceback
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

from agent.errors import HermesError
from hermes_cli.ui.style import print_error, printable, say

FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EIO)
_PACKAGES = ("agent", "hermes_cli", "kimi_mock")
_SAID_CHARACTERS = 200


def tell_crash(error: Exception, arguments: Sequence[str]) -> None:
    """
    Say on standard error that we broke, and how to see where; with `--debug`, show where.

    Known keys are replaced by their fingerprints, and nothing else is. An output that takes
    no more, and a current directory that was removed, are no faults of ours, and are told as
    what they are. Never raises.
    """
    with suppress(OSError, ValueError):  # standard error is full, or gone
        if isinstance(error, OSError) and error.errno in FULL:
            print_error(_full(error))
            return
        if isinstance(error, FileNotFoundError) and _is_nowhere():
            print_error(_nowhere())
            return
        if "--debug" in arguments:
            say(_hidden("".join(traceback.format_exception(error))).rstrip(), error=True)
        print_error(_fault(error, arguments))


def _full(error: OSError) -> HermesError:
    return HermesError(
        f"Not everything could be written: {error.strerror}.",
        remedy="`df -h` shows whether a disk is full.",
    )


def _is_nowhere() -> bool:
    """Say whether the current directory was removed under us."""
    try:
        return not Path.cwd().exists()
    except OSError:
        return True


def _nowhere() -> HermesError:
    return HermesError(
        "The directory that you are in is not there any more.",
        remedy="`cd ~` leaves it; then run the command again.",
    )


def _fault(error: Exception, arguments: Sequence[str]) -> HermesError:
    """Return the sentence: what broke where, that it is our fault, and what to do."""
    said = " ".join(printable(_hidden(str(error))).split())
    if len(said) > _SAID_CHARACTERS:
        said = said[:_SAID_CHARACTERS] + "…"
    words = ": ".join(filter(None, (type(error).__name__, said))).rstrip(".")
    first = next((word for word in arguments if word.isalpha()), "")
    again = f"hermes --debug {first}".rstrip()
    where = "" if "--debug" in arguments else f"The same with `{again}` shows where, without keys. "
    return HermesError(
        f"Hermes broke{_place(error)}: {words}. The fault is ours.",
        remedy=f"{where}`hermes doctor --bundle` writes a file to report it with.",
    )


def _place(error: Exception) -> str:
    """Return the last line of ours that the error came through, in words, or nothing."""
    root = Path(__file__).resolve().parent.parent
    for frame in reversed(traceback.extract_tb(error.__traceback__)):
        path = Path(frame.filename)
        if path.is_relative_to(root) and path.relative_to(root).parts[0] in _PACKAGES:
            return f" in {path.relative_to(root).as_posix()} line {frame.lineno}"
    return ""


def _hidden(text: str) -> str:
    """Return a text without keys; without the text if even that breaks."""
    try:
        from hermes_cli.known_keys import hide_keys

        return hide_keys(text)
    except Exception as error:  # noqa: BLE001 - what broke may break this too; no key is shown
        return f"(not shown: {type(error).__name__} while looking for keys in it)"
