"""Ctrl-V in a conversation: the image or the text of the clipboard, through real programs."""

import asyncio
import base64
import binascii
import struct
import zlib
from pathlib import Path

import pytest

from hermes_cli.ui.clipboard import read_clipboard
from kimi_mock.server import KimiMock
from tests.process.test_conversation import PASTE, contents, leave, say, talk
from tests.support.process import Hermes
from tests.support.terminal import ENTER

CTRL_V = "\x16"
REFUSAL = "The model takes no images, so the pasted image was not sent."


def png(width: int, height: int) -> bytes:
    """Return a whole PNG, grey."""

    def chunk(kind: bytes, content: bytes) -> bytes:
        check = binascii.crc32(kind + content)
        return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", check)

    head = struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)
    rows = zlib.compress((b"\0" + b"\x80" * width) * height)
    body = chunk(b"IHDR", head) + chunk(b"IDAT", rows) + chunk(b"IEND", b"")
    return b"\x89PNG\r\n\x1a\n" + body


@pytest.fixture
def programs(hermes: Hermes) -> Path:
    """A directory of programs that is all of the path, `cat`, `env`, `printf` and `sleep` apart."""
    place = hermes.home.parent.parent / "programs"
    place.mkdir()
    for name in ("cat", "env", "sleep"):
        (place / name).symlink_to(f"/usr/bin/{name}")
    hermes.environment |= {"PATH": str(place), "DISPLAY": ":99"}
    return place


def stand_in(programs: Path, name: str, *, image: str = "exit 1", text: str = "exit 1") -> None:
    """Put a program on the path that does one thing when asked for a PNG, and another else."""
    script = f'#!/bin/sh\ncase "$*" in *image/png*|*PNGf*) {image};; *) {text};; esac\n'
    path = programs / name
    path.write_text(script)
    path.chmod(0o755)


def holding(programs: Path, content: bytes) -> str:
    """Return the shell words that print a content."""
    (programs / "content").write_bytes(content)
    return f"cat {programs / 'content'}"


def images(kimi: KimiMock) -> list[bytes]:
    """Return the images of the last message of the last request."""
    parts = kimi.seen[-1].json["messages"][-1]["content"]
    return [
        base64.b64decode(part["image_url"]["url"].partition("base64,")[2])
        for part in parts
        if part["type"] == "image_url"
    ]


@pytest.mark.parametrize("keys", [CTRL_V, PASTE.format("")], ids=["ctrl-v", "empty paste"])
def test_an_image_in_the_clipboard_goes_along(
    kimi: KimiMock, hermes: Hermes, programs: Path, keys: str
) -> None:
    """A few words stand for it in the line; the program that read it was given no key."""
    content, seen = png(20, 10), programs / "seen"
    stand_in(programs, "xclip", image=f"env >{seen}; {holding(programs, content)}")
    with talk(hermes, "chat", "--model", "kimi-k3") as terminal:
        terminal.send(f"look at {keys}")
        terminal.read_until("[pasted image 20x10 #")
        say(terminal, "")
        leave(terminal)

    assert images(kimi) == [content]
    assert "PATH=" in seen.read_text()
    assert "sk-" not in seen.read_text()


def test_enter_waits_for_the_image(kimi: KimiMock, hermes: Hermes, programs: Path) -> None:
    """Who presses Enter before a slow program has answered sends the image all the same."""
    content = png(3, 4)
    stand_in(programs, "xclip", image=f"sleep 1; {holding(programs, content)}")
    with talk(hermes, "chat", "--model", "kimi-k3") as terminal:
        say(terminal, f"see {CTRL_V}this ")
        leave(terminal)

    assert images(kimi) == [content]
    assert len(kimi.seen) == 1


def test_apple_and_windows_print_it_in_their_own_way(
    kimi: KimiMock, hermes: Hermes, programs: Path
) -> None:
    """Hexadecimal digits and base64 become the same bytes; the first that has one is taken."""
    digits = png(5, 6).hex().upper()
    stand_in(programs, "osascript", image=f"echo '«data PNGf{digits}»'")
    stand_in(programs, "xclip")
    with talk(hermes, "chat", "--model", "kimi-k3") as terminal:
        terminal.send(CTRL_V)
        terminal.read_until("[pasted image 5x6 #")
        (programs / "osascript").unlink()
        stand_in(programs, "powershell.exe", text=f"echo {base64.b64encode(png(7, 8)).decode()}")
        terminal.send(CTRL_V)
        terminal.read_until("[pasted image 7x8 #")
        say(terminal, "")
        leave(terminal)

    assert images(kimi) == [png(5, 6), png(7, 8)]


