"""`hermes chat -q` against the four real host names: one prompt, one request, one answer."""

import json
from typing import Any

import pytest

from agent.identity import USER_AGENT
from kimi_mock.replies import Manner, Reply
from kimi_mock.server import KimiMock
from tests.conftest import CHINA_KEY, GLOBAL_KEY, PLAN_KEY, PLATFORM_KEY
from tests.support.process import Hermes, Result

pytestmark = pytest.mark.here

ALIAS_AT_PLAN = "`kimi-coding` is our name; kimi-for-coding is sent to api.kimi.com.\n"
ALIAS_AT_PLATFORM = "`kimi-coding` is our name; kimi-k3 is sent to api.moonshot.ai.\n"


def events(result: Result) -> list[dict[str, Any]]:
    """Return the JSON lines of a run."""
    lines = [json.loads(line) for line in result.stdout.splitlines()]
    assert all(line["schema"] == 1 for line in lines)
    return lines


def test_a_platform_key_is_answered_by_the_platform(kimi: KimiMock, hermes: Hermes) -> None:
    """The whole of a run without tools: one request under our name, and the answer alone."""
    kimi.replies.append(Reply.streaming({"reasoning_content": "hm. "}, {"content": "Hello."}))

    result = hermes.process("chat", "-q", "hi", "--no-tools", key=PLATFORM_KEY)

    assert (result.stdout, result.stderr, result.code) == ("Hello.\n", ALIAS_AT_PLATFORM, 0)
    [request] = kimi.seen
    assert kimi.connects == ["api.moonshot.ai:443"]
    assert (request.method, request.path) == ("POST", "/v1/chat/completions")
    assert request.headers["User-Agent"] == USER_AGENT
    assert request.headers["Authorization"] == f"Bearer {PLATFORM_KEY}"
    body = request.json
    assert len(body.pop("prompt_cache_key")) == 32
    assert body == {
        "model": "kimi-k3",
        "messages": [{"role": "user", "content": "hi"}],
        "max_completion_tokens": 131_072,
        "stream": True,
        "stream_options": {"include_usage": True},
    }


def test_an_open_gate_takes_a_plan_key_with_one_request(kimi: KimiMock, hermes: Hermes) -> None:
    """Where the endpoint takes our name, the plan's chat path answers and nothing is told."""
    kimi.gate_allows.add("hermes-kimi")

    result = hermes("chat", "-q", "hi", key=PLAN_KEY)

    assert (result.stdout, result.stderr) == ("Hello from Kimi.\n", ALIAS_AT_PLAN)
    [request] = kimi.seen
    assert (request.surface, request.path) == ("kimi-code", "/coding/v1/chat/completions")
    assert request.headers["User-Agent"] == USER_AGENT


def test_a_shut_gate_is_told_once_and_remembered(kimi: KimiMock, hermes: Hermes) -> None:
    """On the 403 the turn goes once more over the messages wire; the next prompt is one request."""
    first = hermes.process("chat", "-q", "hi", key=PLAN_KEY)
    second = hermes.process("chat", "-q", "again", key=PLAN_KEY)

    assert (first.stdout, first.code) == ("Hello from Kimi.\n", 0)
    alias, moved = first.stderr.splitlines(keepends=True)
    assert alias == ALIAS_AT_PLAN
    assert moved.startswith("api.kimi.com does not take hermes-kimi on its chat wire (403: Kimi ")
    assert (second.stdout, second.stderr) == ("Hello from Kimi.\n", ALIAS_AT_PLAN)
    assert [request.path for request in kimi.seen] == [
        "/coding/v1/chat/completions",
        "/coding/v1/messages",
        "/coding/v1/messages",
    ]
    assert {request.headers["User-Agent"] for request in kimi.seen} == {USER_AGENT}
    assert set(kimi.connects) == {"api.kimi.com:443"}


@pytest.mark.parametrize(
    ("key", "base_url", "host"),
    [
        (GLOBAL_KEY, "https://api.kimi.ai/coding/v1", "api.kimi.ai:443"),
        (CHINA_KEY, "https://api.moonshot.cn/v1", "api.moonshot.cn:443"),
    ],
)
def test_a_regional_twin_is_asked_when_it_is_named(
    kimi: KimiMock, hermes: Hermes, key: str, base_url: str, host: str
) -> None:
    """Keys of the twins look alike, so `--base-url` chooses; no other host is called."""
    kimi.gate_allows.add("hermes-kimi")

    result = hermes("chat", "-q", "hi", "--base-url", base_url, key=key)

    assert (result.stdout, result.code) == ("Hello from Kimi.\n", 0)
    assert kimi.connects == [host]
    assert len(kimi.seen) == 1


