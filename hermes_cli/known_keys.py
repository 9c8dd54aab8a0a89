"""
Every key within reach, known by its exact text: what may not be shown, and nothing else.

For the two moments when a key could slip into a text of ours: a crash, and a command line.
"""

import gc
import re
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from urllib.parse import unquote

from agent.base_url import secret_in
from agent.catalog import PROVIDERS
from agent.errors import HermesError
from agent.keys import SHORTEST, ApiKey, clean_setting
from hermes_cli.auth import key_variables
from hermes_cli.config import child_environment, get_env_path, get_keys_path

# Read as text, not by its grammar: a file that cannot be parsed may be why we are here.
_ASSIGNED = re.compile(
    r"""(?P<name>[\w.-]+) ["']? [ \t]*=[ \t]* (?P<value> "[^"\n]*" | '[^'\n]*' | [^\n]+ )""",
    re.VERBOSE,
)
_SECRET_NAME = re.compile(r"(?:^|_|API)(?:KEY|TOKEN|SECRET|PASSWORD)$", re.IGNORECASE)
_LIMIT_BYTES = 1024 * 1024


def hide_keys(text: str) -> str:
    """
    Return a text with the fingerprint in place of every key that is known.

    Known are the keys in the environment, in `.env` and in `keys.toml`, also if a file cannot
    be parsed, and those that this process holds; passwords in proxies' URLs go too. What only
    looks like a key stays as it is. Never raises.
    """
    known = {ApiKey(key) for key in _keys()}
    # A key from a command or a keyring stands in no file: the frames of a traceback hold it.
    known |= {thing for thing in gc.get_objects() if type(thing) is ApiKey}
    # The longest first: where one begins another, the rest of the longer would stay.
    for key in sorted(known, key=lambda each: each.length, reverse=True):
        text = key.hide_in(text)
    return text


def holds_key(text: str) -> bool:
    """Say whether a text holds a key that is known, or something that begins as keys do."""
    return bool(_key_shape().search(text)) or any(key in text for key in _keys() if _is_long(key))


def _is_long(key: str) -> bool:
    # `hunter12` may be a password and a model's name; nobody takes a key for a word.
    return len(key) >= 2 * SHORTEST


def _key_shape() -> re.Pattern[str]:
    """Return the pattern of what begins with a known mark and goes on as only keys do."""
    marks = {row.usual_key_prefix for row in PROVIDERS}
    marks |= {mark for row in PROVIDERS for mark, _ in row.foreign_prefixes}
    words = "|".join(sorted(map(re.escape, marks - {""}), key=len, reverse=True))
    return re.compile(rf"(?<![A-Za-z0-9])(?:{words})(?=[\w-]*\d)[\w-]{{12,}}", re.ASCII)


def _keys() -> Iterator[str]:
    """Yield the texts of the keys in the environment and the files, and of proxies' passwords."""
    names = {name for row in PROVIDERS for name in row.key_variables}
    with suppress(Exception):  # reading the settings may be what broke
        names |= set(key_variables())
    assigned = list(child_environment(()).items())
    for name, value in assigned:
        if name.lower().endswith("_proxy") and (secret := secret_in(value.strip())):
            yield from {secret, unquote(secret)}
    assigned += _assigned_in_files()
    for name, value in assigned:
        if name not in names and not _SECRET_NAME.search(name):
            continue
        for text in {value.strip(), clean_setting(value), clean_setting(value.partition(" #")[0])}:
            if len(text) >= SHORTEST:
                yield text


def _assigned_in_files() -> Iterator[tuple[str, str]]:
    paths: list[Path] = []
    with suppress(HermesError):
        # A pipe in their place would be waited for, and a device has no end.
        paths = [path for path in (get_env_path(), get_keys_path()) if path.is_file()]
    for path in paths:
        text = ""
        with suppress(OSError), path.open("rb") as file:
            text = file.read(_LIMIT_BYTES).decode("utf-8", "replace")
        for found in _ASSIGNED.finditer(text):
            yield found["name"], found["value"]
