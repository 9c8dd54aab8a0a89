"""API keys: a type that cannot be printed and knows which hosts it may see; and pastes, cleaned."""

import hashlib
import re
from typing import AnyStr, NoReturn

from agent.errors import AuthError, EgressRefused

SHORTEST, LONGEST = 8, 512
"""How many characters a key may have."""

# Zero-width and direction marks that copying from a web page or a chat brings along.
_INVISIBLE = re.compile("[\u00ad\u200b-\u200f\u202a-\u202e\u2060-\u2064\ufeff]")
_BRACKETED_PASTE = re.compile("\x1b\\[20[01]~")
_ASSIGNMENT = re.compile(r"^(?:(?:export|set|setx)\s+|\$env:)?[A-Za-z_]\w*\s*=\s*", re.IGNORECASE)
_HEADER = re.compile(r"^(?:authorization:\s*)?bearer\s+", re.IGNORECASE)
_QUOTES = "\"'`\u2018\u2019\u201c\u201d"


class ApiKey:
    """
    A key that shows only its fingerprint.

    `str`, `repr`, formatting, pickling and JSON never give the key itself. `hosts` are
    the host names it may be sent to, lower case and without a port.
    """

    __slots__ = ("_text", "hosts")

    def __init__(self, text: str, *, hosts: frozenset[str] = frozenset()) -> None:
        self._text = text
        self.hosts = hosts

    def __repr__(self) -> str:
        """Return the fingerprint; there is no other way to show a key."""
        return f"<key {self.fingerprint}>"

    __str__ = __repr__

    def __format__(self, format_spec: str) -> str:
        """Return the fingerprint, formatted."""
        return format(repr(self), format_spec)

    def __eq__(self, other: object) -> bool:
        """Two keys are equal if their texts are, wherever they may go."""
        return isinstance(other, ApiKey) and self._text == other._text

    def __hash__(self) -> int:
        """Hash the text."""
        return hash(self._text)

    def __reduce__(self) -> NoReturn:
        """Refuse to be pickled or copied into another process."""
        raise TypeError("a key cannot be pickled")

    @property
    def fingerprint(self) -> str:
        """`…2345 (9f86d081)`: the last four characters, if there are many, and a hash's start."""
        tail = self._text[-4:]
        if len(self._text) < 4 * 4 or not (tail.isascii() and tail.isprintable()):
            tail = ""
        return f"…{tail} ({self.digest})"

    @property
    def digest(self) -> str:
        """Eight hex digits of the key's SHA-256: what is stored where keys are told apart."""
        return hashlib.sha256(self._bytes).hexdigest()[:8]

    @property
    def _bytes(self) -> bytes:
        # A variable may hold bytes that are no UTF-8, and be shown before it is refused as a key.
        return self._text.encode("utf-8", "surrogatepass")

    @property
    def length(self) -> int:
        """How many characters it has."""
        return len(self._text)

    def starts_with(self, prefix: str) -> bool:
        """Say whether the key has the prefix, in any case; an empty prefix fits no key."""
        return bool(prefix) and self._text[: len(prefix)].lower() == prefix.lower()

    def is_only(self, prefix: str) -> bool:
        """Say whether the key is the prefix, in any case, with no letter or digit behind it."""
        rest = self._text[len(prefix) :]
        return self.starts_with(prefix) and not any(map(str.isalnum, rest))

    def for_hosts(self, hosts: frozenset[str]) -> "ApiKey":
        """Return the same key, allowed to see `hosts` and no others."""
        return ApiKey(self._text, hosts=hosts)

    def may_see(self, host: str) -> bool:
        """Say whether the key may go to a host, given in any case and without a port."""
        return host.lower() in self.hosts

    def header_value(self, header: str, host: str) -> str:
        """
        Return what a request to `host` carries in a header that takes keys.

        `Authorization` takes `Bearer KEY`, any other (`x-api-key`) the key alone. Raises
        EgressRefused if the key may not go there.
        """
        if not self.may_see(host):
            raise EgressRefused(
                f"The key {self.fingerprint} does not belong to {host}, so it was not sent there.",
                remedy=f"`hermes explain` shows who named that host; `hermes key grant {host}` "
                "allows it, if you know whose it is.",
            )
        return _scheme(header) + self._text

    def hide_in(self, content: AnyStr) -> AnyStr:
        """
        Return a text, or bytes, with the fingerprint wherever the key itself stands.

        Nothing else changes, however much it looks like a key. A text too short for a key
        is left alone.
        """
        if len(self._text) < SHORTEST:
            return content
        if isinstance(content, bytes):
            return content.replace(self._bytes, self.fingerprint.encode())
        return content.replace(self._text, self.fingerprint)

    def shown_in(self, header: str) -> str:
        """Return what may be shown in place of `header_value`: the fingerprint."""
        return _scheme(header) + self.fingerprint


