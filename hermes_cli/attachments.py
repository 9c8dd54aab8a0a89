"""What a line of a conversation carries beside its text: images named with `@`, or pasted."""

import re
from collections.abc import Mapping
from pathlib import Path

from agent.errors import UsageError
from agent.messages import ImagePart, Message, Part, TextPart
from agent.wire.media import LARGEST_IMAGE_BYTES, image_type
from hermes_cli.ui.pastes import IMAGE_SUFFIXES

# A path as it is, or in quotes where it has blanks; or an image out of the clipboard.
_NAMED = re.compile(
    r"(?:^|(?<=\s))@(?:\"(?P<quoted>[^\"\n]+)\"|(?P<plain>\S+))(?=\s|$)"
    r"|(?P<pasted>\[pasted image [^\]\n]+\])"
)


def message_of(
    line: str, directory: Path, *, images: bool, pasted: Mapping[str, bytes] | None = None
) -> Message:
    """
    Return the user's message of a line: its text, and each image that `@PATH` names.

    A path is relative to `directory`. A name without a file stays text. `pasted` are PNGs by
    the words that stand for them. Raises UsageError for an image that cannot be read or sent,
    and if the model takes none.
    """
    parts: list[Part] = [TextPart(line)]
    for found in _NAMED.finditer(line):
        name = found["quoted"] or found["plain"] or "the pasted image"
        image = (pasted or {}).get(found[0]) or _image_file(directory, name)
        if image is None:
            continue
        if not images:
            raise UsageError(
                f"The model takes no images, so {name} was not sent.",
                remedy="`/model ID` takes another one; `hermes models` shows them.",
            )
        parts.append(ImagePart(image, "image/png") if isinstance(image, bytes) else _image(image))
    return Message("user", tuple(parts))


def _image_file(directory: Path, name: str) -> Path | None:
    """Return the path of an image file by its name, or None if there is none."""
    if not name.lower().endswith(IMAGE_SUFFIXES):
        return None
    try:
        path = directory / Path(name).expanduser()
        return path if path.is_file() else None
    except (OSError, RuntimeError):
        return None


def _image(path: Path) -> ImagePart:
    try:
        with path.open("rb") as file:
            content = file.read(LARGEST_IMAGE_BYTES + 1)
    except OSError as error:
        raise UsageError(
            f"{path} cannot be read: {error.strerror}.", remedy=f"`ls -l {path}` shows it."
        ) from error
    kind = image_type(content[:16])
    if not kind or len(content) > LARGEST_IMAGE_BYTES:
        most = LARGEST_IMAGE_BYTES >> 20
        raise UsageError(
            f"{path} is no PNG, JPEG, GIF or WebP image of at most {most} MiB.",
            remedy=f"`file {path}` shows what it is.",
        )
    return ImagePart(content, kind)
