"""Tables: drawn within the width of a terminal, plain and whole for a pipe."""

import os
import sys
from collections.abc import Sequence

from hermes_cli.config import color_wanted
from hermes_cli.ui.style import is_terminal, printable, say


def print_table(title: str, columns: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    """
    Print rows of text under a title, on standard output.

    A terminal gets cells folded to its width; a pipe gets one line a row, never cut, with
    at least two blanks between columns. Columns without any text are left out.
    """
    used = [number for number, _ in enumerate(columns) if any(row[number] for row in rows)]
    names = [columns[number] for number in used]
    cells = [[_cell(row[number]) for number in used] for row in rows]
    say(title, style="bold")
    if is_terminal(sys.stdout):
        _draw(names, cells)
    else:
        _write(names, cells)


def _cell(text: str) -> str:
    """Return a text as one line without control characters."""
    return " ".join(printable(text).split())


def _write(columns: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    table = [[name.upper() for name in columns], *rows]
    widths = [max(len(row[number]) for row in table) for number, _ in enumerate(columns)]
    for row in table:
        say("  ".join(f"{cell:<{width}}" for cell, width in zip(row, widths, strict=True)).rstrip())


def _draw(columns: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    from rich import box
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    table = Table(box=box.SIMPLE_HEAD, padding=(0, 1, 0, 0), show_edge=False, header_style="dim")
    for name in columns:
        # The first column is what gets typed or copied: it stays in one piece.
        table.add_column(name, overflow="fold", no_wrap=name == columns[0])
    for row in rows:
        table.add_row(*(Text(cell) for cell in row))
    # Asked of the terminal itself: rich takes 80 for it where TERM is dumb.
    width = os.get_terminal_size(sys.stdout.fileno()).columns or 80
    console = Console(file=sys.stdout, width=width, no_color=not color_wanted(), highlight=False)
    console.print(table)
