"""An index that can be chosen and is not tested could let tenants see each other: every one has its cases."""

from typing import get_args

from rag_service.retrieval.faiss_dense import Kind
from rag_service.retrieval.wire import Engine
from rag_service.settings import RetrievalSettings, Settings
from tests.contract.index_backends import INDEXES


def test_every_backend_that_can_be_chosen_has_cases() -> None:
    backends = set(get_args(RetrievalSettings.model_fields["backend"].annotation))

    assert {name.split()[0] for name in INDEXES} == backends


def test_every_engine_of_the_index_host_has_cases_behind_it() -> None:
    engines = set(get_args(Engine))

    assert {name.split()[0] for name in INDEXES if name.endswith("behind the host")} == engines
    assert set(Settings().index_folders) == engines


def test_every_kind_of_structure_has_cases() -> None:
    assert {f"faiss {kind}" for kind in get_args(Kind)} < set(INDEXES)
