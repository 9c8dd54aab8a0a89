"""
The embedded model's own process: llama.cpp's HTTP server on a free loopback port.

Started by `agent.local_server` as a file, not as a module: it stands on the standard
library and xllamacpp alone, and this is the only module that imports xllamacpp.

    standard input    first line: the API key; then nothing, and its end ends the process
    standard output   one JSON line, `{"base_url": "http://127.0.0.1:PORT/v1"}`, when ready
    standard error    llama.cpp's error lines, the cause before its consequences
    exit code         0, NOT_IMPORTABLE or NOT_LOADABLE
"""

import contextlib
import json
import os
import signal
import sys
from pathlib import Path
from typing import Any

NOT_IMPORTABLE = 20
NOT_LOADABLE = 21

MOST_THREADS = 4


def main(arguments: list[str]) -> int:
    """
    Serve until standard input ends; return the exit code if that never began.

    `arguments` are the GGUF file, the model id to answer with, the context in tokens and, where
    the file's own chat template is not to be used, the file of another one.
    Loading holds the interpreter's lock (seen with xllamacpp 2026.10, 2026-11-22), so an
    end of input while a model loads is noticed when it has been loaded.
    """
    # The terminal sends Ctrl-C to every process in front; the one who started us decides.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    model_file, model_id, context_tokens, *template_file = arguments
    key = sys.stdin.readline().strip()
    if not key:
        return 0
    # Standard output is for the one line; what the library may print goes to standard error.
    announcement = os.dup(1)
    os.dup2(2, 1)
    try:
        import xllamacpp
    except ImportError as error:
        sys.stderr.write(f"{error}\n")
        return NOT_IMPORTABLE
    parameters = xllamacpp.CommonParams()
    _fill(parameters, Path(model_file), model_id, int(context_tokens), key)
    for name in template_file:
        parameters.chat_template = Path(name).read_text(encoding="utf-8")
    try:
        server = xllamacpp.Server(parameters)
    except RuntimeError:
        # Its text is always "Failed to init server, please check the input params." (seen
        # 2026-11-22); the reason is what llama.cpp wrote on standard error before.
        return NOT_LOADABLE
    line = json.dumps({"base_url": f"{server.listening_address}/v1"}) + "\n"
    with contextlib.suppress(BrokenPipeError):
        os.write(announcement, line.encode())
    sys.stdin.read()
    # A plain exit in the middle of an answer ends in a segmentation fault every other time (seen
    # 2026-11-22): the server's threads still run while the interpreter takes itself apart.
    os._exit(0)


def _cores() -> int:
    """
    Return how many cores this process may use.

    A thread more than that costs dear: the others wait for it in a loop (seen 2026-11-22: an
    answer of 5 seconds took 17 to 98 on a machine whose cores were busy).
    """
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def _fill(parameters: Any, model_file: Path, model_id: str, context_tokens: int, key: str) -> None:
    """Set what differs from the library's own defaults, which already say 127.0.0.1."""
    threads = min(_cores(), MOST_THREADS)
    parameters.hostnames = ["127.0.0.1"]
    parameters.port = 0
    parameters.api_keys = [key]
    parameters.model.path = str(model_file)
    parameters.model_alias = {model_id}
    parameters.n_ctx = context_tokens
    parameters.n_parallel = 1
    parameters.cpuparams.n_threads = threads
    parameters.cpuparams_batch.n_threads = threads
    # At temperature 0 it says one line until its budget is over (seen 2026-11-22: 1,024 tokens for
    # a haiku). A sequence of 12 tokens and more that was said just now is made unlikely.
    parameters.sampling.dry_multiplier = 0.8
    parameters.sampling.dry_allowed_length = 12
    parameters.sampling.dry_penalty_last_n = 256
    parameters.ui = False
    parameters.offline = True
    parameters.warmup = False
    parameters.endpoint_slots = False
    # By default up to 8 GiB of old prompts are kept, 35 MB for each 1,500 tokens (seen
    # 2026-11-22); the running conversation's is kept anyway.
    parameters.cache_ram_mib = 0
    # Fitting the model to a graphics card reads the file twice: 0.2 of 0.5 seconds to be ready.
    parameters.fit_params = False
    # 1 is errors only; at 0 a file that cannot be loaded fails without a word (seen 2026-11-22).
    parameters.verbosity = 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
