"""The file of stored keys: what is read, what is told, what is repaired, what stays."""

import os
import stat
import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from agent.errors import BrokenFile, ConfigurationError, UsageError
from agent.keys import ApiKey, plain_text
from hermes_cli.key_file import NamedKey, add_key, check_name, read_keys, remove_key
from tests.conftest import CHINA_KEY, PLAN_KEY, PLATFORM_KEY

names = st.from_regex(r"[A-Za-z0-9][A-Za-z0-9_-]{0,31}", fullmatch=True).filter(
    lambda name: not name.lower().startswith("sk-")
)
texts = st.text(st.characters(codec="ascii", exclude_categories=("Cc", "Zs")), min_size=8).filter(
    lambda text: text.strip("\"'`") == text
)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """Return the path of a `keys.toml` in a home that does not exist yet."""
    return tmp_path / "home" / "keys.toml"


@pytest.fixture
def put(path: Path) -> Callable[[str], Path]:
    """Return a function that writes the file, which is the owner's alone."""

    def write(text: str) -> Path:
        path.parent.mkdir(mode=0o700)
        path.write_text(text)
        path.chmod(0o600)
        return path

    return write


def stored(name: str, key: str, endpoint: str = "", provider: str = "kimi-coding") -> NamedKey:
    """Return a key as it is stored."""
    return NamedKey(
        provider=provider, name=name, key=ApiKey(key), endpoint=endpoint, added="2026-11-22"
    )


def table(name: str, key: str, endpoint: str, provider: str = "kimi-coding") -> str:
    """Return a key's table as somebody may have written it."""
    return f'[{provider}.{name}] # mine\nkey = "{key}"\nendpoint = "{endpoint}"\n'


def mode(path: Path) -> int:
    """Return the permission bits of a path."""
    return stat.S_IMODE(path.stat().st_mode)


def test_a_missing_file_is_empty(path: Path) -> None:
    """Nothing is made by reading, nor by removing."""
    remove_key(path, "kimi-coding", "work")

    assert read_keys(path) == ((), ())
    assert not path.parent.exists()


def test_keys_are_stored_with_their_endpoint_and_line(path: Path) -> None:
    """One table a key, in the order they came; `repr` has the fingerprint alone."""
    add_key(path, stored("work", PLAN_KEY, "kimi-code"))
    add_key(path, stored("cn", CHINA_KEY, "moonshot-cn"))

    keys, notices = read_keys(path)

    assert [(key.name, key.endpoint, key.added, key.line) for key in keys] == [
        ("work", "kimi-code", "2026-11-22", 1),
        ("cn", "moonshot-cn", "2026-11-22", 6),
    ]
    assert [plain_text(key.key) for key in keys] == [PLAN_KEY, CHINA_KEY]
    assert notices == ()
    assert PLAN_KEY not in repr(keys)


@pytest.mark.parametrize("umask", [0o000, 0o077, 0o177])
def test_the_file_is_the_owners_alone_whatever_the_umask(path: Path, umask: int) -> None:
    """0600 in a home of 0700, also under `umask 000`."""
    before = os.umask(umask)
    try:
        add_key(path, stored("work", PLAN_KEY))
    finally:
        os.umask(before)

    assert (mode(path), mode(path.parent)) == (0o600, 0o700)


def test_another_key_of_the_same_name_is_not_lost(path: Path) -> None:
    """It is refused with the fingerprint of the one that is there, unless it is to be replaced."""
    add_key(path, stored("work", PLAN_KEY))

    with pytest.raises(ConfigurationError, match="Another key is stored as work already") as caught:
        add_key(path, stored("work", PLATFORM_KEY))
    assert "hermes key remove work" in caught.value.remedy
    assert PLATFORM_KEY not in caught.value.message
    assert [plain_text(key.key) for key in read_keys(path)[0]] == [PLAN_KEY]

    add_key(path, stored("work", PLATFORM_KEY), replaces=True)
    assert [plain_text(key.key) for key in read_keys(path)[0]] == [PLATFORM_KEY]


def test_the_same_key_again_takes_the_new_endpoint(path: Path) -> None:
    """A key whose region was found later keeps its name and its one table."""
    add_key(path, stored("cn", CHINA_KEY, "moonshot"))
    add_key(path, stored("cn", CHINA_KEY, "moonshot-cn"))

    assert [key.endpoint for key in read_keys(path)[0]] == ["moonshot-cn"]


