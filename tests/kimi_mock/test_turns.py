"""What an answered turn looks like on both wires, and every way to spoil it."""

import time

import httpx2
import pytest

from kimi_mock.replies import Manner, Reply, UsagePlace
from kimi_mock.server import KimiMock

KEY = {"Authorization": "Bearer sk-mock-platform-0003"}
BODY = {
    "model": "kimi-k3",
    "messages": [{"role": "user", "content": "hi"}],
    "stream": True,
    "stream_options": {"include_usage": True},
}
HEAD = (
    'data: {"id":"chatcmpl-mock-0001","object":"chat.completion.chunk","created":1790899200,'
    '"model":"kimi-k3","choices":'
)
TAIL = ',"system_fingerprint":"fpv0_mock"'
ROLE = '{"role":"assistant","content":""}'
USAGE = '"usage":{"prompt_tokens":21,"completion_tokens":9,"total_tokens":30,"cached_tokens":5}'
END = '[{"index":0,"delta":{},"finish_reason":"stop"'


def chat(kimi: KimiMock, client: httpx2.Client, **changes: object) -> httpx2.Response:
    """Send the turn to the platform over the chat wire."""
    url = f"{kimi.base_url('moonshot')}/chat/completions"
    return client.post(url, headers=KEY, json={**BODY, **changes})


def piece(delta: str) -> str:
    """Return an event's rest for one delta."""
    return f'[{{"index":0,"delta":{delta},"finish_reason":null}}]{TAIL}}}'


def stream(*events: str) -> str:
    """Return chat events with their ends."""
    return "".join(f"{HEAD}{event}\n\n" for event in events)


def test_the_default_chat_stream(kimi: KimiMock, direct: httpx2.Client) -> None:
    """Role, reasoning, content, finish with usage, usage alone, `[DONE]`: contract 4.2."""
    answer = chat(kimi, direct)

    assert answer.status_code == 200
    assert answer.headers["Content-Type"] == "text/event-stream"
    assert answer.headers["Msh-Request-Id"] == "mock-0001"
    expected = stream(
        piece(ROLE),
        piece('{"reasoning_content":"Hm. "}'),
        piece('{"content":"Hello"}'),
        piece('{"content":" from Kimi."}'),
        f"{END},{USAGE}}}]{TAIL}}}",
        f"[]{TAIL},{USAGE}}}",
    )
    assert answer.text == f"{expected}data: [DONE]\n\n"


@pytest.mark.parametrize(
    ("place", "in_choice", "alone"),
    [("both", True, True), ("choice", True, False), ("top", False, True), ("none", False, False)],
)
def test_where_usage_sits(
    kimi: KimiMock, direct: httpx2.Client, place: UsagePlace, in_choice: bool, alone: bool
) -> None:
    """In the last choice, alone in a chunk without choices, in both, or nowhere."""
    kimi.replies.append(Reply.streaming({"content": "x"}, usage_place=place))

    text = chat(kimi, direct).text

    assert (f"{END},{USAGE}}}]{TAIL}}}\n" in text) is in_choice
    assert (f"[]{TAIL},{USAGE}}}\n" in text) is alone


def test_usage_alone_must_be_asked_for(kimi: KimiMock, direct: httpx2.Client) -> None:
    """Without `stream_options.include_usage` only the last choice carries it."""
    text = chat(kimi, direct, stream_options=None).text

    assert text.count(USAGE) == 1
    assert f"{END},{USAGE}" in text


def test_a_chat_answer_in_one_piece(kimi: KimiMock, direct: httpx2.Client) -> None:
    """Without `stream` the whole object comes: contract 4.1."""
    kimi.replies.append(
        Reply.streaming(
            {"reasoning_content": "hm. "},
            {"content": "Hel"},
            {"content": "lo."},
            finish_reason="length",
            model="kimi-k2.6",
        )
    )

    answer = chat(kimi, direct, stream=False)

    assert answer.headers["Content-Type"] == "application/json; charset=utf-8"
    assert answer.text == (
        '{"id":"chatcmpl-mock-0001","object":"chat.completion","created":1790899200,'
        '"model":"kimi-k2.6","choices":[{"index":0,"message":{"role":"assistant",'
        '"content":"Hello.","reasoning_content":"hm. "},"finish_reason":"length"}],' + USAGE + "}"
    )


