"""What a command loads before it does its work: every start pays for it."""

import subprocess

from kimi_mock.server import KimiMock
from tests.conftest import PLAN_KEY
from tests.process.test_status import HEAVY
from tests.support.process import Hermes

# A prompt loads what asks; what a terminal, a page, a command or a list of ignored files needs
# can wait until there is one.
LATER = (
    "agent.local_server",
    "agent.permission.commands",
    "agent.tools.web_text",
    "hermes_cli.conversation",
    "hermes_cli.setup",
    "hermes_cli.ui.live_screen",
    "html.parser",
    "pathspec",
    "prompt_toolkit",
    "rich",
    "tomlkit",
)


def loaded(hermes: Hermes, names: tuple[str, ...], *arguments: str) -> str:
    """Run a command in a Python that says at the end which of some modules it has loaded."""
    code = (
        f"import sys; from hermes_cli.main import run; code = run({arguments!r});"
        f"print([name for name in {names!r} if name in sys.modules], code)"
    )
    done = subprocess.run(
        [hermes.argv[0], "-c", code],
        env=hermes.env(key=PLAN_KEY),
        cwd=hermes.home.parent,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=True,
    )
    return done.stdout.splitlines()[-1]


def test_the_version_loads_no_rows_and_no_library(offline: Hermes) -> None:
    """`hermes --version` may cost 1.5 starts of Python: it needs the command line alone."""
    assert loaded(offline, (*HEAVY, "msgspec", "agent.catalog"), "--version") == "[] 0"


def test_one_question_loads_what_asks_it(hermes: Hermes, kimi: KimiMock) -> None:
    """The first byte of a request may cost two bare scripts: no tool has been called yet."""
    assert loaded(hermes, LATER, "chat", "-q", "hi") == "[] 0"
    assert kimi.seen
