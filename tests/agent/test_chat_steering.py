"""Effort and forced tools, fitted to what a row says the model takes."""

import pytest
from msgspec.structs import replace

from agent.catalog.rows import ModelRow, ThinkingControl
from agent.errors import UsageError
from agent.messages import Options, Tool, user
from agent.wire.base import Shape
from agent.wire.chat_request import chat_body
from agent.wire.messages_request import messages_body
from agent.wire.steering import messages_thinking_fields, thinking_fields

READ = Tool(name="read", description="", parameters={"type": "object"})
EFFORTS = ("low", "high", "max")
NO = ModelRow(id="dull", context_tokens=1, source="test")
OFF = {"thinking": {"type": "disabled"}}


def row(control: ThinkingControl, *efforts: str) -> ModelRow:
    """Return a model that thinks and is steered in a way."""
    both = control in ("toggle", "toggle-keep")
    return replace(
        NO,
        id="bright",
        thinking="both" if both else "only",
        thinking_control=control,
        efforts=efforts,
    )


TOGGLE, KEEP, ALWAYS = row("toggle"), row("toggle-keep"), row("always")
EFFORT, INSIDE = row("effort", *EFFORTS), row("thinking-effort", *EFFORTS)


@pytest.mark.parametrize(
    ("model", "effort", "chat", "messages"),
    [
        (None, "", {}, {}),
        (
            None,
            "medium",
            {"reasoning_effort": "medium"},
            {"thinking": {"type": "adaptive"}, "output_config": {"effort": "medium"}},
        ),
        (NO, "", {}, {}),
        (NO, "off", {}, {}),
        (TOGGLE, "", {}, {}),
        (TOGGLE, "off", OFF, OFF),
        (KEEP, "", {"thinking": {"type": "enabled", "keep": "all"}}, {}),
        (KEEP, "off", OFF, OFF),
        (ALWAYS, "", {}, {}),
        (EFFORT, "", {}, {}),
        (
            EFFORT,
            "high",
            {"reasoning_effort": "high"},
            {"thinking": {"type": "adaptive"}, "output_config": {"effort": "high"}},
        ),
        (INSIDE, "", {}, {}),
        (
            INSIDE,
            "max",
            {"thinking": {"type": "enabled", "effort": "max", "keep": "all"}},
            {"thinking": {"type": "adaptive"}, "output_config": {"effort": "max"}},
        ),
    ],
)
def test_each_model_is_steered_as_it_takes_it(
    model: ModelRow | None, effort: str, chat: object, messages: object
) -> None:
    """Never `thinking` and `reasoning_effort` together (nanobot#3939); `keep` where needed."""
    options = Options(effort=effort)
    assert thinking_fields(model, options) == chat
    assert messages_thinking_fields(model, options) == messages


@pytest.mark.parametrize(
    ("asked", "sent"),
    [
        ("low", "low"),
        ("minimal", "low"),
        ("light", "low"),
        ("medium", "high"),
        ("xhigh", "max"),
        ("ultra", "max"),
        ("highest", "max"),
    ],
)
def test_another_vendors_word_becomes_the_nearest(asked: str, sent: str) -> None:
    """Only the three words are sent: others are a 400 or are ignored in silence."""
    assert thinking_fields(EFFORT, Options(effort=asked)) == {"reasoning_effort": sent}


def test_a_row_that_lists_no_efforts_passes_the_word_on() -> None:
    """Nobody told them, which is not the same as none; the well-known words are still fitted."""
    unlisted = row("effort")
    assert thinking_fields(unlisted, Options(effort="low")) == {"reasoning_effort": "low"}
    assert thinking_fields(unlisted, Options(effort="medium")) == {"reasoning_effort": "high"}


