"""The journal between a loop and the disk: places, views, another Route, going back, kill -9."""

import signal
import sqlite3
import subprocess
import sys
from contextlib import closing
from decimal import Decimal
from pathlib import Path

import pytest

from agent.compaction import drop_oldest_tool_output
from agent.errors import BrokenFile, UsageError
from agent.estimate import Counted
from agent.events import Finished
from agent.journal import SessionJournal
from agent.messages import Message, TextPart, ThinkPart, ToolCall, ToolResult, Usage, user
from agent.route import Route
from agent.sessions import Sessions
from tests.agent.test_sessions_cleaning import elsewhere
from tests.conftest import PLATFORM_KEY
from tests.turn.asking import route

HERE = Path("/srv/work")
CALL = ToolCall("read:0", "read", "{}")
ANSWER = Message("assistant", (ThinkPart("Hm. ", "sig"), TextPart("I read."), CALL))
USAGE = Usage(prompt_tokens=1_000_000, completion_tokens=20)

WRITER = """
import sys
from pathlib import Path
from agent.journal import SessionJournal
from agent.messages import user
from agent.sessions import Sessions
from tests.turn.asking import route

home = route("sk-mock-platform-0003")
journal = SessionJournal(
    Sessions(Path(sys.argv[1])), "one", directory=Path("/srv/work"), route=lambda: home
)
live = []
for number in range(100_000):
    live.append(user(f"message {number}"))
    journal.add(live[-1])
    if number % 3 == 2:
        live = [live[0], user(f"summary of {number}"), live[-1]]
        journal.replace(live, "So.")
    print(number, flush=True)
"""


def result(text: str) -> Message:
    """Return a result of the call."""
    return Message("tool", (ToolResult("read:0", "read", (TextPart(text),)),))


def finished(message: Message) -> Finished:
    """Return the end of an answer."""
    return Finished(message=message, finish_reason="stop", model="served", usage=USAGE)


def journal_of(sessions: Sessions, where: Route, session_id: str = "one") -> SessionJournal:
    """Return a journal over a Route."""
    return SessionJournal(sessions, session_id, directory=HERE, route=lambda: where)


def test_a_conversation_without_its_first_message_is_not_stored(sessions: Sessions) -> None:
    """A process killed between the two, or a full disk, left an empty one in the list."""
    begun = sessions.create(directory=HERE, provider="p", base_url="u", model="m", at="2026-11-22")
    with closing(sqlite3.connect(sessions.path)) as database, database:
        database.execute(
            "create trigger full before insert on session_messages"
            " begin select raise(abort, 'disk full'); end"
        )

    journal_of(sessions, route(PLATFORM_KEY)).add(user("hi"))

    assert [each.id for each in sessions.list()] == [begun]


def test_a_conversation_is_stored_from_its_first_message_on(sessions: Sessions) -> None:
    """Opening makes nothing; who answered, what it used and cost stands with the answer."""
    where = route(PLATFORM_KEY)
    journal = journal_of(sessions, where)
    with pytest.raises(UsageError, match="Nothing was said yet"):
        journal.fork()
    assert (journal.turns(), sessions.list(), sessions.path.exists()) == ((), (), False)

    journal.add(user("go"))
    journal.add(ANSWER, finished(ANSWER))

    [session] = sessions.list()
    assert (session.id, session.directory, session.title) == ("one", HERE, "go")
    assert (session.base_url, session.model) == (where.chat_base_url, where.model.value)
    made = sessions.entries("one")[1].made
    assert (made.usage, made.model) == (USAGE, "served")
    assert made.by is not None
    assert made.by.model == where.model_id_sent
    assert made.cost is not None
    assert made.cost.amount > Decimal(0)
    assert journal.counted == Counted(1_000_020, 2)


