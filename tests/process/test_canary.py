"""A canary in the place of the key: it goes everywhere a key goes, and shows nowhere else."""

import contextlib
import io
import json
import os
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from hermes_cli.main import COMMANDS
from kimi_mock.replies import Reply
from kimi_mock.server import KimiMock
from tests.support.commands import Here
from tests.support.process import Hermes, Result
from tests.support.terminal import CTRL_C, CTRL_D, Terminal

CANARY = "sk-kimi-q7canary4f3a9e2b1c8d7e6f5a4-tail"
CORE = "q7canary4f3a9e2b1c8d7e6f5a4"
"""The middle of the key: no fingerprint holds it, and no shortened key is without it."""

SECOND = f"{CANARY}-second"
LOOK_ALIKE = "sk-kimi-a-sample-0001 sk-… 'sk-ant-api03-xxxxxxxxxxxx1' sk-proj-0123456789abcdef"
HOLDERS = {".env", "keys.toml"}
SERVES_UNTIL_STOPPED = {"mock"}


@pytest.fixture
def day(hermes: Hermes, kimi: KimiMock) -> Hermes:
    """`hermes` whose temporary files lie under the home too, and a mock that takes the canary."""
    kimi.keys["kimi-code"] |= {CANARY, SECOND}
    temporary = hermes.home.parent / "tmp"
    temporary.mkdir()
    hermes.environment["TMPDIR"] = str(temporary)
    return hermes


@pytest.fixture(autouse=True)
def _empty_input() -> Iterator[None]:
    """Standard input of this process is empty, as `hermes` has it under a scheduler."""
    before = sys.stdin
    with open(os.devnull) as nothing:  # noqa: PTH123 - it is no path of ours
        sys.stdin = nothing
        yield
        sys.stdin = before


def holders(folder: Path) -> set[str]:
    """Return the names of the files below a folder that hold the canary."""
    files = (path for path in folder.rglob("*") if path.is_file() and not path.is_symlink())
    return {path.name for path in files if CORE.encode() in path.read_bytes()}


def is_silent(result: Result, *about: object) -> None:
    """Check that nothing printed holds the canary, and that nothing broke."""
    assert CORE not in result.stdout + result.stderr, about
    assert "Hermes broke" not in result.stderr, about
    assert "Traceback" not in result.stderr, about


def went_in_headers_alone(kimi: KimiMock) -> None:
    """Check that the canary came to the mock in the header of keys, and nowhere else."""
    assert kimi.seen
    for request in kimi.seen:
        assert CORE.encode() not in request.body
        assert CORE not in request.path + request.query
        where = {name.lower() for name, value in request.headers.pairs if CORE in value}
        assert where <= {"authorization", "x-api-key"}


def test_through_every_command(day: Hermes, kimi: KimiMock) -> None:
    """As processes, from the setup to the bundle: outputs, every file, and every request."""
    bundle = str(day.home.parent / "bundle.txt")
    runs: tuple[tuple[tuple[str, ...], str, int], ...] = (
        (("setup", "--provider", "kimi", "--key-stdin"), CANARY, 0),
        (("key", "add", "second", "--stdin"), SECOND, 0),
        (("key", "list", "--json"), "", 0),
        (("key", "check", "-"), CANARY, 0),
        (("status",), "", 0),
        (("explain", "--json"), "", 0),
        (("models", "--refresh"), "", 0),
        (("model", "k3"), "", 0),
        (("providers", "--json"), "", 0),
        (("config", "get", "KIMI_API_KEY"), "", 0),
        (("usage", "--json"), "", 0),
        (("completion", "bash"), "", 0),
        (("permissions", "--json"), "", 0),
        (("undo",), "", 1),
        (("why", f"401 Incorrect API key provided: {CANARY}"), "", 0),
        (("import", "--dry-run"), "", 0),
        (("sessions", "--all", "--json"), "", 0),
        (("doctor",), "", 1),
        (("doctor", "--bundle", bundle, "--yes"), "", 1),
        (("--debug", "chat", "-q", f"What is {LOOK_ALIKE}?", "--debug"), "", 0),
        (("chat", "-q", "again", "--json", "--key", "second"), "", 0),
    )
    assert {arguments[0] for arguments, _, _ in runs} >= set(COMMANDS) - SERVES_UNTIL_STOPPED - {
        "chat"
    }
    for arguments, stdin, worst in runs:
        result = day(*arguments, stdin=stdin)
        is_silent(result, *arguments)
        assert result.code <= worst, (arguments, result)
    assert holders(day.home.parent) == HOLDERS
    assert Path(bundle).exists()
    went_in_headers_alone(kimi)
    assert (day.home / "hermes-kimi.db").exists()


