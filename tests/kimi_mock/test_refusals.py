"""What the four surfaces refuse, byte for byte as the contract has it."""

import httpx2
import pytest

from kimi_mock.replies import Reply
from kimi_mock.server import KimiMock

PLAN_KEY_REFUSED = (
    '{"error":{"message":"The API Key appears to be invalid or may have expired.'
    ' Please verify your credentials and try again.","type":"invalid_authentication_error"}}'
)
PLAN_KEY_REFUSED_ON_MESSAGES = (
    '{"error":{"type":"authentication_error","message":"The API Key appears to be invalid or may'
    ' have expired. Please verify your credentials and try again."},"type":"error"}'
)
PLATFORM_KEY_REFUSED = (
    '{"error":{"message":"Invalid Authentication","type":"invalid_authentication_error"}}'
)
GATE_SHUT = (
    '{"error":{"message":"Kimi For Coding is currently only available for Coding Agents such as'
    ' Kimi CLI, Claude Code, Roo Code, Kilo Code, etc.","type":"access_terminated_error"}}'
)
KEYS = {
    "api.kimi.com": "sk-kimi-mock-code-0001",
    "api.kimi.ai": "sk-kimi-mock-global-0002",
    "api.moonshot.ai": "sk-mock-platform-0003",
    "api.moonshot.cn": "sk-mock-china-0004",
}
MODELS_URL = {
    "api.kimi.com": "https://api.kimi.com/coding/v1/models",
    "api.kimi.ai": "https://api.kimi.ai/coding/v1/models",
    "api.moonshot.ai": "https://api.moonshot.ai/v1/models",
    "api.moonshot.cn": "https://api.moonshot.cn/v1/models",
}
REFUSED_AT = {
    "api.kimi.com": PLAN_KEY_REFUSED,
    "api.kimi.ai": PLAN_KEY_REFUSED,
    "api.moonshot.ai": PLATFORM_KEY_REFUSED,
    "api.moonshot.cn": PLATFORM_KEY_REFUSED,
}
TURN = {"model": "k3", "messages": [{"role": "user", "content": "hi"}]}
PLATFORM_TURN = {**TURN, "model": "kimi-k3"}


def ask(
    client: httpx2.Client, url: str, key: str, body: object, name: str = "kimi-code-cli/1"
) -> tuple[int, str]:
    """Post a turn and return status and text."""
    headers = {"Authorization": f"Bearer {key}", "User-Agent": name}
    answer = client.post(url, headers=headers, json=body)
    return answer.status_code, answer.text


@pytest.mark.parametrize("host", KEYS)
def test_each_surface_takes_its_own_key_and_no_other(by_name: httpx2.Client, host: str) -> None:
    """Of the four keys exactly one opens the list of a host; the others get that host's 401."""
    answers = {
        owner: by_name.get(MODELS_URL[host], headers={"Authorization": f"Bearer {key}"})
        for owner, key in KEYS.items()
    }

    assert {owner: answer.status_code for owner, answer in answers.items()} == {
        owner: 200 if owner == host else 401 for owner in KEYS
    }
    texts = {answer.text for owner, answer in answers.items() if owner != host}
    assert texts == {REFUSED_AT[host]}


def test_a_wrong_key_on_the_plans_messages_wire(by_name: httpx2.Client) -> None:
    """There the body has that wire's shape, and the type without `invalid_`."""
    url = "https://api.kimi.com/coding/v1/messages"

    assert ask(by_name, url, "sk-garbage", TURN) == (401, PLAN_KEY_REFUSED_ON_MESSAGES)


def test_no_key_at_all(by_name: httpx2.Client) -> None:
    """The plan answers a missing key with another sentence than a wrong one."""
    answer = by_name.get(MODELS_URL["api.kimi.com"])

    assert (answer.status_code, answer.text) == (401, PLATFORM_KEY_REFUSED)


def test_x_api_key_is_taken_too(by_name: httpx2.Client) -> None:
    """The key may come in `x-api-key`, as one known client sends it."""
    headers = {"x-api-key": KEYS["api.kimi.com"], "anthropic-version": "2023-06-01"}

    assert by_name.get(MODELS_URL["api.kimi.com"], headers=headers).status_code == 200


