"""`hermes import`: where it looks, and what it meets there."""

import os
import re
import shlex
import socket
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.support.commands import Here
from tests.support.importing import (
    MOONSHOT_URL,
    PLAN,
    PLATFORM,
    empty_home,
    opencode,
    pair,
    put,
    told,
)


@pytest.fixture
def here(home: Path, monkeypatch: pytest.MonkeyPatch) -> Here:
    """Command lines in this process, in a home with nothing in it."""
    return empty_home(home, monkeypatch)


@pytest.mark.parametrize(
    ("variable", "name"),
    [
        ("KIMI_SHARE_DIR", "config.toml"),
        ("KIMI_CODE_HOME", "config.toml"),
        ("LLM_USER_PATH", "keys.json"),
        ("XDG_DATA_HOME", "opencode/auth.json"),
        ("XDG_CONFIG_HOME", "opencode/opencode.json"),
        ("XDG_CONFIG_HOME", "goose/secrets.yaml"),
        ("XDG_CONFIG_HOME", "io.datasette.llm/keys.json"),
        ("GOOSE_PATH_ROOT", "config/secrets.yaml"),
    ],
)
def test_programs_can_have_moved(
    here: Here, monkeypatch: pytest.MonkeyPatch, variable: str, name: str
) -> None:
    """The variables with which they move their files count, if they hold absolute paths."""
    texts = {
        "config.toml": pair(MOONSHOT_URL, PLATFORM),
        "keys.json": f'{{"moonshot": "{PLATFORM}"}}',
        "auth.json": f'{{"moonshot": {{"type": "api", "key": "{PLATFORM}"}}}}',
        "opencode.json": opencode({"moonshot": PLATFORM}),
        "secrets.yaml": f"MOONSHOT_API_KEY: {PLATFORM}\n",
    }
    put(here, f"elsewhere/{name}", texts[Path(name).name])
    monkeypatch.chdir(here.home.parent)

    absolute = here.json("import", env={variable: str(here.home.parent / "elsewhere")})
    relative = here.json("import", env={variable: "elsewhere"})

    assert [key["endpoint"] for key in absolute["keys"]] == ["moonshot"]
    assert relative["keys"] == []


