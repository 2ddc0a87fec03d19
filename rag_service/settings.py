"""The whole configuration, read once at the start. Environment: RAG_RETRIEVAL__DENSE_WEIGHT=0.7 and the like.

Flat names exist for two settings only: RAG_DATA_DIR and RAG_PORT.
"""

import hashlib
import os
import shutil
import tempfile
from collections.abc import Mapping
from datetime import timedelta
from pathlib import Path
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, SecretStr, ValidationError
from pydantic_settings import BaseSettings, SettingsConfigDict

from rag_service.domain.metric_names import JUDGED, JudgedMetric
from rag_service.errors import Misconfigured

TESSERACT = "tesseract"
_PREFIX = "RAG_"
_TEST_ONLY_PREFIX = "RAG_TEST_"
_LONGEST_SOCKET_PATH = 90


class Section(BaseModel):
    """Base of every section: a misspelt key stops the start instead of doing nothing."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class CatalogSettings(Section):
    """Where the SQL catalog is. Empty `url`: SQLite in the data folder."""

    url: str = ""
    pool_size: int = Field(5, ge=1)


class BlobSettings(Section):
    """Where raw files are: any fsspec URL. Empty: a folder in the data folder."""

    url: str = ""


class EmbeddingSettings(Section):
    """Which model embeds texts. `hashing` is for tests only: it knows words, not meaning."""

    backend: Literal["onnx", "sentence_transformers", "openai", "hashing"] = "onnx"
    model: str = "all-MiniLM-L6-v2"
    revision: str = ""
    device: str = Field("cpu", description="of the backend sentence_transformers; onnx runs on the CPU")
    onnx_dir: str = Field("", description="folder of exported models; empty: in the Python environment")
    threads: int = Field(0, ge=0, description="CPU threads of the model; 0 leaves the library's choice")
    batch_tokens: int = Field(
        0, ge=0, description="tokens per batch, padding included; 0 leaves it to the backend and the device"
    )
    base_url: str = Field("", description="of an OpenAI-compatible embeddings endpoint, for backend openai")
    api_key: SecretStr = SecretStr("")
    dimensions: int = Field(384, ge=1, description="of the openai and hashing backends; other models say it themselves")


class ChunkingSettings(Section):
    """How texts are cut. Sizes in tokens of the embedding model, headings included."""

    target_tokens: int = Field(254, ge=32)
    overlap_tokens: int = Field(0, ge=0)
    heading_prefix: bool = True


class RetrievalSettings(Section):
    """How passages are found. `dense_weight` is the share of the dense side in the fused score."""

    backend: Literal["edge", "memory"] = "edge"
    host_socket: str = Field("", description="Unix socket of the index host; empty: in the data folder")
    timeout_s: float = Field(10.0, gt=0)
    dense_weight: float = Field(0.75, ge=0, le=1)
    candidates: int = Field(100, ge=1, le=1000, description="best chunks taken from each side before fusion")
    passages: int = Field(8, ge=1, le=50, description="passages shown to the generator")
    exact: bool = False
    exact_below: int = Field(20_000, ge=0, description="matching points under which a full scan beats the graph")
    optimise_after: int = Field(5_000, ge=1, description="written points after which an index rebuilds its graph")


class GenerationSettings(Section):
    """Who writes answers. The extractive generator is always the last resort."""

    backend: Literal["extractive", "openai"] = "extractive"
    base_url: str = ""
    api_key: SecretStr = SecretStr("")
    model: str = ""
    timeout_s: float = Field(30.0, gt=0, description="to the first token, and between two")
    max_tokens: int = Field(512, ge=16)
    context_tokens: int = Field(3000, ge=256, description="budget of the passages in the prompt")
    max_sentences: int = Field(3, ge=1, description="of an extractive answer")


class VerificationSettings(Section):
    """When a sentence may leave."""

    support_threshold: float = Field(0.6, ge=0, le=1)


class AnswerSettings(Section):
    """When a question is answered at all."""

    answerability_threshold: float = Field(0.32, ge=0, le=1)


class UploadSettings(Section):
    """What is accepted."""

    max_file_bytes: int = Field(512 * 2**20, ge=1)
    max_request_bytes: int = Field(2 * 2**20, ge=1024, description="of every other request body")
    body_timeout_s: float = Field(60.0, gt=0, description="longest silence inside an upload")
    max_waiting_bytes: int = Field(64 * 2**30, ge=1, description="of files that wait to be read; more is put off (429)")
    max_waiting_bytes_per_tenant: int = Field(16 * 2**30, ge=1, description="the same, of one tenant")


class ParsingSettings(Section):
    """Limits of the child process that reads one file."""

    timeout_s: float = Field(120.0, gt=0)
    memory_bytes: int = Field(1536 * 2**20, ge=64 * 2**20)
    # 10,000 full pages. Embedding them takes a quarter of an hour on two cores, during which other files wait.
    max_text_chars: int = Field(25_000_000, ge=1)
    max_pages: int = Field(20_000, ge=1)
    max_unpacked_bytes: int = Field(512 * 2**20, ge=1)
    max_archive_entries: int = Field(1000, ge=1)
    max_archive_ratio: float = Field(100, ge=1)


class OcrSettings(Section):
    """Text recognition of PDF pages that have no text layer, by the program tesseract on the workers' machine."""

    mode: Literal["auto", "on", "off"] = Field(
        "auto", description="auto: where tesseract is installed; on: a worker without it does not start"
    )
    languages: str = Field(
        "eng", pattern=r"^\w+(\+\w+)*$", max_length=200, description="as tesseract names them, such as eng+deu"
    )
    page_timeout_s: float = Field(60.0, gt=0)
    file_timeout_s: float = Field(1800.0, gt=0, description="of all pages of a file, beside RAG_PARSING__TIMEOUT_S")

    @property
    def is_wanted(self) -> bool:
        """Whether the workers recognise text, as far as this machine can say."""
        return self.mode == "on" or (self.mode == "auto" and shutil.which(TESSERACT) is not None)


