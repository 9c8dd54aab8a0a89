"""The clipboard: the image in it, or its text, through whichever program reads it here."""

import asyncio
import base64
import binascii
import os
import re
import signal
import struct
import sys
from asyncio.subprocess import DEVNULL, PIPE, Process
from collections.abc import Awaitable, Callable, Mapping
from contextlib import suppress
from functools import partial
from pathlib import Path

import msgspec

from agent.sandbox import program_outside
from agent.wire.media import LARGEST_IMAGE_BYTES

SECONDS = 5.0
"""How long one program may take."""

_PNG = b"\x89PNG\r\n\x1a\n"
_HEAD_BYTES = 24
_END_BYTES = 32
# Two digits a byte, and what stands around them.
_MOST_PRINTED = 2 * LARGEST_IMAGE_BYTES + 1_024
_INSTEAD = "`@FILE` sends an image that is in a file."

_Asking = Callable[[tuple[str, ...]], Awaitable[bytes]]

_WINDOWS_IMAGE = (
    "Add-Type -AssemblyName System.Windows.Forms, System.Drawing; "
    "$image = [Windows.Forms.Clipboard]::GetImage(); if ($image) { "
    "$stream = New-Object IO.MemoryStream; "
    "$image.Save($stream, [Drawing.Imaging.ImageFormat]::Png); "
    "[Console]::Out.Write([Convert]::ToBase64String($stream.ToArray())) }"
)
_WINDOWS_TEXT = (
    "[Console]::OutputEncoding = [Text.Encoding]::UTF8; [Console]::Out.Write((Get-Clipboard -Raw))"
)


def _from_apple(printed: bytes) -> bytes:
    """Return the bytes in AppleScript's `«data PNGf8950…»`."""
    digits = re.search(rb"PNGf([0-9A-Fa-f]+)", printed)
    return binascii.unhexlify(digits[1]) if digits else b""


class Reader(msgspec.Struct, frozen=True, kw_only=True):
    """
    A program that prints the clipboard, and where it does.

    `image` and `text` are its arguments for either, None where it has none; `decoded` makes a
    PNG of what it prints. Without the variable `display` it reads nothing.
    """

    program: str
    where: str
    image: tuple[str, ...] | None = None
    text: tuple[str, ...] | None = None
    display: str = ""
    decoded: Callable[[bytes], bytes] = bytes


# xclip was tried (0.13 on Xvfb, 2026-11); the others are as their manuals have them.
READERS = (
    Reader(
        program="wl-paste",
        where="Wayland",
        display="WAYLAND_DISPLAY",
        image=("--type", "image/png"),
        text=("--no-newline", "--type", "text"),
    ),
    Reader(
        program="xclip",
        where="X11",
        display="DISPLAY",
        image=("-selection", "clipboard", "-target", "image/png", "-out"),
        text=("-selection", "clipboard", "-target", "UTF8_STRING", "-out"),
    ),
    Reader(program="pngpaste", where="macOS", image=("-",)),
    Reader(
        program="osascript",
        where="macOS",
        image=("-e", "the clipboard as «class PNGf»"),
        decoded=_from_apple,
    ),
    Reader(program="pbpaste", where="macOS", text=()),
    Reader(
        program="powershell.exe",
        where="Windows",
        image=("-NoProfile", "-NonInteractive", "-Sta", "-Command", _WINDOWS_IMAGE),
        text=("-NoProfile", "-NonInteractive", "-Command", _WINDOWS_TEXT),
        decoded=base64.b64decode,
    ),
)
"""The programs that are looked for, in this order."""


class Clip(msgspec.Struct, frozen=True):
    """What the clipboard gave: a PNG, or text, or a sentence that says why neither."""

    image: bytes = b""
    text: str = ""
    sentence: str = ""


