from collections.abc import Sequence

import numpy as np
import pytest

from rag_service.domain.access import AccessScope
from rag_service.domain.ids import DocumentId, PointId
from rag_service.ports.vector_index import Point, Visible
from rag_service.retrieval.faiss_record import Record, Records
from rag_service.retrieval.faiss_rows import Columns
from rag_service.retrieval.faiss_snapshot import Snapshot
from tests.contract.index_points import CORPUS, DIMENSIONS, point, point_id, scope


def snapshot(points: Sequence[Point]) -> Snapshot:
    columns = Columns(DIMENSIONS)
    columns.append(Records.of([Record.of(each, row) for row, each in enumerate(points)]))
    return Snapshot(columns.rows(), None)


def among(by: AccessScope, *, version: int = 1, documents: frozenset[DocumentId] | None = None) -> Visible:
    return Visible(scope=by, corpus_id=CORPUS, version=version, documents=documents)


@pytest.fixture
def of_two_teams() -> Snapshot:
    return snapshot([point("a", principals=frozenset({"red"})), point("b", principals=frozenset({"blue"}), born=2)])


def test_people_with_the_same_rights_share_what_a_filter_lets_through(of_two_teams: Snapshot) -> None:
    one = of_two_teams.visible(among(scope("red", "user:one")))
    other = of_two_teams.visible(among(scope("red", "user:other")))

    assert one is not None
    assert one is other


@pytest.mark.parametrize(
    ("by", "places"), [(among(scope("red"), version=2), [0]), (among(scope("blue"), version=2), [1]),
                       (among(scope("red", "blue"), version=2), [0, 1]), (among(scope("red", "blue")), [0]),
                       (among(scope("grey"), version=2), []), (among(scope(sees_all=True), version=2), [0, 1]),
                       (among(scope("red", "blue"), version=2, documents=frozenset({DocumentId("doc-b")})), [1])]
)  # fmt: skip
def test_what_was_kept_of_others_is_not_let_through(of_two_teams: Snapshot, by: Visible, places: list[int]) -> None:
    for other in (scope("red"), scope("blue"), scope("red", "blue"), scope(sees_all=True)):
        for version in (1, 2):
            of_two_teams.visible(among(other, version=version))

    visible = of_two_teams.visible(by)

    assert visible is not None
    assert visible.places.tolist() == places


def test_many_filters_are_each_as_they_were_the_first_time() -> None:
    rows = snapshot([point(str(number), born=number) for number in range(1, 41)])

    counts = [[rows.visible(among(scope(), version=version)).count for version in range(1, 41)] for _ in range(2)]

    assert counts == [list(range(1, 41))] * 2


def test_only_the_last_filters_are_kept() -> None:
    rows = snapshot([point("a")])
    first = rows.visible(among(scope(), version=1))
    for version in range(2, 42):
        rows.visible(among(scope(), version=version))

    assert rows.visible(among(scope(), version=41)) is rows.visible(among(scope(), version=41))
    assert rows.visible(among(scope(), version=1)) is not first


def test_a_filter_by_documents_is_not_kept() -> None:
    rows, wanted = snapshot([point("a")]), among(scope(), documents=frozenset({DocumentId("doc-a")}))

    assert rows.visible(wanted) is not rows.visible(wanted)


def test_nothing_is_visible_of_another_tenant(of_two_teams: Snapshot) -> None:
    assert of_two_teams.visible(among(scope("red", tenant="other"))) is None


def test_places_of_points_found_long_ago_are_forgotten() -> None:
    rows = snapshot([point("a")])

    for number in range(100):
        rows.remember([PointId(f"{number}-{each}") for each in range(1_000)], np.arange(1_000))

    newest, oldest = PointId("99-7"), PointId("0-7")
    assert rows.remembered([newest, oldest, point_id("a")]) == {newest: 7}