def test_text_in_the_clipboard_is_pasted_as_text(
    kimi: KimiMock, hermes: Hermes, programs: Path
) -> None:
    """Where there is no image; long text is folded, as a paste is."""
    stand_in(programs, "xclip", text=holding(programs, b"one\ntwo"))
    with talk(hermes, "chat", "--model", "kimi-k3") as terminal:
        say(terminal, CTRL_V)
        (programs / "content").write_bytes(b"x\n" * 30)
        terminal.send(CTRL_V)
        terminal.read_until("[pasted 31 lines #1]")
        say(terminal, "")
        leave(terminal)

    assert contents(kimi)[0] == ["one\ntwo"]
    assert contents(kimi)[1][-1].count("x\n") == 30


def test_what_cannot_be_had_is_a_sentence(kimi: KimiMock, hermes: Hermes, programs: Path) -> None:
    """No program, none with a display, an empty clipboard: what was looked for, and `@FILE`."""
    hermes.environment["DISPLAY"] = ""
    planted = hermes.home.parent / "bin"  # in the directory worked in: a repository's own
    planted.mkdir()
    stand_in(planted, "pngpaste", image=f"echo ran > {planted}/ran")
    hermes.environment["PATH"] += f":{planted}"
    with talk(hermes, "chat", "--model", "kimi-k3") as terminal:
        terminal.send(CTRL_V)
        terminal.read_until("No program here reads the clipboard: wl-paste (Wayland), xclip (X11)")
        terminal.read_until("`@FILE` sends an image that is in a file.")
        stand_in(programs, "xclip", image=holding(programs, png(1, 1)))
        terminal.send(CTRL_V)
        terminal.read_until("The clipboard cannot be read here: xclip needs DISPLAY.")
        stand_in(programs, "pngpaste", text="exit 0")
        stand_in(programs, "pbpaste", text="exit 0")
        terminal.send(CTRL_V)
        terminal.read_until("neither an image nor text, as pngpaste and pbpaste read it.")

        assert leave(terminal) == 0
    assert kimi.seen == []
    assert not (planted / "ran").exists()


@pytest.mark.parametrize(
    ("does", "seconds", "sentence"),
    [
        ("cat half", 10.0, "The clipboard holds no image, as pngpaste read it."),
        ("cat /dev/zero", 10.0, "The image in the clipboard is larger than 20 MiB."),
        ("sleep 60 & exec sleep 60", 0.3, "The clipboard holds no image, as pngpaste read it."),
    ],
    ids=["half a PNG", "endless", "never ends"],
)
def test_a_program_that_does_not_give_a_png_takes_nothing_along(
    programs: Path, does: str, seconds: float, sentence: str
) -> None:
    """Half an image, one without an end, a program that hangs, with a child at its pipe."""
    (programs / "half").write_bytes(png(9, 9)[:-12])
    stand_in(programs, "pngpaste", text=does.replace("half", str(programs / "half")))

    clip = asyncio.run(read_clipboard({"PATH": str(programs)}, False, seconds=seconds))

    assert (clip.image, clip.text) == (b"", "")
    assert clip.sentence.startswith(sentence)


def test_a_model_without_images_is_asked_nothing(
    kimi: KimiMock, hermes: Hermes, programs: Path
) -> None:
    """A pasted image is refused before anything is sent; the arrow brings the line again."""
    stand_in(programs, "xclip", image=holding(programs, png(2, 2)))
    with talk(hermes, "chat", "--model", "moonshot-v1-8k") as terminal:
        terminal.send(CTRL_V)
        terminal.read_until("[pasted image 2x2 #")
        terminal.send(ENTER)
        terminal.read_until(REFUSAL)
        terminal.send("\x1b[A")
        terminal.read_until("[pasted image 2x2 #")
        terminal.send("\x03")

        assert leave(terminal) == 0
    assert kimi.seen == []
