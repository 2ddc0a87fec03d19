"""Rules of the Reranker port."""

import math
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import aclosing
from pathlib import Path

import pytest
from pydantic import SecretStr

from rag_service.embedding.model_folder import packaged_folder
from rag_service.embedding.onnx_tokens import OnnxTokenEmbedder
from rag_service.errors import Misconfigured, RerankerUnavailable
from rag_service.ports.reranker import Reranker
from rag_service.reranking.cross_encoder import CrossEncoderReranker
from rag_service.reranking.endpoint import RerankEndpoint
from rag_service.reranking.late_interaction import LateInteractionReranker
from rag_service.reranking.word_overlap import WordOverlapReranker
from rag_service.settings import EmbeddingSettings, RerankSettings
from tests.rerank_server import RerankServer, rerank_server

QUERY = "When do dogs bark?"
TEXTS = ["A turbine turns.", "Dogs bark at night.", "", "Dogs bark at night.", "Fire and water. " * 200]


@pytest.fixture(scope="module")
def small_cross_encoder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A cross-encoder of one tiny layer with random weights."""
    from transformers import BertConfig, BertForSequenceClassification, PreTrainedTokenizerFast, set_seed

    folder = tmp_path_factory.mktemp("cross-encoder")
    set_seed(1)
    config = BertConfig(hidden_size=16, num_hidden_layers=1, num_attention_heads=2, intermediate_size=16, num_labels=1)
    BertForSequenceClassification(config).save_pretrained(folder)
    tokenizer = PreTrainedTokenizerFast(
        tokenizer_file=str(packaged_folder() / "tokenizer.json"),
        pad_token="[PAD]",
        sep_token="[SEP]",
        cls_token="[CLS]",
    )
    tokenizer.save_pretrained(folder)
    return folder


@pytest.fixture
def server() -> Iterator[RerankServer]:
    with rerank_server() as started:
        yield started


@pytest.fixture(scope="module")
def tokens() -> OnnxTokenEmbedder:
    return OnnxTokenEmbedder(EmbeddingSettings(), window_tokens=64)


@pytest.fixture(params=["words", "late_interaction", "cross_encoder", "endpoint"])
async def reranker(request: pytest.FixtureRequest) -> AsyncIterator[Reranker]:
    match request.param:
        case "words":
            yield WordOverlapReranker()
        case "late_interaction":
            yield LateInteractionReranker(request.getfixturevalue("tokens"))
        case "cross_encoder":
            model = cross_encoder(request.getfixturevalue("small_cross_encoder"))
            yield model
            await model.aclose()
        case "endpoint":
            endpoint = endpoint_of(request.getfixturevalue("server"))
            yield endpoint
            await endpoint.aclose()


def cross_encoder(folder: Path | str) -> CrossEncoderReranker:
    return CrossEncoderReranker(RerankSettings(backend="cross_encoder", model=str(folder), window_tokens=64))


def endpoint_of(server: RerankServer) -> RerankEndpoint:
    return RerankEndpoint(
        RerankSettings(
            backend="endpoint", base_url=server.base_url, model="m", api_key=SecretStr("k"), window_tokens=16
        )
    )


async def all_scores(reranker: Reranker, texts: Sequence[str]) -> list[float]:
    return [score async for part in reranker.scores(QUERY, texts) for score in part]


async def test_every_text_has_one_finite_score(reranker: Reranker) -> None:
    scores = await all_scores(reranker, TEXTS)

    assert len(scores) == len(TEXTS) and all(map(math.isfinite, scores))


async def test_equal_texts_have_equal_scores(reranker: Reranker) -> None:
    scores = await all_scores(reranker, TEXTS)

    assert scores[1] == pytest.approx(scores[3], abs=1e-5)


async def test_a_score_does_not_depend_on_the_texts_beside_it(reranker: Reranker) -> None:
    together = await all_scores(reranker, TEXTS)
    alone = [score for text in TEXTS for score in await all_scores(reranker, [text])]

    assert alone == pytest.approx(together, abs=1e-5)


async def test_no_text_has_no_score(reranker: Reranker) -> None:
    assert await all_scores(reranker, []) == []


async def test_who_has_no_more_time_stops_and_the_next_query_is_answered(reranker: Reranker) -> None:
    async with aclosing(reranker.scores(QUERY, TEXTS)) as parts:
        await anext(parts)

    assert len(await all_scores(reranker, TEXTS)) == len(TEXTS)


async def test_warming_up_may_be_repeated(reranker: Reranker) -> None:
    await reranker.warm_up()
    await reranker.warm_up()

    assert reranker.name


@pytest.mark.parametrize("kind", [CrossEncoderReranker, RerankEndpoint])
def test_a_backend_without_its_model_is_refused(kind: type[CrossEncoderReranker | RerankEndpoint]) -> None:
    with pytest.raises(Misconfigured, match="RAG_RERANK__MODEL"):
        kind(RerankSettings())


async def test_a_model_that_is_not_there_is_unavailable(tmp_path: Path) -> None:
    absent = cross_encoder(tmp_path / "absent")

    with pytest.raises(RerankerUnavailable, match="cannot be loaded"):
        await absent.warm_up()


async def test_an_endpoint_is_asked_once_for_all_with_model_and_key(server: RerankServer) -> None:
    await all_scores(endpoint_of(server), TEXTS)

    [body] = server.seen.bodies
    assert (server.seen.paths, server.seen.keys) == (["/v1/rerank"], ["Bearer k"])
    assert (body["model"], body["query"], body["documents"][:4]) == ("m", QUERY, TEXTS[:4])
    assert len(body["documents"][4]) == 128


async def test_scores_of_an_endpoint_are_put_into_the_order_of_the_texts(server: RerankServer) -> None:
    assert await all_scores(endpoint_of(server), TEXTS) == [0, 2, 0, 2, 0]


@pytest.mark.parametrize(
    "reply",
    [
        b"not JSON",
        [],
        {"results": [{"index": 0}]},
        {"results": [{"index": 0, "relevance_score": 1.0}]},
        {"results": [{"index": place, "relevance_score": "much"} for place in range(5)]},
        b'{"results": [' + b",".join(b'{"index": %d, "relevance_score": NaN}' % place for place in range(5)) + b"]}",
    ],
)
async def test_a_reply_without_a_score_for_each_text_is_no_reply(server: RerankServer, reply: object) -> None:
    server.reply = reply

    with pytest.raises(RerankerUnavailable, match="something else"):
        await all_scores(endpoint_of(server), TEXTS)


async def test_an_endpoint_that_refuses_is_unavailable(server: RerankServer) -> None:
    server.status = 429

    with pytest.raises(RerankerUnavailable, match="429"):
        await all_scores(endpoint_of(server), TEXTS)


async def test_an_endpoint_that_is_not_there_is_unavailable() -> None:
    with rerank_server() as gone:
        endpoint = endpoint_of(gone)

    with pytest.raises(RerankerUnavailable, match="cannot be reached"):
        await endpoint.warm_up()
