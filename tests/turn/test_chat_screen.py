"""What a screen writes where: real pipes and a real pseudo-terminal, events made by hand."""

import json
import os
import pty
import select
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from decimal import Decimal
from pathlib import Path
from typing import TextIO

import pytest

from agent.catalog.kimi import KIMI
from agent.choice import Candidate, Origin, choose
from agent.costs import Cost
from agent.errors import HermesError, KeyRefused, UsageError
from agent.events import AnswerBegan, Finished, RequestSent, TextDelta, ThinkDelta, WireMoved
from agent.keys import ApiKey
from agent.learnt import Facts
from agent.loop_events import Compacted, TurnEnded
from agent.messages import Message, Part, TextPart, ThinkPart, Usage
from agent.route import Route, Wishes, resolve
from hermes_cli.ui.json_screen import JsonScreen
from hermes_cli.ui.screen import Screen, Sink, alias_sentences
from hermes_cli.ui.usage_lines import usage_line

USAGE = Usage(prompt_tokens=1_021, completion_tokens=9, cached_tokens=5)
MOVED = WireMoved(
    refused="chat", taken="messages", url="https://kimi.invalid/v1", said="Only\nfor some."
)


@contextmanager
def opened(path: Path) -> Iterator[TextIO]:
    """Open a file for writing as Python opens a redirected standard stream."""
    with path.open("w", encoding="utf-8") as stream:
        yield stream


def drawn(write: Callable[[TextIO], None]) -> str:
    """Return what a pseudo-terminal is sent by a function that gets its stream."""
    leader, follower = pty.openpty()
    try:
        with os.fdopen(follower, "w", encoding="utf-8") as stream:
            write(stream)
            received = b""
            while select.select([leader], [], [], 0)[0]:
                received += os.read(leader, 4_096)
        return received.decode()
    finally:
        os.close(leader)


def finished(*parts: Part, reason: str = "stop", usage: Usage | None = USAGE) -> Finished:
    """Return the end of an answer."""
    message = Message("assistant", parts)
    return Finished(message=message, finish_reason=reason, model="served", usage=usage)


def route(key: str, model: str = "") -> Route:
    """Return the Route of a Kimi key."""
    models = (Candidate(model, Origin.FLAG, "--model"),) if model else ()
    keys = (Candidate(ApiKey(key), Origin.ENVIRONMENT, "shell variable"),)
    provider = choose([Candidate(KIMI, Origin.FLAG, "--provider")])
    return resolve(provider, Wishes(keys=keys, models=models), Facts())


def test_a_pipe_gets_every_byte_and_a_terminal_no_control_character(tmp_path: Path) -> None:
    """Escapes of an answer reach a file as they are, and never a terminal."""
    nasty = "a\x1b[31mb\x07\r\n\x9b5m\té\u2028"
    with opened(tmp_path / "out") as stream:
        Sink(stream).write(nasty)

    assert (tmp_path / "out").read_bytes() == nasty.encode()
    assert drawn(lambda stream: Sink(stream).write(nasty)) == "a[31mb\r\n5m\té\u2028"


def test_half_an_emoji_is_written_as_a_replacement(tmp_path: Path) -> None:
    """A lone surrogate, which has no UTF-8, does not end the program."""
    with opened(tmp_path / "out") as stream:
        Sink(stream).write("a\ud83d")

    assert (tmp_path / "out").read_text(encoding="utf-8") == "a\ufffd"


def test_a_full_disk_is_a_sentence_for_the_answer_and_nothing_for_notices() -> None:
    """What the answer is written to matters; a notice that cannot be written does not."""
    with Path("/dev/full").open("w", encoding="utf-8") as stream:
        Sink(stream, essential=False).write("a notice")
        with pytest.raises(HermesError, match="No space left"):
            Sink(stream).write("an answer")


def test_a_stream_that_was_closed_at_the_start_takes_everything() -> None:
    """Python has None for `>&-`; nothing is written and nothing fails."""
    sink = Sink(None)
    sink.write("an answer")

    assert not sink.is_terminal


def test_a_reader_who_left_is_told_to_the_caller() -> None:
    """Writing into a pipe without a reader raises, so that the request can be stopped."""
    reader, writer = os.pipe()
    os.close(reader)
    with os.fdopen(writer, "w", encoding="utf-8") as stream, pytest.raises(BrokenPipeError):
        Sink(stream).write("an answer")


def test_only_the_answer_goes_to_the_output_of_a_plain_run(tmp_path: Path) -> None:
    """Without a terminal, reasoning and usage are not shown; notices and endings are."""
    with opened(tmp_path / "out") as out, opened(tmp_path / "err") as err:
        screen = Screen(Sink(out), Sink(err))
        for event in (
            MOVED,
            ThinkDelta("hm"),
            TextDelta("An"),
            TextDelta("swer"),
            finished(TextPart("Answer"), reason="length"),
        ):
            screen.show(event)
        screen.end()

    assert (tmp_path / "out").read_text() == "Answer\n"
    moved, ending = (tmp_path / "err").read_text().splitlines()
    assert moved == (
        "kimi.invalid does not take hermes-kimi on its chat wire (403: Only for some.), "
        "so this goes over the messages wire, as the next prompts will."
    )
    assert ending == "The answer stopped at its limit of tokens, before its end (`length`)."


