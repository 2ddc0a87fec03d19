"""A git repository, a folder and a website: synchronised, changed, synchronised again, and undone."""

import os
from collections.abc import Iterator
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from dulwich import porcelain

from ingestion.bootstrap import Worker
from rag_service.domain.access import AccessScope
from rag_service.domain.sync import RunCounts, RunState
from rag_service.settings import Settings, SourceSettings
from tests.integration.sources.syncing import SyncDesk, expected, open_desk, settings_in
from tests.serving import serving

FILES = 1000
PAGES = {"index.html": "Start", "a.html": "Apples are red", "b.html": "Bananas are yellow"}


@pytest.fixture
def settings(migrated_dir: Path) -> Settings:
    (migrated_dir / "places").mkdir()
    reach = SourceSettings(allow_private_addresses=True, folder_roots=(migrated_dir / "places",))
    return settings_in(migrated_dir, sources=reach)


@pytest.fixture
async def desk(worker: Worker, admin: AccessScope) -> SyncDesk:
    return await open_desk(worker, admin)


@pytest.fixture
def place(migrated_dir: Path) -> Path:
    """An empty folder that sources may read."""
    folder = migrated_dir / "places" / "one"
    folder.mkdir()
    return folder


def write(folder: Path, files: dict[str, str]) -> None:
    for name, text in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")


def read(folder: Path) -> dict[str, str]:
    return {
        str(path.relative_to(folder)): path.read_text(encoding="utf-8")
        for path in folder.rglob("*.md")
        if ".git" not in path.parts
    }


def commit(repository: Path) -> None:
    with porcelain.open_repo_closing(str(repository)) as repo:
        worktree = repo.get_worktree()
        tracked = {path.decode() for path in repo.open_index()}
        worktree.stage(sorted(tracked | set(read(repository))))
        worktree.commit(b"change", committer=b"Ann <ann@example.org>", author=b"Ann <ann@example.org>")


async def test_a_git_repository_of_a_thousand_files(desk: SyncDesk, place: Path) -> None:
    porcelain.init(str(place)).close()
    write(place, {f"part{number % 10}/{number}.md": f"Number {number} is here." for number in range(FILES)})
    commit(place)
    before = read(place)
    await desk.set_up("git", url=f"file://{place}")

    first = await desk.sync()
    again = await desk.sync()
    write(place, {"part1/1.md": "Number 1 is there.", "new.md": "A new one."})
    (place / "part2/2.md").unlink()
    (place / "part3/3.md").rename(place / "part3/three.md")
    commit(place)
    changed = await desk.sync()
    after = await desk.published()
    await desk.roll_back(1)
    undone = await desk.sync()

    assert (first.counts, again.state) == (RunCounts(new=FILES), RunState.UNCHANGED)
    assert changed.counts == RunCounts(new=1, changed=1, renamed=1, deleted=1, unchanged=FILES - 3)
    assert after == expected(read(place))
    assert undone.state is RunState.UNCHANGED
    assert await desk.published() == expected(before)


async def test_a_folder_with_renames_and_deletions(desk: SyncDesk, place: Path) -> None:
    write(place, {f"{name}.md": f"This is {name}." for name in "abcdef"})
    before = read(place)
    await desk.set_up("folder", path=str(place))
    await desk.sync()

    (place / "deep").mkdir()
    (place / "a.md").rename(place / "deep" / "a.md")
    (place / "b.md").unlink()
    write(place, {"c.md": "This is another c."})
    run = await desk.sync()
    after = await desk.published()
    await desk.roll_back(1)

    assert run.counts == RunCounts(changed=1, renamed=1, deleted=1, unchanged=3)
    assert after == expected(read(place))
    assert await desk.published() == expected(before)


class _Quiet(SimpleHTTPRequestHandler):
    def log_message(self, *_: Any) -> None:
        """Say nothing."""


@pytest.fixture
def website(place: Path) -> Iterator[str]:
    with serving(ThreadingHTTPServer(("127.0.0.1", 0), partial(_Quiet, directory=str(place)))) as server:
        yield f"http://127.0.0.1:{server.server_port}"


def write_pages(folder: Path, pages: dict[str, str], *, seconds: int) -> None:
    links = "".join(f'<a href="/{name}">{name}</a>' for name in pages)
    for name, text in pages.items():
        page = f"<html><head><title>{text}</title></head><body><h1>{text}</h1><p>{text}.</p>{links}</body></html>"
        (folder / name).write_text(page, encoding="utf-8")
        os.utime(folder / name, (seconds, seconds))


async def test_a_website(desk: SyncDesk, place: Path, website: str) -> None:
    write_pages(place, PAGES, seconds=1_700_000_000)
    await desk.set_up("website", url=f"{website}/index.html", delay_s=0.0)
    first = await desk.sync()
    again = await desk.sync()
    before = await desk.published()

    (place / "b.html").unlink()
    write_pages(place, {"index.html": "Start", "a.html": "Apples are green"}, seconds=1_700_001_000)
    changed = await desk.sync()
    after = await desk.published()
    await desk.roll_back(1)
    undone = await desk.sync()

    assert (first.counts.new, again.state) == (3, RunState.UNCHANGED)
    assert (changed.counts.deleted, len(before), len(after)) == (1, 3, 2)
    assert any("Apples are green" in text for text in after.values())
    assert undone.state is RunState.UNCHANGED
    assert await desk.published() == before