def test_removing_leaves_the_others_and_the_comments(put: Callable[[str], Path]) -> None:
    """What somebody wrote around a key stays; a field we do not know goes with its key."""
    path = put(
        "# mine\n"
        + table("work", PLAN_KEY, "kimi-code")
        + 'note = "x"\n\n'
        + table("cn", CHINA_KEY, "moonshot-cn")
    )

    remove_key(path, "kimi-coding", "work")

    assert path.read_text().endswith(table("cn", CHINA_KEY, "moonshot-cn"))
    assert "# mine" in path.read_text()
    assert "work" not in path.read_text()


def test_one_name_under_two_names_of_a_provider_is_told(put: Callable[[str], Path]) -> None:
    """The first counts; they could not be told apart by `--provider`, and the second is named."""
    twice = table("work", PLAN_KEY, "kimi-code", provider="kimi")
    path = put(twice + table("work", CHINA_KEY, "moonshot-cn"))

    [key], [notice] = read_keys(path)

    assert plain_text(key.key) == PLAN_KEY
    assert "line 4: kimi-coding has a key of this name above, so it was skipped." in notice
    remove_key(path, "kimi-coding", "work")
    assert [plain_text(each.key) for each in read_keys(path)[0]] == [CHINA_KEY]


def test_a_key_without_a_line_is_told_with_its_file(put: Callable[[str], Path]) -> None:
    """A dotted key is found by no scan of lines: no line is better than a wrong one."""
    path = put(f'kimi-coding.work.key = "{PLAN_KEY}"\nkimi-coding.work.endpoint = "moonshot"\n')

    [key], [notice] = read_keys(path)

    assert key.line == 0
    assert notice.startswith(f"{path}: the key work (")


def test_an_alias_in_the_file_is_the_provider(put: Callable[[str], Path]) -> None:
    """A table [kimi.NAME] written by hand is read, changed and removed like any other."""
    path = put(table("work", PLAN_KEY, "kimi-code", provider="kimi"))

    [key] = read_keys(path)[0]
    add_key(path, stored("work", PLAN_KEY, "kimi-code-global"))

    assert (key.provider, key.line) == ("kimi-coding", 1)
    assert [each.endpoint for each in read_keys(path)[0]] == ["kimi-code-global"]
    remove_key(path, "kimi-coding", "work")
    assert read_keys(path) == ((), ())


BAD = {
    "work = 1\n": "line 1: this is no table [PROVIDER.NAME]",
    "[kimi-coding]\nwork = 'sk-canary-00001'\n": "line 2: this is no table [PROVIDER.NAME]",
    "[kimi-coding.work]\nkye = 'sk-canary-00001'\n": "line 1: this table holds no `key` in quotes",
    "[kimi-coding.work]\nkey = 7\n": "this table holds no `key` in quotes",
    "[kimi-coding.work]\nkey = ' '\n": "this table holds no `key` in quotes",
    "[kimi-coding.'sk-canary-00001 ']\nkey = 'x'\n": "the name of this key is not made of letters",
    "[[kimi-coding.work]]\nkey = 'sk-canary-00001'\n": "this is no table [PROVIDER.NAME]",
}


@pytest.mark.parametrize("text", BAD)
def test_a_bad_table_is_told_and_left_out(put: Callable[[str], Path], text: str) -> None:
    """One line with the place and the way to open the file; the key beside it works."""
    path = put(text + "\n" + table("good", PLAN_KEY, "kimi-code", provider="other"))

    keys, [notice] = read_keys(path)

    assert [key.name for key in keys] == ["good"]
    assert BAD[text] in notice
    assert "opens the file" in notice
    assert "canary" not in notice


@pytest.mark.parametrize("content", [b"[kimi-coding", b"\xff", b"x = 1\n" * 200_000])
def test_a_file_that_cannot_be_read_is_broken(path: Path, content: bytes) -> None:
    """It is left as it was, and the key in it is not shown."""
    path.parent.mkdir(mode=0o700)
    path.write_bytes(content)

    with pytest.raises(BrokenFile, match=r"keys\.toml"):
        read_keys(path)
    with pytest.raises(BrokenFile):
        add_key(path, stored("work", PLAN_KEY))
    assert path.read_bytes() == content