@pytest.mark.parametrize("place", ["both", "choice", "top", "none"])
def test_usage_is_found_wherever_it_sits(kimi: KimiMock, hermes: Hermes, place: Any) -> None:
    """In the last choice, at the top, in both or nowhere: the numbers are the endpoint's."""
    kimi.replies.append(Reply.streaming({"content": "Hello."}, usage_place=place))

    result = hermes("chat", "-q", "hi", "--json", "--model", "kimi-k3", key=PLATFORM_KEY)

    told = {"prompt_tokens": 21, "completion_tokens": 9, "cached_tokens": 5, "reasoning_tokens": 0}
    cost = {"currency": "USD", "amount": 0.0001845, "covered": False}
    nowhere = place == "none"
    assert events(result) == [
        {"schema": 1, "event": "step", "step": 1},
        {"schema": 1, "event": "text", "text": "Hello."},
        {
            "schema": 1,
            "event": "finished",
            "finish_reason": "stop",
            "model": "kimi-k3",
            "model_sent": "kimi-k3",
            "served_model": "kimi-k3",
            "usage": None if nowhere else told,
            "cached_share": None if nowhere else 0.2381,
            "cost": None if nowhere else cost,
            "text": "Hello.",
        },
        {"schema": 1, "event": "turn_ended", "steps": 1, "stopped": "", "remedy": ""},
    ]


@pytest.mark.parametrize(
    "manner",
    [
        Manner(space=False, newline="\r\n"),
        Manner(comments=True, newline="\r"),
    ],
)
def test_every_form_of_the_stream_is_read(kimi: KimiMock, hermes: Hermes, manner: Manner) -> None:
    """`data:` without a space, comment lines, CR and CRLF change nothing of the answer."""
    kimi.replies.append(Reply.streaming({"content": "Hel"}, {"content": "lo.\n"}, **manner))

    assert hermes("chat", "-q", "hi", key=PLATFORM_KEY).stdout == "Hello.\n"


def test_a_model_of_another_endpoint_is_refused_before_sending(
    kimi: KimiMock, hermes: Hermes
) -> None:
    """An id that our rows place only elsewhere exits 2 with the right one, without a request."""
    result = hermes("chat", "-q", "hi", "--model", "kimi-k3", key=PLAN_KEY)

    assert (result.stdout, result.code) == ("", 2)
    assert "`k3`" in result.stderr
    assert kimi.seen == []
    assert kimi.connects == []


def test_text_on_standard_input_follows_the_prompt(kimi: KimiMock, hermes: Hermes) -> None:
    """Piped text is appended after a blank line; alone it is the prompt."""
    hermes.process("chat", "-q", "Sum up:", key=PLATFORM_KEY, stdin="one\ntwo\n")
    hermes.process("chat", "-q", "", key=PLATFORM_KEY, stdin="one\n")

    prompts = [request.json["messages"][1]["content"] for request in kimi.seen]
    assert prompts == ["Sum up:\n\none\ntwo\n", "one\n"]


def test_bytes_that_are_no_text_are_replaced_and_told(kimi: KimiMock, hermes: Hermes) -> None:
    """Standard input that is not UTF-8 is sent with U+FFFD in its place, and a line says so."""
    result = hermes("chat", "-q", "Read:", key=PLATFORM_KEY, stdin=b"a\xffb")

    assert kimi.seen[0].json["messages"][1]["content"] == "Read:\n\na\ufffdb"
    assert result.stderr.splitlines()[1] == (
        "Standard input holds bytes that are no UTF-8; each was replaced by U+FFFD."
    )


def test_nothing_to_ask_is_a_wrong_command_line(kimi: KimiMock, hermes: Hermes) -> None:
    """An empty prompt and an empty standard input send nothing."""
    result = hermes("chat", "-q", " ", key=PLATFORM_KEY)

    assert result.code == 2
    assert "There is nothing to ask" in result.stderr
    assert kimi.seen == []


