"""Erasing a document, a person or a corpus: from every version and build, from answers, files and the index."""

import json
from dataclasses import replace

import pytest

from ingestion.bootstrap import Worker
from rag_service.domain.access import AccessScope, Permission
from rag_service.domain.answers import Finished, Message, Question
from rag_service.domain.erasures import ErasureState, TombstoneKind
from rag_service.domain.filters import parse_filter
from rag_service.domain.ids import KeyId
from rag_service.errors import Gone, NotFound
from rag_service.ports.sparse_encoder import DocumentFrequencies, frequencies_of
from rag_service.signing.service_keys import is_signed_by
from tests.integration.desk import Desk
from tests.integration.erasing import ask, document_id, erase, finished, points, rows_with

SECRET = (
    "Quinces ripen slowly on the southern wall of the orchard that Marjorie Featherstone planted behind her "
    "grandmother's cottage."
)
DOCUMENTS = {"a": "Apples are red.", "b": "Bananas are yellow.", "quince": SECRET}


@pytest.fixture
async def desk(worker: Worker, admin: AccessScope) -> Desk:
    """Three versions: quinces come with the first, change in the third."""
    desk = Desk(worker=worker, admin=admin)
    await worker.container.create_corpus(admin, name=desk.corpus)
    await desk.publish(DOCUMENTS)
    await desk.publish({"a": "Apples are green."})
    await desk.publish({"quince": f"{SECRET} They smell of roses."})
    return desk


async def frequencies(desk: Desk, number: int) -> DocumentFrequencies:
    async with desk.worker.container.catalog.reading() as tx:
        corpus = await tx.corpora.get(desk.admin, desk.corpus)
        return await tx.versions.frequencies(desk.admin, corpus.id, number, corpus.fingerprint)


async def test_an_erased_document_is_in_no_version_any_more(desk: Desk) -> None:
    await erase(desk, "quince")

    assert [await desk.texts(at=number) for number in ("1", "2", "3")] == [
        {"Apples are red.", "Bananas are yellow."},
        {"Apples are green.", "Bananas are yellow."},
        {"Apples are green.", "Bananas are yellow."},
    ]


async def test_no_row_and_no_point_of_it_is_left(desk: Desk) -> None:
    before = await points(desk)

    await erase(desk, "quince")

    assert await rows_with(desk, "uince") == []
    assert await rows_with(desk, "Featherstone") == []
    assert before - await points(desk) == 2


async def test_nobody_sees_it_from_the_request_on(desk: Desk) -> None:
    erased = await document_id(desk, "quince")

    asked = await desk.worker.container.request_erasure.document(desk.admin, erased)

    assert asked.state is ErasureState.REQUESTED
    assert [await desk.texts(at=number) for number in ("1", "3")] == [
        {"Apples are red.", "Bananas are yellow."},
        {"Apples are green.", "Bananas are yellow."},
    ]
    with pytest.raises(NotFound):
        await desk.worker.container.read_revision_text(desk.admin, erased, 1)


async def test_asking_twice_gives_the_same_erasure(desk: Desk) -> None:
    request, erased = desk.worker.container.request_erasure, await document_id(desk, "quince")

    first = await request.document(desk.admin, erased)
    second = await request.document(desk.admin, erased)
    await finished(desk, first)

    assert first.id == second.id == (await request.document(desk.admin, erased)).id


async def test_the_receipt_counts_probes_and_is_signed(desk: Desk) -> None:
    done = await erase(desk, "quince")

    assert done.receipt and done.public_key and done.signature
    receipt = json.loads(done.receipt)
    assert receipt["removed"]["revisions"] == 2
    assert (receipt["removed"]["points"], receipt["removed"]["blobs"], receipt["removed"]["files"]) == (2, 2, 2)
    assert set(receipt["probes"].values()) == {0}
    assert {"points", "blobs", "chunks", "kept_vectors", "revision_texts", "answers"} <= receipt["probes"].keys()
    assert is_signed_by(done.public_key, done.receipt.encode(), done.signature)
    assert not is_signed_by(done.public_key, done.receipt.replace("2", "3").encode(), done.signature)


async def test_versions_count_what_is_left(desk: Desk) -> None:
    await erase(desk, "quince")

    parts = desk.worker.container
    async with parts.catalog.reading() as tx:
        corpus = await tx.corpora.get(desk.admin, desk.corpus)
        version = await tx.versions.get(desk.admin, corpus.id, 3)
    encoded = [parts.sparse_encoder.encode_passage(text) for text in ("Apples are green.", "Bananas are yellow.")]
    wanted, found = frequencies_of(encoded), await frequencies(desk, 3)
    assert (version.document_count, version.chunk_count, corpus.erasures) == (2, 2, 1)
    assert (found.chunk_count, found.terms.tolist(), found.counts.tolist()) == (
        wanted.chunk_count,
        wanted.terms.tolist(),
        wanted.counts.tolist(),
    )


