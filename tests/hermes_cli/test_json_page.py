"""`docs/json.md` and what `--json` prints: the same fields, for every command."""

import json
import re
from pathlib import Path
from typing import Any

import click
import pytest

from hermes_cli.main import COMMANDS, cli
from kimi_mock.replies import Reply
from kimi_mock.server import KimiMock
from tests.conftest import PLAN_KEY, PLATFORM_KEY
from tests.support.commands import Here
from tests.support.process import Hermes

PAGE = (Path(__file__).resolve().parents[2] / "docs" / "json.md").read_text()
HEAD = r"\| (?:field|event) \|[^\n]*\n\|[-|]+\|\n"
TABLE = re.compile(rf"^(?P<lead>[^\n]+)\n\n{HEAD}(?P<rows>(?:\|[^\n]*\n)+)", re.MULTILINE)
GATEWAY = '[providers.own]\nbase_url = "https://own.invalid/v1"\nkey_variable = "OWN_KEY"\n'


def fields(section: str, lead: str = "") -> set[str]:
    """Return the fields of a table: of the first section, and line before it, that hold these."""
    found = next(s for s in re.split(r"^## ", PAGE, flags=re.MULTILINE) if s.startswith(section))
    rows = next(table["rows"] for table in TABLE.finditer(found) if lead in table["lead"])
    return {
        name for row in rows.splitlines() for name in re.findall(r"`(\w+)`", row.split(" | ")[0])
    }


Way = tuple[str | int, ...]
Table = tuple[str, str, Way]
"""A table's section and the line before it on the page, and the way to it in the document."""

ROUTE: Table = ("A Route", "", ("route",))
DOCUMENTS: tuple[tuple[tuple[str, ...], tuple[Table, ...]], ...] = (
    (("status",), (("`hermes status`", "", ()), ROUTE, ("A told value", "", ("route", "model")))),
    (
        ("explain",),
        (("`hermes explain`", "", ()), ROUTE, ("`hermes explain`", "network", ("network",))),
    ),
    (
        ("doctor", "--offline"),
        (
            ("`hermes doctor", "", ()),
            ROUTE,
            ("`hermes doctor", "A finding", ("findings", 0)),
        ),
    ),
    (("sessions",), (("`hermes sessions", "A session", ("sessions", 0)),)),
    (("sessions", "search", "hi"), (("`hermes sessions", "A session", ("hits", 0, "session")),)),
    (
        ("import", "--dry-run", "--file", ".env"),
        (("`hermes import", "", ()), ("`hermes import", "A key", ("keys", 0))),
    ),
    (
        ("models", "--refresh"),
        (
            ("`hermes models", "", ()),
            ("`hermes models", "An endpoint", ("endpoints", 0)),
            ("`hermes models", "A model", ("endpoints", 0, "models", 0)),
        ),
    ),
    (("model",), (("`hermes model [ID]`", "", ()),)),
    (("providers",), (("`hermes providers`", "", ("providers", 0)),)),
    (("providers",), (("`hermes providers`", "", ("providers", -1)),)),
    (("config", "set", "compact_at", "70"), (("`hermes config`", "set", ()),)),
    (("config", "unset", "compact_at"), (("`hermes config`", "unset", ()),)),
    (("key", "list"), (("`hermes key list`", "", ()),)),
    (("key", "use", "work"), (("`hermes key add", "All of", ()),)),
    (("key", "grant", "own.invalid"), (("`hermes key add", "grant", ()),)),
    (
        ("usage",),
        (
            ("`hermes usage`", "", ()),
            ("`hermes usage`", "plan", ("plan",)),
            ("`hermes usage`", "A window", ("plan", "windows", 0)),
        ),
    ),
    (("why", "429"), (("`hermes why", "", ()), ("`hermes why", "A meaning", ("meanings", 0)))),
    (("key", "check", "key-file"), (("`hermes key check", "", ()),)),
    (("permissions",), (("`hermes permissions", "", ()),)),
    (("undo", "--yes"), (("`hermes undo", "", ()),)),
)
# Fields that the page tells in words, beside a table.
BESIDE: dict[tuple[str, ...], set[str]] = {("key", "use", "work"): {"beaten_by"}}