def test_keys_can_be_changed(kimi: KimiMock, direct: httpx2.Client) -> None:
    """A key added to a surface is taken there; `reset` takes it back."""
    url = f"{kimi.base_url('moonshot')}/models"
    headers = {"Authorization": "Bearer sk-new"}
    kimi.keys["moonshot"].add("sk-new")
    assert direct.get(url, headers=headers).status_code == 200

    kimi.reset()

    assert direct.get(url, headers=headers).status_code == 401


@pytest.mark.parametrize("host", ["api.kimi.com", "api.kimi.ai"])
def test_the_gate(kimi: KimiMock, by_name: httpx2.Client, host: str) -> None:
    """The plan's chat path refuses an unknown name, and takes it once the gate allows it."""
    url = f"https://{host}/coding/v1/chat/completions"
    assert ask(by_name, url, KEYS[host], TURN, "someone/1.0") == (403, GATE_SHUT)
    assert ask(by_name, url, "sk-garbage", TURN, "someone/1.0")[0] == 401

    kimi.gate_allows.add("someone")

    assert ask(by_name, url, KEYS[host], TURN, "someone/1.0")[0] == 200


def test_no_gate_elsewhere(by_name: httpx2.Client) -> None:
    """Messages and models of the plan, and the platforms, take every name."""
    key = KEYS["api.kimi.com"]
    messages = "https://api.kimi.com/coding/v1/messages"
    chat = "https://api.moonshot.ai/v1/chat/completions"

    assert ask(by_name, messages, key, TURN, "someone/1.0")[0] == 200
    assert ask(by_name, chat, KEYS["api.moonshot.ai"], PLATFORM_TURN, "someone/1.0")[0] == 200


def test_an_unknown_model_on_the_platform(kimi: KimiMock, by_name: httpx2.Client) -> None:
    """404 with the platform's sentence; the key is judged first; a switch lets all pass."""
    url = "https://api.moonshot.ai/v1/chat/completions"
    key = KEYS["api.moonshot.ai"]
    assert ask(by_name, url, key, TURN) == (
        404,
        '{"error":{"message":"Not found the model k3 or Permission denied",'
        '"type":"resource_not_found_error"}}',
    )
    assert ask(by_name, url, "sk-garbage", TURN) == (401, PLATFORM_KEY_REFUSED)

    kimi.accept_any_model = True

    assert ask(by_name, url, key, TURN)[0] == 200


def test_an_unknown_model_on_the_plan(by_name: httpx2.Client) -> None:
    """401, though the key is right, with the sentence that names `k3`."""
    url = "https://api.kimi.com/coding/v1/messages"

    assert ask(by_name, url, KEYS["api.kimi.com"], PLATFORM_TURN) == (
        401,
        '{"error":{"type":"authentication_error","message":"Your model id does not exist,'
        ' recognized as other:kimi-k3. Please set model id as `k3`."},"type":"error"}',
    )


def test_models_can_be_changed(kimi: KimiMock, direct: httpx2.Client) -> None:
    """The list that is sent and the ids that are known are one."""
    kimi.models["moonshot"] = [{"id": "tomorrow", "object": "model", "context_length": 5000}]
    base = kimi.base_url("moonshot")
    headers = {"Authorization": f"Bearer {KEYS['api.moonshot.ai']}"}

    listed = direct.get(f"{base}/models", headers=headers)
    turn = direct.post(
        f"{base}/chat/completions", headers=headers, json={**TURN, "model": "tomorrow"}
    )

    assert listed.text == (
        '{"object":"list","data":[{"id":"tomorrow","object":"model","context_length":5000}]}'
    )
    assert turn.status_code == 200


