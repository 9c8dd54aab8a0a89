"""Finding files and lines, by our own walk and by ripgrep where it is installed."""

import asyncio
import os
import shutil
import sysconfig
import time
from pathlib import Path

import pytest

from agent.tools.base import Workspace
from agent.tools.find import Find, FindArguments
from agent.tools.grep import Grep, GrepArguments
from tests.agent.tools.calls import action, done, place, refusal, said

# The extra `dev` puts one beside Python, which need not be on the PATH.
RIPGREP = shutil.which("rg", path=sysconfig.get_path("scripts")) or shutil.which("rg") or ""
FILES = {
    "src/a.py": "import os\nimport re\n\n\ndef work() -> None:\n    pass\n",
    "src/deep/b.py": "def rest():\n    return work()\n",
    "src/deep/c.txt": "Work to do\r\n",
    "README.md": "# Work\n",
    ".github/ci.yml": "work: true\n",
    "build/out.py": "work = 1\n",
    "src/skip.log": "work\n",
    "src/keep.log": "work\n",
    ".gitignore": "/build/\n*.log\n",
    "src/.gitignore": "!keep.log\n# a remark\n",
    ".git/HEAD": "work\n",
    ".env": "KEY=work\n",
    ".env.example": "KEY=work\n",
}


@pytest.fixture(
    params=[
        "",
        pytest.param(
            RIPGREP, marks=pytest.mark.skipif(not RIPGREP, reason="ripgrep is not installed")
        ),
    ],
    ids=["ours", "ripgrep"],
)
def program(request: pytest.FixtureRequest) -> str:
    """The program that walks and searches: none but ours, or ripgrep."""
    return str(request.param)


@pytest.fixture
def workspace(tmp_path: Path) -> Workspace:
    """A workspace with a small repository in it."""
    workspace = place(tmp_path)
    for name, text in FILES.items():
        path = workspace.root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(text.encode())
    return workspace


@pytest.mark.parametrize(
    ("pattern", "path", "found"),
    [
        ("*.py", ".", "src/a.py src/deep/b.py"),
        ("src/*.py", ".", "src/a.py"),
        ("src/**/*.{py,txt}", ".", "src/a.py src/deep/b.py src/deep/c.txt"),
        ("*.log", ".", "src/keep.log"),
        ("deep", ".", "src/deep/b.py src/deep/c.txt"),
        ("*", "src/deep", "src/deep/b.py src/deep/c.txt"),
        ("*.yml", ".", ".github/ci.yml"),
        ("*", "build", "build/out.py"),
        ("HEAD", ".", "(no file)"),
        ("!a.py", ".", "(no file)"),
    ],
)
def test_files_are_found_by_glob(
    workspace: Workspace, program: str, pattern: str, path: str, found: str
) -> None:
    """What `.gitignore` leaves, hidden or not; all of a directory that is asked for by name."""
    told = said(Find(workspace, program=program), pattern=pattern, path=path)

    assert told.split("\n") == (found.split(" ") if found[0] != "(" else [found])


def test_a_glob_may_name_the_directory_itself(workspace: Workspace, program: str) -> None:
    """Models also give whole paths as globs."""
    find = Find(workspace, program=program)

    assert said(find, pattern=f"{workspace.root}/src/*.py") == "src/a.py"
    assert action(find, pattern="*", path="src").paths == (workspace.root / "src",)


def test_of_many_files_the_newest_are_shown(workspace: Workspace, program: str) -> None:
    """In the order of their paths, and how many more there are."""
    for number in range(250):
        path = workspace.root / f"many/{number:03}.c"
        path.parent.mkdir(exist_ok=True)
        path.touch()
        os.utime(path, (1000 + number, 1000 + number))

    lines = said(Find(workspace, program=program), pattern="*.c").split("\n")

    assert lines[0] == "many/050.c"
    assert lines[199:] == [
        "many/249.c",
        "(the newest; 50 more: narrow the pattern or the path)",
    ]


