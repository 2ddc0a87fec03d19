"""What every Verifier keeps."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rag_service.embedding.hashing import HashingEmbedder
from rag_service.ports.verifier import Claim, Verifier
from rag_service.settings import VerificationSettings
from rag_service.verification.lexical import LexicalVerifier
from tests.faulty_parts import FaultyEmbedder, Mood

THRESHOLD = VerificationSettings().support_threshold
SOURCE = (
    "An index is updated without downtime by building a copy beside it. In 2024 the copy took 98 seconds to build, "
    "and Dr. Ada Byron swapped the folders. Some readers never noticed the switch."
)


@pytest.fixture(params=["lexical", "lexical with embedder"])
def verifier(request: pytest.FixtureRequest) -> Verifier:
    return LexicalVerifier(HashingEmbedder() if "embedder" in request.param else None)


async def supported(verifier: Verifier, text: str, evidence: str = SOURCE) -> bool:
    [score] = await verifier.support([Claim(text=text, evidence=evidence)])
    return score >= THRESHOLD


async def test_a_verbatim_claim_has_full_support(verifier: Verifier) -> None:
    claim = Claim(text="In 2024 the copy took 98 seconds  to build", evidence=SOURCE)

    assert await verifier.support([claim]) == [1.0]


async def test_without_the_embedder_the_words_are_weighed_as_they_are_by_rules_alone() -> None:
    embedder = FaultyEmbedder(HashingEmbedder())
    embedder.mood = Mood.REFUSING
    claims = [Claim(text="The copy needed 98 seconds in 2024.", evidence=SOURCE)]

    assert await LexicalVerifier(embedder).support(claims) == await LexicalVerifier().support(claims)


async def test_scores_come_in_the_order_of_the_claims(verifier: Verifier) -> None:
    claims = [
        Claim(text=text, evidence=SOURCE) for text in ("Bananas are yellow.", "Some readers never noticed", "Pears.")
    ]

    scores = await verifier.support(claims)

    assert scores[1] == 1.0
    assert max(scores[0], scores[2]) < THRESHOLD


async def test_nothing_asked_is_nothing_answered(verifier: Verifier) -> None:
    assert await verifier.support([]) == []


@pytest.mark.parametrize(
    "text",
    [
        "You can update an index without downtime by building a copy of it.",
        "The copy took 98 seconds to build in 2024.",
        "Ada Byron swapped the folders.",
    ],
)
async def test_a_rewording_is_supported(verifier: Verifier, text: str) -> None:
    assert await supported(verifier, text)


@pytest.mark.parametrize(
    "text",
    [
        "An index can be updated with a custom thread-safe queue that buffers all writes.",
        "In 2024 the copy took 89 seconds to build.",
        "In 2025 the copy took 98 seconds to build.",
        "Dr. Grace Hopper swapped the folders.",
        "An index is not updated without downtime by building a copy beside it.",
        "All readers noticed the switch.",
        "Building a copy is expensive and needs twice the memory of the machine.",
    ],
)
async def test_an_invention_is_not_supported(verifier: Verifier, text: str) -> None:
    assert not await supported(verifier, text)


@settings(deadline=None, max_examples=60)
@given(st.text(max_size=80), st.text(max_size=80))
async def test_every_score_lies_between_0_and_1(text: str, evidence: str) -> None:
    [score] = await LexicalVerifier().support([Claim(text=text, evidence=evidence)])

    assert 0 <= score <= 1
