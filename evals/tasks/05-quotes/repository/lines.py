"""Comma-separated lines."""


def parse_line(line: str) -> list[str]:
    """Return the fields of one line."""
    return line.split(",")
