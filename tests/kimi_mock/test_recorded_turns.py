"""Recorded sessions: the answer goes by what the tools gave, on both wires, and by nothing else."""

import json
from typing import Any

import pytest

from kimi_mock.recorded_turns import RecordedAnswer, RecordedSession
from kimi_mock.server import KimiMock
from kimi_mock.surfaces import Wire
from tests.kimi_mock.asking import Asker

READ = ("read", {"path": "a.txt"})
EDIT = ("edit", {"path": "a.txt"})
CHECK = ("shell", {"command": "make test"})
SESSION = RecordedSession(
    prompt="Mend a.txt",
    answers=(
        RecordedAnswer(calls=(READ,), reasoning="First a look."),
        RecordedAnswer(after=("2 + 2 = 5",), calls=(EDIT,)),
        RecordedAnswer(after=("Edited",), calls=(CHECK,)),
        RecordedAnswer(after=("interrupted",), calls=(CHECK,)),
        RecordedAnswer(after=("passed",), text="It is 4 now."),
    ),
)
BEGINNING = {"role": "user", "content": "Mend a.txt, please."}


@pytest.fixture(params=["chat", "messages"])
def wire(request: pytest.FixtureRequest) -> Wire:
    """Each wire in turn."""
    found: Wire = request.param
    return found


def step(wire: Wire, call: tuple[str, Any], result: str) -> list[dict[str, Any]]:
    """Return an answer that makes one call, and its result, as a wire has them."""
    name, arguments = call
    if wire == "messages":
        use = {"type": "tool_use", "id": "c", "name": name, "input": arguments}
        given = {"type": "tool_result", "tool_use_id": "c", "content": result}
        return [{"role": "assistant", "content": [use]}, {"role": "user", "content": [given]}]
    function = {"name": name, "arguments": json.dumps(arguments)}
    called = {"id": "c", "type": "function", "function": function}
    return [
        {"role": "assistant", "content": "", "tool_calls": [called]},
        {"role": "tool", "tool_call_id": "c", "content": result},
    ]


def answered(
    asker: Asker, kimi: KimiMock, wire: Wire, *steps: tuple[tuple[str, Any], str]
) -> tuple[str, list[str]]:
    """Return the text, or a refusal's, and the names of the calls that a conversation gets."""
    kimi.sessions[:] = [SESSION]
    messages = [BEGINNING, *(each for one in steps for each in step(wire, *one))]
    body = asker.post("moonshot", wire, messages=messages, max_tokens=1000).json()
    if "error" in body:
        return body["error"]["message"], []
    if wire == "messages":
        blocks = body["content"]
        said = "".join(block.get("text", "") for block in blocks)
        return said, [block["name"] for block in blocks if block["type"] == "tool_use"]
    message = body["choices"][0]["message"]
    calls = [call["function"]["name"] for call in message.get("tool_calls") or ()]
    return message.get("content") or "", calls


def test_each_answer_follows_what_the_tools_gave(asker: Asker, kimi: KimiMock, wire: Wire) -> None:
    """The whole session, asked for step by step, in requests that know of each other nothing."""
    steps = [(READ, "1\t2 + 2 = 5"), (EDIT, "Edited a.txt: line 1."), (CHECK, "passed")]
    found = [answered(asker, kimi, wire, *steps[:count]) for count in range(4)]

    assert [calls for _, calls in found] == [["read"], ["edit"], ["shell"], []]
    assert found[-1][0] == "It is 4 now."


def test_a_wrong_result_is_refused_and_quoted(asker: Asker, kimi: KimiMock, wire: Wire) -> None:
    """A tool that gives something else makes the session fail, with the reason."""
    text, calls = answered(asker, kimi, wire, (READ, "There is no a.txt."))

    assert calls == []
    assert "There is no a.txt." in text
    assert "2 + 2 = 5" in text


def test_an_answer_for_a_mishap_is_passed_over_without_one(
    asker: Asker, kimi: KimiMock, wire: Wire
) -> None:
    """A check that was interrupted is run again, and the same call counts by its place."""
    before = [(READ, "2 + 2 = 5"), (EDIT, "Edited a.txt")]
    interrupted = [*before, (CHECK, "(no result: the call was interrupted)")]

    assert answered(asker, kimi, wire, *interrupted)[1] == ["shell"]
    assert answered(asker, kimi, wire, *interrupted, (CHECK, "passed"))[0] == "It is 4 now."


def test_a_call_that_nobody_recorded_is_refused(asker: Asker, kimi: KimiMock, wire: Wire) -> None:
    """A conversation that went another way cannot be answered by heart."""
    text, _ = answered(asker, kimi, wire, (("read", {"path": "b.txt"}), "2 + 2 = 5"))

    assert text.endswith("nobody recorded an answer from number 1 with: read")


def test_other_conversations_are_answered_as_ever(asker: Asker, kimi: KimiMock) -> None:
    """A session is found by its prompt in the first message; the queue comes before it."""
    kimi.sessions[:] = [SESSION]
    body = asker.post("moonshot", messages=[{"role": "user", "content": "hi"}]).json()

    assert body["choices"][0]["message"]["content"] == "Hello from Kimi."
