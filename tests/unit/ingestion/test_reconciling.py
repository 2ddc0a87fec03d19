"""When a worker runs the reconciler."""

import asyncio
from typing import Any

import pytest

from ingestion.reconciling import Reconciling
from rag_service.domain.findings import FindingKind, FoundKind
from rag_service.errors import IndexUnavailable
from rag_service.settings import ReconcileSettings
from tests.patience import PATIENCE_S


class _Runs:
    """A reconciler that counts its runs; the first `outages` of them fail, the first `partial` leave something."""

    def __init__(
        self, outages: int = 0, *, partial: int = 0, leaving: FindingKind = FindingKind.UNCHECKED_CORPUS
    ) -> None:
        self.runs = 0
        self._partial = partial
        self._left = FoundKind(kind=leaving, found=1, mended=0, examples=())
        self.thrice = asyncio.Event()
        self._outages = outages

    async def everything(self) -> list[FoundKind]:
        self.runs += 1
        if self.runs == 3:
            self.thrice.set()
        if self.runs <= self._outages:
            raise IndexUnavailable("down")
        return [self._left] if self.runs <= self._partial else []

    before_sealing = everything


def reconciling(runs: Any, *, every_s: float) -> Reconciling:
    return Reconciling(reconcile=runs, settings=ReconcileSettings(every_s=every_s))


async def test_everything_is_looked_at_at_the_start_and_then_on_schedule() -> None:
    runs = _Runs()

    async with reconciling(runs, every_s=0.01).running():
        await asyncio.wait_for(runs.thrice.wait(), PATIENCE_S)


async def test_the_first_seal_waits_until_index_and_catalog_are_there(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("ingestion.reconciling.AFTER_OUTAGE_S", 0)
    runs = _Runs(outages=2)

    await reconciling(runs, every_s=3600).before_sealing()

    assert runs.runs == 3


@pytest.mark.parametrize(("partial", "runs"), [(1, 2), (99, 4)])
async def test_a_corpus_that_was_missed_is_looked_at_again_a_few_times_before_the_first_seal(
    monkeypatch: pytest.MonkeyPatch, partial: int, runs: int
) -> None:
    monkeypatch.setattr("ingestion.reconciling.AFTER_OUTAGE_S", 0)
    reconciler = _Runs(partial=partial)

    await reconciling(reconciler, every_s=3600).before_sealing()

    assert reconciler.runs == runs


async def test_what_is_left_to_a_seal_does_not_keep_the_first_seal_waiting() -> None:
    reconciler = _Runs(partial=1, leaving=FindingKind.WRONG_INTERVAL)

    await reconciling(reconciler, every_s=3600).before_sealing()

    assert reconciler.runs == 1


@pytest.mark.parametrize("left", [FindingKind.UNCHECKED_CORPUS, FindingKind.WRONG_INTERVAL])
async def test_a_round_that_left_something_is_made_again_soon(
    monkeypatch: pytest.MonkeyPatch, left: FindingKind
) -> None:
    monkeypatch.setattr("ingestion.reconciling.AFTER_OUTAGE_S", 0.01)
    runs = _Runs(partial=2, leaving=left)

    async with reconciling(runs, every_s=3600).running():
        await asyncio.wait_for(runs.thrice.wait(), PATIENCE_S)
