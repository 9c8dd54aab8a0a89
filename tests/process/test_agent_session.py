"""
The whole of it, as it was promised: a bug is fixed, though `hermes` is killed twice meanwhile.

A real repository under git, the loopback Kimi with a recorded session, and no help but `-c`.
"""

import json
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from itertools import chain, pairwise, takewhile
from pathlib import Path

import pytest

from agent.messages import Message, ThinkPart, ToolCall, ToolResult, calls_of, text_of
from agent.sessions import Sessions
from evals.tasks import read_tasks
from kimi_mock.recorded_turns import RecordedAnswer, RecordedSession
from kimi_mock.server import KimiMock
from tests.conftest import PLATFORM_KEY
from tests.support.process import Hermes

TASK = read_tasks(["shared-list"])[0]
PROMPT = TASK.prompt
FIXED = TASK.recorded().answers[1].calls
LOOK = (("read", {"path": "orders.py"}), ("read", {"path": "test_orders.py"}))
SLEEP = "611.25"
HANGS = (("shell", {"command": f"python3 test_orders.py && sleep {SLEEP}"}),)
CHECK = (("shell", {"command": "python3 test_orders.py"}),)
THOUGHT = "The default is shared… and copy shares it, too.\u2028 "
LAST_WORDS = "Every order makes its own list now, orders.py:7."


def session(*, stalls: bool) -> RecordedSession:
    """Return the session; if it `stalls`, the answer with the edit comes to its half only."""
    stall_seconds = 600.0 if stalls else 0.0
    return RecordedSession(
        prompt=PROMPT,
        answers=(
            RecordedAnswer(calls=LOOK, text="First a look."),
            RecordedAnswer(
                after=("1\t", "lines=[]", "def test_a_copy_goes_its_own_way"),
                reasoning=THOUGHT,
                calls=FIXED,
                stall_seconds=stall_seconds,
                stall_at=8,
            ),
            RecordedAnswer(after=("Edited orders.py: lines 5, 7.",), calls=HANGS),
            RecordedAnswer(after=("(no result: the call was interrupted)",), calls=CHECK),
            RecordedAnswer(after=("passed",), text=LAST_WORDS),
        ),
    )


@pytest.fixture
def repository(hermes: Hermes, tmp_path: Path) -> Path:
    """A repository under git, in which `hermes` is started; `python3` is the one of the tests."""
    hermes.environment["HERMES_HOME"] = str(tmp_path / "kept")
    directory = hermes.home.parent
    shutil.copytree(TASK.repository, directory, dirs_exist_ok=True)
    (directory / ".gitignore").write_text("__pycache__/\n")
    for words in (["init", "-q"], ["add", "."], ["commit", "-q", "-m", "As it was"]):
        git(directory, *words)
    path = hermes.environment["PATH"]
    hermes.environment["PATH"] = f"{Path(sys.executable).parent}:{path}"
    return directory


def git(directory: Path, *words: str) -> str:
    """Run git and return what it says."""
    who = ["-c", "user.name=Test", "-c", "user.email=test@example.org"]
    command = ["git", "-C", str(directory), *who, *words]
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout


def killed_when(hermes: Hermes, is_there: Callable[[], bool], *arguments: str) -> None:
    """Start `hermes` and kill it with -9 as soon as something is there."""
    with hermes.start("chat", "--yes-all", *arguments, key=PLATFORM_KEY) as process:
        deadline = time.monotonic() + 20
        try:
            while not is_there():
                assert process.poll() is None, process.communicate()[1].decode()
                assert time.monotonic() < deadline
                time.sleep(0.01)
        finally:
            process.kill()
            process.communicate()


def test_a_bug_is_fixed_by_a_session_that_is_killed_twice(
    hermes: Hermes, kimi: KimiMock, repository: Path
) -> None:
    """
    Killed while the edit streams in, and while a command runs; `chat -c` goes on each time.

    Nothing of a killed answer is done, nothing that was done is lost, the command dies with
    `hermes`, and what is on disk in the end is the whole conversation.
    """
    before = (repository / "orders.py").read_text()

    kimi.sessions[:] = [session(stalls=True)]
    killed_when(hermes, lambda: len(kimi.seen) == 2, "-q", PROMPT)
    assert (repository / "orders.py").read_text() == before

    kimi.sessions[:] = [session(stalls=False)]
    killed_when(hermes, lambda: is_running(SLEEP), "-c", "-q", "go on")
    assert (repository / "orders.py").read_text() != before
    assert is_gone(SLEEP)

    result = hermes("chat", "--yes-all", "-c", "-q", "go on", key=PLATFORM_KEY)

    assert (result.code, result.stdout) == (0, f"{LAST_WORDS}\n"), result.stderr
    assert "open to others" not in result.stderr
    check = ["/bin/sh", "-c", TASK.check]
    subprocess.run(check, cwd=repository, env=hermes.env(), check=True, capture_output=True)
    assert git(repository, "status", "--porcelain") == " M orders.py\n"
    check_conversation(Sessions(Path(hermes.environment["HERMES_HOME"]) / "hermes-kimi.db"))
    check_requests([seen.json["messages"] for seen in kimi.seen])


def is_gone(argument: str) -> bool:
    """Say whether there is soon no process with an argument."""
    deadline = time.monotonic() + 5
    while is_running(argument) and time.monotonic() < deadline:
        time.sleep(0.02)
    return not is_running(argument)


def is_running(argument: str) -> bool:
    """Say whether a program on this machine has been given an argument, and runs."""
    for place in Path("/proc").glob("[0-9]*/cmdline"):
        with suppress(OSError):
            if argument.encode() in place.read_bytes().split(b"\0"):
                return True
    return False


def check_conversation(sessions: Sessions) -> None:
    """Look at what is stored: one session, in the order in which it happened, each part whole."""
    [stored] = sessions.list()
    messages = sessions.load(stored.id)
    said = [(message.role, tuple(map(as_recorded, calls_of(message)))) for message in messages]
    assert said == [
        ("user", ()),
        ("assistant", LOOK),
        *[("tool", ())] * len(LOOK),
        ("user", ()),
        ("assistant", FIXED),
        *[("tool", ())] * len(FIXED),
        ("assistant", HANGS),
        ("user", ()),
        ("assistant", CHECK),
        *[("tool", ())] * len(CHECK),
        ("assistant", ()),
    ]
    assert [text_of(each) for each in messages if each.role == "user"] == [PROMPT, *["go on"] * 2]
    assert text_of(messages[-1]) == LAST_WORDS
    assert messages[5].parts[0] == ThinkPart(THOUGHT)
    for index, message in enumerate(messages):
        if message.role == "assistant":
            following = takewhile(lambda each: each.role == "tool", messages[index + 1 :])
            answered = sorted(chain.from_iterable(map(ids_of_results, following)))
            assert answered in ([], sorted(call.id for call in calls_of(message)))


def check_requests(conversations: Sequence[list[object]]) -> None:
    """Each request begins with all of the one before: nothing that was said ever changes."""
    assert len(conversations) == 6
    for one, other in pairwise(conversations):
        assert other[: len(one)] == one


def as_recorded(call: ToolCall) -> tuple[str, object]:
    """Return a call as the recording has it."""
    return call.name, json.loads(call.arguments)


def ids_of_results(message: Message) -> list[str]:
    """Return the ids of the calls whose results a message holds."""
    return [part.call_id for part in message.parts if isinstance(part, ToolResult)]