async def test_the_next_version_is_sealed_as_if_it_had_never_been_there(desk: Desk) -> None:
    await erase(desk, "quince")

    await desk.publish({"d": "Dates are sweet."})

    assert await desk.texts() == {"Apples are green.", "Bananas are yellow.", "Dates are sweet."}


async def test_the_same_key_may_come_back_as_another_document(desk: Desk) -> None:
    erased = await document_id(desk, "quince")
    await erase(desk, "quince")

    await desk.publish({"quince": "Quinces are yellow."})

    assert await document_id(desk, "quince") != erased
    assert "Quinces are yellow." in await desk.texts()


async def test_the_same_key_is_free_before_the_worker_is_there(desk: Desk) -> None:
    asked = await desk.worker.container.request_erasure.document(desk.admin, await document_id(desk, "quince"))
    await desk.upload("quince", "Quinces are yellow.")

    await finished(desk, asked)

    assert await desk.texts() == {"Apples are green.", "Bananas are yellow.", "Quinces are yellow."}


async def test_bytes_and_vectors_that_another_document_has_too_stay(desk: Desk) -> None:
    await desk.publish({"copy": SECRET})

    done = await erase(desk, "quince")

    assert SECRET in await desk.texts()
    assert json.loads(done.receipt or "")["shared"] == {"blobs": 1, "files": 0, "kept_vectors": 1}
    kept = await desk.found("Quinces ripen slowly")
    assert kept[0][0] == SECRET


async def test_what_was_erased_is_told_to_those_who_could_see_it(desk: Desk) -> None:
    erased = await document_id(desk, "quince")
    done = await erase(desk, "quince")
    tell, read = desk.worker.container.tell_erased, desk.worker.container.read_revision_text

    with pytest.raises(Gone, match=done.id):
        async with tell(desk.admin, TombstoneKind.DOCUMENT, erased):
            await read(desk.admin, erased, 1)
    with pytest.raises(NotFound):
        async with tell(replace(desk.admin, principals=frozenset()), TombstoneKind.DOCUMENT, erased):
            await read(desk.admin, erased, 1)


async def test_answers_that_showed_it_go_and_others_stay(desk: Desk) -> None:
    about_quinces = await ask(desk, "Where do quinces ripen slowly?")
    small_talk = await ask(desk, "Hello!")
    assert "quince" in about_quinces.text.lower()

    done = await erase(desk, "quince")

    parts = desk.worker.container
    async with parts.catalog.reading() as tx:
        assert (await tx.answers.get(desk.admin, small_talk.id)).text == small_talk.text
    with pytest.raises(Gone, match=done.id):
        async with parts.tell_erased(desk.admin, TombstoneKind.ANSWER, about_quinces.id), parts.catalog.reading() as tx:
            await tx.answers.get(desk.admin, about_quinces.id)


async def test_answers_whose_conversation_holds_an_erased_answer_go(desk: Desk) -> None:
    first = await ask(desk, "Where do quinces ripen slowly?")
    turn = Message(role="assistant", content=f"  {first.text}\n")
    later = await ask(desk, "Hello!", earlier=(Message(role="user", content="Where?"), turn))

    await erase(desk, "quince")

    async with desk.worker.container.catalog.reading() as tx:
        with pytest.raises(NotFound):
            await tx.answers.get(desk.admin, later.id)
    assert await rows_with(desk, "Featherstone") == []


async def test_answers_that_repeat_a_run_of_its_words_go(desk: Desk) -> None:
    pasted = await ask(desk, "Hello!", earlier=(Message(role="user", content=f"I read: {SECRET.upper()}"),))
    stays = await ask(desk, "Hello!", earlier=(Message(role="user", content="I read about quinces and a cottage."),))

    await erase(desk, "quince")

    async with desk.worker.container.catalog.reading() as tx:
        await tx.answers.get(desk.admin, stays.id)
        with pytest.raises(NotFound):
            await tx.answers.get(desk.admin, pasted.id)


async def test_so_do_those_that_were_narrowed_by_a_run_of_its_words(desk: Desk) -> None:
    narrowed = parse_filter({"type": "in", "key": "topic", "value": [1, SECRET]})
    asked = Question(corpus=desk.corpus, messages=(Message(role="user", content="Which is red?"),), filters=narrowed)
    events = [event async for event in desk.worker.container.ask_question(desk.admin, asked)]

    await erase(desk, "quince")

    assert isinstance(events[-1], Finished) and events[-1].answer.searched_with is not None
    assert await rows_with(desk, "Featherstone") == []


async def test_an_answer_that_runs_meanwhile_is_not_kept(desk: Desk) -> None:
    with pytest.raises(Gone):
        await _ask_while(desk, "quince", carry_out=True)

    assert await rows_with(desk, "Featherstone") == []


async def test_an_answer_that_runs_between_request_and_removal_is_not_kept(desk: Desk) -> None:
    with pytest.raises(Gone):
        await _ask_while(desk, "quince", carry_out=False)


