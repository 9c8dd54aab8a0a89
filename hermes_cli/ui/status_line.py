"""The status line: who answers, how full the window is, what it costs, on which branch."""

from pathlib import Path

import msgspec

_SEPARATOR = " · "
_BRANCH_PREFIX = "ref: refs/heads/"
_SHORT_ID = 8


class Status(msgspec.Struct, frozen=True, kw_only=True):
    """
    What the status line shows; empty texts are left out.

    `window` and `cached` are shares in words, `cost` money or what covers it.
    """

    model: str
    host: str
    mode: str
    window: str = ""
    cached: str = ""
    cost: str = ""
    branch: str = ""

    def line(self, columns: int) -> str:
        """Return the status in one line that fits: what matters least is left out first."""
        parts = {
            "model": self.model,
            "mode": self.mode,
            "host": self.host,
            "window": self.window and f"window {self.window}",
            "cached": self.cached and f"cached {self.cached}",
            "cost": self.cost,
            "branch": self.branch,
        }
        shown = {name: text for name, text in parts.items() if text}
        for dropped in ("host", "cached", "branch", "cost", "mode", "window"):
            if len(_SEPARATOR.join(shown.values())) <= columns:
                break
            shown.pop(dropped, None)
        return _SEPARATOR.join(shown.values())[: max(columns, 0)]


def branch_of(directory: Path) -> str:
    """
    Return the branch that is checked out in a directory, or the commit's first digits.

    Empty outside of a repository, and where `.git` cannot be read; no program is run.
    """
    for place in (directory, *directory.parents):
        head = _head(place / ".git")
        if head:
            return head.removeprefix(_BRANCH_PREFIX) if "/" in head else head[:_SHORT_ID]
    return ""


def _head(git: Path) -> str:
    """Return the text of HEAD; in a worktree `.git` is a file that names its place."""
    try:
        if git.is_file():
            target = git.read_text(errors="replace").partition("gitdir:")[2].strip()
            git = git.parent / target
        text = (git / "HEAD").read_text(errors="replace").strip()
    except OSError:
        return ""
    return text if text.isprintable() else ""
