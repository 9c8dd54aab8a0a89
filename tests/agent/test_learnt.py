"""What endpoints told us survives the process, in SQLite, and a broken file is a sentence."""

from pathlib import Path

import pytest

from agent.errors import BrokenFile
from agent.learnt import (
    Cooling,
    Facts,
    Learnt,
    LearntLimit,
    LearntPlan,
    LearntWire,
    LiveList,
    LiveModel,
    PlanWindow,
)

URL = "https://api.kimi.com/coding/v1"
DAY = "2026-11-22T10:00:00+00:00"


def test_without_a_file_nothing_is_known_and_none_is_made(tmp_path: Path) -> None:
    """Reading leaves no trace."""
    assert Learnt(tmp_path / "none" / "x.db").read() == Facts()
    assert list(tmp_path.iterdir()) == []


def test_what_is_remembered_is_read_again(tmp_path: Path) -> None:
    """Lists in their order, wires and limits, by endpoint and key."""
    store = Learnt(tmp_path / "home" / "x.db")
    models = (LiveModel("k3", 9, True), LiveModel("a-model"), LiveModel("k3", 5, image=False))
    store.remember_list(URL, "aaaa", models, at=DAY)
    store.remember_list(URL, "bbbb", (), at=DAY)
    store.remember_wire(URL, "messages", at=DAY)
    store.remember_limit(URL, "aaaa", "k3", LearntLimit(262_144, None, DAY))
    facts = Learnt(store.path).read()
    assert facts.lists[URL, "aaaa"] == LiveList(
        (LiveModel("k3", 5, image=False), LiveModel("a-model")), DAY
    )
    assert facts.lists[URL, "bbbb"].models == ()
    assert facts.wires == {URL: LearntWire("messages", DAY)}
    assert facts.limits == {(URL, "aaaa", "k3"): LearntLimit(262_144, None, DAY)}


def test_what_a_plan_has_left_is_replaced_whole(tmp_path: Path) -> None:
    """Windows in their order, by endpoint and key; one that is no longer told is gone."""
    store = Learnt(tmp_path / "x.db")
    windows = (PlanWindow("5 hours", 0.12, DAY), PlanWindow("7 days", 1.0))
    store.remember_plan(URL, "aaaa", LearntPlan((*windows, PlanWindow("month", 0.5)), DAY))
    store.remember_plan(URL, "bbbb", LearntPlan(windows[:1], DAY))
    store.remember_plan(URL, "aaaa", LearntPlan(windows, DAY))

    assert store.read().plans == {
        (URL, "aaaa"): LearntPlan(windows, DAY),
        (URL, "bbbb"): LearntPlan(windows[:1], DAY),
    }


def test_a_new_list_replaces_the_old_one(tmp_path: Path) -> None:
    """An id that the endpoint dropped is gone."""
    store = Learnt(tmp_path / "x.db")
    store.remember_list(URL, "aaaa", (LiveModel("old"),), at=DAY)
    store.remember_list(URL, "aaaa", (LiveModel("new"),), at=DAY)
    assert [model.id for model in store.read().lists[URL, "aaaa"].models] == ["new"]


def test_the_file_is_the_owners_alone(tmp_path: Path) -> None:
    """It holds no key, but which endpoints a user asks is nobody's business."""
    store = Learnt(tmp_path / "home" / "x.db")
    store.remember_wire(URL, "messages", at=DAY)
    assert store.path.stat().st_mode & 0o777 == 0o600
    assert store.path.parent.stat().st_mode & 0o777 == 0o700


@pytest.mark.parametrize(
    "content", [b"this is no database, only text that is long enough", b"\0" * 9]
)
def test_a_file_that_is_no_database_is_named_and_left_alone(tmp_path: Path, content: bytes) -> None:
    """The sentence says what to do, and the bytes stay."""
    path = tmp_path / "x.db"
    path.write_bytes(content)
    with pytest.raises(BrokenFile, match="cannot be used") as caught:
        Learnt(path).read()
    assert f"mv {path}" in caught.value.remedy
    assert path.read_bytes() == content


def test_a_longer_rest_is_not_cut_short_by_another_process(tmp_path: Path) -> None:
    """A limit of pace met just after the money was used up; a clock that was set back counts."""
    store = Learnt(tmp_path / "x.db")
    used_up = Cooling(until=4_600.0, at=1_000.0, reason="used up")
    store.remember_cooling(URL, "aaaa", used_up)

    store.remember_cooling(URL, "aaaa", Cooling(until=1_061.0, at=1_001.0, reason="pace"))
    assert store.read().cooling == {(URL, "aaaa"): used_up}
    longer = Cooling(until=5_000.0, at=1_400.0, reason="used up again")
    store.remember_cooling(URL, "aaaa", longer)
    assert store.read().cooling == {(URL, "aaaa"): longer}
    before = Cooling(until=160.0, at=100.0, reason="pace")
    store.remember_cooling(URL, "aaaa", before)
    assert store.read().cooling == {(URL, "aaaa"): before}
