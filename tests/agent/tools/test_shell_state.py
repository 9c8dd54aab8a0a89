"""What lasts from command to command, attacked: by variables, links, pipes and planted files."""

import os
from pathlib import Path

from agent.tools.shell import Shell
from tests.agent.tools.shells import OFF, done, said, text_of, workspace_in


def test_no_variable_says_where_the_state_is_written(shell: Shell) -> None:
    """`hermes_state=FILE` needs no question, and overwrote the file when the shell ended."""
    file = shell.workspace.root / "app.py"
    file.write_text("mine")

    said(shell, "hermes_state=app.py; for state in app.py; do true; done")

    assert file.read_text() == "mine"


def test_a_link_in_the_states_place_is_not_followed(shell: Shell) -> None:
    """One to `/proc/self/environ` gave a command Hermes's own environment, with the key in it."""
    said(shell, 'for n in 1 2; do ln -s /proc/self/environ "$TMPDIR/.state-$n"; done; kill -9 $$')

    assert said(shell, 'echo "$HOME"') == f"{shell.workspace.environment['HOME']}\n"


def test_a_pipe_in_the_states_place_is_not_waited_for(shell: Shell) -> None:
    """Hermes opened it, and nobody ever wrote."""
    assert said(shell, 'mkfifo "$TMPDIR/.state-1"; kill -9 $$') == "(killed by SIGKILL)"


def test_a_planted_state_is_not_taken(shell: Shell) -> None:
    """`write` may write to the scratch directory: a PATH put there waited for a killed command."""
    said(shell, "true")
    planted = shell.workspace.scratch / "tmp/.state-2"
    planted.write_bytes(os.fsencode(shell.workspace.root) + b"\0PATH=/evil\0PLANTED=1\0")

    assert "time limit" in text_of(done(shell, "sleep 5", timeout=0.1))
    assert said(shell, 'echo "<$PLANTED>"') == "<>\n"


def test_a_line_is_run_as_it_was_judged(tmp_path: Path) -> None:
    """With CDPATH `cd src` leads elsewhere, with GLOBIGNORE or dotglob `*` is `.env` too."""
    workspace = workspace_in(tmp_path)
    (tmp_path / "else/src").mkdir(parents=True)
    (workspace.root / "src").mkdir()
    (workspace.root / ".env").touch()
    workspace.environment |= {"CDPATH": str(tmp_path / "else"), "BASHOPTS": "dotglob"}
    shell = Shell(workspace, OFF)
    look = "echo *; cd src; pwd"
    expected = f"src\n{workspace.root}/src\n(now in {workspace.root}/src)"

    try:
        assert said(shell, look) == expected
        said(shell, f"cd ..; export CDPATH={tmp_path}/else GLOBIGNORE=x BASHOPTS; shopt -s dotglob")
        assert said(shell, look) == expected
    finally:
        shell.close()
