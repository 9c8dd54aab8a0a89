"""Outputs whose encoding lacks our signs: nothing breaks, and no sign of a document is lost."""

import json

import pytest

from tests.conftest import PLATFORM_KEY
from tests.support.process import Hermes


@pytest.mark.parametrize("encoding", ["ascii", "iso-8859-1"])
def test_a_status_is_told_in_any_encoding(offline: Hermes, encoding: str) -> None:
    """The key's ellipsis has a stand-in as text, and an escape in JSON."""
    env = {"PYTHONIOENCODING": encoding}
    told = offline("status", key=PLATFORM_KEY, env=env)
    document = offline("status", "--json", key=PLATFORM_KEY, env=env)

    assert (told.code, told.stderr, document.code) == (0, "", 0)
    assert "...0003 (" in told.stdout
    key = json.loads(document.stdout)["route"]["key"]["value"]
    assert key["fingerprint"].startswith("…0003 (")
