"""Providers that a table of the user's own settings defines: what it may say, and its row."""

import re
from typing import get_args

from agent.catalog.rows import EndpointRow, ProviderRow, Wire

LONGEST_ID, LONGEST_NAME = 32, 60
"""How many characters an id and a shown name may have: less than the keys we know."""

WIRES: tuple[Wire, ...] = get_args(Wire)
"""The wires a table may name, the default one first."""

_RESERVED = ("auto",)


def id_fault(provider_id: str) -> str:
    """Return why a text cannot be a provider's id, as words about it, or an empty text."""
    if not re.fullmatch(rf"[A-Za-z0-9][A-Za-z0-9_-]{{0,{LONGEST_ID - 1}}}", provider_id):
        return f"its name is not made of up to {LONGEST_ID} letters, digits, `-` and `_`"
    if provider_id.lower() in _RESERVED:
        return f"the name `{provider_id}` means no provider in particular"
    return ""


def name_fault(name: str) -> str:
    """Return why a text cannot be the name that is shown, or an empty text."""
    if name.isprintable() and len(name) <= LONGEST_NAME:
        return ""
    return f"`name` has more than {LONGEST_NAME} characters, or one that cannot be shown"


def variable_fault(variable: str) -> str:
    """
    Return why a text cannot name the variable of a key, or an empty text.

    It is not repeated: people put the key itself there.
    """
    if not variable or re.fullmatch(r"[A-Za-z_][A-Za-z0-9_]{0,63}", variable):
        return ""
    return "`key_variable` is no name of a variable, such as MY_GATEWAY_KEY, and not the key itself"


def wire_named(wire: str) -> Wire | None:
    """Return the wire of that name, or None."""
    return next((known for known in WIRES if known == wire), None)


def defined_row(
    provider_id: str, *, name: str, key_variable: str, base_url: str, wire: Wire, defined_in: str
) -> ProviderRow:
    """
    Return the row of a provider whose parts have no fault: one endpoint, no models.

    `base_url` is canonical and the one of `wire`; `key_variable` is empty where no key is
    needed; `defined_in` is the file and line of the base URL.
    """
    shown = name or provider_id
    endpoint = EndpointRow(
        id=provider_id,
        name=f"{shown} endpoint",
        base_urls=((wire, base_url),),
        source=defined_in,
    )
    return ProviderRow(
        id=provider_id,
        name=shown,
        key_needed=bool(key_variable),
        key_variables=(key_variable,) if key_variable else (),
        endpoints=(endpoint,),
        default_endpoint=endpoint.id,
        defined_in=defined_in,
    )
