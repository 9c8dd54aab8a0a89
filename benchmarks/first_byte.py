"""Process start to the first byte of the request, against a bare script of the same request."""

import json
import socket
import subprocess
import threading
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import Self

from benchmarks.installation import Installation
from benchmarks.startup import KEY, CommandFailed, environment
from benchmarks.table import Line, failed, paired

LIMIT = 2.0
BODY_BYTES = 6_000
"""What the body of a first request may have: the prompt, the tools and the question."""
QUESTION = "hi"
BARE_SCRIPT = """
import sys
import httpx2
url, key, question = sys.argv[1:]
body = {"messages": [{"role": "user", "content": question}], "stream": True}
with httpx2.Client(verify=False) as client:
    headers = {"Authorization": f"Bearer {key}"}
    with client.stream("POST", url, json=body, headers=headers) as answer:
        for line in answer.iter_lines():
            print(line)
"""
_DELTAS: tuple[dict[str, object], ...] = (
    {"delta": {"content": "Hello."}, "finish_reason": None},
    {"delta": {}, "finish_reason": "stop"},
)
_EVENTS = "".join(
    f"data: {json.dumps({'model': 'bench', 'choices': [{'index': 0, **delta}]})}\n\n"
    for delta in _DELTAS
)
_ANSWER = (
    "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nConnection: close\r\n\r\n"
    f"{_EVENTS}data: [DONE]\n\n"
).encode()


class Endpoint:
    """
    A loopback endpoint that notes when each request began, and answers it in two words.

    `began` are readings of the monotonic clock, which all processes of a machine share;
    `body_bytes` is how long the last request's body was.
    """

    def __init__(self) -> None:
        self.began: list[float] = []
        self.body_bytes = 0
        self._listening = socket.create_server(("127.0.0.1", 0))
        self._thread = threading.Thread(target=self._serve)

    @property
    def base_url(self) -> str:
        """What a client is given."""
        return f"http://127.0.0.1:{self._listening.getsockname()[1]}/v1"

    def __enter__(self) -> Self:
        """Begin to listen."""
        self._thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Stop: `accept` fails once the socket is shut."""
        self._listening.shutdown(socket.SHUT_RDWR)
        self._thread.join()
        self._listening.close()

    def _serve(self) -> None:
        with suppress(OSError):
            while True:
                connection, _ = self._listening.accept()
                with connection:
                    self._answer(connection)

    def _answer(self, connection: socket.socket) -> None:
        seen = connection.recv(65536)
        now = time.monotonic()
        if not seen:
            return
        self.began.append(now)
        while not _is_whole(seen):
            more = connection.recv(65536)
            if not more:
                return
            seen += more
        self.body_bytes = len(seen.partition(b"\r\n\r\n")[2])
        connection.sendall(_ANSWER)


def first_byte_lines(installed: Installation, home: Path, runs: int) -> list[Line]:
    """Return the lines of `hermes chat -q`: time to the first byte, and number of requests."""
    name = f"`hermes chat -q {QUESTION}`, start to first byte"
    env = environment(home)
    with Endpoint() as endpoint:
        base, requests, bodies = endpoint.base_url, set[int](), set[int]()
        chat = [str(installed.hermes), "chat", "--base-url", base, "-q", QUESTION]
        url = f"{base}/chat/completions"
        bare = [str(installed.python), "-c", BARE_SCRIPT, url, KEY, QUESTION]

        def ours() -> float:
            seconds, seen = _seconds_to_first_byte(chat, env, endpoint)
            requests.add(seen)
            bodies.add(endpoint.body_bytes)
            return seconds

        try:
            taken, least, ratio = paired(
                ours, lambda: _seconds_to_first_byte(bare, env, endpoint)[0], runs
            )
        except CommandFailed as error:
            return [failed(name, LIMIT, str(error))]
    return [
        Line(
            name=name,
            value=f"{ratio:.2f} x",
            limit=f"{LIMIT:g} x",
            over=ratio > LIMIT,
            detail=f"{taken * 1e3:.0f} ms against {least * 1e3:.0f} ms of a bare httpx2 script",
        ),
        Line(
            name="requests of one prompt",
            value=" or ".join(str(number) for number in sorted(requests)),
            limit="1",
            over=requests != {1},
            detail=f"counted in {runs + 1} processes",
        ),
        Line(
            name="body of a first prompt, bytes",
            value=f"{max(bodies):,}",
            limit=f"{BODY_BYTES:,}",
            over=max(bodies) > BODY_BYTES,
            detail="system prompt, tools and question",
        ),
    ]


def _seconds_to_first_byte(
    argv: Sequence[str], env: Mapping[str, str], endpoint: Endpoint
) -> tuple[float, int]:
    endpoint.began.clear()
    before = time.monotonic()
    done = subprocess.run(
        argv,
        env=env,
        cwd=env["HOME"],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode or not endpoint.began:
        said = (done.stderr.strip().splitlines() or ["no request came"])[-1]
        raise CommandFailed(f"`{Path(argv[0]).name} {argv[1]}` left with {done.returncode}: {said}")
    return endpoint.began[0] - before, len(endpoint.began)


def _is_whole(request: bytes) -> bool:
    head, blank, body = request.partition(b"\r\n\r\n")
    _, _, length = head.lower().partition(b"content-length:")
    return bool(blank) and len(body) >= int(length.partition(b"\r\n")[0] or 0)
