"""What a confined command can and cannot do, tried by real commands."""

import os
from pathlib import Path

import pytest

from agent.confined import landlock_abi, rules
from agent.errors import ConfigurationError
from agent.sandbox import Area, Sandbox, bubblewrap_command, find_sandbox
from agent.tools.shell import Shell
from tests.agent.tools.shells import HIDDEN, OFF, said, shell_in, workspace_in

confined = pytest.mark.skipif(landlock_abi() < 6, reason="this kernel's Landlock is too old")


@confined
def test_a_command_writes_only_its_workspace_and_a_temporary_directory(tmp_path: Path) -> None:
    """Making, changing, truncating, removing and renaming are refused elsewhere, by name."""
    shell = shell_in(tmp_path)
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
def test_a_command_reads_all_but_private_directories(tmp_path: Path) -> None:
    """Keys stay unread through links and other spellings too; what is beside them is read."""
    shell = shell_in(tmp_path)
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
def test_the_sandbox_hides_other_processes(tmp_path: Path) -> None:
    """Neither is our environment read, which may hold keys, nor are we sent signals."""
    mine = os.getpid()

    answer = said(
        shell_in(tmp_path),
        f"head -c 1 /proc/{mine}/environ; head -c 1 /proc/{mine}/mem; kill {mine}",
    )

    assert answer.count("denied") == 2
    assert answer.count("not permitted") == 1
    assert "signal only what they started" in answer


@confined
def test_ordinary_programs_work_in_the_sandbox(tmp_path: Path) -> None:
    """Devices, here-documents, descriptors by name, shared memory, a repository: all as usual."""
    answer = said(
        shell_in(tmp_path),
        "cat <<END >/dev/stdout\nfrom a document\nEND\necho none >/dev/null; : </dev/zero\n"
        "echo x | cat - <(echo y); echo z >/dev/stderr; touch /dev/shm/h-$$ && rm /dev/shm/h-$$\n"
        "git init -q . && touch a && git add a && git status --short",
    )

    assert answer == "from a document\nx\ny\nz\nA  a\n"


@confined
def test_a_refusal_that_is_not_the_sandbox_s_does_not_name_it(tmp_path: Path) -> None:
    """A script without its bit in the workspace is the model's own to mend."""
    answer = said(shell_in(tmp_path), "touch script; ./script")

    assert "Permission denied" in answer
    assert "sandbox" not in answer


@confined
def test_what_is_private_inside_the_workspace_stays_private(tmp_path: Path) -> None:
    """In a home directory, Hermes's own files can neither be read nor be moved to be read."""
    workspace = workspace_in(tmp_path)
    workspace.root = tmp_path / "home"
    (workspace.root / "project").mkdir()
    answer = said(
        Shell(workspace, find_sandbox()),
        "cat .hermes/keys.toml; mv .hermes seen; cat seen/keys.toml; echo fine > project/f; "
        "cat project/f",
    )

    assert HIDDEN not in answer
    assert (tmp_path / "home" / ".hermes" / "keys.toml").exists()
    assert "fine" in answer


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
    private = tmp_path / "private"
    private.mkdir()
    area = Area(
        writable=(tmp_path, private / "s" / "tmp"), readable=(private / "s",), private=(private,)
    )

    words = bubblewrap_command("/usr/bin/bwrap", tmp_path, area)

    assert words == [
        *("/usr/bin/bwrap", "--ro-bind", "/", "/", "--dev", "/dev"),
        *("--unshare-pid", "--proc", "/proc"),
        *("--bind", str(tmp_path), str(tmp_path), "--tmpfs", str(private)),
        *("--ro-bind", f"{private}/s", f"{private}/s"),
        *("--bind", f"{private}/s/tmp", f"{private}/s/tmp"),
        *("--die-with-parent", "--chdir", str(tmp_path), "--"),
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


def test_the_setting_chooses() -> None:
    """`off` is off; anything but `auto` and `off` is refused with the command that mends it."""
    assert find_sandbox("off").kind == "off"
    with pytest.raises(ConfigurationError) as refused:
        find_sandbox("yes")
    assert "hermes config set sandbox auto" in refused.value.remedy