def test_the_default_stream_on_the_messages_wire(kimi: KimiMock, direct: httpx2.Client) -> None:
    """The same reply as blocks; `input_tokens` leaves the cached ones out: contract 5."""
    url = f"{kimi.base_url('moonshot', 'messages')}/v1/messages?beta=true"

    answer = direct.post(url, headers=KEY, json=BODY)

    assert answer.headers["Content-Type"] == "text/event-stream"
    assert answer.text == (
        "event: message_start\n"
        'data: {"type":"message_start","message":{"id":"msg_mock_0001","type":"message",'
        '"role":"assistant","model":"kimi-k3","content":[],"stop_reason":null,'
        '"stop_sequence":null,"usage":{"input_tokens":16,"cache_read_input_tokens":5,'
        '"output_tokens":0}}}\n\n'
        "event: ping\n"
        'data: {"type":"ping"}\n\n'
        "event: content_block_start\n"
        'data: {"type":"content_block_start","index":0,"content_block":'
        '{"type":"thinking","thinking":"","signature":""}}\n\n'
        "event: content_block_delta\n"
        'data: {"type":"content_block_delta","index":0,"delta":'
        '{"type":"thinking_delta","thinking":"Hm. "}}\n\n'
        "event: content_block_delta\n"
        'data: {"type":"content_block_delta","index":0,"delta":'
        '{"type":"signature_delta","signature":"bW9jaw=="}}\n\n'
        "event: content_block_stop\n"
        'data: {"type":"content_block_stop","index":0}\n\n'
        "event: content_block_start\n"
        'data: {"type":"content_block_start","index":1,"content_block":'
        '{"type":"text","text":""}}\n\n'
        "event: content_block_delta\n"
        'data: {"type":"content_block_delta","index":1,"delta":'
        '{"type":"text_delta","text":"Hello"}}\n\n'
        "event: content_block_delta\n"
        'data: {"type":"content_block_delta","index":1,"delta":'
        '{"type":"text_delta","text":" from Kimi."}}\n\n'
        "event: content_block_stop\n"
        'data: {"type":"content_block_stop","index":1}\n\n'
        "event: message_delta\n"
        'data: {"type":"message_delta","delta":{"stop_reason":"end_turn","stop_sequence":null},'
        '"usage":{"output_tokens":9}}\n\n'
        "event: message_stop\n"
        'data: {"type":"message_stop"}\n\n'
    )
    [seen] = kimi.seen
    assert (seen.path, seen.query) == ("/anthropic/v1/messages", "beta=true")


def test_a_messages_answer_in_one_piece(kimi: KimiMock, direct: httpx2.Client) -> None:
    """Without `stream` the blocks come whole."""
    url = f"{kimi.base_url('moonshot', 'messages')}/v1/messages"

    answer = direct.post(url, headers=KEY, json={**BODY, "stream": False})

    assert answer.text == (
        '{"id":"msg_mock_0001","type":"message","role":"assistant","model":"kimi-k3",'
        '"content":[{"type":"thinking","thinking":"Hm. ","signature":"bW9jaw=="},'
        '{"type":"text","text":"Hello from Kimi."}],"stop_reason":"end_turn",'
        '"stop_sequence":null,"usage":{"input_tokens":16,"cache_read_input_tokens":5,'
        '"output_tokens":9}}'
    )


@pytest.mark.parametrize(
    ("manner", "expected"),
    [
        ({"space": False}, "data:@\n\ndata:[DONE]\n\n"),
        ({"newline": "\r\n"}, "data: @\r\n\r\ndata: [DONE]\r\n\r\n"),
        ({"newline": "\r"}, "data: @\r\rdata: [DONE]\r\r"),
        ({"comments": True}, ": keep-alive\n\ndata: @\n\n: keep-alive\n\ndata: [DONE]\n\n"),
        ({"done": False}, "data: @\n\n"),
    ],
)
def test_how_events_are_written(
    kimi: KimiMock, direct: httpx2.Client, manner: Manner, expected: str
) -> None:
    """With or without the space, with each line end, with comments, without `[DONE]`."""
    bare: Manner = {"finish_reason": None, "usage_place": "none"}
    kimi.replies.append(Reply.streaming(**(bare | manner)))
    first = (HEAD + piece(ROLE)).removeprefix("data: ")

    assert chat(kimi, direct).text == expected.replace("@", first)


def test_characters_are_sent_as_themselves(kimi: KimiMock, direct: httpx2.Client) -> None:
    """U+2028 and U+0085, at which common line readers cut, are not escaped."""
    kimi.replies.append(Reply.streaming({"content": "a\u2028b\u0085c 月"}))

    assert "a\u2028b\u0085c 月" in chat(kimi, direct).text


