"""Stored keys, each with a name and the endpoint it belongs to: `keys.toml`, read and changed."""

import re
from collections.abc import Iterator, Mapping
from functools import partial
from pathlib import Path
from typing import Any

import msgspec
from msgspec.structs import replace

from agent.catalog import PROVIDERS, find
from agent.errors import ConfigurationError, HermesError, UsageError
from agent.keys import ApiKey, clean_setting, plain_text
from agent.route import endpoint_of_key
from hermes_cli import storage

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,31}")


class NamedKey(msgspec.Struct, frozen=True, kw_only=True):
    """
    A stored key; `provider` is its provider's id, `name` what the user calls it.

    `endpoint` is the id of the endpoint's row it belongs to, empty where nobody knows.
    `added` is the ISO day it was stored. `line` is where it stands, 0 if it does not yet.
    """

    provider: str
    name: str
    key: ApiKey
    endpoint: str = ""
    added: str = ""
    line: int = 0


def check_name(name: str) -> None:
    """Raise UsageError for a name that cannot be one; it is not repeated: it may be a key."""
    prefixes = {row.usual_key_prefix for row in PROVIDERS} - {""}
    looks_like_key = any(ApiKey(name).starts_with(prefix) for prefix in prefixes)
    if looks_like_key or not _NAME.fullmatch(name):
        raise UsageError(
            "That is no name for a key: a name is up to 32 letters, digits, `-` and `_`, and "
            "does not begin as a key does. Nothing was saved.",
            remedy="`hermes key add NAME` asks for the key hidden, `--stdin` reads it. If a real "
            "key stood there, replace it in the provider's console.",
        )


def read_keys(path: Path) -> tuple[tuple[NamedKey, ...], tuple[str, ...]]:
    """
    Return the stored keys in the file's order, and sentences about what is wrong there.

    A table that holds no key is left out and told. A key that stands with an endpoint of
    another product is given its own, here and in the file. A missing file is empty. Raises
    BrokenFile for one that cannot be read or parsed.
    """
    text = storage.read_text(path)
    keys, notices = parse_keys(text, path)
    mended = tuple(_mended(key) for key in keys)
    if mended == keys:
        return keys, notices
    failure = _repair(path)
    told = (
        _repair_notice(old, new, path, failure)
        for old, new in zip(keys, mended, strict=True)
        if old != new
    )
    return mended, (*notices, *told)


def parse_keys(text: str, path: Path) -> tuple[tuple[NamedKey, ...], tuple[str, ...]]:
    """
    Return the keys in the text of a `keys.toml`, as they stand there, and notices.

    Raises BrokenFile if it cannot be parsed; `path` is where the text came from.
    """
    keys: list[NamedKey] = []
    notices = []
    for spelled, name, table in _tables(storage.parse_settings(text, path)):
        row = find(spelled)
        provider = row.id if row else spelled
        line = storage.settings_line(text, (spelled, name) if name else (spelled,))
        problem = _problem(name, table)
        if any((each.provider, each.name) == (provider, name) for each in keys):
            # Under an alias of the provider: TOML itself refuses a second table of one name.
            problem = f"{provider} has a key of this name above"
        if problem:
            notices.append(
                f"{line_words(path, line)}: {problem}, so it was skipped. "
                f"`{storage.edit_line(path)}` opens the file."
            )
            continue
        keys.append(
            NamedKey(
                provider=provider,
                name=name,
                key=ApiKey(clean_setting(table["key"])),
                endpoint=str(table.get("endpoint", "")).strip(),
                added=str(table.get("added", ""))[:10],
                line=line,
            )
        )
    return tuple(keys), tuple(notices)


def line_words(path: Path, line: int) -> str:
    """Return a line of a file as the user would find it; the file alone if it is 0."""
    return f"{storage.shown(path)} line {line}" if line else storage.shown(path)


def _tables(found: Mapping[str, Any]) -> Iterator[tuple[str, str, Any]]:
    """Yield (provider, name, table) as spelled; no name for what stands outside of a table."""
    for provider, tables in found.items():
        if not isinstance(tables, Mapping):
            yield provider, "", tables
            continue
        for name, table in tables.items():
            yield provider, name, table


