"""What may be read, written and fetched; what is remembered; what a repository cannot change."""

from datetime import UTC, datetime
from pathlib import Path

import pytest
from msgspec.structs import replace

from agent.permission import Answer, Mode
from agent.permission.guard import Guard
from agent.permission.memory import Memory
from agent.permission.places import GUARDED
from agent.permission.rules import Rules, WrongRule, parse_rule
from agent.tools.base import Action, ActionKind, Workspace

ALLOW, ASK, REFUSE = Answer.ALLOW, Answer.ASK, Answer.REFUSE
ASK_MODE, EDIT, AUTO, PLAN = Mode.ASK, Mode.EDIT, Mode.AUTO, Mode.PLAN


@pytest.fixture
def workspace(tmp_path: Path) -> Workspace:
    """An empty directory, ours beside it."""
    root = tmp_path / "project"
    root.mkdir()
    return Workspace(root, tmp_path / "hermes/scratch", private=(tmp_path / "hermes",))


def files(guard: Guard, kind: ActionKind, *names: str, tool: str = "") -> tuple[Answer, str]:
    """Return the answer and the rule for a call that reads or writes files of the workspace."""
    paths = tuple((guard.workspace.root / name).resolve() for name in names)
    judgement = guard.judge(
        tool or {"read": "read"}.get(kind, "edit"), Action(kind=kind, paths=paths)
    )
    assert judgement.answer is ALLOW or judgement.reason.endswith(".")
    return judgement.answer, judgement.rule


def fetched(guard: Guard, url: str) -> tuple[Answer, str]:
    """Return the answer and the rule for a page."""
    judgement = guard.judge("fetch", Action(kind="fetch", url=url))
    return judgement.answer, judgement.rule


def test_each_mode_does_what_its_name_says(workspace: Workspace) -> None:
    """Inside, reading is free; writing asks, is free, or is refused, by the mode."""
    guard = Guard(workspace)
    for mode, wanted in ((ASK_MODE, ASK), (EDIT, ALLOW), (AUTO, ALLOW), (PLAN, REFUSE)):
        guard.mode = mode
        assert files(guard, "read", "src/app.py") == (ALLOW, "")
        rule = "write: src/app.py" if wanted is ASK else ""
        assert files(guard, "write", "src/app.py") == (wanted, rule)
        assert guard.judge("todo", Action(kind="talk")).answer is ALLOW
        assert guard.judge("grep", Action(kind="read")).answer is ALLOW


def test_outside_is_asked_about_each_time(workspace: Workspace) -> None:
    """Reading is free in `auto` alone, writing never; a link that leads outside is outside."""
    (workspace.root / "link").symlink_to("/etc")
    guard = Guard(workspace)
    for mode in (ASK_MODE, EDIT, AUTO):
        guard.mode = mode
        for name in ("/etc/hosts", "../other", "link/hosts"):
            assert files(guard, "read", name) == (ALLOW if mode is AUTO else ASK, "")
            assert files(guard, "write", name) == (ASK, "")
    assert files(Guard(workspace, mode=EDIT), "write", "a", "/etc/hosts") == (ASK, "")


def test_only_a_rule_that_says_so_reaches_outside(workspace: Workspace) -> None:
    """`**` is the workspace; a whole path in the user's own settings is a yes for that place."""
    everything = Guard(workspace, rules=Rules(allow=(parse_rule("write: **"), parse_rule("write"))))
    assert files(everything, "write", "src/app.py") == (ALLOW, "")
    assert files(everything, "write", "/var/x") == (ASK, "")

    named = Guard(workspace, rules=Rules(allow=(parse_rule("write: /var/x/**"),)))
    assert files(named, "write", "/var/x/y") == (ALLOW, "")
    assert files(named, "write", "/var/xy") == (ASK, "")


@pytest.mark.parametrize("name", [row.name for row in GUARDED])
def test_what_runs_code_is_asked_about_each_time(workspace: Workspace, name: str) -> None:
    """Git's own, start files, editors' and agents' settings: no mode and no rule is enough."""
    row = next(row for row in GUARDED if row.name == name)
    assert row.why
    assert row.source
    rules = Rules(allow=(parse_rule("write: **"), parse_rule("read: **")))
    for mode in (ASK_MODE, EDIT, AUTO):
        guard = Guard(workspace, mode=mode, rules=rules)
        for path in (name, f"{name}/below", f"deep/down/{name}", name.upper(), f"{name}."):
            assert files(guard, "write", path) == (ASK, ""), path
            assert files(guard, "read", path) == (ASK if row.holds_secrets else ALLOW, "")


