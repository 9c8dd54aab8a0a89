"""What reading other programs' files brings: keys, each with its place, and what was left out."""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeVar

import msgspec

from agent.errors import AuthError, HermesError
from agent.keys import ApiKey, check_shape, clean_setting
from hermes_cli import storage
from hermes_cli.importing.files import read_file
from hermes_cli.importing.owners import base_variables, known_name, row_at, row_of_variable

T = TypeVar("T")

LONGEST_NAME = 40
"""How many characters of a name in another program's file are repeated."""

# Tokens of logins by their looks: Anthropic's (hermes-agent `agent/credential_pool.py` tells them
# so) and JSON web tokens, whose first byte `{` is `ey` in base64.
_LOGIN = re.compile(r"sk-ant-oat|eyJ[\w-]++\.[\w-]++\.")
# `$NAME`, `${NAME}` (hermes-agent), `{env:NAME}`, `{file:PATH}` (opencode).
_REFERENCE = re.compile(r"\$\w+|\$\{[^{}]*\}|\{(?:env|file):[^{}]*\}")
_NAME = re.compile(r"[\w.:@/ -]+", re.ASCII)
_LIKE_A_KEY = re.compile(r"(?:sk|gsk|AIza|ak)[-_]?\w", re.IGNORECASE)

LOGIN = "holds a login (OAuth), which is never taken: `hermes key add` takes an API key"
REFERENCE = "names a variable or a file and holds no key itself"
NOT_READ = "is written in a way that is not read here"


class Place(msgspec.Struct, frozen=True):
    """A file, None for the shell, and where in it: `line 3`, `providers.work`; may be empty."""

    path: Path | None
    inside: str = ""

    @property
    def words(self) -> str:
        """The place as the user can find it: `~/.env, line 3`."""
        return ", ".join(filter(None, (storage.shown(self.path) if self.path else "", self.inside)))


@dataclass(frozen=True, kw_only=True, slots=True)
class Found:
    """
    A key in another program's hands.

    `name` is what that program calls the provider, or the variable; `kind` its type of
    provider, where it tells one. `base_url` is where that program sends the key, as it stands
    there, and empty if it does not say; it may hold a password, so `repr` never shows it.
    """

    tool: str
    place: Place
    name: str
    key: ApiKey
    kind: str = ""
    base_url: str = field(default="", repr=False)


class LeftOut(msgspec.Struct, frozen=True):
    """What cannot be taken and why, as the end of a sentence that begins with the place."""

    tool: str
    place: Place
    reason: str


def shown_name(name: str) -> str:
    """Return a name from another program's file, unless it is strange or may be a key itself."""
    is_plain = len(name) <= LONGEST_NAME and _NAME.fullmatch(name)
    return name if is_plain and not _LIKE_A_KEY.match(name) else "(a name not shown)"


class Reading:
    """
    Collects what the files of one program hold; nothing it does raises for what they hold.

    `found` and `left_out` are in the order of reading.
    """

    def __init__(self, tool: str) -> None:
        self.tool = tool
        self.found: list[Found] = []
        self.left_out: list[LeftOut] = []

    def parsed(self, path: Path, parse: Callable[[str], T]) -> T | None:
        """Return what `parse` makes of a file's text; None if it is missing or left out."""
        try:
            text = read_file(path)
            return None if text is None else parse(text)
        except HermesError as error:
            reason = error.message.removeprefix(f"{storage.shown(path)} ").rstrip(".")
            self.leave(Place(path), reason)
            return None

    def leave(self, place: Place, reason: str) -> None:
        """Note that something was left out."""
        self.left_out.append(LeftOut(self.tool, place, reason))

    def key(
        self, place: Place, name: str, text: object, *, base_url: object = "", kind: str = ""
    ) -> None:
        """
        Note a key as it stands in a file, if it can be one.

        What is no text, empty, or of a provider that we do not know is passed over in
        silence; a login, a reference to a variable and what cannot be a key are left out.
        """
        cleaned = clean_setting(text) if isinstance(text, str) else ""
        where = clean_setting(base_url) if isinstance(base_url, str) else ""
        if not cleaned:
            return
        found = Found(
            tool=self.tool,
            place=place,
            name=name,
            key=ApiKey(cleaned),
            kind=kind,
            base_url=where,
        )
        reason = _reason_against(cleaned)
        if not reason:
            self.found.append(found)
        else:
            self.no_key(place, name, reason, base_url=where, kind=kind)

    def no_key(
        self, place: Place, name: str, reason: str, *, base_url: object = "", kind: str = ""
    ) -> None:
        """Note why there is no key to take where one could be; of providers that we know."""
        if self.knows(name, kind, base_url if isinstance(base_url, str) else ""):
            self.leave(place, reason)

    def knows(self, name: str, kind: str, base_url: str) -> bool:
        """Say whether a name, a type or a base URL is one of a provider of ours."""
        return bool(row_at(base_url) or known_name(name) or known_name(kind))

    def variables(
        self,
        texts: Mapping[str, tuple[str | None, Place]],
        bases: Mapping[str, str] | None = None,
    ) -> None:
        """
        Note the keys among variables: name → (value, place).

        A value of None stands for one that was not understood. `bases` tells the base URL of
        variables whose names are not ours.
        """
        named = bases or {}
        for name, (text, place) in texts.items():
            if row_of_variable(name) is None and name not in named:
                continue
            if text is None:
                self.leave(place, NOT_READ)
                continue
            around = (texts.get(other, (None, place))[0] for other in base_variables(name))
            base_url = named.get(name) or next(filter(None, around), "")
            self.key(place, name, text, base_url=base_url)


def _reason_against(text: str) -> str:
    """Return why a text is not taken for a key, or nothing; it is never repeated."""
    if _LOGIN.match(text):
        return LOGIN
    if _REFERENCE.fullmatch(text):
        return REFERENCE
    try:
        check_shape(text)
    except AuthError as error:
        return no_key_words(error)
    return ""


def no_key_words(error: AuthError) -> str:
    """Return what is wrong with a malformed key, as the end of a sentence."""
    return "cannot be a key" + error.message.removeprefix("This cannot be a key").rstrip(".")
