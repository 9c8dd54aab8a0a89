"""A text without what names a person or a machine: placeholders stand for it."""

import getpass
import platform
import re
import socket
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from urllib.parse import urlsplit

from agent.base_url import is_loopback
from agent.catalog import PROVIDERS
from agent.errors import ConfigurationError
from hermes_cli.config import Settings, get_hermes_home, read_network
from hermes_cli.doctor.survey import Survey
from hermes_cli.known_keys import hide_keys
from hermes_cli.setting_names import every_name
from hermes_cli.user_providers import every_provider

KNOWN_HOSTS = frozenset(
    host for row in PROVIDERS for endpoint in row.endpoints for host in endpoint.hosts
)
"""The hosts of our rows: they name nobody, and stay."""

_FILE_VARIABLES = ("SSL_CERT_FILE", "SSL_CERT_DIR", "HERMES_LOCAL_MODEL")
_URL = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*://[^\s\"'`<>()]+")
_PATTERNS = (
    (re.compile(r"[\w.+-]+@[\w-]+(?:\.[\w-]+)+"), "MAIL"),
    # How endpoints name accounts in their refusals: `Your account org-1<ak-2>` (seen 2026-09).
    (re.compile(r"(?<![\w-])(?:org|ak|user|proj|acct)-[A-Za-z0-9_]+"), "ACCOUNT"),
    (re.compile(r"((?:/home|/Users)/|[A-Za-z]:\\Users\\)[^/\\\s\"'`]+"), r"\1USER"),
)
_ADDRESS = re.compile(r"(?<![\w.])(?:\d{1,3}\.){3}\d{1,3}(?![\w.])")
_SHORTEST_NAME = 3
# A user or a machine may be called so, and the word names nobody.
_PLAIN_WORDS = frozenset({"admin", "home", "linux", "localhost", "python", "root", "tmp", "user"})


def nameless(text: str, survey: Survey) -> str:
    """
    Return the text without keys, and with placeholders for names of the user's.

    Those are their own name, the machine's, paths, hosts that are none of our rows', names of
    stored keys, addresses of mail and machines, and accounts that an endpoint named.
    """
    text = hide_keys(text)
    for private, placeholder in _paths_and_names(survey.settings):
        text = text.replace(private, placeholder)
    for asked in survey.asked:
        if asked.head.address and not is_loopback(asked.head.address):
            text = text.replace(asked.head.address, "ADDRESS")
    for number, host in enumerate(_private_hosts(text, survey), start=1):
        text = _without_word(text, host, f"HOST-{number}")
    for pattern, placeholder in _PATTERNS:
        text = pattern.sub(placeholder, text)
    text = _ADDRESS.sub(lambda found: found[0] if is_loopback(found[0]) else "ADDRESS", text)
    for name, placeholder in (*_providers(survey.settings), *_persons_and_machines()):
        text = _without_word(text, name, placeholder)
    return text


def _without_word(text: str, word: str, placeholder: str) -> str:
    """Return the text with a whole word replaced, in any case."""
    pattern = rf"(?<![A-Za-z0-9]){re.escape(word)}(?![A-Za-z0-9])"
    return re.sub(pattern, placeholder, text, flags=re.IGNORECASE)


def _paths_and_names(settings: Settings | None) -> list[tuple[str, str]]:
    """Return paths, and names that the user made up, with what stands for them; longest first."""
    pairs = [(str(get_hermes_home()), "$HERMES_HOME")]
    with suppress(OSError):  # it was removed under us
        pairs.append((str(Path.cwd()), "CURRENT-DIRECTORY"))
    with suppress(RuntimeError):
        pairs.append((str(Path.home()), "~"))
    if settings is not None:
        pairs += [
            (found.value, f"${name}")
            for name in _FILE_VARIABLES
            for found in settings.variable(name)
        ]
        pairs += [
            (phrase.format(name), phrase.format(f"NAME-{number}"))
            for number, name in enumerate(dict.fromkeys(k.name for k in settings.stored_keys), 1)
            for phrase in ("stored key {}", "--key {}", '"name": "{}"', "the key {} (")
        ]
    return sorted((p for p in pairs if len(p[0]) >= _SHORTEST_NAME), key=lambda p: -len(p[0]))


# --- hosts --------------------------------------------------------------------------------


def _private_hosts(text: str, survey: Survey) -> list[str]:
    """Return the hosts that are none of our rows', each once, the longest first."""
    hosts = {_host_of(url) for url in (*_URL.findall(text), *_proxies(survey))}
    hosts |= {asked.host for asked in survey.asked}
    hosts |= {
        name.removeprefix("*.")
        for asked in survey.asked
        for kind, name in asked.head.certificate.get("subjectAltName", ())
        if kind == "DNS"
    }
    if survey.settings is not None:
        hosts |= set(_granted(survey.settings))
    private = {host.lower() for host in hosts} - KNOWN_HOSTS - {""}
    return sorted((host for host in private if not is_loopback(host)), key=len, reverse=True)


def _proxies(survey: Survey) -> Iterator[str]:
    for host in {*KNOWN_HOSTS, *(asked.host for asked in survey.asked)}:
        with suppress(ConfigurationError):
            yield read_network(host).proxy_url


def _granted(settings: Settings) -> Iterator[str]:
    with suppress(ConfigurationError):
        for name in every_name(settings):
            if name.kind == "hosts":
                for found in name.candidates(settings):
                    yield from name.words(found.value)


def _host_of(url: str) -> str:
    with suppress(ValueError):
        return urlsplit(url).hostname or ""
    return ""


def _providers(settings: Settings | None) -> Iterator[tuple[str, str]]:
    """Yield the ids and names of the providers that the user defined."""
    rows = [row for row in every_provider(settings) if row.defined_in] if settings else []
    for number, row in enumerate(rows, start=1):
        for name in (row.id, row.name):
            if len(name) >= _SHORTEST_NAME:
                yield name, f"PROVIDER-{number}"


# --- persons and machines -----------------------------------------------------------------


def _persons_and_machines() -> Iterator[tuple[str, str]]:
    """Yield the names of this user and this machine; words that name nobody are left out."""
    ours = {
        word
        for row in PROVIDERS
        for name in (row.id, row.name, *row.aliases)
        for word in re.split(r"\W+", name.lower())
    }
    for name, placeholder in (*_users(), *_machines()):
        if len(name) >= _SHORTEST_NAME and name.lower() not in ours | _PLAIN_WORDS:
            yield name, placeholder


def _users() -> Iterator[tuple[str, str]]:
    with suppress(OSError, KeyError, ImportError):
        yield getpass.getuser(), "USER"
    with suppress(RuntimeError):
        yield Path.home().name, "USER"


def _machines() -> Iterator[tuple[str, str]]:
    for name in (socket.gethostname(), platform.node()):
        yield name, "MACHINE"
        yield name.partition(".")[0], "MACHINE"
