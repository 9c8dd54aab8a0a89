"""What ruff, mypy and import-linter cannot see: the rules of the house, over the whole tree."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from agent.catalog import find
from agent.identity import PRODUCT, USER_AGENT, VERSION
from tests.architecture import findings

ROOT = Path(__file__).resolve().parents[2]
SHIPPED = ("agent", "hermes_cli", "kimi_mock")
PARTS = (*SHIPPED, "benchmarks", "evals", "scripts", "examples")
ROWS = {"agent/catalog/kimi.py", "agent/catalog/kimi_models.py"}
# `agent/keys.py` is where the function stands.
MAY_SEE_KEYS = {"agent/keys.py"} | {
    f"hermes_cli/{name}.py"
    for name in (
        "auth",
        "key_file",
        "key_sources",
        "keyring_store",
        "plan",
        "runtime_provider",
    )
}
NOT_OURS = {"build", "dist", "__pycache__", ".git", ".venv"}
CACHES = ("_cache", ".egg-info", ".hypothesis")

Checker = Callable[[str], list[str]]


def _python(*parts: str) -> Iterator[Path]:
    for part in parts:
        yield from sorted((ROOT / part).rglob("*.py"))


def _named(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


def _found(check: Checker, paths: Iterator[Path]) -> list[str]:
    return [f"{_named(path)}: {fault}" for path in paths for fault in check(path.read_text())]


def _every_text() -> Iterator[tuple[Path, str]]:
    for path in sorted(ROOT.rglob("*")):
        inside = path.relative_to(ROOT).parts
        skipped = NOT_OURS.intersection(inside) or any(part.endswith(CACHES) for part in inside)
        if skipped or not path.is_file():
            continue
        try:
            yield path, path.read_text("utf-8")
        except UnicodeDecodeError:
            continue


def _facts(source: str) -> list[str]:
    kimi = find("kimi")
    assert kimi is not None
    ids = {model.id for model in kimi.every_model()}
    return findings.kimi_facts(source, ids, {row.key_prefix for row in kimi.endpoints} - {""})


def _plain_text(source: str) -> list[str]:
    return findings.names_used(source, "plain_text")


def test_no_file_is_longer_than_the_limit() -> None:
    """A file at the limit holds a second noun, which wants a file of its own."""
    assert _found(findings.too_long, _python(*PARTS, "tests")) == []


def test_every_package_says_in_one_sentence_what_it_knows() -> None:
    """A package whose docstring needs two sentences is two packages."""
    packages = (path for path in _python(*PARTS) if path.name == "__init__.py")

    assert _found(findings.not_one_sentence, packages) == []


def test_facts_about_kimi_stand_in_the_rows_alone() -> None:
    """No host, key prefix or model id is spelled in code outside the rows, not even once."""
    elsewhere = (path for path in _python("agent", "hermes_cli") if _named(path) not in ROWS)

    assert _found(_facts, elsewhere) == []


def test_few_modules_turn_a_key_into_text() -> None:
    """`plain_text` is the one way out of the key type; what needs it stands in `MAY_SEE_KEYS`."""
    others = (path for path in _python(*SHIPPED) if _named(path) not in MAY_SEE_KEYS)

    assert _found(_plain_text, others) == []


def test_the_agent_never_reads_the_environment() -> None:
    """What the environment says reaches the agent as an argument."""
    assert _found(findings.environment_read, _python("agent")) == []


def test_values_are_structs() -> None:
    """
    `hermes status` and the first byte of `chat -q` were over their limits.

    A dataclass takes 0.3 ms to define, a Struct 0.01 (see `docs/decisions/0020`), and a start
    defines a hundred of them.
    """
    assert _found(findings.dataclasses_for_nothing, _python("agent", "hermes_cli")) == []


def test_we_never_take_another_name() -> None:
    """Our User-Agent is our own name, and no header carries another product's."""
    assert f"{PRODUCT}/{VERSION}" == USER_AGENT
    assert PRODUCT == "hermes-kimi"
    assert _found(findings.foreign_names, _python("agent", "hermes_cli")) == []


def test_every_remedy_names_a_command() -> None:
    """Each red line ends in something that can be copied."""
    assert _found(findings.no_command, _python("agent", "hermes_cli")) == []


def test_no_registry_is_named() -> None:
    """Where packages come from is for the machine's own settings to say."""
    found = {
        _named(path): hosts
        for path, text in _every_text()
        if (hosts := findings.registry_hosts(text))
    }

    assert found == {}


def test_decisions_are_recorded() -> None:
    """There are decision records, and each has a title."""
    records = sorted((ROOT / "docs" / "decisions").glob("*.md"))

    assert records
    assert _found(findings.no_title, iter(records)) == []


def test_tests_say_what_they_show_and_patch_nothing() -> None:
    """Every test has a docstring, every test module a test; no mocks, no patches anywhere."""
    modules = list(_python("tests"))

    assert [path for path in modules if path.name.startswith("test_")]
    tests = (path for path in modules if path.name.startswith("test_"))
    assert _found(findings.faults_of_tests, tests) == []
    assert _found(findings.patches, iter(modules)) == []


def test_every_dependency_is_pinned_once() -> None:
    """`constraints.txt` holds pins alone and all we ask for; other pins say the same version."""
    constraints = (ROOT / "constraints.txt").read_text()
    required = findings.required_packages((ROOT / "pyproject.toml").read_text())

    def disagrees(text: str) -> list[str]:
        return findings.other_pins(text, constraints)

    assert findings.unpinned(constraints, required) == []
    pages = (ROOT / name for name in ("pyproject.toml", "Makefile", "README.md"))
    assert _found(disagrees, iter([*pages, *_python("agent", "hermes_cli")])) == []


