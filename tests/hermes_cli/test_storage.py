"""The grammar of the two files, and changes that keep every other byte."""

import subprocess
import tomllib
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent.errors import BrokenFile, ConfigurationError
from hermes_cli.dotenv import change_variables, parse_variables
from hermes_cli.storage import change_settings, read_text, settings_line, shell_path

PATH = Path("/somewhere/config.toml")
BASE_URL = ("providers", "kimi-coding", "base_url")

# What a value may hold: everything but line breaks and control characters.
values = st.text(
    st.characters(exclude_categories=("Cc", "Cs"), exclude_characters="\u2028\u2029"), max_size=30
)
# Texts that are mostly the characters the grammar turns on.
texts = st.lists(
    st.text(st.sampled_from("AB=#'\"\\ \t\r$x\ufeffé"), max_size=12)
    | st.sampled_from(["A=", "A= # x", "A='x'", "export B=x # y", "C = x\r", 'B="\\""', "A='x"]),
    max_size=6,
).map("\n".join)


def read(text: str) -> dict[str, str]:
    """Return what a `.env` text sets."""
    return {assignment.name: assignment.value for assignment in parse_variables(text)[0]}


@pytest.mark.parametrize(
    ("line", "value"),
    [
        ("A=x", "x"),
        ("export A=x", "x"),
        ("  export\tA = x  ", "x"),
        ("A='x y # z'", "x y # z"),
        ("A='x' # note", "x"),
        ('A="x \\"y\\" \\$z \\n"', 'x "y" $z \\n'),
        ("A=x # note", "x"),
        ("A=x#y", "x#y"),
        ("A=#x", "#x"),
        ("A= # note", ""),
        ("A=", ""),
        ("A=x=y==", "x=y=="),
        ("A=x y", "x y"),
        ("A=x'y", "x'y"),
        ("A=$HOME/x", "$HOME/x"),
        ("\ufeffA=x\r", "x"),
        ("export=x", None),
    ],
)
def test_a_line_is_read_as_it_is_meant(line: str, value: str | None) -> None:
    """Quotes, comments, `export`, a byte order mark and CRLF are understood; nothing expands."""
    assert read(line).get("A") == value


@pytest.mark.parametrize(
    "line",
    ["A", "export A", "1A=x", "A='x", 'A="x', "A='x'y", "A='x'#y", "sk-ab=", "A=\x1bx", "=x"],
)
def test_a_bad_line_is_named_by_number_and_the_others_are_read(line: str) -> None:
    """One line that is no assignment costs nothing but itself."""
    assignments, bad_lines = parse_variables(f"# top\nB=1\n{line}\nC=2\n")

    assert [assignment.name for assignment in assignments] == ["B", "C"]
    assert bad_lines == [3]


def test_an_assignment_does_not_show_its_value() -> None:
    """A key in `.env` cannot leave by way of `repr`."""
    [assignment] = parse_variables("KIMI_API_KEY=sk-kimi-canary")[0]

    assert repr(assignment) == "<KIMI_API_KEY in line 1>"


def test_a_change_keeps_every_other_byte() -> None:
    """Comments, order, blanks, line ends, `export` and the note behind a value stay."""
    before = (
        "\ufeff# mine\r\nA=1\r\n\r\n  export KIMI_API_KEY='old'  # work\r\nB = 2\r\nbad line\r\nC=3"
    )

    after = change_variables(before, {"KIMI_API_KEY": "new", "KIMI_BASE_URL": "https://a.invalid"})

    assert after == (
        "\ufeff# mine\r\nA=1\r\n\r\n  export KIMI_API_KEY=new  # work\r\nB = 2\r\nbad line\r\nC=3"
        "\r\nKIMI_BASE_URL=https://a.invalid\r\n"
    )


def test_setting_replaces_the_assignment_that_counts_and_drops_the_others() -> None:
    """A name set twice is afterwards set once, where it counted before."""
    assert change_variables("A=1\nB=2\nA=3\nC=4\n", {"A": "9"}) == "B=2\nA=9\nC=4\n"


def test_removing_takes_every_assignment() -> None:
    """No older value comes to life when the last one goes."""
    assert change_variables("A=1\nB=2\nexport A='3'\n", {"A": None}) == "B=2\n"