def test_the_row_that_was_seen_live(by_name: httpx2.Client) -> None:
    """`k3-256k` reads as it was reported on 2026-07-24; every row has a positive window."""
    headers = {"Authorization": f"Bearer {KEYS['api.kimi.com']}"}
    rows = by_name.get(MODELS_URL["api.kimi.com"], headers=headers).json()["data"]

    [row] = [row for row in rows if row["id"] == "k3-256k"]
    assert row == {
        "id": "k3-256k",
        "object": "model",
        "created": 1784851200,
        "owned_by": "moonshot",
        "context_length": 262144,
        "supports_reasoning": True,
        "supports_thinking_type": "only",
        "supports_image_in": True,
        "supports_video_in": False,
        "think_efforts": {
            "support": True,
            "valid_efforts": ["low", "high", "max"],
            "default_effort": "high",
        },
        "display_name": "Kimi K3 256K",
    }
    assert all(row["context_length"] > 0 for row in rows)


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"temperature": 0.7}, "invalid temperature: only 1 is allowed for this model"),
        (
            {"model": "kimi-k2.6", "temperature": 1, "thinking": {"type": "disabled"}},
            "invalid temperature: only 0.6 is allowed for this model",
        ),
        ({"top_p": 1}, "invalid top_p: only 0.95 is allowed for this model"),
        ({"n": 2}, "invalid n: only 1 is allowed for this model"),
        ({"presence_penalty": 1}, "invalid presence_penalty: only 0 is allowed for this model"),
    ],
)
def test_sampling_is_pinned(
    kimi: KimiMock, direct: httpx2.Client, fields: dict[str, object], message: str
) -> None:
    """Any other value than the pinned one is a 400 that names it."""
    url = f"{kimi.base_url('moonshot')}/chat/completions"

    answer = ask(direct, url, KEYS["api.moonshot.ai"], {**PLATFORM_TURN, **fields})

    assert answer == (
        400,
        f'{{"error":{{"message":"{message}","type":"invalid_request_error"}}}}',
    )


def test_pinned_values_pass(kimi: KimiMock, direct: httpx2.Client) -> None:
    """The pinned values themselves are taken, 0.6 where thinking is off."""
    url = f"{kimi.base_url('moonshot')}/chat/completions"
    usual = {"temperature": 1.0, "top_p": 0.95, "n": 1, "frequency_penalty": 0.0}
    without = {
        "model": "kimi-k2.6",
        "temperature": 0.6,
        "thinking": {"type": "disabled"},
    }

    for fields in (usual, without):
        body = {**PLATFORM_TURN, **fields}
        assert ask(direct, url, KEYS["api.moonshot.ai"], body)[0] == 200


@pytest.mark.parametrize("body", [{"model": "kimi-k3"}, {"model": "kimi-k3", "messages": []}])
def test_messages_are_needed(kimi: KimiMock, direct: httpx2.Client, body: object) -> None:
    """A turn without messages is a 400 on both wires."""
    key = KEYS["api.moonshot.ai"]
    chat = f"{kimi.base_url('moonshot')}/chat/completions"
    messages = f"{kimi.base_url('moonshot', 'messages')}/v1/messages"

    assert ask(direct, chat, key, body)[0] == 400
    assert ask(direct, messages, key, body)[0] == 400


def test_a_body_that_is_no_json(kimi: KimiMock, direct: httpx2.Client) -> None:
    """Half a body is refused with 400 and kept as it came."""
    headers = {"Authorization": f"Bearer {KEYS['api.moonshot.ai']}"}

    answer = direct.post(
        f"{kimi.base_url('moonshot')}/chat/completions", headers=headers, content=b'{"mod'
    )

    assert answer.status_code == 400
    assert kimi.seen[-1].body == b'{"mod'


@pytest.mark.parametrize(
    "url",
    [
        "https://api.kimi.com/coding/chat/completions",
        "https://api.kimi.com/coding/v1/v1/messages",
        "https://api.kimi.com/v1/models",
        "https://api.moonshot.ai/coding/v1/models",
    ],
)
def test_paths_that_do_not_exist(by_name: httpx2.Client, url: str) -> None:
    """A missing or doubled `/v1`, and the other product's path, are 404 with a right key."""
    assert ask(by_name, url, KEYS["api.kimi.com"], TURN) == (
        404,
        '{"error":{"message":"The requested resource was not found",'
        '"type":"resource_not_found_error"}}',
    )


def test_a_refused_request_uses_nothing_up(kimi: KimiMock, direct: httpx2.Client) -> None:
    """The queued reply waits for the first request that passes every check; all are recorded."""
    kimi.replies.append(Reply.error(500, {"error": {"message": "x", "type": "server_error"}}))
    url = f"{kimi.base_url('moonshot')}/chat/completions"

    statuses = [
        ask(direct, url, key, PLATFORM_TURN)[0]
        for key in ("sk-garbage", KEYS["api.moonshot.ai"], KEYS["api.moonshot.ai"])
    ]

    assert statuses == [401, 500, 200]
    assert len(kimi.seen) == 3