async def read_clipboard(
    environment: Mapping[str, str], with_text: bool, *, seconds: float = SECONDS
) -> Clip:
    """
    Return the image in the clipboard or, `with_text`, its text if there is none.

    `environment` is the whole one of the programs, which must hold no key; each of them may
    take `seconds`.
    """
    there, lacking = _found(environment)
    if not there:
        return Clip(sentence=_nobody_reads(lacking))
    ask = partial(_printed, environment=environment, seconds=seconds)
    clip = await _image(there, ask)
    if clip is None and with_text:
        clip = await _text(there, ask)
    if clip is not None:
        return clip
    asked = " and ".join(reader.program for reader, _ in there)
    what = "neither an image nor text" if with_text else "no image"
    return Clip(sentence=f"The clipboard holds {what}, as {asked} read it. {_INSTEAD}")


def _found(environment: Mapping[str, str]) -> tuple[list[tuple[Reader, str]], list[str]]:
    """Return the programs that can read, each with its path, and what the others lack."""
    there, lacking = [], []
    root = Path.cwd()
    for reader in READERS:
        path = program_outside(root, reader.program, environment.get("PATH", ""))
        if path and (not reader.display or environment.get(reader.display)):
            there.append((reader, path))
        elif path:
            lacking.append(f"{reader.program} needs {reader.display}")
    return there, lacking


def _nobody_reads(lacking: list[str]) -> str:
    if lacking:
        return f"The clipboard cannot be read here: {', '.join(lacking)}. {_INSTEAD}"
    looked = ", ".join(f"{reader.program} ({reader.where})" for reader in READERS)
    return f"No program here reads the clipboard: {looked} were looked for. {_INSTEAD}"


async def _image(there: list[tuple[Reader, str]], ask: _Asking) -> Clip | None:
    for reader, path in there:
        if reader.image is None:
            continue
        content = _decoded(reader, await ask((path, *reader.image)))
        if len(content) > LARGEST_IMAGE_BYTES:
            most = LARGEST_IMAGE_BYTES >> 20
            return Clip(sentence=f"The image in the clipboard is larger than {most} MiB.")
        if is_png(content):
            return Clip(image=content)
    return None


async def _text(there: list[tuple[Reader, str]], ask: _Asking) -> Clip | None:
    for reader, path in there:
        if reader.text is None:
            continue
        printed = await ask((path, *reader.text))
        if printed:
            return Clip(text=printed.decode("utf-8", "replace"))
    return None


def is_png(content: bytes) -> bool:
    """Say whether bytes are a whole PNG: its head and its end are there."""
    return (
        content.startswith(_PNG) and content[12:16] == b"IHDR" and b"IEND" in content[-_END_BYTES:]
    )


def png_size(content: bytes) -> tuple[int, int]:
    """Return the width and the height that the head of a PNG tells."""
    width, height = struct.unpack(">II", content[16:_HEAD_BYTES])
    return width, height


def _decoded(reader: Reader, printed: bytes) -> bytes:
    try:
        return reader.decoded(printed)
    except ValueError:
        return b""


async def _printed(
    command: tuple[str, ...], *, environment: Mapping[str, str], seconds: float
) -> bytes:
    """Return what a program prints; nothing if it fails, or is not done in time."""
    try:
        process = await asyncio.create_subprocess_exec(
            *command,
            stdin=DEVNULL,
            stdout=PIPE,
            stderr=DEVNULL,
            env=environment,
            start_new_session=True,
        )
    except OSError:
        return b""
    try:
        async with asyncio.timeout(seconds):
            content = await _read(process)
            if len(content) > _MOST_PRINTED or await process.wait() == 0:
                return content
    except TimeoutError:
        return b""
    finally:
        await _end(process)
    return b""


async def _read(process: Process) -> bytes:
    """Return what a program prints, and one byte more than may be if it is too much."""
    assert process.stdout is not None  # noqa: S101 - it is a pipe
    try:
        return await process.stdout.readexactly(_MOST_PRINTED + 1)
    except asyncio.IncompleteReadError as ended:
        return ended.partial


async def _end(process: Process) -> None:
    """End a program and what it started, and give back its pipe."""
    assert process.stdout is not None  # noqa: S101 - it is a pipe
    if sys.platform == "win32":
        with suppress(ProcessLookupError):
            process.kill()
    else:
        with suppress(ProcessLookupError, PermissionError):
            os.killpg(process.pid, signal.SIGKILL)
    # The transport is closed only when the pipe has been read to its end.
    await process.stdout.read()
    await process.wait()
