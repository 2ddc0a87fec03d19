"""What decided the figures of a run."""

from importlib.metadata import version

from rag_service.bootstrap import Container
from rag_service.domain.fingerprints import BuildFingerprint, ChunkerFingerprint, EmbedderFingerprint, digest_of
from rag_service.domain.metric_names import CURRENCY
from rag_service.domain.versions import Corpus
from rag_service.ports.build_parts import Parts

_DIGITS = 8


DENSE_WEIGHT = "dense weight"


def made_with(container: Container, build: BuildFingerprint, *, corpus: Corpus | None = None) -> dict[str, str]:
    """Return versions, fingerprints and the settings that move figures; `build` is that of the version measured.

    Without `corpus` they are those of the service, whatever single corpora have learned.
    """
    settings = container.settings
    usual = settings.retrieval.dense_weight
    return {
        "rag-service": version("rag-service"),
        "build": build.digest,
        "embedder": _named(build.embedder),
        # It chooses the sentences and checks them, whatever the version was embedded with.
        "own embedder": _named(container.embedder.fingerprint),
        "sparse encoder": build.sparse,
        "chunker": _cut(build.chunker),
        DENSE_WEIGHT: str(corpus.dense_weight_or(usual) if corpus else usual),
        "feedback weight": str(settings.retrieval.feedback_weight),
        "candidates": str(settings.retrieval.candidates),
        "passages": str(settings.retrieval.passages),
        "exact search": str(settings.retrieval.exact),
        "generator": container.ask_question.generator_name,
        "price": str(settings.generation.price or "not known"),
        CURRENCY: settings.generation.currency,
        "prompt version": container.ask_question.prompt_version,
        "sentences of an answer": str(settings.generation.max_sentences),
        "tokens of an answer": f"{settings.generation.max_tokens}, of {settings.generation.context_tokens} shown",
        "verifier": container.verifier.name,
        "support threshold": str(settings.verification.support_threshold),
        "answerability threshold": str(settings.answers.answerability_threshold),
    }


def build_of(parts: Parts) -> BuildFingerprint:
    """Return what these parts make."""
    return BuildFingerprint(
        embedder=parts.embedder.fingerprint, sparse=parts.sparse_encoder.fingerprint, chunker=parts.chunker
    )


def _named(embedder: EmbedderFingerprint) -> str:
    told = f"{embedder.model}, {embedder.dimensions} dimensions, {embedder.backend}, {embedder.dtype}"
    return f"{told} ({digest_of(embedder)[:_DIGITS]})"


def _cut(chunker: ChunkerFingerprint) -> str:
    headings = "with headings" if chunker.heading_prefix else "without headings"
    return f"{chunker.name}, {chunker.target_tokens} tokens, {chunker.overlap_tokens} repeated, {headings}"