def test_a_text_of_look_alikes_passes_unharmed(day: Hermes, kimi: KimiMock) -> None:
    """A prompt and an answer full of them, byte for byte; `--debug` hides the key in use alone."""
    kimi.gate_allows.add("hermes-kimi")
    kimi.replies += [Reply.streaming({"content": LOOK_ALIKE})] * 2

    plain = day("chat", "-q", LOOK_ALIKE, key=CANARY)
    shown = day("chat", "-q", f"{LOOK_ALIKE} {CANARY}", "--debug", key=CANARY)

    assert plain.stdout == shown.stdout == f"{LOOK_ALIKE}\n"
    [first, second] = [request.json["messages"][1]["content"] for request in kimi.seen]
    assert (first, second) == (LOOK_ALIKE, f"{LOOK_ALIKE} {CANARY}")
    assert LOOK_ALIKE in shown.stderr
    assert CORE not in shown.stderr
    assert shown.stderr.count("…tail (") == 2


# --- in the wrong place -------------------------------------------------------------------

SHAPES: tuple[tuple[str, ...], ...] = (
    (CANARY,),
    (f"--{CANARY}",),
    ("--model", CANARY),
    ("--provider", CANARY),
    ("--key", CANARY),
    ("--base-url", CANARY),
    ("--base-url", f"https://me:{CANARY}@gateway.invalid/v1"),
    ("--base-url", f"https://gateway.invalid/{CANARY}"),
    ("--set", CANARY),
)
MISTAKES = (
    ("config", "set", "KIMI_API_KEY", CANARY),
    ("config", "set", "model", CANARY),
    ("config", "set", "KIMI_BASE_URL", f"https://gateway.invalid/{CANARY}"),
    ("config", "set", f"providers.{CANARY}.wire", "chat"),
    ("config", "unset", CANARY),
    ("key", "add", CANARY),
    ("key", "use", CANARY),
    ("key", "remove", CANARY, "--yes"),
    ("key", "grant", CANARY),
    ("key", "check", CANARY),
    ("import", "--file", CANARY),
    ("doctor", "--bundle", CANARY),
    ("chat", "-q", "hi", "--effort", CANARY),
    ("chat", "-q", "hi", "--retries", CANARY),
    (CANARY,),
)


@pytest.fixture
def here(day: Hermes) -> Here:
    """The same home, with the command line in this process."""
    return Here(day.home)


@pytest.mark.parametrize("env", [{"KIMI_API_KEY": CANARY}, {}], ids=["known", "not known"])
def test_as_an_argument_of_every_command(here: Here, env: dict[str, str]) -> None:
    """Refused before anything begins, whether it is a key of ours or one never seen before."""
    wrong = [(name, *shape) for name in COMMANDS if name != "why" for shape in SHAPES]
    for arguments in (*wrong, *MISTAKES):
        result = here(*arguments, env=env)
        is_silent(result, *arguments)
        assert result.code == 2, arguments
    assert holders(here.home.parent) == set()


SETTINGS = (
    f'model = "{CANARY}"\n',
    f'provider = "{CANARY}"\n',
    f'fallback = ["{CANARY}"]\n',
    f'[providers.kimi-coding]\nbase_url = "{CANARY}"\n',
    f'[providers.kimi-coding]\nwire = "{CANARY}"\n',
    f'[providers.kimi-coding]\nprobe = "{CANARY}"\n',
    f'[providers.kimi-coding]\nkey = "{CANARY}"\n',
    f'[providers."{CANARY}"]\nbase_url = "https://gateway.invalid/v1"\n',
    f'[providers.mine]\nbase_url = "https://x.invalid/v1"\nkey_variable = "{CANARY}"\n',
    f'model = "k3"\n{CANARY}\n',
)
COMMANDS_THAT_READ = (
    ("status",),
    ("explain",),
    ("providers",),
    ("models",),
    ("config", "get"),
    ("key", "list"),
    ("doctor", "--offline"),
    ("chat", "-q", "hi"),
    ("config", "set", "model", "k3"),
)


