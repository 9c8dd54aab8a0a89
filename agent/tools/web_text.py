"""A page of HTML as text that reads well, with its links; no I/O."""

import re
import time
from collections.abc import Callable
from html.parser import HTMLParser
from urllib.parse import urljoin, urlsplit

LONGEST_PARSE_SECONDS = 8.0
"""A page that takes longer is given as far as it was read: `html.parser` can be made slow."""

_PIECE_CHARACTERS = 32 * 1024
_DROPPED = frozenset({"script", "style", "noscript", "template", "svg", "math", "head", "iframe"})
_PARAGRAPHS = re.compile("p|pre|h[1-6]|table|ul|ol|dl|blockquote|section|article")
_BLOCKS = re.compile(
    f"{_PARAGRAPHS.pattern}|address|aside|body|d[dt]|details|div|fieldset|figcaption|figure|footer"
    "|form|header|hr|li|main|nav|summary|tr"
)
_BLANKS = re.compile(r"[ \t\r\n\f\v\u00a0]+")


def readable(html: str, url: str, *, clock: Callable[[], float] = time.monotonic) -> str:
    """
    Return what a person would read on a page at `url`: its title, then text, links, lists.

    Links are `[text](absolute URL)`, headings `#` and lists `-`; scripts and styles are dropped.
    Never raises, whatever the HTML.
    """
    page = _Page(url)
    deadline = clock() + LONGEST_PARSE_SECONDS
    for start in range(0, len(html), _PIECE_CHARACTERS):
        page.feed(html[start : start + _PIECE_CHARACTERS])
        if clock() > deadline:
            return f"{page.text()}\n[the page is longer, and took too long to read]"
    # What never ended (a comment, a tag) is text no more; to parse it anew could take minutes.
    if len(page.rawdata) <= _PIECE_CHARACTERS:
        page.close()
    return page.text()


class _Page(HTMLParser):
    """Collects lines: `_line` is the one being written."""

    def __init__(self, url: str) -> None:
        super().__init__(convert_charrefs=True)
        self._base = url
        self._title: list[str] = []
        self._in_title = False
        self._dropping: list[str] = []
        self._verbatim = 0
        self._lines: list[str] = []
        self._line: list[str] = []
        self._links: list[tuple[str, int]] = []

    def text(self) -> str:
        """Return what has been read."""
        self._break()
        body = re.sub(r"\n{3,}", "\n\n", "\n".join(self._lines)).strip()
        title = _BLANKS.sub(" ", "".join(self._title)).strip()
        return f"{title}\n\n{body}" if title else body

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Begin what a tag begins."""
        if tag == "title" and not self._title:
            self._in_title = True
        if tag in _DROPPED:
            self._dropping.append(tag)
        if self._dropping:
            # A head has no end tag in many pages; its end is where the body begins.
            if tag == "body" or (_BLOCKS.fullmatch(tag) and self._dropping == ["head"]):
                self._dropping.clear()
            else:
                return
        self._start(tag, {name: value or "" for name, value in attrs})

    def handle_endtag(self, tag: str) -> None:
        """End what a tag ends."""
        if tag == "title":
            self._in_title = False
        if self._dropping:
            if tag in self._dropping:
                del self._dropping[self._dropping.index(tag) :]
            return
        if tag == "a":
            self._end_link()
        elif tag == "pre":
            self._verbatim = max(0, self._verbatim - 1)
        elif tag in ("td", "th"):
            self._line.append(" | ")
        if _BLOCKS.fullmatch(tag):
            self._break(paragraph=bool(_PARAGRAPHS.fullmatch(tag)))

    def handle_data(self, data: str) -> None:
        """Take text."""
        if self._in_title:
            self._title.append(data)
        elif self._dropping:
            return
        elif self._verbatim:
            first, *others = data.split("\n")
            self._line.append(first)
            for line in others:
                self._break()
                self._line.append(line)
        else:
            self._line.append(_BLANKS.sub(" ", data))

    def _start(self, tag: str, attributes: dict[str, str]) -> None:
        if _BLOCKS.fullmatch(tag):
            self._break(paragraph=bool(_PARAGRAPHS.fullmatch(tag)))
        match tag:
            case "base" if attributes.get("href"):
                self._base = _absolute(self._base, attributes["href"]) or self._base
            case "a":
                self._links.append((attributes.get("href", ""), len(self._line)))
            case "br":
                self._break()
            case "pre":
                self._verbatim += 1
            case "li":
                self._line.append("- ")
            case "h1" | "h2" | "h3" | "h4" | "h5" | "h6":
                self._line.append("#" * int(tag[1]) + " ")
            case "img" if attributes.get("alt"):
                self._line.append(f"[image: {_BLANKS.sub(' ', attributes['alt'])}]")

    def _end_link(self) -> None:
        if not self._links:
            return
        href, start = self._links.pop()
        words = "".join(self._line[start:])
        target = _absolute(self._base, href)
        if words.strip() and target:
            del self._line[start:]
            self._line.append(f"[{words.strip()}]({target})")

    def _break(self, *, paragraph: bool = False) -> None:
        line = "".join(self._line)
        if not self._verbatim:
            line = _BLANKS.sub(" ", line).strip()
        line = line.removesuffix(" |")
        # A heading or an item without words is decoration.
        if line.strip("#- "):
            self._lines.append(line)
        elif self._verbatim and self._lines:
            self._lines.append("")
        if paragraph and self._lines and self._lines[-1]:
            self._lines.append("")
        self._line.clear()
        self._links = [(href, 0) for href, _ in self._links]


def _absolute(base: str, href: str) -> str:
    """Return the address a link leads to; empty for one that leads nowhere else."""
    if not href or href.startswith("#"):
        return ""
    try:
        url = urljoin(base, href.strip())
        return url if urlsplit(url).scheme in ("http", "https", "mailto") else ""
    except ValueError:
        return ""
