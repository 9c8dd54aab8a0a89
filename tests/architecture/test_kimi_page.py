"""The page about Kimi says what the rows say."""

import subprocess
import sys
from pathlib import Path

from agent.catalog import find
from scripts.kimi_page import COMMAND

ROOT = Path(__file__).resolve().parents[2]
PAGE = ROOT / "docs" / "kimi.md"


def test_the_page_is_what_the_rows_print() -> None:
    """A row that changed without its page fails here; the command in the page mends it."""
    printed = subprocess.run(
        [sys.executable, "-m", "scripts.kimi_page"], cwd=ROOT, capture_output=True, check=True
    )

    assert PAGE.read_bytes() == printed.stdout, f"`{COMMAND}` writes {PAGE.name} anew"


def test_the_page_names_its_command_and_every_fact() -> None:
    """Nothing is lost between the rows and the page: endpoints, URLs, model ids and sources."""
    page = PAGE.read_text()
    kimi = find("kimi")
    assert kimi is not None
    expected = {f"`{COMMAND}`"}
    for endpoint in kimi.endpoints:
        expected |= {endpoint.name, endpoint.console, endpoint.source, endpoint.key_prefix}
        expected |= {f"`{url}`" for _, url in endpoint.base_urls}
    for model in kimi.every_model():
        expected |= {f"`{model.id}`", f"{model.context_tokens:,}", model.last_day, model.note}

    assert sorted(fact for fact in expected if fact not in page) == []
