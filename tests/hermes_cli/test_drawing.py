"""What a conversation draws, as values: Markdown, tool lines, the status line, pastes, answers."""

import json
import re
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from prompt_toolkit.completion import CompleteEvent
from prompt_toolkit.document import Document
from prompt_toolkit.utils import get_cwidth

from agent.errors import UsageError
from agent.events import TextDelta, ThinkDelta, WindowLearnt
from agent.loop_events import ToolBegan, ToolEnded
from agent.messages import ImagePart, TextPart, ToolCall, text_of
from agent.tools.base import Outcome
from hermes_cli.approval import Decision, choices, decision_of
from hermes_cli.attachments import message_of
from hermes_cli.ui.blocks import Blocks
from hermes_cli.ui.completion import ConversationCompleter
from hermes_cli.ui.live_screen import LiveScreen
from hermes_cli.ui.markdown import painted
from hermes_cli.ui.pastes import Pastes
from hermes_cli.ui.sentences import sentence_of
from hermes_cli.ui.status_line import Status, branch_of
from hermes_cli.ui.style import printable, styled
from hermes_cli.ui.tool_lines import call_words, diff_lines, duration, ended_line

DOCUMENT = """# Title

Some *text* with `code`.

1. one

   more of one
2. two

   ```python
   x = 1

   y = 2
   ```

- a
- b

~~~
# no title

still code
~~~
After
"""
PNG = b"\x89PNG\r\n\x1a\n" + b"\0" * 30


def blocks_of(text: str, *cuts: int) -> list[str]:
    """Return the blocks of a text that comes in pieces."""
    blocks, found, start = Blocks(), [], 0
    for cut in (*sorted(cut % (len(text) + 1) for cut in cuts), len(text)):
        found += blocks.add(text[start:cut])
        start = cut
    return [block for block in (*found, blocks.end()) if block]


def test_blocks_end_where_nothing_later_can_change_them() -> None:
    """Lists keep what is set in, fences keep their blank lines; nothing is lost."""
    found = blocks_of(DOCUMENT)

    assert [block.partition("\n")[0] for block in found] == [
        *("# Title", "Some *text* with `code`.", "1. one", "- a", "~~~", "After"),
    ]
    assert re.sub(r"\n+", "\n", "".join(found)) == re.sub(r"\n+", "\n", DOCUMENT)


@given(st.lists(st.integers(min_value=0, max_value=len(DOCUMENT)), max_size=12))
def test_blocks_do_not_depend_on_how_the_text_is_cut(cuts: list[int]) -> None:
    """The same blocks come out, whatever pieces an endpoint sends."""
    assert blocks_of(DOCUMENT, *cuts) == blocks_of(DOCUMENT)


@given(st.text(alphabet="ab `~#-\n>|*", max_size=60), st.integers(0, 60))
def test_no_text_is_lost_between_blocks(text: str, cut: int) -> None:
    """Every sign that is not a line break comes out once, in order."""
    assert "".join(blocks_of(text, cut)).replace("\n", "").strip() == text.replace("\n", "").strip()


def test_markdown_is_drawn_within_the_width_and_can_be_copied() -> None:
    """No line is longer, none ends in blanks, and code stands as it is in the source."""
    drawn = painted(f"{'word ' * 60}\n\n```python\ndef f():\n    return 1\n```", 40, colours=False)

    assert max(map(len, drawn.splitlines())) <= 40
    assert not any(line.endswith(" ") for line in drawn.splitlines())
    assert "\ndef f():\n    return 1" in drawn


@pytest.mark.parametrize("colours", [True, False])
def test_markdown_has_our_escapes_and_no_others(*, colours: bool) -> None:
    """Sixteen colours at most and no background; control characters of the text are gone."""
    drawn = painted(
        f"{DOCUMENT}\n\n\x1b]0;evil\x07[link](http://x.y)\n\n> q\n\n---", 60, colours=colours
    )
    styles = {code for found in re.findall(r"\x1b\[([0-9;]*)m", drawn) for code in found.split(";")}

    assert "]0;evil" in drawn
    assert "\x07" not in drawn
    assert re.sub(r"\x1b\[[0-9;]*m", "", drawn).isprintable() or "\n" in drawn
    assert not {code for code in styles if code.startswith(("4", "10", "38", "48")) and code != "4"}
    assert bool(styles) is colours


