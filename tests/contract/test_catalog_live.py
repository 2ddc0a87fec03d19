"""Scores of answers that people got: the same on SQLite and PostgreSQL."""

from dataclasses import replace
from typing import Any

import pytest

from rag_service.catalog.sql_catalog import SqlCatalog
from rag_service.domain.answers import AnswerStatus
from rag_service.domain.erasures import ErasureKind, TombstoneKind
from rag_service.domain.ids import AnswerId
from rag_service.domain.live import Drift, LiveScore
from tests.contract.answer_values import add_answer
from tests.contract.catalog_values import CORPUS, ELSEWHERE, OURS, STRANGER, SYSTEM, at
from tests.contract.erasure_values import erasure, request, tombstone, with_two_documents
from tests.live_values import DAY, MIDNIGHT, drift, score


@pytest.fixture
async def catalog(catalog: SqlCatalog) -> SqlCatalog:
    """Version 1 has a and b."""
    return await with_two_documents(catalog)


async def keep(catalog: SqlCatalog, name: str = "one", **changes: Any) -> bool:
    asked_at = changes.setdefault("asked_at", at(0))
    await add_answer(catalog, name, created_at=asked_at, status=changes.get("status", AnswerStatus.ANSWERED))
    return await add(catalog, score(name, **changes))


async def add(catalog: SqlCatalog, one: LiveScore) -> bool:
    async with catalog.writing() as tx:
        return await tx.live.add(one)


async def scores(catalog: SqlCatalog, **options: Any) -> list[LiveScore]:
    scope, since = options.pop("scope", SYSTEM), options.pop("since", at(0))
    async with catalog.reading() as tx:
        return await tx.live.scores(scope, CORPUS, since=since, **options)


async def drifts(catalog: SqlCatalog, **options: Any) -> list[Drift]:
    async with catalog.reading() as tx:
        return await tx.live.drifts(options.pop("scope", SYSTEM), CORPUS, since=options.pop("since", MIDNIGHT))


async def plant(catalog: SqlCatalog, *found: Drift) -> None:
    async with catalog.writing() as tx:
        await tx.live.add_drifts(found)


async def test_a_score_comes_back_as_it_was_kept(catalog: SqlCatalog) -> None:
    assert await keep(catalog, judge="model at host", asked_at=at(3))

    kept = score(judge="model at host", asked_at=at(3))
    assert await scores(catalog, with_questions=True) == [kept]
    assert await scores(catalog) == [replace(kept, question=b"")]


async def test_an_answer_is_scored_once(catalog: SqlCatalog) -> None:
    await keep(catalog)

    assert not await add(catalog, score(values={"support": 0.1}, missing={}))
    assert [one.values for one in await scores(catalog)] == [score().values]


async def test_an_answer_that_is_gone_has_no_scores(catalog: SqlCatalog) -> None:
    assert not await add(catalog, score("gone"))
    assert await scores(catalog) == []


async def test_scores_are_found_by_time(catalog: SqlCatalog) -> None:
    for seconds in (9, 5, 7):
        await keep(catalog, str(seconds), asked_at=at(seconds))

    assert [one.asked_at for one in await scores(catalog, since=at(5), before=at(9))] == [at(5), at(7)]


@pytest.mark.parametrize("scope", [STRANGER, ELSEWHERE])
async def test_nothing_is_told_outside_the_scope(catalog: SqlCatalog, scope: Any) -> None:
    await keep(catalog)
    await plant(catalog, drift())

    assert (await scores(catalog, scope=scope), await drifts(catalog, scope=scope)) == ([], [])


async def test_candidates_say_whether_they_are_scored(catalog: SqlCatalog) -> None:
    await add_answer(catalog, "old", created_at=at(1))
    await keep(catalog, "scored", asked_at=at(2))
    await add_answer(catalog, "new", created_at=at(3), status=AnswerStatus.ABSTAINED)

    async with catalog.reading() as tx:
        found = await tx.live.candidates(since=at(2))

    assert [(one.answer_id, one.status, one.is_scored) for one in found] == [
        ("answer_scored", AnswerStatus.ANSWERED, True),
        ("answer_new", AnswerStatus.ABSTAINED, False),
    ]
    assert {(one.tenant_id, one.corpus_id) for one in found} == {(OURS, CORPUS)}


