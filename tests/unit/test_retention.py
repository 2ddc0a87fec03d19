from datetime import UTC, datetime, timedelta

from rag_service.domain.retention import Retention, StoredVersion, droppable

NOW = datetime(2026, 11, 22, tzinfo=UTC)


def stored(number: int, *, days: float = 100, is_needed: bool = False) -> StoredVersion:
    return StoredVersion(number=number, last_asked_at=NOW - timedelta(days=days), is_needed=is_needed)


def test_what_is_neither_new_nor_young_nor_needed_need_not_be_kept() -> None:
    versions = [stored(1), stored(2, is_needed=True), stored(3, days=29), stored(5), stored(4), stored(6)]

    assert droppable(versions, Retention(versions=2, days=30), now=NOW) == [1, 4]


def test_the_newest_stay_however_old_they_are() -> None:
    assert droppable([stored(1), stored(2)], Retention(versions=2, days=0), now=NOW) == []


def test_the_young_stay_however_many_there_are() -> None:
    assert droppable([stored(1, days=1), stored(2)], Retention(versions=1, days=2), now=NOW) == []
