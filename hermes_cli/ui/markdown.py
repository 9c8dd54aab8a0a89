"""Markdown, drawn in the terminal's own colours; imported only where something is drawn."""

import io
import re

from markdown_it import MarkdownIt
from pygments.token import (  # type: ignore[import-untyped]
    Comment,
    Keyword,
    Name,
    String,
    Token,
)
from rich.console import Console, ConsoleOptions, RenderResult
from rich.markdown import CodeBlock, Heading, Markdown
from rich.style import Style
from rich.syntax import ANSISyntaxTheme, Syntax
from rich.text import Text
from rich.theme import Theme

from hermes_cli.ui.style import printable

_TRAILING = re.compile(r"[ \t]+((?:\x1b\[[0-9;]*m)*)$", re.MULTILINE)
_EMPTY_EDGES = re.compile(r"\A(?:(?:\x1b\[[0-9;]*m)*\n)+|(?:\n(?:\x1b\[[0-9;]*m)*)+\Z")
_NARROWEST = 20

# As rich has it, without what it leaves out or moves: `Vec<String>` lost its type, an image went
# to the beginning of its paragraph (rich 15.0, 2026-11).
_PARSER = (
    MarkdownIt().enable(["strikethrough", "table"]).disable(["html_block", "html_inline", "image"])
)

_STYLES = {
    "markdown.code": "magenta",
    "markdown.code_block": "none",
    "markdown.block_quote": "italic",
    "markdown.h1": "bold",
    "markdown.h2": "bold",
    "markdown.h3": "bold",
    "markdown.h4": "bold",
    "markdown.h5": "bold",
    "markdown.h6": "bold",
    "markdown.item.bullet": "bold",
    "markdown.item.number": "bold",
    "markdown.list": "none",
    "markdown.hr": "dim",
    "markdown.link": "underline",
    "markdown.link_url": "underline",
    "markdown.table.border": "dim",
    "markdown.table.header": "bold",
}
"""Only what reads on light and on dark: three of the terminal's own colours, no background."""

_CODE_THEME = ANSISyntaxTheme(
    {
        Token: Style(),
        Comment: Style(dim=True),
        Keyword: Style(color="magenta"),
        Name.Function: Style(bold=True),
        Name.Class: Style(bold=True),
        String: Style(color="green"),
    }
)


def painted(text: str, width: int, *, colours: bool) -> str:
    """
    Return Markdown as lines for a terminal of so many columns, without a last newline.

    Control characters go; without `colours` there is no escape sequence at all.
    """
    output = io.StringIO()
    console = Console(
        file=output,
        force_terminal=colours,
        color_system="standard" if colours else None,
        no_color=not colours,
        width=max(width, _NARROWEST),
        theme=Theme(_STYLES),
        highlight=False,
        legacy_windows=False,
        _environ={},
    )
    console.print(_Plain(printable(text)))
    return _EMPTY_EDGES.sub("", _TRAILING.sub(r"\1", output.getvalue()))


class _LeftHeading(Heading):
    """A heading where the text begins, its depth shown as in its source."""

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        del console, options
        depth = int(self.tag.removeprefix("h"))
        yield Text.assemble((f"{'#' * depth} ", "dim"), self.text)


class _PlainCode(CodeBlock):
    """Code as it can be copied: no frame, no padding."""

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        del console, options
        code = str(self.text).rstrip()
        yield Syntax(code, self.lexer_name, theme=_CODE_THEME, word_wrap=True)


class _Plain(Markdown):
    """Markdown with our headings and our code, and nothing left out."""

    def __init__(self, text: str) -> None:
        super().__init__("", hyperlinks=False)
        self.markup = text
        self.parsed = _PARSER.parse(text)

    elements = {  # noqa: RUF012 - as it stands in the class it replaces
        **Markdown.elements,
        "heading_open": _LeftHeading,
        "fence": _PlainCode,
        "code_block": _PlainCode,
    }
