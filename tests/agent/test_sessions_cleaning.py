"""A conversation that goes on elsewhere: what goes with it, what stays behind, what is renamed."""

from msgspec.structs import replace

from agent.catalog import find
from agent.choice import Chosen, Origin
from agent.cleaning import cleaned, maker
from agent.learnt import Facts
from agent.messages import (
    ImagePart,
    Message,
    TextPart,
    ThinkPart,
    ToolCall,
    ToolResult,
    VideoPart,
    calls_of,
    user,
)
from agent.route import Route, Wishes, resolve
from agent.session_rows import MadeBy
from tests.conftest import PLATFORM_KEY
from tests.turn.asking import route

ELSEWHERE = MadeBy("openai", "openai", "gpt")
THOUGHT = ThinkPart("Hm. ", "signature")
CALL = ToolCall("read:0", "read", "{}", '{"index":0}')
PNG = ImagePart(b"\x89PNG\r\n\x1a\n", "image/png")
CONVERSATION = (
    user("go"),
    Message("assistant", (THOUGHT, TextPart("I read."), CALL, CALL)),
    Message("tool", (ToolResult("read:0", "read", (TextPart("1"),)),)),
    Message("tool", (ToolResult("read:0", "read", (TextPart("2"),)),)),
    Message("assistant", (THOUGHT,)),
    user("and?"),
)


def elsewhere() -> Route:
    """Return a Route of another provider, whose endpoint has none of our quirks."""
    row = find("openai")
    assert row is not None
    return resolve(Chosen(row, Origin.DEFAULT, "test"), Wishes(), Facts())


def made_by(who: MadeBy | None) -> list[MadeBy | None]:
    """Return who made each message of the conversation."""
    return [who if message.role == "assistant" else None for message in CONVERSATION]


def test_to_the_same_place_everything_goes_as_it_is() -> None:
    """Not even a new object, so that the next request repeats the last to the byte."""
    for here in (route(PLATFORM_KEY), route(PLATFORM_KEY, wire="messages")):
        same = cleaned(CONVERSATION, made_by(maker(here)), here)
        assert all(new is old for new, old in zip(same, CONVERSATION, strict=True))


def test_reasoning_goes_on_to_another_model_where_it_is_asked_for() -> None:
    """The endpoint wants it back from its own models, and checks no signature."""
    before = route(PLATFORM_KEY, model="kimi-k2.6")
    for wire in ("chat", "messages"):
        after = route(PLATFORM_KEY, model="kimi-k3", wire=wire)
        assert cleaned(CONVERSATION, made_by(maker(before)), after) == CONVERSATION
        assert cleaned(CONVERSATION, made_by(None), after) == CONVERSATION


def test_foreign_reasoning_stays_behind_and_ids_become_ours() -> None:
    """A foreign signature is refused, `read:0` twice too; each result finds its call again."""
    for who, here in ((maker(route(PLATFORM_KEY)), elsewhere()), (ELSEWHERE, route(PLATFORM_KEY))):
        _, said, first, second, empty, _ = cleaned(CONVERSATION, made_by(who), here)

        assert said.parts[0] == TextPart("I read.")
        calls = calls_of(said)
        assert len({call.id for call in calls}) == 2
        assert all(call.id.replace("_", "").isalnum() and not call.extras for call in calls)
        results = [*first.parts, *second.parts]
        assert [part.call_id for part in results if isinstance(part, ToolResult)] == [
            call.id for call in calls
        ]
        assert empty.parts == ()


def test_new_ids_do_not_depend_on_the_system_prompt() -> None:
    """It is sent and not stored: the same conversation, loaded again, goes on byte for byte."""
    system = Message("system", (TextPart("Be brief."),))
    makers = made_by(maker(elsewhere()))

    stored = cleaned(CONVERSATION, makers, route(PLATFORM_KEY))
    sent = cleaned((system, *CONVERSATION), [None, *makers], route(PLATFORM_KEY))

    assert sent == (system, *stored)


def test_another_model_of_a_place_that_asks_for_nothing_gets_no_reasoning() -> None:
    """Its signature is the first model's; the calls of the same provider keep their ids."""
    here = elsewhere()
    before = maker(here)
    after = replace(here, model_id_sent="another")

    _, said, *_ = cleaned(CONVERSATION, made_by(before), after)

    assert said.parts == CONVERSATION[1].parts[1:]
    _, unknown, *_ = cleaned(CONVERSATION, made_by(None), after)
    assert unknown.parts == CONVERSATION[1].parts[1:]


def test_what_cannot_be_seen_is_named() -> None:
    """An image in a message would end the request; in a result it is a note as well."""
    here = route(PLATFORM_KEY)
    row = here.row_sent
    assert row is not None
    blind = replace(row, image=False, video=False)
    endpoint = replace(here.endpoint, models=(blind,))
    video = VideoPart(b"x", "video/mp4")
    messages = (
        Message("user", (TextPart("see"), PNG, video)),
        Message("tool", (ToolResult("a", "a", (PNG,)),)),
    )

    said, result = cleaned(messages, [None, None], replace(here, endpoint=endpoint))

    notes = [part.text for part in said.parts if isinstance(part, TextPart)]
    assert notes[0] == "see"
    assert "cannot see images" in notes[1]
    assert "video was here" in notes[2]
    [part] = result.parts
    assert isinstance(part, ToolResult)
    assert isinstance(part.parts[0], TextPart)
    seeing = replace(here, endpoint=replace(endpoint, models=(replace(row, image=True),)))
    assert cleaned(messages[1:], [None], seeing) == messages[1:]
