"""The composition root: settings in, container out. The only file that names concrete backends."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta

from rag_service.blobs.erasure_log import ErasureLogFile
from rag_service.blobs.fsspec_store import FsspecBlobStore
from rag_service.catalog.migrating import migrate
from rag_service.catalog.sql_catalog import open_catalog, utc_now
from rag_service.domain.fingerprints import (
    CHUNKER_NAME,
    PARSER_FINGERPRINT,
    BuildFingerprint,
    ChunkerFingerprint,
)
from rag_service.embedding.bm25 import Bm25Encoder
from rag_service.embedding.bootstrap import open_embedder
from rag_service.embedding.build_parts import OpenedEmbedder, PartsByRecipe
from rag_service.embedding.kept import KeptEmbedder
from rag_service.embedding.recipes import recipe_of
from rag_service.errors import Misconfigured
from rag_service.generation.extractive import ExtractiveGenerator
from rag_service.generation.fallback import FallbackGenerator
from rag_service.ports.blob_store import BlobStore
from rag_service.ports.build_parts import BuildParts, Parts
from rag_service.ports.catalog import Catalog
from rag_service.ports.embedder import Embedder
from rag_service.ports.eraser import Compacts
from rag_service.ports.generator import Generator
from rag_service.ports.job_queue import JobQueue
from rag_service.ports.kept_vectors import KeptVectors
from rag_service.ports.reranker import Reranker
from rag_service.ports.sparse_encoder import SparseEncoder
from rag_service.ports.vector_index import VectorIndex
from rag_service.ports.verifier import Verifier
from rag_service.queue.bootstrap import open_queue
from rag_service.retrieval.bootstrap import open_exact_scan, open_index, open_tuning
from rag_service.retrieval.fusion import fuse
from rag_service.settings import GenerationSettings, Settings
from rag_service.signing.secret_file import read_or_create
from rag_service.signing.service_keys import ServiceKeys
from rag_service.use_cases.accept_uploads import AcceptUploads
from rag_service.use_cases.answering.answer_cache import AnswerCache
from rag_service.use_cases.answering.forget_erased import ForgetErased
from rag_service.use_cases.answering.write_in_turn import WriteInTurn
from rag_service.use_cases.ask_question import AskQuestion
from rag_service.use_cases.builds import ManageBuilds
from rag_service.use_cases.content_gaps import ContentGaps
from rag_service.use_cases.corpora import CreateCorpus, ListCorpusFiles, ReadCorpusFile, RemoveDocument
from rag_service.use_cases.delegation import ActForEndUser
from rag_service.use_cases.drafts import ManageDrafts
from rag_service.use_cases.erasing.read_erasures import ReadErasures
from rag_service.use_cases.erasing.replay_erasures import ReplayErasures
from rag_service.use_cases.erasing.request_erasure import RequestErasure
from rag_service.use_cases.erasing.tell_erased import TellErased
from rag_service.use_cases.evaluations import ReadEvaluations, StartEvaluation
from rag_service.use_cases.feedback import GiveFeedback
from rag_service.use_cases.gates import PublishGate
from rag_service.use_cases.golden import ManageGolden
from rag_service.use_cases.golden_growth import GrowGolden
from rag_service.use_cases.indexes.check_indexes import CheckIndexes
from rag_service.use_cases.indexes.check_recall import CheckRecall
from rag_service.use_cases.indexes.draw_sample import DrawSample
from rag_service.use_cases.indexes.keep_given_vectors import KeepGivenVectors
from rag_service.use_cases.indexes.read_health import ReadIndexHealth
from rag_service.use_cases.indexes.scan_exactly import ScanExactly
from rag_service.use_cases.jobs import ManageJobs
from rag_service.use_cases.keys import ManageKeys
from rag_service.use_cases.live_answers import ReadLiveAnswers
from rag_service.use_cases.manage_gates import ManageGates
from rag_service.use_cases.publish import Publish
from rag_service.use_cases.reconcile import Reconcile
from rag_service.use_cases.retention import ApplyRetention, ManageRetention
from rag_service.use_cases.revision_text import ReadRevisionText
from rag_service.use_cases.rights import GrantDocument, SpreadRights
from rag_service.use_cases.search import Search
from rag_service.use_cases.searching.rerank import RerankPassages
from rag_service.use_cases.sources.manage import ManageSources
from rag_service.use_cases.store_file import StoreFile
from rag_service.use_cases.versions import CurateVersions, ReadVersions
from rag_service.use_cases.watch_evaluations import WatchEvaluations
from rag_service.verification.checker import QuoteChecker
from rag_service.verification.lexical import LexicalVerifier

Clock = Callable[[], datetime]

_SHORTEST_SECRET = 32


@dataclass(frozen=True, kw_only=True)
class Container:
    """Everything the API, the pages and the workers are made of."""

    settings: Settings
    clock: Clock
    catalog: Catalog
    catalog_files: Compacts
    blobs: BlobStore
    index: VectorIndex
    embedder: Embedder
    sparse_encoder: SparseEncoder
    kept_vectors: KeptVectors
    queue: JobQueue
    build: BuildFingerprint
    build_parts: BuildParts
    builds: ManageBuilds
    keys: ManageKeys
    service_keys: ServiceKeys
    request_erasure: RequestErasure
    erasures: ReadErasures
    tell_erased: TellErased
    replay_erasures: ReplayErasures
    act_for: ActForEndUser
    jobs: ManageJobs
    reconcile: Reconcile
    grant_document: GrantDocument
    read_revision_text: ReadRevisionText
    store_file: StoreFile
    uploads: AcceptUploads
    keep_given_vectors: KeepGivenVectors
    remove_document: RemoveDocument
    read_corpus_file: ReadCorpusFile
    list_corpus_files: ListCorpusFiles
    create_corpus: CreateCorpus
    drafts: ManageDrafts
    versions: ReadVersions
    curate_versions: CurateVersions
    publish: Publish
    retention: ManageRetention
    apply_retention: ApplyRetention
    search: Search
    verifier: Verifier
    ask_question: AskQuestion
    answer_cache: AnswerCache
    forget_erased: ForgetErased
    give_feedback: GiveFeedback
    publish_gate: PublishGate
    gates: ManageGates
    golden: ManageGolden
    grow_golden: GrowGolden
    content_gaps: ContentGaps
    sources: ManageSources
    evaluations: ReadEvaluations
    start_evaluation: StartEvaluation
    watch_evaluations: WatchEvaluations
    live_answers: ReadLiveAnswers
    check_indexes: CheckIndexes
    index_health: ReadIndexHealth
    rerank: RerankPassages | None = None


@asynccontextmanager
async def open_container(settings: Settings) -> AsyncIterator[Container]:
    """Open every part that the settings name; what was opened is closed in reverse order."""
    async with AsyncExitStack() as stack:
        await migrate(settings.catalog_url)
        catalog = await stack.enter_async_context(
            open_catalog(settings.catalog_url, pool_size=settings.catalog.pool_size)
        )
        blobs = FsspecBlobStore(settings.blobs_url)
        opened_index = open_index(settings, catalog, stack)
        index = opened_index.index
        opened = open_embedder(settings.embedding)
        stack.push_async_callback(opened.close)
        embedder = opened.embedder
        sparse_encoder = Bm25Encoder()
        service_keys = await asyncio.to_thread(_open_service_keys, settings)
        build = _build_of(settings, embedder, sparse_encoder)
        build_parts = _build_parts(settings, build, opened, sparse_encoder, catalog.kept_vectors)
        stack.push_async_callback(build_parts.aclose)
        recipe = recipe_of(settings.embedding, build)
        queue = open_queue(settings.queue, stack)
        erasure_log = ErasureLogFile(settings.data_dir.resolve() / "erasures.jsonl")
        request_erasure = RequestErasure(
            catalog=catalog,
            log=erasure_log,
            keyed_hash=service_keys,
            queue=queue,
            clock=utc_now,
            settle=timedelta(seconds=settings.jobs.lease_s),
        )
        builds = ManageBuilds(catalog=catalog, clock=utc_now, queue=queue, fingerprint=build.digest, recipe=recipe)
        spread_rights = SpreadRights(catalog=catalog, index=index)
        publish_gate = PublishGate(clock=utc_now, is_on=settings.evaluation.gate)
        rerank = _open_rerank(settings, stack)
        search = Search(
            catalog=catalog,
            index=index,
            build_parts=build_parts,
            fuse=fuse,
            settings=settings.retrieval,
            rerank=rerank,
            stand_in=opened_index.stand_in,
        )
        verifier = LexicalVerifier(embedder)
        reconcile = Reconcile(catalog=catalog, index=index, blobs=blobs, build_parts=build_parts, clock=utc_now)
        tuning, exact_scan = open_tuning(settings, catalog), open_exact_scan()
        check_recall = CheckRecall(
            catalog=catalog,
            index=index,
            build_parts=build_parts,
            draw=DrawSample(catalog=catalog, clock=utc_now),
            scan=ScanExactly(catalog=catalog, kept=catalog.kept_vectors, scan=exact_scan) if exact_scan else None,
            tuning=tuning,
            settings=settings.retrieval,
        )
        answer_cache = AnswerCache(settings.answers)
        write = _write_in_turn(settings, embedder, verifier)
        yield Container(
            settings=settings,
            clock=utc_now,
            catalog=catalog,
            catalog_files=catalog,
            blobs=blobs,
            index=index,
            embedder=embedder,
            sparse_encoder=sparse_encoder,
            kept_vectors=catalog.kept_vectors,
            queue=queue,
            build=build,
            build_parts=build_parts,
            builds=builds,
            keys=ManageKeys(catalog=catalog, clock=utc_now, settings=settings.security, public_url=settings.public_url),
            service_keys=service_keys,
            request_erasure=request_erasure,
            erasures=ReadErasures(catalog=catalog),
            tell_erased=TellErased(catalog=catalog, keyed_hash=service_keys),
            replay_erasures=ReplayErasures(catalog=catalog, log=erasure_log, request=request_erasure),
            act_for=ActForEndUser(service_keys),
            jobs=ManageJobs(catalog=catalog, queue=queue, clock=utc_now, settings=settings.jobs),
            reconcile=reconcile,
            read_revision_text=ReadRevisionText(catalog=catalog),
            grant_document=GrantDocument(catalog=catalog, spread=spread_rights),
            store_file=StoreFile(
                catalog=catalog, blobs=blobs, clock=utc_now, max_bytes=settings.uploads.max_file_bytes
            ),
            uploads=AcceptUploads(
                catalog=catalog,
                blobs=blobs,
                queue=queue,
                clock=utc_now,
                parser_fingerprint=PARSER_FINGERPRINT,
                ocr_languages=settings.ocr.languages if settings.ocr.is_wanted else "",
                settings=settings.uploads,
                spread_rights=spread_rights,
            ),
            keep_given_vectors=KeepGivenVectors(catalog=catalog, build_parts=build_parts, kept=catalog.kept_vectors),
            remove_document=RemoveDocument(catalog=catalog, clock=utc_now),
            read_corpus_file=ReadCorpusFile(catalog=catalog),
            list_corpus_files=ListCorpusFiles(catalog=catalog),
            create_corpus=CreateCorpus(catalog=catalog, clock=utc_now, fingerprint=build.digest, recipe=recipe),
            drafts=ManageDrafts(catalog=catalog, clock=utc_now, queue=queue),
            versions=ReadVersions(catalog=catalog),
            curate_versions=CurateVersions(catalog=catalog, clock=utc_now),
            publish=Publish(catalog=catalog, clock=utc_now),
            retention=ManageRetention(catalog=catalog, clock=utc_now),
            apply_retention=ApplyRetention(catalog=catalog, index=index, clock=utc_now, current=build.digest),
            search=search,
            verifier=verifier,
            ask_question=AskQuestion(
                catalog=catalog, search=search, write=write, cache=answer_cache, settings=settings, clock=utc_now
            ),
            answer_cache=answer_cache,
            forget_erased=ForgetErased(catalog=catalog, cache=answer_cache, clock=utc_now),
            give_feedback=GiveFeedback(catalog=catalog, clock=utc_now),
            publish_gate=publish_gate,
            gates=ManageGates(catalog=catalog, gate=publish_gate, clock=utc_now),
            golden=ManageGolden(catalog=catalog, clock=utc_now),
            grow_golden=GrowGolden(catalog=catalog, clock=utc_now),
            content_gaps=ContentGaps(
                catalog=catalog, build_parts=build_parts, clock=utc_now, settings=settings.evaluation
            ),
            sources=ManageSources(catalog=catalog, cipher=service_keys, queue=queue, clock=utc_now),
            evaluations=ReadEvaluations(catalog=catalog),
            start_evaluation=StartEvaluation(catalog=catalog, queue=queue, clock=utc_now),
            watch_evaluations=WatchEvaluations(catalog=catalog, clock=utc_now, settings=settings.jobs),
            live_answers=ReadLiveAnswers(catalog=catalog, clock=utc_now),
            rerank=rerank,
            check_indexes=CheckIndexes(
                catalog=catalog,
                check_recall=check_recall,
                reconcile=reconcile,
                tuning=tuning,
                clock=utc_now,
                settings=settings.retrieval,
            ),
            index_health=ReadIndexHealth(catalog=catalog, tuning=tuning, clock=utc_now, settings=settings.retrieval),
        )


def _open_service_keys(settings: Settings) -> ServiceKeys:
    given = settings.security.secret.get_secret_value()
    if given and len(given) < _SHORTEST_SECRET:
        raise Misconfigured(f"RAG_SECURITY__SECRET needs at least {_SHORTEST_SECRET} characters.")
    return ServiceKeys(given.encode() if given else read_or_create(settings.secret_file))


def _open_rerank(settings: Settings, stack: AsyncExitStack) -> RerankPassages | None:
    reranker = _open_reranker(settings, stack)
    return RerankPassages(reranker=reranker, settings=settings.rerank) if reranker else None


def _open_reranker(settings: Settings, stack: AsyncExitStack) -> Reranker | None:
    match settings.rerank.backend:
        case "none":
            return None
        case "late_interaction":
            if settings.embedding.backend != "onnx":
                raise Misconfigured("RAG_RERANK__BACKEND=late_interaction needs RAG_EMBEDDING__BACKEND=onnx.")
            from rag_service.embedding.onnx_tokens import OnnxTokenEmbedder
            from rag_service.reranking.late_interaction import LateInteractionReranker

            tokens = OnnxTokenEmbedder(settings.embedding, window_tokens=settings.rerank.window_tokens)
            stack.push_async_callback(tokens.aclose)
            return LateInteractionReranker(tokens)
        case "cross_encoder":
            from rag_service.reranking.cross_encoder import CrossEncoderReranker

            model = CrossEncoderReranker(settings.rerank)
            stack.push_async_callback(model.aclose)
            return model
        case "endpoint":
            from rag_service.reranking.endpoint import RerankEndpoint

            endpoint = RerankEndpoint(settings.rerank)
            stack.push_async_callback(endpoint.aclose)
            return endpoint
        case "words":
            from rag_service.reranking.word_overlap import WordOverlapReranker

            return WordOverlapReranker()


def _build_of(settings: Settings, embedder: Embedder, sparse_encoder: SparseEncoder) -> BuildFingerprint:
    chunking = settings.chunking
    return BuildFingerprint(
        embedder=embedder.fingerprint,
        sparse=sparse_encoder.fingerprint,
        chunker=ChunkerFingerprint(
            name=CHUNKER_NAME,
            target_tokens=chunking.target_tokens,
            overlap_tokens=chunking.overlap_tokens,
            heading_prefix=chunking.heading_prefix,
        ),
    )


def _build_parts(
    settings: Settings,
    build: BuildFingerprint,
    opened: OpenedEmbedder,
    sparse_encoder: SparseEncoder,
    kept: KeptVectors,
) -> PartsByRecipe:
    own = Parts(
        fingerprint=build.digest,
        embedder=opened.embedder,
        vectors=KeptEmbedder(embedder=opened.embedder, kept=kept),
        sparse_encoder=sparse_encoder,
        chunker=build.chunker,
        count_tokens=opened.count_tokens,
    )
    return PartsByRecipe(own=own, settings=settings.embedding, open_embedder=open_embedder, kept=kept)


def _write_in_turn(settings: Settings, embedder: Embedder, verifier: Verifier) -> WriteInTurn:
    extractive = ExtractiveGenerator(embedder, max_sentences=settings.generation.max_sentences)
    return WriteInTurn(
        generator=_open_generator(settings.generation, extractive),
        fallback=extractive,
        checker=QuoteChecker(verifier, threshold=settings.verification.support_threshold),
    )


def _open_generator(settings: GenerationSettings, extractive: Generator) -> Generator:
    match settings.backend:
        case "extractive":
            return extractive
        case "openai":
            if not (settings.base_url and settings.model):
                raise Misconfigured("RAG_GENERATION__BACKEND=openai needs RAG_GENERATION__BASE_URL and …__MODEL.")
            from rag_service.generation.openai_compatible import OpenAICompatibleGenerator

            return FallbackGenerator(OpenAICompatibleGenerator(settings), extractive)