def test_an_answer_that_ends_in_a_newline_gets_no_second_one(tmp_path: Path) -> None:
    """The last newline is ours only if the answer has none."""
    with opened(tmp_path / "out") as out:
        screen = Screen(Sink(out), Sink(None))
        screen.show(TextDelta("Answer\n"))
        screen.end()

    assert (tmp_path / "out").read_text() == "Answer\n"


def test_reasoning_is_shown_to_a_file_when_it_is_asked_for(tmp_path: Path) -> None:
    """`--show-thinking` holds without a terminal, undimmed and with its own last newline."""
    with opened(tmp_path / "out") as out, opened(tmp_path / "err") as err:
        screen = Screen(Sink(out), Sink(err), show_thinking=True)
        for event in (ThinkDelta("hm "), ThinkDelta("hm"), TextDelta("Answer")):
            screen.show(event)
        screen.end()

    assert (tmp_path / "out").read_text() == "Answer\n"
    assert (tmp_path / "err").read_text() == "hm hm\n"


def test_reasoning_and_answer_never_share_a_line_of_a_terminal() -> None:
    """Both go to one terminal: each change of voice begins a new line."""

    def write(stream: TextIO) -> None:
        screen = Screen(Sink(stream), Sink(stream))
        for event in (
            ThinkDelta("hm"),
            TextDelta("An"),
            ThinkDelta("or so"),
            TextDelta("swer"),
            finished(ThinkPart("hm"), TextPart("Answer")),
        ):
            screen.show(event)

    assert drawn(write) == (
        "\x1b[2mhm\x1b[0m\r\nAn\r\n\x1b[2mor so\x1b[0m\r\nswer\r\n"
        "\x1b[2mserved · 1,021 tokens in (<1 % cached), 9 out\x1b[0m\r\n"
    )


@pytest.mark.parametrize(
    ("end", "sentence"),
    [
        (finished(), "The model answered nothing."),
        (finished(ThinkPart("hm")), "The model thought, and answered nothing."),
        (
            finished(TextPart("A"), reason="content_filter"),
            "The endpoint held back the answer, or the rest of it (`content_filter`).",
        ),
        (
            finished(TextPart("A"), reason="tool_calls"),
            "The model asked for a tool (`tool_calls`), and this conversation offers none.",
        ),
    ],
)
def test_an_ending_that_is_not_whole_is_told(tmp_path: Path, end: Finished, sentence: str) -> None:
    """An answer that is empty, held back or no answer says so in one line."""
    with opened(tmp_path / "err") as err:
        Screen(Sink(None), Sink(err)).show(end)

    assert (tmp_path / "err").read_text() == sentence + "\n"


def test_requests_and_heads_are_shown_for_debugging_only(tmp_path: Path) -> None:
    """`--debug` shows what went and what came; without it nothing of them is shown."""
    request = RequestSent(
        method="POST",
        url="https://kimi.invalid/v1",
        headers=(("Authorization", "Bearer …2345"),),
        body=b'{"a":1}',
        proxy="http://proxy.invalid",
    )
    with opened(tmp_path / "err") as err:
        for debug in (True, False):
            screen = Screen(Sink(None), Sink(err), debug=debug)
            screen.show(request)
            screen.show(AnswerBegan(status=200, headers=(("server", "mock"),)))

    assert (tmp_path / "err").read_text().splitlines() == [
        "> POST https://kimi.invalid/v1",
        "> through http://proxy.invalid",
        "> Authorization: Bearer …2345",
        "> 7 bytes:",
        '> {"a":1}',
        "< 200",
        "< server: mock",
    ]