CONTRADICTIONS = [
    (PLAN_KEY, "moonshot", "kimi-code"),
    (PLAN_KEY, "moonshot-cn", "kimi-code"),
    (PLATFORM_KEY, "kimi-code", "moonshot"),
    (PLATFORM_KEY, "kimi-code-global", "moonshot"),
    (PLATFORM_KEY, "no-such-endpoint", "moonshot"),
]


@pytest.mark.parametrize(("key", "wrong", "right"), CONTRADICTIONS)
def test_a_contradictory_pair_is_repaired_with_one_line(
    put: Callable[[str], Path], key: str, wrong: str, right: str
) -> None:
    """The beginning of the key wins; the file is mended, its comments stay, and once is enough."""
    path = put(table("old", key, wrong))

    [mended], [notice] = read_keys(path)

    assert mended.endpoint == right
    assert "line 1: the key old" in notice
    assert f"endpoint {wrong}, and belongs to {right}: repaired." in notice
    assert key not in notice
    assert path.read_text() == table("old", key, right)
    assert read_keys(path) == ((mended,), ())


@pytest.mark.parametrize(
    ("key", "endpoint"),
    [
        (PLAN_KEY, "kimi-code-global"),
        (PLATFORM_KEY, "moonshot-cn"),
        (PLAN_KEY, ""),
    ],
)
def test_a_region_of_the_keys_own_product_is_no_contradiction(
    put: Callable[[str], Path], key: str, endpoint: str
) -> None:
    """What a probe found stays; an unknown endpoint is left to the rule."""
    path = put(table("mine", key, endpoint))

    [read], notices = read_keys(path)

    assert (read.endpoint, notices) == (endpoint, ())
    assert path.read_text() == table("mine", key, endpoint)


@pytest.mark.skipif(
    sys.platform == "win32" or os.geteuid() != 0, reason="only root can start a process of nobody"
)
def test_a_pair_in_a_home_that_cannot_be_written_is_used_right_all_the_same() -> None:
    """It is told that the file stays as it is; the command goes on."""
    with tempfile.TemporaryDirectory() as directory:
        Path(directory).chmod(0o755)
        path = Path(directory) / "keys.toml"
        path.write_text(table("old", PLAN_KEY, "moonshot"))
        path.chmod(0o644)
        done = subprocess.run(
            [sys.executable, "-c", READER, str(path)], capture_output=True, text=True, check=False
        )

        assert done.stderr == ""
        assert done.stdout.splitlines()[0] == "kimi-code"
        assert "used so, but not repaired." in done.stdout
        assert "Permission denied" in done.stdout
        assert path.read_text() == table("old", PLAN_KEY, "moonshot")


# The interpreter may stand where nobody may read it: the rights go once all is imported.
READER = """
import filelock, os, sys, tomlkit, tomlkit.exceptions, tomllib
from pathlib import Path
from hermes_cli.key_file import read_keys
os.setuid(65534)
keys, notices = read_keys(Path(sys.argv[1]))
print(*(key.endpoint for key in keys), *notices, sep="\\n")
"""


@settings(max_examples=15, deadline=None)  # each writes, and waits for the disk, a few times
@given(st.dictionaries(names, texts, max_size=4), st.data())
def test_what_is_stored_is_read_back(keys: dict[str, str], data: st.DataObject) -> None:
    """Any key under any name comes back as it was, whatever is added and removed around it."""
    with tempfile.TemporaryDirectory() as directory:
        path = Path(directory) / "keys.toml"
        for name, key in keys.items():
            add_key(path, stored(name, key))
        gone = data.draw(st.sampled_from(sorted(keys))) if keys else ""
        remove_key(path, "kimi-coding", gone)

        kept = {key.name: plain_text(key.key) for key in read_keys(path)[0]}
        assert kept == {name: key for name, key in keys.items() if name != gone}


@pytest.mark.parametrize("name", ["", "-x", "a b", "a.b", "x" * 33, PLAN_KEY, "sk-short", "é"])
def test_what_is_no_name_is_refused_and_not_repeated(path: Path, name: str) -> None:
    """A key typed where its name belongs is not shown again."""
    with pytest.raises(UsageError) as caught:
        add_key(path, stored(name, PLAN_KEY))

    assert "That is no name for a key" in caught.value.message
    assert len(name) < 5 or name not in caught.value.message + caught.value.remedy
    assert not path.exists()
    check_name("work-2_b")
