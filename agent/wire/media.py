"""Images and videos as a request carries them: known by their first bytes, measured, in base64."""

from base64 import b64encode

from agent.errors import UsageError
from agent.messages import ImagePart, VideoPart
from agent.wire.base import Shape

LARGEST_MESSAGES_BYTES = 2_097_152
"""
What all messages of one request may have at an endpoint with the quirk `two-megabyte-messages`.

Above it: 400 `total message size <N> exceeds limit 2097152` (kimi.com/code/docs, error reference).
"""

LARGEST_IMAGE_BYTES = 20 * 1024 * 1024
"""Ours: three such images, in base64, fit the 100 MB that the platform documents for a body."""

LARGEST_VIDEO_BYTES = 70 * 1024 * 1024
"""Ours: one such video, in base64, fits the same 100 MB."""

_IMAGE_MARKS = (
    (b"\x89PNG\r\n\x1a\n", "image/png"),
    (b"\xff\xd8\xff", "image/jpeg"),
    (b"GIF87a", "image/gif"),
    (b"GIF89a", "image/gif"),
)
_VIDEO_MARKS = (
    (b"FLV\x01", "video/x-flv"),
    (b"\x30\x26\xb2\x75\x8e\x66\xcf\x11", "video/wmv"),
    (b"\x00\x00\x01\xba", "video/mpeg"),
    (b"\x00\x00\x01\xb3", "video/mpeg"),
)
# Brands of the `ftyp` box that are pictures or sound and share the box with mp4.
_NO_VIDEO_BRANDS = (b"heic", b"heix", b"hevc", b"mif1", b"msf1", b"avif", b"avis", b"M4A ", b"M4B ")
_REMEDY = "`hermes models` shows what each model takes."


def image_type(start: bytes) -> str:
    """
    Return the media type that an image's first bytes tell: png, jpeg, gif, webp; else ``.

    Source: platform.kimi.ai/docs, the formats that the vision models take.
    """
    if start[:4] == b"RIFF" and start[8:12] == b"WEBP":
        return "image/webp"
    return next((kind for mark, kind in _IMAGE_MARKS if start.startswith(mark)), "")


def video_type(start: bytes) -> str:
    """
    Return the media type that a video's first bytes tell, or an empty text.

    The names are those that the endpoint lists: mp4, mpeg, mov, avi, x-flv, webm, wmv, 3gpp.
    Source: platform.kimi.ai/docs, the formats that the vision models take.
    """
    if start[4:8] == b"ftyp":
        return _type_of_brand(start[8:12])
    if start[:4] == b"RIFF" and start[8:12] == b"AVI ":
        return "video/avi"
    # Matroska and WebM share the first bytes; the document type stands within the header.
    if start[:4] == b"\x1a\x45\xdf\xa3" and b"webm" in start[:64]:
        return "video/webm"
    return next((kind for mark, kind in _VIDEO_MARKS if start.startswith(mark)), "")


def checked_type(part: ImagePart | VideoPart, shape: Shape) -> str:
    """
    Return the media type to send a part under; the type it claims to have is not believed.

    Raises UsageError if the model cannot take it, nobody knows the format, or it is too
    large. An image goes to a model of which nothing is known, a video does not.
    """
    row = shape.row
    if isinstance(part, VideoPart):
        if row is None or row.video is not True:
            raise UsageError(f"{shape.model} is not known to take videos.", remedy=_REMEDY)
        return _fitting("video", part.data, video_type(part.data[:64]), LARGEST_VIDEO_BYTES)
    if row is not None and row.image is False:
        raise UsageError(f"{shape.model} cannot see images.", remedy=_REMEDY)
    largest = LARGEST_IMAGE_BYTES
    if "two-megabyte-messages" in shape.quirks:
        largest = LARGEST_MESSAGES_BYTES // 4 * 3
    return _fitting("image", part.data, image_type(part.data[:64]), largest)


def in_base64(part: ImagePart | VideoPart) -> str:
    """Return the part's bytes in base64."""
    return b64encode(part.data).decode("ascii")


def _type_of_brand(brand: bytes) -> str:
    if brand in _NO_VIDEO_BRANDS:
        return ""
    if brand == b"qt  ":
        return "video/mov"
    return "video/3gpp" if brand[:2] == b"3g" else "video/mp4"


def _fitting(noun: str, content: bytes, kind: str, largest: int) -> str:
    if not kind:
        formats = "png, jpeg, webp or gif" if noun == "image" else "mp4, mov, webm or the like"
        raise UsageError(
            f"These {len(content):,} bytes are no {noun} that can be sent: not {formats}.",
            remedy=f"Convert it; `file PATH` tells what it is, and {_REMEDY}",
        )
    if len(content) > largest:
        raise UsageError(
            f"This {noun} has {len(content):,} bytes; at most {largest:,} can be sent.",
            remedy=f"Make it smaller; {_REMEDY}",
        )
    return kind
