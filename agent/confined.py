"""
The parent of one command: confines it, ends all that it started, tells how it ended.

Started by `agent.tools.jobs` as a file (`python -I -S confined.py FD`), not as a module: it
stands on the standard library alone, of which it imports little, for it runs before every
command (20 ms, 2026-11). It stays outside of Landlock's confinement, in a session of its own;
in bubblewrap's it is inside, with the namespace's first process as its parent: there it sees how
the command ended and what it left, which from outside is only that bubblewrap ended.

    descriptor FD     the Spec, marshalled
    standard input    a socket. We read: `t` end it (TERM, two seconds, KILL), `k` KILL at once;
                      its end means that Hermes is gone, and is a `k`.
                      We write: `pid N` (0 in a namespace, where numbers are others than
                      outside), then `exit CODE LEFT`, a line each; CODE is negative for a
                      signal, LEFT how many processes the command had left running.
    standard output   the command's output, and its errors

On Linux it is the reaper of orphans below it, so what left the command's session with `setsid`
is found and ended too; elsewhere only the command's process group is.
"""

import ctypes
import marshal
import os
import select
import signal
import sys
import time
from collections.abc import Iterator
from typing import NoReturn, TypedDict

NOT_STARTED = 125
"""The exit code of a command that could not be started; the reason is in its output."""

GRACE_SECONDS = 2.0
# `cmd > >(tee log)`: what is about to end by itself is given the time for it.
_SETTLE_SECONDS = 0.1
_TICK_SECONDS = 0.02
_KILL_SECONDS = 2.0
_DEAF_TO = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP, signal.SIGQUIT, signal.SIGPIPE)

# linux/prctl.h
_SET_PARENT_DEATH_SIGNAL, _DROP_CAPABILITY, _SET_REAPER, _SET_NO_NEW_PRIVILEGES = 1, 24, 36, 38
# linux/capability.h, for root alone: DAC_READ_SEARCH, SYS_MODULE, SYS_RAWIO, SYS_PTRACE, SYS_ADMIN,
# MKNOD, PERFMON, BPF. With SYS_ADMIN or PERFMON, Linux 6.18 shows /proc/PID/environ of any process,
# whatever Landlock says. bubblewrap leaves root all of them: with SYS_ADMIN what is private is
# uncovered by `umount`, with DAC_READ_SEARCH a file is opened by its number (seen 2026-11-22).
_WAYS_AROUND = (2, 16, 17, 19, 21, 27, 38, 39)
# Landlock's system calls have these numbers on every machine but alpha.
_CREATE_RULESET, _ADD_RULE, _RESTRICT_SELF = 444, 445, 446
_RULE_PATH_BENEATH = 1

# linux/landlock.h
_EXECUTE, _WRITE_FILE, _READ_FILE, _READ_DIRECTORY = 1 << 0, 1 << 1, 1 << 2, 1 << 3
_REMOVE_DIRECTORY, _REMOVE_FILE = 1 << 4, 1 << 5
_MAKE_DIRECTORY, _MAKE_REGULAR, _MAKE_SOCKET, _MAKE_FIFO = 1 << 7, 1 << 8, 1 << 9, 1 << 10
_MAKE_LINK, _REFER, _TRUNCATE, _DEVICE_CONTROL = 1 << 12, 1 << 13, 1 << 14, 1 << 15
_RIGHTS_BY_ABI = (0, (1 << 13) - 1, (1 << 14) - 1, (1 << 15) - 1, (1 << 15) - 1, (1 << 16) - 1)
_OF_FILES = _EXECUTE | _WRITE_FILE | _READ_FILE | _TRUNCATE | _DEVICE_CONTROL
_READ = _EXECUTE | _READ_FILE | _READ_DIRECTORY
_REMOVE = _REMOVE_DIRECTORY | _REMOVE_FILE
_MAKE = _MAKE_DIRECTORY | _MAKE_REGULAR | _MAKE_SOCKET | _MAKE_FIFO | _MAKE_LINK
# Device nodes are never made: the one of a disk is a way around every rule.
_WRITE = _WRITE_FILE | _TRUNCATE | _REMOVE | _MAKE | _REFER
# From ABI 6: no signals and no abstract sockets to what is outside.
_SCOPES = 0b11
_DEVICES = (
    *("/dev/null", "/dev/zero", "/dev/full", "/dev/random", "/dev/urandom"),
    *("/dev/tty", "/dev/ptmx", "/dev/pts", "/dev/shm"),  # noqa: S108 - shared memory, no file
)


class Spec(TypedDict):
    """
    What to start: the program's absolute path and arguments, where, with what environment.

    `within` are the words that start the launcher itself confined, none where it is not.
    `landlock` is whether Landlock confines the command; then it writes only below `writable` and
    reads what is not below `private`, or is below `writable` or `readable`. Paths have links
    followed.
    """

    command: list[str]
    directory: str
    environment: dict[str, str]
    within: list[str]
    landlock: bool
    writable: list[str]
    readable: list[str]
    private: list[str]


