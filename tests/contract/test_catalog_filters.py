"""Documents by what is known of them: as of a version, inside the scope, and as the pure evaluation has it."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import timedelta
from random import Random

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from rag_service.catalog.sql_catalog import SqlCatalog
from rag_service.domain.access import AccessScope
from rag_service.domain.documents import Attributes
from rag_service.domain.drafts import DraftChange
from rag_service.domain.filters import (
    ORDERINGS,
    Comparison,
    Compound,
    Connective,
    Filter,
    Operator,
    Scalar,
    constant_of,
    known_of,
    matches,
    parse_filter,
)
from rag_service.domain.ids import CorpusId, DocumentId
from rag_service.domain.uploads import NewUpload
from rag_service.domain.versions import Member
from tests.contract.catalog_values import (
    CORPUS,
    ELSEWHERE,
    READER,
    START,
    STRANGER,
    SYSTEM,
    add_corpus,
    hold,
    new_upload,
    prepared,
    publish_in,
    remove,
    seal,
    seal_in,
)

KEYS = ("year", "topic", "o'clock \"$.[0]", "language", "filename", "created_at")
WORDS = ("", "a", "ab", "B", "é", "z", "10", "true", "a.md", "\U0001f427", "de", "%_\\")
NUMBERS = (-1.5, 0.0, 1.0, 10.0, 2026.0, 1e300, START.timestamp())

texts = st.sampled_from(WORDS)
numbers = st.sampled_from(NUMBERS)
scalars = st.one_of(texts, numbers, st.booleans())
AtRandom = tuple[SqlCatalog, dict[DocumentId, dict[str, Scalar]]]


@st.composite
def comparisons(draw: st.DrawFn) -> Comparison:
    operator = draw(st.sampled_from(Operator))
    value = st.one_of(texts, numbers) if operator in ORDERINGS else scalars
    many = operator in {Operator.IN, Operator.NIN}
    values = draw(st.lists(value, min_size=0 if many else 1, max_size=3 if many else 1))
    key = draw(st.sampled_from((*KEYS, "document_key", "content_type", "absent")))
    return Comparison(operator=operator, key=key, constants=tuple(map(constant_of, values)))


filters: st.SearchStrategy[Filter] = st.recursive(
    comparisons(),
    lambda inner: st.builds(
        Compound,
        connective=st.sampled_from(Connective),
        filters=st.lists(inner, min_size=1, max_size=3).map(tuple),
    ),
    max_leaves=5,
)


async def publish_with(catalog: SqlCatalog, attributes: Mapping[str, Attributes], number: int = 1) -> None:
    """Publish documents, or new revisions of them, with these attributes."""
    uploads = [(new_upload(name, number), mine) for name, mine in attributes.items()]
    described = [replace(one, revision=replace(one.revision, attributes=mine)) for one, mine in uploads]
    await publish_uploads(catalog, described, [None] * len(described))


async def publish_uploads(catalog: SqlCatalog, uploads: Sequence[NewUpload], languages: Sequence[str | None]) -> None:
    members = [Member(document_id=one.document.id, revision=one.revision.number) for one in uploads]
    read = [
        replace(prepared(one.document_id, one.revision), language=each)
        for one, each in zip(members, languages, strict=True)
    ]
    async with catalog.writing() as tx:
        await tx.uploads.add(SYSTEM, CORPUS, uploads)
        draft = await tx.drafts.automatic(SYSTEM, CORPUS, START)
        changes = [DraftChange(document_id=one.document_id, revision=one.revision) for one in members]
        await tx.drafts.set_changes(SYSTEM, draft.id, changes)
        await tx.documents.mark_prepared(SYSTEM, read)
        await publish_in(tx, await seal_in(tx, draft.id))


async def matching(
    catalog: SqlCatalog, raw: object, *, scope: AccessScope = READER, version: int = 1, corpus_id: CorpusId = CORPUS
) -> set[str]:
    async with catalog.reading() as tx:
        found = await tx.documents.matching(scope, corpus_id, version, parse_filter(raw))
    return {document_id.removeprefix("doc_") for document_id in found}


def eq(key: str, value: object) -> dict[str, object]:
    return {"type": "eq", "key": key, "value": value}


@pytest.fixture
async def catalog(catalog: SqlCatalog) -> SqlCatalog:
    await add_corpus(catalog)
    return catalog


@pytest.fixture
async def at_random(catalog: SqlCatalog) -> AtRandom:
    return catalog, await publish_at_random(catalog, [f"{number}" for number in range(80)])


@pytest.mark.parametrize(
    ("raw", "found"),
    [
        (eq("year", 2025), {"a"}),
        (eq("year", "2025"), {"c"}),
        (eq("final", True), {"b"}),
        (eq("final", 1), set()),
        ({"type": "ne", "key": "year", "value": 2025}, {"b", "c", "d"}),
        ({"type": "gte", "key": "year", "value": 2025}, {"a", "b"}),
        ({"type": "lt", "key": "year", "value": "2026"}, {"c"}),
        ({"type": "in", "key": "year", "value": [2026, "2025"]}, {"b", "c"}),
        ({"type": "nin", "key": "year", "value": [2026, "2025"]}, {"a", "d"}),
        ({"type": "in", "key": "year", "value": []}, set()),
        ({"type": "or", "filters": [eq("year", 2025), eq("final", True)]}, {"a", "b"}),
        ({"type": "and", "filters": [eq("year", 2025), eq("final", True)]}, set()),
        (eq("filename", "d.md"), {"d"}),
        (eq("document_key", "a.md"), {"a"}),
        (eq("content_type", "text/html"), set()),
        ({"type": "gte", "key": "created_at", "value": START.timestamp()}, {"a", "b", "c", "d"}),
        ({"type": "gt", "key": "created_at", "value": START.timestamp()}, set()),
        (eq("nobody's key", "x"), set()),
    ],
)
async def test_values_are_compared_with_those_of_their_kind(catalog: SqlCatalog, raw: object, found: set[str]) -> None:
    await publish_with(
        catalog, {"a": {"year": 2025.0}, "b": {"year": 2026.0, "final": True}, "c": {"year": "2025"}, "d": {}}
    )

    assert await matching(catalog, raw) == found


async def test_attributes_are_those_of_the_revision_at_the_version(catalog: SqlCatalog) -> None:
    await publish_with(catalog, {"a": {"state": "draft"}})
    await publish_with(catalog, {"a": {"state": "final"}}, number=2)

    assert [await matching(catalog, eq("state", "draft"), version=number) for number in (1, 2)] == [{"a"}, set()]
    assert [await matching(catalog, eq("state", "final"), version=number) for number in (1, 2)] == [set(), {"a"}]


async def test_a_removed_document_matches_at_the_version_before(catalog: SqlCatalog) -> None:
    await publish_with(catalog, {"a": {"lang": "en"}})
    await seal(catalog, await remove(catalog, "a"))

    assert [await matching(catalog, eq("lang", "en"), version=number) for number in (1, 2)] == [{"a"}, set()]


async def test_a_document_in_no_version_does_not_match(catalog: SqlCatalog) -> None:
    await publish_with(catalog, {"a": {}})
    await hold(catalog, "b")

    assert await matching(catalog, {"type": "ne", "key": "x", "value": "y"}, scope=SYSTEM) == {"a"}


@pytest.mark.parametrize("version", [0, 2**60, 10**30, -1])
async def test_nothing_matches_at_versions_that_are_none(catalog: SqlCatalog, version: int) -> None:
    await publish_with(catalog, {"a": {"lang": "en"}})

    assert await matching(catalog, eq("lang", "en"), version=version) == set()


@pytest.mark.parametrize("scope", [STRANGER, ELSEWHERE, replace(READER, principals=frozenset())])
async def test_nothing_outside_the_scope_matches(catalog: SqlCatalog, scope: AccessScope) -> None:
    await publish_with(catalog, {"a": {"lang": "en"}})

    assert await matching(catalog, eq("lang", "en"), scope=scope) == set()


async def test_rights_that_are_withdrawn_hide_a_document_from_filters(catalog: SqlCatalog) -> None:
    await publish_with(catalog, {"a": {"lang": "en"}, "b": {"lang": "en"}})
    async with catalog.writing() as tx:
        await tx.documents.grant(SYSTEM, DocumentId("doc_a"), frozenset({"hr"}))

    assert await matching(catalog, eq("lang", "en")) == {"b"}


async def test_another_corpus_is_not_looked_into(catalog: SqlCatalog) -> None:
    await publish_with(catalog, {"a": {"lang": "en"}})

    assert await matching(catalog, eq("lang", "en"), corpus_id=CorpusId("vs_other")) == set()


async def publish_at_random(catalog: SqlCatalog, names: Sequence[str]) -> dict[DocumentId, dict[str, Scalar]]:
    """Publish documents of which this is known."""
    chance = Random(7)  # noqa: S311  (not for secrets)
    values = (*WORDS, *NUMBERS, True, False)
    uploads = [
        replace(
            made := new_upload(name),
            revision=replace(
                made.revision,
                attributes={key: chance.choice(values) for key in chance.sample(KEYS, chance.randint(0, 4))},
                created_at=START + timedelta(seconds=chance.choice([-1.5, -0.000001, 0, 0.9999999, 1, 3600])),
            ),
        )
        for name in names
    ]
    languages = [chance.choice([None, "de", "en"]) for _ in names]
    await publish_uploads(catalog, uploads, languages)
    pairs = zip(uploads, languages, strict=True)
    return {one.document.id: known_of(one.document, replace(one.revision, language=each)) for one, each in pairs}


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(wanted=filters)
async def test_the_database_agrees_with_the_pure_evaluation(at_random: AtRandom, wanted: Filter) -> None:
    catalog, known = at_random

    async with catalog.reading() as tx:
        found = await tx.documents.matching(READER, CORPUS, 1, wanted)

    assert found == {document_id for document_id, facts in known.items() if matches(wanted, facts)}