def test_what_was_left_out_is_found_where_the_pointer_says(sessions: Sessions) -> None:
    """Twice shortened, resumed and shortened again: the pointers stay, and so do the originals."""
    where = route(PLATFORM_KEY)
    journal = journal_of(sessions, where)
    live = [user("go"), ANSWER, result("a" * 9_000), ANSWER, result("b" * 9_000), user("and?")]
    for message in live:
        journal.add(message)

    first = drop_oldest_tool_output(live, 6_000, pointer=journal.pointer)
    journal.replace(first, "one")
    again = journal_of(sessions, where)
    assert again.messages_for(where) == first
    resumed = again.messages_for(where)
    second = drop_oldest_tool_output(resumed, 0, pointer=again.pointer)
    again.replace(second, "two")

    notes = [
        part.parts[0].text
        for message in sessions.load("one")
        for part in message.parts
        if isinstance(part, ToolResult) and isinstance(part.parts[0], TextPart)
    ]
    assert notes == [
        f"(left out: 9,000 characters; read the path stored:{place} to see it)" for place in (2, 4)
    ]
    assert [entry.message for entry in sessions.entries("one")] == live
    assert sessions.load("one") == second
    assert journal.pointer(user("new")) == ""


def test_a_shortened_conversation_is_counted_anew(sessions: Sessions) -> None:
    """What was counted before something was left out says nothing of what is sent now."""
    where = route(PLATFORM_KEY)
    journal = journal_of(sessions, where)
    live = [user("go"), ANSWER, result("x"), ANSWER]
    journal.add(live[0])
    journal.add(live[1], finished(ANSWER))
    resumed = journal_of(sessions, where)
    resumed.messages_for(where)
    assert resumed.counted == Counted(1_000_020, 2)
    resumed.messages_for(elsewhere())
    assert resumed.counted is None

    journal.note_summary(finished(user("unused")))
    journal.replace([user("summary"), live[1]], "So.")

    assert journal.counted is None
    resumed.messages_for(where)
    assert resumed.counted is None
    assert sessions.totals("one").answers == 2
    resumed.add(ANSWER, finished(ANSWER))
    assert resumed.counted == Counted(1_000_020, 3)


def test_what_one_place_could_not_take_is_there_again_for_the_next(sessions: Sessions) -> None:
    """To another provider without reasoning, shortened there, and back with all of it."""
    home, other = route(PLATFORM_KEY), elsewhere()
    journal = journal_of(sessions, home)
    for message in (user("go"), ANSWER, result("a" * 9_000), user("and?")):
        journal.add(message)

    there = journal.messages_for(other)
    assert ThinkPart("Hm. ", "sig") not in there[1].parts
    shorter = drop_oldest_tool_output(there, 0, pointer=journal.pointer)
    journal.replace(shorter, "So.")
    [said] = shorter[2].parts
    assert isinstance(said, ToolResult)
    assert said.call_id.startswith("earlier_")

    back = journal.messages_for(home)

    assert back[1] == ANSWER
    [result_back] = back[2].parts
    assert isinstance(result_back, ToolResult)
    assert result_back.call_id == "read:0"
    assert isinstance(result_back.parts[0], TextPart)
    assert result_back.parts[0].text.startswith("(left out: 9,000 characters;")
    assert journal.messages_for(other)[2].parts[0] == said


def test_going_back_and_going_another_way(sessions: Sessions) -> None:
    """What the user said can be gone back to; a copy of before is kept, and can be gone on in."""
    where = route(PLATFORM_KEY)
    journal = journal_of(sessions, where)
    said = [user("one"), Message("assistant", (TextPart("a"),)), user("two\nlines")]
    for message in said:
        journal.add(message)
    assert journal.turns() == ((0, "one"), (2, "two"))

    kept = journal.rewind(2)
    assert journal.messages_for(where) == tuple(said[:2])
    journal.add(user("other"))
    old = journal.fork(before=1)
    assert journal.messages_for(where) == (user("one"),)
    journal.add(user("third way"))

    assert old == "one"
    assert sessions.load(kept) == tuple(said)
    assert sessions.load("one") == (*said[:2], user("other"))
    assert sessions.load(journal.session_id) == (user("one"), user("third way"))


