"""An index that lacks points or finds too little is noticed, mended, and searched farther; over the index in memory."""

from dataclasses import dataclass, field
from typing import Any, NoReturn

import pytest

from ingestion.bootstrap import Worker
from rag_service.domain.access import EVERYONE, AccessScope, system_scope
from rag_service.domain.ids import Fingerprint
from rag_service.domain.index_advice import SearchParameters
from rag_service.domain.index_checks import CheckFindings
from rag_service.domain.versions import PinnedVersion
from rag_service.errors import IndexUnavailable
from rag_service.ports.vector_index import Candidate, VectorIndex
from rag_service.retrieval.memory import MemoryIndex
from rag_service.use_cases.indexes.check_recall import NOT_INSTALLED
from rag_service.use_cases.indexes.draw_sample import DrawSample
from rag_service.use_cases.indexes.read_health import WatchedIndex
from tests.contract.answer_values import add_answer
from tests.integration.desk import Desk
from tests.integration.index_checking import findings, index_health, lose_points, rounds_over
from tests.made_rows import made_question, made_text

DOCUMENTS = {f"d{number}": made_text(number) for number in range(30)}


@dataclass
class KnownTuning:
    """Keeps in memory how every build is searched."""

    parameters: SearchParameters = field(default_factory=SearchParameters)

    async def engine(self) -> str:
        """Return it."""
        return "memory"

    async def read(self, fingerprint: Fingerprint) -> SearchParameters:
        """Return it."""
        return self.parameters

    async def trouble(self, fingerprint: Fingerprint) -> None:
        """There is none."""

    async def change(self, fingerprint: Fingerprint, parameters: SearchParameters) -> None:
        """Keep it."""
        self.parameters = parameters


