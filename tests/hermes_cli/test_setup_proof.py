"""The second proof after a setup: one tiny chat, offered with its cost and asked after a yes."""

from pathlib import Path

import pytest

from hermes_cli.models import read_facts
from hermes_cli.plan import save
from hermes_cli.proof import offer_proof
from hermes_cli.setup import wizard
from kimi_mock.replies import Reply
from kimi_mock.server import KimiMock
from tests.conftest import PLAN_KEY, PLATFORM_KEY
from tests.support.script import Script, files, task

pytestmark = pytest.mark.usefixtures("online")


def proven(*answers: str, key: str = PLAN_KEY) -> Script:
    """Set a key up, then offer the second proof to a person who gives these answers."""
    given = task(facts=read_facts(), asking=True)
    plan = wizard(Script(key, "n", "", ""), given)
    save(plan)
    script = Script(*answers)
    offer_proof(script, plan)
    return script


@pytest.mark.parametrize("answers", [("",), ("n",), ()])
def test_the_second_proof_is_offered_and_not_taken(
    kimi: KimiMock, answers: tuple[str, ...]
) -> None:
    """Its cost is said; Enter, no and the end of input leave it, and nothing more is asked."""
    script = proven(*answers)

    assert script.said == [
        "One tiny question proves that the key can be used: at most 520 tokens of "
        "kimi-for-coding, part of your quota.",
        "Ask it?",
    ]
    assert [request.method for request in kimi.seen] == ["GET", "GET"]
    assert next(iter(read_facts().states.values())).how == "models"


def test_the_second_proof_is_one_tiny_chat(kimi: KimiMock) -> None:
    """As little thinking and answer as can be; the answer's first line, its cost, the new state."""
    kimi.replies.append(Reply.streaming({"content": "Yes.\nAnd more."}))

    script = proven("y", key=PLATFORM_KEY)

    assert "at most 520 tokens of kimi-k3, under $0.0076." in script.said[0]
    assert "It answered: Yes." in script.said
    assert "And more" not in script.screen
    assert script.said[-1] == "So the key can be used, now and with this model."
    [turn] = [request for request in kimi.seen if request.method == "POST"]
    assert turn.json["reasoning_effort"] == "low"
    assert turn.json["max_completion_tokens"] == 500
    assert next(iter(read_facts().states.values())).how == "chat"


def test_thinking_without_an_answer_is_a_proof_too(kimi: KimiMock) -> None:
    """The budget is never raised for it: what was offered is what is spent."""
    thought = Reply.streaming({"reasoning_content": "Hm. "}, finish_reason="length")
    kimi.replies.append(thought)

    script = proven("y", key=PLATFORM_KEY)

    assert "took the question and thought for all 500 tokens: the key can be used." in script.screen
    assert len([request for request in kimi.seen if request.method == "POST"]) == 1


def test_a_second_proof_that_fails_takes_nothing_back(home: Path, kimi: KimiMock) -> None:
    """An empty account is told with its remedy; the key is saved all the same."""
    kimi.balance = 0

    script = proven("y", key=PLATFORM_KEY)

    assert "Not answered: api.moonshot.ai" in script.screen
    assert script.said[-1].endswith("The key stays saved.")
    assert files(home)[0] == f"KIMI_API_KEY={PLATFORM_KEY}\n"


def test_another_key_that_wins_is_not_proven(monkeypatch: pytest.MonkeyPatch) -> None:
    """A shell variable would be used in place of the key that was saved: nothing is offered."""
    monkeypatch.setenv("KIMI_API_KEY", PLATFORM_KEY)

    assert proven().said == []
