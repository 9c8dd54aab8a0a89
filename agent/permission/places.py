"""Where a path is: in the workspace, outside of it, at a place of its own, or at our secrets."""

import unicodedata
from enum import Enum
from pathlib import Path, PurePosixPath

import msgspec

from agent.tools.base import Workspace
from agent.tools.secret_names import SECRETS, is_environment_file


class GuardedName(msgspec.Struct, frozen=True, kw_only=True):
    """
    A file or directory that is asked about each time, wherever it lies.

    `name` is its last part, or its last parts with `/` between; everything below it counts
    too. `holds_secrets` says that reading asks as well as writing. `why` completes "it …".
    """

    name: str
    why: str
    source: str
    holds_secrets: bool = False


def _run_by(program: str, source: str, *names: str) -> tuple[GuardedName, ...]:
    why = f"is run by {program}"
    return tuple(GuardedName(name=name, why=why, source=source) for name in names)


_GITS_OWN = "is git's own: its settings and hooks run programs"

GUARDED: tuple[GuardedName, ...] = (
    GuardedName(name=".git", why=_GITS_OWN, source="git-config(1)", holds_secrets=True),
    *(
        GuardedName(name=name, why=why, source=source, holds_secrets=True)
        for why, source, names in SECRETS
        for name in names
    ),
    *_run_by("yarn", "Yarn, the yarnrc files", ".yarnrc", ".yarnrc.yml", ".yarn"),
    *_run_by("pnpm", "pnpm, the pnpmfile", ".pnpmfile.cjs", ".pnpmfile.mjs"),
    *_run_by(
        "bash or sh", "bash(1), INVOCATION", ".bashrc", ".bash_profile", ".bash_login",
        ".bash_logout", ".bash_aliases", ".profile", ".inputrc",
    ),
    *_run_by(
        "zsh", "zsh(1), FILES", ".zshrc", ".zshenv", ".zprofile", ".zlogin", ".zlogout",
    ),
    *_run_by("csh or ksh", "tcsh(1), ksh(1)", ".cshrc", ".tcshrc", ".login", ".logout", ".kshrc"),
    *_run_by("fish", "fish(1)", ".config/fish"),
    *_run_by("the desktop's start", "systemd.unit(5), XDG autostart, Xsession(5)",
             ".config/systemd", ".config/autostart", ".config/environment.d", ".xinitrc",
             ".xsession", ".xsessionrc", ".xprofile", ".pam_environment"),
    *_run_by("direnv", "direnv(1)", ".envrc", ".direnvrc"),
    *_run_by("mise", "mise, configuration", ".mise.toml", ".mise", ".config/mise"),
    *_run_by("Maven, Bazel or bundler", "their pages on configuration", ".mvn", ".bazelrc",
             ".bundle"),
    *_run_by("curl or wget, and says where they write", "curl(1), wget(1)", ".curlrc", ".wgetrc"),
    *_run_by("git", "git-config(1), gitmodules(5)", ".gitconfig", ".gitmodules", ".config/git"),
    *_run_by("git's hooks", "husky, pre-commit, lefthook", ".husky", ".githooks",
             ".pre-commit-config.yaml", ".lefthook.yml"),
    *_run_by("the forge, on a push", "GitHub and GitLab, workflows", ".github/workflows",
             ".github/actions", ".gitlab-ci.yml", ".forgejo/workflows", ".gitea/workflows",
             ".circleci", ".travis.yml", ".woodpecker", ".woodpecker.yml", ".buildkite"),
    *_run_by("editors", "VS Code, tasks and settings", ".vscode", ".devcontainer",
             ".devcontainer.json", ".idea", ".zed"),
    *_run_by("vim", "vim, 'exrc'", ".vimrc", ".gvimrc", ".exrc", ".nvimrc", ".nvim.lua",
             ".vim", ".config/nvim"),
    *_run_by("Emacs", "Emacs, directory variables", ".emacs", ".emacs.d", ".dir-locals.el"),
    *_run_by("debuggers", "gdb(1), lldb(1), pdb, perldebug(1)", ".gdbinit", ".lldbinit", ".pdbrc",
             ".perldb"),
    *_run_by("interpreters", "irb, pry, R, Python, GHC, OCaml", ".irbrc", ".pryrc", ".rprofile",
             ".pythonrc", ".pythonrc.py", ".pythonstartup", ".ghci", ".ocamlinit"),
    *_run_by("database shells", "psql(1), sqlite3(1)", ".psqlrc", ".sqliterc"),
    *_run_by("cargo", "Cargo, configuration", ".cargo"),
    *_run_by("other agents", "their hooks and servers", ".mcp.json", ".claude", ".cursor",
             ".codex", ".gemini", ".opencode", ".windsurf", ".continue", ".kimi"),
    *_run_by("screen or tmux", "screen(1), tmux(1)", ".screenrc", ".tmux.conf"),
)  # fmt: skip
"""What asks each time; a name alone runs or shows something that nobody looked at."""