def test_a_cut_stream(kimi: KimiMock, direct: httpx2.Client) -> None:
    """After so many bytes the connection closes in the middle of the body."""
    kimi.replies.append(Reply.streaming({"content": "Hello."}, cut_after=500))
    url = f"{kimi.base_url('moonshot')}/chat/completions"

    with direct.stream("POST", url, headers=KEY, json=BODY) as answer:
        pieces = answer.iter_raw(500)
        came = next(pieces)
        with pytest.raises(httpx2.RemoteProtocolError):
            next(pieces)

    assert len(came) == 500
    assert came.startswith((HEAD + piece(ROLE)).encode())


def test_pieces_arrive_one_by_one(kimi: KimiMock, direct: httpx2.Client) -> None:
    """A pause lies between events and a stall between the head and the first of them."""
    kimi.replies.append(Reply.streaming({"content": "x"}, stall_seconds=0.15, pause_seconds=0.02))
    url = f"{kimi.base_url('moonshot')}/chat/completions"

    with direct.stream("POST", url, headers=KEY, json=BODY) as answer:
        head_came = time.monotonic()
        chunks: list[bytes] = []
        for chunk in answer.iter_raw():
            if not chunks:
                waited_seconds = time.monotonic() - head_came
            chunks.append(chunk)

    assert waited_seconds > 0.1
    assert len(chunks) >= 4


def test_an_error_reply(kimi: KimiMock, direct: httpx2.Client) -> None:
    """The overloaded body is 115 bytes long, as in the one header dump there is: contract 4.3."""
    kimi.replies.append(
        Reply.error(
            429,
            {
                "error": {
                    "message": "The engine is currently overloaded, please try again later",
                    "type": "engine_overloaded_error",
                }
            },
            {"Retry-After": "7"},
        )
    )

    answer = chat(kimi, direct)

    assert answer.status_code == 429
    assert answer.headers["Content-Length"] == "115"
    assert answer.headers["Retry-After"] == "7"
    assert answer.headers["Content-Type"] == "application/json; charset=utf-8"


def test_an_error_of_text(kimi: KimiMock, direct: httpx2.Client) -> None:
    """A string is sent as it is, and may say that it is HTML."""
    kimi.replies.append(Reply.error(502, "<h1>Bad gateway</h1>", {"content-type": "text/html"}))

    answer = chat(kimi, direct)

    assert (answer.status_code, answer.text) == (502, "<h1>Bad gateway</h1>")
    assert answer.headers.get_list("Content-Type") == ["text/html"]


def test_a_redirect(kimi: KimiMock, direct: httpx2.Client) -> None:
    """302 and where to; the mock does not follow up on it."""
    kimi.replies.append(Reply.redirect("http://127.0.0.1:9/elsewhere"))

    answer = chat(kimi, direct)

    assert answer.status_code == 302
    assert answer.headers["Location"] == "http://127.0.0.1:9/elsewhere"


def test_a_raw_reply(kimi: KimiMock, direct: httpx2.Client) -> None:
    """Bytes go out as they are, and may end too soon."""
    kind = {"Content-Type": "text/event-stream"}
    kimi.replies += [
        Reply.raw(200, kind, [b"data: {", b"}\n\n"]),
        Reply.raw(200, {**kind, "Content-Length": "99"}, [b"data: {"], cut=True),
    ]

    assert chat(kimi, direct).content == b"data: {}\n\n"
    with pytest.raises(httpx2.RemoteProtocolError):
        chat(kimi, direct)


def test_hanging_up(kimi: KimiMock, direct: httpx2.Client) -> None:
    """The request is read and recorded, then the connection closes without a word."""
    kimi.replies.append(Reply.hang_up())

    with pytest.raises((httpx2.RemoteProtocolError, httpx2.ReadError)):
        chat(kimi, direct)

    assert kimi.seen[0].json == BODY


def test_replies_to_models_have_their_own_queue(kimi: KimiMock, direct: httpx2.Client) -> None:
    """A turn leaves it alone, and a list leaves the turns' queue alone."""
    kimi.replies_to_models.append(Reply.error(503, "down"))
    kimi.replies.append(Reply.error(500, "broken"))
    url = f"{kimi.base_url('moonshot')}/models"

    assert direct.get(url, headers=KEY).status_code == 503
    assert direct.get(url, headers=KEY).status_code == 200
    assert chat(kimi, direct).status_code == 500
