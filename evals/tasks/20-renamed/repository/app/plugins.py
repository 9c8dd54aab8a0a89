"""Formats that settings may name."""

import app.money

FORMATS = {"amount": "show", "plain": "str"}


def formatter(name: str):
    """Return the function of a format."""
    function = FORMATS[name]
    return str if function == "str" else getattr(app.money, function)
