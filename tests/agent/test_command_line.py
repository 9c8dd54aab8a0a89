"""A line for the shell is read as bash reads it, or not at all."""

import random
import subprocess
from pathlib import Path

import pytest

from agent.command_line import parse
from agent.command_parts import Command, NotUnderstood, Word


def words(line: str) -> list[list[str]]:
    """Return the words of every command, `?` for one that is not known."""
    return [[word.text if word.known else "?" for word in command.words] for command in parse(line)]


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("git log", [["git", "log"]]),
        ("a && b || c; d & e | f |& g\nh", [[each] for each in "abcdefgh"]),
        ("echo 'a && b' \"c; d\" e\\;f", [["echo", "a && b", "c; d", "e;f"]]),
        ('echo "$(rm -rf x)"', [["rm", "-rf", "x"], ["echo", "?"]]),
        ("echo `rm \\`a\\``", [["a"], ["rm", "?"], ["echo", "?"]]),
        ("diff <(a b) >(c)", [["a", "b"], ["c"], ["diff", "/dev/fd/63", "/dev/fd/63"]]),
        ("(cd x; rm y)", [["cd", "x"], ["rm", "y"]]),
        ("{ a; b; } && ! c", [["a"], ["b"], ["c"]]),
        ("if a; then b; elif c; then d; else e; fi", [[each] for each in "abcde"]),
        ("while a; do b; done", [["a"], ["b"]]),
        ('for x in 1 $(a); do b "$x"; done', [["a"], [], ["b", "?"]]),
        ("a # b; c\nd", [["a"], ["d"]]),
        ("a#b", [["a#b"]]),
        ("a \\\n b", [["a", "b"]]),
        ("echo {} {a} {a,b} {1..3}", [["echo", "{}", "{a}", "?", "?"]]),
        ("echo $x ${x} $1 $? $'\\n' $\"x\"", [["echo", *"??????"]]),
        ("\\if a", [["if", "a"]]),
        ('""if a', [["if", "a"]]),
        ("cat <<'E'\n$(rm x)\nE\nb", [["cat"], ["b"]]),
        ("cat <<E\n$(rm x)\nE\nb", [["cat"], ["rm", "x"], ["b"]]),
        ("cat <<-E\n\tx\n\tE\n", [["cat"]]),
        ("cat <<<x", [["cat"]]),
        ("", []),
        ("# nothing", []),
    ],
)
def test_a_line_is_taken_apart(line: str, expected: list[list[str]]) -> None:
    """Every simple command is found, wherever it hides, with its words as it would get them."""
    assert words(line) == expected


def test_a_message_in_a_here_document_is_known() -> None:
    """The usual way to give git a long message is a text, not an unknown."""
    line = "git commit -m \"$(cat <<'E'\nfix: it's $5\n\nMore.\nE\n)\""

    assert words(line) == [["cat"], ["git", "commit", "-m", "fix: it's $5\n\nMore."]]


@pytest.mark.parametrize(
    "line",
    [
        "git commit -m \"$(cat <<'E' >f\nx\nE\n)\"",
        "git commit -m \"$(cat <<'E' <f\nx\nE\n)\"",
        "git commit -m \"$(cat <<'E' <<<y\nx\nE\n)\"",
        "git commit -m \"$(cat f <<'E'\nx\nE\n)\"",
        'git commit -m "$(cat <<E\n$x\nE\n)"',
    ],
)
def test_what_prints_something_else_is_not_known(line: str) -> None:
    """A `cat` with another input, or whose text holds a variable, prints nobody knows what."""
    assert words(line)[-1] == ["git", "commit", "-m", "?"]


def test_redirections_and_variables_are_told() -> None:
    """What a command reads, writes and sets stands beside its words."""
    [command] = parse("A=1 B='x y' cmd <in 2>err >>out >|two &>both <>rw 2>&1 >&- >&file")

    assert [name for name, _ in command.assignments] == ["A", "B"]
    assert [word.text for word in command.words] == ["cmd"]
    assert [word.text for word in command.reads] == ["in"]
    written = [word.text for word in command.writes]
    assert written == ["err", "out", "two", "both", "rw", "file"]


def test_patterns_are_marked() -> None:
    """A word that stands for names of files says so; a quoted sign stands for itself."""
    [command] = parse("ls *.py '*' \"?\"")

    assert command.words[1] == Word("*.py", pattern=True)
    assert command.words[2:] == (Word("*"), Word("?"))


