"""
The home, the environment and the settings: the only module that reads the environment.

Reading takes a snapshot once; writing goes through `hermes_cli.storage`. A `.env` or
`config.toml` in the current directory is never read: a cloned repository could otherwise
send a key elsewhere.
"""

import os
import stat
import sys
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any, TypeVar

import msgspec

from agent.base_url import hide_password, is_loopback
from agent.choice import Candidate, Origin
from agent.errors import BrokenFile, ConfigurationError
from agent.keys import ApiKey
from agent.transport.network import Network
from hermes_cli import storage
from hermes_cli.dotenv import Assignment, change_variables, parse_variables
from hermes_cli.file_notices import (
    bad_line_notices,
    neighbour_notice,
    permission_notices,
    repetition_notices,
)
from hermes_cli.key_file import NamedKey, read_keys

T = TypeVar("T")

_PROXY_SCHEMES = ("http", "https", "socks5", "socks5h")


def get_hermes_home() -> Path:
    """
    Return the directory of our files: `$HERMES_HOME`, or `~/.hermes`; it may be missing.

    Raises ConfigurationError if it is a file, or cannot be reached.
    """
    named = os.environ.get("HERMES_HOME", "")
    try:
        home = Path(named if named.strip() else "~/.hermes").expanduser().absolute()
        taken = home.exists() and not home.is_dir()
    except RuntimeError as error:
        raise ConfigurationError(
            "No home directory is known for this user, so ours has no place.",
            remedy=f"`{_set_line('HERMES_HOME', 'DIRECTORY')}` names one.",
        ) from error
    except OSError as error:
        raise ConfigurationError(
            f"The directory for keys and settings cannot be reached: {storage.reason(error)}.",
            remedy=_home_remedy(named),
        ) from error
    if taken:
        raise ConfigurationError(
            f"{storage.shown(home)} is a file, and should be the directory for keys and settings.",
            remedy=_home_remedy(named),
        )
    return home


def get_env_path() -> Path:
    """Return the path of the `.env` with the keys; it may be missing."""
    return get_hermes_home() / ".env"


def get_config_path() -> Path:
    """Return the path of `config.toml`; it may be missing."""
    return get_hermes_home() / "config.toml"


def get_keys_path() -> Path:
    """Return the path of `keys.toml`, with the stored keys; it may be missing."""
    return get_hermes_home() / "keys.toml"


def get_state_path() -> Path:
    """Return the path of our SQLite file; it may be missing."""
    return get_hermes_home() / "hermes-kimi.db"


class Asked(msgspec.Struct, frozen=True):
    """What a command or a keyring said: a key, or a sentence why there is none."""

    key: ApiKey | None = None
    notice: str = ""