def _scheme(header: str) -> str:
    """Return what stands before a key in a header."""
    return "Bearer " if header.lower() == "authorization" else ""


def plain_text(key: ApiKey) -> str:
    """Return the key itself: for the credential dicts and the key file of `hermes_cli` only."""
    return key._text


def clean_setting(text: str) -> str:
    """Return a key from a variable or a file without surrounding blanks and quotes."""
    return text.strip().strip(_QUOTES).strip()


def check_shape(text: str, *, shortest: int = SHORTEST) -> None:
    """
    Raise AuthError, naming the reason and never the key, unless `text` can be one.

    A key is `shortest` to 512 printable ASCII characters without blanks.
    """
    if any(character.isspace() for character in text):
        reason = "it has a blank or a line break inside"
    elif not text.isascii():
        reason = "it has a character that is not ASCII"
    elif not text.isprintable():
        reason = "it has a control character"
    elif len(text) < shortest:
        reason = f"it has {len(text)} characters, and a key has at least {shortest}"
    elif len(text) > LONGEST:
        reason = f"it has {len(text):,} characters, and a key has at most {LONGEST}"
    else:
        return
    raise malformed(reason)


def malformed(reason: str) -> AuthError:
    """Return the error of a text that cannot be a key; the reason must not repeat it."""
    return AuthError(
        f"This cannot be a key: {reason}.",
        remedy="Copy the key once more from the console, then run `hermes setup`.",
    )


def clean_paste(pasted: str) -> tuple[str, tuple[str, ...]]:
    """
    Return the key inside a paste, and what was taken off, as words for the user.

    Quotes, `export NAME=`, `Bearer`, invisible characters, blanks around it and a
    second copy are taken off. Raises AuthError with the reason, never with the key,
    if nothing, several lines or something that cannot be a key was pasted.
    """
    taken: list[str] = []

    def note(before: str, after: str, words: str) -> str:
        if after != before:
            taken.append(words)
        return after

    text = _BRACKETED_PASTE.sub("", pasted)
    text = note(text, _INVISIBLE.sub("", text), "invisible characters")
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    if len(set(lines)) > 1:
        raise AuthError(
            f"{len(lines)} lines were pasted, and a key is one line.",
            remedy="Copy the key alone, then run `hermes setup` again.",
        )
    text = note("\n".join(lines), lines[0] if lines else "", "a second copy of the key")
    text = note(text, _ASSIGNMENT.sub("", text), "the variable name before it")
    text = note(text, _HEADER.sub("", text), "the word Bearer before it")
    text = note(text, text.rstrip(";").strip(_QUOTES).strip(), "quotes around it")
    half = text[: len(text) // 2]
    if len(half) >= SHORTEST and text in (half * 2, f"{half.strip()} {half.strip()}"):
        text = note(text, half.strip(), "a second copy of the key")
    if not text:
        raise AuthError("Nothing was pasted.", remedy="Run `hermes setup` and paste a key.")
    check_shape(text)
    return text, tuple(taken)
