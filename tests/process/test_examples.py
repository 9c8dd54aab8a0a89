"""`examples/` and the programs of `docs/library.md`, as a developer runs them."""

import ast
import re
import subprocess
import sys
from pathlib import Path
from typing import get_args

import pytest

from agent import errors, events
from kimi_mock.replies import Reply
from kimi_mock.server import KimiMock
from tests.conftest import PLAN_KEY, PLATFORM_KEY
from tests.support.process import Result, bare_environment

ROOT = Path(__file__).resolve().parents[2]
PAGE = (ROOT / "docs" / "library.md").read_text()
CALL = {
    "tool_calls": [
        {
            "index": 0,
            "id": "count_lines:0",
            "type": "function",
            "function": {"name": "count_lines", "arguments": '{"text": "a\\nb\\nc"}'},
        }
    ]
}
HELLO = Reply.streaming({"reasoning_content": "hm. "}, {"content": "Hel"}, {"content": "lo."})


def run(kimi: KimiMock, place: Path, *command: str, key: str = PLATFORM_KEY) -> Result:
    """Run Python with the mock under the real names, in a directory of its own."""
    environment = {**bare_environment(place / ".hermes"), **kimi.environment()}
    done = subprocess.run(
        [sys.executable, *command],
        env={**environment, "KIMI_API_KEY": key},
        cwd=place,
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    )
    return Result(done.stdout, done.stderr, done.returncode)


def example(name: str) -> str:
    """Return the path of an example."""
    return str(ROOT / "examples" / f"{name}.py")


@pytest.mark.parametrize("key", [PLATFORM_KEY, PLAN_KEY])
def test_one_question_is_streamed(kimi: KimiMock, tmp_path: Path, key: str) -> None:
    """`ask.py` prints the answer and not the reasoning, on the platform and on the plan."""
    kimi.replies = [HELLO]

    result = run(kimi, tmp_path, example("ask"), "hi", key=key)

    assert (result.stdout, result.stderr, result.code) == ("Hello.\n", "", 0)


def test_a_refused_key_is_a_sentence_and_an_exit_code(kimi: KimiMock, tmp_path: Path) -> None:
    """`ask.py` shows how an error becomes a line for a person: its message and its remedy."""
    result = run(kimi, tmp_path, example("ask"), "hi", key="sk-unknown-to-all-0000")

    assert (result.stdout, result.code) == ("", 4)
    assert "api.moonshot.ai" in result.stderr
    assert "Traceback" not in result.stderr


def test_a_tool_turn_goes_round(kimi: KimiMock, tmp_path: Path) -> None:
    """`tools.py` runs what the model calls, and the second request carries call and result."""
    kimi.replies = [
        Reply.streaming({"reasoning_content": "count"}, CALL, finish_reason="tool_calls"),
        Reply.streaming({"content": "Three."}),
    ]

    result = run(kimi, tmp_path, example("tools"))

    assert (result.stdout, result.stderr, result.code) == ("Three.\n", "", 0)
    first, second = (request.json for request in kimi.seen)
    assert [tool["function"]["name"] for tool in first["tools"]] == ["count_lines"]
    assert [message["role"] for message in second["messages"]] == ["user", "assistant", "tool"]
    assert second["messages"][1]["reasoning_content"] == "count"
    assert second["messages"][2]["content"] == "3"
    assert second["messages"][2]["tool_call_id"] == "count_lines:0"


def test_a_conversation_is_resumed(kimi: KimiMock, tmp_path: Path) -> None:
    """`resume.py`, run twice, sends what was said before, under the same cache key."""
    kimi.replies = [HELLO, Reply.streaming({"content": "Blue."})]

    first = run(kimi, tmp_path, example("resume"), "talk.db", "hi")
    second = run(kimi, tmp_path, example("resume"), "talk.db", "which colour?")

    assert (first.stdout, first.code) == ("Hello.\n", 0)
    assert (second.stdout, second.code) == ("Blue.\n", 0)
    before, after = (request.json for request in kimi.seen)
    assert after["messages"][:1] == before["messages"]
    assert [message.get("content") for message in after["messages"]] == [
        "hi",
        "Hello.",
        "which colour?",
    ]
    assert before["prompt_cache_key"] == after["prompt_cache_key"]


def test_one_at_a_time_unless_asked(kimi: KimiMock, tmp_path: Path) -> None:
    """`many.py` keeps to one request at a time, which is what the lowest tier allows."""
    kimi.concurrency_limit = 1

    result = run(kimi, tmp_path, example("many"), "one?", "two?", "three?")

    answers = "".join(
        f"{question}\n  Hello from Kimi.\n" for question in ("one?", "two?", "three?")
    )
    assert (result.stdout, result.stderr, result.code) == (answers, "", 0)
    assert len(kimi.seen) == 3


def test_several_at_once_all_answer(kimi: KimiMock, tmp_path: Path) -> None:
    """`many.py --at-once 3` has three streams open together; each gets its own answer."""
    result = run(kimi, tmp_path, example("many"), "--at-once", "3", "one?", "two?", "three?")

    assert result.stdout.count("Hello from Kimi.") == 3
    assert result.code == 0


def test_the_examples_stay_small() -> None:
    """Four programs below fifty lines each, every one with a sentence on how it is run."""
    programs = sorted((ROOT / "examples").glob("*.py"))

    assert [program.stem for program in programs] == ["ask", "many", "resume", "tools"]
    for program in programs:
        text = program.read_text()
        assert len(text.splitlines()) < 50
        assert f"python examples/{program.name}" in (ast.get_docstring(ast.parse(text)) or "")


def test_the_page_of_the_library_runs(kimi: KimiMock, tmp_path: Path) -> None:
    """The Python blocks of `docs/library.md`, one after the other in one program."""
    blocks = re.findall(r"^```python\n(.*?)^```$", PAGE, re.DOTALL | re.MULTILINE)
    program = tmp_path / "page.py"
    program.write_text("\n".join(blocks))
    call = str(CALL).replace("count_lines", "add")
    kimi.replies = [
        *(HELLO for _ in range(3)),
        Reply.streaming(ast.literal_eval(call), finish_reason="tool_calls"),
        Reply.streaming({"content": "Five."}),
    ]

    result = run(kimi, tmp_path, str(program))

    assert (result.stderr, result.code) == ("", 0)
    said, where, streamed, usage, *rest = result.stdout.splitlines()
    assert (said, streamed) == ("Hello.", "Hello.")
    assert where.startswith("https://api.moonshot.ai/v1/chat/completions ")
    assert usage.startswith("Usage(prompt_tokens=")
    assert rest[:3] == ["Five.", "stop", "UsageError 2"]
    assert len(kimi.seen) == 7


def test_the_page_names_every_event_and_error() -> None:
    """No event and no error is missing in the tables, and none is there that does not exist."""
    in_first_cells = {
        name
        for line in PAGE.splitlines()
        if line.startswith("| `")
        for name in re.findall(r"`([A-Z]\w+)`", line.split("|")[1])
    }
    kinds = {kind.__name__ for kind in get_args(events.Event)}
    failures = {
        name
        for name, kind in vars(errors).items()
        if isinstance(kind, type) and issubclass(kind, errors.HermesError)
    }
    assert in_first_cells == kinds | failures - {"HermesError", "ProviderError"}