def _problem(name: str, table: object) -> str:
    """Return what is wrong with a table, or nothing; its values are never repeated."""
    if not name or not isinstance(table, Mapping):
        return "this is no table [PROVIDER.NAME]"
    if not _NAME.fullmatch(name):
        return "the name of this key is not made of letters, digits, `-` and `_`"
    key = table.get("key")
    if not isinstance(key, str) or not clean_setting(key):
        return "this table holds no `key` in quotes"
    return ""


def add_key(path: Path, named: NamedKey, *, replaces: bool = False) -> None:
    """
    Store a key in the file, made if it is missing: in one step, for the owner alone.

    Raises UsageError for a name that cannot be one, ConfigurationError if another key has
    the name (unless `replaces`) or the file cannot be written, BrokenFile; the file is then
    as it was.
    """
    check_name(named.name)
    storage.rewrite(path, partial(_with_key, named=named, replaces=replaces, path=path))


def _with_key(text: str, *, named: NamedKey, replaces: bool, path: Path) -> str:
    known = next(filter(partial(_is_same, named), parse_keys(text, path)[0]), None)
    if known is not None and known.key != named.key and not replaces:
        raise ConfigurationError(
            f"Another key is stored as {named.name} already: {known.key.fingerprint}. Nothing was "
            "saved.",
            remedy=f"Take another name, or drop that one: `hermes key remove {named.name}`.",
        )
    table = _table_of(text, path, named.provider, named.name)
    fields = {"key": plain_text(named.key), "endpoint": named.endpoint, "added": named.added}
    changes: dict[tuple[str, ...], storage.Setting] = {
        (*table, field): value or None for field, value in fields.items()
    }
    return storage.change_settings(text, changes, path)


def remove_key(path: Path, provider: str, name: str) -> None:
    """
    Drop a stored key from the file; nothing happens if it is not there.

    Raises ConfigurationError, and BrokenFile, with the file as it was.
    """
    storage.rewrite(path, partial(_without_key, provider=provider, name=name, path=path))


def _without_key(text: str, *, provider: str, name: str, path: Path) -> str:
    table = _table_of(text, path, provider, name)
    found: Any = storage.parse_settings(text, path)
    for part in table:
        found = found.get(part, {}) if isinstance(found, Mapping) else {}
    if not isinstance(found, Mapping):
        return text
    return storage.change_settings(text, dict.fromkeys((*table, field) for field in found), path)


def _table_of(text: str, path: Path, provider: str, name: str) -> tuple[str, str]:
    """Return the table a key stands in, or will: the file may use an alias of the provider."""
    for spelled, tables in storage.parse_settings(text, path).items():
        row = find(spelled)
        known = row.id if row else spelled
        if known == provider and isinstance(tables, Mapping) and name in tables:
            return spelled, name
    return provider, name


def _is_same(one: NamedKey, other: NamedKey) -> bool:
    return (one.provider, one.name) == (other.provider, other.name)


# --- repair -------------------------------------------------------------------------------


def _mended(named: NamedKey) -> NamedKey:
    """Return the key with an endpoint of its own product; as it is if nothing contradicts."""
    row = find(named.provider)
    by_key = endpoint_of_key(row, named.key) if row else None
    if row is None or by_key is None or not named.endpoint:
        return named
    own = {by_key.id, *(twin.id for twin in row.of_product(by_key.product))}
    return named if named.endpoint in own else replace(named, endpoint=by_key.id)


def _repair(path: Path) -> HermesError | None:
    """Write every key's own endpoint into the file; return why that failed, or None."""
    try:
        storage.rewrite(path, partial(_repaired, path=path))
    except ConfigurationError as error:
        return error
    return None


def _repaired(text: str, *, path: Path) -> str:
    changes: dict[tuple[str, ...], storage.Setting] = {}
    for key in parse_keys(text, path)[0]:
        mended = _mended(key)
        if mended != key:
            table = _table_of(text, path, key.provider, key.name)
            changes[*table, "endpoint"] = mended.endpoint
    return storage.change_settings(text, changes, path) if changes else text


def _repair_notice(old: NamedKey, new: NamedKey, path: Path, failure: HermesError | None) -> str:
    outcome = "repaired" if failure is None else f"used so, but not repaired. {failure.message}"
    return (
        f"{line_words(path, old.line)}: the key {old.name} ({old.key.fingerprint}) stood "
        f"with the endpoint {old.endpoint}, and belongs to {new.endpoint}: {outcome.rstrip('.')}."
    )