WRITE = {
    "tool_calls": [
        {
            "index": 0,
            "id": "write:0",
            "type": "function",
            "function": {"name": "write", "arguments": '{"path": "a", "content": "b"}'},
        }
    ]
}


def at(document: Any, way: Way) -> Any:
    """Return what stands in a document at the end of a way of names and numbers."""
    for step in way:
        document = document[step]
    return document


def test_every_document_has_the_fields_of_its_table(
    hermes: Hermes, kimi: KimiMock, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A field that is printed and not on the page, or the other way round, fails here."""
    here = Here(hermes.home)
    monkeypatch.chdir(hermes.home.parent)
    here.write("config.toml", GATEWAY)
    here.write("keys.toml", f'[kimi-coding.work]\nkey = "{PLAN_KEY}"\nendpoint = "kimi-code"\n')
    env = {**kimi.environment(), "OWN_KEY": "sk-own-0123456789"}
    Path(".env").write_text(f"KIMI_API_KEY={PLATFORM_KEY}\n")
    Path("key-file").write_text(PLAN_KEY)
    kimi.replies = [Reply.streaming(WRITE, finish_reason="tool_calls")]
    chat = hermes("chat", "-q", "hi", "--yes-edits", "--json")
    assert chat.code == 0, chat.stderr

    for arguments, told in DOCUMENTS:
        document = here.json(*arguments, env=env)
        assert document.pop("schema") == 1
        for section, lead, way in told:
            printed = set(at(document, way)) - BESIDE.get(arguments, set())
            assert printed == fields(section, lead), (arguments, section, lead)

    added = json.loads(hermes("key", "add", "--unchecked", "--json", stdin=PLATFORM_KEY).stdout)
    both = fields("`hermes key add", "All of") | fields("`hermes key add", "`add` besides")
    assert set(added) - {"schema"} == both
    [key] = [each for each in here.json("key", "list", env=env)["keys"] if each["in_use"]]
    value = fields("A told value") - {"why", "beaten"}
    assert set(key) == fields("`hermes key list`", "A key") | value
    error = here.json("status", "--model", "kimi-k3", env=env)["route"]["model_error"]
    assert set(error) == fields("An error")
    check_events(chat.stdout)


def check_events(printed: str) -> None:
    """Compare each line of a chat with the row of its event."""
    section = PAGE[PAGE.index("## `hermes chat") :]
    rows = dict(re.findall(r"^\| `(\w+)` \| (.*?) \|", section, re.MULTILINE))
    [action] = re.findall(r"^- An action is.*?:(.*)\n(.*)$", section, re.MULTILINE)
    seen = {}
    for line in printed.splitlines():
        event = json.loads(line)
        told = {*re.findall(r"`(\w+)`", rows[event["event"]])} - {"chat", "messages"}
        if "action" in rows[event["event"]]:
            told |= {"kind", "paths", "command", "url", "preview"}
            assert all(f"`{name}`" in " ".join(action) for name in ("kind", "paths", "preview"))
        assert set(event) - {"schema", "event"} == told, event
        seen[event["event"]] = told
    assert {"step", "tool_call", "tool_began", "tool_ended", "finished", "turn_ended"} <= set(seen)


def test_every_command_that_tells_something_is_on_the_page() -> None:
    """A command with `--json` has a section; one without has nothing to tell."""
    context = click.Context(cli, info_name="hermes")
    for name in COMMANDS:
        command = cli.get_command(context, name)
        inner = command.commands.values() if isinstance(command, click.Group) else [command]
        has_json = any("--json" in option.opts for each in inner if each for option in each.params)
        assert has_json is bool(re.search(rf"^## .*`hermes {name}\b", PAGE, re.MULTILINE)), name
