"""Titles as parts of addresses."""

import re


def slug(title: str) -> str:
    """Return a title in lower case, each run of other characters as one hyphen."""
    return re.sub(r"[^a-z0-9]", "-", title.lower())
