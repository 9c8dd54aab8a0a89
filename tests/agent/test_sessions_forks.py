"""Copies of conversations, going back in one, and one that goes on shorter than it was said."""

import sqlite3

import pytest

from agent.costs import Cost, Totals
from agent.errors import BrokenFile, UsageError
from agent.messages import Message, TextPart, ToolResult, Usage, user
from agent.session_rows import MadeBy
from agent.sessions import Made, Sessions
from tests.agent.test_sessions import AT, HERE, LATER, begun

SAID = tuple(user(f"message {number}") for number in range(6))
ODD = Message("tool", (ToolResult("a", "a", (TextPart("(left out) \ud83d"),)),))


@pytest.fixture
def said(sessions: Sessions) -> str:
    """The id of a conversation of six messages."""
    session_id = begun(sessions)
    for message in SAID:
        sessions.append(session_id, message, at=AT)
    return session_id


def test_a_copy_goes_its_own_way(sessions: Sessions, said: str) -> None:
    """What is added to one is not in the other; the copy is known as one, and used last."""
    copy = sessions.fork(said, at=LATER)
    part = sessions.fork(said, at=AT, before=2)
    sessions.append(copy, user("more"), at=LATER)

    assert sessions.load(said) == SAID
    assert sessions.load(copy) == (*SAID, user("more"))
    assert sessions.load(part) == SAID[:2]
    last = sessions.last(HERE)
    assert last is not None
    assert (last.id, last.forked_from, last.title) == (copy, said, "message 0")
    assert last.message_count == 7


def test_going_back_loses_nothing(sessions: Sessions, said: str) -> None:
    """The conversation ends before the position and goes on there; a copy has all of it."""
    kept = sessions.rewind(said, 3, at=LATER)

    assert sessions.append(said, user("another way"), at=LATER) == 3
    assert sessions.load(said) == (*SAID[:3], user("another way"))
    assert sessions.load(kept) == SAID
    assert [each.id for each in sessions.list()] == [said, kept]
    assert {hit.session_id for hit in sessions.search(["message", "4"])} == {kept}


def test_what_is_said_after_going_back_to_the_start_is_the_title(
    sessions: Sessions, said: str
) -> None:
    """The title is the first line of what is there, not of what was taken back."""
    sessions.rewind(said, 1, at=LATER)
    assert sessions.find(said).title == "message 0"

    kept = sessions.rewind(said, 0, at=LATER)
    assert (sessions.find(said).title, sessions.find(kept).title) == ("", "message 0")
    sessions.append(said, user("another"), at=LATER)
    assert sessions.find(said).title == "another"


def test_a_conversation_goes_on_shorter_and_stays_stored(sessions: Sessions, said: str) -> None:
    """Of what was left out or changed, the original is where it was; positions never move."""
    summary = user("what was before")

    places = sessions.shorten(
        said, [(0, None), (None, summary), (4, ODD), (5, None)], how="So.", at=AT
    )
    sessions.append(said, user("and then"), at=AT)

    assert places == (0, 6, 4, 5)
    assert sessions.load(said) == (SAID[0], summary, ODD, SAID[5], user("and then"))
    standing = [entry.standing for entry in sessions.conversation(said)]
    assert standing == ["kept", "kept", "replaced", "kept", "said"]
    stored = sessions.entries(said)
    assert [entry.message for entry in stored] == [*SAID, summary, user("and then")]
    assert [entry.role for entry in stored][6:] == ["summary", "user"]
    assert sessions.list()[0].message_count == 7


def test_the_last_view_counts_until_it_is_taken_back(sessions: Sessions, said: str) -> None:
    """Shortened twice, the second holds; going back before one makes the one before it hold."""
    first = user("first summary")
    sessions.shorten(said, [(None, first), (5, None)], how="1", at=AT)
    sessions.append(said, user("between"), at=AT)
    sessions.shorten(said, [(6, None), (7, ODD)], how="2", at=AT)
    assert sessions.load(said) == (first, ODD)

    copy = sessions.fork(said, at=AT, before=7)
    kept = sessions.rewind(said, 8, at=AT)

    assert sessions.load(kept) == sessions.load(said) == (first, ODD)
    assert sessions.load(copy) == (first, SAID[5])
    sessions.rewind(said, 4, at=AT)
    assert sessions.load(said) == SAID[:4]


def test_a_summary_costs_what_it_costs(sessions: Sessions, said: str) -> None:
    """What it used is in the totals beside the answers; who made an answer comes back too."""
    usage = Usage(prompt_tokens=10, completion_tokens=2)
    made = Made(usage=usage, model="m", cost=Cost("USD", 1), by=MadeBy("p", "e", "m"))  # type: ignore[arg-type]
    sessions.shorten(said, [(None, user("summary")), (5, None)], how="So.", at=AT, made=made)

    assert sessions.totals(said) == Totals(answers=1, usage=usage, costs=(Cost("USD", 1),))  # type: ignore[arg-type]
    assert sessions.entries(said)[6].made == made


def test_a_conversation_is_found_by_the_beginning_of_its_id(sessions: Sessions) -> None:
    """Enough of it is enough; too little names those it could be."""
    for name in ("abc1", "abc2", "abc"):
        sessions.create(
            directory=HERE, provider="p", base_url="u", model="m", at=AT, session_id=name
        )

    assert sessions.find("ABC1 ").id == "abc1"
    assert sessions.find("abc").id == "abc"
    with pytest.raises(UsageError, match="3 conversations begin with 'ab': abc, abc2, abc1"):
        sessions.find("ab")
    for nothing in ("", "x"):
        with pytest.raises(UsageError, match="There is no conversation"):
            sessions.find(nothing)


def test_the_title_is_the_first_line_that_says_something(sessions: Sessions) -> None:
    """Blank lines and what is not text are passed over; a long line is cut."""
    session_id = begun(sessions)
    for text in ("", "\n\n  fix \t the\nbug", "another"):
        sessions.append(session_id, user(text), at=AT)
    long = begun(sessions)
    sessions.append(long, user("x" * 500), at=AT)

    titles = {each.id: each.title for each in sessions.list()}
    assert titles[session_id] == "fix the"
    assert titles[long] == "x" * 119 + "…"


def test_what_is_not_there_cannot_be_changed(sessions: Sessions) -> None:
    """Each way of writing says so, and makes nothing."""
    begun(sessions)
    for change in (
        lambda: sessions.fork("none", at=AT),
        lambda: sessions.rewind("none", 0, at=AT),
        lambda: sessions.shorten("none", [], how="", at=AT),
        lambda: sessions.entries("none"),
        lambda: sessions.conversation("none"),
    ):
        with pytest.raises(UsageError, match="There is no conversation 'none'"):
            change()
    assert len(sessions.list()) == 1


def test_a_view_that_cannot_be_read_is_a_sentence(sessions: Sessions, said: str) -> None:
    """One that names a message that is gone, as damage can make it, ends in words."""
    sessions.shorten(said, [(5, None)], how="So.", at=AT)
    with sqlite3.connect(sessions.path) as database:
        database.execute("update session_views set items = '[[99,null]]'")
    database.close()

    with pytest.raises(BrokenFile, match="cannot be read"):
        sessions.load(said)