@pytest.mark.parametrize(
    "line",
    [
        "case x in a) rm b;; esac",
        "f() { rm x; }",
        "function f { rm x; }",
        "[[ -n x ]]",
        "((x=1))",
        "echo $((1+1))",
        "echo $[1+1]",
        "echo ${x:-$(rm y)}",
        "echo ${!x}",
        "echo ${x@P}",
        "a=(1 2)",
        "a[0]=1",
        "echo 'open",
        'echo "open',
        "echo `open",
        "echo $(open",
        "(open",
        "close)",
        "cat <<E\nno end",
        "cat <<E\nx\nE)\n",
        "cat <<E $(a\nb)\nE\n",
        "ls ?(x)",
        "exec {fd}>x",
        "a >",
        "a\\",
        "a\u202eb",
        "a\u00a0b",
        "a\x1b[2Jb",
        "coproc a",
        "select x in a; do b; done",
        "$(" * 40,
        "x" * 100_001,
    ],
)
def test_what_may_be_read_in_two_ways_is_not_read(line: str) -> None:
    """Arithmetic, arrays, functions, open quotes, invisible signs: nobody guesses at them."""
    with pytest.raises(NotUnderstood):
        parse(line)


# --- compared with bash -------------------------------------------------------------------

PARTS = [
    *("c1", "c2", "c3", " ", " ", " ", "'", '"', "$(", "`", ")", "(", "{ ", "}", ";", "&", "&&"),
    *("|", "||", "\n", "<<E", "<<'E'", "\nE\n", "E", "<", ">f", "#", "\\", "$x", "*", "=", "x="),
    *("if ", "then ", "fi", "! ", "{", "2", "<(", "\t", "a", "for x in ", "do ", "done", "<<<"),
    *("&>f", ",", "[", "$'", "${x}", "\\\n", "<<-E", "$\\\n", ">&", "<&-", "\\\n<"),
]
# Whatever is no command of the shell's own tells its words, and goes on as if all were well.
REPORTER = """
command_not_found_handle() { printf '%s\\0' "$line" "$@" @end >&9; }
while IFS= read -r -d '' text; do
    line=$((line + 1)); export line
    ( eval "$text" ) </dev/null >/dev/null 2>&1
done
exit 0
"""


def ran_in_bash(lines: list[str], directory: Path) -> list[tuple[int, list[str]]]:
    """Return what bash would run: the number of the line, and the words of each command."""
    script = f"exec 9>{directory / 'told'}; mkdir w; cd w; PATH=/none; {REPORTER}"
    subprocess.run(
        ["bash", "-c", script],
        input="".join(f"{line}\0" for line in lines).encode(),
        cwd=directory,
        capture_output=True,
        timeout=60,
        check=True,
    )
    told = (directory / "told").read_bytes().decode()
    found = [each.split("\0") for each in told.split("\0@end\0")[:-1]]
    return [(int(number) - 1, argv) for number, *argv in found]


def fits(argv: list[str], command: Command) -> bool:
    """Say whether we saw this command: word by word, or by its name where words are unknown."""
    told = [word for word in command.words if word.text != "time" or len(command.words) == 1]
    if not told:
        return False
    if all(word.known and not word.pattern for word in told):
        return argv in ([word.text for word in told], [word.text for word in command.words])
    return not told[0].known or told[0].pattern or told[0].text == argv[0]


def test_bash_runs_nothing_that_we_did_not_see(tmp_path: Path) -> None:
    """Of thousands of lines at random, whatever bash would run is a command that was found."""
    chance = random.Random(20261122)  # noqa: S311 - the same lines each time
    seen: list[tuple[str, tuple[Command, ...]]] = []
    for _ in range(6000):
        line = "".join(chance.choice(PARTS) for _ in range(chance.randint(2, 14)))
        try:
            seen.append((line, parse(line)))
        except NotUnderstood:
            continue

    ran = ran_in_bash([line for line, _ in seen], tmp_path)

    assert len(ran) > 500
    missed = [
        (seen[number][0], argv)
        for number, argv in ran
        if not any(fits(argv, command) for command in seen[number][1])
    ]
    assert missed == []


def test_it_is_told_what_stands_before_a_command() -> None:
    """The operator, `?` where a group or a word of its own comes between; and what is in a loop."""
    line = "a && b | c; if d; then e; fi && f $(g && h) && i\nwhile j; do k; done; l"
    found = {each.words[0].text: (each.after, each.in_loop) for each in parse(line)}

    assert found == {
        "a": ("", False),
        "b": ("&&", False),
        "c": ("|", False),
        "d": ("?", False),
        "e": ("?", False),
        "g": ("", False),
        "h": ("&&", False),
        "f": ("?", False),
        "i": ("&&", False),
        "j": ("?", True),
        "k": ("?", True),
        "l": ("?;", False),
    }
