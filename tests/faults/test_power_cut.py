"""The power goes: logs and temporary files end at any byte. The service opens at what it had promised, and goes on."""

import os
import random
from collections.abc import AsyncIterator, Iterable
from pathlib import Path

import pytest

from rag_service.domain.drafts import DraftState
from rag_service.domain.findings import FindingKind
from rag_service.domain.pages import PageRequest
from rag_service.errors import IndexUnavailable, NotFound
from rag_service.retrieval.qdrant_edge import EdgeIndex
from tests.faults.power_cut import (
    FIRST,
    SCOPE,
    SECOND,
    TEXTS,
    THIRD,
    Snapshot,
    desk_over,
    let_leases_run_out,
    open_index,
    published,
    take_snapshot,
)
from tests.integration.desk import Desk

pytestmark = pytest.mark.slow

CUTS = 200
_FRAME = 4096 + 24


@pytest.fixture(scope="module", autouse=True)
def hasty_commits() -> None:
    """Each commit reaches the disk, as it does where nobody tests."""


@pytest.fixture(scope="module")
def snapshot(tmp_path_factory: pytest.TempPathFactory) -> Snapshot:
    return take_snapshot(tmp_path_factory.mktemp("power"))


@pytest.fixture
async def index(snapshot: Snapshot, tmp_path: Path) -> AsyncIterator[EdgeIndex]:
    """The index as the power cut left it, with points of the third version."""
    opened = open_index(snapshot.copied(tmp_path / "index"))
    yield opened
    opened.close()


