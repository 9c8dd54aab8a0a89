"""A key in the operating system's keyring, through the extra `keyring`: never required."""

from collections.abc import Callable
from threading import Thread

from agent.errors import ConfigurationError
from agent.keys import ApiKey, clean_setting, plain_text
from hermes_cli.extras import install_command

SECONDS = 2.0
"""How long a keyring may take; one that is locked asks in a window nobody may see."""

_EXTRA = "keyring"

# The library's errors (its page `keyring.errors`) in words; others by their name.
_WORDS = {"NoKeyringError": "none runs here", "KeyringLocked": "it is locked"}


def ask_keyring(
    service: str, account: str, *, seconds: float = SECONDS
) -> tuple[ApiKey | None, str]:
    """
    Return the key that the keyring holds, or None and a sentence why there is none.

    Never raises, and waits no longer than `seconds`: without the extra, without D-Bus or
    with a locked keyring the sentence says so.
    """
    answers: list[str | None] = []

    def ask() -> None:
        import keyring

        answers.append(keyring.get_password(service, account))

    problem = _tried(ask, seconds)
    if problem:
        return None, f"the keyring is not available: {problem}."
    text = clean_setting(answers[0] or "") if answers else ""
    if not text:
        return None, f"the keyring holds nothing for {account} under `{service}`."
    return ApiKey(text), ""


def store_in_keyring(service: str, account: str, key: ApiKey) -> None:
    """Put a key into the keyring. Raises ConfigurationError if there is none that takes it."""

    def store() -> None:
        import keyring

        keyring.set_password(service, account, plain_text(key))

    problem = _tried(store, SECONDS)
    if problem:
        raise ConfigurationError(
            f"The keyring is not available: {problem}. Nothing was saved.",
            remedy="`hermes key add NAME` without --keyring stores the key in keys.toml.",
        )


def _tried(act: Callable[[], None], seconds: float) -> str:
    """Do something with the keyring and return why it failed, or an empty text."""
    problems: list[str] = []

    def run() -> None:
        try:
            act()
        except ImportError:
            problems.append(f"its package is not installed (`{install_command(_EXTRA)}`)")
        except Exception as error:  # noqa: BLE001 - each backend has errors of its own
            problems.append(_WORDS.get(name := type(error).__name__, name))
        else:
            problems.append("")

    # A daemon: D-Bus may not answer for a minute, and nobody waits for it.
    thread = Thread(target=run, daemon=True)
    thread.start()
    thread.join(seconds)
    return problems[0] if problems else f"it did not answer within {seconds:g} seconds"
