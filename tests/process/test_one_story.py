"""One Route, told by every surface: status, doctor, the list of keys, explain, and the request."""

import json
import random
from collections.abc import Sequence
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest

from agent.catalog.kimi import KIMI
from agent.keys import ApiKey
from agent.learnt import Learnt
from kimi_mock.server import KimiMock
from tests.conftest import CHINA_KEY, GLOBAL_KEY, PLAN_KEY, PLATFORM_KEY
from tests.support.commands import Here
from tests.support.process import Hermes

VARIABLES = ("KIMI_API_KEY", "KIMI_CODING_API_KEY", "MOONSHOT_API_KEY")
TEXTS = (PLAN_KEY, GLOBAL_KEY, PLATFORM_KEY, CHINA_KEY)
URLS = tuple(endpoint.base_urls[0][1] for endpoint in KIMI.endpoints)
MODELS = ("kimi-coding", "kimi-latest", "k3", "kimi-k3", "kimi-k2.6")
STORED = ("work", "spare")
DAY = "2026-11-21T10:00:00+00:00"
SURFACES = ("status", "explain", "doctor", "key list")

Story = tuple[str, str, str, str]


def build(chance: random.Random, home: Path) -> dict[str, str]:
    """Make a home of keys, settings and remembered places, and return the shell's variables."""

    def some(names: Sequence[str], values: Sequence[str], share: float) -> dict[str, str]:
        return {name: chance.choice(values) for name in names if chance.random() < share}

    def lines(pairs: dict[str, str]) -> str:
        return "".join(f'{name} = "{value}"\n' for name, value in pairs.items())

    settings = lines({**some(["model"], MODELS, 0.3), **some(["provider"], ["kimi", "auto"], 0.3)})
    table = {**some(["base_url"], URLS, 0.15), **some(["key"], STORED, 0.4)}
    stored = some(STORED, TEXTS, 0.5)
    table = {name: value for name, value in table.items() if name != "key" or value in stored}
    for path in filter(Path.is_file, home.glob("*")):  # the kept conversations may stay
        path.unlink()
    write = Here(home).write
    write("config.toml", f"{settings}[providers.kimi-coding]\n{lines(table)}")
    write(".env", lines({**some(VARIABLES, TEXTS, 0.25), **some(["KIMI_BASE_URL"], URLS, 0.1)}))
    write("keys.toml", "".join(_stored(name, text, chance) for name, text in stored.items()))
    learnt = Learnt(home / "hermes-kimi.db")
    for text in TEXTS:
        if chance.random() < 0.3:
            endpoint = chance.choice(KIMI.endpoints)
            learnt.remember_place(ApiKey(text).digest, endpoint.id, at=DAY)
    return {**some(VARIABLES, TEXTS, 0.25), **some(["KIMI_BASE_URL"], URLS, 0.1)}


def _stored(name: str, text: str, chance: random.Random) -> str:
    """Return a stored key; its endpoint may be one of another product, as in an old file."""
    endpoint = chance.choice(KIMI.endpoints).id
    return f'[kimi-coding.{name}]\nkey = "{text}"\nendpoint = "{endpoint}"\nadded = "2026-11-20"\n'


def of_route(route: dict[str, Any]) -> Story:
    """Return what a Route's document tells: endpoint, base URL, fingerprint, model."""
    fingerprint = route["key"]["value"]["fingerprint"] if route["key"] else ""
    return (
        route["endpoint"]["id"],
        route["base_url"]["value"],
        fingerprint,
        route["model"]["value"],
    )


def of_list(document: dict[str, Any]) -> Story | None:
    """Return what the list of keys tells of the key in use, or None if none is."""
    used = [key for key in document["keys"] if key["in_use"]]
    if not used:
        return None
    [key] = used
    return key["endpoint"], key["base_url"], key["value"]["fingerprint"], key["model"]


def told(surface: str, text: str) -> Story | None:
    """Return the story in a surface's JSON; None where it says that no key is in use."""
    document = json.loads(text)
    if surface == "key list":
        return of_list(document)
    story = of_route(document["route"])
    return story if story[2] else None


def arguments(surface: str) -> list[str]:
    """Return the command line of a surface, with nobody asked."""
    return [*surface.split(), "--json", *(["--offline"] if surface == "doctor" else [])]


def test_over_random_environments_every_surface_tells_one_story(here: Here) -> None:
    """
    200 homes: status, doctor, key list and explain agree on endpoint, fingerprint and model.

    Acceptance case 30: one program told three stories of one variable (hermes #9716, #9780).
    """
    chance = random.Random(20261122)  # noqa: S311 - cases that can be repeated
    with_key, endpoints = 0, set()
    for _ in range(200):
        env = build(chance, here.home)
        stories = {
            surface: told(surface, here(*arguments(surface), env=env).stdout)
            for surface in SURFACES
        }
        assert len(set(stories.values())) == 1, stories
        story = stories["status"]
        with_key += story is not None
        endpoints.add(story[0] if story else "")
    assert with_key > 120
    assert len(endpoints) == 5  # the four, and no key


@pytest.mark.here
def test_the_request_tells_it_too(hermes: Hermes, kimi: KimiMock) -> None:
    """40 homes, four as processes: what leaves has the endpoint, key and model that were told."""
    chance = random.Random(4)  # noqa: S311 - cases that can be repeated
    asked = 0
    for number in range(40):
        env = build(chance, hermes.home)
        surface = SURFACES[number % len(SURFACES)]
        run = hermes.process if number < len(SURFACES) else hermes
        known = told(surface, run(*arguments(surface), env=env).stdout)
        explained = json.loads(hermes("explain", "--json", env=env).stdout)["route"]
        kimi.seen.clear()
        chat = run("chat", "-q", "hi", "--retries", "0", env=env)
        if known is None or explained["model_error"]:
            assert kimi.seen == []
            continue
        assert known == of_route(explained)
        asked += 1
        assert kimi.seen, (chat, known, env)
        first = kimi.seen[0]
        endpoint, base_url, fingerprint, _ = known
        key = first.headers["Authorization"].removeprefix("Bearer ")
        assert first.surface == endpoint
        assert first.path.startswith(urlsplit(base_url).path)
        assert ApiKey(key).fingerprint == fingerprint
        assert first.json["model"] == explained["model_id_sent"]
    assert asked >= 24