async def test_what_is_to_be_erased_is_no_candidate(catalog: SqlCatalog) -> None:
    await add_answer(catalog, "one", created_at=at(1))
    await request(catalog)

    async with catalog.reading() as tx:
        assert await tx.live.candidates(since=at(0)) == []


async def test_what_means_need_is_found_of_all_corpora(catalog: SqlCatalog) -> None:
    await keep(catalog, "old", asked_at=at(4))
    await keep(catalog, asked_at=at(5), status=AnswerStatus.ABSTAINED, rate=0.5)
    await plant(catalog, drift(window_end=MIDNIGHT - DAY), drift())

    async with catalog.reading() as tx:
        (found,) = await tx.live.values_of_all(since=at(5))
        windows = await tx.live.drifts_of_all(since=MIDNIGHT)

    assert (found.corpus_id, found.status, found.rate, found.values) == (CORPUS, "abstained", 0.5, score().values)
    assert windows == [drift()]


async def test_corpora_with_scores_are_named(catalog: SqlCatalog) -> None:
    await keep(catalog, asked_at=at(5))

    async with catalog.reading() as tx:
        assert await tx.live.scored_corpora(since=at(5)) == [(OURS, CORPUS)]
        assert await tx.live.scored_corpora(since=at(6)) == []
        assert await tx.live.scored_corpora(since=at(1), before=at(5)) == []


async def test_windows_come_back_newest_first(catalog: SqlCatalog) -> None:
    before = drift(window_end=MIDNIGHT - DAY)
    few = drift("latency ms", reference=None, current=None, psi=None, p_value=None, has_drifted=False)
    await plant(catalog, before, drift(), few)

    assert await drifts(catalog, since=MIDNIGHT - DAY) == [few, drift(), before]
    assert await drifts(catalog) == [few, drift()]


async def test_the_first_word_about_a_window_stays(catalog: SqlCatalog) -> None:
    await plant(catalog, drift())
    await plant(catalog, drift(psi=9.0))

    assert await drifts(catalog) == [drift()]


async def test_scores_go_with_their_answer(catalog: SqlCatalog) -> None:
    await keep(catalog)
    await request(catalog)

    async with catalog.writing() as tx:
        removal = await tx.erasures.remove_answers(SYSTEM, [tombstone(TombstoneKind.ANSWER, AnswerId("answer_one"))])
        probes = await tx.erasures.probe(SYSTEM, erasure())

    assert (removal.removed["live_scores"], probes["live_scores"]) == (1, 0)
    assert await scores(catalog) == []


async def test_a_score_that_is_left_is_found_by_the_probe(catalog: SqlCatalog) -> None:
    await keep(catalog)
    await request(catalog, stone=tombstone(TombstoneKind.ANSWER, AnswerId("answer_one")))

    async with catalog.reading() as tx:
        assert (await tx.erasures.probe(SYSTEM, erasure()))["live_scores"] == 1


async def test_what_drifted_goes_with_its_corpus(catalog: SqlCatalog) -> None:
    await plant(catalog, drift())
    asked = erasure(ErasureKind.CORPUS, corpus_id=CORPUS)
    async with catalog.writing() as tx:
        assert (await tx.erasures.probe(SYSTEM, asked))["live_drifts"] == 1
        await tx.erasures.add(SYSTEM, asked, [])
        for document_id in await tx.erasures.documents_of(SYSTEM, CORPUS, limit=5):
            await tx.erasures.remove_document(SYSTEM, tombstone(ref=document_id), None)
        removal = await tx.erasures.remove_corpus(SYSTEM, CORPUS)

    assert removal.removed["live_drifts"] == 1
