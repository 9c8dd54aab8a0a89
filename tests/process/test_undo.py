"""`hermes undo` and `hermes permissions` as processes: shown, asked, done, and undone."""

import json
import subprocess
from pathlib import Path

from agent.permission.memory import Memory
from agent.permission.rules import parse_rule
from agent.snapshots import Snapshots
from tests.support.process import Hermes
from tests.support.terminal import ENTER, Terminal


def turn(offline: Hermes) -> Path:
    """Do a turn in the directory where `hermes` runs: one file changed, one made."""
    project = offline.home.parent.resolve()
    (project / "app.py").write_text("one\ntwo\n")
    snapshots = Snapshots(offline.home / "undo")
    snapshots.begin_turn(project, "t")
    for name, text in (("app.py", "one\n2\nthree\n"), ("new.txt", "x\n")):
        snapshots.before_change(project / name)
        (project / name).write_text(text)
    snapshots.after_turn()
    return project


def test_the_last_turn_is_taken_back_and_that_too(offline: Hermes) -> None:
    """The lines say what becomes of each file; again gives the turn's own state."""
    project = turn(offline)

    result = offline("undo", "--yes")

    assert (result.stderr, result.code) == ("", 0)
    lines = result.stdout.splitlines()
    assert lines[0].startswith("Takes back what the last turn did to files, 20")
    assert lines[1:] == [
        "  app.py   +1 -2",
        "  new.txt  is removed",
        "What commands changed is not covered: only files that were written or edited.",
        "✓ 2 files taken back; `hermes undo` again undoes it.",
    ]
    assert (project / "app.py").read_text() == "one\ntwo\n"
    assert not (project / "new.txt").exists()

    again = offline("undo", "--json", "--yes")

    assert again.code == 0
    assert [each["is_there"] for each in json.loads(again.stdout)["files"]] == [True, True]
    assert (project / "app.py").read_text() == "one\n2\nthree\n"


def test_nothing_is_done_without_a_yes(offline: Hermes) -> None:
    """At a terminal a no is a no; over a pipe nobody is asked, and `--yes` is named."""
    project = turn(offline)
    piped = offline("undo")
    assert piped.code == 1
    assert "`hermes undo --yes` does it." in piped.stderr

    argv = [*offline.argv, "undo"]
    with Terminal(argv, offline.environment, directory=project) as terminal:
        terminal.read_until("Take it back? [y/N]")
        terminal.send(ENTER)
        assert terminal.wait() == 0
        assert "Nothing was changed." in terminal.text
    assert (project / "new.txt").exists()


def test_a_file_that_changed_since_is_named(offline: Hermes) -> None:
    """It stops everything, and the remedy takes it back all the same."""
    project = turn(offline)
    (project / "app.py").write_text("mine\n")

    result = offline("undo", "--yes")

    assert result.code == 3
    assert "app.py has changed since the turn ended. Nothing was changed." in result.stderr
    assert (project / "new.txt").exists()
    assert offline("undo", "--yes", "--force").code == 0
    assert (project / "app.py").read_text() == "one\ntwo\n"
    (offline.home / "undo").rename(offline.home / "gone")
    nothing = offline("undo", "--yes")
    assert nothing.code == 1
    assert "so nothing can be taken back" in nothing.stderr


def test_below_the_directory_of_the_session_that_is_named(offline: Hermes) -> None:
    """`hermes undo` in `src` said that nothing had changed; the command it names finds the turn."""
    project = turn(offline)
    (project / "src" / "deep").mkdir(parents=True)

    result = subprocess.run(
        [*offline.argv, "undo", "--yes"],
        capture_output=True,
        text=True,
        env=offline.environment,
        cwd=project / "src" / "deep",
    )

    assert result.returncode == 1
    assert f"nothing can be taken back; one in {project} has." in result.stderr
    assert f"`cd {project} && hermes undo` takes that one's last turn back." in result.stderr
    assert (project / "new.txt").exists()


def test_rules_are_shown_and_forgotten(offline: Hermes) -> None:
    """Those of the settings, and those that were remembered here; a wrong one has its line."""
    project = offline.home.parent.resolve()
    Memory(offline.home / "hermes-kimi.db", project).add(parse_rule("shell: git add"))
    config = offline.home / "config.toml"
    config.write_text('[permissions]\nmode = "edit"\nrefuse = ["shell: rm"]\n')
    (project / ".hermes.toml").write_text('[permissions]\nmode = "auto"\n')

    result = offline("permissions")

    assert (result.stderr, result.code) == ("", 0)
    assert result.stdout.splitlines() == [
        "mode        edit",
        "refuse      shell: rm",
        "remembered  shell: git add",
    ]
    both = offline("permissions", "--forget", "shell: git add", "--forget-all")
    assert (both.code, both.stdout) == (2, "")
    assert "`hermes permissions --forget-all`" in both.stderr
    assert "shell: git add" in offline("permissions").stdout
    forgotten = offline("permissions", "--forget", "shell: git add", "--json")
    assert json.loads(forgotten.stdout)["remembered"] == []
    config.write_text('[permissions]\nallow = ["shell: git $X"]\n')
    wrong = offline("permissions")
    assert wrong.code == 3
    assert "config.toml line 2: the rule 'shell: git $X' in permissions.allow" in wrong.stderr
