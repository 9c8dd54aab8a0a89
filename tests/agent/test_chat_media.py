"""Images and videos: known by their bytes, measured, refused in a sentence."""

import pytest
from msgspec.structs import replace

from agent.catalog.rows import ModelRow
from agent.errors import UsageError
from agent.messages import ImagePart, Message, TextPart, VideoPart
from agent.wire.base import Shape
from agent.wire.chat_request import chat_body
from agent.wire.media import LARGEST_IMAGE_BYTES, LARGEST_VIDEO_BYTES, image_type, video_type
from agent.wire.messages_request import messages_body

SEES = ModelRow(id="seer", context_tokens=1, source="test", image=True, video=True)
PNG = b"\x89PNG\r\n\x1a\nrest"
MP4 = b"\x00\x00\x00\x18ftypisom"
TAIL = '"stream":true,"stream_options":{"include_usage":true}}'


@pytest.mark.parametrize(
    ("start", "kind"),
    [
        (PNG, "image/png"),
        (b"\xff\xd8\xff\xe0\x00\x10JFIF", "image/jpeg"),
        (b"GIF87a", "image/gif"),
        (b"GIF89a", "image/gif"),
        (b"RIFF\x24\x00\x00\x00WEBPVP8 ", "image/webp"),
        (b"RIFF\x24\x00\x00\x00WAVEfmt ", ""),
        (b"BM", ""),
        (b"<svg>", ""),
        (b"", ""),
    ],
)
def test_an_image_is_known_by_its_first_bytes(start: bytes, kind: str) -> None:
    """A wrong name or type in the file's metadata does not matter."""
    assert image_type(start) == kind


@pytest.mark.parametrize(
    ("start", "kind"),
    [
        (MP4, "video/mp4"),
        (b"\x00\x00\x00\x14ftypqt  ", "video/mov"),
        (b"\x00\x00\x00\x14ftyp3gp5", "video/3gpp"),
        (b"\x00\x00\x00\x14ftypheic", ""),
        (b"RIFF\x24\x00\x00\x00AVI LIST", "video/avi"),
        (b"FLV\x01\x05", "video/x-flv"),
        (b"\x1a\x45\xdf\xa3\x9f\x42\x82\x84webm", "video/webm"),
        (b"\x1a\x45\xdf\xa3\x9f\x42\x82\x88matroska", ""),
        (b"\x30\x26\xb2\x75\x8e\x66\xcf\x11", "video/wmv"),
        (b"\x00\x00\x01\xba", "video/mpeg"),
        (b"\x00\x00\x01\xb3", "video/mpeg"),
        (b"", ""),
    ],
)
def test_a_video_is_known_by_its_first_bytes(start: bytes, kind: str) -> None:
    """The names are those of the endpoint's list."""
    assert video_type(start) == kind


def shown(part: ImagePart | VideoPart) -> list[Message]:
    """Return a conversation of one message with a part between texts."""
    return [Message("user", (TextPart("look:"), part, TextPart(" ")))]


def test_a_picture_and_a_video_are_data_urls_on_the_chat_wire() -> None:
    """Web addresses are a 400, so only bytes are sent; a blank text part is dropped."""
    messages = shown(ImagePart(PNG, "image/bmp")) + shown(VideoPart(MP4, ""))
    body = chat_body(messages, Shape(model="m", row=SEES)).decode()
    assert body == (
        '{"model":"m","messages":[{"role":"user","content":[{"type":"text","text":"look:"},'
        '{"type":"image_url","image_url":{"url":"data:image/png;base64,iVBORw0KGgpyZXN0"}}]},'
        '{"role":"user","content":[{"type":"text","text":"look:"},'
        '{"type":"video_url","video_url":{"url":"data:video/mp4;base64,AAAAGGZ0eXBpc29t"}}]}],'
        + TAIL
    )


def test_a_picture_is_a_source_on_the_messages_wire() -> None:
    """The same bytes and the same type."""
    body = messages_body(
        shown(ImagePart(PNG, "image/bmp")), Shape(model="m", row=SEES, budget_tokens=1)
    ).decode()
    assert body == (
        '{"model":"m","max_tokens":1,"messages":[{"role":"user","content":['
        '{"type":"text","text":"look:"},{"type":"image","source":{"type":"base64",'
        '"media_type":"image/png","data":"iVBORw0KGgpyZXN0"}}]}],"stream":true}'
    )


def test_a_picture_alone_is_a_message() -> None:
    """It has no text and is not left out."""
    body = chat_body([Message("user", (ImagePart(PNG, ""),))], Shape(model="m")).decode()
    assert '"messages":[{"role":"user","content":[{"type":"image_url"' in body


PLAN = Shape(model="m", quirks=frozenset({"two-megabyte-messages"}))


@pytest.mark.parametrize(
    ("shape", "part", "sentence"),
    [
        (Shape(model="m"), ImagePart(b"%PDF", "image/png"), "These 4 bytes are no image"),
        (
            Shape(model="m", row=replace(SEES, image=False)),
            ImagePart(PNG, ""),
            "m cannot see images.",
        ),
        (
            Shape(model="m"),
            ImagePart(PNG + bytes(LARGEST_IMAGE_BYTES), ""),
            "This image has 20,971,532 bytes; at most 20,971,520 can be sent.",
        ),
        (
            PLAN,
            ImagePart(PNG + bytes(1_572_864), ""),
            "This image has 1,572,876 bytes; at most 1,572,864 can be sent.",
        ),
        (Shape(model="m"), VideoPart(MP4, ""), "m is not known to take videos."),
        (
            Shape(model="m", row=replace(SEES, video=False)),
            VideoPart(MP4, ""),
            "m is not known to take videos.",
        ),
        (Shape(model="m", row=SEES), VideoPart(PNG, ""), "These 12 bytes are no video"),
        (
            Shape(model="m", row=SEES),
            VideoPart(MP4 + bytes(LARGEST_VIDEO_BYTES), ""),
            "This video has 73,400,332 bytes; at most 73,400,320 can be sent.",
        ),
    ],
)
def test_what_cannot_be_sent_is_said_before_anything_is(
    shape: Shape, part: ImagePart | VideoPart, sentence: str
) -> None:
    """A sentence with a command, and no request."""
    with pytest.raises(UsageError) as raised:
        chat_body(shown(part), shape)
    assert raised.value.message.startswith(sentence)
    assert "`hermes models`" in raised.value.remedy


def test_the_messages_wire_takes_no_videos() -> None:
    """The sentence names the other wire."""
    with pytest.raises(UsageError, match="takes no videos") as raised:
        messages_body(shown(VideoPart(MP4, "")), Shape(model="m", row=SEES, budget_tokens=1))
    assert "wire chat`" in raised.value.remedy