def landlock_abi() -> int:
    """Return the version of Landlock that this kernel has and allows; 0 for none."""
    if sys.platform != "linux":
        return 0
    version_wanted = 1
    version = int(_libc().syscall(_CREATE_RULESET, None, 0, version_wanted))
    return max(0, version)


def rules(spec: Spec) -> Iterator[tuple[str, int]]:
    """
    Yield the paths of a confinement, with the rights at and below each.

    Rights only add up, and cannot be taken away below a path: so that private directories stay
    out, what is *beside* the way to each is allowed, entry by entry. The names in a directory can
    be listed everywhere, also in private ones: a right to list `~` is one for all below it. A
    file that appears beside the way while a command runs is read by the next command. Where
    something private is below a writable directory, nothing can be made or removed directly on
    the way to it: renamed, it would be private no more.
    """
    yield "/", _READ_DIRECTORY
    for path in _around("/", spec["private"]):
        yield path, _READ
    for folder in spec["readable"]:
        yield folder, _READ
    for folder in spec["writable"]:
        for path in _around(folder, spec["private"]):
            yield path, _READ | _WRITE
    for device in _DEVICES:
        yield device, _READ | _WRITE | _DEVICE_CONTROL


def confine(spec: Spec) -> None:
    """Confine this process and what it starts, for good. Raises OSError."""
    _give_up_privileges()
    if not spec["landlock"]:
        return
    version = landlock_abi()
    handled = _RIGHTS_BY_ABI[min(version, len(_RIGHTS_BY_ABI) - 1)]
    numbers = [handled, 0, _SCOPES]
    size = 8 if version < 4 else 16 if version < 6 else 24
    attributes = b"".join(number.to_bytes(8, sys.byteorder) for number in numbers)[:size]
    ruleset = _call(_CREATE_RULESET, attributes, size, 0)
    for path, rights in rules(spec):
        _allow(ruleset, path, rights & handled)
    _call(_RESTRICT_SELF, ruleset, 0)
    os.close(ruleset)


def main(arguments: list[str]) -> int:
    """Start the command, wait for its end or the word, end what is left. Return 0."""
    with os.fdopen(int(arguments[0]), "rb") as file:
        spec: Spec = marshal.load(file)  # noqa: S302 - written by the same interpreter, for us
    woken = _prepare()
    child = os.fork()
    if child == 0:
        _become(spec)
    _tell(f"pid {0 if spec['within'] else child}\n")
    nowhere = os.open(os.devnull, os.O_RDWR)
    for descriptor in (1, 2):
        os.dup2(nowhere, descriptor)
    reaper = _Reaper(child)
    word = _wait(woken, reaper)
    left = 0 if word else reaper.left_running()
    reaper.end(at_once=word == b"k")
    _tell(f"exit {reaper.code} {left}\n")
    return 0


class _Reaper:
    """
    The processes below this one: the command, and orphans that came to us.

    `code` is how the command ended: its exit code or the negative number of a signal; None
    while it runs.
    """

    def __init__(self, child: int) -> None:
        self.child = child
        self.code: int | None = None

    def reap(self) -> bool:
        """Take note of what has ended; say whether anything runs still."""
        while True:
            try:
                process, status = os.waitpid(-1, os.WNOHANG)
            except ChildProcessError:
                return False
            if process == 0:
                return True
            if process == self.child:
                self.code = os.waitstatus_to_exitcode(status)

    def children(self) -> list[int]:
        """Return the ids of processes directly below this one; none where nobody knows."""
        try:
            listing = os.open(f"/proc/self/task/{os.getpid()}/children", os.O_RDONLY)
        except OSError:
            return []
        try:
            return [int(text) for text in os.read(listing, 1 << 16).split()]
        finally:
            os.close(listing)

    def left_running(self) -> int:
        """Return how many processes the command has left that do not end by themselves."""
        began = time.monotonic()
        while self.reap() and time.monotonic() - began < _SETTLE_SECONDS:
            time.sleep(0.005)
        return len(self.children())

    def end(self, *, at_once: bool) -> None:
        """End everything, politely first unless `at_once`; give up on what cannot be ended."""
        grace = 0.0 if at_once else GRACE_SECONDS
        began, asked = time.monotonic(), set[int]()
        while self.reap() or self._signal(0, self.child, group=True):
            waited = time.monotonic() - began
            if waited > grace + _KILL_SECONDS:
                return
            number = signal.SIGTERM if waited < grace else signal.SIGKILL
            for process in self.children():
                if number == signal.SIGKILL or process not in asked:
                    self._signal(number, process)
                    asked.add(process)
            if number == signal.SIGKILL or -self.child not in asked:
                self._signal(number, self.child, group=True)
                asked.add(-self.child)
            time.sleep(_TICK_SECONDS if waited > _TICK_SECONDS else 0.002)

    @staticmethod
    def _signal(number: int, process: int, *, group: bool = False) -> bool:
        try:
            (os.killpg if group else os.kill)(process, number)
        except OSError:
            return False
        return True


