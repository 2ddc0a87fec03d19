"""A folder is read inside its root only, and never half."""

import os
from dataclasses import replace
from pathlib import Path

import pytest

from ingestion.connectors import folder as connector_module
from ingestion.connectors.folder import open_folder
from ingestion.connectors.limits import SourceLimits
from ingestion.connectors.port import Item, ItemGone
from rag_service.domain.sources import FolderSource
from rag_service.errors import SourceRefused, SourceUnavailable


@pytest.fixture
def root(tmp_path: Path) -> Path:
    (tmp_path / "root").mkdir()
    (tmp_path / "secret.txt").write_text("secret")
    return tmp_path / "root"


@pytest.fixture
def limits(root: Path) -> SourceLimits:
    return SourceLimits(cache_dir=root.parent / "cache", allowed_roots=(root,))


async def listed(root: Path, limits: SourceLimits) -> list[Item]:
    async with open_folder(FolderSource(path=str(root)), limits) as connector:
        return [item async for item in connector.items({})]


async def test_hidden_files_and_lock_files_are_left_out(root: Path, limits: SourceLimits) -> None:
    for name in ("a.md", ".hidden", ".git/b.md", "~$a.docx", "deep/c.md"):
        (root / name).parent.mkdir(exist_ok=True)
        (root / name).touch()

    assert sorted(item.key for item in await listed(root, limits)) == ["a.md", "deep/c.md"]


async def test_links_out_of_the_root_are_not_followed(root: Path, limits: SourceLimits) -> None:
    (root / "a.md").write_text("a")
    (root / "inside.md").symlink_to("a.md")
    (root / "outside.md").symlink_to("../secret.txt")
    (root / "absolute.md").symlink_to(root.parent / "secret.txt")
    (root / "up").symlink_to("..")
    (root / "broken.md").symlink_to("nothing")
    (root / "round.md").symlink_to("round.md")

    assert sorted(item.key for item in await listed(root, limits)) == ["a.md", "inside.md"]


@pytest.mark.parametrize(
    "key", ["outside.md", "../secret.txt", "up/secret.txt", "\\x2e\\x2e/secret.txt", "pipe", "deep"]
)
async def test_nothing_outside_and_nothing_but_files_can_be_fetched(root: Path, limits: SourceLimits, key: str) -> None:
    (root / "outside.md").symlink_to("../secret.txt")
    (root / "up").symlink_to("..")
    (root / "deep").mkdir()
    os.mkfifo(root / "pipe")

    async with open_folder(FolderSource(path=str(root)), limits) as connector:
        with pytest.raises(ItemGone):
            await anext(aiter(connector.fetch(Item(key=key, filename="x", revision="1"))))


async def test_a_folder_that_becomes_a_link_while_a_file_is_opened_is_not_followed(
    root: Path, limits: SourceLimits, monkeypatch: pytest.MonkeyPatch
) -> None:
    (root / "deep").mkdir()
    (root / "deep" / "secret.txt").write_text("open")
    real = os.path.realpath

    def swapped(path: str) -> str:
        found = real(path)
        if found.endswith("deep/secret.txt"):
            (root / "deep").rename(root / "moved")
            (root / "deep").symlink_to("..")
        return found

    async with open_folder(FolderSource(path=str(root)), limits) as connector:
        monkeypatch.setattr(connector_module.os.path, "realpath", swapped)
        with pytest.raises((ItemGone, SourceUnavailable)):
            await anext(aiter(connector.fetch(Item(key="deep/secret.txt", filename="x", revision="1"))))


@pytest.mark.parametrize("path", ["{root}/../other", "/", "/etc", "{root}/link", "{root}/nothing"])
async def test_only_folders_below_an_allowed_root_are_opened(root: Path, limits: SourceLimits, path: str) -> None:
    (root.parent / "other").mkdir()
    (root / "link").symlink_to("../other")

    with pytest.raises(SourceRefused):
        await open_folder(FolderSource(path=path.format(root=root)), limits).__aenter__()


async def test_no_folder_is_read_when_none_is_allowed(root: Path, limits: SourceLimits) -> None:
    with pytest.raises(SourceRefused, match="operator"):
        await open_folder(FolderSource(path=str(root)), replace(limits, allowed_roots=())).__aenter__()


async def test_a_folder_that_may_not_be_read_fails_the_listing(
    root: Path, limits: SourceLimits, monkeypatch: pytest.MonkeyPatch
) -> None:
    (root / "locked").mkdir()
    scan = os.scandir

    def refusing(path: Path) -> "os._ScandirIterator[str]":
        if Path(path).name == "locked":
            raise PermissionError
        return scan(path)

    monkeypatch.setattr(connector_module.os, "scandir", refusing)

    with pytest.raises(SourceRefused, match="locked"):
        await listed(root, limits)


async def test_a_folder_that_moves_away_during_the_listing_fails_it(
    root: Path, limits: SourceLimits, monkeypatch: pytest.MonkeyPatch
) -> None:
    (root / "deep").mkdir()
    scan = os.scandir

    def moving(path: Path) -> "os._ScandirIterator[str]":
        if Path(path).name == "deep":
            (root / "deep").rename(root.parent / "moved")
        return scan(path)

    monkeypatch.setattr(connector_module.os, "scandir", moving)

    with pytest.raises(SourceUnavailable, match="changed"):
        await listed(root, limits)


async def test_names_that_are_no_text_are_listed_and_fetched(root: Path, limits: SourceLimits) -> None:
    (root / os.fsdecode(b"caf\xe9\n.txt")).write_text("x")

    async with open_folder(FolderSource(path=str(root)), limits) as connector:
        [item] = [item async for item in connector.items({})]
        assert item.key == "caf\\xe9\\x0a.txt"
        assert [piece async for piece in connector.fetch(item)] == [b"x"]


async def test_content_that_is_put_back_to_its_old_time_has_another_revision(root: Path, limits: SourceLimits) -> None:
    (root / "a.md").write_text("one")
    status = (root / "a.md").stat()
    [before] = await listed(root, limits)
    (root / "a.md").write_text("two")
    os.utime(root / "a.md", ns=(status.st_atime_ns, status.st_mtime_ns))

    [after] = await listed(root, limits)

    assert after.revision != before.revision
