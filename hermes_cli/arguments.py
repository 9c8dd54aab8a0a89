"""The command line before it is read: no word of it may be a key."""

from collections.abc import Sequence

from agent.errors import UsageError

_TEXT_OPTIONS = ("-q", "--query")
_TEXT_COMMAND = "why"


def check_arguments(arguments: Sequence[str]) -> None:
    """
    Raise UsageError if a key, or what looks like one, stands on the command line.

    Texts are free: what `-q` asks and what `why` is asked about. The key is not repeated,
    and no command has begun.
    """
    if any(_is_suspect(word) and _holds_key(word) for word in _words(arguments)):
        raise key_on_command_line()


def key_on_command_line() -> UsageError:
    """Return the refusal of a key that stands on the command line."""
    return UsageError(
        "A key is never taken as an argument: every process on this machine can read the "
        "command line, and the shell keeps it in its history. Nothing was saved or sent.",
        remedy="`hermes setup` asks for it hidden, and `hermes setup --key-stdin < FILE` "
        "reads it. If it was a real key, replace it in the provider's console.",
    )


def _words(arguments: Sequence[str]) -> list[str]:
    """Return the words that are no text of the user's own."""
    words: list[str] = []
    before = ""
    for word in arguments:
        if word == _TEXT_COMMAND and all(other.startswith("-") for other in words):
            break
        if before not in _TEXT_OPTIONS and not word.startswith(("--query=", "-q")):
            words.append(word)
        before = word
    return words


def _is_suspect(word: str) -> bool:
    """Say whether a word could hold a key at all: then it is worth reading the files."""
    return len(word) >= 12 and any(character.isdigit() for character in word)


def _holds_key(word: str) -> bool:
    from hermes_cli.known_keys import holds_key  # `hermes --version` needs no keys

    return holds_key(word)