def test_odd_names_and_links(workspace: Workspace, program: str) -> None:
    """A line end in a name is quoted; a link, which may lead outside, is not followed."""
    outside = workspace.root.parent / "outside"
    outside.mkdir()
    (outside / "x.c").write_text("work\n")
    (workspace.root / "link").symlink_to(outside)
    (workspace.root / "link.c").symlink_to(outside / "x.c")
    (workspace.root / "two\nlines.c").write_text("work\n")
    (workspace.root / os.fsdecode(b"\xff.c")).write_text("work\n")

    found = said(Find(workspace, program=program), pattern="*.c")
    assert found.split("\n") == ['"two\\nlines.c"', '"\\udcff.c"']
    told = said(Grep(workspace, program=program), pattern="work", glob="*.c")
    assert told.split("\n") == ['"two\\nlines.c"', "1:work", '"\\udcff.c"', "1:work"]


def test_private_directories_are_not_searched(tmp_path: Path, program: str) -> None:
    """Also where the workspace is around them."""
    workspace = place(tmp_path)
    (workspace.private[0] / "keys.toml").write_text("work\n")
    workspace.root = tmp_path

    assert said(Find(workspace, program=program), pattern="*.toml") == "(no file)"
    assert said(Grep(workspace, program=program), pattern="work") == "(no match)"
    assert "is private" in refusal(Grep(workspace, program=program), pattern="x", path="private")


def test_lines_are_found_by_file(workspace: Workspace, program: str) -> None:
    """A path once, then its lines; files for keys only if they are named."""
    grep = Grep(workspace, program=program)

    assert said(grep, pattern=r"\bwork\b", glob="*.py") == (
        "src/a.py\n5:def work() -> None:\nsrc/deep/b.py\n2:    return work()"
    )
    outcome = done(grep, pattern="work", ignore_case=True)
    assert outcome.summary == "work in .: 7 lines of 7 files"
    everywhere = said(grep, pattern="work", ignore_case=True)
    assert ".env.example\n1:KEY=work" in everywhere
    assert "KEY=work" not in said(grep, pattern="KEY", glob=".env")
    assert said(grep, pattern="KEY", path=".env") == ".env\n1:KEY=work"
    assert said(grep, pattern="Work to do$", path="src") == "src/deep/c.txt\n1:Work to do"
    assert said(grep, pattern="nowhere") == "(no match)"


def test_files_for_keys_are_not_searched_unseen(workspace: Workspace, program: str) -> None:
    """A search of a tree would show what a reading is asked about."""
    for name in (".ENV.local", ".npmrc", "home/.ssh/id"):
        path = workspace.root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("token=swordfish\n")
    grep = Grep(workspace, program=program)

    assert said(grep, pattern="swordfish") == "(no match)"
    assert said(grep, pattern="swordfish", glob="*") == "(no match)"
    assert "1:token=swordfish" in said(grep, pattern="swordfish", path="home/.ssh")


def test_lines_around_a_match_are_marked(workspace: Workspace, program: str) -> None:
    """`-` behind the number of a line that does not match, `--` where lines are left out."""
    text = "".join(f"{letter}\n" for letter in "aXbXcdefXg")
    (workspace.root / "x.txt").write_text(text)

    told = said(Grep(workspace, program=program), pattern="X", path="x.txt", context=1)

    assert told.split("\n") == [
        *("x.txt", "1-a", "2:X", "3-b", "4:X", "5-c", "--", "8-f", "9:X", "10-g"),
    ]


def test_below_an_ignored_directory_the_other_rules_hold(
    workspace: Workspace, program: str
) -> None:
    """To look into what is ignored by name is not to look at all that is."""
    deep = workspace.root / "build" / "lib"
    deep.mkdir()
    (deep / "made.c").touch()
    (deep / "made.log").touch()
    find = Find(workspace, program=program)

    assert said(find, path="build/lib") == "build/lib/made.c"
    assert said(find, path="build") == "build/lib/made.c\nbuild/out.py"


