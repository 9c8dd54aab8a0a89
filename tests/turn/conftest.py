"""A second provider beside the mock's Kimi."""

from collections.abc import Iterator

import pytest

from kimi_mock.server import KimiMock

GATEWAY_KEY = "key-of-the-gateway-0001"


@pytest.fixture
def gateway() -> Iterator[KimiMock]:
    """A second endpoint on loopback that knows one key of its own."""
    with KimiMock() as mock:
        mock.keys["moonshot"] = {GATEWAY_KEY}
        mock.accept_any_model = True
        mock.schemas = "unchecked"
        yield mock