_HARMLESS = frozenset(f"/dev/{name}" for name in ("null", "zero", "stdin", "stdout", "stderr"))
_DESCRIPTORS = "/dev/fd"


class Standing(Enum):
    """Where a path stands, from the harmless to what is refused."""

    INSIDE = "inside"
    OUTSIDE = "outside"
    GUARDED = "guarded"
    PRIVATE = "private"


class Place(msgspec.Struct, frozen=True):
    """Where a path is; `why` completes "PATH …" where it is guarded."""

    standing: Standing
    why: str = ""


def place_of(path: Path, workspace: Workspace, *, writes: bool) -> Place:
    """
    Return where an absolute path is, whose links were followed.

    Names are compared without regard to case, as some file systems do. The session's own
    scratch directory counts as inside, wherever it lies.
    """
    if _is_below(path, workspace.scratch):
        return Place(Standing.INSIDE)
    if any(_is_below(path, private) for private in workspace.private):
        return Place(Standing.PRIVATE)
    why = _guarded(path, workspace, writes=writes)
    if why:
        return Place(Standing.GUARDED, why)
    return Place(Standing.INSIDE if workspace.contains(path) else Standing.OUTSIDE)


def is_device(text: str) -> bool:
    """Say whether a word names a device that holds nothing, or an open file of the command."""
    path = PurePosixPath(text)
    return str(path) in _HARMLESS or (str(path.parent) == _DESCRIPTORS and path.name.isdecimal())


def holds_private(path: Path, workspace: Workspace) -> bool:
    """Say whether a directory has one of ours somewhere below it."""
    return any(_is_below(private, path) for private in workspace.private)


def _is_below(path: Path, directory: Path) -> bool:
    try:
        outer = _names(directory.resolve())
    except (OSError, RuntimeError, ValueError):  # a link to itself, a zero byte in `.git`
        return False
    inner = _names(path)
    return inner[: len(outer)] == outer


def _names(path: Path) -> list[str]:
    """
    Return the parts of a path so that two names of one file are the same.

    macOS keeps `é` in two ways and finds either; its older file system sees no U+200C at all.
    """
    return [part.casefold() if part.isascii() else _plain(part) for part in path.parts]


def _plain(part: str) -> str:
    seen = "".join(sign for sign in part if unicodedata.category(sign) != "Cf")
    return unicodedata.normalize("NFC", unicodedata.normalize("NFC", seen).casefold())


def _guarded(path: Path, workspace: Workspace, *, writes: bool) -> str:
    """Return why a path is asked about each time, or an empty text."""
    # Windows reads `.git.` and `.git ` as `.git`, and may know it as `git~1`.
    names = ["", *(part.rstrip(". ") or part for part in _names(path)[1:]), ""]
    whole = "/".join(names)
    for row in GUARDED:
        if (writes or row.holds_secrets) and f"/{row.name}/" in whole:
            return row.why
    if is_environment_file(names[-2]):
        return "often holds secrets"
    if names[1] == "proc" and (names[2].isdecimal() or names[2] in ("self", "thread-self")):
        return "shows what a program holds, keys among it"
    if "git~1" in names or _is_below(path, _git_directory(workspace.root)):
        return _GITS_OWN
    return ""


def _git_directory(root: Path) -> Path:
    """Return where git keeps its own for a directory: `.git`, or where that leads."""
    marker = root / ".git"
    try:
        said = marker.read_text() if marker.is_file() else ""
    except (OSError, UnicodeDecodeError):
        said = ""
    return root / said.removeprefix("gitdir:").strip() if said else marker
