"""Whatever may hold what people wrote or uploaded is emptied by an eraser; the rest is listed here, with a reason."""

from dataclasses import fields
from pathlib import Path

import pytest
import sqlalchemy as sa

from ingestion.bootstrap import carry_out_over
from rag_service.bootstrap import Container, open_container
from rag_service.catalog.tables import metadata
from rag_service.settings import EmbeddingSettings, RetrievalSettings, Settings

# A column is harmless by its name when every table means the same by it, or for itself.
HARMLESS = {
    "id of a row, of our own making": {
        "id", "tenant_id", "corpus_id", "document_id", "answer_id", "draft_id", "file_id", "erasure_id", "key_id",
        "requested_by", "asked_by", "filled_to", "source_id", "run_id", "whole_id",
        "base_run_id", "question_id", "case_id", "index_route.copied_to",
    },
    "one of a few words of our own": {"index_route.serving", "index_route.following", "index_misses.engine", "kind", "state", "status", "purpose", "reason", "stage", "parser_fingerprint"},
    "the code of a language": {"revisions.language"},
    "name or recipe of a build: settings": {"fingerprint", "wanted_fingerprint", "builds.recipe", "kept_vectors.embedder", "live_scores.embedder", "index_route.copied_build"},
    "a media type": {"revisions.media_type"},
    "numbers: offsets and pages": {"chunks.page_starts"},
    "names kind and id of something": {"jobs.subject"},
    "who may use the service, not what is in it": {
        "tenants.name", "api_keys.name", "api_keys.hint", "api_keys.secret_sha256", "api_keys.permissions",
        "api_keys.principals", "api_keys.corpora", "login_links.secret_sha256", "sessions.secret_sha256",
        "sessions.csrf_token",
    },
    "which key did it": {"golden_questions.author", "gate_acceptances.accepted_by"},
    "what was measured, and with which model": {
        "golden_questions.origin", "eval_runs.suite", "eval_runs.suite_digest", "eval_runs.judge", "gates.verdict",
        "live_scores.judge", "live_drifts.measure",
        "index_checks.engine", "index_checks.found",
    },
    "a worker says where it runs": {"workers.kinds", "workers.host"},
    "how a source is run, and how much it did": {
        "sources.credential_names", "sources.publish", "source_runs.counts", "source_changes.problem",
    },
    "key and Idempotency-Key of a caller; the row goes with its body": {
        "feedback.caller", "idempotent_replies.caller", "idempotent_replies.key",
    },
    "what stays of an erasure: ids, counts and keyed hashes": {
        "erasures.subject", "erasures.plan", "erasures.counts", "erasures.probes", "erasures.receipt",
        "erasures.signature", "erasures.signing_key", "tombstones.principals", "barred_keys.key_hash",
    },
}  # fmt: skip

# Of what the container holds, these keep data of their own; a new store has to be added here, and to an eraser.
STORES = {"catalog", "blobs", "index", "kept_vectors"}
NO_STORES = {
    "settings", "clock", "catalog_files", "embedder", "count_tokens", "sparse_encoder", "queue", "build", "build_parts",
    "service_keys", "verifier", "rerank",
}  # fmt: skip

# No eraser reaches the memory of the processes that answer. What keeps text there forgets by itself; its tests say when.
# Functions that remember texts are found by tests/unit/test_remembered_texts.py.
MEMORIES = {"answer_cache": "tests/integration/test_cached_answers.py"}


@pytest.fixture
async def container(tmp_path: Path):
    settings = Settings(
        data_dir=tmp_path,
        embedding=EmbeddingSettings(backend="hashing"),
        retrieval=RetrievalSettings(backend="memory"),
    )
    async with open_container(settings) as opened:
        yield opened


def text_columns() -> set[str]:
    kinds = (sa.String, sa.LargeBinary, sa.types.TypeDecorator)
    found = {column for table in metadata.sorted_tables for column in table.c if isinstance(column.type, kinds)}
    return {str(column) for column in found if not isinstance(getattr(column.type, "impl", None), sa.DateTime)}


def claimed(container: Container) -> set[str]:
    return set().union(*(eraser.claims for eraser in carry_out_over(container).erasers))


async def test_every_column_with_text_is_erased_or_harmless(container: Container) -> None:
    harmless = set().union(*HARMLESS.values())
    unclaimed = text_columns() - claimed(container)

    assert {name for name in unclaimed if not {name, name.partition(".")[2]} & harmless} == set()


async def test_what_is_claimed_is_there(container: Container) -> None:
    columns = {str(column) for table in metadata.sorted_tables for column in table.c}

    assert claimed(container) - columns == STORES


async def test_nothing_that_is_erased_is_called_harmless_for_itself(container: Container) -> None:
    assert claimed(container) & set().union(*HARMLESS.values()) == set()


async def test_every_store_that_is_opened_has_an_eraser(container: Container) -> None:
    parts = {field.name for field in fields(Container)}
    use_cases = {
        name for name in parts if type(getattr(container, name)).__module__.startswith("rag_service.use_cases")
    } - MEMORIES.keys()

    assert parts - use_cases - NO_STORES == STORES | MEMORIES.keys()
    assert claimed(container) >= STORES


def test_every_memory_is_tested_to_forget() -> None:
    root = Path(__file__).parents[2]

    assert [name for name, test in MEMORIES.items() if name not in (root / test).read_text(encoding="utf-8")] == []
