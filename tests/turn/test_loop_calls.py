"""What a call of the model may and may not, and how it is told; over the loopback Kimi."""

import asyncio
import json
from pathlib import Path
from typing import Any

import pytest

from agent.errors import HermesError
from agent.loop_events import ApprovalWanted, LoopEvent, ToolBegan, TurnEnded
from agent.messages import Message, user
from agent.permission import Answer
from agent.tools.base import Workspace
from agent.tools.under_way import OTHERWISE
from agent.tools.write import Write
from kimi_mock.replies import Delta, Reply
from kimi_mock.server import KimiMock
from tests.turn.acting import ByName, Doing, calling, events_of, looping, of, results, upper, work
from tests.turn.asking import route

DONE = Reply.streaming({"content": "Done."})


@pytest.mark.parametrize(
    ("name", "arguments", "said"),
    [
        (
            "shuot",
            {"text": "a"},
            "There is no tool `shuot`. Did you mean `shout`? There are: shout.",
        ),
        ("Shout", {"text": "a"}, "Did you mean `shout`?"),
        ("zzz", {}, "There is no tool `zzz`. There are: shout."),
        ("shout", {}, "text"),
        ("shout", '{"text": 5}', "text"),
        ("shout", "[]", "shout"),
        ("shout", {"text": "nonsense"}, "`nonsense` is not done here."),
    ],
)
def test_a_bad_call_is_a_result_that_the_model_can_mend(
    kimi: KimiMock, name: str, arguments: Any, said: str
) -> None:
    """A wrong name, wrong arguments, or what the tool will not do: the turn goes on."""
    kimi.replies += [Reply.calling((name, arguments)), DONE]

    async def run() -> tuple[list[LoopEvent], Message]:
        async with looping(kimi, work(Doing("shout", upper))) as loop:
            loop.say(user("Go."))
            return await events_of(loop), loop.messages[2]

    events, given = asyncio.run(run())
    [(text, is_error)] = results(given)
    assert said in text
    assert is_error
    assert of(events, ToolBegan)[0].action is None
    assert events[-1] == TurnEnded(steps=2)


@pytest.mark.parametrize(
    "failure", [OSError(28, "No space left on device"), HermesError("The page did not answer.")]
)
def test_what_the_machine_or_the_network_refuses_is_a_result_too(
    kimi: KimiMock, failure: Exception
) -> None:
    """A full disk or a dead host ends the call and not the turn."""
    kimi.replies += [calling(("shout", "a")), DONE]

    def fail(_: str) -> str:
        raise failure

    async def run() -> Message:
        async with looping(kimi, work(Doing("shout", fail))) as loop:
            loop.say(user("Go."))
            await events_of(loop)
            return loop.messages[2]

    assert results(asyncio.run(run())) == [(str(failure), True)]


@pytest.mark.parametrize(
    ("answer", "decision", "said", "rules"),
    [
        (Answer.ALLOW, None, "A", []),
        (Answer.REFUSE, None, "Refused: A run here.", []),
        (Answer.ASK, None, "The user did not allow this.", []),
        (Answer.ASK, {"allowed": True}, "A", []),
        (Answer.ASK, {"allowed": True, "rule": "shout: *"}, "A", ["shout: *"]),
        (Answer.ASK, {"allowed": False}, "The user did not allow this.", []),
        (
            Answer.ASK,
            {"allowed": False, "reason": "too loud", "rule": "shout: *"},
            "The user did not allow this: too loud",
            [],
        ),
    ],
)
def test_a_call_is_done_only_as_far_as_it_is_allowed(
    kimi: KimiMock, answer: Answer, decision: dict[str, Any] | None, said: str, rules: list[str]
) -> None:
    """By the permission or by a person; the model is told who refused, and why."""
    kimi.replies += [calling(("shout", "a")), DONE]
    permission, done = ByName({"shout": answer}), []

    def does(text: str) -> str:
        done.append(text)
        return text.upper()

    async def run() -> tuple[list[LoopEvent], Message]:
        async with looping(kimi, work(Doing("shout", does), permission=permission)) as loop:
            loop.say(user("Go."))

            def decide(event: LoopEvent) -> None:
                if isinstance(event, ApprovalWanted) and decision is not None:
                    assert (event.reason, event.rule) == ("A run here.", "shout: *")
                    assert not done
                    loop.decide(event.call.id, **decision)

            return await events_of(loop, decide), loop.messages[2]

    events, given = asyncio.run(run())
    assert results(given) == [(said, said != "A")]
    assert done == (["a"] if said == "A" else [])
    assert len(of(events, ApprovalWanted)) == (answer is Answer.ASK)
    assert permission.allowed == rules


