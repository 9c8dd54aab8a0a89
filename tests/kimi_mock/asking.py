"""Short ways to ask the mock: a surface and a wire by name, status and message back."""

import contextlib
from typing import Any

import httpx2

from kimi_mock.server import KimiMock
from kimi_mock.surfaces import Wire, find_surface

USER = {"role": "user", "content": "hi"}
MODELS = {"kimi-code": "k3", "kimi-code-global": "k3", "moonshot": "kimi-k3"}


class Asker:
    """Posts turns to the mock with the right key, and the one name that the gate takes."""

    def __init__(self, kimi: KimiMock, client: httpx2.Client) -> None:
        self._kimi = kimi
        self._client = client

    def post(
        self, surface: str = "moonshot", wire: Wire = "chat", **fields: Any
    ) -> httpx2.Response:
        """Post a turn; a field of None is left out of the body."""
        place = "/chat/completions" if wire == "chat" else "/v1/messages"
        body = {"model": MODELS.get(surface, "kimi-k3"), "messages": [USER], **fields}
        return self._client.post(
            self._kimi.base_url(surface, wire) + place,
            headers=self.headers(surface),
            json={name: value for name, value in body.items() if value is not None},
        )

    def get(self, path: str, surface: str = "kimi-code") -> httpx2.Response:
        """Get a path below the chat base of a surface."""
        return self._client.get(self._kimi.base_url(surface) + path, headers=self.headers(surface))

    def arrived(self, surface: str = "moonshot", **fields: Any) -> bytes:
        """Return what of a chat stream comes before it breaks off, or is silent for a second."""
        came = b""
        url = f"{self._kimi.base_url(surface)}/chat/completions"
        body = {"model": MODELS.get(surface), "messages": [USER], "stream": True, **fields}
        with (
            httpx2.Client(trust_env=False, timeout=httpx2.Timeout(5, read=1)) as client,
            client.stream("POST", url, headers=self.headers(surface), json=body) as answer,
            contextlib.suppress(httpx2.RemoteProtocolError, httpx2.ReadTimeout),
        ):
            for piece in answer.iter_raw():
                came += piece
        return came

    def headers(self, surface: str) -> dict[str, str]:
        """Return what lets a request in."""
        found = find_surface(surface)
        key = found.key if found else ""
        return {"Authorization": f"Bearer {key}", "User-Agent": "kimi-code-cli/1"}

    def refused(self, surface: str = "moonshot", wire: Wire = "chat", **fields: Any) -> str:
        """Return the message of a 400 with the type for invalid requests; "" for a 200."""
        answer = self.post(surface, wire, **fields)
        if answer.status_code == 200:
            return ""
        assert answer.status_code == 400, answer.text
        error = answer.json()["error"]
        assert error["type"] == "invalid_request_error"
        return str(error["message"])