def test_an_equal_value_keeps_its_spelling() -> None:
    """Saving what is there already changes nothing, quotes included."""
    text = "A='x' # note\n"

    assert change_variables(text, {"A": "x", "MISSING": None}) == text


@given(texts, values, st.sampled_from("ABC"))
def test_what_is_written_to_any_env_file_reads_back(text: str, value: str, name: str) -> None:
    """Whatever the file holds, a value is read as it was given, and the others as before."""
    before = read(text)

    after = change_variables(text, {name: value})

    assert read(after) == {**before, name: value}
    assert len(parse_variables(after)[1]) == len(parse_variables(text)[1])
    without = read(change_variables(after, {name: None}))
    assert without == {key: text for key, text in before.items() if key != name}


def test_a_shell_reads_what_we_write(tmp_path: Path) -> None:
    """`. ~/.hermes/.env` gives the same values, quotes and dollar signs included."""
    wanted = {"A": "sk-kimi-x", "B": 'it\'s $HOME `x` \\ "q"', "C": "a b # c", "D": "\\n $(ls)"}
    path = tmp_path / ".env"
    path.write_text(change_variables("", wanted))

    script = 'set -a; . "$1"; printf "%s\\n" "$A" "$B" "$C" "$D"'
    shell = subprocess.run(
        ["sh", "-c", script, "sh", path], capture_output=True, text=True, check=True
    )

    assert shell.stdout.splitlines() == list(wanted.values())


@pytest.mark.parametrize("value", ["a\nb", "a\r", "\x1b[2J", "a\tb", "a\u2028b", "\x00", "\udc80"])
def test_a_value_with_a_line_break_or_control_character_is_refused(value: str) -> None:
    """It could become a line of its own; the sentence does not repeat it."""
    with pytest.raises(ConfigurationError, match="KIMI_API_KEY holds a line break") as refused:
        change_variables("A=1\n", {"KIMI_API_KEY": value})
    assert value not in refused.value.message
    with pytest.raises(ConfigurationError, match="model holds a line break"):
        change_settings("", {("model",): value}, PATH)


def test_a_name_that_is_none_is_refused() -> None:
    """`config set` cannot write a line that would not be read back."""
    with pytest.raises(ConfigurationError, match="name of a variable"):
        change_variables("", {"A B": "x"})


def test_a_setting_gets_its_table_and_comments_stay() -> None:
    """A first setting of a provider makes `[providers.ID]`; what was there is untouched."""
    before = '# mine\nmodel = "a" # why\n\n[other] # theirs\nx = 1\n'

    after = change_settings(before, {("model",): "b", BASE_URL: "https://a.invalid"}, PATH)

    assert after == (
        '# mine\nmodel = "b" # why\n\n[other] # theirs\nx = 1\n\n'
        '[providers.kimi-coding]\nbase_url = "https://a.invalid"\n'
    )


def test_a_table_left_empty_goes_unless_a_comment_stands_in_it() -> None:
    """Unsetting the last setting leaves no empty headers, and no comment is lost."""
    text = '[providers.a]\nx = "1"\n\n[providers.b]\n# keep me\nx = "1"\n'

    after = change_settings(
        text, {("providers", "a", "x"): None, ("providers", "b", "x"): None}, PATH
    )
    assert "providers.a" not in after
    assert "[providers.b]\n# keep me\n" in after

    only = '[providers.a]\nx = "1"\n'
    assert change_settings(only, {("providers", "a", "x"): None}, PATH).strip() == ""


@pytest.mark.parametrize(
    "text",
    [
        'providers = { kimi-coding = { base_url = "old", wire = "chat" } }\n',
        'providers.kimi-coding.base_url = "old"\nproviders.kimi-coding.wire = "chat"\n',
        '[providers."kimi-coding"]\r\nbase_url = \'old\'\r\nwire = "chat"\r\n',
        '[providers]\nkimi-coding.base_url = "old"\nkimi-coding.wire = "chat"\n',
        '[providers.kimi-coding]\nwire = "chat"\n[other]\n[providers.zai]\nx = "y"\n',
        "\ufeff[providers.kimi-coding]\nwire = 'chat'\n",
    ],
)
def test_every_spelling_of_a_table_can_be_changed(text: str) -> None:
    """Inline, dotted, quoted, out of order: set and unset say what was meant and nothing else."""
    before = tomllib.loads(text.removeprefix("\ufeff"))

    changed = change_settings(text, {BASE_URL: "new"}, PATH)
    after = tomllib.loads(changed.removeprefix("\ufeff"))
    assert after["providers"]["kimi-coding"] == {"base_url": "new", "wire": "chat"}
    assert {key: after[key] for key in after if key != "providers"} == {
        key: before[key] for key in before if key != "providers"
    }

    unset = change_settings(changed, {BASE_URL: None}, PATH).removeprefix("\ufeff")
    assert tomllib.loads(unset)["providers"]["kimi-coding"] == {"wire": "chat"}


