"""Rules of the Embedder port; the real model is loaded once for all of them."""

import asyncio
import hashlib
import json
import math
import shutil
from collections.abc import Mapping, Sequence
from pathlib import Path

import httpx
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import SecretStr
from tokenizers import Tokenizer

from rag_service.domain.fingerprints import EmbedderFingerprint
from rag_service.domain.ids import TenantId
from rag_service.embedding import model_folder, onnx_runtime
from rag_service.embedding.hashing import HashingEmbedder
from rag_service.embedding.kept import KeptEmbedder
from rag_service.embedding.local import LocalEmbedder, batches_of, even_budget
from rag_service.embedding.model_folder import PACKAGED_WEIGHTS_SHA256, ModelFolder, packaged_folder
from rag_service.embedding.onnx_files import graph_file, mark_intact
from rag_service.embedding.onnx_runtime import OnnxRuntime
from rag_service.embedding.openai_compatible import OpenAIEmbedder
from rag_service.embedding.tokens import ModelTokenCounter
from rag_service.embedding.torch_runtime import TorchRuntime
from rag_service.errors import EmbedderUnavailable, Misconfigured
from rag_service.ports.embedder import Embedder
from rag_service.ports.vectors import DenseVector
from rag_service.settings import EmbeddingSettings

LONG = "The engine turns the shaft, and the shaft turns the wheel. " * 60
COUNT = ModelTokenCounter()
PASSAGES = ["A cat sat on the mat.", "Interest rates rose again in March.", "", LONG, "東京は日本の首都です。", "cat"]


@pytest.fixture(scope="module")
def torch_model() -> LocalEmbedder:
    return LocalEmbedder(EmbeddingSettings(batch_tokens=512), TorchRuntime())


@pytest.fixture(scope="module")
def onnx_model() -> LocalEmbedder:
    return LocalEmbedder(EmbeddingSettings(batch_tokens=512), OnnxRuntime())


@pytest.fixture(params=["hashing", "onnx_model", "torch_model", "openai"])
def embedder(request: pytest.FixtureRequest) -> Embedder:
    match request.param:
        case "hashing":
            return HashingEmbedder(64)
        case "openai":
            return endpoint(answer_like_openai)
        case _:
            model: Embedder = request.getfixturevalue(request.param)
            return model


def endpoint(reply: object, *, dimensions: int = 4) -> OpenAIEmbedder:
    settings = EmbeddingSettings(
        backend="openai", base_url="http://127.0.0.1/v1", model="m", api_key=SecretStr("k"), dimensions=dimensions
    )
    return OpenAIEmbedder(settings, transport=httpx.MockTransport(reply))


def answer_like_openai(request: httpx.Request) -> httpx.Response:
    texts = json.loads(request.content)["input"]
    digests = [hashlib.sha256(text.encode()).digest() for text in texts]
    rows = [{"index": place, "embedding": [byte + 1.0 for byte in digest[:4]]} for place, digest in enumerate(digests)]
    return httpx.Response(200, json={"data": rows[::-1]})


async def test_rows_are_unit_vectors_in_order(embedder: Embedder) -> None:
    rows = await embedder.embed_passages(PASSAGES)
    alone = await embedder.embed_passages(PASSAGES[1:2])

    assert rows.shape == (len(PASSAGES), embedder.fingerprint.dimensions) and rows.dtype == np.float32
    assert np.linalg.norm(rows, axis=1) == pytest.approx(np.ones(len(PASSAGES)), abs=1e-5)
    assert float(rows[1] @ alone[0]) >= 0.99999


async def test_a_vector_does_not_depend_on_its_batch(embedder: Embedder) -> None:
    together = await embedder.embed_passages(PASSAGES * 3)

    alone = np.concatenate([await embedder.embed_passages([text]) for text in PASSAGES])

    assert (np.sum(together * np.tile(alone, (3, 1)), axis=1) >= 0.99999).all()


async def test_a_query_is_one_unit_vector(embedder: Embedder) -> None:
    vector = await embedder.embed_query("Where did the cat sit?")

    assert vector.shape == (embedder.fingerprint.dimensions,) and vector.dtype == np.float32
    assert np.linalg.norm(vector) == pytest.approx(1, abs=1e-5)