@dataclass(frozen=True, kw_only=True)
class Settings:
    """
    What the environment, `.env`, `config.toml` and `keys.toml` said when they were read.

    `stored_keys` are those of `keys.toml`, in its order. `asked` holds what commands and
    keyrings have said since, by the name of the setting that names them, so that each is
    asked once.
    `notices` are sentences the user should see. `neighbour` is one sentence, or empty: the
    home is shared with another program. Neither they nor `repr` ever show a value.
    """

    env_path: Path
    config_path: Path
    keys_path: Path
    stored_keys: tuple[NamedKey, ...] = ()
    asked: dict[str, Asked] = field(default_factory=dict, repr=False, compare=False)
    notices: tuple[str, ...] = ()
    neighbour: str = ""
    _environment: Mapping[str, str] = field(repr=False)
    _assignments: Mapping[str, Assignment] = field(repr=False)
    _tables: Mapping[str, Any] = field(repr=False)
    _config_text: str = field(repr=False)

    def variable(self, name: str) -> tuple[Candidate[str], ...]:
        """Return a variable's values that have text, blanks around it removed: strongest first."""
        return self.variables((name,))

    def variables(self, names: Sequence[str]) -> tuple[Candidate[str], ...]:
        """
        Return the values of several variables, strongest first.

        The source goes before the name: all names in the process environment, in the order
        given, then all in `.env`. A name that `.env` sets twice has its last value.
        """
        exported = [
            Candidate(value, Origin.ENVIRONMENT, f"shell variable {name}", name)
            for name in names
            if (value := self._environment.get(name, "").strip())
        ]
        kept = [
            Candidate(
                assignment.value.strip(),
                Origin.DOTENV,
                f"{storage.shown(self.env_path)} line {assignment.line}",
                name,
            )
            for name in names
            if (assignment := self._assignments.get(name)) and assignment.value.strip()
        ]
        return (*exported, *kept)

    def setting(self, *path: str) -> Candidate[str] | None:
        """
        Return a setting of `config.toml`, or None if it is missing or blank.

        `setting("providers", "kimi-coding", "base_url")` reads `base_url` in the table
        `[providers.kimi-coding]`. Raises BrokenFile for a value that is no text.
        """
        found = self._look(path)
        if found is None:
            return None
        if not isinstance(found, str):
            raise self._not(path, "a text in quotes")
        return self._candidate(found.strip(), path) if found.strip() else None

    def texts(self, *path: str) -> Candidate[tuple[str, ...]] | None:
        """
        Return a list of texts of `config.toml`, or None if it is missing or empty.

        Blanks around each are removed. Raises BrokenFile for what is no such list.
        """
        found = self._look(path)
        if found is None:
            return None
        if not isinstance(found, list) or not all(isinstance(text, str) for text in found):
            raise self._not(path, 'a list of texts, as in ["one", "two"]')
        texts = tuple(text.strip() for text in found if text.strip())
        return self._candidate(texts, path) if texts else None

    def tables(self, *path: str) -> tuple[str, ...]:
        """Return the names of the tables in a table of `config.toml`; none if it is missing."""
        return tuple(n for n, inner in self._table(path).items() if isinstance(inner, Mapping))

    def names(self, *path: str) -> tuple[str, ...]:
        """Return the names of all that a table of `config.toml` holds; none if it is missing."""
        return tuple(self._table(path))

    def _table(self, path: Sequence[str]) -> Mapping[str, Any]:
        found = self._look(path)
        if found is not None and not isinstance(found, Mapping):
            raise self._not(path, "a table of settings")
        return found or {}

    def _look(self, path: Sequence[str]) -> Any:
        found: Any = self._tables
        for depth, key in enumerate(path):
            if not isinstance(found, Mapping):
                raise self._not(path[:depth], "a table of settings")
            if key not in found:
                return None
            found = found[key]
        return found

    def _candidate(self, value: T, path: Sequence[str]) -> Candidate[T]:
        return Candidate(value, Origin.CONFIG, self.where(path), ".".join(path))

    def where(self, path: Sequence[str]) -> str:
        """Return `config.toml` with the line of a setting or table, if it has one there."""
        line = storage.settings_line(self._config_text, path)
        return storage.shown(self.config_path) + (f" line {line}" if line else "")

    def _not(self, path: Sequence[str], wanted: str) -> BrokenFile:
        return BrokenFile(
            f"{self.where(path)}: {'.'.join(path)} should be {wanted}.",
            remedy=f"`{storage.edit_line(self.config_path)}` opens the file.",
        )


def read_settings() -> Settings:
    """
    Read the environment and the home's three files, each once.

    A missing home or file is empty. Raises ConfigurationError for a home that is a file,
    and BrokenFile for a file that cannot be read or parsed.
    """
    home = get_hermes_home()
    env_path, config_path = home / ".env", home / "config.toml"
    assignments, bad_lines = parse_variables(storage.read_text(env_path))
    config_text = storage.read_text(config_path)
    keys_path = get_keys_path()
    stored_keys, key_notices = read_keys(keys_path)
    notices = [
        *bad_line_notices(env_path, bad_lines),
        *repetition_notices(env_path, assignments),
        *key_notices,
        *permission_notices(home),
    ]
    return Settings(
        env_path=env_path,
        config_path=config_path,
        notices=tuple(notices),
        neighbour=neighbour_notice(home),
        keys_path=keys_path,
        stored_keys=stored_keys,
        _environment=dict(os.environ),
        _assignments={assignment.name: assignment for assignment in assignments},
        _tables=storage.parse_settings(config_text, config_path),
        _config_text=config_text,
    )


def write_variables(changes: Mapping[str, str | None]) -> None:
    """
    Set variables in `.env`, or remove those whose value is None; nothing else changes.

    Raises ConfigurationError, and BrokenFile, with the file as it was.
    """
    storage.rewrite(get_env_path(), partial(change_variables, changes=changes))