def test_the_working_directory_is_never_read(
    here: Here, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A cloned repository proposes nothing, unless its file is named."""
    (tmp_path / "repository").mkdir()
    monkeypatch.chdir(tmp_path / "repository")
    Path(".env").write_text(f"KIMI_API_KEY={PLAN}\n")
    Path(".aider.conf.yml").write_text(f"openai-api-key: {PLATFORM}\n")
    Path("opencode.json").write_text(opencode({"kimi": PLAN}))

    assert here("import").stdout.startswith("No keys were found")
    both = here.json("import", "--file", ".env", "--file", ".aider.conf.yml")
    assert told(both) == [
        ("dotenv", "line 1", "kimi-code", "new"),
        ("aider", "line 1", "openai", "new"),
    ]


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("work.env", f"MOONSHOT_API_KEY={PLATFORM}"),
        (".env.local", f"MOONSHOT_API_KEY={PLATFORM}"),
        (".aider.conf.yml", f"set-env:\n  - MOONSHOT_API_KEY={PLATFORM}"),
        ("config.toml", pair(MOONSHOT_URL, PLATFORM)),
        ("opencode.jsonc", f'{{"provider":{{"kimi":{{"options":{{"apiKey":"{PLATFORM}",}},}},}}}}'),
        ("keys.json", f'{{"kimi": "{PLATFORM}"}}'),
        ("secrets.yaml", f"MOONSHOT_API_KEY: {PLATFORM}"),
    ],
)
def test_a_named_file_is_known_by_its_name(here: Here, name: str, text: str) -> None:
    """Then the usual places are not looked at."""
    path = put(here, f"somewhere/{name}", text)
    put(here, ".env", f"KIMI_API_KEY={PLAN}")

    [key] = here.json("import", "--file", str(path))["keys"]

    assert (key["endpoint"], key["file"]) == ("moonshot", str(path))


def test_what_is_said_of_a_named_file_is_about_that_file(here: Here) -> None:
    """Nothing found there is no word about other places, and the command takes from the file."""
    empty = put(here, "nothing.env", "A=1\n")
    full = put(here, "with a blank.env", f"KIMI_API_KEY={PLAN}\n")

    nothing = here("import", "--file", str(empty))
    found = here("import", "--file", str(full), "--dry-run")
    [command] = re.findall("`([^`]+)`", found.stderr)
    taken = here(*shlex.split(command)[1:])

    assert nothing.stdout == "No keys were found in ~/nothing.env.\n"
    assert "is stored as dotenv" in taken.stdout


def test_a_named_file_of_no_known_kind_is_refused(here: Here) -> None:
    """The names that can be are told; a missing file is a wrong command line too."""
    result = here("import", "--file", str(put(here, "notes.txt", PLAN)))

    assert result.code == 2
    assert ".aider.conf.yml" in result.stderr
    assert PLAN not in result.stderr
    assert here("import", "--file", "missing.env").code == 2


def _make_directory(path: Path) -> None:
    path.mkdir()


def _make_loop(path: Path) -> None:
    path.symlink_to(path)


def _make_long(path: Path) -> None:
    with path.open("wb") as file:
        file.truncate(10 * 1024 * 1024)


def _make_socket(path: Path) -> None:
    here = Path.cwd()
    os.chdir(path.parent)  # the path of a socket may be no longer than 107 bytes
    try:
        with socket.socket(socket.AF_UNIX) as made:
            made.bind(path.name)
    finally:
        os.chdir(here)


HOSTILE: tuple[tuple[Callable[[Path], object], str], ...] = (
    (_make_directory, "is no plain file"),
    (os.mkfifo, "is no plain file"),
    (_make_socket, "is no plain file"),
    (_make_loop, "cannot be read: Too many levels of symbolic links"),
    # A plain file by its looks, whose first byte nobody can read, root included.
    (lambda path: path.symlink_to("/proc/self/mem"), "cannot be read: Input/output error"),
    (_make_long, "is longer than 1 MiB, so it was not read"),
    (lambda path: path.write_bytes(b"\x7fELF\xff\xfe\x00"), "is not UTF-8 text"),
    (lambda path: path.write_text("\x00" * 9 + "{[<"), ""),
    (lambda path: path.write_text("[" * 100_000), ""),
    (lambda path: path.write_text('{"a": ' * 30_000), ""),
)
TARGETS = (
    ".hermes/config.yaml",
    ".kimi/config.toml",
    ".kimi-code/config.toml",
    ".local/share/opencode/auth.json",
    ".config/opencode/opencode.json",
    ".config/goose/secrets.yaml",
    ".aider.conf.yml",
)


@pytest.mark.parametrize(("make", "reason"), HOSTILE)
def test_a_file_that_cannot_be_read_is_one_line(
    here: Here, make: Callable[[Path], object], reason: str
) -> None:
    """Whatever stands where a file should be: its place, the reason, and the others go on."""
    put(here, ".config/io.datasette.llm/keys.json", f'{{"kimi": "{PLAN}"}}')
    for name in TARGETS:
        path = here.home.parent / name
        path.parent.mkdir(parents=True, exist_ok=True)
        make(path)

    document = here.json("import")

    assert told(document) == [("llm", "kimi", "kimi-code", "new")]
    files = {each["file"] for each in document["left_out"]}
    assert files == {str(here.home.parent / name) for name in TARGETS}
    assert len(document["left_out"]) == len(TARGETS)
    assert all(each["reason"].startswith(reason) for each in document["left_out"])


def test_values_of_wrong_types_are_passed_over(here: Here) -> None:
    """A number, a list, a table where a key or a name should be."""
    put(here, ".config/io.datasette.llm/keys.json", f'{{"kimi": 7, "moonshot": ["{PLAN}"]}}')
    put(here, ".local/share/opencode/auth.json", '{"kimi": {"type": "api", "key": null}, "x": 3}')
    put(here, ".kimi/config.toml", "[providers]\nwork = 3\n[providers.x]\napi_key = 7\ntype = []\n")
    put(here, ".hermes/auth.json", '{"credential_pool": {"kimi": [1, {}, null], "x": 2}}')
    put(here, ".config/goose/custom_providers/x.json", '{"api_key_env": 3, "base_url": []}')

    document = here.json("import")

    assert (document["keys"], document["left_out"]) == ([], [])


def test_strange_names_are_not_repeated(here: Here) -> None:
    """A name in another program's file may hold escapes for the terminal, or a key."""
    names = ["\x1b[31mred", PLATFORM, "x" * 90]
    keys = {name: f"{PLAN}{number}" for number, name in enumerate(names)}
    put(here, ".config/opencode/opencode.json", opencode(keys))

    result = here("import")

    assert result.stdout.count("provider.(a name not shown)") == 3
    assert PLATFORM not in result.stdout
