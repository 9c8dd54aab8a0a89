"""`hermes import` as a process: nothing is sent, nothing of others is touched, a person chooses."""

from pathlib import Path

from kimi_mock.server import KimiMock
from tests.support.importing import FIXTURES, PLAN, fill, put_in, secrets
from tests.support.process import Hermes
from tests.support.terminal import ENTER, Terminal


def state(home: Path) -> dict[str, tuple[bytes, int, int]]:
    """Return path → (content, time of change, mode) of every file below a directory."""
    return {
        str(path.relative_to(home)): (
            path.read_bytes(),
            path.stat().st_mtime_ns,
            path.stat().st_mode,
        )
        for path in home.rglob("*")
        if path.is_file()
    }


def test_other_programs_files_stay_as_they_are(hermes: Hermes, kimi: KimiMock) -> None:
    """All keys are taken: not a byte nor a date of theirs changes, and no host is asked."""
    fill(hermes.home)
    before = state(hermes.home.parent)

    result = hermes("import", "--yes")

    assert (result.stderr, result.code) == ("", 0)
    assert result.stdout.count("✓") == 16
    after = state(hermes.home.parent)
    assert {name: after[name] for name in before} == before
    ours = {name for name in after if name not in before}
    assert {Path(name).parts[0] for name in ours} == {".hermes"}
    assert (hermes.home / "keys.toml").stat().st_mode & 0o777 == 0o600
    assert kimi.seen == []
    assert [word for word in secrets() if word in result.stdout] == []


def test_a_person_chooses_by_numbers(offline: Hermes) -> None:
    """The list fits a narrow terminal; a wrong answer is asked again; numbers take those alone."""
    put_in(offline.home, ".config/io.datasette.llm/keys.json", f'{{"kimi": "{PLAN}"}}')
    put_in(offline.home, ".kimi/config.toml", (FIXTURES / ".kimi/config.toml").read_text())
    with Terminal([*offline.argv, "import"], offline.environment, columns=60) as terminal:
        shown = terminal.read_until("Take them? [y/N, or numbers from 1 to 3]:")
        assert max(map(len, shown.splitlines())) <= 60
        terminal.send(f"7{ENTER}")
        terminal.read_until("Answer y, n or numbers from 1 to 3.")
        terminal.read_until("Take them?")
        terminal.send(f"3 2{ENTER}")
        assert terminal.wait() == 0
        assert "is stored as llm (Kimi Coding endpoint)" in " ".join(terminal.text.split())
        assert PLAN not in terminal.text

    stored = (offline.home / "keys.toml").read_text()
    assert stored.count("[kimi-coding.") == 2
    assert "[kimi-coding.kimi-cli-2]" in stored


def test_a_no_takes_nothing(offline: Hermes) -> None:
    """Enter is no, and it is said."""
    put_in(offline.home, ".config/io.datasette.llm/keys.json", f'{{"kimi": "{PLAN}"}}')
    with Terminal([*offline.argv, "import"], offline.environment) as terminal:
        terminal.read_until("Take it? [y/N]:")
        terminal.send(ENTER)
        terminal.read_until("Nothing was taken: `hermes import --yes` takes all that is new.")
        assert terminal.wait() == 0

    assert not offline.home.exists()
