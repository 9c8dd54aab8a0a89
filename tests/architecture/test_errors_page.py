"""The page about errors says what the rows say."""

import subprocess
import sys
from pathlib import Path

from agent.atlas import ROWS
from agent.atlas.below_http import BELOW_HTTP
from agent.atlas.refusals import DERIVED
from scripts.errors_page import COMMAND

ROOT = Path(__file__).resolve().parents[2]
PAGE = ROOT / "docs" / "errors.md"


def test_the_page_is_what_the_rows_print() -> None:
    """A row that changed without its page fails here; the command in the page mends it."""
    printed = subprocess.run(
        [sys.executable, "-m", "scripts.errors_page"], cwd=ROOT, capture_output=True, check=True
    )

    assert PAGE.read_bytes() == printed.stdout, f"`{COMMAND}` writes {PAGE.name} anew"


def test_the_page_has_every_row_with_its_remedy_and_source() -> None:
    """Nothing is lost between the rows and the page."""
    page = PAGE.read_text()
    expected = {f"`{COMMAND}`"}
    for row in (*ROWS, *DERIVED, *BELOW_HTTP):
        expected |= {f"`{row.id}`", f"`{row.error.__name__}`", row.remedy}
    for row in (*ROWS, *DERIVED):
        expected.add(row.source)

    assert sorted(fact for fact in expected if fact not in page) == []
