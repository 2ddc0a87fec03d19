"""A git repository is fetched no more than needed, and nothing that is in it or in its way does harm."""

import stat
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import pytest
from dulwich import porcelain
from dulwich.objects import Blob, Commit, Tree
from dulwich.repo import Repo

from ingestion.connectors.git import open_git
from ingestion.connectors.git_http import GuardedGitClient
from ingestion.connectors.limits import SourceLimits
from ingestion.connectors.port import Item
from rag_service.domain.sources import GitSource
from rag_service.errors import SourceRefused, SourceUnavailable
from tests.contract.source_worlds import commit, git_server
from tests.served_site import Page, ServedSite, served_site


@pytest.fixture
def limits(tmp_path: Path) -> SourceLimits:
    return SourceLimits(
        cache_dir=tmp_path / "cache", allowed_roots=(tmp_path,), allow_private=True, request_timeout_s=30
    )


@pytest.fixture
def repo(tmp_path: Path) -> Iterator[Repo]:
    root = tmp_path / "repository"
    root.mkdir()
    repo = porcelain.init(str(root))
    put(repo, {"README.md": "read me", "docs/a.md": "a"})
    yield repo
    repo.close()


def put(repo: Repo, files: dict[str, str]) -> None:
    for name, text in files.items():
        path = Path(repo.path) / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
        porcelain.add(repo.path, [str(path)])
    commit(Path(repo.path), "put")


@pytest.fixture
def url(repo: Repo) -> Iterator[str]:
    with git_server(repo) as (url, _):
        yield url


