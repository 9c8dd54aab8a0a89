"""What was left out of a long conversation: the model follows the note and gets it back."""

import asyncio
import re
from contextlib import aclosing
from pathlib import Path

import pytest

from agent.client import Client
from agent.messages import Message, TextPart, ToolCall, ToolResult, user
from agent.permission import Mode
from agent.sessions import Sessions
from hermes_cli.agent_session import Wanted, open_session
from hermes_cli.config import read_settings
from kimi_mock.replies import Reply
from kimi_mock.server import KimiMock
from tests.support.script import enter
from tests.turn.asking import network, route

AT = "2026-11-22T10:00:00+00:00"
CALLS = (ToolCall("read:0", "read", "{}"), ToolCall("shell:1", "shell", "{}"))
LONG = "\n".join(f"line {number} \ud83d" for number in range(2_000))
SAID = (
    user("go"),
    Message("assistant", CALLS),
    Message(
        "tool",
        (
            ToolResult("read:0", "read", (TextPart(LONG),)),
            ToolResult("shell:1", "shell", (TextPart("built\n" * 2_000),)),
        ),
    ),
    Message("assistant", (TextPart("So."),)),
)


def test_the_model_reads_what_was_left_out(
    home: Path, kimi: KimiMock, monkeypatch: pytest.MonkeyPatch
) -> None:
    """
    With `read` and `grep`, in every mode, without being asked about; nothing else is shown so.

    Seen in a trial of 2026-11-22: the note named a command of `hermes`, which no model may run,
    and which the sandbox keeps from the file.
    """
    enter(home, monkeypatch)
    home.mkdir(mode=0o700, parents=True, exist_ok=True)
    sessions = Sessions(home / "hermes-kimi.db")
    session_id = sessions.create(
        directory=home.parent, provider="kimi-coding", base_url="u", model="m", at=AT
    )
    for message in SAID:
        sessions.append(session_id, message, at=AT)
    wanted = Wanted(directory=home.parent, resumes=True, mode=Mode.PLAN)

    async def talk() -> None:
        client = Client(route(), network(kimi))
        with open_session(client, read_settings(), wanted) as session:
            emptied = session.shortener.compact(session.loop.messages, 0)
            [path] = set(re.findall(r"read the path (\S+) to see", str(emptied[2])))
            kimi.replies += [
                Reply.calling(("read", {"path": path, "offset": 1_999, "limit": 3})),
                Reply.calling(("grep", {"path": path, "pattern": "^(---|line 77) "})),
                Reply.calling(("read", {"path": "stored:99"})),
                Reply.streaming({"content": "I see."}),
            ]
            async with client:
                session.say(user("What was in it?"))
                async with aclosing(session.loop.run()) as events:
                    assert [event async for event in events]

    asyncio.run(talk())
    told = [each["content"] for each in kimi.seen[-1].json["messages"] if each["role"] == "tool"]
    read, found, missing = told[-3:]
    assert "line 1997 ?" in read
    assert "line 1999 ?\n" in read
    assert "--- 1 of 2 ---" in found
    assert "--- 2 of 2 ---" in found
    assert "line 77 ?" in found
    assert missing.startswith("There is no stored:99.")