def test_below_a_directory_that_ignores_itself_all_is_searched(
    workspace: Workspace, program: str
) -> None:
    """With ripgrep nothing was found in a library of `.venv`, where `.gitignore` is `*`."""
    library = workspace.root / ".venv" / "lib"
    library.mkdir(parents=True)
    (library / "made.py").write_text("work\n")
    (workspace.root / ".venv" / ".gitignore").write_text("*\n")

    assert said(Find(workspace, program=program), path=".venv/lib") == ".venv/lib/made.py"
    told = said(Grep(workspace, program=program), pattern="work", path=".venv/lib")
    assert told == ".venv/lib/made.py\n1:work"
    assert "made.py" not in said(Find(workspace, program=program))


@pytest.mark.parametrize("repository", [True, False])
def test_rules_above_the_workspace_do_not_hold(
    workspace: Workspace, program: str, repository: bool
) -> None:
    """A `~/.gitignore` that is `*`, as some keep, hid every file of every project from ripgrep."""
    (workspace.root.parent / ".gitignore").write_text("*\n")
    if not repository:
        (workspace.root / ".git").rename(workspace.root.parent / "away")

    assert said(Find(workspace, program=program), pattern="a.py") == "src/a.py"
    told = said(Grep(workspace, program=program), pattern="import os")
    assert told == "src/a.py\n1:import os"


def test_a_ripgrep_of_the_workspace_is_not_run(workspace: Workspace, tmp_path: Path) -> None:
    """A repository's own, or one that a command put on the PATH, would run without asking."""
    planted = workspace.root / ".venv" / "bin" / "rg"
    planted.parent.mkdir(parents=True)
    planted.write_text(f"#!/bin/sh\ntouch {tmp_path}/ran\n")
    planted.chmod(0o755)
    workspace.environment["PATH"] = f"{planted.parent}:/usr/bin:/bin"

    assert "src/a.py" in said(Find(workspace), pattern="*.py")
    assert "import os" in said(Grep(workspace), pattern="import")
    assert not (tmp_path / "ran").exists()


def test_a_list_that_is_cut_says_so(workspace: Workspace, tmp_path: Path) -> None:
    """Of more than 16 MiB of names, the rest was left out without a word."""
    many = tmp_path / "many"
    many.write_text("#!/bin/sh\nyes $(printf %0999d) | head -c 17000000 | tr '\\n' '\\0'\n")
    many.chmod(0o755)

    told = said(Find(workspace, program=str(many)), pattern="x")

    assert told == (
        "(no file)\n(not all: stopped after 10 seconds or 16 MiB of names; "
        "give a path further down)"
    )


def test_a_line_that_is_no_rule_is_left_out(workspace: Workspace, program: str) -> None:
    """What cannot be read in a `.gitignore` does not take the rest of it with it."""
    rules = (workspace.root / ".gitignore").read_text()
    (workspace.root / ".gitignore").write_text(f"[z-a]\n[[:digit:]]\n!\n{rules}")

    assert said(Find(workspace, program=program), pattern="{*.log,out.py}") == "src/keep.log"


def test_many_matches_are_shown_in_part(workspace: Workspace, program: str) -> None:
    """200 lines, or as many as fit a result, and that there are more."""
    (workspace.root / "x.txt").write_text("work\n" * 201)
    (workspace.root / "y.txt").write_text(f"{'z' * 290}\n" * 200)
    grep = Grep(workspace, program=program)
    more = "(more matches are not shown: narrow the pattern, path or glob)"

    for number in range(200):
        path = workspace.root / f"many/{number:03}.c"
        path.parent.mkdir(exist_ok=True)
        path.write_text("needle\n")

    assert said(grep, pattern="needle").endswith("199.c\n1:needle")
    lines = said(grep, pattern="work", glob="x.txt").split("\n")
    assert lines[-2:] == ["200:work", more]
    wide = said(grep, pattern="z+", glob="y.txt")
    assert wide.endswith(more)
    assert 29_000 < len(wide) < 30_200