@pytest.mark.parametrize("settings", SETTINGS)
def test_in_the_wrong_place_of_the_settings(here: Here, kimi: KimiMock, settings: str) -> None:
    """Pasted for a model, a provider, a URL or a line of its own: it is not repeated."""
    for arguments in COMMANDS_THAT_READ:
        here.write("config.toml", settings)
        is_silent(here(*arguments, env={"KIMI_API_KEY": "sk-kimi-another-0001"}), *arguments)
    assert holders(here.home.parent) <= {"config.toml"}
    assert kimi.seen == []


def test_in_a_line_of_the_key_file_that_is_none(here: Here) -> None:
    """The number of the line is told, and not what stands there; `keys.toml` likewise."""
    here.write(".env", f"{CANARY}\nKIMI_API_KEY {CANARY}\n{CANARY}=x\n")
    here.write("keys.toml", f"[{CANARY}]\n{CANARY} = 1\n['{CANARY}'.'{CANARY}']\nkey = 1\n")
    for arguments in COMMANDS_THAT_READ:
        is_silent(here(*arguments), *arguments)
    assert holders(here.home.parent) == HOLDERS


# --- what an endpoint says ----------------------------------------------------------------

SWITCHES: tuple[dict[str, Any], ...] = (
    {"gate_outage": True},
    {"banned": True},
    {"membership": "unverified"},
    {"tier": "free"},
    {"quota": "5-hour"},
    {"quota": "cycle-upsell"},
    {"concurrency_limit": 0},
    {"overloaded_calls": 9},
    {"failing_calls": 9},
    {"rate_limited_calls": 9},
    {"window_limits": {"kimi-for-coding": 1}},
    {"high_risk_text": "hi"},
    {"error_after": 1},
    {"keys": {"kimi-code": set()}},
)
STATUSES = (302, 400, 401, 402, 403, 404, 408, 409, 413, 422, 429, 499, 500, 503)
SAID = f"Incorrect API key provided: {CANARY}. Sent: Bearer {CANARY}"
BAD = {"error": {"message": SAID, "type": f"x_{CANARY}", "code": CANARY}}
STREAM = {"Content-Type": "text/event-stream", "X-Trace-Id": CANARY, "X-Echo": f"Bearer {CANARY}"}
ECHOES = (
    *(Reply.error(status, BAD) for status in STATUSES),
    Reply.raw(401, {"Content-Type": "text/html", **STREAM}, [SAID.encode()]),
    Reply.raw(302, {"Location": f"https://api.kimi.com/?key={CANARY}", **STREAM}, [b""]),
    Reply.raw(200, STREAM, [f"data: {json.dumps(BAD)}\n\n".encode()]),
    Reply.raw(200, STREAM, [f"data: {CANARY}\n\n".encode()]),
    Reply.raw(200, {"Content-Type": "text/plain"}, [SAID.encode()]),
    Reply.raw(429, {"Retry-After": CANARY, **STREAM}, [json.dumps(BAD).encode()]),
)
CHATS = (("chat", "-q", "hi", "--debug"), ("chat", "-q", "hi", "--json", "--debug"))


@contextlib.contextmanager
def captured(folder: Path) -> Iterator[list[str]]:
    """Point both standard streams to one file, as processes have them; give what it got."""
    got: list[str] = []
    with (folder / "output").open("w+b", buffering=0) as file:
        out = io.TextIOWrapper(io.BufferedWriter(file), "utf-8", write_through=True)
        with contextlib.redirect_stdout(out), contextlib.redirect_stderr(out):
            yield got
        out.flush()
        got.append((folder / "output").read_text("utf-8", "replace"))
        out.detach().detach()


def talk(day: Hermes, folder: Path, arguments: tuple[str, ...], key: str = CANARY) -> str:
    """Run a command in this process with the canary as its key; return all that it printed."""
    from hermes_cli.main import run

    here = Here(day.home)
    with here.environment(day.env(key=key)), captured(folder) as got:
        run([*arguments, "--retries", "0"] if arguments[0] == "chat" else list(arguments))
    return got[0]


