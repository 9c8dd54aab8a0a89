"""A scripted person at the wizard, and the home's files it leaves."""

from pathlib import Path

import pytest

from agent.catalog import find
from agent.catalog.rows import ProviderRow
from agent.learnt import Facts
from hermes_cli.auth import Flags, find_provider
from hermes_cli.config import read_settings
from hermes_cli.plan import Task, save
from hermes_cli.setup import wizard
from hermes_cli.ui.prompt import InputEnded

PLAN_KEY = "sk-kimi-abcdefgh0123456789"
PLATFORM_KEY = "sk-abcdefgh0123456789"
CODE, CODE_GLOBAL = "https://api.kimi.com/coding/v1", "https://api.kimi.ai/coding/v1"
MOONSHOT, MOONSHOT_CN = "https://api.moonshot.ai/v1", "https://api.moonshot.cn/v1"
GATEWAY = "https://gateway.invalid/kimi/v1"


class Script:
    """A person who gives these answers in order, and then none; `said` is the whole screen."""

    is_person = True

    def __init__(self, *answers: str, tries: int = 3) -> None:
        self.answers = list(answers)
        self.tries = tries
        self.said: list[str] = []

    @property
    def screen(self) -> str:
        """Everything that was said and asked, a line each."""
        return "\n".join(self.said)

    def say(self, text: str, style: str = "") -> None:
        """Keep the line."""
        assert style in ("", "bold", "dim", "red", "green", "magenta")
        self.said.append(text)

    def ask(self, question: str, default: str = "") -> str:
        """Answer the next one."""
        return self._next(question).strip() or default

    def ask_secret(self, question: str) -> str:
        """Answer the next one."""
        return self._next(question)

    def confirm(self, question: str, default: bool) -> bool:
        """Answer the next one, which must be `y`, `n` or empty."""
        answer = self._next(question)
        assert answer in ("y", "n", "")
        return answer == "y" if answer else default

    def _next(self, question: str) -> str:
        self.said.append(question)
        if not self.answers:
            raise InputEnded
        return self.answers.pop(0)


def enter(home: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Make `home` the home of this process, with no variable of Kimi set, and return it."""
    monkeypatch.setenv("HOME", str(home.parent))
    monkeypatch.setenv("HERMES_HOME", str(home))
    row = provider_row()
    for name in (*row.key_variables, row.base_url_variable):
        monkeypatch.delenv(name, raising=False)
    return home


def task(
    provider: str = "kimi",
    flags: Flags | None = None,
    facts: Facts | None = None,
    *,
    asking: bool = False,
) -> Task:
    """Return the task for what home and environment hold now; `asking`: endpoints are asked."""
    settings = read_settings()
    return Task(
        row=find_provider(provider, settings),
        settings=settings,
        facts=facts or Facts(),
        flags=flags or Flags(),
        unchecked=not asking,
    )


def provider_row(name: str = "kimi") -> ProviderRow:
    """Return the row of a provider that there is."""
    row = find(name)
    assert row is not None
    return row


def put(path: Path, text: str) -> None:
    """Write a file of the home, which is the owner's alone."""
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    path.write_text(text)
    path.chmod(0o600)


def files(home: Path) -> tuple[str, str]:
    """Return the text of `.env` and of `config.toml`; missing ones are empty."""
    paths = (home / ".env", home / "config.toml")
    return tuple(path.read_text() if path.exists() else "" for path in paths)  # type: ignore[return-value]


def run(
    *answers: str,
    provider: str = "kimi",
    flags: Flags | None = None,
    facts: Facts | None = None,
    tries: int = 3,
) -> Script:
    """Run the wizard to the end, nobody being asked about a key, and save what was confirmed."""
    return run_task(task(provider, flags, facts), *answers, tries=tries)


def run_task(given: Task, *answers: str, tries: int = 3) -> Script:
    """Run the wizard for a task and save; the lines of the end are in `said` too."""
    script = Script(*answers, tries=tries)
    plan = wizard(script, given)
    assert not script.answers, "an answer was left over"
    save(plan)
    script.said += [text for text, _ in plan.lines]
    return script
