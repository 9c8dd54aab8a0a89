"""What a confined command can and cannot do, tried by real commands."""

import os
import re
import socket
import sys
from pathlib import Path

import pytest

from agent.confined import rules
from agent.errors import ConfigurationError
from agent.sandbox import Area, Sandbox, bubblewrap_command, find_bubblewrap, find_sandbox
from agent.tools.shell import Shell
from tests.agent.tools.sandboxes import (
    BUBBLEWRAP,
    KINDS,
    needs_bubblewrap,
    needs_landlock,
)
from tests.agent.tools.shells import HIDDEN, OFF, said, shell_in, workspace_in

confined = pytest.mark.parametrize("sandbox", KINDS)


@confined
def test_a_command_writes_only_its_workspace_and_a_temporary_directory(
    tmp_path: Path, sandbox: Sandbox
) -> None:
    """Making, changing, truncating, removing and renaming are refused elsewhere, by name."""
    shell = shell_in(tmp_path, sandbox)
    victim = tmp_path / "victim"
    victim.write_text("as it was")

    answer = said(
        shell,
        f"echo x > {tmp_path}/new; echo x >> {victim}; truncate -s 0 {victim}; rm {victim}; "
        f"mv {victim} here; ln {victim} here; "
        "echo fine > inside && echo fine > $TMPDIR/too && mv $TMPDIR/too . && cat inside too",
    )

    assert victim.read_text() == "as it was"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["home", "victim", "work"]
    assert "fine\nfine\n" in answer
    assert "`hermes config set sandbox off`" in answer
    assert str(shell.workspace.root) in answer.splitlines()[-1]


@confined
def test_a_command_reads_all_but_private_directories(tmp_path: Path, sandbox: Sandbox) -> None:
    """Keys stay unread through links and other spellings too; what is beside them is read."""
    shell = shell_in(tmp_path, sandbox)
    (tmp_path / "home" / "notes").write_text("beside the way")
    keys = tmp_path / "home" / ".hermes" / "keys.toml"

    answer = said(
        shell,
        f"cat {keys}; ln -s {keys} link; cat link; cat /proc/self/root{keys}; ln {keys} hard; "
        f"cp -r {keys.parent} copy; mv {keys.parent} moved; cat copy/* moved/*; "
        "cat ../home/notes; head -c 4 /usr/bin/env | tail -c 3",
    )

    assert HIDDEN not in answer
    assert "beside the wayELF" in answer
    assert keys.read_text() == HIDDEN


@confined
def test_the_sandbox_hides_other_processes(tmp_path: Path, sandbox: Sandbox) -> None:
    """Neither is our environment read, which may hold keys, nor are we sent signals."""
    mine = os.getpid()

    answer = said(
        shell_in(tmp_path, sandbox),
        f"cat /proc/{mine}/environ; head -c 1 /proc/{mine}/mem; kill {mine}; echo alive",
    )

    lines = answer.split("\n")
    assert len(lines) == 5
    assert all(re.search("denied|not permitted|No such", line) for line in lines[:3])
    assert lines[3] == "alive"
    assert "signal only what they started" in lines[4]


