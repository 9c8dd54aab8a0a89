"""Arguments as models write them: what is mended, what is refused, what is said."""

import json
from pathlib import Path
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent.messages import ToolCall
from agent.sandbox import Sandbox
from agent.tools.arguments import decode, shape
from agent.tools.base import BaseTool, ToolError, Workspace
from agent.tools.edit import Edit, Replacement
from agent.tools.mending import NotMended, mended
from agent.tools.read import Read
from agent.tools.shell import Shell
from agent.tools.write import Write

NOWHERE = Workspace(root=Path("/nowhere"), scratch=Path("/nowhere/scratch"))
READ, WRITE, EDIT = Read(NOWHERE), Write(NOWHERE), Edit(NOWHERE)
SHELL = Shell(NOWHERE, Sandbox(kind="off"))


def _decoded(text: str, tool: BaseTool[Any]) -> Any:
    return decode(ToolCall("1", tool.tool.name, text), tool)


def _told(text: str, tool: BaseTool[Any]) -> str:
    with pytest.raises(ToolError) as raised:
        _decoded(text, tool)
    return str(raised.value)


SLIPS = {
    "a comma before the end": '{"path": "a", "content": "x",}',
    "single quotes": "{'path': 'a', 'content': 'x'}",
    "names without quotes": '{path: "a", content: "x"}',
    "a code fence": '```json\n{"path": "a", "content": "x"}\n```',
    "a bracket missing": '{"path": "a", "content": "x"',
    "a bracket too many": '{"path": "a", "content": "x"}}',
    "JSON in a string": json.dumps('{"path": "a", "content": "x"}'),
    "a member nobody knows": '{"path": "a", "content": "x", "why": None}',
}


@pytest.mark.parametrize("text", SLIPS.values(), ids=SLIPS)
def test_a_slip_with_one_reading_is_mended(text: str) -> None:
    """The call goes on as it was meant, without a round trip."""
    arguments = _decoded(text, WRITE)

    assert (arguments.path, arguments.content) == ("a", "x")


def test_line_ends_within_a_text_are_kept() -> None:
    """A file's content written without escapes arrives as it was written."""
    arguments = _decoded('{"path": "a", "content": "one\n\ttwo\r\n"}', WRITE)

    assert arguments.content == "one\n\ttwo\r\n"


def test_a_backslash_that_escapes_nothing_stays() -> None:
    """A regular expression written without doubled backslashes is one still."""
    assert mended(r'{"p": "\d+\.\w é \u00e9"}', may_be_cut=False) == {"p": r"\d+\.\w é é"}


@pytest.mark.parametrize(
    "text",
    [
        '{"path": "a", "content": "half of it',
        '{"path": "a", "content": "half of it\\',
        '{"path": "a", "content"',
        '{"path": "a", ',
        '{"path": "a", "content": print("x")}',
        '{"path": "a", "content": "say "hello""}',
        "{'path': 'a', 'content': 'it's'}",
    ],
)
def test_a_content_that_may_have_lost_something_is_never_written(text: str) -> None:
    """What was cut off, or has a quote too many, is refused; a guess would damage a file."""
    assert "cannot be read" in _told(text, WRITE)


def test_a_list_that_was_cut_off_is_refused_where_something_is_changed() -> None:
    """The edits that are missing would be missing in the file too."""
    told = _told('{"path": "a", "edits": [{"old": "x", "new": "y"}', EDIT)

    assert "ends in the middle of a list" in told


def test_reading_with_arguments_cut_off_is_harmless() -> None:
    """A tool that only reads takes what there is."""
    assert _decoded('{"path": "src/a.py', READ).path == "src/a.py"


