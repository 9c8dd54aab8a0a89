"""What installs an extra, in the remedies of those who miss its packages."""

import shlex
import sys
from pathlib import Path

import pytest

from agent.identity import PRODUCT
from hermes_cli.extras import install_command
from tests.support.process import Hermes


@pytest.mark.parametrize(
    ("extra", "names"), [("serve", ["starlette", "trustme", "uvicorn"]), ("keyring", ["keyring"])]
)
def test_the_command_names_the_packages_of_our_metadata(extra: str, names: list[str]) -> None:
    """It cannot fall behind, and is for the Python that runs."""
    words = shlex.split(install_command(extra))

    assert words[:4] == [sys.executable, "-m", "pip", "install"]
    assert [word.partition(">=")[0] for word in words[4:]] == names


def test_no_registry_is_asked_for_our_own_name(offline: Hermes, tmp_path: Path) -> None:
    """
    Without the keyring's package, the error names a command of pip's, and no package of ours.

    It once named `hermes-kimi[keyring]`: whoever took that name at a registry would have been
    installed, with our user's keys in reach.
    """
    (tmp_path / "keyring.py").write_text("raise ModuleNotFoundError(name='keyring')\n")

    result = offline(
        "key",
        "add",
        "work",
        "--keyring",
        "--unchecked",
        stdin="sk-kimi-0123456789",
        env={"PYTHONPATH": str(tmp_path)},
    )

    assert result.code == 3
    assert f"its package is not installed (`{sys.executable} -m pip install" in result.stderr
    assert f"{PRODUCT}[" not in result.stderr
