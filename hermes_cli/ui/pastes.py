"""What is pasted: long text and images, a few words in the line that is typed, sent in full."""

import re
from hashlib import sha256
from pathlib import Path

from hermes_cli.ui.clipboard import png_size

FOLDED_LINES = 8
FOLDED_CHARACTERS = 1_000
"""A paste with more lines, or more characters, is folded."""

IMAGE_SUFFIXES = (".png", ".jpg", ".jpeg", ".gif", ".webp")

_DIGEST_DIGITS = 8
_FOLD = re.compile(r"\[pasted (\d+) (?:lines|characters) #(\d+)\]")


class Pastes:
    """
    What was pasted into a conversation: folded text by number, and `images`, PNGs, by the
    words that stand for each in a line.
    """

    def __init__(self) -> None:
        self.images: dict[str, bytes] = {}
        self._texts: dict[int, str] = {}

    def taken(self, pasted: str) -> str:
        """
        Return what is put into the line for a paste: the text itself, or a fold.

        The path of an image becomes `@PATH`, as a file that is dragged into a terminal is pasted;
        with blanks in it, `@"PATH"`.
        """
        text = pasted.replace("\r\n", "\n").replace("\r", "\n")
        if image := _image_path(text):
            return f'@"{image}" ' if any(map(str.isspace, image)) else f"@{image} "
        lines = text.count("\n") + 1
        if lines <= FOLDED_LINES and len(text) <= FOLDED_CHARACTERS:
            return text
        number = len(self._texts) + 1
        self._texts[number] = text
        size = f"{lines} lines" if lines > FOLDED_LINES else f"{len(text)} characters"
        return f"[pasted {size} #{number}]"

    def image_taken(self, content: bytes) -> str:
        """
        Return the words that stand in a line for a PNG.

        They hold its digest: a line of the history never means another conversation's image.
        """
        width, height = png_size(content)
        digest = sha256(content).hexdigest()[:_DIGEST_DIGITS]
        words = f"[pasted image {width}x{height} #{digest}]"
        self.images[words] = content
        return words

    def expanded(self, line: str) -> str:
        """Return a line with its folds in full; one that is none of ours stays as it is."""

        def whole(found: re.Match[str]) -> str:
            return self._texts.get(int(found[2]), found[0])

        return _FOLD.sub(whole, line)


def _image_path(text: str) -> str:
    """Return the path in a paste that is nothing but the path of an image, else nothing."""
    path = text.strip().strip("'\"").removeprefix("file://").replace("\\ ", " ")
    if "\n" in path or "\0" in path or not path.lower().endswith(IMAGE_SUFFIXES):
        return ""
    try:
        return path if Path(path).expanduser().is_file() else ""
    except OSError:
        return ""