def broken(sessions: Sessions) -> None:
    """Put something in the place of the file that takes nothing more."""
    for file in sessions.path.parent.glob(f"{sessions.path.name}*"):
        file.unlink()
    sessions.path.mkdir()


def test_what_the_file_does_not_take_is_still_made_fit(sessions: Sessions) -> None:
    """To another provider without the reasoning, and back with it: all of it is in memory."""
    home, other = route(PLATFORM_KEY), elsewhere()
    journal = journal_of(sessions, home)
    journal.add(user("go"))
    broken(sessions)
    live = (user("go"), ANSWER, result("a" * 9_000), user("and?"))
    for message in live[1:]:
        journal.add(message)

    assert isinstance(journal.failure, BrokenFile)
    there = journal.messages_for(other)
    assert ThinkPart("Hm. ", "sig") not in there[1].parts
    assert "read:0" not in str(there)
    assert journal.pointer(there[2]) == ""
    journal.replace(drop_oldest_tool_output(there, 0, pointer=journal.pointer), "So.")
    back = journal.messages_for(home)
    assert back[:2] == live[:2]
    assert "left out: the conversation" in str(back[2])
    for asked in (journal.turns, journal.fork, lambda: journal.rewind(0)):
        with pytest.raises(BrokenFile, match=r"is not kept on disk any more: .*x.db") as told:
            asked()
        assert "`" in told.value.remedy


def test_without_a_file_a_shortened_conversation_is_counted_anew(sessions: Sessions) -> None:
    """Else it would be taken to be too long, and be summed up, before every request."""
    journal = journal_of(sessions, route(PLATFORM_KEY))
    live = [user("go"), ANSWER, result("x")]
    journal.add(live[0])
    journal.add(live[1], finished(ANSWER))
    broken(sessions)
    journal.add(live[2])
    assert journal.counted is not None

    journal.replace(live[1:], "So.")

    assert journal.counted is None


def test_another_file_in_the_place_of_ours_ends_no_turn(sessions: Sessions) -> None:
    """Somebody moved it away: the new one knows nothing of this conversation."""
    journal = journal_of(sessions, route(PLATFORM_KEY))
    journal.add(user("go"))
    broken(sessions)
    sessions.path.rmdir()

    journal.add(ANSWER)

    assert isinstance(journal.failure, UsageError)
    assert sessions.list() == ()


def test_what_was_gone_back_in_is_the_last_one_used(sessions: Sessions) -> None:
    """`-c` goes on with it at once, not with the copy that has what was taken back."""
    where = route(PLATFORM_KEY)
    journal = journal_of(sessions, where)
    for text in ("one", "two"):
        journal.add(user(text))

    journal.rewind(1)

    last = sessions.last(HERE)
    assert last is not None
    assert last.id == "one"


def test_a_killed_process_leaves_a_conversation_that_goes_on(sessions: Sessions) -> None:
    """SIGKILL between and in the middle of messages and summaries: what was said is there."""
    root = Path(__file__).parent.parent.parent
    command = [sys.executable, "-c", WRITER, str(sessions.path)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, cwd=root) as process:
        assert process.stdout is not None
        said = [process.stdout.readline() for _ in range(20)]
        process.send_signal(signal.SIGKILL)
        said += process.stdout.readlines()

    acknowledged = len([line for line in said if line.endswith(b"\n")])
    stored = [entry for entry in sessions.entries("one") if entry.role == "user"]
    assert acknowledged <= len(stored) <= acknowledged + 1
    texts = [f"message {number}" for number in range(len(stored))]
    assert [entry.message for entry in stored] == [user(text) for text in texts]
    where = route(PLATFORM_KEY)
    live = journal_of(sessions, where).messages_for(where)
    assert live[0] == stored[0].message
    assert live[-1] == stored[-1].message
    assert len(live) <= 6