async def test_questions_that_come_together_have_the_vectors_that_they_have_alone(embedder: Embedder) -> None:
    alone = [await embedder.embed_query(text) for text in PASSAGES]

    together = await asyncio.gather(*(embedder.embed_query(text) for text in PASSAGES * 4))

    cosines = [float(vector @ alone[place % len(PASSAGES)]) for place, vector in enumerate(together)]
    assert min(cosines) >= 0.99999


async def test_no_texts_give_no_rows(embedder: Embedder) -> None:
    assert (await embedder.embed_passages([])).shape == (0, embedder.fingerprint.dimensions)


async def test_warming_up_twice_does_no_harm(embedder: Embedder) -> None:
    await embedder.warm_up()
    await embedder.warm_up()


async def test_the_nearer_meaning_is_nearer(onnx_model: LocalEmbedder) -> None:
    cat, rates = await onnx_model.embed_passages(PASSAGES[:2])

    query = await onnx_model.embed_query("a pet on a carpet")

    assert query @ cat > query @ rates


def test_the_fingerprint_is_known_without_the_weights() -> None:
    fingerprint = LocalEmbedder(EmbeddingSettings(), TorchRuntime()).fingerprint

    assert fingerprint == EmbedderFingerprint(
        model="all-MiniLM-L6-v2",
        revision=PACKAGED_WEIGHTS_SHA256,
        dimensions=384,
        backend="torch",
        dtype="float32",
        pooling="mean",
        normalised=True,
        max_tokens=256,
    )


async def test_other_weights_than_the_known_ones_are_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "model.safetensors").write_bytes(b"not the weights")
    for name in ("modules.json", "config.json", "tokenizer.json"):
        (tmp_path / name).symlink_to(packaged_folder() / name)
    monkeypatch.setattr(model_folder, "packaged_folder", lambda: tmp_path)

    with pytest.raises(Misconfigured, match="not the known ones"):
        await LocalEmbedder(EmbeddingSettings(), TorchRuntime()).warm_up()


async def test_the_graph_gives_the_models_own_vectors(onnx_model: LocalEmbedder, torch_model: LocalEmbedder) -> None:
    ours, theirs = [await model.embed_passages(PASSAGES) for model in (onnx_model, torch_model)]

    assert (np.sum(ours * theirs, axis=1) >= 0.99999).all()


async def test_a_damaged_graph_is_written_anew(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, onnx_model: LocalEmbedder
) -> None:
    settings = EmbeddingSettings(onnx_dir=str(tmp_path))
    whole = graph_file(EmbeddingSettings(), ModelFolder(settings.model))
    damaged = graph_file(settings, ModelFolder(settings.model))
    damaged.write_bytes(b"half a graph")
    mark_intact(damaged, whole)
    monkeypatch.setattr(onnx_runtime, "_export", lambda: shutil.copy(whole, damaged))

    vector = await LocalEmbedder(settings, OnnxRuntime()).embed_query("cat")

    assert vector @ await onnx_model.embed_query("cat") >= 0.99999


def test_a_folder_that_cannot_be_written_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from rag_service.embedding import onnx_export  # brings torch along

    (tmp_path / "file").write_text("in the way")
    monkeypatch.setenv("RAG_EMBEDDING__ONNX_DIR", str(tmp_path / "file"))

    with pytest.raises(SystemExit, match="RAG_EMBEDDING__ONNX_DIR"):
        onnx_export.main()


async def test_a_model_in_a_folder_is_used_as_it_is(torch_model: LocalEmbedder) -> None:
    other = LocalEmbedder(EmbeddingSettings(model=str(packaged_folder())), TorchRuntime())

    assert other.fingerprint.revision != PACKAGED_WEIGHTS_SHA256 and other.fingerprint.dimensions == 384
    assert float(await other.embed_query("cat") @ await torch_model.embed_query("cat")) >= 0.99999


def test_batches_stay_within_the_budget_and_keep_each_place_once() -> None:
    lengths = [5, 100, 7, 300, 5, 60]

    batches = list(batches_of(lengths, budget=120))

    assert sorted(place for batch in batches for place in batch) == list(range(6))
    assert all(len(batch) == 1 or len(batch) * max(lengths[place] for place in batch) <= 120 for batch in batches)


@given(st.integers(0, 10**6), st.integers(64, 4096), st.integers(1, 16))
def test_batches_are_even_and_no_larger_than_allowed(tokens: int, most: int, parallel: int) -> None:
    budget = even_budget(tokens, most=most, parallel=parallel)

    rounds = max(1, math.ceil(tokens / (most * parallel)))
    assert 1 <= budget <= most
    assert math.ceil(tokens / budget) <= rounds * parallel


