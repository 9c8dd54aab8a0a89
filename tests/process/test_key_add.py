"""`hermes key add`: what is taken and where it is stored; and a command in place of a file."""

import json
import os
import stat
from pathlib import Path

import pytest

from kimi_mock.server import KimiMock
from tests.conftest import CHINA_KEY, GLOBAL_KEY, PLAN_KEY, PLATFORM_KEY
from tests.support.keys import Keys, add, table
from tests.support.process import Hermes
from tests.support.terminal import ENTER, Terminal

pytestmark = pytest.mark.here


def test_what_is_no_key_is_not_saved(hermes: Hermes, kimi: KimiMock) -> None:
    """Garbage, another vendor's key and an empty pipe end with 3; nobody is asked."""
    for text in ("garbage", "sk-ant-api03-0123456789", "", "two\nlines"):
        result = hermes("key", "add", stdin=text)
        assert result.code == 3
        assert "hermes setup" not in result.stderr
        assert not text or text.splitlines()[0] not in result.stderr

    assert kimi.seen == []
    assert not hermes.home.exists()


def test_a_key_that_nobody_could_be_asked_about_is_saved(offline: Hermes) -> None:
    """Unverified, with the reason; the next contact verifies it."""
    result = offline("key", "add", "later", stdin=PLAN_KEY)

    assert result.code == 0
    assert "Not checked yet: api.kimi.com could not be asked." in result.stdout
    assert "later" in (offline.home / "keys.toml").read_text()


def test_the_files_are_the_owners_alone_under_any_umask(hermes: Hermes) -> None:
    """0600 and 0700 also with `umask 000`."""
    before = os.umask(0)
    try:
        add(hermes.process, PLAN_KEY)
    finally:
        os.umask(before)

    modes = {path.name: stat.S_IMODE(path.stat().st_mode) for path in hermes.home.iterdir()}
    assert set(modes.values()) == {0o600}
    assert "keys.toml" in modes
    assert stat.S_IMODE(hermes.home.stat().st_mode) == 0o700


def test_a_key_file_that_others_can_read_is_told_with_the_fix(keys: Keys) -> None:
    """The `chmod` that closes it, ready to be copied; it is used all the same."""
    keys.write("keys.toml", table("work", PLAN_KEY, "kimi-code")).chmod(0o644)

    result = keys("key", "list")

    assert result.code == 0
    assert (
        "keys.toml holds keys and is open to others on this machine. `chmod 600 " in result.stderr
    )


def test_names_and_keys_are_not_taken_twice(hermes: Hermes, keys: Keys) -> None:
    """Neither a name with another key, nor a key under another name, is lost in silence."""
    keys.write("keys.toml", table("work", PLAN_KEY, "kimi-code"))
    before = (hermes.home / "keys.toml").read_text()

    name = hermes("key", "add", "work", stdin=PLATFORM_KEY)
    key = hermes("key", "add", "other", stdin=PLAN_KEY)
    again = hermes("key", "add", "--json", "--unchecked", stdin=PLAN_KEY)

    assert (name.code, key.code, again.code) == (3, 3, 0)
    assert "Another key is stored as work: …0001" in name.stderr
    assert "This key is stored already, as work." in key.stderr
    assert json.loads(again.stdout)["name"] == "work"
    assert (hermes.home / "keys.toml").read_text() == before


def test_a_key_is_typed_hidden(hermes: Hermes) -> None:
    """In a terminal it is asked for with stars; `--stdin` there is refused, as it would show it."""
    with Terminal([*hermes.argv, "key", "add", "work"], hermes.environment) as terminal:
        terminal.read_until("Kimi API key:")
        terminal.send(f"\x1b[200~{PLAN_KEY}\x1b[201~")
        terminal.read_until("****")
        terminal.send(ENTER)
        terminal.read_until("Key work saved (Kimi Coding endpoint: https://api.kimi.com/coding/v1)")
        assert terminal.wait() == 0
        assert PLAN_KEY[8:] not in terminal.raw
    with Terminal([*hermes.argv, "key", "add", "--stdin"], hermes.environment) as terminal:
        assert terminal.wait() == 2
        assert "which would show the key" in terminal.text


def ring(hermes: Hermes) -> Path:
    """Give the process a keyring that keeps its entries as files; return their directory."""
    modules = hermes.home.parent / "modules"
    modules.mkdir()
    (modules / "file_ring.py").write_text(FILE_RING)
    hermes.environment.update(
        PYTHONPATH=str(modules), PYTHON_KEYRING_BACKEND="file_ring.Keyring", RING=str(modules)
    )
    return modules