def test_debug_shows_both_sides_and_never_the_key(kimi: KimiMock, hermes: Hermes) -> None:
    """`--debug` tells request and head on standard error, with the key's fingerprint."""
    result = hermes.process("chat", "-q", "hi", "--debug", key=PLATFORM_KEY)

    assert result.stdout == "Hello from Kimi.\n"
    lines = result.stderr.splitlines()
    assert "> POST https://api.moonshot.ai/v1/chat/completions" in lines
    assert f"> through {kimi.proxy_url}" in lines
    assert f"> User-Agent: {USER_AGENT}" in lines
    assert f"> {kimi.seen[0].body.decode()}" in lines
    assert "< 200" in lines
    assert PLATFORM_KEY not in result.stderr
    assert any(line.startswith("> Authorization: Bearer …0003 (") for line in lines)


def test_json_tells_the_move_to_the_other_wire(kimi: KimiMock, hermes: Hermes) -> None:
    """A program that reads the events learns of the gate in the endpoint's own words."""
    del kimi

    shown = events(hermes("chat", "-q", "hi", "--json", key=PLAN_KEY))

    kinds = [event["event"] for event in shown]
    steps = ["step", "wire_moved", "think", "text", "text", "finished", "turn_ended"]
    assert kinds == ["notice", *steps]
    moved = shown[2]
    assert moved["refused"] == "chat"
    assert moved["taken"] == "messages"
    assert moved["url"] == "https://api.kimi.com/coding/v1/messages"
    assert moved["said"].startswith("Kimi For Coding is currently only available")


def test_thinking_and_usage_stay_out_of_a_pipe_unless_asked(kimi: KimiMock, hermes: Hermes) -> None:
    """Reasoning reaches a file only with `--show-thinking`, and then standard error."""
    del kimi

    result = hermes("chat", "-q", "hi", "--show-thinking", key=PLATFORM_KEY)

    assert result.stdout == "Hello from Kimi.\n"
    assert result.stderr == ALIAS_AT_PLATFORM + "Hm. \n"


def test_an_override_that_contradicts_the_key_is_the_first_line(
    kimi: KimiMock, hermes: Hermes
) -> None:
    """A forgotten `KIMI_BASE_URL` is honoured, and named before anything else is said."""
    result = hermes(
        "chat", "-q", "hi", key=PLAN_KEY, env={"KIMI_BASE_URL": "https://api.moonshot.ai/v1"}
    )

    assert result.code == 4
    assert result.stderr.splitlines()[0].startswith("KIMI_BASE_URL (shell variable KIMI_BASE_URL)")
    assert [request.surface for request in kimi.seen] == ["moonshot"]


def test_an_answer_is_byte_exact_in_a_pipe(kimi: KimiMock, hermes: Hermes) -> None:
    """Control characters, odd line breaks and emoji reach a file as the endpoint sent them."""
    nasty = "a\x1b[31m\x07\r\n\u2028\u0085 \U0001f600"
    kimi.replies.append(Reply.streaming({"content": nasty}))

    assert hermes.process("chat", "-q", "hi", key=PLATFORM_KEY).stdout == nasty + "\n"


def test_no_key_names_both_ways_on(kimi: KimiMock, hermes: Hermes) -> None:
    """Without a key and without a terminal, both commands that help are named."""
    for arguments in ((), ("chat", "-q", "hi")):
        result = hermes(*arguments)

        assert result.code == 3
        assert "`hermes setup`" in result.stderr
        assert "`hermes chat --provider local`" in result.stderr
    assert kimi.connects == []


def test_a_conversation_without_a_terminal_names_the_option(kimi: KimiMock, hermes: Hermes) -> None:
    """`hermes` in a pipe reads nothing, sends nothing, and names -q."""
    result = hermes(key=PLATFORM_KEY, stdin="hi\n")

    assert (result.stdout, result.code) == ("", 2)
    assert '`hermes chat -q "..."`' in result.stderr
    assert kimi.connects == []


def test_json_needs_a_question(kimi: KimiMock, hermes: Hermes) -> None:
    """Events are for one question; a conversation has no `--json`."""
    del kimi

    result = hermes("chat", "--json", key=PLATFORM_KEY)

    assert result.code == 2
    assert "--json goes with -q" in result.stderr