def test_types_that_say_the_same_are_taken() -> None:
    """Numbers in quotes, null for nothing, and one object for a list of one."""
    arguments = _decoded('{"path": "a", "offset": "7", "limit": null}', READ)
    assert (arguments.offset, arguments.limit) == (7, 2000)

    one = (Replacement("x", "y"),)
    for edits in ({"old": "x", "new": "y"}, '[{"old": "x", "new": "y"}]'):
        assert _decoded(json.dumps({"path": "a", "edits": edits}), EDIT).edits == one
    assert _decoded('{"path": "a", "old": "x", "new": "y"}', EDIT).replacements() == one


def test_the_error_names_the_place_and_the_right_shape() -> None:
    """The model can mend its call from the answer alone."""
    assert _told('{"path": "a", "edits": [{"old": "x"}]}', EDIT) == (
        "The arguments of edit cannot be read: `edits[0]`: Object missing required field `new`. "
        'Nothing was done. The right shape: {"path": text, '
        '"edits": [{"old": text, "new": text, "all"?: true|false}, ...]}'
    )
    assert "missing required field `path`" in _told("", READ)
    broken = _told('{"path": "a" "content": "x"}', WRITE)
    assert 'A `,` or `}` is missing, at character 14, after `{"path": "a" `' in broken


def test_half_a_pair_of_surrogates_is_told() -> None:
    r"""`"\ud83d"` alone in a path or a command was an error that ended the whole turn."""
    told = _told(r'{"command": "echo \ud83d"}', SHELL)
    assert "A text holds half of a surrogate pair, at character 13" in told
    assert _decoded(r"{'command': 'echo \ud83d\ude00'}", SHELL).command == "echo \N{GRINNING FACE}"


@pytest.mark.parametrize("text", ['{"cmd": "ls"}', '{"input": {"command": "ls"}}'])
def test_a_wrong_name_is_told_where_nothing_must_be_there(text: str) -> None:
    """The shell took `cmd` for nothing at all, and answered that there were no jobs."""
    assert "Object has no field `" in _told(text, SHELL)
    assert _decoded('{"command": "ls", "description": "List."}', SHELL).command == "ls"
    assert _decoded("", SHELL).command == ""


def test_a_shape_shows_choices() -> None:
    """Words to choose from are told as they are."""
    assert shape({"type": "string", "enum": ["open", "done"]}) == '"open"|"done"'


@pytest.mark.parametrize("text", ["[" * 100_000, '{"path":' * 5000, "\ud800", '{"path": 1e999}'])
def test_what_would_break_a_parser_is_an_answer_too(text: str) -> None:
    """No call, however odd, raises anything but what goes back to the model."""
    assert "cannot be read" in _told(text, WRITE)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=8,
)


@given(JSON)
def test_the_mender_reads_json_as_json(value: object) -> None:
    """What is not broken is not changed."""
    assert mended(json.dumps(value), may_be_cut=False) == value
    assert mended(msgspec.json.encode(value).decode(), may_be_cut=False) == value


def _is_whole(read: object, meant: object) -> bool:
    """Say whether all that was read is as it was meant; members may be missing at the end."""
    if isinstance(read, dict) and isinstance(meant, dict):
        return all(_is_whole(member, meant[name]) for name, member in read.items())
    return read == meant


@given(JSON, st.data())
def test_a_text_cut_anywhere_loses_nothing_unseen(value: object, data: st.DataObject) -> None:
    """Cut off at any character, it is refused or every text and list in it is whole."""
    meant = {"a": value, "b": "end"}
    text = json.dumps(meant)
    part = text[: data.draw(st.integers(0, len(text)))]
    try:
        read = mended(part, may_be_cut=False)
    except NotMended:
        return
    assert _is_whole(read, meant)


@given(st.text(alphabet="{}[]\"':,\\ntu0a1 \n-.e") | st.text())
def test_any_text_is_arguments_or_a_refusal(text: str) -> None:
    """Nothing else comes out, whatever a model writes."""
    for tool in (READ, WRITE, EDIT):
        try:
            arguments = _decoded(text, tool)
        except ToolError:
            continue
        assert isinstance(arguments, tool.arguments)