def test_a_key_can_go_to_the_keyring(hermes: Hermes) -> None:
    """It stands in no file of ours, and is found again under the service that is set for it."""
    modules = ring(hermes)

    added = hermes.process("key", "add", "work", "--keyring", "--json", stdin=PLAN_KEY)
    status = hermes.process("status")

    assert json.loads(added.stdout)["keyring"] == "hermes-kimi/work"
    assert (modules / "hermes-kimi_work_kimi-coding").read_text() == PLAN_KEY
    assert "from providers.kimi-coding.keyring, ~/.hermes/config.toml line" in status.stdout
    assert not (hermes.home / "keys.toml").exists()
    assert all(PLAN_KEY.encode() not in path.read_bytes() for path in hermes.home.iterdir())


FILE_RING = """
import os
from pathlib import Path
from keyring.backend import KeyringBackend

class Keyring(KeyringBackend):
    priority = 1

    def _file(self, service, username):
        return Path(os.environ["RING"]) / f"{service}_{username}".replace("/", "_")

    def get_password(self, service, username):
        file = self._file(service, username)
        return file.read_text() if file.exists() else None

    def set_password(self, service, username, password):
        self._file(service, username).write_text(password)
"""


def test_without_a_keyring_nothing_is_saved(hermes: Hermes) -> None:
    """`--keyring` on a machine without one ends with 3 and the way that works."""
    result = hermes("key", "add", "work", "--keyring", "--unchecked", stdin=PLAN_KEY)

    assert result.code == 3
    assert "The keyring is not available: none runs here. Nothing was saved." in result.stderr
    assert "stores the key in keys.toml" in result.stderr
    assert not hermes.home.exists()


# --- a command as the source --------------------------------------------------------------


def test_a_command_gives_the_key(hermes: Hermes, keys: Keys, kimi: KimiMock) -> None:
    """What `key_command` prints is in the request's header and nowhere else."""
    program = hermes.home.parent / "secret"
    program.write_text(f"#!/bin/sh\necho {PLATFORM_KEY}\necho note >&2\n")
    program.chmod(0o700)
    keys.write("config.toml", f'[providers.kimi-coding]\nkey_command = ["{program}"]\n')

    result = hermes("chat", "-q", "hi")
    program.write_text(f"#!/bin/sh\necho {PLATFORM_KEY}\necho the store is locked >&2\nexit 2\n")
    broken = keys("status")

    assert result.code == 0
    assert {seen.headers["Authorization"] for seen in kimi.seen} == {f"Bearer {PLATFORM_KEY}"}
    assert broken.code == 3
    assert "ended with exit code 2: the store is locked. Nothing was sent." in broken.stderr
    assert PLATFORM_KEY not in result.stderr + broken.stderr
    for path in filter(Path.is_file, hermes.home.rglob("*")):
        assert PLATFORM_KEY.encode() not in path.read_bytes()


def test_the_advice_after_a_refusal_is_about_the_same_name(hermes: Hermes) -> None:
    """Each command of the way to the right key can be pasted as it stands."""
    first = hermes("key", "add", "work", stdin=CHINA_KEY)
    probed = hermes("key", "add", "work", "--probe", stdin="sk-kimi-nobody-knows-me")
    other = hermes("key", "add", "work", "--provider", "openai", stdin="")

    assert "`hermes key add work --probe` asks api.moonshot.cn" in first.stderr
    assert "`hermes key add work` takes another." in probed.stderr
    assert "`hermes key add work --provider openai`" in other.stderr
    assert "hermes setup" not in first.stderr + probed.stderr + other.stderr


def test_a_second_key_in_the_keyring_is_told_of_the_first(hermes: Hermes) -> None:
    """One entry is read: what stood in the setting before is named, and so is what is stronger."""
    modules = ring(hermes)
    hermes.process("key", "add", "first", "--keyring", "--unchecked", stdin=PLAN_KEY)

    added = hermes.process("key", "add", "second", "--keyring", "--unchecked", stdin=GLOBAL_KEY)
    beaten = hermes.process(
        "key", "add", "third", "--keyring", "--unchecked", stdin=GLOBAL_KEY, key=PLATFORM_KEY
    )

    assert (
        "named hermes-kimi/first, which is not read any more. `hermes config set "
        "providers.kimi-coding.keyring hermes-kimi/first` takes it back."
    ) in added.stderr
    assert "It is the key in use." in added.stdout
    assert "It comes before a keyring's" in beaten.stdout
    assert "hermes key use" not in beaten.stdout
    assert (modules / "hermes-kimi_first_kimi-coding").exists()