def _wait(woken: int, reaper: _Reaper) -> bytes:
    """Return when the command has ended, with nothing, or with the word that came before."""
    poll = select.poll()
    poll.register(0, select.POLLIN)
    poll.register(woken, select.POLLIN)
    while reaper.reap() and reaper.code is None:
        for descriptor, _ in poll.poll():
            if descriptor == 0:
                return _word()
            os.read(woken, 512)
    return b""


def _word() -> bytes:
    try:
        return os.read(0, 1) or b"k"
    except OSError:
        return b"k"


def _tell(line: str) -> None:
    try:
        os.write(0, line.encode())
    except OSError:
        return


def _prepare() -> int:
    """Be deaf to what the command may send its group; return what can be read at a child's end."""
    for number in _DEAF_TO:
        signal.signal(number, signal.SIG_IGN)
    woken, wake = os.pipe()
    os.set_blocking(wake, False)
    os.set_blocking(woken, False)
    signal.signal(signal.SIGCHLD, lambda *_: None)
    signal.set_wakeup_fd(wake, warn_on_full_buffer=False)
    if sys.platform == "linux":
        _libc().prctl(_SET_REAPER, 1, 0, 0, 0)
    return woken


def _become(spec: Spec) -> NoReturn:
    """Turn this child into the command."""
    try:
        signal.set_wakeup_fd(-1)
        for number in (*_DEAF_TO, signal.SIGCHLD, signal.SIGXFSZ):
            signal.signal(number, signal.SIG_DFL)
        os.setsid()
        os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
        if sys.platform == "linux":
            _libc().prctl(_SET_PARENT_DEATH_SIGNAL, int(signal.SIGKILL), 0, 0, 0)
        if spec["landlock"] or spec["within"]:
            confine(spec)
        os.chdir(spec["directory"])
        os.execve(spec["command"][0], spec["command"], spec["environment"])  # noqa: S606
    except BaseException as error:  # noqa: BLE001 - whatever it is, there is no way back from here
        os.write(2, f"The command was not started: {error}\n".encode())
    os._exit(NOT_STARTED)


def _give_up_privileges() -> None:
    for capability in _WAYS_AROUND:
        _libc().prctl(_DROP_CAPABILITY, capability, 0, 0, 0)
    if _libc().prctl(_SET_NO_NEW_PRIVILEGES, 1, 0, 0, 0):
        raise OSError(ctypes.get_errno(), "privileges cannot be given up")


def _around(folder: str, private: list[str]) -> list[str]:
    """Return the folder, or what is in it beside the way to what is private."""
    inside = [path for path in private if _is_below(path, folder)]
    if not inside:
        return [folder]
    if folder in inside:
        return []
    try:
        entries = list(os.scandir(folder))
    except OSError:
        return []
    kept = (entry.path for entry in entries if not entry.is_symlink())
    return [path for entry in kept for path in _around(entry, inside)]


def _is_below(path: str, folder: str) -> bool:
    return path == folder or path.startswith(f"{folder.rstrip('/')}/")


def _allow(ruleset: int, path: str, rights: int) -> None:
    """Add a rule; what is not there (any more) is allowed nothing."""
    try:
        # Linux's O_PATH: a name for the place, which needs no right to read it.
        place = os.open(path, getattr(os, "O_PATH", 0) | os.O_CLOEXEC)
    except OSError:
        return
    try:
        if os.fstat(place).st_mode & 0o170000 != 0o040000:
            rights &= _OF_FILES
        beneath = rights.to_bytes(8, sys.byteorder) + place.to_bytes(4, sys.byteorder)
        _call(_ADD_RULE, ruleset, _RULE_PATH_BENEATH, beneath, 0)
    finally:
        os.close(place)


def _libc() -> ctypes.CDLL:
    return ctypes.CDLL(None, use_errno=True)


def _call(number: int, *arguments: int | bytes) -> int:
    # Numbers as wide as a register: a C function of unknown arguments is not told their width.
    wide = [ctypes.c_long(each) if isinstance(each, int) else each for each in arguments]
    result = int(_libc().syscall(ctypes.c_long(number), *wide))
    if result < 0:
        code = ctypes.get_errno()
        raise OSError(code, f"the sandbox cannot be set up: {os.strerror(code)}")
    return result


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
