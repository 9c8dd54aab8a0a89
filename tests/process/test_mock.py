"""`hermes mock`: what it prints is enough to reach it, under its own address and the real names."""

import json
import signal
import subprocess
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from tests.conftest import PLAN_KEY, PLATFORM_KEY
from tests.support.process import Hermes

pytestmark = pytest.mark.here

HEAD = "A loopback Kimi, until Ctrl-C"


@contextmanager
def mock(hermes: Hermes, *options: str) -> Iterator[tuple[list[str], dict[str, str]]]:
    """Run `hermes mock`; give its lines and the environment its `export` lines make."""
    with hermes.start("mock", *options) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        try:
            lines = list(_until_gate(process))
            exported = dict(
                line.removeprefix("export ").split("=", 1)
                for line in lines
                if line.startswith("export ")
            )
            lower = {name.lower(): value for name, value in exported.items()}
            yield lines, {**exported, **lower}
        finally:
            process.send_signal(signal.SIGINT)
            complaints = process.stderr.read()
            code = process.wait(timeout=10)
    assert (code, complaints) == (0, b"")


def _until_gate(process: subprocess.Popen[bytes]) -> Iterator[str]:
    assert process.stdout is not None
    for line in process.stdout:
        yield line.decode().rstrip("\n")
        if line.startswith(b"The plan's chat path"):
            return


def test_its_export_lines_lead_the_real_names_to_it(offline: Hermes) -> None:
    """The two lines in a shell, and a key it printed: `hermes` talks to it as to Kimi."""
    with mock(offline) as (lines, exported):
        assert lines[0].startswith(HEAD)
        assert lines[-1] == "The plan's chat path is shut to hermes-kimi."
        for host in ("api.kimi.com", "api.kimi.ai", "api.moonshot.ai", "api.moonshot.cn"):
            assert any(line.split()[:1] == [host] for line in lines)
        assert any(PLAN_KEY in line for line in lines)

        result = offline.process("chat", "-q", "hi", key=PLAN_KEY, env=exported)

    assert (result.stdout, result.code) == ("Hello from Kimi.\n", 0)
    assert "does not take hermes-kimi" in result.stderr


def test_the_gate_can_be_opened(offline: Hermes) -> None:
    """With `--open-gate` the plan's chat path takes our name, and no wire moves."""
    with mock(offline, "--open-gate") as (lines, exported):
        assert lines[-1] == "The plan's chat path is open to hermes-kimi."

        result = offline("chat", "-q", "hi", key=PLAN_KEY, env=exported)

    assert (result.stdout, result.code) == ("Hello from Kimi.\n", 0)
    assert "does not take" not in result.stderr


def test_its_address_can_be_named(offline: Hermes) -> None:
    """Each printed address is a base URL for `--base-url`, without proxy or certificate."""
    with mock(offline) as (lines, _):
        [address] = [line.split()[2] for line in lines if line.split()[1:2] == [PLATFORM_KEY]]

        result = offline(
            "chat", "-q", "hi", "--base-url", address, "--model", "kimi-k3", key=PLATFORM_KEY
        )

    assert (result.stdout, result.code) == ("Hello from Kimi.\n", 0)


def test_a_port_that_is_taken_is_a_sentence(offline: Hermes) -> None:
    """Two mocks on one port: the second says so and how to go on."""
    with mock(offline) as (lines, _):
        [address] = [line.split()[2] for line in lines if line.split()[1:2] == [PLATFORM_KEY]]
        port = address.split(":")[2].partition("/")[0]

        result = offline("mock", "--port", port)

    assert result.code == 1
    assert f"cannot listen on port {port}" in result.stderr
    assert "`hermes mock`" in result.stderr


def test_switches_are_set_and_seen(offline: Hermes) -> None:
    """`--set` plays a full account, and the control address it prints tells what was asked."""
    with mock(offline, "--set", "balance=0", "--set", "gate_allows=[]") as (lines, exported):
        [address] = [line.split()[-1] for line in lines if line.endswith("/__mock__/state")]

        result = offline("chat", "-q", "hi", key=PLATFORM_KEY, env=exported)

        with urllib.request.build_opener(urllib.request.ProxyHandler({})).open(address) as answer:
            state = json.load(answer)

    assert result.code == 4
    assert "suspended due to insufficient balance" in result.stderr
    assert (state["switches"]["balance"], state["switches"]["gate_allows"]) == (0, [])
    assert {seen["surface"] for seen in state["seen"]} == {"moonshot"}
    assert PLATFORM_KEY not in json.dumps(state["seen"])


@pytest.mark.parametrize(
    ("setting", "said"),
    [
        ("tear=free", "no switch called tear. It has: gate_allows,"),
        ("tier=gold", "one of free, moderato, allegretto"),
        ("overloaded_calls=many", "overloaded_calls: "),
        ("tier", "The switch tier needs a value."),
    ],
)
def test_a_switch_it_does_not_have(offline: Hermes, setting: str, said: str) -> None:
    """An unknown name is answered with the names there are, a wrong value with the values."""
    result = offline("mock", "--set", setting)

    assert (result.code, result.stdout) == (2, "")
    assert said in " ".join(result.stderr.split())
    assert "`hermes mock --set" in result.stderr