def test_every_event_is_one_line_of_json(tmp_path: Path) -> None:
    """The whole vocabulary of `--json`, each with its schema, as docs/json.md has it."""
    refused = KeyRefused("No.", remedy="Go.", status=401)
    asked = route("sk-kimi-mock-code-0001")
    with opened(tmp_path / "out") as out, opened(tmp_path / "err") as err:
        screen = JsonScreen(Sink(out), Sink(err))
        screen.begin(asked, ["Look out."])
        for event in (MOVED, ThinkDelta("hm"), TextDelta("Ä\n"), finished(TextPart("Ä\n"))):
            screen.show(event)
        screen.show(finished(TextPart("A"), usage=None))
        screen.error(refused)
        screen.error(UsageError("Odd."))
        screen.end()

    lines = [json.loads(line) for line in (tmp_path / "out").read_text().splitlines()]
    assert all(line.pop("schema") == 1 for line in lines)
    whole = {
        "event": "finished",
        "finish_reason": "stop",
        "model": asked.model.value,
        "model_sent": asked.model_id_sent,
        "served_model": "served",
        "usage": {
            "prompt_tokens": 1_021,
            "completion_tokens": 9,
            "cached_tokens": 5,
            "reasoning_tokens": 0,
        },
        "cached_share": 0.0049,
        "cost": {"currency": "USD", "amount": 0.0, "covered": True},
        "text": "Ä\n",
    }
    assert lines == [
        {"event": "notice", "text": "Look out."},
        {
            "event": "wire_moved",
            "refused": "chat",
            "taken": "messages",
            "url": "https://kimi.invalid/v1",
            "said": "Only\nfor some.",
        },
        {"event": "think", "text": "hm"},
        {"event": "text", "text": "Ä\n"},
        whole,
        {**whole, "usage": None, "cached_share": None, "cost": None, "text": "A"},
        {
            "event": "error",
            "class": "KeyRefused",
            "message": "No.",
            "remedy": "Go.",
            "exit_code": 4,
            "status": 401,
        },
        {
            "event": "error",
            "class": "UsageError",
            "message": "Odd.",
            "remedy": "",
            "exit_code": 2,
            "status": None,
        },
    ]
    notice, moved = (tmp_path / "err").read_text().splitlines()
    assert notice == "Look out."
    assert moved.startswith("kimi.invalid does not take hermes-kimi")


def test_a_summary_is_counted_with_the_answers_of_its_turn(tmp_path: Path) -> None:
    """Among the requests of the turn's last line, and with what it used in its JSON event."""
    answer = finished(TextPart("Task: fix."))
    shorter = Compacted(before_tokens=9, after_tokens=3, how="So.", answer=answer)

    def shown(screen: Screen) -> None:
        screen.begin(route("sk-kimi-mock-code-0001"), [])
        screen.show(shorter)
        screen.show(finished(TextPart("A")))
        screen.show(TurnEnded(steps=1))

    with opened(tmp_path / "out") as out, opened(tmp_path / "err") as err:
        assert "2 requests" in drawn(lambda stream: shown(Screen(Sink(out), Sink(stream))))
        shown(JsonScreen(Sink(out), Sink(err)))
    lines = (tmp_path / "out").read_text().splitlines()
    [told] = [json.loads(line) for line in lines if '"compacted"' in line]
    assert (told["how"], told["usage"]["prompt_tokens"]) == ("So.", 1_021)
    assert told["cost"] == {"currency": "USD", "amount": 0.0, "covered": True}


def test_an_error_in_a_conversation_ends_the_line_of_the_answer(tmp_path: Path) -> None:
    """What came keeps its line; the sentence and its remedy follow on lines of their own."""
    with opened(tmp_path / "both") as both:
        screen = Screen(Sink(both), Sink(both))
        screen.show(TextDelta("An"))
        screen.error(UsageError("Odd.", remedy="`hermes` helps."))

    assert (tmp_path / "both").read_text() == "An\nError: Odd.\n`hermes` helps.\n"


def test_an_alias_is_told_and_an_id_of_the_endpoint_is_not() -> None:
    """Only where another id goes out than the user named there is something to tell."""
    alias, own = route("sk-kimi-mock-code-0001"), route("sk-mock-platform-0003", "kimi-k3")

    assert alias_sentences(alias) == (
        "`kimi-coding` is our name; kimi-for-coding is sent to api.kimi.com.",
    )
    assert alias_sentences(own) == ()


@pytest.mark.parametrize(
    ("key", "model", "served", "words"),
    [
        ("sk-kimi-mock-code-0001", "", "k3", "k3 · 1,021 tokens in (<1 % cached), 9 out"),
        ("sk-mock-platform-0003", "kimi-k3", "kimi-k3", "9 out · $0.0032"),
        ("sk-mock-platform-0003", "kimi-k3", "kimi-k2.6", "9 out · $0.0010"),
        ("sk-mock-platform-0003", "kimi-k3", "kimi-k3-new", "kimi-k3-new · 1,021 tokens"),
        ("sk-mock-platform-0003", "brand-new", "brand-new", "(<1 % cached), 9 out\x1b"),
    ],
)
def test_an_answer_ends_with_what_it_cost(key: str, model: str, served: str, words: str) -> None:
    """The served model's price; a plan covers its own; where no price is known there is none."""
    asked = route(key, model)
    end = Finished(
        message=Message("assistant", (TextPart("A"),)),
        finish_reason="stop",
        model=served,
        usage=USAGE,
    )

    def write(stream: TextIO) -> None:
        screen = Screen(Sink(stream), Sink(stream))
        screen.begin(asked, ())
        screen.show(end)

    shown = drawn(write)
    assert words in shown
    assert ("covered by the plan" in shown) == key.startswith("sk-kimi-")
    assert ("$" in shown) == model.startswith("kimi-")


def test_usage_that_nobody_told_is_not_made_up() -> None:
    """An endpoint without usage gets no zeros."""
    assert usage_line("served", None) == "served · tokens not told"
    assert usage_line("served", None, Cost("USD", Decimal(1))) == "served · tokens not told"
    assert usage_line("served", Usage(prompt_tokens=2)) == "served · 2 tokens in, 0 out"