@pytest.fixture
def outside(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder that is not searched."""
    return tmp_path_factory.mktemp("outside")


def test_through_every_refusal_the_mock_can_play(
    day: Hermes, kimi: KimiMock, outside: Path
) -> None:
    """Quota, balance, ban, gate, limits, failures, with `--debug` and as JSON events."""
    for switches in SWITCHES:
        kimi.reset()
        kimi.gate_allows.add("hermes-kimi")
        kimi.keys["kimi-code"].add(CANARY)
        for name, value in switches.items():
            setattr(kimi, name, value)
        for arguments in CHATS:
            printed = talk(day, outside, arguments)
            is_silent(Result(printed, "", 0), switches, arguments)
            assert "…tail (" in printed
        went_in_headers_alone(kimi)
    assert holders(day.home.parent) == set()


def test_through_an_endpoint_that_quotes_the_key(
    day: Hermes, kimi: KimiMock, outside: Path
) -> None:
    """In a body, a header, an error type, a stream, a redirect: the fingerprint stands there."""
    kimi.gate_allows.add("hermes-kimi")
    for reply in ECHOES:
        for arguments in CHATS:
            kimi.replies[:] = [reply]
            is_silent(Result(talk(day, outside, arguments), "", 0), reply, arguments)
    listing = json.dumps({"data": [{"id": CANARY, "context_length": 9}]}).encode()
    for body in (listing, SAID.encode(), json.dumps(BAD).encode()):
        for status in (200, 401):
            for command in (("models", "--refresh"), ("doctor",), ("key", "list")):
                kimi.replies_to_models[:] = [Reply.raw(status, STREAM, [body])] * 3
                is_silent(Result(talk(day, outside, command), "", 0), body, status, command)
    assert holders(day.home.parent) == set()


# --- children -----------------------------------------------------------------------------


def children(process_id: int) -> list[int]:
    """Return the processes that a process has started, and theirs."""
    found: list[int] = []
    for task in Path(f"/proc/{process_id}/task").iterdir():
        with contextlib.suppress(OSError):
            found += map(int, (task / "children").read_text().split())
    return found + [grandchild for child in found for grandchild in children(child)]


@pytest.mark.local_model
def test_no_child_inherits_a_key(day: Hermes) -> None:
    """While the embedded model runs: its command line and environment, and our own command line."""
    day.home.mkdir(mode=0o700)
    (day.home / "config.toml").touch(mode=0o600)
    (day.home / "config.toml").write_text(
        '[providers.mine]\nbase_url = "https://gateway.invalid/v1"\nkey_variable = "MY_PASS"\n'
    )
    names = ("KIMI_API_KEY", "MOONSHOT_API_KEY", "DEEPSEEK_API_KEY", "MY_PASS")
    with day.start(
        "chat", "--provider", "local", "-q", "hi", env=dict.fromkeys(names, CANARY)
    ) as process:
        try:
            deadline = time.monotonic() + 30
            while not (found := children(process.pid)):
                assert time.monotonic() < deadline
                assert process.poll() is None
                time.sleep(0.005)
            # The environment is the child's own only once it has become another program.
            while b"local_child" not in Path(f"/proc/{found[0]}/cmdline").read_bytes():
                assert time.monotonic() < deadline
                time.sleep(0.005)
            for child in found:
                environment = Path(f"/proc/{child}/environ").read_bytes()
                assert b"PATH=" in environment
                assert CORE.encode() not in environment
                for name in names:
                    assert f"{name}=".encode() not in environment
                assert CORE.encode() not in Path(f"/proc/{child}/cmdline").read_bytes()
            assert CORE.encode() not in Path(f"/proc/{process.pid}/cmdline").read_bytes()
        finally:
            process.kill()
    assert holders(day.home.parent) == set()


def test_the_editor_of_a_prompt_inherits_no_key(day: Hermes) -> None:
    """Ctrl-X Ctrl-E opens the user's own editor, which may start anything (seen 2026-11-22)."""
    seen = day.home.parent / "environment-of-the-editor"
    editor = day.home.parent / "editor"
    editor.write_text(f'#!/bin/sh\nenv > {seen}\nprintf edited > "$1"\n')
    editor.chmod(0o700)
    day.environment["EDITOR"] = str(editor)
    with Terminal([*day.argv], day.env(key=CANARY), directory=day.home.parent) as terminal:
        terminal.read_until("Ctrl-D leaves.")
        terminal.read_until("\n>")
        terminal.send("\x18\x05")
        terminal.read_until("edited")
        terminal.send(CTRL_C + CTRL_D)
        terminal.wait()
    assert f"EDITOR={editor}" in seen.read_text()
    assert "KIMI_API_KEY" not in seen.read_text()
    assert holders(day.home.parent) == set()