def ended(
    arguments: str,
    outcome: Outcome,
    *,
    name: str = "shell",
    seconds: float = 0.1,
    columns: int = 0,
) -> str:
    """Return the line of a call that is done."""
    call = ToolCall("x:0", name, arguments)
    return ended_line(ToolEnded(call=call, outcome=outcome, seconds=seconds), columns=columns)


def test_a_call_is_one_line_whatever_it_holds() -> None:
    """The value that says most, cut; broken arguments as they are; the duration if it is long."""
    assert ended('{"command": "ls\\n-l"}', Outcome.of("a")) == "✓ shell ls -l · a"
    failed = Outcome.of("no\nmore", is_error=True)
    assert ended('{"path": "a b"}', failed, name="read", seconds=75) == (
        "✗ read a b · no · 1 min 15 s"
    )
    assert ended("{broken", Outcome.of("", summary="exit 1, 2.0 s"), seconds=2) == (
        "✓ shell {broken · exit 1, 2.0 s"
    )
    assert len(call_words(ToolCall("x", "write", '{"path": "' + "p" * 500 + '"}'))) <= 72
    assert [duration(0.44), duration(12.9), duration(200)] == ["0.4 s", "12 s", "3 min 20 s"]


def test_a_call_takes_one_line_of_a_narrow_terminal() -> None:
    """What it was is cut before what it gave; wide signs count as the two columns they take."""
    command = '{"command": "printf 日本語日本語 | sort -u | head -n 20 >/tmp/somewhere.txt"}'
    outcome = Outcome.of("", summary="exit 0, 0.1 s")

    assert ended(command, outcome, columns=60) == (
        "✓ shell printf 日本語日本語 | sort -u | hea… · exit 0, 0.1 s"
    )
    assert get_cwidth(ended(command, outcome, columns=60)) <= 60
    assert ended(command, outcome, columns=200).endswith("somewhere.txt · exit 0, 0.1 s")
    long = Outcome.of("why " * 40, is_error=True)
    assert all(get_cwidth(ended(command, long, columns=at)) <= at for at in range(1, 90))


def live_screen() -> LiveScreen:
    """Return a screen in the middle of a turn."""
    screen = LiveScreen()
    screen.sink.place = lambda _: None
    screen.begin_turn()
    return screen


@pytest.mark.parametrize("sign", ["x", "字"])
def test_what_is_live_fits_the_terminal(sign: str) -> None:
    """A line of ten thousand signs, twenty calls, long thinking: the prompt stays in sight."""
    screen = live_screen()
    screen.show(ThinkDelta("hm " * 500))
    thinking = screen.live(40, 10)
    screen.show(TextDelta(sign * 10_000))
    text = screen.live(40, 10)
    for number in range(20):
        call = ToolCall(str(number), "read", json.dumps({"path": sign * 60}))
        screen.show(ToolBegan(call=call, action=None))
    calls = screen.live(40, 10)

    for lines in (thinking, text, calls):
        plain = [re.sub(r"\x1b\[[0-9;]*m", "", line) for line in lines]
        assert len(plain) <= 7
        assert all(get_cwidth(line) <= 40 for line in plain)


def test_a_block_does_not_move_when_it_is_finished() -> None:
    """The blank line that will stand between two blocks is there while the second one grows."""
    screen = live_screen()
    screen.show(TextDelta("One.\n\nTwo"))

    assert screen.live(40, 24)[:2] == ["", "Two"]


def test_a_diff_is_coloured_and_folded() -> None:
    """Added green, removed red; of a long one the rest is counted."""
    lines = list(diff_lines("@@ -1 +1 @@\n-a\n+b\n c\n" + "+x\n" * 50, colours=True, most=4))

    assert lines[:4] == [
        *("\x1b[35m@@ -1 +1 @@\x1b[0m", "\x1b[31m-a\x1b[0m", "\x1b[32m+b\x1b[0m", " c"),
    ]
    assert lines[4:] == ["\x1b[2m… 50 more lines: /last shows them\x1b[0m"]
    assert list(diff_lines("-a\x1b[31m\n", colours=False)) == ["-a[31m"]