@pytest.fixture
def requests(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The addresses that are asked for, without host."""
    made: list[str] = []
    ask = GuardedGitClient._reply

    def noted(self: GuardedGitClient, url: str, *rest: object) -> object:
        made.append(url.partition("papers.git/")[2])
        return ask(self, url, *rest)  # type: ignore[arg-type]

    monkeypatch.setattr(GuardedGitClient, "_reply", noted)
    return made


async def listed(settings: GitSource, limits: SourceLimits, **credentials: str) -> list[Item]:
    async with open_git(settings, credentials, limits) as connector:
        return [item async for item in connector.items({})]


def keys(items: list[Item]) -> list[str]:
    return sorted(item.key for item in items)


async def test_nothing_is_fetched_while_the_branch_is_where_it_was(
    url: str, limits: SourceLimits, requests: list[str]
) -> None:
    first = await listed(GitSource(url=url), limits)
    requests.clear()

    assert await listed(GitSource(url=url), limits) == first
    assert requests == ["info/refs?service=git-upload-pack"]


async def test_after_a_change_the_server_is_told_what_is_here_already(
    url: str, repo: Repo, limits: SourceLimits, monkeypatch: pytest.MonkeyPatch
) -> None:
    await listed(GitSource(url=url), limits)
    before = repo.head()
    put(repo, {"README.md": "changed"})
    bodies: list[bytes] = []
    ask = GuardedGitClient._reply

    def noted(self: GuardedGitClient, url: str, headers: dict[str, str], data: bytes | None) -> object:
        bodies.append(data or b"")
        return ask(self, url, headers, data)

    monkeypatch.setattr(GuardedGitClient, "_reply", noted)
    await listed(GitSource(url=url), limits)

    assert b"have " + before in b"".join(bodies)


async def test_answers_that_arrive_in_pieces_are_put_together(url: str, repo: Repo, limits: SourceLimits) -> None:
    text = "".join(f"{number} " for number in range(100_000))
    put(repo, {"large.md": text})

    async with open_git(GitSource(url=url, include=("large.md",)), {}, limits) as connector:
        [item] = [item async for item in connector.items({})]
        assert b"".join([piece async for piece in connector.fetch(item)]) == text.encode()


async def test_a_history_that_was_written_anew_is_followed(url: str, repo: Repo, limits: SourceLimits) -> None:
    await listed(GitSource(url=url), limits)
    tree = Tree()
    blob = Blob.from_string(b"other")
    tree.add(b"other.md", stat.S_IFREG | 0o644, blob.id)
    repo.refs[b"refs/heads/master"] = _commit(repo, tree, blob)

    assert keys(await listed(GitSource(url=url), limits)) == ["other.md"]


async def test_a_damaged_copy_is_made_anew(url: str, limits: SourceLimits) -> None:
    first = await listed(GitSource(url=url), limits)
    for pack in (limits.cache_dir / "mirror.git").rglob("*.pack"):
        pack.chmod(0o600)
        pack.write_bytes(b"damaged")

    with pytest.raises(SourceUnavailable):
        await listed(GitSource(url=url), limits)
    assert await listed(GitSource(url=url), limits) == first


async def test_a_folder_of_a_branch_is_read(url: str, repo: Repo, limits: SourceLimits) -> None:
    porcelain.branch_create(repo.path, "next")
    put(repo, {"docs/later.md": "later"})

    assert keys(await listed(GitSource(url=url, path="docs"), limits)) == ["docs/a.md", "docs/later.md"]
    assert keys(await listed(GitSource(url=url, path="docs", branch="next"), limits)) == ["docs/a.md"]


@pytest.mark.parametrize("options", [{"branch": "nothing"}, {"path": "nothing"}])
async def test_a_branch_or_folder_that_is_not_there_is_named(
    url: str, limits: SourceLimits, options: dict[str, str]
) -> None:
    with pytest.raises(SourceRefused, match="nothing"):
        await listed(GitSource(url=url, **options), limits)


async def test_links_submodules_and_hidden_files_are_left_out(repo: Repo, limits: SourceLimits) -> None:
    blob, tree = Blob.from_string(b"../../etc/passwd"), Tree()
    tree.add(b"link.md", stat.S_IFLNK, blob.id)
    tree.add(b"module", 0o160000, b"1" * 40)
    tree.add(b".hidden.md", stat.S_IFREG | 0o644, blob.id)
    tree.add(b"a.md", stat.S_IFREG | 0o644, blob.id)
    repo.refs[b"refs/heads/master"] = _commit(repo, tree, blob)

    assert keys(await listed(GitSource(url=f"file://{repo.path}"), limits)) == ["a.md"]


async def test_a_tree_that_holds_itself_many_times_ends(repo: Repo, limits: SourceLimits) -> None:
    tree, blob = Tree(), Blob.from_string(b"x")
    tree.add(b"a", stat.S_IFREG | 0o644, blob.id)
    objects: list[Blob | Tree] = [blob, tree]
    for _ in range(40):
        outer = Tree()
        for name in (b"a", b"b", b"c"):
            outer.add(name, stat.S_IFDIR, tree.id)
        objects.append(outer)
        tree = outer
    repo.refs[b"refs/heads/master"] = _commit(repo, tree, *objects)

    with pytest.raises(SourceRefused, match="too many"):
        await listed(GitSource(url=f"file://{repo.path}", include=("*.md",)), replace(limits, max_items=100))


def _commit(repo: Repo, tree: Tree, *objects: Blob | Tree) -> bytes:
    made = Commit()
    made.tree, made.message = tree.id, b"made"
    made.author = made.committer = b"A <a@example.org>"
    made.author_time = made.commit_time = made.author_timezone = made.commit_timezone = 0
    repo.object_store.add_objects([(one, None) for one in (*objects, tree, made)])
    return bytes(made.id)


async def test_a_repository_over_the_limit_is_refused(url: str, limits: SourceLimits) -> None:
    with pytest.raises(SourceRefused, match="larger"):
        await listed(GitSource(url=url), replace(limits, max_repository_bytes=300))


async def test_a_repository_on_this_machine_has_to_be_below_an_allowed_root(repo: Repo, limits: SourceLimits) -> None:
    with pytest.raises(SourceRefused, match="operator"):
        await listed(GitSource(url=f"file://{repo.path}"), replace(limits, allowed_roots=()))


async def test_a_repository_that_borrows_from_outside_is_refused(
    repo: Repo, limits: SourceLimits, tmp_path: Path
) -> None:
    inside = tmp_path / "inside"
    inside.mkdir()
    borrower = porcelain.init(str(inside))
    (Path(borrower.controldir()) / "objects" / "info" / "alternates").write_text(f"{repo.controldir()}/objects\n")
    borrower.close()

    with pytest.raises(SourceRefused, match="operator"):
        await listed(GitSource(url=f"file://{inside}"), replace(limits, allowed_roots=(inside,)))


@contextmanager
def answering(page: Page) -> Iterator[ServedSite]:
    with served_site() as site:
        site.pages["/papers.git/info/refs?service=git-upload-pack"] = page
        yield site


@pytest.mark.parametrize(
    ("page", "error"),
    [
        (Page(status=401), SourceRefused),
        (Page(status=404), SourceRefused),
        (Page(status=503), SourceUnavailable),
        (Page(b"<html>a web page", "text/html"), SourceRefused),
        (Page(b"000gbroken", "application/x-git-upload-pack-advertisement"), SourceUnavailable),
        (
            Page(status=302, headers={"Location": "http://169.254.169.254/info/refs?service=git-upload-pack"}),
            SourceRefused,
        ),
    ],
    ids=["unauthorised", "missing", "down", "page", "broken", "redirect"],
)
async def test_whatever_a_server_answers_is_an_error_without_secrets(
    limits: SourceLimits, page: Page, error: type[Exception]
) -> None:
    with answering(page) as site, pytest.raises(error) as caught:
        await listed(GitSource(url=f"{site.url}/papers.git"), limits, token="s3cret-token")

    assert "s3cret" not in f"{caught.value} {caught.value.__cause__} {caught.value.__context__}"
    assert site.asked[0][1]["authorization"].startswith("Basic ")
    assert len(site.asked) == 1


async def test_credentials_are_in_no_file_of_the_copy(url: str, limits: SourceLimits) -> None:
    await listed(GitSource(url=url), limits, username="ann", password="s3cret")

    kept = b"".join(path.read_bytes() for path in limits.cache_dir.rglob("*") if path.is_file())
    assert b"s3cret" not in kept and b"YW5uOnMzY3JldA" not in kept


async def test_credentials_do_not_go_over_an_open_connection(tmp_path: Path) -> None:
    opened = open_git(GitSource(url="http://example.org/a.git"), {"token": "t"}, SourceLimits(cache_dir=tmp_path))

    with pytest.raises(SourceRefused, match="https"):
        await opened.__aenter__()


async def test_a_server_in_the_private_network_is_refused(url: str, limits: SourceLimits) -> None:
    with pytest.raises(SourceRefused, match="not on the public internet"):
        await listed(GitSource(url=url), replace(limits, allow_private=False))
