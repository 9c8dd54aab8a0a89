"""Amounts in cents."""


def format_amount(cents: int, currency: str = "EUR") -> str:
    """Return an amount as text. It was called `show` until version 2."""
    return f"{cents // 100}.{cents % 100:02d} {currency}"
