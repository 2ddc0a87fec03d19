"""What decided the figures of a run."""

from importlib.metadata import version

from rag_service.bootstrap import Container


def made_with(container: Container) -> dict[str, str]:
    """Return versions, fingerprints and the settings that move figures."""
    settings, build = container.settings, container.build
    return {
        "rag-service": version("rag-service"),
        "build": build.digest,
        "embedder": f"{build.embedder.model}, {build.embedder.backend}, {build.embedder.dtype}",
        "sparse encoder": build.sparse,
        "chunker": f"{build.chunker.name}, {build.chunker.target_tokens} tokens",
        "dense weight": str(settings.retrieval.dense_weight),
        "candidates": str(settings.retrieval.candidates),
        "exact search": str(settings.retrieval.exact),
        "generator": settings.generation.backend,
        "support threshold": str(settings.verification.support_threshold),
        "answerability threshold": str(settings.answers.answerability_threshold),
    }