def test_names_that_only_look_like_them_are_free(workspace: Workspace) -> None:
    """`.gitignore` is no `.git`, and a sample of `.env` holds nothing."""
    guard = Guard(workspace, mode=EDIT)
    for name in (
        ".gitignore",
        "env",
        ".env.example",
        ".env.sample",
        "Makefile",
        "git/x",
        ".github/x",
    ):
        assert files(guard, "write", name) == (ALLOW, ""), name
    assert files(guard, "write", ".env.local") == (ASK, "")
    assert files(guard, "read", ".env.local") == (ASK, "")


@pytest.mark.parametrize("marker", ["link", "file"])
def test_git_is_guarded_wherever_it_lies(workspace: Workspace, marker: str) -> None:
    """A `.git` that is a link, or a file with `gitdir:`, leads to another name."""
    (workspace.root / "store/hooks").mkdir(parents=True)
    if marker == "link":
        (workspace.root / ".git").symlink_to("store")
    else:
        (workspace.root / ".git").write_text("gitdir: store\n")
    guard = Guard(workspace, mode=AUTO)

    assert files(guard, "write", "store/hooks/pre-commit") == (ASK, "")
    assert files(guard, "write", ".git/hooks/pre-commit") == (ASK, "")


def test_our_home_is_refused(workspace: Workspace) -> None:
    """Neither mode nor rule opens it; the session's own scratch directory is open."""
    rules = Rules(allow=(parse_rule("read: /**"), parse_rule("write: /**")))
    for mode in Mode:
        guard = Guard(workspace, mode=mode, rules=rules)
        for kind in ("read", "write"):
            assert files(guard, kind, "../hermes/.env") == (REFUSE, "")
        assert files(guard, "read", "../hermes/scratch/output-1") == (ALLOW, "")


def test_refuse_beats_ask_beats_allow(workspace: Workspace) -> None:
    """A rule for `edit` is for that tool alone, one for `write` for all that write."""
    rules = Rules(
        allow=(parse_rule("write: src/"),),
        ask=(parse_rule("edit: src/*.sql"), parse_rule("read: notes/**")),
        refuse=(parse_rule("write: src/**/*.lock"),),
    )
    for mode in (ASK_MODE, EDIT, AUTO):
        guard = Guard(workspace, mode=mode, rules=rules)
        assert files(guard, "write", "src/deep/a.py") == (ALLOW, "")
        assert files(guard, "write", "src/a.sql") == (ASK, "")
        assert files(guard, "write", "src/a.sql", tool="write") == (ALLOW, "")
        assert files(guard, "write", "src/a.lock") == (REFUSE, "")
        assert files(guard, "write", "src/b/a.lock", "src/a.py") == (REFUSE, "")
        assert files(guard, "read", "notes/x") == (ASK, "")


def test_a_host_is_asked_about_once_it_is_known(workspace: Workspace) -> None:
    """What is kept is the host and its port; a name in the address asks each time."""
    guard = Guard(workspace)
    assert fetched(guard, "https://Docs.Example.org/a") == (ASK, "fetch: docs.example.org")
    assert fetched(guard, "http://127.0.0.1:8000/") == (ASK, "fetch: 127.0.0.1:8000")
    guard.allow("fetch: docs.example.org")
    guard.allow("fetch: *.example.net")
    assert fetched(guard, "https://docs.example.org/b?c=d") == (ALLOW, "")
    assert fetched(guard, "https://a.b.example.net/") == (ALLOW, "")
    for url in (
        "https://docs.example.org:8443/",
        "https://docs.example.org.evil.invalid/",
        "https://evilexample.net/",
        "https://docs.example.org@evil.invalid/",
        "https://user:word@docs.example.org/",
        "https:///x",
        "https://[bad/",
    ):
        assert fetched(guard, url)[0] is ASK, url
    guard.mode = AUTO
    assert fetched(guard, "https://other.invalid/") == (ALLOW, "")
    refusing = Guard(workspace, mode=AUTO, rules=Rules(refuse=(parse_rule("fetch: *.invalid"),)))
    assert fetched(refusing, "https://other.invalid/") == (REFUSE, "")


def test_what_was_allowed_is_remembered_for_the_project(
    workspace: Workspace, tmp_path: Path
) -> None:
    """A yes for good holds in the next session there, and in no other project, till forgotten."""
    path = tmp_path / "hermes/hermes-kimi.db"
    day = datetime(2026, 11, 22, tzinfo=UTC)
    memory = Memory(path, workspace.root, clock=lambda: day)
    assert memory.rules() == ()
    assert not path.exists()

    guard = Guard(workspace, memory=memory)
    guard.allow("shell: git add; shell: git commit")
    guard.allow("write: src/app.py")
    guard.allow("nonsense")

    again = Guard(workspace, memory=Memory(path, workspace.root))
    line = Action(kind="run", command="git add a && git commit")
    assert again.judge("shell", line).answer is ALLOW
    assert files(again, "write", "src/app.py") == (ALLOW, "")
    assert Memory(path, tmp_path).rules() == ()
    kept = [str(rule) for rule in memory.rules()]
    assert kept == ["shell: git add", "shell: git commit", "write: src/app.py"]
    assert memory.forget(parse_rule("shell: git add")) == 1
    assert memory.forget() == 2
    assert memory.forget() == 0
    assert path.stat().st_mode & 0o777 == 0o600


