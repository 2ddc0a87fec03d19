"""What the application under test is made of: real use cases over a catalog; search and answers are scripted."""

from datetime import timedelta
from pathlib import Path
from types import SimpleNamespace

from rag_service.blobs.erasure_log import ErasureLogFile
from rag_service.blobs.fsspec_store import FsspecBlobStore
from rag_service.catalog.sql_catalog import SqlCatalog
from rag_service.domain.ids import Fingerprint
from rag_service.embedding.bm25 import Bm25Encoder
from rag_service.embedding.hashing import HashingEmbedder
from rag_service.queue.polled import PolledQueue
from rag_service.reranking.word_overlap import WordOverlapReranker
from rag_service.retrieval.fixed_tuning import FixedTuning
from rag_service.retrieval.memory import MemoryIndex
from rag_service.settings import RerankSettings, RetrievalSettings, SecuritySettings, Settings, UploadSettings
from rag_service.signing.service_keys import ServiceKeys
from rag_service.use_cases.accept_uploads import AcceptUploads
from rag_service.use_cases.builds import ManageBuilds
from rag_service.use_cases.content_gaps import ContentGaps
from rag_service.use_cases.corpora import CreateCorpus, ListCorpusFiles, ReadCorpusFile, RemoveDocument
from rag_service.use_cases.delegation import ActForEndUser
from rag_service.use_cases.drafts import ManageDrafts
from rag_service.use_cases.erasing.read_erasures import ReadErasures
from rag_service.use_cases.erasing.request_erasure import RequestErasure
from rag_service.use_cases.erasing.tell_erased import TellErased
from rag_service.use_cases.evaluations import ReadEvaluations, StartEvaluation
from rag_service.use_cases.feedback import GiveFeedback
from rag_service.use_cases.gates import PublishGate
from rag_service.use_cases.golden import ManageGolden
from rag_service.use_cases.golden_growth import GrowGolden
from rag_service.use_cases.indexes.keep_given_vectors import KeepGivenVectors
from rag_service.use_cases.indexes.read_health import ReadIndexHealth
from rag_service.use_cases.jobs import ManageJobs
from rag_service.use_cases.keys import ManageKeys
from rag_service.use_cases.live_answers import ReadLiveAnswers
from rag_service.use_cases.manage_gates import ManageGates
from rag_service.use_cases.publish import Publish
from rag_service.use_cases.reconcile import Reconcile
from rag_service.use_cases.retention import ManageRetention
from rag_service.use_cases.revision_text import ReadRevisionText
from rag_service.use_cases.rights import GrantDocument, SpreadRights
from rag_service.use_cases.searching.rerank import RerankPassages
from rag_service.use_cases.sources.manage import ManageSources
from rag_service.use_cases.store_file import StoreFile
from rag_service.use_cases.versions import CurateVersions, ReadVersions
from rag_service.use_cases.watch_evaluations import WatchEvaluations
from tests.api.parts import (
    MAX_FILE_BYTES,
    MAX_REQUEST_BYTES,
    PUBLIC_URL,
    LoadedEmbedder,
    ScriptedAnswers,
    ScriptedSearch,
    now,
)
from tests.build_parts import own_parts

BUILD = Fingerprint("build")
RECIPE = {
    "embedder": {"model": "hashing", "dimensions": 8},
    "chunker": {"target_tokens": 254, "overlap_tokens": 0, "heading_prefix": True},
}


def open_parts(catalog: SqlCatalog, folder: Path) -> SimpleNamespace:
    security = SecuritySettings(authorisation_cache_s=0, public_url=PUBLIC_URL)
    uploads = UploadSettings(max_file_bytes=MAX_FILE_BYTES, max_request_bytes=MAX_REQUEST_BYTES)
    settings = Settings(data_dir=folder, security=security, uploads=uploads)
    service_keys = ServiceKeys(b"s" * 32)
    return SimpleNamespace(
        settings=settings,
        clock=now,
        catalog=catalog,
        catalog_files=catalog,
        sparse_encoder=Bm25Encoder(),
        embedder=LoadedEmbedder(),
        jobs=ManageJobs(catalog=catalog, queue=PolledQueue(), clock=now, settings=settings.jobs),
        sources=ManageSources(catalog=catalog, cipher=service_keys, queue=PolledQueue(), clock=now),
        **_of_keys(catalog, service_keys, security),
        **_of_erasures(catalog, service_keys, folder),
        **_of_documents(catalog, uploads, folder),
        **_of_versions(catalog),
        **_of_answers(catalog, settings),
        **_of_evaluations(catalog, settings),
    )