@confined
def test_no_command_sees_our_environment(
    tmp_path: Path, sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Neither a command's own nor that of any process it can see has our variables."""
    monkeypatch.setenv("MOONSHOT_API_KEY", "swordfish")

    answer = said(
        shell_in(tmp_path, sandbox),
        "env; cat /proc/[0-9]*/environ | tr '\\0' '\\n' 2>/dev/null",
    )

    assert "HOME=" in answer
    assert "swordfish" not in answer


@confined
def test_root_has_no_way_around_it(tmp_path: Path, sandbox: Sandbox) -> None:
    """
    In bubblewrap root kept all its capabilities: a mount was made writable, keys were uncovered.

    Nor did it keep `/proc/sys` from being written, whose `core_pattern` runs a program outside.
    """
    keys = tmp_path / "home" / ".hermes" / "keys.toml"
    number = "/proc/sys/vm/swappiness"

    answer = said(
        shell_in(tmp_path, sandbox),
        f"umount {keys.parent} 2>/dev/null; cat {keys}; mount -o remount,bind,rw / 2>/dev/null; "
        f"touch {tmp_path}/new; mknod disk b 8 0; n=$(cat {number}); echo $n >{number}; "
        "grep CapEff /proc/self/status",
    )

    assert HIDDEN not in answer
    assert sorted(path.name for path in tmp_path.iterdir()) == ["home", "work"]
    assert not (tmp_path / "work" / "disk").exists()
    assert f"{number}: " in answer
    capabilities = int(answer.split("CapEff:")[1].split()[0], 16)
    for name, bit in (("DAC_READ_SEARCH", 2), ("SYS_PTRACE", 19), ("SYS_ADMIN", 21), ("MKNOD", 27)):
        assert not capabilities >> bit & 1, name


@confined
def test_a_command_has_the_network_of_the_user(tmp_path: Path, sandbox: Sandbox) -> None:
    """A server of this machine is reached."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        answer = said(shell_in(tmp_path, sandbox), f"exec 3<>/dev/tcp/127.0.0.1/{port} && echo so")

    assert answer == "so\n"


@confined
def test_ordinary_programs_work_in_the_sandbox(tmp_path: Path, sandbox: Sandbox) -> None:
    """Devices, here-documents, descriptors by name, shared memory, a repository: all as usual."""
    answer = said(
        shell_in(tmp_path, sandbox),
        "cat <<END >/dev/stdout\nfrom a document\nEND\necho none >/dev/null; : </dev/zero\n"
        "echo x | cat - <(echo y); echo z >/dev/stderr; touch /dev/shm/h-$$ && rm /dev/shm/h-$$\n"
        "git init -q . && touch a && git add a && git status --short",
    )

    assert answer == "from a document\nx\ny\nz\nA  a\n"


@needs_landlock
def test_an_old_kernel_s_sandbox_does_not_speak_of_signals(tmp_path: Path) -> None:
    """Below ABI 6 a command may signal any process of the user's: what stops it is no sandbox."""
    shell = shell_in(tmp_path, Sandbox(kind="landlock", abi=5))

    assert "sandbox" not in said(shell, f"kill -0 {os.getpid()}")
    written = said(shell, "touch ../new")
    assert "the sandbox lets commands write only in" in written
    assert "signal" not in written


@confined
def test_a_refusal_that_is_not_the_sandbox_s_does_not_name_it(
    tmp_path: Path, sandbox: Sandbox
) -> None:
    """A script without its bit in the workspace is the model's own to mend."""
    answer = said(shell_in(tmp_path, sandbox), "touch script; ./script")

    assert "Permission denied" in answer
    assert "sandbox" not in answer


@confined
def test_what_is_private_inside_the_workspace_stays_private(
    tmp_path: Path, sandbox: Sandbox
) -> None:
    """In a home directory, Hermes's own files can neither be read nor be moved to be read."""
    workspace = workspace_in(tmp_path)
    workspace.root = tmp_path / "home"
    (workspace.root / "project").mkdir()
    answer = said(
        Shell(workspace, sandbox),
        "cat .hermes/keys.toml; mv .hermes seen; cat seen/keys.toml; echo fine > project/f; "
        "cat project/f",
    )

    assert HIDDEN not in answer
    assert (tmp_path / "home" / ".hermes" / "keys.toml").exists()
    assert "fine" in answer


@confined
def test_the_way_to_what_is_private_cannot_be_moved(tmp_path: Path, sandbox: Sandbox) -> None:
    """With Hermes's files in `~/.config/hermes`, `mv ~/.config old` bared them to the next one."""
    workspace = workspace_in(tmp_path)
    workspace.root = tmp_path / "home"
    private = workspace.root / ".config" / "hermes"
    private.parent.mkdir()
    workspace.private[0].rename(private)
    workspace.private = (private,)
    shell = Shell(workspace, sandbox)

    said(shell, "mv .config old; mv .config/hermes seen; rmdir .config/hermes")
    answer = said(
        shell, "cat old/hermes/keys.toml seen/keys.toml; echo fine >.config/f; ls .config"
    )

    assert HIDDEN not in answer
    assert (private / "keys.toml").read_text() == HIDDEN


@confined
def test_what_is_written_among_private_files_is_refused_by_name(
    tmp_path: Path, sandbox: Sandbox
) -> None:
    """It is neither lost without a word, nor is a key said to be missing without a reason."""
    shell = shell_in(tmp_path, sandbox)
    private = shell.workspace.private[0]

    for command in (f"echo x >{private}/new", f"cat {private}/keys.toml"):
        answer = said(shell, command)
        assert "the sandbox lets commands write only in" in answer
        assert f"not read {private}" in answer
    assert not (private / "new").exists()


@confined
def test_odd_names_of_a_workspace(tmp_path: Path, sandbox: Sandbox) -> None:
    """Spaces, line ends, quotes, a leading dash, no UTF-8; and a link to it is the same place."""
    odd = tmp_path / os.fsdecode(b' -it\'s\na "dir"\xff')
    odd.mkdir()
    (tmp_path / "link").symlink_to(odd)
    workspace = workspace_in(tmp_path)
    for root in (odd, tmp_path / "link"):
        workspace.root = root
        assert said(Shell(workspace, sandbox), "pwd >f; mkdir -p d; cat f d/../f") != ""
        assert (odd / "f").read_bytes() == os.fsencode(odd) + b"\n"
        assert "fine" in said(Shell(workspace, sandbox), "cd d && touch g && echo fine")


@confined
def test_the_temporary_directory_or_all_may_be_the_workspace(
    tmp_path: Path, sandbox: Sandbox
) -> None:
    """Then what is private below it stays so, and other processes stay unread."""
    workspace = workspace_in(tmp_path)
    keys = tmp_path / "home" / ".hermes" / "keys.toml"
    workspace.scratch = tmp_path / "hermes-x"
    for root in (tmp_path, Path("/")):
        workspace.root = root
        answer = said(
            Shell(workspace, sandbox),
            f"cat {keys}; cat /proc/{os.getpid()}/environ; echo x >$TMPDIR/t && cat $TMPDIR/t; "
            f"echo fine >{tmp_path}/work/new; cat {tmp_path}/work/new; : >/dev/null",
        )
        assert HIDDEN not in answer
        assert "HOME=" not in answer
        assert answer.split("\n")[2:4] == ["x", "fine"]


@confined
def test_a_workspace_among_private_files_is_not_entered(tmp_path: Path, sandbox: Sandbox) -> None:
    """In `$HERMES_HOME` itself nothing is written or read, and what was refused is told."""
    workspace = workspace_in(tmp_path)
    workspace.root = workspace.private[0]

    answer = said(Shell(workspace, sandbox), "cat keys.toml; echo x >new")

    assert HIDDEN not in answer
    assert not (workspace.private[0] / "new").exists()
    assert "config set sandbox off" in answer


@needs_bubblewrap
def test_hermes_may_be_installed_among_its_private_files(tmp_path: Path) -> None:
    """What starts a command in bubblewrap is seen there, and nothing else of its directory."""
    workspace = workspace_in(tmp_path)
    workspace.private = (Path(sys.prefix).resolve().parent,)

    answer = said(Shell(workspace, BUBBLEWRAP), f"ls -A {workspace.private[0]}; echo fine")

    assert "fine" in answer
    assert Path(sys.prefix).name in answer
    assert "pyproject.toml" not in answer


def test_a_bubblewrap_that_fails_is_told_as_that(tmp_path: Path) -> None:
    """One that worked when it was tried said that the command was killed."""
    failing = tmp_path / "bwrap"
    failing.write_text("#!/bin/sh\necho bwrap: no room >&2\nexit 1\n")
    failing.chmod(0o755)

    answer = said(shell_in(tmp_path, Sandbox(kind="bubblewrap", program=str(failing))), "true")

    assert answer == "bwrap: no room\n(exit 125)"


def test_without_a_sandbox_a_command_may_do_what_we_may(tmp_path: Path) -> None:
    """Lifted, it writes beside the workspace, and nothing is said of a sandbox."""
    answer = said(shell_in(tmp_path, OFF), "echo x > ../new && cat ../new")

    assert answer == "x\n"


def test_rights_never_lie_on_the_way_to_what_is_private(tmp_path: Path) -> None:
    """A right is one for all below: each directory above the private one has names to list only."""
    private = tmp_path / "a" / "private"
    private.mkdir(parents=True)
    (tmp_path / "a" / "beside").touch()
    (tmp_path / "a" / "link").symlink_to(private)
    area = Area(writable=(tmp_path,), private=(private,))
    spec = Sandbox(kind="landlock", abi=7).spec(["true"], tmp_path, {}, area)

    allowed = {path for path, rights in rules(spec) if rights & 0b110}

    assert str(tmp_path / "a" / "beside") in allowed
    above = {str(path) for path in (private, *private.parents, tmp_path / "a" / "link")}
    assert not allowed & above


def test_bubblewrap_is_told_the_same(tmp_path: Path) -> None:
    """Parents are bound before what lies inside, so that private files are covered last."""
    private = tmp_path / "way" / "private"
    private.mkdir(parents=True)
    area = Area(
        writable=(tmp_path, private / "s" / "tmp"), readable=(private / "s",), private=(private,)
    )

    words = bubblewrap_command("/usr/bin/bwrap", area)

    way = str(private.parent)
    assert words == [
        *("/usr/bin/bwrap", "--die-with-parent", "--unshare-pid", "--ro-bind", "/", "/"),
        *("--dev", "/dev", "--proc", "/proc", "--remount-ro", "/proc"),
        *("--bind", str(tmp_path), str(tmp_path), "--bind", way, way, "--tmpfs", str(private)),
        *("--ro-bind", f"{private}/s", f"{private}/s"),
        *("--bind", f"{private}/s/tmp", f"{private}/s/tmp"),
        *("--remount-ro", str(private), "--"),
    ]


def test_the_sandbox_is_described_in_a_line() -> None:
    """Each kind says what commands may do; an old kernel's gap is not hidden."""
    lines = [
        found.describe()
        for found in (
            Sandbox(kind="landlock", abi=7),
            Sandbox(kind="landlock", abi=2),
            Sandbox(kind="bubblewrap", program="/usr/bin/bwrap"),
            Sandbox(kind="none"),
            OFF,
        )
    ]

    assert lines[0].startswith("Landlock (ABI 7): commands write only in the session's directory")
    assert "truncating" in lines[1]
    assert lines[2].startswith("bubblewrap (/usr/bin/bwrap): ")
    assert lines[3].startswith("none: ")
    assert lines[4] == "off (setting `sandbox`); commands do all that you may do"


def test_a_program_of_the_workspace_is_not_run_for_us(tmp_path: Path) -> None:
    """A `bwrap` in `.venv/bin`, or a link there, may confine nothing; the next one is taken."""
    root, ours, none = tmp_path / "work", tmp_path / "bin", tmp_path / "none"
    planted, linked = root / ".venv" / "bin", root / "bin"
    for folder in (planted, linked, ours, none):
        folder.mkdir(parents=True)
    for folder in (planted, ours):
        (folder / "bwrap").write_text(f"#!/bin/sh\n/usr/bin/touch {folder}/ran\n")
        (folder / "bwrap").chmod(0o755)
    (linked / "bwrap").symlink_to(ours / "bwrap")
    (none / "bwrap").symlink_to(planted / "bwrap")

    bad = f"{planted}:{linked}:{none}:bin:"
    assert find_bubblewrap(root, bad) == ""
    assert find_bubblewrap(root, f"{bad}:{ours}") == str(ours / "bwrap")
    assert not (planted / "ran").exists()
    for everything in (None, Path("/")):
        assert find_bubblewrap(everything, bad) == str(planted / "bwrap")


def test_the_setting_chooses() -> None:
    """`off` is off; anything but `auto` and `off` is refused with the command that mends it."""
    assert find_sandbox("off").kind == "off"
    with pytest.raises(ConfigurationError) as refused:
        find_sandbox("yes")
    assert "hermes config set sandbox auto" in refused.value.remedy
