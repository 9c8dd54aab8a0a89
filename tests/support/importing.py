"""A home with other programs' files in it, and what `hermes import` says of them."""

import json
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from hermes_cli.importing.owners import every_variable
from tests.support.commands import Here

FIXTURES = Path(__file__).parents[1] / "fixtures" / "importing" / "home"
"""
A home in which every program has its files, made by us from their documentation.

The pages are named in the readers' docstrings in `hermes_cli/importing/`.
"""

PLAN = "sk-kimi-abcdefgh0123456789"
PLATFORM = "sk-abcdefgh0123456789"
OTHER_PLAN = "sk-kimi-zyxwvuts9876543210"
CHINA_URL, MOONSHOT_URL = "https://api.moonshot.cn/v1", "https://api.moonshot.ai/v1"
PLACES = (
    "XDG_CONFIG_HOME",
    "XDG_DATA_HOME",
    "KIMI_SHARE_DIR",
    "KIMI_CODE_HOME",
    "OPENCODE_CONFIG",
    "LLM_USER_PATH",
    "GOOSE_PATH_ROOT",
)


def empty_home(home: Path, monkeypatch: pytest.MonkeyPatch) -> Here:
    """Return command lines in this process, in a home with nothing in it and no key around."""
    for name in (*every_variable(), *PLACES):
        monkeypatch.delenv(name, raising=False)
    home.parent.mkdir(parents=True)
    return Here(home)


def fill(home: Path) -> None:
    """Put the files of all programs into the user's home."""
    shutil.copytree(FIXTURES, home.parent, dirs_exist_ok=True)
    home.chmod(0o700)
    (home / ".env").chmod(0o600)


def put(here: Here, name: str, text: str) -> Path:
    """Write a file below the user's home."""
    return put_in(here.home, name, text)


def put_in(home: Path, name: str, text: str) -> Path:
    """Write a file below the user's home, in which our own `home` stands."""
    path = home.parent / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    return path


def told(document: Mapping[str, Any]) -> list[tuple[str, str, str, str]]:
    """Return (tool, place, endpoint, standing) of every key."""
    return [
        (key["tool"], key["where"], key["endpoint"], key["standing"]) for key in document["keys"]
    ]


def opencode(keys: Mapping[str, str]) -> str:
    """Return an `opencode.json` with provider → key."""
    return json.dumps({"provider": {n: {"options": {"apiKey": k}} for n, k in keys.items()}})


def pair(base_url: str, key: str) -> str:
    """Return a `config.toml` of kimi-cli with one provider."""
    return f'[providers.work]\ntype = "kimi"\nbase_url = "{base_url}"\napi_key = "{key}"\n'


def secrets() -> set[str]:
    """Return the words in the fixtures that nobody may see."""
    texts = [path.read_text() for path in FIXTURES.rglob("*") if path.is_file()]
    words = {word.strip("\"',") for text in texts for word in text.replace("=", " ").split()}
    marks = ("sk-", "gsk_", "AIza")
    return {w for w in words if w.startswith(marks)} | {"secret-of-a-gateway", "token-of-a-login"}
