"""`python -m rag_service.index_operations` in this process, over engines in memory."""

import json
import sqlite3
from collections.abc import Callable
from contextlib import AsyncExitStack, closing
from pathlib import Path

import pytest

from rag_service import index_operations
from rag_service.bootstrap import open_container
from rag_service.domain.ids import Fingerprint
from rag_service.errors import IndexUnavailable
from rag_service.ports.catalog import Catalog
from rag_service.retrieval.bootstrap import OpenedIndex
from rag_service.retrieval.compared_searches import ComparedSearches
from rag_service.retrieval.follower_misses import FollowerMisses
from rag_service.retrieval.known_route import KnownRoute
from rag_service.retrieval.memory import MemoryIndex
from rag_service.retrieval.opened_engines import OpenedEngines
from rag_service.retrieval.routed import RoutedIndex
from rag_service.settings import EmbeddingSettings, Settings
from rag_service.use_cases.indexes import migrate_index

Run = Callable[..., str]


class Leaves(MemoryIndex):
    """Cannot be reached while it is away."""

    is_away = False

    async def builds(self) -> dict[Fingerprint, int | None]:
        if self.is_away:
            raise IndexUnavailable("It is away.")
        return await super().builds()


@pytest.fixture
def edge() -> Leaves:
    return Leaves()


@pytest.fixture
def run(edge: Leaves, migrated_dir: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Run:
    """Run the program; engines stay from one run to the next."""
    engines = {"edge": edge, "other": MemoryIndex()}

    def opened(_settings: Settings, catalog: Catalog, _stack: AsyncExitStack) -> OpenedIndex:
        routed = RoutedIndex(
            engines=OpenedEngines({name: lambda index=index: index for name, index in engines.items()}),
            route=KnownRoute(catalog=catalog, default="edge"),
            compared=ComparedSearches(catalog),
            misses=FollowerMisses(catalog),
        )
        return OpenedIndex(index=routed)

    def said(*arguments: str) -> str:
        settings = Settings(data_dir=migrated_dir, embedding=EmbeddingSettings(backend="hashing"))
        index_operations.main(arguments, open_parts=lambda: open_container(settings, open_index=opened))
        return capsys.readouterr().out

    monkeypatch.setitem(migrate_index.MigrateIndex.__init__.__kwdefaults__, "settle_s", 0.0)
    return said


def test_the_engine_of_the_settings_serves_at_first(run: Run) -> None:
    assert run("status").splitlines()[0] == "edge serves (steady)"
    assert json.loads(run("status", "--json"))["route"]["following"] is None


def test_a_migration_is_begun_gone_back_from_and_finished(run: Run) -> None:
    assert run("migrate", "--to", "other").startswith("other serves, edge follows (switched)")
    assert run("migrate", "--back").startswith("edge serves, other follows (switched)")
    assert run("migrate", "--finish").startswith("edge serves (steady)")


def note_missed(folder: Path) -> None:
    """Note that the engine `edge` has missed a write."""
    with closing(sqlite3.connect(folder / "catalog.db")) as catalog, catalog:
        catalog.execute("INSERT INTO index_misses VALUES ('edge', 'b', 1, 0)")


def test_what_the_engine_that_follows_has_missed_is_told_until_it_is_mended(run: Run, migrated_dir: Path) -> None:
    run("migrate", "--to", "other")
    note_missed(migrated_dir)
    assert "edge has missed writes of build b" in run("status").splitlines()[1]

    assert run("migrate", "--mend").startswith("other serves, edge follows (switched)")

    assert json.loads(run("status", "--json"))["missed"] == []


def test_an_engine_that_follows_and_is_away_fails_no_status(run: Run, edge: Leaves) -> None:
    run("migrate", "--to", "other")

    edge.is_away = True

    assert run("status").splitlines()[-1] == "edge: cannot be reached"
    assert json.loads(run("status", "--json"))["builds"] == {"other": {}, "edge": None}


def test_where_there_is_no_build_nothing_is_snapshot_or_restored(run: Run, tmp_path: Path) -> None:
    assert run("snapshot", str(tmp_path / "none")) == "There is no build yet.\n"
    assert run("restore", str(tmp_path / "none")) == "There is no snapshot in this folder.\n"


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["rebuild", "0" * 32], "No such build"),
        (["migrate", "--to", "abacus"], "no engine 'abacus'"),
        (["migrate", "--to", "edge"], "edge serves, and no migration is under way"),
        (["migrate", "--finish"], "no migration is under way"),
        (["migrate", "--mend"], "no migration is under way"),
        (["migrate", "--back"], "no migration is under way"),
    ],
)
def test_what_cannot_be_done_is_told(
    run: Run, capsys: pytest.CaptureFixture[str], arguments: list[str], told: str
) -> None:
    with pytest.raises(SystemExit):
        run(*arguments)

    assert told in capsys.readouterr().err