@pytest.mark.parametrize(
    ("model", "effort", "sentence"),
    [
        (EFFORT, "weird", "bright has no effort 'weird'; it knows low, high, max."),
        (NO, "high", "dull has no effort 'high'; it does not think."),
        (KEEP, "high", "bright has no effort 'high'; it only knows `off`."),
        (ALWAYS, "high", "bright has no effort 'high'; how hard it thinks is its own."),
        (ALWAYS, "off", "bright always thinks: it cannot be turned off."),
        (EFFORT, "off", "bright always thinks: it cannot be turned off."),
        (None, "off", "Nothing is known of this model's thinking, so it cannot be turned off."),
    ],
)
def test_what_a_model_cannot_do_is_said_before_anything_is_sent(
    model: ModelRow | None, effort: str, sentence: str
) -> None:
    """The same sentence on both wires, with a command."""
    for fields in (thinking_fields, messages_thinking_fields):
        with pytest.raises(UsageError) as raised:
            fields(model, Options(effort=effort))
        assert raised.value.message == sentence
        assert "`hermes models`" in raised.value.remedy


AUTO = '"content":"a"}]'
IN_WORDS = '"content":"a"},{"role":"system","content":"%s"}]'


@pytest.mark.parametrize(
    ("model", "choice", "spoken", "asked"),
    [
        (None, "auto", AUTO, ""),
        (None, "none", AUTO, ',"tool_choice":"none"'),
        (None, "required", AUTO, ',"tool_choice":"required"'),
        (NO, "read", AUTO, ',"tool_choice":{"type":"function","function":{"name":"read"}}'),
        (ALWAYS, "none", AUTO, ',"tool_choice":"none"'),
        (ALWAYS, "required", IN_WORDS % "Call one of the tools now.", ""),
        (ALWAYS, "read", IN_WORDS % "Call the tool read now.", ""),
        (
            replace(EFFORT, tool_choices=("auto", "none", "required")),
            "required",
            AUTO,
            ',"tool_choice":"required"',
        ),
        (
            replace(EFFORT, tool_choices=("auto",)),
            "none",
            IN_WORDS % "Answer now without calling a tool.",
            "",
        ),
        (
            KEEP,
            "read",
            AUTO,
            ',"tool_choice":{"type":"function","function":{"name":"read"}},'
            '"thinking":{"type":"disabled"}',
        ),
        (KEEP, "auto", AUTO, ',"thinking":{"type":"enabled","keep":"all"}'),
    ],
)
def test_a_tool_is_forced_only_where_the_model_takes_it(
    model: ModelRow | None, choice: str, spoken: str, asked: str
) -> None:
    """big-AGI#1161: "tool_choice 'specified' is incompatible with thinking enabled" is a 400."""
    options = Options(tool_choice=choice)
    shape = Shape(model="m", row=model)
    body = chat_body([user("a")], shape, tools=[READ], options=options).decode()
    assert body == (
        '{"model":"m","messages":[{"role":"user",' + spoken + ","
        '"stream":true,"stream_options":{"include_usage":true},'
        '"tools":[{"type":"function","function":{"name":"read","description":"",'
        '"parameters":{"type":"object"}}}]' + asked + "}"
    )


@pytest.mark.parametrize(
    ("model", "choice", "spoken", "asked"),
    [
        (None, "none", "", ',"tool_choice":{"type":"none"}'),
        (None, "required", "", ',"tool_choice":{"type":"any"}'),
        (None, "read", "", ',"tool_choice":{"type":"tool","name":"read"}'),
        (ALWAYS, "read", ',{"type":"text","text":"Call the tool read now."}', ""),
        (TOGGLE, "required", "", ',"tool_choice":{"type":"any"},"thinking":{"type":"disabled"}'),
    ],
)
def test_the_messages_wire_follows_the_same_rule(
    model: ModelRow | None, choice: str, spoken: str, asked: str
) -> None:
    """The sentence stands at the end: at the top it would change what was sent before."""
    shape = Shape(model="m", row=model, budget_tokens=9)
    options = Options(tool_choice=choice)
    body = messages_body([user("a")], shape, tools=[READ], options=options).decode()
    assert body == (
        '{"model":"m","max_tokens":9,"messages":[{"role":"user","content":['
        '{"type":"text","text":"a"}' + spoken + ']}],"stream":true,'
        '"tools":[{"name":"read","description":"","input_schema":{"type":"object"}}]' + asked + "}"
    )


def test_without_tools_nothing_is_chosen() -> None:
    """A `tool_choice` without tools is a 400 at most endpoints."""
    options = Options(tool_choice="required")
    assert "tool_choice" not in chat_body([user("a")], Shape(model="m"), options=options).decode()