@dataclass
class ForgetfulIndex:
    """An index that holds everything and never finds the best."""

    inner: VectorIndex

    async def search(self, *arguments: Any, **options: Any) -> list[Candidate]:
        """Leave the nearer half out."""
        found = await self.inner.search(*arguments, **options)
        ordered = sorted(found, key=lambda one: one.dense_score)
        return ordered[: len(ordered) // 2]

    def __getattr__(self, name: str) -> Any:
        return getattr(self.inner, name)


class SilentIndex(MemoryIndex):
    """An index that does not answer."""

    async def corpora(self, fingerprint: Fingerprint) -> NoReturn:
        """Give up."""
        raise IndexUnavailable("The index host did not answer.")


@pytest.fixture
async def desk(worker: Worker, admin: AccessScope) -> Desk:
    opened = Desk(worker=worker, admin=admin)
    await worker.container.create_corpus(admin, name=opened.corpus)
    await opened.publish(DOCUMENTS)
    return opened


async def watched(desk: Desk) -> WatchedIndex:
    [one] = await desk.worker.container.index_health.of_all()
    return one


async def questions(desk: Desk, *, salt: str) -> list[str]:
    container = desk.worker.container
    corpus = (await index_health(desk)).corpus
    pinned = PinnedVersion(corpus=corpus, number=corpus.published, fingerprint=corpus.fingerprint)
    draw = DrawSample(catalog=container.catalog, clock=container.clock)
    return (await draw(system_scope(desk.admin.tenant_id), pinned, salt=salt)).questions


async def newest(desk: Desk) -> CheckFindings:
    [check, *_] = (await index_health(desk)).checks
    assert check.found is not None
    return check.found


async def test_an_index_that_holds_everything_finds_everything(desk: Desk) -> None:
    assert await desk.worker.container.check_indexes() == 1

    found = await newest(desk)
    assert found.recall is not None
    assert (found.recall.mean, found.recall.least, found.made) == (1.0, 1.0, len(DOCUMENTS))
    assert (found.points_missing, found.vectors_lost, found.restricted) == (0, 0, None)
    assert found.notes == ("Recall under rights is not measured: everyone sees the documents that were drawn.",)


async def test_where_people_asked_enough_no_sentence_of_a_document_is_asked(desk: Desk) -> None:
    container = desk.worker.container
    corpus = (await index_health(desk)).corpus
    for number in range(12):
        place = {"tenant_id": corpus.tenant_id, "corpus_id": corpus.id, "passages": (), "citations": ()}
        asked = {"searched_for": made_question(number), "created_at": container.clock()}
        await add_answer(container.catalog, f"{number}", desk.admin, key_id=None, **place, **asked)

    found = await findings(desk)

    assert (found.asked, found.made, found.recall and found.recall.queries) == (12, 0, 12)


async def test_a_corpus_is_checked_once_in_a_while(desk: Desk) -> None:
    await desk.worker.container.check_indexes()

    assert await desk.worker.container.check_indexes() == 0
    assert (await watched(desk)).age_s < 3600


async def test_a_corpus_that_was_never_checked_counts_from_its_beginning(desk: Desk) -> None:
    one = await watched(desk)

    assert (one.check.found, one.is_under_floor, one.points_differing) == (None, None, None)
    assert one.age_s > 0


async def test_points_that_are_missing_cost_recall_until_they_are_mended(desk: Desk) -> None:
    await lose_points(desk, 15)
    before = await findings(desk)
    assert before.recall is not None
    assert (before.points_missing, before.recall.mean < 0.9) == (15, True)

    await desk.worker.container.check_indexes()

    after, earlier = (await index_health(desk)).checks
    assert after.found is not None and after.found.recall is not None and earlier.found is not None
    assert (earlier.found.points_missing, after.found.points_missing, after.found.recall.mean) == (15, 0, 1.0)
    assert (await watched(desk)).points_differing == 0


async def test_a_caller_who_sees_some_documents_is_asked_for_as_well(desk: Desk) -> None:
    container = desk.worker.container
    for number, document_id in enumerate(sorted(await desk.keys())):
        principals = frozenset({f"team-{number % 4}"}) if number % 3 else frozenset({EVERYONE})
        await container.grant_document(desk.admin, document_id, principals)

    found = await findings(desk)

    assert found.restricted is not None
    assert (found.restricted.mean, found.restricted.queries, found.notes) == (1.0, len(DOCUMENTS), ())


async def test_too_little_found_lets_the_build_be_searched_farther_and_at_last_in_full(desk: Desk) -> None:
    tuning = KnownTuning()
    check = rounds_over(desk, tuning=tuning, index=ForgetfulIndex(desk.worker.container.index))

    seen: list[SearchParameters] = []
    for _ in range(4):
        assert await check() == 1
        seen.append(tuning.parameters)

    assert [(one.ef, one.exact) for one in seen] == [(768, False), (1024, False), (1024, True), (1024, True)]
    assert (await watched(desk)).is_under_floor is True
    assert "ef is raised to 768." in str((await index_health(desk)).checks[-1].found)


class FullTuning(KnownTuning):
    """Has no room to keep anything."""

    async def change(self, fingerprint: Fingerprint, parameters: SearchParameters) -> NoReturn:
        """Give up."""
        raise IndexUnavailable("The disk is full.")


async def test_what_was_measured_is_kept_where_the_build_cannot_be_searched_farther(desk: Desk) -> None:
    index = ForgetfulIndex(desk.worker.container.index)

    assert await rounds_over(desk, tuning=FullTuning(), index=index)() == 1

    found = await newest(desk)
    assert found.recall is not None and found.recall.mean < 0.9
    assert found.notes[-1] == "Too little is found, and the build could not be searched farther: The disk is full."


async def test_missing_points_are_no_reason_to_search_farther(desk: Desk) -> None:
    tuning = KnownTuning()
    await lose_points(desk, 15)

    await rounds_over(desk, tuning=tuning)()

    assert tuning.parameters == SearchParameters()


async def test_without_its_library_recall_is_not_measured_and_points_are_counted(desk: Desk) -> None:
    await lose_points(desk, 2)

    found = await findings(desk, has_scan=False)

    assert (found.recall, found.points_missing, found.notes) == (None, 2, (NOT_INSTALLED,))


async def test_a_check_that_breaks_off_is_begun_again(desk: Desk) -> None:
    tuning = KnownTuning()
    with pytest.raises(IndexUnavailable):
        await rounds_over(desk, tuning=tuning, index=SilentIndex())()

    assert await rounds_over(desk, tuning=tuning)() == 1
    assert len((await index_health(desk)).checks) == 1


async def test_another_sample_is_drawn_for_another_check(desk: Desk) -> None:
    one, other = await questions(desk, salt="one"), await questions(desk, salt="other")

    assert one != other
    assert one == await questions(desk, salt="one")