class BuildSettings(Section):
    """When a corpus is brought to another embedding model or another way of cutting."""

    automatic: bool = Field(
        True,
        description="rebuild corpora that were built under other settings in the background, and switch when ready",
    )


class JobSettings(Section):
    """How the job table is worked off."""

    lease_s: float = Field(30.0, gt=0)
    poll_s: float = Field(0.5, gt=0)
    max_attempts: int = Field(3, ge=1)
    draft_patience_s: float = Field(
        10.0, ge=0, description="an automatic draft seals at most this long after its first ready change"
    )
    starved_after_s: float = Field(60.0, gt=0, description="a job that is due for longer than this is shown as starved")
    part_chunks: int = Field(
        256, ge=1, description="a document of more than twice as many chunks is embedded by several jobs of this many"
    )
    reading_bytes: int = Field(
        2**30,
        ge=1,
        description="sizes of the files above 1 MiB that the workers of a machine read at once; a larger one is alone",
    )
    worker_heartbeat_s: float = Field(
        5.0, gt=0, description="how often a worker says that it is there; it counts as gone after three silent times"
    )

    @property
    def silence(self) -> timedelta:
        """How long a worker says nothing until it counts as gone."""
        return timedelta(seconds=3 * self.worker_heartbeat_s)


class QueueSettings(Section):
    """How workers hear of jobs. The job table is the truth in any case; messages only say where to look."""

    backend: Literal["polled", "celery"] = Field(
        "polled", description="workers look at the job table all the time, or Celery wakes them"
    )
    broker_url: SecretStr = Field(
        SecretStr(""), description="of Valkey or Redis (redis://…, redis+socket://…) or RabbitMQ (amqp://…), for celery"
    )
    sweep_s: float = Field(2.0, gt=0, description="how often beat looks for due jobs that no message told of")
    redelivery_s: float = Field(
        60.0, gt=0, description="after which Valkey or Redis delivers the message of a dead worker again"
    )
    turn_limit_s: float = Field(
        4 * 3600, gt=0, description="longest time that a worker's process may be busy without a break"
    )
    consumers_within_s: float = Field(
        60.0, gt=0, description="beat ends when a queue has no worker for this long after its start"
    )


class HousekeepingSettings(Section):
    """What is thrown away, and when. A worker looks once an hour."""

    replies_hours: float = Field(24, gt=0, description="how long a reply to an Idempotency-Key is kept")
    broken_uploads_hours: float = Field(
        24, ge=1, description="age at which what a broken upload left in the blob store is removed"
    )


class ReconcileSettings(Section):
    """How often catalog, index and raw files are compared, and what differs is mended."""

    every_s: float = Field(6 * 3600, gt=0, description="pause after a run; the first begins when a worker starts")


