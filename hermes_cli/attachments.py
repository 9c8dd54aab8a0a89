"""What a line of a conversation carries beside its text: images named with `@`."""

import re
from pathlib import Path

from agent.errors import UsageError
from agent.messages import ImagePart, Message, Part, TextPart
from agent.wire.media import image_type

LARGEST_IMAGE_BYTES = 20 * 1024 * 1024

_NAMED = re.compile(r"(?:^|(?<=\s))@(\S+\.(?:png|jpe?g|gif|webp))(?=\s|$)", re.IGNORECASE)


def message_of(line: str, directory: Path, *, images: bool) -> Message:
    """
    Return the user's message of a line: its text, and each image that `@PATH` names.

    A path is relative to `directory`. A name without a file stays text. Raises UsageError for
    an image that cannot be read or sent, and if the model takes none.
    """
    parts: list[Part] = [TextPart(line)]
    for found in _NAMED.finditer(line):
        try:
            path = directory / Path(found[1]).expanduser()
            if not path.is_file():
                continue
        except (OSError, RuntimeError):
            continue
        if not images:
            raise UsageError(
                f"The model takes no images, so {found[1]} was not sent.",
                remedy="`/model ID` takes another one; `hermes models` shows them.",
            )
        parts.append(_image(path))
    return Message("user", tuple(parts))


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