def _pins_needed(constraints: str) -> list[str]:
    return findings.unpinned(constraints, {"click", "rich"})


def _pins_agree(text: str) -> list[str]:
    return findings.other_pins(text, "click==8.5.1\n")


FAULTS: tuple[tuple[Checker, str], ...] = (
    (findings.too_long, "x = 1\n" * 401),
    (findings.not_one_sentence, ""),
    (findings.not_one_sentence, '"""No full stop"""'),
    (findings.not_one_sentence, '"""One. Two."""'),
    (_facts, 'URL = "https://API.kimi.com/coding"'),
    (_facts, 'URL = f"https://api.moonshot.{region}/v1" or "api.moonshot.cn"'),
    (_facts, 'def f(key):\n    """Doc."""\n    return key.startswith("sk-kimi-")'),
    (_facts, 'MODELS = ["k3"]'),
    (_facts, 'HELP = f"Take {name} or kimi-k2.5."'),
    (_facts, 'PROVIDER = "kimi-coding"'),
    (_plain_text, "from agent.keys import plain_text"),
    (_plain_text, "import agent.keys\nagent.keys.plain_text(key)"),
    (findings.environment_read, 'import os\nos.environ["HOME"]'),
    (findings.environment_read, "from os import getenv"),
    (findings.dataclasses_for_nothing, "@dataclass\nclass Row:\n    id: str"),
    (
        findings.dataclasses_for_nothing,
        "@dataclasses.dataclass(frozen=True)\nclass Row:\n    id: str",
    ),
    (findings.foreign_names, 'AGENT = "KimiCLI/1.5"'),
    (findings.foreign_names, 'AGENT = f"claude-code/{VERSION}"'),
    (findings.foreign_names, 'HEADERS = (("X-Msh-Platform", platform),)'),
    (findings.foreign_names, 'HEADERS = [("user-agent", name)]'),
    (findings.foreign_names, 'HEADERS = {"User-Agent": "curl"}'),
    (findings.foreign_names, 'headers["User-Agent"] = name'),
    (findings.no_command, 'UsageError("No.", remedy="Do it otherwise.")'),
    (findings.registry_hosts, f"see https://{findings.REGISTRY_HOSTS[0]}/simple"),
    (findings.no_title, "A page\n======\n"),
    (findings.faults_of_tests, "def helper() -> None: ..."),
    (findings.faults_of_tests, "def test_it() -> None: ..."),
    (findings.faults_of_tests, "class TestIt:\n    async def test_it(self) -> None: ..."),
    (findings.patches, "from unittest import mock"),
    (findings.patches, "import unittest.mock"),
    (findings.patches, "from unittest.mock import Mock"),
    (findings.patches, 'def f(monkeypatch):\n    monkeypatch.setattr(module, "x", 1)'),
    (_pins_needed, "click==8.5.1\n"),
    (_pins_needed, "click==8.5.1\nrich>=15\nrich==15.0.0\n"),
    (_pins_needed, "click==8.5.1\nrich==15.0.0 --hash=sha256:00\n"),
    (_pins_agree, "pip install 'click==8.4'"),
)


@pytest.mark.parametrize(("check", "text"), FAULTS)
def test_each_checker_finds_its_fault(check: Checker, text: str) -> None:
    """A checker that finds nothing in a bad example would pass whatever the tree holds."""
    assert len(check(text)) == 1


SOUND: tuple[tuple[Checker, str], ...] = (
    (findings.too_long, "x = 1\n" * 400),
    (findings.not_one_sentence, '"""Knows the wire, v1.5 and later; not the client."""'),
    (_facts, '"""Goes to api.kimi.com with k3."""\nBLAKE = "blake3 kimi_code kimi"'),
    (_plain_text, 'KIND = "text/plain_text"'),
    (findings.environment_read, "import os\nos.fspath(environment)"),
    (
        findings.dataclasses_for_nothing,
        "@dataclass\nclass Read:\n    line: str = field(repr=False)",
    ),
    (findings.dataclasses_for_nothing, "class Row(msgspec.Struct, frozen=True):\n    id: str"),
    (findings.foreign_names, 'HEADERS = (("User-Agent", USER_AGENT), ("Accept", "text/html"))'),
    (findings.no_command, 'UsageError("No.", remedy="`hermes why` tells.")\nF(remedy="")'),
    (findings.registry_hosts, "an index, given by the machine"),
    (findings.no_title, "# A page\n"),
    (findings.faults_of_tests, 'def test_it() -> None:\n    """It shows."""'),
    (_pins_needed, "click==8.5.1\nRich==15.0.0\n"),
    (_pins_agree, "click==8.5.1 other==1"),
)


@pytest.mark.parametrize(("check", "text"), SOUND)
def test_no_checker_cries_wolf(check: Checker, text: str) -> None:
    """What the house allows is not found."""
    assert check(text) == []


def test_everything_asked_for_is_read_from_the_project() -> None:
    """The build's, the core's and the extras' packages count; the project itself does not."""
    project = """
        [build-system]
        requires = ["setuptools>=80"]
        [project]
        name = "It_self"
        dependencies = ["click>=8", "Prompt_Toolkit[x]>=3; python_version > '3'"]
        optional-dependencies = { dev = ["it-self[serve]", "ruff"] }
    """

    expected = {"setuptools", "click", "prompt-toolkit", "ruff"}
    assert findings.required_packages(project) == expected