def test_tokens_are_counted_beyond_what_the_model_reads() -> None:
    assert COUNT("a cat") == 2
    assert COUNT(LONG) > 256


@pytest.fixture(scope="module")
def packaged_tokenizer() -> Tokenizer:
    tokenizer = Tokenizer.from_file(str(packaged_folder() / "tokenizer.json"))
    tokenizer.no_truncation()
    tokenizer.no_padding()
    return tokenizer


@given(st.text(max_size=60) | st.text(alphabet="aé \u0301\u3000\x1c\t東.-'[MASK]", max_size=60))
def test_a_count_is_the_tokenizers(packaged_tokenizer: Tokenizer, text: str) -> None:
    assert COUNT(text) == len(packaged_tokenizer.encode(text, add_special_tokens=False))


def test_a_folder_without_tokenizer_is_refused(tmp_path: Path) -> None:
    with pytest.raises(Misconfigured, match=r"tokenizer\.json"):
        ModelTokenCounter(ModelFolder(str(tmp_path)))("a cat")


def test_a_model_that_knows_prompts_has_them_in_its_fingerprint(tmp_path: Path) -> None:
    prompts = {"prompts": {"query": "query: ", "passage": "passage: "}}
    (tmp_path / "config_sentence_transformers.json").write_text(json.dumps(prompts))
    (tmp_path / "config.json").write_text('{"hidden_size": 8}')

    fingerprint = LocalEmbedder(EmbeddingSettings(model=str(tmp_path)), TorchRuntime()).fingerprint

    assert (fingerprint.query_prefix, fingerprint.passage_prefix, fingerprint.dimensions) == ("query: ", "passage: ", 8)


@pytest.mark.parametrize(
    "reply",
    [
        httpx.Response(503),
        httpx.Response(200, text="<html>"),
        httpx.Response(200, json={"data": []}),
        httpx.Response(200, json={"data": [{"index": 0, "embedding": [0, 0, 0, 0]}]}),
    ],
)
async def test_an_endpoint_that_sends_no_embedding_is_unavailable(reply: httpx.Response) -> None:
    with pytest.raises(EmbedderUnavailable):
        await endpoint(lambda _: reply).embed_query("cat")


async def test_an_endpoint_that_cannot_be_reached_is_unavailable() -> None:
    def refuse(request: httpx.Request) -> httpx.Response:
        raise httpx.ConnectError("refused", request=request)

    with pytest.raises(EmbedderUnavailable, match="ConnectError"):
        await endpoint(refuse).embed_query("cat")


async def test_an_endpoint_with_other_dimensions_is_a_wrong_setting() -> None:
    with pytest.raises(Misconfigured, match="4 dimensions"):
        await endpoint(answer_like_openai, dimensions=8).embed_query("cat")


class Shelf:
    """KeptVectors in a dict."""

    def __init__(self) -> None:
        self.rows: dict[tuple[str, str, str], DenseVector] = {}

    async def find(self, tenant_id: str, embedder: str, hashes: Sequence[str]) -> dict[str, DenseVector]:
        found = {digest: self.rows.get((tenant_id, embedder, digest)) for digest in hashes}
        return {digest: row for digest, row in found.items() if row is not None}

    async def keep(self, tenant_id: str, embedder: str, vectors: Mapping[str, DenseVector]) -> None:
        self.rows |= {(tenant_id, embedder, digest): row for digest, row in vectors.items()}


async def test_a_text_is_embedded_once_per_tenant() -> None:
    kept = KeptEmbedder(embedder=HashingEmbedder(16), kept=Shelf())

    await kept.embed(TenantId("a"), ["cat", "dog", "cat"])
    await kept.embed(TenantId("a"), ["dog", "bird"])
    assert kept.newly_embedded == 3

    await kept.embed(TenantId("b"), ["cat"])
    assert kept.newly_embedded == 4


async def test_kept_vectors_come_back_in_the_order_of_the_texts() -> None:
    embedder = HashingEmbedder(64)
    kept = KeptEmbedder(embedder=embedder, kept=Shelf())
    await kept.embed(TenantId("a"), ["dog"])

    rows = await kept.embed(TenantId("a"), ["cat", "dog", "cat"])

    assert np.array_equal(rows, await embedder.embed_passages(["cat", "dog", "cat"]))
    assert (await kept.embed(TenantId("a"), [])).shape == (0, 64)