def test_only_what_was_judged_is_done(kimi: KimiMock, tmp_path: Path) -> None:
    """While a person thought, `sub` became a link that leads out; the file went there."""
    workspace = Workspace(tmp_path / "work", tmp_path / "scratch")
    (workspace.root / "sub").mkdir(parents=True)
    (tmp_path / "outside").mkdir()
    write = ("write", {"path": "sub/x", "content": "new"})
    kimi.replies += [Reply.calling(write), DONE]

    async def run() -> Message:
        with_work = work(Write(workspace), permission=ByName({"write": Answer.ASK}))
        async with looping(kimi, with_work) as loop:
            loop.say(user("Go."))

            def decide(event: LoopEvent) -> None:
                if isinstance(event, ApprovalWanted):
                    assert event.action.paths == (workspace.root / "sub/x",)
                    (workspace.root / "sub").rmdir()
                    (workspace.root / "sub").symlink_to(tmp_path / "outside")
                    loop.decide(event.call.id, allowed=True)

            await events_of(loop, decide)
            return loop.messages[2]

    assert results(asyncio.run(run())) == [(OTHERWISE, True)]
    assert not (tmp_path / "outside/x").exists()


@pytest.mark.parametrize("wire", ["chat", "messages"])
def test_calls_with_one_id_are_answered_in_their_order(kimi: KimiMock, wire: str) -> None:
    """The first ended last; by their order alone an endpoint knows whose result is whose."""
    deltas: list[Delta] = [
        {"tool_calls": [{"index": index, "id": "look:0", "type": "function", "function": function}]}
        for index, function in enumerate(
            {"name": "look", "arguments": f'{{"text": "{text}"}}'} for text in "abc"
        )
    ]
    kimi.replies += [Reply.streaming(*deltas, finish_reason="tool_calls"), DONE]

    async def run() -> list[Message]:
        last_is_done = asyncio.Event()

        async def look(text: str) -> str:
            if text == "a":
                await last_is_done.wait()
            if text == "c":
                last_is_done.set()
            return f"saw {text}"

        where = route(wire=wire)
        async with looping(kimi, work(Doing("look", look, kind="read")), where=where) as loop:
            loop.say(user("Look."))
            await events_of(loop)
            return loop.messages

    assert [text for text, _ in results(*asyncio.run(run()))] == ["saw a", "saw b", "saw c"]
    sent = json.dumps(kimi.seen[-1].json["messages"])
    assert sent.index("saw a") < sent.index("saw b") < sent.index("saw c")


def test_a_file_is_kept_before_it_changes(kimi: KimiMock) -> None:
    """The keeper is asked before a write and not before a read; what it cannot keep stays as is."""
    kimi.replies += [calling(("look", "a"), ("change", "b"), ("change", "full")), DONE]
    log: list[str] = []

    class Keeping:
        def before_change(self, path: Path) -> None:
            log.append(f"kept {path}")
            if path.name == "full":
                raise OSError(28, "No space left on device")

    async def run() -> list[Message]:
        tools = (Doing("look", log.append, kind="read"), Doing("change", log.append, kind="write"))
        async with looping(kimi, work(*tools, keeper=Keeping())) as loop:
            loop.say(user("Go."))
            await events_of(loop)
            return loop.messages

    given = results(*asyncio.run(run()))
    assert log == ["a", "kept /b", "b", "kept /full"]
    assert [is_error for _, is_error in given] == [False, False, True]
    assert "No space left" in given[2][0]


def test_a_call_that_the_budget_cut_is_not_done(kimi: KimiMock) -> None:
    """`length` with calls: the last may be half of what was meant, also where it can be read."""
    cut = calling(("change", "whole"), ("change", "half"), finish_reason="length")
    kimi.replies += [cut, DONE]
    done: list[str] = []

    async def run() -> list[Message]:
        async with looping(kimi, work(Doing("change", done.append, kind="write"))) as loop:
            loop.say(user("Go."))
            await events_of(loop)
            return loop.messages

    given = results(*asyncio.run(run()))
    assert done == ["whole"]
    assert [is_error for _, is_error in given] == [False, True]
    assert "limit of tokens" in given[1][0]
