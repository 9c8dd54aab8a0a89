"""What fills the window, and where a conversation may be cut, as values."""

from hypothesis import given, settings
from hypothesis import strategies as st

from agent.choice import Chosen, Origin
from agent.compaction import (
    LEFT_OUT,
    cut_tool_output,
    drop_oldest_tool_output,
    start_of_tail,
)
from agent.estimate import Counted, tokens_at_most
from agent.messages import (
    ImagePart,
    Message,
    TextPart,
    ThinkPart,
    Tool,
    ToolCall,
    ToolResult,
    calls_of,
    user,
)
from agent.window import fill

WINDOW = Chosen(100_000, Origin.ROW, "the row")
TOOL = Tool(name="read", description="Read a file.", parameters={"type": "object"})


def call(number: int) -> Message:
    """Return an answer that calls."""
    return Message("assistant", (ThinkPart("Hm. " * 9), ToolCall(f"read:{number}", "read", "{}")))


def result(number: int, text: str) -> Message:
    """Return the result of an answer's call."""
    return Message("tool", (ToolResult(f"read:{number}", "read", (TextPart(text),)),))


TURNS = st.lists(
    st.one_of(
        st.text(max_size=40).map(lambda text: (user(text),)),
        st.tuples(st.integers(0, 3), st.integers(0, 3_000)).map(
            lambda pair: (call(pair[0]), result(pair[0], "x" * pair[1]))
        ),
    ),
    max_size=12,
).map(lambda turns: tuple(message for turn in turns for message in turn))


def test_the_parts_of_a_window_are_told_apart() -> None:
    """Everything is in one part, and the instructions of the repository are not the system's."""
    messages = (user("go"), call(0), result(0, "x" * 4_000))

    found = fill(
        messages, system="Be brief. DO THIS", tools=[TOOL], window=WINDOW, instructions="DO THIS"
    )

    assert (found.window, found.source) == (100_000, "the row")
    assert found.used + found.free == 100_000
    assert found.system > found.instructions > 0
    assert min(found.user, found.answers, found.reasoning, found.tools) > 0
    assert found.used > found.output > 1_500
    assert found.share == found.used / 100_000


def test_what_the_endpoint_counted_beats_the_estimate() -> None:
    """Prose counts for half of what is estimated: all parts are scaled to what was told."""
    messages = tuple(user("word " * 200) for _ in range(20))
    guessed = fill(messages, system="s", tools=(), window=WINDOW)
    half = Counted(guessed.used // 2, len(messages))

    told = fill(messages, system="s", tools=(), window=WINDOW, counted=half)

    assert abs(told.used - guessed.used // 2) <= 10
    too_many = Counted(5, len(messages) + 1)
    assert fill(messages, system="s", tools=(), window=WINDOW, counted=too_many) == guessed


@settings(max_examples=200, deadline=None)
@given(TURNS, st.integers(0, 4_000), st.integers(0, 3))
def test_no_call_loses_its_result(messages: tuple[Message, ...], room: int, keep_last: int) -> None:
    """Whatever has to go: one for one, calls with results, and only what was too much changes."""
    shorter = drop_oldest_tool_output(messages, room, keep_last=keep_last)

    assert len(shorter) == len(messages)
    assert tokens_at_most(shorter) <= tokens_at_most(messages)
    for old, new in zip(messages, shorter, strict=True):
        if new is not old:
            assert old.role == "tool"
            [was], [part] = old.parts, new.parts
            assert isinstance(was, ToolResult)
            assert part == ToolResult(was.call_id, was.name, (TextPart(LEFT_OUT),))
    if keep_last:
        assert shorter[-keep_last:] == messages[-keep_last:]
    if tokens_at_most(messages) <= room:
        assert shorter == messages


@settings(max_examples=200, deadline=None)
@given(TURNS, st.integers(0, 4_000))
def test_the_tail_begins_where_somebody_begins_to_speak(
    messages: tuple[Message, ...], room: int
) -> None:
    """Never between a call and its result; as long as fits, and never empty."""
    tail = start_of_tail(messages, room)

    if not messages:
        assert tail == 0
        return
    kept = messages[tail:]
    assert kept
    assert kept[0].role != "tool"
    called = [one.id for message in kept for one in calls_of(message)]
    answered = [part.call_id for m in kept for part in m.parts if isinstance(part, ToolResult)]
    assert called == answered
    begins = [place for place in range(len(messages)) if messages[place].role != "tool"]
    assert tokens_at_most(kept) <= room or tail == begins[-1]


def test_output_that_is_shorter_than_its_note_stays() -> None:
    """Nothing is won by it, and what was left out once is not left out again."""
    messages = (call(0), result(0, "ok"), call(1), result(1, "x" * 999), user("?"))

    once = drop_oldest_tool_output(messages, 0, pointer=lambda _: "stored:2")
    twice = drop_oldest_tool_output(once, 0, pointer=lambda _: "show another")

    assert once[1] is messages[1]
    assert once[3] == result(1, "(left out: 999 characters; read the path stored:2 to see it)")
    assert twice == once
    image = Message("tool", (ToolResult("a", "a", (ImagePart(b"x", "image/png"),)),))
    [emptied, _] = drop_oldest_tool_output((image, user("")), 0, pointer=lambda _: "stored:3")
    assert emptied.parts == (
        ToolResult(
            "a",
            "a",
            (TextPart("(left out: 0 characters and 1 image; read the path stored:3 to see it)"),),
        ),
    )


def test_the_middle_of_a_last_output_goes_where_nothing_else_can() -> None:
    """Its beginning and its end stay; short texts and other messages are as they were."""
    long = result(0, "a" * 500 + "b" * 500)

    first, said, cut = cut_tool_output(
        (result(1, "x"), user("y" * 999), long), 100, pointer=lambda _: "stored:3"
    )

    assert first == result(1, "x")
    assert said == user("y" * 999)
    note = "(left out here: 900 characters; read the path stored:3 to see it whole)"
    text = f"{'a' * 50}\n{note}\n{'b' * 50}"
    assert cut == result(0, text)