def test_long_lines_are_cut_around_the_match(workspace: Workspace, program: str) -> None:
    """A minified file gives what matched, not its first characters."""
    (workspace.root / "x.js").write_text("é" * 5000 + "needle" + "b" * 5000)

    told = said(Grep(workspace, program=program), pattern="needle")

    assert told == "x.js\n1:…" + "é" * 100 + "needle" + "b" * 194 + "…"


def test_what_is_no_text_is_passed_over(workspace: Workspace, program: str) -> None:
    """Programs are not searched; texts in other encodings are."""
    (workspace.root / "blob").write_bytes(b"\x7fELF\0work\n")
    (workspace.root / "latin").write_bytes(b"caf\xe9 needle\n")
    (workspace.root / "wide").write_bytes("café needle\n".encode("utf-16"))
    (workspace.root / "empty").touch()

    told = said(Grep(workspace, program=program), pattern="ELF|needle|^$", glob="[belw]*")

    assert told.split("\n") == [
        *("latin", "1:café needle", "wide", "1:café needle"),
    ]


def test_patterns_and_paths_that_are_none(workspace: Workspace, program: str) -> None:
    """Each is told as what it is."""
    grep, find = Grep(workspace, program=program), Find(workspace, program=program)

    assert "The pattern is no regular expression: " in refusal(grep, pattern="(")
    assert said(grep, pattern=r"(?<=def )\w+", path="src/a.py") == (
        "src/a.py\n5:def work() -> None:"
    )
    for pattern in (r"def\n", "def\n"):
        assert said(grep, pattern=pattern) == "(a pattern matches within one line)"
    assert "There is no nowhere" in refusal(grep, pattern="x", path="nowhere")
    assert "no file but a device" in refusal(grep, pattern="x", path="/dev/zero")
    assert "is no directory; read shows it" in refusal(find, pattern="*", path="README.md")
    assert "more than 256 globs" in refusal(find, pattern="{a,b}" * 10)
    assert all("is no glob" in refusal(find, pattern=each) for each in ("\\", "[z-a]", "[[:x:]]"))


def test_a_pattern_that_takes_for_ever_is_ended(workspace: Workspace) -> None:
    """An expression of nested repeats doubles its time with each letter: it is killed."""
    (workspace.root / "x.txt").write_text("a" * 60 + "!\n")
    grep = Grep(workspace, program="", seconds=0.5)
    began = time.monotonic()

    told = said(grep, pattern="(a+)+$", glob="*.txt")

    assert told == "(stopped after 0.5 seconds: give a simpler pattern, a path or a glob)"
    assert time.monotonic() - began < 5


def test_a_search_that_is_interrupted_leaves_no_process(workspace: Workspace) -> None:
    """Esc ends the program at once; nothing goes on in the background."""
    (workspace.root / "x.txt").write_text("a" * 60 + "!\n")

    async def interrupted() -> None:
        arguments = GrepArguments(pattern="(a+)+$", path="x.txt")
        task = asyncio.create_task(Grep(workspace, program="").run(arguments))
        await asyncio.sleep(0.3)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    asyncio.run(interrupted())

    assert _children() == []


def test_many_searches_run_at_once(workspace: Workspace, program: str) -> None:
    """Calls of one answer that only read run in parallel."""

    async def several() -> None:
        searches = [
            Grep(workspace, program=program).run(GrepArguments("work")),
            Find(workspace, program=program).run(FindArguments("*.py")),
            Grep(workspace, program=program).run(GrepArguments("import")),
        ]
        outcomes = await asyncio.gather(*searches)
        assert not any(outcome.is_error for outcome in outcomes)

    asyncio.run(several())


def _children() -> list[str]:
    return Path(f"/proc/self/task/{os.getpid()}/children").read_text().split()