async def test_a_revision_that_is_being_prepared_goes_too(desk: Desk) -> None:
    await desk.upload("quince", "Quinces are hard and sour.")

    done = await erase(desk, "quince")

    assert json.loads(done.receipt or "")["removed"]["revisions"] == 3
    assert await rows_with(desk, "uince") == []


async def test_only_admins_of_the_whole_tenant_may_erase(desk: Desk) -> None:
    erased = await document_id(desk, "quince")
    publisher = replace(desk.admin, permissions=frozenset({Permission.PUBLISH, Permission.UPLOAD}))
    async with desk.worker.container.catalog.reading() as tx:
        corpus = await tx.corpora.get(desk.admin, desk.corpus)
    narrowed = replace(desk.admin, corpora=frozenset({corpus.id}))

    for scope in (publisher, narrowed):
        with pytest.raises(NotFound):
            await desk.worker.container.request_erasure.document(scope, erased)


async def test_a_person_goes_with_answers_and_feedback_and_others_stay(desk: Desk) -> None:
    parts = desk.worker.container
    ann, bob = (parts.act_for.name_of(desk.admin, name) for name in ("ann@example.org", "bob@example.org"))
    of_ann = await ask(desk, "Where does my friend Zebedee buy apples?", end_user=ann)
    of_bob = await ask(desk, "Are apples red?", end_user=bob)
    for scope, answer in ((replace(desk.admin, end_user=ann), of_ann), (replace(desk.admin, end_user=ann), of_ann)):
        await parts.give_feedback(scope, answer_id=answer.id, rating=1, comment="Zebedee likes it")

    done = await finished(desk, await parts.request_erasure.person(desk.admin, "ann@example.org"))

    assert await rows_with(desk, "Zebedee") == []
    assert json.loads(done.receipt or "")["removed"]["answers"] == 1
    assert json.loads(done.receipt or "")["removed"]["feedback"] == 1
    assert "ann@example.org" not in (done.receipt or "")
    async with parts.catalog.reading() as tx:
        await tx.answers.get(desk.admin, of_bob.id)
        with pytest.raises(NotFound):
            await tx.answers.get(desk.admin, of_ann.id)


async def test_a_person_may_come_back_and_be_erased_again(desk: Desk) -> None:
    parts = desk.worker.container
    ann = parts.act_for.name_of(desk.admin, "ann")
    first = await finished(desk, await parts.request_erasure.person(desk.admin, "ann"))

    await ask(desk, "Where is Zebedee?", end_user=ann)
    second = await finished(desk, await parts.request_erasure.person(desk.admin, "ann"))

    assert first.id != second.id
    assert json.loads(second.receipt or "")["removed"]["answers"] == 1


async def test_a_corpus_goes_as_a_whole_and_others_stay(desk: Desk) -> None:
    other = replace(desk, corpus="other")
    await desk.worker.container.create_corpus(desk.admin, name="other")
    await other.publish({"d": "Dates are sweet."})
    await ask(desk, "Where do quinces ripen slowly?")

    asked = await desk.worker.container.request_erasure.corpus(desk.admin, desk.corpus)
    with pytest.raises(NotFound):
        await desk.texts()
    done = await finished(desk, asked)

    receipt = json.loads(done.receipt or "")
    assert await rows_with(desk, "uince") == []
    assert (receipt["removed"]["documents"], receipt["removed"]["versions"], receipt["removed"]["corpora"]) == (3, 3, 1)
    assert (receipt["removed"]["points"], receipt["removed"]["blobs"], receipt["removed"]["answers"]) == (5, 5, 1)
    assert await points(desk) == 1
    assert await other.texts() == {"Dates are sweet."}


async def test_the_name_of_an_erased_corpus_is_free_at_once(desk: Desk) -> None:
    await desk.worker.container.request_erasure.corpus(desk.admin, desk.corpus)

    await desk.worker.container.create_corpus(desk.admin, name=desk.corpus)

    assert await desk.texts() == set()


async def test_a_tombstone_says_nothing_to_other_keys(desk: Desk) -> None:
    answer = await ask(desk, "Where do quinces ripen slowly?")
    await erase(desk, "quince")
    stranger = replace(desk.admin, key_id=KeyId("key_x"), permissions=frozenset({Permission.CHAT}))
    tell = desk.worker.container.tell_erased

    with pytest.raises(NotFound):
        async with tell(stranger, TombstoneKind.ANSWER, answer.id):
            raise NotFound("answer", answer.id)
    with pytest.raises(Gone):
        async with tell(replace(stranger, key_id=desk.admin.key_id), TombstoneKind.ANSWER, answer.id):
            raise NotFound("answer", answer.id)


async def _ask_while(desk: Desk, key: str, *, carry_out: bool) -> None:
    parts = desk.worker.container
    asked = Question(corpus=desk.corpus, messages=(Message(role="user", content="Where do quinces ripen slowly?"),))
    events = parts.ask_question(desk.admin, asked)
    await anext(events)
    request = await parts.request_erasure.document(desk.admin, await document_id(desk, key))
    if carry_out:
        await finished(desk, request)
    async for _ in events:
        pass
