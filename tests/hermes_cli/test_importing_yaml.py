"""The strict reader of YAML: what it takes, what it leaves, what it refuses."""

import contextlib
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hermes_cli.importing.yaml_lines import NotUnderstood, parse_yaml

# Pieces on which the structure of YAML turns.
pieces = st.lists(
    st.sampled_from(
        (
            *("a", "b: ", "c:", "- ", "-", "  ", "\n", "\n  ", "'q'", '"q', "|", "[x", "{k: v}"),
            *("&x ", "*x", "# c", "?", "---", "\t", ": ", "''", "\\", "<<: *x", "\r", "\u2028"),
        )
    ),
    max_size=20,
).map("".join)


def read(text: str) -> dict[tuple[str | int, ...], str | None]:
    """Return path → value."""
    return {setting.path: setting.value for setting in parse_yaml(text)}


@pytest.mark.parametrize(
    ("line", "value"),
    [
        ("KEY: x", "x"),
        ("KEY:    x   # remark", "x"),
        ("KEY: x#y", "x#y"),
        ('KEY: "x # y"', "x # y"),
        ("KEY: 'x' # y", "x"),
        ("'KEY' : x", "x"),
        ('"KEY": https://host/v1', "https://host/v1"),
        ("KEY: ~", ""),
        ("KEY: null", ""),
        ("KEY: ''", ""),
        ("KEY: x\r\n", "x"),
        ("KEY:\n  x", "x"),
        ("---\nKEY: x", "x"),
        ("  KEY: x", "x"),
    ],
)
def test_a_text_on_one_line_is_read(line: str, value: str) -> None:
    """Plain and quoted texts, with remarks behind them."""
    assert read(line) == {("KEY",): value}


@pytest.mark.parametrize(
    "lines",
    [
        'KEY: "x\\ty"',
        "KEY: 'it''s'",
        "KEY: [x, y]",
        "KEY: {x: y}",
        "KEY: *x",
        "KEY: &x y",
        "KEY: !!str x",
        "KEY: |\n  OTHER: x",
        "KEY: >-\n  x\n\n  y",
        "KEY: x\n  y",
        'KEY: "x\n  OTHER: y"',
        "KEY:\n  x\n  y",
        "KEY: x: y",
        "KEY: @x",
        "KEY: ? x",
    ],
)
def test_anything_more_is_there_without_its_value(lines: str) -> None:
    """What the reader does not take apart is None, and nothing inside of it is a setting."""
    assert read(lines) == {("KEY",): None}
    assert read(f"{lines}\nLAST: z")["LAST",] == "z"


def test_keys_and_lists_nest() -> None:
    """Paths name keys, and items by their number, whether a list is set in or not."""
    text = (
        "model:\n  provider: kimi\n  deep:\n    er: 1\nlist:\n- name: a\n  url: b\n- c\n"
        "other:\n  - x\n  -\n    y: z\n  - - w\nlast: end\n"
    )

    assert read(text) == {
        ("model", "provider"): "kimi",
        ("model", "deep", "er"): "1",
        ("list", 0, "name"): "a",
        ("list", 0, "url"): "b",
        ("list", 1): "c",
        ("other", 0): "x",
        ("other", 1, "y"): "z",
        ("other", 2, 0): "w",
        ("last",): "end",
    }


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("A: x\nA: y", 2),
        ("A: x\n---\nB: y", 2),
        ("%YAML 1.2", 1),
        ("just words", 1),
        ("A:\n  b: x\n c: y", 3),
        ("A:\n\tb: x", 2),
        ("A: [x,\n]", 2),
        ('A: "x\ny"', 2),
        ("A: x\n\x00", 2),
        ("A: x\rB: y", 1),
        ("# a\u2028B: y", 1),
        ("? A\n: x", 1),
        ("A:\n  b:\n- c", 3),
    ],
)
def test_a_line_in_doubt_is_refused(text: str, line: int) -> None:
    """Where the structure could be read in two ways, none is taken; the line is told."""
    with pytest.raises(NotUnderstood) as caught:
        parse_yaml(text)

    assert caught.value.line == line


@given(pieces)
def test_nothing_else_is_ever_raised(text: str) -> None:
    """Any text is read or refused; a value is a piece of one line of it."""
    try:
        settings = parse_yaml(text)
    except NotUnderstood:
        return
    lines = text.split("\n")
    assert all(s.value is None or any(s.value in line for line in lines) for s in settings)


@pytest.mark.parametrize(
    "line",
    ["a" + " " * 900_000, "a:" * 400_000, '"' + "\\" * 900_000, "- " * 450_000, "a: '" * 200_000],
)
def test_a_hostile_line_costs_no_more_than_its_length(line: str) -> None:
    """Patterns that try again at every character would take hours for a megabyte."""
    started = time.process_time()
    with contextlib.suppress(NotUnderstood):
        parse_yaml(line)

    assert time.process_time() - started < 5


def test_a_setting_never_shows_its_value() -> None:
    """It may be a key, and tracebacks print what is in them."""
    [setting] = parse_yaml("KEY: sk-something-secret")

    assert repr(setting) == "<KEY in line 1>"
