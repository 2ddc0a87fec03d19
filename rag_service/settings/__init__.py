"""The whole configuration, read once at the start. Environment: RAG_RETRIEVAL__DENSE_WEIGHT=0.7 and the like.

Flat names exist for two settings only: RAG_DATA_DIR and RAG_PORT.
"""

import os
from collections.abc import Mapping
from pathlib import Path

from pydantic import Field, ValidationError
from pydantic_settings import BaseSettings, SettingsConfigDict

from rag_service.errors import Misconfigured
from rag_service.settings.answering import (
    AnswerSettings,
    EmbeddingSettings,
    FaissSettings,
    GenerationSettings,
    ModelPrice,
    QdrantSettings,
    RerankSettings,
    RetrievalSettings,
    VerificationSettings,
)
from rag_service.settings.documents import (
    TESSERACT,
    ChunkingSettings,
    OcrSettings,
    ParsingSettings,
    SourceSettings,
    UploadSettings,
)
from rag_service.settings.evaluation import EvaluationSettings
from rag_service.settings.section import Section
from rag_service.settings.service import BlobSettings, CatalogSettings, LimitSettings, LogSettings, SecuritySettings
from rag_service.settings.sockets import socket_path
from rag_service.settings.work import BuildSettings, HousekeepingSettings, JobSettings, QueueSettings, ReconcileSettings

__all__ = [
    "TESSERACT",
    "AnswerSettings",
    "BlobSettings",
    "BuildSettings",
    "CatalogSettings",
    "ChunkingSettings",
    "EmbeddingSettings",
    "EvaluationSettings",
    "FaissSettings",
    "GenerationSettings",
    "HousekeepingSettings",
    "JobSettings",
    "LimitSettings",
    "LogSettings",
    "ModelPrice",
    "OcrSettings",
    "ParsingSettings",
    "QdrantSettings",
    "QueueSettings",
    "ReconcileSettings",
    "RerankSettings",
    "RetrievalSettings",
    "Section",
    "SecuritySettings",
    "Settings",
    "SourceSettings",
    "UploadSettings",
    "VerificationSettings",
    "known_names",
    "read_settings",
]

_PREFIX = "RAG_"
_TEST_ONLY_PREFIX = "RAG_TEST_"


class Settings(BaseSettings):
    """Everything that can be configured."""

    model_config = SettingsConfigDict(
        env_prefix=_PREFIX,
        env_nested_delimiter="__",
        extra="forbid",
        frozen=True,
        nested_model_default_partial_update=True,
    )

    data_dir: Path = Path("data")
    host: str = "127.0.0.1"
    port: int = Field(8000, ge=0, le=65535)
    sample_corpus: bool = Field(True, description="load the handbook at the first start")
    catalog: CatalogSettings = CatalogSettings()
    blobs: BlobSettings = BlobSettings()
    embedding: EmbeddingSettings = EmbeddingSettings()
    chunking: ChunkingSettings = ChunkingSettings()
    retrieval: RetrievalSettings = RetrievalSettings()
    qdrant: QdrantSettings = QdrantSettings()
    rerank: RerankSettings = RerankSettings()
    faiss: FaissSettings = FaissSettings()
    generation: GenerationSettings = GenerationSettings()
    verification: VerificationSettings = VerificationSettings()
    answers: AnswerSettings = AnswerSettings()
    uploads: UploadSettings = UploadSettings()
    parsing: ParsingSettings = ParsingSettings()
    ocr: OcrSettings = OcrSettings()
    builds: BuildSettings = BuildSettings()
    jobs: JobSettings = JobSettings()
    queue: QueueSettings = QueueSettings()
    housekeeping: HousekeepingSettings = HousekeepingSettings()
    reconcile: ReconcileSettings = ReconcileSettings()
    sources: SourceSettings = SourceSettings()
    evaluation: EvaluationSettings = EvaluationSettings()
    security: SecuritySettings = SecuritySettings()
    limits: LimitSettings = LimitSettings()
    log: LogSettings = LogSettings()

    @property
    def catalog_url(self) -> str:
        """The SQLAlchemy URL of the catalog."""
        return self.catalog.url or f"sqlite+aiosqlite:///{self.data_dir.resolve()}/catalog.db"

    @property
    def blobs_url(self) -> str:
        """The fsspec URL of the blob store."""
        return self.blobs.url or f"file://{self.data_dir.resolve()}/blobs"

    @property
    def secret_file(self) -> Path:
        """The file of the service's secret, unless one is configured."""
        return self.data_dir.resolve() / "secret.key"

    @property
    def work_dir(self) -> Path:
        """The folder of the workers' temporary files: inside the data folder, so that an erasure can answer for it."""
        return self.data_dir.resolve() / "work"

    @property
    def source_dir(self) -> Path:
        """The folder of what workers keep of sources between runs: inside the data folder, so that it can be erased."""
        return self.data_dir.resolve() / "sources"

    @property
    def index_dir(self) -> Path:
        """The folder of the engine Edge, which the index host owns."""
        return self.data_dir.resolve() / "index"

    @property
    def index_folders(self) -> dict[str, Path]:
        """The folders that the index host owns, by engine."""
        return {"edge": self.index_dir, "faiss": self.index_dir.with_name("index-faiss")}

    @property
    def index_socket(self) -> Path:
        """The Unix socket of the index host."""
        if self.retrieval.host_socket:
            return Path(self.retrieval.host_socket)
        return socket_path(self.data_dir.resolve() / "index.sock")

    @property
    def public_url(self) -> str:
        """The address people reach the service at, without a slash at the end."""
        return (self.security.public_url or f"http://127.0.0.1:{self.port}").rstrip("/")


def read_settings(environ: Mapping[str, str] | None = None) -> Settings:
    """Read the environment; every unknown RAG_* name or impossible value stops the start.

    Raises:
        Misconfigured: names the variable and says what is wrong.
    """
    unknown = _unknown_names(os.environ if environ is None else environ)
    if unknown:
        raise Misconfigured(f"Unknown setting {', '.join(unknown)}. Known ones are listed in docs/configuration.md.")
    try:
        return Settings()
    except ValidationError as exc:
        first = exc.errors()[0]
        name = _PREFIX + "__".join(str(part) for part in first["loc"]).upper()
        # Not with the error itself, which repeats what was given: a traceback would show a secret.
        raise Misconfigured(f"{name}: {first['msg']}") from None


def known_names() -> list[str]:
    """Return the name of every environment variable that sets something."""
    names = []
    for name, field in Settings.model_fields.items():
        section = field.annotation
        if isinstance(section, type) and issubclass(section, Section):
            names += [f"{_PREFIX}{name}__{key}".upper() for key in section.model_fields]
        else:
            names.append(f"{_PREFIX}{name}".upper())
    return names


def _unknown_names(environ: Mapping[str, str]) -> list[str]:
    # pydantic-settings ignores a misspelt variable, even with extra="forbid".
    known = set(known_names())
    mine = (name for name in environ if name.startswith(_PREFIX) and not name.startswith(_TEST_ONLY_PREFIX))
    return sorted(name for name in mine if name.upper() not in known)