def test_unsetting_what_is_not_set_changes_nothing() -> None:
    """Not a byte, wherever the path ends."""
    text = 'model="a"\n[other]\n'

    assert change_settings(text, {BASE_URL: None, ("x",): None}, PATH) == text
    assert change_settings("", {BASE_URL: None}, PATH) == ""


@given(values, values)
def test_a_setting_reads_back(first: str, second: str) -> None:
    """Any value without control characters survives TOML, beside another one."""
    text = change_settings("# top\n[other]\nx = 1\n", {("model",): first, BASE_URL: second}, PATH)

    settings = tomllib.loads(text)
    assert settings["model"] == first
    assert settings["providers"]["kimi-coding"]["base_url"] == second
    assert settings["other"] == {"x": 1}


@pytest.mark.parametrize(
    ("text", "problem"), [('providers = "x"\n', "is a value"), ("[model]\nx = 1\n", "is a table")]
)
def test_a_path_that_meets_something_else_is_refused(text: str, problem: str) -> None:
    """A table is not overwritten by a value, nor a value by a table."""
    with pytest.raises(ConfigurationError, match=problem):
        change_settings(text, {("model",): "a", BASE_URL: "b"}, PATH)


def test_a_broken_config_is_named_with_line_and_column() -> None:
    """The sentence says where to look, and the remedy opens the file."""
    with pytest.raises(BrokenFile, match=r"config\.toml cannot be parsed: .*line 2") as broken:
        change_settings('model = "a"\nmodel = = 1\n', {("model",): "b"}, PATH)

    assert broken.value.exit_code == 3
    assert "/somewhere/config.toml" in broken.value.remedy


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ('# x\n[providers.kimi-coding]\n\nbase_url = "u"\n', 4),
        ('[providers."kimi-coding"] # x\n"base_url" = "u"\n', 2),
        ('[other]\nbase_url = "v"\n[providers]\nkimi-coding.base_url = "u"\n', 4),
        ('\ufeffproviders = { kimi-coding = { base_url = "u" } }\n', 1),
        ("[[providers]]\nbase_url = 1\n", 0),
    ],
)
def test_the_line_of_a_setting_is_found(text: str, line: int) -> None:
    """`explain` can name the line, however the table is spelled."""
    assert settings_line(text, BASE_URL) == line


def test_a_file_that_is_no_text_is_refused_with_its_line(tmp_path: Path) -> None:
    """Latin-1 in line 2 is named; a directory and a dump of megabytes are sentences too."""
    path = tmp_path / ".env"
    path.write_bytes(b"A=1\nB=\xe9\n")
    with pytest.raises(BrokenFile, match="not UTF-8 text: line 2") as broken:
        read_text(path)
    assert str(path) in broken.value.remedy
    assert path.read_bytes() == b"A=1\nB=\xe9\n"

    with pytest.raises(BrokenFile, match="cannot be read: Is a directory"):
        read_text(tmp_path)
    path.write_bytes(b"#" * (1024 * 1024 + 1))
    with pytest.raises(BrokenFile, match="longer than 1 MiB"):
        read_text(path)


def test_a_path_in_a_command_can_be_copied(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The home is `~`; a path with blanks is quoted so that the shell reads one word."""
    monkeypatch.setenv("HOME", str(tmp_path))
    blank = tmp_path / "a b" / ".env"

    assert shell_path(tmp_path / ".hermes" / ".env") == "~/.hermes/.env"
    printed = subprocess.run(
        ["sh", "-c", f"printf %s {shell_path(blank)}"], capture_output=True, text=True, check=True
    )
    assert printed.stdout == str(blank)
