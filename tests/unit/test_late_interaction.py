"""How near a passage is to a query, token by token."""

import asyncio

import numpy as np
import pytest
from tokenizers import Tokenizer
from tokenizers.models import WordLevel

from rag_service.embedding.onnx_tokens import OnnxTokenEmbedder, telling_weights
from rag_service.errors import EmbedderUnavailable, RerankerUnavailable
from rag_service.ports.token_embedder import TokenVectors
from rag_service.reranking.late_interaction import LateInteractionReranker, is_known, nearness
from rag_service.settings import EmbeddingSettings

ALONG, ACROSS = (1.0, 0.0), (0.0, 1.0)


def tokens(*rows: tuple[float, float], weights: tuple[float, ...] = ()) -> TokenVectors:
    return TokenVectors(
        vectors=np.array(rows, dtype=np.float32).reshape(-1, 2),
        weights=np.array(weights or [1.0] * len(rows), dtype=np.float32),
    )


def vocabulary(*pieces: str) -> Tokenizer:
    return Tokenizer(WordLevel({piece: place for place, piece in enumerate(pieces)}, unk_token=pieces[0]))


class Prepared:
    """Has the tokens of texts that are named by their place."""

    name = "prepared"

    def __init__(self, *known: TokenVectors) -> None:
        self.known = known

    async def embed_tokens(self, text: str) -> TokenVectors:
        return self.known[int(text)]


class Broken:
    name = "broken"

    async def embed_tokens(self, text: str) -> TokenVectors:
        raise EmbedderUnavailable("no model")


class Endless:
    """Embeds the query and the first text, and never the others."""

    name = "endless"

    def __init__(self) -> None:
        self.asked: list[str] = []

    async def embed_tokens(self, text: str) -> TokenVectors:
        self.asked.append(text)
        if len(self.asked) > 2:
            await asyncio.Event().wait()
        return tokens(ALONG)


def test_each_token_of_the_query_takes_the_nearest_of_the_passage() -> None:
    assert nearness(tokens(ALONG, ACROSS), tokens(ACROSS, ALONG, (-1.0, 0.0))) == pytest.approx(1.0)
    assert nearness(tokens(ALONG, ACROSS), tokens(ALONG)) == pytest.approx(0.5)


def test_a_token_that_tells_more_counts_more() -> None:
    assert nearness(tokens(ALONG, ACROSS, weights=(0.75, 0.25)), tokens(ALONG)) == pytest.approx(0.75)


def test_a_passage_without_tokens_is_the_farthest() -> None:
    assert nearness(tokens(ALONG), tokens()) == -1.0


@pytest.mark.parametrize("query", [tokens(), tokens(ALONG, ALONG, ACROSS, weights=(0.9, 0.0, 0.0))])
async def test_words_that_the_model_does_not_know_leave_all_passages_equal(query: TokenVectors) -> None:
    embedder = Prepared(query, tokens(ALONG), tokens(ACROSS))

    scores = [part async for part in LateInteractionReranker(embedder).scores("0", ["1", "2"])]

    assert scores == [[0.0, 0.0]]


@pytest.mark.parametrize("query", ["متى تأسست الجامعة؟", "大学是什么时候成立的？"])
async def test_a_model_of_english_does_not_know_other_scripts(query: str) -> None:
    embedder = OnnxTokenEmbedder(EmbeddingSettings(), window_tokens=32)

    assert not is_known(await embedder.embed_tokens(query))
    assert is_known(await embedder.embed_tokens("Wann wurde die Universität gegründet?"))
    await embedder.aclose()


def test_a_piece_tells_more_the_later_it_stands_in_the_vocabulary() -> None:
    weights = telling_weights(vocabulary("[UNK]", "?", "the", "of", "##x", "port", "turbine"))

    assert weights[[0, 1, 4]].tolist() == [0.0, 0.0, 0.0]
    assert 0 < weights[2] < weights[3] < weights[5] < weights[6] == 1.0


def test_in_a_vocabulary_of_another_language_all_pieces_tell_the_same() -> None:
    assert telling_weights(vocabulary("[UNK]", "der", "die")).tolist() == [1.0, 1.0, 1.0]


async def test_what_a_reader_leaves_is_not_embedded_further() -> None:
    embedder = Endless()
    scores = LateInteractionReranker(embedder).scores("q", ["a", "b", "c"])

    assert await anext(scores) == [pytest.approx(1.0)]
    await scores.aclose()

    assert len(asyncio.all_tasks()) == 1


async def test_a_model_that_cannot_be_loaded_makes_the_reranker_unavailable() -> None:
    with pytest.raises(RerankerUnavailable, match="no model"):
        await LateInteractionReranker(Broken()).warm_up()


async def test_the_embedding_model_knows_a_word_by_its_neighbours() -> None:
    embedder = OnnxTokenEmbedder(EmbeddingSettings(), window_tokens=32)
    texts = ["Deposit the cheque at the bank.", "We sat on the bank of the river."]

    scores = [part[0] async for part in LateInteractionReranker(embedder).scores("money in a bank account", texts)]

    assert scores[0] > scores[1]
    await embedder.aclose()


async def test_a_long_text_is_cut_at_the_window() -> None:
    embedder = OnnxTokenEmbedder(EmbeddingSettings(), window_tokens=16)

    found = await embedder.embed_tokens("word " * 100)

    assert found.vectors.shape == (14, 384) and found.weights.shape == (14,)
    assert np.linalg.norm(found.vectors, axis=1) == pytest.approx(1.0, abs=1e-5)
    await embedder.aclose()