def test_an_odd_name_is_kept_to_the_letter(workspace: Workspace) -> None:
    """A `*` in a name is no pattern in the rule for it; a name with a newline cannot be kept."""
    guard = Guard(workspace)
    answer, rule = files(guard, "write", "a*b?.txt")
    assert answer is ASK
    guard.allow(rule)
    assert files(guard, "write", "a*b?.txt") == (ALLOW, "")
    assert files(guard, "write", "axbx.txt")[0] is ASK
    assert files(guard, "write", "a\nb") == (ASK, "")


def test_files_of_the_repository_change_nothing(workspace: Workspace) -> None:
    """Settings, rules or a home of ours inside of the workspace are files like any other."""
    for name in (".hermes/config.toml", "config.toml", ".hermes.toml", "AGENTS.md"):
        file = workspace.root / name
        file.parent.mkdir(exist_ok=True)
        file.write_text('[permissions]\nmode = "auto"\nallow = ["shell", "write"]\n')
    guard = Guard(workspace, memory=Memory(workspace.scratch / "db", workspace.root))

    assert files(guard, "write", "src/app.py")[0] is ASK
    assert guard.judge("shell", Action(kind="run", command="make")).answer is ASK


@pytest.mark.parametrize(
    "text",
    [
        "",
        "run: x",
        "shell:",
        "shell: git log && rm x",
        "shell: git $X",
        "shell: ls > x",
        "shell: *.sh",
        "shell: 'open",
        "write: ../x",
        "write: src/../../x",
        "fetch: https://x.org",
        "fetch: x.org/path",
        "allow write",
    ],
)
def test_a_wrong_rule_is_told(text: str) -> None:
    """A rule that cannot be read is an error, never one that allows more or less."""
    with pytest.raises(WrongRule):
        parse_rule(text)


@pytest.mark.parametrize(
    "text", ["shell", "shell: git", "shell: pytest *", "write: src/", "fetch: *.x.org", "grep: a"]
)
def test_a_rule_can_be_written_down_again(text: str) -> None:
    """What is shown and kept is what was read."""
    assert parse_rule(str(parse_rule(text))) == parse_rule(text)


@pytest.mark.parametrize(
    ("tool", "action", "mode"),
    [
        ("edit", Action(kind="write", paths=(Path("app.py"),)), EDIT),
        ("edit", Action(kind="write", paths=(Path(".envrc"),)), None),
        ("shell", Action(kind="run", command="rm app.py"), AUTO),
        ("shell", Action(kind="run", command="sort app.py >sorted"), EDIT),
        ("shell", Action(kind="run", command="sudo ls"), None),
        ("shell", Action(kind="run", command="ls; sudo ls; make"), None),
        ("fetch", Action(kind="fetch", url="https://example.org"), AUTO),
    ],
)
def test_the_mode_that_allows_it_is_told(
    workspace: Workspace, tool: str, action: Action, mode: Mode | None
) -> None:
    """`rm app.py` has no rule, and yet there is a mode for it; for `sudo` there is none."""
    paths = tuple(workspace.root / path for path in action.paths)

    judgement = Guard(workspace).judge(tool, replace(action, paths=paths))

    assert (judgement.answer, judgement.allowed_in) == (ASK, mode)


@pytest.mark.parametrize(
    ("line", "answer"),
    [
        ("GLOBIGNORE=x; cat *", ASK),
        ("GLOBIGNORE+=x; cat *", ASK),
        ("export GLOBIGNORE=x; cat *", ASK),
        ("declare GLOBIGNORE=x && cat *", ASK),
        ("for GLOBIGNORE in x; do cat *; done", ASK),
        ("printf -v GLOBIGNORE x; cat *", ASK),
        ("read GLOBIGNORE < notes.txt; cat *", ASK),
        ("env BASHOPTS=dotglob bash -c 'cat *'", ASK),
        ("CDPATH=/ cd etc && rm hosts", ASK),
        ("grep CDPATH notes.txt", ALLOW),
        ("X=1; make X=1", ALLOW),
    ],
)
def test_what_changes_the_meaning_of_a_line_is_asked_about(
    workspace: Workspace, line: str, answer: Answer
) -> None:
    """`GLOBIGNORE=x; cat *` showed `.env` in mode `auto`, and CDPATH led a `cd` out of here."""
    guard = Guard(workspace, mode=AUTO)

    action = Action(kind="run", command=line, paths=(workspace.root,))

    assert guard.judge("shell", action).answer is answer
