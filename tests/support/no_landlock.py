"""
Becomes a program without Landlock, as in a container that forbids it: `no_landlock.py PROGRAM …`.

A filter of seccomp, seccomp(2), lets its three system calls answer "no such system call".
"""

import ctypes
import os
import struct
import sys
from pathlib import Path

_SET_NO_NEW_PRIVILEGES, _SET_SECCOMP, _FILTER_MODE = 38, 22, 2
# linux/bpf_common.h and linux/seccomp.h
_LOAD, _JUMP_IF_AT_LEAST, _JUMP_IF_MORE, _RETURN = 0x20, 0x35, 0x25, 0x06
_ALLOW, _NO_SUCH_CALL = 0x7FFF0000, 0x00050000 | 38
_FIRST, _LAST = 444, 446


class _Program(ctypes.Structure):
    _fields_ = (("length", ctypes.c_ushort), ("instructions", ctypes.c_char_p))


def forbid_landlock() -> None:
    """Forbid this process and its children Landlock, for good. Raises OSError."""
    instructions = b"".join(
        struct.pack("HBBI", *instruction)
        for instruction in (
            (_LOAD, 0, 0, 0),
            (_JUMP_IF_AT_LEAST, 0, 2, _FIRST),
            (_JUMP_IF_MORE, 1, 0, _LAST),
            (_RETURN, 0, 0, _NO_SUCH_CALL),
            (_RETURN, 0, 0, _ALLOW),
        )
    )
    program = _Program(len(instructions) // 8, instructions)
    libc = ctypes.CDLL(None, use_errno=True)
    for call in (
        (_SET_NO_NEW_PRIVILEGES, 1, 0, 0, 0),
        (_SET_SECCOMP, _FILTER_MODE, ctypes.byref(program), 0, 0),
    ):
        if libc.prctl(*call):
            raise OSError(ctypes.get_errno(), "the filter cannot be set")


def without_landlock(argv: list[str]) -> list[str]:
    """Return the command that runs another one without Landlock."""
    return [sys.executable, str(Path(__file__)), *argv]


if __name__ == "__main__":
    forbid_landlock()
    os.execv(sys.argv[1], sys.argv[1:])  # noqa: S606 - a test names it
