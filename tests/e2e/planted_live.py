"""Scored answers of some days that are planted into the catalog of a running service; on the last whole day support fell."""

from collections.abc import Sequence
from dataclasses import asdict, replace
from datetime import UTC, datetime, timedelta

import numpy as np

from eval.live.windows import compare_windows
from rag_service.catalog.sql_catalog import open_catalog
from rag_service.domain.ids import AnswerId
from rag_service.domain.live import SUPPORT, Drift, LiveScore
from rag_service.domain.versions import Corpus
from tests.contract.answer_values import answer
from tests.e2e.elsewhere import elsewhere
from tests.live_values import DAY, answers_of_a_day
from tests.running import RunningService

_SEED = 11


def plant_live(service: RunningService, corpus: str = "handbook", *, days: int = 5, answers: int = 70) -> None:
    """Keep so many scored answers for each of the days until yesterday, and what was found of the last."""
    elsewhere(_plant(service, corpus, days, answers))


async def _plant(service: RunningService, corpus: str, days: int, answers: int) -> None:
    database = f"sqlite+aiosqlite:///{service.data_dir / 'catalog.db'}"
    async with open_catalog(database) as catalog, catalog.writing() as tx:
        key = await tx.keys.by_secret(service.key)
        assert key is not None
        target = await tx.corpora.get(key.scope(), corpus)
        scores = _scores(target, days, answers)
        for score in scores:
            place = {"tenant_id": score.tenant_id, "corpus_id": score.corpus_id, "created_at": score.asked_at}
            kept = replace(answer(), id=score.answer_id, passages=(), citations=(), **place)
            await tx.answers.add(key.scope(), kept)
            await tx.live.add(score)
        await tx.live.add_drifts(_findings(scores))


def _scores(corpus: Corpus, days: int, answers: int) -> Sequence[LiveScore]:
    rng, place = np.random.default_rng(_SEED), {"tenant_id": corpus.tenant_id, "corpus_id": corpus.id}
    found = []
    for day in range(days):
        changes = {SUPPORT: -0.2} if day == days - 1 else {}
        for number, score in enumerate(answers_of_a_day(rng, answers, changes=changes)):
            answer_id = AnswerId(f"answer_planted_{day}_{number}")
            asked_at = _midnight() - (days - day) * DAY + timedelta(minutes=number)
            found.append(replace(score, answer_id=answer_id, asked_at=asked_at, scored_at=asked_at, **place))
    return found


def _findings(scores: Sequence[LiveScore]) -> Sequence[Drift]:
    """Return how the last day compares, as the evaluation worker would find."""
    last = _midnight() - DAY
    before, now = ([score for score in scores if (score.asked_at < last) is earlier] for earlier in (True, False))
    place = {
        "tenant_id": now[0].tenant_id,
        "corpus_id": now[0].corpus_id,
        "window_start": last,
        "window_end": _midnight(),
    }
    return [Drift(**place, **asdict(one)) for one in compare_windows(before, now, least=len(now) // 2)]


def _midnight() -> datetime:
    return datetime.now(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
