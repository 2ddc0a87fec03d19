"""Sections about answers: how texts are embedded and found, and what may be said of them."""

from typing import Literal

from pydantic import Field, SecretStr

from rag_service.domain.costs import Price
from rag_service.settings.section import Section


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


class RetrievalSettings(Section):
    """How passages are found: the best of both sides are fused, and what lies apart from the best falls behind."""

    backend: Literal["edge", "faiss", "qdrant", "memory"] = Field(
        "edge",
        description="`edge` or `faiss` (libraries, in the index host), `qdrant` (a server), or `memory` (tests)",
    )
    host_socket: str = Field("", description="Unix socket of the index host; empty: in the data folder")
    timeout_s: float = Field(10.0, gt=0)
    deadline_s: float = Field(
        2.0,
        ge=0,
        description="of a search, of which a part may take half before it is done without; 0: it is always waited for",
    )
    cache_entries: int = Field(
        500,
        ge=0,
        description="questions whose vectors, whose candidates, and how these lie to each other, a process keeps; 0 for none",
    )
    dense_weight: float = Field(0.8, ge=0, le=1, description="the most that the dense side counts in the fused score")
    feedback_weight: float = Field(
        0.2,
        ge=0,
        le=1,
        description="how much it counts beside the dense side how the best passages lie to each other; 0: not looked at",
    )
    candidates: int = Field(100, ge=1, le=1000, description="best chunks taken from each side before fusion")
    passages: int = Field(8, ge=1, le=50, description="passages shown to the generator")
    neighbours: int = Field(
        0, ge=0, le=5, description="chunks before and after each passage that the generator reads as well"
    )
    exact: bool = False
    exact_below: int = Field(20_000, ge=0, description="matching points under which a full scan beats the graph")
    optimise_after: int = Field(5_000, ge=1, description="written points after which an index rebuilds its graph")
    check_every_s: float = Field(
        6 * 3600, gt=0, description="age of a corpus's newest check of its index at which a worker makes another"
    )
    recall_floor: float = Field(
        0.97, ge=0, le=1, description="measured recall of the ten best under which the index is searched farther"
    )

    @property
    def has_host(self) -> bool:
        """Whether an index host has to run."""
        return self.backend in {"edge", "faiss"}


class FaissSettings(Section):
    """The FAISS library, for `RAG_RETRIEVAL__BACKEND=faiss`."""

    kind: Literal["auto", "flat", "hnsw", "ivf"] = Field(
        "auto",
        description="structure over the vectors of a build; `auto`: `flat` up to 50,000 chunks, `ivf` for more",
    )
    device: Literal["cpu", "gpu"] = Field(
        "cpu", description="`gpu` (the extra gpu in place of faiss) copies what is asked most to the first GPU"
    )


class RerankSettings(Section):
    """A second look at the best passages, by a model that reads them with the question. `words` is for tests only."""

    backend: Literal["none", "late_interaction", "cross_encoder", "endpoint", "words"] = "none"
    model: str = Field("", description="folder or hub name of a cross-encoder, or name of an endpoint's model")
    device: str = Field("cpu", description="of the backend cross_encoder")
    base_url: str = Field("", description="of the backend endpoint; `/rerank` is added")
    api_key: SecretStr = SecretStr("")
    candidates: int = Field(20, ge=2, le=100, description="best passages that are looked at again")
    budget_ms: float = Field(500.0, gt=0, description="time for it; passages not reached by then stay below")
    window_tokens: int = Field(256, ge=16, description="of a passage; what is longer is cut")
    fused_weight: float = Field(0.7, ge=0, le=1, description="share of the fused score in the new order")
    decisive_gap: float = Field(
        0.2, ge=0, description="lead of the best fused score over the next from which nothing is looked at again"
    )

    @property
    def budget_s(self) -> float:
        """The budget in seconds."""
        return self.budget_ms / 1000


class QdrantSettings(Section):
    """A Qdrant server, cluster or cloud, for `RAG_RETRIEVAL__BACKEND=qdrant`. Collections are made with these settings."""

    url: str = Field("", description="such as https://qdrant:6333")
    api_key: SecretStr = SecretStr("")
    grpc_port: int = Field(6334, ge=0, le=65535, description="0: ask over HTTP, several times as slow")
    prefix: str = Field(
        "rag-",
        min_length=1,
        max_length=100,
        description="of the names of this service's collections; no other service's may be the same",
    )
    shards: int = Field(1, ge=1, description="of a new collection")
    replicas: int = Field(1, ge=1, description="of each shard of a new collection")
    write_consistency: int = Field(1, ge=1, description="replicas that must have a write before it is acknowledged")
    write_ordering: Literal["weak", "medium", "strong"] = "medium"
    int8: bool = Field(
        False, description="keep 8-bit vectors in memory; what they find is scored again by the true ones"
    )


class ModelPrice(Section):
    """What a million tokens of a model cost."""

    input: float = Field(ge=0, allow_inf_nan=False)
    output: float = Field(ge=0, allow_inf_nan=False)


class GenerationSettings(Section):
    """Who writes answers. The extractive generator is always the last resort."""

    backend: Literal["extractive", "openai"] = "extractive"
    base_url: str = ""
    api_key: SecretStr = SecretStr("")
    model: str = ""
    prompt_file: str = Field("", description="rules for the language model; empty: the service's own")
    timeout_s: float = Field(30.0, gt=0, description="to the first token, and between two")
    max_tokens: int = Field(512, ge=16)
    context_tokens: int = Field(3000, ge=256, description="budget of the passages in the prompt")
    max_sentences: int = Field(3, ge=1, description="of an extractive answer")
    at_once: int = Field(32, ge=1, description="answers that are written at the same time, by process")
    prices: dict[str, ModelPrice] = Field(
        {}, description="of a million tokens by name of the model, as JSON; what a model without one costs is not known"
    )
    currency: str = Field("USD", pattern="^[A-Z]{3}$", description="of the prices, as ISO 4217 names it")

    @property
    def price(self) -> Price | None:
        """What tokens of the generator cost, None when nobody said. The extractive one asks no model: that is free."""
        of_model = ModelPrice(input=0, output=0) if self.backend == "extractive" else self.prices.get(self.model)
        if of_model is None:
            return None
        return Price(input=of_model.input, output=of_model.output, currency=self.currency)


class VerificationSettings(Section):
    """When a sentence may leave."""

    support_threshold: float = Field(0.6, ge=0, le=1)


class AnswerSettings(Section):
    """When a question is answered at all, and how long what was written is kept for who asks the same."""

    answerability_threshold: float = Field(0.32, ge=0, le=1)
    cache_entries: int = Field(1000, ge=0, description="written answers kept in memory, by process; 0: none")
    cache_bytes: int = Field(16 * 1024 * 1024, ge=0, description="memory that they take at most")
    cache_s: float = Field(300.0, gt=0, description="how long one is kept")