def test_the_status_line_leaves_out_what_matters_least() -> None:
    """At every width it fits; the model is what stays."""
    status = Status(
        model="kimi-k3", host="api.moonshot.ai", mode="ask", window="12 %", cached="80 %",
        cost="$0.02", branch="main",
    )  # fmt: skip

    assert status.line(100) == (
        "kimi-k3 · ask · api.moonshot.ai · window 12 % · cached 80 % · $0.02 · main"
    )
    assert status.line(60) == "kimi-k3 · ask · window 12 % · cached 80 % · $0.02 · main"
    assert status.line(12) == "kimi-k3"
    assert all(len(status.line(columns)) <= columns for columns in range(80))


def test_the_branch_is_read_without_a_program(tmp_path: Path) -> None:
    """Of a branch, a commit, a worktree, a directory below; nothing outside of a repository."""
    below = tmp_path / "repo" / "src"
    git = tmp_path / "repo" / ".git"
    below.mkdir(parents=True)
    assert branch_of(below) == ""
    git.mkdir()
    (git / "HEAD").write_text("ref: refs/heads/fix/a\n")
    assert branch_of(below) == "fix/a"
    (git / "HEAD").write_text("0123456789abcdef\n")
    assert branch_of(below) == "01234567"
    tree = tmp_path / "tree"
    tree.mkdir()
    (tree / ".git").write_text(f"gitdir: {git}\n")
    assert branch_of(tree) == "01234567"


@pytest.mark.parametrize(
    ("text", "drawn"),
    [
        ("use Vec<String> here", "use Vec<String> here"),
        ("<details>\nit is here\n</details>", "<details> it is here </details>"),
        ("one ![two](u.png) three", "one !two (u.png) three"),
        ("| a |\n|---|\n| 1<br>2 |", " a\n ──────\n 1<br>2"),
    ],
    ids=["generics", "details", "image", "table"],
)
def test_nothing_of_an_answer_is_left_out(text: str, drawn: str) -> None:
    """What looks like HTML is text, an image is its name in its place, no blank lines come in."""
    assert painted(text, 60, colours=False) == drawn


def test_the_colours_read_on_light_and_on_dark() -> None:
    """
    Red, green and magenta alone, never bright: yellow and cyan have a contrast of 1.7 and 2.0 on
    white, blue has 2.2 on black (xterm's palette). What is in green has a sign beside it.
    """
    code = "# a comment\nclass A(B):\n    def f(self):\n        return 'x' + str(1) is None\n"
    languages = ("python", "rust", "html", "diff", "json", "bash")
    fences = "\n".join(f"```{name}\n{code}```\n" for name in languages)
    text = f"# A `b`\n\n> *q* **b** [l](http://x.example)\n\n- `c`\n\n---\n\n{fences}\n{DOCUMENT}"
    drawn = painted(text, 80, colours=True)
    drawn += "".join(diff_lines("--- a\n+++ b\n@@ -1 +1 @@\n-a\n+b\n", colours=True))
    drawn += "".join(styled("x", style) for style in ("dim", "bold", "red", "green", "magenta"))

    codes = {code for codes in re.findall(r"\x1b\[([0-9;]*)m", drawn) for code in codes.split(";")}
    assert codes <= {"0", "1", "2", "3", "4", "31", "32", "35"}


def test_a_direction_cannot_be_turned_around() -> None:
    """What would show a command in another order than it runs is seen; marks and joiners stay."""
    assert printable("rm \u202etxt.\u2066a\x1b[8m\x85") == "rm \ufffdtxt.\ufffda[8m"
    assert printable("א\u200fב 👩\u200d💻") == "א\u200fב 👩\u200d💻"