class SourceSettings(Section):
    """What sources of documents may reach and use."""

    allow_private_addresses: bool = Field(
        False, description="sources may reach this machine and its private network, never link-local addresses"
    )
    folder_roots: tuple[Path, ...] = Field(
        (), description="folders of the workers' machine that sources may read, as a JSON list; none when empty"
    )
    max_items: int = Field(100_000, ge=1, description="of one source")
    max_total_bytes: int = Field(20 * 2**30, ge=1, description="of all items of one source, as far as it tells sizes")
    max_repository_bytes: int = Field(2 * 2**30, ge=1, description="of the copy of a git repository")
    request_timeout_s: float = Field(30.0, gt=0, description="longest silence of a source")
    listing_timeout_s: float = Field(3600.0, gt=0, description="how long the listing of a source may take")
    check_every_s: float = Field(60.0, gt=0, description="pause between two looks at which sources are due")


class EvaluationSettings(Section):
    """What is measured without being asked for, and the language model that judges, if there is one."""

    gate: bool = Field(True, description="held drafts answer the golden questions of their corpus before they go live")
    gate_judgements: int = Field(
        3,
        ge=0,
        le=10,
        description="a judge holds a draft back when it finds it worse so many times; 0: it is not asked",
    )
    nightly_at: str = Field(
        "02:00",
        pattern=r"^(([01]\d|2[0-3]):[0-5]\d)?$",
        description="when every corpus with golden questions is measured, HH:MM in UTC; empty for never",
    )
    parallel: int = Field(4, ge=1, le=64, description="questions that are asked at once")
    poll_s: float = Field(2.0, gt=0, description="how often the evaluation worker looks for jobs")
    gap_days: int = Field(30, ge=1, le=3650, description="content gaps are looked for in the questions of so many days")
    gap_questions: int = Field(
        2000, ge=1, le=5000, description="so many of the newest of these questions are looked at"
    )
    gap_similarity: float = Field(
        0.55, ge=-1, le=1, description="questions are of one gap while the mean cosine of their pairs is this"
    )
    judge_url: str = Field("", description="OpenAI-compatible endpoint of the judge; empty for none")
    judge_model: str = ""
    judge_key: SecretStr = SecretStr("")
    judge_seed: int = 0
    judge_metrics: tuple[JudgedMetric, ...] = Field(JUDGED, min_length=1, description="what it is asked")
    judge_max_tokens: int = Field(2048, ge=1, description="longest of its replies")
    judge_timeout_s: float = Field(60.0, gt=0)
    live_rate: float = Field(0.1, ge=0, le=1, description="share of the answers people get that is scored; 0 for none")
    live_least: int = Field(
        200, ge=0, description="so many answers of each status of a corpus are scored a day, where there are as many"
    )
    live_most: int = Field(
        1000, ge=1, description="so many of them at most, unless live_least is more: their scores and vectors are kept"
    )
    live_judge: bool = Field(False, description="the judge scores them too; it is then sent what people asked")
    drift_reference_days: int = Field(14, ge=1, le=90, description="days with which a window is compared")
    drift_window_days: int = Field(1, ge=1, le=30, description="days of a window; one ends at each midnight, UTC")
    drift_least: int = Field(50, ge=50, description="answers on either side below which nothing is compared")


class SecuritySettings(Section):
    """Logins and keys."""

    session_hours: float = Field(12, gt=0)
    login_link_minutes: float = Field(60, gt=0)
    authorisation_cache_s: float = Field(2.0, ge=0, le=4, description="how long a revoked key may go on")
    secret: SecretStr = Field(
        SecretStr(""),
        description="at least 32 characters, for keyed hashes and signatures, the same in every process; "
        "empty: a file in the data folder",
    )
    public_url: str = Field("", description="address people reach the service at; empty: http://127.0.0.1:PORT")


class LogSettings(Section):
    """What is written to standard error."""

    level: Literal["debug", "info", "warning", "error"] = "info"
    format: Literal["console", "json"] = "console"


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
        """The folder that the index host owns."""
        return self.data_dir.resolve() / "index"

    @property
    def index_socket(self) -> Path:
        """The Unix socket of the index host."""
        if self.retrieval.host_socket:
            return Path(self.retrieval.host_socket)
        path = self.data_dir.resolve() / "index.sock"
        if len(os.fsencode(path)) <= _LONGEST_SOCKET_PATH:
            return path
        # The kernel refuses longer names, so a deep data folder has its socket in the folder for temporary files.
        return Path(tempfile.gettempdir()) / f"rag-index-{hashlib.sha256(os.fsencode(path)).hexdigest()[:16]}.sock"

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
        raise Misconfigured(f"{name}: {first['msg']}") from exc


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
