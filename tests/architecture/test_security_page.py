"""The page of promises: every test it names is there, and it names all that it should."""

import ast
import re
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
PAGE = (ROOT / "docs" / "security.md").read_text()
NAMED = re.compile(r"`(tests/[\w/]+\.py)::(\w+)`")


def functions_of(path: Path) -> set[str]:
    """Return the names of the functions of a file."""
    kinds = (ast.FunctionDef, ast.AsyncFunctionDef)
    return {node.name for node in ast.parse(path.read_text()).body if isinstance(node, kinds)}


def test_every_test_that_is_named_exists() -> None:
    """A promise whose test was renamed or removed is no promise."""
    named = NAMED.findall(PAGE)
    missing = [
        f"{path}::{name}"
        for path, name in named
        if not (ROOT / path).exists() or name not in functions_of(ROOT / path)
    ]

    assert missing == []
    assert len(named) > 30


def test_every_promise_names_a_test() -> None:
    """Each row of the table of promises ends in one, at least."""
    table = PAGE.partition("| promise |")[2].partition("\n\n")[0]
    rows = [line for line in table.splitlines() if line.startswith("| ")]

    assert rows
    assert [row for row in rows if not NAMED.search(row)] == []


def test_every_canary_and_crash_is_on_the_page() -> None:
    """A new test of these files holds a promise, which belongs on the page."""
    on_page = {name for _, name in NAMED.findall(PAGE)}
    for name in ("test_canary.py", "test_crash.py"):
        found = {
            each
            for each in functions_of(ROOT / "tests" / "process" / name)
            if each.startswith("test_")
        }
        assert found <= on_page