def cuts(snapshot: Snapshot, seed: int) -> list[int]:
    """Return ends of the log: around every acknowledgement, at the ends of frames, and anywhere."""
    size, drawn = len(snapshot.log), random.Random(seed)  # noqa: S311  (not for secrets)
    near = {one.log_bytes + step for one in snapshot.acknowledged for step in (-1, 0, 1)}
    frames = {32 + _FRAME * drawn.randrange(size // _FRAME) for _ in range(CUTS // 4)}
    anywhere = {drawn.randrange(size) for _ in range(CUTS - len(near) - len(frames))}
    return sorted({0, 1, 31, 32, 33, size} | near | frames | anywhere)


async def uploads(desk: Desk) -> int:
    try:
        page = PageRequest(limit=50)
        listed = await desk.worker.container.list_corpus_files(SCOPE, corpus=desk.corpus, page=page, status=None)
    except NotFound:
        return 0
    return sum(revision.revision.number for revision in listed.items)


async def assert_promises_are_kept(snapshot: Snapshot, folder: Path, index: EdgeIndex, log: bytes, whole: int) -> None:
    """Open with a log of which the first `whole` bytes are as they were written."""
    promised = snapshot.promised(whole)
    async with desk_over(snapshot.catalog_copied(folder, log=log), index) as desk:
        number = await published(desk)
        assert promised.published <= number <= 2, whole
        assert await uploads(desk) >= promised.uploads, whole
        if number:
            assert await desk.texts() == TEXTS[number], whole


async def test_a_log_that_ends_anywhere_opens_at_what_was_acknowledged(
    snapshot: Snapshot, index: EdgeIndex, tmp_path: Path
) -> None:
    for cut in cuts(snapshot, seed=1):
        await assert_promises_are_kept(snapshot, tmp_path / "cut", index, snapshot.log[:cut], cut)


async def test_a_log_with_a_wrong_bit_anywhere_opens_at_what_came_before_it(
    snapshot: Snapshot, index: EdgeIndex, tmp_path: Path
) -> None:
    for place in cuts(snapshot, seed=2)[:-1:4]:
        log = bytearray(snapshot.log)
        log[place] ^= 1 << place % 8

        await assert_promises_are_kept(snapshot, tmp_path / "cut", index, bytes(log), place)


def cuts_to_go_on_from(snapshot: Snapshot) -> list[int]:
    """Return ends of the log, some within the second seal: the index has deaths of the third then."""
    begun, ended = (one.log_bytes for one in snapshot.acknowledged[-2:])
    within = [begun + (ended - begun) * part // 8 for part in (5, 6, 7)]
    return [one.log_bytes for one in snapshot.acknowledged[3:]] + within + cuts(snapshot, seed=3)[::50]


async def test_whatever_was_cut_off_the_service_goes_on(snapshot: Snapshot, tmp_path: Path) -> None:
    """The index kept points of versions that the catalog has lost; their numbers come again."""
    for cut in cuts_to_go_on_from(snapshot):
        folder = snapshot.copied(tmp_path / "cut", log=snapshot.log[:cut])
        index = open_index(folder)
        async with desk_over(folder, index) as desk:
            kept = await uploads(desk)
            let_leases_run_out(folder)
            await desk.worker.container.reconcile.before_sealing()
            await desk.work_off()

            assert await uploads(desk) == kept
            if kept:
                expected = texts_after(kept)
                assert await desk.texts() == expected, cut
                assert await desk.worker.container.reconcile.everything() == [], cut
        index.close()


def texts_after(kept: int) -> set[str]:
    """Return what is published when the first so many uploads are, in the order in which they came."""
    in_order = [*FIRST.items(), *SECOND.items()]
    return set(dict(in_order[:kept]).values())


async def test_the_seal_that_was_cut_short_comes_to_its_end(snapshot: Snapshot, tmp_path: Path) -> None:
    folder = snapshot.copied(tmp_path / "cut")
    index = open_index(folder)
    async with desk_over(folder, index) as desk:
        listed = await desk.worker.container.drafts.list(SCOPE, corpus=desk.corpus)
        [draft] = [one for one in listed if one.state is DraftState.SEALING]

        await desk.seal(draft)

        assert await published(desk) == 3
        assert await desk.texts() == TEXTS[3]
        assert await desk.worker.container.reconcile.everything() == []
    index.close()


def cut_files(snapshot: Snapshot) -> Iterable[tuple[str, int]]:
    """Return files of the engine's log, and where they end: anywhere in what is written, which is less than a page."""
    drawn = random.Random(4)  # noqa: S311  (not for secrets)
    [wal] = snapshot.folder.rglob("wal")
    for file in sorted(wal.iterdir()):
        size = min(file.stat().st_size, 4096)
        places = range(size) if size < 20 else {0, 7, 8, *(drawn.randrange(size) for _ in range(4))}
        yield from ((str(file.relative_to(snapshot.folder)), place) for place in sorted(places))


async def test_an_engine_log_that_ends_anywhere_is_mended_or_refused(snapshot: Snapshot, tmp_path: Path) -> None:
    for name, cut in cut_files(snapshot):
        folder = snapshot.copied(tmp_path / "cut")
        os.truncate(folder / name, cut)
        await assert_right_or_refused(folder)


async def test_a_build_whose_current_shard_is_not_known_is_refused_and_nothing_is_removed(
    snapshot: Snapshot, tmp_path: Path
) -> None:
    folder = snapshot.copied(tmp_path / "cut")
    [current] = folder.rglob("current")
    name = current.read_bytes()
    for cut in range(len(name)):
        current.write_bytes(name[:cut])
        index = open_index(folder)
        assert list(index.counts().values()) == [None]
        index.close()

    current.write_bytes(name)

    assert await assert_right_or_refused(folder) == TEXTS[2]


async def assert_right_or_refused(folder: Path) -> set[str]:
    """Open, mend as a worker does at its start, and ask; return what was found."""
    index = open_index(folder)
    try:
        async with desk_over(folder, index) as desk:
            found = await desk.worker.container.reconcile.everything()
            try:
                texts = await desk.texts()
            except IndexUnavailable:
                assert [each.kind for each in found] == [FindingKind.UNREADABLE_BUILD]
                return set()
            assert texts == TEXTS[2]
            return texts
    finally:
        index.close()


async def test_leftovers_that_end_anywhere_harm_nothing_and_go_away(snapshot: Snapshot, tmp_path: Path) -> None:
    for cut in (0, 1, 2, 17, 34):
        folder = snapshot.copied(tmp_path / "cut")
        [build], [blobs] = (folder / "index").glob("[!.]*"), (folder / "blobs").iterdir()
        leftovers = (build / "current.new", build / "g-half" / "segment.json", blobs / "incoming" / "half")
        for leftover in leftovers:
            leftover.parent.mkdir(exist_ok=True)
            leftover.write_bytes(b"g-0123456789abcdef0123456789abcdef.."[:cut])
            os.utime(leftover, (0, 0))

        assert await assert_right_or_refused(folder) == TEXTS[2]

        async with desk_over(folder, index := open_index(folder)) as desk:
            await desk.worker.housekeeping.run_if_due()
        index.close()
        assert not (build / "g-half").exists()
        assert not list((blobs / "incoming").iterdir())


def test_the_third_version_was_being_sealed(snapshot: Snapshot) -> None:
    """Else the tests above would test less than they say."""
    assert [one.published for one in snapshot.acknowledged] == [0, 0, 0, 1, 1, 1, 2]
    assert snapshot.acknowledged[-1].log_bytes < len(snapshot.log)
    assert TEXTS[3] - TEXTS[2] == set(THIRD.values())
