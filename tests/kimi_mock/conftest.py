"""Ways to ask the one loopback Kimi that all tests share."""

import ssl
from collections.abc import Iterator

import httpx2
import pytest

from kimi_mock.server import KimiMock
from tests.kimi_mock.asking import Asker


@pytest.fixture(scope="session")
def direct() -> Iterator[httpx2.Client]:
    """Give a client that uses no proxy."""
    with httpx2.Client(trust_env=False, timeout=10) as client:
        yield client


@pytest.fixture(scope="session")
def trust(running_mock: KimiMock) -> ssl.SSLContext:
    """Trust the mock's authority and no other."""
    return ssl.create_default_context(cafile=running_mock.certificate_file)


@pytest.fixture
def by_name(kimi: KimiMock, trust: ssl.SSLContext) -> Iterator[httpx2.Client]:
    """Give a client that reaches the four names through the mock's proxy, newly connected."""
    with httpx2.Client(proxy=kimi.proxy_url, verify=trust, trust_env=False, timeout=10) as client:
        yield client


@pytest.fixture
def asker(kimi: KimiMock, direct: httpx2.Client) -> Asker:
    """Give the short way to ask the mock."""
    return Asker(kimi, direct)
