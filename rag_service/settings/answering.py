"""Sections about answers: how texts are embedded and found, and what may be said of them."""

from typing import Literal

from pydantic import Field, SecretStr

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