def write_settings(changes: Mapping[tuple[str, ...], storage.Setting]) -> None:
    """
    Set settings in `config.toml`, or remove those whose value is None; comments stay.

    Raises ConfigurationError, and BrokenFile, with the file as it was.
    """
    path = get_config_path()
    storage.rewrite(path, partial(storage.change_settings, changes=changes, path=path))


def read_network(host: str) -> Network:
    """
    Return the way out to `host` over https: its proxy, and whose certificates count.

    Loopback never goes through a proxy. For other hosts the standard library chooses, so
    `NO_PROXY` and the system's own settings count. Raises ConfigurationError for a proxy
    that cannot be one, and for certificates that are not there.
    """
    proxy_url, proxy_origin = _read_proxy(host)
    return Network(
        proxy_url=proxy_url,
        proxy_origin=proxy_origin,
        certificate_file=_read_certificates("SSL_CERT_FILE", "file", stat.S_ISREG),
        certificate_dir=_read_certificates("SSL_CERT_DIR", "directory", stat.S_ISDIR),
    )


def unset_line(name: str) -> str:
    """Return the command that drops a shell variable."""
    return f"Remove-Item Env:{name}" if sys.platform == "win32" else f"unset {name}"


def child_environment(without: Collection[str]) -> dict[str, str]:
    """Return the environment for a child process, without the variables named (keys)."""
    return {name: value for name, value in os.environ.items() if name not in without}


def color_wanted() -> bool:
    """Say whether the environment allows colour: no `NO_COLOR` with text, no `TERM=dumb`."""
    return not os.environ.get("NO_COLOR") and os.environ.get("TERM") != "dumb"


def _set_line(name: str, value: str) -> str:
    return f'$Env:{name} = "{value}"' if sys.platform == "win32" else f"export {name}={value}"


def _home_remedy(named: str) -> str:
    if named:
        return f"`{unset_line('HERMES_HOME')}` takes ~/.hermes instead."
    return f"`{_set_line('HERMES_HOME', 'DIRECTORY')}` names another directory."


def _read_proxy(host: str) -> tuple[str, str]:
    if is_loopback(host.strip("[]")):
        return "", ""
    from urllib.request import getproxies, proxy_bypass

    proxies = getproxies()
    scheme = "https" if proxies.get("https") else "all"
    value = proxies.get(scheme, "").strip()
    if not value or proxy_bypass(host):
        return "", ""
    origin = _proxy_variable(scheme)
    url = value if "://" in value else f"http://{value}"
    _check_proxy(url, origin)
    return url, origin or "system settings"


def _proxy_variable(scheme: str) -> str:
    # The standard library prefers the lower-case name where both are set.
    wanted = f"{scheme}_proxy"
    names = [name for name, value in os.environ.items() if name.lower() == wanted and value]
    return max(names, key=lambda name: (name.endswith("_proxy"), name), default="")


def _check_proxy(url: str, origin: str) -> None:
    from urllib.parse import urlsplit

    scheme = url.partition("://")[0].lower()
    try:
        parts = urlsplit(url)
        _ = parts.port
        is_address = bool(parts.hostname)
    except ValueError:
        is_address = False
    if scheme in _PROXY_SCHEMES and is_address:
        return
    place = f"The variable {origin}" if origin else "The system's network settings"
    problem = (
        "which is no address of a host"
        if scheme in _PROXY_SCHEMES
        else f"whose scheme is none of {', '.join(_PROXY_SCHEMES)}"
    )
    raise ConfigurationError(
        f"{place} asks for the proxy {hide_password(url)}, {problem}. Nothing was sent.",
        remedy=f"`{unset_line(origin)}` drops it."
        if origin
        else f"`{_set_line('HTTPS_PROXY', 'http://HOST:PORT')}` names another.",
    )


def _read_certificates(name: str, kind: str, is_kind: Callable[[int], bool]) -> str:
    value = os.environ.get(name, "").strip()
    if not value:
        return ""
    # OpenSSL takes several directories at once; one that is there is enough.
    places = value.split(os.pathsep) if kind == "directory" else [value]
    for place in places:
        try:
            if is_kind(Path(place).stat().st_mode):
                return value
        except OSError:
            continue
    raise ConfigurationError(
        f"The variable {name} names {value}, and no {kind} is there: no certificate could be "
        "checked. Nothing was sent.",
        remedy=f"`{unset_line(name)}` drops it.",
    )