def test_long_pastes_are_folded_and_come_back(tmp_path: Path) -> None:
    """By number, in full; what only looks like a fold stays; an image's path is named."""
    pastes = Pastes()
    image = tmp_path / "a.png"
    image.write_bytes(PNG)
    text = "x\r\n" * 20

    assert pastes.taken("short\r\ntext") == "short\ntext"
    assert pastes.taken(text) == "[pasted 21 lines #1]"
    assert pastes.taken("y" * 2_000) == "[pasted 2000 characters #2]"
    assert pastes.taken(f"'{image}'") == f"@{image} "
    shot = tmp_path / "Screen shot at 10\u202f12.png"
    shot.write_bytes(PNG)
    assert pastes.taken(str(shot).replace(" ", "\\ ")) == f'@"{shot}" '
    line = "a [pasted 21 lines #1] b [pasted 9 lines #9]"
    assert pastes.expanded(line) == f"a {text.replace(chr(13), '')} b [pasted 9 lines #9]"


def test_a_line_may_carry_images(tmp_path: Path) -> None:
    """Those that are there; text stays as it was typed; what cannot be sent is an error."""
    (tmp_path / "a.png").write_bytes(PNG)
    (tmp_path / "b.gif").write_text("no image")
    line = "see @a.png and @missing.png, me@a.png"

    message = message_of(line, tmp_path, images=True)
    assert message.parts == (TextPart(line), ImagePart(PNG, "image/png"))
    assert text_of(message_of("no @file", tmp_path, images=False)) == "no @file"
    (tmp_path / "a b.png").write_bytes(PNG)
    pasted = {"[pasted image 1x1 #0]": PNG + b"1"}
    both = message_of('see [pasted image 1x1 #0] @"a b.png" [pasted image 1x1 #1]', tmp_path,
                      images=True, pasted=pasted)  # fmt: skip
    assert both.parts[1:] == (ImagePart(PNG + b"1", "image/png"), ImagePart(PNG, "image/png"))
    for wrong, images in (("@a.png", False), ("@b.gif", True)):
        with pytest.raises(UsageError):
            message_of(wrong, tmp_path, images=images)


def test_tab_completes_commands_and_files(tmp_path: Path) -> None:
    """Commands at the beginning, files after `@`, directories with a slash; hidden if asked."""
    (tmp_path / "src").mkdir()
    (tmp_path / "src" / "main.py").touch()
    (tmp_path / ".env").touch()
    completer = ConversationCompleter(("model", "mode", "help"), tmp_path)

    def completed(text: str) -> list[str]:
        found = completer.get_completions(Document(text), CompleteEvent())
        return [text[: len(text) + each.start_position] + each.text for each in found]

    assert completed("/mo") == ["/model", "/mode"]
    assert completed("see @s") == ["see @src/"]
    assert completed("see @src/") == ["see @src/main.py"]
    assert completed("@") == ["@src/"]
    assert completed("@.e") == ["@.env"]
    assert completed("me@s") == completed("text /mo") == completed("@nowhere/") == []


@pytest.mark.parametrize(
    ("answer", "decision"),
    [
        ("y", Decision(allowed=True)),
        (" Yes ", Decision(allowed=True)),
        ("a", Decision(allowed=True, rule="shell: ls")),
        ("n", Decision(allowed=False)),
        ("n: use another name", Decision(allowed=False, reason="use another name")),
        ("yes please do", None),
        ("always", Decision(allowed=True, rule="shell: ls")),
        ("", None),
        ("what?", None),
    ],
)
def test_only_clear_words_are_an_answer(answer: str, decision: Decision | None) -> None:
    """A sentence that begins with yes is none; `a` needs a rule that can be kept."""
    assert decision_of(answer, "shell: ls") == decision
    assert decision_of("a", "") is None
    assert "always" not in choices("")


def test_a_window_that_was_learnt_says_what_was_left_out_for_it() -> None:
    """Nothing is said of what was left out where nothing was: a prompt alone was too long."""
    told = [
        sentence_of(WindowLearnt(model="k3", tokens=262_144, dropped_messages=dropped))
        for dropped in (0, 1, 2)
    ]

    assert told[0] == "The window of k3 is 262,144 tokens for this key: learnt."
    assert told[1] == f"{told[0]} Left out: 1 old tool result."
    assert told[2] == f"{told[0]} Left out: 2 old tool results."