def _of_keys(catalog: SqlCatalog, service_keys: ServiceKeys, security: SecuritySettings) -> dict[str, object]:
    return {
        "service_keys": service_keys,
        "keys": ManageKeys(catalog=catalog, clock=now, settings=security, public_url=PUBLIC_URL),
        "act_for": ActForEndUser(service_keys),
    }


def _of_erasures(catalog: SqlCatalog, service_keys: ServiceKeys, folder: Path) -> dict[str, object]:
    return {
        "request_erasure": RequestErasure(
            catalog=catalog,
            log=ErasureLogFile(folder / "erasures.jsonl"),
            keyed_hash=service_keys,
            queue=PolledQueue(),
            clock=now,
            settle=timedelta(),
        ),
        "erasures": ReadErasures(catalog=catalog),
        "tell_erased": TellErased(catalog=catalog, keyed_hash=service_keys),
    }


def _of_documents(catalog: SqlCatalog, settings: UploadSettings, folder: Path) -> dict[str, object]:
    blobs, index = FsspecBlobStore(f"file://{folder}/blobs"), MemoryIndex()
    spread_rights = SpreadRights(catalog=catalog, index=index)
    kept_parts = own_parts(BUILD, HashingEmbedder(8), kept=catalog.kept_vectors)
    return {
        "blobs": blobs,
        "index": index,
        "reconcile": Reconcile(catalog=catalog, index=index, blobs=blobs, build_parts=kept_parts, clock=now),
        "read_revision_text": ReadRevisionText(catalog=catalog),
        "grant_document": GrantDocument(catalog=catalog, spread=spread_rights),
        "store_file": StoreFile(catalog=catalog, blobs=blobs, clock=now, max_bytes=settings.max_file_bytes),
        "uploads": AcceptUploads(
            catalog=catalog,
            blobs=blobs,
            queue=PolledQueue(),
            clock=now,
            parser_fingerprint="parsers-1",
            settings=settings,
            spread_rights=spread_rights,
        ),
        "keep_given_vectors": KeepGivenVectors(
            catalog=catalog, build_parts=own_parts(BUILD, HashingEmbedder(8)), kept=catalog.kept_vectors
        ),
        "remove_document": RemoveDocument(catalog=catalog, clock=now),
        "read_corpus_file": ReadCorpusFile(catalog=catalog),
        "list_corpus_files": ListCorpusFiles(catalog=catalog),
    }


def _of_versions(catalog: SqlCatalog) -> dict[str, object]:
    publish_gate = PublishGate(clock=now, is_on=True)
    return {
        "create_corpus": CreateCorpus(catalog=catalog, clock=now, fingerprint=BUILD, recipe=RECIPE),
        "builds": ManageBuilds(catalog=catalog, clock=now, queue=PolledQueue(), fingerprint=BUILD, recipe=RECIPE),
        "drafts": ManageDrafts(catalog=catalog, clock=now, queue=PolledQueue()),
        "versions": ReadVersions(catalog=catalog),
        "curate_versions": CurateVersions(catalog=catalog, clock=now),
        "publish": Publish(catalog=catalog, clock=now),
        "publish_gate": publish_gate,
        "gates": ManageGates(catalog=catalog, gate=publish_gate, clock=now),
        "retention": ManageRetention(catalog=catalog, clock=now),
    }


def _of_answers(catalog: SqlCatalog, settings: Settings) -> dict[str, object]:
    return {
        "search": ScriptedSearch(catalog),
        "rerank": RerankPassages(reranker=WordOverlapReranker(), settings=RerankSettings()),
        "ask_question": ScriptedAnswers(catalog),
        "give_feedback": GiveFeedback(catalog=catalog, clock=now),
        "content_gaps": ContentGaps(
            catalog=catalog, build_parts=own_parts(BUILD), clock=now, settings=settings.evaluation
        ),
        "live_answers": ReadLiveAnswers(catalog=catalog, clock=now),
    }


def _of_evaluations(catalog: SqlCatalog, settings: Settings) -> dict[str, object]:
    return {
        "golden": ManageGolden(catalog=catalog, clock=now),
        "grow_golden": GrowGolden(catalog=catalog, clock=now),
        "evaluations": ReadEvaluations(catalog=catalog),
        "start_evaluation": StartEvaluation(catalog=catalog, queue=PolledQueue(), clock=now),
        "watch_evaluations": WatchEvaluations(catalog=catalog, clock=now, settings=settings.jobs),
        "index_health": ReadIndexHealth(
            catalog=catalog, tuning=FixedTuning("memory"), clock=now, settings=RetrievalSettings()
        ),
    }
